package promises_test

import (
	"context"
	"fmt"
	"log/slog"
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
	"github.com/vkrouter/vk/internal/hooktest"
	"github.com/vkrouter/vk/vktest"
)

// TestRetryAfterTooLate checks a handler that asks for its event again after VK
// got its response. The event comes again if that response asked VK to retry.
// It does not come again if the response was ok, or with long poll.
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
				cb := hooktest.New(nil)
				cb.Handler, cb.Dispatcher = nil, &vk.Dispatcher{Store: tt.store, Handler: vk.HandlerFunc(func(c *vk.Context) error {
					if runs++; runs == 1 {
						time.Sleep(5 * time.Second)
						return vk.RetryAfter(time.Minute)
					}
					return nil
				})}
				var got []string
				for range 3 {
					got = append(got, hooktest.Answer(t, hooktest.Post(cb, hooktest.Event("a", 1))))
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

// TestCallbackKept checks that an event that was acknowledged because it is in
// the store is handled by the next process if this one dies, before the first
// event that the next process gets.
func TestCallbackKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, dead := new(vk.MemoryStore), new(atomic.Bool)
		release := make(chan struct{})
		one := hooktest.New(nil)
		one.Handler, one.Dispatcher = nil, &vk.Dispatcher{Store: ownStore{mortalStore{store, dead}}, Logger: one.Logger, Handler: vk.HandlerFunc(func(c *vk.Context) error {
			<-release
			return nil
		})}
		if got := hooktest.Answer(t, hooktest.Post(one, hooktest.Event("kept", 1))); got != "200 ok" {
			t.Error(got)
		}
		dead.Store(true)
		var h texts
		two := hooktest.New(nil)
		two.Handler, two.Dispatcher = nil, &vk.Dispatcher{Store: store, Logger: two.Logger, Handler: &h}
		time.Sleep(time.Minute)
		h.expect(t)
		if got := hooktest.Answer(t, hooktest.Post(two, hooktest.Event("next", 1))); got != "200 ok" {
			t.Error(got)
		}
		h.expect(t, "kept", "next")
		two.Dispatcher.Stop(t.Context())
		close(release)
		one.Dispatcher.Stop(context.Background())
	})
}

// TestSetupResumes checks that Setup handles the events left by an earlier run,
// without waiting for a new event.
func TestSetupResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := vktest.New(t)
		store, dead := new(vk.MemoryStore), new(atomic.Bool)
		release := make(chan struct{})
		one := hooktest.New(nil)
		one.GroupID = bot.GroupID
		one.Handler, one.Dispatcher = nil, &vk.Dispatcher{Store: ownStore{mortalStore{store, dead}}, Logger: one.Logger, Handler: vk.HandlerFunc(func(c *vk.Context) error {
			<-release
			return nil
		})}
		event := strings.Replace(hooktest.Event("kept", 1), `"group_id":7`, fmt.Sprintf(`"group_id":%d`, bot.GroupID), 1)
		if got := hooktest.Answer(t, hooktest.Post(one, event)); got != "200 ok" {
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

// TestRetryAfterRunsAll checks that if one handler of an event asks for it
// again, all its handlers run again.
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
		cb := hooktest.New(nil)
		cb.Handler = r
		for retry := range 3 {
			d.note("%s", hooktest.Answer(t, hooktest.Post(cb, hooktest.Event("a", 1), "X-Retry-Counter", strconv.Itoa(retry))))
		}
		d.is(t, "0s first 0", "0s second 0", "0s route 0", "0s 503", "0s first 1", "0s second 1", "0s route 1", "0s 200 ok", "0s 200 ok")
	})
}

// TestCallbackOrder checks that the events of a conversation are handled in the
// order of the requests. A retried event comes after the events that have
// overtaken it.
func TestCallbackOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h texts
		cb := hooktest.New(func(c *vk.Context) error {
			if c.Text() == "0" && c.RetryCounter() == 0 {
				return vk.RetryAfter(time.Second)
			}
			time.Sleep(time.Second)
			return h.Serve(c)
		})
		var all sync.WaitGroup
		for i := range 3 {
			all.Go(func() { hooktest.Post(cb, hooktest.Event(strconv.Itoa(i), 1)) })
			synctest.Wait()
		}
		all.Wait()
		hooktest.Post(cb, hooktest.Event("0", 1), "X-Retry-Counter", "1")
		h.expect(t, "1", "2", "0")
	})
}

