package vk

import (
	"context"
	"slices"
	"time"
)

// soon has the record written soon. The caller holds jr.mu.
func (jr *journal) soon(after time.Duration) {
	if jr.timer == nil && !jr.closed {
		jr.timer = time.AfterFunc(after, func() { jr.task(jr.flush) })
	}
}

// task runs what a timer begins, and close waits for, unless it was first.
func (jr *journal) task(f func()) {
	jr.mu.Lock()
	if jr.closed {
		jr.mu.Unlock()
		return
	}
	jr.tasks.Add(1)
	jr.mu.Unlock()
	defer jr.tasks.Done()
	f()
}

func (jr *journal) flush() {
	jr.mu.Lock()
	jr.timer = nil
	jr.mu.Unlock()
	jr.save(jr.base)
}

// save writes the record, if it has changed. If the Store fails, the bot goes on
// all the same, and it is tried again: nothing is lost by that unless the
// process dies before VK forgets what has come since.
func (jr *journal) save(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	jr.write(ctx, false)
}

// write writes the record, if it has changed or anyway, and moves out of it what
// makes it large. If another has it, that is no error, but jr.lost.
func (jr *journal) write(ctx context.Context, anyway bool) error {
	select {
	case jr.writing <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-jr.writing }()
	for first := true; ; first = false {
		jr.mu.Lock()
		// Also if nothing is written, since the Store fails or another has the
		// record: what is handled is not to be kept in memory.
		jr.tail = slices.DeleteFunc(jr.tail, func(e *journalEntry) bool { return e.handled })
		old := jr.old()
		wanted := jr.dirty || first && anyway || !first && len(old) > 0
		if jr.lost {
			wanted = false
		}
		jr.mu.Unlock()
		if !wanted {
			return nil
		}
		began := time.Now()
		lost, err := jr.writeRecord(ctx, old)
		jr.wrote(lost, err, time.Since(began))
		if err != nil || lost || len(old) == 0 {
			return err
		}
	}
}

// writeRecord moves entries to a segment, if there are any, and writes the
// record.
func (jr *journal) writeRecord(ctx context.Context, old []*journalEntry) (lost bool, err error) {
	if len(old) > 0 {
		if err := jr.shelve(ctx, old); err != nil {
			return false, err
		}
	}
	jr.mu.Lock()
	jr.dirty = false
	b := jr.record()
	jr.mu.Unlock()
	if lost, err = jr.swap(ctx, b); err != nil {
		return false, err
	}
	if lost {
		if len(old) > 0 { // it came after whoever has the record now has looked
			jr.erase(ctx, old[0].seg.name)
		}
		return true, nil
	}
	jr.shelf.named = true
	jr.shelf.unused = slices.DeleteFunc(jr.shelf.unused, func(name string) bool { return jr.erase(ctx, name) })
	return false, nil
}

// wrote notes how a write went.
func (jr *journal) wrote(lost bool, err error, took time.Duration) {
	log := jr.d.logger()
	jr.mu.Lock()
	defer jr.mu.Unlock()
	switch {
	case err != nil:
		jr.dirty = true
		jr.failing++
		if jr.failing == 1 {
			log.Error("vk: the store fails: the bot goes on, but is not safe from a crash", "err", err)
		}
		jr.soon(storePause.Delay(jr.failing))
	case lost:
		jr.lost = true
		if !jr.shared {
			log.Error("vk: another Dispatcher of this process has taken over the store: this one keeps nothing any more")
		}
	default:
		if jr.failing > 0 {
			log.Info("vk: the store works again", "failures", jr.failing)
		}
		jr.failing = 0
		jr.took = took
	}
}

// swap puts b in the record's place. It reports whether another has taken it.
func (jr *journal) swap(ctx context.Context, b []byte) (lost bool, err error) {
	for {
		swapped, err := jr.store.Swap(ctx, jr.key(jr.slot), jr.known, b, 0)
		if err != nil {
			return false, err
		}
		if swapped {
			jr.known = b
			return false, nil
		}
		// It may be what an earlier write has left that seemed to have failed.
		raw, err := jr.store.Get(ctx, jr.key(jr.slot))
		if err != nil {
			return false, err
		}
		r, err := readRecord(raw)
		if err != nil {
			return false, err
		}
		if r.Owner != jr.owner {
			return true, nil
		}
		jr.known = raw
	}
}
