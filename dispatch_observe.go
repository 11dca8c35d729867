package vk

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// An observedJob records the course of an event for the Observer and the log. A
// nil observedJob records nothing.
type observedJob struct {
	admitted time.Time

	mu     sync.Mutex // an abandoned handler may still run
	begun  time.Time
	parked time.Time     // since when it is parked; zero if it is not
	still  time.Duration // total time of earlier parking
	route  string
	err    error
}

// observe begins to record the course of an event that is about to be admitted,
// if there is an Observer or a debug log.
func (d *Dispatcher) observe(j *job) {
	if j.isObserved() || d.debugs(j.ctx) {
		j.seen = &observedJob{admitted: time.Now()}
	}
}

// debugs reports whether debug lines are logged. The first call of the
// slog.Handler is made on a separate goroutine. If that call ends the
// goroutine, the slog.Handler is not asked again.
func (d *Dispatcher) debugs(ctx context.Context) (enabled bool) {
	switch d.debugging.Load() {
	case debugsAsked:
		return d.logger().Enabled(ctx, slog.LevelDebug)
	case debugsNever:
		return false
	}
	return d.askDebugs(ctx)
}

func (d *Dispatcher) askDebugs(ctx context.Context) (enabled bool) {
	next := int32(debugsAsked)
	err := apart(func() error { enabled = d.logger().Enabled(ctx, slog.LevelDebug); return nil })
	if err != nil {
		next = debugsNever
		lamentLogger(err)
	}
	d.debugging.Store(next)
	return enabled
}

// States of the cached answer about debug lines.
const (
	debugsUnknown = iota
	debugsAsked
	debugsNever
)

// isObserved reports whether an Observer receives the steps of the event.
func (j *job) isObserved() bool {
	return j.d.Observer != nil || j.client != nil && j.client.Observer != nil
}

// tell reports one step of the event to the Observer of its Client, or to the
// Dispatcher's if the Client has none.
func (j *job) tell(o Observation) {
	o.Event = j.ev
	if d := j.d; d.Observer != nil && (j.client == nil || j.client.Observer == nil) {
		d.observing.tell(j.ctx, d.Observer, d.Logger, o)
		return
	}
	j.client.tell(j.ctx, o)
}

// tellAdmitted reports that the Dispatcher has admitted the event.
func (j *job) tellAdmitted() {
	if j.seen != nil {
		j.tell(Observation{Step: StepTaken})
	}
}

// tellBegun reports that the event's handlers begin.
func (j *job) tellBegun() {
	s := j.seen
	if s == nil {
		return
	}
	now := time.Now()
	s.mu.Lock()
	s.begun = now
	s.mu.Unlock()
	j.tell(Observation{Step: StepBegun, Wait: now.Sub(s.admitted)})
}

// tellParked reports that a goroutine of the handler waits. The returned
// function reports that it no longer does.
func (j *job) tellParked() (resumed func()) {
	if j.seen == nil {
		return func() {}
	}
	since := time.Now()
	j.tell(Observation{Step: StepParked})
	return func() { j.tell(Observation{Step: StepResumed, Wait: time.Since(since)}) }
}

// leadsTo implements turn: it records the route for the Observer and the log.
func (j *job) leadsTo(c *Context, route, id string) {
	j.steps.leadTo(c, route, id)
	if j.seen != nil {
		s := j.seen
		s.mu.Lock()
		if s.route == "" {
			s.route = route
		}
		s.mu.Unlock()
	}
}

// ends implements turn: it records the first error.
func (j *job) ends(err error) {
	if j.seen == nil {
		return
	}
	s := j.seen
	s.mu.Lock()
	if s.err == nil {
		s.err = err
	}
	s.mu.Unlock()
}

// tellEnded reports the job's outcome, and logs it.
func (j *job) tellEnded(how ending) {
	s := j.seen
	if s == nil {
		return
	}
	now := time.Now()
	o := Observation{Step: StepDone, Event: j.ev}
	s.mu.Lock()
	if s.begun.IsZero() {
		o.Wait = now.Sub(s.admitted)
	} else {
		o.Wait = s.begun.Sub(s.admitted)
		o.Took = now.Sub(s.begun) - s.still
		if !s.parked.IsZero() {
			o.Took -= now.Sub(s.parked)
		}
	}
	o.Route, o.Err = s.route, s.err
	s.mu.Unlock()
	if o.Err == nil && how.undone() {
		o.Err = ErrStopped
	}
	if j.d.debugs(j.ctx) {
		j.log(slog.LevelDebug, "vk: event done", slog.String("route", o.Route), // errors are logged separately
			slog.Duration("waited", o.Wait), slog.Duration("took", o.Took), slog.Bool("failed", o.Err != nil))
	}
	j.tell(o)
}
