package promises_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// TestDoneIsWrittenSoon: what was done a quarter of a second before the process
// is killed is not repeated; what was done later may be.
func TestDoneIsWrittenSoon(t *testing.T) {
	for after, want := range map[time.Duration][]string{
		260 * time.Millisecond: nil,
		240 * time.Millisecond: {"1"},
	} {
		t.Run(after.String(), func(t *testing.T) {
			var h texts
			eachStore(t, func() vk.Handler { return &h }, func(t *testing.T, r *runner) {
				h.take()
				b := r.start()
				time.Sleep(time.Minute + time.Millisecond) // a lease that is renewed has it all
				r.vk.User("Anna").Says("1")
				h.expect(t, "1")
				time.Sleep(after)
				b.kill()
				r.start()
				time.Sleep(time.Minute)
				if r.shared { // the claim says that it was done
					h.expect(t)
				} else {
					h.expect(t, want...)
				}
			})
		})
	}
}

// TestCutOffFromStore: a process that lives but does not reach the shared store
// for longer than a lease is taken for dead. Then an event is handled twice, by
// it and by another; afterwards each is handled once again, by both processes.
func TestCutOffFromStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h texts
		var first atomic.Pointer[bot]
		r := newRunner(t, vk.HandlerFunc(func(c *vk.Context) error {
			if c.Text() == "slow" {
				time.Sleep(50 * time.Second)
			}
			who := "b "
			if c.Client() == first.Load().p.Client {
				who = "a "
			}
			h.note(who + c.Text())
			return nil
		}))
		r.shared = true
		own := r.store
		cut := &faultyStore{Store: own, rand: rand.New(rand.NewPCG(1, 2))}
		r.store = cut
		anna := r.vk.User("Anna")
		a := r.start()
		first.Store(a)
		time.Sleep(time.Minute)
		anna.Says("slow")
		synctest.Wait()
		r.store = own
		b := r.start()
		time.Sleep(20 * time.Second)
		cut.set(1)
		time.Sleep(25 * time.Second)
		cut.set(0)
		time.Sleep(2 * time.Minute)
		h.expect(t, "a slow", "b slow")
		for i := range 20 {
			anna.Says(strconv.Itoa(i))
			time.Sleep(time.Second)
		}
		synctest.Wait()
		got := h.take()
		for i := range got {
			_, got[i], _ = strings.Cut(got[i], " ")
		}
		slices.SortFunc(got, byNumber)
		if len(got) != 20 || len(slices.Compact(got)) != 20 {
			t.Errorf("afterwards %q", got)
		}
		b.stop()
		anna.Says("alone")
		h.expect(t, "a alone")
		a.stop()
	})
}

// TestPoisonAlone: from the third run on, what the runs before have died of is
// handled one at a time; in the first two together, as ever.
func TestPoisonAlone(t *testing.T) {
	var now atomic.Pointer[bot]
	var mu sync.Mutex
	running, most := 0, 0
	handler := func() vk.Handler {
		return vk.HandlerFunc(func(c *vk.Context) error {
			mu.Lock()
			running++
			most = max(most, running)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			running--
			mu.Unlock()
			now.Load().kill()
			return nil
		})
	}
	eachStore(t, handler, func(t *testing.T, r *runner) {
		var got []int
		for i := range 7 {
			b := r.start()
			now.Store(b)
			time.Sleep(time.Minute)
			if i == 0 {
				for _, name := range []string{"Anna", "Bob", "Carl"} {
					r.vk.User(name).Says("hi")
				}
				time.Sleep(time.Minute)
			}
			mu.Lock()
			got = append(got, most)
			most = 0
			mu.Unlock()
		}
		if want := []int{3, 3, 1, 1, 1, 1, 1}; !slices.Equal(got, want) {
			t.Errorf("so many were handled at once: %v, want %v", got, want)
		}
	})
}

// A clockedStore notes when it was written to.
type clockedStore struct {
	vk.Store
	mu    sync.Mutex
	times []time.Time
}

func (s *clockedStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	s.mu.Lock()
	s.times = append(s.times, time.Now())
	s.mu.Unlock()
	return s.Store.Swap(ctx, key, old, new, ttl)
}

func (s *clockedStore) take() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	times := s.times
	s.times = nil
	return times
}

