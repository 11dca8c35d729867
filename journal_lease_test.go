package vk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/filestore"
)

// A cutStore is a Store that can be cut off, or fail some times.
type cutStore struct {
	Store
	cut   atomic.Bool
	fails atomic.Int64 // so many more Swaps fail
}

func (s *cutStore) Get(ctx context.Context, key string) ([]byte, error) {
	if s.cut.Load() {
		return nil, errors.New("cut off")
	}
	return s.Store.Get(ctx, key)
}

func (s *cutStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if s.cut.Load() || s.fails.Add(-1) >= 0 {
		return false, errors.New("cut off")
	}
	return s.Store.Swap(ctx, key, old, new, ttl)
}

// stored returns what is stored of a slot, without the owner's name and the
// times.
func stored(t *testing.T, s Store, slot int) record {
	t.Helper()
	jr := &journal{group: 7}
	raw, err := s.Get(t.Context(), jr.key(slot))
	if err != nil {
		t.Fatal(err)
	}
	r, err := readRecord(raw)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// journalOf opens the journal of community 7.
func journalOf(t *testing.T, o *offerer) *journal {
	t.Helper()
	jr, err := o.d.journal(t.Context(), 7)
	if err != nil {
		t.Fatal(err)
	}
	return jr
}

// parked is a handler that waits until it is stopped.
var parked = HandlerFunc(func(c *Context) error {
	c.Park(func() error { <-c.Done(); return nil })
	return context.Cause(c)
})

// TestCutOffProcess: a process that cannot reach the store for some time is
// taken for dead. When it can again, it has another record, with what it has,
// and its claims count.
func TestCutOffProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := others{new(MemoryStore)}
		link := &cutStore{Store: shared}
		a, b := newOfferer(link, parked), newOfferer(shared, parked)
		a.offer(t, "a")
		if kept, err := a.keep(t, "a"); !kept || err != nil {
			t.Error(kept, err)
		}
		b.offer(t, "b")
		link.cut.Store(true)
		time.Sleep(time.Minute)
		if r := stored(t, shared, 0); r.Owner != "" || len(r.Events) != 0 {
			t.Errorf("b has left a's record at %+v", r)
		}
		// Somebody else gets the record.
		c := newOfferer(shared, parked)
		c.offer(t, "c")
		link.cut.Store(false)
		time.Sleep(time.Minute)
		jr := journalOf(t, a)
		if _, err := jr.holder(); err != nil || jr.slot != 2 {
			t.Errorf("slot %d: %v", jr.slot, err)
		}
		if r := stored(t, shared, 2); r.Owner != jr.owner || len(r.Events) != 1 || !strings.Contains(string(r.Events[0].Raw), `"text":"a"`) {
			t.Errorf("the new record is %+v", r)
		}
		if r := stored(t, shared, 0); r.Owner != journalOf(t, c).owner {
			t.Errorf("c's record is %+v", r)
		}
		a.offer(t, "new")
		if state, _, err := b.offer(t, "new"); state != alreadyRunning || err != nil {
			t.Error(state, err)
		}
		for _, o := range []*offerer{a, b, c} {
			o.d.Stop(t.Context())
		}
	})
}

// TestInheritWithoutRecord: a process that has lost its own record does not
// strike off what the dead have left.
func TestInheritWithoutRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := others{new(MemoryStore)}
		a, b := newOfferer(shared, parked), newOfferer(shared, parked)
		b.offer(t, "b")
		a.offer(t, "a")
		a.keep(t, "a")
		journalOf(t, a).end() // a dies
		jr := journalOf(t, b)
		raw, _ := shared.Get(t.Context(), jr.key(0))
		shared.Swap(t.Context(), jr.key(0), raw, record{Owner: "another", Until: time.Now().Add(time.Hour).UnixMilli()}.append(nil), 0)
		jr.beat.Stop()
		time.Sleep(time.Minute)
		if _, err := jr.inherit(t.Context()); !errors.Is(err, errNoLease) {
			t.Error(err)
		}
		if r := stored(t, shared, 1); len(r.Events) != 1 {
			t.Errorf("what a has left is %+v", r)
		}
		a.d.Stop(t.Context())
		b.d.Stop(t.Context())
	})
}

