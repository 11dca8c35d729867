package discord

import (
	"encoding/json"
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

// A Router is a Handler that passes each event to its listeners: those of the
// event's kind, in the order in which they were added. Then, if a user wrote a
// message, one route answers it. Each of them is an invocation of its own, with
// its own Context: none can stop the next, neither by an error, nor by a panic,
// nor by [runtime.Goexit].
//
// The route that answers a message is the first of:
//
//   - the command that the text begins with behind the prefix; of several the
//     one with the most words, see [Router.Handle]
//   - the route of the text as a whole, see [Router.Text]
//   - the first added route with a condition that holds, see [Router.When]
//   - the NotFound of the words that the text begins with, or the general
//     one, see [Router.NotFound]
//
// A slash command leads to the route with a pattern of its words, a press of a
// button or a choice in a menu to that of [Router.Press], a submitted form to
// that of [Submit].
//
// Messages of webhooks, of the bot itself and, without AnswerBots, of other
// bots are for listeners only, as are those that Discord writes, such as that a
// member joined.
//
// The zero Router is ready to use. Listeners may be added and removed while it
// serves. All methods are safe for concurrent use; the fields must not change
// once the Router has routes.
type Router struct {
	// Prefix finds the prefix at the beginning of a message's text that makes the
	// rest a command line; ok is false if there is none. If nil, no message is a
	// command; [Router.Commands] has the commands all the same. Prefix belongs to the
	// outermost Router only, and must have no effects. See [Literal].
	Prefix PrefixFunc

	// Fold finds commands and the prefixes of [Literal] in any case of their letters,
	// and takes ё for е. It must be set before the first route is added: the next
	// route, or the first event, panics otherwise. It belongs to the outermost Router
	// only.
	Fold bool

	// AnswerBots makes routes answer the messages of other bots, too. By default they
	// do not, because two bots that answer each other never stop. It belongs to the
	// outermost Router only.
	AnswerBots bool

	outer   *Router  // the Router around this one, made by its Group, Route or Mount
	path    string   // the words before those of its routes, as in a pattern
	edition *edition // of the module that it is of; nil if it is of none

	types  atomic.Pointer[map[string]Converter] // added by Converter
	checks atomic.Pointer[[]*checkSet]          // added by Check; changed under the mu of the outermost Router
	need   atomic.Uint64                        // Permissions, added by Need

	// Guarded by the mu of the outermost Router. Once used is set, use does not
	// change any more.
	use  []Middleware
	used bool

	// Of the outermost Router only.
	mu      sync.Mutex
	reg     registry
	locales map[string]map[string]string
	routed  bool // there was a route; fold does not change any more
	fold    bool
	table   atomic.Pointer[table]
}

// NewRouter returns a Router for commands that begin with one of the prefixes;
// see [Literal]. Without prefixes, its Prefix is nil.
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

// Use adds middleware around the listeners and routes of r: the first is outermost,
// and the middleware of outer Routers is outside of it. A middleware is called once
// for each listener and each route, when that is added.
//
// Use panics if r, or a Router inside of it, already has a listener or a route.
func (r *Router) Use(mw ...Middleware) {
	top := r.top()
	top.mu.Lock()
	defer top.mu.Unlock()
	if r.used {
		panic("discord: Use after a listener or a route was added (at " + callers(1) + "): those before would do without")
	}
	if slices.ContainsFunc(mw, func(m Middleware) bool { return m == nil }) {
		panic("discord: Use: nil middleware (at " + callers(1) + ")")
	}
	r.use = append(r.use, mw...)
	top.table.Store(nil)
}

// Group calls f with a Router inside of r: its middleware and checks are inside of r's
// and apply to the listeners and routes that f adds.
func (r *Router) Group(f func(r *Router)) { r.nest("", f) }

// Route calls f with a Router for commands that begin with the given words. It has
// middleware and checks of its own, inside of r's. A route with an empty pattern
// answers the words alone, where no longer command fits.
func (r *Router) Route(words string, f func(r *Router)) {
	p, err := r.parsePattern(words)
	switch {
	case err != nil:
		panic(fmt.Errorf("discord: Route %q (at %s): %w", words, callers(1), err))
	case len(p.Words) == 0 || len(p.Params) > 0:
		panic(fmt.Errorf("discord: Route %q (at %s): not just words", words, callers(1)))
	}
	r.nest(words, f)
}

func (r *Router) nest(words string, f func(r *Router)) {
	in := &Router{outer: r, path: strings.TrimSpace(r.path + " " + words), edition: r.edition}
	f(in)
	if field := in.topField(); field != "" {
		panic("discord: only the outermost Router has " + field + " (at " + callers(2) + ")")
	}
}

// topField returns the field that is set and belongs to the outermost Router, or "".
func (r *Router) topField() string {
	switch {
	case r.Prefix != nil:
		return "a Prefix"
	case r.Fold:
		return "Fold"
	case r.AnswerBots:
		return "AnswerBots"
	}
	return ""
}

// wrap returns h with the middleware of r and of the Routers around it, which can
// have no more from now on.
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
	if r.edition == nil {
		return h
	}
	life := &r.edition.life
	return func(c *Context) error {
		c.inv.life = life
		return h(c)
	}
}

