package vk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
)

// renew renews the lease, and takes over what the dead have left.
func (jr *journal) renew() {
	ctx, cancel := context.WithTimeout(jr.base, storeTime)
	defer cancel()
	jr.write(ctx, true)
	jr.mu.Lock()
	lost := jr.lost
	jr.mu.Unlock()
	if lost {
		jr.reopen(ctx)
	}
	jr.mu.Lock()
	f, client := jr.feed, jr.client
	if !jr.closed {
		jr.beat.Reset(leaseTime / 3)
	}
	jr.mu.Unlock()
	if !f.isOpen() {
		return // nobody handles anything
	}
	select {
	case jr.handing <- struct{}{}:
		defer jr.endHand()
		_, err := jr.inherit(ctx)
		jr.puzzle(err)
		jr.handIdle(jr.base, f, client)
	default: // who is at it may be waiting for room; the next time will do
	}
}

// puzzle says once that what another has left cannot be taken over, or that the
// Store does not tell what there is.
func (jr *journal) puzzle(err error) {
	if err != nil && !errors.Is(err, errCannotRead) && !errors.Is(err, errNoLease) && jr.base.Err() == nil && !jr.isFailing() {
		if jr.blind.failed() {
			jr.d.logger().LogAttrs(jr.base, slog.LevelWarn, "vk: the store fails: events of processes that have died are not taken over", failure(err)...)
		}
	} else if failures, tell := jr.blind.worked(); tell {
		jr.d.logger().LogAttrs(jr.base, slog.LevelInfo, "vk: the store tells again what other processes have left", slog.Int("failures", failures))
	}
	if !errors.Is(err, errCannotRead) {
		err = nil
	}
	if was := jr.setPuzzled(err); err != nil && !was {
		jr.d.logger().LogAttrs(jr.base, slog.LevelError, "vk: journal: events of another process cannot be taken over", slog.Any("err", err))
	}
}

func (jr *journal) setPuzzled(err error) (was bool) {
	jr.mu.Lock()
	defer jr.mu.Unlock()
	was = jr.puzzled
	jr.puzzled = err != nil
	return was
}

// reopen takes another record, since the one it had was taken by somebody who
// thought this process dead. Its events are in their hands now, too.
func (jr *journal) reopen(ctx context.Context) {
	jr.d.logger().LogAttrs(ctx, slog.LevelWarn, "vk: the journal was taken over by another process, as if this one had died: some events are handled twice")
	jr.writing <- struct{}{}
	defer func() { <-jr.writing }()
	for n := range maxSlots {
		raw, err := jr.store.Get(ctx, jr.key(n))
		if err != nil {
			return
		}
		r, err := readRecord(raw)
		if err != nil || r.alive() || !r.empty() {
			continue
		}
		jr.shelf = newShelf()
		jr.shelf.unused = r.Unused
		jr.mu.Lock()
		for _, s := range jr.segments {
			jr.takeBack(s) // the segments are others' now
		}
		jr.segments = nil
		b := jr.record()
		jr.mu.Unlock()
		if swapped, err := jr.store.Swap(ctx, jr.key(n), raw, b, 0); err != nil {
			return
		} else if swapped {
			jr.slot, jr.known = n, b
			jr.shelf.named = true
			jr.mu.Lock()
			jr.lost = false
			jr.mu.Unlock()
			return
		}
	}
}

// inherit takes over the events of the dead. It returns until when those who
// are alive have said that they are, by slot. The caller holds jr.handing.
func (jr *journal) inherit(ctx context.Context) (alive map[int]int64, err error) {
	alive = make(map[int]int64)
	for n := range maxSlots {
		raw, r, err := jr.read(ctx, n)
		switch {
		case err != nil:
			return nil, err
		case raw == nil:
			return alive, nil
		case r.Owner == jr.owner:
		case r.alive():
			alive[n] = r.Until
		case !r.empty():
			if err := jr.inheritFrom(ctx, n, raw, r); err != nil {
				return nil, err
			}
		}
	}
	return alive, nil
}

