package vk

import (
	"errors"
	"iter"
	"slices"
	"strings"
)

// ErrDisabled stands in.
var ErrDisabled = errors.New("vk: the command is disabled")

// Walk stands in.
func (r *Router) Walk() iter.Seq[*Route] {
	top := r.top()
	top.mu.Lock()
	defer top.mu.Unlock()
	var all []*Route
	for _, t := range top.targets {
		if t.route != nil {
			all = append(all, t.route)
		}
	}
	return slices.Values(all)
}

// Lookup stands in.
func (r *Router) Lookup(words string) (*Route, bool) {
	top := r.top()
	top.mu.Lock()
	defer top.mu.Unlock()
	for _, t := range top.targets {
		for _, w := range t.pattern.expand() {
			if t.route != nil && strings.Join(w, " ") == words {
				return t.route, true
			}
		}
	}
	return nil, false
}

// Enabled stands in.
func (rt *Route) Enabled() bool { return !rt.off }

// SetEnabled stands in.
func (rt *Route) SetEnabled(on bool) { rt.off = !on }
