package vk

import (
	"log/slog"
	"sync"
	"time"
)

// An observedJob is the record of an event's way for the Observer and for the
// log. Nil records nothing.
type observedJob struct {
	admitted time.Time

	mu     sync.Mutex // a handler that was abandoned goes on
	begun  time.Time
	parked time.Time     // since when it is; zero if it is not
	still  time.Duration // for how long it was, before
	route  string
	err    error
}

// observe begins to note the way of an event that is about to be admitted, if
// there is an Observer or a log for it.
func (d *Dispatcher) observe(j *job) {
	if j.client != nil && j.client.Observer != nil || d.logger().Enabled(j.ctx, slog.LevelDebug) {
		j.seen = &observedJob{admitted: time.Now()}
	}
}

// tell tells of one step of the event.
func (j *job) tell(o Observation) {
	o.Event = j.ev
	j.client.tell(j.ctx, o)
}

// tellAdmitted tells that the Dispatcher has admitted the event.
func (j *job) tellAdmitted() {
	if j.seen != nil {
		j.tell(Observation{Step: StepTaken})
	}
}

// tellBegun tells that the event's handlers begin.
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

// tellParked tells that a goroutine of the handler waits, and returns a function
// that tells that it no longer does.
func (j *job) tellParked() (resumed func()) {
	if j.seen == nil {
		return func() {}
	}
	since := time.Now()
	j.tell(Observation{Step: StepParked})
	return func() { j.tell(Observation{Step: StepResumed, Wait: time.Since(since)}) }
}

// leadsTo implements turn: it notes the route for the Observer and the log.
func (j *job) leadsTo(route string) {
	if j.seen != nil {
		s := j.seen
		s.mu.Lock()
		if s.route == "" {
			s.route = route
		}
		s.mu.Unlock()
	}
}

// ends implements turn: it notes the first error.
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

// tellEnded tells how the job has ended, and logs it.
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
	if j.d.logger().Enabled(j.ctx, slog.LevelDebug) {
		j.log(slog.LevelDebug, "vk: event done", slog.String("route", o.Route), // an error has a line of its own
			slog.Duration("waited", o.Wait), slog.Duration("took", o.Took), slog.Bool("failed", o.Err != nil))
	}
	j.client.tell(j.ctx, o)
}

// park and unpark note when the event has no handler that runs.
func (s *observedJob) park() {
	if s != nil {
		s.mu.Lock()
		s.parked = time.Now()
		s.mu.Unlock()
	}
}

func (s *observedJob) unpark() {
	if s != nil {
		s.mu.Lock()
		if !s.parked.IsZero() {
			s.still += time.Since(s.parked)
			s.parked = time.Time{}
		}
		s.mu.Unlock()
	}
}
