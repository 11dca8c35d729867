package vk

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync/atomic"
	"time"
)

// An Observer is told what happens between a bot and VK and inside of the bot:
// calls and their repetitions, polls, and the way of each event. It is what
// metrics, traces and logs are made of. See [Client.Observer].
//
// It is called at once, while the work waits for it, and by many goroutines at the
// same time: it must be quick and must not block. Inside of it the bot must not
// be used. If it panics or calls [runtime.Goexit], that has no other effect than a
// line in the log: one for the first of several failures in a row, and one when
// they are over.
//
// The context is that of the call, or that which the handlers of the event get
// theirs from; its values are those that a tracer has put there.
type Observer func(ctx context.Context, o Observation)

// An Observation is one step of a call, a poll or an event. What its fields
// mean depends on the Step; those that a Step does not name are zero.
type Observation struct {
	Step    Step
	Method  string        // of calls: the method of the API
	Attempt int           // of calls: 1 for the first, one more each time that the call is tried again
	Event   *Event        // of events; it must not be changed
	Route   string        // of StepDone: the route that the event led to, as errors name it, else ""
	Events  int           // of StepPolled: how many came
	Wait    time.Duration // a time of waiting; the Steps say for what
	Took    time.Duration // a time of work; the Steps say whose
	Err     error         // how it ended; nil if well
}

// A Step says what an [Observation] is about.
type Step int

// The steps. Each StepCall is followed by one StepCalled, each StepTaken by one
// StepDone, and each StepParked by one StepResumed: the difference of their
// counts is what is under way.
const (
	// StepCall is an attempt at an API call that begins, which may have to wait
	// for its turn.
	StepCall Step = iota + 1

	// StepCalled is an attempt that has ended. Wait is how long it waited for
	// its turn, because of [Client.RPS] or [Client.WaitOut], Took what VK and
	// the network took after that; with [Client.Batch], that is shared with the
	// calls that travelled along. Err is this attempt's.
	StepCalled

	// StepRepeat is a call that is about to be tried again because of Err: Wait
	// is the pause before that. Attempt is the one that failed.
	StepRepeat

	// StepPolled is a long poll that has ended, with Events or with Err. Took is
	// mostly waiting for an event; a poll that brings none takes
	// [Poller.Wait]. The last one, which a stop has cut off, is not told.
	StepPolled

	// StepTaken is an event that a [Dispatcher] has taken.
	StepTaken

	// StepBegun is an event whose handlers begin. Wait is how long it has waited
	// in its lane. What a stop keeps from beginning has no StepBegun.
	StepBegun

	// StepParked is a handler of the event that begins to wait: for an answer, for
	// another event, or in [Context.Park].
	StepParked

	// StepResumed is a handler that waits no more. Wait is how long it did.
	StepResumed

	// StepDone is an event that is done: handled, abandoned, or not begun because
	// of a stop. Wait is how long it has waited in its lane, Took how long its
	// handlers ran, without the time in which they were parked. Err is theirs,
	// joined; that of an event that was not begun, or was cut off by a stop, is
	// [ErrStopped].
	StepDone
)

// String returns the step in a word, as a name for a metric.
func (s Step) String() string {
	names := [...]string{"call", "called", "repeat", "polled", "taken", "begun", "parked", "resumed", "done"}
	if s < 1 || int(s) > len(names) {
		return "unknown"
	}
	return names[s-1]
}

// An observing is the state of an Observer of a Client or of a Dispatcher. The first call for each Step
// is made on a goroutine of its own: an Observer that ends its goroutine is found
// out by that, and gets one for each call from then on. Others cost nothing.
type observing struct {
	trusted atomic.Uint32 // a bit for each Step
	exits   atomic.Bool   // it has ended a goroutine
	streak  streak
}

// tell calls the client's Observer, if it has one. Callers that have to build an
// Observation for it check for the Observer before.
func (c *Client) tell(ctx context.Context, o Observation) {
	if c != nil && c.Observer != nil {
		c.observing.tell(ctx, c.Observer, c.Logger, o)
	}
}

// tell calls an Observer, whose state s is.
func (s *observing) tell(ctx context.Context, f Observer, log *slog.Logger, o Observation) {
	bit := uint32(1) << o.Step
	if s.trusted.Load()&bit != 0 && !s.exits.Load() {
		s.observe(ctx, f, log, o)
		return
	}
	s.observeApart(ctx, f, log, o, bit)
}

// observe calls the Observer on this goroutine.
func (s *observing) observe(ctx context.Context, f Observer, log *slog.Logger, o Observation) {
	returned := false
	defer func() {
		var err error
		if v := recover(); v != nil {
			err = caught(v)
		} else if !returned {
			err = errExit
			s.exits.Store(true)
		}
		s.observed(ctx, log, o.Step, err)
	}()
	f(ctx, o)
	returned = true
}

// observeApart calls the Observer on a goroutine of its own.
func (s *observing) observeApart(ctx context.Context, f Observer, log *slog.Logger, o Observation, bit uint32) {
	err := apart(func() error { f(ctx, o); return nil })
	switch {
	case err == errExit:
		s.exits.Store(true)
	case o.Step != StepPolled: // the goroutine of a Poller must not end
		s.trusted.Or(bit)
	}
	s.observed(ctx, log, o.Step, err)
}

// observed logs when the Observer begins to fail, and when it works again.
func (s *observing) observed(ctx context.Context, log *slog.Logger, step Step, err error) {
	if err == nil {
		if failures, tell := s.streak.worked(); tell {
			slogOr(log).LogAttrs(ctx, slog.LevelInfo, "vk: the Observer works again", slog.Int("failures", failures))
		}
	} else if s.streak.failed() {
		slogOr(log).LogAttrs(ctx, slog.LevelError, "vk: the Observer panics", append([]slog.Attr{slog.String("step", step.String())}, failure(err)...)...)
	}
}

// An observedCall is what is noted of a call for the Observer. Nil notes
// nothing.
type observedCall struct {
	attempt int
	began   time.Time // the attempt
	went    time.Time // when it had its turn; zero before
}

// observed makes an attempt, and tells of it.
func (x *call) observed() (raw json.RawMessage, err error) {
	if x.client.Observer == nil {
		return x.attempt()
	}
	if x.seen == nil {
		x.seen = new(observedCall)
	}
	s := x.seen
	s.attempt++
	s.began, s.went = time.Now(), time.Time{}
	x.client.tell(x.ctx, Observation{Step: StepCall, Method: x.method, Attempt: s.attempt})
	defer func() { // also when a transport panics: what has begun ends
		now := time.Now()
		if s.went.IsZero() {
			s.went = now
		}
		x.client.tell(x.ctx, Observation{Step: StepCalled, Method: x.method, Attempt: s.attempt, Wait: s.went.Sub(s.began), Took: now.Sub(s.went), Err: err})
	}()
	return x.attempt()
}

// goes notes that the attempt has its turn: there is a request from now on.
func (x *call) goes() {
	x.begun = true
	if x.seen != nil && x.seen.went.IsZero() {
		x.seen.went = time.Now()
	}
}

// tellRepeat tells that the call is tried again after a pause.
func (x *call) tellRepeat(pause time.Duration, err error) {
	if x.seen != nil {
		x.client.tell(x.ctx, Observation{Step: StepRepeat, Method: x.method, Attempt: x.seen.attempt, Wait: pause, Err: err})
	}
}
