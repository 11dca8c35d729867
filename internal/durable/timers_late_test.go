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
		if n := strings.Count(log.String(), "timers are late"); n != 1 {
			t.Errorf("%d lines\n%s", n, log.String())
		}
	})
}

// A downStore fails while it is down.
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
