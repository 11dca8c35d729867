// Package waits implements waiting for events: which handler an event is
// offered to, in which order, and how a handler sleeps until the event comes.
package waits

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// ErrLate is the error of a wait that has timed out.
var ErrLate = errors.New("nothing came in time")

// ErrHandled is the error of a wait after its handler has returned.
var ErrHandled = errors.New("the handler has returned")

// A Turn is the turn of a handler, which gives it up while it waits. Its
// methods may be called under the lock of the Waits; only Back blocks.
type Turn interface {
	Park() error  // gives up the turn for one goroutine; an error ends the wait
	Wake()        // records that the goroutine no longer waits
	Back()        // blocks until the handler has its turn
	Parked() bool // reports whether a goroutine of the handler waits
	Ended() bool  // reports whether the handler has returned or was abandoned
}

// Waits are the waits of all handlers. K is the place of the events that a wait
// receives; the zero K means every place. E is an event as a wait returns it.
// The zero value has no waits, and is safe for concurrent use.
type Waits[K comparable, E any] struct {
	n atomic.Int64

	mu   sync.Mutex
	by   map[K][]*Wait[K, E] // the oldest first
	last uint64
}

// A Wait takes events for a handler. The exported fields must not change after Start.
type Wait[K comparable, E any] struct {
	Turn    Turn
	Context context.Context // the handler's context; the wait ends with it
	Place   K
	Most    int  // the maximum number of events kept for Next
	Once    bool // it takes one event at most
	Owner   any  // for callers of Offered to identify the wait

	ws  *Waits[K, E]
	seq uint64

	// Guarded by the mu of the Waits.
	due    time.Time // zero means never
	queue  []E
	used   bool  // it has taken an event
	full   bool  // Offered has reported that
	over   error // why it has ended, or nil
	asleep []*sleeper
}

// A sleeper is a goroutine that waits for a Wait.
type sleeper struct {
	woken chan struct{} // closed to wake the goroutine
	due   time.Time     // when it wakes up in any case; zero means never
	awake bool          // it was woken
}

// Any reports whether there is a wait.
func (ws *Waits[K, E]) Any() bool { return ws.n.Load() > 0 }

// Start makes w take events from now on, until Stop. The wait ends at due,
// unless due is zero.
func (ws *Waits[K, E]) Start(w *Wait[K, E], due time.Time) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.by == nil {
		ws.by = make(map[K][]*Wait[K, E])
	}
	ws.last++
	w.ws, w.seq, w.due = ws, ws.last, due
	ws.by[w.Place] = append(ws.by[w.Place], w)
	ws.n.Add(1)
}

// Stop ends w: it takes no more events. It may be called more than once.
func (w *Wait[K, E]) Stop() {
	ws := w.ws
	ws.mu.Lock()
	defer ws.mu.Unlock()
	list := ws.by[w.Place]
	i := slices.Index(list, w)
	if i < 0 {
		return
	}
	ws.n.Add(-1)
	if list = slices.Delete(list, i, i+1); len(list) == 0 {
		delete(ws.by, w.Place)
	} else {
		ws.by[w.Place] = list
	}
	why := ErrHandled
	if cause := context.Cause(w.Context); cause != nil && cause != context.Canceled {
		why = cause // the end of the context stops w, possibly before Next sees it
	}
	w.fails(why)
}

// SetDue sets when w ends; the zero time means never.
func (w *Wait[K, E]) SetDue(due time.Time) {
	w.ws.mu.Lock()
	defer w.ws.mu.Unlock()
	w.due = due
}

// Used reports whether w has taken an event.
func (w *Wait[K, E]) Used() bool {
	w.ws.mu.Lock()
	defer w.ws.mu.Unlock()
	return w.used
}

// Fail ends w: Next returns the events that it has taken, and then the error.
// It reports whether this makes the handler continue, as soon as it can have
// its turn.
func (w *Wait[K, E]) Fail(why error) (goesOn bool) {
	w.ws.mu.Lock()
	defer w.ws.mu.Unlock()
	return w.fails(why)
}

// fails is Fail for callers that hold the lock.
func (w *Wait[K, E]) fails(why error) (goesOn bool) {
	if w.over != nil {
		return false
	}
	w.over = why
	for w.wake() {
		goesOn = !w.Turn.Parked()
	}
	return goesOn
}

