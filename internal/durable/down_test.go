package durable

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// TestDurableDoneWhileDown: webhook events that are handled while the Store is
// down are recorded when it recovers, even if that is while the bot stops. The
// next process therefore does not handle VK's retries of them again.
func TestDurableDoneWhileDown(t *testing.T) {
	for _, test := range []struct {
		name  string
		text  string
		until func(p *place, store *refuseStore, stop func()) // stop stops the bot
	}{
		{"it works again", "!slow", func(p *place, store *refuseStore, stop func()) {
			sleep(time.Minute)
			store.down.Store(false)
			sleep(11 * time.Second)
			store.down.Store(true) // nothing can be written at the end
			stop()
			store.down.Store(false)
		}},
		{"it works at the end", "!slow", func(p *place, store *refuseStore, stop func()) {
			sleep(time.Minute)
			store.down.Store(false)
			stop()
		}},
		{"the event is in the journal", "!ask", func(p *place, store *refuseStore, stop func()) {
			sleep(time.Minute)
			store.down.Store(false)
			sleep(11 * time.Second)
			stop()
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				store := &refuseStore{MemoryStore: new(vk.MemoryStore), prefix: "done/"}
				p := &place{Server: vktest.New(t), store: store}
				handled := 0
				code := func() vk.Handler {
					r := vk.NewRouter("!")
					r.Handle("slow", func(c *vk.Context) error {
						handled++
						time.Sleep(time.Second)
						store.down.Store(true)
						return nil
					})
					r.Handle("ask", func(c *vk.Context) error {
						handled++
						_, err := c.Ask("?", vk.Within(time.Minute))
						store.down.Store(true)
						return err
					})
					return r
				}
				p.lost.Store(true)
				stop := p.start(code(), true)
				p.User("Anna").Says(test.text)
				sleep(2 * time.Minute)
				p.lost.Store(false)
				test.until(p, store, stop)
				sleep(time.Second)
				stop = p.start(code(), true)
				sleep(3 * time.Hour) // VK delivers the event again
				stop()
				if handled != 1 {
					t.Errorf("handled %d times", handled)
				}
				if n := p.requests.Load(); n < 3 {
					t.Errorf("%d requests: VK has not delivered the event again", n)
				}
			})
		})
	}
}

// TestDurableLargeAnswer: after a restart, only a response too large for the
// trail is requested from VK again.
func TestDurableLargeAnswer(t *testing.T) {
	for _, test := range []struct {
		name  string
		size  int
		calls int // calls of the method, over two restarts
	}{
		{"below 16 KB", 15 << 10, 1},
		{"above 16 KB", 17 << 10, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newBot(t, "", vk.NewRouter())
				var sizes []int
				code := func() vk.Handler {
					r := vk.NewRouter("!")
					r.Handle("go", func(c *vk.Context) error {
						if err := c.Send("Begin"); err != nil {
							return err
						}
						var got string
						err := c.Client().Call(c, "execute", vk.Params{"code": fmt.Sprintf("return %q;", strings.Repeat("x", test.size))}, &got)
						if err != nil {
							return err
						}
						sizes = append(sizes, len(got))
						a, err := c.Ask("Name?", within)
						if err != nil {
							return err
						}
						return c.Send("Hello " + a.Text())
					})
					return r
				}
				b.Restart(code())
				anna := b.User("Anna")
				anna.Says("!go")
				for range 2 {
					sleep(3 * time.Hour)
					b.Kill()
					b.Start(code())
				}
				sleep(time.Minute)
				anna.Says("Anna")
				sleep(time.Minute)
				b.is("Anna: !go", "Bot: Begin", "Bot: Name?", "Anna: Anna", "Bot: Hello Anna")
				if n := len(b.Calls("execute")); n != test.calls {
					t.Errorf("%d calls, want %d", n, test.calls)
				}
				for _, size := range sizes {
					if size != test.size {
						t.Errorf("the answer has %d bytes, want %d", size, test.size)
					}
				}
				if n := len(b.Calls("messages.send")); n != 3 {
					t.Errorf("%d calls of messages.send, want 3", n)
				}
			})
		})
	}
}

// TestDurableStopWhileDown: nothing of a handler runs on after a stop while its steps
// cannot be saved.
func TestDurableStopWhileDown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store := &refuseStore{MemoryStore: new(vk.MemoryStore), prefix: "trail/"}
		r := vk.NewRouter("!")
		r.Handle("go", func(c *vk.Context) error { _, err := c.Ask("?", within); return err })
		bot := vktest.Config{Dispatcher: &vk.Dispatcher{Store: store}}.Start(t, r)
		store.down.Store(true)
		bot.User("Anna").Says("!go")
		sleep(time.Minute) // the pauses between the attempts grow
		if err := bot.Stop(); err != nil {
			t.Error(err)
		}
	}) // panics if a goroutine sleeps
}

// TestDurableEraseFails: Erase refuses an id that is not a user's, and reports values
// that the Store does not delete. A handler that asks again is ended again.
func TestDurableEraseFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store := &keeping{Store: new(vk.MemoryStore)}
		visits := &vk.Session[int]{Store: store, Name: "visits"}
		r := vk.NewRouter("!")
		r.Handle("go", func(c *vk.Context) error {
			for range 3 {
				c.Ask("?", within)
			}
			return nil
		})
		bot := vktest.Config{Dispatcher: &vk.Dispatcher{Store: store}}.Start(t, r)
		anna := bot.User("Anna")
		ctx := context.Background()
		keys := []vk.Key{{Group: 1}, {Group: 1, User: 7}, {Group: 1, Peer: 2_000_000_001}, {Group: 1, User: anna.ID}}
		for _, key := range keys {
			if err := visits.Update(ctx, key, func(n *int) error { *n++; return nil }); err != nil {
				t.Fatal(err)
			}
		}
		anna.Says("!go")
		sleep(time.Minute)
		stored := func(prefix string) (n int) {
			store.List(ctx, prefix, func(string, []byte) bool { n++; return true })
			return n
		}
		d := bot.Dispatcher()
		for _, id := range []int64{0, 2_000_000_001} {
			var wrong *vk.ConfigError
			if err := d.Erase(ctx, id); !errors.As(err, &wrong) {
				t.Errorf("user %d: %v", id, err)
			}
		}
		if n := stored("session/"); n != len(keys) {
			t.Errorf("%d sessions", n)
		}
		store.keeps.Store(true)
		if err := d.Erase(ctx, anna.ID); !errors.Is(err, errKept) {
			t.Errorf("while the Store deletes nothing: %v", err)
		}
		store.keeps.Store(false)
		if err := d.Erase(ctx, anna.ID); err != nil {
			t.Error(err)
		}
		if n := stored("session/"); n != len(keys)-1 {
			t.Errorf("%d sessions", n)
		}
		if n := stored("trail/"); n > 0 {
			t.Errorf("%d trails", n)
		}
	})
}

// A keeping store fails to delete sessions while keeps is true.
type keeping struct {
	vk.Store
	keeps atomic.Bool
}

var errKept = errors.New("kept")

func (s *keeping) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if len(new) == 0 && s.keeps.Load() && strings.HasPrefix(key, "session/") {
		return false, errKept
	}
	return s.Store.Swap(ctx, key, old, new, ttl)
}

func (s *keeping) List(ctx context.Context, prefix string, yield func(string, []byte) bool) error {
	return s.Store.(vk.Lister).List(ctx, prefix, yield)
}
