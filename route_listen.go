package vk

import (
	"fmt"
	"maps"
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
	if isTimer(l.kind) {
		l.name = "timer " + l.kind[len(timerKind):] // the same in other code
	}
	if r.edition != nil {
		l.name += " in " + r.edition.module.name
	}
	r.change(func(g *registry) error { g.addListener(l); return nil })
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
			if l.kind == "" && !isTimer(kind) || l.kind == kind || l.kind == rawKind(kind) {
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
	if isTimer(e.Kind) {
		return nil
	}
	return h.all
}

// kindsOf returns the kinds of events that h has handlers for, each once and in
// the order of their names: VK's own, not those that are derived of them. known
// is false if h does not tell: it is not a [*Router], wrapped or not, or one that
// only listens to all kinds. What a handler waits for with a Watch is not among
// them.
func kindsOf(h Handler) (kinds []string, known bool) {
	for w, ok := h.(*wrapped); ok; w, ok = h.(*wrapped) {
		h = w.inner
	}
	r, ok := h.(*Router)
	if !ok {
		return nil, false
	}
	return r.kinds()
}

// kindsWanted is kindsOf with more kinds, derived ones as what they are derived
// of: who names some tells what is wanted.
func kindsWanted(h Handler, more []string) (kinds []string, known bool) {
	kinds, known = kindsOf(h)
	for _, kind := range more {
		kinds = append(kinds, rawKind(kind))
	}
	slices.Sort(kinds)
	return slices.Compact(kinds), known || len(more) > 0
}

// kinds is kindsOf for a Router. A listener of all kinds adds none: it hears
// what comes. Routes answer messages, and the presses of buttons that stand for
// them; a NotFound answers messages.
func (r *Router) kinds() (kinds []string, known bool) {
	top := r.top()
	top.mu.Lock()
	defer top.mu.Unlock()
	names := make(map[string]struct{})
	all := false
	for _, l := range top.reg.listeners {
		if raw := rawKind(l.kind); isTimer(l.kind) {
			continue // no kind of VK's
		} else if raw != "" {
			names[raw] = struct{}{}
		} else {
			all = true
		}
	}
	for _, t := range top.reg.targets {
		names[string(EventMessageNew)] = struct{}{}
		if t.route != nil {
			names[string(EventMessageEvent)] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(names)), len(names) > 0 || !all
}

// timerKind begins the kinds of the events of timers.
const timerKind = "vk.timer."

// isTimer reports whether events of a kind are not VK's, but those of timers.
func isTimer(kind string) bool { return strings.HasPrefix(kind, timerKind) }
