// Package lane runs work in lanes: one piece at a time per key and in order,
// different keys in parallel, on a limited number of workers.
//
// A lane is a monitor: the running turn can park, which frees the lane and the
// worker, and resume later, before the turns that wait in the lane. Another
// turn that runs in the lane can wake a parked one: then no other turn runs
// between the two.
package lane

import "sync"

// Lanes is a set of lanes. Its fields must be set before the first Add. There
// is no goroutine while there is no work, and an idle lane takes no memory.
type Lanes[K comparable, T any] struct {
	// Run does one piece of work. It is called on a goroutine of the Lanes. If it
	// ends that goroutine by runtime.Goexit, its lane continues.
	Run func(*Turn[K, T])

	// Workers limits the number of turns that run at the same time. It must be
	// positive.
	Workers int

	mu      sync.Mutex
	running int               // turns that hold a worker
	lanes   map[K]*line[K, T] // the lanes with a turn that runs or waits
	first   *line[K, T]       // the lanes with a next turn and no running one,
	last    *line[K, T]       // in a list
	spare   *line[K, T]       // for reuse, in a list of at most maxSpare
	spares  int
}

const maxSpare = 64

// A line is one lane.
type line[K comparable, T any] struct {
	key     K
	resumed queue[K, T] // turns that have run and continue before all others
	fresh   queue[K, T] // turns that have not run
	busy    bool        // a turn holds the lane
	next    *line[K, T] // in the list of those ready, or of the spare ones
}

func (ln *line[K, T]) empty() bool { return ln.resumed.first == nil && ln.fresh.first == nil }

// A queue is a list of turns.
type queue[K comparable, T any] struct{ first, last *Turn[K, T] }

func (q *queue[K, T]) push(t *Turn[K, T]) {
	t.queued = true
	if q.first == nil {
		q.first = t
	} else {
		q.last.next = t
	}
	q.last = t
}

func (q *queue[K, T]) pop() *Turn[K, T] {
	t := q.first
	if t == nil {
		return nil
	}
	if q.first, t.next = t.next, nil; q.first == nil {
		q.last = nil
	}
	t.queued = false
	return t
}

// A Turn is one piece of work and its right to run in its lane.
type Turn[K comparable, T any] struct {
	Item T

	all    *Lanes[K, T]
	key    K
	state  state
	queued bool // in a lane's queue, perhaps as a turn that has given up its place
	next   *Turn[K, T]
	line   *line[K, T]   // while it holds the lane
	woken  chan struct{} // of a turn that waits to resume: closed when it need not wait any more
}

type state uint8

const (
	waiting  state = iota // for its first run
	holding               // lane and worker
	parked                // neither, but it may resume
	resuming              // neither, but it waits for both
	released              // neither, permanently
)

// Add puts a piece of work at the end of a lane. It does not block.
func (l *Lanes[K, T]) Add(key K, item T) {
	t := &Turn[K, T]{Item: item, all: l, key: key}
	l.mu.Lock()
	l.queue(t)
	t = l.pick()
	l.mu.Unlock()
	if t != nil {
		go l.work(t)
	}
}

// queue makes t wait for its lane. The caller holds l.mu, and must call pick.
func (l *Lanes[K, T]) queue(t *Turn[K, T]) {
	ln := l.lanes[t.key]
	if ln == nil {
		ln = l.open(t.key)
	}
	idle := ln.empty() && !ln.busy
	if t.state == resuming {
		ln.resumed.push(t)
	} else {
		ln.fresh.push(t)
	}
	if idle {
		l.ready(ln, t.state == resuming)
	}
}

// open returns a new lane. The caller holds l.mu.
func (l *Lanes[K, T]) open(key K) *line[K, T] {
	ln := l.spare
	if ln == nil {
		ln = new(line[K, T])
	} else {
		l.spare, ln.next = ln.next, nil
		l.spares--
	}
	ln.key = key
	if l.lanes == nil {
		l.lanes = make(map[K]*line[K, T])
	}
	l.lanes[key] = ln
	return ln
}

