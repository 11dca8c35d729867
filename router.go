package vk

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// A Router is a Handler that gives each event to those who asked for it:
// listeners observe, routes answer. It is to commands what [http.ServeMux] is
// to paths.
//
// For each event it runs the listeners of the event's kind, in the order of
// their registration, and then, for a message that somebody wrote, the one
// route that matches most of its words. The press of a button whose payload is
// a command line (see [Cmd]) runs its route likewise, without a prefix. Each is an invocation of its own, with
// its own Context: none can stop the next, also by failing, by a panic, or by
// [runtime.Goexit].
//
// The zero Router is ready for use and takes every message for a command line.
// Handlers may be added and removed while it serves. All methods are safe for
// concurrent use; Prefix must not change once the Router serves.
type Router struct {
	// Prefix finds the prefix at the beginning of the message's text that
	// makes the rest a command line; ok is false if there is none. Nil means
	// that commands have no prefix. It is asked once for each message, in an
	// invocation of its own, of the outermost Router only. See [Literal].
	Prefix func(*Context) (prefix string, ok bool)

	outer *Router // the Router whose Route or Group made this one
	path  string  // the words before those of its routes, as in a pattern

	checks atomic.Pointer[[]*checkSet] // changed under the mu of the outermost Router

	// Guarded by the mu of the outermost Router. Once used is set, use does
	// not change any more.
	use  []Middleware
	used bool // something was added: Use is late

	// Of the outermost Router only.
	mu        sync.Mutex
	listeners []*listener
	targets   []*target
	places    map[string]string // target.keys → where they were registered
	unknown   *target           // where nothing is found; nil until compiled
	table     atomic.Pointer[table]
}

// A Route is a command: what it answers to, and how. A Route that a Router
// has returned must not be changed.
type Route struct {
	// Pattern is what the route answers to; see [Router.Handle]. In a Route
	// that a Router returns it is whole: with the words of the routers around.
	Pattern string

	// Use is middleware for this route alone, inside of the Router's.
	Use []Middleware

	// Checks are for this route alone, after the Router's.
	Checks []Check

	// Handler answers.
	Handler HandlerFunc

	Doc    string // STAND-IN
	Hidden bool   // STAND-IN
	off    bool   // STAND-IN

	params []param
	router *Router // which it was added to
}

// A target is what a command line can lead to: a route, or a Router's NotFound.
type target struct {
	name    string   // in errors and random ids
	pattern *pattern // the words that lead to it
	route   *Route   // nil for a NotFound
	run     HandlerFunc
	life    *lifetime // of the module that it is of; nil if it is of none
}

// keys returns what no two targets may have in common: the words of its
// commands, with a brace, which no word has, to tell a NotFound from a route.
func (t *target) keys() []string {
	var keys []string
	for _, words := range t.pattern.expand() {
		if t.route == nil {
			words = append(words, "{}")
		}
		keys = append(keys, strings.Join(words, " "))
	}
	return keys
}

// A listener is what On has added.
type listener struct {
	kind string
	name string
	run  HandlerFunc
}

// NewRouter returns &Router{Prefix: Literal(prefixes...)}, or new(Router) if
// there are none.
func NewRouter(prefixes ...string) *Router {
	if len(prefixes) == 0 {
		return new(Router)
	}
	return &Router{Prefix: Literal(prefixes...)}
}

// Literal returns a [Router.Prefix] that finds the given prefixes, the longest
// one that fits. An empty one fits every text.
func Literal(prefixes ...string) func(*Context) (string, bool) {
	sorted := slices.Clone(prefixes)
	slices.SortStableFunc(sorted, func(a, b string) int { return len(b) - len(a) })
	return func(c *Context) (string, bool) {
		text := c.Text()
		for _, p := range sorted {
			if strings.HasPrefix(text, p) {
				return p, true
			}
		}
		return "", false
	}
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
	for up := r; up != nil; up = up.outer {
		up.used = true
	}
	top.mu.Unlock()
	for up := r; up != nil; up = up.outer {
		h = chain(up.use, h)
	}
	return h
}

