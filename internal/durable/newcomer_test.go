package durable

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// TestDurableAskAgain: a question is not asked again after a restart, hours later or
// behind a hundred messages of others.
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

// TestDurableParked: handlers that wait are not blamed for crashes, and cost a start
// nothing.
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

// TestDurableManyOpen: a restart with ten thousand open questions makes no call of VK,
// and the first new message is answered soon.
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
		took := realTime().Sub(real)
		t.Logf("%d open questions: pong %v after the start (%v by the bot's clock)", n, took, time.Since(virtual))
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
		if took > 10*time.Second {
			t.Errorf("pong after %v", took)
		}
	})
}
