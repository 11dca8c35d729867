package lazyctx

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/internal/versus"
)

type key struct{}

var errEnd = errors.New("end")

// TestLikeContext: for each order of steps, the Context behaves like a context
// of context.WithCancelCause.
func TestLikeContext(t *testing.T) {
	errParent := errors.New("parent")
	steps := map[string]func(c context.Context, cancel, parent context.CancelCauseFunc){
		"cancel":          func(_ context.Context, cancel, _ context.CancelCauseFunc) { cancel(errEnd) },
		"cancel with nil": func(_ context.Context, cancel, _ context.CancelCauseFunc) { cancel(nil) },
		"end the parent":  func(_ context.Context, _, parent context.CancelCauseFunc) { parent(errParent) },
		"call Done":       func(c context.Context, _, _ context.CancelCauseFunc) { c.Done() },
		"wait a minute":   func(context.Context, context.CancelCauseFunc, context.CancelCauseFunc) { time.Sleep(time.Minute) },
	}
	state := func(c context.Context) string {
		at, ok := c.Deadline()
		before := fmt.Sprint(c.Err(), c.Value(key{}), time.Until(at), ok)
		before += fmt.Sprint(" ", context.Cause(c))
		done := false
		select {
		case <-c.Done():
			done = true
		default:
		}
		return before + fmt.Sprint(" ", done, c.Err(), context.Cause(c))
	}
	for first, one := range steps {
		for second, two := range steps {
			for third, three := range steps {
				t.Run(first+", "+second+", "+third, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						under := func() (context.Context, context.CancelCauseFunc) {
							base, cancel := context.WithTimeout(context.WithValue(t.Context(), key{}, "v"), 90*time.Second)
							t.Cleanup(cancel)
							return context.WithCancelCause(base)
						}
						parent, endParent := under()
						var lazy Context
						lazy.Init(parent)
						otherParent, endOther := under()
						plain, cancel := context.WithCancelCause(otherParent)
						for _, step := range []func(context.Context, context.CancelCauseFunc, context.CancelCauseFunc){one, two, three} {
							began := time.Now()
							step(&lazy, lazy.Cancel, endParent)
							if took := time.Since(began); took == 0 { // the steps that wait do so once for both
								step(plain, cancel, endOther)
							}
							synctest.Wait()
						}
						if got, want := state(&lazy), state(plain); got != want {
							t.Errorf("it is %s, want %s", got, want)
						}
						endParent(nil)
						endOther(nil)
						cancel(nil)
					})
				})
			}
		}
	}
}

// TestDerived: derived contexts end with it, with its cause and without a
// goroutine for each.
func TestDerived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Context
		c.Init(t.Context())
		derived, cancel := context.WithCancel(&c)
		defer cancel()
		called := false
		context.AfterFunc(&c, func() { called = true })
		c.Cancel(errEnd)
		if derived.Err() == nil || context.Cause(derived) != errEnd { // at once, since there is no goroutine in between
			t.Errorf("the derived one has ended with %v, %v", derived.Err(), context.Cause(derived))
		}
		synctest.Wait()
		if !called {
			t.Error("AfterFunc was not called")
		}
	})
}

// TestAtOnce: if two goroutines race, the Context ends once, with one cause.
func TestAtOnce(t *testing.T) {
	for range 1000 {
		var c Context
		c.Init(t.Context())
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { <-c.Done() })
		}
		wg.Go(func() { c.Cancel(errEnd) })
		wg.Wait()
		if context.Cause(&c) != errEnd {
			t.Fatal(context.Cause(&c))
		}
	}
}

// TestAllocations: a Context that no caller waits for allocates nothing.
func TestAllocations(t *testing.T) {
	var c Context
	if n := testing.AllocsPerRun(100, func() {
		c = Context{}
		c.Init(context.Background())
		if c.Err() != nil || c.Value(key{}) != nil {
			t.Error("it has ended")
		}
		c.Cancel(nil)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkContext measures a context that ends without a waiting caller, as a
// multiple of context.WithCancelCause. It should be at most 0.5.
func BenchmarkContext(b *testing.B) {
	type handler struct{ c Context }
	versus.Run(b, "WithCancelCause", 1, func() {
		h := new(handler)
		h.c.Init(context.Background())
		if h.c.Err() != nil {
			b.Error("it has ended")
		}
		h.c.Cancel(nil)
	}, func() {
		c, cancel := context.WithCancelCause(context.Background())
		if c.Err() != nil {
			b.Error("it has ended")
		}
		cancel(nil)
	})
}
