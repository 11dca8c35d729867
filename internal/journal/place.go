package journal

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
)

// A placeKeeper has the last known place record. It belongs to the writing
// goroutine.
type placeKeeper struct {
	record placeRecord
	known  []byte
}

// The quantities of numbers for batches and for merged batches that are
// reserved at once.
const (
	reserveBatches = 1024
	reserveMerged  = 16
)

func (j *Journal) placeKey() string { return j.o.Journal + "place" }

// takeOver makes this process the owner.
func (j *Journal) takeOver(ctx context.Context) error {
	old, err := j.get(ctx, j.o.Journal+"0")
	if err != nil {
		return err
	}
	if len(old) > 0 { // no batch has the number 0
		return fmt.Errorf("%q: %w", j.o.Journal+"0", ErrFormat)
	}
	raw, err := j.get(ctx, j.placeKey())
	if err != nil {
		return err
	}
	p, err := readPlace(raw)
	if err != nil {
		return fmt.Errorf("%q %w: %w", j.placeKey(), ErrCannotRead, err)
	}
	if p.Owner != "" && !j.o.Exclusive {
		if raw, p, err = j.awaitEnd(ctx, raw, p); err != nil {
			return err
		}
	}
	dirty := p.Owner != ""
	if dirty {
		p.Deaths++
	}
	began := time.Now()
	p.Owner, p.Next, p.First = j.owner, max(p.Next, 1), max(p.First, 1)
	p.Until = 0
	if !j.o.Exclusive {
		p.Until = began.Add(Lease).UnixMilli()
	}
	next := p.encode()
	swapped, err := j.swap(ctx, j.placeKey(), raw, next, 0)
	if err != nil {
		return err
	}
	if !swapped {
		if got, err := j.get(ctx, j.placeKey()); err != nil || !bytes.Equal(got, next) {
			return ErrTaken // another process was faster
		}
	}
	if j.start = max(p.At, 1); dirty && !j.o.Exclusive {
		// The former owner may still be alive and write, so it must not use the same
		// numbers.
		j.start = p.Next
	}
	j.place = placeKeeper{p, next}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.renewed, j.died = began, dirty
	return nil
}

// giveBack releases the journal if this process has taken it over and cannot
// open it.
func (j *Journal) giveBack(ctx context.Context) {
	if j.place.known != nil {
		j.writePlace(context.WithoutCancel(ctx), func(p *placeRecord) { p.Owner = "" })
	}
}

// awaitEnd waits until the owner's lease has ended by this process's clock:
// until the owner has not renewed it for that long. The times in the record are
// from another clock, which may be wrong.
func (j *Journal) awaitEnd(ctx context.Context, raw []byte, p placeRecord) ([]byte, placeRecord, error) {
	began := time.Now()
	ahead := max(0, time.UnixMilli(p.Until).Sub(began)-Lease)
	j.o.Tell(Notice{Kind: Waiting, Lease: Lease, Ahead: ahead.Round(time.Second)})
	for left := Lease; left > 0; left = Lease - time.Since(began) {
		if err := backoff.Sleep(ctx, min(left, time.Second)); err != nil {
			return nil, p, err
		}
		got, err := j.get(ctx, j.placeKey())
		if err != nil {
			return nil, p, err
		}
		if bytes.Equal(got, raw) {
			continue
		}
		p, err = readPlace(got)
		if err != nil {
			return nil, p, fmt.Errorf("%q %w: %w", j.placeKey(), ErrCannotRead, err)
		}
		if p.Owner != "" {
			return nil, p, ErrTaken
		}
		return got, p, nil // the owner has released it
	}
	return raw, p, nil
}

