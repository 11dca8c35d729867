package discord

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/errtext"
	"github.com/vkrouter/vk/internal/record"
)

// A Session is state that a bot keeps about users, channels or messages between
// events: a language, a score, the votes of a poll. A [Key] names the owner of
// the state in each call:
//
//	votes := &discord.Session[map[discord.ID]string]{Store: store, Name: "votes"}
//
//	err := votes.Update(c, discord.PerMessage(c), func(v *map[discord.ID]string) error {
//		if *v == nil {
//			*v = make(map[discord.ID]string)
//		}
//		(*v)[c.UserID()] = c.Arg("choice")
//		return nil
//	})
//
// State is stored as [encoding/json] writes it: a field that is not exported is
// not kept, and a field that T no longer has is dropped by the next Update.
// Handlers of presses on one message run at the same time, one for each user;
// no Update is lost.
//
// An event that was interrupted by a stop or a crash is handled again when the
// session of the [Gateway] is resumed. A counter still counts it once: the
// state's record has the last 16 events that changed it, and the state before
// the last of them. If that one is handled again, Get and If see the state from
// before, and Update starts from it. If it is another of them, its changes have
// counted: Update calls its function with the current state and discards the
// result. This holds for events of a Gateway, in a [Dispatcher].
//
// [Session.If] routes messages by state, so a dialogue of many steps needs no
// handler that waits, and survives a restart if the Store does.
//
// The fields must not change once the Session is in use. It has no goroutine,
// may be a package variable, and is safe for concurrent use.
type Session[T any] struct {
	// Store keeps the state. Nil means a memory of the Session's own.
	Store Store

	// Name distinguishes the Sessions of one Store. Two with the same name are the
	// same state: bots that share a Store need different names.
	Name string

	// TTL is how long state is kept after the last Update. Zero means for good.
	TTL time.Duration

	memory MemoryStore
	writes atomic.Int64 // how often this Session has changed something
}

// ErrContended is returned, wrapped, by [Session.Update] and [Session.Delete] where others
// changed the same state each time in between, for some dozens of times over several
// seconds.
var ErrContended = record.ErrContended

// A SessionError says that stored state is not of the Session's type, perhaps because that
// has changed since, or that state cannot be stored as JSON. The stored state stays as it
// was, until [Session.Delete].
type SessionError struct {
	Session string // its Name
	Key     Key
	Value   json.RawMessage // the stored state, to be rescued; nil if it was not read
	Err     error           // of encoding/json
}

// Error names session and key, but does not tell the value.
func (e *SessionError) Error() string {
	return fmt.Sprintf("discord: session %s of %s: %v: change the type back, give the Session another Name, or delete the state", e.Session, e.Key.text(), e.Err)
}

// Unwrap returns e.Err.
func (e *SessionError) Unwrap() error { return e.Err }

// Get returns the state, or the zero T if there is none. To change the returned value
// changes nothing: see [Session.Update]. State that is not of type T is a
// [*SessionError]; any other error is one of the Store.
//
// ctx is a handler's Context, one made of it, or any other outside of a handler.
func (s *Session[T]) Get(ctx context.Context, key Key) (T, error) {
	raw, err := s.store().Get(ctx, s.id(key))
	if err != nil {
		var none T
		return none, s.failed(key, err)
	}
	return s.decode(ctx, key, raw)
}

