package pace

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
)

// aMinute is a backoff with a first delay between 30 seconds and a minute.
var aMinute = backoff.Backoff{Min: time.Minute, Max: time.Hour}

var errBusy = errors.New("busy")

// enter enters the throttle with a new patience.
func enter(t *testing.T, th *Throttle[string], key string, patience time.Duration) (Attempt[string], error) {
	t.Helper()
	return th.Enter(t.Context(), key, &Patience{Max: patience})
}

// pauseKey makes an attempt of the key that is refused.
func pauseKey(t *testing.T, th *Throttle[string], key string) {
	t.Helper()
	a, err := enter(t, th, key, 0)
	if err != nil {
		t.Fatal(err)
	}
	a.Refused(errBusy, aMinute)
}

func TestThrottlePauses(t *testing.T) {
	for _, tt := range []struct {
		name     string
		key      string
		patience time.Duration
		paused   bool // the error is a PausedError
		atLeast  time.Duration
	}{
		{"no patience", "a", 0, true, 0},
		{"too little patience", "a", 10 * time.Second, true, 0},
		{"enough patience", "a", time.Minute, false, 30 * time.Second},
		{"another key", "b", 0, false, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var th Throttle[string]
				pauseKey(t, &th, "a")
				start := time.Now()
				_, err := enter(t, &th, tt.key, tt.patience)
				var paused *PausedError
				if errors.As(err, &paused) != tt.paused || (err == nil) == tt.paused {
					t.Fatalf("error %v", err)
				}
				if tt.paused && (!errors.Is(err, errBusy) || err.Error() != "busy") {
					t.Errorf("error %v does not give the reason", err)
				}
				if d := time.Since(start); d < tt.atLeast || d > 2*tt.atLeast {
					t.Errorf("waited %v", d)
				}
			})
		})
	}
}

// TestThrottleTrial: after a pause one attempt runs, and its result decides
// about the waiting ones.
func TestThrottleTrial(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(Attempt[string])
		want string // the second caller's result and the time that it waited
	}{
		{"passed", Attempt[string].Passed, "nil 1s"},
		{"abandoned", Attempt[string].Abandoned, "trial 1s"},
		{"refused", func(a Attempt[string]) { a.Refused(errBusy, backoff.Backoff{Min: 2, Max: 2}) }, "trial 1s"},
		{"refused for long", func(a Attempt[string]) { a.Refused(errBusy, aMinute) }, "busy 1s"},
		{"no end", func(Attempt[string]) {}, "busy 10s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var th Throttle[string]
				pauseKey(t, &th, "a")
				time.Sleep(time.Minute)
				trial, err := enter(t, &th, "a", 0)
				if err != nil || trial.trial == nil {
					t.Fatalf("no trial after the pause: %v", err)
				}
				start := time.Now()
				var got string
				var second sync.WaitGroup
				second.Go(func() {
					a, err := enter(t, &th, "a", 10*time.Second)
					what := "nil"
					if err != nil {
						what = err.Error()
					} else if a.trial != nil {
						what = "trial"
					}
					got = fmt.Sprint(what, " ", time.Since(start).Round(time.Second))
				})
				time.Sleep(time.Second)
				tt.end(trial)
				second.Wait()
				if got != tt.want {
					t.Errorf("the second caller: %s, want %s", got, tt.want)
				}
			})
		})
	}
}

// TestThrottleLateRefusal: attempts that began together pause the key once.
func TestThrottleLateRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var th Throttle[string]
		first, _ := enter(t, &th, "a", 0)
		late, _ := enter(t, &th, "a", 0)
		unharmed, _ := enter(t, &th, "a", 0)
		first.Refused(errBusy, aMinute)
		time.Sleep(10 * time.Second)
		late.Refused(errors.New("late"), aMinute)
		unharmed.Passed()
		unharmed.Abandoned()
		if _, err := enter(t, &th, "a", 0); !errors.Is(err, errBusy) {
			t.Errorf("error %v, want the first refusal", err)
		}
		time.Sleep(50 * time.Second)
		if a, err := enter(t, &th, "a", 0); err != nil || a.trial == nil {
			t.Errorf("the late refusal prolongs the pause: %v", err)
		}
	})
}

// TestThrottleDelays: refusals in a row double the pause, unless they are too
// old.
func TestThrottleDelays(t *testing.T) {
	for _, tt := range []struct {
		name  string
		idle  time.Duration // time after the second pause
		least time.Duration // minimum of the third pause
	}{
		{"in a row", 0, 2 * time.Minute},
		{"old refusals", 2 * forgetAfter, 30 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var th Throttle[string]
				pauseKey(t, &th, "a")
				time.Sleep(time.Minute)
				pauseKey(t, &th, "a")
				time.Sleep(2*time.Minute + tt.idle)
				pauseKey(t, &th, "a")
				if d := time.Until(th.pauses["a"].until); d < tt.least || d > 2*tt.least {
					t.Errorf("the third pause is %v, want at least %v", d, tt.least)
				}
			})
		})
	}
}

// TestThrottleContext: the end of a context ends the wait with its cause.
func TestThrottleContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var th Throttle[string]
		pauseKey(t, &th, "a")
		cause := errors.New("enough")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, cause)
		defer cancel()
		start := time.Now()
		if _, err := th.Enter(ctx, "a", &Patience{Max: time.Hour}); err != cause || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// TestPatience: all waits of one caller count together.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var th Throttle[string]
		pauseKey(t, &th, "a")
		patience := &Patience{Max: 80 * time.Second}
		time.Sleep(time.Hour) // time before the first wait does not count
		pauseKey(t, &th, "b")
		if a, err := th.Enter(t.Context(), "b", patience); err != nil {
			t.Fatal(err)
		} else {
			a.Refused(errBusy, aMinute) // for at least a minute
		}
		time.Sleep(55 * time.Second)
		if _, err := th.Enter(t.Context(), "b", patience); !errors.Is(err, errBusy) {
			t.Errorf("error %v after more time than there was", err)
		}
	})
}
