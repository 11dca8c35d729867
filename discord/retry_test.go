package discord_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/discord"
)

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(code) }
}

// TestRetry: repeatable calls are retried, and no others.
func TestRetry(t *testing.T) {
	call := func(method, template string, args ...any) func(context.Context, *discord.Client) error {
		return func(ctx context.Context, c *discord.Client) error {
			return c.Call(ctx, method, discord.To(template, args...), nil, nil)
		}
	}
	send := func(ctx context.Context, c *discord.Client) error { _, err := c.Send(ctx, 1, "hi"); return err }
	post := call("POST", "/guilds/{}/roles", 1)
	for _, tt := range []struct {
		name     string
		answers  []http.HandlerFunc
		call     func(context.Context, *discord.Client) error
		requests int
		ok       bool
		maybe    bool // the error is ErrMaybeDone
	}{
		{"GET, 502", []http.HandlerFunc{status(502), ok("{}")}, call("GET", "/users/@me"), 2, true, false},
		{"GET, a cut answer", []http.HandlerFunc{ok("{}"), cut, ok("{}")}, func(ctx context.Context, c *discord.Client) error {
			return errors.Join(get(ctx, c, "/users/@me"), get(ctx, c, "/users/@me"))
		}, 3, true, false},
		{"GET, an empty answer", []http.HandlerFunc{status(200), ok("{}")}, call("GET", "/users/@me"), 2, true, false},
		{"GET, empty for ever", []http.HandlerFunc{status(200)}, call("GET", "/users/@me"), 5, false, false},
		{"GET, 204", []http.HandlerFunc{status(204)}, call("GET", "/users/@me"), 1, true, false},
		{"PUT, an empty answer", []http.HandlerFunc{status(200)}, call("PUT", "/guilds/{}/bans/{}", 1, 2), 1, true, false},
		{"PUT, 500", []http.HandlerFunc{status(500), status(204)}, call("PUT", "/guilds/{}/bans/{}", 1, 2), 2, true, false},
		{"PATCH, 503", []http.HandlerFunc{status(503), ok("{}")}, call("PATCH", "/channels/{}", 1), 2, true, false},
		{"DELETE, 504, and then it is gone", []http.HandlerFunc{status(504), status(404)}, call("DELETE", "/channels/{}", 1), 2, true, false},
		{"DELETE of nothing", []http.HandlerFunc{status(404)}, call("DELETE", "/channels/{}", 1), 1, false, false},
		{"POST, 502", []http.HandlerFunc{status(502)}, post, 1, false, true},
		{"POST, a cut answer", []http.HandlerFunc{cut}, post, 1, false, true},
		{"a message, 502", []http.HandlerFunc{status(502), cut, ok(`{"id": "5"}`)}, send, 3, true, false},
		{"typing, 502", []http.HandlerFunc{status(502), status(204)}, call("POST", "/channels/{}/typing", 1), 2, true, false},
		{"a webhook, 502", []http.HandlerFunc{status(502)}, func(ctx context.Context, c *discord.Client) error {
			_, err := c.ExecuteWebhook(ctx, discord.Webhook{ID: 1, Token: discord.NewSecret("t")}, "hi")
			return err
		}, 1, false, true},
		{"a message, a cut answer and a long 429", []http.HandlerFunc{cut, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "600")
			w.WriteHeader(429)
		}}, send, 2, false, true},
		{"400", []http.HandlerFunc{status(400)}, send, 1, false, false},
		{"403", []http.HandlerFunc{status(403)}, call("GET", "/users/@me"), 1, false, false},
		{"502 for ever", []http.HandlerFunc{status(502)}, call("GET", "/users/@me"), 5, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAPI(t, inTurn(tt.answers...))
				err := tt.call(t.Context(), a.client)
				if (err == nil) != tt.ok || errors.Is(err, discord.ErrMaybeDone) != tt.maybe {
					t.Error(err)
				}
				if n := len(a.calls()); n != tt.requests {
					t.Errorf("%d requests, want %d", n, tt.requests)
				}
			})
		})
	}
}

// TestRetryNonce: a message that is tried again has the same nonce, and another message
// another one.
func TestRetryNonce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, inTurn(status(502), cut, ok(`{"id": "5"}`)))
		for range 2 {
			if m, err := a.client.Send(t.Context(), 1, "hi"); err != nil || m.ID != 5 {
				t.Fatal(m, err)
			}
		}
		calls := a.calls()
		if len(calls) != 4 || calls[0].Body != calls[1].Body || calls[1].Body != calls[2].Body || calls[2].Body == calls[3].Body {
			t.Errorf("%v", calls)
		}
		if !strings.Contains(calls[0].Body, `"enforce_nonce":true`) {
			t.Error(calls[0].Body)
		}
	})
}

