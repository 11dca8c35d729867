package fakevk

import (
	"encoding/json"
	"time"
)

// Faults hit events between the world and the sources that deliver them.
// [World.OnEvent] sees the events before that, unchanged.

// overtakenAtMost limits the time for which an event waits to be overtaken.
const overtakenAtMost = time.Minute

// deliver passes an event to the observers and, unless a fault holds it back,
// to the sources.
func (w *World) deliver(g *group, e Event) {
	for _, tap := range w.taps {
		tap(e)
	}
	var h *hit
	if len(w.faults) > 0 {
		h = w.strike(e.occasion(atEvent, OnEvent))
	}
	if h == nil {
		w.carry(g, e)
		return
	}
	switch f := h.effect.(type) {
	case Lost:
	case Late:
		w.later(h.delay+f.By, func() { w.carry(g, e) })
	case Overtaken:
		atMost := f.AtMost
		if atMost == 0 {
			atMost = overtakenAtMost
		}
		g.held = append(g.held, e)
		w.later(h.delay+atMost, func() { w.letGo(g, e.ID) })
	case Duplicate:
		w.later(h.delay, func() { w.carry(g, e) })
		w.later(h.delay+f.After, func() { w.carry(g, e) })
	case Poison:
		w.later(h.delay, func() {
			w.inject(g, f.Element)
			w.carry(g, e)
		})
	default: // only a delay
		w.later(h.delay, func() { w.carry(g, e) })
	}
}

// carry passes an event to the sources, followed by the events that it was to
// overtake.
func (w *World) carry(g *group, e Event) {
	held := g.held
	g.held = nil
	for _, e := range append([]Event{e}, held...) {
		w.pass(g, e)
	}
}

// letGo passes on an event that nothing has overtaken in time.
func (w *World) letGo(g *group, id string) {
	for i, e := range g.held {
		if e.ID == id {
			g.held = append(g.held[:i:i], g.held[i+1:]...)
			w.pass(g, e)
			return
		}
	}
}

// pass passes an event to the sources.
func (w *World) pass(g *group, e Event) {
	g.lp.accept(e)
	w.callBack(g, e)
	w.touch()
}

// later calls do under the lock after d, or at once if d is not positive. It
// does not call do after the world is closed.
func (w *World) later(d time.Duration, do func()) {
	if d <= 0 {
		do()
		return
	}
	w.lastTimer++
	id := w.lastTimer
	w.timers[id] = time.AfterFunc(d, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.timers, id)
		if !w.closed {
			do()
		}
	})
}

// Outstanding returns the number of things still to happen by themselves:
// events that faults hold back, and deliveries to callback servers that are
// under way or will be retried.
func (w *World) Outstanding() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.timers)
	for _, g := range w.groups {
		for _, cb := range g.callbacks {
			n += len(cb.queue) + cb.away
		}
	}
	return n
}

// Inject adds an element to the updates of a community's long poll and sends it
// to its callback servers. The element need not be an event: it can be null, a
// number or an object without a type. An object for a callback server gets the
// community and the secret, like everything that VK sends. Inject panics if the
// element is not valid JSON.
func (w *World) Inject(group int64, element json.RawMessage) {
	Poison{element}.check()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inject(w.mustGroup(group), element)
}

func (w *World) inject(g *group, element json.RawMessage) {
	if len(element) == 0 {
		element = json.RawMessage("null")
	}
	g.lp.append(element)
	for _, cb := range g.callbacks {
		if cb.takes() {
			w.enqueue(cb, &parcel{body: cb.sign(element)})
		}
	}
	w.touch()
}

// sign adds the community and the secret to a JSON object.
func (cb *callback) sign(element json.RawMessage) json.RawMessage {
	var members map[string]json.RawMessage
	if json.Unmarshal(element, &members) != nil || members == nil {
		return element
	}
	members["group_id"] = mustJSON(cb.group)
	if cb.secret != "" {
		members["secret"] = mustJSON(cb.secret)
	}
	return mustJSON(members)
}
