package vk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"

	"github.com/vkrouter/vk/internal/hooks"
	"github.com/vkrouter/vk/internal/trail"
	"github.com/vkrouter/vk/internal/watchdog"
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
	if c.inv.outer != nil {
		return c.runOnce(m)
	}
	c.inv.turn.leadsTo(c, m.to.name, m.to.scope())
	return c.invoke(m.to.name, m.to.run, m.prepare)
}

// runOnce is run for a Router that may be one of several.
func (c *Context) runOnce(m *destination) error {
	if c.hasEnded(m.to.scope()) {
		return nil
	}
	c.inv.turn.leadsTo(c, m.to.name, m.to.scope())
	err := c.invoke(m.to.name, m.to.run, m.prepare)
	c.noteEnded(m.to.scope(), err)
	return err
}

// hasEnded reports whether a listener or a route that c is given to has ended in a
// former run.
func (c *Context) hasEnded(name string) bool {
	s := c.steps()
	if s.trail == nil || !s.trail.Again() {
		return false
	}
	_, ended := s.trail.Get(s.key("ended", c.via, name))
	return ended
}

// noteEnded notes that a listener or a route has ended, unless a stop has ended it.
func (c *Context) noteEnded(name string, err error) {
	if errors.Is(err, ErrStopped) {
		return
	}
	if s := c.steps(); s.trail != nil {
		s.trail.Keep(s.key("ended", c.via, name), nil)
	}
}

// ledTo returns the id of the route that the event led to in a former run, or "" if
// it had not come so far.
func (c *Context) ledTo() string {
	s := c.steps()
	if s.trail == nil || !s.trail.Again() {
		return ""
	}
	name, _ := s.trail.Get(c.routeStep())
	return string(name)
}

// routeStep is the step of the route that the event of c leads to.
func (c *Context) routeStep() trail.Key {
	return trail.KeyOf(c.event.ID, c.inv.scope(), c.via, "route")
}

// A goneError says that a handler that waits has no route any more.
type goneError struct{ route string }

func (e *goneError) Error() string {
	return fmt.Sprintf("vk: dropping event whose handler waited: it led to %s, which is gone or not asked any more", e.route)
}

// prepare sets up the invocation for what the event leads to.
func (m *destination) prepare(i *invocation) {
	i.route, i.prefix, i.text, i.line = m.to.route, m.prefix, m.text, m.line
	i.captures, i.refused = m.captures, m.failed
	i.id = m.to.scope()
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
	name, id := rt.target.name, rt.target.scope()
	if n := c.inv.count("\x00run " + id); n > 0 {
		again := " #" + strconv.Itoa(n+1) // has random ids of its own
		name, id = name+again, id+again
	}
	m := &destination{to: rt.target, prefix: c.inv.prefix, text: line, line: line}
	return c.invoke(name, rt.target.run, func(i *invocation) {
		m.prepare(i)
		i.id = id
	})
}

// A turn is the handling of one event, as far as Contexts and Routers know of
// it: the Dispatcher's job, or noTurn.
type turn interface {
	// enter notes that an invocation begins, and returns the one around it.
	enter(in inner) (outer inner)

	// leave notes that the invocation has ended, and that outer goes on.
	leave(outer inner)

	// leadsTo notes the route that the event of c leads to: its name, and its id,
	// which is the same in other code.
	leadsTo(c *Context, route, id string)

	// ends notes an error that a handler ended with.
	ends(err error)

	// report logs a handler's error.
	report(err error)

	// offer offers the event of c to handlers that wait for one, and reports
	// whether one took it. Otherwise it goes on to its destination.
	offer(c *Context, to destination) (taken bool)

	// trail returns the steps of the event's handlers, or nil if they are not kept.
	trail() *trail.Trail
}

// An inner is an invocation that is running, and has no other inside.
type inner struct {
	name string
	ctx  watchdog.Canceler // its context
}

// noTurn is the turn of Contexts that no Dispatcher made.
type noTurn struct{}

