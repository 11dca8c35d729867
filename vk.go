package vk

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/vkrouter/vk/internal/pace"
	"github.com/vkrouter/vk/internal/tolerant"
)

// A Client calls VK's API with one token: a community's or a user's. For a
// second token, use a second Client.
//
// Its fields must not change once it is in use. Its methods are safe for
// concurrent use.
type Client struct {
	// Token is sent in the Authorization header of each call. If it contains
	// white space or a line break, each call returns a [*ConfigError].
	Token Secret

	// HTTPClient makes all requests to VK: API calls, long polls and uploads.
	// If nil, http.DefaultClient is used. Its Timeout does not apply to long
	// polls and uploads.
	HTTPClient *http.Client

	// BaseURL is the address that a method's name is appended to: with a
	// scheme, a host and the whole path, such as
	// "http://127.0.0.1:8080/method/". A missing slash at its end is added. If
	// empty, it is "https://api.vk.ru/method/".
	BaseURL string

	// Version is the API version, sent as v unless a call's Params have their
	// own. If empty, it is "5.199".
	Version string

	// Lang is the language of names and of texts for users ("ru", "en", …),
	// sent as lang unless a call's Params have their own. If empty, VK chooses.
	Lang string

	// Timeout limits one attempt at a call, including reading the response. The
	// default is 30 seconds; if negative, only the context limits the attempt.
	// It does not apply to long polls and uploads.
	Timeout time.Duration

	// MaxAttempts limits the attempts at a call with transient failures. The
	// default is 5; 1 disables retries. See [Client.Call].
	MaxAttempts int

	// MaxResponse limits the size of a response in bytes, uncompressed. The
	// default is 64 MiB.
	MaxResponse int64

	// RPS limits the requests that begin in any second; further calls wait. The
	// default is 20, VK's limit for a community token; a user token is limited
	// to 3. If negative, or more than 100,000, there is no limit. If VK still
	// reports too many requests, because another program uses the token too,
	// the Client slows down for a while. Long polls and uploads do not count.
	//
	// Waiting calls proceed by priority, see [WithPriority], and in order
	// within a priority. Two Clients do not coordinate unless they have the
	// same Limits: use one Client per token.
	RPS int

	// Limits makes all Clients with the same token and the same Limits share
	// RPS, in any number of processes. Together they use nine tenths of RPS,
	// evenly spaced, since requests do not arrive at exactly the pace at which
	// they begin. Calls keep their priorities and order. While the Limits
	// fails, each Client uses its share of RPS, by the last known number of
	// Clients. If nil, the Client does not share RPS.
	Limits Limits

	// Batch packs calls that wait for the limit into one request: VK's execute,
	// which takes 25. A call that need not wait is made alone. So are calls
	// that a retry of the request might duplicate (see [ErrMaybeDone]) and
	// calls with a v or lang of their own. The result of a call is the same
	// either way.
	//
	// With Batch, messages of one priority to one conversation are sent one
	// after another, in the order of the calls, even if goroutines send them
	// concurrently.
	Batch bool

	// WaitOut limits the time for which a call may wait if VK refuses too many
	// calls of its method (CodeFlood, CodeRateLimit). Calls of other methods
	// continue meanwhile. If zero, the error is returned at once.
	WaitOut time.Duration

	// Captcha is called when VK requires proof that the caller is not a robot
	// (CodeCaptcha). It must return the answer to the captcha described by the
	// error, for example by asking a person. The call is then retried with the
	// answer, with the same token and parameters. Captcha is called up to three
	// times per call if the answers are wrong. If it returns an error, the call
	// returns that together with VK's. If several calls need captchas, Captcha
	// is called for one at a time, and the others first check whether its
	// answer has helped them too. If nil, the error is returned at once.
	Captcha func(ctx context.Context, e *Error) (CaptchaAnswer, error)

	// FetchClient makes the requests of [Client.Fetch]. If nil, Fetch connects
	// only to addresses of the public internet, directly and not through a
	// proxy. A client set here must refuse other addresses itself.
	FetchClient *http.Client

	// MaxFetch limits the bytes of one [Client.Fetch]. The default is 64 MiB.
	MaxFetch int64

	// MaxMessage limits the text of one message, in UTF-16 code units, as VK
	// counts. A longer text is sent as several messages. The default is 4096,
	// which all of VK's apps show; VK's documentation says 4096 in one place
	// and 9000 in others. If negative, the text is never split.
	MaxMessage int

	// Observer is called for each call, and for the polls of Pollers that use
	// the Client and the events of Dispatchers whose handlers reply with it. If
	// nil, there is no cost.
	Observer Observer

	// Logger receives a line for each retried attempt. If nil, slog.Default() is
	// used.
	Logger *slog.Logger

	mu     sync.Mutex // guards both
	used   []func(CallFunc) CallFunc
	caller CallFunc // around try; nil until needed

	limiter   pace.Limiter
	throttle  pace.Throttle[string] // by method, with WaitOut
	senders   pace.Order[dialog]    // with Batch
	captchas  captchas
	observing observing
	noExecute atomic.Bool // VK refuses execute for the token

	checked atomic.Pointer[checkedFields]
	kind    atomic.Int32 // of the token, a tokenKind
}