// TestDoneBeforeTold checks that the store records a handled event before VK
// gets the acknowledgment: a process that starts at that moment does not handle
// the event again.
func TestDoneBeforeTold(t *testing.T) {
	eachStore(t, func() vk.Handler { return nil }, func(t *testing.T, r *runner) {
		var h texts
		hook := func(dead *atomic.Bool) *vk.Callback {
			s := vk.Store(slowStore{mortalStore{r.store, dead}, time.Second, 0, dead.Load})
			if !r.shared {
				s = ownStore{s}
			}
			cb := hooktest.New(nil)
			cb.Patience = 9 * time.Second
			cb.Handler, cb.Dispatcher = nil, &vk.Dispatcher{Store: s, Logger: cb.Logger, Handler: &h}
			return cb
		}
		dead := new(atomic.Bool)
		one := hook(dead)
		if got := hooktest.Answer(t, hooktest.Post(one, hooktest.Event("a", 1))); got != "200 ok" {
			t.Error(got)
		}
		dead.Store(true)
		time.Sleep(5 * time.Second)
		two := hook(new(atomic.Bool))
		if r.shared { // until the lease of the dead process has expired
			if got := hooktest.Answer(t, hooktest.Post(two, hooktest.Event("a", 1))); got != "503" {
				t.Error(got)
			}
			time.Sleep(20 * time.Second)
		}
		if got := hooktest.Answer(t, hooktest.Post(two, hooktest.Event("a", 1))); got != "200 ok" {
			t.Error(got)
		}
		h.expect(t, "a")
		two.Dispatcher.Stop(t.Context())
		one.Dispatcher.Stop(t.Context())
	})
}

// A slowStore takes time to write. Writes in progress when the process dies are
// lost.
type slowStore struct {
	vk.Store
	takes time.Duration
	more  time.Duration // added for each 100 bytes
	dead  func() bool   // nil if it does not die
}

func (s slowStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	time.Sleep(s.takes + s.more*time.Duration(len(new)/100))
	if s.dead != nil && s.dead() {
		return false, errDead
	}
	return s.Store.Swap(ctx, key, old, new, ttl)
}

// TestKeptOverStop checks that an event interrupted by a stop is kept, whether
// it was acknowledged before that or not, and that the next process handles it
// before new events.
func TestKeptOverStop(t *testing.T) {
	eachStore(t, func() vk.Handler { return nil }, func(t *testing.T, r *runner) {
		store := r.store
		if r.shared {
			store = othersStore{store}
		}
		hook := func(h vk.HandlerFunc) *vk.Callback {
			cb := hooktest.New(nil)
			cb.Handler, cb.Dispatcher = nil, &vk.Dispatcher{Store: store, Logger: cb.Logger, Handler: h, DrainTime: time.Second}
			return cb
		}
		one := hook(func(c *vk.Context) error { <-c.Done(); return context.Cause(c) })
		if got := hooktest.Answer(t, hooktest.Post(one, hooktest.Event("kept", 1))); got != "200 ok" {
			t.Error(got)
		}
		var all sync.WaitGroup
		all.Go(func() {
			if got := hooktest.Answer(t, hooktest.Post(one, hooktest.Event("cut off", 2))); got != "200 ok" {
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
			if got := hooktest.Answer(t, hooktest.Post(two, hooktest.Event(text, 2))); got != "200 ok" {
				t.Errorf("%s: %s", text, got)
			}
		}
		synctest.Wait()
		got := h.take()
		kept := slices.Index(got, "kept") // in another conversation
		if kept < 0 || !slices.Equal(slices.Delete(slices.Clone(got), kept, kept+1), []string{"cut off", "next"}) {
			t.Errorf("handled %q", got)
		}
		two.Dispatcher.Stop(t.Context())
	})
}

// TestCallbackWithoutStore checks that without a store VK is asked to retry an
// event for as long as its handler waits. The next process handles already
// handled events again if VK sends them to it.
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
		all := bot.Deliveries()[1:] // the first delivery is the confirmation
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
			if got := hooktest.Answer(t, hooktest.Post(hooktest.New(h.Serve), hooktest.Event("a", 1))); got != "200 ok" {
				t.Error(got)
			}
		}
		h.expect(t, "a", "a")
	})
}

