package vk

import (
	"iter"
	"strings"
)

// Walk ranges over the routes of r, those of Routers and modules inside of it
// included, each once, in the order in which they were added. Routes that are
// added or removed meanwhile make no difference. Only commands have a Pattern.
func (r *Router) Walk() iter.Seq[*Route] {
	return r.walk(func(t *target) bool { return t.route.within(r) })
}

// walk ranges over the routes that are wanted, which is asked with the lock held.
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

// within reports whether the route is of r or of a Router inside of it.
func (rt *Route) within(r *Router) bool {
	for in := rt.router; in != nil; in = in.outer {
		if in == r {
			return true
		}
	}
	return false
}

// Lookup returns the command that has exactly these words, as in "admin ban":
// none that has fewer, as a message would find. The words of the Routers around
// r stand before them. No words are those of the prefix alone.
func (r *Router) Lookup(words string) (*Route, bool) {
	// What alternatives the words of r have, a person writes one of.
	path := ""
	if p, err := r.parsePattern(r.path); err == nil {
		for _, alts := range p.words {
			path += alts[0] + " "
		}
	}
	t := r.current()
	to, rest := t.find(path + words)
	if strings.TrimSpace(path+words) == "" {
		to = t.root.route
	}
	if to == nil || to.route == nil || strings.TrimSpace(rest) != "" {
		return nil, false
	}
	return to.route, true
}

// Match finds the route that an event leads to, without running it or any of its
// checks. The Context that it returns tells: its Route, and with it Prefix, Arg
// and the like. Where the event leads to no route, Route returns nil there.
//
// Listeners and those who wait for an answer are not asked. The error is that of
// a Prefix or a condition.
func (r *Router) Match(c *Context) (*Context, error) {
	t := r.current()
	m, err := t.match(c)
	if err == nil {
		m = t.matchRest(c, m)
		err = m.failed
	}
	found := newContext(c.ctx, c.client, c.event, c.inv.job)
	found.via = c.via
	found.inv.name, found.inv.via, found.inv.outer = "Match", c.via, c.inv
	if err == nil && m.to != nil {
		m.prepare(found.inv)
	}
	return found, err
}

// current returns the table that an event would be served by now.
func (r *Router) current() *table {
	top := r.top()
	if t := top.table.Load(); t != nil {
		return t
	}
	return top.compile()
}
