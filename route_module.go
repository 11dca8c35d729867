package vk

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/vkrouter/vk/internal/lifetime"
)

// A Module is a set of routes and listeners that come and go together, while
// the bot runs. [Router.Mount] makes one.
//
// Its methods are safe for concurrent use, also by handlers of the module
// itself.
type Module struct {
	name  string
	at    *Router // where it is mounted
	place string  // in the program

	now *edition // guarded by the mu of the outermost Router; nil if it is unmounted
}

// An edition is what one call of a module's function has registered.
type edition struct {
	module *Module
	outer  *edition // of the module around, or nil
	life   lifetime.Lifetime

	// Guarded by the mu of the outermost Router.
	state    editionState
	reg      registry // while building: what will be registered
	errs     []error  // while building: what was wrong
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
	// ErrMounted is in the [*ModuleError] of a Mount under a name that another
	// module has. The error is a [*ConflictError], too.
	ErrMounted = errors.New("a module of this name is mounted")

	// ErrUnmounted is in the [*ModuleError] of whatever is asked of a module
	// that is no longer mounted. With it end the waits of the module's handlers
	// when it is unmounted or swapped.
	ErrUnmounted = errors.New("the module is not mounted")
)

// A ModuleError says that a module could not be mounted, swapped or unmounted.
// Everything is then as it was before.
type ModuleError struct {
	Name string // the module
	Op   string // "mount", "swap" or "unmount"; "register" for what a module does that is unmounted

	// Err is why: ErrUnmounted, what the module's function has returned, a
	// [*PanicError] if it has panicked, or a [*ConflictError] for each thing that
	// is taken, the module's name included; joined, if there are several.
	Err error
}

// Error names the module and what was wrong.
func (e *ModuleError) Error() string { return fmt.Sprintf("vk: %s module %q: %v", e.Op, e.Name, e.Err) }

// Unwrap returns e.Err.
func (e *ModuleError) Unwrap() error { return e.Err }

// Mount mounts a module: all that f registers with the Router that it is given.
// That one has the words and the middleware of r, like that of a [Router.Group],
// and whatever checks and middleware f adds to it are the module's own. Modules
// can mount modules; the names of all modules of a bot are different.
//
// Everything appears at once, for the events that come after it, or nothing at
// all: if f returns an error or panics, or if something that it registers is
// mistaken or conflicts with what is registered already, Mount returns a
// [*ModuleError] with all of that. The handlers of f may run before Mount
// returns, but not before f does.
func (r *Router) Mount(name string, f func(r *Router) error) (*Module, error) {
	m := &Module{name: name, at: r, place: callers(1)}
	top := r.top()
	top.mu.Lock()
	g, _, err := r.registry()
	if err == nil {
		if other := g.module(name); other != nil {
			err = other.taken()
		}
	}
	top.mu.Unlock()
	if err != nil {
		return nil, m.opError("mount", err)
	}
	s, err := m.build(f)
	if err == nil {
		err = m.publish(s, true)
	}
	if err != nil {
		return nil, m.opError("mount", err)
	}
	return m, nil
}

// Swap puts what f registers in the place of what the module has registered,
// as Mount does: an event sees all of the old or all of the new, and conditions
// and listeners keep their place in the order. If it fails, the module stays as
// it is. Waits of the old handlers end with [ErrUnmounted]; what does not wait,
// goes on to its end.
//
// Handlers of the old that still run cannot register anything any more.
func (m *Module) Swap(f func(r *Router) error) error {
	s, err := m.build(f)
	if err == nil {
		err = m.publish(s, false)
	}
	return m.opError("swap", err)
}

// Unmount takes the module out, with everything that it has registered. Waits
// of its handlers end with [ErrUnmounted]; what does not wait, goes on to its
// end. The name is free again.
func (m *Module) Unmount() error {
	top := m.at.top()
	top.mu.Lock()
	old := m.now
	if old == nil {
		top.mu.Unlock()
		return m.opError("unmount", ErrUnmounted)
	}
	g, _, err := m.at.registry()
	if err != nil { // cannot be: old would be over as well
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
	var e *ModuleError
	if err == nil || errors.As(err, &e) && e.Name == m.name && e == err {
		return err
	}
	return &ModuleError{m.name, op, err}
}

// build calls f with a Router whose registrations it collects. They come to
// nothing if there is an error, or if f does not return.
func (m *Module) build(f func(*Router) error) (s *edition, err error) {
	top := m.at.top()
	s = &edition{module: m, outer: m.at.edition}
	in := &Router{outer: m.at, path: m.at.path, Defaults: m.at.Defaults, edition: s}
	returned := false
	defer func() {
		if v := recover(); v != nil {
			err = caught(v)
		} else if !returned {
			err = errGoexit
		}
		top.mu.Lock()
		err = join(append(s.errs, err)...)
		top.mu.Unlock()
		if err != nil {
			s.discard(top)
			s = nil
		}
	}()
	if f == nil {
		returned = true
		return s, errors.New("nil function")
	}
	err = f(in)
	returned = true
	if in.Prefix != nil {
		err = join(err, errors.New("only the outermost Router has a Prefix"))
	}
	if in.Fold {
		err = join(err, errors.New("only the outermost Router has Fold"))
	}
	if in.AnswerBots {
		err = join(err, errors.New("only the outermost Router has AnswerBots"))
	}
	return s, err
}

// discard ends an edition that comes to nothing, with the modules inside.
func (s *edition) discard(top *Router) {
	top.mu.Lock()
	inside := s.reg.modules
	s.reg = registry{}
	over := endEditions(append(inside, &Module{now: s}))
	top.mu.Unlock()
	over()
}

// publish puts the edition in the place of the module's present one, or, if fresh,
// where there was none.
func (m *Module) publish(s *edition, fresh bool) error {
	top := m.at.top()
	top.mu.Lock()
	g, _, err := m.at.registry()
	if err == nil && !fresh && m.now == nil {
		err = ErrUnmounted
	}
	var gone []*Module
	if err == nil {
		next := g.clone()
		var errs []error
		if fresh {
			err = next.addModule(m)
			errs = append(errs, err)
		}
		var conflicts []error
		gone, conflicts = next.replace(m.now, &s.reg)
		if err = join(append(errs, conflicts...)...); err == nil {
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

// endEditions marks the editions of modules as over. The function that it returns tells
// those who wait or want to clean up, the innermost first; it is called without
// the lock.
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

// Cleanup has f called when the module that r is of is unmounted or swapped, or
// if it fails to be mounted: to stop a goroutine, to close a file. What was
// given last is called first. Handlers of the module may still be running then.
// Cleanup panics if r is of no module, or of one that is unmounted.
func (r *Router) Cleanup(f func()) {
	top := r.top()
	top.mu.Lock()
	defer top.mu.Unlock()
	if r.edition == nil {
		panic("vk: Cleanup (at " + callers(1) + "): the Router is of no module")
	}
	if r.edition.state == editionOver {
		panic(&ModuleError{r.edition.module.name, "register", ErrUnmounted})
	}
	r.edition.cleanups = append(r.edition.cleanups, f)
}

// Name returns the name that the module is mounted under.
func (m *Module) Name() string { return m.name }

// Walk ranges over the routes of the module, as [Router.Walk] does over those
// of a Router. It has none when it is unmounted.
func (m *Module) Walk() iter.Seq[*Route] {
	return m.at.walk(func(t *target) bool { return m.now != nil && t.edition.within(m.now) })
}

// Modules ranges over the modules that are mounted, in the order in which they
// were: all of the bot's, those inside of others included.
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
