// Package record stores state in a key-value store that an event changes once,
// however often the event is handled.
package record

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// A Record is the stored form of one state.
type Record struct {
	Value  json.RawMessage `json:"v,omitempty"` // none if the state was deleted
	Events []byte          `json:"e,omitempty"` // the last events that changed it, the newest last
	Before json.RawMessage `json:"b,omitempty"` // the value before the newest event
	Write  uint64          `json:"w,omitempty"` // a random number of each change
}

const (
	maxEvents = 16 // maximum number of events in a record
	eventSize = 16 // bytes of one: its hash, the attempt and its number of changes
)

// A Handling is one attempt to handle an event.
type Handling struct {
	Event   uint64 // a hash of the event's identity
	Attempt uint64 // of 56 bits; different for each attempt

	// Knows reports whether this attempt knows the changes of another attempt, so
	// that it continues from them. Nil means that it knows none.
	Knows func(attempt uint64) bool
}

// An occurrence is the position of an event in a record.
type occurrence struct {
	at, of  int // the position, and the number of positions
	attempt uint64
	count   byte
}

// find returns where the event stands in the record, or false.
func (r *Record) find(h *Handling) (o occurrence, ok bool) {
	of := len(r.Events) / eventSize
	for at := range of {
		b := r.Events[at*eventSize:]
		if binary.LittleEndian.Uint64(b) == h.Event {
			v := binary.LittleEndian.Uint64(b[8:])
			return occurrence{at, of, v >> 8, byte(v)}, true
		}
	}
	return o, false
}

// isNewest reports whether the event was the last to change the value.
func (o occurrence) isNewest() bool { return o.at == o.of-1 }

// foreign reports whether the change was made by an attempt that h does not
// continue from.
func (o occurrence) foreign(h *Handling) bool {
	return o.attempt != h.Attempt && (h.Knows == nil || !h.Knows(o.attempt))
}

// SeenBy returns the value that the attempt sees. A nil h sees the value as it
// is.
func (r *Record) SeenBy(h *Handling) json.RawMessage {
	if h == nil {
		return r.Value
	}
	if o, ok := r.find(h); ok && o.isNewest() && o.foreign(h) {
		return r.Before // this attempt starts from there
	}
	return r.Value
}

// Counted returns the number of changes of another, interrupted attempt, if
// other events have changed the value since: then these changes count.
func (r *Record) Counted(h *Handling) (changes int) {
	if h == nil {
		return 0
	}
	o, ok := r.find(h)
	if !ok || o.isNewest() || !o.foreign(h) {
		return 0
	}
	return int(o.count)
}

// ChangedBy returns the record after the attempt has changed the value.
func (r *Record) ChangedBy(h *Handling, value json.RawMessage) Record {
	next := Record{Value: value}
	events, count := r.Events[:len(r.Events)/eventSize*eventSize], byte(1)
	if h == nil && len(events) == 0 {
		return next
	}
	of := h
	if h == nil {
		of = new(Handling) // no other event is the newest then
	} else {
		next.Before = r.Value
	}
	if o, ok := r.find(of); ok {
		if o.isNewest() && (o.attempt == of.Attempt || o.foreign(of)) {
			next.Before = r.Before
		}
		if o.attempt == of.Attempt && o.count < 255 {
			count = o.count + 1
		}
		events = append(events[:o.at*eventSize:o.at*eventSize], events[(o.at+1)*eventSize:]...)
	}
	events = events[max(0, len(events)-(maxEvents-1)*eventSize):]
	next.Events = append(make([]byte, 0, len(events)+eventSize), events...)
	next.Events = binary.LittleEndian.AppendUint64(next.Events, of.Event)
	next.Events = binary.LittleEndian.AppendUint64(next.Events, of.Attempt<<8|uint64(count))
	return next
}

// Short returns a name as a valid key of a Store: a hash, if the name is long
// or not text without zero bytes.
func Short(name string) string {
	const mark = "sha256:"
	if len(name) <= 100 && utf8.ValidString(name) && !strings.Contains(name, "\x00") && !strings.HasPrefix(name, mark) {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return mark + hex.EncodeToString(sum[:])
}
