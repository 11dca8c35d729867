package vk_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// TestWatch: a watch takes what matches, from when it is made, in order; the rest
// goes to its routes, and what it has taken does not.
func TestWatch(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := vk.NewRouter()
		r.Handle("quiz", func(c *vk.Context) error {
			w := vk.NewWatch(c, vk.EventMessageNew, func(c *vk.Context, e *vk.MessageNew) bool {
				return strings.Contains(e.Message.Text, "42") && c.Route() == nil
			}, vk.Within(time.Minute))
			defer w.Stop()
			c.Send("6 × 7?")
			for {
				a, m, err := w.Next()
				if errors.Is(err, vk.ErrNoAnswer) {
					return c.Send("Time is over.")
				}
				if err != nil {
					return err
				}
				if m.Message.Text != a.Text() {
					t.Errorf("%q and %q", m.Message.Text, a.Text())
				}
				if err := a.Reply("Right."); err != nil {
					return err
				}
			}
		})
		r.Handle("say {what...}", func(c *vk.Context) error { return c.Send(c.Arg("what")) })
		r.NotFound(func(c *vk.Context) error { return c.Send("What?") })
		bot := vktest.Start(t, r)
		anna, boris := bot.User("Anna"), bot.User("Boris")
		private := boris
		chat := bot.Chat("All", anna, boris)
		anna, boris = anna.In(chat), boris.In(chat)
		anna.Says("quiz")
		anna.Hears("6 × 7?")
		boris.Says("41")
		boris.Hears("What?")
		said := boris.Says("42")
		if m := boris.Hears("Right."); m.ReplyTo != said.CMID {
			t.Errorf("an answer to %d, not %d", m.ReplyTo, said.CMID)
		}
		anna.Says("say 42")
		anna.Hears("42")
		private.Says("42")
		private.Hears("What?")
		anna.Says("it is 42")
		anna.Hears("Right.")
		time.Sleep(time.Minute)
		anna.Hears("Time is over.")
		anna.Says("42")
		anna.Hears("What?")
	})
}

// TestWaitKinds: kinds without a conversation are waited for from anywhere,
// others in the conversation, unless From says otherwise.
func TestWaitKinds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		bot := vktest.New(t)
		anna, boris := bot.User("Anna"), bot.User("Boris")
		r := vk.NewRouter("!")
		r.Handle("join", func(c *vk.Context) error {
			_, e, err := vk.Wait(c, vk.EventGroupJoin, func(c *vk.Context, e *vk.GroupJoin) bool { return e.UserID == boris.ID })
			if err != nil {
				return err
			}
			return c.Send(fmt.Sprint(e.UserID == boris.ID, " has joined"))
		})
		r.Handle("order", func(c *vk.Context) error {
			if _, _, err := vk.Wait(c, vk.EventMessageNew, nil, vk.From{User: boris.ID}); err != nil {
				return err
			}
			_, err := c.Ask("Order?", vk.From{Peer: boris.ID, User: boris.ID})
			return errors.Join(c.Send("ordered"), err)
		})
		bot.Start(r)
		anna.Says("!join")
		synctest.Wait()
		bot.Emit("group_join", map[string]any{"user_id": anna.ID, "join_type": "join"})
		bot.Emit("group_join", map[string]any{"user_id": boris.ID, "join_type": "join"})
		anna.Hears("true has joined")
		anna.Says("!order")
		synctest.Wait()
		anna.Says("me")
		boris.Says("I am here")
		boris.Hears("Order?")
		anna.HearsNothing()
		boris.Says("yes")
		anna.Hears("ordered")
	})
}

// TestFirstWaitTakes: of several waits for an event, the one that was begun
// first takes it, wherever it is for.
func TestFirstWaitTakes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := vk.NewRouter()
		r.Handle("wait", func(c *vk.Context) error {
			var watches []*vk.Watch[vk.MessageNew]
			for _, from := range []vk.Key{vk.PerChat(c), vk.Global(c), vk.PerMember(c), vk.PerUser(c)} {
				w := vk.NewWatch(c, vk.EventMessageNew, nil, vk.From(from))
				defer w.Stop()
				watches = append(watches, w)
			}
			for i, w := range watches {
				a, _, err := w.Next()
				if err != nil {
					return err
				}
				w.Stop()
				if err := a.Send(fmt.Sprint(i, " has ", a.Text())); err != nil {
					return err
				}
			}
			return nil
		})
		bot := vktest.Start(t, r)
		anna := bot.User("Anna")
		for i, text := range []string{"wait", "a", "b", "c", "d"} {
			anna.Says(text)
			if i > 0 {
				anna.Hears(fmt.Sprint(i-1, " has ", text))
			}
		}
	})
}

