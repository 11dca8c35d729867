package vk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
	"github.com/vkrouter/vk/internal/timer"
)

// Timers stand in the Store, each as a record of its own. A Dispatcher has their keys
// and due times in memory, and dispatches those that are due as events of their
// conversations. A timer's record stays until its event is done.

// A timerRecord is a timer in the Store.
type timerRecord struct {
	Name    string          `json:"name"` // of the Timers
	ID      string          `json:"id"`
	Due     int64           `json:"due"` // in milliseconds since 1970
	Peer    int64           `json:"peer,omitempty"`
	User    int64           `json:"user,omitempty"`
	KeyName string          `json:"key,omitempty"` // the Key's Name
	Daily   *Daily          `json:"daily,omitempty"`
	Tries   int             `json:"tries,omitempty"` // runs that may have died of it, at this due time
	Put     bool            `json:"put,omitempty"`   // it is in the Queue, for this due time
	Value   json.RawMessage `json:"value"`
}

func (r *timerRecord) due() time.Time { return time.UnixMilli(r.Due) }

// event returns the event of the timer. Its ID is the same each time that the timer is
// dispatched for the same due time.
func (r *timerRecord) event(group int64, key string) (*Event, error) {
	id := digest(key, strconv.FormatInt(r.Due, 10))
	raw, err := json.Marshal(map[string]any{
		"type": timerKind + r.Name, "event_id": fmt.Sprintf("%x", id[:16]), "group_id": group,
		"timer": key, "object": timerObject{r.Peer, r.User, r.ID, r.Due, r.Value},
	})
	if err != nil {
		return nil, err
	}
	return ParseEvent(raw)
}

// A timerObject is the object of a timer's event.
type timerObject struct {
	PeerID int64           `json:"peer_id"`
	UserID int64           `json:"user_id"`
	ID     string          `json:"id"`
	Due    int64           `json:"due"`
	Value  json.RawMessage `json:"value"`
}

func timerPrefix(group int64, name string) string {
	return "timer/" + strconv.FormatInt(group, 10) + "/" + strconv.Quote(short(name)) + "/"
}

// A timerQueue has the timers of one community, of one Dispatcher.
type timerQueue struct {
	d     *Dispatcher
	group int64
	to    *groupQueue // that the timers are put into; nil if they are dispatched here

	mu      sync.Mutex
	queue   timer.Queue
	firing  map[string]*dueTimer
	idle    []string // keys of timers that are due and have no handler
	warned  map[string]bool
	feed    *feed
	client  *Client
	first   func(context.Context, *Event) error // dispatches what former runs have left of an event's conversation
	wake    *time.Timer
	listed  bool // the Store's timers are in queue
	began   time.Time
	died    bool // the run before this one
	stopped bool
	running bool // a goroutine dispatches
	again   bool // it is to look once more
	failed  bool // the last timer could not be dispatched
	ended   sync.WaitGroup
}

// A dueTimer is a timer whose event is being handled.
type dueTimer struct {
	q    *timerQueue
	key  string
	due  time.Time
	void atomic.Bool // it was moved or canceled
}

// timerQueues finds the queues that use a Store, in this process: a timer that is set
// outside of a handler comes with its Store alone.
var timerQueues struct {
	mu sync.Mutex
	by map[Store][]*timerQueue
}

// canKey reports whether a Store can be a key of a map.
func canKey(s Store) bool { return s != nil && reflect.ValueOf(s).Comparable() }

// startTimers makes the Dispatcher dispatch the timers of a community, with a feed and
// a client, if its Store can list them. died says that the last run has; first is called
// before each timer.
func (d *Dispatcher) startTimers(group int64, f *feed, client *Client, died bool, first func(context.Context, *Event) error) {
	if _, ok := d.Store.(Lister); !ok {
		return
	}
	d.mu.Lock()
	q := d.timers[group]
	if q == nil && !d.stopped {
		q = &timerQueue{d: d, group: group, firing: make(map[string]*dueTimer), warned: make(map[string]bool), began: timer.Now(), died: died}
		if d.timers == nil {
			d.timers = make(map[int64]*timerQueue)
		}
		d.timers[group] = q
		q.register()
	}
	d.mu.Unlock()
	if q == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.feed.isOpen() {
		q.feed, q.client, q.first = f, client, first
		q.look()
	}
}

// stopTimers stops the timers of startTimers.
func (d *Dispatcher) stopTimers(group int64) {
	d.mu.Lock()
	q := d.timers[group]
	delete(d.timers, group)
	d.mu.Unlock()
	if q == nil {
		return
	}
	q.stop()
}

// register makes queuesOf find q.
func (q *timerQueue) register() {
	if !canKey(q.d.Store) {
		return
	}
	timerQueues.mu.Lock()
	defer timerQueues.mu.Unlock()
	if timerQueues.by == nil {
		timerQueues.by = make(map[Store][]*timerQueue)
	}
	timerQueues.by[q.d.Store] = append(timerQueues.by[q.d.Store], q)
}

