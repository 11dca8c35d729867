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

// TestCallbackKept: an event of which VK was told ok since the store has it is
// handled by the next process if this one dies, before the first that comes to
// that.
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

// TestSetupResumes: what an earlier run has left is handled when Setup is called,
// without an event that comes.
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
		cb := hooktest.New(nil)
		cb.Handler = r
		for retry := range 3 {
			d.note("%s", hooktest.Answer(t, hooktest.Post(cb, hooktest.Event("a", 1), "X-Retry-Counter", strconv.Itoa(retry))))
		}
		d.is(t, "0s first 0", "0s second 0", "0s route 0", "0s 503", "0s first 1", "0s second 1", "0s route 1", "0s 200 ok", "0s 200 ok")
	})
}

// TestCallbackOrder: the events of a conversation are handled in the order in
// which the requests come; what comes again has been overtaken.
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
		if r.shared { // until the lease of the one that is dead has ended
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
			if got := hooktest.Answer(t, hooktest.Post(hooktest.New(h.Serve), hooktest.Event("a", 1))); got != "200 ok" {
				t.Error(got)
			}
		}
		h.expect(t, "a", "a")
	})
}

// TestBothSourcesRestart: an event that a webhook has brought and that is done is not
// handled again when the next process polls it; and one that was polled not when the
// webhook brings it to the next process.
func TestBothSourcesRestart(t *testing.T) {
	for _, first := range []string{"webhook", "poll"} {
		t.Run(first, func(t *testing.T) {
			eachStore(t, func() vk.Handler { return nil }, func(t *testing.T, r *runner) {
				var h texts
				var hook atomic.Pointer[vk.Callback]
				r.vk.AddCallback(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
					if cb := hook.Load(); cb != nil {
						cb.ServeHTTP(w, req)
						return
					}
					w.WriteHeader(http.StatusServiceUnavailable)
				}), "s3cret")
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
				time.Sleep(time.Minute)
				r.vk.User("Anna").Says("warm up")
				h.expect(t, "warm up")
				if first == "webhook" {
					stopPoller() // as a SIGTERM does: the Poller ends first
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
				time.Sleep(time.Hour) // VK delivers it again
				h.expect(t)
				stopPoller()
				cb.Stop(t.Context())
				cb.Dispatcher.Stop(t.Context())
			})
		})
	}
}

// TestPoisonByWebhook: an event of which five processes die is dropped, also if a
// webhook brings it, and acknowledged. Other events are handled.
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
					time.Sleep(10 * time.Second) // another process's lease may have to end
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

// TestAckedWhenParked: VK hears ok as soon as a handler waits and its event is kept;
// without a Store, that it is to come again, after Patience.
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
