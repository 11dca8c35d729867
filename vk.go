package vk

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
	"github.com/vkrouter/vk/internal/tolerant"
)

// Run runs a bot: it finds the community that token belongs to, follows its
// events by Bots Long Poll and gives them to h, until ctx ends. It then lets
// the running handlers finish and returns nil. An error that polling cannot
// survive, such as a revoked token, is returned.
//
// Run is short for
//
//	(&vk.Poller{Client: vk.NewClient(token), Handler: h}).Run(ctx)
func Run(ctx context.Context, token string, h Handler) error {
	return (&Poller{Client: NewClient(token), Handler: h}).Run(ctx)
}

// A Client calls VK's API with one token: a community's or a user's. A second
// token is a second Client.
//
// Its fields must not change once it is in use. Its methods are safe for
// concurrent use.
type Client struct {
	// Token is sent in the Authorization header of each call.
	Token Secret

	// HTTPClient makes all requests: API calls and long polls. Nil
	// means http.DefaultClient. Its Timeout does not apply to long polls.
	HTTPClient *http.Client

	// BaseURL is what a method's name is appended to. Empty means
	// "https://api.vk.ru/method/".
	BaseURL string

	// Version is the API version, sent as v unless a call's Params have their
	// own. Empty means "5.199".
	Version string

	// Lang is the language of names and of texts for people ("ru", "en", …),
	// sent as lang unless a call's Params have their own. Empty leaves the
	// choice to VK.
	Lang string

	// Timeout bounds one attempt at a call, answer included. Zero means 30
	// seconds, a negative value no bound beyond the context's. It does not
	// apply to long polls.
	Timeout time.Duration

	// MaxAttempts bounds how often a call is tried when it fails in a way
	// that may pass. Zero means 5; 1 means no second try. See [Client.Call].
	MaxAttempts int

	// MaxResponse bounds the bytes of one answer, uncompressed. Zero means
	// 64 MiB.
	MaxResponse int64

	// Logger gets a line for each attempt that is repeated. Nil means
	// slog.Default().
	Logger *slog.Logger

	mu     sync.Mutex // guards both
	used   []func(CallFunc) CallFunc
	caller CallFunc // used around attempt; nil until needed
}

// A CallFunc makes an API call and returns what VK answered as its response.
type CallFunc func(ctx context.Context, method string, p Params) (json.RawMessage, error)

// NewClient returns &Client{Token: NewSecret(token)}.
func NewClient(token string) *Client { return &Client{Token: NewSecret(token)} }

// Use wraps every later call of c in mw: to trace, record, delay or answer it.
// What was given first is outermost. A wrapper sees a call once, however often
// it is tried, and must not change p: it passes on a copy instead.
func (c *Client) Use(mw ...func(next CallFunc) CallFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.used = append(c.used, mw...)
	c.caller = nil
}

// chain returns the function that makes a call: the wrappers, composed once.
func (c *Client) chain() CallFunc {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.caller == nil {
		f := CallFunc(c.try)
		for i := len(c.used) - 1; i >= 0; i-- {
			f = c.used[i](f)
		}
		c.caller = f
	}
	return c.caller
}

// Call calls an API method and decodes its response into out, a pointer; a nil
// out drops it. Decoding is tolerant: what VK sends in another shape than out
// has leaves the field zero instead of failing the call.
//
// VK's refusal is an [*Error], a parameter that cannot be sent a [*ParamError],
// an answer that is not VK's an [*HTTPError]. When ctx ends, Call returns its
// cause.
//
// A call that failed in a way that may pass (no connection, a cut answer, HTTP
// 5xx or 429, codes 1, 6 and 10) is made again, after a pause that grows, if
// VK surely did not do it or if doing it twice does no harm. The latter holds
// for methods that only read, and for messages.send, because VK drops a second
// message with the same random_id: Call adds one where p has none, and keeps
// it through all attempts.
func (c *Client) Call(ctx context.Context, method string, p Params, out any) error {
	raw, err := c.chain()(ctx, method, withRandomID(ctx, method, p))
	if err != nil {
		return err
	}
	if out == nil {
		return nil
	}
	if err := tolerant.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("vk: %s: %w", method, err)
	}
	return nil
}