// checkedFields are fields of a Client and the results of checking them.
type checkedFields struct {
	token   Secret
	baseURL string
	auth    string        // the Authorization header
	request *http.Request // to the prefix of methods' addresses, without headers and a body
	err     *ConfigError  // the error in the fields, or nil
}

// check returns the checked fields. It checks them once.
func (c *Client) check() *checkedFields {
	f := c.checked.Load()
	if f == nil || f.token != c.Token || f.baseURL != c.BaseURL {
		f = &checkedFields{token: c.Token, baseURL: c.BaseURL, auth: "Bearer " + c.Token.reveal()}
		var base string
		if base, f.err = joinable(c.BaseURL); f.err == nil {
			f.err = c.checkFields()
		}
		if f.err == nil {
			var err error
			if f.request, err = http.NewRequest(http.MethodPost, base, nil); err != nil {
				f.err = misuse("Client.BaseURL", "is no address", baseExample)
			}
		}
		c.checked.Store(f)
	}
	return f
}

// checkFields returns the error in the token and the limits, or nil.
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
		return misuse("Client.MaxResponse", "is negative, so that every response is too large", "leave it 0, or give a number of bytes")
	}
	return nil
}

const baseExample = `write the whole address, such as "http://127.0.0.1:8080/method/"`

// joinable returns a BaseURL with a slash at its end.
func joinable(baseURL string) (string, *ConfigError) {
	wrong := func(what string) (string, *ConfigError) { return "", misuse("Client.BaseURL", what, baseExample) }
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
	case !validPort(u):
		return wrong("has a port that is not between 1 and 65535")
	case u.User != nil:
		return wrong("has a user name in it, which is not sent")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(baseURL, "#"):
		return wrong("has a query or a fragment, which a method's name cannot be appended to")
	}
	return strings.TrimSuffix(baseURL, "/") + "/", nil
}

// validPort reports whether an address has a port that can be dialed, or none.
func validPort(u *url.URL) bool {
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	return u.Port() == "" || err == nil && n > 0
}

// A CallFunc makes an API call and returns VK's response.
//
// For execute, it may return both a response and, as an error, [ExecuteErrors].
type CallFunc func(ctx context.Context, method string, p Params) (json.RawMessage, error)

// NewClient returns a Client with the token, without the line break at the end
// of a secret's file.
func NewClient(token string) *Client {
	return &Client{Token: NewSecret(strings.TrimRight(token, "\r\n"))}
}

