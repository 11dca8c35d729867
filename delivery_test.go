package vk_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
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

// What docs/delivery.md says and no other test holds.

// TestGapAfterOutage: what happens while no bot runs is handled by the next one,
// if VK keeps it; if it was too much for that, OnGap is told what VK leaves out,
// and the rest is handled.
func TestGapAfterOutage(t *testing.T) {
	var h texts
	for said, gap := range map[int]bool{250: false, 300: true} {
		t.Run(strconv.Itoa(said), func(t *testing.T) {
			eachStore(t, func() vk.Handler { return &h }, func(t *testing.T, r *runner) {
				h.take()
				log, lines := logTo()
				r.log = log
				missed, gaps := 0, 0
				r.onGap = func(from, to string) {
					a, errA := strconv.Atoi(from)
					b, errB := strconv.Atoi(to)
					if errA != nil || errB != nil {
						t.Errorf("a gap from %q to %q", from, to)
					}
					missed += b - a
					gaps++
				}
				anna := r.vk.User("Anna")
				b := r.start()
				time.Sleep(time.Minute)
				anna.Says("before")
				h.expect(t, "before")
				b.stop()
				for i := range said {
					anna.Says(strconv.Itoa(i))
				}
				b = r.start()
				time.Sleep(time.Minute)
				synctest.Wait()
				got := h.take()
				if (gaps == 1) != gap || len(got)+missed != said || !slices.IsSortedFunc(got, byNumber) {
					t.Errorf("%d gaps, of %d events; %d are handled", gaps, missed, len(got))
				}
				if strings.Contains(lines.String(), "level=WARN") != gap {
					t.Errorf("log:\n%s", lines)
				}
				anna.Says("after")
				h.expect(t, "after")
				b.stop()
			})
		})
	}
}

func byNumber(a, b string) int {
	m, _ := strconv.Atoi(a)
	n, _ := strconv.Atoi(b)
	return m - n
}

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

// TestRetryAfterTooLate: a handler that asks for its event again when VK has had
// its answer gets it again where VK was told to come again, and not where VK
// was told ok, nor with long poll.
func TestRetryAfterTooLate(t *testing.T) {
	for _, tt := range []struct {
		name  string
		store vk.Store
		first string
		runs  int
	}{
		{"no store", nil, "503", 2},
		{"store", new(vk.MemoryStore), "200 ok", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				runs := 0
				cb := newHook(nil)
				cb.Handler, cb.Dispatcher = nil, &vk.Dispatcher{Store: tt.store, Handler: vk.HandlerFunc(func(c *vk.Context) error {
					if runs++; runs == 1 {
						time.Sleep(5 * time.Second)
						return vk.RetryAfter(time.Minute)
					}
					return nil
				})}
				var got []string
				for range 3 {
					got = append(got, told(t, post(cb, hookEvent("a", 1))))
					time.Sleep(10 * time.Second)
				}
				if want := []string{tt.first, "200 ok", "200 ok"}; !slices.Equal(got, want) || runs != tt.runs {
					t.Errorf("told %q, handled %d times", got, runs)
				}
				cb.Dispatcher.Stop(t.Context())
			})
		})
	}
	t.Run("long poll", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			runs := 0
			bot := vktest.Config{Dispatcher: &vk.Dispatcher{Store: new(vk.MemoryStore), Logger: slog.New(slog.DiscardHandler)}}.New(t)
			bot.Start(vk.HandlerFunc(func(c *vk.Context) error { runs++; return vk.RetryAfter(time.Second) }))
			bot.User("Anna").Says("hi")
			time.Sleep(time.Hour)
			synctest.Wait()
			if runs != 1 {
				t.Errorf("handled %d times", runs)
			}
		})
	})
}

