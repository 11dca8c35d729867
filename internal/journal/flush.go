package journal

import (
	"context"
	"math"
	"slices"
	"strconv"
	"time"
)

// An action is the next write for a batch.
type action struct {
	b     *batch
	write bool     // write the value
	value []byte   // the new one; empty to erase it
	stays []*Entry // the entries in the new one
	marks []*Entry // the entries to mark as done instead
}

// calmTime is how long events that are no longer suspects remain suspects in
// the store, if recording the change is not cheap.
const calmTime = time.Second

// maxActions is the maximum number of batches that one flush writes: the lease
// must be renewed in time.
const maxActions = 512

// writeDone writes the results of the events in at most the given number of
// batches. If more remain, another flush follows. The caller is the writer.
func (j *Journal) writeDone(ctx context.Context, most int) error {
	j.mu.Lock()
	actions := make([]action, 0, min(len(j.dirty), most))
	for b := range j.dirty {
		if len(actions) == most {
			j.soon(0)
			break
		}
		if a, ok := j.actionOn(b); ok {
			actions = append(actions, a)
		}
	}
	j.mu.Unlock()
	return parallel(actions, func(a action) error { return j.do(ctx, a) })
}

// actionOn returns the next write for a batch, if there is one. The caller
// holds j.mu.
func (j *Journal) actionOn(b *batch) (a action, ok bool) {
	a.b = b
	stale, calm, nameless := 0, 0, false
	for _, e := range b.entries {
		switch {
		case e.done:
			stale++
			if !e.marked {
				a.marks = append(a.marks, e)
				nameless = nameless || e.ID == ""
			}
		case e.calm && e.kept > 0:
			stale++
			calm++
		}
	}
	delete(j.dirty, b)
	switch {
	case b.live == 0 && b != j.newest:
		a.write = true // the batch is erased
	case b.force, nameless, stale > 0 && 4*stale >= len(b.entries), calm > 0 && time.Since(b.written) >= calmTime:
		a.write = true
		for _, e := range b.entries {
			if e.done {
				continue
			}
			if e.calm {
				e.tries = 0
			}
			a.stays = append(a.stays, e)
		}
		a.value = encodeBatch(b.ts, j.deaths, a.stays)
	default:
		if calm > 0 {
			j.dirty[b] = struct{}{}
			j.soon(calmTime)
		}
		return a, len(a.marks) > 0
	}
	return a, true
}

// do executes an action.
func (j *Journal) do(ctx context.Context, a action) error {
	var err error
	if a.write {
		err = j.put(ctx, a.b, a.value)
	} else {
		err = parallel(a.marks, func(e *Entry) error { return j.mark(ctx, e) })
	}
	if err != nil {
		j.mu.Lock()
		j.dirty[a.b] = struct{}{}
		j.mu.Unlock()
		return err
	}
	if a.write {
		j.rewritten(ctx, a)
		return nil
	}
	j.mu.Lock()
	var after []func(context.Context)
	for _, e := range a.marks {
		e.marked = true
		after = append(after, e.after...)
		e.after = nil
	}
	j.mu.Unlock()
	j.call(ctx, after)
	return nil
}

// rewritten records that a batch was written again, or erased.
func (j *Journal) rewritten(ctx context.Context, a action) {
	b := a.b
	j.mu.Lock()
	var after []func(context.Context)
	var marks []*Entry
	stays := a.stays // in the order of the entries
	for _, e := range b.entries {
		if len(stays) > 0 && stays[0] == e {
			stays = stays[1:]
			e.kept, e.stored = e.tries, e.tries
			continue
		}
		after = append(after, e.after...)
		e.after, e.batch = nil, nil
		if e.marked || e.shares {
			marks = append(marks, e)
		}
	}
	b.entries, b.written, b.force = a.stays, time.Now(), false
	if len(a.value) == 0 {
		delete(j.batches, b)
	} else if b.live < len(b.entries) {
		j.dirty[b] = struct{}{} // changed during the write
		j.soon(FlushTime)
	}
	j.mu.Unlock()
	j.unmark(ctx, marks)
	j.call(ctx, after)
}

// mark records in the store that an event is done, without rewriting its batch.
func (j *Journal) mark(ctx context.Context, e *Entry) error {
	key := j.o.Done + e.ID
	swapped, err := j.swap(ctx, key, nil, DoneValue, KeepDone)
	if err == nil && !swapped { // the event is marked already, for a shorter time
		_, err = j.swap(ctx, key, DoneValue, DoneValue, KeepDone)
	}
	return err
}

