package journal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strconv"
	"time"
)

// A batch is a value in the store with events. Its key, its number and the
// fields about the stored value belong to the writing goroutine. The other
// fields are guarded by the journal's mu.
type batch struct {
	key    string
	number int64 // 0 for a merged batch
	slot   int   // of a merged batch
	known  []byte
	maybe  map[[sha256.Size]byte]bool // values that failed writes may have stored

	ts      string
	entries []*Entry // in the order of the stored value
	live    int      // number of those that are not done
	force   bool     // the value must be written again
	old     bool     // an earlier run has written it
	written time.Time
}

const (
	// maxBatch is the approximate limit of the bytes of events in one batch.
	maxBatch = 1 << 20

	// KeepDone is how long a value that marks an event of a batch as done lasts if
	// no process removes it: as long as a process may be down.
	KeepDone = 30 * 24 * time.Hour
)

// Write writes the added events, and the place in the history.
func (j *Journal) Write(ctx context.Context) error {
	if err := j.begin(ctx); err != nil {
		return err
	}
	defer j.finish()
	err := j.writePending(ctx)
	j.wrote(err)
	return err
}

// flush writes every change that is not in the store yet.
func (j *Journal) flush() {
	j.mu.Lock()
	j.due = time.Time{}
	j.mu.Unlock()
	if j.begin(j.base) != nil {
		return
	}
	began := time.Now()
	err := j.writePending(j.base)
	if err == nil {
		err = j.merge(j.base)
	}
	if err == nil {
		err = j.writeDone(j.base, maxActions)
	}
	if err == nil && j.Failing() {
		// There may have been nothing to write: this write tells whether the store
		// works.
		err = j.writePlace(j.base, func(*placeRecord) {})
	}
	j.mu.Lock()
	j.took = time.Since(began)
	j.mu.Unlock()
	j.wrote(err)
	j.finish()
}

// wrote records the result of a write, and reports when the store begins to
// fail and when it recovers.
func (j *Journal) wrote(err error) {
	if errors.Is(err, ErrTaken) || j.base.Err() != nil {
		return
	}
	j.mu.Lock()
	n := j.failing
	if err != nil {
		j.failing++
		j.soon(retryPause.Delay(j.failing))
	} else {
		j.failing = 0
	}
	j.mu.Unlock()
	switch {
	case err != nil && n == 0:
		j.o.Tell(Notice{Kind: Failing, Err: err})
	case err == nil && n > 0:
		j.o.Tell(Notice{Kind: Working, Failures: n})
	}
}

// writePending writes the added events, in batches. The caller is the writer.
func (j *Journal) writePending(ctx context.Context) error {
	for first := true; ; first = false {
		b, entries, ts := j.nextBatch()
		if b == nil {
			return nil
		}
		if err := j.reserve(ctx, b); err != nil {
			return err
		}
		if first && j.o.Exclusive {
			// Reading the exclusive store is cheap, and there is no lease to renew.
			if err := j.check(ctx); err != nil {
				return err
			}
		}
		if err := j.put(ctx, b, encodeBatch(ts, j.deaths, entries)); err != nil {
			return err
		}
		j.added(ctx, b, entries, ts)
	}
}

func encodeBatch(ts string, deaths int64, entries []*Entry) []byte {
	size := 64 + len(ts)
	for _, e := range entries {
		size += len(e.Data) + eventOverhead
	}
	return appendBatch(make([]byte, 0, size), ts, deaths, entries)
}

// nextBatch returns the batch to write next, with its events, or nil if there
// is nothing to write. If all events of the newest batch are done, the new
// batch replaces it.
func (j *Journal) nextBatch() (b *batch, entries []*Entry, ts string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.pending = slices.DeleteFunc(j.pending, func(e *Entry) bool {
		if e.done { // the event need not be stored, but the place after it must be
			j.later = append(j.later, e.after...)
			e.after = nil
		}
		return e.done
	})
	if len(j.later) > 0 {
		j.moved = true
	}
	if j.lost || len(j.pending) == 0 && !j.moved {
		return nil, nil, ""
	}
	size, n := 0, 0
	for n < len(j.pending) && (n == 0 || size+len(j.pending[n].Data) <= maxBatch) {
		size += len(j.pending[n].Data) + eventOverhead
		n++
	}
	if n == len(j.pending) {
		ts = j.ts
	} else if j.newest != nil {
		ts = j.newest.ts // the history reaches this place only with the last event
	}
	switch {
	case j.draft != nil:
		b = j.draft
	case j.newest != nil && j.newest.live == 0 && j.newest.number >= j.start:
		b = j.newest
	default:
		number := j.start
		if j.newest != nil {
			number = max(number, j.newest.number+1)
		}
		b = &batch{number: number, key: strconv.FormatInt(number, 10)}
		j.draft = b
	}
	return b, slices.Clone(j.pending[:n]), ts
}

