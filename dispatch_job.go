package vk

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	durable "github.com/vkrouter/vk/internal/journal"
	"github.com/vkrouter/vk/internal/lane"
	"github.com/vkrouter/vk/internal/queue"
	"github.com/vkrouter/vk/internal/stacks"
	"github.com/vkrouter/vk/internal/watchdog"
)

// A job is one attempt to handle an event. The watchdog, the waits, the deduper
// and the journal keep records of their own about it: none of them reads fields
// that another's lock guards.
//
// Locks nest in these orders only, the first is acquired first:
//
//	waits.mu, job.mu, then the lock of the watchdog, the lanes or an observedJob
//	waits.mu, feed.mu
//	deduper.mu, journal.mu, then job.mu or feed.mu
//
// The locks of two jobs nest in consume alone, and waits.mu serializes that.
type job struct {
	// These do not change after the job was put, except turn and mark, which run
	// sets.
	d       *Dispatcher
	feed    *feed
	ctx     context.Context // the parent of the handlers' contexts
	client  *Client
	ev      *Event
	turn    *lane.Turn[laneKey, *job]
	seen    *observedJob   // nil if there is no Observer and no debug log
	timer   *dueTimer      // the timer of the event, or nil
	item    *queue.Item    // the event's item in the Queue, or nil
	queue   *groupQueue    // the queue of item
	suspect *durable.Entry // the entry of an event that may have crashed a run, which must learn when the handler waits; or nil

	repeats  bool // the source redelivers the event until it is acknowledged
	deduped  bool // the deduper must learn the event's settlement
	asks     bool // ask the Store before the event begins whether it is done
	replayed bool // an earlier attempt, in this run or another, may have begun to handle the event

	mark uint32 // identifies its stack

	// Records of other components, used by their methods only.
	task    watchdog.Task[*job]
	dedupe  dedupeRecord
	attempt attempt
	steps   jobTrail

	mu       sync.Mutex
	err      error  // of the handlers that have ended
	consumed []*job // the jobs of events that waits of the handler have consumed
	takers   int32  // unfinished handlers that have consumed the event
	parked   int32  // goroutines of the handler that wait
	busy     int32  // those of them that wait for something other than an event
	ending   ending
	offered  offerState              // the state of the event's offer to waits
	again    bool                    // the handlers want the source to redeliver the event
	undone   bool                    // the event must be handled again
	cut      bool                    // a stop has ended a wait of the handler
	handed   bool                    // the event is a press, and its consumer answers it
	quiet    bool                    // Pending does not count it
	outside  bool                    // it has no place among MaxEvents
	rested   bool                    // the handler waits, or has waited
	gone     func()                  // called once, when the handler has ended or waits; may be nil
	resting  chan struct{}           // closed once it is rested; made on demand
	whenDone []func(context.Context) // see onDone

	erased  atomic.Bool // Dispatcher.Erase ends it: it must not begin
	exited  atomic.Bool // it was logged that a handler ended its goroutine
	presses atomic.Bool // consumed contains a press: lets answerRest avoid the lock
}

// An ending is the outcome of a job.
type ending uint8

const (
	notEnded ending = iota
	handled         // its handlers have returned, or were abandoned
	cutOff          // a stop has cut its handlers off
	skipped         // its handlers have not begun, because of a stop
)

// undone reports whether the event must be handled again.
func (e ending) undone() bool { return e == cutOff || e == skipped }

// A settlement is the outcome of an event once its handlers have ended, and
// those of the events that consumed it.
type settlement uint8

const (
	unsettled     settlement = iota
	isHandled                // it is not handled again
	isRedelivered            // its handlers want its source to redeliver it
	notHandled               // it must be handled again
)

// An exit is the remaining state of a job that has ended.
type exit struct {
	how            ending
	settled        settlement // of the event; unsettled if an unfinished handler has consumed it
	consumed       []*job     // as in job
	quiet, outside bool       // as in job
}

// end records the outcome of a job.
func (j *job) end(how ending, err error) exit {
	again := j.repeats && asksAgain(err)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.cut && how == handled {
		how = cutOff
	}
	j.ending, j.err, j.again = how, err, again
	j.undone = j.undone || how.undone()
	x := exit{how, j.settlement(), j.consumed, j.quiet, j.outside}
	j.consumed = nil
	return x
}

// settlement returns the event's settlement. The caller holds j.mu.
func (j *job) settlement() settlement {
	switch {
	case j.ending == notEnded || j.takers > 0:
		return unsettled
	case j.undone:
		return notHandled
	case j.again:
		return isRedelivered
	}
	return isHandled
}

