package vk_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
)

// fakePoll is a long poll with a script: what each poll, and each request for a
// server, is answered.
type fakePoll struct {
	*fakeAPI
	log bytes.Buffer // what the bot logs

	mu      sync.Mutex
	polls   []string // "key ts" of each poll
	servers int      // requests for a server
	times   []time.Time

	poll   func(n int, w http.ResponseWriter, r *http.Request) // the nth poll, from 0
	server func(n int) string                                  // the answer to the nth request for a server
}

func newPoll(t *testing.T) *fakePoll {
	p := &fakePoll{
		server: func(n int) string {
			return fmt.Sprintf(`{"response":{"key":"k%d","server":"http://vk.test/lp","ts":"%d"}}`, n, 100+n)
		},
		poll: func(n int, w http.ResponseWriter, r *http.Request) { wait(r) },
	}
	p.fakeAPI = newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.times = append(p.times, time.Now())
		switch r.URL.Path {
		case "/lp":
			n := len(p.polls)
			p.polls = append(p.polls, r.URL.Query().Get("key")+" "+r.URL.Query().Get("ts"))
			p.mu.Unlock()
			p.poll(n, w, r)
			return
		case "/method/groups.getLongPollServer":
			n := p.servers
			p.servers++
			p.mu.Unlock()
			io.WriteString(w, p.server(n))
			return
		case "/method/groups.getById":
			io.WriteString(w, `{"response":{"groups":[{"id":7,"name":"Bot"}],"profiles":[]}}`)
		default:
			io.WriteString(w, `{"response":1}`)
		}
		p.mu.Unlock()
	})
	return p
}

// wait is a poll in whose time nothing happens.
func wait(r *http.Request) {
	seconds, _ := strconv.Atoi(r.URL.Query().Get("wait"))
	select {
	case <-time.After(time.Duration(seconds) * time.Second):
	case <-r.Context().Done():
	}
}

// update is a message_new event from peer 1, with a text for its id.
func update(id string) string {
	return fmt.Sprintf(`{"type":"message_new","event_id":%q,"group_id":7,"v":"5.199","object":{"message":{"peer_id":1,"from_id":1,"conversation_message_id":1,"text":%q}}}`, id, id)
}

// run follows p until d has passed, and returns what was handled.
func (p *fakePoll) run(t *testing.T, d time.Duration) (texts []string, err error) {
	var mu sync.Mutex
	poller := &vk.Poller{
		Client: p.client,
		Handler: vk.HandlerFunc(func(c *vk.Context) error {
			mu.Lock()
			defer mu.Unlock()
			texts = append(texts, c.Text())
			return nil
		}),
		Logger: slog.New(slog.NewTextHandler(&p.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	err = poller.Run(ctx)
	synctest.Wait() // for the server to see that the last poll has gone
	if strings.Contains(p.log.String(), "key=k") || err != nil && strings.Contains(err.Error(), "key=k") {
		t.Errorf("a key shows: %v\n%s", err, p.log.String())
	}
	return texts, err
}

func TestPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPoll(t)
		p.poll = func(n int, w http.ResponseWriter, r *http.Request) {
			q := r.URL.Query()
			if q.Get("act") != "a_check" || q.Get("wait") != "25" || r.Header.Get("Authorization") != "" {
				t.Errorf("poll %s with %v", r.URL, r.Header)
			}
			switch n {
			case 0:
				fmt.Fprintf(w, `{"ts":"101","updates":[%s,%s]}`, update("a"), update("b"))
			case 1:
				fmt.Fprintf(w, `{"ts":102,"updates":[%s]}`, update("c")) // a number
			default:
				wait(r)
				io.WriteString(w, `{"ts":"102","updates":[]}`)
			}
		}
		texts, err := p.run(t, 61*time.Second)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]string{"a", "b", "c"}, texts); diff != "" {
			t.Errorf("handled (-want +got):\n%s", diff)
		}
		want := []string{"k0 100", "k0 101", "k0 102", "k0 102", "k0 102"}
		if diff := cmp.Diff(want, p.polls); diff != "" {
			t.Errorf("polls (-want +got):\n%s", diff)
		}
	})
}