// stop ends the queue's work.
func (q *timerQueue) stop() {
	if s := q.d.Store; canKey(s) {
		timerQueues.mu.Lock()
		all := slices.DeleteFunc(timerQueues.by[s], func(other *timerQueue) bool { return other == q })
		if timerQueues.by[s] = all; len(all) == 0 {
			delete(timerQueues.by, s)
		}
		timerQueues.mu.Unlock()
	}
	q.mu.Lock()
	q.stopped = true
	if q.wake != nil {
		q.wake.Stop()
	}
	q.mu.Unlock()
	q.ended.Wait()
}

// queuesOf returns the queues that have the timers of a Store and a community.
func queuesOf(s Store, group int64) (list []*timerQueue) {
	if !canKey(s) {
		return nil
	}
	timerQueues.mu.Lock()
	defer timerQueues.mu.Unlock()
	for _, q := range timerQueues.by[s] {
		if q.group == group {
			list = append(list, q)
		}
	}
	return list
}

// set notes that a timer was set or moved.
func (q *timerQueue) set(key string, due time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if f := q.firing[key]; f != nil && !f.due.Equal(due) {
		f.void.Store(true)
	}
	q.queue.Set(key, due)
	q.look()
}

// remove notes that a timer was canceled.
func (q *timerQueue) remove(key string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if f := q.firing[key]; f != nil {
		f.void.Store(true)
	}
	q.queue.Remove(key)
}

const (
	// timerLook is the longest time between two looks at the clock, which may be set.
	timerLook = time.Minute

	// timerRetry is how long after a failure of the Store timers are tried again.
	timerRetry = time.Second

	// timerShare is the part of MaxEvents that timers may take: one in so many.
	timerShare = 2
)

// look makes a goroutine dispatch the due timers. The caller holds q.mu.
func (q *timerQueue) look() {
	switch {
	case q.stopped:
	case q.running:
		q.again = true
	default:
		q.running = true
		q.ended.Go(q.run)
	}
}

// run dispatches the due timers, and then sleeps until the next one, without a goroutine.
func (q *timerQueue) run() {
	wait := timerLook
	if !q.list() {
		wait = 5 * time.Second
	}
	for {
		for q.dispatchNext() {
		}
		q.mu.Lock()
		if q.again {
			q.again = false
			q.mu.Unlock()
			continue
		}
		q.running = false
		due, ok := q.queue.Next()
		if q.stopped || q.listed && !ok && len(q.idle) == 0 {
			q.mu.Unlock()
			return
		}
		if ok {
			wait = min(wait, due.Sub(timer.Now()))
		}
		if len(q.firing) >= q.most() {
			wait = timerLook // the end of one of them looks
		}
		if q.failed {
			wait = timerRetry
		}
		if q.wake == nil {
			q.wake = time.AfterFunc(max(wait, time.Millisecond), func() {
				q.mu.Lock()
				defer q.mu.Unlock()
				q.look()
			})
		} else {
			q.wake.Reset(max(wait, time.Millisecond))
		}
		q.mu.Unlock()
		return
	}
}

func (q *timerQueue) most() int { return max(cap(q.d.room)/timerShare, 1) }

