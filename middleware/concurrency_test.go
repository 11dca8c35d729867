package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/vktest"
)

// A package variable, as users of the package have them: nothing in it belongs
// to a bubble.
var onePerKey = &middleware.MaxConcurrency{By: vk.PerUser, Queue: -1}

func TestMaxConcurrencyRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStub(nil)
		r := vk.NewRouter("!")
		mc := middleware.NewMaxConcurrency(2, vk.PerChat)
		r.Handle("work", func(c *vk.Context) error { time.Sleep(time.Minute); return nil }, mc.Wrap)
		var wg sync.WaitGroup
		defer wg.Wait()
		for range 2 {
			wg.Go(func() {
				if err := r.Serve(s.context(t, chat, 1, "!work")); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		var busy *middleware.ConcurrencyError
		if err := r.Serve(s.context(t, chat, 2, "!work")); !errors.As(err, &busy) || !errors.Is(err, middleware.ErrRefused) || busy.N != 2 || busy.Key != (vk.Key{Group: 7, Peer: chat}) {
			t.Errorf("err = %v", err)
		}
		wg.Go(func() {
			if err := r.Serve(s.context(t, chat+1, 1, "!work")); err != nil {
				t.Error("another chat:", err)
			}
		})
		time.Sleep(2 * time.Minute)
		if err := r.Serve(s.context(t, chat, 2, "!work")); err != nil {
			t.Error("when they are done:", err)
		}
	})
}

// TestMaxConcurrencyWaits checks that waiting handlers run in the order in
// which they came, and that those whose context ends leave the queue.
func TestMaxConcurrencyWaits(t *testing.T) {
	for range 2 { // the package variable is unused after each round
		synctest.Test(t, func(t *testing.T) {
			s := newStub(nil)
			var order []string
			gone := errors.New("gone")
			r := vk.NewRouter("!")
			r.Handle("work {n}", func(c *vk.Context) error {
				order = append(order, c.Arg("n"))
				time.Sleep(time.Second)
				return nil
			}, onePerKey.Wrap)
			var wg sync.WaitGroup
			for i := range 5 {
				wg.Go(func() {
					c := s.context(t, 1, 1, fmt.Sprint("!work ", i))
					if i == 2 {
						ctx, cancel := context.WithTimeoutCause(c, 1500*time.Millisecond, gone)
						defer cancel()
						c = c.WithContext(ctx)
					}
					if err := r.Serve(c); i == 2 && !errors.Is(err, gone) || i != 2 && err != nil {
						t.Errorf("%d: %v", i, err)
					}
				})
				synctest.Wait()
			}
			wg.Wait()
			if want := []string{"0", "1", "3", "4"}; !slices.Equal(order, want) {
				t.Errorf("order %v, want %v", order, want)
			}
		})
	}
}

// TestMaxConcurrencyQueue checks that no more handlers wait than Queue allows.
func TestMaxConcurrencyQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStub(nil)
		r := vk.NewRouter("!")
		mc := &middleware.MaxConcurrency{Queue: 2}
		r.Handle("work", func(*vk.Context) error { time.Sleep(time.Second); return nil }, mc.Wrap)
		var wg sync.WaitGroup
		var mu sync.Mutex
		refused := 0
		for range 5 {
			wg.Go(func() {
				if err := r.Serve(s.context(t, 1, 1, "!work")); err != nil {
					mu.Lock()
					refused++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if refused != 2 {
			t.Errorf("%d of 5 are refused while 1 runs and 2 wait", refused)
		}
	})
}

// TestMaxConcurrencyGivesBack checks that a place is given back however a
// handler ends, and that a handler that does not begin takes none.
func TestMaxConcurrencyGivesBack(t *testing.T) {
	no := errors.New("no")
	refuse := middleware.Before(func(*vk.Context) error { return no })
	s := newStub(nil)
	for name, tt := range map[string]struct {
		h  vk.HandlerFunc
		mw []vk.Middleware
	}{
		"returns":                   {nothing, nil},
		"fails":                     {func(*vk.Context) error { return no }, nil},
		"panics":                    {func(*vk.Context) error { panic("boom") }, nil},
		"ends its goroutine":        {func(*vk.Context) error { runtime.Goexit(); return nil }, nil},
		"is refused after the hook": {nothing, []vk.Middleware{refuse}},
		"bad arguments":             {nothing, nil},
		"a middleware inside panics": {nothing, []vk.Middleware{func(vk.HandlerFunc) vk.HandlerFunc {
			return func(*vk.Context) error { panic("boom") }
		}}},
		"a middleware inside runs it twice": {nothing, []vk.Middleware{func(next vk.HandlerFunc) vk.HandlerFunc {
			return func(c *vk.Context) error { return errors.Join(next(c), next(c)) }
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			mc := middleware.NewMaxConcurrency(1, vk.PerUser)
			r := vk.NewRouter("!")
			r.Handle("work", tt.h, append([]vk.Middleware{mc.Wrap}, tt.mw...)...)
			r.Handle("next", nothing, mc.Wrap)
			text := "!work"
			if name == "bad arguments" {
				text += " 1 2"
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				r.Serve(s.context(t, 1, 1, text))
			}()
			<-done
			if err := r.Serve(s.context(t, 1, 1, "!next")); err != nil {
				t.Errorf("the place is still taken: %v", err)
			}
		})
	}
}

// TestMaxConcurrencyNested checks that a handler does not wait for itself.
func TestMaxConcurrencyNested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStub(nil)
		mc := &middleware.MaxConcurrency{By: vk.PerUser, Queue: -1}
		inner := vk.NewRouter("!")
		inner.Handle("in", nothing, mc.Wrap)
		ran := false
		outer := vk.NewRouter("!")
		outer.Handle("in", func(c *vk.Context) error {
			ran = true
			return inner.Serve(c)
		}, mc.Wrap)
		if err := outer.Serve(s.context(t, 1, 1, "!in")); err != nil || !ran {
			t.Error(ran, err)
		}
	})
}