// TestPollFailed: what each failed code makes of key and ts.
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

// TestPollGarbage: whatever the server answers, as fast as it can, it is asked
// ten times a second at most, the same ts is asked for, and the bot goes on
// when it is well again.
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

// TestPollPoison: an event that cannot be read is logged, and loses no other.
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

// TestPollFatal: what cannot pass ends Run at once, with an error that tells.
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
					if tt.want == vk.ErrLongPollOff && !errors.Is(err, vk.CodeParam) {
						t.Errorf("%v does not hold VK's error", err)
					}
				})
			})
		}
	}
}

// TestPollSurvives: what may pass does not end Run, at its start or later.
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
					case n > 0 && p.polls[n] == p.polls[n-1]: // once between the troubles, once after
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

// TestPollTimeout: a client's time-out does not cut polls short, and a server
// that says nothing at all is asked again.
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

// TestPollUnreachable: a server that lets nobody in is no slow one: another is
// asked for, though not often.
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

// TestPollRedirected: whoever sends a poll elsewhere, such as a proxy with a page
// for people, does not spread the key: not by the log, and not by a Referer.
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

func TestPollReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPoll(t)
		p.poll = func(n int, w http.ResponseWriter, r *http.Request) {
			if n < 3 {
				io.WriteString(w, `{"failed":3}`)
				return
			}
			wait(r)
		}
		var ready []int64
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := (&vk.Poller{
			Client:  p.client,
			Handler: new(vk.Router),
			Ready: func(id int64) {
				ready = append(ready, id)
				if p.servers != 1 || len(p.polls) != 0 {
					t.Errorf("ready after %d servers and %d polls", p.servers, len(p.polls))
				}
			},
			Logger: slog.New(slog.DiscardHandler),
		}).Run(ctx)
		if err != nil || !slices.Equal(ready, []int64{7}) || p.servers < 4 {
			t.Errorf("ready %v, %d servers, %v", ready, p.servers, err)
		}
	})
}

// TestPollNotReady: who is stopped before the place in the history is known was
// never ready.
func TestPollNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPoll(t)
		p.server = func(int) string { return `{"error":{"error_code":10,"error_msg":"no"}}` }
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := (&vk.Poller{
			Client: p.client, Handler: new(vk.Router), Logger: slog.New(slog.DiscardHandler),
			Ready: func(id int64) { t.Errorf("ready: %d", id) },
		}).Run(ctx)
		if err != nil || len(p.polls) != 0 {
			t.Errorf("%d polls, %v", len(p.polls), err)
		}
		synctest.Wait()
	})
}

// TestPollNoGroup: an answer without the community's id makes no sense, and is
// asked for again, at leisure.
func TestPollNoGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPoll(t)
		next, asked := p.answer, 0
		start := time.Now()
		p.answer = func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/method/groups.getById" {
				asked++
				if time.Since(start) < time.Minute {
					io.WriteString(w, `{"response":{"groups":[{"name":"Bot"}]}}`)
					return
				}
			}
			next(w, r)
		}
		if _, err := p.run(t, 2*time.Minute); err != nil || asked > 20 || len(p.polls) == 0 {
			t.Errorf("asked %d times, %d polls, %v", asked, len(p.polls), err)
		}
	})
}

// TestPollEnds: Run returns nil at the end of its context, after the handlers,
// which can still answer.
func TestPollEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPoll(t)
		p.poll = func(n int, w http.ResponseWriter, r *http.Request) {
			if n > 0 {
				wait(r)
				return
			}
			fmt.Fprintf(w, `{"ts":"101","updates":[%s,%s]}`, update("a"), update("b"))
		}
		type key struct{}
		var done []string
		var poller vk.Poller
		poller.Client = p.client
		poller.Handler = vk.HandlerFunc(func(c *vk.Context) error {
			time.Sleep(3 * time.Second)
			if c.Value(key{}) != "value" {
				t.Error("the values of Run's context are gone")
			}
			if err := c.Client().Call(c, "messages.markAsRead", nil, nil); err != nil {
				t.Errorf("%s cannot answer: %v", c.Text(), err)
			}
			done = append(done, c.Text())
			return nil
		})
		ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), key{}, "value"), time.Second)
		defer cancel()
		start := time.Now()
		err := poller.Run(ctx)
		if err != nil || time.Since(start) != 6*time.Second || !slices.Equal(done, []string{"a", "b"}) {
			t.Errorf("after %v: done %q, %v", time.Since(start), done, err)
		}
	})
}