// hasEnded reports whether the handlers have ended or were abandoned.
func (j *job) hasEnded() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.ending != notEnded
}

// An offerState is the state of the offer of a job's event to waits.
type offerState uint8

const (
	notOffered offerState = iota
	offerDeclined
	offerConsumed
)

// markOffered marks the event as offered, and returns the state before. From
// then on the event counts as declined, unless a wait consumes it.
func (j *job) markOffered() (before offerState) {
	j.mu.Lock()
	defer j.mu.Unlock()
	before = j.offered
	if before == notOffered {
		j.offered = offerDeclined
	}
	return before
}

// consume makes j responsible for the event of another job: if j is cut off,
// both events are handled again. It returns false if one of the jobs has ended.
func (j *job) consume(of *job) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.ending != notEnded || !of.lend() {
		return false
	}
	j.consumed = append(j.consumed, of)
	if of.ev.press != nil {
		j.presses.Store(true)
	}
	return true
}

// lend records that another job consumes the event of j, until release.
func (j *job) lend() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.ending != notEnded {
		return false // abandoned while a wait examined its event
	}
	j.takers++
	j.offered = offerConsumed
	return true
}

// release records the outcome of a job that has consumed the event of j. It
// returns the event's settlement, or unsettled.
func (j *job) release(how ending) settlement {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.undone = j.undone || how.undone()
	j.takers--
	return j.settlement()
}

// noteCut records that a stop has ended a wait of the handler.
func (j *job) noteCut() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.cut = true
}

// onDone registers f to be called once the event of j is done and the next run
// would not handle it again. If the event does not become done in this run, f
// is not called. f must not use the journal. With such a function, the event is
// marked as done in the Store at once.
func (j *job) onDone(f func(ctx context.Context)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.whenDone = append(j.whenDone, f)
}

// afterDone removes and returns the functions of onDone, if the event is
// handled.
func (j *job) afterDone(s settlement) []func(context.Context) {
	if s != isHandled {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	all := j.whenDone
	j.whenDone = nil
	return all
}

// leavePace tells the replay that the handler has ended or waits.
func (j *job) leavePace() {
	j.mu.Lock()
	gone := j.gone
	j.gone = nil
	j.mu.Unlock()
	if gone != nil {
		gone()
	}
}

// rest returns a channel that is closed once the handler waits for something,
// or has waited. If a handler has consumed the event, the channel is closed
// once that handler waits again.
func (j *job) rest() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.resting == nil {
		j.resting = make(chan struct{})
		if j.rested {
			close(j.resting)
		}
	}
	return j.resting
}

// rests records that the handler waits.
func (j *job) rests() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.rested {
		j.rested = true
		if j.resting != nil {
			close(j.resting)
		}
	}
}

// asksAgain reports whether handlers that ended with err want their event to be
// redelivered.
func asksAgain(err error) bool {
	if err == nil {
		return false
	}
	var again comesAgain
	return errors.As(err, &again) && again.comesAgain()
}

// isUndone reports whether a settled event must be handled again.
func (j *job) isUndone() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.undone
}

// isRefused reports whether the event of a settled job was not admitted: the
// Store failed, or the Dispatcher had MaxEvents.
func (j *job) isRefused() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.ending == skipped && j.err != nil && !errors.Is(j.err, ErrStopped)
}

// outcome returns the error of the handlers of a settled event. It is
// ErrStopped if the event must be handled again.
func (j *job) outcome() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.undone {
		return ErrStopped
	}
	return j.err
}

// Run implements stacks.Runner: it passes the event to the handler.
func (j *job) Run() error {
	c := newContext(j.ctx, j.client, j.ev, j)
	defer j.answerRest()
	j.d.waits.show(j)
	if j.d.waits.bare.Load() > 0 && c.askBare() {
		return nil
	}
	if r, ok := j.d.Handler.(*Router); ok {
		return r.Serve(c) // makes an invocation of each listener and of the route
	}
	return c.invoke("", j.d.Handler.Serve, nil)
}

// askBare asks the waits outside of Routers. It is a function of its own so that a
// destination is not on the stack of each handler.
//
//go:noinline
func (c *Context) askBare() bool { return c.ask(destination{}, true) }

// A coroner logs abandoned handlers, with their stacks. One look at all
// goroutines finds the stacks of all handlers abandoned before it.
//
// The runtime cannot read the stack of a single goroutine (see package stacks),
// so a look takes time for each goroutine that exists: half a second of one
// processor with 100,000 parked handlers. Therefore a look comes after the
// handlers were given up, and no conversation waits for it. Looks take at most
// a tenth of one processor, independent of the number of goroutines and
// abandoned handlers. Unused time is saved up to lookSaved. Once it is used up,
// the coroner rests before the next look, and the log lines are late.
type coroner struct {
	find func([]lostHandler) (stacks map[uint32]string, err error) // by the marks of the jobs

	mu    sync.Mutex
	cases []lostHandler
	done  chan struct{} // closed when there are no cases; nil if there is no look
	hurry chan struct{} // closed when a caller waits for done; nil if there is no look
	paid  time.Time     // when the looks so far amount to a tenth of the time
}

