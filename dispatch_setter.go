package vk

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
	"github.com/vkrouter/vk/internal/timer"
	"github.com/vkrouter/vk/internal/trail"
)

// timerQueues holds this process's queues by Store: a caller outside of a
// handler has only the Store of the timer that it sets.
var timerQueues struct {
	mu sync.Mutex
	by map[Store][]*timerQueue
}

// canKey reports whether a Store can be a map key.
func canKey(s Store) bool { return s != nil && reflect.ValueOf(s).Comparable() }

// timersOf returns the queue of a journal's community, which starts with
// startTimers. It returns nil if the Store cannot list timers or the Dispatcher
// was stopped.
func (d *Dispatcher) timersOf(jr *journal) *timerQueue {
	if _, ok := d.Store.(Lister); !ok {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if q := d.timers[jr.group]; q != nil || d.stopped {
		return q
	}
	q := &timerQueue{
		d: d, jr: jr, group: jr.group, began: timer.Now(), opened: time.Now(), died: jr.kept.Died(), every: newsShared, safe: make(chan struct{}),
		firing: make(map[string]*dueTimer), lanes: make(map[laneKey][]*dueTimer), setters: make(map[string]bool), rerun: make(map[string][]string), warned: make(map[string]bool),
	}
	if isExclusive(d.Store) {
		q.every = newsOwn
	}
	if d.timers == nil {
		d.timers = make(map[int64]*timerQueue)
	}
	d.timers[jr.group], jr.timers = q, q
	q.register()
	return q
}

// register adds q to the queues that queuesOf finds.
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

// stopTimers stops the timers that startTimers started.
func (d *Dispatcher) stopTimers(group int64) {
	d.mu.Lock()
	q := d.timers[group]
	delete(d.timers, group)
	d.mu.Unlock()
	if q != nil {
		q.stop()
	}
}

// stop stops the queue's work.
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
	q.isSafe() // if run was never called
}

// queuesOf returns the queues with the timers of a Store and a community: those
// that use this very Store, and the one of the handler that ctx belongs to.
func queuesOf(ctx context.Context, s Store, group int64) (list []*timerQueue) {
	if canKey(s) {
		timerQueues.mu.Lock()
		for _, q := range timerQueues.by[s] {
			if q.group == group {
				list = append(list, q)
			}
		}
		timerQueues.mu.Unlock()
	}
	if own := ownTimers(ctx, group); own != nil && !slices.Contains(list, own) {
		list = append(list, own)
	}
	return list
}

// ownTimers returns the queue of the Dispatcher with the handler that ctx
// belongs to, or nil.
func ownTimers(ctx context.Context, group int64) *timerQueue {
	c, _ := ctx.Value(sendScopeKey{}).(*Context)
	if c == nil || jobOf(c) == nil {
		return nil
	}
	d := jobOf(c).d
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.timers[group]
}

// settle ends the handling of a timer's event. It removes the timer's record,
// or writes the next time of a Daily into it.
func (f *dueTimer) settle(j *job, s settlement) {
	q := f.q
	if s != isHandled {
		if f.noted {
			f.note(j.ctx, f.tries) // a stop is not a crash
		}
		q.give(f, false) // the next run handles it
		return
	}
	after := append(j.afterDone(s), j.takeSafe()...)
	var next time.Time
	finish := func(context.Context) (err error) { next, err = f.finish(j); return err }
	ended := func(ctx context.Context) {
		for _, f := range after {
			f(ctx)
		}
		f.ended(next)
	}
	if err := finish(j.ctx); err == nil {
		ended(j.ctx)
	} else if !q.d.dedupe.late.Add(j.ctx, finish, ended) {
		j.log(slog.LevelError, "vk: store unavailable: a handled timer will be handled again after the next start", slog.Any("err", err))
		f.ended(time.Time{})
	} else {
		q.d.storeFailed(j, "vk: store unavailable: the outcome of timers is saved when it recovers", err)
	}
}

