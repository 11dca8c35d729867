package vk

import (
	"fmt"
	"iter"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// A registry has the registrations of a Router, or those of a module that is
// being mounted. It has no lock of its own.
type registry struct {
	listeners []*listener
	targets   []*target
	modules   []*Module
	reserved  map[reservation]string // the place in the program of each registration
}

// A reservation is a thing that only one target may have.
type reservation struct{ what, name string }

// The kinds of reservations.
const (
	reserveWords    = "the words"
	reserveText     = "the text"
	reserveKey      = "the payload key"
	reserveNotFound = "the NotFound of"
)

// A ConflictError reports a registration that needs something which another
// registration has: the words of a command, a text, the key of a payload, the
// name of a module. A Router panics with an error that wraps it;
// [Router.Mount], [Router.TryAdd] and [Route.Update] return it. If it is about
// a module's name, it is [ErrMounted].
type ConflictError struct {
	What  string // the object of the conflict, such as: the words "admin ban"
	Other string // the place of the other registration, as file:line

	module bool
}

// Error returns a message with the object of the conflict and the place of the
// other registration.
func (e *ConflictError) Error() string {
	if e.module {
		return fmt.Sprintf("another module has %s (at %s)", e.What, e.Other)
	}
	return fmt.Sprintf("another route has %s (at %s)", e.What, e.Other)
}

// Is reports whether target is [ErrMounted] and the conflict is about a
// module's name.
func (e *ConflictError) Is(target error) bool { return e.module && target == ErrMounted }

// taken returns the error of registering another module under m's name.
func (m *Module) taken() error {
	return &ConflictError{What: fmt.Sprintf("the name %q", m.name), Other: m.place, module: true}
}

// addTarget adds a target at index i, or at the end if i is negative. It adds
// nothing and returns a [*ConflictError] if another target has one of its
// reservations.
func (g *registry) addTarget(t *target, i int) error {
	for _, res := range t.reserved {
		if other, ok := g.reserved[res]; ok {
			return &ConflictError{What: fmt.Sprintf("%s %.200q", res.what, res.name), Other: other}
		}
	}
	if g.reserved == nil {
		g.reserved = make(map[reservation]string)
	}
	for _, res := range t.reserved {
		g.reserved[res] = t.place
	}
	if len(t.reserved) == 0 { // only a condition leads to it: its name may already exist
		names, ids := make(map[string]bool), make(map[string]bool)
		for _, o := range g.targets {
			names[o.name], ids[o.scope()] = true, true
		}
		t.name, t.id = numbered(t.name, names), numbered(t.scope(), ids)
	}
	if i < 0 {
		i = len(g.targets)
	}
	g.targets = slices.Insert(g.targets, i, t)
	return nil
}

// removeTarget removes a target and returns its index, or -1 if it is not there.
func (g *registry) removeTarget(t *target) int {
	i := slices.Index(g.targets, t)
	if i < 0 {
		return -1
	}
	for _, res := range t.reserved {
		delete(g.reserved, res)
	}
	g.targets = slices.Delete(g.targets, i, i+1)
	return i
}

// addListener adds a listener. Its id goes into random ids and steps: it must
// differ from those of other listeners, and must not depend on the number of
// listeners of other kinds or on the line in the program.
func (g *registry) addListener(l *listener) {
	names, ids := make(map[string]bool), make(map[string]bool)
	for _, o := range g.listeners {
		names[o.name], ids[o.id] = true, true
	}
	l.name, l.id = numbered(l.name, names), numbered(l.id, ids)
	g.listeners = append(g.listeners, l)
}

// numbered returns name, or name with the first number from 2 on that is not
// taken.
func numbered(name string, taken map[string]bool) string {
	free := name
	for n := 2; taken[free]; n++ {
		free = fmt.Sprintf("%s #%d", name, n)
	}
	return free
}

// fileOf returns the file of a place in the program. It stays the same if
// lines move.
func fileOf(place string) string {
	file, _, _ := strings.Cut(place, ":")
	return file
}

// clone returns a copy. Changes to the copy do not affect g.
func (g *registry) clone() *registry {
	return &registry{
		listeners: slices.Clone(g.listeners),
		targets:   slices.Clone(g.targets),
		modules:   slices.Clone(g.modules),
		reserved:  maps.Clone(g.reserved),
	}
}

// replace removes everything of the edition old, which may be nil, and inserts
// the registrations of in at the same place, or at the end if there was
// nothing. It returns the modules that were removed with old, and the errors
// of registrations that conflict. After an error, g is no longer usable.
func (g *registry) replace(old *edition, in *registry) (gone []*Module, errs []error) {
	at, lat := -1, -1
	if old != nil {
		for i := 0; i < len(g.targets); {
			if t := g.targets[i]; t.edition.within(old) {
				g.removeTarget(t)
				if at < 0 {
					at = i
				}
				continue
			}
			i++
		}
		lat = slices.IndexFunc(g.listeners, func(l *listener) bool { return l.edition.within(old) })
		g.listeners = slices.DeleteFunc(g.listeners, func(l *listener) bool { return l.edition.within(old) })
		for _, m := range g.modules {
			if m.at.edition.within(old) {
				gone = append(gone, m)
			}
		}
		g.modules = slices.DeleteFunc(g.modules, func(m *Module) bool { return m.at.edition.within(old) })
	}
	if at < 0 {
		at = len(g.targets)
	}
	if lat < 0 {
		lat = len(g.listeners)
	}
	for i, t := range in.targets {
		if err := g.addTarget(t, min(at+i, len(g.targets))); err != nil {
			errs = append(errs, t.mistake(err))
		}
	}
	g.listeners = slices.Insert(g.listeners, lat, in.listeners...)
	for _, m := range in.modules {
		if err := g.addModule(m); err != nil {
			errs = append(errs, err)
		}
	}
	return gone, errs
}

// addModule adds a module. It returns an error if its name is taken.
func (g *registry) addModule(m *Module) error {
	if other := g.module(m.name); other != nil {
		return &ModuleError{m.name, "mount", other.taken()}
	}
	g.modules = append(g.modules, m)
	return nil
}

// module returns the module with the given name, or nil.
func (g *registry) module(name string) *Module {
	for _, m := range g.modules {
		if m.name == name {
			return m
		}
	}
	return nil
}

// registry returns the registry for the registrations of r: that of the
// surrounding module that is being mounted, which is returned too, or else
// that of the outermost Router. It returns an error if the module of r is no
// longer mounted. The caller holds the mu of the outermost Router.
func (r *Router) registry() (g *registry, building *edition, err error) {
	for s := r.edition; s != nil; s = s.outer {
		switch s.state {
		case editionBuilding:
			return &s.reg, s, nil
		case editionOver:
			return nil, nil, &ModuleError{s.module.name, "register", ErrUnmounted}
		}
	}
	return &r.top().reg, nil, nil
}

// change calls f with the registry for r's registrations. An error from f is a
// mistake in the program: it is kept for the Mount call of r's module, or else
// raised as a panic.
func (r *Router) change(f func(*registry) error) (ok bool) {
	top := r.top()
	top.mu.Lock()
	g, building, err := r.registry()
	if err == nil {
		err = f(g)
	}
	switch {
	case building == nil:
		top.table.Store(nil)
	case err != nil:
		building.errs = append(building.errs, err)
	}
	top.mu.Unlock()
	if err != nil && building == nil {
		panic(err)
	}
	return err == nil
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

// Walk ranges over the routes of r and of the Routers and modules inside it,
// each once, in the order in which they were added. It is not affected by
// routes that are added or removed meanwhile. Only commands have a Pattern.
func (r *Router) Walk() iter.Seq[*Route] {
	return r.walk(func(t *target) bool { return t.route.within(r) })
}

// walk ranges over the routes for which wanted, which is called with the lock
// held, returns true.
func (r *Router) walk(wanted func(*target) bool) iter.Seq[*Route] {
	return func(yield func(*Route) bool) {
		var routes []*Route
		top := r.top()
		top.mu.Lock()
		if g, _, err := r.registry(); err == nil {
			for _, t := range g.targets {
				if t.route != nil && wanted(t) {
					routes = append(routes, t.route)
				}
			}
		}
		top.mu.Unlock()
		for _, rt := range routes {
			if !yield(rt) {
				return
			}
		}
	}
}

// within reports whether the route belongs to r or to a Router inside it.
func (rt *Route) within(r *Router) bool {
	for in := rt.router; in != nil; in = in.outer {
		if in == r {
			return true
		}
	}
	return false
}

// Lookup returns the command with exactly these words, such as "admin ban".
// Unlike the match of a message, it does not return a command with fewer
// words. The words of r and its outer Routers precede them. Empty words mean
// the command that is the prefix alone.
func (r *Router) Lookup(words string) (*Route, bool) {
	// A user writes one of several alternative words of r.
	path := ""
	if p, err := r.parsePattern(r.path); err == nil {
		for _, alts := range p.Words {
			path += alts[0] + " "
		}
	}
	t := r.current()
	to, rest := t.words.Find(path + words)
	if strings.TrimSpace(path+words) == "" {
		to = t.words.Wordless()
	}
	if to == nil || to.route == nil || strings.TrimSpace(rest) != "" {
		return nil, false
	}
	return to.route, true
}

// Match finds the route that an event leads to, without running it or any of
// its checks. The returned Context describes the match: its Route, and with it
// Prefix, Arg and so on. If no route matches, its Route method returns nil.
//
// Listeners and handlers that wait for an answer are not considered. The error
// is that of a Prefix or a condition.
func (r *Router) Match(c *Context) (*Context, error) {
	t := r.current()
	m, err := t.match(c)
	if err == nil {
		m = t.matchRest(c, m)
		err = m.failed
	}
	found := c.newMatched()
	found.via = c.via
	found.inv.name, found.inv.via, found.inv.outer = "Match", c.via, c.inv
	if err == nil && m.to != nil {
		m.prepare(found.inv)
	}
	return found, err
}

// current returns the table for an event that arrives now.
func (r *Router) current() *table {
	top := r.top()
	if t := top.table.Load(); t != nil {
		return t
	}
	return top.compile()
}

// hears reports whether a handler may listen to a kind. It returns true for
// handlers whose kinds are unknown.
func hears(h Handler, kind string) bool {
	for w, ok := h.(*wrapped); ok; w, ok = h.(*wrapped) {
		h = w.inner
	}
	r, ok := h.(*Router)
	return !ok || len(r.current().heard.kinds[kind]) > 0
}
