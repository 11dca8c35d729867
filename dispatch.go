package vk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
	"github.com/vkrouter/vk/internal/lane"
	"github.com/vkrouter/vk/internal/queue"
	"github.com/vkrouter/vk/internal/stacks"
	"github.com/vkrouter/vk/internal/watchdog"
)

// A Dispatcher decides when events are handled: those of one conversation one
// after the other, in the order in which they came, different conversations at
// the same time. Sources of events feed it. A source without one makes its own;
// several share one by sharing the pointer.
//
// Its fields must not change once it is in use. Its methods are safe for
// concurrent use. It has no goroutine while it has no events.
type Dispatcher struct {
	// Client is what handlers answer with to an event given to Dispatch. To
	// those from a source, such as a Poller, they answer with the source's.
	Client *Client

	// Handler handles the events, for instance a [*Router]. Without one the
	// first event is an error.
	Handler Handler

	// MaxEvents bounds the events that are taken and not done, those aside whose
	// handlers wait for something; at the bound, Dispatch waits. Zero means
	// 8192.
	MaxEvents int

	// Workers bounds the handlers that run at the same time, and do not wait
	// for something. Zero means 128.
	Workers int

	// TimeLimit bounds the run of one handler for one event, and after each
	// question or other wait what follows. A handler that exceeds it sees its
	// context end with cause [ErrTimeLimit]. Zero means one minute, a negative
	// value no limit.
	TimeLimit time.Duration

	// Grace is how long a handler may go on when its context has ended by
	// TimeLimit or DrainTime. After it the handler is abandoned: its stack is
	// logged, and its conversation goes on without it. Zero means 10 seconds.
	Grace time.Duration

	// DrainTime is how long the handlers may take to finish what was taken
	// when their source stops. Those that wait for something stop waiting at
	// once, with ErrStopped. After it, all contexts end with cause [ErrStopped]. Zero
	// means 10 seconds.
	DrainTime time.Duration

	// Store keeps what is not to be lost when the process ends: how far in a
	// community's history events were taken, and those that are not done. When
	// the bot runs again, these are handled first. One Dispatcher of one process
	// owns a community's part of it; others get [ErrJournalTaken]. Nil means that
	// nothing is kept.
	//
	// It is for events from sources such as a Poller. What is given to Dispatch
	// is not kept.
	Store Store

	// Queue makes several processes one bot: the events of all sources go to it, and one
	// process at a time handles a conversation; see docs/scaling.md. A [Callback] acknowledges
	// an event once the Queue has it. Of several Pollers, one polls and the others stand by.
	// The Store, which all processes must share, then keeps what handlers have done, and
	// timers, but no events; without one, handlers that are cut off begin anew. What is given
	// to Dispatch does not go to the Queue. Nil means that this process is alone.
	Queue Queue

	// Version tells one version of the bot's code from another, so that handlers
	// that wait over a deploy go on as described in docs/durable.md. Empty means a
	// hash of the program's file.
	Version string

	// MaxAge limits how long a question or another wait may be open, also without a
	// [Within]. At the end it ends with an [*AgeError]. Zero means 30 days, a negative
	// value no limit.
	MaxAge time.Duration

	// Observer is told the steps of events whose Client has no Observer, and of
	// events given to Dispatch without a Client. See [Client.Observer]. Nil tells nobody.
	Observer Observer

	// Logger gets what goes wrong and, at the level of debugging, a line for
	// each event. Nil means slog.Default().
	Logger *slog.Logger

	once      sync.Once
	room      chan struct{} // holds one element for each event among MaxEvents
	count     atomic.Int64  // of pending events; whoever reads it sees what was written before it fell
	lanes     lane.Lanes[laneKey, *job]
	watchdog  watchdog.Watchdog[*job]
	coroner   coroner
	lookups   streak   // of what the Store is asked about single events
	arrivals  arrivals // of events about which the Store is asked before they are put
	observing observing
	debugging atomic.Int32  // what is known of the Logger's handler
	store     Store         // the Store, guarded
	marks     atomic.Uint32 // the last mark of a job
	waits     waits
	dedupe    deduper
	ending    atomic.Bool // a feed is ending, or has ended
	direct    *feed       // of the events given to Dispatch

	mu       sync.Mutex
	stopped  bool
	feeds    []*feed            // the open ones
	journals map[int64]*opening // by community
	queues   map[int64]*groupQueue
	slots    *queue.Slots // of queues
	timers   map[int64]*timerQueue
}