// TestBothSourcesRestart checks that an event that a webhook delivered and that
// is handled is not handled again when the next process polls it, and that a
// polled event is not handled again when a webhook delivers it to the next
// process.
func TestBothSourcesRestart(t *testing.T) {
	for _, first := range []string{"webhook", "poll"} {
		t.Run(first, func(t *testing.T) {
			eachStore(t, func() vk.Handler { return nil }, func(t *testing.T, r *runner) {
				var h texts
				var hook atomic.Pointer[vk.Callback]
				store := r.store
				if r.shared {
					store = othersStore{store}
				}
				quiet := slog.New(slog.DiscardHandler)
				start := func() (cb *vk.Callback, stopPoller func()) {
					d := &vk.Dispatcher{Handler: &h, Store: store, Logger: quiet}
					ctx, cancel := context.WithCancel(t.Context())
					ended := make(chan error, 1)
					go func() { ended <- (&vk.Poller{Client: r.vk.Client(), Dispatcher: d, Logger: quiet}).Run(ctx) }()
					cb = &vk.Callback{Client: r.vk.Client(), GroupID: r.vk.GroupID, Dispatcher: d, Logger: quiet,
						Secret: vk.NewSecret("s3cret"), Confirmation: r.vk.ConfirmationCode()}
					return cb, sync.OnceFunc(func() {
						cancel()
						if err := <-ended; err != nil {
							t.Error(err)
						}
					})
				}
				cb, stopPoller := start()
				hook.Store(cb)
				r.vk.AddCallback(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
					if cb := hook.Load(); cb != nil {
						cb.ServeHTTP(w, req)
						return
					}
					w.WriteHeader(http.StatusServiceUnavailable)
				}), "s3cret")
				time.Sleep(time.Minute)
				r.vk.User("Anna").Says("warm up")
				h.expect(t, "warm up")
				if first == "webhook" {
					stopPoller() // as on a SIGTERM: the Poller ends first
				} else {
					hook.Store(nil)
				}
				r.vk.User("Anna").Says("pay")
				h.expect(t, "pay")
				hook.Store(nil)
				stopPoller()
				cb.Stop(t.Context())
				cb.Dispatcher.Stop(t.Context())
				cb, stopPoller = start()
				time.Sleep(time.Minute)
				h.expect(t)
				hook.Store(cb)
				time.Sleep(time.Hour) // VK retries it
				h.expect(t)
				stopPoller()
				cb.Stop(t.Context())
				cb.Dispatcher.Stop(t.Context())
			})
		})
	}
}

// TestPoisonByWebhook checks that an event that has crashed five processes is
// dropped and acknowledged also if a webhook brings it. Other events are
// handled.
func TestPoisonByWebhook(t *testing.T) {
	eachStore(t, func() vk.Handler { return nil }, func(t *testing.T, r *runner) {
		var h texts
		deaths, dropped := 0, 0
		for try := range 12 {
			dead := new(atomic.Bool)
			s := vk.Store(mortalStore{r.store, dead})
			if !r.shared {
				s = ownStore{s}
			}
			log, lines := logTo()
			cb := hooktest.New(nil)
			cb.Handler, cb.Dispatcher = nil, &vk.Dispatcher{Store: s, Logger: log, Handler: vk.HandlerFunc(func(c *vk.Context) error {
				if c.Text() == "poison" {
					deaths++
					dead.Store(true)
					<-c.Done()
					return nil
				}
				return h.Serve(c)
			})}
			post := func(text string, peer int) string {
				for {
					w := hooktest.Post(cb, hooktest.Event(text, peer), "X-Retry-Counter", strconv.Itoa(try))
					got := hooktest.Answer(t, w)
					if got == "200 ok" || dead.Load() {
						return got
					}
					time.Sleep(10 * time.Second) // the lease of another process may have to expire
				}
			}
			got := post("poison", 1)
			if !dead.Load() {
				if got != "200 ok" {
					t.Errorf("delivery %d: %s", try, got)
				}
				dropped += strings.Count(lines.String(), "dropping event that crashed the bot 5 times")
				post("other"+strconv.Itoa(try), 2)
			}
			time.Sleep(time.Second)
			dead.Store(true)
			cb.Stop(t.Context())
			cb.Dispatcher.Stop(t.Context())
			time.Sleep(time.Minute)
		}
		if deaths != 5 || dropped != 1 || len(h.take()) == 0 {
			t.Errorf("%d deaths, dropped %d times", deaths, dropped)
		}
	})
}

// TestAckedWhenParked checks that VK gets ok as soon as a handler waits and its
// event is saved. Without a Store, VK is asked to retry, after Patience.
func TestAckedWhenParked(t *testing.T) {
	for name, store := range map[string]vk.Store{"store": new(vk.MemoryStore), "none": nil} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bot := vktest.New(t)
				r := new(vk.Router)
				r.Handle("order", func(c *vk.Context) error {
					what, err := c.Ask("What?")
					if err != nil {
						return err
					}
					if _, err := what.Ask("How many?"); err != nil {
						return err
					}
					return c.Send("Done.")
				})
				cb := &vk.Callback{Client: bot.Client(), Secret: vk.NewSecret("s3cret"), Confirmation: bot.ConfirmationCode(),
					Dispatcher: &vk.Dispatcher{Store: store, Handler: r, Logger: slog.New(slog.DiscardHandler)}}
				bot.AddCallback(cb, "s3cret")
				anna := bot.User("Anna")
				for _, say := range []string{"order", "tea", "2"} {
					heard := func() (n int) {
						for _, d := range bot.Deliveries() {
							if d.Kind == "message_new" {
								n++
							}
						}
						return n
					}
					began, before := time.Now(), heard()
					anna.Says(say)
					for heard() == before {
						time.Sleep(10 * time.Millisecond)
					}
					took := time.Since(began)
					if store != nil && took > 100*time.Millisecond || store == nil && say == "order" && took < 2*time.Second {
						t.Errorf("VK hears after %v", took)
					}
					anna.Next(t.Context())
				}
				cb.Stop(t.Context())
				cb.Dispatcher.Stop(t.Context())
			})
		})
	}
}
