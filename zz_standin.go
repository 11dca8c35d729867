package vk

import "slices"

// kindsOf returns the kinds of events that a handler has handlers for.
func kindsOf(h Handler) (kinds []string, known bool) {
	r, ok := h.(*Router)
	if !ok {
		return nil, false
	}
	top := r.top()
	top.mu.Lock()
	defer top.mu.Unlock()
	for _, l := range top.reg.listeners {
		if l.kind != "" && !slices.Contains(kinds, l.kind) {
			kinds = append(kinds, l.kind)
		}
	}
	if len(top.reg.targets) > 0 && !slices.Contains(kinds, "message_new") {
		kinds = append(kinds, "message_new")
	}
	return kinds, true
}
