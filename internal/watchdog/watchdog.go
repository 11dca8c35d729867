// Package watchdog ends tasks that take too long.
//
// A [Watchdog] has one timer for all of its tasks. If a [Task] exceeds the
// limit, its context is canceled. If the task then exceeds the grace period,
// the Watchdog abandons it.
package watchdog

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/vkrouter/vk/internal/list"
)

// A Watchdog watches tasks, each of which belongs to an owner of type T. Its
// fields must be set before the first use. It has no goroutine, and its methods
// are safe for concurrent use. It calls Abandon and cancels contexts without a
// lock.
type Watchdog[T any] struct {
	// Limit is how long a task may run before it is told to end. If zero or less,
	// there is no limit.
	Limit time.Duration

	// Grace is how long a task may continue after it was told to end.
	Grace time.Duration

	// LimitCause and StopCause are the causes with which a task's context ends
	// by the limit and by Stop.
	LimitCause, StopCause error

	// Abandon is called with the tasks that exceed Grace, with each task once, on
	// a goroutine of its own.
	Abandon func([]Abandoned[T])

	mu      sync.Mutex
	running list.List[*Task[T]] // within the limit; the first is due first
	late    list.List[*Task[T]] // told to end; the first is abandoned first
	parked  list.List[*Task[T]] // never due
	timer   *time.Timer
	base    time.Time     // from which the times are counted; zero before the first task
	due     time.Duration // when the timer fires; 0 if it is not armed
}

// A Task is a Watchdog's record of one task. The zero Task has not begun. A
// Task runs once.
type Task[T any] struct {
	owner   T
	group   *Group
	place   list.Node[*Task[T]] // in a list of the Watchdog, from Begin to End
	at      time.Duration       // when it is due, to be told to end or abandoned; 0 for never
	section Section             // the innermost one that it is in

	fresh     bool // it has entered no section: the first one has the time since Begin
	abandoned bool
	stopped   bool // it was told to end by a stop
}

// An Abandoned is a task that the Watchdog has abandoned.
type Abandoned[T any] struct {
	Owner   T
	Section string // the name of the section that the task is in
	Stopped bool   // a stop has told it to end
}

// A Group is a set of tasks that stop together. The zero Group is ready to use,
// and belongs to one Watchdog.
type Group struct{ stopped bool }

// A Section is a part of a task that has all of the limit, and a context of its
// own. Sections may be nested: then only the innermost one is told to end.
type Section struct {
	Name    string
	Context Canceler
}

// A Canceler is a context that can be told to end.
type Canceler interface{ Cancel(cause error) }

// A CancelFunc is a Canceler for a context of package context.
type CancelFunc context.CancelCauseFunc

// Cancel calls f.
func (f CancelFunc) Cancel(cause error) { f(cause) }

// Begin starts to watch a task of a group. It reports false, and does not watch
// the task, if the group was stopped: then the task must not run.
func (w *Watchdog[T]) Begin(t *Task[T], g *Group, owner T) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if g.stopped {
		return false
	}
	t.owner, t.group, t.place.Value, t.fresh = owner, g, t, true
	w.move(t, &w.running, w.Limit)
	return true
}

// End ends the watching of a task. If the task was abandoned, ok is false.
// Otherwise stopped reports whether a stop has told it to end.
func (w *Watchdog[T]) End(t *Task[T]) (stopped, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if t.place.List() == nil {
		return false, false
	}
	t.place.Remove()
	return t.stopped, true
}

// Enter records that a task enters a section, which has all of the limit. It
// returns the section around it, for Leave. It cancels the section's context at
// once if the task was abandoned or its group was stopped.
func (w *Watchdog[T]) Enter(t *Task[T], in Section) (outer Section) {
	w.mu.Lock()
	outer, t.section = t.section, in
	stopped, abandoned := t.group.stopped, t.abandoned
	t.stopped = t.stopped || stopped
	switch t.place.List() {
	case &w.running:
		if !t.fresh {
			w.move(t, &w.running, w.Limit)
		}
	case &w.late:
		if outer.Context == nil && !stopped { // it was late between two sections
			w.move(t, &w.running, w.Limit)
		}
	}
	t.fresh = false
	w.mu.Unlock()
	switch {
	case abandoned:
		in.Context.Cancel(w.LimitCause)
	case stopped:
		in.Context.Cancel(w.StopCause)
	}
	return outer
}