// TestRetryDial: a request that was certainly not sent is retried, for every
// method.
func TestRetryDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, ok("{}"))
		real := a.client.HTTPClient.Transport
		n := 0
		a.client.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			if n++; n < 3 {
				return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
			}
			return real.RoundTrip(r)
		})}
		if err := a.client.Call(t.Context(), "POST", discord.To("/guilds/{}/roles", 1), map[string]string{}, nil); err != nil || n != 3 {
			t.Error(n, err)
		}
	})
}

// TestTimeout: an attempt at a server that never answers ends, and so does the call.
func TestTimeout(t *testing.T) {
	for _, tt := range []struct {
		name    string
		timeout time.Duration
		want    time.Duration
	}{
		{"default", 0, 30 * time.Second},
		{"own", 2 * time.Second, 2 * time.Second},
		{"the context's", -1, time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAPI(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
				a.client.Timeout, a.client.MaxAttempts = tt.timeout, 1
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				began := time.Now()
				err := get(ctx, a.client, "/users/@me")
				if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != tt.want {
					t.Errorf("took %v: %v", took, err)
				}
			})
		})
	}
}

// TestGiveUp: a context that ends during the pause before the next attempt ends the
// call, with its cause and the error of the last attempt.
func TestGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, status(502))
		cause := errors.New("enough")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, cause)
		defer cancel()
		err := get(ctx, a.client, "/users/@me")
		var refused *discord.Error
		if !errors.Is(err, cause) || !errors.As(err, &refused) || refused.Status != 502 {
			t.Error(err)
		}
	})
}

// TestTooLarge: an answer that is too large is an error before it is in memory, and not
// tried again.
func TestTooLarge(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
	}{
		{"by its length", ok(`"` + strings.Repeat("x", 200) + `"`)},
		{"by its bytes", func(w http.ResponseWriter, r *http.Request) {
			for range 100 {
				w.Write(bytes.Repeat([]byte(" "), 1000))
				w.(http.Flusher).Flush()
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAPI(t, tt.answer)
			a.client.MaxResponse = 100
			if err := get(t.Context(), a.client, "/users/@me"); !errors.Is(err, discord.ErrTooLarge) || len(a.calls()) != 1 {
				t.Error(err, len(a.calls()))
			}
		})
	}
}

// TestChunked: an answer without a length is read to its end, with any limit.
func TestChunked(t *testing.T) {
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"id":`)
		w.(http.Flusher).Flush()
		io.WriteString(w, `"12"}`)
	})
	for _, limit := range []int64{0, 100, math.MaxInt64} {
		a.client.MaxResponse = limit
		if u, err := a.client.Me(t.Context()); err != nil || u.ID != 12 {
			t.Error(limit, u, err)
		}
	}
}

// TestPage: HTML in place of an answer is no success, and passes.
func TestPage(t *testing.T) {
	page := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "\n<html>Log in, please</html>")
	}
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, inTurn(page, page, ok(`{"id":"7"}`)))
		if u, err := a.client.User(t.Context(), 7); err != nil || u.ID != 7 {
			t.Errorf("%v, %v", u.ID, err)
		}
		a = newAPI(t, page)
		var refused *discord.Error
		if err := a.client.Ban(t.Context(), 1, 2); !errors.As(err, &refused) || refused.Status != 200 || !strings.Contains(err.Error(), "from a proxy") {
			t.Errorf("Ban: %v", err)
		}
		if err := a.client.Call(t.Context(), "POST", discord.To("/guilds/{}/roles", discord.ID(1)), nil, nil); !errors.As(err, &refused) || !errors.Is(err, discord.ErrMaybeDone) {
			t.Errorf("POST: %v", err)
		}
		if n := len(a.calls()); n != 6 {
			t.Errorf("%d calls", n)
		}
	})
}

// TestRedirect: a redirect that makes another call of a call is an error.
func TestRedirect(t *testing.T) {
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/") {
			http.Redirect(w, r, "/other"+r.URL.Path, http.StatusMovedPermanently)
			return
		}
		writeJSON(w, 200, `{"id":"7"}`)
	})
	var wrong *discord.ConfigError
	if _, err := a.client.Send(t.Context(), 5, "hi"); !errors.As(err, &wrong) || wrong.Field != "Client.APIURL" {
		t.Errorf("Send: %v", err)
	}
	if u, err := a.client.User(t.Context(), 7); err != nil || u.ID != 7 {
		t.Errorf("User: %v, %v", u.ID, err)
	}
}
