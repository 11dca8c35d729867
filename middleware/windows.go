package middleware

import (
	"math"
	"time"

	"github.com/vkrouter/vk"
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

// A use is one that was taken of a window, to be given back.
type use struct {
	key    vk.Key
	per    time.Duration
	rate   int
	id     uint32 // the window's
	opened int64  // the start of the window before the use
}

// windows are those of many keys. They are in two maps, which take turns: when
// all in the older one is over, it falls, and the newer one takes its place. So
// what is over costs nothing, not even a look at it, and there is no need for a
// timer: the memory is given back by the next use.
//
// The zero value has none.
type windows struct {
	fresh, stale generation
	began        int64 // when fresh was begun
	last         uint32
}

// A generation is the windows that were last used in some time.
type generation struct {
	of   map[vk.Key]window
	need int64 // the longest of them, in nanoseconds
}

// turn drops what is over.
func (w *windows) turn(now int64) {
	keep := max(w.fresh.need, w.stale.need)
	switch age := now - w.began; {
	case age < 0: // the clock has gone back: what there is stays a little longer
	case age < keep:
		return
	case age-keep >= keep:
		w.fresh, w.stale = generation{}, generation{}
	default:
		w.fresh, w.stale = generation{}, w.fresh
	}
	w.began = now
}

// find returns the window of key, which is a new one if there is none that
// lasts. A clock that has gone back before the window ends it.
func (w *windows) find(key vk.Key, now int64, per time.Duration) window {
	found, ok := w.fresh.of[key]
	if !ok {
		found, ok = w.stale.of[key]
	}
	if age := now - found.start; !ok || age < 0 || age >= int64(per) {
		return window{start: now}
	}
	return found
}

func (w *windows) put(key vk.Key, win window, per time.Duration) {
	if w.fresh.of == nil {
		w.fresh.of = make(map[vk.Key]window)
	}
	w.fresh.of[key] = win
	w.fresh.need = max(w.fresh.need, int64(per))
}

// take uses key once, if it may be used: at most rate times, and then not for
// as long as per. Otherwise it returns how long to wait, and whether somebody
// was told so before.
func (w *windows) take(key vk.Key, now int64, rate int, per time.Duration) (taken use, wait time.Duration, again bool) {
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
		return use{}, per - time.Duration(now-win.start), again
	}
	taken = use{key, per, rate, win.id, win.start}
	if win.used++; int(win.used) == rate {
		win.start = now
	}
	w.put(key, win, per)
	return taken, 0, false
}

// giveBack undoes a use, as far as its window still lasts. A rest that the window
// has begun is over.
func (w *windows) giveBack(u use, now int64) {
	win := w.find(u.key, now, u.per)
	if win.used == 0 || win.id != u.id {
		return
	}
	if int(win.used) >= u.rate {
		win.start, win.refused = u.opened, false
	}
	if win.used--; win.used == 0 {
		w.reset(u.key)
		return
	}
	w.put(u.key, win, u.per)
}

// left returns how long take would have to wait.
func (w *windows) left(key vk.Key, now int64, rate int, per time.Duration) time.Duration {
	if win := w.find(key, now, per); int(win.used) >= rate {
		return per - time.Duration(now-win.start)
	}
	return 0
}

// reset ends the window of key.
func (w *windows) reset(key vk.Key) {
	delete(w.fresh.of, key)
	delete(w.stale.of, key)
}
