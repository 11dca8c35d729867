package discord

import "github.com/vkrouter/vk/internal/hooks"

// Claim registers f to run before the route's handler and before all hooks of
// [Context.Before], after all checks have passed and the arguments are parsed.
// f takes something: a use of a cooldown, a concurrency slot, a coin. If f
// returns an error, f has taken nothing, and the error is the handler's
// outcome.
//
// If the handler does not begin, because a later claim or a Before returns an
// error, panics or ends the goroutine, the giveBack functions are called, the
// last first, after the After hooks. giveBack may be nil. Once the handler has
// begun, it is not called, regardless of the handler's result.
//
// Claims run in the order in which they were added: those of outer middleware
// come first. Inner middleware that calls its handler again does not repeat a
// claim. f runs before it is certain that the handler runs, so f must not send
// messages to users: use Before for those.
//
// Each event has its own Context, but events of different lanes are handled at
// the same time: data shared by f and giveBack need a lock. f may block, also
// in [Context.Park]. Claim and Before panic when the handler's hooks have begun
// to run.
//
// Middleware around a whole Router can add claims and hooks as well: they run
// before the route that the Router finds, and not if it finds none. They are
// not run for a listener, or for a handler that is in no Router.
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
func (c *Context) After(f func(c *Context, err error) error) { c.inv.hooks.After(f) }

// hooksRun is the panic of Claim and Before when the hooks have begun to run.
func hooksRun(method string) string {
	return "discord: " + method + ": the handler's hooks run already: call it in middleware, before next"
}

// hookEnds are the errors of hooks and handlers that do not return.
var hookEnds = &hooks.Ends{Caught: caught, Goexit: errGoexit}

// run runs h with its hooks: those of the invocations around that are of no
// other route, then its own. It returns an error for a panic of any of them.
func (i *invocation) run(c *Context, h HandlerFunc) error {
	var around []*hooks.Hooks[*Context]
	for up := i.outer; up != nil && up.match == nil; up = up.outer {
		if up.hooks.InUse() {
			around = append(around, &up.hooks)
		}
	}
	return i.hooks.Run(c, h, around, hookEnds)
}