// Leave records that a task leaves its innermost section and returns to the
// section that Enter has returned, which has all of the limit again. A section
// that was told to end is in time if it leaves within Grace.
func (w *Watchdog[T]) Leave(t *Task[T], outer Section) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t.section = outer
	if t.group.stopped {
		return
	}
	switch t.place.List() {
	case &w.running:
		if outer.Context != nil { // otherwise the task ends, or enters another section
			w.move(t, &w.running, w.Limit)
		}
	case &w.late:
		w.move(t, &w.running, w.Limit)
	}
}

// Park stops the clock of a task while it waits for something. The clock of a
// task that was told to end does not stop.
func (w *Watchdog[T]) Park(t *Task[T]) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if t.place.List() == &w.running {
		w.move(t, &w.parked, 0)
	}
}

// Unpark gives a parked task all of the limit from now on.
func (w *Watchdog[T]) Unpark(t *Task[T]) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if t.place.List() == &w.parked {
		w.move(t, &w.running, w.Limit)
	}
}

// Cancel cancels the context of the innermost section of a task. With the cause
// StopCause the task counts as told to end by a stop.
func (w *Watchdog[T]) Cancel(t *Task[T], cause error) {
	w.mu.Lock()
	c := t.section.Context
	t.stopped = t.stopped || cause == w.StopCause
	w.mu.Unlock()
	if c != nil {
		c.Cancel(cause)
	}
}

// Stop tells the tasks of a group to end, and prevents others of the group from
// beginning.
func (w *Watchdog[T]) Stop(g *Group) {
	var told []Canceler
	w.mu.Lock()
	g.stopped = true
	for _, l := range [...]*list.List[*Task[T]]{&w.running, &w.parked} {
		for n := l.First(); n != nil; {
			t := n.Value
			n = n.Next()
			if t.group == g {
				w.move(t, &w.late, w.Grace)
				t.stopped = true
				told = append(told, t.section.Context)
			}
		}
	}
	w.mu.Unlock()
	cancelAll(told, w.StopCause)
}

func cancelAll(all []Canceler, cause error) {
	for _, c := range all {
		if c != nil {
			c.Cancel(cause)
		}
	}
}

// move moves a task to the end of a list, due after d; if d is zero or less, it
// is never due. The caller holds w.mu.
func (w *Watchdog[T]) move(t *Task[T], to *list.List[*Task[T]], d time.Duration) {
	t.at = 0
	if now := w.now(); d > 0 && d <= math.MaxInt64-now { // a later time does not come
		t.at = now + d
	}
	to.Push(&t.place)
	w.arm()
}

// now returns the time since the base, which is never 0. The caller holds w.mu.
func (w *Watchdog[T]) now() time.Duration {
	if w.base.IsZero() {
		w.base = time.Now().Add(-1)
	}
	return time.Since(w.base)
}

// arm sets the timer for the first task that is due. The caller holds w.mu.
func (w *Watchdog[T]) arm() {
	var due time.Duration
	for _, l := range [...]*list.List[*Task[T]]{&w.running, &w.late} {
		if n := l.First(); n != nil && n.Value.at != 0 && (due == 0 || n.Value.at < due) {
			due = n.Value.at
		}
	}
	if due == 0 || w.due != 0 && due >= w.due {
		return // a timer that fires too early is armed again then
	}
	w.due = due
	if w.timer == nil {
		w.timer = time.AfterFunc(due-w.now(), w.fire)
	} else {
		w.timer.Reset(due - w.now())
	}
}

// fire tells tasks that exceed the limit to end, and abandons those that were
// told before and exceed Grace.
func (w *Watchdog[T]) fire() {
	var abandoned []Abandoned[T]
	var told []Canceler
	w.mu.Lock()
	now := w.now()
	w.due = 0
	for t := firstDue(&w.late, now); t != nil; t = firstDue(&w.late, now) {
		t.place.Remove()
		t.abandoned = true
		abandoned = append(abandoned, Abandoned[T]{t.owner, t.section.Name, t.stopped})
	}
	for t := firstDue(&w.running, now); t != nil; t = firstDue(&w.running, now) {
		w.move(t, &w.late, w.Grace)
		told = append(told, t.section.Context)
	}
	w.arm()
	w.mu.Unlock()
	cancelAll(told, w.LimitCause)
	if len(abandoned) > 0 {
		w.Abandon(abandoned)
	}
}

// firstDue returns the first task of a list if it is due, or nil.
func firstDue[T any](l *list.List[*Task[T]], now time.Duration) *Task[T] {
	if n := l.First(); n != nil && n.Value.at != 0 && n.Value.at <= now {
		return n.Value
	}
	return nil
}
