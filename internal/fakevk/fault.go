package fakevk

import (
	"encoding/binary"
	"slices"
	"strings"
	"time"
)

// The places of faults besides the API's methods.
const (
	OnLongPoll = "long poll" // a poll
	OnUpload   = "upload"    // a file sent to an upload host
	OnCallback = "callback"  // an event or a confirmation sent to a callback server
	OnEvent    = "event"     // an event on its way to long poll and callback servers
	OnAll      = "*"         // every place where the effect can happen
)

// A Fault describes a failure: its place, its time and its effect. If several
// faults match a call, a poll or an event, the first one registered that has an
// effect is applied. The delays of those registered before it are added to its
// own.
type Fault struct {
	// On is the place of the fault: a method (messages.send), a section
	// (messages.*), one of the On constants or a type of event (message_new).
	// If empty, the fault happens everywhere that the effect can happen.
	On string

	// Peer limits the fault to one dialog, by the caller's peer id. Group
	// limits it to one community. Zero means any.
	Peer, Group int64

	// Match, if not nil, is called last and decides whether the fault happens.
	// It runs with the world locked: it must not block or call the world.
	Match func(Occasion) bool

	// Skip is the number of matching occasions that pass unharmed. Times is the
	// number of occasions hit after them; zero means no limit.
	Skip, Times int

	// Chance is the probability that an occasion is hit: zero means always, a
	// negative number never. The world's seed determines the random numbers, so
	// equal runs have equal results.
	Chance float64

	// After is the time from the registration until the fault begins. For is
	// how long it lasts from then on. Zero means at once and forever.
	After, For time.Duration

	// Delay is the time to wait before the request is processed. For an event
	// it is the delay of [Late].
	Delay time.Duration

	// Effect is the effect after Delay; nil means success.
	Effect Effect
}

// An Occasion is a call, a poll, an upload, a delivery or an event that a fault
// may hit.
type Occasion struct {
	On     string            // a method or one of the On constants
	Event  string            // the type of an event, or of the event that a callback delivers
	Group  int64             // the community, or 0
	Peers  []int64           // the dialogs that it names
	Params map[string]string // of a call or an upload host's address, without secrets
	Inner  bool              // reports whether execute makes the call

	kind     spot   // its kind, which limits the effects
	solution string // of a captcha, from the call
}

// A spot is the kind of an occasion as a bit, with which effects say where they
// can happen.
type spot uint8

const (
	atCall spot = 1 << iota
	atPoll
	atUpload
	atCallback
	atEvent

	atServer = atCall | atPoll | atUpload // the requests that World serves
	atWire   = atServer | atCallback
)

// An Injection is a registered fault.
type Injection struct {
	w     *World
	fault Fault
	id    int64
	since time.Time
	seen  int // number of matching occasions
	hits  int
}

// Fail registers a fault. It panics if the fault is invalid, because then the
// test itself is wrong.
func (w *World) Fail(f Fault) *Injection {
	if f.Effect == nil && f.Delay == 0 {
		panic("fakevk: a fault without an effect")
	}
	if c, ok := f.Effect.(interface{ check() }); ok {
		c.check()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lastFault++
	i := &Injection{w: w, fault: f, id: w.lastFault, since: now()}
	w.faults = append(w.faults, i)
	return i
}

// Hits returns the number of times the fault has happened.
func (i *Injection) Hits() int {
	i.w.mu.Lock()
	defer i.w.mu.Unlock()
	return i.hits
}

// Spent reports whether the fault can no longer happen: it happened Times
// times, its time is over or it was removed.
func (i *Injection) Spent() bool {
	i.w.mu.Lock()
	defer i.w.mu.Unlock()
	f := &i.fault
	return f.Times > 0 && i.hits >= f.Times ||
		f.For > 0 && now().Sub(i.since) >= f.After+f.For ||
		!slices.Contains(i.w.faults, i)
}

// Remove removes the fault. Effects that have begun continue.
func (i *Injection) Remove() {
	i.w.mu.Lock()
	defer i.w.mu.Unlock()
	i.w.faults = slices.DeleteFunc(i.w.faults, func(x *Injection) bool { return x == i })
}

// ClearFaults removes all faults.
func (w *World) ClearFaults() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = nil
}

// A hit is the effect of faults on one occasion. The nil hit has no effect.
type hit struct {
	delay  time.Duration
	effect Effect
}

// strike returns the hit for an occasion.
func (w *World) strike(o Occasion) *hit {
	if len(w.faults) == 0 {
		return nil
	}
	var h hit
	for _, i := range w.faults {
		if !i.strikes(&o) {
			continue
		}
		w.touch()
		h.delay += i.fault.Delay
		if h.effect = i.fault.Effect; h.effect != nil {
			break
		}
	}
	if h == (hit{}) {
		return nil
	}
	return &h
}

// strikes decides whether the fault happens, and updates the counts.
func (i *Injection) strikes(o *Occasion) bool {
	f := &i.fault
	age := now().Sub(i.since)
	switch {
	case f.Times > 0 && i.hits >= f.Times,
		age < f.After, f.For > 0 && age >= f.After+f.For,
		!f.concerns(o), f.Match != nil && !f.Match(*o):
		return false
	}
	i.seen++
	if i.seen <= f.Skip || f.Chance != 0 && i.luck() >= f.Chance {
		return false
	}
	i.hits++
	return true
}

// luck returns a number in [0, 1) for each occasion.
func (i *Injection) luck() float64 {
	d := i.w.digest("luck", i.id, int64(i.seen))
	return float64(binary.BigEndian.Uint64(d[:])>>11) / (1 << 53)
}

// concerns reports whether the fault applies to this kind of occasion.
func (f *Fault) concerns(o *Occasion) bool {
	if !f.canHappen(o) || f.Group != 0 && f.Group != o.Group ||
		f.Peer != 0 && !slices.Contains(o.Peers, f.Peer) {
		return false
	}
	section, all := strings.CutSuffix(f.On, "*")
	return f.On == "" || f.On == o.On || f.On == o.Event || all && strings.HasPrefix(o.On, section)
}

func (f *Fault) canHappen(o *Occasion) bool {
	switch captcha, ok := f.Effect.(Captcha); {
	case ok && captcha.solved(o):
		return false
	case f.Effect != nil:
		// A call inside execute has no response of its own on the wire.
		_, isError := f.Effect.(callError)
		return f.Effect.spots()&o.kind != 0 && (!o.Inner || isError)
	case o.kind == atEvent:
		return f.On == OnEvent || f.On == o.Event
	}
	return !o.Inner && (f.On == "" || f.On != o.Event)
}
