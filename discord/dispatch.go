package discord

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/lane"
	"github.com/vkrouter/vk/internal/stacks"
	"github.com/vkrouter/vk/internal/watchdog"
)

// Errors of handlers and of a Dispatcher.
var (
	// ErrStopped is the cause with which a handler's context ends when its source
	// was stopped and the time to finish is over. The event of a
	// handler that ends with it counts as not handled.
	ErrStopped = errors.New("discord: stopped")

	// ErrTimeLimit is the cause with which a handler's context ends when the
	// handler has run for longer than [Dispatcher.TimeLimit]. It wraps
	// [context.DeadlineExceeded].
	ErrTimeLimit = fmt.Errorf("discord: the handler's time limit is over: %w", context.DeadlineExceeded)

	errGoexit    = errors.New("discord: the handler called runtime.Goexit")
	errNoHandler = errors.New("discord: the Dispatcher has no Handler: set Dispatcher.Handler")
)

// A Dispatcher decides when events are handled: those of one lane one after the
// other, in the order in which they came, different lanes at the same time.
//
// The lane of an interaction is its channel and its user. That of another event
// is its channel; for members, bans, presences and voice states it is the guild
// and the user; for events without a channel it is the guild, and for those without
// a guild the kind.
//
// A [Gateway] without a Dispatcher makes its own. Several Gateways share one by
// sharing the pointer. The fields must not change once it is in use. Its methods
// are safe for concurrent use. It has no goroutine while it has no events.
type Dispatcher struct {
	// Client is the client for the handlers of an event given to Dispatch. The
	// handlers of a Gateway's events get the Gateway's client.
	Client *Client

	// Handler handles the events, for instance a [*Router]. Without one, the
	// first event is an error.
	Handler Handler

	// MaxEvents limits the number of unfinished events, not counting parked
	// handlers. At the limit, Dispatch blocks, and a Gateway leaves further events
	// to Discord; see [Gateway.Run]. The user of an interaction is told that the bot
	// is busy. The default is 8192.
	MaxEvents int

	// Workers limits the number of handlers that run at the same time, not
	// counting parked ones. The default is 128.
	Workers int

	// TimeLimit limits the time of one handler for one event. When it is over, the
	// handler's context ends with cause [ErrTimeLimit]. The default is one minute;
	// a negative value means no limit.
	TimeLimit time.Duration

	// Grace is how long a handler may continue after its context has ended by
	// TimeLimit or DrainTime. After it, the handler is abandoned: its stack is
	// logged, and its lane continues without it. The default is 10 seconds.
	Grace time.Duration

	// DrainTime is how long the handlers may take to finish the events that were
	// taken when their source stops. Parked handlers stop waiting at once. After
	// it, all contexts end with cause [ErrStopped]. The default is 10 seconds.
	DrainTime time.Duration

	// Logger gets errors and, at level Debug, a line for each event. Nil means
	// slog.Default().
	Logger *slog.Logger

	once     sync.Once
	room     chan struct{} // holds one element for each event among MaxEvents
	count    atomic.Int64  // of unfinished events
	refusing atomic.Int64  // interactions that are being refused
	lanes    lane.Lanes[laneKey, *job]
	watchdog watchdog.Watchdog[*job]
	marks    atomic.Uint32 // the last mark of a job
	lost     sync.WaitGroup
	direct   *feed // of the events given to Dispatch

	mu      sync.Mutex
	stopped bool
	feeds   []*feed // the open ones
	parked  map[*job]struct{}

	waits waitSets
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
		d.parked = make(map[*job]struct{})
		d.direct = d.feed()
	})
}

func (d *Dispatcher) logger() *slog.Logger { return cmp.Or(d.Logger, slog.Default()) }

