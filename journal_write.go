package vk

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
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

// wrote notes how a write went, and says when the Store begins to fail, and when
// that is over.
func (jr *journal) wrote(lost bool, err error, took time.Duration) {
	log := jr.d.logger()
	switch failures := jr.noteWrite(lost, err, took); {
	case err != nil && failures == 1:
		log.LogAttrs(jr.base, slog.LevelError, "vk: the store fails: the bot goes on, but is not safe from a crash", failure(err)...)
	case err != nil:
	case lost && !jr.shared:
		log.LogAttrs(jr.base, slog.LevelError, "vk: another Dispatcher of this process has taken over the store: this one keeps nothing any more")
	case !lost && failures > 0:
		log.LogAttrs(jr.base, slog.LevelInfo, "vk: the store works again", slog.Int("failures", failures))
	}
}

// noteWrite notes how a write went, and returns how many have failed in a row: up to
// this one, or before it.
func (jr *journal) noteWrite(lost bool, err error, took time.Duration) (failures int) {
	jr.mu.Lock()
	defer jr.mu.Unlock()
	switch {
	case err != nil:
		jr.dirty = true
		jr.failing++
		jr.soon(storePause.Delay(jr.failing))
		return jr.failing
	case lost:
		jr.lost = true
		return jr.failing
	}
	failures, jr.failing, jr.took = jr.failing, 0, took
	return failures
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

// Events that were begun in a run of the bot that died are handled together, in
// their order, until this many have died of it, or of something else; from then
// on one at a time, so that it shows which one it is.
const aloneAfter = 2

// maxTries is how many runs of the bot may die of an event, the last of them
// while it was alone, before it is dropped. More than one alone, because some
// die of something else.
const maxTries = 5

// aloneTime is how long an event that is handled alone is waited for. What does
// not end in that time does not end the process either.
const aloneTime = 10 * time.Second

// resume opens the journal of a community and dispatches those of its events
// that no job handles. Only the first call blocks.
func (d *Dispatcher) resume(ctx context.Context, f *feed, client *Client, group int64) error {
	jr, err := d.journal(ctx, group)
	if err != nil {
		return err
	}
	if jr.isResumed(f, client) {
		jr.pickUp(ctx, f, client)
		return nil
	}
	return jr.handle(ctx, f, client)
}

// isResumed reports whether the events that were in the record were dispatched.
// From then on the journal uses the feed and the client, if it has none or its
// feed is closed.
func (jr *journal) isResumed(f *feed, client *Client) bool {
	jr.mu.Lock()
	defer jr.mu.Unlock()
	if !jr.feed.isOpen() {
		jr.feed, jr.client = f, client
	}
	return jr.resumed
}

// pickUp has handled what the stop of another source has left in nobody's hands.
// It waits for nobody: who has jr.handing hands that out too, and what finds no
// room is picked up later.
func (jr *journal) pickUp(ctx context.Context, f *feed, client *Client) {
	jr.mu.Lock()
	left := jr.next() != nil
	jr.mu.Unlock()
	if !left || jr.d.isFull() {
		return
	}
	select {
	case jr.handing <- struct{}{}:
		defer jr.endHand()
		jr.handIdle(ctx, f, client) // if it fails, they stay
	default:
	}
}

// handle gives to the lanes what is in nobody's hands. It returns an error if
// ctx ends or the feed does.
func (jr *journal) handle(ctx context.Context, f *feed, client *Client) error {
	if err := jr.hand(ctx); err != nil {
		return err
	}
	defer jr.endHand()
	err := jr.handIdle(ctx, f, client)
	if err == nil {
		jr.mu.Lock()
		defer jr.mu.Unlock()
		jr.resumed = true
	}
	return err
}

// handIdle is handle for who holds jr.handing.
func (jr *journal) handIdle(ctx context.Context, f *feed, client *Client) error {
	for {
		jr.mu.Lock()
		e, tries := jr.next(), 0
		if e != nil {
			tries = e.tries
		}
		jr.mu.Unlock()
		switch {
		case e == nil:
			return nil
		case tries >= maxTries:
			jr.d.logger().LogAttrs(ctx, slog.LevelError, "vk: an event is dropped: the bot has died of it again and again",
				slog.Int("tries", tries), slog.String("kind", e.ev.Kind), slog.String("event", e.ev.ID), slog.String("raw", string(e.ev.Raw)))
			e.drop()
			continue
		case tries >= aloneAfter:
			if err := jr.alone(ctx, e, f, client); err != nil {
				return err
			}
			continue
		}
		if err := jr.dispatch(ctx, e, f, client); err != nil {
			return err
		}
	}
}

// dispatch gives an entry's event to its lane.
func (jr *journal) dispatch(ctx context.Context, e *journalEntry, f *feed, client *Client) error {
	j := &job{d: jr.d, feed: f, ctx: context.WithoutCancel(ctx), client: client, ev: e.ev, deduped: true, dedupe: dedupeRecord{entry: e}}
	e.handTo(j)
	j.steps.tries = e.tries > 0
	if err := jr.d.loadTrail(ctx, j); err != nil {
		return err
	}
	_, err := jr.d.putOnce(ctx, j)
	if err != nil {
		e.settle(false)
	}
	return err
}

// alone handles an event when nothing else is handled.
func (jr *journal) alone(ctx context.Context, e *journalEntry, f *feed, client *Client) error {
	wait := func() error {
		for end := time.Now().Add(aloneTime); jr.d.Pending() > 0 && time.Now().Before(end); {
			if err := backoff.Sleep(ctx, 10*time.Millisecond); err != nil {
				return err
			}
		}
		return nil
	}
	if err := wait(); err != nil {
		return err
	}
	jr.mu.Lock()
	e.setTries(e.tries + 1)
	jr.dirty = true
	jr.mu.Unlock()
	jr.save(context.WithoutCancel(ctx)) // before it can do any harm
	if err := jr.dispatch(ctx, e, f, client); err != nil {
		return err
	}
	if err := wait(); err != nil {
		return err
	}
	jr.mu.Lock()
	e.setTries(0)
	jr.dirty = true
	jr.mu.Unlock()
	jr.save(context.WithoutCancel(ctx)) // before the bot dies of something else
	return nil
}

// keep puts an event that is being handled, or that a stop has cut off, into the
// Store, so that it is handled again if this process dies. It reports whether the
// event is safe: kept, or handled by now. Without a Store nothing is kept. An
// error is one of the Store, or ErrStopped.
func (d *Dispatcher) keep(ctx context.Context, j *job) (kept bool, err error) {
	if d.Store == nil {
		return false, nil
	}
	jr, err := d.journal(ctx, j.ev.GroupID)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	if is := d.dedupe.keep(jr, j); is != unsettled {
		return is == isHandled, nil
	}
	if err := jr.write(ctx, false); err != nil {
		return false, err
	}
	return jr.isOwned(), nil
}
