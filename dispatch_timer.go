package vk

import (
	"context"
	"encoding/json"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/timer"
)

// Each timer is a record of its own in the Store. A Dispatcher keeps the keys and due
// times in memory, and dispatches due timers as events of their conversations. A timer's
// record stays until its event is done.

// A timerQueue holds the timers of one community in one Dispatcher.
type timerQueue struct {
	d             *Dispatcher
	jr            *journal
	group         int64
	to            *groupQueue   // receives due timers; nil if they are dispatched here
	began, opened time.Time     // began is by the clock of timers
	died          bool          // the previous run crashed
	every         time.Duration // minimum time between two checks for timers set elsewhere
	safe          chan struct{} // closed by isSafe, once no suspects are left and begun timers run again
	once          sync.Once     // for isSafe

	mu       sync.Mutex
	queue    timer.Queue
	firing   map[string]*dueTimer
	busy     int                     // the number of timers in firing that may run or are in their lanes
	lanes    map[laneKey][]*dueTimer // lanes with a busy timer, and the timers behind it
	next     []*dueTimer             // busy timers to dispatch now: they were behind others
	rerun    map[string][]string     // keys of timers that are notes only, by the event of a previous run whose handler set them
	setters  map[string]bool         // timers with setters that may run again; true if only a note of the timer is left
	idle     []string                // keys of due timers without a handler
	idled    time.Time               // when the first of idle was added
	warned   map[string]bool
	feed     *feed
	client   *Client
	wake     *time.Timer
	listed   bool      // the Store's timers have been read into queue
	news     string    // the value of timerNewsKey
	looked   time.Time // when news was read
	listTook time.Duration
	reads    streak // of the Store's timers
	suspects []suspectTimer
	overdue  map[string]time.Time // due times of other timers that a previous run may have begun
	begun    map[string]time.Time // while overdue is handled: when handlers first waited, by doneID of their events
	notes    []timerNote          // of timers that are over
	sweepAt  time.Time            // when to call sweep again; zero for never
	stopped  bool
	running  bool // a goroutine dispatches timers
	again    bool // the goroutine must check once more
	failed   bool // the last timer could not be dispatched
	late     bool // that was logged
	ended    sync.WaitGroup
}

// A dueTimer is a timer with an event that is being handled. Its due, lane and held are
// guarded by the queue's mu.
type dueTimer struct {
	q    *timerQueue
	key  string
	due  time.Time
	lane laneKey
	held bool // it counts as busy

	value json.RawMessage // the value that is being handled
	noted bool            // the record counts this run
	tries int             // earlier runs that began it and may have crashed because of it
	void  atomic.Bool     // it was moved or canceled
	job   *job            // its last job, or nil
}

// startTimers makes the Dispatcher dispatch the timers of a journal's community, with a
// feed and a client, if its Store can list them. It blocks until the suspect timers were
// handled, or ctx is done.
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
	return awaitClosed(ctx, q.safe)
}

// isSafe records that there are no suspects left.
func (q *timerQueue) isSafe() { q.once.Do(func() { close(q.safe) }) }

// set records that a timer was set or moved.
func (q *timerQueue) set(key string, due time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	f := q.firing[key]
	switch {
	case f == nil || f.void.Load():
	case f.due.Equal(due):
		return // its end sees the change
	default:
		f.void.Store(true)
	}
	q.queue.Set(key, due)
	q.look()
}

// remove records that a timer was canceled.
func (q *timerQueue) remove(key string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if f := q.firing[key]; f != nil {
		f.void.Store(true)
	}
	q.queue.Remove(key)
}

const (
	// timerLook is the maximum time between two looks at the clock, which may be changed.
	timerLook = time.Minute

	// timerRetry is the time after which timers are retried when the Store has failed.
	timerRetry = time.Second

	// timerShare is the divisor for the part of MaxEvents, and of Workers, that timers
	// may use. The rest is for new events.
	timerShare = 2

	// newsShared and newsOwn are the times between two checks for timers that were set
	// elsewhere, by another process or through another Store value: in a Store that
	// several processes share, and in one that this process owns.
	newsShared, newsOwn = 5 * time.Second, time.Minute

	// newsCost is the divisor for the part of the time that listing such timers may take.
	newsCost = 100
)

// look starts a goroutine that dispatches the due timers. The caller holds q.mu.
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

