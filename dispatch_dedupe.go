package vk

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
)

// An event that comes more than once is handled once: VK delivers to webhooks
// until it is answered, for up to two hours, and long poll and callback may both
// be on. The deduper knows the events of this process; over a restart, and
// between processes, the Store does.

const (
	// dedupeTTL is how long handled events are remembered: longer than VK
	// delivers them.
	dedupeTTL = 3 * time.Hour

	// maxDeduped limits the handled events that are remembered in memory: at
	// least this many are, and at most twice as many.
	maxDeduped = 1 << 15
)

// An admission is the answer to an event that was offered.
type admission int

const (
	admitted       admission = iota
	alreadyRunning           // it is being handled, here or by another process
	alreadyHandled           // it was handled before
)

// An eventID stands for an event's ID and community. It is a hash, because the
// ID is in one piece of memory with the event's text, which is not to be kept;
// with 128 bits no two are equal.
type eventID [2]uint64

var idSeeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

func idOf(e *Event) eventID {
	return eventID{maphash.String(idSeeds[0], e.ID), maphash.String(idSeeds[1], e.ID) + uint64(e.GroupID)}
}

// A deduper knows the events with an ID that this process handles, and those
// that it has handled in the last hours.
type deduper struct {
	mu      sync.Mutex
	running map[eventID]*job
	handled [2]map[eventID]struct{} // recently, and before that
	began   time.Time               // when the first of handled was begun

	repeats atomic.Bool // an event has come that its source delivers again
}

// A dedupeRecord is the deduper's record of a job, guarded by its mu. Before the
// job is offered to the deduper, it belongs to the maker of the job.
type dedupeRecord struct {
	entry   *journalEntry // of the event, if it is in a journal
	owner   string        // the value of the event's record in the Store, if this process has written it
	settled settlement
	gone    chan struct{} // closed once it is settled; made when asked for
}

