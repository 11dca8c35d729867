package promises_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
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

// TestDoneIsWrittenSoon checks that an event handled a quarter of a second
// before the process is killed is not repeated. Later ones may be.
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
				time.Sleep(time.Minute + time.Millisecond) // just renewed, so the whole lease remains
				r.vk.User("Anna").Says("1")
				h.expect(t, "1")
				time.Sleep(after)
				b.kill()
				r.start()
				time.Sleep(time.Minute)
				h.expect(t, want...)
			})
		})
	}
}

// TestPoisonAlone checks that from the third run on, the events that were in
// progress when the earlier runs died are handled one at a time. In the first
// two runs they are handled together, as usual.
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

// A clockedStore records the times of its writes.
type clockedStore struct {
	vk.Store
	mu    sync.Mutex
	times []time.Time
	reads []time.Time
}

func (s *clockedStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	s.mu.Lock()
	s.times = append(s.times, time.Now())
	s.mu.Unlock()
	return s.Store.Swap(ctx, key, old, new, ttl)
}

func (s *clockedStore) Get(ctx context.Context, key string) ([]byte, error) {
	s.mu.Lock()
	s.reads = append(s.reads, time.Now())
	s.mu.Unlock()
	return s.Store.Get(ctx, key)
}

// tries returns the times of the uses since the last call.
func (s *clockedStore) tries() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := append(s.times, s.reads...)
	s.times, s.reads = nil, nil
	slices.SortFunc(all, time.Time.Compare)
	return all
}

func (s *clockedStore) take() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	times := s.times
	s.times = nil
	return times
}

// TestStoreIsTriedAgain checks that a failing store is retried at least every
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
		clock.tries()
		last := time.Now()
		time.Sleep(time.Hour)
		times := clock.tries()
		for _, at := range append(times, time.Now()) {
			if pause := at.Sub(last); pause > 10*time.Second {
				t.Errorf("a pause of %v", pause)
			}
			last = at
		}
		if n := len(times); n > 2500 {
			t.Errorf("%d tries in an hour", n)
		}
		s.set(0)
		b.stop()
	})
}

// TestSlowStore checks that a slow store is not written to all the time.
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
		var busy time.Duration
		var until time.Time
		times := clock.take()
		for _, at := range times {
			end := at.Add(takes)
			if at.Before(until) {
				at = until // several concurrent writes
			}
			busy += end.Sub(at)
			until = end
		}
		if busy > 10*time.Second || len(times) > 300 || done.Load() < 150 {
			t.Errorf("it was being written for %v, %d times, while %d events were done", busy, len(times), done.Load())
		}
		b.stop()
	})
}

// TestLease checks that a process renews its lease every five seconds. Another
// process that starts meanwhile ends with ErrJournalTaken. If the lease was not
// renewed for 15 seconds, and no sooner, the next process to start handles the
// events of the dead one, whatever the dead one's clock said, and logs that.
func TestLease(t *testing.T) {
	for _, skew := range []time.Duration{0, time.Hour, -time.Hour} {
		t.Run(skew.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { leaseTest(t, skew) })
		})
	}
}

func leaseTest(t *testing.T, skew time.Duration) {
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
	clock := &clockedStore{Store: skewedStore{own, skew}}
	r.store = clock
	a := r.start()
	first.Store(a)
	time.Sleep(time.Minute + time.Second)
	clock.take()
	time.Sleep(time.Minute)
	if n := len(clock.take()); n != 12 {
		t.Errorf("it renews its lease %d times a minute", n)
	}
	r.vk.User("Anna").Says("1")
	synctest.Wait()
	r.store = own
	b := r.start()
	time.Sleep(10 * time.Second)
	<-b.ended
	if !errors.Is(b.err, vk.ErrJournalTaken) {
		t.Errorf("the second one ends with %v", b.err)
	}
	clock.take()
	for len(clock.take()) == 0 { // until just after a renewal
		time.Sleep(10 * time.Millisecond)
	}
	synctest.Wait() // the write has ended too
	a.kill()
	log, lines := logTo()
	r.log = log
	r.start()
	time.Sleep(15*time.Second - 10*time.Millisecond)
	h.expect(t)
	time.Sleep(time.Second)
	h.expect(t, "1")
	if got := lines.String(); !strings.Contains(got, "waiting until its lease ends") || strings.Contains(got, "clock_ahead=1h") != (skew > 0) {
		t.Errorf("the log says\n%s", got)
	}
}

// A skewedStore is a store as a process with a wrong clock writes to it.
type skewedStore struct {
	vk.Store
	skew time.Duration
}

var until = regexp.MustCompile(`"until":[0-9]+`)

func (s skewedStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	// The process reads its own writes: both are shifted.
	return s.Store.Swap(ctx, key, s.turn(old), s.turn(new), ttl)
}

func (s skewedStore) turn(value []byte) []byte {
	return until.ReplaceAllFunc(value, func(b []byte) []byte {
		n, _ := strconv.ParseInt(string(b[len(`"until":`):]), 10, 64)
		return fmt.Appendf(nil, `"until":%d`, n+s.skew.Milliseconds())
	})
}

// TestNamedSends checks that the sends of two handlers of one event are
// distinct, even if both gave them the same name.
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

// TestTheEnd checks the end of Run's context. For ten seconds a handler can
// still reply. Then its context ends with cause ErrStopped, and after another
// ten seconds the handler is abandoned. Handlers that wait get ErrStopped at
// once. Handlers that have not begun do not begin. Then Run returns.
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

// TestNotBlamed checks that an event is started again no matter how often the
// bot was stopped while handling it, or died soon after its start while the
// event's handler waited.
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

// TestKeptBeforeBegun checks that an event is in the store before its handler
// begins, whatever else is being written at that moment. The event is not lost
// if the process dies at once and VK has dropped it when the next process runs.
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
