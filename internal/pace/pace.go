// Package pace decides when concurrent callers may proceed.
//
// A [Limiter] limits the number of turns in any second. An [Order] makes
// callers that share a key run one after another. A [Throttle] pauses a key
// after a refusal. [Book] collects the values of several callers.
package pace

import (
	"context"
	"sync"
	"time"

	"github.com/vkrouter/vk/internal/list"
)

const (
	// Levels is the number of priorities: from 0, which goes first, to Levels-1.
	Levels = 3

	// MaxRate is the maximum of a Rate that is a limit. A Limiter remembers the
	// times of that many turns.
	MaxRate = 100_000

	// span is the time within which at most Rate turns are given. It is a little
	// more than a second, because requests do not arrive at exactly the pace at
	// which they are sent.
	span = time.Second + 20*time.Millisecond

	// The cost of a refusal: a third of the pace. Within a calm, at most one
	// refusal counts. After a calm the pace recovers, completely within restore.
	calm    = time.Second
	slower  = 0.7
	restore = 20 * time.Second
)

// A Limiter gives turns: at most Rate of them in any sliding second. If there
// is room and no caller waits, a turn is given at once, so a burst of Rate is
// not delayed. Waiting callers get turns by priority, in order within one
// priority, and evenly spaced. Otherwise a burst would make the next second
// bursty, too, and the last caller would wait longest, however urgent it is.
//
// There is no goroutine except those of Ask and undo, and no timer while no caller waits.
// A waiting caller holds no lock. The zero Limiter has no limit.
//
// Rate must be set before the first use. A Limiter is safe for concurrent use.
type Limiter struct {
	Rate int // turns per second; if zero or less, or more than MaxRate, there is no limit

	// Ask, if not nil, is called before each turn, on its own goroutine while a
	// caller waits. It represents a limit that is shared with others. It returns
	// the time to wait before it is called again, or zero if a turn may be given.
	// If no caller wants the turn any more, undo is called, unless it is nil. With
	// Ask, Rate must be positive.
	Ask func() (wait time.Duration, undo func())

	mu     sync.Mutex
	asking bool        // Ask is being called
	asked  bool        // a turn may be given
	undo   func()      // gives that turn back; may be nil
	given  []time.Time // the times of the last Rate turns, a ring
	last   int         // the latest of given
	next   time.Time   // until then, no waiting caller gets a turn
	queues [Levels]list.List[*Waiter]
	timer  *time.Timer // set while a caller waits

	slowed time.Time // the time of the last refusal
	pace   float64   // the share of Rate at that time
}

// A Waiter is a request for a turn. It must not be used again.
type Waiter struct {
	Priority int // from 0, which goes first, to Levels-1
	Load     any // for callers of Gather

	place list.Node[*Waiter] // in a queue, while it waits
	taken bool
	ready chan struct{}
}

// isFree reports whether there is no limit.
func (l *Limiter) isFree() bool { return l.Rate <= 0 || l.Rate > MaxRate }

