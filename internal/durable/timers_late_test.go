package durable

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// TestDurableTimersAfterOld: a timer that is due at the start is handled after
// the events of its conversation that the last run left unfinished, no matter
// how many other conversations have unfinished events. The handler that set the
// timer sets it once.
func TestDurableTimersAfterOld(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store := new(vk.MemoryStore)
		fake := vktest.Config{Dispatcher: &vk.Dispatcher{Store: store, Workers: 2}, RPS: -1}.New(t)
		code := func() vk.Handler {
			r := vk.NewRouter("!")
			timers := &vk.Timers[string]{Store: fake.Store(), Name: "remind"}
			timers.Handle(r, func(c *vk.Context, what string) error { return c.Send("Reminder: " + what) })
			r.Handle("busy", func(c *vk.Context) error { time.Sleep(30 * time.Second); return nil })
			r.Handle("remind", func(c *vk.Context) error {
				if _, err := timers.After(c, time.Minute, "tea"); err != nil {
					return err
				}
				time.Sleep(10 * time.Second)
				return c.Send("I will.")
			})
			return r
		}
		fake.Start(code())
		anna, boris := fake.User("Anna"), fake.User("Boris")
		boris.Says("!busy")
		anna.Says("!remind")
		sleep(5 * time.Second)
		fake.Kill()
		sleep(time.Hour)
		fake.Start(code())
		sleep(5 * time.Minute)
		anna.Hears("I will.")
		anna.Hears("Reminder: tea")
		anna.HearsNothing()
	})
}

// TestDurableTimersStoreDown: while the Store fails, due timers are retried at
// long intervals, the log says so once, and they fire when the Store recovers.
func TestDurableTimersStoreDown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store := &downStore{MemoryStore: new(vk.MemoryStore)}
		var log bytes.Buffer
		fake := vktest.Config{Dispatcher: &vk.Dispatcher{Store: store}, RPS: -1, Logger: slog.New(slog.NewTextHandler(&log, nil))}.New(t)
		r := vk.NewRouter("!")
		timers := &vk.Timers[string]{Store: fake.Store(), Name: "remind"}
		timers.Handle(r, func(c *vk.Context, what string) error { return c.Send("Reminder: " + what) })
		fake.Start(r)
		anna := fake.User("Anna")
		anna.Says("hello")
		key := vk.Key{Group: fake.GroupID, Peer: anna.ID, User: anna.ID}
		for _, id := range []string{"a", "b", "c"} {
			if err := timers.Set(context.Background(), key, id, time.Now().Add(time.Minute), "tea"); err != nil {
				t.Fatal(err)
			}
		}
		sleep(59 * time.Second)
		store.down.Store(true)
		store.asked.Store(0)
		sleep(time.Minute)
		if n := store.asked.Load(); n == 0 || n > 200 {
			t.Errorf("the store was asked %d times in a minute", n)
		}
		store.down.Store(false)
		sleep(10 * time.Second)
		for range 3 {
			anna.Hears("Reminder: tea")
		}
		anna.HearsNothing()
		fake.Stop()
		for _, text := range []string{"timers are late", "available again: timers are dispatched"} {
			if n := strings.Count(log.String(), text); n != 1 {
				t.Errorf("%s: %d lines\n%s", text, n, log.String())
			}
		}
	})
}

// unlisted is a store that cannot list its timers for a while.
type unlisted struct {
	vk.MemoryStore
	failed int
	until  time.Time
}

func (s *unlisted) List(ctx context.Context, prefix string, yield func(string, []byte) bool) error {
	if strings.HasPrefix(prefix, "timer/") && time.Now().Before(s.until) {
		s.failed++
		return errors.New("no list")
	}
	return s.MemoryStore.List(ctx, prefix, yield)
}

// TestTimersUnread checks that timers that cannot be read are logged once, and
// so is the recovery.
func TestTimersUnread(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var log bytes.Buffer
		store := &unlisted{until: time.Now().Add(10 * time.Minute)}
		logger := slog.New(slog.NewTextHandler(&log, nil))
		fake := vktest.Config{Dispatcher: &vk.Dispatcher{Store: store}, RPS: -1, Logger: logger}.New(t)
		r := vk.NewRouter("!")
		timers := &vk.Timers[string]{Store: store, Name: "remind"}
		timers.Handle(r, func(c *vk.Context, what string) error { return c.Send("Reminder: " + what) })
		anna := fake.User("Anna")
		key := vk.Key{Group: fake.GroupID, Peer: anna.ID, User: anna.ID}
		if err := timers.Set(context.Background(), key, "a", time.Now().Add(time.Minute), "tea"); err != nil {
			t.Fatal(err)
		}
		fake.Start(r)
		anna.Says("hello")
		sleep(11 * time.Minute)
		anna.Hears("Reminder: tea")
		fake.Stop()
		for text, want := range map[string]int{"timers cannot be read: retrying": 1, "available again: timers are read": 1} {
			if n := strings.Count(log.String(), text); n != want || store.failed < 10 {
				t.Errorf("%s: %d lines, with %d failures\n%s", text, n, store.failed, log.String())
			}
		}
	})
}

// askTea is the handler of a timer that asks.
func askTea(c *vk.Context, _ string) error {
	tea, err := c.Ask("Which tea?")
	if err != nil {
		return err
	}
	return c.Send("Here is your " + tea.Text())
}

