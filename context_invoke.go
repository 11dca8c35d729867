package vk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"

	"github.com/vkrouter/vk/internal/errtext"
	"github.com/vkrouter/vk/internal/hooks"
	"github.com/vkrouter/vk/internal/trail"
	"github.com/vkrouter/vk/internal/watchdog"
)

// run returns a function that runs a route: its chain of middleware, with
// answer innermost. Middleware sees every refusal.
func (r *Router) run(rt *Route) HandlerFunc {
	run := r.wrap(chain(rt.Use, answer(rt)))
	return func(c *Context) error {
		if c.inv.refused == nil {
			c.inv.refused = rt.allowed(c)
		}
		return run(c)
	}
}

// answer returns the innermost handler of a route. It runs the route's handler
// only if the checks permit it and the arguments are valid.
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

// unknown is the NotFound of a Router without one.
func unknown(c *Context) error {
	return &NotFoundError{Prefix: c.inv.prefix, Line: c.inv.line}
}

// run runs the route or NotFound of an event.
func (c *Context) run(m *destination) error {
	if c.inv.outer != nil {
		return c.runOnce(m)
	}
	c.inv.turn.leadsTo(c, m.to.name, m.to.scope())
	child := c.newMatched()
	m.prepare(child.inv)
	return c.runAs(child, m.to.name, m.to.run)
}

// runOnce is run for a Router that may be one of several.
func (c *Context) runOnce(m *destination) error {
	if c.hasEnded(m.to.scope()) {
		return nil
	}
	c.inv.turn.leadsTo(c, m.to.name, m.to.scope())
	child := c.newMatched()
	m.prepare(child.inv)
	err := c.runAs(child, m.to.name, m.to.run)
	c.noteEnded(m.to.scope(), err)
	return err
}

// hasEnded reports whether a listener or a route of c ended in an earlier run.
func (c *Context) hasEnded(name string) bool {
	s := c.steps()
	if s.trail == nil || !s.trail.Again() {
		return false
	}
	_, ended := s.trail.Get(s.key("ended", c.via.String(), name))
	return ended
}

// noteEnded records that a listener or a route has ended, unless a stop ended
// it.
func (c *Context) noteEnded(name string, err error) {
	if errors.Is(err, ErrStopped) {
		return
	}
	if s := c.steps(); s.trail != nil {
		s.trail.Keep(s.key("ended", c.via.String(), name), nil)
	}
}

// ledTo returns the id of the event's route in an earlier run, or "" if that
// did not get so far.
func (c *Context) ledTo() string {
	s := c.steps()
	if s.trail == nil || !s.trail.Again() {
		return ""
	}
	name, _ := s.trail.Get(c.routeStep())
	return string(name)
}

// routeStep returns the step of the event's route.
func (c *Context) routeStep() trail.Key {
	return trail.KeyOf(c.event.ID, c.inv.scope(), c.via.String(), "route")
}

// A goneError reports that the route of a waiting handler is gone, or no longer matches.
type goneError struct{ route string }

func (e *goneError) Error() string {
	return fmt.Sprintf("vk: dropping event whose handler waited: its route %s is gone or no longer matches", e.route)
}

// prepare sets up the invocation for the event's destination.
func (m *destination) prepare(i *invocation) {
	i.route, i.prefix, i.text, i.line = m.to.route, m.prefix, m.text, m.line
	i.refused = m.failed
	if len(m.captures) > 0 {
		i.capture(m.captures)
	}
	i.id = m.to.scope()
	i.of(m.to.edition)
}

// of sets the module of the invocation.
func (i *invocation) of(s *edition) {
	if s != nil {
		i.module, i.life = s.module, &s.life
	}
}

// maxRun limits the depth of routes that run routes.
const maxRun = 16

// Invoke runs another route of the bot, as if the user had written its command
// followed by line: its checks, its middleware, its arguments from line, its
// handler. It can also run the route of c again, with [Context.Line] or other
// arguments. It is a new invocation, with its own Context, and Invoke returns
// its error.
//
// To run a handler alone, without checks and middleware and with the arguments
// of c, call the route's Handler.
//
// Routes that run each other endlessly result in an error at a depth of 16.
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
		again := " #" + strconv.Itoa(n+1) // it has its own random ids
		name, id = name+again, id+again
	}
	m := &destination{to: rt.target, prefix: c.inv.prefix, text: line, line: line}
	return c.invoke(name, rt.target.run, func(i *invocation) {
		m.prepare(i)
		i.id = id
	})
}

