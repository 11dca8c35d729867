package vk

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	durable "github.com/vkrouter/vk/internal/journal"
	"github.com/vkrouter/vk/internal/watchdog"
)

// A feed is the stream of events from one source to a Dispatcher.
type feed struct {
	group watchdog.Group // its jobs, for the watchdog

	// settled, if not nil, is called once for each admitted event, on any
	// goroutine. handled is false if the event has not begun, or if a stop has
	// cut off its handler; then the events that this handler consumed are not
	// handled either. The calls come before drain returns, except for an event
	// that a handler of another source's event has consumed.
	settled func(e *Event, handled bool)

	mu      sync.Mutex
	open    int           // unfinished jobs
	skipped int           // jobs dropped before they began
	closed  bool          // it admits no more events
	idle    chan struct{} // closed when open becomes 0; nil if close was not called

	waitless bool                 // its handlers must not wait any more
	cut      map[laneKey]struct{} // lanes in which a stop has cut off a handler: later events there are left for the next run too
}

// isOpen reports whether the feed admits events. A nil feed does not.
func (f *feed) isOpen() bool {
	if f == nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.closed
}

// begin adds a job to the count. It returns false if the feed is closed.
func (f *feed) begin() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.open++
	return true
}

// end removes a settled job from the count.
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

// close closes the feed. It returns a channel that is closed when all its jobs
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

// counts returns the numbers of unfinished jobs, and of jobs dropped before
// they began.
func (f *feed) counts() (open, skipped int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open, f.skipped
}

// logEnd logs that a source has stopped. open is the number of events that were
// open at that time; the line has the numbers of those that were drained and
// that were not handled.
func (f *feed) logEnd(log logger, msg string, open int, attrs ...slog.Attr) {
	_, skipped := f.counts()
	attrs = append(attrs, slog.Int("drained", max(open-skipped, 0)), slog.Int("skipped", skipped))
	log.LogAttrs(context.Background(), slog.LevelInfo, msg, attrs...)
}

// countSkipped returns the number of jobs dropped before they began.
func (f *feed) countSkipped() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.skipped
}

// endWaits records that handlers of the feed must not wait any more.
func (f *feed) endWaits() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waitless = true
}

// isWaitless reports whether handlers of the feed must not wait any more.
func (f *feed) isWaitless() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.waitless
}

// cutAt records that a handler in a lane was cut off, if a stop of the feed did
// that.
func (f *feed) cutAt(lane laneKey) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.waitless {
		return
	}
	if f.cut == nil {
		f.cut = make(map[laneKey]struct{})
	}
	f.cut[lane] = struct{}{}
}

// isCutAt reports whether the events of a lane must not begin, because an
// earlier event must be handled again.
func (f *feed) isCutAt(lane laneKey) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, cut := f.cut[lane]
	return cut
}

// isCut reports whether the current stop has cut off a handler in a lane.
func (d *Dispatcher) isCut(lane laneKey) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(d.feeds, func(f *feed) bool { return f.isCutAt(lane) })
}

// saveAnswers writes the trail of a handler that has ended, if it consumed
// answers that the trail in the Store lacks. If the process dies when only some
// of these events are done, the next run does not mistake an answer for a
// message or for the answer to another question. saveAnswers returns how.
func (j *job) saveAnswers(how ending) ending {
	if how == handled && len(j.taken()) > 0 && j.keepsSteps() {
		j.saveTrail(j.ctx) // if this fails, the answers become done slightly after the handler's event
	}
	if how == handled {
		for _, e := range j.steps.answers { // a previous run may have died before it marked them
			j.d.markDone(j.ctx, e, nil)
		}
	}
	return how
}

// finish ends a job. It settles the job's event and those that the handler has
// consumed, except for events that other handlers still have.
func (d *Dispatcher) finish(j *job, how ending, err error) {
	x := j.end(how, err)
	j.steps.endRetry()
	if x.how == cutOff {
		j.feed.cutAt(laneOf(j.ev))
		if j.keepsSteps() {
			j.writeTrail(j.ctx) // even if it is empty: the event was begun
		}
	}
	j.leavePace()
	if j.item != nil && x.settled == unsettled {
		j.item.Calm(true) // a handler that waits has consumed the event
	}
	defer d.leave(j, x) // deferred in case the Observer ends the goroutine
	j.tellEnded(x.how)
}

