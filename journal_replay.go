package vk

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
	durable "github.com/vkrouter/vk/internal/journal"
)

// A replay gives the events that former runs have left to the lanes.
type replay struct {
	safe chan struct{} // closed when no suspect is left, or with err
	err  error         // why it has ended; to be read once safe is closed
}

// Events that may have been running when the bot died are handled together, in
// their order, until the bot has died twice. From then on the suspects are handled
// in groups, when nothing else runs, and from the fourth run on one at a time, so
// that it shows which one it is.

const (
	// maxTries is how many runs of the bot may die of an event, the last of them
	// while it was alone, before it is dropped. More than one alone, because some
	// die of something else.
	maxTries = 5

	// aloneTime is how long suspects are waited for. What does not end in that time
	// does not end the process either.
	aloneTime = 10 * time.Second

	// fewSuspects are handled one at a time already in the third run.
	fewSuspects = 32
)

// resume opens the journal of a community, and sees to it that the events of former
// runs are being dispatched. It blocks until the journal is open and has no suspects
// any more.
func (d *Dispatcher) resume(ctx context.Context, f *feed, client *Client, group int64) (*journal, error) {
	jr, err := d.journal(ctx, group)
	if err != nil {
		return nil, err
	}
	jr.use(f, client)
	return jr, jr.replay(ctx)
}

