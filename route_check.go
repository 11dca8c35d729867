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
	"github.com/vkrouter/vk/internal/errtext"
	"github.com/vkrouter/vk/internal/tolerant"
)

// A Check decides whether a command may run for an event: nil permits it, and
// an error refuses it and gives the reason. Checks run before middleware; a
// refusal is a [*CheckError], which middleware sees. They may also be run
// without the command, to find out whether it is permitted, so they must not
// have side effects.
//
// Package middleware has the most common checks.
type Check func(*Context) error

// A CheckError reports that a command was refused before its handler ran, by a
// check or by middleware that decides at the same point, such as a cooldown.
//
// It does not tell a refusal from a failure: a check that could not ask VK
// does not permit the command either. To tell them apart, use Err, the error
// of the check: for the checks of package middleware, a refusal is
// middleware.ErrRefused, and anything else is a failure.
type CheckError struct {
	Err error // the reason
}

// Error returns a message with the reason.
func (e *CheckError) Error() string { return "vk: refused: " + errtext.Without("vk: ", e.Err) }

// Unwrap returns e.Err.
func (e *CheckError) Unwrap() error { return e.Err }

// Check adds checks to all routes of r and of the Routers inside it, including
// routes that were added before. The checks of outer Routers come first, then
// those of inner ones, then the route's own; the first error ends them. Check
// returns a function that removes these checks.
func (r *Router) Check(checks ...Check) (remove func()) {
	if slices.ContainsFunc(checks, func(f Check) bool { return f == nil }) {
		panic("vk: Check: nil check (at " + callers(1) + ")")
	}
	return r.top().addChecks(&r.checks, checks)
}

// Check adds checks to a registered route, after its Checks, while the bot
// runs. They also apply to the route that [Router.Replace] or [Route.Update]
// puts in its place. Check returns a function that removes these checks. It
// panics if the Route was not returned by a Router, or if a check is nil.
func (rt *Route) Check(checks ...Check) (remove func()) {
	if rt.added == nil {
		panic("vk: Check: the Route was not returned by a Router")
	}
	if slices.ContainsFunc(checks, func(f Check) bool { return f == nil }) {
		panic("vk: Check: nil check (at " + callers(1) + ")")
	}
	return rt.router.top().addChecks(rt.added, checks)
}

// addChecks adds checks to to. r is the outermost Router.
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

// A checkSet has the checks of one call of Check.
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

// runAdded runs the checks that were added by Check.
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

// Allowed runs only the route's checks. It returns nil if the route may handle
// the event of c, an error that wraps [ErrDisabled] if the route is disabled,
// and otherwise the [*CheckError] of the check that refuses. The error of a
// check that panics is a [*PanicError]. The checks see the route as
// [Context.Route].
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
	d := c.newMatched()
	d.via = c.via
	d.inv.name, d.inv.via, d.inv.outer = "checks of "+rt.Pattern, c.via, c.inv
	d.inv.route, d.inv.prefix = rt, c.inv.prefix
	return d
}

// A Cond is a condition of a route: it reports whether the route answers an
// event. See [Router.When]. It is called for each event that no command
// answers, so it should be fast. It returns an error if it cannot find out. It
// must not have side effects.
type Cond func(*Context) (bool, error)

// And returns the condition that both f and g hold. It does not call g if f
// does not hold.
func (f Cond) And(g Cond) Cond {
	requireConds("And", callers(1), f, g)
	return func(c *Context) (bool, error) {
		before := c.inv.captures()
		ok, err := f(c)
		if ok && err == nil {
			ok, err = g(c)
		}
		if !ok {
			c.inv.capture(before)
		}
		return ok, err
	}
}

// Or returns the condition that f or g holds. It does not call g if f holds.
func (f Cond) Or(g Cond) Cond {
	requireConds("Or", callers(1), f, g)
	return func(c *Context) (bool, error) {
		before := c.inv.captures()
		if ok, err := f(c); ok || err != nil {
			return ok, err
		}
		c.inv.capture(before) // f may have set others
		return g(c)
	}
}

// Not returns the condition that f does not hold.
func (f Cond) Not() Cond {
	requireConds("Not", callers(1), f)
	return func(c *Context) (bool, error) {
		before := c.inv.captures()
		ok, err := f(c)
		c.inv.capture(before)
		return !ok && err == nil, err
	}
}

// requireConds panics if a condition is nil: it would fail for each event.
func requireConds(name, place string, conds ...Cond) {
	for _, f := range conds {
		if f == nil {
			panic("vk: " + name + " (at " + place + "): nil condition")
		}
	}
}

// requireFunc panics if a function that was given to a method is nil: otherwise
// each event would fail. skip is as for callers.
func requireFunc(method string, skip int, isNil bool) {
	if isNil {
		panic("vk: " + method + " (at " + callers(skip+1) + "): nil function")
	}
}

// If returns the condition that ok returns true: If((*vk.Context).IsChat)
// holds if the event is from a chat.
func If(ok func(*Context) bool) Cond {
	if ok == nil {
		panic("vk: If (at " + callers(1) + "): nil function")
	}
	return func(c *Context) (bool, error) { return ok(c), nil }
}

// Regexp returns the condition that a message's text matches a regular
// expression, in the syntax of package regexp; a leading "(?i)" makes it
// ignore case. In the handler, [Context.Arg] returns the text of a group by
// its name or number: Arg("1") is the first group, Arg("0") the whole match.
//
// Regexp panics if the expression is malformed.
func Regexp(expr string) Cond {
	re, err := regexp.Compile(expr)
	if err != nil {
		panic(fmt.Sprintf("vk: Regexp (at %s): %v", callers(1), err))
	}
	names := re.SubexpNames()
	return func(c *Context) (bool, error) {
		if c.event.Kind == string(EventMessageEvent) {
			return false, nil // it has no text
		}
		found := re.FindStringSubmatch(c.Text())
		if found == nil {
			return false, nil
		}
		c.inv.capture(append(slices.Clip(c.inv.captures()), capture{names, found}))
		return true, nil
	}
}

// A capture has the matches of the groups of a regular expression.
type capture struct{ names, found []string }

// capture sets the captures of the conditions.
func (i *invocation) capture(all []capture) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(all) > 0 || i.found != nil {
		i.finding().captures = all
	}
}

// captures returns the captures of the conditions.
func (i *invocation) captures() []capture {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.found == nil {
		return nil
	}
	return i.found.captures
}

// captured returns the match of a group of a condition's regular expression.
func (i *invocation) captured(name string) (text string, ok bool) {
	for _, c := range slices.Backward(i.captures()) {
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
// given kinds, by VK's names, such as "photo", "sticker" or "audio_message".
// Without kinds, it holds if the message has any attachment.
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

// sameText returns the form of a text that is used for comparison.
func sameText(s string) string {
	return command.Fold(strings.Join(strings.Fields(s), " "))
}

// findings caches facts about an event for conditions and routes. Most
// handlers need none of them.
type findings struct {
	captures []capture

	looked   bool // whether attached is set
	attached []string

	decoded bool // whether payload and err are set
	payload any
	err     error
}

// finding returns the facts found so far. The caller holds i.mu.
func (i *invocation) finding() *findings {
	if i.found == nil {
		i.found = new(findings)
	}
	return i.found
}
