// Package lane runs work in lanes: one piece at a time per key and in order,
// different keys in parallel, on a bounded number of workers.
//
// A lane is a monitor: who runs in it can park, which gives the lane and the
// worker to others, and resume later, ahead of what waits in the lane.
package lane

import "sync"

// Lanes is a set of lanes. Its fields must be set before the first Add. There
// is no goroutine while there is no work, and an idle lane takes no memory.
type Lanes[K comparable, T any] struct {
	// Run does one piece of work. It is called on a goroutine of the Lanes. If
	// it ends that goroutine, by runtime.Goexit, its lane goes on.
	Run func(*Turn[K, T])

	// Workers bounds how many turns run at the same time. It must be positive.
	Workers int

	mu      sync.Mutex
	running int               // turns that hold a worker
	lanes   map[K]*line[K, T] // those with a turn that runs or waits
	first   *line[K, T]       // those with a turn to run next and none running,
	last    *line[K, T]       // in a list
	spare   *line[K, T]       // for reuse, in a list of at most maxSpare
	spares  int
}

const maxSpare = 64

// A line is one lane: the turns that wait for it, in a list.
type line[K comparable, T any] struct {
	key         K
	first, last *Turn[K, T]
	busy        bool        // a turn holds the lane
	next        *line[K, T] // in the list of those ready, or of the spare ones
}

// A Turn is one piece of work and its right to run in its lane.
type Turn[K comparable, T any] struct {
	Item T

	all   *Lanes[K, T]
	key   K
	state state
	next  *Turn[K, T]
	line  *line[K, T]   // while it waits or holds the lane
	woken chan struct{} // of a turn that resumes: closed when it has lane and worker
}

type state uint8

const (
	waiting  state = iota // for its first run, or to resume
	holding               // lane and worker
	parked                // neither, but it may resume
	released              // neither, for good
)

// Add puts a piece of work at the end of a lane. It does not wait.
func (l *Lanes[K, T]) Add(key K, item T) {
	t := &Turn[K, T]{Item: item, all: l, key: key}
	l.mu.Lock()
	l.queue(t, false)
	t = l.pick()
	l.mu.Unlock()
	l.start(t)
}

// queue puts t at the end of its lane, or at its beginning. The caller holds
// l.mu.
func (l *Lanes[K, T]) queue(t *Turn[K, T], front bool) {
	ln := l.lanes[t.key]
	if ln == nil {
		if ln = l.spare; ln != nil {
			l.spare, ln.next = ln.next, nil
			l.spares--
		} else {
			ln = new(line[K, T])
		}
		ln.key = t.key
		if l.lanes == nil {
			l.lanes = make(map[K]*line[K, T])
		}
		l.lanes[t.key] = ln
	}
	t.state, t.line = waiting, ln
	idle := ln.first == nil && !ln.busy
	switch {
	case ln.first == nil:
		ln.first, ln.last = t, t
	case front:
		t.next, ln.first = ln.first, t
	default:
		ln.last.next = t
		ln.last = t
	}
	if idle {
		l.ready(ln, front)
	}
}

// ready lists a lane whose first turn may run. The caller holds l.mu.
func (l *Lanes[K, T]) ready(ln *line[K, T], front bool) {
	switch {
	case l.first == nil:
		l.first, l.last = ln, ln
	case front:
		ln.next, l.first = l.first, ln
	default:
		l.last.next = ln
		l.last = ln
	}
}

// pick gives a worker to the turn that is next, if both are there. The caller
// holds l.mu, and starts the turn without it.
func (l *Lanes[K, T]) pick() *Turn[K, T] {
	ln := l.first
	if ln == nil || l.running >= l.Workers {
		return nil
	}
	if l.first = ln.next; l.first == nil {
		l.last = nil
	}
	t := ln.first
	if ln.first = t.next; ln.first == nil {
		ln.last = nil
	}
	ln.next, t.next = nil, nil
	ln.busy = true
	t.state = holding
	l.running++
	return t
}

// start lets a picked turn run, on a goroutine that is not the caller's.
func (l *Lanes[K, T]) start(t *Turn[K, T]) {
	switch {
	case t == nil:
	case t.woken != nil:
		close(t.woken)
	default:
		go l.work(t)
	}
}

// work runs t, and then whatever is next, until there is nothing.
func (l *Lanes[K, T]) work(t *Turn[K, T]) {
	for t != nil {
		t = l.run(t)
	}
}

// run runs one turn and returns the next one for this goroutine. If the turn
// ends the goroutine, the next one gets another.
func (l *Lanes[K, T]) run(t *Turn[K, T]) (next *Turn[K, T]) {
	returned := false
	defer func() {
		next = t.give(released)
		if !returned || next != nil && next.woken != nil {
			l.start(next)
			next = nil
		}
	}()
	l.Run(t)
	returned = true
	return nil
}

// give gives up lane and worker, if t holds them, and returns the turn that
// was picked to go on with the worker.
func (t *Turn[K, T]) give(to state) (next *Turn[K, T]) {
	l := t.all
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.state != holding {
		if to == released && t.state == parked {
			t.state = released
		}
		return nil
	}
	ln := t.line
	t.state, t.line, t.woken = to, nil, nil
	l.running--
	ln.busy = false
	if ln.first != nil {
		l.ready(ln, false)
	} else {
		delete(l.lanes, ln.key)
		if l.spares < maxSpare {
			var zero K
			ln.key, ln.next = zero, l.spare
			l.spare = ln
			l.spares++
		}
	}
	return l.pick()
}

// Release gives up lane and worker for good, before Run returns: the lane goes
// on without waiting for a turn that does not end. It is safe to call from any
// goroutine, and more than once.
func (t *Turn[K, T]) Release() { t.all.start(t.give(released)) }

// Park gives up lane and worker until Resume. It is called on the goroutine
// that Run was called on.
func (t *Turn[K, T]) Park() { t.all.start(t.give(parked)) }

// Resume waits until a parked turn has lane and worker again, which it gets
// before any turn that has not yet run in its lane. For a turn that was
// released meanwhile, or not parked, it returns at once.
func (t *Turn[K, T]) Resume() {
	l := t.all
	l.mu.Lock()
	if t.state != parked {
		l.mu.Unlock()
		return
	}
	woken := make(chan struct{})
	t.woken = woken
	l.queue(t, true)
	next := l.pick()
	l.mu.Unlock()
	l.start(next)
	<-woken
}