// TestStoreIsTriedAgain: while the store fails, it is tried again at least each
// ten seconds, and not without a pause.
func TestStoreIsTriedAgain(t *testing.T) {
	var h texts
	eachStore(t, func() vk.Handler { return &h }, func(t *testing.T, r *runner) {
		h.take()
		s := &faultyStore{Store: r.store, rand: rand.New(rand.NewPCG(1, 2))}
		clock := &clockedStore{Store: s}
		r.store = clock
		b := r.start()
		time.Sleep(time.Minute)
		s.set(1)
		r.vk.User("Anna").Says("1")
		h.expect(t, "1")
		clock.take()
		last := time.Now()
		time.Sleep(time.Hour)
		times := clock.take()
		for _, at := range append(times, time.Now()) {
			if pause := at.Sub(last); pause > 10*time.Second {
				t.Errorf("a pause of %v", pause)
			}
			last = at
		}
		if n := len(times); n > 2000 {
			t.Errorf("%d tries in an hour", n)
		}
		s.set(0)
		b.stop()
	})
}

// TestSlowStore: a store that takes long to write is not always being written.
func TestSlowStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var done atomic.Int64
		r := newRunner(t, vk.HandlerFunc(func(c *vk.Context) error {
			time.Sleep(300 * time.Millisecond)
			done.Add(1)
			return nil
		}))
		const takes = 200 * time.Millisecond
		clock := &clockedStore{Store: slowStore{Store: r.store, takes: takes}}
		r.store = clock
		anna := r.vk.User("Anna")
		b := r.start()
		time.Sleep(time.Minute)
		clock.take()
		for range 200 {
			anna.Says("hi")
		}
		time.Sleep(50 * time.Second)
		synctest.Wait()
		if busy := time.Duration(len(clock.take())) * takes; busy > 10*time.Second || done.Load() < 150 {
			t.Errorf("it was being written for %v while %d events were done", busy, done.Load())
		}
		b.stop()
	})
}

// TestLease: a process says every five seconds that it is alive. If it has not
// for 15, another handles what it had, and no sooner.
func TestLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h texts
		var first atomic.Pointer[bot]
		r := newRunner(t, vk.HandlerFunc(func(c *vk.Context) error {
			if c.Client() == first.Load().p.Client {
				<-c.Done()
				return nil
			}
			return h.Serve(c)
		}))
		r.shared = true
		own := r.store
		clock := &clockedStore{Store: own}
		r.store = clock
		a := r.start()
		first.Store(a)
		time.Sleep(time.Minute + time.Second)
		clock.take()
		time.Sleep(time.Minute)
		if n := len(clock.take()); n != 12 {
			t.Errorf("it says %d times a minute that it is alive", n)
		}
		r.vk.User("Anna").Says("1")
		synctest.Wait()
		r.store = own
		r.start()
		time.Sleep(10 * time.Second)
		h.expect(t)
		clock.take()
		for len(clock.take()) == 0 { // until it has just said so
			time.Sleep(10 * time.Millisecond)
		}
		a.kill()
		time.Sleep(14 * time.Second)
		h.expect(t)
		time.Sleep(7 * time.Second) // a lease, and until the other looks
		h.expect(t, "1")
	})
}

// TestNamedSends: the sends of two handlers of one event are two, also if both
// have given them the same name.
func TestNamedSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := vktest.New(t)
		r := vk.NewRouter()
		r.Listen(func(c *vk.Context) error { return c.Send("of a listener", vk.As("receipt")) })
		r.Listen(func(c *vk.Context) error { return c.Send("of another", vk.As("receipt")) })
		r.Handle("buy", func(c *vk.Context) error { return c.Send("of the route", vk.As("receipt")) })
		bot.Start(r)
		anna := bot.User("Anna")
		anna.Says("buy")
		anna.Hears("of a listener")
		anna.Hears("of another")
		anna.Hears("of the route")
	})
}

