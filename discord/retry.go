package discord

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
	"github.com/vkrouter/vk/internal/errtext"
)

// callPause is the pause before a call that failed is made again.
var callPause = backoff.Backoff{Min: 400 * time.Millisecond, Max: 10 * time.Second}

// maxTries429 is how often a call is tried that Discord refuses with 429, however few
// attempts other failures have.
const maxTries429 = 10

// maxNonceAge is how long Discord surely recognizes the nonce of a message.
const maxNonceAge = 2 * time.Minute

// An attemptState is a call from its first attempt to its last.
type attemptState struct {
	c     *Client
	r     *Request
	route string
	body  *payload
	same  bool // making it twice has the effect of making it once
	maybe bool // some attempt may have been carried out
	tries int  // attempts that failed otherwise than with 429
	stops int  // attempts that failed with 429
}

// try makes a call, repeatedly if need be.
func (c *Client) try(ctx context.Context, r *Request) (json.RawMessage, error) {
	switch {
	case r.Path.err != nil:
		return nil, callError(ctx, r, r.Path.err)
	case r.Path.template == "":
		return nil, misuse("Path", "is empty", "make it with To").at(r.Method)
	}
	if f := c.fields(); f.err != nil {
		return nil, f.err.at(r.place())
	}
	if err := tooLong("Reason", r.Reason, maxReason); err != nil {
		return nil, callError(ctx, r, err)
	}
	body, err := encodeBody(r.Body)
	if err != nil {
		return nil, callError(ctx, r, err)
	}
	x := &attemptState{c: c, r: r, route: r.Method + " " + r.Path.template, body: body, same: repeatable(r)}
	for {
		raw, again, err := x.attempt(ctx)
		if err == nil {
			return raw, nil
		}
		if again <= 0 {
			return x.result(err)
		}
		if backoff.Sleep(ctx, again) != nil {
			return nil, fmt.Errorf("%w; gave up: %w", err, context.Cause(ctx))
		}
	}
}

// result returns the result of a call after its last attempt failed.
func (x *attemptState) result(err error) (json.RawMessage, error) {
	if x.maybe && x.r.Method == http.MethodDelete && errors.Is(err, ErrNotFound) {
		return nil, nil // an attempt before did it, and its answer was lost
	}
	if x.maybe && x.r.Path.template == callbackTemplate && errors.Is(err, CodeAlreadyAcknowledged) {
		return nil, nil // likewise
	}
	if x.maybe && !x.same {
		return nil, &maybeDoneError{err}
	}
	return nil, err
}

// repeatable reports whether making a call twice has the effect of making it once.
func repeatable(r *Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch, http.MethodDelete:
		return true
	}
	if o, ok := r.Body.(*outgoing); ok {
		return o.nonce
	}
	switch r.Path.template {
	case "/channels/{}/typing", "/channels/{}/messages/bulk-delete", "/users/@me/channels", callbackTemplate:
		return true
	}
	return false
}

// attempt makes a call once, when its turn has come. If the attempt failed, it returns
// the pause before the next one, or zero if that is of no use.
func (x *attemptState) attempt(ctx context.Context) (raw json.RawMessage, again time.Duration, err error) {
	c := x.c
	came := time.Now()
	t, err := c.limits.take(ctx, x.route, x.r.Path)
	if err != nil {
		return nil, 0, callError(ctx, x.r, err)
	}
	began := time.Now()
	a := c.send(ctx, x.r, x.body)
	v := verdict{}
	if a.status != 0 && !a.page() {
		v = judge(a.status, a.header, a.body)
	}
	if x.route == callbackRoute && v.exact >= 0 {
		v.wait = v.exact // half a second more may be too late
	}
	wait := c.limits.done(t, v)
	raw, again, err = x.judge(ctx, a, v, wait)
	if again > 0 {
		c.log().LogAttrs(ctx, slog.LevelInfo, "discord: retrying call",
			slog.String("call", x.r.place()), slog.Duration("after", again), slog.Any("err", err))
	}
	if c.Observer != nil {
		c.observe(CallInfo{Context: ctx, Method: x.r.Method, Route: x.r.Path.template, Attempt: x.tries + x.stops,
			Status: a.status, Wait: began.Sub(came), Took: time.Since(began), Err: err, Again: again})
	}
	return raw, again, err
}

// judge returns the result of an attempt.
func (x *attemptState) judge(ctx context.Context, a answer, v verdict, wait time.Duration) (raw json.RawMessage, again time.Duration, err error) {
	c := x.c
	if a.status == http.StatusTooManyRequests {
		x.stops++
		err = refusal(x.r, a.status, a.header, a.body)
		if x.stops >= max(maxTries429, c.maxAttempts()) {
			return nil, 0, err
		}
		return x.again(max(wait, time.Millisecond), err)
	}
	x.tries++
	switch {
	case a.err != nil:
		err = callError(ctx, x.r, a.err)
		if !a.unsent {
			x.maybe = true
		}
		if ctx.Err() != nil || a.fatal {
			return nil, 0, err
		}
	case a.status < 300 && !a.page() && !a.cut(x.r.Method):
		return a.body, 0, nil
	default:
		refused := refusal(x.r, a.status, a.header, a.body)
		if a.cut(x.r.Method) {
			refused.Message = "the answer is empty, as from a proxy or a gateway"
		}
		if a.status == http.StatusUnauthorized && !x.r.Path.hasToken() && !a.html() {
			c.limits.kill(&deadError{refused})
		}
		if a.status >= 300 && a.status < 500 {
			return nil, 0, refused
		}
		x.maybe = true
		err = refused
	}
	if x.tries >= c.maxAttempts() || x.maybe && !x.same {
		return nil, 0, err
	}
	return x.again(callPause.Delay(x.tries), err)
}

