package vk

import (
	"slices"
	"sync/atomic"
)

// hooks are the functions that middleware adds to an invocation. The invocation's
// mu guards them.
type hooks struct {
	added atomic.Pointer[addedHooks] // nil until there is one: most handlers have none

	begun   bool     // their run has begun once
	running *running // the latest run, until it ends
	first   running  // of one run, as most have
}

// addedHooks are the hooks that were added.
type addedHooks struct {
	claims []*claim
	lines  []hookLine
}

// all returns the hooks that were added, to add others. The caller holds the mu.
func (h *hooks) all() *addedHooks {
	all := h.added.Load()
	if all == nil {
		all = new(addedHooks)
		h.added.Store(all)
	}
	return all
}

// A claim is a function that Claim has added.
type claim struct {
	take func(*Context) (giveBack func(), err error)
	kept atomic.Bool // a handler has begun with it: it is not taken again
}

// A hookLine is a hook that Before or After has added. One of the two is nil.
type hookLine struct {
	before HandlerFunc
	after  func(*Context, error) error
}

// Claim registers f to run before the route's handler and before all hooks of
// [Context.Before]: when no check has refused and the arguments are parsed. f
// takes something: a use of a cooldown, a place among those that may run, a coin.
// If f returns an error, f has taken nothing, and the error is the handler's
// outcome.
//
// If the handler does not begin, because a later claim or a Before returns an
// error, panics or ends the goroutine, what was taken is given back: the giveBack
// functions are called, the last first, after the After hooks. giveBack may be
// nil. Once the handler has begun, it is not called, whatever the handler returns.
//
// Claims run in the order in which they were added: those of the middleware
// outside come first. Middleware inside that calls its handler again does not
// make a claim again. As f runs before the handler is sure to run, f is not for
// messages to people: those are for Before.
//
// Each event has its own Context, but events of different conversations are
// handled at the same time: what f and giveBack share needs a lock. f may block,
// also in [Context.Park]. Claim and Before panic when the handler's hooks have
// begun to run.
//
// Middleware around a whole Router can add claims and hooks as well: they run
// before the route that the Router finds, and not if it finds none. Those of a
// route are not run for the routes that its handler runs, see [Context.Invoke].
// Nothing runs them for a handler that is in no Router.
func (c *Context) Claim(f func(c *Context) (giveBack func(), err error)) {
	i := c.inv
	i.mu.Lock()
	defer i.mu.Unlock()
	i.hooks.notRunning("Claim")
	all := i.hooks.all()
	all.claims = append(all.claims, &claim{take: f})
}

// Before registers f to run before the route's handler, when no check has refused,
// the arguments are parsed, and all claims are made; see [Context.Claim]. If f
// returns an error, that is the handler's outcome: the handler and the hooks that
// were added later do not run.
//
// The hooks run in the order in which they were added, like the lines of a
// function: a Before is a line that may return an error, an After is a defer, and
// the handler is the last line.
func (c *Context) Before(f HandlerFunc) {
	i := c.inv
	i.mu.Lock()
	defer i.mu.Unlock()
	i.hooks.notRunning("Before")
	all := i.hooks.all()
	all.lines = append(all.lines, hookLine{before: f})
}

// After registers f to run when the route's handler has ended, with the handler's
// error, however it ended: a panic is a [*PanicError], and a call of
// runtime.Goexit is an error, too. If a Before that was added later fails, the
// handler does not run, and f gets the error of that Before. f does not run if a
// Before that was added earlier fails, or a claim.
//
// An error that f returns is joined with the handler's; f cannot undo that one.
// The functions run in the reverse order of that in which they were added. Called
// by a hook or by the handler itself, After is a defer in that place.
func (c *Context) After(f func(c *Context, err error) error) {
	i := c.inv
	i.mu.Lock()
	defer i.mu.Unlock()
	if r := i.hooks.running; r != nil {
		r.deferred = append(r.deferred, deferred{after: f})
		return
	}
	all := i.hooks.all()
	all.lines = append(all.lines, hookLine{after: f})
}

// notRunning panics if the hooks have begun to run.
func (h *hooks) notRunning(method string) {
	if h.running != nil {
		panic("vk: " + method + ": the handler's hooks run already: call it in middleware, before next")
	}
}

// A running is one run of a handler and its hooks.
type running struct {
	deferred []deferred // run in the end, the last first
	begun    bool       // the handler has
}

