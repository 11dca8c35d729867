// Package alarm wakes many sleepers at their times, with one timer for all.
package alarm

import (
	"container/heap"
	"math"
	"sync"
	"time"
)

// An Alarm rings bells when they are due. The zero Alarm has none, and is safe
// for concurrent use. While it has none, it has no timer.
type Alarm[T Ringer] struct {
	mu    sync.Mutex
	base  time.Time // from which dues are counted; zero before the first Set
	bells bells[T]
	timer *time.Timer // armed for the first bell, or earlier; nil before the first Set
}

// A Ringer is told when its bell is due, at most once for each Set, on any
// goroutine. It may be told later than a Remove of the bell that runs at the
// same time.
type Ringer interface{ Ring() }

// A Bell is the place of a value in an Alarm. A bell is in one Alarm at most;
// the zero Bell is in none. Usually it is a field of the struct that its Value
// points to.
type Bell[T Ringer] struct {
	Value T

	due time.Duration // since the Alarm's base
	at  int           // its index plus 1, or 0 if it is in no Alarm
}

// Set adds a bell that is in no Alarm.
func (a *Alarm[T]) Set(b *Bell[T], due time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	if a.base.IsZero() {
		a.base = now
	}
	rest := due.Sub(now)
	since := now.Sub(a.base)
	b.due = since + min(rest, math.MaxInt64-since)
	if heap.Push(&a.bells, b); b.at != 1 {
		return
	}
	if a.timer == nil {
		a.timer = time.AfterFunc(rest, a.fire)
	} else {
		a.timer.Reset(rest)
	}
}

// Remove removes a bell, if it is in the Alarm.
func (a *Alarm[T]) Remove(b *Bell[T]) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if b.at == 0 {
		return
	}
	heap.Remove(&a.bells, b.at-1)
	if len(a.bells) == 0 {
		a.timer.Stop()
	}
	a.forget()
}

// forget releases the list when it is empty: many bells may have been in it.
func (a *Alarm[T]) forget() {
	if len(a.bells) == 0 {
		a.bells = nil
	}
}

// fire rings the bells that are due.
func (a *Alarm[T]) fire() {
	for _, b := range a.takeDue() {
		b.Value.Ring()
	}
}

// takeDue removes and returns the bells that are due, and arms the timer for
// the next one.
func (a *Alarm[T]) takeDue() (due []*Bell[T]) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Since(a.base)
	for len(a.bells) > 0 {
		first := a.bells[0]
		if first.due > now {
			a.timer.Reset(first.due - now)
			break
		}
		heap.Pop(&a.bells)
		due = append(due, first)
	}
	a.forget()
	return due
}

// bells implements heap.Interface.
type bells[T Ringer] []*Bell[T]

func (h bells[T]) Len() int           { return len(h) }
func (h bells[T]) Less(i, j int) bool { return h[i].due < h[j].due }

func (h bells[T]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i+1, j+1
}

// Push implements heap.Interface.
func (h *bells[T]) Push(x any) {
	b := x.(*Bell[T])
	*h = append(*h, b)
	b.at = len(*h)
}

// Pop implements heap.Interface.
func (h *bells[T]) Pop() any {
	old := *h
	b := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	b.at = 0
	return b
}
