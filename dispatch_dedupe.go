package vk

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
	durable "github.com/vkrouter/vk/internal/journal"
	"github.com/vkrouter/vk/internal/lazyctx"
)

// A duplicate event is handled once. There are two sources of duplicates: VK redelivers
// an event to a webhook until it is acknowledged, for up to two hours, and long poll
// and callback may both be enabled. The deduper knows the events of this process; the
// Store knows those of previous runs.

const (
	// dedupeTTL is how long handled events are remembered. It is longer than VK
	// redelivers them.
	dedupeTTL = durable.Remember

	// maxDeduped limits the handled events that are remembered in memory: at least this
	// many are, and at most twice as many.
	maxDeduped = 1 << 15
)

// An admission is the result of offering an event.
type admission int

const (
	admitted       admission = iota
	alreadyRunning           // it is being handled
	alreadyHandled           // it was handled before
)

// An eventID identifies an event by its ID and community. It is a hash, because the ID
// shares memory with the event's text, which must not be kept alive. With 128 bits,
// collisions do not occur in practice.
type eventID [2]uint64

var idSeeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

func idOf(e *Event) eventID {
	return eventID{maphash.String(idSeeds[0], e.ID), maphash.String(idSeeds[1], e.ID) + uint64(e.GroupID)}
}

// A deduper knows the events with an ID that this process is handling, and those that
// it has handled in the last hours.
type deduper struct {
	mu      sync.Mutex
	running map[eventID]*job
	handled [2]map[eventID]struct{} // the current and the previous generation
	began   time.Time               // when the first of handled was begun

	repeats atomic.Bool  // a source that redelivers events has brought one
	late    durable.Late // writes about done events that the Store could not take
}

// A dedupeRecord is the deduper's record of a job, guarded by its mu. Before the job is
// offered to the deduper, the record belongs to the creator of the job.
type dedupeRecord struct {
	entry   *journalEntry // the event's entry, if it is in a journal
	settled settlement
	gone    chan struct{} // closed once it is settled; made on demand
	marked  bool          // the Store has a mark that the event is done; belongs to settle
}

// enter records that j handles its event. For a duplicate, enter instead returns
// whether the event is being handled or was handled, with the job that handles it.
func (c *deduper) enter(j *job) (holder *job, state admission) {
	if j.ev.ID == "" {
		return j, admitted
	}
	id := idOf(j.ev)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turnOver()
	entry := j.dedupe.entry
	if holder := c.running[id]; holder != nil {
		switch has := &holder.dedupe; has.entry {
		case entry:
		case nil:
			entry.handTo(holder)
			has.entry = entry
		default:
			if entry != nil {
				entry.kept.Twin()
			}
			entry.drop()
		}
		return holder, alreadyRunning
	}
	for _, handled := range c.handled {
		if _, ok := handled[id]; ok {
			if entry != nil {
				entry.kept.Remembered()
			}
			entry.drop()
			return nil, alreadyHandled
		}
	}
	if c.running == nil {
		c.running = make(map[eventID]*job)
	}
	c.running[id] = j
	j.deduped = true
	return j, admitted
}

// leave records the settlement of an event that was entered. It calls after once the
// next run would not handle the event again.
func (c *deduper) leave(j *job, s settlement, after ...func(context.Context)) {
	if c.note(j, s, after) == nil {
		for _, f := range after {
			f(context.WithoutCancel(j.ctx))
		}
	}
}

// note is leave, except that it does not call after if the event is in no journal. It
// returns the entry in the journal.
func (c *deduper) note(j *job, s settlement, after []func(context.Context)) *journalEntry {
	c.mu.Lock()
	defer c.mu.Unlock()
	if j.ev.ID != "" {
		id := idOf(j.ev)
		delete(c.running, id)
		if s == isHandled {
			if c.handled[0] == nil {
				c.handled[0] = make(map[eventID]struct{})
				c.began = time.Now()
			}
			c.handled[0][id] = struct{}{}
		}
	}
	of := &j.dedupe
	entry := of.entry
	if entry != nil && of.marked { // the event may have come into the journal after the mark was written
		entry.kept.Remembered()
	}
	entry.settle(&j.steps.answered, s == isHandled, after...)
	of.entry, of.settled = nil, s
	if of.gone != nil {
		close(of.gone)
	}
	return entry
}

// noteHandled records an event of another run as handled.
func (c *deduper) noteHandled(e *Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turnOver()
	if c.handled[0] == nil {
		c.handled[0] = make(map[eventID]struct{})
		c.began = time.Now()
	}
	c.handled[0][idOf(e)] = struct{}{}
}

// turnOver forgets events that were handled long ago. The caller holds c.mu.
func (c *deduper) turnOver() {
	switch {
	case c.handled[0] == nil && c.handled[1] == nil:
	case time.Since(c.began) > 2*dedupeTTL:
		c.handled[0], c.handled[1] = nil, nil
	case len(c.handled[0]) >= maxDeduped, time.Since(c.began) > dedupeTTL:
		c.handled[0], c.handled[1] = nil, c.handled[0]
		c.began = time.Now()
	}
}

