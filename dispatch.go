package vk

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/errtext"
	"github.com/vkrouter/vk/internal/lane"
	"github.com/vkrouter/vk/internal/queue"
	"github.com/vkrouter/vk/internal/stacks"
	"github.com/vkrouter/vk/internal/watchdog"
)

// A Dispatcher schedules the handlers of events. Events of one conversation are handled
// one at a time, in the order in which they arrived; events of different conversations
// are handled concurrently. Sources pass events to a Dispatcher. A source without one
// creates its own; sources share one by sharing the pointer.
//
// Do not change the fields once the Dispatcher is in use. Its methods are safe for
// concurrent use. It has no goroutine while it has no events.
type Dispatcher struct {
	// Client is the client that handlers reply with to events passed to Dispatch. For
	// events of a source, such as a Poller, handlers use the source's Client.
	Client *Client

	// Handler handles the events, for instance a [*Router]. It is required: without it,
	// the first event causes an error.
	Handler Handler

	// MaxEvents limits the number of unfinished events, not counting parked handlers.
	// At the limit, Dispatch blocks. The default is 8192.
	MaxEvents int

	// Workers limits the number of handlers that run at the same time, not counting
	// parked handlers. The default is 128.
	Workers int

	// TimeLimit limits how long one handler may run for one event; after each question
	// or other wait, the time starts again. The context of a handler that exceeds it is
	// canceled with cause [ErrTimeLimit]. The default is one minute; a negative value
	// disables the limit.
	TimeLimit time.Duration

	// Grace is how long a handler may continue after TimeLimit or DrainTime has
	// canceled its context. After that, the handler is abandoned: its stack is logged,
	// and its conversation goes on without it. The default is 10 seconds.
	Grace time.Duration

	// DrainTime is how long handlers may take to finish the accepted events when their
	// source stops. Handlers that wait for something stop waiting at once, with
	// ErrStopped. After DrainTime, all contexts are canceled with cause [ErrStopped].
	// The default is 10 seconds.
	DrainTime time.Duration

	// Store persists the bot's state across restarts: the position in a community's
	// history, and the unfinished events. When the bot runs again, it handles those
	// first. A community's part of the Store is owned by one Dispatcher of one process;
	// others get [ErrJournalTaken]. If nil, nothing is persisted.
	//
	// The Store is for events of sources such as a Poller. Events passed to Dispatch
	// are not saved.
	Store Store

	// Queue makes several processes one bot: the events of all sources go to the Queue,
	// and one process at a time handles a conversation; see docs/scaling.md. A
	// [Callback] acknowledges an event once the Queue has it. Of several Pollers, one
	// polls and the others stand by. The Store, which all processes must share, then
	// keeps the completed steps of handlers, and timers, but no events; without a
	// Store, handlers that are cut off start again from the beginning. Events passed to
	// Dispatch do not go to the Queue. If nil, this process works alone.
	Queue Queue

	// Version identifies the version of the bot's code, so that handlers that wait
	// during a deploy go on as described in docs/durable.md. If empty, a hash of the
	// program's file is used.
	Version string

	// MaxAge limits how long a question or another wait may be open, even with a longer
	// [Within] or Within(0). A wait that exceeds it ends with an [*AgeError]. The default
	// is 30 days; a negative value, or one of a hundred years or more, disables the
	// limit.
	MaxAge time.Duration

	// Observer receives the steps of events whose Client has no Observer, and of events
	// passed to Dispatch when the Dispatcher has no Client. See [Client.Observer]. It
	// may be nil.
	Observer Observer

	// Logger receives errors and other problems and, at debug level, a line per event.
	// If nil, slog.Default() is used.
	Logger *slog.Logger

	once      sync.Once
	room      chan struct{} // holds one element for each event that MaxEvents counts
	count     atomic.Int64  // of pending events; a goroutine that reads it sees all writes before it fell
	lanes     lane.Lanes[laneKey, *job]
	watchdog  watchdog.Watchdog[*job]
	coroner   coroner
	lookups   streak   // of questions to the Store about single events
	arrivals  arrivals // events that are being looked up in the Store before they are put
	observing observing
	debugging atomic.Int32  // the cached result of asking the Logger's handler about debug level
	store     Store         // the Store, wrapped to turn panics into errors
	marks     atomic.Uint32 // the mark of the newest job
	waits     waits
	dedupe    deduper
	ending    atomic.Bool // a feed is ending, or has ended
	direct    *feed       // of the events passed to Dispatch

	mu       sync.Mutex
	stopped  bool
	feeds    []*feed            // open feeds
	journals map[int64]*opening // by community
	queues   map[int64]*groupQueue
	slots    *queue.Slots // shared by all queues
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

// feed returns a feed for a source. If the Dispatcher was stopped, the feed is closed.
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

// Dispatch accepts an event, and does not wait until it is handled. The handlers' contexts
// have the values of ctx, but are not canceled with it. Dispatch blocks while the
// Dispatcher has MaxEvents. It returns an error, without accepting the event, if ctx is
// done meanwhile or the Dispatcher was stopped. An event that is passed twice is
// handled twice.
func (d *Dispatcher) Dispatch(ctx context.Context, e *Event) error {
	d.init()
	return d.put(ctx, &job{d: d, feed: d.direct, ctx: context.WithoutCancel(ctx), client: d.Client, ev: e})
}

// Pending returns the number of unfinished events, not counting those with parked
// handlers: handlers that wait for another event, such as the answer to a question, or
// that are in [Context.Park]. Once it returns 0, the caller can read anything that the
// handlers of the other events have written.
func (d *Dispatcher) Pending() int {
	return int(d.count.Load())
}

var errNoHandler = &ConfigError{Field: "Dispatcher.Handler", Text: "the Dispatcher has no Handler", Mend: "set Dispatcher.Handler"}

// checkHandler returns an error if a source has no Handler or two, or Kinds
// that are not names of events.
func checkHandler(source string, h Handler, d *Dispatcher, kinds []string) *ConfigError {
	switch {
	case d == nil && h == nil:
		return &ConfigError{Field: source + ".Handler", Text: "the " + source + " has no Handler", Mend: "set " + source + ".Handler"}
	case d != nil && h != nil:
		return &ConfigError{Field: source + ".Handler", Text: "the " + source + " has a Handler, and its Dispatcher has another", Mend: "set one of them"}
	case d != nil && d.Handler == nil:
		return errNoHandler
	}
	for _, kind := range kinds {
		if kind == "" || strings.Trim(kind, "abcdefghijklmnopqrstuvwxyz_.0123456789") != "" {
			return misuse(source+".Kinds", fmt.Sprintf("has %q, which is no kind of event", kind), `write VK's names, such as "message_new"`)
		}
	}
	return nil
}

// putOnce is put for an event that may arrive twice. The second job is not put; putOnce
// then returns the first one as holder, or nil if that has ended. If j was put, it is
// the holder.
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
	defer d.lanes.Add(laneOf(j.ev), j) // deferred in case the Observer ends the goroutine
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
	defer func() { // deferred in case the handler ends the goroutine
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

// begin begins a job. If its handlers must not run, begin returns the job's outcome.
func (d *Dispatcher) begin(j *job) ending {
	if d.ending.Load() && j.feed.isCutAt(laneOf(j.ev)) {
		return skipped
	}
	if j.timer != nil && j.timer.void.Load() {
		return handled // it was moved or canceled while it was in its lane
	}
	if j.erased.Load() {
		return handled
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

// abandon gives up on handlers that do not end. Their conversations go on before their
// stacks are found.
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
	how, why := handled, ErrTimeLimit // handled: the handler would hang the next run of the bot too
	if stopped {
		how, why = cutOff, ErrStopped
	}
	j.ends(errtext.Wrap("vk: ", cmp.Or(name, "handler")+": abandoned", why))
	d.finish(j, how, ErrTimeLimit)
	j.turn.Release()
}

// Stop stops the Dispatcher: it stops accepting events, ends the waits of handlers with
// [ErrStopped], and blocks until the accepted events are done. When ctx is done or
// DrainTime is over, whichever comes first, Stop cancels the contexts of the remaining
// handlers with cause [ErrStopped], and begins no more events. Then it releases the
// Store, which can be closed.
//
// A source stops the Dispatcher that it created itself. If you create a Dispatcher,
// stop it after its sources: while it owns the Store's journals, other processes get
// [ErrJournalTaken]. A Dispatcher that has only Pollers, and gets no events by
// Dispatch, need not be stopped: it releases the Store when the Pollers' Run has
// returned.
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
		<-f.close() // ends: handlers that do not return are abandoned
		if n := f.countSkipped(); n > 0 {
			d.logger().LogAttrs(ctx, slog.LevelWarn, "vk: stopped before all events were handled", slog.Int("events", n))
		}
	}
	d.coroner.wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.feeds = slices.DeleteFunc(d.feeds, func(f *feed) bool { return slices.Contains(feeds, f) })
}

// awaitClosed blocks until c is closed or ctx is done. In the latter case, it returns
// the cause. If c is closed already, it does not make ctx allocate its channel.
func awaitClosed(ctx context.Context, c <-chan struct{}) error {
	select {
	case <-c:
		return nil
	default:
	}
	select {
	case <-c:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// forever is a duration, of a hundred years, from which on a wait has no end. The sum of
// a longer one and the current time may not be representable.
const forever = 100 * 365 * 24 * time.Hour

// maxAge returns the maximum duration of a wait. It is negative if there is none.
func (d *Dispatcher) maxAge() time.Duration {
	if d.MaxAge >= forever {
		return -1
	}
	return cmp.Or(d.MaxAge, 30*24*time.Hour)
}

// trailTTL returns the lifetime of a trail that is not erased.
func (d *Dispatcher) trailTTL() time.Duration {
	if age := d.maxAge(); age > 0 {
		return age + 24*time.Hour
	}
	return 0
}

// An AgeError is the error of a question, or another wait, that was open for longer
// than [Dispatcher.MaxAge]. It wraps [ErrNoAnswer].
type AgeError struct {
	Age time.Duration // the MaxAge
}

// Error returns the message, which contains the Age.
func (e *AgeError) Error() string {
	return fmt.Sprintf("vk: no event within %v, the limit of Dispatcher.MaxAge", e.Age)
}

// Unwrap returns ErrNoAnswer.
func (e *AgeError) Unwrap() error { return ErrNoAnswer }

// An OpenHandler is a handler that waits.
type OpenHandler struct {
	Event *Event    // the event that it handles
	Route string    // the name of the event's route; "" for a listener
	Since time.Time // when it first waited, possibly before a restart

	job *job
}

// Open returns the handlers that wait for something, those that have waited longest
// first.
func (d *Dispatcher) Open() (open []OpenHandler) {
	for _, j := range d.waits.jobs() {
		if j.isParked() {
			j.steps.mu.Lock()
			var since time.Time
			if j.steps.since != 0 {
				since = time.Unix(0, j.steps.since)
			}
			open = append(open, OpenHandler{j.ev, j.steps.route, since, j})
			j.steps.mu.Unlock()
		}
	}
	slices.SortFunc(open, func(a, b OpenHandler) int { return a.Since.Compare(b.Since) })
	return open
}

// End ends the handler's wait with [ErrEnded]. The handler continues with that error;
// when it returns, its event is done.
func (h OpenHandler) End() { h.job.d.waits.endJob(h.job, ErrEnded) }

// jobs returns the jobs with handlers that wait or have a Watch.
func (ws *waits) jobs() []*job {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	all := make(map[*job]bool)
	for s := range ws.stays {
		all[s.job] = true
	}
	return slices.Collect(maps.Keys(all))
}

// endJob ends everything that a job's handlers wait for.
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