// Handle adds a route: a pattern and the handler of the commands that match it.
// It returns the route, for [Router.Remove].
//
// A pattern is words, by which the command is found, then placeholders for
// its arguments. It is also what people are shown as the command's usage.
//
//	pattern     = words { " " placeholder }
//	words       = alt { " " alt }    alt = word { "|" word }
//	placeholder = "{" name [ ":" type { "|" type } ] [ "..." ] [ "?" | "=" default ] "}"
//	default     = up to "}", or a Go-quoted string
//
// The words of "admin ban|kick" are those of two commands. Of several
// routes whose words a text begins with, the one with the most words is taken.
// A word has at most 64 bytes. A name is letters, digits and underscores and
// begins with no digit.
//
//	{name}        one word, or several in quotation marks
//	{n:int}       one word that is a whole number; types are string, int, float and bool
//	{x:int|bool}  one word, of the first type that takes it
//	{why...}      the rest of the text, as it stands
//	{n:int...}    as many words as are numbers
//	{n:int?}      a number or nothing: a word that is no number is left for the next placeholder
//	{n:int=6}     a number, or 6 at the end of the text
//
// The list of {n:int...} has at least one number, unless it ends in "?" or
// "=6". A word in quotation marks, of which " and «» and „“ are some, can have
// spaces in it; a backslash before a mark or a backslash makes it a character
// like any other.
//
// Words that are left over are an error, as is a missing or unfitting
// argument: an [*ArgError], instead of running the handler.
//
// Handle panics if the pattern is malformed, if the handler is nil, or if
// another route has the same words.
func (r *Router) Handle(pattern string, h HandlerFunc, mw ...Middleware) *Route {
	return r.add(Route{Pattern: pattern, Use: mw, Handler: h})
}

// Add adds a route that is written out whole. It is otherwise like
// [Router.Handle].
func (r *Router) Add(rt Route) *Route { return r.add(rt) }

// Command adds a route whose handler gets its arguments in a struct: each
// placeholder fills the field of its name, without regard to case. The type of
// the field must be able to hold the placeholder's: string, int or int64,
// float64, bool; a slice for a list; a pointer, which stays nil where nothing
// was given, for any.
//
// Command panics if fields and placeholders do not match, and where
// [Router.Handle] does.
func Command[A any](r *Router, pattern string, h func(*Context, A) error, mw ...Middleware) *Route {
	p, err := parsePattern(pattern)
	if err != nil {
		panic(fmt.Sprintf("vk: pattern %q (at %s): %v", pattern, callers(1), err))
	}
	b, err := newBinding(reflect.TypeFor[A](), p.params)
	if err != nil {
		panic(fmt.Sprintf("vk: pattern %q (at %s): %v", pattern, callers(1), err))
	}
	rt := Route{Pattern: pattern, Use: mw}
	if h != nil {
		rt.Handler = func(c *Context) error {
			var a A
			values, err := c.parseArgs()
			if err != nil {
				return err
			}
			b.fill(reflect.ValueOf(&a).Elem(), values)
			return h(c, a)
		}
	}
	return r.add(rt)
}

// add is Handle, Add and Command, whose caller is to blame for mistakes.
func (r *Router) add(rt Route) *Route {
	place := callers(2)
	fail := func(format string, args ...any) {
		panic(fmt.Sprintf("vk: pattern %q (at %s): ", rt.Pattern, place) + fmt.Sprintf(format, args...))
	}
	if rt.Handler == nil {
		fail("nil handler")
	}
	if slices.ContainsFunc(rt.Use, func(m Middleware) bool { return m == nil }) {
		fail("nil middleware")
	}
	if slices.ContainsFunc(rt.Checks, func(f Check) bool { return f == nil }) {
		fail("nil check")
	}
	whole := &Route{Use: slices.Clone(rt.Use), Checks: slices.Clone(rt.Checks), Handler: rt.Handler, router: r, Doc: rt.Doc, Hidden: rt.Hidden}
	whole.Pattern = strings.TrimSpace(r.path + " " + rt.Pattern)
	p, err := parsePattern(whole.Pattern)
	if err != nil {
		fail("%v", err)
	}
	if len(p.words) == 0 {
		fail("no word to find it by")
	}
	whole.params = p.params
	t := &target{name: whole.Pattern, pattern: p, route: whole}
	run := r.wrap(chain(whole.Use, answer(whole)))
	t.run = func(c *Context) error {
		c.inv.refused = whole.Allowed(c)
		return run(c)
	}
	if words, other, ok := r.top().register(t, place); !ok {
		fail("another route has the words %q (at %s)", words, other)
	}
	return whole
}

// register adds t, unless it has a key in common with another target: then it
// returns the key and where the other was registered.
func (r *Router) register(t *target, place string) (key, other string, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	keys := t.keys()
	for _, key := range keys {
		if other, ok := r.places[key]; ok {
			return key, other, false
		}
	}
	if r.places == nil {
		r.places = make(map[string]string)
	}
	for _, key := range keys {
		r.places[key] = place
	}
	r.targets = append(r.targets, t)
	r.table.Store(nil)
	return "", "", true
}