// run dispatches the due timers, then schedules the next run. No goroutine waits
// meanwhile.
func (q *timerQueue) run() {
	wait := min(timerLook, q.every)
	if !q.list() {
		wait = 5 * time.Second
	}
	q.tryBegun()
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
		if due, ok := q.queue.Next(); ok && q.hasRoom() { // otherwise the end of a timer calls look
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

// list reads the Store's timers the first time, and again when timers were set
// elsewhere. It also requeues timers that had no handler.
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
	if q.noteRead(ctx, err); err != nil {
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
		q.suspects, q.overdue, q.notes = asides.suspects, asides.overdue, asides.notes
		q.ended.Go(q.sweep)
	}
	return true
}

// readNews returns a value that changes when timers are set elsewhere, or "".
func (q *timerQueue) readNews(ctx context.Context, now time.Time) string {
	q.mu.Lock()
	q.looked = now
	q.mu.Unlock()
	news, err := q.d.guarded().Get(ctx, timerNewsKey(q.group))
	if err == nil {
		q.d.storeWorked(ctx)
	} else if q.d.lookups.failed() {
		q.d.logger().LogAttrs(ctx, slog.LevelWarn, "vk: store unavailable: timers that others set are found later", failure(err)...)
	}
	return string(news)
}

// read lists the due times of the timers in the Store, the suspect and overdue ones among
// them, and the notes of timers that are over.
func (q *timerQueue) read(ctx context.Context) (all map[string]time.Time, asides timerAsides, err error) {
	all, asides.overdue = make(map[string]time.Time), make(map[string]time.Time)
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
			return true // already in the Queue
		}
		all[key] = r.due()
		if r.due().After(q.began) {
			return true
		}
		if !q.died || r.Tries == 0 {
			asides.overdue[key] = r.due()
			return true
		}
		if e, err := r.event(q.group, key); err == nil {
			asides.suspects = append(asides.suspects, suspectTimer{key, r.due(), r.Tries, e})
		}
		return true
	})
	return all, asides, err
}

// dispatchNext dispatches the first timer, if it is due. It reports whether another timer
// may be due.
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

// fire dispatches a timer of q.firing. It returns false if the Store fails.
func (q *timerQueue) fire(f *dueTimer) bool {
	q.mu.Lock()
	feed, client := q.feed, q.client
	q.mu.Unlock()
	begun, err := q.dispatch(f, feed, client)
	if !begun {
		f.leave()
	}
	q.noteDispatch(f, feed, err)
	if err != nil {
		q.give(f, true)
	}
	return err == nil
}

// dispatch passes a timer's event to its lane. After an error, the timer must be retried.
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
	_, waited := q.begun[doneID(e)]
	switch f.hold(&r, laneOf(e), waited) {
	case timerMoved:
		q.give(f, false) // the queue has its new time
		return false, nil
	case timerBehind:
		return true, nil
	}
	if err := q.dispatchFirst(ctx, e); err != nil {
		return false, err
	}
	j := &job{d: q.d, feed: feed, ctx: context.Background(), client: client, ev: e, timer: f}
	if f.due.Before(q.began) { // a previous run may have begun it
		if err := q.d.loadTrail(ctx, j); err != nil {
			return false, err
		}
	}
	return f.begin(j, r.Tries)
}

const (
	timerHeld   = iota
	timerBehind // another timer of the lane comes first
	timerMoved  // it was moved or canceled meanwhile
)

// hold makes f a busy timer, at the due time of its record, unless another timer of its
// lane is busy. One whose handler waited in a previous run does not count as busy.
func (f *dueTimer) hold(r *timerRecord, lane laneKey, waited bool) int {
	q := f.q
	q.mu.Lock()
	defer q.mu.Unlock()
	f.due, f.value = r.due(), r.Value
	switch behind, taken := q.lanes[lane]; {
	case f.void.Load():
		return timerMoved
	case waited, f.held:
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

// leave records that f does not run any more: its handler has ended or waits. The timer
// behind it becomes busy.
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

// give removes a timer from the ones that are being handled. If again is set, it returns
// the timer to the queue for a retry.
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

// leaveIdle sets aside a timer without a handler. The handler may be added later.
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

// after returns the next time of a Daily, or the zero Time.
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
		j.log(slog.LevelError, "vk: a daily timer ends: its next time cannot be computed", slog.String("id", r.ID), slog.Any("err", err))
		return time.Time{}
	}
	return next
}
