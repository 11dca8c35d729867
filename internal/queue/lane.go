package queue

import (
	"context"
	"slices"
	"time"
)

// A lane is a lane that the worker holds, or that it has held not long ago.
type lane struct {
	w     *Worker
	name  string
	epoch int64
	last  int64   // Seq of the last event that has come
	early []Batch // that have come before those before them
	items []*Item // that have come and are not done, by Seq
	next  []*Item // those of them that are not handed out yet
	out   int     // items that are handed out, and have neither ended nor waited for anything

	old     bool // events that come may have been in other hands before
	begun   int  // items with handlers that have not ended
	calm    int  // items with a handler that waits
	slot    bool // it has a slot
	leaving bool // it is to be given back as soon as no handler is left
	lost    bool // it is held no more
	pause   time.Duration

	done   []*Item // that are ready to be reported
	queued bool    // it is among those with something to report

	born uint64 // of one that is held no more: the last call that had begun then
}

// maxOut limits the events of one lane that are handed out at the same time. The owner
// has room for a limited number of events; those that wait in one lane must not take the
// room of all others.
const maxOut = 8

// An Item is an event in the worker's hands.
type Item struct {
	Queued
	Old   bool // a former holder of the lane may have had it
	Value any  // the owner's; to be set before Begin

	lane  *lane
	out   bool
	begun bool
	calm  bool
	over  bool
	after []func()
}

// Epoch returns the epoch in which the worker holds the item's lane.
func (it *Item) Epoch() int64 { return it.lane.epoch }

// Lane returns the name of the item's lane.
func (it *Item) Lane() string { return it.lane.name }

