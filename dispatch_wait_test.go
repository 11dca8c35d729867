package vk_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// TestWatch: a watch consumes matching events from the time when it is made, in
// order. Other events go to their routes; consumed events do not.
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

// TestWaitKinds: events of kinds without a conversation are awaited from
// anywhere, others in the conversation, unless From changes that.
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

// TestFirstWaitTakes: if several waits want an event, the one that began first
// consumes it, wherever it waits.
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

// TestWatchEnds: a watch consumes nothing more once its handler has returned,
// and nothing is left of it.
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

// TestWatchStopped: Stop drops the events that are buffered for Next.
func TestWatchStopped(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := vk.NewRouter()
		r.Handle("watch", func(c *vk.Context) error {
			w := vk.NewWatch(c, vk.EventMessageNew, nil)
			c.Park(func() error { time.Sleep(time.Minute); return nil })
			w.Stop()
			_, _, err := w.Next()
			return c.Send(fmt.Sprint("Stopped: ", err != nil))
		})
		bot := vktest.Start(t, r)
		on := vk.WatchOn(t.Context(), bot.Dispatcher(), vk.EventMessageNew, nil)
		anna := bot.User("Anna")
		anna.Says("watch")
		anna.Says("one")
		time.Sleep(time.Hour)
		anna.Hears("Stopped: true")
		on.Stop()
		if _, _, err := on.Next(); err == nil {
			t.Error("an event after Stop")
		}
	})
}

// TestWatchFull: events that a full watch cannot keep go on to their route.
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
		if n := strings.Count(log.String(), "too many unread events"); n != 1 {
			t.Errorf("%d lines in the log", n)
		}
	})
}

// TestMatchFails: a match that panics or calls runtime.Goexit ends its watch
// with an error. Later events go to their routes.
func TestMatchFails(t *testing.T) {
	for _, tt := range []struct {
		how, want string
		fail      func()
	}{
		{"panic", "panic: boom", func() { panic("boom") }},
		{"Goexit", "called runtime.Goexit", runtime.Goexit},
	} {
		t.Run(tt.how, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				match := func(*vk.Context, *vk.MessageNew) bool { tt.fail(); return true }
				r := vk.NewRouter()
				r.Handle("wait", func(c *vk.Context) error {
					_, _, err := vk.Wait(c, vk.EventMessageNew, match)
					return c.Send(err.Error())
				})
				r.Handle("ping", func(c *vk.Context) error { return c.Send("pong") })
				d := &vk.Dispatcher{Logger: slog.New(slog.DiscardHandler)}
				bot := vktest.Config{Dispatcher: d}.Start(t, r)
				anna := bot.User("Anna")
				anna.Says("wait")
				bot.Wait(t.Context())
				anna.Says("it")
				anna.Hears("vk: wait for message_new: " + tt.want)
				anna.Says("ping")
				anna.Hears("pong")

				w := vk.WatchOn(t.Context(), d, vk.EventMessageNew, match)
				anna.Says("ping")
				anna.Hears("pong")
				if _, _, err := w.Next(); err == nil || err.Error() != "vk: watch of message_new: "+tt.want {
					t.Error(err)
				}
			})
		})
	}
}

func TestWatchWrongType(t *testing.T) {
	defer func() {
		if v := recover(); v == nil || !strings.Contains(fmt.Sprint(v), "dispatch_wait_test.go") {
			t.Errorf("panic: %v", v)
		}
	}()
	c, _ := vktest.NewContext("x")
	vk.NewWatch(c, vk.Kind[vk.Message]("group_join"), nil)
}

// TestParkedTime: the time limit stands still while a handler waits. When the
// handler goes on, it has the full limit again, which then counts.
func TestParkedTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newDiary()
		logger, _ := logTo()
		dispatcher := &vk.Dispatcher{Logger: logger, Handler: vk.HandlerFunc(func(c *vk.Context) error {
			for range 3 {
				c.Park(func() error { time.Sleep(time.Hour); return nil })
				time.Sleep(50 * time.Second)
				d.note("%v", c.Err())
			}
			c.Park(func() error { return nil })
			<-c.Done()
			d.note("%v", errors.Is(context.Cause(c), vk.ErrTimeLimit))
			return nil
		})}
		dispatcher.Dispatch(t.Context(), message(t, 1, "x"))
		time.Sleep(4 * time.Hour)
		synctest.Wait()
		d.is(t, "1h0m50s <nil>", "2h1m40s <nil>", "3h2m30s <nil>", "3h3m30s true")
	})
}

// TestParkedRoom: a parked handler has no place among MaxEvents, and gets one
// again afterwards. It is not pending.
func TestParkedRoom(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &vk.Dispatcher{MaxEvents: 2, Handler: vk.HandlerFunc(func(c *vk.Context) error {
			if c.Text() == "x" {
				return c.Park(func() error { time.Sleep(time.Hour); return nil })
			}
			time.Sleep(time.Minute)
			return nil
		})}
		for i := range int64(10) {
			if err := d.Dispatch(t.Context(), message(t, i+1, "x")); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if n := d.Pending(); n != 0 {
			t.Errorf("%d pending", n)
		}
		start := time.Now()
		for i := range int64(3) {
			d.Dispatch(t.Context(), message(t, i+20, "y"))
		}
		if took := time.Since(start); took != time.Minute {
			t.Errorf("took %v to get room", took)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if n := d.Pending(); n != 0 {
			t.Errorf("%d pending", n)
		}
		d.Stop(t.Context())
	})
}

