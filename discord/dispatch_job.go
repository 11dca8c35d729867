package discord

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/vkrouter/vk/internal/lane"
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
}

// Run implements stacks.Runner: it gives the event to the handler.
func (j *job) Run() error {
	j.root.inv.job = j
	j.root.c = Context{ctx: j.ctx, event: j.ev, client: j.client, inv: &j.root.inv}
	c := &j.root.c
	if r, ok := j.d.Handler.(*Router); ok {
		return r.Serve(c) // makes an invocation of each listener
	}
	return c.invoke("", j.d.Handler.Serve, nil)
}

// end notes that the job has ended, and reports whether it has no place among
// MaxEvents.
func (j *job) end() (outside bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ended = true
	return j.outside
}

// enter notes that an invocation begins, which has all of the time limit. It
// returns the one around it.
func (j *job) enter(name string, cancel context.CancelCauseFunc) (outer watchdog.Section) {
	if j == nil {
		return outer
	}
	return j.d.watchdog.Enter(&j.task, watchdog.Section{Name: name, Context: watchdog.CancelFunc(cancel)})
}

// leave notes that the invocation has ended, and that outer goes on.
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
	switch {
	case errors.As(err, &unknown), errors.As(err, &wrong), errors.As(err, &refused): // a person's mistake
		level = slog.LevelInfo
	case errors.Is(err, ErrStopped):
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
// [Dispatcher.MaxEvents], and its time limit stands still. After that, the handler
// goes on before any event of its lane that has not begun, with all of its time
// limit. Park returns the result of wait.
//
// It is for a handler that waits for something, not for one that works. wait must
// return when c ends, which it does also when the bot stops, with cause
// [ErrStopped]. If c has ended before, Park returns the cause and does not call
// wait. Outside of a [Dispatcher], Park just calls wait.
func (c *Context) Park(wait func() error) error {
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	j := c.inv.job
	if j == nil {
		return wait()
	}
	if err := j.park(); err != nil {
		return err
	}
	defer j.unpark()
	return wait()
}

// park gives up the turn, unless another goroutine of the handler has.
func (j *job) park() error {
	d := j.d
	d.mu.Lock()
	defer d.mu.Unlock()
	if !j.feed.isOpen() {
		return ErrStopped
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.ended {
		return ErrTimeLimit // it was abandoned
	}
	j.parked++
	if j.parked == 1 {
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

// unpark takes the turn back when no goroutine of the handler waits any more, and
// blocks until it is there.
func (j *job) unpark() {
	if !j.wake() {
		return
	}
	j.turn.Wait()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.parked == 0 && !j.ended {
		j.d.watchdog.Unpark(&j.task)
	}
}

// wake wakes the turn if the last goroutine of the handler has stopped waiting.
func (j *job) wake() bool {
	d := j.d
	d.mu.Lock()
	defer d.mu.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.parked--
	if j.parked > 0 {
		return false
	}
	delete(d.parked, j)
	if j.ended {
		return false
	}
	if d.reserve() {
		j.outside = false
	} // else it goes on all the same: no more than there are workers do
	j.turn.Wake()
	return true
}
