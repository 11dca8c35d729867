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

// TestReplayQuestion: a handler that waits at the end of a run, however it ends,
// gets in the next one what it got before, and then what it waits for; people see
// nothing twice.
func TestReplayQuestion(t *testing.T) {
	for _, end := range []string{"stop", "kill"} {
		t.Run(end, func(t *testing.T) {
			eachStore(t, orders, func(t *testing.T, r *runner) {
				anna, bob := r.vk.User("Anna"), r.vk.User("Bob")
				for i := range 8 { // more often than an event may be begun
					b := r.start()
					time.Sleep(time.Minute)
					switch i {
					case 0:
						anna.Says("order")
						anna.Hears("What?")
					case 2:
						anna.Says("tea")
						anna.Hears("Noted.")
						anna.Hears("How many?")
					}
					bob.Says("ping")
					bob.Hears("pong")
					if end == "kill" {
						time.Sleep(time.Second)
						b.kill()
					} else if err := b.stop(); err != nil {
						t.Error(err)
					}
				}
				b := r.start()
				time.Sleep(time.Minute)
				anna.Says("2")
				anna.Hears("2 tea")
				time.Sleep(time.Minute)
				anna.HearsNothing()
				bob.HearsNothing()
				b.stop()
			})
		})
	}
}

// TestKillLosesNothing: what was taken and not done when the process died is
// handled by the next one before what came since, in its order.
func TestKillLosesNothing(t *testing.T) {
	var h texts
	var first atomic.Pointer[bot]
	handler := func() vk.Handler {
		return vk.HandlerFunc(func(c *vk.Context) error {
			if c.Client() == first.Load().p.Client {
				<-c.Done()
				return nil
			}
			return h.Serve(c)
		})
	}
	eachStore(t, handler, func(t *testing.T, r *runner) {
		h.take()
		anna := r.vk.User("Anna")
		b := r.start()
		first.Store(b)
		time.Sleep(time.Second)
		for i := range 5 {
			anna.Says(strconv.Itoa(i))
		}
		time.Sleep(time.Second)
		b.kill()
		for i := range 5 {
			anna.Says(strconv.Itoa(5 + i))
		}
		r.start()
		time.Sleep(time.Minute)
		h.expect(t, "0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
	})
}

// TestPoisonEvent: an event of which the bot dies again and again is dropped,
// with its bytes in the log. Those that come with it are not.
func TestPoisonEvent(t *testing.T) {
	var h texts
	var begun atomic.Int64
	var now atomic.Pointer[bot]
	handler := func() vk.Handler {
		return vk.HandlerFunc(func(c *vk.Context) error {
			if c.Text() == "poison" {
				begun.Add(1)
				now.Load().kill()
			}
			if now.Load().dead.Load() {
				<-c.Done()
				return nil
			}
			return h.Serve(c)
		})
	}
	eachStore(t, handler, func(t *testing.T, r *runner) {
		h.take()
		begun.Store(0)
		log, lines := logTo()
		r.log = log
		anna, bob := r.vk.User("Anna"), r.vk.User("Bob")
		b := r.start()
		now.Store(b)
		time.Sleep(time.Minute)
		b.stop()
		for i := range 20 {
			anna.Says("a" + strconv.Itoa(i))
		}
		bob.Says("poison")
		for i := range 20 {
			anna.Says("b" + strconv.Itoa(i))
		}
		bob.Says("bob")
		for range 10 {
			b = r.start()
			now.Store(b)
			time.Sleep(time.Minute)
			if !b.dead.Load() {
				break
			}
		}
		synctest.Wait()
		got := h.take()
		for _, who := range []string{"a", "b"} {
			for i := range 20 {
				if !slices.Contains(got, who+strconv.Itoa(i)) {
					t.Errorf("%s%d is lost", who, i)
				}
			}
		}
		if !slices.Contains(got, "bob") || begun.Load() != 5 || b.dead.Load() {
			t.Errorf("begun %d times; handled %q", begun.Load(), got)
		}
		line := ""
		for l := range strings.Lines(lines.String()) {
			if strings.Contains(l, "an event is dropped") {
				line += l
			}
		}
		if strings.Count(line, "\n") != 1 || !strings.Contains(line, "level=ERROR") || !strings.Contains(line, `\"text\":\"poison\"`) {
			t.Errorf("lines about it:\n%s", line)
		}
		b.stop()
	})
}

// TestTwoPollers: of two processes that follow one community with one store
// each event is handled by one; if one dies, the other has what it had.
func TestTwoPollers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		handled := make(map[string]int)
		r := newRunner(t, vk.HandlerFunc(func(c *vk.Context) error {
			time.Sleep(10 * time.Millisecond)
			if strings.HasPrefix(c.Text(), "wait") {
				c.Park(func() error { <-c.Done(); return nil })
				if errors.Is(context.Cause(c), vk.ErrStopped) {
					return context.Cause(c)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			handled[c.Text()]++
			return nil
		}))
		r.shared = true
		var people []*vktest.User
		for i := range 10 {
			people = append(people, r.vk.User("Person"+strconv.Itoa(i)))
		}
		a := r.start()
		b := r.start()
		time.Sleep(time.Minute)
		n := 0
		say := func() {
			for range 10 {
				for _, u := range people {
					u.Says(strconv.Itoa(n))
					n++
				}
				time.Sleep(time.Second)
			}
		}
		say()
		a.stop()
		say()
		a = r.start()
		say()
		time.Sleep(time.Minute)
		b.stop()
		time.Sleep(time.Minute)
		say()
		time.Sleep(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		for i := range n {
			if handled[strconv.Itoa(i)] != 1 {
				t.Errorf("%d is handled %d times", i, handled[strconv.Itoa(i)])
			}
		}
		a.stop()
	})
}

// TestDeadPollerIsInherited: what a process that died had is handled by one that
// lives, when its lease has run out.
func TestDeadPollerIsInherited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRunner(t, orders())
		r.shared = true
		anna := r.vk.User("Anna")
		a := r.start()
		time.Sleep(time.Minute)
		anna.Says("order")
		anna.Hears("What?")
		b := r.start()
		time.Sleep(time.Minute)
		a.kill()
		time.Sleep(time.Minute)
		anna.Says("tea")
		anna.Hears("Noted.")
		anna.Hears("How many?")
		anna.Says("2")
		anna.Hears("2 tea")
		anna.HearsNothing()
		b.stop()
	})
}

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
