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

// A replay dispatches the events of previous runs to the lanes.
type replay struct {
	safe chan struct{} // closed when there are no suspects left, or the replay failed with err
	err  error         // the reason for a failure; read it after safe is closed
}

// Suspects are events that may have been running when the bot crashed. They are handled
// together, in their order, until the bot has crashed twice. From then on they are
// handled in groups while nothing else runs, and from the fourth run on one at a time,
// so that the culprit is found.

const (
	// maxTries is the number of runs that an event may crash before it is dropped. In
	// the last of these runs it is handled alone. These are more than one, because a run
	// may crash for another reason.
	maxTries = 5

	// aloneTime is the maximum time to wait for suspects. A handler that runs for
	// longer does not crash the process either.
	aloneTime = 10 * time.Second

	// fewSuspects is the number of suspects up to which they are handled one at a time
	// already in the third run.
	fewSuspects = 32
)

// resume opens the community's journal and starts to dispatch the events of previous
// runs. It blocks until the journal is open and has no more suspects.
func (d *Dispatcher) resume(ctx context.Context, f *feed, client *Client, group int64) (*journal, error) {
	jr, err := d.journal(ctx, group)
	if err != nil {
		return nil, err
	}
	jr.use(f, client)
	return jr, jr.replay(ctx)
}

// replay dispatches the idle events in the background. It blocks until there are no
// suspects left, or ctx is done.
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
	if err := awaitClosed(ctx, r.safe); err != nil {
		return err
	}
	if r.err == nil {
		return jr.startTimers(ctx)
	}
	return r.err
}

// startTimers starts the community's timers. It blocks until there are no suspects
// among them, or ctx is done.
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
			if err := jr.startTimers(jr.base); err != nil { // before old events, which would run beside suspect timers
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

// dispatchIdle dispatches all idle entries. It limits how many run at a time, to leave
// room for new events.
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

// hand acquires jr.handing. The caller must call endHand.
func (jr *journal) hand(ctx context.Context) error {
	select {
	case jr.handing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (jr *journal) endHand() { <-jr.handing }

// handle dispatches new entries to the lanes, in their order. Before each entry, it
// dispatches the idle entries of the same conversation.
func (jr *journal) handle(ctx context.Context, entries []*journalEntry, f *feed, client *Client) error {
	for _, e := range entries { // before hand: the holder of a ticket may wait for jr.handing
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
			continue // dispatched before the Observer ended the goroutine
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

// leaveIdle leaves entries to another source or to the next run.
func leaveIdle(entries []*journalEntry) {
	for _, e := range entries {
		e.settle(nil, false)
	}
}

// dispatchFirst dispatches the idle events of an event's conversation and user for which
// fits returns true, so that they are handled before it.
func (jr *journal) dispatchFirst(ctx context.Context, e *Event, fits func(*journalEntry) bool) error {
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
	return jr.dispatchRelated(ctx, e, fits, f, client)
}

// dispatchBefore dispatches the idle entries before seq that belong to the conversation
// or the user of an event. The user's events matter because a handler may wait for one
// of them in another conversation. The caller holds jr.handing.
func (jr *journal) dispatchBefore(ctx context.Context, of *Event, seq int64, f *feed, client *Client) error {
	return jr.dispatchRelated(ctx, of, func(e *journalEntry) bool { return e.seq < seq }, f, client)
}

// dispatchRelated dispatches the idle entries for which fits returns true and that belong
// to the conversation or the user of an event. The caller holds jr.handing.
func (jr *journal) dispatchRelated(ctx context.Context, of *Event, fits func(*journalEntry) bool, f *feed, client *Client) error {
	lane := laneOf(of)
	for {
		jr.mu.Lock()
		e := jr.next(func(e *journalEntry) bool {
			return fits(e) && (laneOf(e.ev) == lane || of.head.from != 0 && e.ev.head.from == of.head.from)
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

// dispatch passes an entry's event to its lane. gone, if not nil, is called when the
// event's handler has ended or waits.
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
		e.settle(nil, false)
	}
	if err != nil || holder != j {
		j.leavePace()
	}
	if err == nil && holder != j { // a request has brought the event too, and may not have put it yet
		jr.d.arrivals.await(ctx, laneOf(e.ev))
	}
	return err
}

// trySuspects handles the suspects separately from all other events.
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

// alone handles events while nothing else is handled.
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
	jr.kept.Try(ctx, kept) // before the events can crash the process; a failure is logged
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

// awaitQuiet blocks until no handler runs, for at most aloneTime.
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

// discard records that an event will not be handled any more.
func (jr *journal) discard(e *journalEntry) error {
	if jr.kept.Repeats() && e.kept.ID != "" {
		if err := jr.d.markDone(jr.base, e.ev, e); err != nil {
			return err // VK would deliver it again
		}
	}
	e.settle(nil, true, func(ctx context.Context) { jr.d.dropTrail(ctx, e.ev) })
	return nil
}

// A timer that was due when the previous run crashed is a suspect too. From the next
// run on, its record counts the runs that have begun it. The count is written before
// its handler begins and reset when the handler waits. The first crash is not counted:
// the timer may have become due only after it. After durable.Suspect crashes, including
// the first, the timer is handled while nothing else is, as events are.

// trySuspects handles the suspect timers separately from everything else.
func (q *timerQueue) trySuspects() {
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

// alone handles timers while nothing else is handled, unless they were moved or
// canceled.
func (q *timerQueue) alone(group []suspectTimer) {
	for _, s := range group {
		q.dispatchFirst(q.jr.base, s.ev) // if this fails, so will fire
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
	for more := true; more; { // timers behind others of the group
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

// begin passes a timer's event to its lane. If the timer may have crashed maxTries
// runs, begin drops it instead.
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
		if blamed && !j.hasEnded() { // the handler waits
			f.note(j.ctx, 0) // if this fails, the timer remains a suspect for longer
		}
		f.leave()
	}
	q.mu.Lock()
	f.job = j
	q.mu.Unlock()
	err = q.d.put(ctx, j)
	return err == nil, err
}

// note writes the number of runs that the timer may have crashed, unless it was moved
// or canceled.
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

// awaitQuiet blocks until no handler runs or the queue stops, for at most aloneTime.
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