// list reads the Store's timers, once, and puts those back that had no handler.
func (q *timerQueue) list() bool {
	q.mu.Lock()
	listed := q.listed
	for _, key := range q.idle {
		q.queue.Set(key, q.began)
	}
	q.idle = nil
	q.mu.Unlock()
	if listed {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTime)
	defer cancel()
	type found struct {
		key string
		due time.Time
	}
	var all []found
	err := listStore(ctx, q.d.guarded(), "Dispatcher", "timer/"+strconv.FormatInt(q.group, 10)+"/", func(key string, value []byte) bool {
		var r timerRecord
		if err := json.Unmarshal(value, &r); err != nil {
			q.d.logger().LogAttrs(ctx, slog.LevelError, "vk: a timer cannot be read: it stays in the store", slog.String("key", key), slog.Any("err", err))
			return true
		}
		if !r.Put || q.to == nil {
			all = append(all, found{key, r.due()})
		}
		return true
	})
	if err != nil {
		q.d.logger().LogAttrs(ctx, slog.LevelError, "vk: the store fails: timers cannot be read: it is tried again", slog.Any("err", err))
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, f := range all {
		if q.firing[f.key] == nil {
			q.queue.Set(f.key, f.due)
		}
	}
	q.listed = true
	return true
}

// dispatchNext dispatches the first timer, if it is due. It reports whether another one
// may be.
func (q *timerQueue) dispatchNext() bool {
	q.mu.Lock()
	if q.stopped || !q.feed.isOpen() || len(q.firing) >= q.most() {
		q.mu.Unlock()
		return false
	}
	key, due, ok := q.queue.Pop(timer.Now())
	if !ok {
		q.mu.Unlock()
		return false
	}
	f := &dueTimer{q: q, key: key, due: due}
	q.firing[key] = f
	feed, client, first := q.feed, q.client, q.first
	q.mu.Unlock()
	err := q.dispatch(f, feed, client, first)
	q.mu.Lock()
	tell := err != nil && !q.failed && feed.isOpen() && !errors.Is(err, errNotPut)
	q.failed = err != nil
	q.mu.Unlock()
	if err != nil {
		q.give(f, true)
	}
	if tell {
		q.d.logger().LogAttrs(context.Background(), slog.LevelWarn, "vk: the store fails: timers are late", slog.String("key", key), slog.Any("err", err))
	}
	return err == nil
}

// dispatch gives a timer's event to its lane. An error means that it is to be tried
// again.
func (q *timerQueue) dispatch(f *dueTimer, feed *feed, client *Client, first func(context.Context, *Event) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), storeTime)
	defer cancel()
	raw, err := q.d.guarded().Get(ctx, f.key)
	if err != nil {
		return err
	}
	var r timerRecord
	if len(raw) == 0 || json.Unmarshal(raw, &r) != nil {
		q.give(f, false) // it was canceled
		return nil
	}
	if r.due().After(timer.Now()) { // it was moved
		q.give(f, false)
		q.set(f.key, r.due())
		return nil
	}
	f.due = r.due()
	e, err := r.event(q.group, f.key)
	if err != nil {
		q.give(f, false)
		return nil
	}
	if !hears(q.d.Handler, e.Kind) {
		q.leaveIdle(f, e.Kind)
		return nil
	}
	if q.to != nil {
		return q.to.putTimer(ctx, f, e, raw, r)
	}
	if err := first(ctx, e); err != nil {
		return err
	}
	j := &job{d: q.d, feed: feed, ctx: context.Background(), client: client, ev: e, timer: f}
	if f.due.Before(q.began) { // a former run may have begun it
		if err := q.d.loadTrail(ctx, j); err != nil {
			return err
		}
	}
	return f.begin(j, r.Tries)
}

// give takes a timer out of those that are handled, and puts it back into the queue if
// it is to be tried again.
func (q *timerQueue) give(f *dueTimer, again bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.firing[f.key] == f {
		delete(q.firing, f.key)
	}
	if again && !f.void.Load() {
		q.queue.Set(f.key, f.due)
	}
}

// leaveIdle leaves a timer alone that has no handler: one may be added.
func (q *timerQueue) leaveIdle(f *dueTimer, kind string) {
	q.mu.Lock()
	delete(q.firing, f.key)
	q.idle = append(q.idle, f.key)
	warn := !q.warned[kind]
	q.warned[kind] = true
	q.mu.Unlock()
	if warn {
		q.d.logger().LogAttrs(context.Background(), slog.LevelWarn, "vk: a timer is due and has no handler: it stays in the store", slog.String("kind", kind),
			slog.String("mend", "call Timers.Handle before the bot runs, or cancel the timers"))
	}
}

// settle ends the handling of a timer's event: its record is removed, or has the next
// time of a Daily.
func (f *dueTimer) settle(j *job, s settlement) {
	q := f.q
	if s != isHandled {
		q.give(f, false) // the next run has it
		return
	}
	next, err := f.finish(j)
	if err != nil {
		j.log(slog.LevelError, "vk: the store fails: a timer that was handled is handled again after the next start", slog.Any("err", err))
	} else {
		for _, f := range j.afterDone(s) {
			f(j.ctx)
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.firing[f.key] == f {
		delete(q.firing, f.key)
	}
	if !next.IsZero() {
		q.queue.Set(f.key, next)
	}
	q.look()
}

// finish writes that a timer was handled, unless it was moved or canceled meanwhile.
func (f *dueTimer) finish(j *job) (next time.Time, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), storeTime)
	defer cancel()
	store := f.q.d.guarded()
	for try := 1; ; try++ {
		var raw []byte
		if raw, err = store.Get(ctx, f.key); err == nil {
			var r timerRecord
			if len(raw) == 0 || json.Unmarshal(raw, &r) != nil || !r.due().Equal(f.due) {
				return time.Time{}, nil
			}
			var b []byte
			if next = f.after(j, &r); !next.IsZero() {
				r.Due, r.Tries, r.Put = next.UnixMilli(), 0, false
				b, _ = json.Marshal(r)
			}
			var swapped bool
			if swapped, err = store.Swap(ctx, f.key, raw, b, 0); err == nil && swapped {
				return next, nil
			}
			if err == nil {
				continue
			}
		}
		if try == 4 || backoff.Sleep(ctx, storePause.Delay(try)) != nil {
			return time.Time{}, err
		}
	}
}
