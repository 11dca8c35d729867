package durable

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// TestDurableAskAgain: a question is not asked again after a restart, even
// hours later or after a hundred messages of other users.
func TestDurableAskAgain(t *testing.T) {
	code := func() vk.Handler {
		r := vk.NewRouter("!")
		r.Handle("order", func(c *vk.Context) error {
			if err := c.Send("Let us see."); err != nil {
				return err
			}
			a, err := c.Ask("Which tea?", vk.Choices("Green", "Black"), vk.Within(24*time.Hour))
			if err != nil {
				return err
			}
			b, err := c.Ask("How many?", vk.Within(24*time.Hour))
			if err != nil {
				return err
			}
			return b.Send(b.Text() + " of " + a.Text())
		})
		return r
	}
	for _, after := range []time.Duration{30 * time.Minute, 2 * time.Hour, 11 * time.Hour} {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newBot(t, "", code())
				anna := b.User("Anna")
				anna.Says("!order")
				sleep(time.Minute)
				anna.Presses("Green")
				sleep(after)
				b.Restart(code())
				sleep(time.Minute)
				anna.Says("7")
				sleep(time.Minute)
				b.is("Anna: !order", "Bot: Let us see.", "Bot: Which tea? [Green] [Black]", "Anna: Green", "Bot: How many?", "Anna: 7", "Bot: 7 of Green")
			})
		})
	}
	t.Run("a chat", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			b := newBot(t, "", code())
			anna, boris := b.User("Anna"), b.User("Boris")
			tea := b.Chat("Tea", anna, boris)
			anna.In(tea).Says("!order")
			for i := range 150 {
				sleep(time.Second)
				boris.In(tea).Says(fmt.Sprint(i))
			}
			sleep(time.Minute)
			b.Restart(code())
			sleep(time.Minute)
			if n := strings.Count(b.Transcript(), "Which tea?"); n != 1 {
				t.Errorf("the question shows %d times", n)
			}
		})
	})
}

// TestDurableParked: parked handlers are not blamed for crashes, and do not
// slow down a start.
func TestDurableParked(t *testing.T) {
	for name, wait := range map[string]func(c *vk.Context) error{
		"Park": func(c *vk.Context) error {
			return c.Park(func() error { <-c.Done(); return context.Cause(c) })
		},
		"Ask": func(c *vk.Context) error { _, err := c.Ask("?", within); return err },
	} {
		for _, life := range []time.Duration{time.Second, 6 * time.Second, time.Minute} {
			t.Run(fmt.Sprint(name, " ", life), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					code := func() vk.Handler {
						r := vk.NewRouter("!")
						r.Handle("wait", wait)
						r.Handle("ping", func(c *vk.Context) error { return c.Reply("pong") })
						return r
					}
					b := newBot(t, "", code())
					for i := range 20 {
						b.User(fmt.Sprint("P", i)).Says("!wait")
						sleep(100 * time.Millisecond)
					}
					for range 4 {
						sleep(life)
						b.Kill()
						began := time.Now()
						b.Start(code())
						if took := time.Since(began); took > time.Second {
							t.Errorf("the start took %v", took)
						}
					}
					boris := b.User("Boris")
					began := time.Now()
					boris.Says("!ping")
					boris.HearsLike("pong")
					if took := time.Since(began); took > time.Second {
						t.Errorf("pong after %v", took)
					}
				})
			})
		}
	}
}

// TestDurableManyOpen: a restart with ten thousand open questions calls VK not
// once, and the first new message is answered soon.
func TestDurableManyOpen(t *testing.T) {
	const n = 10_000
	bubble(t, func(t *testing.T) {
		code := func() vk.Handler {
			r := asks("one")
			r.Handle("ping", func(c *vk.Context) error { return c.Send("pong") })
			return r
		}
		b := newBot(t, "", code())
		var calls atomic.Int64
		b.Client().Use(func(next vk.CallFunc) vk.CallFunc {
			return func(ctx context.Context, method string, p vk.Params) (json.RawMessage, error) {
				if method == "messages.send" {
					calls.Add(1)
				}
				return next(ctx, method, p)
			}
		})
		var people []*vktest.User
		for i := range n {
			people = append(people, b.User(fmt.Sprint("P", i)))
			people[i].Says("!go")
			if i%100 == 0 {
				sleep(30 * time.Second)
			}
		}
		sleep(time.Hour)
		calls.Store(0)
		b.Kill()
		real, virtual := realTime(), time.Now()
		b.Start(code())
		boris := b.User("Boris")
		boris.Says("!ping")
		boris.Hears("pong")
		took := time.Since(virtual)
		t.Logf("%d open questions: pong %v after the start (%v by the bot's clock)", n, realTime().Sub(real), took)
		sleep(10 * time.Minute)
		if open := len(b.Dispatcher().Open()); open != n {
			t.Errorf("%d questions are open, want %d", open, n)
		}
		if n := calls.Load(); n != 1 {
			t.Errorf("%d calls of messages.send, want 1", n)
		}
		people[n/2].Says("x")
		sleep(time.Second)
		people[n/2].Hears("?")
		people[n/2].Hears("Thanks, one")
		if took > time.Second {
			t.Errorf("pong after %v by the bot's clock", took)
		}
	})
}

