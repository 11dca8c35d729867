// Package memstore keeps values by key in memory, each with an optional
// deadline. [Store] is safe for concurrent use; [Entries] is the map under it,
// for callers that have a lock of their own.
package memstore

import (
	"container/heap"
	"hash/maphash"
	"math"
	"strings"
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

// Parts is the number of parts that [Entries] keep their values in. A part of a
// million values has about 4,000, which take well below a millisecond to list.
const Parts = 256

// Entries holds values by key, and in the order of their deadlines. The zero
// value is empty.
//
// No method takes long because there are many entries: the map is divided into
// parts, so that one part at a time can be listed or freed.
type Entries struct {
	parts  [Parts]part
	queue  deadlineQueue // the entries that have a deadline
	len    int
	weight int64 // the sum over all entries
}

// A part holds the entries with keys that have the same hash modulo Parts.
type part struct {
	byKey map[string]*Entry
	peak  int // the largest size of byKey: maps do not shrink
}

// An Entry is a value with its key and its deadline, which never change.
type Entry struct {
	Key      string
	Value    []byte
	Deadline Deadline
	at       int // index in the queue, if the entry has a deadline
}

// EntryWeight is the part of an entry's weight beside its key and its value. It
// is about the overhead of a record in a file, and less than that in memory.
const EntryWeight = 16

func (e *Entry) weight() int64 { return int64(len(e.Key) + len(e.Value) + EntryWeight) }

var seed = maphash.MakeSeed()

func (s *Entries) part(key string) *part { return &s.parts[maphash.String(seed, key)%Parts] }

// Get returns the value, or nil if there is none or its deadline has passed. The
// caller must not change it.
func (s *Entries) Get(key string, now time.Time) []byte {
	e := s.part(key).byKey[key]
	if e == nil || e.Deadline.Passed(now) {
		return nil
	}
	return e.Value
}

// Put sets a value, or deletes it if the new value is empty. It keeps the slice,
// which the caller must not change afterwards.
func (s *Entries) Put(key string, value []byte, deadline Deadline) {
	p := s.part(key)
	if old := p.byKey[key]; old != nil {
		s.remove(p, old)
	}
	if len(value) == 0 {
		s.shrink(p)
		return
	}
	e := &Entry{Key: key, Value: value, Deadline: deadline}
	if p.byKey == nil {
		p.byKey = make(map[string]*Entry)
	}
	p.byKey[key] = e
	p.peak = max(p.peak, len(p.byKey))
	s.len++
	s.weight += e.weight()
	if deadline != 0 {
		heap.Push(&s.queue, e)
	}
}

// Sweep removes at most n expired entries.
func (s *Entries) Sweep(now time.Time, n int) {
	for range n {
		if len(s.queue) == 0 || !s.queue[0].Deadline.Passed(now) {
			return
		}
		e := s.queue[0]
		p := s.part(e.Key)
		s.remove(p, e)
		s.shrink(p)
	}
}

// Len returns the number of entries, including those that have expired and are
// not yet removed.
func (s *Entries) Len() int { return s.len }

// Weight returns the sum of the sizes of all keys and values, plus EntryWeight
// for each.
func (s *Entries) Weight() int64 { return s.weight }

// Part appends the entries of one of the Parts to list, in no order, including
// those that have expired. An entry stays in the same part. The caller must not
// change a value, and may read the entries while the Entries change.
func (s *Entries) Part(i int, list []*Entry) []*Entry {
	for _, e := range s.parts[i].byKey {
		list = append(list, e)
	}
	return list
}

// Find returns the entries of one of the Parts with keys that begin with prefix
// and that have not expired, in no order. Their values must not be changed.
func (s *Entries) Find(part int, prefix string, now time.Time) (found []*Entry) {
	for key, e := range s.parts[part].byKey {
		if strings.HasPrefix(key, prefix) && !e.Deadline.Passed(now) {
			found = append(found, e)
		}
	}
	return found
}

func (s *Entries) remove(p *part, e *Entry) {
	delete(p.byKey, e.Key)
	s.len--
	s.weight -= e.weight()
	if e.Deadline != 0 {
		heap.Remove(&s.queue, e.at)
	}
}

// Memory is freed once a part or the queue had room for this many entries and
// most of it is unused.
const (
	minPeak  = 16
	minQueue = 1024
)

// shrink frees memory if most of it is unused.
func (s *Entries) shrink(p *part) {
	if p.peak >= minPeak && len(p.byKey) <= p.peak/4 {
		less := make(map[string]*Entry, len(p.byKey))
		for key, e := range p.byKey {
			less[key] = e
		}
		p.byKey, p.peak = less, len(less)
	}
	if cap(s.queue) >= minQueue && len(s.queue) <= cap(s.queue)/4 {
		s.queue = append(make(deadlineQueue, 0, 2*len(s.queue)), s.queue...)
	}
}

// A deadlineQueue is a heap whose first element expires first.
type deadlineQueue []*Entry

func (q deadlineQueue) Len() int           { return len(q) }
func (q deadlineQueue) Less(i, j int) bool { return q[i].Deadline < q[j].Deadline }

func (q deadlineQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].at, q[j].at = i, j
}

func (q *deadlineQueue) Push(x any) {
	e := x.(*Entry)
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
