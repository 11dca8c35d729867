package vk

import (
	"context"
	"log/slog"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
)

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
