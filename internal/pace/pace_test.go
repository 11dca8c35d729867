package pace

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// turn takes a turn as users do.
func turn(ctx context.Context, l *Limiter, priority int) error {
	if l.Try() {
		return nil
	}
	_, err := l.Wait(ctx, &Waiter{Priority: priority})
	return err
}

// TestSlidingSecond: no second has more than Rate calls, however they arrive,
// and no caller waits unnecessarily.
func TestSlidingSecond(t *testing.T) {
	for _, rate := range []int{1, 3, 20, 60} {
		synctest.Test(t, func(t *testing.T) {
			l := &Limiter{Rate: rate}
			rnd := rand.New(rand.NewPCG(1, uint64(rate)))
			var mu sync.Mutex
			var given []time.Time
			var all sync.WaitGroup
			for range 30 * rate {
				if rnd.IntN(rate) == 0 {
					time.Sleep(time.Duration(rnd.Int64N(int64(3 * time.Second))))
				}
				priority := rnd.IntN(Levels)
				all.Go(func() {
					if err := turn(t.Context(), l, priority); err != nil {
						t.Error(err)
					}
					mu.Lock()
					given = append(given, time.Now())
					mu.Unlock()
				})
				synctest.Wait()
			}
			all.Wait()
			slices.SortFunc(given, time.Time.Compare)
			for i := range given[rate:] {
				if d := given[i+rate].Sub(given[i]); d < time.Second {
					t.Fatalf("rate %d: %d turns in %v", rate, rate+1, d)
				}
			}
		})
	}
}

// TestRoom: a burst of Rate is not delayed, and the pace after it is even.
func TestRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &Limiter{Rate: 20}
		start := time.Now()
		var mu sync.Mutex
		var at []time.Duration
		var all sync.WaitGroup
		for range 60 {
			all.Go(func() {
				turn(t.Context(), l, 0)
				mu.Lock()
				at = append(at, time.Since(start))
				mu.Unlock()
			})
		}
		all.Wait()
		slices.Sort(at)
		if at[19] != 0 {
			t.Errorf("the 20th waited %v", at[19])
		}
		for i := 20; i < 60; i++ {
			want := span + time.Duration(i-20)*span/20
			if d := at[i] - want; d < 0 || d > time.Millisecond {
				t.Errorf("turn %d at %v, want %v", i+1, at[i], want)
			}
		}
		if l.timer != nil {
			t.Error("a timer is left")
		}
		time.Sleep(2 * time.Second)
		for i := range 20 {
			if !l.Try() {
				t.Errorf("no room for %d after a pause", i+1)
			}
		}
		if l.Try() {
			t.Error("room for 21")
		}
	})
}

// TestPriority: a more urgent caller goes first. Callers of equal priority go
// in order of arrival.
func TestPriority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &Limiter{Rate: 1}
		l.Try()
		var mu sync.Mutex
		var got []string
		var all sync.WaitGroup
		for i := range 12 {
			name := fmt.Sprint(i%3, " ", i/3)
			all.Go(func() {
				turn(t.Context(), l, i%3)
				mu.Lock()
				got = append(got, name)
				mu.Unlock()
			})
			synctest.Wait()
		}
		all.Wait()
		if !slices.IsSorted(got) {
			t.Errorf("order %q", got)
		}
	})
}

// TestWaitEnds: a context ends the wait, and uses up no turn.
func TestWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &Limiter{Rate: 1}
		l.Try()
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(300*time.Millisecond, func() { cancel(cause) })
		start := time.Now()
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if err := turn(ctx, l, 0); err != cause || time.Since(start) != 300*time.Millisecond {
					t.Errorf("%v after %v", err, time.Since(start))
				}
			})
		}
		synctest.Wait()
		all.Go(func() {
			if err := turn(t.Context(), l, 0); err != nil || time.Since(start) != span {
				t.Errorf("%v after %v", err, time.Since(start))
			}
		})
		all.Wait()

		// The last caller that gives up also stops the timer.
		ctx, cancel = context.WithCancelCause(t.Context())
		cancel(cause)
		if err := turn(ctx, l, 0); err != cause || l.timer != nil {
			t.Errorf("%v, timer %v", err, l.timer)
		}
	})
}