// writePlace changes the place record, and thereby renews the lease. The caller
// is the writer.
func (j *Journal) writePlace(ctx context.Context, change func(p *placeRecord)) error {
	began := time.Now()
	p := j.place.record
	p.Try = slices.Clone(p.Try)
	j.mu.Lock()
	p.Repeats = j.mayRepeat()
	if j.loaded {
		p.First = p.Next
		for b := range j.batches {
			if b.number > 0 {
				p.First = min(p.First, b.number)
			}
		}
		if j.draft != nil {
			p.First = min(p.First, j.draft.number)
		}
	}
	if j.newest != nil {
		p.At = j.newest.number
		p.TS = j.newest.ts
	}
	j.mu.Unlock()
	if !j.o.Exclusive {
		p.Until = began.Add(Lease).UnixMilli()
	}
	change(&p)
	next := p.encode()
	swapped, err := j.swap(ctx, j.placeKey(), j.place.known, next, 0)
	if err != nil {
		return err
	}
	if !swapped {
		// The value may come from an earlier write that seemed to have failed.
		got, err := j.get(ctx, j.placeKey())
		if err != nil {
			return err
		}
		was, err := readPlace(got)
		if err != nil || was.Owner != j.owner {
			j.lose()
			return ErrTaken
		}
		swapped, err = j.swap(ctx, j.placeKey(), got, next, 0)
		if err != nil {
			return err
		}
		if !swapped {
			return fmt.Errorf("%q changes while it is written", j.placeKey())
		}
	}
	j.place = placeKeeper{p, next}
	j.mu.Lock()
	j.renewed = began
	j.mu.Unlock()
	return nil
}

// check returns ErrTaken if another process owns the place record. The caller
// is the writer.
func (j *Journal) check(ctx context.Context) error {
	got, err := j.get(ctx, j.placeKey())
	if err != nil || bytes.Equal(got, j.place.known) {
		return err
	}
	p, err := readPlace(got)
	if err != nil || p.Owner != j.owner {
		j.lose()
		return ErrTaken
	}
	j.place = placeKeeper{p, got}
	return nil
}

// renew renews the lease.
func (j *Journal) renew() {
	j.writing <- struct{}{}
	var err error
	if j.Lost() {
		err = ErrTaken
	} else {
		err = j.writePlace(j.base, func(*placeRecord) {})
		j.wrote(err)
	}
	<-j.writing
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.closed && err != ErrTaken {
		wait := Lease / 3
		if err != nil {
			wait = Lease / 6
		}
		j.beat.Reset(wait)
	}
}

// SetRepeats records that a source delivers its events again until they are
// done. If that is new, it is in the store when SetRepeats returns.
func (j *Journal) SetRepeats(ctx context.Context) error {
	done := func() bool {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.repeated = j.repeated || j.mayRepeat()
		return j.repeated && !j.lost && !j.closed
	}
	if done() {
		return nil
	}
	if err := j.begin(ctx); err != nil {
		return err
	}
	defer j.finish()
	if done() {
		return nil
	}
	err := j.writePlace(ctx, func(p *placeRecord) { p.Repeats = true })
	j.wrote(err)
	if err == nil {
		j.mu.Lock()
		j.repeated = true
		j.mu.Unlock()
	}
	return err
}

// Try records in the store that the given events, which are suspects, are about
// to be handled, and that no other suspects are.
func (j *Journal) Try(ctx context.Context, events []*Entry) error {
	if err := j.begin(ctx); err != nil {
		return err
	}
	defer j.finish()
	var seqs []int64
	j.mu.Lock()
	for _, e := range events {
		seqs = append(seqs, e.seq)
	}
	j.mu.Unlock()
	err := j.writePlace(ctx, func(p *placeRecord) { p.Try = seqs })
	j.wrote(err)
	return err
}

// Passed records that the events have been handled, or are being handled,
// without harm.
func (j *Journal) Passed(events []*Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range events {
		e.tries = 0
		if e.batch != nil && !e.done {
			e.batch.force = true
			j.dirty[e.batch] = struct{}{}
		}
	}
	j.soon(FlushTime)
}

// begin waits until the caller is the writer.
func (j *Journal) begin(ctx context.Context) error {
	select {
	case j.writing <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	j.mu.Lock()
	lost, closed := j.lost, j.closed
	j.mu.Unlock()
	switch {
	case lost:
		<-j.writing
		return ErrTaken
	case closed:
		<-j.writing
		return ErrClosed
	}
	return nil
}

func (j *Journal) finish() { <-j.writing }
