// Package pace decides when concurrent callers may go on.
//
// A [Limiter] gives turns, at most so many in any second. An [Order] lets the
// callers that share a key go one after the other. A [Throttle] pauses a key
// after a refusal. [Book] collects the values of several callers.
package pace

import (
	"context"
	"sync"
	"time"

	"github.com/vkrouter/vk/internal/list"
)

const (
	// Levels is how many priorities there are: 0, which goes first, up to
	// Levels-1.
	Levels = 3

	// span is the time within which at most Rate turns are given. It is a
	// little more than a second, because what begins at one pace here does not
	// arrive there at quite the same.
	span = time.Second + 20*time.Millisecond

	// What a refusal costs: a third of the pace, at most one refusal counting
	// in any calm. After a calm it is given back, all of it within restore.
	calm    = time.Second
	slower  = 0.7
	restore = 20 * time.Second
)

// A Limiter gives turns: at most Rate of them in any second, a sliding one.
// While there is room and nobody waits, a turn is there at once, so that a
// burst of Rate passes unhindered. Those who have to wait go by priority, in
// order within one, and evenly spaced: a burst does not make the next second
// one of bursts too, in which the last to come waits longest, however urgent.
//
// There is no goroutine but that of Ask, and while nobody waits no timer. No lock is
// held by who waits. The zero Limiter has no limit.
//
// Rate must be set before the first use. A Limiter is safe for concurrent use.
type Limiter struct {
	Rate int // turns in a second; zero or less: no limit

	// Ask, if not nil, is called before each turn, on a goroutine of its own while
	// somebody waits: it is a limit that others share. It returns how long to wait before
	// it is called again, or zero if a turn may be given. If nobody wants it then,
	// undo is called, unless it is nil. With Ask, Rate must be positive.
	Ask func() (wait time.Duration, undo func())

	mu     sync.Mutex
	asking bool        // Ask is being called
	asked  bool        // a turn may be given
	given  []time.Time // when the last Rate turns were given, a ring
	last   int         // the latest of given
	next   time.Time   // before that, nobody who waits gets a turn
	queues [Levels]list.List[*Waiter]
	timer  *time.Timer // set while somebody waits

	slowed time.Time // when there was a refusal last
	pace   float64   // of Rate, then
}

// A Waiter is who waits for a turn. It must not be used again.
type Waiter struct {
	Priority int // from 0, which goes first, to Levels-1
	Load     any // for those who gather

	place list.Node[*Waiter] // in a queue, while it waits
	taken bool
	ready chan struct{}
}

// Try returns whether there is room for a turn now and nobody waits for one,
// and takes it.
func (l *Limiter) Try() bool {
	if l.Rate <= 0 {
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

// Wait waits for a turn. It returns taken if another waiter's [Limiter.Gather]
// took w along instead, and the cause of ctx if that ends before either.
func (l *Limiter) Wait(ctx context.Context, w *Waiter) (taken bool, err error) {
	if l.Rate <= 0 {
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

// Gather asks pick about those who wait with w's priority, the first to come
// first, and takes along whom it approves: their waiting is over without a
// turn of their own. It ends when pick says that there is no more room. pick
// must not call the Limiter.
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

// Refused tells that what had its turn at the given time was too much after
// all. The Limiter gives turns more slowly then, and comes back to its rate
// over some twenty seconds without a refusal.
func (l *Limiter) Refused(at time.Time) {
	if l.Rate <= 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if since := now.Sub(l.slowed); !at.After(l.slowed) && since >= 0 && since < calm {
		return // it was on its way when the last refusal came
	}
	l.pace = max(l.current(now)*slower, 1/float64(l.Rate))
	l.slowed = now
	l.next = now.Add(l.gap(now))
}

// current is the share of Rate that is given now, after refusals.
func (l *Limiter) current(now time.Time) float64 {
	since := now.Sub(l.slowed)
	if l.slowed.IsZero() || since < 0 { // the clock went back
		return 1
	}
	back := max(since-calm, 0)
	return min(l.pace+float64(back)/float64(restore), 1)
}

// gap is the time between the turns of those who wait.
func (l *Limiter) gap(now time.Time) time.Duration {
	return time.Duration(float64(span) / (l.current(now) * float64(l.Rate)))
}

// room returns when there is room for one more turn.
func (l *Limiter) room(now time.Time) time.Time {
	n := max(int(l.current(now)*float64(l.Rate)), 1)
	if len(l.given) < n {
		return now
	}
	// The turn that has to be out of the span: the n-th from the latest.
	t := l.given[(l.last+len(l.given)-n+1)%len(l.given)]
	if t.After(now) { // the clock went back
		return now
	}
	return t.Add(span)
}

// give notes a turn.
func (l *Limiter) give(now time.Time) {
	if len(l.given) < l.Rate {
		l.given = append(l.given, now)
		l.last = len(l.given) - 1
		return
	}
	l.last = (l.last + 1) % len(l.given)
	l.given[l.last] = now
}

// advance gives turns to those who are due, and sets the timer for the next.
func (l *Limiter) advance() {
	for {
		w := l.head()
		if w == nil {
			return
		}
		now := time.Now()
		at := l.room(now)
		if l.next.After(at) && l.next.Sub(now) <= 2*span { // else the clock went back
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
		l.asked = false
		w.place.Remove()
		l.give(now)
		l.next = now.Add(l.gap(now))
		close(w.ready)
	}
}

// ask asks for a turn, and gives it to the one who then goes next.
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
		l.asked = true
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

// rest stops the timer if nobody waits.
func (l *Limiter) rest() {
	if l.head() != nil {
		return
	}
	l.asked = false
	if l.timer != nil && l.timer.Stop() {
		l.timer = nil
	}
}

// head is who goes next, or nil.
func (l *Limiter) head() *Waiter {
	for i := range l.queues {
		if at := l.queues[i].First(); at != nil {
			return at.Value
		}
	}
	return nil
}
