package vk

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/vkrouter/vk/internal/lifetime"
)

// A Module is a set of routes and listeners that are added and removed
// together, while the bot runs. [Router.Mount] makes one.
//
// Its methods are safe for concurrent use, and handlers of the module itself
// may call them.
type Module struct {
	name  string
	at    *Router // the Router that it is mounted on
	place string  // in the program

	now *edition // guarded by the mu of the outermost Router; nil if the module is unmounted
}

// An edition has the registrations of one call of a module's function.
type edition struct {
	module *Module
	outer  *edition // the edition of the surrounding module, or nil
	life   lifetime.Lifetime

	// Guarded by the mu of the outermost Router.
	state    editionState
	reg      registry // while building: the registrations so far
	errs     []error  // while building: the mistakes so far
	cleanups []func()
}

type editionState int

const (
	editionBuilding editionState = iota
	editionMounted               // its registry has been merged into the surrounding one
	editionOver
)

// within reports whether s is outer, or belongs to a module inside it.
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
	ErrMounted = errors.New("a module of this name is already mounted")

	// ErrUnmounted is in the [*ModuleError] of operations on a module that is
	// no longer mounted. It is also the error of waits of the module's
	// handlers that end because the module is unmounted or swapped.
	ErrUnmounted = errors.New("the module is not mounted")
)

// A ModuleError reports that a module could not be mounted, swapped or
// unmounted. Nothing has changed then.
type ModuleError struct {
	Name string // the module
	Op   string // "mount", "swap" or "unmount"; "register" for registrations of an unmounted module

	// Err is the cause: ErrUnmounted, the error of the module's function, a
	// [*PanicError] if the function panicked, or a [*ConflictError] for each
	// conflict, including one about the module's name. Several are joined.
	Err error
}

// Error returns a message with the operation, the module and the cause.
func (e *ModuleError) Error() string { return fmt.Sprintf("vk: %s module %q: %v", e.Op, e.Name, e.Err) }

// Unwrap returns e.Err.
func (e *ModuleError) Unwrap() error { return e.Err }

// Mount mounts a module: all that f registers with its Router. That Router has
// the words and the middleware of r, as in [Router.Group]. Checks and
// middleware that f adds to it apply to the module only. Modules can mount
// modules; all modules of a bot have different names.
//
// Mount is atomic: later events see all of the module, or, if Mount fails,
// nothing of it. If f returns an error or panics, or if a registration is
// invalid or conflicts with an existing one, Mount returns a [*ModuleError]
// with all of these errors. The module's handlers may run before Mount
// returns, but not before f returns.
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

// Swap replaces the module's registrations with those of f, which is called as
// in Mount. An event sees all of the old ones or all of the new ones, and
// conditions and listeners keep their place in the order. If Swap fails, the
// module is unchanged. Waits of the old handlers end with [ErrUnmounted]; old
// handlers that do not wait finish.
//
// Old handlers that are still running can no longer register anything.
func (m *Module) Swap(f func(r *Router) error) error {
	s, err := m.build(f)
	if err == nil {
		err = m.publish(s, false)
	}
	return m.opError("swap", err)
}

// Unmount removes the module with all of its registrations. Waits of its
// handlers end with [ErrUnmounted]; handlers that do not wait finish. The name
// can be used again.
func (m *Module) Unmount() error {
	top := m.at.top()
	top.mu.Lock()
	old := m.now
	if old == nil {
		top.mu.Unlock()
		return m.opError("unmount", ErrUnmounted)
	}
	g, _, err := m.at.registry()
	if err != nil { // cannot happen: old would be over as well
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

// build calls f with a Router and collects its registrations. They are
// discarded if there is an error, or if f does not return.
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

// discard ends an edition that is not published, and the modules inside it.
func (s *edition) discard(top *Router) {
	top.mu.Lock()
	inside := s.reg.modules
	s.reg = registry{}
	over := endEditions(append(inside, &Module{now: s}))
	top.mu.Unlock()
	over()
}

// publish replaces the module's current edition with s, or, if fresh, adds s
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

// endEditions marks the editions of modules as over. It returns a function
// that ends their waits and runs their cleanups, the innermost first; that
// must be called without the lock.
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
		for i := len(editions) - 1; i >= 0; i-- { // callAll calls them from the end
			cleanups = append(cleanups, editions[i].cleanups...)
		}
		callAll(cleanups)
	}
}

// callAll calls all functions, the last first, even if one panics.
func callAll(fs []func()) {
	if len(fs) == 0 {
		return
	}
	defer callAll(fs[:len(fs)-1])
	fs[len(fs)-1]()
}

// Cleanup registers f to be called when the module of r is unmounted or
// swapped, or if mounting it fails, for instance to stop a goroutine or close
// a file. Functions are called in the reverse order of registration. Handlers
// of the module may still be running then. Cleanup panics if r belongs to no
// module, or to an unmounted one.
func (r *Router) Cleanup(f func()) {
	top := r.top()
	top.mu.Lock()
	defer top.mu.Unlock()
	if r.edition == nil {
		panic("vk: Cleanup (at " + callers(1) + "): the Router belongs to no module")
	}
	if r.edition.state == editionOver {
		panic(&ModuleError{r.edition.module.name, "register", ErrUnmounted})
	}
	r.edition.cleanups = append(r.edition.cleanups, f)
}

// Name returns the name that the module is mounted under.
func (m *Module) Name() string { return m.name }

// Walk ranges over the routes of the module, as [Router.Walk] does over those
// of a Router. An unmounted module has none.
func (m *Module) Walk() iter.Seq[*Route] {
	return m.at.walk(func(t *target) bool { return m.now != nil && t.edition.within(m.now) })
}

// Modules ranges over all mounted modules of the bot, including those inside
// of others, in the order in which they were mounted.
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

// Module returns the module that is mounted under the given name, if there is
// one.
func (r *Router) Module(name string) (*Module, bool) {
	for m := range r.Modules() {
		if m.name == name {
			return m, true
		}
	}
	return nil, false
}
