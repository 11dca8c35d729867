package vk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/lane"
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
	// the bot runs again, these are handled first. It also keeps several
	// processes that share it from handling the same event. Nil means that
	// nothing is kept. Of the package's own Stores, which belong to one process,
	// one Dispatcher at a time may use one for a community.
	//
	// It is for events from sources such as a Poller. What is given to Dispatch
	// is not kept.
	Store Store

	// Logger gets what goes wrong and, at the level of debugging, a line for
	// each event. Nil means slog.Default().
	Logger *slog.Logger

	once     sync.Once
	room     chan struct{} // holds one element for each event taken and not done
	count    atomic.Int64  // as many; what was done before it fell is seen by who reads it
	lanes    lane.Lanes[laneKey, *job]
	watchdog watchdog.Watchdog[*job]
	waits    waits
	claims   claims
	ending   atomic.Bool // a feed is ending, or has ended

	mu      sync.Mutex
	stopped bool
	feeds   []*feed // the open ones
	direct  *feed   // what Dispatch takes

	journals map[int64]*opening // by community
}

// A laneKey names a lane: a conversation, or what stands in for one. Each
// community has its own, and numbers its chats by itself.
type laneKey struct {
	group int64
	peer  int64
	kind  string // if there is no peer
}

// A job is an event that a Dispatcher has taken.
type job struct {
	d      *Dispatcher
	feed   *feed
	ctx    context.Context // the parent of handlers' contexts
	client *Client
	ev     *Event
	turn   *lane.Turn[laneKey, *job]

	attempt attempt
	seen    *observedJob // nil if nobody observes
	err     error        // of the handlers, once they have ended

	again   bool   // it comes again unless it is done
	claimed bool   // among the claims of the Dispatcher
	stored  string // what its claim in the Store says, if it has one
	yielded bool   // to another process, which may die before it is done

	// Guarded by d.claims.mu.
	entry   *journalEntry // in a journal, if it is in one
	gone    chan struct{} // closed when it is settled, if anybody wants to know
	left    bool          // it is settled
	handled bool          // and its event is done

	task watchdog.Task[*job]

	offered atomic.Int32 // whether its event was offered to waits, and taken
	answers atomic.Bool  // the handler has taken a press

	// Guarded by d.waits.mu.
	parking
	settling
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
		d.direct = d.feed()
	})
}

// feed returns a feed for a source. If the Dispatcher was stopped, it takes
// nothing.
func (d *Dispatcher) feed() *feed {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := &feed{closed: d.stopped}
	if !d.stopped {
		d.feeds = append(d.feeds, f)
	}
	return f
}

func (d *Dispatcher) logger() *slog.Logger { return cmp.Or(d.Logger, slog.Default()) }

// Dispatch takes an event, to be handled soon. The handlers' contexts have the
// values of ctx, but do not end with it. Dispatch waits while the Dispatcher
// has MaxEvents, and returns an error when ctx ends meanwhile or when the
// Dispatcher was stopped: the event was then not taken. One that is given twice
// is handled twice.
func (d *Dispatcher) Dispatch(ctx context.Context, e *Event) error {
	d.init()
	return d.put(ctx, &job{d: d, feed: d.direct, ctx: context.WithoutCancel(ctx), client: d.Client, ev: e})
}

// Pending returns how many events are taken and not done, those aside whose
// handlers wait for another event, such as the answer to a question. What the
// handlers of the others have written can be read once it is 0.
func (d *Dispatcher) Pending() int {
	return int(d.count.Load())
}

var errNoHandler = errors.New("vk: the Dispatcher has no Handler")

// take is put for an event that may come twice: it is put once. If another job
// has the event, take returns that.
func (d *Dispatcher) take(ctx context.Context, j *job) (holder *job, err error) {
	holder, state := d.claims.enter(j)
	if state != admitted {
		return holder, nil
	}
	err = d.put(ctx, j)
	if err != nil {
		d.claims.leave(j, false)
	}
	return nil, err
}

// put is Dispatch for a job, which is not yet begun.
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
	if !j.feed.begin() {
		<-d.room
		return ErrStopped
	}
	d.count.Add(1)
	d.observe(j)
	j.tellTaken()
	d.lanes.Add(laneOf(j.ev), j)
	return nil
}

// laneOf returns the lane of an event: the conversation, else the dialog with
// whoever caused it, else that of its kind.
func laneOf(e *Event) laneKey {
	peer := cmp.Or(e.head.peer, e.head.from)
	if peer == 0 {
		return laneKey{group: e.GroupID, kind: e.Kind}
	}
	return laneKey{group: e.GroupID, peer: peer}
}