const (
	lookShare = 10              // looks take at most one part in lookShare of the time
	lookSaved = 2 * time.Second // the time that looks may take without a rest
)

// A lostHandler is a handler that was abandoned.
type lostHandler struct {
	job  *job
	name string
}

// take gives up the handlers, with giveUp, and logs them, on this goroutine or
// on the one that is already logging. After the call of giveUp, wait waits for
// their log lines.
func (k *coroner) take(cases []lostHandler, giveUp func()) {
	k.mu.Lock()
	k.cases = append(k.cases, cases...)
	first := k.done == nil
	if first {
		k.done, k.hurry = make(chan struct{}), make(chan struct{})
	}
	k.mu.Unlock()
	giveUp()
	if !first {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for len(k.cases) > 0 {
		rest, hurry := time.Until(k.paid.Add(-lookShare*lookSaved)), k.hurry
		k.mu.Unlock()
		pauseUnless(hurry, rest)
		k.mu.Lock()
		cases = k.cases
		k.cases = nil
		k.mu.Unlock()
		begin := time.Now()
		found, err := k.find(cases)
		took := time.Since(begin)
		logLost(cases, found, err)
		k.mu.Lock()
		if k.paid.Before(begin) {
			k.paid = begin
		}
		k.paid = k.paid.Add(lookShare * took)
	}
	close(k.done)
	k.done, k.hurry = nil, nil
}

// pauseUnless waits for d, or until hurry is closed.
func pauseUnless(hurry <-chan struct{}, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-hurry:
	}
}

// wait blocks until all abandoned handlers are logged. The coroner does not
// rest meanwhile.
func (k *coroner) wait() {
	k.mu.Lock()
	done := k.done
	if done != nil {
		select {
		case <-k.hurry:
		default:
			close(k.hurry)
		}
	}
	k.mu.Unlock()
	if done != nil {
		<-done
	}
}

// findLost returns the stacks by the marks of the jobs.
func findLost(cases []lostHandler) (map[uint32]string, error) {
	marks := make([]uint32, len(cases))
	for i, c := range cases {
		marks[i] = c.job.mark
	}
	return stacks.Find(marks)
}

func logLost(cases []lostHandler, found map[uint32]string, err error) {
	for _, c := range cases {
		stack := found[c.job.mark]
		switch {
		case stack != "":
		case err != nil:
			stack = err.Error()
		default:
			stack = "not found: the handler has just returned, or its stack has more than 128 calls"
		}
		c.job.log(slog.LevelError, "vk: handler abandoned: it does not end", slog.String("handler", c.name), slog.String("stack", stack))
	}
}

// enter implements turn: each invocation has the full time limit.
func (j *job) enter(in inner) (outer inner) {
	s := j.d.watchdog.Enter(&j.task, watchdog.Section{Name: in.name, Context: in.ctx})
	return inner{s.Name, s.Context}
}

// leave implements turn.
func (j *job) leave(outer inner) {
	j.d.watchdog.Leave(&j.task, watchdog.Section{Name: outer.name, Context: outer.ctx})
}

// report implements turn.
func (j *job) report(err error) {
	if errors.Is(err, errGoexit) {
		j.exited.Store(true)
	}
	logFailure(err, j.log)
}

// log logs with attributes that identify the event.
func (j *job) log(level slog.Level, msg string, attrs ...slog.Attr) {
	attrs = append(attrs, slog.String("kind", j.ev.Kind), slog.String("event", j.ev.ID), slog.Int64("peer", j.ev.head.peer))
	j.d.logger().LogAttrs(j.ctx, level, msg, attrs...)
}

// A laneKey names a lane: a conversation, or its substitute. Each community has
// its own lanes, because it numbers its chats independently.
type laneKey struct {
	group int64
	peer  int64
	kind  string // if there is no peer
}

// laneOf returns the lane of an event: its conversation, or else the dialog
// with the user who caused it, or else the lane of its kind.
func laneOf(e *Event) laneKey {
	peer := cmp.Or(e.head.peer, e.head.from)
	if peer == 0 {
		return laneKey{group: e.GroupID, kind: e.Kind}
	}
	return laneKey{group: e.GroupID, peer: peer}
}
