package timer

import (
	"container/heap"
	"time"
)

// A Queue holds keys and when they are due. It is not safe for concurrent use.
type Queue struct {
	heap  entries
	byKey map[string]*entry
}

type entry struct {
	key string
	due int64 // in milliseconds since 1970
	at  int   // in the heap
}

// Len returns the number of keys.
func (q *Queue) Len() int { return len(q.heap) }

// Set sets when a key is due.
func (q *Queue) Set(key string, due time.Time) {
	if e := q.byKey[key]; e != nil {
		e.due = due.UnixMilli()
		heap.Fix(&q.heap, e.at)
		return
	}
	if q.byKey == nil {
		q.byKey = make(map[string]*entry)
	}
	e := &entry{key: key, due: due.UnixMilli()}
	q.byKey[key] = e
	heap.Push(&q.heap, e)
}

// Remove removes a key.
func (q *Queue) Remove(key string) {
	if e := q.byKey[key]; e != nil {
		heap.Remove(&q.heap, e.at)
		delete(q.byKey, key)
	}
}

// Next returns when the first key is due. ok is false if there is none.
func (q *Queue) Next() (due time.Time, ok bool) {
	if len(q.heap) == 0 {
		return due, false
	}
	return time.UnixMilli(q.heap[0].due), true
}

// Pop removes the first key and returns it, if it is due now.
func (q *Queue) Pop(now time.Time) (key string, due time.Time, ok bool) {
	if len(q.heap) == 0 || q.heap[0].due > now.UnixMilli() {
		return "", due, false
	}
	e := heap.Pop(&q.heap).(*entry)
	delete(q.byKey, e.key)
	return e.key, time.UnixMilli(e.due), true
}

// entries implements heap.Interface.
type entries []*entry

func (h entries) Len() int           { return len(h) }
func (h entries) Less(i, j int) bool { return h[i].due < h[j].due }

func (h entries) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

// Push implements heap.Interface.
func (h *entries) Push(x any) {
	e := x.(*entry)
	e.at = len(*h)
	*h = append(*h, e)
}

// Pop implements heap.Interface.
func (h *entries) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return e
}
