package lines

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

// A waiter is a context that waits without parking.
type waiter struct{ context.Context }

func (waiter) Park(wait func() error) error { return wait() }

var errGone = errors.New("gone")

func TestLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ls Lines[string]
		var mu sync.Mutex
		var got []string
		note := func(s string) { mu.Lock(); defer mu.Unlock(); got = append(got, s) }
		enter := func(name string, c context.Context) {
			go func() {
				if err := ls.Enter(waiter{c}, "k", 1, 2); err != nil {
					note(name + ": " + err.Error())
					return
				}
				note(name)
			}()
			synctest.Wait()
		}
		first := t.Context()
		enter("a", first)
		gone, cancel := context.WithCancelCause(first)
		enter("b", gone)
		enter("c", first)
		enter("d", first)
		if err := ls.Enter(waiter{first}, "other", 1, 0); err != nil {
			t.Errorf("another key: %v", err)
		}
		cancel(errGone)
		synctest.Wait()
		ls.Leave("k")
		synctest.Wait()
		ls.Leave("k")
		ls.Leave("other")
		want := []string{"a", "d: " + ErrFull.Error(), "b: gone", "c"}
		if !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		if n := ls.Len(); n != 0 {
			t.Errorf("%d keys are kept", n)
		}
	})
}

// TestTurnOfOneThatGaveUp checks that a place that comes too late goes to the
// next waiter.
func TestTurnOfOneThatGaveUp(t *testing.T) {
	var ls Lines[int]
	ls.Enter(waiter{t.Context()}, 1, 1, 0)
	late := lateWaiter{waiter{t.Context()}, func() { ls.Leave(1) }}
	if err := ls.Enter(late, 1, 1, 1); err != errGone {
		t.Fatal(err)
	}
	if n := ls.Len(); n != 0 {
		t.Errorf("%d keys are kept", n)
	}
}

// A lateWaiter gives up just when its turn has come.
type lateWaiter struct {
	waiter
	first func()
}

func (w lateWaiter) Park(func() error) error { w.first(); return errGone }