const (
	// maxBehind is the maximum distance between the numbers of batches in a store
	// that cannot list: Open reads all numbers in between.
	maxBehind = 1 << 14

	// mergeAge is the age from which batches are merged, and minMerge the number of
	// batches that are needed for it.
	mergeAge = 30 * time.Second
	minMerge = 64

	// maxMerge is the maximum size of a batch that is merged.
	maxMerge = 16 << 10
)

// merge moves the events of old, small batches to a few large ones. The caller
// is the writer.
func (j *Journal) merge(ctx context.Context) error {
	small := j.mergeable()
	for len(small) > 0 {
		n, size := 0, 0
		var entries []*Entry
		j.mu.Lock()
		for n < len(small) && size < maxBatch {
			for _, e := range small[n].entries {
				if !e.done {
					if e.calm {
						e.tries = 0
					}
					entries = append(entries, e)
					size += len(e.Data) + eventOverhead
				}
			}
			n++
		}
		j.mu.Unlock()
		if err := j.mergeInto(ctx, small[:n], entries); err != nil {
			return err
		}
		small = small[n:]
	}
	return nil
}

// mergeable returns the batches to merge, in order.
func (j *Journal) mergeable() (small []*batch) {
	j.mu.Lock()
	defer j.mu.Unlock()
	most := int64(maxBehind)
	if j.o.Lister != nil {
		most = math.MaxInt64
	}
	if j.newest == nil || len(j.batches) < minMerge && j.newest.number-j.place.record.First < most {
		return nil
	}
	behind := false
	for b := range j.batches {
		behind = behind || b.number > 0 && j.newest.number-b.number >= most
	}
	for b := range j.batches {
		if b.number == 0 || b == j.newest || b.live == 0 {
			continue
		}
		far := behind && j.newest.number-b.number >= most/2
		if far || len(b.known) <= maxMerge && (time.Since(b.written) >= mergeAge || b.isCalm()) {
			small = append(small, b)
		}
	}
	if len(small) < minMerge && !behind {
		return nil
	}
	slices.SortFunc(small, func(a, b *batch) int { return int(a.number - b.number) })
	return small
}

// isCalm reports whether an earlier run wrote the batch, and the handlers of
// all its events are waiting again. The caller holds the journal's mu.
func (b *batch) isCalm() bool {
	if !b.old {
		return false
	}
	for _, e := range b.entries {
		if !e.done && !e.calm {
			return false
		}
	}
	return true
}

// mergeInto writes a merged batch. The batches that its events came from can
// then be erased.
func (j *Journal) mergeInto(ctx context.Context, from []*batch, entries []*Entry) error {
	m, err := j.newMerged(ctx)
	if err != nil {
		return err
	}
	j.mu.Lock()
	deaths := j.deaths
	value := encodeBatch("", deaths, entries)
	j.mu.Unlock()
	if err := j.put(ctx, m, value); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	m.entries, m.written = entries, time.Now()
	for _, e := range entries {
		e.batch, e.kept, e.stored = m, e.tries, e.tries
		if !e.done {
			m.live++
		}
	}
	for _, b := range from {
		b.entries = slices.DeleteFunc(b.entries, func(e *Entry) bool { return e.batch == m })
		b.live = 0
		j.dirty[b] = struct{}{}
	}
	j.batches[m] = struct{}{}
	if m.live < len(entries) {
		j.dirty[m] = struct{}{}
		j.soon(FlushTime)
	}
	return nil
}

// newMerged returns a merged batch with a free key.
func (j *Journal) newMerged(ctx context.Context) (*batch, error) {
	used := make(map[int]bool)
	j.mu.Lock()
	for b := range j.batches {
		if b.number == 0 {
			used[b.slot] = true
		}
	}
	j.mu.Unlock()
	slot := 0
	for used[slot] {
		slot++
	}
	if slot >= j.place.record.Merged {
		if err := j.writePlace(ctx, func(p *placeRecord) { p.Merged = slot + reserveMerged }); err != nil {
			return nil, err
		}
	}
	m := &batch{slot: slot, key: "m" + strconv.Itoa(slot)}
	// An earlier attempt may have left an unneeded value there.
	var err error
	m.known, err = j.get(ctx, j.o.Journal+m.key)
	return m, err
}