func (d *Dispatcher) init() {
	d.once.Do(func() {
		d.room = make(chan struct{}, cmp.Or(max(d.MaxEvents, 0), 8192))
		d.lanes.Workers = cmp.Or(max(d.Workers, 0), 128)
		d.lanes.Run = d.run
		d.watchdog.Limit = cmp.Or(d.TimeLimit, time.Minute)
		d.watchdog.Grace = cmp.Or(max(d.Grace, 0), 10*time.Second)
		d.watchdog.LimitCause, d.watchdog.StopCause = ErrTimeLimit, ErrStopped
		d.watchdog.Abandon = d.abandon
		d.coroner.find = findLost
		d.store = guard(d.Store)
		d.direct = d.feed()
	})
}

// feed returns a feed for a source. It is closed if the Dispatcher was stopped.
func (d *Dispatcher) feed() *feed {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := &feed{closed: d.stopped}
	if !d.stopped {
		d.feeds = append(d.feeds, f)
	}
	return f
}

func (d *Dispatcher) logger() logger { return slogOr(d.Logger) }

// Dispatch takes an event, to be handled soon. The handlers' contexts have the
// values of ctx, but do not end with it. Dispatch waits while the Dispatcher
// has MaxEvents, and returns an error when ctx ends meanwhile or when the
// Dispatcher was stopped: the event was then not taken. One that is given twice
// is handled twice.
func (d *Dispatcher) Dispatch(ctx context.Context, e *Event) error {
	d.init()
	return d.put(ctx, &job{d: d, feed: d.direct, ctx: context.WithoutCancel(ctx), client: d.Client, ev: e})
}

// Pending returns the number of events that are taken and not done, without those
// whose handlers are parked: those wait for another event, such as the answer to a
// question, or are in [Context.Park]. What the handlers of the others have written can
// be read once it is 0.
func (d *Dispatcher) Pending() int {
	return int(d.count.Load())
}

var errNoHandler = errors.New("vk: the Dispatcher has no Handler")

// putOnce is put for an event that may come twice: the second job is not put,
// and putOnce returns the first one as holder, or nil if it has ended. If j was put,
// it is the holder.
func (d *Dispatcher) putOnce(ctx context.Context, j *job) (holder *job, err error) {
	holder, state := d.dedupe.enter(j)
	if state != admitted {
		return holder, nil
	}
	if err = d.put(ctx, j); err != nil {
		d.dedupe.leave(j, notHandled)
	}
	return j, err
}

