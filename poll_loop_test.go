package vk_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
)

// TestPollFailed: each failed code has its own effect on key and ts.
func TestPollFailed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer string
		want   []string // the polls
	}{
		{"1 goes on from the new ts", `{"failed":1,"ts":150}`, []string{"k0 100", "k0 150", "k0 151"}},
		{"1 with a string", `{"failed":1,"ts":"150"}`, []string{"k0 100", "k0 150", "k0 151"}},
		{"1 without a ts", `{"failed":1}`, []string{"k0 100", "k1 101", "k1 151"}},
		{"2 keeps the ts", `{"failed":2}`, []string{"k0 100", "k1 100", "k1 151"}},
		{"2 as a string", `{"failed":"2"}`, []string{"k0 100", "k1 100", "k1 151"}},
		{"3 takes both anew", `{"failed":3}`, []string{"k0 100", "k1 101", "k1 151"}},
		{"an unknown one", `{"failed":9}`, []string{"k0 100", "k1 100", "k1 151"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPoll(t)
				p.poll = func(n int, w http.ResponseWriter, r *http.Request) {
					switch n {
					case 0:
						io.WriteString(w, tt.answer)
					case 1:
						fmt.Fprintf(w, `{"ts":"151","updates":[%s]}`, update("a"))
					default:
						wait(r)
					}
				}
				texts, err := p.run(t, 10*time.Second)
				if err != nil || !slices.Equal(texts, []string{"a"}) {
					t.Errorf("handled %q, %v", texts, err)
				}
				if diff := cmp.Diff(tt.want, p.polls); diff != "" {
					t.Errorf("polls (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestPollGarbage: a server that answers nonsense as fast as it can is polled
// at most ten times a second, always with the same ts, and the bot goes on when
// the server recovers.
func TestPollGarbage(t *testing.T) {
	page := func(status int, contentType, body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	const j = "application/json"
	for name, garbage := range map[string]func(http.ResponseWriter){
		"502 page":             page(502, "text/html", "<html>Bad Gateway"),
		"404":                  page(404, j, `{}`),
		"page":                 page(200, "text/html", "<html>"),
		"empty":                page(200, j, ""),
		"empty object":         page(200, j, "{}"),
		"not an object":        page(200, j, `[1]`),
		"error":                page(200, j, `{"error":"internal"}`),
		"truncated":            page(200, j, `{"ts":"5","upda`),
		"reset":                func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"no events at once":    page(200, j, `{"ts":"100","updates":[]}`),
		"updates of no object": page(200, j, `{"ts":"100","updates":null}`),
		"null for an event":    page(200, j, `{"ts":"100","updates":[null]}`),
		"null, and goes on": func(w http.ResponseWriter) {
			fmt.Fprintf(w, `{"ts":"%d","updates":[null]}`, time.Now().UnixNano())
		},
		"too many updates": page(200, j, `{"ts":"100","updates":[0`+strings.Repeat(",0", 10_000)+`]}`),
		"failed 1":         page(200, j, `{"failed":1,"ts":"100"}`),
		"failed 2":         page(200, j, `{"failed":2}`),
		"failed word":      page(200, j, `{"failed":"failed"}`),
		"bad ts":           page(200, j, `{"ts":{},"updates":[]}`),
		"deep":             page(200, j, strings.Repeat("[", 100000)),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPoll(t)
				start := time.Now()
				const bad = time.Minute
				p.poll = func(n int, w http.ResponseWriter, r *http.Request) {
					switch {
					case time.Since(start) < bad:
						garbage(w)
					case r.URL.Query().Get("ts") != "101":
						fmt.Fprintf(w, `{"ts":"101","updates":[%s]}`, update("a"))
					default:
						wait(r)
					}
				}
				texts, err := p.run(t, bad+time.Minute)
				if err != nil || !slices.Equal(texts, []string{"a"}) {
					t.Errorf("handled %q, %v", texts, err)
				}
				if len(p.times) < 4 {
					t.Errorf("only %d requests", len(p.times))
				}
				for i := range p.times {
					if i >= 11 && p.times[i].Sub(p.times[i-11]) < time.Second {
						t.Fatalf("requests %d to %d came in %v", i-11, i, p.times[i].Sub(p.times[i-11]))
					}
				}
			})
		})
	}
}

// TestPollPoison: an event that cannot be parsed is logged, and no other event
// is lost.
func TestPollPoison(t *testing.T) {
	for _, poison := range []string{`1`, `"x"`, `null`, `[]`, `{}`, `{"type":5.5e1000}`, `{"object":{}}`, `{"type":""}`} {
		t.Run(poison, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPoll(t)
				p.poll = func(n int, w http.ResponseWriter, r *http.Request) {
					if n > 0 {
						wait(r)
						return
					}
					fmt.Fprintf(w, `{"ts":"101","updates":[%s,%s,%s]}`, update("a"), poison, update("b"))
				}
				texts, err := p.run(t, 10*time.Second)
				if texts = slices.DeleteFunc(texts, func(s string) bool { return s == "" }); err != nil || !slices.Equal(texts, []string{"a", "b"}) {
					t.Errorf("handled %q, %v", texts, err)
				}
				if poison != `{"type":5.5e1000}` && !strings.Contains(p.log.String(), "cannot be read") {
					t.Errorf("nothing is logged of it:\n%s", p.log.String())
				}
			})
		})
	}
}