// settledOf returns a channel that is closed when the event of j is settled.
func (c *deduper) settledOf(j *job) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	of := &j.dedupe
	if of.gone == nil {
		of.gone = make(chan struct{})
		if of.settled != unsettled {
			close(of.gone)
		}
	}
	return of.gone
}

// entryOf returns the event's entry in a journal, or nil.
func (c *deduper) entryOf(j *job) *journalEntry {
	c.mu.Lock()
	defer c.mu.Unlock()
	return j.dedupe.entry
}

// keep adds the event of j to a journal. tries is the number of runs that it may have
// crashed. If the event is settled and must not be handled again, keep returns its
// settlement instead. It does nothing if the event is already in a journal.
func (c *deduper) keep(jr *journal, j *job, tries int) settlement {
	c.mu.Lock()
	defer c.mu.Unlock()
	of := &j.dedupe
	switch {
	case of.entry != nil:
	case of.settled == unsettled:
		of.entry = jr.keep(j.ev, j, tries)
	case of.settled == notHandled:
		of.entry = jr.keep(j.ev, nil, tries)
	default:
		return of.settled
	}
	return unsettled
}

// A ticket is a place in the order in which the events of a conversation arrived. An
// event has one while it is looked up in the Store.
type ticket struct {
	lane laneKey
	prev <-chan struct{} // closed when the previous ticket is given back; nil if there is none
	done chan struct{}   // closed when this one is given back
}

// arrivals issues tickets.
type arrivals struct {
	mu   sync.Mutex
	last map[laneKey]*ticket
}

func (l *arrivals) take(lane laneKey) *ticket {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := &ticket{lane: lane, done: make(chan struct{})}
	if last := l.last[lane]; last != nil {
		t.prev = last.done
	}
	if l.last == nil {
		l.last = make(map[laneKey]*ticket)
	}
	l.last[lane] = t
	return t
}

// giveBack lets the next ticket proceed, even if earlier tickets are still out.
func (l *arrivals) giveBack(t *ticket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(t.done)
	if l.last[t.lane] == t {
		delete(l.last, t.lane)
	}
}

// wait blocks until all tickets before t are given back.
func (t *ticket) wait(ctx context.Context) error {
	if t.prev == nil {
		return nil
	}
	return awaitClosed(ctx, t.prev)
}

// await blocks until all current tickets of a lane are given back.
func (l *arrivals) await(ctx context.Context, lane laneKey) error {
	l.mu.Lock()
	last := l.last[lane]
	l.mu.Unlock()
	if last == nil {
		return nil
	}
	return awaitClosed(ctx, last.done)
}

// admit admits an event that its source may redeliver, unless it is being handled or
// was handled. retries is the number of its redeliveries so far. admit returns the job
// that handles the event, for settledOf and, after that, outcome. The job is nil if the
// event was handled before.
//
// An event is admitted again if its handlers have asked VK to redeliver it, or if it
// was cut off.
//
// After an error, the event was not admitted: ctx is done, the Dispatcher was stopped,
// the Store failed, another process owns the journal, or the error is errFull.
func (d *Dispatcher) admit(ctx context.Context, f *feed, client *Client, e *Event, retries int) (*job, admission, error) {
	d.init()
	if d.Handler == nil {
		return nil, 0, errNoHandler
	}
	d.dedupe.repeats.Store(true)
	j := &job{d: d, feed: f, ctx: context.WithoutCancel(ctx), client: client, ev: e, repeats: true, deduped: true, replayed: retries > 0}
	if d.Store == nil {
		holder, state := d.dedupe.enter(j)
		if state != admitted {
			return holder, state, nil
		}
		return d.admitted(j, d.putNow(ctx, j))
	}
	jr, err := d.resume(ctx, f, client, e.GroupID)
	if err != nil {
		return nil, 0, err
	}
	if err := jr.kept.SetRepeats(ctx); err != nil {
		return nil, 0, jr.explain(err)
	}
	if err := jr.dispatchFirst(ctx, e, all); err != nil {
		return nil, 0, err
	}
	place := d.arrivals.take(laneOf(e)) // the Store may answer later events sooner
	defer d.arrivals.giveBack(place)
	holder, state := d.dedupe.enter(j)
	if state != admitted {
		return holder, state, nil
	}
	switch done, err := d.isDone(ctx, e); {
	case err != nil:
		return d.admitted(j, err)
	case done:
		d.dedupe.leave(j, j.end(handled, nil).settled)
		return nil, alreadyHandled, nil
	}
	if retries > 0 { // the trail may be saved and the event not yet
		if err := d.loadTrail(ctx, j); err != nil {
			return d.admitted(j, err)
		}
	}
	return d.admitted(j, d.putAfter(ctx, j, place, jr, retries))
}

// admitted returns the results of admit for a job that was put, or was not because of
// err. Another request for the event may be waiting for the job and is answered when
// the job ends.
func (d *Dispatcher) admitted(j *job, err error) (*job, admission, error) {
	if err != nil {
		d.settle(j, j.end(skipped, err).settled)
		return nil, 0, err
	}
	return j, admitted, nil
}

