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
// timers. They take at most half of [Dispatcher.Workers], and of [Dispatcher.MaxEvents].
// With a [Queue], any process may handle a timer; one that is set just before its process
// dies may be 15 seconds late.
//
// The fields must not change once in use. The methods are safe for concurrent use.
type Timers[T any] struct {
	// Store keeps the timers. It is the value that the Dispatcher has, and a [Lister];
	// without one, the methods return a [*ConfigError]. A timer that is set by another
	// process, or outside of handlers through another value, such as a wrapper, is found
	// within six seconds if the Store is shared by processes, and within a minute if it
	// belongs to one. With a [Queue], it is found within 15 seconds.
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
	r := timerRecord{Due: timer.Now().Add(d).UnixMilli()}
	if !on {
		return id, t.put(c, "Timers.After", PerMember(c), id, r, v)
	}
	if err := t.putStep(c, "Timers.After", PerMember(c), id, r, v, n); err != nil {
		return "", err
	}
	s.trail.Keep(step, []byte(id))
	return id, nil
}

// Set sets the timer of that key and id, or moves it: each reader may have a "digest".
// A time in the past is due now. ctx need not be a handler's; the key says which
// community, conversation and person the timer is for. A key without a Group, outside of
// a handler, is a [*ConfigError].
func (t *Timers[T]) Set(ctx context.Context, key Key, id string, at time.Time, v T) error {
	return t.once(ctx, "set", "Timers.Set", key, id, timerRecord{Due: at.UnixMilli()}, v)
}

// Repeat is Set for a timer that comes again and again: at the time that the zone's
// clock shows, once a day. Times that were missed come once together. A Daily that makes
// no sense is a [*ConfigError].
func (t *Timers[T]) Repeat(ctx context.Context, key Key, id string, when Daily, v T) error {
	due, err := when.Next(timer.Now())
	if err != nil {
		return err
	}
	return t.once(ctx, "repeat", "Timers.Repeat", key, id, timerRecord{Due: due.UnixMilli(), Daily: &when}, v)
}

// once puts a timer, unless a former run of the handler has done it.
func (t *Timers[T]) once(ctx context.Context, what, method string, key Key, id string, r timerRecord, v T) error {
	s, on := stepsOf(ctx)
	if !on {
		return t.put(ctx, method, key, id, r, v)
	}
	kind := s.key("timer "+what, t.Name, key.text(), id)
	step := kind.With(s.trail.Count(kind))
	if _, found := s.trail.Get(step); found {
		return nil
	}
	// In the order of all that the handler does to the timer.
	n := s.trail.Count(s.key("timer of", t.Name, key.text(), id))
	err := t.putStep(ctx, method, key, id, r, v, n)
	if err == nil {
		s.trail.Keep(step, nil)
	}
	return err
}

// putStep is put for the nth time that a handler sets the timer, whose steps are kept. It is
// set anew neither if the handler has set it in a run that was killed, nor if that timer is
// over.
func (t *Timers[T]) putStep(ctx context.Context, method string, key Key, id string, r timerRecord, v T, n uint64) error {
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
		return err
	}
	jobOf(c).whenSafe(safe)
	return nil
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

// List returns the timers of a community, in no order. A value that is no T is a
// [*TimerError], and the loop may go on; after any other error it ends.
func (t *Timers[T]) List(ctx context.Context, group int64) iter.Seq2[Timer[T], error] {
	return func(yield func(Timer[T], error) bool) {
		err := listStore(ctx, t.Store, "Timers.List", timerPrefix(group, t.Name), func(name string, raw []byte) bool {
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

// put writes a timer's record, and tells the Dispatchers. What the same handler has put in
// another run, or later in that, is left as it is.
func (t *Timers[T]) put(ctx context.Context, method string, key Key, id string, r timerRecord, v T) error {
	name, group, err := t.at(ctx, method, key, id)
	if err != nil {
		return err
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
				r.By, r.Step, r.Run = was.By, was.Step, was.Run // it was moved, and is the same
			}
		}
		b, _ := json.Marshal(r) // it has nothing that is not JSON
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

// tell tells the Dispatcher, wherever it is, that timers were set.
func (t *Timers[T]) tell(ctx context.Context, group int64) error {
	key := timerNewsKey(group)
	old, err := t.Store.Get(ctx, key)
	if err == nil {
		_, err = t.Store.Swap(ctx, key, old, []byte(rand.Text()), timerNewsTime)
	}
	if err != nil {
		return fmt.Errorf("vk: %q: the timer is set, but a bot that runs may find it only at its next start: %w", key, err)
	}
	return nil // if it was not swapped, somebody else has told it since
}

// swap replaces a record by the result of next, unless next returns false.
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