// TestGather: one turn serves all waiters that its owner takes along, in order,
// and only those of the same priority.
func TestGather(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &Limiter{Rate: 1}
		l.Try()
		start := time.Now()
		var all sync.WaitGroup
		at := make(map[string]string)
		var mu sync.Mutex
		wait := func(name string, priority int) {
			all.Go(func() {
				w := &Waiter{Priority: priority, Load: name}
				taken, err := l.Wait(t.Context(), w)
				if err != nil {
					t.Error(err)
				}
				what := fmt.Sprint(time.Since(start).Round(100 * time.Millisecond))
				if taken {
					what = "taken"
				} else if name == "a" {
					l.Gather(w, func(w *Waiter) (bool, bool) {
						what += " " + w.Load.(string)
						return w.Load != "c", w.Load != "e"
					})
				}
				mu.Lock()
				at[name] = what
				mu.Unlock()
			})
			synctest.Wait()
		}
		for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
			wait(name, 1)
		}
		wait("other", 2)
		all.Wait()
		want := map[string]string{"a": "1s b c d e", "b": "taken", "d": "taken", "e": "taken", "c": "2s", "f": "3.1s", "other": "4.1s"}
		if fmt.Sprint(at) != fmt.Sprint(want) {
			t.Errorf("got %v\nwant %v", at, want)
		}
	})
}

// TestRefused: refusals slow the turns down, once for all requests already
// sent, and the rate recovers after a calm.
func TestRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &Limiter{Rate: 20}
		inSecond := func() (n int) {
			for end := time.Now().Add(time.Second); time.Now().Before(end); n++ {
				turn(t.Context(), l, 0)
			}
			return n
		}
		inSecond()
		if n := inSecond(); n < 19 || n > 21 {
			t.Fatalf("%d in a second", n)
		}
		now := time.Now()
		time.Sleep(10 * time.Millisecond)
		for range 10 {
			l.Refused(now)
		}
		if n := inSecond(); n < 13 || n > 15 {
			t.Errorf("%d in a second after refusals at once", n)
		}
		for range 40 {
			time.Sleep(10 * time.Millisecond)
			l.Refused(time.Now())
		}
		if n := inSecond(); n < 1 || n > 3 {
			t.Errorf("%d in a second after 40 refusals", n)
		}
		time.Sleep(restore + calm)
		inSecond()
		if n := inSecond(); n < 19 || n > 21 {
			t.Errorf("%d in a second after a calm", n)
		}
	})
}

// TestNoLimit: the zero Limiter has no limit, nor has one with a Rate that no
// client reaches.
func TestNoLimit(t *testing.T) {
	for _, l := range []*Limiter{{}, {Rate: -1}, {Rate: MaxRate + 1}, {Rate: math.MaxInt}} {
		for range 1000 {
			if !l.Try() {
				t.Fatal("no turn")
			}
		}
		l.Refused(time.Now())
		if taken, err := l.Wait(t.Context(), new(Waiter)); taken || err != nil {
			t.Error(taken, err)
		}
		if len(l.given) > 0 {
			t.Errorf("%d turns are remembered", len(l.given))
		}
	}
}

// TestClockBack: a clock that is set back, as between two synctest bubbles,
// does not stop the turns.
func TestClockBack(t *testing.T) {
	l := &Limiter{Rate: 2}
	for range 3 {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			for range 4 {
				turn(t.Context(), l, 0)
			}
			if d := time.Since(start); d > 3*span {
				t.Errorf("took %v", d)
			}
			l.Refused(time.Now())
			time.Sleep(time.Hour)
			turn(t.Context(), l, 0)
		})
	}
}