// Use wraps every later call of c in mw: to trace, record, delay or answer it.
// The first wrapper is the outermost. A wrapper is called once per call,
// regardless of retries. It must not change p; it passes on a copy instead.
func (c *Client) Use(mw ...func(next CallFunc) CallFunc) {
	for _, m := range mw {
		if m == nil {
			panic("vk: Client.Use: nil function")
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.used = append(c.used, mw...)
	c.caller = nil
}

// chain returns the function that makes a call: the composed wrappers.
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

// Call calls an API method and decodes its response into out, a pointer; if out
// is nil, the response is dropped. Decoding is tolerant: a value of an
// unexpected type leaves its field zero instead of failing the call. A field
// without a json tag also accepts a key that differs from its name in case and
// underscores: FirstName is set from first_name.
//
// VK's refusal is an [*Error], a parameter that cannot be sent a [*ParamError],
// a response that is not VK's an [*HTTPError], and a wrong field of the Client,
// which prevents every call, a [*ConfigError]. When ctx ends, Call returns its
// cause. Failures within execute are [ExecuteErrors]; out is set nevertheless.
//
// A transient failure (no connection, a truncated response, HTTP 5xx or 429,
// codes 1, 6 and 10) is retried after a growing pause, if VK certainly did not
// do the call or if the call is idempotent. Idempotent are methods that only
// read, methods that set or remove a named object, such as messages.edit, and
// messages.send, because VK drops a second message with the same random_id:
// Call adds one if p has none, and keeps it for all attempts. (A guid does the
// same for wall.post and comments.) If VK may have done the call, the error
// also is [ErrMaybeDone].
//
// If a handler runs again after a restart, with its Context or one derived from
// it, a call that was already made is not repeated: Call returns the recorded
// response. See [Context.Again].
func (c *Client) Call(ctx context.Context, method string, p Params, out any) error {
	if v := reflect.ValueOf(out); out != nil && (v.Kind() != reflect.Pointer || v.IsNil()) {
		return fmt.Errorf("vk: %s: cannot decode the response into a %T: pass a pointer that is not nil; nothing was sent", method, out)
	}
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

// Decode decodes JSON from VK into out, a pointer, as tolerantly as
// [Client.Call]. It is for wrappers of [Client.Use], and for calls into a
// [json.RawMessage]. It returns an error if raw is not JSON.
func Decode(raw json.RawMessage, out any) error { return tolerant.Unmarshal(raw, out) }

// A tokenKind is the kind of a Client's token, as far as that is known.
type tokenKind int32

const (
	tokenUnknown   tokenKind = iota
	tokenCommunity           // a community's token
	tokenOther               // a user's token; or an application's, which cannot send messages
)

// learn records the kind of the token.
func (c *Client) learn(k tokenKind) { c.kind.Store(int32(k)) }

// known returns the kind of the token, without a call.
func (c *Client) known() tokenKind { return tokenKind(c.kind.Load()) }

// askKind returns the kind of the token. Once that is known, it makes no call.
//
// It calls https://dev.vk.com/ru/method/users.get, which returns an empty list
// for a community token.
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

// actsFor returns the community on whose behalf the handler of ctx makes a
// call. It is 0 outside handlers, and for a Client other than the one that the
// handler replies with.
func (c *Client) actsFor(ctx context.Context) int64 {
	if scope, ok := ctx.Value(sendScopeKey{}).(sendScope); ok {
		return scope.actsFor(c)
	}
	return 0
}

// forGroup adds a group_id to the parameters of a call made by a handler.
// Otherwise, with the token of a user who administers the community, the call
// would act for the user. With a community token, group_id is unnecessary and
// harmless while the kind of the token is unknown.
func (c *Client) forGroup(ctx context.Context, p Params) Params {
	if c.known() == tokenCommunity {
		return p
	}
	if group := c.actsFor(ctx); group != 0 && p["group_id"] == nil {
		p["group_id"] = group
	}
	return p
}

// onlyCommunity returns an error if a handler calls a method without group_id
// with a user token: the call would act for the user.
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
