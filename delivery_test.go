package vk_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
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
		one.Handler, one.Dispatcher = nil, &vk.Dispatcher{Store: vk.ExclusiveStore(mortalStore{store, dead}), Logger: one.Logger, Handler: vk.HandlerFunc(func(c *vk.Context) error {
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
		one.Handler, one.Dispatcher = nil, &vk.Dispatcher{Store: vk.ExclusiveStore(mortalStore{store, dead}), Logger: one.Logger, Handler: vk.HandlerFunc(func(c *vk.Context) error {
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
