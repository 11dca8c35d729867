package vk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
)

// A Session is state that a bot keeps about people or conversations between
// their messages: a cart, a language, the step of a dialogue. Whose it is, a
// [Key] says each time:
//
//	type order struct{ Step, Item, Address string }
//
//	orders := &vk.Session[order]{Store: store, Name: "order", TTL: 24 * time.Hour}
//
//	err := orders.Update(c, vk.PerUser(c), func(o *order) error {
//		o.Step, o.Item = "address", c.Arg("item")
//		return nil
//	})
//
// Who has no state yet has the zero T. State is kept as [encoding/json] writes
// it: what is not exported is not kept, and a field that T does not have any
// more is dropped by the next Update. Different communities have different
// state.
//
// # Events that are handled again
//
// An event whose handling was cut off, by a stop or a crash, is handled again.
// So that the handlers then do the same, state is kept together with what it
// was before the last event that changed it. While that event is handled again,
// Get and If see the state from before, and Update starts from it, until there
// was an Update: then it is that one's. So a counter counts an event once. This
// holds for one event back, in a [Dispatcher], for events with an ID: where
// others changed the same state in between, as they may where several people
// share it, the event finds what they left, and counts twice.
//
// # Dialogues
//
// [Session.If] leads messages by state, so that a dialogue of many steps
// needs no handler that waits, and survives a restart where the Store does.
//
// The fields must not change once the Session is in use. It has no goroutine,
// may be a package variable, and is safe for concurrent use.
type Session[T any] struct {
	// Store keeps the state. Nil means a memory of the Session's own.
	Store Store

	// Name tells apart the Sessions of one Store. Two of the same name are the
	// same state, which they must agree upon.
	Name string

	// TTL is how long state is kept after the last Update. Zero means for good.
	TTL time.Duration

	memory MemoryStore
	writes atomic.Int64 // how often this Session has changed something
}

// ErrContended is returned, wrapped, by [Session.Update] and [Session.Delete]
// where others changed the same state each time in between, for some dozens of
// times over several seconds.
var ErrContended = errors.New("others change it all the time")

// A SessionError says that stored state is not of the Session's type, perhaps
// because that has changed since, or that state cannot be stored as JSON. What
// is stored stays as it was, until [Session.Delete].
type SessionError struct {
	Session string // its Name
	Key     Key
	Value   json.RawMessage // what is stored, to be rescued; nil if it was not read
	Err     error           // of encoding/json
}

// Error names session and key, but does not tell the value.
func (e *SessionError) Error() string {
	return fmt.Sprintf("vk: session %s of %s: %v", e.Session, e.Key.text(), e.Err)
}

// Unwrap returns e.Err.
func (e *SessionError) Unwrap() error { return e.Err }

// text is a key in an error.
func (k Key) text() string {
	if k == (Key{}) {
		return "everybody"
	}
	var b []byte
	add := func(name string, value any) { b = fmt.Appendf(b, "%s %v, ", name, value) }
	if k.Group != 0 {
		add("community", k.Group)
	}
	if k.Peer != 0 {
		add("peer", k.Peer)
	}
	if k.User != 0 {
		add("user", k.User)
	}
	if k.Name != "" {
		add("name", fmt.Sprintf("%.40q", k.Name))
	}
	return string(b[:len(b)-2])
}

// Get returns the state, or the zero T if there is none. What is done to it
// changes nothing: see [Session.Update]. State that is not of type T is a
// [*SessionError]; any other error is one of the Store.
func (s *Session[T]) Get(c *Context, key Key) (T, error) {
	_, v, _, err := s.read(c, key)
	return v, err
}

// Update changes the state: f gets it, or the zero T if there is none, and what
// it leaves is kept. Nothing is changed if f returns an error, which Update
// returns as it is, or if it panics. Other errors are those of Get, and
// [ErrContended].
//
// Of several updates at the same time none is lost: f runs again, with the
// newer state, if another one was faster. So it should only compute, and send
// nothing. An Update of the same state inside of it would never end well: it
// ends in [ErrContended].
func (s *Session[T]) Update(c *Context, key Key, f func(v *T) error) error {
	return s.change(c, key, func(v T) (json.RawMessage, error) {
		if err := f(&v); err != nil {
			return nil, err
		}
		b, err := json.Marshal(v)
		if err != nil {
			return nil, &SessionError{s.Name, key, nil, err}
		}
		return b, nil
	})
}

// Delete ends the state: there is none afterwards. What cannot be read can
// still be deleted. An error is that of the Store, or [ErrContended].
func (s *Session[T]) Delete(c *Context, key Key) error { return s.change(c, key, nil) }

// If returns a condition for routes: that f reports true of the state under the
// key that by gives, or of the zero T if there is none. f must only look.
//
//	r.When(orders.If(vk.PerUser, func(o order) bool { return o.Step == "address" }), address)
//
// Conditions of one Session that are asked in a row for one event read the
// state from the Store once.
func (s *Session[T]) If(by func(*Context) Key, f func(v T) bool) Cond {
	return func(c *Context) (bool, error) {
		key := by(c)
		// Inside of a route time may have passed since the conditions were
		// asked that led there.
		j := jobOf(c)
		if j == nil || c.Route() != nil {
			v, err := s.Get(c, key)
			return err == nil && f(v), err
		}
		known := readsIn(&j.attempt)
		of, writes := sessionRead{s, s.id(c, key)}, s.writes.Load()
		record, ok := known.recall(of, writes)
		if !ok {
			var err error
			if record, err = s.store().Get(c, of.id); err != nil {
				return false, s.failed(key, err)
			}
			known.note(of, sessionMemo{record, writes})
		}
		v, _, err := s.decode(c, key, record)
		return err == nil && f(v), err
	}
}

