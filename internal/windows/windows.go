// Package windows counts uses by key for cooldowns: a number of uses, followed
// by a pause.
package windows

import (
	"math"
	"time"
)

// A window counts the uses of a key in a period. It starts with the first use.
// The last allowed use restarts it, and so begins a pause of the whole period.
// The window does not store the period, which may differ each time.
type window struct {
	start   int64 // in Unix nanoseconds
	used    int32
	id      uint32 // unique among the windows of the key until it wraps around
	refused bool   // a use was refused
}

// A Use is a use of a window that can be given back.
type Use[K comparable] struct {
	key    K
	per    time.Duration
	rate   int
	id     uint32 // of the window
	opened int64  // the start of the window before the use
}

// Windows holds the windows of many keys, in two maps that take turns. When all
// windows in the older map have expired, the map is dropped and the newer one
// takes its place. So an expired window costs nothing, not even a check, and no
// timer is needed: the next use frees the memory.
//
// The zero value is empty. Windows has no lock of its own: its user needs one.
type Windows[K comparable] struct {
	fresh, stale generation[K]
	began        int64 // the time when fresh was started
	last         uint32
}

// A generation holds the windows that were last used in some period.
type generation[K comparable] struct {
	of   map[K]window
	need int64 // the longest period of them, in nanoseconds
}

// turn drops expired windows.
func (w *Windows[K]) turn(now int64) {
	keep := max(w.fresh.need, w.stale.need)
	switch age := now - w.began; {
	case age < 0: // the clock was set back: the windows stay a little longer
	case age < keep:
		return
	case age-keep >= keep:
		w.fresh, w.stale = generation[K]{}, generation[K]{}
	default:
		w.fresh, w.stale = generation[K]{}, w.fresh
	}
	w.began = now
}

// find returns the window of key, or a new one if there is none or it has
// expired. If the clock was set back to before its start, the window has
// expired.
func (w *Windows[K]) find(key K, now int64, per time.Duration) window {
	found, ok := w.fresh.of[key]
	if !ok {
		found, ok = w.stale.of[key]
	}
	if age := now - found.start; !ok || age < 0 || age >= int64(per) {
		return window{start: now}
	}
	return found
}

func (w *Windows[K]) put(key K, win window, per time.Duration) {
	if w.fresh.of == nil {
		w.fresh.of = make(map[K]window)
	}
	w.fresh.of[key] = win
	w.fresh.need = max(w.fresh.need, int64(per))
}

// Take uses key once, if that is allowed: at most rate times, and then not
// until per has passed. Otherwise it returns the time to wait, and whether a
// use was refused before in the same pause.
func (w *Windows[K]) Take(key K, now int64, rate int, per time.Duration) (taken Use[K], wait time.Duration, again bool) {
	w.turn(now)
	rate = min(rate, math.MaxInt32)
	win := w.find(key, now, per)
	if win.used == 0 {
		w.last++
		win.id = w.last
	}
	if int(win.used) >= rate {
		again = win.refused
		if !again {
			win.refused = true
			w.put(key, win, per)
		}
		return Use[K]{}, per - time.Duration(now-win.start), again
	}
	taken = Use[K]{key, per, rate, win.id, win.start}
	if win.used++; int(win.used) == rate {
		win.start = now
	}
	w.put(key, win, per)
	return taken, 0, false
}

// GiveBack undoes a use if its window has not expired. A pause that the use has
// begun ends.
func (w *Windows[K]) GiveBack(u Use[K], now int64) {
	win := w.find(u.key, now, u.per)
	if win.used == 0 || win.id != u.id {
		return
	}
	if int(win.used) >= u.rate {
		win.start, win.refused = u.opened, false
	}
	if win.used--; win.used == 0 {
		w.Reset(u.key)
		return
	}
	w.put(u.key, win, u.per)
}

// Left returns the time that Take would return to wait.
func (w *Windows[K]) Left(key K, now int64, rate int, per time.Duration) time.Duration {
	if win := w.find(key, now, per); int(win.used) >= rate {
		return per - time.Duration(now-win.start)
	}
	return 0
}

// Reset ends the window of key.
func (w *Windows[K]) Reset(key K) {
	delete(w.fresh.of, key)
	delete(w.stale.of, key)
}
