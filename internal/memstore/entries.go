// Package memstore keeps values by key in memory, each with an optional
// deadline. [Store] is safe for concurrent use; [Entries] is the map under it,
// for callers that have a lock of their own.
package memstore

import (
	"container/heap"
	"math"
	"time"
)

// SweepEach is the number of expired values that a caller should remove with
// each change. It is more than one, so that their number falls, and small, so
// that no change takes long.
const SweepEach = 8

// A Deadline is a time in nanoseconds since 1970, or zero for none.
type Deadline int64

// DeadlineAfter returns the time that is ttl after now, or the latest Deadline
// if that is earlier. A zero ttl is no deadline.
func DeadlineAfter(now time.Time, ttl time.Duration) Deadline {
	switch t := now.UnixNano(); {
	case ttl == 0:
		return 0
	case int64(ttl) > math.MaxInt64-t:
		return math.MaxInt64
	default:
		return Deadline(t + int64(ttl))
	}
}

// Passed reports whether there is a deadline and now is not before it.
func (d Deadline) Passed(now time.Time) bool {
	return d != 0 && int64(d) <= now.UnixNano()
}

// Entries holds values by key, and in the order of their deadlines. The zero
// value is empty.
type Entries struct {
	byKey  map[string]*entry
	queue  deadlineQueue // the entries that have a deadline
	peak   int           // the largest size of byKey: maps do not shrink
	weight int64         // the sum over all entries
}

type entry struct {
	key      string
	value    []byte
	deadline Deadline
	at       int // index in the queue, if the entry has a deadline
}

// EntryWeight is the part of an entry's weight beside its key and its value. It
// is about the overhead of a record in a file, and less than that in memory.
const EntryWeight = 16

func (e *entry) weight() int64 { return int64(len(e.key) + len(e.value) + EntryWeight) }

// Get returns the value, or nil if there is none or its deadline has passed. The
// caller must not change it.
func (s *Entries) Get(key string, now time.Time) []byte {
	e := s.byKey[key]
	if e == nil || e.deadline.Passed(now) {
		return nil
	}
	return e.value
}

// Put sets a value, or deletes it if the new value is empty. It keeps the slice,
// which the caller must not change afterwards.
func (s *Entries) Put(key string, value []byte, deadline Deadline) {
	if old := s.byKey[key]; old != nil {
		s.remove(old)
	}
	if len(value) == 0 {
		s.shrink()
		return
	}
	e := &entry{key: key, value: value, deadline: deadline}
	if s.byKey == nil {
		s.byKey = make(map[string]*entry)
	}
	s.byKey[key] = e
	s.peak = max(s.peak, len(s.byKey))
	s.weight += e.weight()
	if deadline != 0 {
		heap.Push(&s.queue, e)
	}
}

// Sweep removes at most n expired entries.
func (s *Entries) Sweep(now time.Time, n int) {
	for range n {
		if len(s.queue) == 0 || !s.queue[0].deadline.Passed(now) {
			return
		}
		s.remove(s.queue[0])
		s.shrink()
	}
}

// Len returns the number of entries, including those that have expired and are
// not yet removed.
func (s *Entries) Len() int { return len(s.byKey) }

// Weight returns the sum of the sizes of all keys and values, plus EntryWeight
// for each.
func (s *Entries) Weight() int64 { return s.weight }

// Each calls f for each entry that has not expired, in no order, until f returns
// an error, which Each returns. f must not change the value or the Entries.
func (s *Entries) Each(now time.Time, f func(key string, value []byte, deadline Deadline) error) error {
	for _, e := range s.byKey {
		if e.deadline.Passed(now) {
			continue
		}
		if err := f(e.key, e.value, e.deadline); err != nil {
			return err
		}
	}
	return nil
}

func (s *Entries) remove(e *entry) {
	delete(s.byKey, e.key)
	s.weight -= e.weight()
	if e.deadline != 0 {
		heap.Remove(&s.queue, e.at)
	}
}

// shrink frees memory if most of it is unused.
func (s *Entries) shrink() {
	if s.peak < 1024 || len(s.byKey) > s.peak/4 {
		return
	}
	less := make(map[string]*entry, len(s.byKey))
	for key, e := range s.byKey {
		less[key] = e
	}
	s.byKey, s.peak = less, len(less)
	s.queue = append(make(deadlineQueue, 0, len(s.queue)), s.queue...)
}

// A deadlineQueue is a heap whose first element expires first.
type deadlineQueue []*entry

func (q deadlineQueue) Len() int           { return len(q) }
func (q deadlineQueue) Less(i, j int) bool { return q[i].deadline < q[j].deadline }

func (q deadlineQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].at, q[j].at = i, j
}

func (q *deadlineQueue) Push(x any) {
	e := x.(*entry)
	e.at = len(*q)
	*q = append(*q, e)
}

func (q *deadlineQueue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return e
}
