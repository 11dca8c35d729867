package fakevk

import (
	"encoding/json"
	"time"
)

// Events meet their faults between the world and the sources that carry them.
// [World.OnEvent] sees them before, as they are.

// overtakenAtMost is how long an event waits to be overtaken.
const overtakenAtMost = time.Minute

// deliver hands an event to whoever looks on and, if no fault keeps it back, to
// the sources.
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
	default: // a delay alone
		w.later(h.delay, func() { w.carry(g, e) })
	}
}

// carry hands an event to the sources, and after it those that it was to
// overtake.
func (w *World) carry(g *group, e Event) {
	held := g.held
	g.held = nil
	for _, e := range append([]Event{e}, held...) {
		w.pass(g, e)
	}
}

// letGo carries an event that nothing has overtaken in its time.
func (w *World) letGo(g *group, id string) {
	for i, e := range g.held {
		if e.ID == id {
			g.held = append(g.held[:i:i], g.held[i+1:]...)
			w.pass(g, e)
			return
		}
	}
}

// pass hands an event to the sources.
func (w *World) pass(g *group, e Event) {
	g.lp.accept(e)
	w.callBack(g, e)
	w.touch()
}

// later does something under the lock after a while, or at once if that is no
// time. It is not done once the world is closed.
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

// Outstanding returns how much is still to come by itself: events that faults
// keep back, and what is on its way to callback servers or will be tried again.
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

// Inject puts something into the updates of a community's long poll, and sends
// it to its callback servers, that need not be an event: null, a number, an
// object without a type. To an object for a callback server the community and
// the secret are added, as to whatever comes from VK. It panics if that is no
// JSON.
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

// sign adds to a JSON object by whom and for whom it is.
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
