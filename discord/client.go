package discord

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/vkrouter/vk/internal/tolerant"
)

const (
	// DefaultAPIURL is the address of Discord's API.
	DefaultAPIURL = "https://discord.com/api/v10"

	// DefaultCDNURL is the address of Discord's pictures and files.
	DefaultCDNURL = "https://cdn.discordapp.com"

	userAgent = "DiscordBot (https://github.com/vkrouter/vk, " + Version + ")"
)

// A Client calls Discord's API with one token. A second token is a second Client;
// one token needs one Client, which knows its rate limits.
//
// [NewClient] makes one. Its fields must not change once it is in use. Its methods
// are safe for concurrent use.
type Client struct {
	// HTTPClient makes all requests. If nil, it is http.DefaultClient.
	HTTPClient *http.Client

	// APIURL is the address that the paths of calls are appended to. If empty, it is
	// [DefaultAPIURL].
	APIURL string

	// CDNURL is the address that [Client.CDN] makes addresses of pictures below. If
	// empty, it is [DefaultCDNURL].
	CDNURL string

	// Timeout limits one attempt at a call, including the answer. A call with files
	// may take longer, as long as Discord continues reading them: then Timeout
	// limits the time without progress. If zero, it is 30 seconds; if negative,
	// only the context limits the call.
	Timeout time.Duration

	// MaxAttempts limits how often a call is tried that fails in a way that may
	// pass. If zero, it is 5. A call that Discord refused with 429 is tried at least
	// 10 times.
	MaxAttempts int

	// MaxResponse limits the size of an answer in bytes. If zero, it is 64 MiB.
	MaxResponse int64

	// Observer is called after each attempt at a call, for metrics and traces. It
	// must be quick, and must not use the Client. A panic in it has no other effect
	// than a line in the log.
	Observer func(CallInfo)

	// Logger gets a line for each attempt that is repeated. If nil, it is
	// slog.Default().
	Logger *slog.Logger

	token  Secret
	bearer bool // the token is a user's, of OAuth2

	mu     sync.Mutex // guards both
	used   []func(CallFunc) CallFunc
	caller CallFunc // used around try; nil until needed

	limits  limiter
	checked atomic.Pointer[checkedFields]
	failing atomic.Bool // the Observer has panicked

	guilds    memory[Guild] // for the permissions of commands and their arguments
	channels  memory[Channel]
	lists     memory[[]Channel]
	goneRoles memory[struct{}] // that members have, and guilds do not
}

// NewClient returns a Client with the token of a bot, without the line break that
// the file of a secret ends in. The token of a user, from OAuth2, begins with
// "Bearer ".
//
// A token that is empty or contains white space is a [*ConfigError] of each call.
func NewClient(token string) *Client {
	token = strings.TrimRight(token, "\r\n")
	token, bearer := strings.CutPrefix(token, "Bearer ")
	c := &Client{token: NewSecret(strings.TrimPrefix(token, "Bot ")), bearer: bearer}
	c.limits.rate.Rate = globalRate
	return c
}

// A Request is a call as the functions of [Client.Use] see it.
type Request struct {
	Method string
	Path   Path
	Body   any    // nil if there is none
	Reason string // for the audit log
}

// place returns the call as errors name it.
func (r *Request) place() string { return r.Method + " " + r.Path.template }

// A CallFunc makes a call and returns the body of Discord's answer. It returns nil
// if the answer has none.
type CallFunc func(ctx context.Context, r *Request) (json.RawMessage, error)

// A CallOption changes a call: [Reason] is one.
type CallOption func(*Request)

// Reason returns a CallOption that gives the reason of a change, which users
// see in the audit log of the guild. It may have at most 512 characters; ""
// means no reason.
func Reason(text string) CallOption { return func(r *Request) { r.Reason = text } }

// Use wraps every later call of c in mw: to trace, record, delay or answer it. The
// first function is outermost. It sees a call once, however often it is tried, and
// must not change the Request: it passes on a copy.
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

