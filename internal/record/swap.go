package record

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
)

// A Store keeps the records.
type Store interface {
	Get(ctx context.Context, key string) ([]byte, error)
	Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (swapped bool, err error)
}

// ErrContended is returned by Change if others changed the same state during
// every attempt, for some dozens of attempts over several seconds.
var ErrContended = errors.New("others change it all the time")

// A RecordError reports that the stored value is not a record.
type RecordError struct {
	Raw []byte
	Err error // of encoding/json
}

// Error gives the reason.
func (e *RecordError) Error() string { return e.Err.Error() }

// Unwrap returns e.Err.
func (e *RecordError) Unwrap() error { return e.Err }

// Decode returns the record that is stored as raw, which may be empty.
func Decode(raw []byte) (r Record, err error) {
	if len(raw) == 0 {
		return r, nil
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return Record{}, &RecordError{raw, err}
	}
	return r, nil
}

// deletedTTL is how long a deletion of state, and the value before it, are kept
// for an event that is handled again.
const deletedTTL = 24 * time.Hour

// MaxTries limits the attempts of a change. Conflicts end soon, unless there
// are very many.
const MaxTries = 64

// Pauses is the backoff between the attempts.
var Pauses = backoff.Backoff{Min: time.Millisecond, Max: 250 * time.Millisecond}

// A Change is a change of one state.
type Change struct {
	Store    Store
	ID       string        // the key in the Store
	TTL      time.Duration // how long the state is kept; zero means permanently
	Handling *Handling     // nil outside of handlers, and for an event without an identity

	// Make returns the new value; nil deletes the state. It is called again with
	// the newer value if another change was faster.
	Make func(value json.RawMessage) (json.RawMessage, error)

	// Passed is called for a change that an earlier attempt has made and that
	// counts, with the number of such changes. It reports whether this change is
	// one of them. Make is called then, and its result is discarded.
	Passed func(changes int) bool

	// Written, if not nil, is called after each write.
	Written func()
}

// Do makes the change. It returns the value before it. The error is an error of
// the Store or of Make, ErrContended or, unless the state is deleted, a
// *RecordError.
func (c *Change) Do(ctx context.Context) (seen json.RawMessage, err error) {
	var written []byte // by a Swap that returned false
	for try := range MaxTries {
		raw, err := c.Store.Get(ctx, c.ID)
		if err != nil {
			return nil, err
		}
		if len(written) > 0 && bytes.Equal(raw, written) {
			return seen, nil // the Store's driver has retried the Swap, and saw its own change
		}
		record, err := Decode(raw)
		if err != nil && c.Make != nil {
			return nil, err
		}
		if n := record.Counted(c.Handling); n > 0 && c.Passed(n) {
			if c.Make != nil {
				_, err = c.Make(record.Value)
			}
			return record.Value, err
		}
		seen = record.SeenBy(c.Handling)
		next, ttl, err := c.next(&record, seen)
		if err != nil {
			return nil, err
		}
		if len(raw)+len(next) == 0 {
			return seen, nil // there is nothing to delete
		}
		swapped, err := c.Store.Swap(ctx, c.ID, raw, next, ttl)
		if c.Written != nil {
			c.Written()
		}
		if err != nil {
			return nil, err
		}
		if swapped {
			return seen, nil
		}
		written = next
		if err := backoff.Sleep(ctx, Pauses.Delay(try)); err != nil {
			return nil, err
		}
	}
	return nil, ErrContended
}

// next returns the record after the change, and its ttl.
func (c *Change) next(record *Record, seen json.RawMessage) (next []byte, ttl time.Duration, err error) {
	var value json.RawMessage
	ttl = c.TTL
	if c.Make != nil {
		if value, err = c.Make(seen); err != nil {
			return nil, 0, err
		}
	} else if ttl == 0 || ttl > deletedTTL {
		ttl = deletedTTL
	}
	changed := record.ChangedBy(c.Handling, value)
	changed.Write = rand.Uint64()
	if value != nil || changed.Before != nil {
		next, err = json.Marshal(changed)
	}
	return next, ttl, err
}