// Remove removes a route that Handle, Add or Command has returned. What it is
// answering, it answers to the end. It reports whether the route was there.
func (r *Router) Remove(rt *Route) bool {
	top := r.top()
	top.mu.Lock()
	defer top.mu.Unlock()
	i := slices.IndexFunc(top.targets, func(t *target) bool { return t.route == rt })
	if i < 0 || rt == nil {
		return false
	}
	for _, key := range top.targets[i].keys() {
		delete(top.places, key)
	}
	top.targets = slices.Delete(top.targets, i, i+1)
	top.table.Store(nil)
	return true
}

// Route calls f with a Router for commands that begin with the given words. It
// has middleware of its own, inside of r's, and it may have a route with an
// empty pattern: the words alone.
func (r *Router) Route(words string, f func(r *Router)) {
	p, err := parsePattern(words)
	switch {
	case err != nil:
		panic(fmt.Sprintf("vk: Route %q (at %s): %v", words, callers(1), err))
	case len(p.words) == 0 || len(p.params) > 0:
		panic(fmt.Sprintf("vk: Route %q (at %s): not just words", words, callers(1)))
	}
	r.nest(words, f)
}

// Group calls f with a Router that is like r but has middleware of its own,
// inside of r's.
func (r *Router) Group(f func(r *Router)) { r.nest("", f) }

func (r *Router) nest(words string, f func(r *Router)) {
	in := &Router{outer: r, path: strings.TrimSpace(r.path + " " + words)}
	f(in)
	if in.Prefix != nil {
		panic("vk: only the outermost Router has a Prefix (at " + callers(2) + ")")
	}
}

// NotFound sets the handler for a command line that no route matches; with
// words of its own, that of those lines which begin with them. There can be
// one for the same words. The handler's middleware is that of r's routes.
//
// Without one, a line with a prefix ends in a [*NotFoundError], which
// middleware sees, and a text without one is left alone.
func (r *Router) NotFound(h HandlerFunc) {
	place := callers(1)
	if h == nil {
		panic("vk: NotFound (at " + place + "): nil handler")
	}
	p, _ := parsePattern(r.path) // parsed by Route before
	t := &target{name: strings.TrimSpace("NotFound " + r.path), pattern: p, run: r.wrap(func(c *Context) error { return c.inv.run(c, h) })}
	if _, other, ok := r.top().register(t, place); !ok {
		panic("vk: NotFound (at " + place + "): there is another (at " + other + ")")
	}
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

// On adds a listener: a handler of all events of one kind, with the event's
// object, decoded for this listener alone. It returns what removes the
// listener again.
//
// The kind may be of any name, also one that this package does not know
// yet, and of any type that its object fits. On panics if h is nil, or if the
// name is tied to another type in this package: a constant such as
// [EventGroupJoin] always has the right one.
func On[T any](r *Router, k Kind[T], h func(c *Context, e *T) error) (remove func()) {
	place := callers(1)
	if h == nil {
		panic(fmt.Sprintf("vk: On %q (at %s): nil handler", k, place))
	}
	if t, ok := kindTypes[string(k)]; ok && t != reflect.TypeFor[T]() {
		panic(fmt.Sprintf("vk: On %q (at %s): its object is a %s, not a %s", k, place, t, reflect.TypeFor[T]()))
	}
	return r.top().listen(string(k), place, func(c *Context) error {
		e, err := decode[T](c.event)
		if err != nil {
			return err
		}
		return h(c, e)
	})
}

func (r *Router) listen(kind, place string, run HandlerFunc) (remove func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	// The name goes into random ids: it must not be another listener's, nor
	// depend on how many there are of other kinds.
	name := "listener of " + kind + " at " + place
	for n := 2; slices.ContainsFunc(r.listeners, func(l *listener) bool { return l.name == name }); n++ {
		name = fmt.Sprintf("listener of %s at %s #%d", kind, place, n)
	}
	l := &listener{kind, name, run}
	r.listeners = append(r.listeners, l)
	r.table.Store(nil)
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.listeners = slices.DeleteFunc(r.listeners, func(other *listener) bool { return other == l })
		r.table.Store(nil)
	}
}

// Serve gives the event to its listeners, then to its route. It returns
// their errors, joined, each with the name of the listener or route.
func (r *Router) Serve(c *Context) error {
	top := r.top()
	t := top.table.Load()
	if t == nil {
		t = top.compile()
	}
	var errs handlerErrors
	returned := false
	defer func() {
		if !returned { // a handler has called runtime.Goexit
			c.inv.job.report(errs)
		}
	}()
	t.serve(c.through(top), t.listeners[c.event.Kind], &errs)
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

// callers returns the place in the program that called this package, skip
// functions up.
func callers(skip int) string {
	_, file, line, ok := runtime.Caller(skip + 1)
	if !ok {
		return "?"
	}
	return fmt.Sprintf("%s:%d", filepath.Base(file), line)
}
