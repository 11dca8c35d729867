package vk_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/hooktest"
	"github.com/vkrouter/vk/vktest"
)

// TestCallbackOutcomes: the outcome of the handlers determines the answer to
// VK.
func TestCallbackOutcomes(t *testing.T) {
	boom := errors.New("boom")
	for _, tt := range []struct {
		name  string
		h     vk.HandlerFunc
		want  string
		after string
	}{
		{"done", func(c *vk.Context) error { return nil }, "200 ok", ""},
		{"error", func(c *vk.Context) error { return boom }, "200 ok", ""},
		{"panic", func(c *vk.Context) error { panic(boom) }, "200 ok", ""},
		{"later", func(c *vk.Context) error { return vk.RetryAfter(time.Minute) }, "503", "60"},
		{"later, with a reason", func(c *vk.Context) error { return fmt.Errorf("%w: %w", boom, vk.RetryAfter(time.Minute)) }, "503", "60"},
		{"later, joined", func(c *vk.Context) error {
			return errors.Join(vk.RetryAfter(time.Second), fmt.Errorf("x: %w", errors.Join(boom, vk.RetryAfter(90*time.Second))), vk.RetryAfter(2*time.Second))
		}, "503", "90"},
		{"later, parts of seconds", func(c *vk.Context) error { return vk.RetryAfter(1500 * time.Millisecond) }, "503", "2"},
		{"later, at once", func(c *vk.Context) error { return vk.RetryAfter(0) }, "503", "1"},
		{"later, in the past", func(c *vk.Context) error { return vk.RetryAfter(-time.Hour) }, "503", "1"},
		{"later, too late", func(c *vk.Context) error { return vk.RetryAfter(24 * time.Hour) }, "503", "10799"},
		{"panic with later", func(c *vk.Context) error { panic(vk.RetryAfter(time.Minute)) }, "503", "60"},
		{"remove", func(c *vk.Context) error { return vk.ErrRemoveServer }, "200 remove", ""},
		{"remove, wrapped", func(c *vk.Context) error { return fmt.Errorf("left: %w", vk.ErrRemoveServer) }, "200 remove", ""},
		{"later rather than remove", func(c *vk.Context) error { return errors.Join(vk.ErrRemoveServer, vk.RetryAfter(5*time.Second)) }, "503", "5"},
		{"words alone do nothing", func(c *vk.Context) error { return errors.New("remove") }, "200 ok", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := hooktest.Post(hooktest.New(tt.h), hooktest.Event("a", 1))
				if got, after := hooktest.Answer(t, w), w.Header().Get("Retry-After"); got != tt.want || after != tt.after {
					t.Errorf("%s, Retry-After %q; want %s, %q", got, after, tt.want, tt.after)
				}
			})
		})
	}
}

// TestCallbackListenersOutcomes: the error of one of several handlers is
// enough.
func TestCallbackListenersOutcomes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := vk.NewRouter()
		r.Listen(func(c *vk.Context) error { return vk.RetryAfter(7 * time.Second) })
		r.Handle("a", func(c *vk.Context) error { return errors.New("boom") })
		cb := hooktest.New(nil)
		cb.Handler = r
		w := hooktest.Post(cb, hooktest.Event("a", 1))
		if hooktest.Answer(t, w) != "503" || w.Header().Get("Retry-After") != "7" {
			t.Errorf("%d, %v", w.Code, w.Header())
		}
	})
}

// TestCallbackPatience: a slow event goes on, runs once, and is acknowledged
// when it is done.
func TestCallbackPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		cb := hooktest.New(func(c *vk.Context) error {
			d.note("begins")
			select {
			case <-time.After(8 * time.Second):
			case <-c.Done():
				t.Error("the handler's context has ended")
			}
			d.note("ends")
			return nil
		})
		for retry := range 3 {
			w := hooktest.Post(cb, hooktest.Event("a", 1), "X-Retry-Counter", strconv.Itoa(retry))
			d.note("%s after %s s", hooktest.Answer(t, w), w.Header().Get("Retry-After"))
		}
		d.note("%s", hooktest.Answer(t, hooktest.Post(cb, hooktest.Event("a", 1))))
		d.is(t, "0s begins", "3s 503 after 10 s", "6s 503 after 20 s", "8s ends", "8s 200 ok after  s", "8s 200 ok")

		quick := hooktest.New(func(c *vk.Context) error { time.Sleep(time.Second); return nil })
		quick.Patience = 500 * time.Millisecond
		start := time.Now()
		if got := hooktest.Answer(t, hooktest.Post(quick, hooktest.Event("b", 1))); got != "503" || time.Since(start) != quick.Patience {
			t.Errorf("%s after %v", got, time.Since(start))
		}
		quick.Stop(t.Context())
	})
}

