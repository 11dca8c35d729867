package vk

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/vkrouter/vk/internal/command"
	"github.com/vkrouter/vk/internal/tolerant"
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
	return r.top().addChecks(&r.checks, checks)
}

// Check adds checks to a registered route, after those of its Checks, while the
// bot runs. The route that [Router.Replace] or [Route.Update] puts in its place has
// them, too. The function that Check returns removes them again. Check panics if
// the Route was not returned by a Router, or if a check is nil.
func (rt *Route) Check(checks ...Check) (remove func()) {
	if rt.added == nil {
		panic("vk: Check: the Route was not returned by a Router")
	}
	if slices.ContainsFunc(checks, func(f Check) bool { return f == nil }) {
		panic("vk: Check: nil check (at " + callers(1) + ")")
	}
	return rt.router.top().addChecks(rt.added, checks)
}

// addChecks adds checks to those in to. r is the outermost Router.
func (r *Router) addChecks(to *atomic.Pointer[[]*checkSet], checks []Check) (remove func()) {
	added := &checkSet{slices.Clone(checks)}
	change := func(f func([]*checkSet) []*checkSet) {
		r.mu.Lock()
		defer r.mu.Unlock()
		var old []*checkSet
		if p := to.Load(); p != nil {
			old = *p
		}
		sets := f(slices.Clone(old))
		to.Store(&sets)
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
	return runAdded(c, &r.checks)
}

// runAdded runs the checks that Check has added.
func runAdded(c *Context, added *atomic.Pointer[[]*checkSet]) error {
	sets := added.Load()
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
	if err := run(c, rt.Checks); err != nil || rt.added == nil {
		return err
	}
	return runAdded(c, rt.added)
}

// as returns a Context like c for the checks of a route that does not run.
func (c *Context) as(rt *Route) *Context {
	d := newContext(c.ctx, c.client, c.event, c.inv.turn)
	d.via = c.via
	d.inv.name, d.inv.via, d.inv.outer = "checks of "+rt.Pattern, c.via, c.inv
	d.inv.route, d.inv.prefix = rt, c.inv.prefix
	return d
}

// A Cond is a condition for a route: whether it answers an event. See
// [Router.When]. It is asked for each event that no command answers, so that it
// should be quick; an error says that the answer cannot be known. It must not
// have effects.
type Cond func(*Context) (bool, error)

// And returns the condition that f and g hold. It does not ask g if f does not
// hold.
func (f Cond) And(g Cond) Cond {
	return func(c *Context) (bool, error) {
		before := c.inv.captures
		ok, err := f(c)
		if ok && err == nil {
			ok, err = g(c)
		}
		if !ok {
			c.inv.captures = before
		}
		return ok, err
	}
}

// Or returns the condition that f or g holds. It does not ask g if f holds.
func (f Cond) Or(g Cond) Cond {
	return func(c *Context) (bool, error) {
		before := c.inv.captures
		if ok, err := f(c); ok || err != nil {
			return ok, err
		}
		c.inv.captures = before // f may have asked others
		return g(c)
	}
}

// Not returns the condition that f does not hold.
func (f Cond) Not() Cond {
	return func(c *Context) (bool, error) {
		before := c.inv.captures
		ok, err := f(c)
		c.inv.captures = before
		return !ok && err == nil, err
	}
}

// If returns the condition that ok reports: If((*vk.Context).IsChat) is that the
// event is from a chat.
func If(ok func(*Context) bool) Cond {
	if ok == nil {
		panic("vk: If (at " + callers(1) + "): nil function")
	}
	return func(c *Context) (bool, error) { return ok(c), nil }
}

// Regexp returns the condition that a message's text has a match of a regular
// expression, in the syntax of package regexp; "(?i)" at its beginning makes
// case not count. In the handler, [Context.Arg] returns what its groups have
// matched, by their name or number: Arg("1") is the first, Arg("0") all of the
// match.
//
// It panics if the expression is malformed.
func Regexp(expr string) Cond {
	re, err := regexp.Compile(expr)
	if err != nil {
		panic(fmt.Sprintf("vk: Regexp (at %s): %v", callers(1), err))
	}
	names := re.SubexpNames()
	return func(c *Context) (bool, error) {
		if c.event.Kind == string(EventMessageEvent) {
			return false, nil // has no text
		}
		found := re.FindStringSubmatch(c.Text())
		if found == nil {
			return false, nil
		}
		c.inv.captures = append(slices.Clip(c.inv.captures), capture{names, found})
		return true, nil
	}
}

// A capture is what the groups of a regular expression have matched.
type capture struct{ names, found []string }

// captured returns what a group of a condition's regular expression has
// matched.
func (i *invocation) captured(name string) (text string, ok bool) {
	for _, c := range slices.Backward(i.captures) {
		if n, err := strconv.Atoi(name); err == nil && 0 <= n && n < len(c.found) {
			return c.found[n], true
		}
		if n := slices.Index(c.names, name); n > 0 {
			return c.found[n], true
		}
	}
	return "", false
}

// Has returns the condition that the message has an attachment of one of the
// given kinds: "photo", "sticker", "audio_message", or whatever VK calls them.
// Without kinds, it is that the message has any.
//
// See https://dev.vk.com/ru/reference/objects/message for VK's list.
func Has(kinds ...string) Cond {
	kinds = slices.Clone(kinds)
	return func(c *Context) (bool, error) {
		has := c.attached()
		if len(kinds) == 0 {
			return len(has) > 0, nil
		}
		return slices.ContainsFunc(has, func(kind string) bool { return slices.Contains(kinds, kind) }), nil
	}
}

// attached returns the kinds of the message's attachments. It reads them once
// for all conditions of an event.
func (c *Context) attached() []string {
	i := c.inv
	i.mu.Lock()
	defer i.mu.Unlock()
	f := i.finding()
	if !f.looked {
		f.looked = true
		f.attached = attachedTo(c.event)
	}
	return f.attached
}

func attachedTo(e *Event) (kinds []string) {
	if !bytes.Contains(e.Object, []byte(`"attachments"`)) {
		return nil
	}
	type message struct {
		Attachments []struct {
			Type string `json:"type"`
		} `json:"attachments"`
	}
	var o struct {
		message
		Message message `json:"message"`
	}
	if tolerant.Unmarshal(e.Object, &o) != nil {
		return nil
	}
	for _, a := range append(o.Attachments, o.Message.Attachments...) {
		kinds = append(kinds, a.Type)
	}
	return kinds
}

// sameText returns a text in the form that it is compared in.
func sameText(s string) string {
	return command.Fold(strings.Join(strings.Fields(s), " "))
}

// findings is what was found in an event for conditions and routes, of which most
// handlers need nothing.
type findings struct {
	looked   bool // for attachments
	attached []string

	decoded bool // the payload, for the route
	payload any
	err     error
}

// finding returns what was found so far. The caller holds i.mu.
func (i *invocation) finding() *findings {
	if i.found == nil {
		i.found = new(findings)
	}
	return i.found
}
