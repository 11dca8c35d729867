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

// A Router is a Handler that dispatches each event to its listeners and to at
// most one route. It is to commands what [http.ServeMux] is to paths.
//
// For each event it first runs the listeners of the event's kind, in
// registration order. If the event is a written message or a press of a
// button, it then runs one route. Each run of a handler is an invocation with
// its own Context: it cannot stop the next one, even if it returns an error,
// panics, or calls [runtime.Goexit].
//
// The Router chooses the first of these that matches:
//
//   - the command in the payload of the pressed button, see [Cmd]; it has no
//     prefix
//   - the route of a key of the button's payload, see [Press]
//   - the command that the message's text begins with, after the prefix; if
//     several match, the one with the most words, see [Router.Handle]
//   - the route of the whole text, see [Router.Text]
//   - the first added route whose condition holds, see [Router.When]. Such a
//     route also gets unknown commands, which may be a user's answer in a
//     dialogue: a condition that does not want command lines checks that
//     [Context.Prefix] is empty
//   - the NotFound handler of the words that the text begins with, or else
//     that of the whole Router, see [Router.NotFound]
//
// Routes do not get service messages of a chat, such as that a user joined it,
// nor the bot's own messages, nor, unless AnswerBots is set, messages of
// communities. Listeners do.
//
// The zero Router is ready for use and takes every message as a command line.
// Handlers may be added and removed while it serves. All methods are safe for
// concurrent use; the fields must not change once the Router has routes.
type Router struct {
	// Prefix finds the prefix at the beginning of a message's text that makes
	// the rest a command line; ok is false if there is none. If nil, commands
	// have no prefix. It is called once per message, only on the outermost
	// Router, and must have no side effects. See [Literal].
	Prefix PrefixFunc

	// Fold makes commands and the prefixes of [Literal] match regardless of
	// case, and treats ё as е. Routes whose words differ only in these then
	// have the same words. It must be set before the first route is added:
	// otherwise the next route or the first event panics. Only the outermost
	// Router has it.
	Fold bool

	// AnswerBots makes routes answer messages written by communities, which
	// are usually other bots. By default only listeners get them, because two
	// bots that answer each other never stop. Only the outermost Router has
	// it.
	AnswerBots bool

	// Defaults are the defaults for routes of this Router, and of the Routers
	// inside it that have no Defaults of their own. A route takes Doc, Hidden,
	// IgnoreExtra and Checks from Defaults if it leaves them zero. Defaults do
	// not hide a Route that is Shown. Checks that are empty but not nil mean
	// no checks.
	//
	// Defaults with none of these fields and without Shown do not count as
	// Defaults. So Shown in the Defaults of an inner Router means that its
	// routes are not hidden. To add checks that no route can omit, use
	// [Router.Check].
	Defaults Route

	outer   *Router  // the Router whose Route, Group or Mount made this one
	path    string   // the words before those of its routes, as in a pattern
	edition *edition // the module that it belongs to, or nil

	types  atomic.Pointer[map[string]command.Converter] // added by Converter; changed like checks
	checks atomic.Pointer[[]*checkSet]                  // changed under the mu of the outermost Router

	// Guarded by the mu of the outermost Router. Once used is set, use no
	// longer changes.
	use  []Middleware
	used bool // something was added: Use panics
	fold bool // the outermost Router's Fold at that time

	// Only in the outermost Router.
	mu      sync.Mutex
	reg     registry
	unknown *target // the target of unmatched command lines; nil until compiled
	table   atomic.Pointer[table]
}

// NewRouter returns &Router{Prefix: Literal(prefixes...)}, or new(Router)
// without prefixes.
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

// Use adds middleware around the routes of r and around its NotFound handler.
// The first middleware is outermost, and the middleware of outer Routers is
// outside it. It does not wrap listeners. To wrap a whole bot, wrap the
// Router's Serve method.
//
// A middleware is called once for each route, when the route is added. State
// that it creates then lives as long as the route.
//
// Use panics if r, or a Router inside it, already has a route.
func (r *Router) Use(mw ...Middleware) {
	top := r.top()
	top.mu.Lock()
	defer top.mu.Unlock()
	if r.used {
		panic("vk: Use after a route was added (at " + callers(1) + "): the earlier routes would not have this middleware: call Use first")
	}
	if slices.ContainsFunc(mw, func(m Middleware) bool { return m == nil }) {
		panic("vk: Use: nil middleware (at " + callers(1) + ")")
	}
	r.use = append(r.use, mw...)
	top.unknown = nil
	top.table.Store(nil)
}

// wrap returns h with the middleware of r and of the Routers around it, which
// can have no more middleware from now on. So each chain is composed once, and
// a middleware keeps its state regardless of later registrations.
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

// checkFold panics, with mu unlocked, if Fold has changed since the first
// route was added. The caller holds mu.
func (r *Router) checkFold() {
	if r.used && r.Fold != r.fold {
		r.mu.Unlock()
		panic("vk: Fold was set after a route was added: set it before")
	}
}

// Route calls f with a Router for commands that begin with the given words.
// That Router has its own middleware and checks, inside those of r. It may
// have a route with an empty pattern, which answers the words alone, and any
// line that begins with them if no longer command matches.
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

// Group calls f with a Router that is like r but has its own middleware and
// checks, inside those of r.
func (r *Router) Group(f func(r *Router)) { r.nest("", f) }