// Call is [Client.Call] with the response as a result.
func Call[T any](ctx context.Context, c *Client, method string, p Params) (T, error) {
	var out T
	err := c.Call(ctx, method, p, &out)
	return out, err
}

var (
	methodName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*(\.[A-Za-z][A-Za-z0-9]*)?$`)
	readMethod = regexp.MustCompile(`^[A-Za-z]+\.(get|is|are|search|resolve|check)([A-Z]|$)`)

	callPause = backoff.Backoff{Min: 400 * time.Millisecond, Max: 10 * time.Second}
)

// try makes a call, repeatedly if need be.
func (c *Client) try(ctx context.Context, method string, p Params) (json.RawMessage, error) {
	if !methodName.MatchString(method) {
		return nil, fmt.Errorf("vk: %q is not the name of an API method", method)
	}
	token := c.Token.reveal()
	if token == "" {
		return nil, fmt.Errorf("vk: %s: %w", method, ErrNoToken)
	}
	body, err := p.encode(method, [2]string{"v", cmp.Or(c.Version, "5.199")}, [2]string{"lang", c.Lang})
	if err != nil {
		return nil, err
	}
	harmless := readMethod.MatchString(method) || method == "messages.send"
	for attempt := 1; ; attempt++ {
		raw, err := c.attempt(ctx, method, token, body)
		if err == nil || ctx.Err() != nil || attempt >= cmp.Or(c.MaxAttempts, 5) || !mayRepeat(err, harmless) {
			return raw, err
		}
		pause := callPause.Delay(attempt)
		cmp.Or(c.Logger, slog.Default()).LogAttrs(ctx, slog.LevelInfo, "vk: calling again",
			slog.String("method", method), slog.Int("attempt", attempt), slog.Duration("after", pause), slog.Any("err", err))
		if backoff.Sleep(ctx, pause) != nil {
			return nil, fmt.Errorf("%w; gave up: %w", err, context.Cause(ctx))
		}
	}
}

// attempt makes one request of a call.
func (c *Client) attempt(ctx context.Context, method, token, body string) (json.RawMessage, error) {
	limit := ctx
	if timeout := cmp.Or(c.Timeout, 30*time.Second); timeout > 0 {
		var cancel context.CancelFunc
		limit, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	req, err := http.NewRequestWithContext(limit, http.MethodPost, cmp.Or(c.BaseURL, "https://api.vk.ru/method/")+method, strings.NewReader(body))
	if err != nil {
		return nil, callError(ctx, method, err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	b, err := c.fetch(cmp.Or(c.HTTPClient, http.DefaultClient), req, method)
	if err != nil {
		return nil, callError(ctx, method, err)
	}
	var answer struct {
		Response json.RawMessage `json:"response"`
		Error    *struct {
			Code    Code   `json:"error_code"`
			Subcode int    `json:"error_subcode"`
			Message string `json:"error_msg"`
			Text    string `json:"error_text"`
		} `json:"error"`
	}
	if err := tolerant.Unmarshal(b, &answer); err != nil {
		return nil, callError(ctx, method, err)
	}
	if e := answer.Error; e != nil {
		return nil, &Error{Code: e.Code, Subcode: e.Subcode, Message: e.Message, Text: e.Text, Method: method}
	}
	if answer.Response == nil {
		return nil, callError(ctx, method, errors.New("the answer has neither a response nor an error"))
	}
	return answer.Response, nil
}

// fetch makes one HTTP request and returns its answer's JSON. The body is read
// to its end, or nearly, so that the connection can serve again.
func (c *Client) fetch(hc *http.Client, req *http.Request, method string) ([]byte, error) {
	resp, err := hc.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	contentType := resp.Header.Get("Content-Type")
	if media, _, _ := mime.ParseMediaType(contentType); resp.StatusCode != http.StatusOK || media != "application/json" && media != "text/javascript" {
		io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
		return nil, &HTTPError{Method: method, Status: resp.StatusCode, ContentType: contentType}
	}
	limit := cmp.Or(c.MaxResponse, 64<<20)
	b, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	}
	return b, nil
}