// sessionsKey finds the sessionReads of an attempt.
type sessionsKey struct{}

// A sessionReads is what conditions of Sessions have read in one attempt to
// handle an event.
type sessionReads struct {
	mu   sync.Mutex
	read map[sessionRead]sessionMemo
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

// note keeps what was read for recall.
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

func (s *Session[T]) store() Store {
	if s.Store == nil {
		return &s.memory
	}
	return s.Store
}

func (s *Session[T]) failed(key Key, err error) error {
	return fmt.Errorf("vk: session %s of %s: %w", s.Name, key.text(), err)
}

// id returns the key in the Store. The name comes last: it may be anything.
func (s *Session[T]) id(c *Context, key Key) string {
	b := append(make([]byte, 0, 64), "session/"...)
	b = strconv.AppendInt(b, c.event.GroupID, 10)
	b = append(b, '/')
	b = strconv.AppendQuote(b, short(s.Name))
	b = append(b, '/')
	b = strconv.AppendInt(b, key.Peer, 10)
	b = append(b, '/')
	b = strconv.AppendInt(b, key.User, 10)
	b = append(b, '/')
	return string(append(b, short(key.Name)...))
}

// A sessionRecord is what is stored.
type sessionRecord struct {
	Value   json.RawMessage `json:"v,omitempty"` // none if it was deleted
	Event   string          `json:"e,omitempty"` // the last that changed it
	Attempt uint64          `json:"a,omitempty"` // the handling of it that did
	Before  json.RawMessage `json:"b,omitempty"` // the value before that event
	Write   uint64          `json:"w,omitempty"` // a random number of each change
}

// handling returns the event that is being handled and the number of this
// attempt to, or "" if it is none that is handled again.
func (c *Context) handling() (event string, attempt uint64) {
	j := jobOf(c)
	if j == nil || j.ev.ID == "" {
		return "", 0
	}
	return j.ev.ID, j.attempt.id()
}

// seenBy returns the value that c is to see.
func (r *sessionRecord) seenBy(c *Context) json.RawMessage {
	if event, attempt := c.handling(); event != "" && event == r.Event && attempt != r.Attempt {
		return r.Before
	}
	return r.Value
}

// changedBy returns the record after c has changed the value.
func (r *sessionRecord) changedBy(c *Context, value json.RawMessage) sessionRecord {
	event, attempt := c.handling()
	next := sessionRecord{Value: value, Event: event, Attempt: attempt}
	switch event {
	case "":
	case r.Event:
		next.Before = r.Before
	default:
		next.Before = r.Value
	}
	return next
}

// read returns what is stored and what it says.
func (s *Session[T]) read(c *Context, key Key) (raw []byte, v T, record sessionRecord, err error) {
	raw, err = s.store().Get(c, s.id(c, key))
	if err != nil {
		return nil, v, record, s.failed(key, err)
	}
	v, record, err = s.decode(c, key, raw)
	return raw, v, record, err
}

func (s *Session[T]) decode(c *Context, key Key, raw []byte) (v T, record sessionRecord, err error) {
	if len(raw) == 0 {
		return v, record, nil
	}
	if err := json.Unmarshal(raw, &record); err != nil {
		return v, sessionRecord{}, &SessionError{s.Name, key, raw, err}
	}
	if value := record.seenBy(c); value != nil {
		if err := json.Unmarshal(value, &v); err != nil {
			var zero T
			return zero, record, &SessionError{s.Name, key, value, err}
		}
	}
	return v, record, nil
}

// deletedTTL is how long it is remembered that state was deleted, and what it
// was before, for an event that is handled again.
const deletedTTL = 24 * time.Hour

// Conflicts pass soon, unless there are very many.
const sessionTries = 64

var sessionBackoff = backoff.Backoff{Min: time.Millisecond, Max: 250 * time.Millisecond}

// change swaps the record for one with the value that f makes of the old one;
// without f, for one without a value.
func (s *Session[T]) change(c *Context, key Key, f func(T) (json.RawMessage, error)) error {
	id := s.id(c, key)
	var written []byte // by a Swap that returned false
	for try := range sessionTries {
		raw, v, record, err := s.read(c, key)
		if err == nil && len(written) > 0 && bytes.Equal(raw, written) {
			return nil // the Store's driver has repeated the Swap, and saw its own change
		}
		var broken *SessionError
		if err != nil && (f != nil || !errors.As(err, &broken)) {
			return err
		}
		var value json.RawMessage
		ttl := s.TTL
		if f != nil {
			if value, err = f(v); err != nil {
				return err
			}
		} else if ttl == 0 || ttl > deletedTTL {
			ttl = deletedTTL
		}
		var next []byte
		changed := record.changedBy(c, value)
		changed.Write = rand.Uint64()
		if value != nil || changed.Before != nil {
			if next, err = json.Marshal(changed); err != nil {
				return &SessionError{s.Name, key, nil, err}
			}
		}
		if len(raw)+len(next) == 0 {
			return nil // there is nothing to delete
		}
		swapped, err := s.store().Swap(c, id, raw, next, ttl)
		s.writes.Add(1)
		if j := jobOf(c); j != nil {
			if known, ok := j.attempt.value(sessionsKey{}).(*sessionReads); ok {
				known.forget()
			}
		}
		if err != nil {
			return s.failed(key, err)
		}
		if swapped {
			return nil
		}
		written = next
		if err := backoff.Sleep(c, sessionBackoff.Delay(try)); err != nil {
			return s.failed(key, err)
		}
	}
	return s.failed(key, ErrContended)
}
