package vk

import (
	"cmp"
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

	// Defaults are for the routes of this Router, and of Routers inside of it
	// that have no Defaults of their own. A route takes each of Doc, Hidden,
	// IgnoreExtra and Checks from it that the route leaves zero. A Route that is
	// Shown is not Hidden by Defaults; Checks that are empty but not nil are none.
	//
	// Defaults with none of these fields and without Shown are none. So Shown in
	// the Defaults of an inner Router says that its routes are not hidden. Checks
	// that no route may leave out are added with [Router.Check].
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

// Remove removes a route that Handle, or one of its kind, has returned. What it
// is answering, it answers to the end. It reports whether the route was there.
func (r *Router) Remove(rt *Route) (removed bool) {
	if rt == nil || rt.target == nil || rt.router.top() != r.top() {
		return false
	}
	top := r.top()
	top.mu.Lock()
	defer top.mu.Unlock()
	g, _, err := rt.router.registry()
	if err != nil || g.removeTarget(rt.target) < 0 {
		return false
	}
	top.table.Store(nil)
	return true
}

// Replace puts a route in the place of another: an event sees the one or the
// other, and a condition keeps its place in the order. The new one may have the
// words of the old.
//
// The new route belongs to the Router and the module of the old one, with their
// checks and middleware, and is enabled if the old one is. Where rt leaves a field
// zero, other than Handler, it keeps that of the old route; Pattern, Aliases, Text,
// Payload and When count as one field here. Its words are read as by [Router.Add]
// of r. If rt is a copy of a registered route, all of its fields count. To
// change some fields of a route, see [Route.Update].
//
// If old is not there (any more), Replace does nothing and returns false. It
// panics where Add does, and old is then still there.
func (r *Router) Replace(old *Route, rt Route) (added *Route, replaced bool) {
	if old == nil || old.target == nil || old.router.top() != r.top() {
		return nil, false
	}
	path := r.path
	if rt.router != nil {
		rt.Pattern, path = rt.ownPattern(), old.router.path
	} else if rt.keep(old) {
		path = old.router.path
	}
	whole, err := old.replacement(rt, callers(1), path)
	if err == nil {
		replaced, err = old.swap(whole)
	}
	switch {
	case err != nil:
		old.router.change(func(*registry) error { return err })
		return nil, false
	case !replaced:
		return nil, false
	}
	return whole, true
}

// keep sets the fields of rt that are zero to those of another route. It reports
// whether its words are among them.
func (rt *Route) keep(old *Route) (words bool) {
	words = rt.Pattern == "" && rt.Aliases == nil && rt.Text == "" && rt.Payload == "" && rt.When == nil
	if words {
		rt.Pattern, rt.Aliases, rt.Text, rt.Payload, rt.When = old.ownPattern(), old.Aliases, old.Text, old.Payload, old.When
	}
	rt.Doc = cmp.Or(rt.Doc, old.Doc)
	rt.IgnoreExtra = rt.IgnoreExtra || old.IgnoreExtra
	if !rt.Hidden && !rt.Shown {
		rt.Hidden, rt.Shown = old.Hidden, old.Shown
	}
	if rt.Use == nil {
		rt.Use = old.Use
	}
	if rt.Checks == nil {
		rt.Checks = old.Checks
	}
	rt.router = old.router // as that of a copy: it takes no Defaults anew
	return words
}

// replacement returns the route that rt is in the place of old. An error names the
// mistake in it.
func (old *Route) replacement(rt Route, place, path string) (*Route, error) {
	whole, err := old.router.newRoute(rt, place, path)
	if err != nil {
		return nil, whole.target.mistake(err)
	}
	whole.off, whole.added = old.off, old.added
	return whole, nil
}

// swap puts whole in the place of old. It reports false if old is not there.
func (old *Route) swap(whole *Route) (done bool, err error) {
	top := old.router.top()
	top.mu.Lock()
	defer top.mu.Unlock()
	g, _, err := old.router.registry()
	if err != nil {
		return false, nil // the module is gone, and old with it
	}
	at := g.removeTarget(old.target)
	if at < 0 {
		return false, nil
	}
	if err := g.addTarget(whole.target, at); err != nil {
		g.addTarget(old.target, at)
		return false, whole.target.mistake(err)
	}
	old.target.next = whole
	top.table.Store(nil)
	return true, nil
}

// ErrRemoved is returned, wrapped, by [Route.Update] of a route that is no longer
// registered.
var ErrRemoved = errors.New("the route is not registered any more")

// Update changes a registered route while the bot runs: its Doc, for instance,
// its Hidden or its Checks. f gets a copy to change, which then takes the place of
// the route: an event sees all of the old or all of the new. Update returns the
// new Route. The old one stays as it was, but can be updated again: f gets the
// newest then. f may be called several times, if others update the route at the
// same time. The route's middleware is called anew, as for every route that is
// added: state that it has for one route begins anew.
//
// An error says that the changed route is mistaken, or that it wants what another
// has, a [*ConflictError], or that it was removed, [ErrRemoved]. The route is then
// as it was. Update panics if the Route was not returned by a Router.
func (rt *Route) Update(f func(rt *Route)) (updated *Route, err error) {
	if rt.target == nil {
		panic("vk: Update: the Route was not returned by a Router")
	}
	place := callers(1)
	for {
		old, ok := rt.newest()
		if !ok {
			return nil, old.target.mistake(ErrRemoved)
		}
		n := *old
		n.Use, n.Checks, n.Aliases = slices.Clone(old.Use), slices.Clone(old.Checks), slices.Clone(old.Aliases)
		f(&n)
		n.Pattern = n.ownPattern()
		whole, err := old.replacement(n, place, old.router.path)
		if err != nil {
			return nil, err
		}
		if done, err := old.swap(whole); done || err != nil {
			if err != nil {
				return nil, err
			}
			return whole, nil
		}
	}
}

// newest returns what has become of a route by replacements. It reports whether
// that is registered.
func (rt *Route) newest() (*Route, bool) {
	top := rt.router.top()
	top.mu.Lock()
	defer top.mu.Unlock()
	for rt.target.next != nil {
		rt = rt.target.next
	}
	g, _, err := rt.router.registry()
	return rt, err == nil && slices.Contains(g.targets, rt.target)
}

// TryAdd adds a command whose words are text, such as that of a person, which it
// takes as it stands. The route's Pattern is empty or has placeholders only. It is
// otherwise like [Router.Add], but returns an error where that panics.
//
// Of words that can be none, the error is a [*WordsError]; of words that another
// route has, it wraps a [*ConflictError].
func (r *Router) TryAdd(words string, rt Route) (*Route, error) {
	if err := r.checkWords(words); err != nil {
		return nil, &WordsError{words, err}
	}
	place := callers(1)
	rt.Pattern = strings.TrimSpace(rt.Pattern)
	only := rt.Pattern == "" || rt.Pattern[0] == '{'
	rt.Pattern = strings.TrimSpace(words + " " + rt.Pattern)
	whole, err := r.newRoute(rt, place, r.path)
	switch {
	case err != nil:
		return nil, whole.target.mistake(err)
	case !only:
		return nil, whole.target.mistake(errors.New("the Pattern has words besides those given to TryAdd"))
	}
	top := r.top()
	top.mu.Lock()
	defer top.mu.Unlock()
	g, _, err := r.registry()
	if err == nil {
		err = g.addTarget(whole.target, -1)
	}
	if err != nil {
		return nil, whole.target.mistake(err)
	}
	top.table.Store(nil)
	return whole, nil
}

// checkWords returns what is wrong with text as the words of a command.
func (r *Router) checkWords(words string) error {
	if strings.TrimSpace(words) == "" {
		return errors.New("there is none")
	}
	if i := strings.IndexAny(words, "{}|"); i >= 0 {
		return fmt.Errorf("%q cannot be in a word", words[i])
	}
	_, err := r.parsePattern(words)
	return err
}

// A WordsError says that a text cannot be the words of a command.
type WordsError struct {
	Words string // the text
	Err   error  // what is wrong with it
}

// Error says what is wrong with the words.
func (e *WordsError) Error() string { return fmt.Sprintf("vk: words %.100q: %v", e.Words, e.Err) }

// Unwrap returns e.Err.
func (e *WordsError) Unwrap() error { return e.Err }

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
	if listeners := t.heard.of(c.event); len(listeners) > 0 {
		t.serve(c.through(top), listeners, &errs)
	} else { // with less on the stack: the handler may be parked for long
		t.route(c.through(top), &errs)
	}
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
