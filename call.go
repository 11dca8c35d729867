package vk

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/vkrouter/vk/internal/pace"
	"github.com/vkrouter/vk/internal/tolerant"
)

// A call is one API call, from its first attempt to its last. Only the
// goroutine that makes it changes it.
type call struct {
	client *Client
	ctx    context.Context
	method string
	effect effect

	params []pair // sorted by name
	common []pair // v and lang, unless they are among params
	extra  []pair // the answer to a captcha
	plain  bool   // v and lang are the Client's
	few    [12]pair
	first  sending // the memory of the first request

	tries    int           // attempts with transient failures
	begun    bool          // the current attempt has started a request
	maybe    bool          // some attempt may have been carried out
	patience pace.Patience // with a method that is throttled
	captcha  captchaInCall // see call_limit.go
	seen     *observedCall // nil if there is no Observer

	alone         bool         // not for a bundle
	failedBundles int          // bundles with the call that failed
	bundle        *bundle      // the call's current bundle
	code          []byte       // its part of the bundle's code
	outcome       chan outcome // from the bundle; nil if the call is not in one
}

// try makes a call, with retries.
func (c *Client) try(ctx context.Context, method string, p Params) (json.RawMessage, error) {
	x, err := c.newCall(ctx, method, p)
	if err != nil {
		return nil, err
	}
	if c.Batch {
		if dialogs := x.dialogs(); len(dialogs) > 0 {
			pass, err := c.senders.Enter(ctx, dialogs...)
			if err != nil {
				return nil, callError(ctx, method, err)
			}
			defer pass.Leave()
		}
	}
	defer x.endCaptcha()
	raw, err := x.run()
	if err != nil && x.maybe && raw == nil && x.effect != effectNone {
		err = &maybeDoneError{err, x.effect == effectDoubles && ctx.Err() == nil && maySucceed(err)}
	}
	return raw, err
}

func (c *Client) newCall(ctx context.Context, method string, p Params) (*call, error) {
	if !isMethod(method) {
		return nil, fmt.Errorf("vk: %q is not the name of an API method", method)
	}
	if c.Token.reveal() == "" {
		return nil, &ConfigError{Place: method, Field: "Client.Token", Text: "the client has no token", Mend: "make one under " + atTokens, is: ErrNoToken}
	}
	if wrong := c.check().err; wrong != nil {
		return nil, wrong.at(method)
	}
	x := &call{client: c, ctx: ctx, method: method}
	var err error
	if x.params, err = p.text(x.few[:0:len(x.few)-2], method); err != nil {
		return nil, err
	}
	x.plain = true
	x.common = x.few[len(x.few)-2:][:0]
	for _, d := range [...]pair{{"v", c.version()}, {"lang", c.Lang}} {
		if own, ok := lookUp(x.params, d.name); ok {
			x.plain = x.plain && own == d.value
		} else if d.value != "" {
			x.common = append(x.common, d)
		}
	}
	x.effect = effectOf(method, x.params)
	return x, nil
}

func (c *Client) version() string { return cmp.Or(c.Version, "5.199") }

func (c *Client) maxAttempts() int { return cmp.Or(c.MaxAttempts, 5) }

// isMethod reports whether s looks like users.get or execute.
func isMethod(s string) bool {
	section, name, dot := strings.Cut(s, ".")
	return isWord(section) && (!dot || isWord(name))
}

func isWord(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if (c < 'a' || c > 'z') && (i == 0 || s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return s != ""
}

// attempt makes one attempt, once it is the call's turn.
func (x *call) attempt() (json.RawMessage, error) {
	x.begun = false
	if x.ctx.Err() != nil {
		return nil, callError(x.ctx, x.method, nil)
	}
	if x.client.WaitOut > 0 {
		return x.attemptThrottled()
	}
	return x.takeTurn()
}

// takeTurn waits for the call's turn and makes the call, alone or in a bundle.
func (x *call) takeTurn() (json.RawMessage, error) {
	c := x.client
	if x.takeSeat() {
		return x.awaitBundle()
	}
	if c.limiter.Try() {
		return x.request()
	}
	w := &pace.Waiter{Priority: x.level(), Load: x}
	bundleable := x.bundleable()
	if x.outcome = nil; bundleable {
		x.prepareForBundle()
	}
	taken, err := c.limiter.Wait(x.ctx, w)
	switch {
	case err != nil:
		return nil, callError(x.ctx, x.method, err)
	case taken:
		return x.awaitBundle()
	case bundleable && c.gather(w, x):
		return x.awaitBundle()
	}
	return x.request()
}

// request makes a request for the call alone.
func (x *call) request() (json.RawMessage, error) {
	x.goes()
	began := time.Now()
	s := &x.first
	if s.form.Size() > 0 {
		s = new(sending) // net/http may still refer to the first
	}
	a, err := x.client.post(x.ctx, x.method, formOf(x.params, x.common, x.extra), s)
	if err != nil {
		return nil, callError(x.ctx, x.method, err)
	}
	if a.Error != nil {
		return nil, x.refused(a.Error, began)
	}
	if len(a.ExecuteErrors) > 0 {
		return a.Response, executeErrors(a.ExecuteErrors)
	}
	return a.Response, nil
}

// refused returns the error for VK's refusal of a request that began at the
// given time.
func (x *call) refused(r *refusal, began time.Time) *Error {
	if r.Code == CodeTooManyRequests {
		x.client.limiter.Refused(began)
	}
	x.captcha.stlid = r.RemixSTLID
	return r.error(x.method)
}

// A reply is VK's response to a request.
type reply struct {
	Response      json.RawMessage `json:"response"`
	Error         *refusal        `json:"error"`
	ExecuteErrors []refusal       `json:"execute_errors"`
}

// A refusal is an error as VK sends it.
type refusal struct {
	Method  string `json:"method"` // in execute_errors
	Code    Code   `json:"error_code"`
	Subcode int    `json:"error_subcode"`
	Message string `json:"error_msg"`
	Text    string `json:"error_text"`
	Params  []struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	} `json:"request_params"`
	CaptchaSID       string `json:"captcha_sid"`
	CaptchaImg       string `json:"captcha_img"`
	RedirectURI      string `json:"redirect_uri"`
	RemixSTLID       string `json:"remixstlid"`
	ConfirmationText string `json:"confirmation_text"`
}

