package vk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/vkrouter/vk/internal/command"
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
		word, _ := command.CutSpace(command.SkipSpace(i.line))
		return word
	}
	return strings.TrimSpace(strings.TrimSuffix(i.text, i.line))
}

// Line returns what was written behind the words of the command: all of its
// arguments, as they stand. In a NotFound or a condition it is all that stands
// behind the prefix, and outside of a command it is "".
func (c *Context) Line() string { return strings.TrimSpace(c.inv.line) }

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