// inheritFrom takes over the events in the record of a process that has died.
func (jr *journal) inheritFrom(ctx context.Context, slot int, raw []byte, r record) error {
	left, err := jr.load(ctx, r)
	if err != nil {
		if jr.changed(ctx, slot, raw) {
			return nil // another was faster, or it is alive after all
		}
		return fmt.Errorf("%q: %w", jr.key(slot), err)
	}
	jr.mu.Lock()
	have := jr.ids()
	for _, e := range left.entries {
		e.seq, e.seg = 0, nil // they come after what is here, to the tail
		if _, here := have[e.ev.ID]; !here {
			jr.enter([]*journalEntry{e})
		}
	}
	jr.dirty = true
	jr.mu.Unlock()
	// First they are here, then they are not there.
	if err := jr.write(ctx, true); err != nil {
		return err
	}
	jr.mu.Lock()
	lost := jr.lost
	jr.mu.Unlock()
	if lost {
		return errNoLease // what was written went nowhere
	}
	rest := record{TS: r.TS, At: r.At, Unused: r.Unused}
	for _, s := range r.Segments {
		rest.Unused = append(rest.Unused, s.Name)
	}
	cleared := rest.append(nil)
	swapped, err := jr.store.Swap(ctx, jr.key(slot), raw, cleared, 0)
	if err != nil || !swapped {
		return err
	}
	jr.d.logger().LogAttrs(ctx, slog.LevelInfo, "vk: events of a process that has died are taken over", slog.Int("events", len(left.entries)))
	rest.Unused = slices.DeleteFunc(rest.Unused, func(name string) bool { return jr.erase(ctx, name) })
	_, err = jr.store.Swap(ctx, jr.key(slot), cleared, rest.append(nil), 0)
	return err
}

// ids returns the IDs of the events that are not handled: an earlier attempt to
// take them over may have failed in the middle. The caller holds jr.mu.
func (jr *journal) ids() map[string]struct{} {
	ids := make(map[string]struct{})
	note := func(e *journalEntry) {
		if e != nil && !e.handled && e.ev.ID != "" {
			ids[e.ev.ID] = struct{}{}
		}
	}
	for _, e := range jr.tail {
		note(e)
	}
	for _, s := range jr.segments {
		for _, e := range s.entries {
			note(e)
		}
	}
	return ids
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

// settleOthers waits until each other process has either said that it is alive
// or is known to be dead, so that what the dead have left is handled before
// what comes after it.
func (jr *journal) settleOthers(ctx context.Context) error {
	if !jr.shared {
		return nil
	}
	if err := jr.hand(ctx); err != nil {
		return nil // the bot stops before it has begun
	}
	defer jr.endHand()
	first, err := jr.inherit(ctx)
	for err == nil && len(first) > 0 && ctx.Err() == nil {
		backoff.Sleep(ctx, time.Second)
		var now map[int]int64
		now, err = jr.inherit(ctx)
		for n, until := range first {
			if now[n] != until {
				delete(first, n)
			}
		}
	}
	return err
}

// holder returns this process as the owner of events, as the Store has it.
func (jr *journal) holder() (string, error) {
	jr.mu.Lock()
	defer jr.mu.Unlock()
	if jr.lost || jr.closed {
		return "", errNoLease
	}
	return strconv.Itoa(jr.slot) + " " + jr.owner, nil
}

var errNoLease = errors.New("vk: journal: this process has no record in the store")

// holds reports whether an owner of events, as the Store has it, is alive.
func (jr *journal) holds(ctx context.Context, holder string) (bool, error) {
	slot, owner, ok := splitOwner(holder)
	if !ok {
		return false, nil
	}
	raw, err := jr.store.Get(ctx, jr.key(slot))
	if err != nil {
		return false, err
	}
	r, err := readRecord(raw)
	return err == nil && r.Owner == owner && r.alive(), err
}