// TestCallbackKept: an event of which VK was told ok since the store has it is
// handled by the next process if this one dies, before the first that comes to
// that.
func TestCallbackKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, dead := new(vk.MemoryStore), new(atomic.Bool)
		release := make(chan struct{})
		one := newHook(nil)
		one.Handler, one.Dispatcher = nil, &vk.Dispatcher{Store: ownStore{mortalStore{store, dead}}, Logger: one.Logger, Handler: vk.HandlerFunc(func(c *vk.Context) error {
			<-release
			return nil
		})}
		if got := told(t, post(one, hookEvent("kept", 1))); got != "200 ok" {
			t.Error(got)
		}
		dead.Store(true)
		var h texts
		two := newHook(nil)
		two.Handler, two.Dispatcher = nil, &vk.Dispatcher{Store: store, Logger: two.Logger, Handler: &h}
		time.Sleep(time.Minute)
		h.expect(t)
		if got := told(t, post(two, hookEvent("next", 1))); got != "200 ok" {
			t.Error(got)
		}
		h.expect(t, "kept", "next")
		two.Dispatcher.Stop(t.Context())
		close(release)
		one.Dispatcher.Stop(context.Background())
	})
}

// TestSetupResumes: what an earlier run has left is handled when Setup is called,
// without an event that comes.
func TestSetupResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := vktest.New(t)
		store, dead := new(vk.MemoryStore), new(atomic.Bool)
		release := make(chan struct{})
		one := newHook(nil)
		one.GroupID = bot.GroupID
		one.Handler, one.Dispatcher = nil, &vk.Dispatcher{Store: ownStore{mortalStore{store, dead}}, Logger: one.Logger, Handler: vk.HandlerFunc(func(c *vk.Context) error {
			<-release
			return nil
		})}
		event := strings.Replace(hookEvent("kept", 1), `"group_id":7`, fmt.Sprintf(`"group_id":%d`, bot.GroupID), 1)
		if got := told(t, post(one, event)); got != "200 ok" {
			t.Error(got)
		}
		dead.Store(true)
		var h texts
		two := &vk.Callback{Client: bot.Client(), Dispatcher: &vk.Dispatcher{Store: store, Logger: one.Logger, Handler: &h}, Logger: one.Logger}
		if err := two.Setup(t.Context(), bot.Host(two)); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
		h.expect(t, "kept")
		two.Dispatcher.Stop(t.Context())
		close(release)
		one.Dispatcher.Stop(context.Background())
	})
}

// TestPollingPauses: while a Dispatcher has all the events that it takes, a
// Poller does not ask for more, and then goes on. Those whose handlers wait for
// something do not count.
func TestPollingPauses(t *testing.T) {
	for name, wait := range map[string]func(c *vk.Context, f func() error) error{
		"works": func(c *vk.Context, f func() error) error { return f() },
		"waits": (*vk.Context).Park,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPoll(t)
				p.poll = func(n int, w http.ResponseWriter, r *http.Request) {
					select {
					case <-time.After(time.Second):
					case <-r.Context().Done():
						return
					}
					id := strconv.Itoa(n)
					fmt.Fprintf(w, `{"ts":"%d","updates":[%s]}`, 101+n, strings.Replace(update(id), `"peer_id":1`, `"peer_id":1`+id, 1))
				}
				release := make(chan struct{})
				var h texts
				d := &vk.Dispatcher{MaxEvents: 3, TimeLimit: -1, Handler: vk.HandlerFunc(func(c *vk.Context) error {
					err := wait(c, func() error { <-release; return nil })
					h.note(c.Text())
					return err
				})}
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error)
				go func() {
					ended <- (&vk.Poller{Client: p.client, Dispatcher: d, Logger: slog.New(slog.DiscardHandler)}).Run(ctx)
				}()
				time.Sleep(time.Minute + time.Second/2)
				synctest.Wait()
				polls := len(p.polls)
				if paused := polls == 4; paused != (name == "works") || !paused && polls < 50 {
					t.Errorf("%d polls in a minute", polls)
				}
				close(release)
				time.Sleep(10 * time.Second)
				synctest.Wait()
				if got := h.take(); len(got) < polls+9 {
					t.Errorf("handled %q afterwards", got)
				}
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
				synctest.Wait()
			})
		})
	}
}