// A deferred is an After, or else what gives a claim back.
type deferred struct {
	after    func(*Context, error) error
	giveBack func()
}

// run runs h with its hooks: those of the invocations around that are of no
// other route, then its own. It returns an error for a panic of any of them.
func (i *invocation) run(c *Context, h HandlerFunc) (err error) {
	r, claims, lines := i.beginHooks()
	ended := false
	defer func() {
		if v := recover(); v != nil {
			err = caught(v)
		} else if !ended {
			err = errGoexit
		}
		i.unwind(c, r, &err)
	}()
	err = i.runLines(c, r, h, claims, lines)
	ended = true
	return err
}

// beginHooks begins a run, and returns the hooks that it runs.
func (i *invocation) beginHooks() (r *running, claims []*claim, lines []hookLine) {
	for up := i; up != nil && (up == i || up.route == nil); up = up.outer {
		up.mu.Lock()
		over := up != i && up.hooks.begun // those of a NotFound that runs a route
		if up == i {
			if r = &i.hooks.first; i.hooks.begun {
				r = new(running)
			}
			i.hooks.begun, i.hooks.running = true, r
		}
		if all := up.hooks.added.Load(); !over && all != nil {
			claims = append(slices.Clip(all.claims), claims...)
			lines = append(slices.Clip(all.lines), lines...)
		}
		up.mu.Unlock()
		if over {
			break
		}
	}
	return r, claims, lines
}

// runLines makes the claims, and then runs the lines and h.
func (i *invocation) runLines(c *Context, r *running, h HandlerFunc, claims []*claim, lines []hookLine) error {
	for _, cl := range claims {
		if cl.kept.Load() {
			continue
		}
		giveBack, err := cl.take(c)
		if err != nil {
			return err
		}
		if giveBack != nil {
			i.deferHook(r, deferred{giveBack: giveBack})
		}
	}
	for _, l := range lines {
		if l.after != nil {
			i.deferHook(r, deferred{after: l.after})
		} else if err := l.before(c); err != nil {
			return err
		}
	}
	r.begun = true
	for _, cl := range claims {
		cl.kept.Store(true)
	}
	return h(c)
}

// deferHook adds a function that runs in the end.
func (i *invocation) deferHook(r *running, d deferred) {
	i.mu.Lock()
	defer i.mu.Unlock()
	r.deferred = append(r.deferred, d)
}

// unwind runs the functions that r has deferred, the last first, however each of them ends.
func (i *invocation) unwind(c *Context, r *running, err *error) {
	i.mu.Lock()
	n := len(r.deferred)
	if n == 0 {
		if i.hooks.running == r {
			i.hooks.running = nil
		}
		i.mu.Unlock()
		return
	}
	d := r.deferred[n-1]
	r.deferred = r.deferred[:n-1]
	i.mu.Unlock()
	defer i.unwind(c, r, err)
	switch {
	case d.after != nil:
		afterwards(c, d.after, err)
	case !r.begun:
		afterwards(c, func(*Context, error) error { d.giveBack(); return nil }, err)
	}
}

// afterwards runs a hook and joins its error with err.
func afterwards(c *Context, f func(*Context, error) error, err *error) {
	ended := false
	defer func() {
		if v := recover(); v != nil {
			*err = join(*err, caught(v))
		} else if !ended {
			*err = join(*err, errGoexit)
		}
	}()
	e := f(c, *err)
	ended = true
	if e != nil {
		*err = join(*err, e)
	}
}

// contained returns h as a middleware gets it: a panic of h is an error to the
// middleware, and the hooks that are added inside of h do not outlast the call.
func contained(h HandlerFunc) HandlerFunc {
	return func(c *Context) (err error) {
		i := c.inv
		claims, lines := 0, 0
		if all := i.hooks.added.Load(); all != nil {
			i.mu.Lock()
			claims, lines = len(all.claims), len(all.lines)
			i.mu.Unlock()
		}
		defer func() {
			if v := recover(); v != nil {
				err = caught(v)
			}
			if all := i.hooks.added.Load(); all != nil {
				i.mu.Lock()
				all.claims = slices.Clip(all.claims[:min(claims, len(all.claims))])
				all.lines = slices.Clip(all.lines[:min(lines, len(all.lines))])
				i.mu.Unlock()
			}
		}()
		return h(c)
	}
}
