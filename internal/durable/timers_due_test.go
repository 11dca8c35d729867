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

// set sets a user's timer outside of handlers.
func set(t *testing.T, s *vktest.Server, timers *vk.Timers[string], u *vktest.User, id string, at time.Time, v string) {
	t.Helper()
	key := vk.Key{Group: s.GroupID, Peer: u.ID, User: u.ID}
	if err := timers.Set(context.Background(), key, id, at, v); err != nil {
		t.Fatal(err)
	}
}

// TestDurableTimersBlame: a crash before a timer was due is not counted against
// it, and a stop is not a crash. Five crashes of runs that began the timer
// count against it.
func TestDurableTimersBlame(t *testing.T) {
	for _, test := range []struct {
		name   string
		due    time.Duration // time after the start of the first run, which lasts a minute
		crash  bool          // the first run ends by a crash
		stops  int           // number of runs stopped after it
		begins int           // number of runs after those that die of the timer
	}{
		{"it was due before the crash", 30 * time.Second, true, 0, 6},
		{"it was due while the bot was down", 5 * time.Minute, true, 0, 5},
		{"it was due at the start", 5 * time.Minute, false, 0, 6},
		{"two runs were stopped", 5 * time.Minute, true, 2, 8},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newBot(t, "", vk.NewRouter())
				b.d.Grace, b.d.DrainTime = time.Second, time.Second
				begun := 0
				code := func() (*vk.Router, *vk.Timers[string]) {
					r := vk.NewRouter("!")
					timers := &vk.Timers[string]{Store: b.Store(), Name: "remind"}
					timers.Handle(r, func(c *vk.Context, _ string) error {
						begun++
						<-c.Done()
						return context.Cause(c)
					})
					return r, timers
				}
				r, timers := code()
				b.Restart(r)
				anna := b.User("Anna")
				anna.Says("hello")
				set(t, b.Server, timers, anna, "poison", time.Now().Add(test.due), "")
				sleep(time.Minute)
				for i := range 12 {
					if i == 0 && !test.crash || i > 0 && i <= test.stops {
						b.Stop()
					} else {
						b.Kill()
					}
					sleep(10 * time.Minute)
					r, _ = code()
					b.Start(r)
					sleep(20 * time.Second)
				}
				if begun != test.begins {
					t.Errorf("begun %d times, want %d", begun, test.begins)
				}
				if left := b.keys("timer/"); left != nil {
					t.Errorf("left: %q", left)
				}
			})
		})
	}
}

// TestDurableTimersAlone: timers suspected of two crashes are handled while
// nothing else is, before the source delivers new events. The start takes no
// longer than they do.
func TestDurableTimersAlone(t *testing.T) {
	for _, n := range []int{20, 400} {
		t.Run(fmt.Sprint(n, " timers"), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newBot(t, "", vk.NewRouter())
				b.d.Workers = 2 * n
				var running, most, fired atomic.Int64
				busy := func() func() {
					now := running.Add(1)
					most.Store(max(most.Load(), now))
					return func() { running.Add(-1) }
				}
				code := func(ends bool) (*vk.Router, *vk.Timers[string]) {
					r := vk.NewRouter("!")
					timers := &vk.Timers[string]{Store: b.Store(), Name: "remind"}
					timers.Handle(r, func(c *vk.Context, _ string) error {
						defer busy()()
						if !ends {
							<-c.Done()
							return nil
						}
						fired.Add(1)
						time.Sleep(100 * time.Millisecond)
						return nil
					})
					r.Handle("ping", func(c *vk.Context) error {
						defer busy()()
						time.Sleep(100 * time.Millisecond)
						return c.Send("pong")
					})
					return r, timers
				}
				r, timers := code(false)
				b.Restart(r)
				var people []*vktest.User
				for i := range n {
					people = append(people, b.User(fmt.Sprint("P", i)))
					people[i].Says("hello")
					set(t, b.Server, timers, people[i], "x", time.Now().Add(time.Minute), "")
				}
				sleep(70 * time.Second)
				b.Kill()
				r, _ = code(false)
				b.Start(r)
				sleep(20 * time.Second)
				b.Kill()
				for range 10 {
					people[0].Says("!ping")
				}
				running.Store(0)
				most.Store(0)
				began := time.Now()
				r, _ = code(true)
				b.Start(r)
				took := time.Since(began)
				sleep(time.Minute)
				group := 1
				if n > 32 {
					group = 20 // the square root of their number
				}
				if most := most.Load(); most > int64(group) {
					t.Errorf("%d handlers ran at once, want %d", most, group)
				}
				if most := time.Duration(n/group) * 120 * time.Millisecond; took > most {
					t.Errorf("the start took %v, want at most %v", took, most)
				}
				if fired := fired.Load(); fired != int64(n) {
					t.Errorf("%d fired, want %d", fired, n)
				}
				if left := b.keys("timer/"); left != nil {
					t.Errorf("%d timers are left", len(left))
				}
			})
		})
	}
}

