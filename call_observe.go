package vk

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync/atomic"
	"time"
)

// An Observer is called at each step of the communication between a bot and VK
// and of the bot's work: calls and retries, polls, and the handling of each
// event. It is the basis for metrics, traces and logs. See [Client.Observer].
//
// It is called synchronously, from many goroutines concurrently: it must be
// quick and must not block. It must not use the bot. If it panics or calls
// [runtime.Goexit], the only effect is in the log: a line for the first of
// several failures in a row, and a line when they are over.
//
// The context is that of the call, or the parent of the contexts of the event's
// handlers; its values include those that a tracer has put there.
type Observer func(ctx context.Context, o Observation)

// An Observation is one step of a call, a poll or an event. The meaning of its
// fields depends on the Step; fields that a Step does not mention are zero.
type Observation struct {
	Step    Step
	Method  string        // for calls: the API method
	Attempt int           // for calls: the number of the attempt, from 1
	Event   *Event        // for events; it must not be changed
	Route   string        // for StepDone: the route of the event, as errors name it, else ""
	Events  int           // for StepPolled: the number of events
	Wait    time.Duration // a waiting time; see the Steps
	Took    time.Duration // a working time; see the Steps
	Err     error         // the result; nil for success
}

// A Step is the kind of an [Observation].
type Step int

// The steps. Each StepCall is followed by one StepCalled, each StepTaken by one
// StepDone, and each StepParked by one StepResumed: the difference of their
// counts is the number in progress.
const (
	// StepCall is the start of an attempt at an API call, which may have to
	// wait for its turn.
	StepCall Step = iota + 1

	// StepCalled is the end of an attempt. Wait is the time that it waited for
	// its turn, because of [Client.RPS] or [Client.WaitOut]. Took is the time
	// that VK and the network took after that; with [Client.Batch], it is
	// shared with the other calls of the request. Err is the error of this
	// attempt.
	StepCalled

	// StepRepeat precedes a retry of a call because of Err: Wait is the pause
	// before the retry. Attempt is the failed attempt.
	StepRepeat

	// StepPolled is the end of a long poll, with Events or with Err. Took is
	// mostly the wait for an event; a poll without events takes [Poller.Wait].
	// The last poll, which is canceled by a stop, is not reported.
	StepPolled

	// StepTaken is an event accepted by a [Dispatcher].
	StepTaken

	// StepBegun is the start of an event's handlers. Wait is the time that the
	// event waited in its lane. If a stop prevents the start, there is no
	// StepBegun.
	StepBegun

	// StepParked is the parking of a handler of the event: it waits for an
	// answer, for another event, or in [Context.Park].
	StepParked

	// StepResumed is the end of that wait. Wait is its duration.
	StepResumed

	// StepDone is the end of an event: it was handled, abandoned, or not begun
	// because of a stop. Wait is the time that it waited in its lane. Took is
	// the time that its handlers ran, without the time in which they were
	// parked. Err joins the handlers' errors; for an event that was not begun,
	// or was interrupted by a stop, it is [ErrStopped].
	StepDone
)

// String returns the step as one word, for the name of a metric.
func (s Step) String() string {
	names := [...]string{"call", "called", "repeat", "polled", "taken", "begun", "parked", "resumed", "done"}
	if s < 1 || int(s) > len(names) {
		return "unknown"
	}
	return names[s-1]
}

// An observing is the state of an Observer of a Client or of a Dispatcher. The
// first call for each Step is made on a goroutine of its own, to detect an
// Observer that ends its goroutine. Such an Observer gets a goroutine for each
// call from then on; others have no such cost.
type observing struct {
	trusted atomic.Uint32 // a bit for each Step
	exits   atomic.Bool   // it has ended a goroutine
	streak  streak
}

// tell calls the client's Observer, if it has one. A caller that has to build
// an Observation checks for the Observer first.
func (c *Client) tell(ctx context.Context, o Observation) {
	if c != nil && c.Observer != nil {
		c.observing.tell(ctx, c.Observer, c.Logger, o)
	}
}

// tell calls an Observer with the state s.
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

// observed logs the start and the end of the Observer's failures.
func (s *observing) observed(ctx context.Context, log *slog.Logger, step Step, err error) {
	if err == nil {
		if failures, tell := s.streak.worked(); tell {
			slogOr(log).LogAttrs(ctx, slog.LevelInfo, "vk: Observer works again", slog.Int("failures", failures))
		}
	} else if s.streak.failed() {
		slogOr(log).LogAttrs(ctx, slog.LevelError, "vk: Observer panicked", append([]slog.Attr{slog.String("step", step.String())}, failure(err)...)...)
	}
}

// An observedCall has the data of a call for the Observer. A nil observedCall
// records nothing.
type observedCall struct {
	attempt int
	began   time.Time // the attempt
	went    time.Time // the time of its turn; zero before
}

// observed makes an attempt, and reports it.
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
	defer func() { // also if a transport panics: each StepCall needs a StepCalled
		now := time.Now()
		if s.went.IsZero() {
			s.went = now
		}
		x.client.tell(x.ctx, Observation{Step: StepCalled, Method: x.method, Attempt: s.attempt, Wait: s.went.Sub(s.began), Took: now.Sub(s.went), Err: err})
	}()
	return x.attempt()
}

// goes records that it is the attempt's turn: the request follows.
func (x *call) goes() {
	x.begun = true
	if x.seen != nil && x.seen.went.IsZero() {
		x.seen.went = time.Now()
	}
}

// tellRepeat reports a retry of the call after a pause.
func (x *call) tellRepeat(pause time.Duration, err error) {
	if x.seen != nil {
		x.client.tell(x.ctx, Observation{Step: StepRepeat, Method: x.method, Attempt: x.seen.attempt, Wait: pause, Err: err})
	}
}