// TestLatestPlace: a run goes on from where the history was followed to, not
// from what a process that does not follow it has found when it began.
func TestLatestPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := others{new(MemoryStore)}
		a, b := newOfferer(shared, parked), newOfferer(shared, parked)
		jr := journalOf(t, a)
		jr.add("1", nil)
		jr.save(t.Context())
		b.offer(t, "b")
		time.Sleep(time.Minute)
		jr.add("2", nil)
		jr.save(t.Context())
		a.d.Stop(t.Context())
		time.Sleep(time.Minute) // b renews its lease
		journalOf(t, b).add("1", nil)
		journalOf(t, b).write(t.Context(), true)
		c := newOfferer(shared, parked)
		if ts := journalOf(t, c).ts; ts != "2" {
			t.Errorf("it goes on from %q", ts)
		}
		c.d.Stop(t.Context())
		b.d.Stop(t.Context())
	})
}

// TestForgiven: of the deaths of the bot that an event has lived to see, none
// counts once its handler waits, or the bot has stopped.
func TestForgiven(t *testing.T) {
	running := HandlerFunc(func(c *Context) error { <-c.Done(); return context.Cause(c) })
	for _, tc := range []struct {
		name string
		h    Handler
		stop bool
		want int
	}{
		{"runs", running, false, 1},
		{"waits", parked, false, 0},
		{"stopped", running, true, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := new(MemoryStore)
				a := newOfferer(store, running)
				a.d.TimeLimit, a.d.DrainTime = -1, time.Second
				a.offer(t, "a")
				a.keep(t, "a")
				journalOf(t, a).end() // a dies
				b := newOfferer(store, tc.h)
				b.d.TimeLimit, b.d.DrainTime = -1, time.Second
				if err := b.d.resume(t.Context(), b.feed, nil, 7); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if r := stored(t, store, 0); len(r.Events) != 1 || r.Events[0].Tries != 1 {
					t.Errorf("at first %+v", r)
				}
				if tc.stop {
					b.d.Stop(t.Context())
				} else if err := journalOf(t, b).write(t.Context(), true); err != nil {
					t.Error(err)
				}
				if r := stored(t, store, 0); len(r.Events) != 1 || r.Events[0].Tries != tc.want {
					t.Errorf("then %+v", r)
				}
				b.d.Stop(t.Context())
				a.d.Stop(t.Context())
			})
		})
	}
}

// TestWrittenLater: what could not be written is written as soon as the store
// works again, with nothing else happening.
func TestWrittenLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &cutStore{Store: new(MemoryStore)}
		o := newOfferer(own{s}, parked)
		jr := journalOf(t, o)
		s.fails.Store(3)
		jr.add("1", []*Event{textEvent(t, "a", "a")})
		jr.save(t.Context())
		if r := stored(t, s, 0); len(r.Events) != 0 {
			t.Errorf("at first %+v", r)
		}
		time.Sleep(time.Minute)
		if r := stored(t, s, 0); len(r.Events) != 1 || r.TS != "1" {
			t.Errorf("then %+v", r)
		}
		o.d.Stop(t.Context())
	})
}

// own says that a Store belongs to this process.
type own struct{ Store }

func (own) Exclusive() bool { return true }