// A sharedStore is a Store shared by several processes: each process has its
// own value over the same data.
type sharedStore struct {
	*vk.MemoryStore
	gets *atomic.Int64
}

// Exclusive reports false.
func (sharedStore) Exclusive() bool { return false }

// Get implements vk.Store.
func (s sharedStore) Get(ctx context.Context, key string) ([]byte, error) {
	if s.gets != nil && strings.HasPrefix(key, "timernews/") {
		s.gets.Add(1)
	}
	return s.MemoryStore.Get(ctx, key)
}

// TestDurableTimersNews: the running bot finds timers that are set, moved or
// canceled by another process or through a wrapper of the Store: within seconds
// if the Store is shared, otherwise within a minute. In a handler, a wrapper
// makes no difference.
func TestDurableTimersNews(t *testing.T) {
	for _, test := range []struct {
		name  string
		store vk.Store
		late  time.Duration
	}{
		{"another process", sharedStore{new(vk.MemoryStore), new(atomic.Int64)}, 6 * time.Second},
		{"a wrapper", new(vk.MemoryStore), time.Minute + time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				type wrapper struct { // cannot be compared with the Store itself
					vk.Store
					vk.Lister
				}
				fake := vktest.Config{Dispatcher: &vk.Dispatcher{Store: test.store}, RPS: -1}.New(t)
				other := &vk.Timers[string]{Store: wrapper{test.store, test.store.(vk.Lister)}, Name: "remind"}
				r := vk.NewRouter("!")
				other.Handle(r, func(c *vk.Context, what string) error { return c.Send("Reminder: " + what) })
				r.Handle("now", func(c *vk.Context) error { _, err := other.After(c, time.Second, "now"); return err })
				fake.Start(r)
				anna := fake.User("Anna")
				anna.Says("!now")
				sleep(2 * time.Second)
				anna.Hears("Reminder: now")
				for i := range 3 {
					set(t, fake, other, anna, "a", time.Now().Add(time.Second), fmt.Sprint("tea ", i))
					sleep(test.late)
					anna.Hears(fmt.Sprint("Reminder: tea ", i))
				}
				set(t, fake, other, anna, "b", time.Now().Add(5*time.Minute), "moved")
				sleep(2 * time.Minute)
				set(t, fake, other, anna, "b", time.Now().Add(10*time.Minute), "moved")
				set(t, fake, other, anna, "c", time.Now().Add(10*time.Minute), "canceled")
				sleep(2 * time.Minute)
				if was, err := other.Cancel(context.Background(), vk.Key{Group: fake.GroupID, Peer: anna.ID, User: anna.ID}, "c"); !was || err != nil {
					t.Error(was, err)
				}
				sleep(7 * time.Minute)
				anna.HearsNothing()
				sleep(2 * time.Minute)
				anna.Hears("Reminder: moved")
				anna.HearsNothing()
				if s, ok := test.store.(sharedStore); ok {
					before := s.gets.Load()
					sleep(time.Hour)
					if n := s.gets.Load() - before; n < 700 || n > 730 {
						t.Errorf("the Store was asked %d times for news in an hour", n)
					}
				}
				fake.Stop()
			})
		})
	}
}

// TestDurableTimersAtOnce: thousands of timers that are due at the same time,
// while the bot runs or at its start, each fire once. They leave workers for
// new messages: one is answered at once.
func TestDurableTimersAtOnce(t *testing.T) {
	const n, takes = 5000, time.Second
	for _, test := range []struct {
		name string
		down time.Duration
		chat bool // all belong to one conversation
	}{
		{"while the bot runs", 0, false},
		{"at the start", time.Hour, false},
		{"of one conversation", 0, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newBot(t, "", vk.NewRouter())
				var fired [n]atomic.Int32
				code := func() (*vk.Router, *vk.Timers[int]) {
					r := vk.NewRouter("!")
					timers := &vk.Timers[int]{Store: b.Store(), Name: "many"}
					timers.Handle(r, func(c *vk.Context, i int) error {
						fired[i].Add(1)
						if !test.chat {
							time.Sleep(takes)
						}
						return nil
					})
					r.Handle("ping", func(c *vk.Context) error { return c.Send("pong") })
					return r, timers
				}
				r, timers := code()
				b.Restart(r)
				anna := b.User("Anna")
				anna.Says("hello")
				due := time.Now().Add(time.Minute)
				for i := range n {
					key := vk.Key{Group: b.GroupID, Peer: int64(i + 1), User: int64(i + 1)}
					if test.chat {
						key = vk.Key{Group: b.GroupID, Peer: 2_000_000_007}
					}
					if err := timers.Set(context.Background(), key, fmt.Sprint(i), due, i); err != nil {
						t.Fatal(err)
					}
				}
				sleep(59 * time.Second)
				if test.down > 0 {
					b.Stop()
					sleep(test.down)
					r, _ = code()
					b.Start(r)
				}
				sleep(3 * time.Second)
				began := time.Now()
				anna.Says("!ping")
				anna.Hears("pong")
				if took := time.Since(began); took > 100*time.Millisecond {
					t.Errorf("pong after %v", took)
				}
				sleep(2 * n / 64 * takes)
				for i := range fired {
					if n := fired[i].Load(); n != 1 {
						t.Fatalf("timer %d fired %d times", i, n)
					}
				}
				if left := b.keys("timer/"); left != nil {
					t.Errorf("%d timers are left", len(left))
				}
			})
		})
	}
}

