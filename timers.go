package vk

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
	"github.com/vkrouter/vk/internal/record"
	"github.com/vkrouter/vk/internal/timer"
	"github.com/vkrouter/vk/internal/trail"
)

// Timers run a handler at later times, each with a value of type T, which is
// stored as JSON:
//
//	reminders := &vk.Timers[string]{Store: store, Name: "remind"}
//	reminders.Handle(r, func(c *vk.Context, text string) error {
//		return c.Send("Reminder: " + text)
//	})
//	vk.Command(r, "remind {in:duration} {text...}", func(c *vk.Context, a struct{ In time.Duration; Text string }) error {
//		if _, err := reminders.After(c, a.In, a.Text); err != nil {
//			return err
//		}
//		return c.Send("I will.")
//	})
//
// A timer stays in the Store until it is handled. If it was due while no bot
// ran, it is due at the start. Only the process that owns the community's
// journal dispatches timers. They take at most half of [Dispatcher.Workers],
// and of [Dispatcher.MaxEvents]. With a [Queue], any process may handle a
// timer; a timer that was set just before its process died may be 15 seconds
// late.
//
// The fields must not change once in use. The methods are safe for concurrent
// use.
type Timers[T any] struct {
	// Store keeps the timers. It must be the same value as the Dispatcher's
	// Store, and a [Lister]; if it is nil or not a Lister, the methods return a
	// [*ConfigError]. A timer that is set by another process, or outside of
	// handlers through another value, such as a wrapper, is found within six
	// seconds if the Store is shared by processes, and within a minute if it
	// belongs to one. With a [Queue], it is found within 15 seconds.
	Store Store

	// Name distinguishes the Timers of one Store. Two Timers with the same name
	// share their timers, and must use the same type. It must not change between
	// versions of the bot.
	Name string
}

// A Timer is a timer of [Timers].
type Timer[T any] struct {
	ID    string
	Key   Key
	Due   time.Time
	Daily *Daily // nil if it does not repeat
	Value T
}

// A TimerError reports that a timer's value cannot be decoded into a T,
// perhaps because T has changed, or cannot be encoded as JSON.
type TimerError struct {
	Name  string          // of the Timers
	Key   Key             // of the timer
	ID    string          // of the timer
	Value json.RawMessage // the stored value, for recovery; nil if there is none
	Err   error           // of encoding/json
}

// Error returns a message with the timer and the cause, but without the value.
func (e *TimerError) Error() string {
	return fmt.Sprintf("vk: timer %.40q %.40q of %s: %v", e.Name, e.ID, e.Key.text(), e.Err)
}

// Unwrap returns e.Err.
func (e *TimerError) Unwrap() error { return e.Err }

// Handle makes h handle due timers. Each is an event of the timer's
// conversation, in the conversation's order, with a Context that can send, ask
// and wait. [Context.FromID] is the user of the timer's key. h is called at
// least once for each due time, and its messages are sent once. An error of h
// is treated as that of any handler. A value that cannot be decoded into a T
// is a [*TimerError], and h is not called.
//
// Handle returns a function that removes h. While a timer has no handler, it
// stays in the Store, and a warning is logged. Neither [Router.Listen] nor
// routes get such events. Handle panics if h is nil.
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

// After sets a timer for the conversation and the user of c, and returns its
// id, which is unique. If the handler runs again, it does not set another
// timer, and the time does not change.
func (t *Timers[T]) After(c *Context, d time.Duration, v T) (id string, err error) {
	s, on := stepsOf(c)
	kind := s.key("timer", t.Name)
	n := uint64(c.inv.count("\x00timer " + t.Name))
	step := kind.With(n)
	if on {
		if value, found := s.trail.Get(step); found {
			return string(value), nil
		}
		if err := s.failed(step); err != nil {
			return "", err
		}
	}
	id = rand.Text()
	if c.event.ID != "" {
		key := digest(c.event.ID, c.inv.scope(), "timer "+strconv.FormatUint(n, 10), t.Name)
		id = hex.EncodeToString(key[:10])
	}
	r := timerRecord{Due: timer.Now().Add(d).UnixMilli()}
	if !on {
		return id, t.put(c, "Timers.After", PerMember(c), id, r, v)
	}
	if err := t.putStep(c, "Timers.After", PerMember(c), id, r, v, n, step); err != nil {
		return "", err
	}
	s.trail.Keep(step, []byte(id))
	return id, nil
}