// reserve reserves the batch's number.
func (j *Journal) reserve(ctx context.Context, b *batch) error {
	if b.number < j.place.record.Next {
		return nil
	}
	return j.writePlace(ctx, func(p *placeRecord) { p.Next = b.number + reserveBatches })
}

// added records that a batch is in the store.
func (j *Journal) added(ctx context.Context, b *batch, entries []*Entry, ts string) {
	j.mu.Lock()
	after := b.settled(nil)
	marks := b.marks()
	b.ts, b.entries, b.live, b.written, b.force = ts, entries, 0, time.Now(), false
	for _, e := range entries {
		e.batch, e.kept, e.stored = b, e.tries, e.tries
		if !e.done {
			b.live++
		}
	}
	j.batches[b] = struct{}{}
	delete(j.dirty, b)
	if b.live < len(entries) { // events became done during the write
		j.dirty[b] = struct{}{}
		j.soon(0)
	}
	if n := j.newest; n != nil && n != b && n.live == 0 {
		j.dirty[n] = struct{}{} // it need not be kept any more
		j.soon(FlushTime)
	}
	j.newest, j.draft = b, nil
	j.pending = slices.Delete(j.pending, 0, len(entries))
	if len(j.pending) == 0 && ts == j.ts {
		j.moved = false
		after, j.later = append(after, j.later...), nil
	}
	j.mu.Unlock()
	j.unmark(ctx, marks)
	j.call(ctx, after)
}

// put stores the value of a batch; an empty value erases it. The caller is the
// writer. No other process writes the key, except another owner.
func (j *Journal) put(ctx context.Context, b *batch, value []byte) error {
	key := j.o.Journal + b.key
	for range 3 {
		swapped, err := j.swap(ctx, key, b.known, value, 0)
		if err == nil && !swapped {
			var got []byte
			if got, err = j.get(ctx, key); err == nil && !bytes.Equal(got, value) {
				// An earlier attempt may have succeeded although it returned an error.
				if !b.maybe[sha256.Sum256(got)] {
					if err := j.check(ctx); err != nil {
						return err
					}
				}
				b.known = got
				continue
			}
		}
		if err != nil {
			if b.maybe == nil {
				b.maybe = make(map[[sha256.Size]byte]bool)
			}
			b.maybe[sha256.Sum256(value)] = true
			return err
		}
		b.known, b.maybe = value, nil
		return nil
	}
	return errors.New("the value of " + strconv.Quote(key) + " changes while it is written")
}

// settled appends to all the functions to call because the store no longer
// contains the done entries, and removes them from the entries. The caller
// holds the journal's mu.
func (b *batch) settled(all []func(context.Context)) []func(context.Context) {
	for _, e := range b.entries {
		if e.done {
			all = append(all, e.after...)
			e.after = nil
		}
	}
	return all
}

// marks returns the done entries that a value marks as done. The caller holds
// the journal's mu.
func (b *batch) marks() (marks []*Entry) {
	for _, e := range b.entries {
		if e.done && (e.marked || e.shares) {
			marks = append(marks, e)
		}
	}
	return marks
}

// call calls functions that were waiting until a change was durable.
func (j *Journal) call(ctx context.Context, all []func(context.Context)) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), j.o.Timeout)
	defer cancel()
	parallel(all, func(f func(context.Context)) error { f(ctx); return nil })
}

// unmark removes the values that mark single events as done, since no batch
// contains these events any more. If a source may repeat the events, it lets
// the values expire after that.
func (j *Journal) unmark(ctx context.Context, marks []*Entry) {
	parallel(marks, func(e *Entry) error {
		key := j.o.Done + e.ID
		var err error
		if j.Repeats() {
			_, err = j.swap(ctx, key, DoneValue, DoneValue, Remember)
		} else {
			_, err = j.swap(ctx, key, DoneValue, nil, 0)
		}
		return err // the value expires later
	})
}

// DoneValue is the value that marks an event as done.
var DoneValue = []byte("done")
