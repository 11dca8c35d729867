package journal

import (
	"context"
	"sync"
)

// A Barrier calls a function once a number of changes are in the store. The zero
// value waits for none. Its methods are safe for concurrent use.
type Barrier struct {
	mu   sync.Mutex
	open int
	then func()
}

// Add makes the barrier wait for one more change.
func (b *Barrier) Add() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open++
}

// Stored records that a change is in the store. It is a function for
// [Entry.WhenStored].
func (b *Barrier) Stored(context.Context) {
	b.mu.Lock()
	b.open--
	then := b.then
	if b.open > 0 {
		then = nil
	} else {
		b.then = nil
	}
	b.mu.Unlock()
	if then != nil {
		then()
	}
}

// Then calls f once all changes are in the store. It reports whether it has
// called f already. Call it once, after the last Add.
func (b *Barrier) Then(f func()) (called bool) {
	b.mu.Lock()
	if b.open > 0 {
		b.then = f
		b.mu.Unlock()
		return false
	}
	b.mu.Unlock()
	f()
	return true
}

// DoneAt is [Entry.Done] once the changes of a barrier are in the store. They
// are written at once. Nil is a barrier without changes.
func (e *Entry) DoneAt(b *Barrier, after ...func(ctx context.Context)) {
	if b == nil {
		e.Done(after...)
		return
	}
	if b.Then(func() { e.Done(after...) }) {
		return
	}
	e.j.mu.Lock()
	defer e.j.mu.Unlock()
	e.j.soon(0)
}

// maxPasses is the maximum number of times that Close writes changes that are
// possible only after other changes.
const maxPasses = 100

func (j *Journal) isDirty() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.dirty) > 0
}
