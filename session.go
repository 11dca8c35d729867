package vk

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/record"
	"github.com/vkrouter/vk/internal/trail"
)

// A Session is state that a bot keeps about users or conversations between
// their messages: a cart, a language, the step of a dialogue. Each call names
// the owner of the state with a [Key]:
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
// Missing state is the zero T. State is stored as JSON by [encoding/json]:
// unexported fields are not stored, and fields that T no longer has are
// dropped by the next Update. Different communities have separate state.
//
// # Events that are handled again
//
// An event whose handling was interrupted, by a stop or a crash, is handled
// again, but a counter still counts it once. If the handler had waited for
// something, Get returns the value that it returned before the wait, and
// Update calls its function with the state of that time, and saves nothing:
// see [Context.Again].
//
// For handlers that had not waited, the state's record contains the last 16
// events that changed it, and the state before the last of them. If that last
// event is handled again, Get and If see the state from before it, and Update
// starts from it. If one of the others is handled again, its changes remain:
// Update calls its function with the current state and saves nothing. This
// requires a [Dispatcher] and events with an ID.
//
// # Dialogues
//
// [Session.If] routes messages by state. So a dialogue of many steps needs no
// handler that waits, and survives a restart if the Store does.
//
// The fields must not change once the Session is in use. It has no goroutine,
// may be a package variable, and is safe for concurrent use.
type Session[T any] struct {
	// Store stores the state. If nil, the Session keeps it in memory.
	Store Store

	// Name distinguishes the Sessions of one Store. Two Sessions with the same
	// name share their state, and must use the same type.
	Name string

	// TTL is the time that state is kept after the last Update. If zero, it is
	// kept forever.
	TTL time.Duration

	memory MemoryStore
	writes atomic.Int64 // the number of changes by this Session
}

// ErrContended is returned, wrapped, by [Session.Update] and [Session.Delete]
// if others changed the same state between all of their attempts: some dozens,
// over several seconds.
var ErrContended = record.ErrContended

// A SessionError reports that stored state is not of the Session's type,
// perhaps because that has changed, or that state cannot be stored as JSON.
// The stored state is unchanged, until [Session.Delete].
type SessionError struct {
	Session string // its Name
	Key     Key
	Value   json.RawMessage // the stored state, for recovery; nil if it was not read
	Err     error           // of encoding/json
}

// Error returns a message with the session, the key and the cause, but without
// the value.
func (e *SessionError) Error() string {
	return fmt.Sprintf("vk: session %s of %s: %v", e.Session, e.Key.text(), e.Err)
}

// Unwrap returns e.Err.
func (e *SessionError) Unwrap() error { return e.Err }

// text returns the key as text for errors.
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

// Get returns the state, or the zero T if there is none. Changes to the
// returned value are not saved: see [Session.Update]. State that is not of
// type T results in a [*SessionError]; other errors are the Store's.
//
// ctx may be a handler's Context or derived from one; the state is then that
// of its event's community. Outside of handlers, ctx may be any other, and the
// community is the key's Group, without which Get returns a [*ConfigError].
func (s *Session[T]) Get(ctx context.Context, key Key) (T, error) {
	at, err := s.at(ctx, key, "Session.Get")
	if err != nil {
		var zero T
		return zero, err
	}
	var step trail.Key
	steps, on := stepsOf(ctx)
	if on {
		var value []byte
		var found bool
		if step, value, found = steps.trail.Step(steps.key("get", at.id)); found {
			return s.value(key, value)
		}
		if err := steps.failed(step); err != nil {
			var zero T
			return zero, err
		}
	}
	_, v, stored, err := s.read(at)
	switch {
	case on && err == nil:
		steps.trail.Keep(step, stored.SeenBy(at.c.handling())) // if it is too large, the state is read again
	case on && !isSessionError(err):
		steps.fail(ctx, step, err)
	}
	return v, err
}