// leave settles the events of a job that has ended, and gives up its place.
func (d *Dispatcher) leave(j *job, x exit) {
	if x.how == handled && j.keepsSteps() && !j.isDirty() {
		for _, of := range x.consumed {
			j.steps.answered.Add()
			j.settleAnswer(of)
		}
		x.consumed = nil
	}
	d.settle(j, x.settled)
	for _, of := range x.consumed {
		d.settle(of, of.release(x.how))
	}
	if !x.outside {
		<-d.room
	}
	if !x.quiet {
		d.count.Add(-1)
	}
	j.feed.end(x.how)
}

// settle reports the settlement of j's event to the source, the Store and the
// deduper, unless the event is unsettled.
func (d *Dispatcher) settle(j *job, s settlement) {
	if s == isHandled {
		j.closeTrail()
	}
	switch {
	case s == unsettled:
		return
	case j.item != nil:
		j.settleItem(s)
		return
	case j.timer != nil && s == isHandled:
		j.steps.answered.Then(func() { j.timer.settle(j, isHandled) })
		return
	case j.timer != nil:
		j.timer.settle(j, s)
		return
	case s == isRedelivered && d.dedupe.entryOf(j) != nil:
		s = isHandled // VK got an acknowledgment of the event already
	}
	if f := j.feed.settled; f != nil {
		f(j.ev, s == isHandled)
	}
	if !j.deduped {
		return
	}
	after, entry := j.afterDone(s), d.dedupe.entryOf(j)
	if s == isHandled {
		if safe := j.takeSafe(); entry == nil {
			after = append(after, safe...)
		} else {
			for _, f := range safe {
				entry.kept.WhenStored(f)
			}
		}
	}
	if !d.release(j, s) {
		d.releaseLate(j, entry, after)
		if entry == nil {
			after = nil // it may be redelivered and handled again
		}
	}
	d.dedupe.leave(j, s, after...)
}

// whenSafe registers f to be called once the next run would not repeat the
// steps of j's handlers so far: once the Store has the trail, or has the event
// as done. It does not make the write happen earlier.
func (j *job) whenSafe(f ...func(ctx context.Context)) {
	j.steps.mu.Lock()
	defer j.steps.mu.Unlock()
	j.steps.whenSafe = append(j.steps.whenSafe, f...)
}

// takeSafe removes and returns the functions of whenSafe.
func (j *job) takeSafe() []func(ctx context.Context) {
	j.steps.mu.Lock()
	defer j.steps.mu.Unlock()
	all := j.steps.whenSafe
	j.steps.whenSafe = nil
	return all
}

// releaseLate marks an event as done once the Store, which has failed, works
// again. Then it calls after, unless the event has an entry in a journal, which
// calls it.
func (d *Dispatcher) releaseLate(j *job, entry *journalEntry, after []func(context.Context)) {
	key, ttl := doneKey(j.ev), dedupeTTL
	if entry != nil || d.expect(j.ev) {
		ttl = durable.KeepDone
	}
	if entry != nil {
		after = nil
	}
	d.dedupe.late.Add(j.ctx, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, storeTime)
		defer cancel()
		_, err := d.guarded().Swap(ctx, key, nil, durable.DoneValue, ttl)
		if err == nil {
			d.storeWorked(ctx)
		}
		return err
	}, after...) // if there is no room, the event may be handled again when it is redelivered
}

// isRunning reports whether an event is being handled.
func (c *deduper) isRunning(e *Event) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running[idOf(e)] != nil
}

// An onlooker sees the events of a Dispatcher, and keeps those that match. It
// does not consume them.
type onlooker struct {
	d    *Dispatcher
	ctx  context.Context
	name string // of the invocations of its Contexts
	key  Key
	kind string
	due  time.Time // zero for never
	look func(c *Context) (v any, ok bool, err error)
	free func() bool // stops watching ctx

	news chan struct{} // holds an element while queue may be nonempty

	mu    sync.Mutex
	queue []consumption
	full  bool  // that was logged
	over  error // the reason for its end, or nil
	done  chan struct{}
}