// Begin reports whether the handler of the item may begin: the worker still holds its
// lane, and is to go on with it. It asks the Queue if the lease may have ended. If Begin
// reports true, exactly one call of Done or Return must follow.
func (it *Item) Begin(ctx context.Context) bool {
	w := it.lane.w
	if w.isStale() && w.beat(ctx) != nil {
		it.leaveLane(0)
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if it.lane.lost || it.lane.leaving || it.over {
		return false
	}
	it.begun = true
	it.lane.begun++
	return true
}

// Leaves reports whether the handler should not wait for anything: the lane was lost, or
// is to be given back.
func (it *Item) Leaves() bool {
	w := it.lane.w
	w.mu.Lock()
	defer w.mu.Unlock()
	return it.lane.lost || it.lane.leaving
}

// Lost reports whether the lane is another worker's by now.
func (it *Item) Lost() bool {
	w := it.lane.w
	w.mu.Lock()
	defer w.mu.Unlock()
	return it.lane.lost
}

// Calm notes whether the item's handler does nothing but wait.
func (it *Item) Calm(is bool) {
	w := it.lane.w
	w.mu.Lock()
	defer w.mu.Unlock()
	ln := it.lane
	if it.calm == is || it.over {
		return
	}
	if it.calm = is; is {
		ln.calm++
		it.takeIn()
	} else {
		ln.calm--
	}
	ln.count()
}

// Done notes that the item is handled. after, if not nil, is called on a goroutine of its
// own once the Queue has that; if the lane is lost, it is not called.
func (it *Item) Done(after func()) {
	w := it.lane.w
	w.mu.Lock()
	defer w.mu.Unlock()
	ln := it.lane
	if !it.end() || ln.lost {
		return
	}
	if after != nil {
		it.after = append(it.after, after)
	}
	ln.done = append(ln.done, it)
	ln.report()
}

// Return notes that the item is not handled: its lane is given back with it, and nobody
// takes it for the time of pause.
func (it *Item) Return(pause time.Duration) {
	w := it.lane.w
	w.mu.Lock()
	if it.over {
		w.mu.Unlock()
		return
	}
	ln := it.lane
	ln.pause = max(ln.pause, pause)
	ln.close() // the room that the item leaves is for no other one
	it.end()
	stays := ln.leave()
	w.mu.Unlock()
	if len(stays) > 0 {
		w.cfg.End(stays, false)
	}
}

// leaveLane makes the worker give the item's lane back, when its handlers have ended.
func (it *Item) leaveLane(pause time.Duration) {
	w := it.lane.w
	w.mu.Lock()
	ln := it.lane
	ln.pause = max(ln.pause, pause)
	stays := ln.leave()
	w.mu.Unlock()
	if len(stays) > 0 {
		w.cfg.End(stays, false)
	}
}

// end notes that the item's handler has ended. The caller holds the lock.
func (it *Item) end() bool {
	if it.over {
		return false
	}
	ln := it.lane
	it.over = true
	if it.begun {
		ln.begun--
	}
	if it.calm {
		ln.calm--
	}
	ln.items = slices.DeleteFunc(ln.items, func(other *Item) bool { return other == it })
	if !ln.lost {
		it.takeIn()
		ln.count()
		if ln.leaving {
			ln.report()
		}
	}
	ln.w.changed()
	return true
}

// takeIn counts the item as handed out no more. The caller holds the lock.
func (it *Item) takeIn() {
	if it.out {
		it.out = false
		it.lane.out--
		it.lane.handOut()
	}
}

// handOut hands out the next items. The caller holds the lock.
func (ln *lane) handOut() {
	for ln.out < maxOut && len(ln.next) > 0 {
		it := ln.next[0]
		ln.next[0] = nil
		ln.next = ln.next[1:]
		if !it.over {
			it.out = true
			ln.out++
			ln.w.hand(it)
		}
	}
}

// close makes the worker hand out no more items of the lane, and begin none. The caller
// holds the lock.
func (ln *lane) close() {
	if !ln.leaving && !ln.lost {
		ln.leaving, ln.next = true, nil
		ln.w.changed()
	}
}

// leave makes the worker give the lane back, and returns the items with a handler that
// waits: these must end. The caller holds the lock.
func (ln *lane) leave() (stays []*Item) {
	if ln.lost {
		return nil
	}
	ln.close()
	for _, it := range slices.Clone(ln.items) {
		if !it.begun {
			it.end() // another worker gets it
		} else if it.calm {
			stays = append(stays, it)
		}
	}
	ln.report()
	return stays
}

// lose notes that the worker does not hold the lane any more, and returns the items with
// a handler, which must end. The caller holds the lock.
func (ln *lane) lose() (open []*Item) {
	if ln.lost {
		return nil
	}
	ln.lost = true
	if ln.slot {
		ln.slot = false
		ln.w.cfg.Slots.add(-1)
	}
	ln.done, ln.early, ln.next = nil, nil, nil
	open = slices.DeleteFunc(ln.items, func(it *Item) bool { return !it.begun })
	ln.items = nil
	ln.w.changed()
	return open
}

// count updates whether the lane has a slot. The caller holds the lock.
func (ln *lane) count() {
	busy := len(ln.items) > ln.calm
	if busy == ln.slot {
		return
	}
	if ln.slot = busy; busy {
		ln.w.cfg.Slots.add(1)
	} else {
		ln.w.cfg.Slots.add(-1)
	}
}

// report puts the lane among those with something to report, if there is something. The
// caller holds the lock.
func (ln *lane) report() {
	ready := len(ln.done) > 0 || ln.leaving && ln.begun == 0
	if !ready || ln.queued || ln.lost {
		return
	}
	ln.queued = true
	ln.w.reports = append(ln.w.reports, ln)
	ln.w.wakeFlusher()
}

// take takes in a batch of the lane, of the call named by. The caller holds the lock.
func (ln *lane) take(b Batch, by string) {
	if b.After > ln.last {
		ln.early = append(ln.early, b)
		return
	}
	ln.accept(b, by)
	for again := true; again; {
		again = false
		for i, e := range ln.early {
			if e.After <= ln.last {
				ln.early = slices.Delete(ln.early, i, i+1)
				ln.accept(e, "")
				again = true
				break
			}
		}
	}
}

// accept is take for a batch that comes next.
func (ln *lane) accept(b Batch, by string) {
	for _, e := range b.Events {
		if e.Seq <= ln.last {
			continue
		}
		ln.last = e.Seq
		if ln.leaving {
			continue // the next holder gets it
		}
		it := &Item{Queued: e, lane: ln}
		putBy, data, err := unwrap(e.Data)
		if err == nil {
			it.Data = data
		}
		it.Old = ln.old && (by == "" || putBy != by)
		ln.items, ln.next = append(ln.items, it), append(ln.next, it)
	}
	ln.handOut()
	ln.count()
}
