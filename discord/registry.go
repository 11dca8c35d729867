package discord

import (
	"fmt"
	"maps"
	"slices"
)

// A registry is the registrations of a Router: all of them, or those of a module that is
// being mounted. It has no lock of its own.
type registry struct {
	listeners []*listener
	targets   []*target
	modules   []*Module
	reserved  map[reservation]string // the place in the source that registered each
}

// registry returns the registry for the registrations of r: that of the module around r that
// is being mounted, or that of the outermost Router. It returns an error if the module of r
// is no longer mounted. The caller holds the mu of the outermost Router.
func (r *Router) registry() (*registry, error) {
	for s := r.edition; s != nil; s = s.outer {
		switch s.state {
		case editionBuilding:
			return &s.reg, nil
		case editionOver:
			return nil, &ModuleError{s.module.name, "register", ErrUnmounted}
		}
	}
	return &r.top().reg, nil
}

// addTarget adds a target at index i, or at the end if i is negative. It adds nothing and
// returns an error if another target has one of its reservations, or if Discord would refuse
// the slash commands.
func (g *registry) addTarget(t *target, i int) error {
	for _, res := range t.reserved {
		if other, ok := g.reserved[res]; ok {
			return &ConflictError{What: fmt.Sprintf("%s %q", res.what, res.name), Other: other}
		}
	}
	if t.route != nil {
		if err := checkSlash(g.targets, t); err != nil {
			return err
		}
	}
	if g.reserved == nil {
		g.reserved = make(map[reservation]string)
	}
	for _, res := range t.reserved {
		g.reserved[res] = t.place
	}
	if i < 0 {
		i = len(g.targets)
	}
	g.targets = slices.Insert(slices.Clip(g.targets), i, t)
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
	g.targets = slices.Concat(g.targets[:i], g.targets[i+1:])
	return i
}

// clone returns a copy. Changes to it do not show in g.
func (g *registry) clone() *registry {
	return &registry{slices.Clone(g.listeners), slices.Clone(g.targets), slices.Clone(g.modules), maps.Clone(g.reserved)}
}

// replace removes the registrations of the edition old, which may be nil, and
// inserts those of in in their place, or at the end. It returns the modules
// inside old. After an error, g must not be used.
func (g *registry) replace(old *edition, in *registry) (gone []*Module, errs []error) {
	at, lat := -1, -1
	if old != nil {
		for _, t := range slices.Clone(g.targets) {
			if t.edition.within(old) {
				if i := g.removeTarget(t); at < 0 {
					at = i
				}
			}
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
			errs = append(errs, registrationError(t.label, t.place, err))
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
	for _, other := range g.modules {
		if other.name == m.name {
			return &ConflictError{What: fmt.Sprintf("the name %q", m.name), Other: other.place, module: true}
		}
	}
	g.modules = append(g.modules, m)
	return nil
}

// Remove removes a route that Handle, or a method like it, has returned.
// Running handlers are not interrupted. Remove reports whether the route
// existed.
//
// Discord still shows the slash command until the bot calls
// [Client.SyncCommands]; a user who runs it is told that it does not exist any
// more.
func (r *Router) Remove(rt *Route) (removed bool) {
	if rt == nil || rt.target == nil || rt.router.top() != r.top() {
		return false
	}
	top := r.top()
	top.mu.Lock()
	defer top.mu.Unlock()
	g, err := rt.router.registry()
	if err != nil || g.removeTarget(rt.target) < 0 {
		return false
	}
	top.table.Store(nil)
	return true
}

// Replace puts a route in the place of another: an event sees the one or the other, and a
// condition keeps its place in the order. The new one may have the words of the old.
//
// The new route belongs to the Router and the module of the old one, with their checks and
// middleware. If rt leaves a field zero, other than Handler, it keeps that of the old route;
// the fields that lead to a route, such as Pattern, Text and Press, count as one field here.
// If rt is a copy of a registered route, all of its fields count.
//
// If old is not registered any more, Replace does nothing and returns false. It panics where
// [Router.Add] does, and old is then still there.
func (r *Router) Replace(old *Route, rt Route) (added *Route, replaced bool) {
	if old == nil || old.target == nil || old.router.top() != r.top() {
		return nil, false
	}
	whole, err := old.router.newRoute(rt.completed(old), callers(1))
	if err != nil {
		panic(registrationError(whole.target.label, whole.target.place, err))
	}
	top := r.top()
	top.mu.Lock()
	defer top.mu.Unlock()
	g, err := old.router.registry()
	if err != nil {
		return nil, false
	}
	at := g.removeTarget(old.target)
	if at < 0 {
		return nil, false
	}
	if err := g.addTarget(whole.target, at); err != nil {
		if err := g.addTarget(old.target, at); err != nil {
			panic(err) // cannot be: it was there
		}
		panic(registrationError(whole.target.label, whole.target.place, err))
	}
	top.table.Store(nil)
	return whole, true
}

// completed returns rt with the fields of old that it leaves zero, and with patterns as they
// are added to old's Router.
func (rt Route) completed(old *Route) Route {
	if rt.target != nil { // a copy
		rt.Pattern, rt.Press, rt.Submit = rt.ownPattern(rt.Pattern), rt.ownPattern(rt.Press), rt.ownPattern(rt.Submit)
		return rt
	}
	if rt.kinds() == 0 {
		rt.Pattern, rt.Aliases, rt.Text, rt.When = old.ownPattern(old.Pattern), old.Aliases, old.Text, old.When
		rt.Press, rt.Submit, rt.UserMenu, rt.MessageMenu = old.ownPattern(old.Press), old.ownPattern(old.Submit), old.UserMenu, old.MessageMenu
		rt.inputs = old.inputs
	}
	if rt.Doc == "" {
		rt.Doc = old.Doc
	}
	rt.Hidden, rt.IgnoreExtra, rt.Ephemeral = rt.Hidden || old.Hidden, rt.IgnoreExtra || old.IgnoreExtra, rt.Ephemeral || old.Ephemeral
	if rt.Need == 0 {
		rt.Need = old.Need
	}
	if rt.In == 0 {
		rt.In = old.In
	}
	if rt.Only == 0 {
		rt.Only = old.Only
	}
	if rt.Use == nil {
		rt.Use = old.Use
	}
	if rt.Checks == nil {
		rt.Checks = old.Checks
	}
	return rt
}
