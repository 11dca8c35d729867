package vk

import (
	"context"
	"sync"
	"time"
)

// A watchdog ends handlers that take too long: one timer for all of a
// Dispatcher, armed for whoever is due first.
type watchdog struct {
	limit, grace time.Duration // limit <= 0: none
	abandon      func(j *job, name string, stopped bool)

	mu      sync.Mutex
	running jobList // within their limit, the longest running first
	late    jobList // told to end, the first to be abandoned first
	parked  jobList // waiting for something, due never
	timer   *time.Timer
	due     time.Time // when the timer fires; zero if it is not armed
}

// watched is what the watchdog knows of a job.
type watched struct {
	list       *jobList // the one that it is in; nil before and after
	prev, next *job
	at         time.Time // when it is due: to be late, or to be abandoned
	fresh      bool      // it has just begun, and has all of the limit
	abandoned  bool
	stopped    bool // its context was ended because its feed was stopped
	inner      inner
}

// begin starts to watch j, unless its feed was stopped: then it must not run.
func (w *watchdog) begin(j *job) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if j.feed.stopped {
		return false
	}
	w.put(j, &w.running, w.limit)
	j.fresh = true
	return true
}

// end stops watching j. It reports whether j had not been abandoned, and then
// whether it was told to end because of a stop.
func (w *watchdog) end(j *job) (stopped, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if j.list == nil {
		return false, false
	}
	j.list.remove(j)
	return j.stopped, true
}

// park lets j's limit stand still. Who was told to end is waited for all the same.
func (w *watchdog) park(j *job) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if j.list == &w.running {
		w.put(j, &w.parked, 0)
	}
}

// unpark lets j have all of its limit from now on.
func (w *watchdog) unpark(j *job) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if j.list == &w.parked {
		w.put(j, &w.running, w.limit)
	}
}

// cancel ends the context of the innermost invocation that j is in.
func (w *watchdog) cancel(j *job, why error) {
	w.mu.Lock()
	cancel := j.inner.cancel
	j.stopped = j.stopped || why == ErrStopped
	w.mu.Unlock()
	if cancel != nil {
		cancel(why)
	}
}

// enter implements turn: each invocation has all of the time limit.
func (j *job) enter(in inner) (outer inner) {
	w := &j.d.watchdog
	w.mu.Lock()
	outer, j.inner = j.inner, in
	stopped, abandoned := j.feed.stopped, j.abandoned
	j.stopped = j.stopped || stopped
	switch {
	case j.list == &w.running && !j.fresh,
		j.list == &w.late && outer.cancel == nil && !stopped: // it was late between two
		w.put(j, &w.running, w.limit)
	}
	j.fresh = false
	w.mu.Unlock()
	switch {
	case abandoned: // the conversation has gone on without it
		in.cancel(ErrTimeLimit)
	case stopped:
		in.cancel(ErrStopped)
	}
	return outer
}

// leave implements turn.
func (j *job) leave(outer inner) {
	w := &j.d.watchdog
	w.mu.Lock()
	defer w.mu.Unlock()
	j.inner = outer
	switch {
	case j.feed.stopped:
	case j.list == &w.late, // it has ended after all
		j.list == &w.running && outer.cancel != nil: // else it ends, or enters another
		w.put(j, &w.running, w.limit)
	}
}

// stop ends the contexts of all that runs of a feed, and keeps the rest of it
// from beginning.
func (w *watchdog) stop(f *feed) {
	w.mu.Lock()
	f.stopped = true
	var cancels []context.CancelCauseFunc
	for _, l := range [...]*jobList{&w.running, &w.parked} {
		for j := l.first; j != nil; {
			next := j.next
			if j.feed == f {
				w.put(j, &w.late, w.grace)
				j.stopped = true
				cancels = append(cancels, j.inner.cancel)
			}
			j = next
		}
	}
	w.mu.Unlock()
	for _, cancel := range cancels {
		if cancel != nil {
			cancel(ErrStopped)
		}
	}
}

// put moves j to the end of a list, due after d. The caller holds w.mu.
func (w *watchdog) put(j *job, to *jobList, d time.Duration) {
	if j.list != nil {
		j.list.remove(j)
	}
	j.at = time.Time{}
	if d > 0 {
		j.at = time.Now().Add(d)
	}
	to.add(j)
	w.arm()
}

// arm sets the timer for the first who is due. The caller holds w.mu.
func (w *watchdog) arm() {
	var due time.Time
	for _, l := range [...]*jobList{&w.running, &w.late} {
		if l.first != nil && !l.first.at.IsZero() && (due.IsZero() || l.first.at.Before(due)) {
			due = l.first.at
		}
	}
	if due.IsZero() || !w.due.IsZero() && !due.Before(w.due) {
		return // a timer that fires too early is armed again then
	}
	w.due = due
	if w.timer == nil {
		w.timer = time.AfterFunc(time.Until(due), w.fire)
	} else {
		w.timer.Reset(time.Until(due))
	}
}

// fire tells who is late to end, and gives up on who was told before.
func (w *watchdog) fire() {
	var cancels []context.CancelCauseFunc
	type given struct {
		j       *job
		name    string
		stopped bool
	}
	var up []given
	w.mu.Lock()
	now := time.Now()
	w.due = time.Time{}
	for j := w.late.first; j != nil && !j.at.After(now); j = w.late.first {
		w.late.remove(j)
		j.abandoned = true
		up = append(up, given{j, j.inner.name, j.stopped})
	}
	for j := w.running.first; j != nil && !j.at.IsZero() && !j.at.After(now); j = w.running.first {
		w.put(j, &w.late, w.grace)
		cancels = append(cancels, j.inner.cancel)
	}
	w.arm()
	w.mu.Unlock()
	for _, cancel := range cancels {
		if cancel != nil {
			cancel(ErrTimeLimit)
		}
	}
	for _, g := range up {
		w.abandon(g.j, g.name, g.stopped)
	}
}

// A jobList is a list of jobs, in the order in which they are due.
type jobList struct{ first, last *job }

func (l *jobList) add(j *job) {
	j.list, j.prev, j.next = l, l.last, nil
	if l.last == nil {
		l.first = j
	} else {
		l.last.next = j
	}
	l.last = j
}

func (l *jobList) remove(j *job) {
	if j.prev == nil {
		l.first = j.next
	} else {
		j.prev.next = j.next
	}
	if j.next == nil {
		l.last = j.prev
	} else {
		j.next.prev = j.prev
	}
	j.list, j.prev, j.next = nil, nil, nil
}
