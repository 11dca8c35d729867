package vk

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
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

// Erase deletes a user's data from the Store, in all communities: the sessions and
// timers with a key of the user or of the dialog with the user, and the user's unfinished
// events whose handlers wait, or were interrupted by the end of an earlier run, with all
// recorded steps. The waits of these handlers end with [ErrEnded]; handlers that have not
// begun again do not run. Erase blocks until the data is deleted or ctx is done.
//
// Call Erase while the bot runs. In a handler, pass its Context or one made of it: then
// the conversation goes on while Erase blocks, so that the user's other handlers can end.
// If the Store fails, Erase returns its error, and may be called again. It does not
// delete data that the bot's own handlers keep elsewhere.
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
	var own *job
	if c, _ := ctx.Value(sendScopeKey{}).(*Context); c != nil {
		own = jobOf(c)
	}
	if own != nil && own.park(false) {
		defer func() {
			own.unpark(false)
			own.back()
		}()
	}
	if err := d.eraseHandlers(ctx, user, own); err != nil {
		return err
	}
	for _, kind := range []string{"session/", "timer/"} {
		found := make(map[string][]byte)
		err := listStore(ctx, d.guarded(), "Dispatcher.Erase", kind, func(key string, value []byte) bool {
			if isOf(key[len(kind):], user) {
				found[key] = slices.Clone(value)
			}
			return true
		})
		if err != nil {
			return err
		}
		for key, value := range found {
			if err := d.erase(ctx, key, value); err != nil {
				return fmt.Errorf("vk: Dispatcher.Erase: %q: %w", key, err)
			}
			if kind == "timer/" {
				d.forgetTimer(ctx, key, value)
			}
		}
	}
	return context.Cause(ctx)
}

// eraseHandlers ends the unfinished handlers of a user, except own, and blocks until
// their trails are deleted.
func (d *Dispatcher) eraseHandlers(ctx context.Context, user int64, own *job) error {
	jobs := d.waits.jobs()
	jobs = append(jobs, d.dedupe.replays()...)
	jobs = append(jobs, d.timerReplays()...)
	jobs = slices.DeleteFunc(jobs, func(j *job) bool { return j == own || !j.ev.isOf(user) })
	for _, j := range jobs {
		j.erased.Store(true) // all, before the first is waited for
	}
	if err := d.eraseIdle(ctx, user); err != nil {
		return err
	}
	for _, j := range jobs {
		if err := d.eraseHandler(ctx, j); err != nil {
			return err
		}
	}
	return d.eraseIdle(ctx, user) // a stop may have cut handlers off
}