// TestTheEnd: when the context of Run ends, a handler has ten seconds in which it
// can answer, then its context ends with cause ErrStopped, and after another ten
// it is abandoned; who waits gets ErrStopped at once; what had not begun does not
// begin. Then Run returns.
func TestTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		log, lines := logTo()
		bot := vktest.New(t)
		release := make(chan struct{})
		p := &vk.Poller{Client: bot.Client(), Logger: log, Handler: vk.HandlerFunc(func(c *vk.Context) error {
			switch c.Text() {
			case "waits":
				err := c.Park(func() error { <-c.Done(); return context.Cause(c) })
				d.note("waits: %v", errors.Is(err, vk.ErrStopped))
				return err
			case "answers":
				time.Sleep(9 * time.Second)
				return c.Send("Here.")
			case "stuck":
				<-c.Done()
				d.note("stuck: %v", errors.Is(context.Cause(c), vk.ErrStopped))
				<-release
			}
			return nil
		})}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- p.Run(ctx) }()
		time.Sleep(time.Second)
		anna := bot.User("Anna")
		for name, text := range map[string]string{"Bob": "waits", "Carl": "stuck"} {
			bot.User(name).Says(text)
		}
		anna.Says("answers")
		synctest.Wait()
		d.start = time.Now()
		cancel()
		synctest.Wait()
		anna.Says("too late")
		if err := <-ended; err != nil {
			t.Error(err)
		}
		d.note("ended")
		d.is(t, "0s waits: true", "10s stuck: true", "20s ended")
		anna.Hears("Here.")
		if s := lines.String(); strings.Count(s, "abandoned") != 1 || !strings.Contains(s, "TestTheEnd") {
			t.Errorf("log:\n%s", s)
		}
		close(release)
		synctest.Wait()
	})
}

// TestNotBlamed: an event is begun again, however often the bot has stopped while
// it was handled, or has died while its handler waited, soon after its start.
func TestNotBlamed(t *testing.T) {
	var begun atomic.Int64
	for name, tt := range map[string]struct {
		h   vk.HandlerFunc
		end func(b *bot)
	}{
		"stop": {func(c *vk.Context) error { <-c.Done(); return context.Cause(c) }, func(b *bot) { b.stop() }},
		"kill": {func(c *vk.Context) error { _, err := c.Ask("What?"); return err }, (*bot).kill},
	} {
		t.Run(name, func(t *testing.T) {
			handler := func() vk.Handler {
				return vk.HandlerFunc(func(c *vk.Context) error { begun.Add(1); return tt.h(c) })
			}
			eachStore(t, handler, func(t *testing.T, r *runner) {
				for i := range 12 {
					b := r.start()
					for b.p.Status().TS == "" {
						time.Sleep(100 * time.Millisecond)
					}
					if i == 0 {
						r.vk.User("Anna").Says("a")
						r.vk.User("Bob").Says("b")
					}
					time.Sleep(time.Second)
					synctest.Wait()
					if n := begun.Swap(0); n != 2 {
						t.Errorf("run %d: %d have begun", i, n)
					}
					tt.end(b)
				}
			})
			begun.Store(0)
		})
	}
}

// TestKeptBeforeBegun: before an event begins, the store has it, whatever else is
// being written at that moment: it is not lost if the process dies at once, and
// VK has forgotten it when the next one runs.
func TestKeptBeforeBegun(t *testing.T) {
	for second := range 7 {
		t.Run(strconv.Itoa(second), func(t *testing.T) {
			var h texts
			var now atomic.Pointer[bot]
			var begun atomic.Bool
			handler := func() vk.Handler {
				return vk.HandlerFunc(func(c *vk.Context) error {
					if begun.CompareAndSwap(false, true) {
						now.Load().kill()
						return nil
					}
					return h.Serve(c)
				})
			}
			eachStore(t, handler, func(t *testing.T, r *runner) {
				h.take()
				begun.Store(false)
				r.store = slowStore{r.store, time.Second / 2, time.Second / 4, func() bool { return now.Load().dead.Load() }}
				anna := r.vk.User("Anna")
				now.Store(r.start())
				time.Sleep(time.Minute + time.Duration(second)*time.Second + time.Second/2)
				anna.Says("first")
				time.Sleep(8 * time.Second)
				for range 300 {
					anna.Says("later")
				}
				now.Store(r.start())
				time.Sleep(time.Minute)
				synctest.Wait()
				if got := h.take(); !begun.Load() || len(got) == 0 || got[0] != "first" {
					t.Errorf("handled %q", got)
				}
			})
		})
	}
}
