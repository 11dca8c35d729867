package vk

import (
	"maps"
	"slices"
	"strings"
)

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
		raw, _, _ := strings.Cut(kind, ".")
		kinds = append(kinds, raw)
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
		if raw, _, _ := strings.Cut(l.kind, "."); raw != "" {
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

// switchable returns the kinds of events that VK sends only if they are switched
// on, as far as this package knows them.
//
// See https://dev.vk.com/ru/method/groups.setCallbackSettings.
func switchable() []string {
	var names []string
	for name := range kindTypes {
		if hasSwitch(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// hasSwitch reports whether a kind of events can be switched on and off, as
// all can that are not known. A confirmation, and what comes of payments and mini
// apps, is always sent; a derived kind is sent as what it is derived of.
func hasSwitch(kind string) bool {
	switch kind {
	case EventConfirmation, string(EventVKPayTransaction), string(EventAppPayload):
		return false
	}
	return !strings.Contains(kind, ".")
}
