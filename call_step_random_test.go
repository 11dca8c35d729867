package vk_test

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/vkrouter/vk"
)

func TestRandomIDOutsideOfHandlers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, respond(sentAnswer))
		api.client.MaxMessage = 10
		text := strings.Repeat("x", 15)
		send := func(peer int64, opts ...vk.SendOption) []string {
			before := api.calls()
			if err := api.client.Send(context.Background(), peer, text, opts...); err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, f := range api.forms[before:] {
				id, err := strconv.ParseInt(f.Get("random_id"), 10, 64)
				if err != nil || id < 0 || id > math.MaxInt32 {
					t.Errorf("random_id %q: %v", f.Get("random_id"), err)
				}
				ids = append(ids, f.Get("random_id"))
			}
			return ids
		}
		seen := make(map[string]bool)
		for range 50 {
			for _, id := range send(5) {
				if seen[id] || id == "0" {
					t.Fatalf("random_id %s comes twice", id)
				}
				seen[id] = true
			}
		}
		named := send(5, vk.As("order 7"))
		if again := send(5, vk.As("order 7")); !slices.Equal(named, again) || named[0] == named[1] {
			t.Errorf("named %v, then %v", named, again)
		}
		for _, other := range [][]string{send(5, vk.As("order 8")), send(6, vk.As("order 7"))} {
			if slices.Contains(other, named[0]) || slices.Contains(other, named[1]) {
				t.Errorf("%v and %v", named, other)
			}
		}
		own := send(5, vk.Extra{"random_id": 77})
		if own[0] != "77" || own[1] == "77" || !slices.Equal(own, send(5, vk.Extra{"random_id": 77})) {
			t.Errorf("own %v", own)
		}
		if got := send(5, vk.Extra{"random_id": 0}); !slices.Equal(got, []string{"0", "0"}) {
			t.Errorf("without: %v", got)
		}
		if got := send(5, vk.Extra{"random_id": nil}); got[0] == "0" || got[0] == "" {
			t.Errorf("nil: %v", got)
		}
	})
}