// Try takes a turn and returns true if there is room now and no caller waits.
// Otherwise it returns false.
func (l *Limiter) Try() bool {
	if l.isFree() {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.Ask != nil || l.timer != nil || l.room(now).After(now) {
		return false
	}
	l.give(now)
	return true
}

// Wait blocks until w gets a turn. It returns taken if another waiter's
// [Limiter.Gather] took w along instead, and the cause of ctx if ctx ends
// before either.
func (l *Limiter) Wait(ctx context.Context, w *Waiter) (taken bool, err error) {
	if l.isFree() {
		return false, nil
	}
	w.ready = make(chan struct{})
	l.mu.Lock()
	w.place.Value = w
	l.queues[w.Priority].Push(&w.place)
	if l.timer == nil {
		l.advance()
	}
	l.mu.Unlock()

	select {
	case <-w.ready:
	case <-ctx.Done():
		l.mu.Lock()
		gone := w.place.List() != nil
		if gone {
			w.place.Remove()
			l.rest()
		}
		l.mu.Unlock()
		if gone {
			return false, context.Cause(ctx)
		}
		<-w.ready
	}
	return w.taken, nil
}

// Gather calls pick for the waiters with w's priority, in order of arrival, and
// takes along those that pick approves: they stop waiting and get no turn of
// their own. Gather ends when pick reports that there is no more room. pick
// must not call methods of the Limiter.
func (l *Limiter) Gather(w *Waiter, pick func(*Waiter) (take, more bool)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for at := l.queues[w.Priority].First(); at != nil; {
		o, next := at.Value, at.Next()
		take, more := pick(o)
		if take {
			at.Remove()
			o.taken = true
			close(o.ready)
		}
		if !more {
			break
		}
		at = next
	}
	l.rest()
}

// Refused reports that the request with its turn at the given time was refused.
// The Limiter then gives turns more slowly, and returns to its rate over about
// twenty seconds without a refusal.
func (l *Limiter) Refused(at time.Time) {
	if l.isFree() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if since := now.Sub(l.slowed); !at.After(l.slowed) && since >= 0 && since < calm {
		return // it had been sent before the last refusal
	}
	l.pace = max(l.current(now)*slower, 1/float64(l.Rate))
	l.slowed = now
	l.next = now.Add(l.gap(now))
}

// current returns the share of Rate that is currently given, after refusals.
func (l *Limiter) current(now time.Time) float64 {
	since := now.Sub(l.slowed)
	if l.slowed.IsZero() || since < 0 { // the clock was set back
		return 1
	}
	back := max(since-calm, 0)
	return min(l.pace+float64(back)/float64(restore), 1)
}

// gap returns the time between the turns of waiting callers.
func (l *Limiter) gap(now time.Time) time.Duration {
	return time.Duration(float64(span) / (l.current(now) * float64(l.Rate)))
}

// room returns the time at which there is room for one more turn.
func (l *Limiter) room(now time.Time) time.Time {
	n := max(int(l.current(now)*float64(l.Rate)), 1)
	if len(l.given) < n {
		return now
	}
	// The turn that must be outside of the span: the n-th latest.
	t := l.given[(l.last+len(l.given)-n+1)%len(l.given)]
	if t.After(now) { // the clock was set back
		return now
	}
	return t.Add(span)
}

// give records a turn.
func (l *Limiter) give(now time.Time) {
	if len(l.given) < l.Rate {
		l.given = append(l.given, now)
		l.last = len(l.given) - 1
		return
	}
	l.last = (l.last + 1) % len(l.given)
	l.given[l.last] = now
}

// advance gives turns to the waiters that are due, and sets the timer for the
// next one.
func (l *Limiter) advance() {
	for {
		w := l.head()
		if w == nil {
			return
		}
		now := time.Now()
		at := l.room(now)
		if l.next.After(at) && l.next.Sub(now) <= 2*span { // otherwise the clock was set back
			at = l.next
		}
		if wait := at.Sub(now); wait > 0 {
			l.timer = time.AfterFunc(wait, l.fire)
			return
		}
		if l.Ask != nil && !l.asked {
			if !l.asking {
				l.asking = true
				go l.ask()
			}
			return
		}
		l.asked, l.undo = false, nil
		w.place.Remove()
		l.give(now)
		l.next = now.Add(l.gap(now))
		close(w.ready)
	}
}

// ask calls Ask until it allows a turn, and gives the turn to the waiter that
// is next then.
func (l *Limiter) ask() {
	wait, undo := l.Ask()
	l.mu.Lock()
	l.asking = false
	switch head := l.head(); {
	case wait > 0 && head != nil:
		if l.timer != nil {
			l.timer.Stop()
		}
		l.timer = time.AfterFunc(wait, l.fire)
	case wait > 0:
	case head == nil && undo != nil:
		defer undo()
	case head != nil:
		l.asked, l.undo = true, undo
		if l.timer == nil {
			l.advance()
		}
	}
	l.mu.Unlock()
}

func (l *Limiter) fire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timer = nil
	l.advance()
}

// rest stops the timer, and gives a turn of Ask back, if no caller waits.
func (l *Limiter) rest() {
	if l.head() != nil {
		return
	}
	if l.undo != nil {
		go l.undo()
	}
	l.asked, l.undo = false, nil
	if l.timer != nil && l.timer.Stop() {
		l.timer = nil
	}
}

// head returns the next waiter, or nil.
func (l *Limiter) head() *Waiter {
	for i := range l.queues {
		if at := l.queues[i].First(); at != nil {
			return at.Value
		}
	}
	return nil
}
