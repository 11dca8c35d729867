package vk

import "slices"

// hooks are what middleware has asked to be run around the handler.
type hooks struct {
	before []HandlerFunc
	after  []func(*Context, error) error
}

// Before has f run just before the route's handler: when no check has refused,
// and the arguments are parsed. If f returns an error, that is the handler's
// outcome; the handler and what other hooks would have done before it are
// left out. It is for middleware whose act should cost nothing unless the
// handler runs, such as a cooldown's. Hooks run in the order in which they
// were added.
//
// Middleware around a whole Router can add hooks as well: they run before the
// route that the Router finds, and not if it finds none. Those of a route are
// not run for the routes that its handler runs, see [Context.Invoke].
func (c *Context) Before(f HandlerFunc) {
	i := c.inv
	i.mu.Lock()
	defer i.mu.Unlock()
	i.hooks.before = append(i.hooks.before, f)
}

// After has f run when the route's handler has ended, with its error, however
// it ended, but not if it was not begun. An error that f returns is joined with
// the handler's; it cannot make that one undone. The hooks run in the reverse
// order of that in which they were added.
func (c *Context) After(f func(c *Context, err error) error) {
	i := c.inv
	i.mu.Lock()
	defer i.mu.Unlock()
	i.hooks.after = append(i.hooks.after, f)
}

// run runs h between its hooks: those of the invocations around that are of no
// other route, then its own.
func (i *invocation) run(c *Context, h HandlerFunc) error {
	before, after := i.hooksAround()
	for _, f := range before {
		if err := f(c); err != nil {
			return err
		}
	}
	if len(after) == 0 {
		return h(c)
	}
	return runAfter(c, h, after)
}

func (i *invocation) hooksAround() (before []HandlerFunc, after []func(*Context, error) error) {
	for up := i; up != nil && (up == i || up.route == nil); up = up.outer {
		up.mu.Lock()
		if len(up.hooks.before) > 0 {
			before = append(slices.Clip(up.hooks.before), before...)
		}
		if len(up.hooks.after) > 0 {
			after = append(slices.Clip(up.hooks.after), after...)
		}
		up.mu.Unlock()
	}
	return before, after
}

// runAfter runs h and then the hooks, the last first, however h and they end.
func runAfter(c *Context, h HandlerFunc, after []func(*Context, error) error) (err error) {
	ended := false
	for _, f := range after {
		defer func() {
			if v := recover(); v != nil {
				err = join(err, caught(v))
			} else if !ended && err == nil {
				err = errGoexit
			}
			if e := afterwards(c, f, err); e != nil {
				err = join(err, e)
			}
		}()
	}
	err = h(c)
	ended = true
	return err
}

// afterwards runs a hook, whose panic is an error.
func afterwards(c *Context, f func(*Context, error) error, err error) (e error) {
	defer func() {
		if v := recover(); v != nil {
			e = caught(v)
		}
	}()
	return f(c, err)
}
