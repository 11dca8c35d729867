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

// timerQueues finds the queues that use a Store, in this process: a timer that is set
// outside of a handler comes with its Store alone.
var timerQueues struct {
	mu sync.Mutex
	by map[Store][]*timerQueue
}

// canKey reports whether a Store can be a key of a map.
func canKey(s Store) bool { return s != nil && reflect.ValueOf(s).Comparable() }

// timersOf returns the queue of a journal's community, which begins with startTimers. It is
// nil if the Store cannot list timers or the Dispatcher was stopped.
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
	if !q.died {
		q.isSafe()
	}
	if d.timers == nil {
		d.timers = make(map[int64]*timerQueue)
	}
	d.timers[jr.group], jr.timers = q, q
	q.register()
	return q
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

// stopTimers stops the timers of startTimers.
func (d *Dispatcher) stopTimers(group int64) {
	d.mu.Lock()
	q := d.timers[group]
	delete(d.timers, group)
	d.mu.Unlock()
	if q != nil {
		q.stop()
	}
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
	q.isSafe() // if it never ran
}

// queuesOf returns the queues that have the timers of a Store and a community: those that
// use this very Store, and that of the handler that ctx comes from.
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

// ownTimers returns the queue of the Dispatcher whose handler ctx comes from, or nil.
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

// settle ends the handling of a timer's event: its record is removed, or has the next
// time of a Daily.
func (f *dueTimer) settle(j *job, s settlement) {
	q := f.q
	if s != isHandled {
		if f.noted {
			f.note(j.ctx, f.tries) // a stop is no death
		}
		q.give(f, false) // the next run has it
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
		j.log(slog.LevelError, "vk: the store fails: a timer that was handled is handled again after the next start", slog.Any("err", err))
		f.ended(time.Time{})
	} else {
		q.d.storeFailed(j, "vk: the store fails: timers that were handled are noted when it works again", err)
	}
}

// ended notes that the Store says that a timer was handled, and when it comes next, if it
// does.
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

// finish writes that a timer was handled, unless it was moved or canceled meanwhile.
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
				return f.due, nil // it was set again, for the same time
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

// forgetTimer notes that a timer's record was erased.
func (d *Dispatcher) forgetTimer(key string) {
	d.mu.Lock()
	all := slices.Collect(maps.Values(d.timers))
	d.mu.Unlock()
	for _, q := range all {
		q.remove(key)
	}
}

// A timer must not be set anew by the handler that has set it, if that is run again after
// the timer is over. The handler is not, once the Store has its trail or says that its event
// is done: mostly long before the timer is due. Until then, the end of the timer leaves a
// note in place of the record, which is erased then.

// setBy notes that a handler is about to set a timer, until safe is called.
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

// noted notes that a timer is over. It reports whether a handler has set it, or is about to
// set it, and is not safe: then the note is erased once it is.
func (q *timerQueue) noted(key string) (open bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, open = q.setters[key]; open {
		q.setters[key] = true
	}
	return open
}

// keptForRerun reports whether the note of a timer is kept until rerunDone.
func (q *timerQueue) keptForRerun(by, key string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.jr.isRerun(by) {
		return false
	}
	q.rerun[by] = append(q.rerun[by], key)
	return true
}

// rerunDone erases the notes of timers that a handler of a former run has set: the handler
// is not run again.
func (q *timerQueue) rerunDone(ctx context.Context, by string) {
	q.mu.Lock()
	keys := q.rerun[by]
	delete(q.rerun, by)
	q.mu.Unlock()
	for _, key := range keys {
		q.eraseNote(ctx, key)
	}
}

// A timerEnd takes the place of the record of a timer that is over.
type timerEnd struct {
	value []byte // nil if nothing does
	ttl   time.Duration
	held  bool   // until the setter is safe
	rerun string // or until this event of a former run is done
}

// endOf returns the end of a timer. VK may deliver the event of a setter that was killed
// with an earlier run, and with a Queue, another process may run it again.
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

// written notes that the end of a timer is in the Store.
func (q *timerQueue) written(ctx context.Context, key string, end timerEnd) {
	q.mu.Lock()
	_, open := q.setters[key]
	q.mu.Unlock()
	if end.held && !open || end.rerun != "" && !q.jr.isRerun(end.rerun) {
		q.eraseNote(ctx, key) // the setter was safe before it was written
	}
}

// eraseNote erases what is left of a timer that is over, unless it was set again. If a
// handler of this run may need it, that is done once the handler is safe.
func (q *timerQueue) eraseNote(ctx context.Context, key string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	raw, err := q.d.guarded().Get(ctx, key)
	var r timerRecord
	if err == nil && len(raw) > 0 && json.Unmarshal(raw, &r) == nil && r.Over && !q.noted(key) {
		q.d.guarded().Swap(ctx, key, raw, nil, 0) // if it fails, the next start erases it
	}
}

// sweepAge is how old a trail is that is swept while VK may deliver its event again. A
// handler can ask VK to do that for some time.
const sweepAge = 24 * time.Hour

// sweep erases what events have left in the Store that were done when the process was
// killed, before it could erase that: trails, and notes of timers that are over. A trail
// of another run belongs to an event that the journal has, or to a timer that is there, or
// to an event of a webhook that VK may deliver again; else it is swept.
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
	prefix := "trail/" + strconv.FormatInt(q.group, 10) + "/"
	old, young, err := q.oldTrails(ctx, prefix)
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
			q.d.erase(ctx, prefix+id, nil)
		}
	}
}

// oldTrails returns the ids of the trails that former runs have written, of events that
// the journal did not have. VK may deliver the young ones again, unless they are done.
func (q *timerQueue) oldTrails(ctx context.Context, prefix string) (old, young []string, err error) {
	repeats := q.jr.kept.Repeats()
	err = listStore(ctx, q.d.guarded(), "Dispatcher", prefix, func(key string, value []byte) bool {
		id := strings.TrimPrefix(key, prefix)
		b, ok := trail.Value(value, sinceStep)
		if !ok || len(b) != 8 || q.jr.left[id] {
			return true
		}
		switch since := time.Unix(0, int64(binary.LittleEndian.Uint64(b))); {
		case !since.Before(q.opened): // this run's
		case repeats && time.Since(since) < sweepAge:
			young = append(young, id)
		default:
			old = append(old, id)
		}
		return true
	})
	return old, young, err
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

// isRerun reports whether an event that a former run has left may be handled again.
func (jr *journal) isRerun(id string) bool {
	jr.mu.Lock()
	defer jr.mu.Unlock()
	return jr.reruns[id]
}

// endRerun notes that the Store says that an event is done, which a former run has left.
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
