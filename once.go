package vk

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// Once calls f once for the event of c, and saves its result before it
// returns. If the handler runs again, after a restart or a crash, Once returns
// the saved result and does not call f. T is saved as JSON, at most 16 KB of
// it. Several Onces with the same name in a handler are distinguished by their
// order.
//
//	receipt, err := vk.Once(c, "charge", func(key string) (string, error) {
//		return bank.Charge(c, key, 300)
//	})
//
// If the process dies while f runs, or just afterwards, it is unknown how far
// f got: f is then called again, with the same key. Pass the key to services
// that support idempotency keys, as payment services do.
//
// An error of f is saved when the handler next waits, with the result beside
// it. A later run returns an error with the same text; errors.Is matches the
// errors of this package that it matched before, and others by their type and
// text. If a result cannot be saved, Once returns an [*OnceError], also in the
// first run. So it does if the saved result cannot be decoded into a T because
// T has changed.
//
// Without a Store in the [Dispatcher], Once just calls f. If the Store fails,
// Once waits for it for up to ten seconds, and then returns the result anyway.
func Once[T any](c *Context, name string, f func(key string) (T, error)) (T, error) {
	s, on := stepsOf(c)
	if !on {
		var n int
		if c.event.ID != "" {
			n = c.inv.count("\x00once " + name)
		}
		return f(onceKey(c, name, uint64(n)))
	}
	kind := s.key("once", name)
	n := s.trail.Count(kind)
	step := kind.With(n)
	if value, found := s.trail.Get(step); found {
		skipped, _ := s.trail.Get(step.And("within"))
		s.trail.Skip(skipped)
		return recallOnce[T](name, value)
	}
	before := s.trail.Counts()
	v, err := f(onceKey(c, name, n))
	if within := s.trail.Since(before); within != nil {
		s.trail.Keep(step.And("within"), within)
	}
	if err != nil {
		kept := keepError(err)
		if kept.Value, _ = json.Marshal(v); s.trail.Keep(step, kept.step()) != nil {
			kept.Value = nil
			s.trail.Keep(step, kept.step()) // if it is too large, f is called again
		}
		return v, err
	}
	b, bad := json.Marshal(v)
	if bad == nil {
		bad = s.trail.Keep(step, append([]byte{stepAnswer}, b...))
	}
	if bad != nil {
		s.trail.Keep(step, append([]byte{stepUnkept}, bad.Error()...))
		jobOf(c).saveTrail(c)
		return v, &OnceError{name, b, bad}
	}
	jobOf(c).saveOnce(c)
	return v, nil
}

// stepUnkept is the first byte of the value of a Once if the result was not
// saved. The reason follows.
const stepUnkept = 'u'

func recallOnce[T any](name string, value []byte) (v T, err error) {
	if len(value) == 0 {
		return v, &OnceError{name, nil, errors.New("no result is saved")}
	}
	switch value[0] {
	case stepFailed:
		result, err := readError(value)
		if json.Unmarshal(result, &v) != nil {
			v = *new(T)
		}
		return v, err
	case stepUnkept:
		return v, &OnceError{name, nil, errors.New(string(value[1:]))}
	}
	if err := json.Unmarshal(value[1:], &v); err != nil {
		var zero T
		return zero, &OnceError{name, value[1:], err}
	}
	return v, nil
}

// onceKey returns the key for the function of a Once.
func onceKey(c *Context, name string, n uint64) string {
	if c.event.ID == "" {
		key := newSendKey(c, "once", "")
		return hex.EncodeToString(key[:16])
	}
	key := digest(c.event.ID, c.inv.scope(), "once "+strconv.FormatUint(n, 10), name)
	return hex.EncodeToString(key[:16])
}

// An OnceError reports that the result of a [Once] could not be saved, or that
// the saved result is not of its type. The function was called, and is not
// called again for the event.
type OnceError struct {
	Name  string          // of the Once
	Value json.RawMessage // the result; nil if it is unknown
	Err   error           // of encoding/json, or that it is too large
}

// Error returns a message with the name and the cause, but without the value.
func (e *OnceError) Error() string {
	return fmt.Sprintf("vk: Once %.40q: the result cannot be kept or read: %v: return less, or give a Once of another type another name", e.Name, e.Err)
}

// Unwrap returns e.Err.
func (e *OnceError) Unwrap() error { return e.Err }