// TestPollFatal: a permanent error ends Run at once, and names its cause.
func TestPollFatal(t *testing.T) {
	refuse := func(code int, msg string) string {
		return fmt.Sprintf(`{"error":{"error_code":%d,"error_msg":%q}}`, code, msg)
	}
	for _, tt := range []struct {
		name   string
		answer string
		want   error
	}{
		{"bad token", refuse(5, "User authorization failed: invalid access_token (4)."), vk.CodeAuth},
		{"no scope", refuse(15, "Access denied"), vk.CodeAccess},
		{"no right", refuse(15, "Access denied: no access to call this method. It cannot be called with current scopes."), vk.CodeAccess},
		{"token of another kind", refuse(27, "Group authorization failed"), vk.CodeGroupAuth},
		{"long poll is off", refuse(100, "One of the parameters specified was missing or invalid: longpoll for this group is not enabled"), vk.ErrLongPollOff},
		{"bad group", refuse(100, "One of the parameters specified was missing or invalid: group_id is not integer"), vk.CodeParam},
	} {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/late=%v", tt.name, late), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := newPoll(t)
					good := p.server
					p.server = func(n int) string {
						if late && n == 0 {
							return good(n)
						}
						return tt.answer
					}
					p.poll = func(n int, w http.ResponseWriter, r *http.Request) { io.WriteString(w, `{"failed":2}`) }
					start := time.Now()
					_, err := p.run(t, time.Minute)
					if !errors.Is(err, tt.want) || time.Since(start) > time.Second {
						t.Errorf("after %v: %v", time.Since(start), err)
					}
					if tt.name == "no right" && !strings.Contains(err.Error(), "the token lacks the right manage: make a token that has it") {
						t.Error(err)
					}
					if tt.want == vk.ErrLongPollOff && !errors.Is(err, vk.CodeParam) {
						t.Errorf("%v does not hold VK's error", err)
					}
				})
			})
		}
	}
}

// TestPollSurvives: a transient error does not end Run, neither at its start
// nor later.
func TestPollSurvives(t *testing.T) {
	for _, code := range []int{1, 6, 9, 10, 29, 32, 36, 43} {
		t.Run(strconv.Itoa(code), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPoll(t)
				good := p.server
				start := time.Now()
				bad := func() bool { return time.Since(start)%(10*time.Minute) < 5*time.Minute }
				p.server = func(n int) string {
					if bad() {
						return fmt.Sprintf(`{"error":{"error_code":%d,"error_msg":"no"}}`, code)
					}
					return good(n)
				}
				p.poll = func(n int, w http.ResponseWriter, r *http.Request) {
					switch {
					case bad():
						io.WriteString(w, `{"failed":2}`)
					case n > 0 && p.polls[n] == p.polls[n-1]: // once between the failures, once after
						wait(r)
						io.WriteString(w, `{"ts":`+strconv.Quote(r.URL.Query().Get("ts"))+`,"updates":[]}`)
					default:
						fmt.Fprintf(w, `{"ts":%s,"updates":[%s]}`, r.URL.Query().Get("ts"), update(strconv.Itoa(n)))
					}
				}
				texts, err := p.run(t, 17*time.Minute)
				if err != nil || len(texts) != 2 {
					t.Errorf("handled %q, %d requests for a server, %v", texts, p.servers, err)
				}
				if n := len(p.times); n > 500 {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
}

// TestPollTimeout: a client's timeout does not end polls early, and a server
// that sends nothing at all is polled again.
func TestPollTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPoll(t)
		p.client.HTTPClient.Timeout = 10 * time.Second
		p.client.Timeout = 5 * time.Second
		p.poll = func(n int, w http.ResponseWriter, r *http.Request) {
			if n == 0 {
				wait(r)
				fmt.Fprintf(w, `{"ts":"101","updates":[%s]}`, update("a"))
				return
			}
			<-r.Context().Done()
		}
		texts, err := p.run(t, 100*time.Second)
		if err != nil || !slices.Equal(texts, []string{"a"}) {
			t.Errorf("handled %q, %v", texts, err)
		}
		want := []string{"k0 100", "k0 101", "k0 101", "k0 101"}
		if diff := cmp.Diff(want, p.polls); diff != "" {
			t.Errorf("polls (-want +got):\n%s", diff)
		}
		if p.client.HTTPClient.Timeout != 10*time.Second {
			t.Error("the http.Client was changed")
		}
	})
}

