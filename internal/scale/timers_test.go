package scale

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// member is a process with timers. Its Store is another value than those of the others,
// as in another process.
type member struct {
	*process
	link   *frail
	timers *vk.Timers[string]
}

// ownStore is the Store of one process, which cannot reach it when its link is cut.
type ownStore struct {
	all  *vk.MemoryStore
	link *frail
}

// Get implements [vk.Store].
func (s *ownStore) Get(ctx context.Context, key string) ([]byte, error) {
	if s.link.isCut() {
		return nil, errDown
	}
	return s.all.Get(ctx, key)
}

// Swap implements [vk.Store].
func (s *ownStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if s.link.isCut() {
		return false, errDown
	}
	return s.all.Swap(ctx, key, old, new, ttl)
}

// List implements [vk.Lister].
func (s *ownStore) List(ctx context.Context, prefix string, yield func(key string, value []byte) bool) error {
	if s.link.isCut() {
		return errDown
	}
	return s.all.List(ctx, prefix, yield)
}

// startTimers starts a process with timers.
func startTimers(t *testing.T, q vk.Queue, s *vk.MemoryStore, name string, handled func(name, what string)) *member {
	link := &frail{Queue: q}
	store := &ownStore{s, link}
	m := &member{link: link, timers: &vk.Timers[string]{Store: store, Name: "remind"}}
	r := vk.NewRouter("!")
	m.timers.Handle(r, func(c *vk.Context, what string) error {
		if !m.link.isCut() {
			handled(name, what)
		}
		return nil
	})
	r.Handle("remind {in:duration} {what}", func(c *vk.Context) error {
		d, err := time.ParseDuration(c.Arg("in"))
		if err != nil {
			return err
		}
		_, err = m.timers.After(c, d, c.Arg("what"))
		return err
	})
	m.process = start(t, m.link, store, r.Serve)
	return m
}

// TestTimersTakeover: a process that has set timers is killed before they are due, and
// another one when they are. Each is handled once, and in time, except that those which the
// second process is handling at that moment may be handled again.
func TestTimersTakeover(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const n = 1000
		q, s := new(vktest.Queue), new(vk.MemoryStore)
		var mu sync.Mutex
		count, cut := make(map[string]int), make(map[string]bool)
		began := time.Now()
		var last time.Duration
		handled := func(name, what string) {
			mu.Lock()
			defer mu.Unlock()
			count[what]++
			last = time.Since(began)
			if name == "B" && last == time.Minute {
				cut[what] = true
			}
		}
		a := startTimers(t, q, s, "A", handled)
		b := startTimers(t, q, s, "B", handled)
		c := startTimers(t, q, s, "C", handled)
		for i := range n {
			a.tell(t, fmt.Sprint("e", i), i+1, fmt.Sprint("!remind 60s no", i))
		}
		time.Sleep(30 * time.Second)
		a.link.set(func(f *frail) { f.cut = true })
		time.Sleep(time.Until(began.Add(60 * time.Second)))
		b.link.set(func(f *frail) { f.cut = true })
		time.Sleep(time.Minute)
		mu.Lock()
		for i := range n {
			what := fmt.Sprint("no", i)
			if k := count[what]; k != 1 && !(k == 2 && cut[what]) {
				t.Errorf("timer %d was handled %d times", i, k)
			}
		}
		if late := last - time.Minute; late > 15*time.Second+2*vk.QueueLease {
			t.Errorf("the last timer was %v late", late)
		}
		mu.Unlock()
		s.List(context.Background(), "timer/", func(key string, value []byte) bool {
			if !bytes.Contains(value, []byte(`"over":true`)) { // a note for the handler that has set it
				t.Errorf("%s is still in the store", key)
			}
			return true
		})
		for _, m := range []*member{a, b} {
			m.link.set(func(f *frail) { f.cut = false })
		}
		stop(a.process, b.process, c.process)
	})
}

