// Package windows counts uses by key, for cooldowns: so many in a while, then a rest.
package windows

import (
	"math"
	"time"
)

// A window is the use that was made of something in a while. It opens with the
// first use; the last one that is allowed opens it anew, and so begins a rest
// of the whole length. The length is not in it: it may be another each time.
type window struct {
	start   int64 // in Unix nanoseconds
	used    int32
	id      uint32 // no other window of the key has it, until it has come round
	refused bool   // somebody was told to wait
}

// A Use is one that was taken of a window, to be given back.
type Use[K comparable] struct {
	key    K
	per    time.Duration
	rate   int
	id     uint32 // the window's
	opened int64  // the start of the window before the use
}

// Windows are those of many keys. They are in two maps, which take turns: when
// all in the older one is over, it falls, and the newer one takes its place. So
// what is over costs nothing, not even a look at it, and there is no need for a
// timer: the memory is given back by the next use.
//
// The zero value has none. It has no lock of its own: its user needs one.
type Windows[K comparable] struct {
	fresh, stale generation[K]
	began        int64 // when fresh was begun
	last         uint32
}

// A generation is the windows that were last used in some time.
type generation[K comparable] struct {
	of   map[K]window
	need int64 // the longest of them, in nanoseconds
}

// turn drops what is over.
func (w *Windows[K]) turn(now int64) {
	keep := max(w.fresh.need, w.stale.need)
	switch age := now - w.began; {
	case age < 0: // the clock has gone back: what there is stays a little longer
	case age < keep:
		return
	case age-keep >= keep:
		w.fresh, w.stale = generation[K]{}, generation[K]{}
	default:
		w.fresh, w.stale = generation[K]{}, w.fresh
	}
	w.began = now
}

// find returns the window of key, which is a new one if there is none that
// lasts. A clock that has gone back before the window ends it.
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

// Take uses key once, if it may be used: at most rate times, and then not for
// as long as per. Otherwise it returns how long to wait, and whether somebody
// was told so before.
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

// GiveBack undoes a use, as far as its window still lasts. A rest that the window
// has begun is over.
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

// Left returns how long Take would have to wait.
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