// enter notes that j handles its event. If the event is being handled, or was,
// enter returns that instead, with the job that handles it.
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
			entry.drop()
		}
		return holder, alreadyRunning
	}
	for _, handled := range c.handled {
		if _, ok := handled[id]; ok {
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

// leave notes the settlement of an event that has entered.
func (c *deduper) leave(j *job, s settlement) {
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
	of.entry.settle(s.over())
	of.entry, of.settled = nil, s
	if of.gone != nil {
		close(of.gone)
	}
}

// noteHandled notes that an event is handled that another run has admitted.
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

// recordOf returns the event's entry in a journal, and the owner in its record
// in the Store, if that is this process.
func (c *deduper) recordOf(j *job) (entry *journalEntry, owner string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return j.dedupe.entry, j.dedupe.owner
}

// isKept reports whether the event is in a journal.
func (c *deduper) isKept(j *job) bool {
	entry, _ := c.recordOf(j)
	return entry != nil
}

// own notes that the Store has owner as the owner of the event.
func (c *deduper) own(j *job, owner string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	j.dedupe.owner = owner
}

// keep enters the event of j into a journal, unless it is in one, or is settled
// and not to be handled again: then keep returns its settlement.
func (c *deduper) keep(jr *journal, j *job) settlement {
	c.mu.Lock()
	defer c.mu.Unlock()
	of := &j.dedupe
	switch {
	case of.entry != nil:
	case of.settled == unsettled:
		of.entry = jr.keep(j.ev, j)
	case of.settled == notHandled:
		of.entry = jr.keep(j.ev, nil)
	default:
		return of.settled
	}
	return unsettled
}

// admit admits an event that may come again, unless it is being handled or was
// handled. It returns the job that handles the event in this process, for
// settledOf and, after that, outcome. The job is nil if the event was handled
// before, or is handled elsewhere.
//
// An event is admitted again if its handlers have asked VK to deliver it again,
// or if it was cut off.
//
// An error means that the event was not admitted: ctx has ended, the Dispatcher
// was stopped, the Store failed, or it is errFull.
func (d *Dispatcher) admit(ctx context.Context, f *feed, client *Client, e *Event) (*job, admission, error) {
	d.init()
	if d.Handler == nil {
		return nil, 0, errNoHandler
	}
	d.dedupe.repeats.Store(true)
	if d.Store != nil {
		if err := d.resume(ctx, f, client, e.GroupID); err != nil {
			return nil, 0, err
		}
	}
	j := &job{d: d, feed: f, ctx: context.WithoutCancel(ctx), client: client, ev: e, repeats: true, deduped: true}
	holder, state := d.dedupe.enter(j)
	if state != admitted {
		return holder, state, nil
	}
	// Another request for the event may wait for j, and is answered by its end.
	if d.isFull() {
		d.dedupe.leave(j, j.end(skipped, errFull).settled)
		return nil, 0, errFull // VK waits for room, not this process: there may be many requests
	}
	switch state, err := d.acquire(ctx, j); {
	case err != nil:
		d.dedupe.leave(j, j.end(skipped, err).settled)
		return nil, 0, err
	case state == alreadyHandled:
		d.dedupe.leave(j, j.end(handled, nil).settled)
		return nil, state, nil
	case state == alreadyRunning:
		d.dedupe.leave(j, j.end(elsewhere, nil).settled)
		return nil, state, nil
	}
	if ctx.Value(retriesKey{}) != nil { // the trail may be kept and the event not yet
		if err := d.loadTrail(ctx, j); err != nil {
			d.settle(j, j.end(skipped, err).settled)
			return nil, 0, err
		}
	}
	if err := d.put(ctx, j); err != nil {
		d.settle(j, j.end(skipped, err).settled)
		return nil, 0, err
	}
	return j, admitted, nil
}

// errFull says that the Dispatcher has MaxEvents.
var errFull = errors.New("vk: the Dispatcher has MaxEvents")

// handledRecord is an event's record in the Store once it was handled. Before
// that, the record names the journal's owner that handles it, which has the event
// as long as it owns the journal.
const handledRecord = "done"

// dedupeKey returns the key of an event's record in the Store.
func dedupeKey(e *Event) string {
	return "claim/" + strconv.FormatInt(e.GroupID, 10) + "/" + short(e.ID)
}

// guarded returns the Store so that its panics are errors.
func (d *Dispatcher) guarded() Store {
	d.init()
	return d.store
}

// sharedStore reports whether other processes may use the Store.
func (d *Dispatcher) sharedStore() bool {
	if d.Store == nil {
		return false
	}
	s, ok := d.guarded().(interface{ Exclusive() bool })
	return !ok || !s.Exclusive()
}

// acquire makes this process the owner of an event in the Store, if there is
// one. In a Store that no other process can have, it only looks whether the
// event was handled.
func (d *Dispatcher) acquire(ctx context.Context, j *job) (admission, error) {
	if d.Store == nil || j.ev.ID == "" {
		return admitted, nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	key := dedupeKey(j.ev)
	if !d.sharedStore() {
		value, err := d.guarded().Get(ctx, key)
		if err != nil {
			return 0, fmt.Errorf("vk: claim: %w", err)
		}
		if string(value) == handledRecord {
			return alreadyHandled, nil
		}
		return admitted, nil
	}
	jr, err := d.journal(ctx, j.ev.GroupID)
	if err != nil {
		return 0, err
	}
	mine, err := jr.holder()
	if err != nil {
		return 0, err
	}
	var old []byte
	for {
		swapped, err := d.guarded().Swap(ctx, key, old, []byte(mine), dedupeTTL)
		if err == nil && swapped {
			d.dedupe.own(j, mine)
			return admitted, nil
		}
		if err == nil {
			old, err = d.guarded().Get(ctx, key)
		}
		if err != nil {
			return 0, fmt.Errorf("vk: claim: %w", err)
		}
		switch string(old) {
		case handledRecord:
			return alreadyHandled, nil
		case mine, "": // "": it has just expired, or was given up
			continue
		}
		alive, err := jr.holds(ctx, string(old))
		switch {
		case err != nil:
			return 0, err
		case alive:
			return alreadyRunning, nil
		}
	}
}

// askStore acquires an event that is about to begin, unless admit has. If the
// Store fails, the event is admitted: better twice than not at all.
func (d *Dispatcher) askStore(j *job) admission {
	if d.Store == nil || !j.deduped || j.ev.ID == "" {
		return admitted
	}
	if !d.sharedStore() && !d.dedupe.repeats.Load() {
		return admitted // nobody else gets it
	}
	entry, owner := d.dedupe.recordOf(j)
	if owner != "" {
		return admitted
	}
	state, err := admitted, errUnsaved
	// If the event is in a journal that may not be in the Store, nobody else is
	// to leave it to this process, which may die. Without a journal, its source
	// brings it again.
	if entry == nil || !entry.jr.isFailing() {
		state, err = d.acquire(j.ctx, j)
	}
	if err != nil {
		d.storeFailed(j, "vk: the store fails: events are handled without asking whether they were before", err)
		return admitted
	}
	d.storeWorked(j.ctx)
	return state
}

// errUnsaved says that an event is not in the Store.
var errUnsaved = errors.New("vk: claim: the event could not be kept")

// release notes the settlement of an event in the Store, for other processes and
// for the next run. If the Store fails, the event counts as this process's until
// it ends, which is as good in most cases.
func (d *Dispatcher) release(j *job, s settlement) {
	var old, next []byte
	if d.sharedStore() {
		if _, owner := d.dedupe.recordOf(j); owner != "" {
			old = []byte(owner)
		}
	}
	if old == nil && (s != isHandled || d.Store == nil || j.ev.ID == "" || !d.dedupe.repeats.Load()) {
		return // nobody asks
	}
	if s == isHandled {
		next = []byte(handledRecord)
	}
	ctx, cancel := context.WithTimeout(j.ctx, storeTime)
	defer cancel()
	var err error
	for try := range 4 {
		if _, err = d.guarded().Swap(ctx, dedupeKey(j.ev), old, next, dedupeTTL); err == nil {
			d.storeWorked(j.ctx)
			return // swapped, or another process has it by now, which thought this one dead
		}
		if backoff.Sleep(ctx, storePause.Delay(try+1)) != nil {
			break
		}
	}
	d.storeFailed(j, "vk: the store fails: events that are delivered again may be handled again", err)
}

// storeFailed says that the Store fails, unless it was said: once, and not for each
// event.
func (d *Dispatcher) storeFailed(j *job, msg string, err error) {
	if d.claims.failed() {
		j.log(slog.LevelWarn, msg, failure(err)...)
	}
}

// storeWorked says that the Store works again, if it was said that it fails.
func (d *Dispatcher) storeWorked(ctx context.Context) {
	if failures, tell := d.claims.worked(); tell {
		d.logger().LogAttrs(ctx, slog.LevelInfo, "vk: the store works again", slog.Int("failures", failures))
	}
}

// splitOwner splits an owner as records in the Store have it.
func splitOwner(value string) (slot int, owner string, ok bool) {
	a, owner, ok := strings.Cut(value, " ")
	slot, err := strconv.Atoi(a)
	return slot, owner, ok && err == nil
}
