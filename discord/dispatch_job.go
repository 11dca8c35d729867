package discord

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/vkrouter/vk/internal/lane"
	"github.com/vkrouter/vk/internal/record"
	"github.com/vkrouter/vk/internal/watchdog"
)

// A job is the handling of one event by a Dispatcher.
type job struct {
	// These do not change once the job was put, except those that run sets.
	d        *Dispatcher
	feed     *feed
	ledger   *ledger         // of the session; nil if it is not kept
	ctx      context.Context // the parent of handlers' contexts
	client   *Client
	gateway  *Gateway // nil if the event comes from elsewhere
	ev       *Event
	answer   *response                 // to an interaction; nil for other events
	turn     *lane.Turn[laneKey, *job] // set by run
	mark     uint32                    // finds its stack; set by run
	task     watchdog.Task[*job]
	reported bool // it was logged that a handler has ended the goroutine
	root     struct {
		c   Context // around those of the handlers
		inv invocation
	}

	mu      sync.Mutex
	ended   bool
	parked  int  // goroutines of the handler that wait
	outside bool // it has no place among MaxEvents
	quiet   bool // Pending does not count it

	consumed []*job // the jobs of events that waits of the handler have consumed
	takers   int    // unfinished handlers that have consumed the event
	undone   bool   // the event is to be handled again
	cut      bool   // a stop has ended a wait of the handler
	offered  offerState

	attempt record.Handling // made by handling
	passed  map[string]int  // see passes
}

// Run implements stacks.Runner: it gives the event to the handler.
func (j *job) Run() error {
	j.root.inv.job = j
	j.root.inv.answer = j.answer
	j.root.c = Context{ctx: j.ctx, event: j.ev, client: j.client, inv: &j.root.inv}
	c := &j.root.c
	if j.d.waits.bare.Any() && c.ask(nil, &j.d.waits.bare) {
		return nil
	}
	if r, ok := j.d.Handler.(*Router); ok {
		return r.Serve(c) // makes an invocation of each listener
	}
	return c.invoke("", j.d.Handler.Serve, nil)
}

// An exit is the rest of a job that has ended.
type exit struct {
	outside  bool // it has no place among MaxEvents
	quiet    bool // Pending does not count it
	done     bool // the event is not handled again
	consumed []*job
}

// end notes that the job has ended.
func (j *job) end(how ending) exit {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ended = true
	j.undone = j.undone || how != handled
	x := exit{j.outside, j.quiet, j.isDone(), j.consumed}
	j.consumed = nil
	return x
}

// isDone reports whether the event has been handled, including by handlers that
// have consumed it. The caller holds j.mu.
func (j *job) isDone() bool { return j.ended && j.takers == 0 && !j.undone }

// enter notes that an invocation begins, which has all of the time limit. It
// returns the one around it.
func (j *job) enter(name string, cancel context.CancelCauseFunc) (outer watchdog.Section) {
	if j == nil {
		return outer
	}
	return j.d.watchdog.Enter(&j.task, watchdog.Section{Name: name, Context: watchdog.CancelFunc(cancel)})
}

// leave records that the invocation has ended, and that outer continues.
func (j *job) leave(outer watchdog.Section) {
	if j != nil {
		j.d.watchdog.Leave(&j.task, outer)
	}
}

// report logs a handler's error.
func (j *job) report(err error) {
	if j == nil {
		logFailure(err, func(level slog.Level, msg string, attrs ...slog.Attr) {
			slog.Default().LogAttrs(context.Background(), level, msg, attrs...)
		})
		return
	}
	if errors.Is(err, errGoexit) {
		j.reported = true
	}
	logFailure(err, j.log)
}

