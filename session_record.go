package vk

import (
	"sync"

	"github.com/vkrouter/vk/internal/record"
	"github.com/vkrouter/vk/internal/trail"
)

// handling returns the event and the attempt that is handling it, or nil if
// the event is never handled again.
func (c *Context) handling() *record.Handling {
	if c == nil {
		return nil
	}
	j := jobOf(c)
	if j == nil || j.ev.ID == "" {
		return nil
	}
	h := &record.Handling{Event: uint64(trail.KeyOf("event", j.ev.ID)), Attempt: j.attempt.id()}
	if t := j.written(); t != nil {
		h.Knows = func(attempt uint64) bool { // its changes are in the trail
			value, ok := t.Find(trail.Key(attempt))
			return ok && len(value) == 1 && value[0] == stepAttempt
		}
	}
	return h
}

// sessionsKey finds the sessionReads of an attempt.
type sessionsKey struct{}

// A sessionReads caches the reads of Sessions' conditions in one attempt to
// handle an event.
type sessionReads struct {
	mu     sync.Mutex
	read   map[sessionRead]sessionMemo
	passed map[string]int // changes of other attempts, by id
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

// readsIn returns the sessionReads of an attempt, and creates it if necessary.
func readsIn(a *attempt) *sessionReads {
	if known, ok := a.value(sessionsKey{}).(*sessionReads); ok {
		return known
	}
	return a.remember(sessionsKey{}, new(sessionReads)).(*sessionReads)
}

// A sessionRead identifies a key that a Session has read.
type sessionRead struct {
	session any // the *Session
	id      string
}

type sessionMemo struct {
	record []byte
	writes int64 // the Session's count before the read
}

// recall returns the cached record, unless the Session has made a change
// since, under any key.
func (r *sessionReads) recall(of sessionRead, writes int64) (record []byte, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m, ok := r.read[of]
	return m.record, ok && m.writes == writes
}

// note caches a read value for recall.
func (r *sessionReads) note(of sessionRead, m sessionMemo) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.read == nil {
		r.read = make(map[sessionRead]sessionMemo)
	}
	r.read[of] = m
}

// forget drops the cache after a change by the event's handlers: another
// Session of the same name may have read the state.
func (r *sessionReads) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read = nil
}

// forgetSessions drops the cache after a handler has changed a state.
func (c *Context) forgetSessions() {
	if j := jobOf(c); j != nil {
		if known, ok := j.attempt.value(sessionsKey{}).(*sessionReads); ok {
			known.forget()
		}
	}
}