// TestDurableTimersStopDown: the bot does not use the Store after its stop, even if the
// Store fails while the stop saves the end of a timer with a question.
func TestDurableTimersStopDown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store := &downStore{MemoryStore: new(vk.MemoryStore)}
		fake := vktest.Config{Dispatcher: &vk.Dispatcher{Store: store}, Logger: slog.New(slog.DiscardHandler)}.New(t)
		r := vk.NewRouter("!")
		timers := &vk.Timers[string]{Store: fake.Store(), Name: "quiz"}
		timers.Handle(r, askTea)
		r.Handle("quiz", func(c *vk.Context) error { _, err := timers.After(c, time.Second, ""); return err })
		fake.Start(r)
		anna := fake.User("Anna")
		anna.Says("!quiz")
		anna.Hears("Which tea?")
		anna.Says("green tea")
		anna.Hears("Here is your green tea")
		store.down.Store(true)
		fake.Stop()
		store.asked.Store(0)
		sleep(time.Hour)
		if n := store.asked.Load(); n > 0 {
			t.Errorf("the store was asked %d times after the stop", n)
		}
		store.down.Store(false)
		fake.Start(r)
		sleep(time.Minute)
		anna.HearsNothing()
		timers.List(t.Context(), fake.GroupID)(func(timer vk.Timer[string], err error) bool {
			t.Errorf("left: %v, %v", timer, err)
			return true
		})
	})
}

// TestDurableTimersAnsweredWhileDown: the question of a timer gets an answer that was
// written while no bot ran, however long the Store takes to list the timers.
func TestDurableTimersAnsweredWhileDown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store := &slowLists{new(vk.MemoryStore), time.Second}
		fake := vktest.Config{Dispatcher: &vk.Dispatcher{Store: store}}.New(t)
		r := vk.NewRouter("!")
		timers := &vk.Timers[string]{Store: fake.Store(), Name: "quiz"}
		timers.Handle(r, askTea)
		r.Handle("quiz", func(c *vk.Context) error { _, err := timers.After(c, time.Second, ""); return err })
		r.When(vk.If(func(*vk.Context) bool { return true }), func(c *vk.Context) error { return c.Send("Welcome!") })
		fake.Start(r)
		anna := fake.User("Anna")
		anna.Says("!quiz")
		anna.Hears("Which tea?")
		fake.Stop()
		anna.Says("green tea")
		fake.Start(r)
		anna.Hears("Here is your green tea")
		anna.HearsNothing()
	})
}

// A slowLists is a Store that takes some time to list values.
type slowLists struct {
	*vk.MemoryStore
	takes time.Duration
}

// List implements vk.Lister.
func (s *slowLists) List(ctx context.Context, prefix string, yield func(string, []byte) bool) error {
	time.Sleep(s.takes)
	return s.MemoryStore.List(ctx, prefix, yield)
}

// A downStore fails to read while it is down.
type downStore struct {
	*vk.MemoryStore
	down  atomic.Bool
	asked atomic.Int64
}

// Get implements vk.Store.
func (s *downStore) Get(ctx context.Context, key string) ([]byte, error) {
	s.asked.Add(1)
	if s.down.Load() {
		return nil, errors.New("down")
	}
	return s.MemoryStore.Get(ctx, key)
}

// quiz is a dialogue that a timer begins.
func quiz(s *vktest.Stage) vk.Handler {
	r := vk.NewRouter("!")
	timers := &vk.Timers[string]{Store: s.Store, Name: "quiz"}
	timers.Handle(r, func(c *vk.Context, _ string) error {
		tea, err := c.Ask("Which tea?", vk.Choices("Green", "Black"), vk.Within(24*time.Hour))
		if err != nil {
			return err
		}
		cups, err := c.Ask("How many cups?", vk.Within(24*time.Hour))
		if err != nil {
			return err
		}
		return c.Send(cups.Text() + " cups of " + tea.Text())
	})
	r.Handle("quiz", func(c *vk.Context) error {
		if _, err := timers.After(c, 5*time.Second, ""); err != nil {
			return err
		}
		return c.Send("Wait")
	})
	r.Handle("ping", func(c *vk.Context) error { return c.Send("pong") })
	r.When(vk.If(func(*vk.Context) bool { return true }), func(c *vk.Context) error {
		return c.Send("Welcome!") // an answer that is handled as a message is seen
	})
	return r
}

// TestDurableTimersAnswers kills a bot after each change of the store while a timer's
// handler asks: no answer is handled as a message.
func TestDurableTimersAnswers(t *testing.T) {
	for _, store := range stores[1:] { // a foreign store cannot list timers
		for _, source := range []string{"poll", "webhook", "both"} {
			t.Run(store.name+" "+source, func(t *testing.T) {
				c := vktest.SweepConfig{Store: store.make, Poll: source != "webhook", Webhook: source != "poll", Down: time.Minute}
				results := c.Run(t, quiz, func(p *vktest.People) {
					anna := p.User("Anna")
					anna.Says("!quiz")
					anna.Hears("Wait")
					anna.Hears("Which tea?")
					anna.Presses("Green")
					anna.Hears("How many cups?")
					anna.Sleeps(10 * time.Second)
					anna.Says("3")
					anna.Hears("3 cups of Green")
					anna.Says("!ping")
					anna.Hears("pong")
				})
				for _, r := range results {
					if source != "poll" && strings.HasPrefix(r.Key, "timer/") {
						continue // VK redelivers the command after the timer was due: it ends the question
					}
					if !r.Right() {
						t.Error(strings.ReplaceAll(r.String(), "\n", "\n\t"))
					}
				}
			})
		}
	}
}
