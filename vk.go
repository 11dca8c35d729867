package vk

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/vkrouter/vk/internal/pace"
	"github.com/vkrouter/vk/internal/tolerant"
)

// A Client calls VK's API with one token: a community's or a user's. A second
// token is a second Client.
//
// Its fields must not change once it is in use. Its methods are safe for
// concurrent use.
type Client struct {
	// Token is sent in the Authorization header of each call. One that contains
	// white space or a line break is a [*ConfigError] of each call.
	Token Secret

	// HTTPClient makes all requests to VK: API calls, long polls and uploads.
	// Nil means http.DefaultClient. Its Timeout does not apply to long polls
	// and uploads.
	HTTPClient *http.Client

	// BaseURL is the address that a method's name is appended to: with a scheme,
	// a host and the whole path, such as "http://127.0.0.1:8080/method/". A
	// slash is added at its end if there is none. Empty means
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
	// within one. Two Clients know nothing of each other, unless they have the same
	// Limits: one token wants one Client.
	RPS int

	// Limits makes all Clients with the same token and the same Limits share RPS, in
	// whichever process they are: nine tenths of it, since what begins at one pace does not
	// arrive at quite the same. Calls keep their priorities and order. While the Limits fails,
	// each Client takes its part of RPS, by the number of Clients that was last known. Nil
	// means that the Client is alone.
	Limits Limits

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

	checked atomic.Pointer[checkedFields]
	kind    atomic.Int32 // of the token, a tokenKind
}

// checkedFields are fields of a Client and what follows from them.
type checkedFields struct {
	token   Secret
	baseURL string
	base    string       // what methods' names are appended to
	err     *ConfigError // what is wrong with the fields, or nil
}

// base returns the address that methods' names are appended to, or what is wrong
// with the fields. It looks at them once.
func (c *Client) base() (string, *ConfigError) {
	f := c.checked.Load()
	if f == nil || f.token != c.Token || f.baseURL != c.BaseURL {
		f = &checkedFields{token: c.Token, baseURL: c.BaseURL}
		if f.base, f.err = joinable(c.BaseURL); f.err == nil {
			f.err = c.checkFields()
		}
		c.checked.Store(f)
	}
	return f.base, f.err
}

// checkFields returns what is wrong with the token and the limits, or nil.
func (c *Client) checkFields() *ConfigError {
	const mend = "trim the token, as NewClient does with line breaks at its end, or copy it anew"
	if flaw := c.Token.flaw(false); flaw != "" {
		return misuse("Client.Token", flaw, mend)
	}
	for _, r := range c.Token.reveal() {
		if r > unicode.MaxASCII {
			return misuse("Client.Token", "contains a character that no token has", mend)
		}
	}
	if c.MaxResponse < 0 {
		return misuse("Client.MaxResponse", "is negative, so that every answer is too large", "leave it 0, or give a number of bytes")
	}
	return nil
}

// joinable returns a BaseURL with a slash at its end.
func joinable(baseURL string) (string, *ConfigError) {
	const example = `write the whole address, such as "http://127.0.0.1:8080/method/"`
	wrong := func(what string) (string, *ConfigError) { return "", misuse("Client.BaseURL", what, example) }
	if baseURL == "" {
		return "https://api.vk.ru/method/", nil
	}
	u, err := url.Parse(baseURL)
	switch {
	case err != nil && !strings.Contains(baseURL, "://"), err == nil && (u.Scheme == "" || u.Opaque != ""):
		return wrong("has no scheme")
	case err != nil:
		return wrong("is no address")
	case u.Scheme != "http" && u.Scheme != "https":
		return wrong("has a scheme that is neither http nor https")
	case u.Hostname() == "":
		return wrong("names no host")
	case u.User != nil:
		return wrong("has a user name in it, which is not sent")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(baseURL, "#"):
		return wrong("has a query or a fragment, which a method's name cannot be appended to")
	}
	return strings.TrimSuffix(baseURL, "/") + "/", nil
}