// TestWatchEnds: a watch takes nothing more once its handler has returned, and
// nothing is left of it.
func TestWatchEnds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := vk.NewRouter()
		var kept *vk.Watch[vk.MessageNew]
		r.Handle("watch", func(c *vk.Context) error {
			kept = vk.NewWatch(c, vk.EventMessageNew, nil)
			return nil
		})
		r.Handle("next", func(c *vk.Context) error {
			_, _, err := kept.Next()
			return c.Send(fmt.Sprint(err))
		})
		bot := vktest.Start(t, r)
		anna := bot.User("Anna")
		anna.Says("watch")
		anna.Says("next")
		if m := anna.HearsLike(""); !strings.Contains(m.Text, "returned") && !strings.Contains(m.Text, "canceled") {
			t.Errorf("Next of a watch whose handler has returned: %q", m.Text)
		}
		kept.Stop()
		kept.Stop()
	})
}

// TestWatchFull: what a watch cannot keep goes on to its route.
func TestWatchFull(t *testing.T) {
	bubble(t, func(t *testing.T) {
		logger, log := logTo()
		r := vk.NewRouter()
		routed, got := 0, 0
		r.Handle("watch", func(c *vk.Context) error {
			w := vk.NewWatch(c, vk.EventMessageNew, nil)
			defer w.Stop()
			c.Park(func() error { time.Sleep(time.Hour); return nil })
			for range 1024 {
				if _, m, err := w.Next(); err != nil || m.Message.Text != fmt.Sprint("x ", got) {
					t.Fatal(m, err)
				}
				got++
			}
			return nil
		})
		r.Handle("x {n}", func(c *vk.Context) error { routed++; return nil })
		d := &vk.Dispatcher{Handler: r, Logger: logger}
		d.Dispatch(t.Context(), message(t, 5, "watch"))
		synctest.Wait()
		for i := range 1030 {
			d.Dispatch(t.Context(), message(t, 5, fmt.Sprint("x ", i)))
		}
		time.Sleep(2 * time.Hour)
		d.Stop(t.Context())
		if routed != 6 || got != 1024 {
			t.Errorf("%d routed, %d kept", routed, got)
		}
		if n := strings.Count(log.String(), "too many events"); n != 1 {
			t.Errorf("%d lines in the log", n)
		}
	})
}

// TestMatchPanics: a match that panics ends its watch with that, and the event
// goes to its route.
func TestMatchPanics(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := vk.NewRouter()
		r.Handle("wait", func(c *vk.Context) error {
			_, _, err := vk.Wait(c, vk.EventMessageNew, func(c *vk.Context, e *vk.MessageNew) bool { panic("boom") })
			var p *vk.PanicError
			return c.Send(fmt.Sprint(errors.As(err, &p)))
		})
		r.Handle("ping", func(c *vk.Context) error { return c.Send("pong") })
		bot := vktest.Start(t, r)
		anna := bot.User("Anna")
		anna.Says("wait")
		anna.Says("ping")
		anna.Hears("pong")
		anna.Hears("true")
	})
}

func TestWatchWrongType(t *testing.T) {
	defer func() {
		if v := recover(); v == nil || !strings.Contains(fmt.Sprint(v), "watch_test.go") {
			t.Errorf("panic: %v", v)
		}
	}()
	c, _ := vktest.NewContext("x")
	vk.NewWatch(c, vk.Kind[vk.Message]("group_join"), nil)
}

// TestBadWaiters: a handler that panics or ends its goroutine while it waits, or
// after that, frees its conversation and its worker.
func TestBadWaiters(t *testing.T) {
	for _, how := range []string{"panic", "Goexit"} {
		for _, when := range []string{"in Park", "after Park", "after Ask"} {
			t.Run(how+" "+when, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					logger, _ := logTo()
					bad := func() {
						if how == "panic" {
							panic("boom")
						}
						runtime.Goexit()
					}
					r := vk.NewRouter()
					r.Handle("bad", func(c *vk.Context) error {
						switch when {
						case "in Park":
							return c.Park(func() error { time.Sleep(time.Second); bad(); return nil })
						case "after Park":
							c.Park(func() error { time.Sleep(time.Second); return nil })
						case "after Ask":
							if _, err := c.Ask("?"); err != nil {
								return err
							}
						}
						bad()
						return nil
					})
					r.Handle("ping", func(c *vk.Context) error { return c.Send("pong") })
					bot := vktest.Config{Logger: logger, Dispatcher: &vk.Dispatcher{Workers: 1, MaxEvents: 1}}.Start(t, r)
					anna := bot.User("Anna")
					for range 3 {
						anna.Says("bad")
						if when == "after Ask" {
							anna.Hears("?")
							anna.Says("x")
						}
						time.Sleep(time.Minute)
					}
					anna.Says("ping")
					anna.Hears("pong")
					anna.HearsNothing()
				})
			})
		}
	}
}