// Set sets the timer with the key and id, or moves it, for instance a "digest"
// of each reader. A time in the past is due now. ctx need not be a handler's;
// the key has the community, the conversation and the user of the timer. A key
// without a Group, outside of a handler, is a [*ConfigError].
func (t *Timers[T]) Set(ctx context.Context, key Key, id string, at time.Time, v T) error {
	return t.once(ctx, "set", "Timers.Set", key, id, timerRecord{Due: timer.Milli(at)}, v)
}

// Repeat is like Set for a timer that repeats every day, at a time of the
// zone's clock. If several times were missed, the timer runs once for all of
// them. An invalid Daily is a [*ConfigError].
func (t *Timers[T]) Repeat(ctx context.Context, key Key, id string, when Daily, v T) error {
	due, err := when.Next(timer.Now())
	if err != nil {
		return err
	}
	return t.once(ctx, "repeat", "Timers.Repeat", key, id, timerRecord{Due: due.UnixMilli(), Daily: &when}, v)
}

// once puts a timer, unless an earlier run of the handler has done so.
func (t *Timers[T]) once(ctx context.Context, what, method string, key Key, id string, r timerRecord, v T) error {
	s, on := stepsOf(ctx)
	if !on {
		return t.put(ctx, method, key, id, r, v)
	}
	kind := s.key("timer "+what, t.Name, key.text(), id)
	step := kind.With(s.trail.Count(kind))
	// The second count is over everything that the handler does to the timer, in
	// order, including steps of earlier runs.
	n := s.trail.Count(s.key("timer of", t.Name, key.text(), id))
	if _, found := s.trail.Get(step); found {
		return nil
	}
	if err := s.failed(step); err != nil {
		return err
	}
	err := t.putStep(ctx, method, key, id, r, v, n, step)
	if err == nil {
		s.trail.Keep(step, nil)
	}
	return err
}

// putStep is put for the nth time that a handler with saved steps sets the
// timer. It does not set the timer again if the handler set it in a run that
// was killed, nor if that timer is over. It records a failure of the step.
func (t *Timers[T]) putStep(ctx context.Context, method string, key Key, id string, r timerRecord, v T, n uint64, step trail.Key) error {
	c := ctx.Value(sendScopeKey{}).(*Context)
	name, group, err := t.at(ctx, method, key, id)
	if err != nil {
		return err
	}
	r.By, r.Step = doneID(c.event), n+1
	safe := func(context.Context) {}
	if q := ownTimers(ctx, group); q != nil {
		r.Run = q.began.UnixMilli()
		safe = q.setBy(name)
	}
	if err := t.put(ctx, method, key, id, r, v); err != nil {
		safe(ctx)
		if s, on := stepsOf(ctx); on && !errors.As(err, new(*TimerError)) {
			s.fail(ctx, step, err)
		}
		return err
	}
	jobOf(c).whenSafe(safe)
	return nil
}

// Cancel removes the timer with the key and id. It reports whether there was
// one.
func (t *Timers[T]) Cancel(ctx context.Context, key Key, id string) (was bool, err error) {
	s, on := stepsOf(ctx)
	step := s.key("timer cancel", t.Name, key.text(), id)
	if on {
		var value []byte
		var found bool
		if step, value, found = s.trail.Step(step); found {
			return len(value) > 0, nil
		}
		if err := s.failed(step); err != nil {
			return false, err
		}
	}
	name, group, err := t.at(ctx, "Timers.Cancel", key, id)
	if err != nil {
		return false, err
	}
	queues := queuesOf(ctx, t.Store, group)
	var end timerEnd
	err = t.swap(ctx, name, func(old []byte) ([]byte, time.Duration, bool) {
		var r timerRecord
		was = len(old) > 0 && (json.Unmarshal(old, &r) != nil || !r.Over)
		switch end = (timerEnd{}); {
		case !was || r.By == "":
		case len(queues) > 0:
			end = queues[0].endOf(name, &r)
		default:
			end = timerEnd{value: r.over(), ttl: dedupeTTL}
		}
		return end.value, end.ttl, was
	})
	if err != nil {
		if on {
			s.fail(ctx, step, err)
		}
		return false, err
	}
	for _, q := range queues {
		q.remove(name)
	}
	if len(queues) > 0 {
		queues[0].written(ctx, name, end)
	}
	if on {
		s.trail.Keep(step, map[bool][]byte{true: {1}}[was])
	}
	return was, nil
}

