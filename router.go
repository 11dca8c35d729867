package vk

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/vkrouter/vk/internal/command"
)

// A Router is a Handler that gives each event to those who asked for it:
// listeners observe, routes answer. It is to commands what [http.ServeMux] is
// to paths.
//
// For each event it runs the listeners of the event's kind, in the order of
// their registration, and then, if somebody wrote a message or pressed a
// button, one route. Each is an invocation of its own, with its own Context:
// none can stop the next, also by failing, by a panic, or by [runtime.Goexit].
//
// Of all routes, the one that answers is the first of:
//
//   - the command that the pressed button stands for, see [Cmd]; it has no
//     prefix
//   - the route of a key of the button's payload, see [Press]
//   - the command that the message's text begins with behind the prefix; of
//     several the one with the most words, see [Router.Handle]
//   - the route of the text as a whole, see [Router.Text]
//   - the route whose condition holds; of several the one that was added first,
//     see [Router.When]. It gets commands that there are none of as well, which
//     may be what somebody answers in a dialogue: a condition that is for no
//     command line asks whether [Context.Prefix] is empty
//   - the NotFound of the words that the text begins with, or that of all, see
//     [Router.NotFound]
//
// Messages that tell what happened in a chat, such as that somebody joined it,
// are for listeners, as are the bot's own messages and, without AnswerBots, those
// of communities: no route answers them.
//
// The zero Router is ready for use and takes every message for a command line.
// Handlers may be added and removed while it serves. All methods are safe for
// concurrent use; the fields must not change once the Router has routes.
type Router struct {
	// Prefix finds the prefix at the beginning of the message's text that
	// makes the rest a command line; ok is false if there is none. Nil means
	// that commands have no prefix. It is asked once for each message, of the
	// outermost Router only, and must have no effects. See [Literal].
	Prefix PrefixFunc

	// Fold finds commands and the prefixes of [Literal] whatever the case of
	// their letters, and takes ё for е. Routes whose words differ in these alone
	// have the same words then. It must be set before the first route is added:
	// the next route, or the first event, panics otherwise.
	// Only the outermost Router has it.
	Fold bool

	// AnswerBots makes routes answer messages that communities have written, too:
	// other bots, as a rule. By default they are for listeners alone, because two
	// bots that answer each other do so for ever. Only the outermost Router has
	// it.
	AnswerBots bool

	// Defaults is what the routes of this Router, and of Routers inside of it
	// that have no Defaults of their own, take over where they leave it zero:
	// Doc and Hidden. Other fields of it do not count.
	Defaults Route

	outer   *Router  // the Router whose Route, Group or Mount made this one
	path    string   // the words before those of its routes, as in a pattern
	edition *edition // of the module that it is of, or nil

	types  atomic.Pointer[map[string]command.Converter] // what Converter has added; likewise
	checks atomic.Pointer[[]*checkSet]                  // changed under the mu of the outermost Router

	// Guarded by the mu of the outermost Router. Once used is set, use does
	// not change any more.
	use  []Middleware
	used bool // something was added: Use is late
	fold bool // what Fold was then, of the outermost Router

	// Of the outermost Router only.
	mu      sync.Mutex
	reg     registry
	unknown *target // where nothing is found; nil until compiled
	table   atomic.Pointer[table]
}

// NewRouter returns &Router{Prefix: Literal(prefixes...)}, or new(Router) if
// there are none.
func NewRouter(prefixes ...string) *Router {
	if len(prefixes) == 0 {
		return new(Router)
	}
	return &Router{Prefix: Literal(prefixes...)}
}

// top returns the outermost Router.
func (r *Router) top() *Router {
	for r.outer != nil {
		r = r.outer
	}
	return r
}

// Use adds middleware around the routes of r and around its NotFound handler:
// what was given first is outermost, and the middleware of outer Routers is
// outside of it. It does not wrap listeners. To wrap all of a bot, wrap the
// Router's Serve method.
//
// A middleware is called once for each route, when that is added: what it makes
// then for itself, it keeps for as long as there is the route.
//
// Use panics when r, or a Router inside of it, already has a route.
func (r *Router) Use(mw ...Middleware) {
	top := r.top()
	top.mu.Lock()
	defer top.mu.Unlock()
	if r.used {
		panic("vk: Use after a route was added (at " + callers(1) + "): the routes before would do without")
	}
	if slices.ContainsFunc(mw, func(m Middleware) bool { return m == nil }) {
		panic("vk: Use: nil middleware (at " + callers(1) + ")")
	}
	r.use = append(r.use, mw...)
	top.unknown = nil
	top.table.Store(nil)
}

