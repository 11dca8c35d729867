package fakevk

import "slices"

// EventNames returns the kinds of events that a community's settings can switch
// on and off.
func EventNames() []string { return slices.Clone(eventNames) }

// EnableEvents switches on events of a community's long poll and returns the
// kinds that were off.
func (w *World) EnableEvents(group int64, kinds []string) (enabled []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := &w.mustGroup(group).lp
	for _, kind := range kinds {
		if l.off[kind] {
			delete(l.off, kind)
			enabled = append(enabled, kind)
		}
	}
	return enabled
}

// Sends reports whether an event of this kind would reach a community's bot, by
// long poll or by a callback server.
func (w *World) Sends(group int64, kind string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.mustGroup(group)
	return g.lp.enabled && !g.lp.off[kind] ||
		slices.ContainsFunc(g.callbacks, func(cb *callback) bool { return !cb.off[kind] })
}