// A failStore is a Store that fails to write trails while failing is set.
type failStore struct {
	*vk.MemoryStore
	failing atomic.Bool
}

// Swap implements vk.Store.
func (s *failStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if s.failing.Load() && strings.HasPrefix(key, "trail/") {
		return false, errors.New("disk full")
	}
	return s.MemoryStore.Swap(ctx, key, old, new, ttl)
}

// A countStore counts the writes of trails, and their bytes including the key.
type countStore struct {
	*vk.MemoryStore
	writes, bytes, others atomic.Int64
}

// Swap implements vk.Store.
func (s *countStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	switch {
	case strings.HasPrefix(key, "trail/") && len(new) > 0:
		s.writes.Add(1)
		s.bytes.Add(int64(len(key) + len(new)))
	case len(new) > 0:
		s.others.Add(1)
	}
	return s.MemoryStore.Swap(ctx, key, old, new, ttl)
}

// TestDurableCost: an event that never waits writes no trail. An event that
// sends and asks writes one, of less than 300 bytes.
func TestDurableCost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store := &countStore{MemoryStore: new(vk.MemoryStore)}
		r := vk.NewRouter("!")
		r.Handle("send", func(c *vk.Context) error { return c.Send("Hello") })
		r.Handle("ask", func(c *vk.Context) error {
			if err := c.Send("Hello"); err != nil {
				return err
			}
			_, err := c.Ask("Which tea?", within)
			return err
		})
		b := vktest.Config{Dispatcher: &vk.Dispatcher{Store: store}}.New(t)
		b.Start(r)
		anna := b.User("Anna")
		for text, want := range map[string]int64{"!send": 0, "!ask": 1} {
			writes, bytes, others := store.writes.Load(), store.bytes.Load(), store.others.Load()
			anna.Says(text)
			sleep(time.Minute)
			if got := store.writes.Load() - writes; got != want {
				t.Errorf("%s: %d writes of a trail, want %d", text, got, want)
			}
			if got := store.bytes.Load() - bytes; got > 300 {
				t.Errorf("%s: a trail of %d bytes", text, got)
			}
			t.Logf("%s: %d writes of a trail, %d bytes, %d other writes", text, store.writes.Load()-writes, store.bytes.Load()-bytes, store.others.Load()-others)
			b.Stop()
			b.Start(r)
		}
	})
}

// TestDurableStoreFails: if the Store fails while trails are written, the log
// says so once, the trails are written as soon as the Store recovers, and a
// kill after that loses nothing.
func TestDurableStoreFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		log := new(logLines)
		store := &failStore{MemoryStore: new(vk.MemoryStore)}
		d := &vk.Dispatcher{Store: store, Logger: slog.New(slog.NewTextHandler(log, nil))}
		code := func() vk.Handler {
			r := vk.NewRouter("!")
			r.Handle("go", func(c *vk.Context) error {
				name, err := c.Ask("Name?", within)
				if err != nil {
					return err
				}
				city, err := c.Ask("City?", within)
				if err != nil {
					return err
				}
				return c.Send(name.Text() + " of " + city.Text())
			})
			return r
		}
		b := &bot{t: t, store: store.MemoryStore, d: d, Server: vktest.Config{Dispatcher: d, RPS: -1}.New(t)}
		b.Start(code())
		store.failing.Store(true)
		people := []*vktest.User{b.User("Anna"), b.User("Boris")}
		for _, p := range people {
			p.Says("!go")
			p.Hears("Name?")
			p.Says(p.Name)
			p.Hears("City?")
		}
		sleep(time.Minute)
		if n := log.count("vk: store unavailable: the steps of handlers may be lost in a crash"); n != 1 {
			t.Errorf("the log says %d times that the store fails", n)
		}
		if n := len(b.keys("trail/")); n != 0 {
			t.Errorf("%d trails", n)
		}
		store.failing.Store(false)
		sleep(time.Minute)
		if n := log.count("vk: store available again"); n != 1 {
			t.Errorf("the log says %d times that the store works again", n)
		}
		b.Kill()
		sleep(3 * time.Hour)
		b.Start(code())
		sleep(time.Minute)
		for _, p := range people {
			p.HearsNothing()
			p.Says("Omsk")
			p.Hears(p.Name + " of Omsk")
		}
		sleep(time.Minute)
		if left := b.keys("trail/"); left != nil {
			t.Errorf("trails are left: %q", left)
		}
	})
}