// replay dispatches the idle events, in the background. It blocks until no suspect is
// left, or ctx ends.
func (jr *journal) replay(ctx context.Context) error {
	if jr.kept.Lost() {
		return jr.explain(durable.ErrTaken)
	}
	jr.mu.Lock()
	r := jr.replays
	if r == nil {
		if jr.closed || jr.next(all) == nil || !jr.feed.isOpen() {
			jr.mu.Unlock()
			return jr.startTimers(ctx)
		}
		r = &replay{safe: make(chan struct{})}
		jr.replays = r
		jr.tasks.Add(1)
		go jr.run(r, jr.feed, jr.client)
	}
	jr.mu.Unlock()
	select {
	case <-r.safe:
		if r.err == nil {
			return jr.startTimers(ctx)
		}
		return r.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// startTimers starts the community's timers. It blocks until no suspect of them is left,
// or ctx ends.
func (jr *journal) startTimers(ctx context.Context) error {
	jr.mu.Lock()
	f, client, closed := jr.feed, jr.client, jr.closed
	jr.mu.Unlock()
	if closed || !f.isOpen() {
		return nil
	}
	return jr.d.startTimers(ctx, jr, f, client)
}

func all(*journalEntry) bool { return true }

// run is the goroutine of a replay.
func (jr *journal) run(r *replay, f *feed, client *Client) {
	defer jr.tasks.Done()
	safe := false
	jr.d.timersOf(jr) // the handlers of suspects may set timers
	err := resumed(func() error {
		if !safe {
			if err := jr.trySuspects(f, client); err != nil {
				return err
			}
			if err := jr.startTimers(jr.base); err != nil { // beside old events they would not be alone
				return err
			}
			safe = true
			close(r.safe)
		}
		return jr.dispatchIdle(f, client)
	})
	jr.mu.Lock()
	jr.replays = nil
	jr.mu.Unlock()
	if !safe {
		r.err = err
		close(r.safe)
	}
}

// dispatchIdle dispatches all idle entries, but no more at a time than there is room
// for beside new events.
func (jr *journal) dispatchIdle(f *feed, client *Client) error {
	for {
		select {
		case jr.pace <- struct{}{}:
		case <-jr.base.Done():
			return context.Cause(jr.base)
		}
		if err := jr.hand(jr.base); err != nil {
			<-jr.pace
			return err
		}
		jr.mu.Lock()
		e := jr.next(all)
		jr.mu.Unlock()
		if e == nil {
			<-jr.pace
			jr.endHand()
			return nil
		}
		err := jr.dispatch(jr.base, e, f, client, func() { <-jr.pace })
		jr.endHand()
		if err != nil {
			return err
		}
	}
}

// hand waits until jr.handing is the caller's, who then calls endHand.
func (jr *journal) hand(ctx context.Context) error {
	select {
	case jr.handing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (jr *journal) endHand() { <-jr.handing }

// handle gives new entries to the lanes, in their order. Before each, what is idle
// of its conversation goes there.
func (jr *journal) handle(ctx context.Context, entries []*journalEntry, f *feed, client *Client) error {
	for _, e := range entries { // whoever has a ticket may wait for jr.handing
		if err := jr.d.arrivals.await(ctx, laneOf(e.ev)); err != nil {
			leaveIdle(entries)
			return err
		}
	}
	if err := jr.hand(ctx); err != nil {
		leaveIdle(entries)
		return err
	}
	defer jr.endHand()
	for i, e := range entries {
		jr.mu.Lock()
		given := !e.isIdle()
		jr.mu.Unlock()
		if given {
			continue // before the Observer ended the goroutine
		}
		err := jr.dispatchBefore(ctx, e.ev, e.seq, f, client)
		if err == nil {
			err = jr.dispatch(ctx, e, f, client, nil)
		}
		if err != nil {
			leaveIdle(entries[i:])
			return err
		}
	}
	return nil
}

// leaveIdle leaves entries to another source, or to the next run.
func leaveIdle(entries []*journalEntry) {
	for _, e := range entries {
		e.settle(false, nil)
	}
}

// dispatchFirst dispatches the idle events of an event's conversation and person, so
// that they are handled before it.
func (jr *journal) dispatchFirst(ctx context.Context, e *Event) error {
	jr.mu.Lock()
	none, f, client := jr.next(all) == nil && jr.replays == nil, jr.feed, jr.client
	jr.mu.Unlock()
	if none {
		return nil
	}
	if err := jr.hand(ctx); err != nil {
		return err
	}
	defer jr.endHand()
	return jr.dispatchBefore(ctx, e, math.MaxInt64, f, client)
}

// dispatchBefore dispatches the idle entries before seq of the conversation of an
// event, and of its person: a handler may wait for the person's event in another one.
// The caller has jr.handing.
func (jr *journal) dispatchBefore(ctx context.Context, of *Event, seq int64, f *feed, client *Client) error {
	lane := laneOf(of)
	for {
		jr.mu.Lock()
		e := jr.next(func(e *journalEntry) bool {
			return e.seq < seq && (laneOf(e.ev) == lane || of.head.from != 0 && e.ev.head.from == of.head.from)
		})
		jr.mu.Unlock()
		if e == nil {
			return nil
		}
		if err := jr.dispatch(ctx, e, f, client, nil); err != nil {
			return err
		}
	}
}

// dispatch gives an entry's event to its lane. gone, if it is not nil, is called when
// its handler has ended or waits.
func (jr *journal) dispatch(ctx context.Context, e *journalEntry, f *feed, client *Client, gone func()) error {
	j := &job{
		d: jr.d, feed: f, ctx: context.WithoutCancel(ctx), client: client, ev: e.ev, deduped: true,
		dedupe: dedupeRecord{entry: e}, gone: gone, replayed: e.old,
		asks: e.old || jr.kept.Repeats(),
	}
	if e.old && e.kept.Tries() > 0 {
		j.suspect = e.kept
	}
	var err error
	holder := j
	if e.old {
		j.steps.tries = e.kept.Tries() > 0
		err = jr.d.loadTrail(ctx, j)
	}
	if err == nil {
		e.handTo(j)
		holder, err = jr.d.putOnce(ctx, j)
	}
	if err != nil {
		e.settle(false, nil)
	}
	if err != nil || holder != j {
		j.leavePace()
	}
	if err == nil && holder != j { // a request has brought it too, and may not have put it yet
		jr.d.arrivals.await(ctx, laneOf(e.ev))
	}
	return err
}

// trySuspects handles the events of which runs of the bot may have died, apart from
// all others.
func (jr *journal) trySuspects(f *feed, client *Client) error {
	isSuspect := func(e *journalEntry) bool { return e.kept.Tries() >= durable.Suspect }
	jr.mu.Lock()
	var suspects []*journalEntry
	for _, e := range jr.idle {
		if e.isIdle() && isSuspect(e) {
			suspects = append(suspects, e)
		}
	}
	jr.mu.Unlock()
	if len(suspects) == 0 {
		return nil
	}
	most := 1
	if len(suspects) > fewSuspects {
		most = int(math.Ceil(math.Sqrt(float64(len(suspects)))))
	}
	for len(suspects) > 0 {
		n := 1
		for n < min(most, len(suspects)) && suspects[n-1].kept.Tries() == durable.Suspect && suspects[n].kept.Tries() == durable.Suspect {
			n++
		}
		if err := jr.alone(suspects[:n], f, client); err != nil {
			return err
		}
		suspects = suspects[n:]
	}
	return jr.kept.Try(jr.base, nil)
}

// alone handles events when nothing else is handled.
func (jr *journal) alone(events []*journalEntry, f *feed, client *Client) error {
	ctx := jr.base
	if e := events[0]; e.kept.Tries() >= maxTries {
		jr.d.logger().LogAttrs(ctx, slog.LevelError, fmt.Sprintf("vk: dropping event that crashed the bot %d times", maxTries),
			slog.Int("tries", e.kept.Tries()), slog.String("kind", e.ev.Kind), slog.String("event", e.ev.ID), slog.String("raw", string(e.ev.Raw)))
		return jr.discard(e)
	}
	if err := jr.hand(ctx); err != nil {
		return err
	}
	defer jr.endHand()
	for _, e := range events {
		if err := jr.dispatchBefore(ctx, e.ev, events[0].seq, f, client); err != nil {
			return err
		}
	}
	if err := jr.awaitQuiet(); err != nil {
		return err
	}
	kept := make([]*durable.Entry, len(events))
	for i, e := range events {
		kept[i] = e.kept
	}
	jr.kept.Try(ctx, kept) // before they can do any harm; if it fails, the log says so
	for _, e := range events {
		if err := jr.dispatch(ctx, e, f, client, nil); err != nil {
			return err
		}
	}
	if err := jr.awaitQuiet(); err != nil {
		return err
	}
	jr.kept.Passed(kept)
	return nil
}

// awaitQuiet blocks until no handler runs, or for aloneTime.
func (jr *journal) awaitQuiet() error {
	pause := time.Millisecond
	for end := time.Now().Add(aloneTime); jr.d.Pending() > 0 && time.Now().Before(end); {
		if err := backoff.Sleep(jr.base, pause); err != nil {
			return err
		}
		pause = min(2*pause, 10*time.Millisecond)
	}
	return nil
}

// discard notes that an event is not handled any more.
func (jr *journal) discard(e *journalEntry) error {
	if jr.kept.Repeats() && e.kept.ID != "" {
		if err := jr.d.markDone(jr.base, e.ev, e); err != nil {
			return err // VK would deliver it again
		}
	}
	e.settle(true, []func(context.Context){func(ctx context.Context) { jr.d.dropTrail(ctx, e.ev) }})
	return nil
}

// A timer that was due when the last run died may be what that run has died of. From the
// next run on its record counts the runs that begin it, before they do, until the handler
// waits. The first crash is not counted: the timer may have been due only after it. From
// durable.Suspect crashes on, the first among them, a timer is handled when nothing else
// is, as events are.

// A suspectTimer is a timer that so many runs have begun that may have died of it.
type suspectTimer struct {
	key   string
	due   time.Time
	tries int
	ev    *Event
}

// trySuspects handles the timers of which runs of the bot may have died, apart from
// everything else.
func (q *timerQueue) trySuspects() {
	defer q.isSafe()
	q.mu.Lock()
	suspects := q.suspects
	q.suspects = nil
	q.mu.Unlock()
	slices.SortFunc(suspects, func(a, b suspectTimer) int { return a.due.Compare(b.due) })
	most := 1
	if len(suspects) > fewSuspects {
		most = int(math.Ceil(math.Sqrt(float64(len(suspects)))))
	}
	for len(suspects) > 0 && !q.isStopped() {
		n := 1
		for n < min(most, len(suspects)) && suspects[n-1].tries == 1 && suspects[n].tries == 1 {
			n++
		}
		q.alone(suspects[:n])
		suspects = suspects[n:]
	}
}

// alone handles timers when nothing else is handled, if they are not moved or canceled.
func (q *timerQueue) alone(group []suspectTimer) {
	for _, s := range group {
		q.jr.dispatchFirst(q.jr.base, s.ev) // if it fails, so will fire
	}
	q.awaitQuiet()
	for _, s := range group {
		q.mu.Lock()
		q.queue.Remove(s.key)
		f := &dueTimer{q: q, key: s.key, due: s.due}
		q.firing[s.key] = f
		q.mu.Unlock()
		q.fire(f)
	}
	for more := true; more; { // those that were behind others of the group
		q.awaitQuiet()
		q.mu.Lock()
		next := q.next
		q.next = nil
		q.mu.Unlock()
		for _, f := range next {
			q.fire(f)
		}
		more = len(next) > 0
	}
}

// begin gives a timer's event to its lane, unless it is one of which maxTries runs may
// have died: then the timer is dropped.
func (f *dueTimer) begin(j *job, tries int) (begun bool, err error) {
	q, ctx := f.q, j.ctx
	blamed := q.died && f.due.Before(q.began)
	if blamed && tries >= maxTries {
		j.log(slog.LevelError, fmt.Sprintf("vk: dropping timer that crashed the bot %d times", maxTries), slog.Int("tries", tries), slog.String("key", f.key))
		j.onDone(func(ctx context.Context) { q.d.dropTrail(ctx, j.ev) })
		f.settle(j, isHandled)
		return false, nil
	}
	if blamed {
		if err := f.note(ctx, tries+1); err != nil {
			return false, err
		}
		f.noted, f.tries = true, tries
	}
	j.gone = func() {
		if blamed && !j.hasEnded() { // it waits
			f.note(j.ctx, 0) // if that fails, it is under suspicion a little longer
		}
		f.leave()
	}
	if err := q.d.put(ctx, j); err != nil {
		return false, err
	}
	return true, nil
}

// note writes how many runs may have died of the timer, if it was not moved or canceled.
func (f *dueTimer) note(ctx context.Context, tries int) error {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	for {
		raw, err := f.q.d.guarded().Get(ctx, f.key)
		var r timerRecord
		if err != nil || len(raw) == 0 || json.Unmarshal(raw, &r) != nil || !r.due().Equal(f.due) || r.Over {
			return err
		}
		r.Tries = tries
		b, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if swapped, err := f.q.d.guarded().Swap(ctx, f.key, raw, b, 0); err != nil || swapped {
			return err
		}
	}
}

// awaitQuiet blocks until no handler runs, or for aloneTime, or until the queue stops.
func (q *timerQueue) awaitQuiet() {
	pause := time.Millisecond
	for end := time.Now().Add(aloneTime); q.d.Pending() > 0 && time.Now().Before(end) && !q.isStopped(); {
		time.Sleep(pause)
		pause = min(2*pause, 10*time.Millisecond)
	}
}

func (q *timerQueue) isStopped() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.stopped
}
