package vk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
	"github.com/vkrouter/vk/internal/queue"
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

// A bot that gets a Queue has events in its journal that it accepted without one. The
// first process moves them into the Queue.

// An adopter moves a community's journal into the Queue.
type adopter struct {
	base  context.Context
	once  sync.Once
	tried chan struct{} // closed after the first attempt
	ready chan struct{} // closed when ts and err are set
	ts    string
	err   error
}

// adoptedPrefix begins the data of an event that was in a journal. A handler may have
// begun it, so its trail is read.
const adoptedPrefix = `{"adopted":true,`

func isAdopted(data []byte) bool { return bytes.HasPrefix(data, []byte(adoptedPrefix)) }

// adopt returns the position in the history of the community's journal, or "", once the
// unfinished events in it are in the Queue. If another process without a Queue owns the
// journal, the error is ErrJournalTaken.
func (g *groupQueue) adopt(ctx context.Context) (ts string, err error) {
	g.adoptSoon()
	select {
	case <-g.adopter.ready:
		return g.adopter.ts, g.adopter.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// adoptSoon is adopt without waiting. Failures of the Store or the Queue are retried. The
// first one is logged, and so is any other error.
func (g *groupQueue) adoptSoon() {
	a := &g.adopter
	a.once.Do(func() {
		a.tried, a.ready = make(chan struct{}), make(chan struct{})
		g.tasks.Go(func() {
			defer close(a.ready)
			for try := 1; ; try++ {
				a.ts, a.err = g.moveJournal(a.base)
				if try == 1 {
					close(a.tried)
				}
				final := errors.Is(a.err, ErrJournalTaken) || errors.As(a.err, new(*ConfigError))
				if a.err != nil && a.base.Err() == nil && (try == 1 || final) {
					g.log(slog.LevelError, "vk: the journal of a bot without a Queue cannot be moved into the Queue: its unfinished events are not handled", slog.Any("err", a.err), slog.Bool("retrying", !final))
				}
				if a.err == nil || final || backoff.Sleep(a.base, storePause.Delay(try)) != nil {
					return
				}
			}
		})
	})
}

// moveJournal puts the unfinished events of the journal into the Queue, and then erases
// the journal.
func (g *groupQueue) moveJournal(ctx context.Context) (ts string, err error) {
	prefix := "journal/" + strconv.FormatInt(g.group, 10) + "/"
	if g.d.Store == nil {
		return "", nil
	}
	place, err := g.d.guarded().Get(ctx, prefix+"place")
	if err != nil {
		return "", fmt.Errorf("vk: %q: %w", prefix+"place", err)
	}
	if len(place) == 0 {
		return "", nil
	}
	jr := &journal{d: g.d, group: g.group, base: ctx}
	left, err := jr.open(ctx)
	if err != nil {
		return "", jr.explain(err)
	}
	defer func() {
		if err != nil {
			jr.kept.Close(ctx) // if that fails too, the next attempt waits for the lease
		}
	}()
	var put []queue.Event
	for _, of := range left {
		e, err := ParseEvent(of.Data)
		if err != nil {
			g.log(slog.LevelError, "vk: journal: an event cannot be read", slog.Any("err", err), slog.String("event", fmt.Sprintf("%.300s", of.Data)))
			continue // it cannot be handled in any run
		}
		if done, err := g.d.isDone(ctx, e); err != nil {
			return "", err
		} else if !done {
			data := append([]byte(adoptedPrefix), bytes.TrimLeft(bytes.TrimSpace(e.Raw), "{ \t\r\n")...)
			put = append(put, queue.Event{ID: e.ID, Lane: queueLane(e), Data: data})
		}
	}
	for chunk := range slices.Chunk(put, 256) {
		if err := g.w.Put(ctx, chunk, nil); err != nil {
			return "", err
		}
	}
	if ts = jr.kept.Place(); ts != "" { // before the journal loses it
		if err := g.w.Put(ctx, nil, &queue.Mark{Role: rolePoll, Value: ts}); err != nil && !errors.Is(err, ErrNotLeading) {
			return "", err
		}
	}
	for _, of := range left {
		of.Done()
	}
	if err := jr.kept.Close(ctx); err != nil {
		return ts, err
	}
	g.log(slog.LevelInfo, "vk: the journal of a bot without a Queue was moved into the Queue", slog.Int("events", len(put)), slog.String("ts", ts))
	var keys []string
	listStore(ctx, g.d.guarded(), "Dispatcher", prefix, func(key string, _ []byte) bool { // without a Lister, they are never read again
		if key != prefix+"place" {
			keys = append(keys, key)
		}
		return true
	})
	for _, key := range append(keys, prefix+"place") { // last: without it, there is no journal
		if err := g.d.erase(ctx, key, nil); err != nil {
			return ts, err
		}
	}
	return ts, nil
}
