package vk_test

import (
	"context"
	"errors"
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
