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

// Claims keep an event that comes more than once from being handled more than
// once: VK delivers to webhooks until it is answered, for up to two hours, and
// long poll and callback may both be on. What this process has taken it knows
// by itself; over a restart, and between processes, the Store knows.

const (
	// claimTTL is how long it is known that an event was handled: longer than VK
	// goes on delivering it.
	claimTTL = 3 * time.Hour

	// maxClaims bounds how many handled events are remembered in memory: at
	// least so many, and at most twice as many.
	maxClaims = 1 << 15
)

// An admission is what became of an event that was offered.
type admission int

const (
	admitted        admission = iota // it is taken
	admittedRunning                  // it is being handled, here or by another process
	admittedDone                     // it was handled before
)

// An eventID stands for an event's ID and community. It is a hash, because the
// ID is in one piece of memory with the event's text, which is not to be kept;
// with 128 bits no two are equal.
type eventID [2]uint64

var idSeeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

func idOf(e *Event) eventID {
	return eventID{maphash.String(idSeeds[0], e.ID), maphash.String(idSeeds[1], e.ID) + uint64(e.GroupID)}
}

// claims are the events that this process has taken.
type claims struct {
	mu      sync.Mutex
	running map[eventID]*job
	done    [2]map[eventID]struct{} // what was handled: of late, and before
	began   time.Time               // when the first of them was begun

	offered atomic.Bool // an event was offered by admit
}

// enter notes that j is being handled. If its event is, or was, then it
// returns that instead, and the job that handles it.
func (c *claims) enter(j *job) (holder *job, state admission) {
	if j.ev.ID == "" {
		return j, admitted
	}
	id := idOf(j.ev)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turnOver()
	if holder := c.running[id]; holder != nil {
		switch holder.entry {
		case j.entry:
		case nil:
			holder.entry = j.entry.handTo(holder)
		default:
			j.entry.drop()
		}
		return holder, admittedRunning
	}
	for _, done := range c.done {
		if _, ok := done[id]; ok {
			j.entry.drop()
			return nil, admittedDone
		}
	}
	if c.running == nil {
		c.running = make(map[eventID]*job)
	}
	c.running[id] = j
	j.claimed = true
	return j, admitted
}

// leave takes j back, whose event is handled, or is not and may come again.
func (c *claims) leave(j *job, handled bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if j.claimed {
		id := idOf(j.ev)
		delete(c.running, id)
		if handled && !j.yielded {
			if c.done[0] == nil {
				c.done[0] = make(map[eventID]struct{})
				c.began = time.Now()
			}
			c.done[0][id] = struct{}{}
		}
	}
	j.entry.settle(handled)
	j.entry, j.left, j.handled = nil, true, handled && !j.yielded
	if j.gone != nil {
		close(j.gone)
	}
}

// turnOver forgets what is old. The caller holds c.mu.
func (c *claims) turnOver() {
	switch {
	case c.done[0] == nil && c.done[1] == nil:
	case time.Since(c.began) > 2*claimTTL:
		c.done[0], c.done[1] = nil, nil
	case len(c.done[0]) >= maxClaims, time.Since(c.began) > claimTTL:
		c.done[0], c.done[1] = nil, c.done[0]
		c.began = time.Now()
	}
}

// settledOf returns a channel that is closed when the event of j is done or
// given up.
func (c *claims) settledOf(j *job) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if j.gone == nil {
		j.gone = make(chan struct{})
		if j.left {
			close(j.gone)
		}
	}
	return j.gone
}

// admit takes an event that may come again, unless it is being handled or was
// handled. The job is the one that handles it in this process, for settledOf and,
// after that, outcome; it is nil if the event was done before, or is handled
// elsewhere.
//
// An event whose handlers ask VK to deliver it again is not done, and neither is
// one that was cut off: it is taken when it comes again.
//
// An error means that the event was not taken: ctx has ended, the Dispatcher was
// stopped, the Store failed, or it is errFull.
func (d *Dispatcher) admit(ctx context.Context, f *feed, client *Client, e *Event) (*job, admission, error) {
	d.init()
	if d.Handler == nil {
		return nil, 0, errNoHandler
	}
	d.claims.offered.Store(true)
	if d.Store != nil {
		if err := d.resume(ctx, f, client, e.GroupID); err != nil {
			return nil, 0, err
		}
	}
	j := &job{d: d, feed: f, ctx: context.WithoutCancel(ctx), client: client, ev: e, again: true}
	holder, state := d.claims.enter(j)
	if state != admitted {
		return holder, state, nil
	}
	if len(d.room) == cap(d.room) {
		d.claims.leave(j, false)
		return nil, 0, errFull // waiting for room is VK's: there may be many who do
	}
	switch state, err := d.claim(ctx, j); {
	case err != nil:
		d.claims.leave(j, false)
		return nil, 0, err
	case state != admitted:
		d.claims.leave(j, state == admittedDone)
		return nil, state, nil
	}
	if err := d.put(ctx, j); err != nil {
		j.undone = true
		d.settle(j, false)
		return nil, 0, err
	}
	return j, admitted, nil
}

// errFull says that the Dispatcher has all the events that it takes.
var errFull = errors.New("vk: the Dispatcher has MaxEvents")

