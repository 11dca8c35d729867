package discord

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// A Router is a Handler that gives each event to its listeners: those of the
// event's kind, in the order in which they were added. Each of them is an
// invocation of its own, with its own Context: none can stop the next, also by an
// error, by a panic, or by [runtime.Goexit].
//
// The zero Router is ready for use. Listeners may be added and removed while it
// serves. All methods are safe for concurrent use.
type Router struct {
	outer *Router // the Router around this one, made by its Group

	// Guarded by the mu of the outermost Router. Once used is set, use does not
	// change any more.
	use  []Middleware
	used bool

	// Of the outermost Router only.
	mu        sync.Mutex
	listeners []*listener
	table     atomic.Pointer[table]
}

// NewRouter returns a new Router.
func NewRouter() *Router { return new(Router) }

// top returns the outermost Router.
func (r *Router) top() *Router {
	for r.outer != nil {
		r = r.outer
	}
	return r
}

// Use adds middleware around the listeners of r: the first is outermost, and the
// middleware of outer Routers is outside of it. A middleware is called once for
// each listener, when that is added.
//
// Use panics if r, or a Router inside of it, already has a listener.
func (r *Router) Use(mw ...Middleware) {
	top := r.top()
	top.mu.Lock()
	defer top.mu.Unlock()
	if r.used {
		panic("discord: Use after a listener was added (at " + callers(1) + "): the listeners before would do without")
	}
	if slices.ContainsFunc(mw, func(m Middleware) bool { return m == nil }) {
		panic("discord: Use: nil middleware (at " + callers(1) + ")")
	}
	r.use = append(r.use, mw...)
}

// Group calls f with a Router inside of r: its middleware is inside of r's and applies
// to the listeners that f adds.
func (r *Router) Group(f func(r *Router)) { f(&Router{outer: r}) }

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
	return h
}

// A listener is a handler that On or Listen has added.
type listener struct {
	kind    string // or "" for all
	intents Intents
	name    string
	place   string // in the source
	run     HandlerFunc
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
	l.run = r.wrap(l.run)
	top := r.top()
	top.mu.Lock()
	defer top.mu.Unlock()
	top.listeners = append(top.listeners, l)
	top.table.Store(nil)
	return func() {
		top.mu.Lock()
		defer top.mu.Unlock()
		top.listeners = slices.DeleteFunc(slices.Clone(top.listeners), func(other *listener) bool { return other == l })
		top.table.Store(nil)
	}
}

// A table is the listeners of a Router by kind. It does not change.
type table struct {
	kinds map[string][]*listener // of kinds with listeners, those of all kinds included
	all   []*listener            // of every other kind
}

// current returns the table, and makes it if something has changed.
func (r *Router) current() *table {
	if t := r.table.Load(); t != nil {
		return t
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	t := &table{kinds: make(map[string][]*listener)}
	for _, l := range r.listeners {
		if l.kind != "" {
			t.kinds[l.kind] = nil
		}
	}
	for _, l := range r.listeners {
		if l.kind == "" {
			t.all = append(t.all, l)
		}
		for kind := range t.kinds {
			if l.kind == "" || l.kind == kind {
				t.kinds[kind] = append(t.kinds[kind], l)
			}
		}
	}
	r.table.Store(t)
	return t
}

// of returns the listeners of a kind, in the order of their registration.
func (t *table) of(kind string) []*listener {
	if to, ok := t.kinds[kind]; ok {
		return to
	}
	return t.all
}

// Serve gives the event to its listeners. It returns their errors, joined, each with
// the name of the listener.
func (r *Router) Serve(c *Context) error {
	var errs handlerErrors
	returned := false
	defer func() {
		if !returned && len(errs) > 0 { // a listener has called runtime.Goexit
			c.inv.job.report(errs)
		}
	}()
	serve(c, r.top().current().of(c.event.Kind), &errs)
	returned = true
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	}
	return errs
}

// serve runs listeners. The later ones are deferred: they run even if the first ends the
// goroutine.
func serve(c *Context, listeners []*listener, errs *handlerErrors) {
	if len(listeners) == 0 {
		return
	}
	if len(listeners) > 1 {
		defer serve(c, listeners[1:], errs)
	}
	errs.add(c.invoke(listeners[0].name, listeners[0].run))
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

// IntentsOf returns the intents that a handler needs: for a [*Router], with
// middleware of [Wrap] around it or not, those of its listeners; for another
// handler all but the privileged ones.
func IntentsOf(h Handler) Intents {
	r := routerOf(h)
	if r == nil {
		return IntentsUnprivileged
	}
	var all Intents
	for _, l := range r.listening() {
		all |= l.intents
	}
	return all
}

// listening returns the listeners.
func (r *Router) listening() []*listener {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.listeners)
}

// wants reports whether h may have a handler for events of a kind.
func wants(h Handler, kind string) bool {
	r := routerOf(h)
	return r == nil || len(r.current().of(kind)) > 0
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