// wrap returns h with the middleware of r and of the Routers around it, which
// can have no more from now on: so a chain is composed once, and a middleware
// keeps its state whatever is registered later.
func (r *Router) wrap(h HandlerFunc) HandlerFunc {
	top := r.top()
	top.mu.Lock()
	if !top.used {
		top.fold = top.Fold
	}
	for up := r; up != nil; up = up.outer {
		up.used = true
	}
	top.checkFold()
	top.mu.Unlock()
	for up := r; up != nil; up = up.outer {
		h = chain(up.use, h)
	}
	return h
}

// checkFold panics, with mu unlocked, if Fold is not what it was for the first
// route. The caller holds mu.
func (r *Router) checkFold() {
	if r.used && r.Fold != r.fold {
		r.mu.Unlock()
		panic("vk: Fold was set after a route was added: what words are the same was decided before")
	}
}

// Route calls f with a Router for commands that begin with the given words. It
// has middleware and checks of its own, inside of r's, and it may have a route
// with an empty pattern: the words alone, for which that one answers where no
// longer command fits.
func (r *Router) Route(words string, f func(r *Router)) {
	p, err := r.parsePattern(words)
	switch {
	case err != nil:
		panic(fmt.Sprintf("vk: Route %q (at %s): %v", words, callers(1), err))
	case len(p.Words) == 0 || len(p.Params) > 0:
		panic(fmt.Sprintf("vk: Route %q (at %s): not just words", words, callers(1)))
	}
	r.nest(words, f)
}

// Group calls f with a Router that is like r but has middleware and checks of
// its own, inside of r's.
func (r *Router) Group(f func(r *Router)) { r.nest("", f) }

func (r *Router) nest(words string, f func(r *Router)) {
	in := &Router{outer: r, path: strings.TrimSpace(r.path + " " + words), edition: r.edition}
	f(in)
	if in.Prefix != nil {
		panic("vk: only the outermost Router has a Prefix (at " + callers(2) + ")")
	}
	if in.Fold {
		panic("vk: only the outermost Router has Fold (at " + callers(2) + ")")
	}
	if in.AnswerBots {
		panic("vk: only the outermost Router has AnswerBots (at " + callers(2) + ")")
	}
}

// NotFound sets the handler for a command line that no route matches; with
// words of its own, that of those lines which begin with them. There can be
// one for the same words. The handler's middleware is that of r's routes; their
// checks do not concern it.
//
// Without one, a line with a prefix ends in a [*NotFoundError], which
// middleware sees, and a text without one is left alone.
func (r *Router) NotFound(h HandlerFunc) {
	t := &target{label: "NotFound", name: strings.TrimSpace("NotFound " + r.path), place: callers(1), edition: r.edition}
	if h == nil {
		r.reportMistake(t, errors.New("nil handler"))
		return
	}
	p, _ := r.parsePattern(r.path) // parsed by Route before
	t.words = p.Expand()
	for _, words := range t.words {
		t.reserved = append(t.reserved, reservation{reserveNotFound, strings.Join(words, " ")})
	}
	t.run = r.wrap(func(c *Context) error { return c.inv.run(c, h) })
	r.register(t)
}

// A NotFoundError says that somebody wrote a command that there is none of.
type NotFoundError struct {
	Prefix string // what the text began with
	Line   string // the rest of it
}

// Error names the command.
func (e *NotFoundError) Error() string {
	word, _, _ := strings.Cut(e.Line, " ")
	return fmt.Sprintf("vk: no command %.40q", e.Prefix+word)
}

// Serve gives the event to its listeners, then to its route. It returns
// their errors, joined, each with the name of the listener or route.
func (r *Router) Serve(c *Context) error {
	top, t := r.top(), r.current()
	var errs handlerErrors
	returned := false
	defer func() {
		if !returned { // a handler has called runtime.Goexit
			c.inv.turn.report(errs)
		}
	}()
	t.serve(c.through(top), t.heard.of(c.event), &errs)
	returned = true
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	}
	return errs
}

// handlerErrors are the errors of several handlers of one event.
type handlerErrors []error

func (e handlerErrors) Error() string   { return errors.Join(e...).Error() }
func (e handlerErrors) Unwrap() []error { return e }

func (e *handlerErrors) add(err error) {
	if err != nil {
		*e = append(*e, err)
	}
}