// Update changes the state: f gets it, or the zero T if there is none, and Update keeps
// the value that f leaves. Nothing is changed if f returns an error, which Update returns
// as it is, or if it panics. Other errors are those of Get, and [ErrContended].
//
// f runs again, with the newer state, if another Update was faster. So it should only
// compute, and send nothing. An Update of the same state inside of it ends in
// [ErrContended].
//
// ctx is as in [Session.Get].
func (s *Session[T]) Update(ctx context.Context, key Key, f func(v *T) error) error {
	return s.change(ctx, key, func(v T) (json.RawMessage, error) {
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

// Delete ends the state: there is none afterwards. State that cannot be read can still be
// deleted. An error is that of the Store, or [ErrContended]. ctx is as in [Session.Get].
func (s *Session[T]) Delete(ctx context.Context, key Key) error {
	return s.change(ctx, key, nil)
}

// If returns a condition for routes: that f reports true of the state under the key that
// by gives, or of the zero T if there is none. f must have no effects.
//
//	r.When(orders.If(discord.PerMember, func(o order) bool { return o.Step == "address" }), address)
//
// Conditions of one Session that are asked in a row for one event read the state from the
// Store once.
func (s *Session[T]) If(by func(*Context) Key, f func(v T) bool) Cond {
	return func(c *Context) (bool, error) {
		key := by(c)
		of, writes := sessionRead{s, s.id(key)}, s.writes.Load()
		raw, known := c.inv.recall(of, writes)
		if !known {
			var err error
			if raw, err = s.store().Get(c, of.id); err != nil {
				return false, s.failed(key, err)
			}
			c.inv.note(of, sessionMemo{raw, writes})
		}
		v, err := s.decode(c, key, raw)
		return err == nil && f(v), err
	}
}

func (s *Session[T]) store() Store {
	if s.Store == nil {
		return &s.memory
	}
	return s.Store
}

// id returns the key in the Store.
func (s *Session[T]) id(key Key) string {
	return "discord/session/" + strconv.Quote(record.Short(s.Name)) + "/" + key.id()
}

func (s *Session[T]) failed(key Key, err error) error {
	return errtext.Wrap("discord: ", fmt.Sprintf("session %s of %s", s.Name, key.text()), err)
}

// decode returns the state of a record for a handler.
func (s *Session[T]) decode(ctx context.Context, key Key, raw []byte) (v T, err error) {
	stored, err := record.Decode(raw)
	if err != nil {
		return v, &SessionError{s.Name, key, raw, err.(*record.RecordError).Err}
	}
	j, _ := ctx.Value(jobKey{}).(*job)
	return s.value(key, stored.SeenBy(j.handling()))
}

// value decodes a value.
func (s *Session[T]) value(key Key, value []byte) (v T, err error) {
	if len(value) == 0 {
		return v, nil
	}
	if err := json.Unmarshal(value, &v); err != nil {
		var none T
		return none, &SessionError{s.Name, key, value, err}
	}
	return v, nil
}

// change puts the value that f makes of the old one in its place; without f, none.
func (s *Session[T]) change(ctx context.Context, key Key, f func(T) (json.RawMessage, error)) error {
	var own error // of decoding and of f, to be returned as it is
	j, _ := ctx.Value(jobKey{}).(*job)
	id := s.id(key)
	ch := record.Change{
		Store: s.store(), ID: id, TTL: s.TTL, Handling: j.handling(),
		Passed:  func(changes int) bool { return j.passes(id, changes) },
		Written: func() { s.writes.Add(1) },
	}
	if f != nil {
		ch.Make = func(value json.RawMessage) (next json.RawMessage, err error) {
			var v T
			if v, own = s.value(key, value); own == nil {
				next, own = f(v)
			}
			return next, own
		}
	}
	_, err := ch.Do(ctx)
	switch broken := (*record.RecordError)(nil); {
	case err == nil:
		return nil
	case own != nil:
		return own
	case errors.As(err, &broken):
		return &SessionError{s.Name, key, broken.Raw, broken.Err}
	}
	return s.failed(key, err)
}

// jobKey finds the job of a handler's context.
type jobKey struct{}

// handling returns the attempt to handle the event, or nil for an event that is not
// handled again.
func (j *job) handling() *record.Handling {
	if j == nil || j.ev.Seq == 0 {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.attempt.Attempt == 0 {
		h := sha256.New()
		fmt.Fprintf(h, "%s\x00%s\x00%d\x00", j.ev.Kind, j.ev.Shard, j.ev.Seq)
		h.Write(j.ev.Data)
		j.attempt.Event = binary.LittleEndian.Uint64(h.Sum(nil))
		j.attempt.Attempt = rand.Uint64()>>8 | 1
	}
	own := j.attempt
	return &own
}

// passes counts a change of an earlier attempt under an id, and reports whether it is one
// of the first n.
func (j *job) passes(id string, n int) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.passed[id] >= n {
		return false
	}
	if j.passed == nil {
		j.passed = make(map[string]int)
	}
	j.passed[id]++
	return true
}

// A sessionRead is one key that one Session has read.
type sessionRead struct {
	session any // the *Session
	id      string
}

// A sessionMemo is a record as a condition has read it.
type sessionMemo struct {
	record []byte
	writes int64 // of the Session, before it was read
}

// recall returns the record that was read in the invocation, unless the Session has
// changed something since, under any key.
func (i *invocation) recall(of sessionRead, writes int64) (record []byte, ok bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	m, ok := i.reads[of]
	return m.record, ok && m.writes == writes
}

// note keeps a record for recall.
func (i *invocation) note(of sessionRead, m sessionMemo) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.reads == nil {
		i.reads = make(map[sessionRead]sessionMemo)
	}
	i.reads[of] = m
}