// TestPollWait: the Wait is rounded down to seconds and is at most VK's maximum.
func TestPollWait(t *testing.T) {
	for wait, want := range map[time.Duration]string{0: "25", time.Second: "1", 89_999 * time.Millisecond: "89", time.Hour: "90", math.MaxInt64: "90"} {
		t.Run(wait.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPoll(t)
				var asked []string
				p.poll = func(n int, w http.ResponseWriter, r *http.Request) {
					asked = append(asked, r.URL.Query().Get("wait"))
					<-r.Context().Done()
				}
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				poller := &vk.Poller{Client: p.client, Handler: vk.HandlerFunc(nothing), Wait: wait, SkipDiagnosis: true, Logger: slog.New(slog.DiscardHandler)}
				err := poller.Run(ctx)
				synctest.Wait() // for the server
				if err != nil || !slices.Equal(asked, []string{want}) {
					t.Errorf("asked to wait for %q, %v", asked, err)
				}
			})
		})
	}
}

// TestPollUnreachable: a server that accepts no connection is not treated as a
// slow one: another one is requested, though not often.
func TestPollUnreachable(t *testing.T) {
	for name, patience := range map[string]time.Duration{
		"the dialer gives up": 30 * time.Second,
		"the poll gives up":   time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPoll(t)
				p.server = func(n int) string {
					host := "vk.test"
					if n == 0 {
						host = "gone.test"
					}
					return fmt.Sprintf(`{"response":{"key":"k%d","server":"http://%s/lp","ts":"%d"}}`, n, host, 100+n)
				}
				transport := p.client.HTTPClient.Transport.(*http.Transport)
				dial := transport.DialContext
				transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
					if !strings.HasPrefix(address, "gone.") {
						return dial(ctx, network, address)
					}
					ctx, cancel := context.WithTimeout(ctx, patience)
					defer cancel()
					<-ctx.Done()
					return nil, &net.OpError{Op: "dial", Net: network, Err: ctx.Err()}
				}
				p.poll = func(n int, w http.ResponseWriter, r *http.Request) {
					if n == 0 {
						fmt.Fprintf(w, `{"ts":"101","updates":[%s]}`, update("a"))
						return
					}
					wait(r)
					io.WriteString(w, `{"ts":"101","updates":[]}`)
				}
				texts, err := p.run(t, 10*time.Minute)
				if err != nil || !slices.Equal(texts, []string{"a"}) || p.servers != 2 {
					t.Errorf("handled %q, %d requests for a server, %v", texts, p.servers, err)
				}
				if len(p.polls) == 0 || p.polls[0] != "k1 100" {
					t.Errorf("polls %q", p.polls)
				}
			})
		})
	}
}

// TestPollRedirected: a redirect of a poll, such as a proxy's to an HTML page,
// does not disclose the key, neither in the log nor in a Referer.
func TestPollRedirected(t *testing.T) {
	for name, location := range map[string]string{
		"elsewhere": "http://portal.test/", "nowhere": "http://portal.test:no/?from=http://vk.test/lp?", "in circles": "/lp?",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPoll(t)
				followed := 0
				p.poll = func(n int, w http.ResponseWriter, r *http.Request) {
					followed++
					w.Header().Set("Location", location+"key="+r.URL.Query().Get("key"))
					w.WriteHeader(http.StatusFound)
				}
				next := p.answer
				p.answer = func(w http.ResponseWriter, r *http.Request) {
					if from := r.Header.Get("Referer"); from != "" {
						t.Errorf("Referer: %s", from)
					}
					next(w, r)
				}
				if _, err := p.run(t, time.Minute); err != nil || followed == 0 || followed > 200 {
					t.Errorf("%d polls, %v", followed, err)
				}
			})
		})
	}
}

