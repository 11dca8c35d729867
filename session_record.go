package vk

import (
	"encoding/binary"
	"encoding/json"
	"sync"

	"github.com/vkrouter/vk/internal/trail"
)

// A sessionRecord is the stored form of one state.
type sessionRecord struct {
	Value  json.RawMessage `json:"v,omitempty"` // none if it was deleted
	Events []byte          `json:"e,omitempty"` // the last that changed it, the newest last
	Before json.RawMessage `json:"b,omitempty"` // the value before the newest event
	Write  uint64          `json:"w,omitempty"` // a random number of each change
}

const (
	sessionEvents = 16 // how many events a record has
	sessionEvent  = 16 // bytes of one: its hash, the attempt and how often it has changed the value
)

// A handling is one attempt to handle an event.
type handling struct {
	event   trail.Key
	attempt uint64
	trail   *trail.Trail // nil if there is none
}

// handling returns the event that is being handled and the number of this attempt to.
// ok is false if it is none that is handled again.
func (c *Context) handling() (h handling, ok bool) {
	if c == nil {
		return h, false
	}
	j := jobOf(c)
	if j == nil || j.ev.ID == "" {
		return h, false
	}
	return handling{trail.KeyOf("event", j.ev.ID), j.attempt.id(), j.written()}, true
}

// An occurrence is where an event stands in a record.
type occurrence struct {
	at, of  int // the place, and how many there are
	attempt uint64
	count   byte
}

// find returns where the event stands in the record, or false.
func (r *sessionRecord) find(h handling) (o occurrence, ok bool) {
	of := len(r.Events) / sessionEvent
	for at := range of {
		b := r.Events[at*sessionEvent:]
		if trail.Key(binary.LittleEndian.Uint64(b)) == h.event {
			v := binary.LittleEndian.Uint64(b[8:])
			return occurrence{at, of, v >> 8, byte(v)}, true
		}
	}
	return o, false
}

// isNewest reports whether the event was the last to change the value.
func (o occurrence) isNewest() bool { return o.at == o.of-1 }

// knows reports whether what an attempt has changed is in the trail.
func (h handling) knows(attempt uint64) bool {
	if h.trail == nil {
		return false
	}
	value, ok := h.trail.Find(trail.Key(attempt))
	return ok && len(value) == 1 && value[0] == stepAttempt
}

// seenBy returns the value that c is to see.
func (r *sessionRecord) seenBy(c *Context) json.RawMessage {
	h, ok := c.handling()
	if !ok {
		return r.Value
	}
	if o, ok := r.find(h); ok && o.isNewest() && o.attempt != h.attempt && !h.knows(o.attempt) {
		return r.Before // this attempt begins from there
	}
	return r.Value
}

// hasCounted reports whether a change by c was made by an attempt that was cut off, and
// others have changed the value since: then it has counted. Each such change is
// reported once.
func (r *sessionRecord) hasCounted(c *Context, id string) bool {
	h, ok := c.handling()
	if !ok {
		return false
	}
	o, ok := r.find(h)
	if !ok || o.isNewest() || o.attempt == h.attempt || h.knows(o.attempt) {
		return false
	}
	return readsIn(&jobOf(c).attempt).pass(id, int(o.count))
}

// changedBy returns the record after c has changed the value.
func (r *sessionRecord) changedBy(c *Context, value json.RawMessage) sessionRecord {
	next := sessionRecord{Value: value}
	events, count := r.Events[:len(r.Events)/sessionEvent*sessionEvent], byte(1)
	h, ok := c.handling()
	if !ok && len(events) == 0 {
		return next
	}
	if ok { // else the event is 0, so that no other is the newest
		next.Before = r.Value
	}
	if o, ok := r.find(h); ok {
		if o.isNewest() && !(o.attempt != h.attempt && h.knows(o.attempt)) {
			next.Before = r.Before
		}
		if o.attempt == h.attempt && o.count < 255 {
			count = o.count + 1
		}
		events = append(events[:o.at*sessionEvent:o.at*sessionEvent], events[(o.at+1)*sessionEvent:]...)
	}
	events = events[max(0, len(events)-(sessionEvents-1)*sessionEvent):]
	next.Events = append(make([]byte, 0, len(events)+sessionEvent), events...)
	next.Events = binary.LittleEndian.AppendUint64(next.Events, uint64(h.event))
	next.Events = binary.LittleEndian.AppendUint64(next.Events, h.attempt<<8|uint64(count))
	return next
}

// sessionsKey finds the sessionReads of an attempt.
type sessionsKey struct{}

// A sessionReads is what conditions of Sessions have read in one attempt to
// handle an event.
type sessionReads struct {
	mu     sync.Mutex
	read   map[sessionRead]sessionMemo
	passed map[string]int // changes of other attempts, by the id
}

// pass counts a change under an id, and reports whether it is one of the first n.
func (r *sessionReads) pass(id string, n int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.passed[id] >= n {
		return false
	}
	if r.passed == nil {
		r.passed = make(map[string]int)
	}
	r.passed[id]++
	return true
}

// readsIn returns the sessionReads of an attempt, which it begins if need be.
func readsIn(a *attempt) *sessionReads {
	if known, ok := a.value(sessionsKey{}).(*sessionReads); ok {
		return known
	}
	return a.remember(sessionsKey{}, new(sessionReads)).(*sessionReads)
}

// A sessionRead is one key that one Session has read.
type sessionRead struct {
	session any // the *Session
	id      string
}

type sessionMemo struct {
	record []byte
	writes int64 // of the Session, before it was read
}

// recall returns the record that was read, unless the Session has changed
// something since, under any key.
func (r *sessionReads) recall(of sessionRead, writes int64) (record []byte, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m, ok := r.read[of]
	return m.record, ok && m.writes == writes
}

// note keeps a read value for recall.
func (r *sessionReads) note(of sessionRead, m sessionMemo) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.read == nil {
		r.read = make(map[sessionRead]sessionMemo)
	}
	r.read[of] = m
}

// forget is called when the event's handlers have changed something: another
// Session of the same name may have read it.
func (r *sessionReads) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read = nil
}

// forgetSessions is called when a handler has changed a state.
func (c *Context) forgetSessions() {
	if j := jobOf(c); j != nil {
		if known, ok := j.attempt.value(sessionsKey{}).(*sessionReads); ok {
			known.forget()
		}
	}
}
