package vk

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Park runs wait without the handler's turn: meanwhile the events of its
// conversation go on, its worker serves others, it has no place among
// [Dispatcher.MaxEvents], and its time limit stands still. Then the handler goes
// on, before any event of the conversation that has not begun, with all of its
// time limit. Park returns what wait returns.
//
// It is for a handler that waits for something, not for one that works; for an
// event, [Wait] is better. The function must return when c ends, which it does
// also when the bot stops, with cause [ErrStopped], and when the handler's
// module is unmounted, with cause [ErrUnmounted]. If one of that has come to
// pass before, Park returns the cause, and does not call wait.
//
// While several goroutines of a handler wait, with Park or otherwise, the turn
// is given up until the last of them goes on. Outside of a [Dispatcher] there
// is no turn, and wait is just called.
func (c *Context) Park(wait func() error) error {
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	j := jobOf(c)
	if j == nil {
		return wait()
	}
	stay := &stay{job: j, end: func(why error) { j.d.watchdog.Cancel(&j.task, why) }}
	if err := j.d.waits.begin(stay); err != nil {
		return err
	}
	defer j.d.waits.finish(stay)
	defer c.inv.lifetime().onEnd(stay.end)()
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx) // unmounted
	}
	j.answerPresses(c.ctx)
	if j.park(true) {
		resumed := j.tellParked()
		defer func() {
			j.unpark(true)
			j.back()
			resumed()
		}()
	}
	return wait()
}

// jobOf returns the Dispatcher's job that c belongs to, or nil outside of a
// Dispatcher.
func jobOf(c *Context) *job {
	j, _ := c.inv.turn.(*job)
	return j
}

// lifetime returns that of the handler's module.
func (i *invocation) lifetime() *lifetime {
	for ; i != nil; i = i.outer {
		if i.life != nil {
			return i.life
		}
	}
	return nil
}

// inRouter reports whether a Router runs the invocation.
func (i *invocation) inRouter() bool {
	for ; i != nil; i = i.outer {
		i.mu.Lock()
		in := i.router != nil
		i.mu.Unlock()
		if in {
			return true
		}
	}
	return false
}

// park notes that a goroutine of the handler waits, or only steps aside: the first
// one gives up the turn. It reports false, and does nothing, if the handler has ended.
func (j *job) park(waits bool) bool {
	rested, ok := j.parks(waits)
	if rested {
		j.leavePace()
		j.rests()
		for _, of := range j.taken() {
			of.rests()
		}
	}
	return ok
}

// taken returns the jobs of the events that the handler has consumed.
func (j *job) taken() []*job {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.consumed)
}

// parks is park without telling others. It reports whether the handler does nothing
// but wait now.
func (j *job) parks(waits bool) (rested, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.ending != notEnded {
		return false, false
	}
	j.parked++
	if !waits {
		j.busy++
	}
	j.recount()
	if j.parked == 1 {
		j.d.watchdog.Park(&j.task)
		j.seen.park()
		if !j.outside {
			<-j.d.room // does not block: the job has a place
			j.outside = true
		}
		j.turn.Park()
	}
	return j.quiet, true
}

// unpark notes that a goroutine of the handler waits no more. When the last one
// does, the turn comes back, before anything else that is to come in the lane.
// The goroutine itself calls back then. unpark does not wait.
func (j *job) unpark(waits bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.ending != notEnded {
		return
	}
	j.parked--
	if !waits {
		j.busy--
	}
	j.recount()
	if j.parked > 0 {
		return
	}
	select {
	case j.d.room <- struct{}{}:
		j.outside = false
	default: // it goes on all the same: no more than there are workers do
	}
	j.turn.Wake()
}

// recount updates whether the job is pending: it is, unless its handler waits. The
// caller holds j.mu.
func (j *job) recount() {
	quiet := j.parked > 0 && j.busy == 0
	if quiet != j.quiet && j.suspect != nil {
		j.suspect.Calm(quiet)
	}
	switch {
	case quiet && !j.quiet:
		j.d.count.Add(-1)
	case !quiet && j.quiet:
		j.d.count.Add(1)
	}
	j.quiet = quiet
}

// isParked reports whether the handler waits.
func (j *job) isParked() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.parked > 0
}

// back blocks until the handler has its turn again, if it is to have it.
func (j *job) back() {
	j.turn.Wait()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.parked == 0 && j.ending == notEnded {
		j.d.watchdog.Unpark(&j.task)
		j.seen.unpark()
	}
}

// yield lets those handlers go first that were woken in the lane.
func (j *job) yield() {
	if j.park(false) {
		j.unpark(false)
		j.back()
	}
}

// answerPresses answers the presses that the handler has to answer and has not:
// no button is to spin while it waits.
func (j *job) answerPresses(ctx context.Context) {
	for _, of := range j.unanswered() {
		if err := newContext(ctx, of.client, of.ev, j).Answer(); err != nil {
			j.report(err)
		}
	}
}

// answerRest answers the presses that the handler has not answered when it
// returns: a button would spin for a minute.
func (j *job) answerRest() {
	if j.ev.press == nil && !j.presses.Load() {
		return
	}
	for _, of := range j.unanswered() {
		c := newContext(j.ctx, of.client, of.ev, j)
		if err := c.invoke("unanswered press", (*Context).Answer, nil); err != nil {
			j.report(err)
		}
	}
}

// unanswered returns the presses that are not answered yet and that are the
// handler's to answer: its own, unless another handler has consumed it and
// answers it, and those that it has consumed.
func (j *job) unanswered() (presses []*job) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.spins() && !j.handed {
		presses = append(presses, j)
	}
	for _, of := range j.consumed {
		if of.spins() {
			presses = append(presses, of)
		}
	}
	return presses
}

// handOver leaves the answer of a press to the handler that has consumed it, if
// that is about to go on. Otherwise the Dispatcher answers.
func (j *job) handOver(to *job) {
	handed := !to.isParked()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.handed = handed
}

// spins reports whether the event is a press that is not answered.
func (j *job) spins() bool {
	return j.ev.press != nil && j.client != nil && !j.ev.press.answered.Load()
}

// An onlooker sees the events of a Dispatcher, and keeps those that match. It
// takes them from nobody.
type onlooker struct {
	d    *Dispatcher
	ctx  context.Context
	name string // of the invocations that its Contexts are of
	key  Key
	kind string
	due  time.Time // zero for never
	look func(c *Context) (v any, ok bool, err error)
	free func() bool // from ctx

	news chan struct{} // holds an element while there may be something in queue

	mu    sync.Mutex
	queue []consumption
	full  bool  // that was logged
	over  error // why it has ended, or nil
	done  chan struct{}
}

// start makes o see events from now on, until stop. The Dispatcher has none
// after its end.
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

// fail ends o: next returns what it has kept, and then the error.
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

// endOnlookers ends all of them.
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
	c.inv.name, c.inv.outer = o.name, new(invocation)
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
		j.log(slog.LevelWarn, "vk: a Watch keeps too many events that nobody asks for: it misses others", slog.String("watch", o.kind), slog.Int("events", maxKept))
	}
}

// signal wakes one goroutine in next. The caller holds the lock.
func (o *onlooker) signal() {
	select {
	case o.news <- struct{}{}:
	default:
	}
}

// next returns the next event that o has kept, and blocks until there is one or
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