func (r *Router) nest(words string, f func(r *Router)) {
	requireFunc("Route or Group", 2, f == nil)
	in := &Router{outer: r, path: strings.TrimSpace(r.path + " " + words), edition: r.edition}
	f(in)
	for name, set := range map[string]bool{"a Prefix": in.Prefix != nil, "Fold": in.Fold, "AnswerBots": in.AnswerBots} {
		if set {
			panic("vk: only the outermost Router has " + name + " (at " + callers(2) + ")")
		}
	}
}

// NotFound sets the handler for command lines that no route matches. In a
// Router with words, it handles those lines that begin with them. There can be
// one NotFound per words. The handler has the middleware of r's routes, but
// not their checks.
//
// Without a NotFound, a line with a prefix results in a [*NotFoundError],
// which middleware sees, and a text without a prefix is ignored.
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

// Remove removes a route that was returned by Handle or a similar method. It
// reports whether the route was registered. Handlers that are running finish.
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

// Replace replaces a route with another, atomically: an event sees either the
// old route or the new one, and a condition keeps its place in the order. The
// new route may have the words of the old one.
//
// The new route belongs to the old one's Router and module, with their checks
// and middleware, and is enabled if the old one is. Zero fields of rt, other
// than Handler, keep the values of the old route; Pattern, Aliases, Text,
// Payload and When count as one field for this. The words of rt are read as in
// [Router.Add] of r. If rt is a copy of a registered route, all of its fields
// are used. To change some fields of a route, see [Route.Update].
//
// If old is not registered, or no longer, Replace does nothing and returns
// false. It panics where Add does, and old then remains.
func (r *Router) Replace(old *Route, rt Route) (added *Route, replaced bool) {
	if old == nil || old.target == nil || old.router.top() != r.top() {
		return nil, false
	}
	path := r.path
	switch {
	case rt.router == old.router:
		rt.Pattern, path = rt.ownPattern(), rt.path
	case rt.router != nil:
		rt.Pattern, path = rt.ownPattern(), old.router.path
	case rt.keep(old):
		path = old.path
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

// keep copies the zero fields of rt from another route. It reports whether the
// words are among them.
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
	rt.router = old.router // as for a copy: Defaults are not applied again
	return words
}

// replacement returns the complete route that is to replace old. An error
// names the mistake in rt.
func (old *Route) replacement(rt Route, place, path string) (*Route, error) {
	whole, err := old.router.newRoute(rt, place, path)
	if err != nil {
		return nil, whole.target.mistake(err)
	}
	whole.off, whole.added = old.off, old.added
	return whole, nil
}

// swap replaces old with whole. It reports false if old is not registered.
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

// ErrRemoved is returned, wrapped, by [Route.Update] if the route is no longer
// registered.
var ErrRemoved = errors.New("the route is no longer registered")

// Update changes a registered route, for instance its Doc, Hidden or Checks,
// while the bot runs. f changes a copy, which then replaces the route
// atomically: an event sees all of the old route or all of the new one. Update
// returns the new Route. The old one stays as it was; updating it again passes
// the newest version to f. f may be called several times if the route is
// updated concurrently. The route's middleware is called again, as for every
// added route, so its state for this route starts over.
//
// Update returns an error if the changed route is invalid, if it conflicts
// with another route (a [*ConflictError]), or if the route was removed
// ([ErrRemoved]). The route is then unchanged. Update panics if the Route was
// not returned by a Router.
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
		whole, err := old.replacement(n, place, old.path)
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

// newest returns the latest replacement of a route, or the route itself. It
// reports whether that is registered.
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

// TryAdd adds a command whose words come from text, such as user input. The
// text is taken literally. The route's Pattern must be empty or consist of
// placeholders. TryAdd is otherwise like [Router.Add], but returns an error
// where that panics.
//
// The error is a [*WordsError] for text that cannot be a command's words. It
// wraps a [*ConflictError] if another route has the words.
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

// checkWords returns an error if text cannot be the words of a command.
func (r *Router) checkWords(words string) error {
	if strings.TrimSpace(words) == "" {
		return errors.New("the text is empty")
	}
	if i := strings.IndexAny(words, "{}|"); i >= 0 {
		return fmt.Errorf("%q cannot be in a word", words[i])
	}
	_, err := r.parsePattern(words)
	return err
}

// A WordsError reports a text that cannot be the words of a command.
type WordsError struct {
	Words string // the text
	Err   error  // the reason
}

// Error returns the text and the reason.
func (e *WordsError) Error() string { return fmt.Sprintf("vk: words %.100q: %v", e.Words, e.Err) }

// Unwrap returns e.Err.
func (e *WordsError) Unwrap() error { return e.Err }

// A NotFoundError reports a command line that no route matches.
type NotFoundError struct {
	Prefix string // the prefix of the text
	Line   string // the rest of it
}

// Error returns a message with the command's first word.
func (e *NotFoundError) Error() string {
	word, _, _ := strings.Cut(e.Line, " ")
	return fmt.Sprintf("vk: no command %.40q", e.Prefix+word)
}

// Serve runs the event's listeners, then its route. It returns their errors,
// joined, each with the name of its listener or route.
func (r *Router) Serve(c *Context) error {
	top, t := r.top(), r.current()
	var errs handlerErrors
	returned := false
	defer func() {
		if !returned { // a handler called runtime.Goexit
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