// Update changes the state: f gets a pointer to the state, or to the zero T if
// there is none, and Update saves the value when f returns. If f returns an
// error, Update returns it as it is and saves nothing; if f panics, nothing is
// saved either. Other errors are those of Get, and [ErrContended].
//
// Concurrent updates are not lost: if another one was faster, f runs again,
// with the newer state. So f should only compute, and send nothing. An Update
// of the same state inside f can never succeed: it results in [ErrContended].
//
// ctx is as in [Session.Get].
func (s *Session[T]) Update(ctx context.Context, key Key, f func(v *T) error) error {
	at, err := s.at(ctx, key, "Session.Update")
	if err != nil {
		return err
	}
	return s.change(at, func(v T) (json.RawMessage, error) {
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

// Delete deletes the state, even if it cannot be read. The error is the
// Store's, or [ErrContended]. ctx is as in [Session.Get].
func (s *Session[T]) Delete(ctx context.Context, key Key) error {
	at, err := s.at(ctx, key, "Session.Delete")
	if err != nil {
		return err
	}
	return s.change(at, nil)
}

// A SessionItem is the state of one key.
type SessionItem[T any] struct {
	Key   Key
	Value T
}

// All ranges over all state of a community, in no particular order. State that
// is not of type T is a [*SessionError], and the loop may continue; after any
// other error it ends. A Key's Name of more than 100 bytes is returned as a
// hash. If group is zero, it is that of the handler whose Context is ctx.
//
// All requires a Store that can list its keys: a [Lister]. Otherwise, and for a
// zero group outside of a handler, the error is a [*ConfigError].
func (s *Session[T]) All(ctx context.Context, group int64) iter.Seq2[SessionItem[T], error] {
	return func(yield func(SessionItem[T], error) bool) {
		group, err := listedGroup(ctx, "Session.All", group)
		if err != nil {
			yield(SessionItem[T]{}, err)
			return
		}
		prefix := s.prefix(group)
		err = listStore(ctx, s.store(), "Session.All", prefix, func(id string, raw []byte) bool {
			key, ok := sessionKey(id[len(prefix):])
			if !ok {
				return true
			}
			key.Group = group
			_, stored, err := s.decode(sessionPlace{ctx: ctx, key: key, id: id}, raw)
			if err == nil && stored.Value == nil {
				return true // it was deleted
			}
			v, broken := s.value(key, stored.Value)
			return yield(SessionItem[T]{key, v}, cmp.Or[error](err, broken))
		})
		if err != nil {
			yield(SessionItem[T]{}, err)
		}
	}
}

// listedGroup returns the community whose values are listed, which is the handler's if
// group is zero.
func listedGroup(ctx context.Context, method string, group int64) (int64, error) {
	if c, ok := ctx.Value(sendScopeKey{}).(*Context); ok && group == 0 {
		group = c.event.GroupID
	}
	if group == 0 {
		return 0, &ConfigError{Place: method, Text: "outside of a handler, the community is not known", Mend: "pass its id"}
	}
	return group, nil
}

// sessionKey parses the end of an id into a Key.
func sessionKey(end string) (key Key, ok bool) {
	parts := strings.SplitN(end, "/", 3)
	if len(parts) < 3 {
		return key, false
	}
	var err, err2 error
	key.Peer, err = strconv.ParseInt(parts[0], 10, 64)
	key.User, err2 = strconv.ParseInt(parts[1], 10, 64)
	key.Name = parts[2]
	return key, err == nil && err2 == nil
}

// A sessionPlace identifies one state for one caller.
type sessionPlace struct {
	ctx context.Context
	c   *Context // the handler's; nil outside of handlers
	key Key
	id  string // the key in the Store
}

// at returns the place of the state for a key.
func (s *Session[T]) at(ctx context.Context, key Key, method string) (sessionPlace, error) {
	c, _ := ctx.Value(sendScopeKey{}).(*Context)
	group := key.Group
	if c != nil {
		group = c.event.GroupID
	}
	if c == nil && group == 0 {
		return sessionPlace{}, &ConfigError{
			Place: method, Field: "Key.Group", Text: "outside of a handler, the community of a session is not known",
			Mend: "set Group in the Key",
		}
	}
	return sessionPlace{ctx, c, key, s.id(group, key)}, nil
}

// If returns a condition for routes: f returns true for the state under the
// key that by returns, or for the zero T if there is none. f must have no side
// effects.
//
//	r.When(orders.If(vk.PerUser, func(o order) bool { return o.Step == "address" }), address)
//
// Consecutive conditions of one Session read the state from the Store once per
// event.
func (s *Session[T]) If(by func(*Context) Key, f func(v T) bool) Cond {
	return func(c *Context) (bool, error) {
		key := by(c)
		// Inside a route, time may have passed since its conditions were
		// checked.
		j := jobOf(c)
		if j == nil || c.Route() != nil {
			v, err := s.Get(c, key)
			return err == nil && f(v), err
		}
		at := sessionPlace{c, c, key, s.id(c.event.GroupID, key)}
		steps, on := stepsOf(c)
		var step trail.Key
		if on {
			step = steps.key("if", at.id)
			if value, found := steps.trail.Get(step); found {
				v, err := s.value(key, value)
				return err == nil && f(v), err
			}
		}
		known := readsIn(&j.attempt)
		of, writes := sessionRead{s, at.id}, s.writes.Load()
		raw, ok := known.recall(of, writes)
		if !ok {
			var err error
			if raw, err = s.store().Get(c, of.id); err != nil {
				return false, s.failed(key, err)
			}
			known.note(of, sessionMemo{raw, writes})
		}
		v, stored, err := s.decode(at, raw)
		if on && err == nil && !ok {
			steps.trail.Keep(step, stored.SeenBy(c.handling()))
		}
		return err == nil && f(v), err
	}
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

// id returns the key in the Store. The name comes last, because it may contain
// any characters.
func (s *Session[T]) id(group int64, key Key) string {
	b := append(make([]byte, 0, 64), s.prefix(group)...)
	b = strconv.AppendInt(b, key.Peer, 10)
	b = append(b, '/')
	b = strconv.AppendInt(b, key.User, 10)
	b = append(b, '/')
	return string(append(b, short(key.Name)...))
}

// prefix returns the common prefix of a community's keys.
func (s *Session[T]) prefix(group int64) string {
	return "session/" + strconv.FormatInt(group, 10) + "/" + strconv.Quote(short(s.Name)) + "/"
}

// value decodes a value.
func (s *Session[T]) value(key Key, value []byte) (v T, err error) {
	if len(value) == 0 {
		return v, nil
	}
	if err := json.Unmarshal(value, &v); err != nil {
		var zero T
		return zero, &SessionError{s.Name, key, value, err}
	}
	return v, nil
}

// read reads and decodes the stored record.
func (s *Session[T]) read(at sessionPlace) (raw []byte, v T, stored record.Record, err error) {
	raw, err = s.store().Get(at.ctx, at.id)
	if err != nil {
		return nil, v, stored, s.failed(at.key, err)
	}
	v, stored, err = s.decode(at, raw)
	return raw, v, stored, err
}

func (s *Session[T]) decode(at sessionPlace, raw []byte) (v T, stored record.Record, err error) {
	if len(raw) == 0 {
		return v, stored, nil
	}
	if stored, err = record.Decode(raw); err != nil {
		return v, stored, &SessionError{s.Name, at.key, raw, err.(*record.RecordError).Err}
	}
	v, err = s.value(at.key, stored.SeenBy(at.c.handling()))
	return v, stored, err
}

// change swaps the record for one with the value that f makes of the old one,
// or, without f, for one without a value. It does not repeat a change of an
// earlier run of the handler.
func (s *Session[T]) change(at sessionPlace, f func(T) (json.RawMessage, error)) error {
	steps, on := stepsOf(at.ctx)
	var step trail.Key
	if on {
		var value []byte
		var found bool
		if step, value, found = steps.trail.Step(steps.key("update", at.id)); found {
			return s.redo(at, value, f)
		}
		if err := steps.failed(step); err != nil {
			return err
		}
	}
	seen, own, err := s.swap(at, f)
	switch {
	case !on:
	case err == nil, own && !isRunEnd(err):
		if steps.trail.Keep(step, append([]byte{stepBase}, seen...)) != nil && !own {
			steps.trail.Keep(step, []byte{stepDone})
		}
	case !own && !isSessionError(err):
		steps.fail(at.ctx, step, err)
	}
	return err
}

func isSessionError(err error) bool { return errors.As(err, new(*SessionError)) }

// stepBase is the first byte of the value of a change; the previous state
// follows.
const stepBase = 'b'

// redo runs the function of a change that has already been saved.
func (s *Session[T]) redo(at sessionPlace, value []byte, f func(T) (json.RawMessage, error)) error {
	if f == nil {
		return nil
	}
	var v T
	var err error
	if len(value) > 0 && value[0] == stepBase {
		v, err = s.value(at.key, value[1:])
	} else {
		_, v, _, err = s.read(at)
	}
	if err != nil {
		return err
	}
	_, err = f(v)
	return err
}

// swap is change for a change that no earlier run made before it waited. It
// returns the value that f got, and reports as own whether f returned the error, or the
// value could not be decoded for it.
func (s *Session[T]) swap(at sessionPlace, f func(T) (json.RawMessage, error)) (seen json.RawMessage, own bool, err error) {
	var of error // of decoding and of f; it is returned unchanged
	var got json.RawMessage
	ch := record.Change{
		Store: s.store(), ID: at.id, TTL: s.TTL, Handling: at.c.handling(),
		Passed: func(changes int) bool { return readsIn(&jobOf(at.c).attempt).pass(at.id, changes) },
		Written: func() {
			s.writes.Add(1)
			if at.c != nil {
				at.c.forgetSessions()
			}
		},
	}
	if f != nil {
		ch.Make = func(value json.RawMessage) (next json.RawMessage, err error) {
			var v T
			got = value
			if v, of = s.value(at.key, value); of == nil {
				next, of = f(v)
			}
			return next, of
		}
	}
	seen, err = ch.Do(at.ctx)
	switch broken := (*record.RecordError)(nil); {
	case err == nil:
		return seen, false, nil
	case of != nil:
		return got, true, of
	case errors.As(err, &broken):
		return nil, false, &SessionError{s.Name, at.key, broken.Raw, broken.Err}
	}
	return nil, false, s.failed(at.key, err)
}