// TestHandledAgain: if an event is handled again, by a process without any
// state of the first time, no message is duplicated, for any kind of handler.
func TestHandledAgain(t *testing.T) {
	long := strings.Repeat("long", 25)
	for _, tt := range []struct {
		name string
		want int // messages that Anna sees
		bot  func(p *place, r *vk.Router) vk.Handler
	}{
		{"one send", 1, func(p *place, r *vk.Router) vk.Handler {
			r.Handle("go", func(c *vk.Context) error { return c.Send("x") })
			return r
		}},
		{"equal sends", 3, func(p *place, r *vk.Router) vk.Handler {
			r.Handle("go", func(c *vk.Context) error {
				return errors.Join(c.Send("x"), c.Reply("x"), c.Client().Send(c, c.PeerID(), "x"))
			})
			return r
		}},
		{"several parts", 20, func(p *place, r *vk.Router) vk.Handler {
			r.Handle("go", func(c *vk.Context) error { return errors.Join(c.Send(long), c.Reply(long)) })
			return r
		}},
		{"a raw call", 2, func(p *place, r *vk.Router) vk.Handler {
			r.Handle("go", func(c *vk.Context) error {
				call := func() error {
					return c.Client().Call(c, "messages.send", vk.Params{"peer_ids": c.PeerID(), "message": "x"}, nil)
				}
				return errors.Join(call(), call())
			})
			return r
		}},
		{"named, in goroutines", 10, func(p *place, r *vk.Router) vk.Handler {
			r.Handle("go", func(c *vk.Context) error {
				var wg sync.WaitGroup
				for i := range 10 {
					wg.Go(func() { c.Send("x", vk.As("copy "+strconv.Itoa(i))) })
				}
				wg.Wait()
				return nil
			})
			return r
		}},
		{"named, again and again", 1, func(p *place, r *vk.Router) vk.Handler {
			r.Handle("go", func(c *vk.Context) error {
				for range 5 {
					c.Send("x", vk.As("receipt"))
				}
				return nil
			})
			return r
		}},
		{"named and not", 2, func(p *place, r *vk.Router) vk.Handler {
			r.Handle("go", func(c *vk.Context) error { return errors.Join(c.Send("x", vk.As("0")), c.Send("x")) })
			return r
		}},
		{"listeners and a route", 4, func(p *place, r *vk.Router) vk.Handler {
			for range 3 {
				vk.On(r, vk.EventMessageNew, func(c *vk.Context, e *vk.MessageNew) error { return c.Send("x") })
			}
			r.Handle("go", func(c *vk.Context) error { return c.Send("x") })
			return r
		}},
		{"around a NotFound", 3, func(p *place, r *vk.Router) vk.Handler {
			r.NotFound(func(c *vk.Context) error { return c.Send("x") })
			return vk.HandlerFunc(func(c *vk.Context) error { return errors.Join(c.Send("x"), r.Serve(c), c.Send("x")) })
		}},
		{"two routers", 4, func(p *place, r *vk.Router) vk.Handler {
			second := vk.NewRouter("!")
			for _, r := range []*vk.Router{r, second} {
				r.Handle("go", func(c *vk.Context) error { return errors.Join(c.Send("x"), c.Send("x")) })
			}
			return vk.HandlerFunc(func(c *vk.Context) error { return errors.Join(r.Serve(c), second.Serve(c)) })
		}},
		{"a router inside of a router", 2, func(p *place, r *vk.Router) vk.Handler {
			inner := vk.NewRouter("!")
			inner.Handle("go", func(c *vk.Context) error { return c.Send("x") })
			r.Handle("go", func(c *vk.Context) error { return errors.Join(c.Send("x"), inner.Serve(c)) })
			return r
		}},
		{"the same router twice", 1, func(p *place, r *vk.Router) vk.Handler {
			r.Handle("go", func(c *vk.Context) error { return c.Send("x") })
			return vk.HandlerFunc(func(c *vk.Context) error { return errors.Join(r.Serve(c), r.Serve(c)) })
		}},
		{"broadcasts and a send", 3, func(p *place, r *vk.Router) vk.Handler {
			r.Handle("go", func(c *vk.Context) error {
				for range 2 {
					for d := range c.Client().Broadcast(c, []int64{c.PeerID()}, "x") {
						if d.Err != nil {
							return d.Err
						}
					}
				}
				return c.Send("x")
			})
			return r
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPlace(t)
				p.client.MaxMessage = 10
				e := p.says(p.anna, -p.group.ID, "!go")
				h := tt.bot(p, vk.NewRouter("!"))
				for n := range 3 {
					// Invoked as by a Dispatcher.
					if err := h.Serve(p.context(e)); err != nil {
						t.Fatal(err)
					}
					if got := p.texts(p.anna, -p.group.ID); len(got) != tt.want {
						t.Fatalf("handled %d times, Anna sees %d messages, want %d: %q", n+1, len(got), tt.want, got)
					}
				}
				// Another event sends its own messages.
				if err := h.Serve(p.context(p.says(p.anna, -p.group.ID, "!go"))); err != nil {
					t.Fatal(err)
				}
				if got := p.texts(p.anna, -p.group.ID); len(got) != 2*tt.want {
					t.Errorf("after two events Anna sees %d messages, want %d", len(got), 2*tt.want)
				}
			})
		})
	}
}

// TestSendAnswerLost: a send with a lost response is retried, part by part, and
// shows once.
func TestSendAnswerLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		p.client.MaxAttempts, p.client.MaxMessage = 3, 10
		through := p.client.HTTPClient.Transport
		n := 0
		p.client.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			resp, err := through.RoundTrip(r)
			if n++; n%2 == 1 {
				return nil, io.ErrUnexpectedEOF
			}
			return resp, err
		})}
		if err := p.client.Send(t.Context(), p.anna.ID, strings.Repeat("x", 35)); err != nil {
			t.Fatal(err)
		}
		if got := p.texts(p.anna, -p.group.ID); len(got) != 4 || len(p.sends()) != 8 {
			t.Errorf("%d calls, Anna sees %q", len(p.sends()), got)
		}
	})
}
