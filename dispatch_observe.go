package vk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
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

// Erase deletes a user's data from the Store, in all communities: the sessions and
// timers with a key of the user or of the dialog with the user, and the handlers that
// wait for the user, with all their recorded steps. These handlers' waits end with
// [ErrEnded]. Call Erase while the bot runs. It blocks until the data is deleted or ctx
// is done. If the Store fails, Erase returns its error, and may be called again. It does
// not delete data that the bot's own handlers keep elsewhere.
//
// Erase needs a Store that is a [Lister]. For any other Store, and for an id that is not
// a user's, such as 0 or a chat's, it returns a [*ConfigError].
func (d *Dispatcher) Erase(ctx context.Context, user int64) error {
	d.init()
	if user == 0 || user >= chatPeers {
		return &ConfigError{Place: "Dispatcher.Erase", Text: fmt.Sprint(user, " is not the id of a user"), Mend: "pass a user's id, such as Context.FromID"}
	}
	if d.Store == nil {
		return nil
	}
	var ended []*job
	for _, j := range d.waits.jobs() {
		if j.ev.head.from == user || j.ev.head.peer == user {
			ended = append(ended, j)
		}
	}
	for _, j := range ended {
		if err := d.eraseHandler(ctx, j); err != nil {
			return err
		}
	}
	for _, kind := range []string{"session/", "timer/"} {
		var keys []string
		err := listStore(ctx, d.guarded(), "Dispatcher.Erase", kind, func(key string, _ []byte) bool {
			if isOf(key[len(kind):], user) {
				keys = append(keys, key)
			}
			return true
		})
		if err != nil {
			return err
		}
		for _, key := range keys {
			if err := d.erase(ctx, key, nil); err != nil {
				return fmt.Errorf("vk: Dispatcher.Erase: %q: %w", key, err)
			}
			d.forgetTimer(key)
		}
	}
	return context.Cause(ctx)
}

// eraseHandler ends the waits of a handler, and blocks until the handler has ended and its
// trail is deleted, which is once the Store records its event as done.
func (d *Dispatcher) eraseHandler(ctx context.Context, j *job) error {
	for {
		if !j.hasEnded() {
			d.waits.endJob(j, ErrEnded) // also what it waits for after the first ErrEnded
		} else if left, err := d.guarded().Get(ctx, trailKey(j.ev)); err != nil {
			return fmt.Errorf("vk: Dispatcher.Erase: %q: %w", trailKey(j.ev), err)
		} else if len(left) == 0 {
			return nil
		}
		if err := backoff.Sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

// isOf reports whether the end of a key names a user. It consists of a community, a
// quoted name, a conversation and a user.
func isOf(key string, user int64) bool {
	_, rest, _ := strings.Cut(key, "/")
	name, err := strconv.QuotedPrefix(rest)
	if err != nil {
		return false
	}
	parts := strings.SplitN(strings.TrimPrefix(rest[len(name):], "/"), "/", 3)
	id := strconv.FormatInt(user, 10)
	return len(parts) == 3 && (parts[0] == id || parts[1] == id)
}

// storeFailed logs the first of several consecutive failures of the Store.
func (d *Dispatcher) storeFailed(j *job, msg string, err error) {
	if d.lookups.failed() {
		j.log(slog.LevelWarn, msg, failure(err)...)
	}
}

// storeWorked logs that the Store works again, if its failure was logged.
func (d *Dispatcher) storeWorked(ctx context.Context) {
	if failures, tell := d.lookups.worked(); tell {
		d.logger().LogAttrs(ctx, slog.LevelInfo, "vk: store available again", slog.Int("failures", failures))
	}
}

// noteRead records whether the Store's timers could be read. It logs the first
// failure in a row, and the recovery.
func (q *timerQueue) noteRead(ctx context.Context, err error) {
	if err != nil {
		if q.reads.failed() {
			q.d.logger().LogAttrs(ctx, slog.LevelError, "vk: store unavailable: timers cannot be read: retrying", failure(err)...)
		}
		return
	}
	if failures, tell := q.reads.worked(); tell {
		q.d.logger().LogAttrs(ctx, slog.LevelInfo, "vk: store available again: timers are read", slog.Int("failures", failures))
	}
}

// noteDispatch records whether a due timer could be dispatched. It logs the
// first failure in a row, and the recovery.
func (q *timerQueue) noteDispatch(f *dueTimer, feed *feed, err error) {
	q.mu.Lock()
	failed, late := err != nil, q.late
	if failed && !q.failed && feed.isOpen() && !errors.Is(err, errNotPut) {
		q.late = true
	} else if !failed {
		q.late = false
	}
	begun, over := q.late && !late, late && !q.late
	q.failed = failed
	q.mu.Unlock()
	switch {
	case begun:
		q.d.logger().LogAttrs(context.Background(), slog.LevelWarn, "vk: store unavailable: timers are late", append(failure(err), slog.String("key", f.key))...)
	case over:
		q.d.logger().LogAttrs(context.Background(), slog.LevelInfo, "vk: store available again: timers are dispatched")
	}
}