// put is Dispatch for a job.
func (d *Dispatcher) put(ctx context.Context, j *job) error {
	if d.Handler == nil {
		return errNoHandler
	}
	select {
	case d.room <- struct{}{}:
	default:
		select {
		case d.room <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	d.observe(j)
	if !j.feed.begin() {
		<-d.room
		return ErrStopped
	}
	d.count.Add(1)
	defer d.lanes.Add(laneOf(j.ev), j) // also if the Observer ends the goroutine
	j.tellAdmitted()
	return nil
}

// isFull reports whether there are MaxEvents.
func (d *Dispatcher) isFull() bool { return len(d.room) == cap(d.room) }

// run handles one event, on a worker.
func (d *Dispatcher) run(t *lane.Turn[laneKey, *job]) {
	j := t.Item
	j.turn = t
	if how := d.begin(j); how != notEnded {
		d.finish(j, how, nil)
		return
	}
	var err error
	returned := false
	defer func() { // also when the handler ends the goroutine
		switch v := recover(); {
		case v != nil:
			err = caught(v)
		case !returned && !j.exited.Load():
			err = errGoexit
		}
		stopped, ok := d.watchdog.End(&j.task)
		if !ok {
			return // abandon has finished the job
		}
		how := handled
		if err != nil {
			j.ends(err)
			j.report(err)
			if stopped {
				how = cutOff
			}
		}
		d.finish(j, j.saveAnswers(how), err)
	}()
	j.tellBegun()
	j.mark = d.marks.Add(1)
	err = stacks.Mark(j.mark, j)
	returned = true
}

// begin begins a job, unless its handlers must not run: then it returns how the
// job has ended.
func (d *Dispatcher) begin(j *job) ending {
	if d.ending.Load() && j.feed.isCutAt(laneOf(j.ev)) {
		return skipped
	}
	if j.timer != nil && j.timer.void.Load() {
		return handled // it was moved or canceled while it stood in its lane
	}
	if d.askStore(j) == alreadyHandled {
		return handled
	}
	if j.item != nil {
		if how := d.beginItem(j); how != notEnded {
			return how
		}
	}
	if !d.watchdog.Begin(&j.task, &j.feed.group, j) {
		return skipped
	}
	return notEnded
}

// abandon gives up on handlers that do not end. Their conversations go on before
// the stacks are found.
func (d *Dispatcher) abandon(all []watchdog.Abandoned[*job]) {
	cases := make([]lostHandler, len(all))
	for i, a := range all {
		cases[i] = lostHandler{a.Owner, a.Section}
	}
	d.coroner.take(cases, func() {
		for _, a := range all {
			d.giveUp(a.Owner, a.Section, a.Stopped)
		}
	})
}

func (d *Dispatcher) giveUp(j *job, name string, stopped bool) {
	how, why := handled, ErrTimeLimit // otherwise it would hang the next run of the bot too
	if stopped {
		how, why = cutOff, ErrStopped
	}
	j.ends(fmt.Errorf("vk: %s: abandoned: %w", cmp.Or(name, "handler"), why))
	d.finish(j, how, ErrTimeLimit)
	j.turn.Release()
}

// Stop ends the Dispatcher: it takes no more events, ends what handlers wait for
// with [ErrStopped], and waits until the events it took are done. When ctx ends
// or DrainTime is over, whichever comes first, their handlers' contexts end with
// cause [ErrStopped], and what has not begun is not begun. Then it gives up the
// Store, which can be closed.
//
// A source stops the Dispatcher that it made itself. One that was given to it
// is stopped by whoever made it, after the sources: while it has the Store, other
// processes get [ErrJournalTaken]. Where it has only Pollers, and nothing is given to
// Dispatch, there is nothing left to stop when their Run has returned.
func (d *Dispatcher) Stop(ctx context.Context) {
	d.init()
	d.mu.Lock()
	d.stopped = true
	feeds := slices.Clone(d.feeds)
	d.mu.Unlock()
	queues := d.drainQueues()
	d.drain(ctx, feeds...)
	for _, g := range queues {
		g.stop(ctx)
	}
	d.closeJournals(ctx)
	d.waits.endOnlookers(ErrStopped)
}

// drain ends feeds, as described at Stop.
func (d *Dispatcher) drain(ctx context.Context, feeds ...*feed) {
	d.ending.Store(true)
	timer := time.NewTimer(cmp.Or(d.DrainTime, 10*time.Second))
	defer timer.Stop()
	late := false
	for _, f := range feeds {
		f.close()
		d.waits.stop(f)
	}
	for _, f := range feeds {
		idle := f.close()
		if !late {
			select {
			case <-idle:
			case <-timer.C:
				late = true
			case <-ctx.Done():
				late = true
			}
		}
		if late {
			d.watchdog.Stop(&f.group)
		}
	}
	for _, f := range feeds {
		<-f.close() // comes: handlers that do not end are abandoned
		if n := f.countSkipped(); n > 0 {
			d.logger().LogAttrs(ctx, slog.LevelWarn, "vk: stopped before all events were handled", slog.Int("events", n))
		}
	}
	d.coroner.wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.feeds = slices.DeleteFunc(d.feeds, func(f *feed) bool { return slices.Contains(feeds, f) })
}

// maxAge returns how long a wait may last, or a negative duration.
func (d *Dispatcher) maxAge() time.Duration { return cmp.Or(d.MaxAge, 30*24*time.Hour) }

// An AgeError ends a question, or another wait, that was open for longer than
// [Dispatcher.MaxAge]. It is [ErrNoAnswer] too.
type AgeError struct {
	Age time.Duration // the MaxAge
}

// Error says for how long nothing has come.
func (e *AgeError) Error() string {
	return fmt.Sprintf("vk: nothing came in %v, which is Dispatcher.MaxAge", e.Age)
}

// Unwrap returns ErrNoAnswer.
func (e *AgeError) Unwrap() error { return ErrNoAnswer }

// An OpenHandler is a handler that waits.
type OpenHandler struct {
	Event *Event    // that it handles
	Route string    // the name of the route that the event led to; "" if it is a listener
	Since time.Time // when it first waited, also before a restart

	job *job
}

// Open returns the handlers that wait for something, those that have waited longest
// first.
func (d *Dispatcher) Open() (open []OpenHandler) {
	for _, j := range d.waits.jobs() {
		if j.isParked() {
			j.steps.mu.Lock()
			open = append(open, OpenHandler{j.ev, j.steps.route, j.steps.since, j})
			j.steps.mu.Unlock()
		}
	}
	slices.SortFunc(open, func(a, b OpenHandler) int { return a.Since.Compare(b.Since) })
	return open
}

// End ends the handler's wait with [ErrEnded]. The handler goes on with that;
// when it returns, its event is done.
func (h OpenHandler) End() { h.job.d.waits.endJob(h.job, ErrEnded) }

// jobs returns the jobs whose handlers wait, or have a Watch.
func (ws *waits) jobs() []*job {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	all := make(map[*job]bool)
	for s := range ws.stays {
		all[s.job] = true
	}
	return slices.Collect(maps.Keys(all))
}

// endJob ends all that a job's handlers wait for.
func (ws *waits) endJob(j *job, why error) {
	ws.mu.Lock()
	var ends []func(error)
	for s := range ws.stays {
		if s.job == j {
			ends = append(ends, s.end)
		}
	}
	ws.mu.Unlock()
	for _, end := range ends {
		end(why)
	}
}

// Erase removes what the Store has of a person, in all communities: the sessions and
// timers whose key has the user, or the dialog with the user; and the handlers that
// wait for the person, with all that they have done: they end with [ErrEnded]. Call it
// while the bot runs. It blocks until that is done or ctx ends. What the bot's own
// handlers keep elsewhere is theirs to erase.
//
// Erase takes a Store that is a [Lister]. Another is a [*ConfigError].
func (d *Dispatcher) Erase(ctx context.Context, user int64) error {
	d.init()
	if d.Store == nil {
		return nil
	}
	var ended []*job
	for _, j := range d.waits.jobs() {
		if j.ev.head.from == user || j.ev.head.peer == user {
			d.waits.endJob(j, ErrEnded)
			ended = append(ended, j)
		}
	}
	for _, j := range ended {
		for !j.hasEnded() {
			if err := backoff.Sleep(ctx, 10*time.Millisecond); err != nil {
				return err
			}
		}
	}
	for _, kind := range []string{"session/", "timer/"} {
		var keys []string
		err := listStore(ctx, d.guarded(), "Dispatcher.Erase", kind, func(key string, _ []byte) bool {
			if isOf(key[len(kind):], user) {
				keys = append(keys, key)
			}
			return true
		})
		if err != nil {
			return err
		}
		for _, key := range keys {
			d.erase(ctx, key, nil)
			d.forgetTimer(key)
		}
	}
	return context.Cause(ctx)
}

// isOf reports whether the end of a key names a user: a community, a quoted name, a
// conversation and a person.
func isOf(key string, user int64) bool {
	_, rest, _ := strings.Cut(key, "/")
	name, err := strconv.QuotedPrefix(rest)
	if err != nil {
		return false
	}
	parts := strings.SplitN(strings.TrimPrefix(rest[len(name):], "/"), "/", 3)
	id := strconv.FormatInt(user, 10)
	return len(parts) == 3 && (parts[0] == id || parts[1] == id)
}