// BenchmarkKept is what an event of 1.2 KB costs on its way from a Poller's
// batch of 100 to a handler that does nothing: as if it could come once only,
// then without a Store, and with one. In the last forms, so many other events
// are not done.
func BenchmarkKept(b *testing.B) {
	pad := make([]byte, 900)
	for i := range pad {
		pad[i] = 'x'
	}
	raw := func(i int) []byte {
		return fmt.Appendf(nil, `{"type":"message_new","event_id":"0123456789012345678901234567890123456789%d","group_id":7,"v":"5.199","object":{"message":{"peer_id":%d,"from_id":1,"text":"x","x":%q}}}`, i, i%1000+1, pad)
	}
	bench := func(b *testing.B, store Store, waiting int, once bool) {
		b.ReportAllocs()
		d := &Dispatcher{Store: store, Logger: slog.New(slog.DiscardHandler), Handler: HandlerFunc(func(c *Context) error {
			if c.event.Derived == "wait" {
				return c.Park(func() error { <-c.Done(); return context.Cause(c) })
			}
			return nil
		})}
		d.init()
		f := d.feed()
		var jr *journal
		if store != nil {
			var err error
			if jr, err = d.journal(b.Context(), 7); err != nil {
				b.Fatal(err)
			}
			jr.use(f, nil)
			var events []*Event
			for i := range waiting {
				e, _ := ParseEvent(raw(-1 - i))
				e.Derived = "wait"
				events = append(events, e)
			}
			jr.add("0", events)
			jr.handle(b.Context(), f, nil)
			jr.mu.Lock()
			for _, e := range jr.tail {
				e.came = time.Time{} // they have been waiting for long
			}
			jr.mu.Unlock()
			jr.save(b.Context())
		}
		n := 0
		for b.Loop() {
			if n++; n%100 != 0 {
				continue // an iteration is an event
			}
			events := make([]*Event, 0, 100)
			for i := range 100 {
				e, err := ParseEvent(raw(n + i))
				if err != nil {
					b.Fatal(err)
				}
				events = append(events, e)
			}
			if jr != nil {
				jr.add(strconv.Itoa(n), events)
				jr.save(b.Context())
				jr.handle(b.Context(), f, nil)
				continue
			}
			for _, e := range events {
				j := &job{d: d, feed: f, ctx: b.Context(), ev: e}
				if once {
					d.put(b.Context(), j)
				} else {
					d.putOnce(b.Context(), j)
				}
			}
		}
		d.Stop(context.Background())
	}
	b.Run("unclaimed", func(b *testing.B) { bench(b, nil, 0, true) })
	b.Run("no store", func(b *testing.B) { bench(b, nil, 0, false) })
	for _, waiting := range []int{0, 100, 10_000} {
		b.Run(fmt.Sprintf("memory/waiting=%d", waiting), func(b *testing.B) { bench(b, new(MemoryStore), waiting, false) })
	}
	b.Run("file/waiting=0", func(b *testing.B) {
		s, err := filestore.Open(filepath.Join(b.TempDir(), "s"))
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		bench(b, s, 0, false)
	})
	b.Run("shared/waiting=0", func(b *testing.B) { bench(b, others{new(MemoryStore)}, 0, false) })
}

// TestForgetsWhileFailing: what is done is not kept in memory while it cannot be
// written, or since another Dispatcher has the record.
func TestForgetsWhileFailing(t *testing.T) {
	for _, why := range []string{"fails", "lost"} {
		t.Run(why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				shaky := newShakyStore(1, 0)
				jr := openNext(t, ownStore{shaky})
				if why == "fails" {
					shaky.setShare(1)
				} else {
					openNext(t, ownStore{shaky}).close(t.Context())
				}
				for n := range 500 {
					id := fmt.Sprint(n)
					jr.add(id, []*Event{textEvent(t, id, strings.Repeat("x", 1000))})
					if n%2 == 0 {
						time.Sleep(2 * time.Second) // it gets old
					}
					jr.save(t.Context())
					jr.find(id).settle(true)
				}
				jr.mu.Lock()
				n := len(jr.tail)
				jr.mu.Unlock()
				if n > 2 {
					t.Errorf("%d events are kept that are done", n)
				}
				shaky.setShare(0)
				jr.close(t.Context())
			})
		})
	}
}

// TestSegmentErased: that a segment is gone because another process took it over
// meanwhile is no error.
func TestSegmentErased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := others{new(MemoryStore)}
		racing := &racingStore{Store: shared}
		a, b, c := openNext(t, shared), openNext(t, racing), openNext(t, shared)
		a.fill(t, "a")
		a.end() // it dies
		time.Sleep(time.Minute)
		faster := false
		race := func(key string) {
			if strings.Count(key, "/") != 3 || faster {
				return
			}
			faster = true
			c.inheritAll(t)
			c.close(t.Context())
		}
		racing.before.Store(&race)
		b.inheritAll(t)
		if !faster || len(b.undone()) != 20 {
			t.Errorf("%d are taken over", len(b.undone()))
		}
		b.close(t.Context())
	})
}

// racingStore changes before it is read.
type racingStore struct {
	Store
	before atomic.Pointer[func(key string)]
}

func (s *racingStore) Get(ctx context.Context, key string) ([]byte, error) {
	if f := s.before.Load(); f != nil {
		(*f)(key)
	}
	return s.Store.Get(ctx, key)
}
