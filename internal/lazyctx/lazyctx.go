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
	links *link  // those to tell of a Cancel, in a list
}

// A whole is a context of package context, or only the cause of a Cancel before
// there was one and before the end of the parent.
type whole struct {
	context.Context // nil if there is only the cause
	cancel          context.CancelCauseFunc
	cause           error
}

// canceled is the whole of a Cancel without a cause.
var canceled = &whole{cause: context.Canceled}

// Init makes the Context one of a parent.
func (c *Context) Init(parent context.Context) { c.parent = parent }

// Cancel ends the Context, unless it has ended. context.Cause returns the
// cause; nil means context.Canceled.
func (c *Context) Cancel(cause error) {
	c.mu.Lock()
	w, l := c.whole, c.links
	c.links = nil
	if w == nil && c.parent.Err() == nil { // otherwise the parent's cause counts
		if c.whole = canceled; cause != nil {
			c.whole = &whole{cause: cause}
		}
	}
	c.mu.Unlock()
	if w != nil && w.Context != nil {
		w.cancel(cause)
	}
	for ; l != nil; l = l.next {
		l.to.Cancel(cause)
	}
}

// make returns a context of package context that ends when c does.
func (c *Context) make() context.Context {
	for {
		was := c.state()
		var cause error
		if was != nil {
			if was.Context != nil {
				return was
			}
			cause = was.cause
		}
		made := derive(c.parent, cause) // without the lock: it calls the parent
		c.mu.Lock()
		first := c.whole == was
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

func (c *Context) state() *whole {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.whole
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
	return &whole{Context: ctx, cancel: cancel}
}

// Deadline returns the parent's deadline.
func (c *Context) Deadline() (time.Time, bool) { return c.parent.Deadline() }

// Done returns a channel that is closed when the Context ends.
func (c *Context) Done() <-chan struct{} { return c.make().Done() }

// Err returns nil until the Context has ended.
func (c *Context) Err() error {
	switch w := c.state(); {
	case w == nil:
		return c.parent.Err()
	case w.Context == nil:
		return context.Canceled
	default:
		return w.Err()
	}
}

// Value returns the parent's value. Package context uses it to look up the
// cause of the end.
func (c *Context) Value(key any) any {
	switch w := c.state(); {
	case w == nil:
		return c.parent.Value(key)
	case w.Context == nil:
		return c.make().Value(key)
	default:
		return w.Value(key)
	}
}
