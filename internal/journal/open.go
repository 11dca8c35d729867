package journal

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// open makes this process the owner, and reads the events that earlier runs
// have left.
func (j *Journal) open(ctx context.Context) ([]*Entry, error) {
	if err := j.takeOver(ctx); err != nil {
		return nil, err
	}
	values, err := j.load(ctx)
	if err != nil {
		return nil, err
	}
	p := j.place.record
	j.deaths, j.repeats, j.ts = p.Deaths, p.Repeats, p.TS
	for key, raw := range values {
		if err := j.enter(key, raw); err != nil {
			return nil, fmt.Errorf("%q %w: %w", j.o.Journal+key, ErrCannotRead, err)
		}
	}
	if j.newest != nil && j.newest.number >= p.At {
		j.ts = j.newest.ts
	}
	j.loaded = true
	left := j.sorted()
	// The results of suspects must be recorded before they can do harm again.
	if err := j.writeDone(ctx, math.MaxInt); err != nil {
		return nil, err
	}
	if j.place.record.Try != nil {
		err = j.writePlace(ctx, func(p *placeRecord) { p.Try = nil })
	}
	return left, err
}

// load returns the values of the batches, by key.
func (j *Journal) load(ctx context.Context) (map[string][]byte, error) {
	values := make(map[string][]byte)
	if j.o.Lister != nil {
		err := j.o.Lister.List(ctx, j.o.Journal, func(key string, value []byte) bool {
			if key = strings.TrimPrefix(key, j.o.Journal); isBatch(key) && len(value) > 0 {
				values[key] = slices.Clone(value)
			}
			return true
		})
		return values, err
	}
	var keys []string
	p := j.place.record
	for n := p.First; n < p.Next; n++ {
		keys = append(keys, strconv.FormatInt(n, 10))
	}
	for n := range p.Merged {
		keys = append(keys, "m"+strconv.Itoa(n))
	}
	var mu sync.Mutex
	err := parallel(keys, func(key string) error {
		value, err := j.get(ctx, j.o.Journal+key)
		if len(value) > 0 {
			mu.Lock()
			defer mu.Unlock()
			values[key] = value
		}
		return err
	})
	return values, err
}

// isBatch reports whether a key, without the prefix, is the key of a batch.
func isBatch(key string) bool {
	_, err := strconv.ParseUint(strings.TrimPrefix(key, "m"), 10, 63)
	return err == nil && key != "0"
}

// enter adds a batch that an earlier run has left.
func (j *Journal) enter(key string, raw []byte) error {
	r, err := readBatch(raw)
	if err != nil {
		return err
	}
	b := &batch{key: key, known: raw, ts: r.TS, old: true}
	if slot, merged := strings.CutPrefix(key, "m"); merged {
		b.slot, _ = strconv.Atoi(slot)
	} else {
		b.number, _ = strconv.ParseInt(key, 10, 64)
		if j.newest == nil || b.number > j.newest.number {
			j.newest = b
		}
	}
	p := j.place.record
	died := int(max(0, p.Deaths-max(p.Forgiven, r.Deaths)))
	for _, of := range r.Events {
		e := &Entry{Data: of.data, j: j, seq: of.seq, tries: of.tries, stored: of.tries, batch: b}
		if e.tries < Suspect {
			e.tries = min(e.tries+died, Suspect)
		}
		if e.tries >= Suspect && died > 0 && slices.Contains(p.Try, e.seq) {
			e.tries++
			b.force = true
			j.dirty[b] = struct{}{}
		}
		e.kept = e.tries
		b.entries = append(b.entries, e)
		j.seq = max(j.seq, e.seq)
	}
	b.live = len(b.entries)
	j.batches[b] = struct{}{}
	return nil
}

// sorted returns the events of all batches in order. An event may be in two
// batches if an earlier run died during a merge; it is returned once.
func (j *Journal) sorted() (left []*Entry) {
	for b := range j.batches {
		left = append(left, b.entries...)
	}
	slices.SortFunc(left, func(a, b *Entry) int {
		return cmp.Or(cmp.Compare(a.seq, b.seq), cmp.Compare(a.batch.number, b.batch.number))
	})
	var last *Entry
	left = slices.DeleteFunc(left, func(e *Entry) bool {
		if last == nil || last.seq != e.seq || !bytes.Equal(last.Data, e.Data) {
			last = e
			return false
		}
		e.done = true
		e.batch.live--
		j.dirty[e.batch] = struct{}{}
		return true
	})
	for b := range j.batches {
		if b.live == 0 && b != j.newest {
			j.dirty[b] = struct{}{}
		}
	}
	return left
}