// A CallFunc makes an API call and returns what VK answered as its response.
//
// Of execute, both can be: a response, and as an error [ExecuteErrors].
type CallFunc func(ctx context.Context, method string, p Params) (json.RawMessage, error)

// NewClient returns a Client with the token, without the line break that the file
// of a secret ends in.
func NewClient(token string) *Client {
	return &Client{Token: NewSecret(strings.TrimRight(token, "\r\n"))}
}

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
			if c.Limits != nil && c.limiter.Rate > 0 {
				c.limiter.Ask = newSharedRate(c).ask
			}
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
// has leaves the field zero instead of failing the call. A field without a json
// tag also takes a key that differs from its name in case and underscores:
// FirstName is filled from first_name.
//
// VK's refusal is an [*Error], a parameter that cannot be sent a [*ParamError],
// an answer that is not VK's an [*HTTPError], and a wrong field of the Client,
// which keeps any call from being sent, a [*ConfigError]. When ctx ends, Call returns its
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
//
// In a handler that is run again after a restart, with its Context or one made of
// it, a call that was made before is not made again: Call returns what VK answered
// then. See [Context.Again].
func (c *Client) Call(ctx context.Context, method string, p Params, out any) error {
	raw, err := c.call(ctx, method, p)
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

// Decode decodes JSON that VK has sent into out, a pointer, as tolerantly as
// [Client.Call]: for wrappers of [Client.Use], and for calls into a
// [json.RawMessage]. It returns an error if raw is not JSON.
func Decode(raw json.RawMessage, out any) error { return tolerant.Unmarshal(raw, out) }

// A tokenKind says whose the token of a Client is, as far as that is known.
type tokenKind int32

const (
	tokenUnknown   tokenKind = iota
	tokenCommunity           // a community's
	tokenOther               // a user's; or an application's, with which there are no messages
)

// learn remembers whose the token is.
func (c *Client) learn(k tokenKind) { c.kind.Store(int32(k)) }

// known returns whose the token is, without a call.
func (c *Client) known() tokenKind { return tokenKind(c.kind.Load()) }

// askKind returns whose the token is. Once that is known, it makes no call.
//
// It calls https://dev.vk.com/ru/method/users.get, which answers a community
// with nobody.
func (c *Client) askKind(ctx context.Context) (tokenKind, error) {
	if k := c.known(); k != tokenUnknown {
		return k, nil
	}
	users, err := Call[[]json.RawMessage](ctx, c, "users.get", nil)
	switch {
	case err != nil:
		return tokenUnknown, err
	case len(users) > 0:
		c.learn(tokenOther)
	default:
		c.learn(tokenCommunity)
	}
	return c.known(), nil
}

// actsFor returns the community whose bot a call in the handler of ctx is made
// for. It is 0 outside of handlers, and for a Client other than the one that the
// handler answers with.
func (c *Client) actsFor(ctx context.Context) int64 {
	if scope, ok := ctx.Value(sendScopeKey{}).(sendScope); ok {
		return scope.actsFor(c)
	}
	return 0
}

// forGroup adds a group_id to the parameters of a call that a handler makes: with
// the token of a user who administers the community, VK takes the call for the
// user's own otherwise. With a community's token it is not needed, and does no
// harm while the kind of the token is not known.
func (c *Client) forGroup(ctx context.Context, p Params) Params {
	if c.known() == tokenCommunity {
		return p
	}
	if group := c.actsFor(ctx); group != 0 && p["group_id"] == nil {
		p["group_id"] = group
	}
	return p
}

// onlyCommunity returns an error if a handler makes a call of a method that has
// no group_id with a user's token: it would be the user's own.
func (c *Client) onlyCommunity(ctx context.Context, method string) error {
	if c.known() == tokenCommunity || c.actsFor(ctx) == 0 {
		return nil
	}
	k, err := c.askKind(ctx)
	if err != nil || k == tokenCommunity {
		return err
	}
	return &ConfigError{
		Place: method, Field: "Client.Token",
		Text: "the token is a user's, and VK takes this for the community with its own token only",
		Mend: "use a community's token, made under " + atTokens,
	}
}