// TestDurableRetry: wrong answers given before a restart count, and the user is
// asked again as often as without the ten restarts.
func TestDurableRetry(t *testing.T) {
	bubble(t, func(t *testing.T) {
		code := func() vk.Handler {
			r := vk.NewRouter("!")
			r.Handle("go", func(c *vk.Context) error {
				n, err := vk.Ask(c, "How many?", strconv.Atoi, vk.Retry(6, "A number!"), within)
				var wrong *vk.AnswerError
				if errors.As(err, &wrong) {
					return c.Send("No more: " + wrong.Text)
				}
				if err != nil {
					return err
				}
				return c.Send(fmt.Sprint(n))
			})
			return r
		}
		b := newBot(t, "", code())
		anna := b.User("Anna")
		anna.Says("!go")
		want := []string{"Anna: !go", "Bot: How many?"}
		for i := range 10 {
			sleep(2 * time.Hour)
			b.Kill()
			b.Start(code())
			sleep(time.Minute)
			if i < 7 {
				anna.Says(fmt.Sprint("x", i))
				want = append(want, fmt.Sprint("Anna: x", i), "Bot: A number!")
			}
		}
		want[len(want)-1] = "Bot: No more: x6"
		sleep(time.Minute)
		b.is(want...)
	})
}

// TestDurableBounds: a step that does not fit into a trail is an error, or is
// repeated after a restart; each run logs it. Sends and questions are not
// repeated because of that, and a large session counts once.
func TestDurableBounds(t *testing.T) {
	for _, test := range []struct {
		name  string
		parts int // parts of 15 KB
		want  map[string]int
		warn  int
	}{
		{"there is room", 10, map[string]int{"part": 10}, 0},
		{"there is none", 20, map[string]int{"part": 20, "full": 3}, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				log := new(logLines)
				var n counts
				b := newBot(t, "", vk.NewRouter())
				b.d.Logger = slog.New(slog.NewTextHandler(log, nil))
				size := 0
				code := func() vk.Handler {
					large := &vk.Session[string]{Store: b.Store(), Name: "large"}
					r := vk.NewRouter("!")
					r.Handle("go", func(c *vk.Context) error {
						if err := c.Send("Begin"); err != nil {
							return err
						}
						err := large.Update(c, vk.PerUser(c), func(v *string) error {
							*v += strings.Repeat("y", 20<<10)
							return nil
						})
						if err != nil {
							return err
						}
						for i := range test.parts {
							_, err := vk.Once(c, fmt.Sprint("part ", i), func(string) (string, error) {
								n.add("part")
								return strings.Repeat("x", 15<<10), nil
							})
							var full *vk.OnceError
							if errors.As(err, &full) {
								n.add("full")
							} else if err != nil {
								return err
							}
						}
						a, err := c.Ask("Name?", within)
						if err != nil {
							return err
						}
						v, err := large.Get(c, vk.PerUser(c))
						size = len(v)
						return errors.Join(err, c.Send("Hello "+a.Text()))
					})
					return r
				}
				b.Restart(code())
				anna := b.User("Anna")
				anna.Says("!go")
				sleep(3 * time.Hour)
				n.is(t, test.want)
				b.Kill()
				b.Start(code())
				sleep(time.Minute)
				anna.Says("Anna")
				sleep(time.Minute)
				b.is("Anna: !go", "Bot: Begin", "Bot: Name?", "Anna: Anna", "Bot: Hello Anna")
				if got := log.count("the steps of a handler exceed the size of its trail"); got != test.warn {
					t.Errorf("the log says %d times that the trail is full, want %d", got, test.warn)
				}
				if size != 20<<10 {
					t.Errorf("the session has %d bytes", size)
				}
				t.Log(n.n)
			})
		})
	}
}
