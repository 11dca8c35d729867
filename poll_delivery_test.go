package vk_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
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
