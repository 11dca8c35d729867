package alarm

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A sleeper notes when it was told.
type sleeper struct {
	bell  Bell[*sleeper]
	began time.Time
	told  chan time.Duration
}

func newSleeper() *sleeper {
	s := &sleeper{began: time.Now(), told: make(chan time.Duration, 2)}
	s.bell.Value = s
	return s
}

func (s *sleeper) Ring() { s.told <- time.Since(s.began) }

// rung returns when the sleeper was told, and how often.
func (s *sleeper) rung() (at []time.Duration) {
	for {
		select {
		case d := <-s.told:
			at = append(at, d)
		default:
			return at
		}
	}
}

// TestRing: bells ring at their times, in any order of Set, unless they were
// removed.
func TestRing(t *testing.T) {
	tests := map[string]struct {
		due    []time.Duration
		remove []int // indexes, after a second
	}{
		"one":                    {due: []time.Duration{time.Minute}},
		"rising":                 {due: []time.Duration{2 * time.Second, 3 * time.Second, time.Hour}},
		"falling":                {due: []time.Duration{time.Hour, 3 * time.Second, 2 * time.Second}},
		"at once":                {due: []time.Duration{time.Minute, time.Minute, time.Minute}},
		"overdue":                {due: []time.Duration{-time.Minute, 0, time.Minute}},
		"the first is removed":   {due: []time.Duration{2 * time.Second, 3 * time.Second, time.Hour}, remove: []int{0}},
		"the last is removed":    {due: []time.Duration{2 * time.Second, 3 * time.Second, time.Hour}, remove: []int{2}},
		"all are removed":        {due: []time.Duration{2 * time.Second, 3 * time.Second}, remove: []int{1, 0}},
		"a rung one is removed":  {due: []time.Duration{0, 3 * time.Second}, remove: []int{0}},
		"one is removed again":   {due: []time.Duration{2 * time.Second, 3 * time.Second}, remove: []int{0, 0}},
		"the nearest is removed": {due: []time.Duration{time.Hour, 2 * time.Second, 2 * time.Hour}, remove: []int{1}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var a Alarm[*sleeper]
				var all []*sleeper
				for _, due := range test.due {
					s := newSleeper()
					all = append(all, s)
					a.Set(&s.bell, time.Now().Add(due))
				}
				time.Sleep(time.Second)
				for _, i := range test.remove {
					a.Remove(&all[i].bell)
				}
				time.Sleep(3 * time.Hour)
				for i, s := range all {
					want := []time.Duration{max(test.due[i], 0)}
					if slices.Contains(test.remove, i) && test.due[i] > time.Second {
						want = nil
					}
					if got := s.rung(); !slices.Equal(got, want) {
						t.Errorf("bell %d rang at %v, want %v", i, got, want)
					}
				}
				if len(a.bells) > 0 {
					t.Error("bells are left")
				}
			})
		})
	}
}

// TestAgain: an Alarm works again after it was empty.
func TestAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a Alarm[*sleeper]
		for _, remove := range []bool{false, true, false, false} {
			s := newSleeper()
			a.Set(&s.bell, time.Now().Add(time.Minute))
			if remove {
				time.Sleep(time.Second)
				a.Remove(&s.bell)
			}
			time.Sleep(time.Hour)
			if got := s.rung(); (len(got) == 0) != remove {
				t.Errorf("removed %v: it rang at %v", remove, got)
			}
		}
	})
}

// TestMany: many bells of random times ring in time while others are removed by
// other goroutines.
func TestMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a Alarm[*sleeper]
		var wg sync.WaitGroup
		for range 500 {
			wg.Go(func() {
				s := newSleeper()
				due := time.Duration(rand.N(1000)) * time.Millisecond
				a.Set(&s.bell, s.began.Add(due))
				if rand.N(2) == 0 {
					time.Sleep(due / 2)
					a.Remove(&s.bell)
					return
				}
				if got := <-s.told; got != due {
					t.Errorf("it rang after %v, want %v", got, due)
				}
			})
		}
		wg.Wait()
	})
}

// TestNoTimer: an empty Alarm has no armed timer, which would keep its owner in
// memory.
func TestNoTimer(t *testing.T) {
	var a Alarm[*sleeper]
	s := newSleeper()
	a.Set(&s.bell, time.Now().Add(time.Hour))
	a.Remove(&s.bell)
	if a.timer.Stop() {
		t.Error("the timer is armed")
	}
}

// TestFar: a bell that is due in the farthest future rings after all others, and
// does not delay them.
func TestFar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a Alarm[*sleeper]
		first := newSleeper()
		a.Set(&first.bell, time.Now().Add(time.Hour))
		time.Sleep(time.Second)
		for _, due := range []time.Time{time.Now().Add(math.MaxInt64), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)} {
			far := newSleeper()
			a.Set(&far.bell, due)
			time.Sleep(time.Minute)
			if got := far.rung(); got != nil {
				t.Errorf("the one of %v rang at %v", due, got)
			}
		}
		time.Sleep(time.Hour)
		if got := first.rung(); !slices.Equal(got, []time.Duration{time.Hour}) {
			t.Errorf("the first one rang at %v, want an hour", got)
		}
	})
}
