package vk

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
	"github.com/vkrouter/vk/internal/record"
	"github.com/vkrouter/vk/internal/timer"
)

// Timers are things to do later, each with a value of type T, which is kept as JSON:
//
//	reminders := &vk.Timers[string]{Store: store, Name: "remind"}
//	reminders.Handle(r, func(c *vk.Context, what string) error {
//		return c.Send("Reminder: " + what)
//	})
//	vk.Command(r, "remind {in:duration} {what...}", func(c *vk.Context, a struct{ In time.Duration; What string }) error {
//		if _, err := reminders.After(c, a.In, a.What); err != nil {
//			return err
//		}
//		return c.Send("I will.")
//	})
//
// A timer stays in the Store until it is handled. One that was due while no bot ran is
// due at the start. Only the process that owns the community's journal dispatches
// timers. They take at most half of [Dispatcher.MaxEvents].
//
// The fields must not change once in use. The methods are safe for concurrent use.
type Timers[T any] struct {
	// Store keeps the timers. It is the value that the Dispatcher has, and a [Lister];
	// without one, the methods return a [*ConfigError]. A timer that is set through
	// another value, such as a wrapper, or by another process, is found at the next
	// start only.
	Store Store

	// Name tells apart the Timers of one Store. It must not change between versions of
	// the bot.
	Name string
}

// A Timer is one of [Timers].
type Timer[T any] struct {
	ID    string
	Key   Key
	Due   time.Time
	Daily *Daily // nil if it does not come again
	Value T
}

// A TimerError says that a timer's value is not of the type T, perhaps because that has
// changed since, or cannot be kept as JSON.
type TimerError struct {
	Name  string          // of the Timers
	Key   Key             // of the timer
	ID    string          // of the timer
	Value json.RawMessage // the kept value, to be rescued; nil if there is none
	Err   error           // of encoding/json
}

// Error names the timer, but does not tell the value.
func (e *TimerError) Error() string {
	return fmt.Sprintf("vk: timer %.40q %.40q of %s: %v", e.Name, e.ID, e.Key.text(), e.Err)
}

// Unwrap returns e.Err.
func (e *TimerError) Unwrap() error { return e.Err }

// Handle makes h handle due timers: each as an event of the timer's conversation, in the
// conversation's order, with a Context that can send, ask and wait. [Context.FromID] is
// the user of the timer's key. h is called at least once for each due time, and what it
// sends shows once. An error of h is an outcome, as that of any handler. A value that is
// no T is a [*TimerError], and h is not called.
//
// Handle returns a function that removes h. While a timer has no handler, it stays in
// the Store, and the log has a warning. [Router.Listen] does not get such events, nor
// do routes. Handle panics if h is nil.
func (t *Timers[T]) Handle(r *Router, h func(c *Context, v T) error) (remove func()) {
	place := callers(1)
	if h == nil {
		r.change(func(*registry) error { return fmt.Errorf("vk: Timers.Handle (at %s): nil handler", place) })
		return func() {}
	}
	l := &listener{kind: timerKind + t.Name, run: func(c *Context) error {
		o, err := decode[timerObject](c.event)
		if err != nil {
			return err
		}
		var v T
		if err := json.Unmarshal(o.Value, &v); err != nil {
			return &TimerError{t.Name, PerMember(c), o.ID, o.Value, err}
		}
		return h(c, v)
	}}
	return r.listen(l, place)
}

// After sets a timer for the conversation and the person of c, and returns its id, which
// is one of its own. If the handler is run again, it sets no other one, and the time
// stays as it was.
func (t *Timers[T]) After(c *Context, d time.Duration, v T) (id string, err error) {
	s, on := stepsOf(c)
	kind := s.key("timer", t.Name)
	n := uint64(c.inv.count("\x00timer " + t.Name))
	step := kind.With(n)
	if on {
		if value, found := s.trail.Get(step); found {
			return string(value), nil
		}
	}
	id = rand.Text()
	if c.event.ID != "" {
		key := digest(c.event.ID, c.inv.scope(), "timer "+strconv.FormatUint(n, 10), t.Name)
		id = hex.EncodeToString(key[:10])
	}
	due := timer.Now().Add(d)
	if err := t.put(c, "Timers.After", PerMember(c), id, timerRecord{Due: due.UnixMilli()}, v, true); err != nil {
		return "", err
	}
	if on {
		s.trail.Keep(step, []byte(id))
	}
	return id, nil
}

// Set sets the timer of that key and id, or moves it: each reader may have a "digest".
// A time in the past is due now. ctx need not be a handler's; the key says which
// community, conversation and person the timer is for. A key without a Group, outside of
// a handler, is a [*ConfigError].
func (t *Timers[T]) Set(ctx context.Context, key Key, id string, at time.Time, v T) error {
	return t.once(ctx, "set", key, id, func() error {
		return t.put(ctx, "Timers.Set", key, id, timerRecord{Due: at.UnixMilli()}, v, false)
	})
}

// Repeat is Set for a timer that comes again and again: at the time that the zone's
// clock shows, once a day. Times that were missed come once together. A Daily that makes
// no sense is a [*ConfigError].
func (t *Timers[T]) Repeat(ctx context.Context, key Key, id string, when Daily, v T) error {
	due, err := when.Next(timer.Now())
	if err != nil {
		return err
	}
	return t.once(ctx, "repeat", key, id, func() error {
		return t.put(ctx, "Timers.Repeat", key, id, timerRecord{Due: due.UnixMilli(), Daily: &when}, v, false)
	})
}