// error returns the refusal of a call of method as an error.
func (r *refusal) error(method string) *Error {
	e := &Error{
		Code: r.Code, Subcode: r.Subcode, Message: r.Message, Text: r.Text, Method: method,
		CaptchaSID: r.CaptchaSID, CaptchaImg: r.CaptchaImg, RedirectURI: r.RedirectURI, ConfirmationText: r.ConfirmationText,
	}
	if len(r.Params) > 0 {
		e.Params = make(map[string]string, len(r.Params))
		for _, p := range r.Params {
			e.Params[p.Key] = shown(p.Key, p.Value)
		}
	}
	return e
}

// A body is the memory of a response while it is read.
type body struct {
	bytes.Buffer
	limited io.LimitedReader
}

// A response is the memory of a response while it is read and decoded.
type response struct {
	body
	reply reply
}

var responses = sync.Pool{New: func() any { return new(response) }}

// maxBuffer is the size above which a buffer is not reused.
const maxBuffer = 64 << 10

// A sending is the memory of a request that net/http may refer to even after
// the response has arrived.
type sending struct {
	url    url.URL
	header [2]string
	form   bytes.Reader
}

// request returns the request of a call. A client that parses the address and
// joins the header for each call makes three allocations more.
func (s *sending) request(ctx context.Context, f *checkedFields, method string, form []byte) *http.Request {
	s.url = *f.request.URL
	s.url.Path += method
	if s.url.RawPath != "" {
		s.url.RawPath += method
	}
	s.header = [2]string{f.auth, "application/x-www-form-urlencoded"}
	s.form.Reset(form)
	req := f.request.WithContext(ctx)
	req.URL = &s.url
	req.Header = http.Header{"Authorization": s.header[:1:1], "Content-Type": s.header[1:]}
	req.Body, req.ContentLength = io.NopCloser(&s.form), int64(len(form))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(form)), nil }
	return req
}

// post makes one request of the API, with s as its memory. The reply has a response or an error.
func (c *Client) post(ctx context.Context, method string, form []byte, s *sending) (a reply, err error) {
	if timeout := cmp.Or(c.Timeout, 30*time.Second); timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	fields := c.check()
	if fields.err != nil {
		return a, fields.err
	}
	req := s.request(ctx, fields, method, form)
	b := responses.Get().(*response)
	b.Reset()
	if err = c.readJSON(&b.body, cmp.Or(c.HTTPClient, http.DefaultClient), req, method); err == nil {
		err = tolerant.Unmarshal(b.Bytes(), &b.reply)
	}
	a, b.reply = b.reply, reply{}
	if b.Cap() <= maxBuffer {
		responses.Put(b)
	}
	if err == nil && a.Error == nil && a.Response == nil {
		err = errors.New("the JSON has neither a response nor an error")
	}
	return a, err
}

// readJSON makes one HTTP request and reads the JSON of its response into b. It
// reads the body to its end, or nearly, so that the connection can be reused.
func (c *Client) readJSON(b *body, hc *http.Client, req *http.Request, method string) error {
	resp, err := hc.Do(req)
	if err != nil {
		return unsendable(hc, req, err)
	}
	defer resp.Body.Close()
	contentType := resp.Header.Get("Content-Type")
	if resp.StatusCode != http.StatusOK || !isJSON(contentType) {
		io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
		from := cmp.Or(resp.Request, req).URL // another one after a redirect
		return &HTTPError{Method: method, Status: resp.StatusCode, ContentType: contentType, Host: from.Host, Path: from.EscapedPath()}
	}
	limit := min(cmp.Or(c.MaxResponse, 64<<20), math.MaxInt64-1)
	b.limited = io.LimitedReader{R: resp.Body, N: limit + 1}
	defer func() { b.limited.R = nil }()
	if n, err := b.ReadFrom(&b.limited); err != nil {
		return err
	} else if n > limit {
		return fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	}
	return nil
}

// isJSON reports whether a content type is one that VK uses for JSON.
func isJSON(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.TrimSpace(media)
	return strings.EqualFold(media, "application/json") || strings.EqualFold(media, "text/javascript")
}