// logFailure logs a handler's error. The errors of several handlers are a line
// each.
func logFailure(err error, log func(level slog.Level, msg string, attrs ...slog.Attr)) {
	if all, ok := err.(handlerErrors); ok {
		for _, err := range all {
			logFailure(err, log)
		}
		return
	}
	level := slog.LevelError
	var unknown *NotFoundError
	var wrong *ArgError
	var refused *CheckError
	var input *InputError
	switch {
	case errors.As(err, &unknown), errors.As(err, &wrong), errors.As(err, &refused), errors.As(err, &input): // a user's mistake
		level = slog.LevelInfo
	case errors.Is(err, ErrStopped), errors.Is(err, ErrInterrupted), errors.Is(err, ErrCanceled), errors.Is(err, ErrNoAnswer):
		level = slog.LevelDebug
	case errors.Is(err, ErrTimeLimit), errors.Is(err, context.Canceled):
		level = slog.LevelInfo
	}
	log(level, "discord: handler failed", failure(err)...)
}

// log logs with attributes that identify the event.
func (j *job) log(level slog.Level, msg string, attrs ...slog.Attr) {
	attrs = append(attrs, slog.String("kind", j.ev.Kind), slog.Any("guild", j.ev.GuildID), slog.Any("channel", j.ev.ChannelID))
	j.d.logger().LogAttrs(j.ctx, level, msg, attrs...)
}

// Park runs wait without the handler's turn: meanwhile the later events of its
// lane are handled, its worker serves other lanes, it does not count among
// [Dispatcher.MaxEvents], and its time limit stands still. After that, the
// handler continues before any event of its lane that has not begun, with all
// of its time limit. Park returns the result of wait.
//
// It is for a handler that waits for something, not for one that works. wait
// must return when c ends, which also happens when the bot stops, with cause
// [ErrStopped]. If c has ended before, Park returns the cause and does not call
// wait. Outside a [Dispatcher], Park just calls wait.
func (c *Context) Park(wait func() error) error {
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	j := c.inv.job
	if j == nil {
		return wait()
	}
	if err := j.Park(); err != nil {
		return err
	}
	defer func() {
		j.Wake()
		j.Back()
	}()
	return wait()
}

// Park implements waits.Turn: it gives up the turn, unless another goroutine of the
// handler has.
func (j *job) Park() error { return j.park(true) }

// yield lets those handlers go first that were woken in the lane.
func (j *job) yield() {
	if j.park(false) == nil {
		j.Wake()
		j.Back()
	}
}

// park is Park. Without waits, the event counts as pending all the same.
func (j *job) park(waits bool) error {
	d := j.d
	d.mu.Lock()
	defer d.mu.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.feed.isOpen() {
		j.cut = true
		return ErrStopped
	}
	if j.ended {
		return ErrTimeLimit // it was abandoned
	}
	j.parked++
	if j.parked == 1 {
		if j.quiet = waits; waits {
			d.count.Add(-1)
		}
		d.parked[j] = struct{}{}
		d.watchdog.Park(&j.task)
		if !j.outside {
			d.unreserve() // does not block: the job has a place
			j.outside = true
		}
		j.turn.Park()
	}
	return nil
}

// Back implements waits.Turn: it blocks until the handler has its turn, if no goroutine of
// it waits any more.
func (j *job) Back() {
	j.turn.Wait()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.parked == 0 && !j.ended {
		j.d.watchdog.Unpark(&j.task)
	}
}

// Parked implements waits.Turn.
func (j *job) Parked() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.parked > 0
}

// Ended implements waits.Turn.
func (j *job) Ended() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.ended
}

// Wake implements waits.Turn: it wakes the turn if the last goroutine of the handler has
// stopped waiting.
func (j *job) Wake() {
	d := j.d
	d.mu.Lock()
	defer d.mu.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.parked--
	if j.parked > 0 {
		return
	}
	delete(d.parked, j)
	if j.ended {
		return
	}
	if j.quiet {
		j.quiet = false
		d.count.Add(1)
	}
	if d.reserve() {
		j.outside = false
	} // otherwise it continues anyway, since there are never more of them than workers
	j.turn.Wake()
}
