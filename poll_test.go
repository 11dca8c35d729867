package vk_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
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

// fakePoll is a scripted long poll server: it has an answer for each poll and
// for each request for a server.
type fakePoll struct {
	*fakeAPI
	log bytes.Buffer // the bot's log

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

// wait answers a poll without events.
func wait(r *http.Request) {
	seconds, _ := strconv.Atoi(r.URL.Query().Get("wait"))
	select {
	case <-time.After(time.Duration(seconds) * time.Second):
	case <-r.Context().Done():
	}
}

// update returns a message_new event from peer 1, with a text that is equal to
// its id.
func update(id string) string {
	return fmt.Sprintf(`{"type":"message_new","event_id":%q,"group_id":7,"v":"5.199","object":{"message":{"peer_id":1,"from_id":1,"conversation_message_id":1,"text":%q}}}`, id, id)
}

// run runs a Poller on p for d, and returns the texts of the events handled.
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
	synctest.Wait() // let the server see that the last poll is gone
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

// TestPollNotReady: a Poller that is stopped before the position in the history
// is known never calls Ready.
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

// TestPollNoGroup: an answer without the community's ID is treated as a
// failure, and the request is retried with pauses.
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
// which can still reply.
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

// TestPollGroupID: with a user's token, GroupID names the community.
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

// TestPollGap: lost events are reported with the old and the new position; an
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

// TestPollFailedWithStore: each failed code has its own effect on the position
// in the history that a store has kept, and the new position is saved.
func TestPollFailedWithStore(t *testing.T) {
	for _, tt := range []struct {
		name, answer string
		want         []string // of the second run
		next         string   // the first poll of the third run
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

// TestPollStatusWithoutServer: the Status of a Poller that gets no server from
// VK shows the failure.
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

// TestPollStatusAfterStop: a poll that is canceled by a stop does not count as
// a failure.
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

// TestPollWithoutHandler: Run returns an error at once if there is no Handler.
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

// TestPollStatus: Status can be called at any time.
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
