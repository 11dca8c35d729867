package vk

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// A listener is what On or Listen has added.
type listener struct {
	kind    string // or "" for all
	name    string
	run     HandlerFunc
	edition *edition // of the module that it is of; nil if it is of none
}

// On adds a listener: a handler of all events of one kind, with the event's
// object, decoded for this listener alone. It returns what removes the
// listener again.
//
// A derived kind, such as message_new.chat_kick_user, has the events that are of
// this kind besides their own; its object is that of the event. The listeners of
// an event, of its kind and of its derived kind, run in the order in which they
// were added.
//
// The kind may be of any name, also one that this package does not know
// yet, and of any type that its object fits; [json.RawMessage] fits all. On
// panics if h is nil, or if the name is tied to another type in this package: a
// constant such as [EventGroupJoin] always has the right one.
func On[T any](r *Router, k Kind[T], h func(c *Context, e *T) error) (remove func()) {
	l := &listener{kind: string(k)}
	place := callers(1)
	mistake := func(format string, args ...any) func() {
		err := fmt.Errorf("vk: On %q (at %s): "+format, append([]any{string(k), place}, args...)...)
		r.change(func(*registry) error { return err })
		return func() {}
	}
	if h == nil {
		return mistake("nil handler")
	}
	if t := reflect.TypeFor[T](); !fits(string(k), t) {
		return mistake("its object is a %s, not a %s", kindTypes[string(k)], t)
	}
	l.run = func(c *Context) error {
		e, err := decode[T](c.event)
		if err != nil {
			return err
		}
		return h(c, e)
	}
	return r.listen(l, place)
}

// Listen adds a listener of the events of all kinds, known or not, as they come:
// [Context.Event] has them. It is otherwise like [On], and runs among the
// listeners that On has added in the order of registration. Listen returns what
// removes the listener again, and panics if h is nil.
func (r *Router) Listen(h HandlerFunc) (remove func()) {
	place := callers(1)
	if h == nil {
		r.change(func(*registry) error { return fmt.Errorf("vk: Listen (at %s): nil handler", place) })
		return func() {}
	}
	return r.listen(&listener{run: h}, place)
}

func (r *Router) listen(l *listener, place string) (remove func()) {
	l.edition = r.edition
	l.name = "listener of " + l.kind + " at " + place
	if l.kind == "" {
		l.name = "listener at " + place
	}
	if r.edition != nil {
		l.name += " in " + r.edition.module.name
	}
	r.change(func(g *registry) error { g.listen(l); return nil })
	top := r.top()
	return func() {
		top.mu.Lock()
		defer top.mu.Unlock()
		gone := func(other *listener) bool { return other == l }
		if g, _, err := r.registry(); err == nil {
			g.listeners = slices.DeleteFunc(g.listeners, gone)
			top.table.Store(nil)
		}
	}
}

// A hearing is who listens to what.
type hearing struct {
	kinds map[string][]*listener // of kinds and derived kinds with listeners
	all   []*listener            // of every other kind
}

func newHearing(listeners []*listener) hearing {
	h := hearing{kinds: make(map[string][]*listener)}
	for _, l := range listeners {
		h.kinds[l.kind] = nil
	}
	delete(h.kinds, "")
	for _, l := range listeners {
		if l.kind == "" {
			h.all = append(h.all, l)
		}
		for kind := range h.kinds {
			raw, _, _ := strings.Cut(kind, ".")
			if l.kind == "" || l.kind == kind || l.kind == raw {
				h.kinds[kind] = append(h.kinds[kind], l)
			}
		}
	}
	return h
}

// of returns the listeners of an event, in the order of their registration.
func (h *hearing) of(e *Event) []*listener {
	if e.Derived != "" {
		if to, ok := h.kinds[e.Derived]; ok {
			return to
		}
	}
	if to, ok := h.kinds[e.Kind]; ok {
		return to
	}
	return h.all
}