// ended records that the Store has the outcome of a handled timer. next is the
// next time of a Daily, or zero.
func (f *dueTimer) ended(next time.Time) {
	q := f.q
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

// finish writes that a timer was handled, unless it was moved or canceled
// meanwhile.
func (f *dueTimer) finish(j *job) (next time.Time, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(j.ctx), storeTime)
	defer cancel()
	store := f.q.d.guarded()
	for try := 1; ; try++ {
		var raw []byte
		if raw, err = store.Get(ctx, f.key); err == nil {
			var r timerRecord
			if len(raw) == 0 || json.Unmarshal(raw, &r) != nil || r.Over || !r.due().Equal(f.due) {
				return time.Time{}, nil
			}
			if f.value != nil && !bytes.Equal(r.Value, f.value) {
				return f.due, nil // it was set again for the same time
			}
			var end timerEnd
			if next = f.after(j, &r); next.IsZero() {
				end = f.q.endOf(f.key, &r)
			} else {
				r.Due, r.Tries, r.Put = next.UnixMilli(), 0, false
				end.value, _ = json.Marshal(r)
			}
			var swapped bool
			if swapped, err = store.Swap(ctx, f.key, raw, end.value, end.ttl); err == nil && swapped {
				f.q.written(ctx, f.key, end)
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

// When a handler runs again after its timer is over, it must not set the timer
// again. The handler cannot run again once the Store has its trail or records
// its event as done, usually long before the timer is due. Until then, the end
// of the timer leaves a note in place of the record. The note is erased
// afterwards.

// setBy records that a handler is about to set a timer. The caller calls safe
// when the handler cannot run again.
func (q *timerQueue) setBy(key string) (safe func(ctx context.Context)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, open := q.setters[key]; !open {
		q.setters[key] = false
	}
	return func(ctx context.Context) {
		q.mu.Lock()
		over := q.setters[key]
		delete(q.setters, key)
		q.mu.Unlock()
		if over {
			q.eraseNote(ctx, key)
		}
	}
}

// noted records that a timer is over. It reports whether a handler has set it,
// or is about to set it, and may still be run again. The note is then erased
// once the handler is not run again any more.
func (q *timerQueue) noted(key string) (open bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, open = q.setters[key]; open {
		q.setters[key] = true
	}
	return open
}

// keptForRerun reports whether a timer's note is kept until rerunDone.
func (q *timerQueue) keptForRerun(by, key string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.jr.isRerun(by) {
		return false
	}
	q.rerun[by] = append(q.rerun[by], key)
	return true
}

// rerunDone erases the notes of timers that were set by a handler of a previous
// run, which will not run again.
func (q *timerQueue) rerunDone(ctx context.Context, by string) {
	q.mu.Lock()
	keys := q.rerun[by]
	delete(q.rerun, by)
	q.mu.Unlock()
	for _, key := range keys {
		q.eraseNote(ctx, key)
	}
}

// A timerEnd replaces the record of a timer that is over.
type timerEnd struct {
	value []byte // nil if the record is removed
	ttl   time.Duration
	held  bool   // kept until the setter is safe
	rerun string // kept until this event of a previous run is done
}

// endOf returns the end of a timer. The setter may run again: VK may redeliver
// its event if the setter was killed with an earlier run, and with a Queue,
// another process may run it.
func (q *timerQueue) endOf(key string, r *timerRecord) timerEnd {
	if r.By == "" {
		return timerEnd{}
	}
	if q.noted(key) {
		return timerEnd{value: r.over(), ttl: q.d.trailTTL(), held: true}
	}
	if q.to == nil && q.keptForRerun(r.By, key) {
		return timerEnd{value: r.over(), ttl: q.d.trailTTL(), rerun: r.By}
	}
	if q.to != nil || r.Run != q.began.UnixMilli() && q.jr.kept.Repeats() {
		return timerEnd{value: r.over(), ttl: dedupeTTL}
	}
	return timerEnd{}
}

// written records that the end of a timer is in the Store.
func (q *timerQueue) written(ctx context.Context, key string, end timerEnd) {
	q.mu.Lock()
	_, open := q.setters[key]
	q.mu.Unlock()
	if end.held && !open || end.rerun != "" && !q.jr.isRerun(end.rerun) {
		q.eraseNote(ctx, key) // the setter became safe before the write
	}
}

// eraseNote erases the note of a timer that is over, unless the timer was set
// again. If a handler of this run may need the note, it is erased later.
func (q *timerQueue) eraseNote(ctx context.Context, key string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	raw, err := q.d.guarded().Get(ctx, key)
	var r timerRecord
	if err == nil && len(raw) > 0 && json.Unmarshal(raw, &r) == nil && r.Over && !q.noted(key) {
		q.d.guarded().Swap(ctx, key, raw, nil, 0) // if this fails, the next start erases the note
	}
}

// sweepAge is the age from which a trail is swept while VK may redeliver its
// event. A handler can ask VK for redelivery for some time.
const sweepAge = 24 * time.Hour

// sweep erases leftovers of done events in the Store: trails, and notes of
// timers that are over. They remain if the process was killed before it could
// erase them. sweep keeps a trail of another run if its event is in the
// journal, if its timer exists, or if VK may redeliver its event to the
// webhook.
func (q *timerQueue) sweep() {
	ctx := q.jr.base
	q.mu.Lock()
	notes := q.notes
	q.notes = nil
	q.mu.Unlock()
	for _, n := range notes {
		if !q.keptForRerun(n.by, n.key) {
			q.eraseNote(ctx, n.key)
		}
	}
	old, young, err := q.oldTrails(ctx)
	for _, id := range young {
		if done, _ := q.d.isDone(ctx, &Event{ID: id, GroupID: q.group}); done {
			old = append(old, id)
		}
	}
	var live map[string]bool
	if err == nil && len(old) > 0 {
		live, err = q.timerEvents(ctx)
	}
	if err != nil || len(young) > 0 {
		q.mu.Lock()
		q.sweepAt = time.Now().Add(sweepAge)
		q.mu.Unlock()
	}
	for _, id := range old {
		if err == nil && ctx.Err() == nil && !live[id] && !q.d.dedupe.isRunning(&Event{ID: id, GroupID: q.group}) {
			q.d.erase(ctx, q.trails()+id, nil)
		}
	}
}

// oldTrails returns the ids of the trails that previous runs have written, for
// events that the journal did not have. VK may redeliver the events of the
// young ones, unless they are done.
func (q *timerQueue) oldTrails(ctx context.Context) (old, young []string, err error) {
	waited, err := q.waitedSince(ctx)
	repeats := q.jr.kept.Repeats()
	for id, since := range waited {
		switch {
		case q.jr.left[id], !since.Before(q.opened): // of this run
		case repeats && time.Since(since) < sweepAge:
			young = append(young, id)
		default:
			old = append(old, id)
		}
	}
	return old, young, err
}

// trails returns the prefix of the keys of the community's trails.
func (q *timerQueue) trails() string { return "trail/" + strconv.FormatInt(q.group, 10) + "/" }

// waitedSince returns the times at which the handlers with a trail first waited, by
// doneID of their events.
func (q *timerQueue) waitedSince(ctx context.Context) (map[string]time.Time, error) {
	times := make(map[string]time.Time)
	err := listStore(ctx, q.d.guarded(), "Dispatcher", q.trails(), func(key string, value []byte) bool {
		if b, ok := trail.Value(value, sinceStep); ok && len(b) == 8 {
			times[strings.TrimPrefix(key, q.trails())] = time.Unix(0, int64(binary.LittleEndian.Uint64(b)))
		}
		return true
	})
	return times, err
}

// tryBegun handles the timers that a previous run has begun, if their handlers waited,
// before the other events: those may be answers.
func (q *timerQueue) tryBegun() {
	defer q.isSafe()
	q.mu.Lock()
	overdue, suspects := q.overdue, len(q.suspects)
	q.overdue = nil
	q.mu.Unlock()
	if len(overdue)+suspects > 0 {
		var err error
		if q.begun, err = q.waitedSince(q.jr.base); err != nil && q.jr.base.Err() == nil {
			q.d.logger().LogAttrs(q.jr.base, slog.LevelWarn, "vk: store unavailable: answers to the questions of timers may be handled as messages", failure(err)...)
		}
		defer func() { q.begun = nil }()
	}
	since := func(key string) time.Time {
		return q.begun[short((&timerRecord{Due: overdue[key].UnixMilli()}).eventID(key))]
	}
	keys := slices.DeleteFunc(slices.Collect(maps.Keys(overdue)), func(key string) bool { return since(key).IsZero() })
	slices.SortFunc(keys, func(a, b string) int { return since(a).Compare(since(b)) })
	for _, key := range keys {
		if q.isStopped() {
			return
		}
		q.mu.Lock()
		q.queue.Remove(key)
		f := &dueTimer{q: q, key: key, due: overdue[key]}
		q.firing[key] = f
		q.mu.Unlock()
		q.fire(f)
	}
	q.trySuspects()
}

// dispatchFirst dispatches the idle events that come before a timer's event. If a
// previous run has begun the timer, these are the ones that waited before it.
func (q *timerQueue) dispatchFirst(ctx context.Context, e *Event) error {
	waited, ok := q.begun[doneID(e)]
	if !ok {
		return q.jr.dispatchFirst(ctx, e, all)
	}
	return q.jr.dispatchFirst(ctx, e, func(e *journalEntry) bool {
		since, ok := q.begun[e.kept.ID]
		return ok && since.Before(waited)
	})
}

// timerEvents returns the IDs of the events of all timers.
func (q *timerQueue) timerEvents(ctx context.Context) (map[string]bool, error) {
	ids := make(map[string]bool)
	add := func(key string, due time.Time) {
		ids[(&timerRecord{Due: due.UnixMilli()}).eventID(key)] = true
	}
	q.mu.Lock()
	for key, f := range q.firing {
		add(key, f.due)
	}
	q.mu.Unlock()
	all, _, err := q.read(ctx)
	for key, due := range all {
		add(key, due)
	}
	return ids, err
}

// isRerun reports whether an event that was left by a previous run may be
// handled again.
func (jr *journal) isRerun(id string) bool {
	jr.mu.Lock()
	defer jr.mu.Unlock()
	return jr.reruns[id]
}

// endRerun records that the Store has the event of a previous run as done.
func (jr *journal) endRerun(ctx context.Context, id string) {
	jr.mu.Lock()
	delete(jr.reruns, id)
	jr.mu.Unlock()
	jr.d.mu.Lock()
	q := jr.timers
	jr.d.mu.Unlock()
	if q != nil {
		q.rerunDone(ctx, id)
	}
}