// eraseHandler ends the waits of a handler, and blocks until the handler has ended and its
// trail is deleted, which is once the Store records its event as done.
func (d *Dispatcher) eraseHandler(ctx context.Context, j *job) error {
	for !j.hasEnded() {
		d.waits.endJob(j, ErrEnded) // also what it waits for after the first ErrEnded
		if err := backoff.Sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	if j.isUndone() {
		return nil // its event is idle
	}
	return d.awaitErased(ctx, j.ev)
}

// awaitErased blocks until the Store has no trail of an event.
func (d *Dispatcher) awaitErased(ctx context.Context, e *Event) error {
	for {
		left, err := d.guarded().Get(ctx, trailKey(e))
		if err != nil {
			return fmt.Errorf("vk: Dispatcher.Erase: %q: %w", trailKey(e), err)
		}
		if len(left) == 0 {
			return nil
		}
		if err := backoff.Sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

// eraseIdle drops the events of a user that earlier runs have left and no job handles yet,
// and blocks until their trails are deleted.
func (d *Dispatcher) eraseIdle(ctx context.Context, user int64) error {
	d.mu.Lock()
	all := slices.Collect(maps.Values(d.journals))
	d.mu.Unlock()
	for _, o := range all {
		select {
		case <-o.ready:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if o.err != nil {
			continue
		}
		dropped, err := o.jr.discardIdle(ctx, user)
		if err != nil {
			return fmt.Errorf("vk: Dispatcher.Erase: %w", err)
		}
		for _, e := range dropped {
			if err := d.awaitErased(ctx, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// discardIdle discards a user's idle events, and returns them.
func (jr *journal) discardIdle(ctx context.Context, user int64) (dropped []*Event, err error) {
	if err := jr.hand(ctx); err != nil {
		return nil, err
	}
	defer jr.endHand()
	for {
		jr.mu.Lock()
		e := jr.next(func(e *journalEntry) bool { return e.ev.isOf(user) })
		jr.mu.Unlock()
		if e == nil {
			return dropped, nil
		}
		if err := jr.discard(e); err != nil {
			return dropped, err
		}
		dropped = append(dropped, e.ev)
	}
}

// replays returns the jobs of events that an earlier attempt may have begun.
func (c *deduper) replays() (jobs []*job) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, j := range c.running {
		if j.replayed {
			jobs = append(jobs, j)
		}
	}
	return jobs
}

// forgetTimer records that a timer's record was erased, and erases the steps that an
// earlier run recorded for it.
func (d *Dispatcher) forgetTimer(ctx context.Context, key string, value []byte) {
	d.mu.Lock()
	all := slices.Collect(maps.Values(d.timers))
	d.mu.Unlock()
	for _, q := range all {
		q.remove(key)
	}
	var r timerRecord
	group, _, _ := strings.Cut(strings.TrimPrefix(key, "timer/"), "/")
	id, err := strconv.ParseInt(group, 10, 64)
	if err != nil || json.Unmarshal(value, &r) != nil {
		return
	}
	if e, err := r.event(id, key); err == nil {
		d.dropTrail(ctx, e)
	}
}

// timerReplays returns the jobs of timers that an earlier run may have begun.
func (d *Dispatcher) timerReplays() (jobs []*job) {
	d.mu.Lock()
	all := slices.Collect(maps.Values(d.timers))
	d.mu.Unlock()
	for _, q := range all {
		q.mu.Lock()
		for _, f := range q.firing {
			if f.job != nil && f.due.Before(q.began) {
				jobs = append(jobs, f.job)
			}
		}
		q.mu.Unlock()
	}
	return jobs
}

// isOf reports whether a user caused the event, or it belongs to the dialog with the user.
func (e *Event) isOf(user int64) bool { return e.head.from == user || e.head.peer == user }

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

// A bot that gets a Queue has events in its journal that it accepted without one. The
// first process moves them into the Queue.

// An adopter moves a community's journal into the Queue.
type adopter struct {
	base  context.Context
	once  sync.Once
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

// adoptSoon is adopt without waiting. An error is logged.
func (g *groupQueue) adoptSoon() {
	a := &g.adopter
	a.once.Do(func() {
		a.ready = make(chan struct{})
		g.tasks.Go(func() {
			defer close(a.ready)
			if a.ts, a.err = g.moveJournal(a.base); a.err != nil && a.base.Err() == nil {
				g.log(slog.LevelError, "vk: the journal of a bot without a Queue cannot be moved into the Queue: its unfinished events are not handled", slog.Any("err", a.err))
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
	var put []queue.Event
	for _, of := range left {
		e, err := ParseEvent(of.Data)
		if err != nil {
			continue // it cannot be handled in any run
		}
		if done, err := g.d.isDone(ctx, e); err != nil {
			jr.kept.Abandon()
			return "", err
		} else if !done {
			data := append([]byte(adoptedPrefix), bytes.TrimLeft(bytes.TrimSpace(e.Raw), "{ \t\r\n")...)
			put = append(put, queue.Event{ID: e.ID, Lane: queueLane(e), Data: data})
		}
	}
	for chunk := range slices.Chunk(put, 256) {
		if err := g.w.Put(ctx, chunk, nil); err != nil {
			jr.kept.Abandon()
			return "", err
		}
	}
	ts = jr.kept.Place()
	for _, of := range left {
		of.Done()
	}
	if err := jr.kept.Close(ctx); err != nil {
		return ts, err
	}
	g.log(slog.LevelInfo, "vk: the journal of a bot without a Queue was moved into the Queue", slog.Int("events", len(put)), slog.String("ts", ts))
	keys := []string{prefix + "place"}
	listStore(ctx, g.d.guarded(), "Dispatcher", prefix, func(key string, _ []byte) bool { // without a Lister, the others are never read again
		keys = append(keys, key)
		return true
	})
	for _, key := range keys {
		if err := g.d.erase(ctx, key, nil); err != nil {
			return ts, err
		}
	}
	return ts, nil
}
