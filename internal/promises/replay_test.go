package promises_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
)

// TestReplayQuestion checks a handler that waits at the end of a run, however
// the run ends. In the next run it gets the same results again, and then the
// awaited event. Users see nothing twice.
func TestReplayQuestion(t *testing.T) {
	for _, end := range []string{"stop", "kill"} {
		t.Run(end, func(t *testing.T) {
			eachStore(t, orders, func(t *testing.T, r *runner) {
				anna, bob := r.vk.User("Anna"), r.vk.User("Bob")
				for i := range 8 { // more often than an event may be started
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

// TestKillLosesNothing checks that the events that were unfinished when the
// process died are handled by the next process, in their order and before newer
// events.
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

// TestPoisonEvent checks that an event that crashes the bot again and again is
// dropped, with its bytes in the log. The events that come with it are not.
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
			if strings.Contains(l, "dropping event that crashed the bot 5 times") {
				line += l
			}
		}
		if strings.Count(line, "\n") != 1 || !strings.Contains(line, "level=ERROR") || !strings.Contains(line, `\"text\":\"poison\"`) {
			t.Errorf("lines about it:\n%s", line)
		}
		b.stop()
	})
}

// The statements of docs/delivery.md that no other test covers.

// TestGapAfterOutage checks that events that happen while no bot runs are
// handled by the next run, if VK still has them. If VK has dropped some, OnGap
// is called with the gap, and the rest is handled.
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

// TestWithoutStore checks that without a store a run begins with the events
// after its start, and that the unfinished events of the previous run are lost.
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

// TestKilledWithoutStore checks that events that came while the store failed
// are not lost if the process is killed, as long as VK has them.
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

// TestParkedAndKilled checks that parked handlers are not blamed for the deaths
// of the bot: however often it is killed, it is ready at once, and all of them
// wait again.
func TestParkedAndKilled(t *testing.T) {
	for _, life := range []time.Duration{time.Second, time.Minute} {
		t.Run(life.String(), func(t *testing.T) {
			var waiting atomic.Int64
			handler := func() vk.Handler {
				r := vk.NewRouter()
				r.Handle("wait", func(c *vk.Context) error {
					waiting.Add(1)
					return c.Park(func() error { <-c.Done(); return context.Cause(c) })
				})
				r.Handle("ping", func(c *vk.Context) error { return c.Send("pong") })
				return r
			}
			eachStore(t, handler, func(t *testing.T, r *runner) {
				anna, bob := r.vk.User("Anna"), r.vk.User("Bob")
				b := r.start()
				time.Sleep(time.Minute)
				for range 20 {
					anna.Says("wait")
					time.Sleep(time.Second)
				}
				for range 5 {
					time.Sleep(life)
					b.kill()
					waiting.Store(0)
					began := time.Now()
					b = r.start()
					bob.Says("ping")
					for {
						if _, ok := bob.TryNext(); ok {
							break
						}
						time.Sleep(10 * time.Millisecond)
					}
					took := time.Since(began)
					if r.shared {
						took -= 15 * time.Second // the lease of the killed process
					}
					if took > time.Second || waiting.Load() != 20 {
						t.Errorf("pong after %v; %d wait again", took, waiting.Load())
					}
				}
				b.stop()
			})
		})
	}
}

// TestSuspectsInGroups checks that even among hundreds of suspected events, the
// one that crashes the bot is dropped after five crashes, and the others are
// handled soon.
func TestSuspectsInGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const many = 240
		var h texts
		var now atomic.Pointer[bot]
		deaths := 0
		r := newRunner(t, vk.HandlerFunc(func(c *vk.Context) error {
			b := now.Load()
			if c.Client() == b.p.Client && !b.dead.Load() {
				if c.Text() != "poison" {
					return h.Serve(c)
				}
				deaths++
				b.kill()
			}
			<-c.Done()
			return nil
		}))
		run := func() *bot {
			b := r.start()
			now.Store(b)
			return b
		}
		b := run()
		time.Sleep(time.Minute)
		b.stop()
		for i := range many {
			text := strconv.Itoa(i)
			if i == many/2 {
				text = "poison"
			}
			r.vk.User("Person" + strconv.Itoa(i%40)).Says(text)
		}
		for range 5 {
			b = run()
			time.Sleep(time.Second)
			if !b.dead.Load() {
				t.Fatalf("a run lives after %d deaths", deaths)
			}
		}
		h.take()
		b = run()
		time.Sleep(time.Second)
		r.vk.User("Person0").Says("new")
		synctest.Wait()
		got := h.take()
		if deaths != 5 || b.dead.Load() || !slices.Contains(got, "new") {
			t.Errorf("%d deaths; handled %q", deaths, got)
		}
		b.stop()
		run()
		time.Sleep(time.Minute)
		h.expect(t)
	})
}