// Dispatch takes an event, to be handled soon. The handlers' contexts have the
// values of ctx, but do not end with it. Dispatch blocks while the Dispatcher has
// MaxEvents. It returns an error, and does not take the event, if ctx ends
// meanwhile or if the Dispatcher was stopped.
func (d *Dispatcher) Dispatch(ctx context.Context, e *Event) error {
	d.init()
	if d.Handler == nil {
		return errNoHandler
	}
	select {
	case d.room <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return d.put(&job{d: d, feed: d.direct, ctx: context.WithoutCancel(ctx), client: d.Client, ev: e})
}

// reserve takes a place among MaxEvents for put, unless there is none.
func (d *Dispatcher) reserve() bool {
	select {
	case d.room <- struct{}{}:
		return true
	default:
		return false
	}
}

// unreserve gives back a place that put does not use.
func (d *Dispatcher) unreserve() { <-d.room }

// hasRoom reports whether at most half of MaxEvents are taken.
func (d *Dispatcher) hasRoom() bool { return len(d.room) <= cap(d.room)/2 }

// put adds a job, for which there is a place, to its lane.
func (d *Dispatcher) put(j *job) error {
	if !j.feed.begin() {
		d.unreserve()
		return ErrStopped
	}
	d.count.Add(1)
	if j.ev.Kind == "INTERACTION_CREATE" {
		j.answer = newResponse(j.ctx, j.client, j.ev)
		if managed(d.Handler) {
			j.answer.arm(d)
		}
	}
	d.lanes.Add(laneOf(j.ev), j)
	return nil
}

// Pending returns the number of unfinished events, not counting those with
// waiting handlers. Once it is 0, the results of their handlers can be read.
func (d *Dispatcher) Pending() int { return int(d.count.Load()) }

// Stop ends the Dispatcher: it takes no more events, ends parked handlers' waits
// with [ErrStopped], and blocks until the events it took are finished. When ctx
// ends or DrainTime is over, whichever comes first, the handlers' contexts end
// with cause [ErrStopped], and the events that have not begun are dropped.
//
// A Gateway stops the Dispatcher that it made itself. One that was given to it is
// stopped by the caller, after the Gateways have ended.
func (d *Dispatcher) Stop(ctx context.Context) {
	d.init()
	d.mu.Lock()
	d.stopped = true
	feeds := slices.Clone(d.feeds)
	d.mu.Unlock()
	d.drain(ctx, feeds...)
}

// drain ends feeds, as described at Stop.
func (d *Dispatcher) drain(ctx context.Context, feeds ...*feed) {
	timer := time.NewTimer(cmp.Or(max(d.DrainTime, 0), 10*time.Second))
	defer timer.Stop()
	for _, f := range feeds {
		f.close()
		d.endParks(f)
	}
	late := false
	for _, f := range feeds {
		if !late {
			select {
			case <-f.close():
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
		if n := f.skippedJobs(); n > 0 {
			d.logger().LogAttrs(ctx, slog.LevelWarn, "discord: stopped before all events were handled", slog.Int("events", n))
		}
	}
	d.lost.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.feeds = slices.DeleteFunc(d.feeds, func(f *feed) bool { return slices.Contains(feeds, f) })
}

// endParks ends the waits of the feed's parked handlers.
func (d *Dispatcher) endParks(f *feed) {
	d.mu.Lock()
	var all []*job
	for j := range d.parked {
		if j.feed == f {
			all = append(all, j)
		}
	}
	d.mu.Unlock()
	for _, j := range all {
		d.watchdog.Cancel(&j.task, ErrStopped)
	}
}

// run handles one event, on a worker.
func (d *Dispatcher) run(t *lane.Turn[laneKey, *job]) {
	j := t.Item
	j.turn = t
	if !d.watchdog.Begin(&j.task, &j.feed.group, j) {
		j.endAnswers(j.answers(), skipped)
		d.finish(j, skipped, nil)
		return
	}
	var err error
	returned := false
	defer func() { // also when the handler ends the goroutine
		switch v := recover(); {
		case v != nil:
			err = caught(v)
		case !returned:
			err = errGoexit
		}
		stopped, ok := d.watchdog.End(&j.task)
		if !ok {
			return // abandon has finished the job
		}
		how := handled
		if err != nil {
			if !j.reported {
				j.report(err)
			}
			if stopped || j.wasCut() {
				how = cutOff
			}
		}
		j.endAnswers(j.answers(), how)
		d.finish(j, how, err)
	}()
	j.mark = d.marks.Add(1)
	err = stacks.Mark(j.mark, j)
	returned = true
}

// abandon abandons handlers that do not end. Their lanes continue before the
// stacks are found.
func (d *Dispatcher) abandon(all []watchdog.Abandoned[*job]) {
	d.lost.Add(1)
	defer d.lost.Done()
	for _, a := range all {
		how := handled // otherwise it would hang the next run of the bot too
		if a.Stopped {
			how = cutOff
		}
		answers := a.Owner.answers() // before finish, which forgets them
		d.finish(a.Owner, how, ErrTimeLimit)
		a.Owner.turn.Release()
		if len(answers) > 0 {
			d.lost.Go(func() { a.Owner.endAnswers(answers, how) })
		}
	}
	marks := make([]uint32, len(all))
	for i, a := range all {
		marks[i] = a.Owner.mark
	}
	found, err := stacks.Find(marks)
	for _, a := range all {
		stack := found[a.Owner.mark]
		switch {
		case err != nil:
			stack = err.Error()
		case stack == "":
			stack = "not found: the handler has just returned, or its stack has more than 128 calls"
		}
		a.Owner.log(slog.LevelError, "discord: handler abandoned: it does not end", slog.String("handler", a.Section), slog.String("stack", stack))
	}
}

// finish ends a job, and gives up its place.
func (d *Dispatcher) finish(j *job, how ending, err error) {
	x := j.end(how)
	if x.done {
		j.ledger.done(j.ev.Seq)
	}
	for _, of := range x.consumed {
		of.release(how)
	}
	if l := d.logger(); l.Enabled(j.ctx, slog.LevelDebug) {
		j.log(slog.LevelDebug, "discord: event finished", slog.Bool("handled", how == handled), slog.Bool("failed", err != nil))
	}
	if !x.outside {
		d.unreserve()
	}
	if !x.quiet {
		d.count.Add(-1)
	}
	j.feed.end(how)
}

// An ending is how a job has ended.
type ending uint8

const (
	handled ending = iota // its handlers have returned, or were abandoned
	cutOff                // a stop has cut its handlers off
	skipped               // its handlers have not begun, because of a stop
)

// A feed is the events that one source gives to a Dispatcher.
type feed struct {
	group watchdog.Group // its jobs, for the watchdog

	mu      sync.Mutex
	open    int           // unfinished jobs
	skipped int           // jobs dropped before they began
	closed  bool          // it takes no more
	idle    chan struct{} // closed when open becomes 0, if a caller waits for that
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

// isOpen reports whether the feed takes events.
func (f *feed) isOpen() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.closed
}

// begin counts a job in, unless the feed is closed.
func (f *feed) begin() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.open++
	return true
}

// end counts a job out.
func (f *feed) end(how ending) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if how == skipped {
		f.skipped++
	}
	f.open--
	if f.open == 0 && f.idle != nil {
		close(f.idle)
		f.idle = nil
	}
}

// close closes the feed, and returns a channel that is closed when all its jobs
// have ended.
func (f *feed) close() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	if f.open > 0 && f.idle != nil {
		return f.idle
	}
	idle := make(chan struct{})
	if f.open == 0 {
		close(idle)
	} else {
		f.idle = idle
	}
	return idle
}

// openJobs returns the number of unfinished jobs.
func (f *feed) openJobs() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open
}

// skippedJobs returns the number of jobs that were dropped before they began.
func (f *feed) skippedJobs() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.skipped
}
