package windows

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// An owner is a key of Windows.
type owner struct{ User int64 }

// TestWindowsClockGoesBack checks that uses from before the clock was set back
// no longer count.
func TestWindowsClockGoesBack(t *testing.T) {
	var w Windows[owner]
	const per = 10 * time.Second
	key := owner{User: 1}
	at := func(s int64) int64 { return s * int64(time.Second) }
	for i, u := range []struct {
		at   int64
		wait time.Duration
	}{{1000, 0}, {1001, 9}, {500, 0}, {501, 9}, {510, 0}, {1000, 0}, {1009, 1}} {
		if _, wait, _ := w.Take(key, at(u.at), 1, per); wait != u.wait*time.Second {
			t.Errorf("use %d at %d: wait %v, want %v s", i, u.at, wait, int64(u.wait))
		}
	}
}

// TestWindowsGiveBackMemory checks that expired windows take no memory.
func TestWindowsGiveBackMemory(t *testing.T) {
	const n = 10_000
	held := func(w *Windows[owner]) int { return len(w.fresh.of) + len(w.stale.of) }
	per, now := time.Minute, int64(time.Hour)
	var w Windows[owner]
	for step := range 10 {
		for i := range n {
			w.Take(owner{User: int64(step*n + i)}, now, 1, per)
		}
		now += int64(per)
		if got := held(&w); got > 2*n {
			t.Fatalf("after %d minutes it holds %d keys, of which %d are live", step+1, got, n)
		}
	}
	now += int64(per)
	w.Take(owner{}, now, 1, per)
	if got := held(&w); got != 1 {
		t.Errorf("when all is over, it holds %d keys", got)
	}
	w.Reset(owner{})
	if got := held(&w); got != 0 {
		t.Errorf("after reset it holds %d keys", got)
	}
}

// TestWindowsForgetNothing checks that the two maps work like one map that
// drops nothing.
func TestWindowsForgetNothing(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	pers := []time.Duration{7, 20, 90, math.MaxInt64} // of nanoseconds
	for range 200 {
		var w Windows[owner]
		all := make(map[owner]window)
		now := int64(0)
		longest := 1 + rnd.IntN(len(pers))
		for range 300 {
			now += rnd.Int64N(15)
			key, rate := owner{User: rnd.Int64N(5)}, 1+rnd.IntN(3)
			per := pers[int(key.User)%longest]
			win, ok := all[key]
			if !ok || now-win.start >= int64(per) {
				win = window{start: now}
			}
			want, wasTold := time.Duration(0), false
			if int(win.used) >= rate {
				want, wasTold = per-time.Duration(now-win.start), win.refused
				win.refused = true
			} else if win.used++; int(win.used) == rate {
				win.start = now
			}
			all[key] = win
			left := w.Left(key, now, rate, per)
			if _, got, again := w.Take(key, now, rate, per); got != want || again != wasTold || left != want {
				t.Fatalf("at %d, %d in %d: wait %d (again: %v, left: %d), want %d (%v)", now, rate, per, got, again, left, want, wasTold)
			}
		}
	}
}

// TestWindowsReset checks Reset in both maps.
func TestWindowsReset(t *testing.T) {
	var w Windows[owner]
	a, b := owner{User: 1}, owner{User: 2}
	w.Take(b, 0, 1, 10)
	w.Take(a, 9, 1, 10)
	w.Take(b, 10, 1, 10) // a is in the older map now, and has not expired
	if w.Left(a, 12, 1, 10) != 7 {
		t.Fatal("the window does not last")
	}
	w.Reset(a)
	if left := w.Left(a, 12, 1, 10); left != 0 {
		t.Errorf("after reset, %d are left", left)
	}
}

// TestWindowsGiveBack checks that giving back a use undoes it, except for later
// changes of the window.
func TestWindowsGiveBack(t *testing.T) {
	key := owner{User: 1}
	for _, tt := range []struct {
		name string
		rate int
		f    func(w *Windows[owner], take func(now int64) Use[owner])
		now  int64
		used int32
		left time.Duration
	}{
		{"the only one", 1, func(w *Windows[owner], take func(int64) Use[owner]) { w.GiveBack(take(0), 0) }, 0, 0, 0},
		{"one of two", 2, func(w *Windows[owner], take func(int64) Use[owner]) { take(0); w.GiveBack(take(5), 5) }, 9, 1, 0},
		{"the window opened with the first", 2, func(w *Windows[owner], take func(int64) Use[owner]) { take(0); w.GiveBack(take(5), 5) }, 10, 0, 0},
		{"the first of two", 2, func(w *Windows[owner], take func(int64) Use[owner]) { a := take(0); take(5); w.GiveBack(a, 6) }, 9, 1, 0},
		{"one of three in a rest", 3, func(w *Windows[owner], take func(int64) Use[owner]) {
			take(0)
			b := take(1)
			take(2)
			w.GiveBack(b, 3)
			take(4)
		}, 4, 3, 10},
		{"when it is over", 1, func(w *Windows[owner], take func(int64) Use[owner]) { a := take(0); take(10); w.GiveBack(a, 11) }, 11, 1, 9},
		{"after a reset", 1, func(w *Windows[owner], take func(int64) Use[owner]) {
			a := take(0)
			w.Reset(key)
			take(0)
			w.GiveBack(a, 0)
		}, 0, 1, 10},
		{"after a reset, alone", 1, func(w *Windows[owner], take func(int64) Use[owner]) { a := take(0); w.Reset(key); w.GiveBack(a, 0) }, 0, 0, 0},
		{"after a turn", 1, func(w *Windows[owner], take func(int64) Use[owner]) { a := take(9); w.turn(10); w.GiveBack(a, 11) }, 11, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w Windows[owner]
			tt.f(&w, func(now int64) Use[owner] { u, _, _ := w.Take(key, now, tt.rate, 10); return u })
			if left := w.Left(key, tt.now, tt.rate, 10); left != tt.left {
				t.Errorf("%v left, want %v", left, tt.left)
			}
			if win := w.find(key, tt.now, 10); win.used != tt.used {
				t.Errorf("%d used, want %d", win.used, tt.used)
			}
		})
	}
	t.Run("who was told to wait is told anew in the next rest", func(t *testing.T) {
		var w Windows[owner]
		a, _, _ := w.Take(key, 0, 1, 10)
		w.Take(key, 1, 1, 10)
		w.GiveBack(a, 2)
		w.Take(key, 3, 1, 10)
		if _, wait, again := w.Take(key, 4, 1, 10); wait == 0 || again {
			t.Errorf("wait %v, again: %v", wait, again)
		}
	})
}
