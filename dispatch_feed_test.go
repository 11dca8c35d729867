package vk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A replayer is a Dispatcher with a source that keeps its unfinished events.
type replayer struct {
	d    *Dispatcher
	feed *feed

	mu      sync.Mutex
	settled map[string]bool // by the text of the event
	sent    []string        // messages with new random ids
	seen    map[string]bool // random ids
}

func newReplayer(t *testing.T, h Handler, before *replayer) *replayer {
	p := &replayer{settled: make(map[string]bool), seen: make(map[string]bool)}
	if before != nil {
		p.seen = before.seen
	}
	client := NewClient("x")
	client.RPS = -1
	client.HTTPClient = &http.Client{Transport: answering(func(r *http.Request) string {
		b, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(b))
		p.mu.Lock()
		defer p.mu.Unlock()
		if id := form.Get("random_id"); id != "" && !p.seen[id] {
			p.seen[id] = true
			p.sent = append(p.sent, form.Get("message"))
		}
		return fmt.Sprintf(`{"response":[{"peer_id":%s,"message_id":1,"conversation_message_id":1}]}`, cmpOr(form.Get("peer_ids"), "1"))
	})}
	p.d = &Dispatcher{Client: client, Handler: h, Logger: slog.New(slog.DiscardHandler), DrainTime: 5 * time.Second, Grace: time.Second}
	p.d.init()
	p.feed = p.d.feed()
	p.feed.settled = func(e *Event, done bool) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if _, ok := p.settled[e.head.text]; ok {
			t.Errorf("%q is settled twice", e.head.text)
		}
		p.settled[e.head.text] = done
	}
	return p
}

func cmpOr(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

type answering func(*http.Request) string

func (f answering) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	return &http.Response{
		StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		Body: io.NopCloser(strings.NewReader(f(r))),
	}, nil
}

// take dispatches events, each a text of peer 1 or "peer:text", and waits until
// nothing happens any more.
func (p *replayer) take(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		peer := 1
		if head, tail, ok := strings.Cut(text, ":"); ok {
			fmt.Sscan(head, &peer)
			text = tail
		}
		e, err := ParseEvent(fmt.Appendf(nil, `{"type":"message_new","event_id":%q,"object":{"message":{"peer_id":%d,"from_id":%[2]d,"text":%[1]q}}}`, text, peer))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.d.putOnce(t.Context(), &job{d: p.d, feed: p.feed, ctx: context.WithoutCancel(t.Context()), client: p.d.Client, ev: e}); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Wait()
}

func (p *replayer) expect(t *testing.T, settled map[string]bool, sent ...string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if diff := cmp.Diff(settled, p.settled); diff != "" {
		t.Errorf("settled (-want +got):\n%s", diff)
	}
	if !slices.Equal(sent, p.sent) {
		t.Errorf("sent %q, want %q", p.sent, sent)
	}
}

// order asks two questions.
func order(r *Router) {
	r.Handle("order", func(c *Context) error {
		what, err := c.Ask("What?")
		if err != nil {
			return err
		}
		if err := what.Send("Noted."); err != nil {
			return err
		}
		n, err := c.Ask("How many?")
		if err != nil {
			return err
		}
		return c.Send(n.Text() + " " + what.Text())
	})
	r.Handle("ping", func(c *Context) error { return c.Send("pong") })
}

// TestReplay: a handler that a stop has cut off is not done, nor are the
// answers that it got. When it is handled again, it sends nothing twice.
func TestReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r Router
		order(&r)
		p := newReplayer(t, &r, nil)
		p.take(t, "order")
		p.take(t, "2:ping")
		p.take(t, "tea")
		p.expect(t, map[string]bool{"ping": true}, "What?", "pong", "Noted.", "How many?")
		p.d.Stop(t.Context())
		p.expect(t, map[string]bool{"order": false, "tea": false, "ping": true}, "What?", "pong", "Noted.", "How many?")

		p = newReplayer(t, &r, p)
		p.take(t, "order", "tea", "2", "ping")
		p.expect(t, map[string]bool{"order": true, "tea": true, "2": true, "ping": true}, "2 tea", "pong")
		p.d.Stop(t.Context())
	})
}

// TestSwallowedStop: a handler that ignores ErrStopped counts as cut off too.
func TestSwallowedStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r Router
		r.Handle("ask", func(c *Context) error { c.Ask("?"); return nil })
		p := newReplayer(t, &r, nil)
		p.take(t, "ask")
		p.d.Stop(t.Context())
		p.expect(t, map[string]bool{"ask": false}, "?")
	})
}

