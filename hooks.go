package vk

import "errors"

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
// route that the Router finds, and not if it finds none.
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

// run runs h between its hooks, which are those of the invocations around, then
// its own.
func (i *invocation) run(c *Context, h HandlerFunc) (err error) {
	var before []HandlerFunc
	var after []func(*Context, error) error
	for up := i; up != nil; up = up.outer {
		up.mu.Lock()
		if len(up.hooks.before) > 0 {
			before = append(up.hooks.before[:len(up.hooks.before):len(up.hooks.before)], before...)
		}
		if len(up.hooks.after) > 0 {
			after = append(up.hooks.after[:len(up.hooks.after):len(up.hooks.after)], after...)
		}
		up.mu.Unlock()
	}
	for _, f := range before {
		if err := f(c); err != nil {
			return err
		}
	}
	for _, f := range after { // deferred: also if h panics
		defer func() {
			if v := recover(); v != nil {
				err = errors.Join(err, caught(v))
			}
			if e := f(c, err); e != nil {
				err = errors.Join(err, e)
			}
		}()
	}
	return h(c)
}
