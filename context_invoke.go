package vk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync/atomic"
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
	c.inv.turn.leadsTo(m.to.name)
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

// A turn is the handling of one event, as far as Contexts and Routers know of
// it: the Dispatcher's job, or noTurn.
type turn interface {
	// enter notes that an invocation begins, and returns the one around it.
	enter(in inner) (outer inner)

	// leave notes that the invocation has ended, and that outer goes on.
	leave(outer inner)

	// leadsTo notes the name of the route that the event leads to.
	leadsTo(route string)

	// ends notes an error that a handler ended with.
	ends(err error)

	// report logs a handler's error.
	report(err error)

	// offer offers the event of c to handlers that wait for one, and reports
	// whether one took it. Otherwise it goes on to its destination.
	offer(c *Context, to destination) (taken bool)
}

// An inner is an invocation that is running, and has no other inside.
type inner struct {
	name   string
	cancel context.CancelCauseFunc
}

// noTurn is the turn of Contexts that no Dispatcher made.
type noTurn struct{}

func (noTurn) enter(inner) (outer inner)        { return inner{} }
func (noTurn) leave(inner)                      {}
func (noTurn) leadsTo(string)                   {}
func (noTurn) ends(error)                       {}
func (noTurn) offer(*Context, destination) bool { return false }

func (noTurn) report(err error) {
	logFailure(err, func(level slog.Level, msg string, attrs ...slog.Attr) {
		slog.Default().LogAttrs(context.Background(), level, msg, attrs...)
	})
}

// logFailure logs a handler's error. The errors of several handlers are a line
// each. Mistakes of people and the ends of waits are not failures: they have
// lower levels.
func logFailure(err error, log func(level slog.Level, msg string, attrs ...slog.Attr)) {
	if all, ok := err.(handlerErrors); ok {
		for _, err := range all {
			logFailure(err, log)
		}
		return
	}
	level := slog.LevelError
	var unknown *NotFoundError
	var wrong *ArgError
	var refused *CheckError
	var payload *PayloadError
	var again comesAgain
	switch {
	case errors.As(err, &unknown), errors.As(err, &wrong), errors.As(err, &refused), errors.As(err, &payload), errors.Is(err, ErrDisabled):
		level = slog.LevelInfo
	case errors.Is(err, ErrStopped), errors.Is(err, ErrUnmounted), errors.Is(err, errHandled),
		errors.Is(err, ErrInterrupted), errors.Is(err, ErrCanceled), errors.Is(err, ErrNoAnswer):
		level = slog.LevelDebug
	case errors.Is(err, ErrTimeLimit), errors.Is(err, context.Canceled), errors.As(err, &again):
		level = slog.LevelInfo
	}
	attrs := []slog.Attr{slog.Any("err", err)}
	var p *PanicError
	if errors.As(err, &p) {
		attrs = append(attrs, slog.String("stack", string(p.Stack)))
	}
	log(level, "vk: handler failed", attrs...)
}

// invoke runs h as an invocation of its own: named, with a Context that ends
// when h returns, within the time limit, and with panics made errors. What
// prepare sets up on the new invocation, h finds.
func (c *Context) invoke(name string, h HandlerFunc, prepare func(*invocation)) (err error) {
	ctx, cancel := context.WithCancelCause(c.ctx)
	child := newContext(ctx, c.client, c.event, c.inv.turn)
	child.inv.name = name
	child.inv.outer, child.inv.via = c.inv, c.via
	if prepare != nil {
		prepare(child.inv)
	}
	turn := c.inv.turn
	outer := turn.enter(inner{name, cancel})
	ended := false
	defer func() {
		if v := recover(); v != nil {
			err = caught(v)
		} else if !ended {
			// Nobody can be given an error: the goroutine is on its way out.
			turn.ends(named(name, errGoexit))
			turn.report(named(name, errGoexit))
		}
		turn.leave(outer)
		cancel(nil)
		err = named(name, err)
	}()
	err = h(child)
	ended = true
	return err
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

// hooks are the functions that middleware adds to an invocation. The invocation's
// mu guards them.
type hooks struct {
	claims []*claim
	lines  []hookLine

	begun   bool     // their run has begun once
	running *running // the latest run, until it ends
	first   running  // of one run, as most have

	used atomic.Bool // a hook was added
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
	i.hooks.used.Store(true)
	i.hooks.claims = append(i.hooks.claims, &claim{take: f})
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
	i.hooks.used.Store(true)
	i.hooks.lines = append(i.hooks.lines, hookLine{before: f})
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
	i.hooks.used.Store(true)
	i.hooks.lines = append(i.hooks.lines, hookLine{after: f})
}

// notRunning panics if the hooks have begun to run.
func (h *hooks) notRunning(method string) {
	if h.running != nil {
		panic("vk: " + method + ": the handler's hooks run already: call it in middleware, before next")
	}
}

// A running is one run of a handler and its hooks.
type running struct {
	deferred []deferred // what runs in the end, the last first
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
		if !over && len(up.hooks.claims) > 0 {
			claims = append(slices.Clip(up.hooks.claims), claims...)
		}
		if !over && len(up.hooks.lines) > 0 {
			lines = append(slices.Clip(up.hooks.lines), lines...)
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

// deferHook adds to what runs in the end.
func (i *invocation) deferHook(r *running, d deferred) {
	i.mu.Lock()
	defer i.mu.Unlock()
	r.deferred = append(r.deferred, d)
}

// unwind runs what r has deferred, the last first, however each of them ends.
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
		if i.hooks.used.Load() {
			i.mu.Lock()
			claims, lines = len(i.hooks.claims), len(i.hooks.lines)
			i.mu.Unlock()
		}
		defer func() {
			if v := recover(); v != nil {
				err = caught(v)
			}
			if i.hooks.used.Load() {
				i.mu.Lock()
				i.hooks.claims = slices.Clip(i.hooks.claims[:min(claims, len(i.hooks.claims))])
				i.hooks.lines = slices.Clip(i.hooks.lines[:min(lines, len(i.hooks.lines))])
				i.mu.Unlock()
			}
		}()
		return h(c)
	}
}
