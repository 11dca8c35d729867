// Package hooks runs a handler with functions added by middleware: claims,
// which take something that is given back if the handler does not begin, and
// hooks before and after it.
package hooks

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
)

// Hooks are the functions added to one run of a handler, which gets a C. The
// zero value has none. It is safe for concurrent use.
type Hooks[C any] struct {
	used  atomic.Bool // a function was added, or a run has begun
	begun bool        // their run has begun once; guarded by mu, and here because of its size

	mu      sync.Mutex
	claims  []*claim[C]
	lines   []line[C]
	running *running[C] // the latest run, until it ends
	first   running[C]  // of one run, as most have
}

// A claim is a function that Claim has added.
type claim[C any] struct {
	take func(C) (giveBack func(), err error)
	kept atomic.Bool // a handler has begun with it: it is not called again
}

// A line is a hook that Before or After has added. One of the two is nil.
type line[C any] struct {
	before func(C) error
	after  func(C, error) error
}

// Claim adds f to run before all hooks. It reports false, and adds nothing, if the run
// has begun.
func (h *Hooks[C]) Claim(f func(C) (giveBack func(), err error)) (ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.running != nil {
		return false
	}
	h.used.Store(true)
	h.claims = append(h.claims, &claim[C]{take: f})
	return true
}

// Before adds f to run before the handler. It reports false, and adds nothing, if the run
// has begun.
func (h *Hooks[C]) Before(f func(C) error) (ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.running != nil {
		return false
	}
	h.used.Store(true)
	h.lines = append(h.lines, line[C]{before: f})
	return true
}

// After adds f to run after the handler. During a run, it works like a defer at
// that place.
func (h *Hooks[C]) After(f func(C, error) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r := h.running; r != nil {
		r.deferred = append(r.deferred, deferred[C]{after: f})
		return
	}
	h.used.Store(true)
	h.lines = append(h.lines, line[C]{after: f})
}

// InUse reports whether a function was added, or a run has begun.
func (h *Hooks[C]) InUse() bool { return h.used.Load() }

// A Mark is a state of Hooks, to return to.
type Mark struct{ claims, lines int }

// Mark returns the current state.
func (h *Hooks[C]) Mark() (m Mark) {
	if h.used.Load() {
		h.mu.Lock()
		defer h.mu.Unlock()
		m = Mark{len(h.claims), len(h.lines)}
	}
	return m
}

// Return removes the functions added since the mark.
func (h *Hooks[C]) Return(m Mark) {
	if h.used.Load() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.claims = slices.Clip(h.claims[:min(m.claims, len(h.claims))])
		h.lines = slices.Clip(h.lines[:min(m.lines, len(h.lines))])
	}
}

// Ends contains the errors for functions that do not return.
type Ends struct {
	Caught func(v any) error // for a panic's value
	Goexit error             // for a call of runtime.Goexit
}

// A running is one run of a handler and its hooks.
type running[C any] struct {
	deferred []deferred[C] // run in the end, the last first
	begun    bool          // the handler has
}

// A deferred is an After, or a function that gives a claim back.
type deferred[C any] struct {
	after    func(C, error) error
	giveBack func()
}

// Run runs f with the Hooks: first those of around, which are listed from the
// inside out and may omit Hooks that are not in use, then its own. Hooks of
// around that have begun a run are not run again, nor are those further out.
// Run returns an error for a panic of any function.
func (h *Hooks[C]) Run(c C, f func(C) error, around []*Hooks[C], ends *Ends) (err error) {
	r, claims, lines := h.begin(around)
	ended := false
	defer func() {
		if v := recover(); v != nil {
			err = ends.Caught(v)
		} else if !ended {
			err = ends.Goexit
		}
		h.unwind(c, r, &err, ends)
	}()
	err = h.run(c, r, f, claims, lines)
	ended = true
	return err
}

// begin begins a run, and returns the functions that it runs.
func (h *Hooks[C]) begin(around []*Hooks[C]) (r *running[C], claims []*claim[C], lines []line[C]) {
	h.mu.Lock()
	if r = &h.first; h.begun {
		r = new(running[C])
	}
	h.begun, h.running = true, r
	h.used.Store(true)
	claims, lines = h.claims, h.lines
	h.mu.Unlock()
	for _, up := range around {
		up.mu.Lock()
		over := up.begun // the hooks of a NotFound handler that runs a route
		if !over && len(up.claims) > 0 {
			claims = append(slices.Clip(up.claims), claims...)
		}
		if !over && len(up.lines) > 0 {
			lines = append(slices.Clip(up.lines), lines...)
		}
		up.mu.Unlock()
		if over {
			break
		}
	}
	return r, claims, lines
}

// run calls the claims, and then runs the lines and f.
func (h *Hooks[C]) run(c C, r *running[C], f func(C) error, claims []*claim[C], lines []line[C]) error {
	for _, cl := range claims {
		if cl.kept.Load() {
			continue
		}
		giveBack, err := cl.take(c)
		if err != nil {
			return err
		}
		if giveBack != nil {
			h.put(r, deferred[C]{giveBack: giveBack})
		}
	}
	for _, l := range lines {
		if l.after != nil {
			h.put(r, deferred[C]{after: l.after})
		} else if err := l.before(c); err != nil {
			return err
		}
	}
	r.begun = true
	for _, cl := range claims {
		cl.kept.Store(true)
	}
	return f(c)
}

// put adds a function that runs at the end.
func (h *Hooks[C]) put(r *running[C], d deferred[C]) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r.deferred = append(r.deferred, d)
}

// unwind runs the deferred functions of r, the last first, no matter how each
// of them ends.
func (h *Hooks[C]) unwind(c C, r *running[C], err *error, ends *Ends) {
	h.mu.Lock()
	n := len(r.deferred)
	if n == 0 {
		if h.running == r {
			h.running = nil
		}
		h.mu.Unlock()
		return
	}
	d := r.deferred[n-1]
	r.deferred = r.deferred[:n-1]
	h.mu.Unlock()
	defer h.unwind(c, r, err, ends)
	switch {
	case d.after != nil:
		afterwards(c, d.after, err, ends)
	case !r.begun:
		afterwards(c, func(C, error) error { d.giveBack(); return nil }, err, ends)
	}
}

// afterwards runs a hook and joins its error with err.
func afterwards[C any](c C, f func(C, error) error, err *error, ends *Ends) {
	ended := false
	add := func(e error) {
		if *err == nil {
			*err = e
		} else if e != nil {
			*err = errors.Join(*err, e)
		}
	}
	defer func() {
		if v := recover(); v != nil {
			add(ends.Caught(v))
		} else if !ended {
			add(ends.Goexit)
		}
	}()
	e := f(c, *err)
	ended = true
	add(e)
}
