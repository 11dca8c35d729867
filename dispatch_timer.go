package vk

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/timer"
)

// Timers stand in the Store, each as a record of its own. A Dispatcher has their keys
// and due times in memory, and dispatches those that are due as events of their
// conversations. A timer's record stays until its event is done.

// A timerQueue has the timers of one community, of one Dispatcher.
type timerQueue struct {
	d             *Dispatcher
	jr            *journal
	group         int64
	to            *groupQueue   // that the timers are put into; nil if they are dispatched here
	began, opened time.Time     // the first by the clock of timers
	died          bool          // the run before this one
	every         time.Duration // between two looks for timers of others, at least
	safe          chan struct{} // closed by isSafe, once no suspect is left
	once          sync.Once     // of isSafe

	mu       sync.Mutex
	queue    timer.Queue
	firing   map[string]*dueTimer
	busy     int                     // those of firing that may run or stand in their lanes
	lanes    map[laneKey][]*dueTimer // lanes with one of busy, and the timers behind it
	next     []*dueTimer             // those of busy that are to be dispatched: they were behind others
	rerun    map[string][]string     // timers of which only a note is left, by the event of a former run that has set them
	setters  map[string]bool         // timers whose setters may be run again; true if only a note is left of the timer
	idle     []string                // keys of timers that are due and have no handler
	idled    time.Time               // since when
	warned   map[string]bool
	feed     *feed
	client   *Client
	wake     *time.Timer
	listed   bool      // the Store's timers are in queue
	news     string    // the value of timerNewsKey
	looked   time.Time // when it was read
	listTook time.Duration
	suspects []suspectTimer
	notes    []timerNote // of timers that are over
	sweepAt  time.Time   // when sweep is to be called again; zero if it is not
	stopped  bool
	running  bool // a goroutine dispatches
	again    bool // it is to look once more
	failed   bool // the last timer could not be dispatched
	ended    sync.WaitGroup
}

// A dueTimer is a timer whose event is being handled. The queue's mu guards its due, lane
// and held.
type dueTimer struct {
	q    *timerQueue
	key  string
	due  time.Time
	lane laneKey
	held bool // it is one of the queue's busy

	value json.RawMessage // as it is handled
	noted bool            // the record was told that this run begins it
	tries int             // runs that have begun it before, and may have died of it
	void  atomic.Bool     // it was moved or canceled
}