// TestRetryAfterRunsAll: when one handler of an event has asked for it again, all
// of them run again.
func TestRetryAfterRunsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		r := vk.NewRouter()
		for _, name := range []string{"first", "second"} {
			r.Listen(func(c *vk.Context) error { d.note("%s %d", name, c.RetryCounter()); return nil })
		}
		r.Handle("a", func(c *vk.Context) error {
			d.note("route %d", c.RetryCounter())
			if c.RetryCounter() == 0 {
				return vk.RetryAfter(time.Second)
			}
			return nil
		})
		cb := newHook(nil)
		cb.Handler = r
		for retry := range 3 {
			d.note("%s", told(t, post(cb, hookEvent("a", 1), "X-Retry-Counter", strconv.Itoa(retry))))
		}
		d.is(t, "0s first 0", "0s second 0", "0s route 0", "0s 503", "0s first 1", "0s second 1", "0s route 1", "0s 200 ok", "0s 200 ok")
	})
}

// TestCallbackOrder: the events of a conversation are handled in the order in
// which the requests come; what comes again has been overtaken.
func TestCallbackOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h texts
		cb := newHook(func(c *vk.Context) error {
			if c.Text() == "0" && c.RetryCounter() == 0 {
				return vk.RetryAfter(time.Second)
			}
			time.Sleep(time.Second)
			return h.Serve(c)
		})
		var all sync.WaitGroup
		for i := range 3 {
			all.Go(func() { post(cb, hookEvent(strconv.Itoa(i), 1)) })
			synctest.Wait()
		}
		all.Wait()
		post(cb, hookEvent("0", 1), "X-Retry-Counter", "1")
		h.expect(t, "1", "2", "0")
	})
}

// TestDoneBeforeTold: when VK is told that an event is done, the store knows it:
// a process that is started at that moment does not handle it again.
func TestDoneBeforeTold(t *testing.T) {
	eachStore(t, func() vk.Handler { return nil }, func(t *testing.T, r *runner) {
		var h texts
		hook := func(dead *atomic.Bool) *vk.Callback {
			s := vk.Store(slowStore{mortalStore{r.store, dead}, time.Second, 0, dead.Load})
			if !r.shared {
				s = ownStore{s}
			}
			cb := newHook(nil)
			cb.Patience = 9 * time.Second
			cb.Handler, cb.Dispatcher = nil, &vk.Dispatcher{Store: s, Logger: cb.Logger, Handler: &h}
			return cb
		}
		dead := new(atomic.Bool)
		one := hook(dead)
		if got := told(t, post(one, hookEvent("a", 1))); got != "200 ok" {
			t.Error(got)
		}
		dead.Store(true)
		time.Sleep(5 * time.Second)
		two := hook(new(atomic.Bool))
		if got := told(t, post(two, hookEvent("a", 1))); got != "200 ok" {
			t.Error(got)
		}
		h.expect(t, "a")
		two.Dispatcher.Stop(t.Context())
		one.Dispatcher.Stop(t.Context())
	})
}

// A slowStore takes its time to write. What is on its way when the process dies
// does not arrive.
type slowStore struct {
	vk.Store
	takes time.Duration
	more  time.Duration // for each 100 bytes
	dead  func() bool   // nil if it does not die
}

func (s slowStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	time.Sleep(s.takes + s.more*time.Duration(len(new)/100))
	if s.dead != nil && s.dead() {
		return false, errDead
	}
	return s.Store.Swap(ctx, key, old, new, ttl)
}

// TestKeptOverStop: an event that a stop cuts off is kept, whether VK was told
// so before or not, and handled by the next process, before what comes then.
func TestKeptOverStop(t *testing.T) {
	eachStore(t, func() vk.Handler { return nil }, func(t *testing.T, r *runner) {
		store := r.store
		if r.shared {
			store = othersStore{store}
		}
		hook := func(h vk.HandlerFunc) *vk.Callback {
			cb := newHook(nil)
			cb.Handler, cb.Dispatcher = nil, &vk.Dispatcher{Store: store, Logger: cb.Logger, Handler: h, DrainTime: time.Second}
			return cb
		}
		one := hook(func(c *vk.Context) error { <-c.Done(); return context.Cause(c) })
		if got := told(t, post(one, hookEvent("kept", 1))); got != "200 ok" {
			t.Error(got)
		}
		var all sync.WaitGroup
		all.Go(func() {
			if got := told(t, post(one, hookEvent("cut off", 2))); got != "200 ok" {
				t.Errorf("cut off: %s", got)
			}
		})
		synctest.Wait()
		one.Stop(t.Context())
		one.Dispatcher.Stop(t.Context())
		all.Wait()
		var h texts
		two := hook(h.Serve)
		for _, text := range []string{"next", "cut off"} {
			if got := told(t, post(two, hookEvent(text, 2))); got != "200 ok" {
				t.Errorf("%s: %s", text, got)
			}
		}
		synctest.Wait()
		got := h.take()
		kept := slices.Index(got, "kept") // of another conversation
		if kept < 0 || !slices.Equal(slices.Delete(slices.Clone(got), kept, kept+1), []string{"cut off", "next"}) {
			t.Errorf("handled %q", got)
		}
		two.Dispatcher.Stop(t.Context())
	})
}