// again returns the pause before the next attempt, or none if the body cannot be sent
// again.
func (x *attemptState) again(pause time.Duration, err error) (json.RawMessage, time.Duration, error) {
	if x.body.spent {
		return nil, 0, fmt.Errorf("%w; not retried: %w", err, errSpent)
	}
	if x.maybe && x.r.Method == http.MethodPost && pause > maxNonceAge {
		x.same = false // Discord would no longer recognize the nonce
		return nil, 0, err
	}
	return nil, pause, err
}

// errSpent says that a file cannot be read a second time.
var errSpent = errors.New("a file was read before and cannot be rewound: give it as File, Bytes or FileFunc")

// A deadError is the error of calls after Discord has refused the token.
type deadError struct{ first *Error }

func (e *deadError) Error() string {
	return errDead.Error() + ": " + errtext.Without("discord: ", e.first)
}

func (e *deadError) Unwrap() error { return e.first }

// A maybeDoneError is a call's error that is also ErrMaybeDone.
type maybeDoneError struct{ err error }

func (e *maybeDoneError) Error() string { return e.err.Error() + "; " + ErrMaybeDone.Error() }

func (e *maybeDoneError) Unwrap() []error { return []error{e.err, ErrMaybeDone} }

// An answer is the result of one request.
type answer struct {
	status int // zero if none came
	header http.Header
	body   []byte
	err    error
	unsent bool // Discord surely has not got the request
	fatal  bool // trying again does not help
}

// html reports whether a page came in place of Discord's JSON, as from a proxy.
func (a answer) html() bool { return len(a.body) > 0 && a.body[0] != '{' }

// page reports whether the answer is an HTML page with a success status, as
// from a proxy that requires a login.
func (a answer) page() bool {
	return a.status >= 200 && a.status < 300 && bytes.HasPrefix(bytes.TrimLeft(a.body, " \t\r\n"), []byte("<"))
}

// cut reports whether the answer to a question for something has nothing in it.
func (a answer) cut(method string) bool {
	return a.status == http.StatusOK && method == http.MethodGet && len(a.body) == 0
}

// send makes one request.
func (c *Client) send(ctx context.Context, r *Request, body *payload) (a answer) {
	timeout := cmp.Or(c.Timeout, 30*time.Second)
	var stalled func(error) // ends an upload without progress
	if body.hasFiles() {
		own, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		ctx, stalled = own, cancel
	} else if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	f := c.fields()
	content, err := body.open(ctx)
	if err != nil {
		return answer{err: err, unsent: true, fatal: true}
	}
	defer content.close()
	req, err := http.NewRequestWithContext(ctx, r.Method, r.Path.URL(f.base), content.reader(ctx, timeout, stalled))
	if err != nil {
		return answer{err: err, unsent: true, fatal: true}
	}
	h := req.Header
	h["User-Agent"] = userAgentHeader
	if !r.Path.hasToken() {
		h["Authorization"] = f.auth
	}
	if r.Reason != "" {
		h.Set("X-Audit-Log-Reason", escapeReason(r.Reason))
	}
	content.describe(req)
	hc := cmp.Or(c.HTTPClient, http.DefaultClient)
	resp, err := hc.Do(req)
	if err != nil {
		if own := content.err(); own != nil {
			return answer{err: own, unsent: true, fatal: true} // a body that is cut is of no use to Discord
		}
		if body.hasFiles() && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return answer{err: err, unsent: notSent(err)}
	}
	defer resp.Body.Close()
	if last := resp.Request; last != nil && last.Method != req.Method {
		// A redirect has made a GET of it, which does something else.
		wrong := misuse("Client.APIURL", "leads to a server that redirects calls", "write the address that it redirects to")
		return answer{err: wrong, unsent: true, fatal: true}
	}
	a = answer{status: resp.StatusCode, header: resp.Header}
	if a.body, err = readBody(resp, cmp.Or(c.MaxResponse, 64<<20)); err != nil {
		return answer{err: err, fatal: errors.Is(err, ErrTooLarge)}
	}
	return a
}

var userAgentHeader = []string{userAgent}

// escapeReason returns a reason as a header can hold it: percent-encoded.
func escapeReason(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}

// notSent reports whether a request surely has not reached Discord.
func notSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// readBody reads the body of an answer.
func readBody(resp *http.Response, limit int64) ([]byte, error) {
	if n := resp.ContentLength; n >= 0 {
		if n > limit {
			return nil, fmt.Errorf("%w: %d bytes", ErrTooLarge, n)
		}
		if n == 0 {
			return nil, nil
		}
		b := make([]byte, n)
		_, err := io.ReadFull(resp.Body, b)
		return b, err
	}
	var b bytes.Buffer
	limit = min(limit, math.MaxInt64-1)
	n, err := b.ReadFrom(io.LimitReader(resp.Body, limit+1))
	if err == nil && n > limit {
		err = fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	}
	return b.Bytes(), err
}
