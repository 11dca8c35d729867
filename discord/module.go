package discord

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/vkrouter/vk/internal/lifetime"
)

// A Module is a set of routes and listeners that come and go together, while the bot runs.
// [Router.Mount] makes one.
//
// Its methods are safe for concurrent use, also by handlers of the module itself.
type Module struct {
	name  string
	at    *Router // where it is mounted
	place string  // in the source

	now *edition // guarded by the mu of the outermost Router; nil if it is unmounted
}

// An edition is the registrations of one call of a module's function.
type edition struct {
	module *Module
	outer  *edition // of the module around, or nil
	life   lifetime.Lifetime

	// Guarded by the mu of the outermost Router.
	state    editionState
	reg      registry // while building: the registrations so far
	cleanups []func()
}

type editionState int

const (
	editionBuilding editionState = iota
	editionMounted               // its registry has been merged into that around
	editionOver
)

// within reports whether s is outer, or of a module inside of it.
func (s *edition) within(outer *edition) bool {
	for ; s != nil; s = s.outer {
		if s == outer {
			return true
		}
	}
	return false
}

var (
	// ErrMounted is in the [*ModuleError] of a Mount under the name of another module. The
	// error is a [*ConflictError], too.
	ErrMounted = errors.New("a module of this name is mounted")

	// ErrUnmounted is in the [*ModuleError] of operations on a module that is no longer
	// mounted. The waits of a module's handlers end with it when the module is unmounted or
	// swapped.
	ErrUnmounted = errors.New("the module is not mounted")
)

// A ModuleError says that a module could not be mounted, swapped or unmounted. Everything is
// then as it was before.
type ModuleError struct {
	Name string // the module
	Op   string // "mount", "swap" or "unmount"; "register" for registrations by a module that is unmounted

	// Err is the cause: ErrUnmounted, the error of the module's function, a [*PanicError] if
	// it has panicked, the mistake in a registration, or a [*ConflictError] for each thing
	// that is taken, the module's name included; joined, if there are several.
	Err error
}

// Error names the module and the cause.
func (e *ModuleError) Error() string {
	return fmt.Sprintf("discord: %s module %q: %s", e.Op, e.Name, strings.TrimPrefix(e.Err.Error(), "discord: "))
}

// Unwrap returns e.Err.
func (e *ModuleError) Unwrap() error { return e.Err }

// Mount mounts a module: all registrations of f with the Router that it is given. That one
// has the words and the middleware of r, like that of a [Router.Group], and the checks and
// middleware that f adds to it are the module's own. Modules can mount modules; the names of
// all modules of a bot are different.
//
// Everything appears at once, for the events that come after it, or nothing at all: if f
// returns an error or panics, or if a registration is mistaken or conflicts with another,
// Mount returns a [*ModuleError].
//
// Discord shows the module's slash commands once the bot calls [Client.SyncCommands] with
// [Router.Commands]; if the module is mounted before [Gateway.Run], that does it. A Gateway
// does not get more intents while it runs: if a module that is mounted later needs others,
// set [Gateway.Intents].
func (r *Router) Mount(name string, f func(r *Router) error) (*Module, error) {
	m := &Module{name: name, at: r, place: callers(1)}
	s, err := m.build(f)
	if err == nil {
		err = m.publish(s, true)
	}
	if err != nil {
		return nil, m.opError("mount", err)
	}
	return m, nil
}

// Swap puts the registrations of f in the place of the module's, as Mount does: an event sees
// all of the old or all of the new, and conditions and listeners keep their place in the
// order. If it fails, the module stays as it is. Waits of the old handlers end with
// [ErrUnmounted]; handlers that do not wait run to their end.
//
// Old handlers that still run cannot register anything any more.
func (m *Module) Swap(f func(r *Router) error) error {
	s, err := m.build(f)
	if err == nil {
		err = m.publish(s, false)
	}
	return m.opError("swap", err)
}

// Unmount takes the module out, with all of its registrations. Waits of its handlers end
// with [ErrUnmounted]; handlers that do not wait run to their end. The name is free again.
func (m *Module) Unmount() error {
	top := m.at.top()
	top.mu.Lock()
	old := m.now
	g, err := m.at.registry()
	if old == nil || err != nil {
		top.mu.Unlock()
		return m.opError("unmount", ErrUnmounted)
	}
	gone, _ := g.replace(old, new(registry))
	g.modules = slices.DeleteFunc(g.modules, func(other *Module) bool { return other == m })
	over := endEditions(append(gone, m))
	top.table.Store(nil)
	top.mu.Unlock()
	over()
	return nil
}

// opError returns err as a [*ModuleError] of the operation, or nil.
func (m *Module) opError(op string, err error) error {
	if err == nil {
		return nil
	}
	return &ModuleError{m.name, op, err}
}