// TestTimersMoved: a timer that another process moves or cancels is handled when it is
// due by then, or not at all; one that comes each day comes each day.
func TestTimersMoved(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q, s := new(vktest.Queue), new(vk.MemoryStore)
		var log diary
		began := time.Now()
		handled := func(_, what string) { log.note("%v %s", time.Since(began).Round(time.Minute), what) }
		a := startTimers(t, q, s, "A", handled)
		b := startTimers(t, q, s, "B", handled)
		ctx, key := context.Background(), vk.Key{Group: group, Peer: 1, User: 1}
		for _, id := range []string{"stays", "moved", "canceled"} {
			if err := a.timers.Set(ctx, key, id, began.Add(time.Minute), id); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.timers.Set(ctx, key, "moved", began.Add(5*time.Minute), "moved"); err != nil {
			t.Fatal(err)
		}
		if was, err := b.timers.Cancel(ctx, key, "canceled"); !was || err != nil {
			t.Fatal(was, err)
		}
		at := vk.Daily{Hour: began.UTC().Hour(), Minute: began.UTC().Minute() + 10}
		if err := b.timers.Repeat(ctx, key, "daily", at, "daily"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		b.stop()
		time.Sleep(48 * time.Hour)
		log.is(t, "1m0s stays", "5m0s moved", "10m0s daily", "24h10m0s daily", "48h10m0s daily")
		stop(a.process)
	})
}

// TestTimerCanceledInQueue: a timer that is canceled or moved after it was put into the
// Queue, while another handler of its conversation runs, is not handled for that.
func TestTimerCanceledInQueue(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q, s := new(vktest.Queue), new(vk.MemoryStore)
		var log diary
		began := time.Now()
		handled := func(_, what string) {
			log.note("%v %s", time.Since(began).Round(time.Second), what)
			if what == "long" {
				time.Sleep(time.Minute)
			}
		}
		a := startTimers(t, q, s, "A", handled)
		b := startTimers(t, q, s, "B", handled)
		ctx, key := context.Background(), vk.Key{Group: group, Peer: 1, User: 1}
		for i, what := range []string{"long", "canceled", "moved", "stays"} {
			if err := a.timers.Set(ctx, key, what, began.Add(time.Duration(i+1)*time.Second), what); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(30 * time.Second)
		if was, err := b.timers.Cancel(ctx, key, "canceled"); !was || err != nil {
			t.Fatal(was, err)
		}
		if err := b.timers.Set(ctx, key, "moved", began.Add(2*time.Minute), "moved"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		log.is(t, "1s long", "1m1s stays", "2m0s moved")
		stop(a.process, b.process)
	})
}

// TestForeignWatch: a wait for events of another conversation is refused.
func TestForeignWatch(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var log diary
		note := func(name string, err error) {
			var wrong *vk.ConfigError
			log.note("%s: refused %v", name, errors.As(err, &wrong) && wrong.Field == "From")
		}
		short := vk.Within(time.Second)
		a := start(t, new(vktest.Queue), new(vk.MemoryStore), func(c *vk.Context) error {
			_, err := c.Ask("?", short)
			note("own question", err)
			_, err = c.Ask("?", short, vk.From{Peer: 99, User: 99})
			note("question elsewhere", err)
			_, _, err = vk.Wait(c, vk.EventMessageNew, nil, short)
			note("own conversation", err)
			_, _, err = vk.Wait(c, vk.EventMessageNew, nil, short, vk.From{})
			note("any conversation", err)
			_, _, err = vk.Wait(c, vk.EventGroupJoin, nil, short)
			note("anybody joins", err)
			_, _, err = vk.Wait(c, vk.EventGroupJoin, nil, short, vk.From{User: c.FromID()})
			note("the person joins", err)
			return nil
		})
		a.tell(t, "e1", 1, "go")
		settle()
		log.is(t, "own question: refused false", "question elsewhere: refused true", "own conversation: refused false",
			"any conversation: refused true", "anybody joins: refused true", "the person joins: refused false")
		stop(a)
	})
}
