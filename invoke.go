package vk

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"
)

// run returns what runs a route: its chain of middleware, with what decides
// whether the handler runs innermost. Middleware sees every refusal.
func (r *Router) run(rt *Route) HandlerFunc {
	run := r.wrap(chain(rt.Use, answer(rt)))
	return func(c *Context) error {
		if c.inv.refused == nil {
			c.inv.refused = rt.allowed(c)
		}
		return run(c)
	}
}

// answer is the innermost handler of a route: it does not run unless the
// checks allow it and the arguments are right.
func answer(rt *Route) HandlerFunc {
	return func(c *Context) error {
		if err := c.inv.refused; err != nil {
			return err
		}
		if _, err := c.parseArgs(); err != nil {
			return err
		}
		if rt.decode != nil {
			if _, err := c.pressed(); err != nil {
				return err
			}
		}
		return c.inv.run(c, rt.Handler)
	}
}

// unknown is the NotFound of a Router that has none.
func unknown(c *Context) error {
	return &NotFoundError{Prefix: c.inv.prefix, Line: c.inv.line}
}

// run runs the route, or the NotFound, that an event leads to.
func (c *Context) run(m *destination) error {
	c.inv.job.leadsTo(m.to.name)
	return c.invoke(m.to.name, m.to.run, m.prepare)
}

// prepare sets up the invocation for what the event leads to.
func (m *destination) prepare(i *invocation) {
	i.route, i.prefix, i.text, i.line = m.to.route, m.prefix, m.text, m.line
	i.captures, i.refused = m.captures, m.failed
	i.of(m.to.edition)
}

// of makes the invocation one of a module.
func (i *invocation) of(s *edition) {
	if s != nil {
		i.module, i.life = s.module, &s.life
	}
}

// maxRun bounds how deep routes may run routes.
const maxRun = 16

// Invoke runs another route of the bot, as if the person had written its command
// with line behind it: its checks, its middleware, its arguments from line, its
// handler. The route of c itself can be run again so, with [Context.Line] or
// other arguments. It is an invocation of its own, with its own Context, and
// Invoke returns its error.
//
// To run a handler alone, with nothing around it and the arguments of c, call
// the route's Handler.
//
// Routes that run each other without end are an error at a depth of 16.
func (c *Context) Invoke(rt *Route, line string) error {
	if rt == nil || rt.target == nil || rt.target.run == nil {
		return errors.New("vk: Invoke: the Route was not returned by a Router")
	}
	depth := 0
	for i := c.inv; i != nil; i = i.outer {
		if i.route != nil {
			depth++
		}
	}
	if depth >= maxRun {
		return fmt.Errorf("vk: Invoke %s: %d routes run each other", rt.target.name, depth)
	}
	name := rt.target.name
	if n := c.inv.count("\x00run " + name); n > 0 {
		name += " #" + strconv.Itoa(n+1) // has random ids of its own
	}
	m := &destination{to: rt.target, prefix: c.inv.prefix, text: line, line: line}
	return c.invoke(name, rt.target.run, m.prepare)
}

// invoke runs h as an invocation of its own: named, with a Context that ends
// when h returns, within the time limit, and with panics made errors. What
// prepare sets up on the new invocation, h finds.
func (c *Context) invoke(name string, h HandlerFunc, prepare func(*invocation)) (err error) {
	ctx, cancel := context.WithCancelCause(c.ctx)
	child := newContext(ctx, c.client, c.event, c.inv.job)
	child.inv.name = name
	child.inv.outer, child.inv.via = c.inv, c.via
	if prepare != nil {
		prepare(child.inv)
	}
	j := c.inv.job
	outer := j.enter(inner{name, cancel})
	ended := false
	defer func() {
		if v := recover(); v != nil {
			err = caught(v)
		} else if !ended {
			// Nobody can be given an error: the goroutine is on its way out.
			j.ends(named(name, errGoexit))
			j.report(named(name, errGoexit))
		}
		j.leave(outer)
		cancel(nil)
		err = named(name, err)
	}()
	err = h(child)
	ended = true
	return err
}

// caught makes an error of what was recovered from a panic.
func caught(v any) error {
	if err, ok := v.(*PanicError); ok {
		return err // raised again
	}
	return &PanicError{v, debug.Stack()}
}

// named says of err which handler returned it.
func named(name string, err error) error {
	if err == nil || name == "" {
		return err
	}
	return fmt.Errorf("vk: %s: %w", name, err)
}

// join joins errors, and is the one that is not nil if there is only one.
func join(errs ...error) error {
	var some []error
	for _, err := range errs {
		if err != nil {
			some = append(some, err)
		}
	}
	if len(some) == 1 {
		return some[0]
	}
	return errors.Join(some...)
}

// Route returns the route that the handler runs for, or nil outside of one: in
// a listener, in a NotFound.
func (c *Context) Route() *Route { return c.inv.route }

// Module returns the module that the handler is of, or nil.
func (c *Context) Module() *Module { return c.inv.module }

// Prefix returns the prefix that the command was written with: "" if that had
// none, as a button's has, and if the text is no command line. In a condition,
// in the handler of one, and in a NotFound, it is that of a command that there is
// none of.
func (c *Context) Prefix() string { return c.inv.prefix }

// Invoked returns the words that the route was found by, as they were written:
// of "!Admin  BAN anna" it is "Admin  BAN". In a NotFound or a condition it is the
// first word, and outside of a command it is "".
func (c *Context) Invoked() string {
	i := c.inv
	if i.route == nil {
		word, _ := cutSpace(trimLeft(i.line))
		return word
	}
	return strings.TrimSpace(strings.TrimSuffix(i.text, i.line))
}

// Line returns what was written behind the words of the command: all of its
// arguments, as they stand. In a NotFound or a condition it is all that stands
// behind the prefix, and outside of a command it is "".
func (c *Context) Line() string { return strings.TrimSpace(c.inv.line) }