// TestMaxConcurrencyParks checks that a waiting handler blocks neither the chat
// nor the only worker.
func TestMaxConcurrencyParks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := vk.NewRouter("!")
		r.Use(middleware.Explain())
		mc := &middleware.MaxConcurrency{Queue: 1}
		r.Handle("slow", func(c *vk.Context) error {
			// Like a dialogue: parked, with its place.
			c.Park(func() error { time.Sleep(time.Hour); return nil })
			return c.Reply("done")
		}, mc.Wrap)
		r.Handle("ping", func(c *vk.Context) error { return c.Reply("pong") })
		bot := vktest.Config{Dispatcher: &vk.Dispatcher{Workers: 1}}.Start(t, r)
		anna, boris := bot.User("Anna"), bot.User("Boris")
		tea := bot.Chat("Tea", anna, boris)
		a, b := anna.In(tea), boris.In(tea)
		a.Says("!slow")
		b.Says("!slow")
		b.Says("!ping")
		b.Hears("pong")
		b.Says("!slow")
		b.Hears("This is running already. Try again when it is done.")
		time.Sleep(time.Hour)
		a.Hears("done")
		time.Sleep(time.Hour)
		b.Hears("done")
	})
}

// TestMaxConcurrencyUnmounted checks that unmounting a module ends the waits of
// its handlers, and that its running handlers give their places back when they
// end.
func TestMaxConcurrencyUnmounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := vk.NewRouter("!")
		mc := &middleware.MaxConcurrency{Queue: -1}
		ended := make(chan error, 3)
		see := func(next vk.HandlerFunc) vk.HandlerFunc {
			return func(c *vk.Context) error { ended <- next(c); return nil }
		}
		m, err := r.Mount("m", func(r *vk.Router) error {
			r.Use(see)
			r.Handle("slow", func(c *vk.Context) error { time.Sleep(30 * time.Second); return nil }, mc.Wrap)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		r.Handle("other", func(c *vk.Context) error { return c.Reply("mine") }, mc.Wrap)
		bot := vktest.Start(t, r)
		for _, name := range []string{"Anna", "Boris", "Clara"} {
			bot.User(name).Says("!slow")
		}
		time.Sleep(time.Second)
		dora := bot.User("Dora")
		dora.Says("!other") // the last in the queue
		time.Sleep(time.Second)
		if err := m.Unmount(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		for range 2 {
			if err := <-ended; !errors.Is(err, vk.ErrUnmounted) {
				t.Errorf("a waiting handler: %v", err)
			}
		}
		if len(ended) != 0 {
			t.Errorf("a running handler: %v", <-ended)
		}
		time.Sleep(30 * time.Second)
		dora.HearsLike("mine")
		if err := <-ended; err != nil {
			t.Errorf("the running handler, at its end: %v", err)
		}
	})
}
