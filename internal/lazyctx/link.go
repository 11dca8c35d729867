package lazyctx

import "context"

// A Canceler is told about the end of a Context. Cancel may be called more than
// once, on any goroutine.
type Canceler interface{ Cancel(cause error) }

// A link is a Canceler in the list of a Context.
type link struct {
	to   Canceler
	next *link
}

// A Bond connects a Canceler to a context, until Release.
type Bond struct {
	c    *Context
	to   Canceler
	stop func() bool // if the context is not a Context that only Cancel can end
}

// Notify makes the end of ctx call to.Cancel, once or more. If ctx has ended
// already, Notify calls it.
//
// If ctx is a Context that only Cancel can end, there is no other context and
// no channel for this, and nothing is left in ctx after Release. In all other
// cases, Notify is like [context.AfterFunc].
func Notify(ctx context.Context, to Canceler) Bond {
	c, _ := endless(ctx)
	if c == nil {
		return Bond{stop: context.AfterFunc(ctx, func() { to.Cancel(context.Cause(ctx)) })}
	}
	b := Bond{c: c, to: to}
	for ; c != nil; c, _ = c.parent.(*Context) {
		c.mu.Lock()
		c.links = &link{to, c.links}
		c.mu.Unlock()
	}
	if b.c.Err() != nil {
		to.Cancel(context.Cause(b.c))
	}
	return b
}

// Release ends the connection. A call of Cancel may still be running.
func (b Bond) Release() {
	if b.stop != nil {
		b.stop()
	}
	for c := b.c; c != nil; c, _ = c.parent.(*Context) {
		c.mu.Lock()
		for at := &c.links; *at != nil; at = &(*at).next {
			if (*at).to == b.to {
				*at = (*at).next
				break
			}
		}
		c.mu.Unlock()
	}
}

// endless returns ctx as a Context, and its first ancestor that is not a
// Context, if that never ends. Otherwise it returns nil.
func endless(ctx context.Context) (c *Context, root context.Context) {
	c, _ = ctx.(*Context)
	if c == nil {
		return nil, nil
	}
	for up := c; up != nil; up, _ = root.(*Context) {
		root = up.parent
	}
	if root.Done() != nil {
		return nil, nil
	}
	return c, root
}

// Brief returns a context that ends when ctx does, or when release is called.
// In contrast to a context of package context, it leaves nothing behind in ctx
// after that, if ctx is a Context that only Cancel can end. Otherwise it is ctx
// itself.
func Brief(ctx context.Context) (brief context.Context, release func()) {
	c, root := endless(ctx)
	if c == nil {
		return ctx, func() {}
	}
	b := new(Context)
	b.Init(root)
	bond := Notify(c, b)
	return b, func() {
		bond.Release()
		b.Cancel(nil)
	}
}