// putAfter puts a job behind the earlier events of its conversation.
func (d *Dispatcher) putAfter(ctx context.Context, j *job, place *ticket, jr *journal, retries int) error {
	if err := place.wait(ctx); err != nil {
		return err
	}
	if retries > 0 && !d.isFull() {
		// The event may be the one that crashed the process: then the next run must
		// know.
		if d.dedupe.keep(jr, j, 1) == unsettled {
			if err := jr.kept.Write(ctx); err != nil {
				return jr.explain(err)
			}
		}
	}
	return d.putNow(ctx, j)
}

// putNow is put for an event that its source redelivers. It does not wait for room,
// because there may be many requests.
func (d *Dispatcher) putNow(ctx context.Context, j *job) error {
	if d.isFull() {
		return errFull
	}
	return d.put(ctx, j)
}

// errFull is returned when the Dispatcher has MaxEvents.
var errFull = errors.New("vk: the Dispatcher has MaxEvents")

// doneID returns an event's part of the key that marks it as done, or "" if the event
// has no ID.
func doneID(e *Event) string {
	if e.ID == "" {
		return ""
	}
	return short(e.ID)
}

// doneKey returns the key that marks an event as done.
func doneKey(e *Event) string {
	return "done/" + strconv.FormatInt(e.GroupID, 10) + "/" + short(e.ID)
}

// guarded returns the Store, wrapped to turn panics into errors.
func (d *Dispatcher) guarded() Store {
	d.init()
	return d.store
}

// isExclusive reports whether a Store declares that it belongs to this process alone.
func isExclusive(s Store) bool {
	e, ok := s.(interface{ Exclusive() bool })
	return ok && e.Exclusive()
}

// isDone reports whether the Store has an event as done.
func (d *Dispatcher) isDone(ctx context.Context, e *Event) (bool, error) {
	if d.Store == nil || e.ID == "" {
		return false, nil
	}
	limited := lazyctx.WithDeadline(ctx, time.Now().Add(storeTime))
	defer limited.Cancel()
	value, err := d.guarded().Get(limited, doneKey(e))
	if err != nil {
		return false, fmt.Errorf("vk: cannot look up whether the event is done: %w", err)
	}
	return len(value) > 0, nil
}

// markDone marks an event as done in the Store. The mark lasts as long as the event's
// source may redeliver it. It lasts longer while the journal has entry, which may be
// nil, or while a Poller has not brought the event yet: the next process may start
// later.
func (d *Dispatcher) markDone(ctx context.Context, e *Event, entry *journalEntry) error {
	ttl := dedupeTTL
	if entry != nil {
		ttl = durable.KeepDone
		entry.kept.Remembered()
	} else if d.expect(e) {
		ttl = durable.KeepDone
	}
	limited := lazyctx.WithDeadline(ctx, time.Now().Add(storeTime))
	defer limited.Cancel()
	_, err := d.guarded().Swap(limited, doneKey(e), nil, durable.DoneValue, ttl)
	return err // if it was not swapped, the Store has the mark already
}

// askStore reports whether an event that is about to begin was handled before. If the
// Store fails, the event counts as new: handling it twice is better than not at all.
func (d *Dispatcher) askStore(j *job) admission {
	if !j.asks {
		return admitted
	}
	done, err := d.isDone(j.ctx, j.ev)
	switch {
	case err != nil:
		d.storeFailed(j, "vk: store unavailable: events are handled without a check for duplicates", err)
	case done:
		return alreadyHandled
	default:
		d.storeWorked(j.ctx)
	}
	return admitted
}

// release marks an event in the Store as handled, if its source may redeliver it. It
// returns false if the mark could not be written, so that the event may be handled
// again.
func (d *Dispatcher) release(j *job, s settlement) bool {
	if s != isHandled || d.Store == nil || j.ev.ID == "" || !d.repeats(j) {
		return true
	}
	ctx := lazyctx.WithDeadline(context.WithoutCancel(j.ctx), time.Now().Add(storeTime))
	defer ctx.Cancel()
	var err error
	for try := range 4 {
		if err = d.markDone(ctx, j.ev, d.dedupe.entryOf(j)); err == nil {
			j.dedupe.marked = true
			d.storeWorked(j.ctx)
			return true
		}
		if backoff.Sleep(ctx, storePause.Delay(try+1)) != nil {
			break
		}
	}
	d.storeFailed(j, "vk: store unavailable: redelivered events may be handled again", err)
	return false
}

// repeats reports whether a source may redeliver the event of j, to this process or the
// next one.
func (d *Dispatcher) repeats(j *job) bool {
	if d.dedupe.repeats.Load() {
		return true
	}
	entry := d.dedupe.entryOf(j)
	return entry != nil && entry.jr.kept.Repeats()
}

var storePause = backoff.Backoff{Min: 50 * time.Millisecond, Max: 10 * time.Second}