// TestCallbackWithoutStore: without a store VK is told to come again and again for
// an event whose handler waits, for as long as that may be; what was done is
// handled again by the next process, if VK sends it to that.
func TestCallbackWithoutStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := vktest.New(t)
		r := vk.NewRouter()
		r.Handle("order", func(c *vk.Context) error {
			return c.Park(func() error { <-c.Done(); return context.Cause(c) })
		})
		cb := &vk.Callback{Client: bot.Client(), Handler: r, Secret: vk.NewSecret("s3cret"), Confirmation: bot.ConfirmationCode(), Logger: slog.New(slog.DiscardHandler)}
		bot.AddCallback(cb, "s3cret")
		bot.User("Anna").Says("order")
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		all := bot.Deliveries()[1:] // what comes first is the confirmation
		for _, d := range all {
			if d.Status != http.StatusServiceUnavailable {
				t.Errorf("%+v", d)
			}
		}
		if last := all[len(all)-1]; time.Since(last.Time) > 15*time.Minute {
			t.Errorf("%d deliveries, the last %+v", len(all), last)
		}
		cb.Stop(t.Context())

		var h texts
		for range 2 {
			if got := told(t, post(newHook(h.Serve), hookEvent("a", 1))); got != "200 ok" {
				t.Error(got)
			}
		}
		h.expect(t, "a", "a")
	})
}

// TestWithoutStore: without a store a run begins with what comes after its start,
// and what the one before has not done is lost.
func TestWithoutStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h texts
		r := newRunner(t, vk.HandlerFunc(func(c *vk.Context) error {
			if c.Text() == "undone" {
				<-c.Done()
				return context.Cause(c)
			}
			return h.Serve(c)
		}))
		r.store = nil
		anna := r.vk.User("Anna")
		b := r.start()
		time.Sleep(time.Second)
		anna.Says("1")
		anna.Says("undone")
		h.expect(t, "1")
		b.stop()
		anna.Says("2")
		r.h = &h
		r.start()
		time.Sleep(time.Second)
		anna.Says("3")
		h.expect(t, "3")
	})
}