func (noTurn) enter(inner) (outer inner)        { return inner{} }
func (noTurn) leave(inner)                      {}
func (noTurn) leadsTo(*Context, string, string) {}
func (noTurn) ends(error)                       {}
func (noTurn) offer(*Context, destination) bool { return false }
func (noTurn) trail() *trail.Trail              { return nil }

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
	var gone *goneError
	switch {
	case errors.As(err, &unknown), errors.As(err, &wrong), errors.As(err, &refused), errors.As(err, &payload), errors.Is(err, ErrDisabled):
		level = slog.LevelInfo
	case errors.Is(err, ErrStopped), errors.Is(err, ErrUnmounted), errors.Is(err, ErrEnded), errors.Is(err, errHandled),
		errors.Is(err, ErrInterrupted), errors.Is(err, ErrCanceled), errors.Is(err, ErrNoAnswer):
		level = slog.LevelDebug
	case errors.As(err, &gone):
		level = slog.LevelWarn
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
	child := newContext(c.ctx, c.client, c.event, c.inv.turn)
	child.inv.ctx.Init(c.ctx)
	child.ctx = &child.inv.ctx
	child.inv.name = name
	child.inv.outer, child.inv.via = c.inv, c.via
	if prepare != nil {
		prepare(child.inv)
	}
	turn := c.inv.turn
	outer := turn.enter(inner{name, &child.inv.ctx})
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
		child.inv.ctx.Cancel(nil)
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

// sendKey implements sendScope.
func (c *Context) sendKey(to, name string) (key sendKey, ok bool) {
	switch {
	case c.event.ID == "":
		return key, false
	case name != "":
		return digest(c.event.ID, c.inv.scope(), to, "named "+name), true
	}
	return digest(c.event.ID, c.inv.scope(), to, "number "+strconv.Itoa(c.inv.count(to))), true
}

// actsFor implements sendScope.
func (c *Context) actsFor(client *Client) int64 {
	if client != c.client {
		return 0
	}
	return c.event.GroupID
}

// count returns how many sends of the invocation to the same peer came before.
func (i *invocation) count(to string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.sends == nil {
		i.sends = make(map[string]int)
	}
	n := i.sends[to]
	i.sends[to]++
	return n
}

// scope names the handler that the invocation is of, and those around it: no
// other handler of the event has the same scope.
func (i *invocation) scope() string {
	if i.outer == nil {
		return ""
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.scoped == "" {
		i.scoped = i.outer.scope() + "\x00" + i.via + cmp.Or(i.id, i.name)
	}
	return i.scoped
}

// steps implements sendScope.
func (c *Context) steps() steps {
	if c.event.ID == "" {
		return steps{}
	}
	t := c.inv.turn.trail()
	if t == nil {
		return steps{}
	}
	return steps{t, c.event.ID, c.inv.scope()}
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
	if !c.inv.hooks.Claim(f) {
		panic(hooksRun("Claim"))
	}
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
	if !c.inv.hooks.Before(f) {
		panic(hooksRun("Before"))
	}
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
	c.inv.hooks.After(f)
}

// hooksRun is the panic of Claim and Before when the hooks have begun to run.
func hooksRun(method string) string {
	return "vk: " + method + ": the handler's hooks run already: call it in middleware, before next"
}

// hookEnds are the errors of hooks and handlers that do not return.
var hookEnds = &hooks.Ends{Caught: caught, Goexit: errGoexit}

// run runs h with its hooks: those of the invocations around that are of no
// other route, then its own. It returns an error for a panic of any of them.
func (i *invocation) run(c *Context, h HandlerFunc) error {
	var around []*hooks.Hooks[*Context]
	for up := i.outer; up != nil && up.route == nil; up = up.outer {
		if up.hooks.InUse() {
			around = append(around, &up.hooks)
		}
	}
	return i.hooks.Run(c, h, around, hookEnds)
}

// contained returns h as a middleware gets it: a panic of h is an error to the
// middleware, and the hooks that are added inside of h do not outlast the call.
func contained(h HandlerFunc) HandlerFunc {
	return func(c *Context) (err error) {
		mark := c.inv.hooks.Mark()
		defer func() {
			if v := recover(); v != nil {
				err = caught(v)
			}
			c.inv.hooks.Return(mark)
		}()
		return h(c)
	}
}