// startTimers makes the Dispatcher dispatch the timers of a journal's community, with a
// feed and a client, if its Store can list them. It blocks until the timers were handled
// of which runs of the bot may have died, or ctx ends.
func (d *Dispatcher) startTimers(ctx context.Context, jr *journal, f *feed, client *Client) error {
	q := d.timersOf(jr)
	if q == nil {
		return nil
	}
	q.mu.Lock()
	if !q.feed.isOpen() {
		q.feed, q.client = f, client
		q.look()
	}
	q.mu.Unlock()
	select {
	case <-q.safe:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// isSafe notes that no suspect is left.
func (q *timerQueue) isSafe() { q.once.Do(func() { close(q.safe) }) }

// set notes that a timer was set or moved.
func (q *timerQueue) set(key string, due time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	f := q.firing[key]
	switch {
	case f == nil || f.void.Load():
	case f.due.Equal(due):
		return // its end sees what has changed
	default:
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

	// timerShare is the part of MaxEvents, and of Workers, that timers may take: one in so
	// many. The rest is for new events.
	timerShare = 2

	// newsShared and newsOwn are the times between two looks for timers that others have
	// set: in a Store that several processes share, and in one that this one owns.
	newsShared, newsOwn = 5 * time.Second, time.Minute

	// newsCost limits the part of the time that the listing of such timers takes: one in
	// so many.
	newsCost = 100
)

// look makes a goroutine dispatch the due timers. The caller holds q.mu.
func (q *timerQueue) look() {
	switch {
	case q.stopped, q.feed == nil:
	case q.running:
		q.again = true
	default:
		q.running = true
		q.ended.Go(q.run)
	}
}

// run dispatches the due timers, and then sleeps until the next one, without a goroutine.
func (q *timerQueue) run() {
	wait := min(timerLook, q.every)
	if !q.list() {
		wait = 5 * time.Second
	}
	q.trySuspects()
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
		if q.stopped {
			q.mu.Unlock()
			return
		}
		if due, ok := q.queue.Next(); ok && q.hasRoom() { // else the end of one of them looks
			wait = min(wait, due.Sub(timer.Now()))
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

// hasRoom reports whether another timer may begin. The caller holds q.mu.
func (q *timerQueue) hasRoom() bool {
	return q.busy < max(min(cap(q.d.room), q.d.lanes.Workers)/timerShare, 1)
}

// list reads the Store's timers, the first time and when others have set some, and puts
// those back that had no handler.
func (q *timerQueue) list() bool {
	q.mu.Lock()
	if len(q.idle) > 0 && time.Since(q.idled) >= timerLook {
		for _, key := range q.idle {
			q.queue.Set(key, q.began)
		}
		q.idle = nil
	}
	if !q.sweepAt.IsZero() && !time.Now().Before(q.sweepAt) && !q.stopped {
		q.sweepAt = time.Time{}
		q.ended.Go(q.sweep)
	}
	first, known := !q.listed, q.news
	if !first && (q.to != nil || time.Since(q.looked) < max(q.every, newsCost*q.listTook)) {
		q.mu.Unlock()
		return true
	}
	q.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), storeTime)
	defer cancel()
	began := time.Now()
	var news string
	if q.to == nil {
		news = q.readNews(ctx, began)
	}
	if !first && (news == "" || news == known) {
		return true
	}
	all, asides, err := q.read(ctx)
	if err != nil {
		q.d.logger().LogAttrs(ctx, slog.LevelError, "vk: the store fails: timers cannot be read: it is tried again", slog.Any("err", err))
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for key, due := range all {
		if q.firing[key] == nil {
			q.queue.Set(key, due)
		}
	}
	if q.listed, q.news, q.listTook = true, news, time.Since(began); first && q.to == nil {
		q.suspects, q.notes = asides.suspects, asides.notes
		q.ended.Go(q.sweep)
	}
	return true
}

// readNews returns a value that changes when others set timers, or "".
func (q *timerQueue) readNews(ctx context.Context, now time.Time) string {
	q.mu.Lock()
	q.looked = now
	q.mu.Unlock()
	news, err := q.d.guarded().Get(ctx, timerNewsKey(q.group))
	if err == nil {
		q.d.storeWorked(ctx)
	} else if q.d.lookups.failed() {
		q.d.logger().LogAttrs(ctx, slog.LevelWarn, "vk: the store fails: timers that others set are found later", failure(err)...)
	}
	return string(news)
}

// A timerNote is in the Store in place of a timer that is over.
type timerNote struct{ key, by string }

// timerAsides are what read finds beside timers.
type timerAsides struct {
	suspects []suspectTimer
	notes    []timerNote
}

// read lists when the timers in the Store are due, those of which runs of the bot may have
// died, and the notes of those that are over.
func (q *timerQueue) read(ctx context.Context) (all map[string]time.Time, asides timerAsides, err error) {
	all = make(map[string]time.Time)
	err = listStore(ctx, q.d.guarded(), "Dispatcher", "timer/"+strconv.FormatInt(q.group, 10)+"/", func(key string, value []byte) bool {
		var r timerRecord
		if err := json.Unmarshal(value, &r); err != nil {
			q.d.logger().LogAttrs(ctx, slog.LevelError, "vk: a timer cannot be read: it stays in the store", slog.String("key", key), slog.Any("err", err))
			return true
		}
		if r.Over {
			asides.notes = append(asides.notes, timerNote{key, r.By})
			return true
		}
		if r.Put && q.to != nil {
			return true // it is in the Queue
		}
		all[key] = r.due()
		if !q.died || r.Tries == 0 || r.due().After(q.began) {
			return true
		}
		if e, err := r.event(q.group, key); err == nil {
			asides.suspects = append(asides.suspects, suspectTimer{key, r.due(), r.Tries, e})
		}
		return true
	})
	return all, asides, err
}

// dispatchNext dispatches the first timer, if it is due. It reports whether another one
// may be.
func (q *timerQueue) dispatchNext() bool {
	q.mu.Lock()
	if q.stopped || !q.feed.isOpen() {
		q.mu.Unlock()
		return false
	}
	if len(q.next) > 0 {
		f := q.next[0]
		q.next = q.next[1:]
		q.mu.Unlock()
		return q.fire(f)
	}
	var key string
	var due time.Time
	ok := q.hasRoom()
	if ok {
		key, due, ok = q.queue.Pop(timer.Now())
	}
	f := &dueTimer{q: q, key: key, due: due}
	if ok {
		q.firing[key] = f
	}
	q.mu.Unlock()
	return ok && q.fire(f)
}

// fire dispatches a timer that is among q.firing. It reports false if the Store fails.
func (q *timerQueue) fire(f *dueTimer) bool {
	q.mu.Lock()
	feed, client := q.feed, q.client
	q.mu.Unlock()
	begun, err := q.dispatch(f, feed, client)
	if !begun {
		f.leave()
	}
	q.mu.Lock()
	tell := err != nil && !q.failed && feed.isOpen() && !errors.Is(err, errNotPut)
	q.failed = err != nil
	q.mu.Unlock()
	if err != nil {
		q.give(f, true)
	}
	if tell {
		q.d.logger().LogAttrs(context.Background(), slog.LevelWarn, "vk: the store fails: timers are late", slog.String("key", f.key), slog.Any("err", err))
	}
	return err == nil
}

// dispatch gives a timer's event to its lane. An error means that it is to be tried
// again.
func (q *timerQueue) dispatch(f *dueTimer, feed *feed, client *Client) (begun bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), storeTime)
	defer cancel()
	raw, err := q.d.guarded().Get(ctx, f.key)
	if err != nil {
		return false, err
	}
	var r timerRecord
	if len(raw) == 0 || json.Unmarshal(raw, &r) != nil || r.Over {
		q.give(f, false) // it was canceled
		return false, nil
	}
	if r.due().After(timer.Now()) { // it was moved
		q.give(f, false)
		q.set(f.key, r.due())
		return false, nil
	}
	e, err := r.event(q.group, f.key)
	if err != nil {
		q.give(f, false)
		return false, nil
	}
	if !hears(q.d.Handler, e.Kind) {
		q.leaveIdle(f, e.Kind)
		return false, nil
	}
	if q.to != nil {
		return false, q.to.putTimer(ctx, f, e, raw, r)
	}
	switch f.hold(&r, laneOf(e)) {
	case timerMoved:
		q.give(f, false) // the queue has its new time
		return false, nil
	case timerBehind:
		return true, nil
	}
	if err := q.jr.dispatchFirst(ctx, e); err != nil {
		return false, err
	}
	j := &job{d: q.d, feed: feed, ctx: context.Background(), client: client, ev: e, timer: f}
	if f.due.Before(q.began) { // a former run may have begun it
		if err := q.d.loadTrail(ctx, j); err != nil {
			return false, err
		}
	}
	return f.begin(j, r.Tries)
}

const (
	timerHeld   = iota
	timerBehind // another timer is in the lane: it comes after that
	timerMoved  // it was moved or canceled meanwhile
)

// hold makes f one of those that may run, at the due time of its record, unless a timer of
// its lane is.
func (f *dueTimer) hold(r *timerRecord, lane laneKey) int {
	q := f.q
	q.mu.Lock()
	defer q.mu.Unlock()
	f.due, f.value = r.due(), r.Value
	switch behind, taken := q.lanes[lane]; {
	case f.void.Load():
		return timerMoved
	case f.held:
	case taken:
		q.lanes[lane] = append(behind, f)
		return timerBehind
	default:
		q.lanes[lane] = nil
		f.lane, f.held = lane, true
		q.busy++
	}
	return timerHeld
}

// leave notes that f does not run any more: its handler has ended or waits. The timer
// behind it takes its place.
func (f *dueTimer) leave() {
	q := f.q
	q.mu.Lock()
	defer q.mu.Unlock()
	if !f.held {
		return
	}
	f.held = false
	if behind := q.lanes[f.lane]; len(behind) > 0 {
		next := behind[0]
		q.lanes[f.lane] = behind[1:]
		next.lane, next.held = f.lane, true
		q.next = append(q.next, next)
	} else {
		delete(q.lanes, f.lane)
		q.busy--
	}
	q.look()
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
	q.give(f, false)
	q.mu.Lock()
	if len(q.idle) == 0 {
		q.idled = time.Now()
	}
	q.idle = append(q.idle, f.key)
	warn := !q.warned[kind]
	q.warned[kind] = true
	q.mu.Unlock()
	if warn {
		q.d.logger().LogAttrs(context.Background(), slog.LevelWarn, "vk: a timer is due and has no handler: it stays in the store", slog.String("kind", kind),
			slog.String("mend", "call Timers.Handle before the bot runs, or cancel the timers"))
	}
}

// after returns when a Daily comes next, or the zero Time.
func (f *dueTimer) after(j *job, r *timerRecord) time.Time {
	if r.Daily == nil {
		return time.Time{}
	}
	now := timer.Now()
	if now.Before(f.due) {
		now = f.due // the clock was set back
	}
	next, err := r.Daily.Next(now)
	if err != nil {
		j.log(slog.LevelError, "vk: a timer does not come again", slog.String("id", r.ID), slog.Any("err", err))
		return time.Time{}
	}
	return next
}