// TestAsSent: an event that a later run handles is byte for byte the one that
// VK sent.
func TestAsSent(t *testing.T) {
	for name, store := range map[string]vk.Store{
		"of this process": new(vk.MemoryStore),
		"shared":          struct{ vk.Store }{new(vk.MemoryStore)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const sent = `{ "v":"5.199", "new": 1e400, "type":"message_n\u0065w","event_id":"a","group_id":7,` +
					"\n\t" + `"object": {"message":{"peer_id":1,"from_id":1,"text":"<\u003c\/\ud83d>` + "\u2028" + `","text2":0.10}}  , "twice":1,"twice":2}`
				p := newPoll(t)
				p.poll = func(n int, w http.ResponseWriter, r *http.Request) {
					if n > 0 {
						wait(r)
						return
					}
					fmt.Fprintf(w, `{"ts":"101","updates":[%s]}`, sent)
				}
				for i := range 2 {
					got := ""
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					err := (&vk.Poller{Client: p.client, Logger: slog.New(slog.DiscardHandler), Dispatcher: &vk.Dispatcher{
						Store: store, DrainTime: time.Second, TimeLimit: -1, Logger: slog.New(slog.DiscardHandler),
						Handler: vk.HandlerFunc(func(c *vk.Context) error {
							got = string(c.Event().Raw)
							<-c.Done()
							return context.Cause(c)
						}),
					}}).Run(ctx)
					cancel()
					synctest.Wait()
					if got != sent || err != nil {
						t.Errorf("run %d got %q, %v", i, got, err)
					}
				}
			})
		})
	}
}

// TestPollingPauses: a Poller does not poll while its Dispatcher has MaxEvents,
// and then goes on. Events with parked handlers do not count.
func TestPollingPauses(t *testing.T) {
	for name, wait := range map[string]func(c *vk.Context, f func() error) error{
		"works": func(c *vk.Context, f func() error) error { return f() },
		"waits": (*vk.Context).Park,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPoll(t)
				p.poll = func(n int, w http.ResponseWriter, r *http.Request) {
					select {
					case <-time.After(time.Second):
					case <-r.Context().Done():
						return
					}
					id := strconv.Itoa(n)
					fmt.Fprintf(w, `{"ts":"%d","updates":[%s]}`, 101+n, strings.Replace(update(id), `"peer_id":1`, `"peer_id":1`+id, 1))
				}
				release := make(chan struct{})
				var handled atomic.Int64
				d := &vk.Dispatcher{MaxEvents: 3, TimeLimit: -1, Handler: vk.HandlerFunc(func(c *vk.Context) error {
					err := wait(c, func() error { <-release; return nil })
					handled.Add(1)
					return err
				})}
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error)
				go func() {
					ended <- (&vk.Poller{Client: p.client, Dispatcher: d, Logger: slog.New(slog.DiscardHandler)}).Run(ctx)
				}()
				time.Sleep(time.Minute + time.Second/2)
				synctest.Wait()
				polls := len(p.polls)
				if paused := polls == 4; paused != (name == "works") || !paused && polls < 50 {
					t.Errorf("%d polls in a minute", polls)
				}
				close(release)
				time.Sleep(10 * time.Second)
				synctest.Wait()
				if got := handled.Load(); got < int64(polls+9) {
					t.Errorf("handled %d afterwards, after %d polls", got, polls)
				}
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
				synctest.Wait()
			})
		})
	}
}

// TestRunSet: Run's functions change its Poller, in order.
func TestRunSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPoll(t)
		p.poll = func(n int, w http.ResponseWriter, r *http.Request) {
			if n > 0 {
				wait(r)
				return
			}
			fmt.Fprintf(w, `{"ts":"101","updates":[%s]}`, update("a"))
		}
		ctx, cancel := context.WithCancel(t.Context())
		var got []string
		h := vk.HandlerFunc(func(c *vk.Context) error { got = append(got, c.Text()); cancel(); return nil })
		err := vk.Run(ctx, "", h,
			func(r *vk.Poller) { r.Client = p.client },
			func(r *vk.Poller) {
				r.Dispatcher = &vk.Dispatcher{Store: new(vk.MemoryStore), Logger: r.Client.Logger}
				r.Ready = func(groupID int64) { got = append(got, fmt.Sprint("ready ", groupID)) }
			})
		if err != nil || !slices.Equal(got, []string{"ready 7", "a"}) {
			t.Errorf("%q, %v", got, err)
		}
		var wrong *vk.ConfigError
		if err := vk.Run(ctx, "t", h, nil); !errors.As(err, &wrong) || err.Error() != "vk: Run: set is a nil function: give Run a function, or none" {
			t.Errorf("nil: %v", err)
		}
		err = vk.Run(ctx, "t", h, func(r *vk.Poller) { r.Dispatcher = &vk.Dispatcher{Handler: h} })
		if !errors.As(err, &wrong) || wrong.Field != "Poller.Handler" {
			t.Errorf("two Handlers: %v", err)
		}
	})
}
