package vk

import (
	"context"
)

// Park runs wait without the handler's turn: meanwhile the events of its
// conversation go on, its worker serves others, it has no place among
// [Dispatcher.MaxEvents], and its time limit stands still. Then the handler goes
// on, before any event of the conversation that has not begun, with all of its
// time limit. Park returns what wait returns.
//
// It is for a handler that waits for something, not for one that works; for an
// event, [Wait] is better. The function must return when c ends, which it does
// also when the bot stops, with cause [ErrStopped], and when the handler's
// module is unmounted, with cause [ErrUnmounted]. If one of that has come to
// pass before, Park returns the cause, and does not call wait.
//
// While several goroutines of a handler wait, with Park or otherwise, the turn
// is given up until the last of them goes on. Outside of a [Dispatcher] there
// is no turn, and wait is just called.
func (c *Context) Park(wait func() error) error {
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	j := jobOf(c)
	if j == nil {
		return wait()
	}
	stay := &stay{job: j, end: func(why error) { j.d.watchdog.Cancel(&j.task, why) }}
	if err := j.d.waits.begin(stay); err != nil {
		return err
	}
	defer j.d.waits.finish(stay)
	defer c.inv.lifetime().onEnd(stay.end)()
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx) // unmounted
	}
	j.answerPresses(c.ctx)
	mu := &j.d.waits.mu
	mu.Lock()
	parked := j.park(false)
	mu.Unlock()
	resumed := j.tellParked(parked)
	defer func() {
		if parked {
			mu.Lock()
			j.unpark(false)
			mu.Unlock()
			j.back()
			resumed()
		}
	}()
	return wait()
}

// jobOf returns the Dispatcher's job that c belongs to, or nil outside of a
// Dispatcher.
func jobOf(c *Context) *job {
	j, _ := c.inv.turn.(*job)
	return j
}

// lifetime returns that of the module that the handler is of.
func (i *invocation) lifetime() *lifetime {
	for ; i != nil; i = i.outer {
		if i.life != nil {
			return i.life
		}
	}
	return nil
}

// parking is what a job's waiting does to the bounds. It is guarded by the mu
// of the Dispatcher's waits.
type parking struct {
	parked  int  // how many goroutines of the handler wait
	busy    int  // how many of them for something else than an event
	quiet   bool // not counted as pending
	outside bool // without a place among MaxEvents
	over    bool // the job has ended, or was abandoned
}

// park notes that a goroutine of the handler waits, for an event or for
// something else: the first one gives up the turn. It reports whether it did
// note that. The caller holds the mu of the waits.
func (j *job) park(forEvent bool) bool {
	if j.over {
		return false
	}
	j.parked++
	if !forEvent {
		j.busy++
	}
	j.recount()
	if j.parked == 1 {
		j.d.watchdog.Park(&j.task)
		j.seen.park()
		if !j.outside {
			<-j.d.room
			j.outside = true
		}
		j.turn.Park()
	}
	return true
}

// unpark notes that a goroutine of the handler waits no more: the last one has
// the turn come back, before anything else that is to come in the lane. The
// goroutine itself calls back then. The caller holds the mu of the waits.
func (j *job) unpark(forEvent bool) {
	if j.over {
		return
	}
	j.parked--
	if !forEvent {
		j.busy--
	}
	j.recount()
	if j.parked > 0 {
		return
	}
	select {
	case j.d.room <- struct{}{}:
		j.outside = false
	default: // it goes on all the same: no more than there are workers do
	}
	j.turn.Wake()
}

// recount counts as pending who has something to do.
func (j *job) recount() {
	quiet := j.parked > 0 && j.busy == 0
	switch {
	case quiet && !j.quiet:
		j.d.count.Add(-1)
	case !quiet && j.quiet:
		j.d.count.Add(1)
	}
	j.quiet = quiet
}

// back waits until the handler has its turn again, if it is to have it.
func (j *job) back() {
	j.turn.Wait()
	mu := &j.d.waits.mu
	mu.Lock()
	defer mu.Unlock()
	if j.parked == 0 && !j.over {
		j.d.watchdog.Unpark(&j.task)
		j.seen.unpark()
	}
}

// yield lets those go first who were woken in the lane.
func (j *job) yield() {
	mu := &j.d.waits.mu
	mu.Lock()
	parked := j.park(false)
	if parked {
		j.unpark(false)
	}
	mu.Unlock()
	if parked {
		j.back()
	}
}

// answerPresses answers the presses that the handler has to answer and has not:
// no button is to spin while it waits.
func (j *job) answerPresses(ctx context.Context) {
	for _, of := range j.unanswered() {
		if err := newContext(ctx, of.client, of.ev, j).Answer(); err != nil {
			j.report(err)
		}
	}
}

// unanswered returns the presses that nobody has answered yet and that are the
// handler's to answer: its own, unless another handler has taken it, and
// those that it has taken.
func (j *job) unanswered() (presses []*job) {
	mu := &j.d.waits.mu
	mu.Lock()
	defer mu.Unlock()
	if j.spins() && !j.handed {
		presses = append(presses, j)
	}
	for _, of := range j.taken {
		if of.spins() {
			presses = append(presses, of)
		}
	}
	return presses
}

// spins reports whether the event is a press that is not answered.
func (j *job) spins() bool {
	return j.ev.press != nil && j.client != nil && !j.ev.press.answered.Load()
}
