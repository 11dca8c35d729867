// Package lazyctx implements a context that costs nothing until a caller waits
// for its end.
package lazyctx

import (
	"context"
	"sync"
	"time"
)

// A Context is a [context.Context] that ends when Cancel is called or its
// parent ends, like one of [context.WithCancelCause]. It can be a part of
// another value. It allocates the context of package context that it needs when
// Done is called.
//
// Init must be called before any other method. The others are safe for
// concurrent use.
type Context struct {
	parent context.Context

	mu    sync.Mutex
	whole *whole // nil until it is needed
	cause error  // of a Cancel before the end of the parent and before whole; otherwise nil
}

// A whole is a context of package context.
type whole struct {
	context.Context
	cancel context.CancelCauseFunc
}

// Init makes the Context one of a parent.
func (c *Context) Init(parent context.Context) { c.parent = parent }

// Cancel ends the Context, unless it has ended. context.Cause returns the
// cause; nil means context.Canceled.
func (c *Context) Cancel(cause error) {
	c.mu.Lock()
	w := c.whole
	if w == nil && c.cause == nil && c.parent.Err() == nil { // otherwise the parent's cause counts
		if c.cause = cause; cause == nil {
			c.cause = context.Canceled
		}
	}
	c.mu.Unlock()
	if w != nil {
		w.cancel(cause)
	}
}

// make returns a context of package context that ends when c does.
func (c *Context) make() context.Context {
	for {
		w, cause := c.state()
		if w != nil {
			return w
		}
		made := derive(c.parent, cause) // without the lock: it calls the parent
		c.mu.Lock()
		first := c.whole == nil && (c.cause == nil) == (cause == nil)
		if first {
			c.whole = made
		}
		c.mu.Unlock()
		if first {
			return made
		}
		made.cancel(nil) // another goroutine was faster, or has ended c meanwhile
	}
}

func (c *Context) state() (*whole, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.whole, c.cause
}

// derive returns a context that ends with its parent, or has ended with a cause.
func derive(parent context.Context, cause error) *whole {
	if cause != nil {
		parent = context.WithoutCancel(parent) // the parent may have ended later
	}
	ctx, cancel := context.WithCancelCause(parent)
	if cause != nil {
		cancel(cause)
	}
	return &whole{ctx, cancel}
}

// Deadline returns the parent's deadline.
func (c *Context) Deadline() (time.Time, bool) { return c.parent.Deadline() }

// Done returns a channel that is closed when the Context ends.
func (c *Context) Done() <-chan struct{} { return c.make().Done() }

// Err returns nil until the Context has ended.
func (c *Context) Err() error {
	w, cause := c.state()
	switch {
	case w != nil:
		return w.Err()
	case cause != nil:
		return context.Canceled
	}
	return c.parent.Err()
}

// Value returns the parent's value. Package context uses it to look up the
// cause of the end.
func (c *Context) Value(key any) any {
	w, cause := c.state()
	switch {
	case w != nil:
		return w.Value(key)
	case cause != nil:
		return c.make().Value(key)
	}
	return c.parent.Value(key)
}