// TestPollGroupID: with a user's token, the community is named.
func TestPollGroupID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPoll(t)
		answer := p.answer
		p.answer = func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/method/groups.getById" {
				t.Error("groups.getById is not for this token")
			}
			if r.URL.Path == "/method/groups.getLongPollServer" && r.Form.Get("group_id") != "9" {
				t.Errorf("form %v", r.Form)
			}
			answer(w, r)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		ready := int64(0)
		err := (&vk.Poller{Client: p.client, Handler: new(vk.Router), GroupID: 9, Ready: func(id int64) { ready = id }}).Run(ctx)
		synctest.Wait()
		if err != nil || ready != 9 {
			t.Errorf("ready %d, %v", ready, err)
		}
	})
}

func TestPollerMistakes(t *testing.T) {
	c, h := vk.NewClient("x"), new(vk.Router)
	for name, p := range map[string]*vk.Poller{
		"no client":    {Handler: h},
		"no handler":   {Client: c},
		"two handlers": {Client: c, Handler: h, Dispatcher: &vk.Dispatcher{Client: c, Handler: h}},
	} {
		if err := p.Run(t.Context()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		p := newPoll(t)
		p.answer = respond(`{"response":{"groups":[]}}`)
		if _, err := p.run(t, time.Minute); err == nil || !strings.Contains(err.Error(), "GroupID") {
			t.Errorf("a user's token: %v", err)
		}
	})
}

// TestPollGap: that events are lost is told, with from where to where; an
// expired key loses none.
func TestPollGap(t *testing.T) {
	for _, tt := range []struct {
		name, answer string
		want         []string
	}{
		{"1", `{"failed":1,"ts":150}`, []string{"100 to 150"}},
		{"2", `{"failed":2}`, nil},
		{"3", `{"failed":3}`, []string{"100 to 101"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPoll(t)
				p.poll = func(n int, w http.ResponseWriter, r *http.Request) {
					if n == 0 {
						io.WriteString(w, tt.answer)
						return
					}
					wait(r)
				}
				var gaps []string
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				err := (&vk.Poller{
					Client: p.client, Handler: new(vk.Router), Logger: slog.New(slog.DiscardHandler),
					OnGap: func(from, to string) { gaps = append(gaps, from+" to "+to) },
				}).Run(ctx)
				synctest.Wait()
				if err != nil || !slices.Equal(gaps, tt.want) {
					t.Errorf("gaps %q, %v", gaps, err)
				}
			})
		})
	}
}

// TestPollFailedWithStore: what each failed code makes of the place in the
// history that a store has kept, and that the new one is kept.
func TestPollFailedWithStore(t *testing.T) {
	for _, tt := range []struct {
		name, answer string
		want         []string // the polls of the second run
		next         string   // the first poll of the third
		gaps         []string
	}{
		{"none", `{"ts":"101","updates":[]}`, []string{"k1 101", "k1 101"}, "k2 101", nil},
		{"1", `{"failed":1,"ts":150}`, []string{"k1 101", "k1 150"}, "k2 150", []string{"101 to 150"}},
		{"2", `{"failed":2}`, []string{"k1 101", "k2 101"}, "k3 101", nil},
		{"3", `{"failed":3}`, []string{"k1 101", "k2 102"}, "k3 102", []string{"101 to 102"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPoll(t)
				var gaps []string
				store := new(vk.MemoryStore)
				run := func() {
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
					defer cancel()
					if err := (&vk.Poller{
						Client: p.client, Dispatcher: &vk.Dispatcher{Handler: new(vk.Router), Store: store}, Logger: slog.New(slog.DiscardHandler),
						OnGap: func(from, to string) { gaps = append(gaps, from+" to "+to) },
					}).Run(ctx); err != nil {
						t.Error(err)
					}
					synctest.Wait()
				}
				p.poll = func(n int, w http.ResponseWriter, r *http.Request) {
					switch n {
					case 0:
						fmt.Fprintf(w, `{"ts":"101","updates":[%s]}`, update("a"))
					case 2:
						io.WriteString(w, tt.answer)
					default:
						wait(r)
					}
				}
				run()
				run()
				run()
				want := append([]string{"k0 100", "k0 101"}, tt.want...)
				want = append(want, tt.next)
				if diff := cmp.Diff(want, p.polls); diff != "" {
					t.Errorf("polls (-want +got):\n%s", diff)
				}
				if !slices.Equal(gaps, tt.gaps) {
					t.Errorf("gaps %q", gaps)
				}
			})
		})
	}
}

