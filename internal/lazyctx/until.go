package lazyctx

import (
	"context"
	"sync"
	"time"
)

// An Until is a [context.Context] with a deadline, like one of
// [context.WithDeadline]. It needs neither a timer nor a context of package
// context until Done is called or it has ended. It is safe for concurrent use.
//
// If the parent ends after the time, and no method was called between, the end
// of the parent counts.
type Until struct {
	parent context.Context
	at     time.Time

	mu       sync.Mutex
	whole    *whole // nil until it is needed
	canceled bool   // by Cancel before there was a whole
}

// WithDeadline returns a context that ends with its parent, at a time, or when
// Cancel is called, whichever comes first.
func WithDeadline(parent context.Context, at time.Time) *Until {
	return &Until{parent: parent, at: at}
}

// Cancel ends the context, unless it has ended.
func (u *Until) Cancel() {
	if u.over() {
		u.make() // it has ended already
		return
	}
	u.mu.Lock()
	w := u.whole
	u.canceled = true
	u.mu.Unlock()
	if w != nil {
		w.cancel(nil)
	}
}

// over reports whether the parent or the time has ended u.
func (u *Until) over() bool { return u.parent.Err() != nil || !time.Now().Before(u.at) }

func (u *Until) state() (*whole, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.whole, u.canceled
}

// make returns a context of package context that ends when u does.
func (u *Until) make() *whole {
	for {
		w, canceled := u.state()
		if w != nil {
			return w
		}
		made := u.derive(canceled) // without the lock: it calls the parent
		u.mu.Lock()
		first := u.whole == nil && u.canceled == canceled
		if first {
			u.whole = made
		}
		u.mu.Unlock()
		if first {
			return made
		}
		made.cancel(nil) // another goroutine was faster, or has ended u meanwhile
	}
}

// derive returns a context that ends when u does, or was canceled.
func (u *Until) derive(canceled bool) *whole {
	if canceled {
		return derive(u.parent, context.Canceled)
	}
	ctx, cancel := context.WithDeadline(u.parent, u.at)
	return &whole{Context: ctx, cancel: func(error) { cancel() }}
}

// Deadline returns the time at which u ends, or the parent's, if that is
// earlier.
func (u *Until) Deadline() (time.Time, bool) {
	if at, ok := u.parent.Deadline(); ok && at.Before(u.at) {
		return at, true
	}
	return u.at, true
}

// Done returns a channel that is closed when u ends.
func (u *Until) Done() <-chan struct{} { return u.make().Done() }

// Err returns nil until u has ended.
func (u *Until) Err() error {
	switch w, canceled := u.state(); {
	case w != nil:
		return w.Err()
	case canceled:
		return context.Canceled
	case u.over():
		return u.make().Err() // from then on, the reason is fixed
	}
	return nil
}

// Value returns the parent's value. Package context uses it to look up the
// cause of the end.
func (u *Until) Value(key any) any {
	if w, canceled := u.state(); w != nil || canceled || u.over() {
		return u.make().Value(key)
	}
	return u.parent.Value(key)
}