// Call makes a call and decodes the answer into out, a pointer; a nil out drops it.
// The body is sent as JSON; a nil body is none. Decoding is tolerant: a value of
// another type than expected leaves its field zero.
//
// Discord's refusal is an [*Error], and a mistake that keeps the call from being
// sent is a [*ConfigError]. When ctx ends, Call returns its cause.
//
// Call blocks while Discord's rate limits leave no room, and waits when Discord
// answers 429. A call that fails in a way that may pass (no connection, a cut
// answer, HTTP 5xx) is tried again after a pause that grows, if Discord surely has
// not carried it out, or if a repetition does no harm: GET, PUT, PATCH and DELETE,
// and messages, which have a nonce. For other calls the error is also
// [ErrMaybeDone].
func (c *Client) Call(ctx context.Context, method string, p Path, body, out any, opts ...CallOption) error {
	r := &Request{Method: method, Path: p, Body: body}
	for _, opt := range opts {
		if opt != nil {
			opt(r)
		}
	}
	raw, err := c.chain()(ctx, r)
	if err != nil || out == nil || len(raw) == 0 {
		return err
	}
	if err := tolerant.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("discord: %s: %w", r.place(), err)
	}
	return nil
}

// Call is [Client.Call] with the answer as a result.
func Call[T any](ctx context.Context, c *Client, method string, p Path, body any, opts ...CallOption) (T, error) {
	var out T
	err := c.Call(ctx, method, p, body, &out, opts...)
	return out, err
}

// checkedFields are fields of a Client and values computed from them.
type checkedFields struct {
	apiURL string
	base   string       // paths are appended to it
	auth   []string     // the Authorization header
	err    *ConfigError // the mistake in the fields, or nil
}

// fields returns the values computed from the Client's fields. It checks them once.
func (c *Client) fields() *checkedFields {
	f := c.checked.Load()
	if f == nil || f.apiURL != c.APIURL {
		f = &checkedFields{apiURL: c.APIURL}
		if f.base, f.err = joinable("Client.APIURL", cmp.Or(c.APIURL, DefaultAPIURL)); f.err == nil {
			f.err = c.checkToken()
		}
		scheme := "Bot "
		if c.bearer {
			scheme = "Bearer "
		}
		f.auth = []string{scheme + c.token.Reveal()}
		c.checked.Store(f)
	}
	return f
}

// checkToken returns the mistake in the token, or nil.
func (c *Client) checkToken() *ConfigError {
	const mend = "copy the token anew from " + atPortal + ", Bot"
	token := c.token.Reveal()
	if token == "" {
		return &ConfigError{Field: "token", Text: "the client has no token", Mend: mend}
	}
	for i, r := range token {
		switch {
		case r == '\n' || r == '\r':
			return &ConfigError{Field: "token", Text: fmt.Sprintf("the token contains a line break at byte %d", i), Mend: mend}
		case unicode.IsSpace(r):
			return &ConfigError{Field: "token", Text: fmt.Sprintf("the token contains white space at byte %d", i), Mend: mend}
		case r <= ' ' || r > '~':
			return &ConfigError{Field: "token", Text: fmt.Sprintf("the token contains a character at byte %d that no token has", i), Mend: mend}
		}
	}
	return nil
}

// joinable returns an address without a slash at its end.
func joinable(field, address string) (string, *ConfigError) {
	wrong := func(what string) (string, *ConfigError) {
		return "", misuse(field, what, `write the whole address, such as "http://127.0.0.1:8080/api/v10"`)
	}
	u, err := url.Parse(address)
	switch {
	case err != nil && !strings.Contains(address, "://"), err == nil && (u.Scheme == "" || u.Opaque != ""):
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
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(address, "#"):
		return wrong("has a query or a fragment, which a path cannot be appended to")
	}
	return strings.TrimSuffix(address, "/"), nil
}

// validPort reports whether an address has a port that can be dialed, or none.
func validPort(u *url.URL) bool {
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	return u.Port() == "" || err == nil && n > 0
}

func (c *Client) log() *slog.Logger { return cmp.Or(c.Logger, slog.Default()) }

func (c *Client) maxAttempts() int { return cmp.Or(c.MaxAttempts, 5) }
