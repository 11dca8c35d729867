package durable

import (
	"fmt"
	"strings"
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