// outcome returns how the event ended that is settled: with the error of its
// handlers, or with ErrStopped if a stop has cut them off, or has kept them from
// beginning, or if another process has it.
func (j *job) outcome() error {
	if j.undone || j.yielded {
		return ErrStopped
	}
	return j.err
}

// isDone reports whether an event that has ended is not to be handled again.
func (j *job) isDone() bool {
	if j.undone || !j.again || j.err == nil {
		return !j.undone
	}
	var again comesAgain
	if errors.As(j.err, &again) && again.comesAgain() {
		d := j.d
		d.claims.mu.Lock()
		defer d.claims.mu.Unlock()
		return j.entry != nil // VK was told that it need not come again
	}
	return true
}

// settle notes, wherever it is noted, that the event of j has ended.
func (d *Dispatcher) settle(j *job, handled bool) {
	if f := j.feed.settled; f != nil {
		f(j.ev, handled)
	}
	if !j.claimed && !j.again && j.entry == nil {
		return
	}
	if j.stored != "" || handled && j.claimed && !j.yielded && d.Store != nil && d.claims.offered.Load() {
		d.unclaim(j, handled)
	}
	d.claims.leave(j, handled)
}

// The record of a claim in the Store is either that the event was handled, or
// which journal's owner handles it: that holds as long as it owns the journal.
const claimDone = "done"

func claimRecord(e *Event) string {
	return "claim/" + strconv.FormatInt(e.GroupID, 10) + "/" + short(e.ID)
}

// sharedStore reports whether other processes may use the Store.
func (d *Dispatcher) sharedStore() bool {
	if d.Store == nil {
		return false
	}
	s, ok := d.Store.(interface{ Exclusive() bool })
	return !ok || !s.Exclusive()
}

// claim claims an event in the Store, if there is one, for this process. In a
// Store that no other process can have, it only looks whether the event was
// handled.
func (d *Dispatcher) claim(ctx context.Context, j *job) (admission, error) {
	if d.Store == nil || j.ev.ID == "" {
		return admitted, nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	key := claimRecord(j.ev)
	if !d.sharedStore() {
		value, err := d.Store.Get(ctx, key)
		if err != nil {
			return 0, fmt.Errorf("vk: claim: %w", err)
		}
		if string(value) == claimDone {
			return admittedDone, nil
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
		swapped, err := d.Store.Swap(ctx, key, old, []byte(mine), claimTTL)
		if err == nil && swapped {
			j.stored = mine
			return admitted, nil
		}
		if err == nil {
			old, err = d.Store.Get(ctx, key)
		}
		if err != nil {
			return 0, fmt.Errorf("vk: claim: %w", err)
		}
		switch string(old) {
		case claimDone:
			return admittedDone, nil
		case mine, "": // "": it has just expired, or was given up
			continue
		}
		alive, err := jr.holds(ctx, string(old))
		switch {
		case err != nil:
			return 0, err
		case alive:
			return admittedRunning, nil
		}
	}
}

// mayHandle claims an event that is about to begin, and reports whether it is to
// be handled. It is, if the Store fails: better twice than not at all.
func (d *Dispatcher) mayHandle(j *job) bool {
	if !d.sharedStore() && !d.claims.offered.Load() {
		return true // nobody else gets it
	}
	var state admission
	err := errUnsaved
	if !d.claims.unsaved(j) {
		state, err = d.claim(j.ctx, j)
	}
	if err != nil {
		j.log(slog.LevelWarn, "vk: the store fails: an event is handled without asking whether it was before", slog.Any("err", err))
		return true
	}
	j.yielded = state == admittedRunning
	return state == admitted
}

// errUnsaved says that an event is not in the Store.
var errUnsaved = errors.New("vk: claim: the event could not be kept")

// unsaved reports whether the event of j is to be in a journal and may not be in
// the Store: then nobody else is to leave it to this process, which may die.
func (c *claims) unsaved(j *job) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if j.entry == nil {
		return false // who has brought it brings it again
	}
	jr := j.entry.jr
	jr.mu.Lock()
	defer jr.mu.Unlock()
	return jr.failing > 0
}

// unclaim gives the claim of j back, as handled or as not. If the Store fails,
// it holds until this process ends, which is as good in most cases.
func (d *Dispatcher) unclaim(j *job, handled bool) {
	ctx, cancel := context.WithTimeout(j.ctx, storeTime)
	defer cancel()
	var old, next []byte
	if j.stored != "" {
		old = []byte(j.stored)
	}
	if handled {
		next = []byte(claimDone)
	}
	var err error
	for try := range 4 {
		if _, err = d.Store.Swap(ctx, claimRecord(j.ev), old, next, claimTTL); err == nil {
			return // swapped, or somebody else has it by now, who thought this process dead
		}
		if backoff.Sleep(ctx, storePause.Delay(try+1)) != nil {
			break
		}
	}
	j.log(slog.LevelWarn, "vk: the store fails: an event that is delivered again may be handled again", slog.Any("err", err))
}

// splitClaim splits what a claim says.
func splitClaim(value string) (slot int, owner string, ok bool) {
	a, owner, ok := strings.Cut(value, " ")
	slot, err := strconv.Atoi(a)
	return slot, owner, ok && err == nil
}