// pass gives a lane that no turn holds to its next turn, or removes it if there
// is none. The caller holds l.mu, and must call pick.
func (l *Lanes[K, T]) pass(ln *line[K, T]) {
	if !ln.empty() {
		l.ready(ln, false)
		return
	}
	delete(l.lanes, ln.key)
	if l.spares < maxSpare {
		var zero K
		ln.key, ln.next = zero, l.spare
		l.spare = ln
		l.spares++
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

// pick gives lane and worker to the next turn, if both are available. A turn
// that resumes is woken. A turn that runs for the first time is returned, and
// the caller runs it after it has unlocked l.mu.
//
// Code that frees a worker or readies a lane calls pick once, so a free worker
// and a ready lane never wait for each other.
func (l *Lanes[K, T]) pick() *Turn[K, T] {
	for l.first != nil && l.running < l.Workers {
		ln := l.first
		if l.first = ln.next; l.first == nil {
			l.last = nil
		}
		ln.next = nil
		t := ln.resumed.pop()
		if t == nil {
			t = ln.fresh.pop()
		}
		if t.state == released || t.state == parked {
			l.pass(ln) // it gave up while it waited to resume
			continue
		}
		resumes := t.state == resuming
		t.state, t.line = holding, ln
		ln.busy = true
		l.running++
		if !resumes {
			return t
		}
		close(t.woken)
		return nil
	}
	return nil
}

// work runs t and then the next turns, until there are none.
func (l *Lanes[K, T]) work(t *Turn[K, T]) {
	grow()
	for t != nil {
		t = l.run(t)
	}
}

// grow makes the stack of a new goroutine large enough for most handlers, in
// one step and while the stack is empty. Otherwise it would grow in several
// steps during the handler, and each step would copy its contents: see
// BenchmarkGrow.
//
//go:noinline
func grow() byte {
	var room [5 << 10]byte // it becomes 8 KB
	return room[len(text)]
}

var text string // prevents the removal of room

// run runs one turn and returns the next one for this goroutine. If the turn
// ends the goroutine, the next turn runs in another one.
func (l *Lanes[K, T]) run(t *Turn[K, T]) (next *Turn[K, T]) {
	returned := false
	defer func() {
		next = t.give(released)
		if next != nil && !returned {
			go l.work(next)
		}
	}()
	l.Run(t)
	returned = true
	return nil
}

// give releases the lane and the worker if t holds them, and returns the turn
// that runs next in its place.
func (t *Turn[K, T]) give(to state) (next *Turn[K, T]) {
	l := t.all
	l.mu.Lock()
	defer l.mu.Unlock()
	switch t.state {
	case holding:
		ln := t.line
		t.state, t.line = to, nil
		l.running--
		ln.busy = false
		l.pass(ln)
		return l.pick()
	case resuming: // called by a goroutine other than the waiting one
		t.state = to
		close(t.woken)
	case parked:
		t.state = to
	}
	return nil
}

// Release permanently gives up lane and worker before Run returns: the lane
// continues without waiting for a turn that does not end. It is safe to call
// from any goroutine, and more than once.
func (t *Turn[K, T]) Release() { t.leave(released) }

// Park gives up lane and worker until the turn is woken. The work itself calls
// it. A second call before Wake has no effect.
func (t *Turn[K, T]) Park() { t.leave(parked) }

func (t *Turn[K, T]) leave(to state) {
	if next := t.give(to); next != nil {
		go t.all.work(next)
	}
}

// Wake makes a parked turn continue: it gets lane and worker before any turn
// that has not yet run in its lane, and in the order of the calls of Wake. Wake
// does not block. It has no effect on a turn that is not parked. It is safe to
// call from any goroutine.
func (t *Turn[K, T]) Wake() {
	l := t.all
	l.mu.Lock()
	if t.state != parked {
		l.mu.Unlock()
		return
	}
	t.state, t.woken = resuming, make(chan struct{})
	if !t.queued {
		l.queue(t)
	}
	next := l.pick()
	l.mu.Unlock()
	if next != nil {
		go l.work(next)
	}
}

// Wait blocks until a woken turn has lane and worker. It returns at once if the
// turn has them, was not woken, or is parked again or released, before the call
// or during it.
func (t *Turn[K, T]) Wait() {
	t.all.mu.Lock()
	woken := t.woken
	resumes := t.state == resuming
	t.all.mu.Unlock()
	if resumes {
		<-woken
	}
}

// Resume is Wake, then Wait.
func (t *Turn[K, T]) Resume() {
	t.Wake()
	t.Wait()
}