// start makes o see events from now on, until stop. Once o has ended, the
// Dispatcher no longer holds it.
func (o *onlooker) start() error {
	o.d.init()
	o.d.mu.Lock()
	stopped := o.d.stopped
	o.d.mu.Unlock()
	switch {
	case stopped:
		return ErrStopped
	case o.ctx.Err() != nil:
		return context.Cause(o.ctx)
	}
	o.news, o.done = make(chan struct{}, 1), make(chan struct{})
	ws := &o.d.waits
	ws.mu.Lock()
	ws.last++
	o.name = "watch " + strconv.FormatUint(ws.last, 10)
	ws.onlookers = append(ws.onlookers, o)
	ws.looking.Add(1)
	ws.mu.Unlock()
	o.free = context.AfterFunc(o.ctx, func() { o.fail(context.Cause(o.ctx)) })
	return nil
}

// stop ends o. It may be called more than once.
func (o *onlooker) stop() {
	o.free()
	o.fail(errHandled)
}

// fail ends o: next returns the events that o has kept, and then the error.
func (o *onlooker) fail(why error) {
	ws := &o.d.waits
	ws.mu.Lock()
	if i := slices.Index(ws.onlookers, o); i >= 0 {
		ws.onlookers = slices.Delete(ws.onlookers, i, i+1)
		ws.looking.Add(-1)
	}
	ws.mu.Unlock()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.over == nil {
		o.over = why
		close(o.done)
	}
}

// show shows the event of j to the onlookers.
func (ws *waits) show(j *job) {
	if ws.looking.Load() == 0 {
		return
	}
	ws.mu.Lock()
	list := slices.Clone(ws.onlookers)
	ws.mu.Unlock()
	for _, o := range list {
		if o.wants(j.ev) {
			o.see(j)
		}
	}
}

// endOnlookers ends all onlookers.
func (ws *waits) endOnlookers(why error) {
	ws.mu.Lock()
	list := slices.Clone(ws.onlookers)
	ws.mu.Unlock()
	for _, o := range list {
		o.fail(why)
	}
}

func (o *onlooker) wants(e *Event) bool {
	switch {
	case o.kind != e.Kind && o.kind != e.Derived,
		o.key.Group != 0 && o.key.Group != e.GroupID,
		o.key.Peer != 0 && o.key.Peer != e.head.peer,
		o.key.User != 0 && o.key.User != e.head.from:
		return false
	}
	return true
}

// see keeps the event of j if it matches.
func (o *onlooker) see(j *job) {
	if !o.due.IsZero() && !time.Now().Before(o.due) {
		o.fail(ErrNoAnswer)
		return
	}
	c := newContext(o.ctx, j.client, j.ev, noTurn{})
	c.inv.name, c.inv.outer = o.name, &invocation{match: &unmatched}
	v, ok, err := o.look(c)
	if err != nil {
		o.fail(err)
		return
	}
	if !ok {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.over != nil:
	case len(o.queue) < maxKept:
		o.queue = append(o.queue, consumption{c, v})
		o.signal()
	case !o.full:
		o.full = true
		j.log(slog.LevelWarn, "vk: a Watch has too many unread events: it misses further events", slog.String("watch", o.kind), slog.Int("events", maxKept))
	}
}

// signal wakes one goroutine in next. The caller holds the lock.
func (o *onlooker) signal() {
	select {
	case o.news <- struct{}{}:
	default:
	}
}

// next returns the next event that o has kept. It blocks until there is one or
// o ends.
func (o *onlooker) next() (consumption, error) {
	for {
		got, is, err := o.receive()
		switch is {
		case received:
			return got, nil
		case closed:
			return consumption{}, err
		}
		o.await()
	}
}

func (o *onlooker) receive() (consumption, reception, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) > 0 {
		first := o.queue[0]
		o.queue = o.queue[1:]
		if len(o.queue) > 0 {
			o.signal() // another goroutine may be in next
		}
		return first, received, nil
	}
	switch {
	case o.over != nil:
		return consumption{}, closed, o.over
	case !o.due.IsZero() && !time.Now().Before(o.due):
		return consumption{}, closed, ErrNoAnswer
	}
	return consumption{}, pending, nil
}

// await blocks until something has changed.
func (o *onlooker) await() {
	var late <-chan time.Time
	if !o.due.IsZero() {
		timer := time.NewTimer(time.Until(o.due))
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-o.news:
	case <-o.done:
	case <-late:
	}
}