// TestOrder: callers that share a key run in order, one at a time. Other
// callers do not wait. A caller that gives up lets the others pass.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o Order[string]
		var mu sync.Mutex
		inside := make(map[string]int)
		var entered []int
		var all sync.WaitGroup
		enter := func(ctx context.Context, n int, keys ...string) {
			all.Go(func() {
				p, err := o.Enter(ctx, keys...)
				if err != nil {
					return
				}
				mu.Lock()
				entered = append(entered, n)
				for _, k := range keys {
					if inside[k]++; inside[k] > 1 {
						t.Errorf("%d in %q", inside[k], k)
					}
				}
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				for _, k := range keys {
					inside[k]--
				}
				mu.Unlock()
				p.Leave()
			})
			synctest.Wait()
		}
		short, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		ctx := t.Context()
		enter(ctx, 1, "a", "b")
		enter(ctx, 2, "c")
		enter(short, 99, "c", "b", "d")
		enter(ctx, 5, "b", "c")
		enter(ctx, 3, "d")
		enter(ctx, 6, "c", "b")
		enter(ctx, 4, "e")
		all.Wait()
		// 3 shares a key with 99, and proceeds when 99 gives up.
		if want := []int{1, 2, 4, 3, 5, 6}; !slices.Equal(entered, want) {
			t.Errorf("entered %v, want %v", entered, want)
		}
		if len(o.lines) != 0 {
			t.Errorf("%d lines are left", len(o.lines))
		}
	})
}

// TestAsk: the Limiter asks for each turn. An allowed turn goes to the waiter
// that is next then, and is given back if no caller wants it any more.
func TestAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var asked, undone atomic.Int32
		l := &Limiter{Rate: 20, Ask: func() (time.Duration, func()) {
			asked.Add(1)
			if since := time.Since(began); since < 3*time.Second {
				return 3*time.Second - since, nil
			}
			time.Sleep(10 * time.Millisecond)
			return 0, func() { undone.Add(1) }
		}}
		if l.Try() {
			t.Error("a turn without being asked for")
		}
		var mu sync.Mutex
		var order []int
		var all sync.WaitGroup
		for _, priority := range []int{2, 1, 1, 0} {
			all.Go(func() {
				if err := turn(t.Context(), l, priority); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				order = append(order, priority)
			})
			time.Sleep(time.Second)
		}
		all.Wait()
		if !slices.Equal(order, []int{1, 1, 2, 0}) && !slices.Equal(order, []int{0, 1, 1, 2}) {
			t.Errorf("the turns went to %v", order)
		}
		if n := asked.Load(); n > 6 {
			t.Errorf("asked %d times for 4 turns and one wait", n)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		defer cancel()
		if err := turn(ctx, l, 0); err == nil {
			t.Error("a turn after the end of ctx")
		}
		time.Sleep(time.Second)
		if n := undone.Load(); n != 1 {
			t.Errorf("%d turns were given back, want 1", n)
		}
	})
}

// TestAskedInVain: a turn that Ask has allowed is given back if all callers give up
// before a refusal's pause is over.
func TestAskedInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var allowed, undone atomic.Int32
		l := &Limiter{Rate: 20, Ask: func() (time.Duration, func()) {
			time.Sleep(10 * time.Millisecond)
			allowed.Add(1)
			return 0, func() { undone.Add(1) }
		}}
		if err := turn(t.Context(), l, 0); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		wait := func() {
			all.Go(func() {
				if turn(ctx, l, 0) == nil {
					t.Error("a turn during the pause")
				}
			})
			synctest.Wait()
		}
		wait() // Ask is being called
		l.Refused(time.Now())
		wait() // sets the timer for the end of the pause
		time.Sleep(20 * time.Millisecond)
		cancel()
		all.Wait()
		time.Sleep(time.Second)
		if a, u := allowed.Load(), undone.Load(); a != 2 || u != 1 {
			t.Errorf("%d turns were allowed and %d given back, want 2 and 1", a, u)
		}
	})
}