// TestCallbackStore: VK does not redeliver an event that is in the Store.
func TestCallbackStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &countingStore{Store: new(vk.MemoryStore)}
		cb := hooktest.New(nil)
		cb.Handler, cb.Dispatcher = nil, &vk.Dispatcher{Store: store, Handler: vk.HandlerFunc(func(c *vk.Context) error {
			time.Sleep(12 * time.Second)
			return nil
		})}
		start := time.Now()
		if got := hooktest.Answer(t, hooktest.Post(cb, hooktest.Event("a", 1))); got != "200 ok" || time.Since(start) != 3*time.Second {
			t.Errorf("%s after %v", got, time.Since(start))
		}
		store.fail(errors.New("full"))
		if got := hooktest.Answer(t, hooktest.Post(cb, hooktest.Event("b", 2))); got != "503" {
			t.Errorf("with a Store that fails: %s", got)
		}
		store.fail(nil)
		time.AfterFunc(time.Second, func() { store.fail(errors.New("full")) })
		if got := hooktest.Answer(t, hooktest.Post(cb, hooktest.Event("c", 3))); got != "503" {
			t.Errorf("with a Store that fails later: %s", got)
		}
		store.fail(nil)
		if got := hooktest.Answer(t, hooktest.Post(cb, hooktest.Event("c", 3))); got != "200 ok" {
			t.Errorf("while the handler still runs, with a Store that works again: %s", got)
		}
		cb.Stop(t.Context())
		cb.Dispatcher.Stop(t.Context())
	})
}

// A countingStore is a Store that appears to be shared by several processes,
// and that fails on demand.
type countingStore struct {
	vk.Store
	mu  sync.Mutex
	err error
}

func (s *countingStore) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *countingStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	s.mu.Lock()
	err := s.err
	s.mu.Unlock()
	if err != nil {
		return false, err
	}
	return s.Store.Swap(ctx, key, old, new, ttl)
}

// TestCallbackDuplicates: an event that arrives twice, even at the same time,
// is handled once.
func TestCallbackDuplicates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		cb := hooktest.New(func(c *vk.Context) error {
			time.Sleep(time.Second)
			d.note("%s", c.Text())
			return nil
		})
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if got := hooktest.Answer(t, hooktest.Post(cb, hooktest.Event("a", 1))); got != "200 ok" {
					t.Error(got)
				}
			})
		}
		all.Wait()
		if got := hooktest.Answer(t, hooktest.Post(cb, hooktest.Event("a", 1))); got != "200 ok" {
			t.Error(got)
		}
		d.is(t, "1s a")
	})
}

// TestCallbackDisconnect: if VK breaks the connection, no event is lost.
func TestCallbackDisconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		cb := hooktest.New(func(c *vk.Context) error {
			time.Sleep(2 * time.Second)
			d.note("%s %v", c.Text(), c.Err())
			return nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		hooktest.PostContext(ctx, cb, hooktest.Event("a", 1))
		d.note("gone")
		if got := hooktest.Answer(t, hooktest.Post(cb, hooktest.Event("a", 1))); got != "200 ok" {
			t.Error(got)
		}
		d.is(t, "1s gone", "2s a <nil>")
	})
}

// TestCallbackBalancer: two processes behind one address share one Store. VK's
// attempts reach either.
func TestCallbackBalancer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const events = 50
		store := &countingStore{Store: new(vk.MemoryStore)}
		var mu sync.Mutex
		handled := make(map[string]int)
		var hooks [2]*vk.Callback
		for i := range hooks {
			hooks[i] = hooktest.New(nil)
			hooks[i].Handler, hooks[i].Dispatcher = nil, &vk.Dispatcher{Store: store, Handler: vk.HandlerFunc(func(c *vk.Context) error {
				time.Sleep(5 * time.Second)
				mu.Lock()
				defer mu.Unlock()
				handled[c.Text()]++
				return nil
			})}
		}
		var all sync.WaitGroup
		for n := range events {
			for at := range 2 { // and each twice at the same time
				all.Go(func() {
					for try := 0; ; try++ {
						w := hooktest.Post(hooks[(n+at+try)%2], hooktest.Event(strconv.Itoa(n), n+1), "X-Retry-Counter", strconv.Itoa(try))
						if hooktest.Answer(t, w) == "200 ok" {
							return
						}
						after, _ := strconv.Atoi(w.Header().Get("Retry-After"))
						time.Sleep(time.Duration(after) * time.Second)
					}
				})
			}
		}
		all.Wait()
		for _, cb := range hooks {
			cb.Stop(t.Context())
			cb.Dispatcher.Stop(t.Context())
		}
		if len(handled) != events {
			t.Errorf("%d of %d events handled", len(handled), events)
		}
		for id, n := range handled {
			if n != 1 {
				t.Errorf("event %s was handled %d times", id, n)
			}
		}
	})
}

// TestCallbackRetryCounter: an invalid count of earlier attempts is ignored.
func TestCallbackRetryCounter(t *testing.T) {
	for header, want := range map[string]int{"": 0, "2": 2, "0": 0, "-5": 0, "x": 0, "1 ": 0, "99999999999999999999": 0} {
		synctest.Test(t, func(t *testing.T) {
			cb := hooktest.New(func(c *vk.Context) error {
				if got := c.RetryCounter(); got != want {
					t.Errorf("%q: %d, want %d", header, got, want)
				}
				return nil
			})
			hooktest.Post(cb, hooktest.Event("a", 1), "X-Retry-Counter", header)
		})
	}
}

