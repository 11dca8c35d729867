package promises_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/hooktest"
)

// hookOf returns a webhook of a Dispatcher.
func hookOf(d *vk.Dispatcher) *vk.Callback {
	cb := hooktest.New(nil)
	cb.Handler, cb.Dispatcher = nil, d
	d.Logger = cb.Logger
	return cb
}

// wantAnswer posts an event to a webhook and checks the response.
func wantAnswer(t *testing.T, h http.Handler, text string, peer int, want string) {
	t.Helper()
	if got := hooktest.Answer(t, hooktest.Post(h, hooktest.Event(text, peer))); got != want {
		t.Errorf("%s: %s, want %s", text, got, want)
	}
}

// TestLeftoversInOrder checks that events left by a source are handled in the
// order in which they came, whatever the order in which their handlers ended:
// by another source of the Dispatcher, and by the next run.
func TestLeftoversInOrder(t *testing.T) {
	for _, by := range []string{"another source", "the next run"} {
		t.Run(by, func(t *testing.T) {
			eachStore(t, func() vk.Handler { return nil }, func(t *testing.T, r *runner) {
				store := r.store
				if r.shared {
					store = othersStore{store}
				}
				var h texts
				late := map[string]time.Duration{"1": 3 * time.Second, "2": 0, "3": 2 * time.Second, "4": time.Second}
				stopping := true // read and written while the handlers wait
				handler := vk.HandlerFunc(func(c *vk.Context) error {
					if !stopping {
						return h.Serve(c)
					}
					c.Park(func() error {
						<-c.Done()
						time.Sleep(late[c.Text()])
						h.note("cut off " + c.Text())
						return nil
					})
					return context.Cause(c)
				})
				newDispatcher := func() *vk.Dispatcher {
					return &vk.Dispatcher{Store: store, Handler: handler, DrainTime: 10 * time.Second}
				}
				d := newDispatcher()
				one, other := hookOf(d), hookOf(d)
				for n := range len(late) {
					go hooktest.Post(one, hooktest.Event(fmt.Sprint(n+1), 1))
					time.Sleep(time.Second)
				}
				time.Sleep(10 * time.Second) // all of them are in the store
				one.Stop(t.Context())
				h.expect(t, "cut off 2", "cut off 4", "cut off 3", "cut off 1")
				stopping = false
				if by == "the next run" {
					d.Stop(t.Context())
					d = newDispatcher()
					other = hookOf(d)
				}
				wantAnswer(t, other, "5", 1, "200 ok")
				h.expect(t, "1", "2", "3", "4", "5")
				d.Stop(t.Context())
			})
		})
	}
}

// TestLeftoversWait checks that if MaxEvents is set, events left by a source
// wait for room without blocking the requests of another source.
func TestLeftoversWait(t *testing.T) {
	eachStore(t, func() vk.Handler { return nil }, func(t *testing.T, r *runner) {
		store := r.store
		if r.shared {
			store = othersStore{store}
		}
		var h texts
		stopping := true
		d := &vk.Dispatcher{Store: store, MaxEvents: 1, Handler: vk.HandlerFunc(func(c *vk.Context) error {
			switch c.Text() {
			case "left":
				if stopping {
					c.Park(func() error { <-c.Done(); return nil })
					return context.Cause(c)
				}
			case "busy":
				time.Sleep(30 * time.Second)
			}
			return h.Serve(c)
		})}
		one, other := hookOf(d), hookOf(d)
		go hooktest.Post(one, hooktest.Event("left", 1))
		synctest.Wait()
		go hooktest.Post(other, hooktest.Event("busy", 2)) // takes the room, which "left" does not need while it waits
		time.Sleep(10 * time.Second)
		one.Stop(t.Context())
		stopping = false
		begin := time.Now()
		wantAnswer(t, other, "next", 1, "503")
		if took := time.Since(begin); took > 3*time.Second { // the default of Callback.Patience
			t.Errorf("answered after %v", took)
		}
		time.Sleep(time.Minute)
		hooktest.Post(other, hooktest.Event("next", 1)) // "left" may take the room first
		synctest.Wait()
		wantAnswer(t, other, "next", 1, "200 ok")
		h.expect(t, "busy", "left", "next")
		d.Stop(t.Context())
	})
}