// build calls f with a Router, and collects its registrations. They are dropped
// if there is an error, or if f does not return.
func (m *Module) build(f func(*Router) error) (s *edition, err error) {
	s = &edition{module: m, outer: m.at.edition}
	in := &Router{outer: m.at, path: m.at.path, edition: s}
	returned := false
	defer func() {
		var wrong *registrationMistake
		if v := recover(); v != nil {
			if e, ok := v.(error); ok && errors.As(e, &wrong) {
				err = e
			} else {
				err = caught(v)
			}
		} else if !returned {
			err = errGoexit
		}
		if err != nil {
			s.discard(m.at.top())
		}
	}()
	if f == nil {
		returned = true
		return s, errors.New("nil function")
	}
	err = f(in)
	returned = true
	if field := in.topField(); err == nil && field != "" {
		err = errors.New("only the outermost Router has " + field)
	}
	return s, err
}

// discard ends an edition that is not mounted, with the modules inside.
func (s *edition) discard(top *Router) {
	top.mu.Lock()
	inside := s.reg.modules
	s.reg = registry{}
	over := endEditions(append(inside, &Module{now: s}))
	top.mu.Unlock()
	over()
}

// publish puts the edition in the place of the module's present one, or, if fresh, where
// there was none.
func (m *Module) publish(s *edition, fresh bool) error {
	top := m.at.top()
	top.mu.Lock()
	g, err := m.at.registry()
	if err == nil && !fresh && m.now == nil {
		err = ErrUnmounted
	}
	var gone []*Module
	if err == nil {
		next := g.clone()
		var errs []error
		if fresh {
			err = next.addModule(m)
		}
		gone, errs = next.replace(m.now, &s.reg)
		if err = errors.Join(append(errs, err)...); err == nil {
			*g = *next
		}
	}
	if err != nil {
		top.mu.Unlock()
		s.discard(top)
		return err
	}
	old := m.now
	s.state, s.reg, m.now = editionMounted, registry{}, s
	if old != nil {
		gone = append(gone, &Module{now: old})
	}
	over := endEditions(gone)
	top.table.Store(nil)
	top.mu.Unlock()
	over()
	return nil
}

// endEditions marks the editions of modules as over. The function that it returns ends the
// waits and calls the cleanups, the innermost first; it is called without the lock.
func endEditions(gone []*Module) func() {
	var editions []*edition
	for _, m := range gone {
		if m.now == nil {
			continue
		}
		m.now.state = editionOver
		editions = append(editions, m.now)
		m.now = nil
	}
	return func() {
		for _, s := range editions {
			s.life.End(ErrUnmounted)
		}
		var cleanups []func()
		for i := len(editions) - 1; i >= 0; i-- { // they are called from the end
			cleanups = append(cleanups, editions[i].cleanups...)
		}
		callAll(cleanups)
	}
}

// callAll calls functions, the last first: all of them, even if one panics.
func callAll(fs []func()) {
	if len(fs) == 0 {
		return
	}
	defer callAll(fs[:len(fs)-1])
	fs[len(fs)-1]()
}

// Cleanup registers f to be called when the module of r is unmounted or swapped, or if it
// fails to be mounted: to stop a goroutine, to close a file. The function that was registered
// last is called first. Handlers of the module may still be running then. Cleanup panics if r
// is of no module, or of one that is unmounted.
func (r *Router) Cleanup(f func()) {
	top := r.top()
	top.mu.Lock()
	defer top.mu.Unlock()
	if r.edition == nil {
		panic("discord: Cleanup (at " + callers(1) + "): the Router belongs to no module")
	}
	if r.edition.state == editionOver {
		panic(&ModuleError{r.edition.module.name, "register", ErrUnmounted})
	}
	r.edition.cleanups = append(r.edition.cleanups, f)
}

// Name returns the name that the module is mounted under.
func (m *Module) Name() string { return m.name }

// Walk ranges over the routes of the module, as [Router.Walk] does over those of a Router. It
// has none when it is unmounted.
func (m *Module) Walk() iter.Seq[*Route] {
	return func(yield func(*Route) bool) {
		top := m.at.top()
		top.mu.Lock()
		var routes []*Route
		for _, t := range top.reg.targets {
			if t.route != nil && m.now != nil && t.edition.within(m.now) {
				routes = append(routes, t.route)
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

// Modules ranges over the modules that are mounted, in the order in which they were: all of
// the bot's, those inside of others included.
func (r *Router) Modules() iter.Seq[*Module] {
	return func(yield func(*Module) bool) {
		top := r.top()
		top.mu.Lock()
		modules := slices.Clone(top.reg.modules)
		top.mu.Unlock()
		for _, m := range modules {
			if !yield(m) {
				return
			}
		}
	}
}

// Module returns the module that is mounted under a name, if there is one.
func (r *Router) Module(name string) (*Module, bool) {
	for m := range r.Modules() {
		if m.name == name {
			return m, true
		}
	}
	return nil, false
}

// Module returns the module of the route, or nil.
func (rt *Route) Module() *Module {
	if rt.router == nil || rt.router.edition == nil {
		return nil
	}
	return rt.router.edition.module
}