// TestPollStatusWithoutServer: a Poller that VK tells no server fares badly.
func TestPollStatusWithoutServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPoll(t)
		p.server = func(int) string { return `{"error":{"error_code":10,"error_msg":"Internal server error"}}` }
		poller := &vk.Poller{Client: p.client, Handler: new(vk.Router), SkipDiagnosis: true, Logger: slog.New(slog.DiscardHandler)}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		if err := poller.Run(ctx); err != nil {
			t.Error(err)
		}
		if s := poller.Status(); s.Failures < 2 || !errors.Is(s.Err, vk.CodeServer) || s.GroupID != 7 || !s.LastPoll.IsZero() {
			t.Errorf("%+v", s)
		}
	})
}

// TestPollStatusAfterStop: that a stop cuts a poll off is no failure.
func TestPollStatusAfterStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPoll(t)
		p.poll = func(n int, w http.ResponseWriter, r *http.Request) { wait(r) }
		poller := &vk.Poller{Client: p.client, Handler: new(vk.Router), SkipDiagnosis: true, Logger: slog.New(slog.DiscardHandler)}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := poller.Run(ctx); err != nil {
			t.Error(err)
		}
		if s := poller.Status(); s.Failures != 0 || s.Err != nil {
			t.Errorf("%+v", s)
		}
		synctest.Wait()
	})
}

// TestPollWithoutHandler: a Poller with nothing to give events to says so at
// once.
func TestPollWithoutHandler(t *testing.T) {
	for name, p := range map[string]*vk.Poller{
		"none":          {Client: vk.NewClient("t")},
		"in Dispatcher": {Client: vk.NewClient("t"), Dispatcher: new(vk.Dispatcher)},
	} {
		if err := p.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "no Handler") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPollStatus: how a Poller fares can be read at any time.
func TestPollStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPoll(t)
		p.poll = func(n int, w http.ResponseWriter, r *http.Request) {
			switch {
			case n == 0:
				fmt.Fprintf(w, `{"ts":"101","updates":[%s]}`, update("a"))
			case n == 1:
				wait(r)
				io.WriteString(w, `{"ts":"101","updates":[]}`)
			default:
				w.WriteHeader(502)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		poller := &vk.Poller{Client: p.client, Handler: new(vk.Router), Logger: slog.New(slog.DiscardHandler)}
		ended := make(chan error)
		start := time.Now()
		go func() { ended <- poller.Run(ctx) }()
		read := func(at time.Duration) vk.PollerStatus {
			time.Sleep(at - time.Since(start))
			synctest.Wait()
			return poller.Status()
		}
		if diff := cmp.Diff(vk.PollerStatus{GroupID: 7, TS: "101", LastPoll: start, LastEvent: start}, read(time.Second)); diff != "" {
			t.Errorf("after an event (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(vk.PollerStatus{GroupID: 7, TS: "101", LastPoll: start.Add(25 * time.Second), LastEvent: start}, read(25*time.Second)); diff != "" && poller.Status().Failures == 0 {
			t.Errorf("after an empty poll (-want +got):\n%s", diff)
		}
		s := read(time.Minute)
		if s.Failures < 2 || s.Err == nil || !s.LastPoll.Equal(start.Add(25*time.Second)) {
			t.Errorf("after failures: %+v", s)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		synctest.Wait()
	})
}
