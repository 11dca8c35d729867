package vk

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
)

// renew renews the lease, and takes over what the dead have left.
func (jr *backlog) renew() {
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
	f := jr.feed
	if !jr.closed {
		jr.beat.Reset(leaseTime / 3)
	}
	jr.mu.Unlock()
	if f == nil {
		return
	}
	select {
	case jr.handing <- struct{}{}:
		defer func() { <-jr.handing }()
		if _, err := jr.inherit(ctx); err == nil {
			jr.handIdle(jr.base)
		}
	default: // who is at it may be waiting for room; the next time will do
	}
}

// reopen takes another record, since the one it had was taken by somebody who
// thought this process dead. Its events are in their hands now, too.
func (jr *backlog) reopen(ctx context.Context) {
	jr.d.logger().Warn("vk: the journal was taken over by another process, as if this one had died: some events are handled twice")
	jr.writing <- struct{}{}
	defer func() { <-jr.writing }()
	for n := range maxSlots {
		raw, err := jr.store.Get(ctx, jr.key(n))
		if err != nil {
			return
		}
		if r, err := readRecord(raw); err != nil || r.alive() || len(r.Events) > 0 {
			continue
		}
		jr.mu.Lock()
		b := jr.record()
		jr.mu.Unlock()
		if swapped, err := jr.store.Swap(ctx, jr.key(n), raw, b, 0); err != nil {
			return
		} else if swapped {
			jr.slot, jr.known = n, b
			jr.mu.Lock()
			jr.lost = false
			jr.mu.Unlock()
			return
		}
	}
}

// inherit takes over the events of the dead. It returns until when those who
// are alive have said that they are, by slot. The caller holds jr.handing.
func (jr *backlog) inherit(ctx context.Context) (alive map[int]int64, err error) {
	alive = make(map[int]int64)
	for n := range maxSlots {
		raw, err := jr.store.Get(ctx, jr.key(n))
		if err != nil {
			return nil, err
		}
		if raw == nil {
			break
		}
		r, err := readRecord(raw)
		if err != nil {
			return nil, fmt.Errorf("%q cannot be read: %w", jr.key(n), err)
		}
		if r.Owner == jr.owner {
			continue
		}
		if r.alive() {
			alive[n] = r.Until
			continue
		}
		if len(r.Events) == 0 {
			continue
		}
		list := jr.load(r)
		jr.mu.Lock()
		jr.entries = append(jr.entries, list...)
		jr.dirty = true
		jr.mu.Unlock()
		// First they are here, then they are not there.
		if err := jr.write(ctx, true); err != nil {
			return nil, err
		}
		jr.mu.Lock()
		lost := jr.lost
		jr.mu.Unlock()
		if lost {
			return nil, errNoLease // what was written went nowhere
		}
		if _, err := jr.store.Swap(ctx, jr.key(n), raw, record{TS: r.TS, At: r.At}.append(nil), 0); err != nil {
			return nil, err
		}
		jr.d.logger().Info("vk: events of a process that has died are taken over", "events", len(list))
	}
	return alive, nil
}

// hand waits until jr.handing is the caller's.
func (jr *backlog) hand(ctx context.Context) error {
	select {
	case jr.handing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// settleOthers waits until each other process has either said that it is alive
// or is known to be dead, so that what the dead have left is handled before
// what comes after it.
func (jr *backlog) settleOthers(ctx context.Context) error {
	if !jr.shared {
		return nil
	}
	if err := jr.hand(ctx); err != nil {
		return nil // the bot stops before it has begun
	}
	defer func() { <-jr.handing }()
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

// holder returns what the claims of this process say.
func (jr *backlog) holder() (string, error) {
	jr.mu.Lock()
	defer jr.mu.Unlock()
	if jr.lost || jr.closed {
		return "", errNoLease
	}
	return strconv.Itoa(jr.slot) + " " + jr.owner, nil
}

var errNoLease = errors.New("vk: journal: this process has no record in the store")

// holds reports whether who has made a claim is alive.
func (jr *backlog) holds(ctx context.Context, claim string) (bool, error) {
	slot, owner, ok := splitClaim(claim)
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