// TestCallbackOnVK: the whole path, with VK's own schedule.
func TestCallbackOnVK(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := vktest.New(t)
		d := newDiary()
		r := vk.NewRouter("!")
		r.Handle("slow", func(c *vk.Context) error {
			time.Sleep(20 * time.Second)
			return c.Send("Done.")
		})
		r.Handle("later", func(c *vk.Context) error {
			d.note("attempt %d", c.RetryCounter())
			if err := c.Send("Once."); err != nil {
				return err
			}
			if c.RetryCounter() < 2 {
				return vk.RetryAfter(time.Minute)
			}
			return nil
		})
		r.Handle("leave", func(c *vk.Context) error { return vk.ErrRemoveServer })
		cb := &vk.Callback{Client: bot.Client(), Handler: r, Secret: vk.NewSecret("s3cret"), Confirmation: bot.ConfirmationCode(), Logger: slog.New(slog.DiscardHandler)}
		bot.AddCallback(cb, "s3cret")
		anna := bot.User("Anna")
		anna.Says("!slow")
		time.Sleep(15 * time.Second)
		anna.Hears("Done.")
		time.Sleep(time.Hour)
		synctest.Wait()
		d.start = time.Now()
		anna.Says("!later")
		anna.Hears("Once.")
		time.Sleep(time.Hour)
		synctest.Wait()
		d.is(t, "0s attempt 0", "1m0s attempt 1", "2m0s attempt 2")
		anna.HearsNothing()
		anna.Says("!leave")
		time.Sleep(time.Minute)
		anna.Says("!slow")
		synctest.Wait()
		anna.HearsNothing()
		var got []string
		for _, d := range bot.Deliveries() {
			got = append(got, fmt.Sprintf("%s %d %s", d.Kind, d.Status, d.Answer))
		}
		want := []string{
			"confirmation 200 " + bot.ConfirmationCode(),
			"message_new 503 not now", "message_new 503 not now", "message_new 200 ok",
			"message_new 503 not now", "message_new 503 not now", "message_new 200 ok",
			"message_new 200 remove",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("deliveries (-want +got):\n%s", diff)
		}
		cb.Stop(t.Context())
	})
}

// TestCallbackBesidePoller: both bring every event, and each event is handled
// once.
func TestCallbackBesidePoller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := new(vk.Dispatcher)
		bot := vktest.Config{Dispatcher: shared}.New(t)
		r := vk.NewRouter("!")
		d := newDiary()
		r.Handle("say {text...}", func(c *vk.Context) error { d.note("%s", c.Arg("text")); return nil })
		bot.Start(r)
		cb := &vk.Callback{Client: bot.Client(), Dispatcher: shared, Secret: vk.NewSecret("s3cret"), Confirmation: bot.ConfirmationCode()}
		bot.AddCallback(cb, "s3cret")
		anna := bot.User("Anna")
		var want []string
		for n := range 20 {
			anna.Says(fmt.Sprintf("!say %d", n))
			bot.Wait(t.Context())
			want = append(want, fmt.Sprintf("0s %d", n))
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		for i := range d.lines {
			_, n, _ := strings.Cut(d.lines[i], " ")
			d.lines[i] = "0s " + n
		}
		d.is(t, want...)
		cb.Stop(t.Context())
	})
}

// heldStore is a Store with a Get that blocks for a webhook's event, and then
// fails.
type heldStore struct {
	vk.Store
	held chan struct{} // Get returns an error once it is closed
}

func (s *heldStore) Get(ctx context.Context, key string) ([]byte, error) {
	if strings.HasPrefix(key, "done/") {
		<-s.held
		return nil, errors.New("the disk is gone")
	}
	return s.Store.Get(ctx, key)
}

func (s *heldStore) Exclusive() bool { return true }

// TestCallbackSecondRequest: a request for an event that is being admitted for
// another request is not acknowledged if that admission fails.
func TestCallbackSecondRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &heldStore{Store: new(vk.MemoryStore), held: make(chan struct{})}
		handled := 0
		cb := hooktest.New(nil)
		cb.Handler = nil
		cb.Dispatcher = &vk.Dispatcher{Client: cb.Client, Store: store, Logger: slog.New(slog.DiscardHandler),
			Handler: vk.HandlerFunc(func(*vk.Context) error { handled++; return nil })}
		answers := make(chan string)
		for range 2 {
			go func() { answers <- hooktest.Answer(t, hooktest.Post(cb, hooktest.Event("a", 1))) }()
			synctest.Wait()
		}
		close(store.held)
		for range 2 {
			if got := <-answers; got != "503" || handled != 0 {
				t.Errorf("answered %q, handled %d times: want 503 and 0", got, handled)
			}
		}
		cb.Stop(t.Context())
		cb.Dispatcher.Stop(t.Context())
	})
}