// TestAsSent: an event that is handled by a later run is the same to the byte as
// it came from VK.
func TestAsSent(t *testing.T) {
	eachStore(t, func() vk.Handler { return nil }, func(t *testing.T, r *runner) {
		const sent = `{ "v":"5.199", "new": 1e400, "type":"message_n\u0065w","event_id":"a","group_id":7,` +
			"\n\t" + `"object": {"message":{"peer_id":1,"from_id":1,"text":"<\u003c\/\ud83d>` + "\u2028" + `","text2":0.10}}  , "twice":1,"twice":2}`
		p := newPoll(t)
		p.poll = func(n int, w http.ResponseWriter, r *http.Request) {
			if n > 0 {
				wait(r)
				return
			}
			fmt.Fprintf(w, `{"ts":"101","updates":[%s]}`, sent)
		}
		store := r.store
		if r.shared {
			store = othersStore{store}
		}
		for i := range 2 {
			got := ""
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			err := (&vk.Poller{Client: p.client, Logger: slog.New(slog.DiscardHandler), Dispatcher: &vk.Dispatcher{
				Store: store, DrainTime: time.Second, TimeLimit: -1, Logger: slog.New(slog.DiscardHandler),
				Handler: vk.HandlerFunc(func(c *vk.Context) error {
					got = string(c.Event().Raw)
					<-c.Done()
					return context.Cause(c)
				}),
			}}).Run(ctx)
			cancel()
			synctest.Wait()
			if got != sent || err != nil {
				t.Errorf("run %d got %q, %v", i, got, err)
			}
		}
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

// TestKilledWithoutStore: what came while the store failed is not lost if the
// process is killed, so long as VK has it.
func TestKilledWithoutStore(t *testing.T) {
	var h texts
	var first atomic.Pointer[bot]
	handler := func() vk.Handler {
		return vk.HandlerFunc(func(c *vk.Context) error {
			if c.Client() == first.Load().p.Client && c.Text() != "0" {
				<-c.Done()
				return nil
			}
			return h.Serve(c)
		})
	}
	eachStore(t, handler, func(t *testing.T, r *runner) {
		h.take()
		s := &faultyStore{Store: r.store, rand: rand.New(rand.NewPCG(1, 2))}
		r.store = s
		anna := r.vk.User("Anna")
		b := r.start()
		first.Store(b)
		time.Sleep(time.Minute)
		anna.Says("0")
		h.expect(t, "0")
		time.Sleep(time.Second)
		s.set(1)
		var want []string
		for i := range 250 {
			want = append(want, strconv.Itoa(i+1))
			anna.Says(want[i])
		}
		time.Sleep(time.Minute)
		b.kill()
		s.set(0)
		r.start()
		time.Sleep(time.Minute)
		h.expect(t, want...)
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

// TestSecondPollerBegins: a Poller that begins beside others begins where one of
// them is, and no later than it takes to know that another has died.
func TestSecondPollerBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h texts
		var first atomic.Pointer[bot]
		release := make(chan struct{})
		r := newRunner(t, vk.HandlerFunc(func(c *vk.Context) error {
			if c.Client() == first.Load().p.Client {
				<-release
			}
			return h.Serve(c)
		}))
		r.shared, r.max = true, 1
		anna := r.vk.User("Anna")
		a := r.start()
		first.Store(a)
		time.Sleep(time.Minute)
		for i := range 5 { // a has the first, has no room for the second, and does not poll
			anna.Says(strconv.Itoa(i))
			time.Sleep(time.Second)
		}
		r.max = 0
		b := r.start()
		time.Sleep(20 * time.Second)
		h.expect(t, "2", "3", "4")
		b.kill()
		c := r.start()
		start := time.Now()
		for c.p.Status().TS == "" && time.Since(start) < time.Minute {
			time.Sleep(100 * time.Millisecond)
		}
		if took := time.Since(start); took > 15*time.Second+100*time.Millisecond {
			t.Errorf("it begins after %v", took)
		}
		close(release)
		time.Sleep(time.Second)
		h.expect(t, "0", "1")
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

// TestYielded: an event that one process has left to another, since that was
// first, is not lost if the other dies or stops before it is done.
func TestYielded(t *testing.T) {
	for _, end := range []string{"kill", "stop"} {
		t.Run(end, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var h texts
				var mu sync.Mutex
				ended := false
				first := make(map[string]*vk.Client)
				r := newRunner(t, vk.HandlerFunc(func(c *vk.Context) error {
					mu.Lock()
					if first[c.Text()] == nil {
						first[c.Text()] = c.Client()
					}
					cut := first[c.Text()] == c.Client() && !ended
					mu.Unlock()
					if cut {
						<-c.Done()
						return context.Cause(c)
					}
					return h.Serve(c)
				}))
				r.shared = true
				bots := []*bot{r.start(), r.start()}
				time.Sleep(time.Minute)
				for i := range 10 {
					r.vk.User("Person" + strconv.Itoa(i)).Says(strconv.Itoa(i))
				}
				h.expect(t)
				time.Sleep(10 * time.Second) // both know of all
				one := bots[0]
				if first["0"] != one.p.Client {
					one = bots[1]
				}
				var want []string
				for i := range 10 {
					if text := strconv.Itoa(i); first[text] == one.p.Client {
						want = append(want, text)
					}
				}
				if end == "kill" {
					one.kill()
				} else {
					one.stop()
				}
				mu.Lock()
				ended = true
				mu.Unlock()
				time.Sleep(20 * time.Second)
				synctest.Wait()
				got := h.take()
				slices.Sort(got)
				if !slices.Equal(got, want) {
					t.Errorf("handled %q, want %q", got, want)
				}
			})
		})
	}
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