// A listener is a handler that On or Listen has added.
type listener struct {
	kind    string // or "" for all
	intents Intents
	name    string
	place   string // in the source
	run     HandlerFunc
	edition *edition // of the module that it is of, or nil
}

// On adds a listener: a handler of all events of one kind, with the event's object,
// decoded for this listener alone. It returns a function that removes the listener.
//
// The kind may have any name, also one that this package does not know, and any
// type that its object fits; [encoding/json.RawMessage] fits all. On panics if h is
// nil, or if the name is tied to another type in this package: a constant such as
// [EventMessageCreate] always has the right one.
func On[T any](r *Router, k Kind[T], h func(c *Context, e *T) error) (remove func()) {
	place := callers(1)
	if h == nil || k.Name() == "" {
		panic(fmt.Sprintf("discord: On %q (at %s): no kind or a nil handler", k.Name(), place))
	}
	if known, t := kindTable[k.Name()].typ, reflect.TypeFor[T](); known != nil && t != known && t != reflect.TypeFor[json.RawMessage]() {
		panic(fmt.Sprintf("discord: On %q (at %s): its object is a %s, not a %s", k.Name(), place, known, t))
	}
	return r.listen(&listener{
		kind: k.Name(), intents: k.Intents(), place: place, name: "listener of " + k.Name() + " at " + place,
		run: func(c *Context) error {
			e, err := decode[T](c.event)
			if err != nil {
				return err
			}
			return h(c, e)
		},
	})
}

// Listen adds a listener of the events of all kinds, known or not, as they come:
// [Context.Event] has them. The intents of a bot with such a listener are all but
// the privileged ones. Listen returns a function that removes the listener, and
// panics if h is nil.
func (r *Router) Listen(h HandlerFunc) (remove func()) {
	place := callers(1)
	if h == nil {
		panic("discord: Listen (at " + place + "): nil handler")
	}
	return r.listen(&listener{intents: IntentsUnprivileged, place: place, name: "listener at " + place, run: h})
}

func (r *Router) listen(l *listener) (remove func()) {
	l.run, l.edition = r.wrap(l.run), r.edition
	top := r.top()
	top.mu.Lock()
	defer top.mu.Unlock()
	g, err := r.registry()
	if err != nil {
		panic(err)
	}
	g.listeners = append(g.listeners, l)
	top.table.Store(nil)
	return func() {
		top.mu.Lock()
		defer top.mu.Unlock()
		if g, err := r.registry(); err == nil {
			g.listeners = slices.DeleteFunc(slices.Clone(g.listeners), func(other *listener) bool { return other == l })
		}
		top.table.Store(nil)
	}
}

// of returns the listeners of a kind, in the order of their registration.
func (t *table) of(kind string) []*listener {
	if to, ok := t.kinds[kind]; ok {
		return to
	}
	return t.all
}

// Serve gives the event to its listeners, then to its route. It returns their errors,
// joined, each with the name of the listener or route.
func (r *Router) Serve(c *Context) error {
	var errs handlerErrors
	returned := false
	defer func() {
		if !returned && len(errs) > 0 { // a handler has called runtime.Goexit
			c.inv.job.report(errs)
		}
	}()
	t := r.top().current()
	t.serve(c, t.of(c.event.Kind), &errs)
	returned = true
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	}
	return errs
}

// serve runs listeners, then the route. The later ones are deferred: they run even if
// the first ends the goroutine.
func (t *table) serve(c *Context, listeners []*listener, errs *handlerErrors) {
	routed := t.routed && c.event.Kind == "MESSAGE_CREATE" || t.interactive && c.inv.answer != nil || c.isAwaited()
	if len(listeners) == 0 {
		switch {
		case c.inv.answer != nil && t.interactive:
			t.routeInteraction(c, errs)
		case c.event.Kind == "MESSAGE_CREATE" && routed:
			t.route(c, errs)
		case routed:
			c.offer(nil)
		}
		return
	}
	if len(listeners) > 1 || routed {
		defer t.serve(c, listeners[1:], errs)
	}
	errs.add(c.invoke(listeners[0].name, listeners[0].run, nil))
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

// routerOf returns the Router that h is, with middleware around it or not, or nil.
func routerOf(h Handler) *Router {
	for {
		switch v := h.(type) {
		case *wrapped:
			h = v.inner
		case *Router:
			return v.top()
		default:
			return nil
		}
	}
}

// callers returns the place in the source that called the caller's caller, with
// skip 1.
func callers(skip int) string {
	_, file, line, ok := runtime.Caller(skip + 1)
	if !ok {
		return "?"
	}
	return fmt.Sprintf("%s:%d", filepath.Base(file), line)
}