// once does f, unless a former run of the handler has done it.
func (t *Timers[T]) once(ctx context.Context, what string, key Key, id string, f func() error) error {
	s, on := stepsOf(ctx)
	if !on {
		return f()
	}
	step, _, found := s.trail.Step(s.key("timer "+what, t.Name, key.text(), id))
	if found {
		return nil
	}
	err := f()
	if err == nil {
		s.trail.Keep(step, nil)
	}
	return err
}

// Cancel removes the timer of that key and id. It reports whether there was one.
func (t *Timers[T]) Cancel(ctx context.Context, key Key, id string) (was bool, err error) {
	s, on := stepsOf(ctx)
	step := s.key("timer cancel", t.Name, key.text(), id)
	if on {
		var value []byte
		var found bool
		if step, value, found = s.trail.Step(step); found {
			return len(value) > 0, nil
		}
	}
	name, group, err := t.at(ctx, "Timers.Cancel", key, id)
	if err != nil {
		return false, err
	}
	err = t.swap(ctx, name, func(old []byte) (next []byte, again bool) {
		was = len(old) > 0
		return nil, was
	})
	if err != nil {
		return false, err
	}
	for _, q := range queuesOf(t.Store, group) {
		q.remove(name)
	}
	if on {
		s.trail.Keep(step, map[bool][]byte{true: {1}}[was])
	}
	return was, nil
}

// List returns the timers of a community, in no order. A value that is no T is a
// [*TimerError], and the loop may go on; after any other error it ends.
func (t *Timers[T]) List(ctx context.Context, group int64) iter.Seq2[Timer[T], error] {
	return func(yield func(Timer[T], error) bool) {
		err := listStore(ctx, t.Store, "Timers.List", timerPrefix(group, t.Name), func(name string, raw []byte) bool {
			var r timerRecord
			if err := json.Unmarshal(raw, &r); err != nil {
				return yield(Timer[T]{}, &TimerError{Name: t.Name, ID: name, Value: raw, Err: err})
			}
			out := Timer[T]{ID: r.ID, Key: Key{Group: group, Peer: r.Peer, User: r.User, Name: r.KeyName}, Due: r.due(), Daily: r.Daily}
			if err := json.Unmarshal(r.Value, &out.Value); err != nil {
				return yield(out, &TimerError{t.Name, out.Key, r.ID, r.Value, err})
			}
			return yield(out, nil)
		})
		if err != nil {
			yield(Timer[T]{}, err)
		}
	}
}

// at returns the key in the Store of a timer, and its community.
func (t *Timers[T]) at(ctx context.Context, method string, key Key, id string) (name string, group int64, err error) {
	c, _ := ctx.Value(sendScopeKey{}).(*Context)
	group = key.Group
	if c != nil && group == 0 {
		group = c.event.GroupID
	}
	_, lists := t.Store.(Lister)
	switch {
	case t.Store == nil:
		return "", 0, &ConfigError{Place: method, Field: "Timers.Store", Text: "the Timers have no Store", Mend: "set the Dispatcher's"}
	case !lists:
		return "", 0, errNoLister(method)
	case group == 0:
		return "", 0, &ConfigError{
			Place: method, Field: "Key.Group", Text: "outside of a handler, the community of a timer is not known", Mend: "set Group in the Key",
		}
	}
	if key.Name != "" {
		id = key.Name + "\x1f" + id
	}
	return timerPrefix(group, t.Name) + strconv.FormatInt(key.Peer, 10) + "/" + strconv.FormatInt(key.User, 10) + "/" + short(id), group, nil
}

// put writes a timer's record, and tells the Dispatchers. If it is new, an old one is
// left as it is.
func (t *Timers[T]) put(ctx context.Context, method string, key Key, id string, r timerRecord, v T, isNew bool) error {
	name, group, err := t.at(ctx, method, key, id)
	if err != nil {
		return err
	}
	r.Name, r.ID, r.Peer, r.User, r.KeyName = t.Name, id, key.Peer, key.User, key.Name
	if r.Value, err = json.Marshal(v); err != nil {
		return &TimerError{t.Name, key, id, nil, err}
	}
	b, err := json.Marshal(r)
	if err != nil {
		return &TimerError{t.Name, key, id, nil, err}
	}
	due := r.due()
	err = t.swap(ctx, name, func(old []byte) (next []byte, again bool) {
		var was timerRecord
		if isNew && len(old) > 0 && json.Unmarshal(old, &was) == nil {
			due = was.due()
			return nil, false
		}
		return b, true
	})
	if err != nil {
		return err
	}
	for _, q := range queuesOf(t.Store, group) {
		q.set(name, due)
	}
	return nil
}

// swap replaces a record by the result of next, unless next returns false.
func (t *Timers[T]) swap(ctx context.Context, name string, next func(old []byte) ([]byte, bool)) error {
	for try := range record.MaxTries {
		old, err := t.Store.Get(ctx, name)
		if err != nil {
			return fmt.Errorf("vk: %q: %w", name, err)
		}
		b, wanted := next(old)
		if !wanted {
			return nil
		}
		swapped, err := t.Store.Swap(ctx, name, old, b, 0)
		if err != nil {
			return fmt.Errorf("vk: %q: %w", name, err)
		}
		if swapped {
			return nil
		}
		if err := backoff.Sleep(ctx, record.Pauses.Delay(try)); err != nil {
			return err
		}
	}
	return fmt.Errorf("vk: %q: %w", name, ErrContended)
}
