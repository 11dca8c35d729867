package vk

import (
	"fmt"
	"slices"
)

// A Check decides whether somebody may run a command: nil lets it run, an
// error refuses, for the reason that it gives. Checks run before middleware;
// their refusal is a [*CheckError], which middleware sees. They may be run
// alone too, to learn what somebody may do: they must not have effects.
//
// Package middleware has those that most bots want.
type Check func(*Context) error

// A CheckError says that a command was refused before its handler ran: by a
// check, or by middleware that decides as late as that, such as a cooldown.
//
// It says where the command ended, not whether somebody wanted that: a check
// that could not ask VK lets nobody through either. That tells Err, which is
// what the check has returned: of those of package middleware, a refusal is
// middleware.ErrRefused, and anything else is a failure.
type CheckError struct {
	Err error // the reason
}

// Error gives the reason.
func (e *CheckError) Error() string { return fmt.Sprintf("vk: refused: %v", e.Err) }

// Unwrap returns e.Err.
func (e *CheckError) Unwrap() error { return e.Err }

// Check adds checks to all routes of r, those of Routers inside of it included,
// also those that it has already. The checks of outer Routers come first, then
// those of inner ones, then a route's own; the first that refuses ends it. The
// function that Check returns removes them again.
func (r *Router) Check(checks ...Check) (remove func()) {
	if slices.ContainsFunc(checks, func(f Check) bool { return f == nil }) {
		panic("vk: Check: nil check (at " + callers(1) + ")")
	}
	top := r.top()
	added := &checkSet{slices.Clone(checks)}
	change := func(f func([]*checkSet) []*checkSet) {
		top.mu.Lock()
		defer top.mu.Unlock()
		var old []*checkSet
		if p := r.checks.Load(); p != nil {
			old = *p
		}
		sets := f(slices.Clone(old))
		r.checks.Store(&sets)
	}
	change(func(sets []*checkSet) []*checkSet { return append(sets, added) })
	return func() {
		change(func(sets []*checkSet) []*checkSet {
			return slices.DeleteFunc(sets, func(s *checkSet) bool { return s == added })
		})
	}
}

// A checkSet is what one call of Check has added.
type checkSet struct{ checks []Check }

// allow runs the checks of r and of the Routers around it.
func (r *Router) allow(c *Context) error {
	if r == nil {
		return nil
	}
	if err := r.outer.allow(c); err != nil {
		return err
	}
	sets := r.checks.Load()
	if sets == nil {
		return nil
	}
	for _, s := range *sets {
		if err := run(c, s.checks); err != nil {
			return err
		}
	}
	return nil
}

func run(c *Context, checks []Check) error {
	for _, f := range checks {
		if err := f(c); err != nil {
			return &CheckError{err}
		}
	}
	return nil
}

// Allowed runs what stands before the route, and nothing else: it returns nil if
// the event of c may come through, an error that wraps [ErrDisabled] if the route
// is switched off, and else the [*CheckError] of the check that refuses. A check
// that panics is a [*PanicError]. For the checks, [Context.Route] is the route.
func (rt *Route) Allowed(c *Context) error {
	if c.inv.route != rt {
		c = c.as(rt)
	}
	return rt.allowed(c)
}

func (rt *Route) allowed(c *Context) (err error) {
	if !rt.Enabled() {
		return fmt.Errorf("vk: %w", ErrDisabled)
	}
	defer func() {
		if v := recover(); v != nil {
			err = caught(v)
		}
	}()
	if err := rt.router.allow(c); err != nil {
		return err
	}
	return run(c, rt.Checks)
}

// as returns a Context like c for the checks of a route that does not run.
func (c *Context) as(rt *Route) *Context {
	d := newContext(c.ctx, c.client, c.event, c.inv.turn)
	d.via = c.via
	d.inv.name, d.inv.via, d.inv.outer = "checks of "+rt.Pattern, c.via, c.inv
	d.inv.route, d.inv.prefix = rt, c.inv.prefix
	return d
}