// List returns the timers of a community, in no particular order. A value that
// cannot be decoded into a T is a [*TimerError], and the loop may continue;
// after any other error it ends. If group is zero, it is that of the handler
// whose Context is ctx; outside of a handler, that is a [*ConfigError].
func (t *Timers[T]) List(ctx context.Context, group int64) iter.Seq2[Timer[T], error] {
	return func(yield func(Timer[T], error) bool) {
		group, err := listedGroup(ctx, "Timers.List", group)
		if err != nil {
			yield(Timer[T]{}, err)
			return
		}
		err = listStore(ctx, t.Store, "Timers.List", timerPrefix(group, t.Name), func(name string, raw []byte) bool {
			var r timerRecord
			if err := json.Unmarshal(raw, &r); err != nil {
				return yield(Timer[T]{}, &TimerError{Name: t.Name, ID: name, Value: raw, Err: err})
			}
			if r.Over {
				return true
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

// at returns a timer's key in the Store, and its community.
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
	if key.Name != "" || strings.Contains(id, "\x1f") { // two names and ids never make the same text
		id = strconv.Itoa(len(key.Name)) + "\x1f" + key.Name + id
	}
	return timerPrefix(group, t.Name) + strconv.FormatInt(key.Peer, 10) + "/" + strconv.FormatInt(key.User, 10) + "/" + short(id), group, nil
}

// put writes a timer's record, and notifies the Dispatchers. It does not
// change a timer that the same handler put in another run, or later in this
// one.
func (t *Timers[T]) put(ctx context.Context, method string, key Key, id string, r timerRecord, v T) error {
	name, group, err := t.at(ctx, method, key, id)
	if err != nil {
		return err
	}
	if c, _ := ctx.Value(sendScopeKey{}).(*Context); c != nil && jobOf(c) != nil && jobOf(c).d.Store == nil {
		return &ConfigError{
			Place: method, Field: "Dispatcher.Store", Text: "the Dispatcher has no Store, so it would never handle the timer", Mend: "set it to the Store of the Timers",
		}
	}
	r.Name, r.ID, r.Peer, r.User, r.KeyName = t.Name, id, key.Peer, key.User, key.Name
	if r.Value, err = json.Marshal(v); err != nil {
		return &TimerError{t.Name, key, id, nil, err}
	}
	due, over := r.due(), false
	err = t.swap(ctx, name, func(old []byte) ([]byte, time.Duration, bool) {
		var was timerRecord
		over = false
		if len(old) > 0 && json.Unmarshal(old, &was) == nil {
			if r.By != "" && r.By == was.By && r.Step <= was.Step {
				due, over = was.due(), was.Over
				return nil, 0, false
			}
			if r.By == "" && !was.Over {
				r.By, r.Step, r.Run = was.By, was.Step, was.Run // it was moved, and is the same timer
			}
		}
		b, _ := json.Marshal(r) // all of it can be encoded
		return b, 0, true
	})
	if err != nil {
		return err
	}
	queues := queuesOf(ctx, t.Store, group)
	for _, q := range queues {
		if over {
			q.noted(name)
		} else {
			q.set(name, due)
		}
	}
	if len(queues) == 0 {
		return t.tell(ctx, group)
	}
	return nil
}

// tell notifies the Dispatcher, in whichever process, that timers were set.
func (t *Timers[T]) tell(ctx context.Context, group int64) error {
	key := timerNewsKey(group)
	old, err := t.Store.Get(ctx, key)
	if err == nil {
		_, err = t.Store.Swap(ctx, key, old, []byte(rand.Text()), timerNewsTime)
	}
	if err != nil {
		return fmt.Errorf("vk: %q: the timer is set, but a running bot may find it only after a restart: %w", key, err)
	}
	return nil // if the swap failed, another caller has notified it meanwhile
}

// swap replaces a record with the result of next, unless next returns false.
func (t *Timers[T]) swap(ctx context.Context, name string, next func(old []byte) ([]byte, time.Duration, bool)) error {
	for try := range record.MaxTries {
		old, err := t.Store.Get(ctx, name)
		if err != nil {
			return fmt.Errorf("vk: %q: %w", name, err)
		}
		b, ttl, wanted := next(old)
		if !wanted {
			return nil
		}
		swapped, err := t.Store.Swap(ctx, name, old, b, ttl)
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
