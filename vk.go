package vk

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/pace"
	"github.com/vkrouter/vk/internal/tolerant"
)

// A Client calls VK's API with one token: a community's or a user's. A second
// token is a second Client.
//
// Its fields must not change once it is in use. Its methods are safe for
// concurrent use.
type Client struct {
	// Token is sent in the Authorization header of each call.
	Token Secret

	// HTTPClient makes all requests to VK: API calls, long polls and uploads.
	// Nil means http.DefaultClient. Its Timeout does not apply to long polls
	// and uploads.
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
	// apply to long polls and uploads.
	Timeout time.Duration

	// MaxAttempts bounds how often a call is tried when it fails in a way
	// that may pass. Zero means 5; 1 means no second try. See [Client.Call].
	MaxAttempts int

	// MaxResponse bounds the bytes of one answer, uncompressed. Zero means
	// 64 MiB.
	MaxResponse int64

	// RPS is how many requests may begin in any second; a call that comes when
	// there is no room waits for it. Zero means 20, what VK allows a community's
	// token; a user's token is allowed 3. A negative number means no limit. When
	// VK finds it too much all the same, because another program uses the token
	// too, the Client goes slower for a while. Long polls and uploads do not
	// count.
	//
	// Those who wait go by priority, see [WithPriority], and in their order
	// within one. Two Clients know nothing of each other: one token wants one
	// Client.
	RPS int

	// Batch packs calls that wait for the limit into one request: VK's execute,
	// which takes 25. A call that need not wait goes alone, as do those that VK
	// might do twice if the request had to be repeated (see [ErrMaybeDone]) and
	// those with a v or lang of their own. What a call returns does not depend
	// on how it went.
	//
	// With Batch, messages for one conversation of one priority go in the order
	// in which they were sent, one after the other, also if goroutines send
	// them at the same time.
	Batch bool

	// WaitOut is how long a call may wait for VK to take it when it has had too
	// much of its method (CodeFlood, CodeRateLimit). Calls of other methods go
	// on meanwhile. Zero means not to wait: the error is returned at once.
	WaitOut time.Duration

	// Captcha is asked when VK wants proof that the caller is no robot
	// (CodeCaptcha): it has somebody solve what the error shows. The call is
	// then made again with the answer, with the same token and parameters. It is
	// asked up to three times in one call if the answers were wrong. If it
	// returns an error, the call returns that together with VK's. Of several
	// calls that meet captchas, one asks at a time, and the others look first
	// whether its answer has helped them too. Nil returns the error at once.
	Captcha func(ctx context.Context, e *Error) (CaptchaAnswer, error)

	// FetchClient makes the requests of [Client.Fetch]. Nil means one that
	// reaches addresses of the public internet only, directly and not through
	// a proxy. One set here has to refuse others itself.
	FetchClient *http.Client

	// MaxFetch bounds the bytes of one [Client.Fetch]. Zero means 64 MiB.
	MaxFetch int64

	// MaxMessage bounds the text of one message, in UTF-16 code units, as VK
	// counts. A longer text is sent as several messages. Zero means 4096, which
	// all of VK's apps show; VK's documentation says 4096 in one place and 9000
	// in others. A negative value means no bound of ours.
	MaxMessage int

	// Observer is told of each call, and of what Pollers and Dispatchers do that
	// work with the Client: of their polls, and of the events whose handlers
	// answer with it. Nil tells nobody, and costs nothing.
	Observer Observer

	// Logger gets a line for each attempt that is repeated. Nil means
	// slog.Default().
	Logger *slog.Logger

	mu     sync.Mutex // guards both
	used   []func(CallFunc) CallFunc
	caller CallFunc // used around try; nil until needed

	limiter   pace.Limiter
	throttle  pace.Throttle[string] // of methods, with WaitOut
	senders   pace.Order[dialog]    // with Batch
	captchas  captchas
	observing observing
	noExecute atomic.Bool // VK refuses execute to the token
}

// A CallFunc makes an API call and returns what VK answered as its response.
//
// Of execute, both can be: a response, and as an error [ExecuteErrors].
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
		if c.limiter.Rate == 0 {
			c.limiter.Rate = cmp.Or(c.RPS, 20)
		}
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
// cause. What failed in execute is [ExecuteErrors]; out is filled nevertheless.
//
// A call that failed in a way that may pass (no connection, a cut answer, HTTP
// 5xx or 429, codes 1, 6 and 10) is made again, after a pause that grows, if
// VK surely did not do it or if doing it twice does no harm. The latter holds
// for methods that only read, for those that set or remove what they name, such
// as messages.edit, and for messages.send, because VK drops a second message
// with the same random_id: Call adds one where p has none, and keeps it through
// all attempts. (A guid does the same for wall.post and comments.) An error
// after which VK may have done the call is also [ErrMaybeDone].
func (c *Client) Call(ctx context.Context, method string, p Params, out any) error {
	raw, err := c.chain()(ctx, method, withRandomID(ctx, method, p))
	if out == nil || raw == nil {
		return err
	}
	if bad := tolerant.Unmarshal(raw, out); bad != nil && err == nil {
		return fmt.Errorf("vk: %s: %w", method, bad)
	}
	return err
}

// Call is [Client.Call] with the response as a result.
func Call[T any](ctx context.Context, c *Client, method string, p Params) (T, error) {
	var out T
	err := c.Call(ctx, method, p, &out)
	return out, err
}
