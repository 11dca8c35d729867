package durable

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// TestDurableEraseLeft: Erase reaches the handlers of the last run that have not
// run again, or have not waited again. They do not come back at the next start.
func TestDurableEraseLeft(t *testing.T) {
	for _, test := range []struct {
		name    string
		workers int
		after   time.Duration // since the start
		timer   bool
		events  int // of each user
		reruns  int
	}{
		{"in the journal", 1, 0, false, 1, 0},
		{"behind others", 2, time.Millisecond, false, 1, 0},
		{"running", 128, time.Millisecond, false, 1, 1},
		{"behind a running one", 128, time.Millisecond, false, 2, 1},
		{"waiting", 128, time.Minute, false, 1, 1},
		{"a timer in the Store", 1, 0, true, 1, 0},
		{"a running timer", 128, 500 * time.Millisecond, true, 1, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newBot(t, "", vk.NewRouter())
				b.d.Workers = test.workers
				var reruns counts
				code := func() vk.Handler {
					r := vk.NewRouter("!")
					visits := &vk.Session[int]{Store: b.Store(), Name: "visits"}
					wait := func(c *vk.Context, _ int) error {
						if c.Again() {
							reruns.add(fmt.Sprint(c.FromID()))
							time.Sleep(time.Second)
						}
						_, _, err := vk.Wait(c, vk.EventMessageEdit, nil, within)
						visits.Update(c, vk.PerUser(c), func(n *int) error { *n++; return nil })
						return err
					}
					timers := &vk.Timers[int]{Store: b.Store(), Name: "x"}
					timers.Handle(r, wait)
					r.Handle("go", func(c *vk.Context) error {
						if test.timer {
							_, err := timers.After(c, time.Second, 1)
							return err
						}
						return wait(c, 0)
					})
					return r
				}
				b.Restart(code())
				const users = 5
				left := (users - 1) * test.events
				var last int64
				for i := range users {
					u := b.User(fmt.Sprint("User ", i))
					for range test.events {
						u.Says("!go")
						sleep(time.Minute)
					}
					last = u.ID
				}
				b.Kill()
				b.Start(code())
				time.Sleep(test.after)
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				defer cancel()
				if err := b.Dispatcher().Erase(ctx, last); err != nil {
					t.Fatal(err)
				}
				for i := range 3 { // at once, later, and in the next run
					if n := len(b.keys("trail/")); n != left {
						t.Errorf("%d trails, want %d", n, left)
					}
					if keys := b.keys("session/"); keys != nil {
						t.Errorf("sessions %q", keys)
					}
					if i > 0 {
						b.Kill()
						b.Start(code())
					}
					sleep(time.Minute)
					if n := len(b.Dispatcher().Open()); n != left {
						t.Errorf("%d open handlers, want %d", n, left)
					}
				}
				reruns.mu.Lock()
				defer reruns.mu.Unlock()
				if n := reruns.n[fmt.Sprint(last)]; n != test.reruns {
					t.Errorf("the handlers of the erased user ran %d times again, want %d", n, test.reruns)
				}
			})
		})
	}
}

// TestDurableEraseOwn: a handler can erase its own user while another handler
// waits in the same conversation.
func TestDurableEraseOwn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBot(t, "", vk.NewRouter())
		r := vk.NewRouter("!")
		r.Handle("wait", func(c *vk.Context) error {
			_, _, err := vk.Wait(c, vk.EventMessageEdit, nil, within)
			return err
		})
		r.Handle("forget", func(c *vk.Context) error {
			if err := b.Dispatcher().Erase(context.WithoutCancel(c), c.FromID()); err != nil {
				return err
			}
			return c.Send("Done")
		})
		b.Restart(r)
		anna := b.User("Anna")
		anna.Says("!wait")
		sleep(time.Second)
		anna.Says("!forget")
		sleep(time.Second)
		anna.Hears("Done")
		sleep(time.Second)
		if keys := b.keys("trail/"); keys != nil {
			t.Errorf("trails %q", keys)
		}
	})
}

// A slowReads is a Store that reads trails slowly.
type slowReads struct{ *vk.MemoryStore }

func (s *slowReads) Get(ctx context.Context, key string) ([]byte, error) {
	if strings.HasPrefix(key, "trail/") {
		sleep(time.Second)
	}
	return s.MemoryStore.Get(ctx, key)
}

// TestDurableEraseBegins: Erase reaches a handler of the last run that is about to
// run again.
func TestDurableEraseBegins(t *testing.T) {
	for _, timer := range []bool{false, true} {
		t.Run(fmt.Sprint("timer=", timer), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := &bot{t: t, store: new(vk.MemoryStore)}
				b.d = &vk.Dispatcher{Store: &slowReads{b.store}}
				b.Server = vktest.Config{Dispatcher: b.d, RPS: -1}.New(t)
				code := func() vk.Handler {
					r := vk.NewRouter("!")
					wait := func(c *vk.Context, _ int) error {
						_, _, err := vk.Wait(c, vk.EventMessageEdit, nil, within)
						return err
					}
					timers := &vk.Timers[int]{Store: b.Store(), Name: "x"}
					timers.Handle(r, wait)
					r.Handle("go", func(c *vk.Context) error {
						if timer {
							_, err := timers.After(c, time.Second, 1)
							return err
						}
						return wait(c, 0)
					})
					return r
				}
				b.Start(code())
				anna := b.User("Anna")
				anna.Says("!go")
				sleep(time.Minute)
				b.Kill()
				b.Start(code())
				sleep(500 * time.Millisecond) // its trail is being read
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				defer cancel()
				if err := b.Dispatcher().Erase(ctx, anna.ID); err != nil {
					t.Fatal(err)
				}
				sleep(time.Minute)
				if open := b.Dispatcher().Open(); open != nil {
					t.Errorf("%d open handlers", len(open))
				}
				if keys := b.keys("trail/"); keys != nil {
					t.Errorf("trails %q", keys)
				}
			})
		})
	}
}