// TestCutLane: events behind one that is handled again are handled again too,
// and not before it.
func TestCutLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r Router
		r.Handle("slow", func(c *Context) error { time.Sleep(time.Second); _, err := c.Ask("?"); return err })
		r.Handle("stuck", func(c *Context) error { <-c.Done(); return context.Cause(c) })
		r.Handle("fails", func(c *Context) error { return errors.New("no luck") })
		order(&r)
		p := newReplayer(t, &r, nil)
		p.take(t, "slow", "Anna", "ping", "2:fails", "3:stuck", "3:pong")
		go func() {
			time.Sleep(time.Second / 2)
			p.d.Stop(t.Context())
		}()
		time.Sleep(time.Minute)
		synctest.Wait()
		p.expect(t, map[string]bool{"slow": false, "Anna": false, "ping": false, "fails": true, "stuck": false, "pong": false})
	})
}

// TestSettled: without a stop, all events are settled.
func TestSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r Router
		order(&r)
		r.Handle("watch", func(c *Context) error {
			w := NewWatch(c, EventMessageNew, nil, Within(time.Minute))
			defer w.Stop()
			_, _, err := w.Next()
			c.Park(func() error { time.Sleep(time.Minute); return nil })
			return err
		})
		r.Handle("panic", func(c *Context) error { panic("boom") })
		p := newReplayer(t, &r, nil)
		p.take(t, "order", "tea", "ping", "2:panic", "3:watch", "3:taken", "3:kept")
		p.expect(t, map[string]bool{"order": true, "tea": true, "ping": true, "panic": true}, "What?", "Noted.", "How many?", "pong")
		time.Sleep(2 * time.Minute)
		p.take(t)
		p.mu.Lock()
		if len(p.settled) != 7 || !p.settled["watch"] || !p.settled["taken"] || !p.settled["kept"] {
			t.Errorf("settled: %v", p.settled)
		}
		p.mu.Unlock()
		p.d.Stop(t.Context())
	})
}

// TestOfferedOnce: an event that a handler passes to two Routers is offered to
// the waits once. If one consumes it, it is consumed for the other Router too.
func TestOfferedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first, second Router
		asked, routed := 0, 0
		first.Handle("watch", func(c *Context) error {
			w := NewWatch(c, EventMessageNew, func(_ *Context, e *MessageNew) bool {
				asked++
				return e.Message.Text == "mine"
			})
			defer w.Stop()
			_, _, err := w.Next()
			return err
		})
		second.Handle("mine", func(*Context) error { routed++; return nil })
		second.Handle("other", func(*Context) error { routed++; return nil })
		p := newReplayer(t, HandlerFunc(func(c *Context) error {
			return errors.Join(first.Serve(c), second.Serve(c))
		}), nil)
		for _, step := range []struct {
			text          string
			asked, routed int
		}{{"watch", 0, 0}, {"other", 1, 1}, {"mine", 2, 1}, {"other again", 2, 1}} {
			p.take(t, step.text)
			if asked != step.asked || routed != step.routed {
				t.Errorf("after %q: asked %d times, routed %d, want %d and %d", step.text, asked, routed, step.asked, step.routed)
			}
		}
		p.d.Stop(t.Context())
	})
}

// TestUnmountEndsWaits: the end of a module ends the waits of its handlers, and
// nothing else.
func TestUnmountEndsWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r Router
		errs := make(map[string]error)
		var mu sync.Mutex
		note := func(what string, err error) error {
			mu.Lock()
			defer mu.Unlock()
			errs[what] = err
			return nil
		}
		m, err := r.Mount("questions", func(r *Router) error {
			r.Handle("ask", func(c *Context) error {
				_, err := c.Ask("?")
				note("ask", err)
				return note("said", c.Send("Bye."))
			})
			r.Handle("watch", func(c *Context) error {
				_, _, err := Wait(c, Kind[json.RawMessage]("x"), nil)
				return note("watch", err)
			})
			r.Handle("park", func(c *Context) error {
				return note("park", c.Park(func() error { <-c.Done(); return context.Cause(c) }))
			})
			r.Handle("fail", func(c *Context) error {
				return c.Park(func() error { <-c.Done(); return context.Cause(c) })
			})
			r.Handle("late", func(c *Context) error {
				time.Sleep(time.Minute / 2)
				_, err := c.Ask("late?")
				return note("late", err)
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		r.Handle("other", func(c *Context) error {
			_, err := c.Ask("other?")
			return note("other", err)
		})
		p := newReplayer(t, &r, nil)
		p.take(t, "1:ask", "2:watch", "3:park", "4:late", "5:other", "6:fail")
		life := &m.now.life
		if err := m.Unmount(); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		mu.Lock()
		for what, want := range map[string]error{
			"ask": ErrUnmounted, "said": nil, "watch": ErrUnmounted, "park": ErrUnmounted, "late": ErrUnmounted,
		} {
			if err, ok := errs[what]; !ok || !errors.Is(err, want) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if err, ok := errs["other"]; ok {
			t.Errorf("other: %v", err)
		}
		mu.Unlock()
		p.mu.Lock()
		for _, what := range []string{"ask", "park", "fail"} {
			if !p.settled[what] {
				t.Errorf("%s is not done, as if by a stop", what)
			}
		}
		p.mu.Unlock()
		if n := life.Len(); n != 0 {
			t.Errorf("%d ends are left", n)
		}
		p.d.Stop(t.Context())
		if ws := &p.d.waits; len(ws.by) != 0 || len(ws.stays) != 0 || ws.routed.Load() != 0 || ws.bare.Load() != 0 {
			t.Errorf("left: %+v", ws.by)
		}
		if n := len(p.d.room); n != 0 {
			t.Errorf("%d places taken", n)
		}
	})
}

// TestAnswerIDs: a message sent with an answer's Context has another random id
// than one sent with the handler's own Context, or by another handler.
func TestAnswerIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r Router
		r.Handle("ask {n}", func(c *Context) error {
			for range 2 {
				a, err := c.Ask("?")
				if err != nil {
					return err
				}
				if err := errors.Join(a.Send("same"), c.Send("same"), a.Send("same")); err != nil {
					return err
				}
			}
			return nil
		})
		p := newReplayer(t, &r, nil)
		p.take(t, "ask 1", "a", "b", "ask 2", "c", "d")
		p.mu.Lock()
		defer p.mu.Unlock()
		if n := len(p.sent); n != 16 { // 4 questions, 12 sends
			t.Errorf("%d of 16 messages: %q", n, p.sent)
		}
	})
}