// wake wakes the first sleeper, and reports whether there is one. The caller holds the
// lock.
func (w *Wait[K, E]) wake() bool {
	if len(w.asleep) == 0 {
		return false
	}
	s := w.asleep[0]
	w.asleep = w.asleep[1:]
	s.awake = true
	close(s.woken)
	w.Turn.Wake()
	return true
}

// Offered returns the waits for events of the places that can take one, the
// oldest first. full are the waits that cannot because they keep too many
// events; each is returned once. A wait for a single event is never full.
func (ws *Waits[K, E]) Offered(places ...K) (list, full []*Wait[K, E]) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, place := range places {
		for _, w := range ws.by[place] {
			switch {
			case w.able():
				list = append(list, w)
			case len(w.queue) >= w.Most && !w.Once && !w.full:
				w.full = true
				full = append(full, w)
			}
		}
	}
	slices.SortFunc(list, func(a, b *Wait[K, E]) int { return cmp.Compare(a.seq, b.seq) })
	return list, full
}

// able reports whether w can take an event. The caller holds the lock.
func (w *Wait[K, E]) able() bool {
	return w.ended() == nil && len(w.queue) < w.Most && !(w.Once && w.used)
}

// Take gives an event to w, if w can take one and lend returns true. lend is
// called under the lock of the Waits.
func (w *Wait[K, E]) Take(e E, lend func() bool) bool {
	w.ws.mu.Lock()
	defer w.ws.mu.Unlock()
	if !w.able() || !lend() {
		return false
	}
	w.used = true
	w.queue = append(w.queue, e)
	w.wake()
	return true
}

// Next returns the next event that w has taken. It blocks until there is one or
// w ends. Meanwhile the handler gives up its turn. before is called before it
// sleeps.
func (w *Wait[K, E]) Next(before func()) (E, error) {
	for {
		if e, err, ok := w.receive(); ok {
			return e, err
		}
		before()
		if s := w.fallAsleep(); s != nil { // nil if an event has come meanwhile
			w.sleep(s)
		}
	}
}

// receive returns the first event that w has taken, or the reason why there is
// none and none will come. ok is false if no event has come yet.
func (w *Wait[K, E]) receive() (e E, err error, ok bool) {
	w.ws.mu.Lock()
	defer w.ws.mu.Unlock()
	if len(w.queue) > 0 {
		e = w.queue[0]
		w.queue = w.queue[1:]
		return e, nil, true
	}
	err = w.ended()
	return e, err, err != nil
}

// fallAsleep parks the handler, unless there is something to receive: then it returns
// nil.
func (w *Wait[K, E]) fallAsleep() *sleeper {
	w.ws.mu.Lock()
	defer w.ws.mu.Unlock()
	if len(w.queue) > 0 || w.ended() != nil {
		return nil
	}
	if err := w.Turn.Park(); err != nil {
		w.over = err
		return nil
	}
	s := &sleeper{woken: make(chan struct{}), due: w.due}
	w.asleep = append(w.asleep, s)
	return s
}

// sleep blocks until s is woken or due, or the handler's context ends, and then until the
// handler has its turn back.
func (w *Wait[K, E]) sleep(s *sleeper) {
	var late <-chan time.Time
	if !s.due.IsZero() {
		timer := time.NewTimer(time.Until(s.due))
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-s.woken:
	case <-late:
	case <-w.Context.Done():
	}
	w.getUp(s)
	w.Turn.Back()
}

// getUp ends the sleep of s, if it was not woken.
func (w *Wait[K, E]) getUp(s *sleeper) {
	w.ws.mu.Lock()
	defer w.ws.mu.Unlock()
	if !s.awake {
		w.asleep = slices.DeleteFunc(w.asleep, func(other *sleeper) bool { return other == s })
		w.Turn.Wake()
	}
}

// ended returns the reason why no event can come any more. The caller holds the
// lock.
func (w *Wait[K, E]) ended() error {
	switch {
	case w.over != nil:
		return w.over
	case w.Context.Err() != nil:
		return context.Cause(w.Context)
	case w.Turn.Ended():
		return ErrHandled
	case !w.due.IsZero() && !time.Now().Before(w.due):
		return ErrLate
	}
	return nil
}