// run handles one event, on a worker.
func (d *Dispatcher) run(t *lane.Turn[laneKey, *job]) {
	j := t.Item
	j.turn = t
	if d.comesLater(j) {
		d.finish(j, skipped)
		return
	}
	if j.claimed && j.stored == "" && d.Store != nil && !d.mayHandle(j) {
		d.finish(j, done) // by others
		return
	}
	if !d.watchdog.Begin(&j.task, &j.feed.group, j) {
		d.finish(j, skipped)
		return
	}
	j.tellBegun()
	var err error
	defer func() { // also when the handler ends the goroutine
		stopped, ok := d.watchdog.End(&j.task)
		if !ok {
			return // abandoned, and counted out then
		}
		end := done
		j.err = err
		if err != nil {
			j.ends(err)
			j.report(err)
			if stopped {
				end = undone
			}
		}
		d.finish(j, end)
	}()
	err = j.handle()
}

// handle gives the event to the handler. The name of the method is looked for
// in stack traces: see stackOf.
//
//go:noinline
func (j *job) handle() error {
	c := newContext(j.ctx, j.client, j.ev, j)
	defer j.answerRest()
	if j.d.waits.bare.Load() > 0 && c.ask(destination{}, true) {
		return nil
	}
	if r, ok := j.d.Handler.(*Router); ok {
		return r.Serve(c) // makes an invocation of each listener and of the route
	}
	return c.invoke("", j.d.Handler.Serve, nil)
}

// enter implements turn: each invocation has all of the time limit.
func (j *job) enter(in inner) (outer inner) {
	s := j.d.watchdog.Enter(&j.task, watchdog.Section{Name: in.name, Cancel: in.cancel})
	return inner{s.Name, s.Cancel}
}

// leave implements turn.
func (j *job) leave(outer inner) {
	j.d.watchdog.Leave(&j.task, watchdog.Section{Name: outer.name, Cancel: outer.cancel})
}

// answerRest answers the presses that nobody has answered: a button is not to
// spin for a minute.
func (j *job) answerRest() {
	if j.ev.press == nil && !j.answers.Load() {
		return
	}
	for _, of := range j.unanswered() {
		c := newContext(j.ctx, of.client, of.ev, j)
		if err := c.invoke("unanswered press", (*Context).Answer, nil); err != nil {
			j.report(err)
		}
	}
}

// report implements turn.
func (j *job) report(err error) { logFailure(err, j.log) }

// log logs with what identifies the event.
func (j *job) log(level slog.Level, msg string, attrs ...slog.Attr) {
	attrs = append(attrs, slog.String("kind", j.ev.Kind), slog.String("event", j.ev.ID), slog.Int64("peer", j.ev.head.peer))
	j.d.logger().LogAttrs(j.ctx, level, msg, attrs...)
}

// abandon gives up on a handler that does not end.
func (d *Dispatcher) abandon(j *job, name string, stopped bool) {
	j.log(slog.LevelError, "vk: handler abandoned: it does not end", slog.String("handler", name), slog.String("stack", stackOf(j)))
	end, why := done, ErrTimeLimit // it is not to hang the next run of the bot too
	j.err = ErrTimeLimit
	if stopped {
		end, why = undone, ErrStopped
	}
	j.ends(fmt.Errorf("vk: %s: abandoned: %w", cmp.Or(name, "handler"), why))
	d.finish(j, end)
	j.turn.Release()
}

// stackOf returns the stack of the goroutine that handles j, or "" if it is
// not found. There is no way to ask for a goroutine's stack: it is looked for
// among all, by the address of the job.
func stackOf(j *job) string {
	buf := make([]byte, 1<<20)
	mark := fmt.Sprintf(".(*job).handle(%p", j)
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(stack, mark) {
			return stack
		}
	}
	return ""
}

// Stop ends the Dispatcher: it takes no more events, ends what handlers wait for
// with [ErrStopped], and waits until the events it took are done. When ctx ends
// or DrainTime is over, whichever comes first, their handlers' contexts end with
// cause [ErrStopped], and what has not begun is not begun. Then it gives up the
// Store, which can be closed.
//
// A source stops the Dispatcher that it made itself. One that was given to it
// is stopped by whoever made it, after the sources: while it has the Store, other
// processes take it for alive, and one that starts after it waits to see that it
// is not. Where it has only Pollers, and nothing is given to Dispatch, there is
// nothing left to stop when their Run has returned.
func (d *Dispatcher) Stop(ctx context.Context) {
	d.init()
	d.mu.Lock()
	d.stopped = true
	feeds := slices.Clone(d.feeds)
	d.mu.Unlock()
	d.drain(ctx, feeds...)
	d.closeJournals(ctx)
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
		<-f.close() // comes: what does not end is abandoned
		if f.skipped > 0 {
			d.logger().LogAttrs(ctx, slog.LevelWarn, "vk: stopped before all events were handled", slog.Int("events", f.skipped))
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.feeds = slices.DeleteFunc(d.feeds, func(f *feed) bool { return slices.Contains(feeds, f) })
}