// A turn is the handling of one event, as Contexts and Routers see it: the
// Dispatcher's job, or noTurn.
type turn interface {
	// enter records that an invocation begins, and returns the surrounding
	// one.
	enter(in inner) (outer inner)

	// leave records that the invocation has ended, and that outer continues.
	leave(outer inner)

	// leadsTo records the route of the event of c: its name, and its id, which
	// does not depend on the version of the code.
	leadsTo(c *Context, route, id string)

	// ends records the error of a handler.
	ends(err error)

	// report logs a handler's error.
	report(err error)

	// offer offers the event of c to handlers that wait for one, and reports
	// whether one consumed it. Otherwise the event goes on to its destination.
	offer(c *Context, to destination) (taken bool)

	// trail returns the steps of the event's handlers, or nil if they are not kept.
	trail() *trail.Trail
}

// An inner is the innermost running invocation.
type inner struct {
	name string
	ctx  watchdog.Canceler // its context
}

// noTurn is the turn of Contexts without a Dispatcher.
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

// errMatchExit is the error of a wait whose match called runtime.Goexit. The
// event that it saw has ended with that, and logged it.
var errMatchExit = errors.New("called runtime.Goexit")

// logFailure logs a handler's error. The errors of several handlers get a line
// each. Users' mistakes and the ends of waits are not failures: they have
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
	var answer *AnswerError
	var again comesAgain
	var gone *goneError
	switch {
	case errors.As(err, &unknown), errors.As(err, &wrong), errors.As(err, &refused), errors.As(err, &payload), errors.As(err, &answer), errors.Is(err, ErrDisabled):
		level = slog.LevelInfo
	case errors.Is(err, ErrStopped), errors.Is(err, ErrUnmounted), errors.Is(err, ErrEnded), errors.Is(err, errHandled),
		errors.Is(err, errMatchExit), errors.Is(err, ErrInterrupted), errors.Is(err, ErrCanceled), errors.Is(err, ErrNoAnswer):
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

// invoke runs h as a new, named invocation, with a Context that ends when h
// returns, within the time limit. It returns panics as errors. prepare sets up
// the invocation before h runs.
func (c *Context) invoke(name string, h HandlerFunc, prepare func(*invocation)) error {
	child := c.newMatched()
	if prepare != nil {
		prepare(child.inv)
	}
	return c.runAs(child, name, h)
}

// runAs is invoke with a Context for h that is new and set up.
func (c *Context) runAs(child *Context, name string, h HandlerFunc) (err error) {
	child.inv.ctx.Init(c.ctx)
	child.ctx = &child.inv.ctx
	child.inv.name = name
	child.inv.outer, child.inv.via = c.inv, c.via
	turn := c.inv.turn
	outer := turn.enter(inner{name, &child.inv.ctx})
	ended := false
	defer func() {
		if v := recover(); v != nil {
			err = caught(v)
		} else if !ended {
			// The error cannot be returned: the goroutine is ending.
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

// named adds the name of a handler to its error.
func named(name string, err error) error {
	if err == nil || name == "" {
		return err
	}
	return errtext.Wrap("vk: ", name, err)
}

// join joins errors. A single one that is not nil is returned as it is.
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

// count returns the number of earlier sends of the invocation to the same
// peer.
func (i *invocation) count(to string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.sends == nil {
		i.sends = &sends{to: to}
	}
	return i.sends.count(to)
}

// sends counts the sends to each peer. Most handlers send to one peer only,
// and while they wait for its answer, a map would take 200 bytes.
type sends struct {
	to   string // the first peer
	n    int    // sends to it
	rest map[string]int
}

func (s *sends) count(to string) (before int) {
	if to == s.to {
		s.n++
		return s.n - 1
	}
	if s.rest == nil {
		s.rest = make(map[string]int)
	}
	s.rest[to]++
	return s.rest[to] - 1
}

// scope identifies the handler of the invocation, with those around it: no
// other handler of the event has the same scope.
func (i *invocation) scope() string {
	if i.outer == nil {
		return ""
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.scoped == "" {
		i.scoped = i.outer.scope() + "\x00" + i.via.String() + cmp.Or(i.id, i.name)
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
// [Context.Before], after the checks have passed and the arguments are parsed.
// f takes something: a use of a cooldown, one of a limited number of slots, a
// coin. If f returns an error, it must have taken nothing, and the error is
// the handler's result.
//
// If the handler does not start, because a later claim or a Before returns an
// error, panics or ends the goroutine, the claims are undone: the giveBack
// functions are called, the last first, after the After hooks. giveBack may be
// nil. Once the handler has started, it is not called, regardless of the
// handler's result.
//
// Claims run in the order in which they were added: those of outer middleware
// come first. If inner middleware calls its handler again, claims are not
// repeated. When f runs, it is not yet certain that the handler will run, so f
// should not send messages to users: use Before for that.
//
// Each event has its own Context, but events of different conversations are
// handled concurrently: state that f and giveBack share needs a lock. f may
// block, also in [Context.Park]. Claim and Before panic if the handler's hooks
// have started to run.
//
// Middleware around a whole Router can add claims and hooks as well: they run
// before the route that the Router finds, and not if it finds none. Those of a
// route do not run for the routes that its handler runs, see [Context.Invoke].
// Without a Router, claims and hooks never run.
func (c *Context) Claim(f func(c *Context) (giveBack func(), err error)) {
	requireFunc("Claim", 1, f == nil)
	if !c.inv.hooks().Claim(f) {
		panic(hooksRun("Claim"))
	}
}

// Before registers f to run before the route's handler, after the checks have
// passed, the arguments are parsed, and all claims are made; see
// [Context.Claim]. If f returns an error, that is the handler's result: the
// handler and the hooks that were added later do not run.
//
// The hooks run in the order in which they were added, like the lines of a
// function: a Before is a line that may return an error, an After is a defer,
// and the handler is the last line.
func (c *Context) Before(f HandlerFunc) {
	requireFunc("Before", 1, f == nil)
	if !c.inv.hooks().Before(f) {
		panic(hooksRun("Before"))
	}
}

// After registers f to run when the route's handler has ended, with the
// handler's error. It also runs after a panic, with a [*PanicError], and after
// a call of runtime.Goexit, with an error. If a Before that was added later
// fails, the handler does not run, and f gets the error of that Before. f does
// not run if an earlier Before or a claim fails.
//
// If f returns an error, it is joined with the handler's error, which f cannot
// remove. The functions run in the reverse order of registration. If a hook or
// the handler itself calls After, it acts like a defer at that place.
func (c *Context) After(f func(c *Context, err error) error) {
	requireFunc("After", 1, f == nil)
	c.inv.hooks().After(f)
}

// hooksRun returns the panic message of Claim and Before when the hooks have
// started to run.
func hooksRun(method string) string {
	return "vk: " + method + ": the handler's hooks have started: call it in middleware, before next"
}

// hookEnds are the errors of hooks and handlers that do not return.
var hookEnds = &hooks.Ends{Caught: caught, Goexit: errGoexit}

// run runs h with its hooks: those of the surrounding invocations that belong
// to no other route, then its own. It returns a panic of any of them as an
// error.
func (i *invocation) run(c *Context, h HandlerFunc) error {
	var around []*hooks.Hooks[*Context]
	for up := i.outer; up != nil && up.route == nil; up = up.outer {
		if h := up.added.Load(); h != nil && h.InUse() {
			around = append(around, h)
		}
	}
	return i.hooks().Run(c, h, around, hookEnds)
}

// contained returns h as a middleware gets it: a panic of h is returned as an
// error, and hooks that are added inside h are removed when h returns.
func contained(h HandlerFunc) HandlerFunc {
	return func(c *Context) (err error) {
		mark := c.inv.hooks().Mark()
		defer func() {
			if v := recover(); v != nil {
				err = caught(v)
			}
			c.inv.hooks().Return(mark)
		}()
		return h(c)
	}
}