// TestTwoGoroutinesWait: a handler asks two users at once, with a goroutine for
// each; the chat goes on until it has both answers.
func TestTwoGoroutinesWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		bot := vktest.New(t)
		anna, boris := bot.User("Anna"), bot.User("Boris")
		chat := bot.Chat("All", anna, boris)
		anna, boris = anna.In(chat), boris.In(chat)
		r := vk.NewRouter("!")
		r.Handle("duel", func(c *vk.Context) error {
			var answers [2]string
			var wg sync.WaitGroup
			for i, id := range []int64{anna.ID, boris.ID} {
				wg.Go(func() {
					a, err := c.Ask(fmt.Sprintf("Player %d?", i+1), vk.From{User: id}, vk.As(fmt.Sprint(i)))
					if err != nil {
						t.Error(err)
						return
					}
					answers[i] = a.Text()
				})
			}
			wg.Wait()
			return c.Send(strings.Join(answers[:], " against "))
		})
		r.Handle("ping", func(c *vk.Context) error { return c.Send("pong") })
		bot.Start(r)
		anna.Says("!duel")
		anna.HearsLike("Player .*")
		anna.HearsLike("Player .*")
		anna.Says("stone")
		time.Sleep(time.Minute)
		bot.User("Clara").In(chat) // not asked
		boris.Says("paper")
		anna.Hears("stone against paper")
		anna.Says("!ping")
		anna.Hears("pong")
	})
}

// TestGoroutineLeftWaiting: a goroutine that still waits when the handler
// returns gets an error, and blocks nothing.
func TestGoroutineLeftWaiting(t *testing.T) {
	bubble(t, func(t *testing.T) {
		logger, _ := logTo()
		errs := make(chan error, 2)
		r := vk.NewRouter()
		r.Handle("go", func(c *vk.Context) error {
			go func() {
				_, err := c.Ask("?")
				errs <- err
				_, err = c.Ask("again?")
				errs <- err
			}()
			time.Sleep(time.Second)
			return nil
		})
		r.Handle("ping", func(c *vk.Context) error { return c.Send("pong") })
		bot := vktest.Config{Logger: logger, Dispatcher: &vk.Dispatcher{Workers: 1, MaxEvents: 1}}.Start(t, r)
		anna := bot.User("Anna")
		for range 3 {
			anna.Says("go")
			anna.Hears("?")
			for range 2 {
				if err := <-errs; err == nil {
					t.Error("an answer")
				}
			}
			anna.Says("ping")
			anna.Hears("pong")
		}
		anna.HearsNothing()
	})
}

// TestStopEndsWaits: a stop ends waits at once with ErrStopped, their handlers
// have time to report it, and no new wait begins.
func TestStopEndsWaits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newDiary()
		logger, log := logTo()
		r := vk.NewRouter()
		r.Handle("ask", func(c *vk.Context) error {
			_, err := c.Ask("?")
			d.note("ask: %v, %v", err, c.Send("Later."))
			_, err = c.Ask("and now?")
			return err
		})
		r.Handle("watch", func(c *vk.Context) error {
			_, _, err := vk.Wait(c, vk.EventGroupJoin, nil)
			d.note("watch: %v", err)
			return err
		})
		r.Handle("park", func(c *vk.Context) error {
			err := c.Park(func() error { <-c.Done(); return context.Cause(c) })
			d.note("park: %v", err)
			return err
		})
		r.Handle("late", func(c *vk.Context) error {
			time.Sleep(time.Second)
			_, err := c.Ask("late?")
			d.note("late: %v", err)
			return err
		})
		bot := vktest.Config{Logger: logger}.Start(t, r)
		start := time.Now()
		for _, text := range []string{"ask", "watch", "park", "late"} {
			bot.User(text).Says(text)
			time.Sleep(100 * time.Millisecond)
		}
		if err := bot.Stop(); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("took %v", took)
		}
		for i, line := range d.lines {
			d.lines[i] = strings.SplitN(line, " ", 2)[1]
		}
		for _, want := range []string{"ask: vk: stopped, <nil>", "watch: vk: stopped", "park: vk: stopped", "late: vk: stopped"} {
			if !strings.Contains(strings.Join(d.lines, "\n"), want) {
				t.Errorf("%q lacks %q", d.lines, want)
			}
		}
		if strings.Contains(log.String(), "ERROR") {
			t.Error(log)
		}
		if n := len(bot.Calls("messages.send")); n != 2 {
			t.Errorf("%d messages sent", n)
		}
	})
}

// TestStuckPark: a Park with a function that does not end with the Context is
// abandoned, like any handler.
func TestStuckPark(t *testing.T) {
	bubble(t, func(t *testing.T) {
		logger, log := logTo()
		forever := make(chan struct{})
		d := &vk.Dispatcher{Logger: logger, DrainTime: time.Second, Grace: time.Second, Handler: vk.HandlerFunc(func(c *vk.Context) error {
			return c.Park(func() error { <-forever; return nil })
		})}
		d.Dispatch(t.Context(), message(t, 1, "x"))
		synctest.Wait()
		start := time.Now()
		d.Stop(t.Context())
		if took := time.Since(start); took != 2*time.Second || !strings.Contains(log.String(), "abandoned") {
			t.Errorf("took %v, log:\n%s", took, log)
		}
		close(forever)
		synctest.Wait()
		if n := d.Pending(); n != 0 {
			t.Errorf("%d pending", n)
		}
	})
}