// TestDurableTimersParked: timers with handlers that wait for answers do not delay
// other timers.
func TestDurableTimersParked(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBot(t, "", vk.NewRouter())
		b.d.MaxEvents, b.d.Workers = 16, 8
		r := vk.NewRouter("!")
		timers := &vk.Timers[string]{Store: b.Store(), Name: "remind"}
		timers.Handle(r, func(c *vk.Context, what string) error {
			if what == "ask" {
				_, err := c.Ask("?", within)
				return err
			}
			return c.Send(what)
		})
		b.Restart(r)
		for i := range 100 {
			u := b.User(fmt.Sprint("P", i))
			u.Says("hello")
			set(t, b.Server, timers, u, "x", time.Now().Add(time.Second), "ask")
		}
		anna := b.User("Anna")
		anna.Says("hello")
		set(t, b.Server, timers, anna, "x", time.Now().Add(time.Minute), "tea")
		sleep(61 * time.Second)
		anna.Hears("tea")
		if n := len(b.Dispatcher().Open()); n != 100 {
			t.Errorf("%d handlers wait, want 100", n)
		}
	})
}

// TestDurableTimersSetAgain: a timer that is set again while it is handled, for
// the same time with another value or for another time, is handled once more.
func TestDurableTimersSetAgain(t *testing.T) {
	for _, later := range []time.Duration{0, time.Minute} {
		t.Run(fmt.Sprint("by ", later), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newBot(t, "", vk.NewRouter())
				var got []string
				r := vk.NewRouter("!")
				timers := &vk.Timers[string]{Store: b.Store(), Name: "remind"}
				timers.Handle(r, func(c *vk.Context, what string) error {
					got = append(got, what)
					time.Sleep(10 * time.Second)
					return nil
				})
				b.Restart(r)
				anna := b.User("Anna")
				anna.Says("hello")
				due := time.Now().Add(time.Second)
				set(t, b.Server, timers, anna, "x", due, "one")
				sleep(5 * time.Second)
				set(t, b.Server, timers, anna, "x", due.Add(later), "two")
				sleep(5 * time.Minute)
				if s := strings.Join(got, " "); s != "one two" {
					t.Errorf("handled %q", s)
				}
				if left := b.keys("timer/"); left != nil {
					t.Errorf("left: %q", left)
				}
			})
		})
	}
}

// TestDurableTimersHandledWhileDown: a timer that is handled while the Store is
// down is recorded when the Store recovers, and is not handled again after the
// next start.
func TestDurableTimersHandledWhileDown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store := &refuseStore{MemoryStore: new(vk.MemoryStore), prefix: "timer/"}
		fake := vktest.Config{Dispatcher: &vk.Dispatcher{Store: store}, RPS: -1}.New(t)
		fired := 0
		code := func() (*vk.Router, *vk.Timers[string]) {
			r := vk.NewRouter("!")
			timers := &vk.Timers[string]{Store: fake.Store(), Name: "remind"}
			timers.Handle(r, func(c *vk.Context, what string) error { fired++; return c.Send(what) })
			return r, timers
		}
		r, timers := code()
		fake.Start(r)
		anna := fake.User("Anna")
		anna.Says("hello")
		set(t, fake, timers, anna, "x", time.Now().Add(time.Second), "tea")
		store.down.Store(true)
		sleep(10 * time.Minute)
		anna.Hears("tea")
		store.down.Store(false)
		sleep(11 * time.Second)
		fake.Kill()
		r, _ = code()
		fake.Start(r)
		sleep(time.Hour)
		anna.HearsNothing()
		if fired != 1 {
			t.Errorf("fired %d times", fired)
		}
	})
}

// A refuseStore rejects changes of keys with a prefix while it is down.
type refuseStore struct {
	*vk.MemoryStore
	prefix string
	down   atomic.Bool
}

// Swap implements vk.Store.
func (s *refuseStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if s.down.Load() && strings.HasPrefix(key, s.prefix) {
		return false, errors.New("disk full")
	}
	return s.MemoryStore.Swap(ctx, key, old, new, ttl)
}
