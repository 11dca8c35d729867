package lazyctx

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/internal/versus"
)

// TestUntilLikeContext: for each order of steps, an Until behaves like a context
// of context.WithDeadline.
func TestUntilLikeContext(t *testing.T) {
	type step func(c context.Context, cancel func(), parent context.CancelCauseFunc)
	steps := map[string]step{
		"cancel": func(_ context.Context, cancel func(), _ context.CancelCauseFunc) { cancel() },
		"end the parent": func(c context.Context, _ func(), parent context.CancelCauseFunc) {
			c.Err() // otherwise the order of the two ends is unknown
			parent(errEnd)
		},
		"call Done":     func(c context.Context, _ func(), _ context.CancelCauseFunc) { c.Done() },
		"call Err":      func(c context.Context, _ func(), _ context.CancelCauseFunc) { c.Err() },
		"wait a minute": nil,
	}
	state := func(c context.Context) string {
		at, ok := c.Deadline()
		s := fmt.Sprint(context.Cause(c), c.Value(key{}), time.Until(at), ok, c.Err())
		done := false
		select {
		case <-c.Done():
			done = true
		default:
		}
		return s + fmt.Sprint(" ", done, c.Err(), context.Cause(c))
	}
	for _, limit := range []time.Duration{30 * time.Second, 90 * time.Second, time.Hour} {
		for first, one := range steps {
			for second, two := range steps {
				for third, three := range steps {
					t.Run(fmt.Sprint(limit, ", ", first, ", ", second, ", ", third), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							under := func() (context.Context, context.CancelCauseFunc) {
								base, cancel := context.WithTimeout(context.WithValue(t.Context(), key{}, "v"), 100*time.Second)
								t.Cleanup(cancel)
								return context.WithCancelCause(base)
							}
							parent, endParent := under()
							lazy := WithDeadline(parent, time.Now().Add(limit))
							otherParent, endOther := under()
							plain, cancel := context.WithTimeout(otherParent, limit)
							for _, step := range []step{one, two, three} {
								if step == nil {
									time.Sleep(time.Minute)
								} else {
									step(lazy, lazy.Cancel, endParent)
									step(plain, cancel, endOther)
								}
								synctest.Wait()
							}
							if got, want := state(lazy), state(plain); got != want {
								t.Errorf("it is %s, want %s", got, want)
							}
							lazy.Cancel()
							cancel()
							endParent(nil)
							endOther(nil)
						})
					})
				}
			}
		}
	}
}

// TestUntilDerived: derived contexts end with it.
func TestUntilDerived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := WithDeadline(t.Context(), time.Now().Add(time.Minute))
		derived, cancel := context.WithTimeout(u, time.Hour)
		defer cancel()
		time.Sleep(time.Minute)
		synctest.Wait()
		if err := derived.Err(); err != context.DeadlineExceeded {
			t.Errorf("the derived one has ended with %v", err)
		}
	})
}

// TestUntilAtOnce: if goroutines race, an Until ends once.
func TestUntilAtOnce(t *testing.T) {
	for range 1000 {
		u := WithDeadline(t.Context(), time.Now().Add(time.Hour))
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { <-u.Done() })
		}
		wg.Go(u.Cancel)
		wg.Wait()
		if u.Err() != context.Canceled {
			t.Fatal(u.Err())
		}
	}
}

// TestUntilAllocations: an Until that no caller waits for is one allocation.
func TestUntilAllocations(t *testing.T) {
	at := time.Now().Add(time.Hour)
	var u context.Context
	if n := testing.AllocsPerRun(100, func() {
		made := WithDeadline(context.Background(), at)
		u = made
		if u.Err() != nil || u.Value(key{}) != nil {
			t.Error("it has ended")
		}
		made.Cancel()
	}); n != 1 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkUntil measures a deadline that no caller waits for, as a multiple of
// context.WithDeadline. It should be at most 0.5.
func BenchmarkUntil(b *testing.B) {
	at := time.Now().Add(time.Hour)
	versus.Run(b, "WithDeadline", 1, func() {
		u := WithDeadline(context.Background(), at)
		if u.Err() != nil {
			b.Error("it has ended")
		}
		u.Cancel()
	}, func() {
		c, cancel := context.WithDeadline(context.Background(), at)
		if c.Err() != nil {
			b.Error("it has ended")
		}
		cancel()
	})
}