// TestAnswerScope: an answer's Context belongs to the handler that asked, and
// to no other. A message sent with it has another random id than one sent with
// the Context of middleware around the Router, which sees the answer as well. A
// question asked with it belongs to the handler's route and module.
func TestAnswerScope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r Router
		var second error
		m, err := r.Mount("m", func(r *Router) error {
			r.Handle("ask", func(c *Context) error {
				a, err := c.Ask("?")
				if err != nil {
					return err
				}
				if err := a.Send("same"); err != nil {
					return err
				}
				_, second = a.Ask("and?")
				return second
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		r.Handle("ping", func(c *Context) error { return c.Send("pong") })
		p := newReplayer(t, HandlerFunc(func(c *Context) error {
			if c.Text() == "a" {
				if err := c.Send("same"); err != nil {
					return err
				}
			}
			return r.Serve(c)
		}), nil)
		p.take(t, "ask", "a", "ping") // the command interrupts
		p.expect(t, map[string]bool{"ask": true, "a": true, "ping": true}, "?", "same", "same", "and?", "pong")
		if !errors.Is(second, ErrInterrupted) {
			t.Errorf("the second question ended with %v", second)
		}
		p.d.Stop(t.Context())

		p = newReplayer(t, &r, nil)
		p.take(t, "ask", "a")
		if err := m.Unmount(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if !errors.Is(second, ErrUnmounted) {
			t.Errorf("unmounted, the second question ended with %v", second)
		}
		p.d.Stop(t.Context())
	})
}

// TestAnswerToAnother: when an event is handled again, it may be the answer to
// another handler's question than before, and that handler replies differently.
func TestAnswerToAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r Router
		r.Handle("host {name}", func(c *Context) error {
			a, _, err := Wait(c, EventMessageNew, nil, From(Key{Peer: 3}))
			if err != nil {
				return err
			}
			if err := a.Send(c.Arg("name") + " says hello"); err != nil {
				return err
			}
			_, err = a.Ask("?")
			return err
		})
		p := newReplayer(t, &r, nil)
		for _, text := range []string{"1:host Anna", "2:host Boris", "3:hi"} {
			p.take(t, text)
		}
		p.d.Stop(t.Context())
		p.expect(t, map[string]bool{"host Anna": false, "host Boris": false, "hi": false}, "Anna says hello", "?")

		p = newReplayer(t, &r, p)
		for _, text := range []string{"2:host Boris", "1:host Anna", "3:hi"} {
			p.take(t, text)
		}
		p.d.Stop(t.Context())
		p.expect(t, map[string]bool{"host Anna": false, "host Boris": false, "hi": false}, "Boris says hello", "?")
	})
}

// TestAnswerSession: a change of state with an answer's Context counts for the
// handler's own event: when it is handled again, the change is made once.
func TestAnswerSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cart := &Session[int]{Name: "cart"}
		var r Router
		r.Handle("add", func(c *Context) error {
			for range 2 {
				a, err := c.Ask("How many?")
				if err != nil {
					return err
				}
				if err := cart.Update(a, PerUser(a), func(n *int) error { *n++; return nil }); err != nil {
					return err
				}
				if n, err := cart.Get(c, PerUser(c)); err != nil {
					return err
				} else if err := c.Send(fmt.Sprint(n, " in the cart")); err != nil {
					return err
				}
			}
			return nil
		})
		p := newReplayer(t, &r, nil)
		p.take(t, "add", "1")
		p.d.Stop(t.Context())
		p.expect(t, map[string]bool{"add": false, "1": false}, "How many?", "1 in the cart", "How many?")

		p = newReplayer(t, &r, p)
		p.take(t, "add", "1", "2")
		p.d.Stop(t.Context())
		p.expect(t, map[string]bool{"add": true, "1": true, "2": true}, "2 in the cart")
	})
}
