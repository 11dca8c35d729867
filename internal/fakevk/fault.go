package fakevk

import (
	"encoding/binary"
	"slices"
	"strings"
	"time"
)

// The places where faults happen that are not methods of the API.
const (
	OnLongPoll = "long poll" // a poll
	OnUpload   = "upload"    // a file sent to an upload host
	OnCallback = "callback"  // an event or a confirmation sent to a callback server
	OnEvent    = "event"     // an event on its way to long poll and callback servers
	OnAll      = "*"         // wherever the effect can happen
)

// A Fault is something that goes wrong: what with, when and how. Of the faults
// that a call, a poll or an event meets, the first one registered has its
// effect; the delays of those before it count as well.
type Fault struct {
	// On is where the fault happens: a method (messages.send), all of a section
	// (messages.*), one of the On constants or the type of an event
	// (message_new). Empty means everywhere that the effect can happen.
	On string

	// Peer confines the fault to one dialog, as the caller names it, Group to
	// one community. Zero means any.
	Peer, Group int64

	// Match, unless nil, has the last word on whether the fault happens. It
	// runs with the world locked: it must not wait, nor call the world.
	Match func(Occasion) bool

	// Skip lets so many occasions pass unharmed, Times is how many are hit
	// after them; zero means no end.
	Skip, Times int

	// Chance is how likely each of them is hit: zero means certainly, a negative
	// number never. The world's seed decides, so equal runs have equal luck.
	Chance float64

	// After is how long after its registration the fault begins, For how long
	// it lasts from then on; zero means at once and for ever.
	After, For time.Duration

	// Delay passes before anything is done about the request. On an event it
	// is that of [Late].
	Delay time.Duration

	// Effect is what happens then; nil means that all goes well.
	Effect Effect
}

// An Occasion is a call, a poll, an upload, a delivery or an event that a fault
// may happen to.
type Occasion struct {
	On     string            // a method or one of the On constants
	Event  string            // the type of an event, or of that which a callback carries
	Group  int64             // the community it concerns, or 0
	Peers  []int64           // the dialogs it names
	Params map[string]string // of a call or an upload host's address, without secrets
	Inner  bool              // the call is made by execute

	kind     spot   // what can happen to it
	solution string // of a captcha, that the call carries
}

// spot is the kind of an occasion as a bit, for effects to say where they can
// happen.
type spot uint8

const (
	atCall spot = 1 << iota
	atPoll
	atUpload
	atCallback
	atEvent

	atServer = atCall | atPoll | atUpload // what World serves
	atWire   = atServer | atCallback
)

// An Injection is a fault that was registered.
type Injection struct {
	w     *World
	fault Fault
	id    int64
	since time.Time
	seen  int // occasions that matched
	hits  int
}

// Fail registers a fault. It panics when the fault makes no sense: the test
// itself is wrong then.
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

// Hits returns how often the fault has happened.
func (i *Injection) Hits() int {
	i.w.mu.Lock()
	defer i.w.mu.Unlock()
	return i.hits
}

// Spent reports whether the fault can happen no more: it has happened as often
// as it should, its time is over or it was removed.
func (i *Injection) Spent() bool {
	i.w.mu.Lock()
	defer i.w.mu.Unlock()
	f := &i.fault
	return f.Times > 0 && i.hits >= f.Times ||
		f.For > 0 && now().Sub(i.since) >= f.After+f.For ||
		!slices.Contains(i.w.faults, i)
}

// Remove takes the fault away. What it has begun goes on.
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

// A hit is what faults do to one occasion. The nil hit does nothing.
type hit struct {
	delay  time.Duration
	effect Effect
}

// strike finds what happens to an occasion.
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

// strikes decides whether the fault happens, and counts.
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

// luck is a number from 0 up to 1 for each occasion.
func (i *Injection) luck() float64 {
	d := i.w.digest("luck", i.id, int64(i.seen))
	return float64(binary.BigEndian.Uint64(d[:])>>11) / (1 << 53)
}

// concerns reports whether an occasion is of the kind that the fault is for.
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
		// What execute calls has no answer of its own on the wire.
		_, isError := f.Effect.(callError)
		return f.Effect.spots()&o.kind != 0 && (!o.Inner || isError)
	case o.kind == atEvent:
		return f.On == OnEvent || f.On == o.Event
	}
	return !o.Inner && (f.On == "" || f.On != o.Event)
}
