package vk

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/alarm"
	"github.com/vkrouter/vk/internal/lazyctx"
	"github.com/vkrouter/vk/internal/trail"
)

// A wait consumes events for a handler.
type wait struct {
	stay
	c    *Context // the Context of the handler
	key  Key      // the conversation and user of the events
	kind string   // "" for a question
	bare bool     // the handler is outside of any Router: such waits are asked first
	most int      // the limit of queue
	once bool     // it consumes at most one event
	seq  uint64

	// look examines an event for the wait. It is called without a lock, on a
	// goroutine of the event's handlers.
	look func(c *Context, to destination) (finding, error)

	unbind func() // unregisters from the module's lifetime

	// The events that the wait consumes are steps of the handler, if steps is
	// not nil.
	steps  *trail.Trail
	step   trail.Key
	decode func(e *Event) (v any, err error) // computes the result of look again; nil for a question

	// Guarded by the mu of the waits.
	due     time.Time // zero for never
	aged    bool      // due comes from the Dispatcher's MaxAge
	count   uint64    // of consumed events and ends
	endKept bool      // its end is among the steps
	queue   []consumption
	used    bool     // it has consumed an event
	full    bool     // that was logged
	over    error    // the reason for its end, or nil
	asleep  *sleeper // the first in a list
}

// A finding is the result of a wait's look at an event.
type finding struct {
	verdict verdict
	text    string // the answer to a question, in place of the event's text
	v       any
}

type verdict uint8

const (
	ignores    verdict = iota
	consumes           // the handler waits for this event
	interrupts         // the event ends the wait, and goes on to its destination
)

// A consumption is an event that a wait has consumed.
type consumption struct {
	c *Context
	v any
}

// A sleeper is a goroutine blocked in a wait. It waits for nothing else, because
// a select would need more memory for each of its channels.
type sleeper struct {
	of    *wait
	bell  alarm.Bell[*sleeper] // for when it wakes up at the latest
	woken sync.Cond            // awake has changed; L is the mu of the waits
	awake bool
	next  *sleeper // in the list of the wait
}

// start makes w consume events from now on, until stop.
func (w *wait) start() error {
	j := jobOf(w.c)
	if j == nil {
		return ErrNoDispatcher
	}
	if w.c.ctx.Err() != nil {
		return context.Cause(w.c.ctx)
	}
	w.stay = stay{job: j, end: w.fail}
	w.bare = !w.c.inv.inRouter()
	ws := &j.d.waits
	if err := ws.begin(&w.stay); err != nil {
		return err
	}
	recalled := w.recall()
	ws.mu.Lock()
	w.queue, w.used = recalled, len(recalled) > 0
	if ws.by == nil {
		ws.by = make(map[int64][]*wait)
	}
	ws.last++
	w.seq = ws.last
	ws.by[w.key.Peer] = append(ws.by[w.key.Peer], w)
	ws.counter(w).Add(1)
	ws.mu.Unlock()
	w.unbind = w.c.inv.lifetime().OnEnd(w.fail)
	return nil
}

func (ws *waits) counter(w *wait) *atomic.Int64 {
	if w.bare {
		return &ws.bare
	}
	return &ws.routed
}

// stop ends w: it consumes no more events. It may be called more than once.
func (w *wait) stop() {
	if w.job == nil {
		return // never started
	}
	ws := &w.job.d.waits
	ws.mu.Lock()
	if _, on := ws.stays[&w.stay]; on {
		delete(ws.stays, &w.stay)
		ws.counter(w).Add(-1)
		list := slices.DeleteFunc(ws.by[w.key.Peer], func(other *wait) bool { return other == w })
		if len(list) == 0 {
			delete(ws.by, w.key.Peer)
		} else {
			ws.by[w.key.Peer] = list
		}
		w.fails(errHandled)
	}
	ws.mu.Unlock()
	if w.unbind != nil {
		w.unbind()
	}
}

// hasConsumed reports whether w has consumed an event.
func (w *wait) hasConsumed() bool {
	mu := &w.job.d.waits.mu
	mu.Lock()
	defer mu.Unlock()
	return w.used
}

// fail ends w: next returns the events that w has consumed, and then the error.
func (w *wait) fail(why error) {
	mu := &w.job.d.waits.mu
	mu.Lock()
	defer mu.Unlock()
	w.fails(why)
}

// interrupt ends w because another event comes first. It reports whether the
// handler goes on because of that, as soon as it can have its turn.
func (w *wait) interrupt() (goesOn bool) {
	mu := &w.job.d.waits.mu
	mu.Lock()
	defer mu.Unlock()
	return w.fails(ErrInterrupted)
}

// fails is fail and interrupt for callers that hold the lock.
func (w *wait) fails(why error) (goesOn bool) {
	if w.over != nil {
		return false
	}
	w.over = why
	for w.wake() {
		goesOn = !w.job.isParked()
	}
	return goesOn
}

// wake wakes the first sleeper. It reports whether there was one. The caller
// holds the lock.
func (w *wait) wake() bool {
	s := w.asleep
	if s == nil {
		return false
	}
	s.wake()
	return true
}

// wake wakes s, unless it is awake. The caller holds the lock.
func (s *sleeper) wake() {
	if s.awake {
		return
	}
	s.awake = true
	at := &s.of.asleep
	for *at != s {
		at = &(*at).next
	}
	*at = s.next
	s.woken.Signal()
	s.of.job.unpark(true)
}

// await blocks until s is awake.
func (s *sleeper) await() {
	s.woken.L.Lock()
	defer s.woken.L.Unlock()
	for !s.awake {
		s.woken.Wait()
	}
}

// Cancel implements lazyctx.Canceler: it wakes s.
func (s *sleeper) Cancel(error) {
	mu := &s.of.job.d.waits.mu
	mu.Lock()
	defer mu.Unlock()
	s.wake()
}

// Ring implements alarm.Ringer: it wakes s.
func (s *sleeper) Ring() { s.Cancel(nil) }

// next returns the next event that w has consumed. It blocks until there is one
// or w ends. Meanwhile the handler gives up its turn.
func (w *wait) next() (consumption, error) {
	for {
		switch got, is, err := w.receive(); is {
		case received:
			return got, nil
		case closed:
			return consumption{}, err
		}
		w.job.answerPresses(w.c.ctx)
		w.job.saveTrail(w.c.ctx)           // a failure is retried
		if s := w.fallAsleep(); s != nil { // nil if an event has arrived meanwhile
			w.sleep(s)
		}
	}
}

// A reception is the state of a wait for a goroutine that waits for an event.
type reception uint8

const (
	pending  reception = iota // no event yet
	received                  // there is an event
	closed                    // there will be no more events
)

// receive returns the first event that w has consumed. If there is none and
// there will be none, it returns the reason.
func (w *wait) receive() (consumption, reception, error) {
	mu := &w.job.d.waits.mu
	mu.Lock()
	defer mu.Unlock()
	if len(w.queue) > 0 {
		first := w.queue[0]
		w.queue = w.queue[1:]
		return first, received, nil
	}
	err := w.ended()
	if err == nil {
		return consumption{}, pending, nil
	}
	if errors.Is(err, ErrStopped) {
		w.job.noteCut()
	}
	w.keepEnd(err)
	return consumption{}, closed, err
}

// fallAsleep parks the handler. It returns nil, and does nothing, if there is
// an event or an end to receive.
func (w *wait) fallAsleep() *sleeper {
	mu := &w.job.d.waits.mu
	mu.Lock()
	defer mu.Unlock()
	if len(w.queue) > 0 || w.ended() != nil || !w.job.park(true) {
		return nil
	}
	s := &sleeper{of: w}
	s.woken.L = mu
	at := &w.asleep
	for *at != nil {
		at = &(*at).next
	}
	*at = s
	if s.bell.Value = s; !w.due.IsZero() {
		w.job.d.waits.alarm.Set(&s.bell, w.due)
	}
	return s
}

// sleep blocks until s is woken or due, or the handler's context is done, and
// then until the handler has its turn back.
func (w *wait) sleep(s *sleeper) {
	resumed := w.job.tellParked()
	bond := lazyctx.Notify(w.c.ctx, s)
	s.await()
	bond.Release()
	w.job.d.waits.alarm.Remove(&s.bell)
	w.job.back()
	resumed()
}

// ended returns the reason why there will be no more events, or nil. The caller
// holds the lock.
func (w *wait) ended() error {
	switch {
	case w.over != nil:
		return w.over
	case w.c.ctx.Err() != nil:
		return context.Cause(w.c.ctx)
	case w.job.hasEnded():
		return errHandled
	case !w.due.IsZero() && !time.Now().Before(w.due):
		if w.aged {
			return &AgeError{w.job.d.maxAge()}
		}
		return ErrNoAnswer
	}
	return nil
}

// offer implements turn: it offers the event to the handlers that wait for one.
// If no wait consumes the event, its destination is to.
//
// An event is offered once. If one handler passes it to several Routers, the
// first Router offers it. If it is consumed then, it is consumed for the others
// too.
func (j *job) offer(c *Context, to destination) (consumed bool) {
	if c.event != j.ev {
		return false // an event that was consumed before, passed to a Router: it is not offered again
	}
	switch j.markOffered() {
	case offerDeclined:
		return false
	case offerConsumed:
		return true
	}
	if j.d.ending.Load() && j.d.isCut(laneOf(j.ev)) {
		j.noteCut() // it may be for the handler that was cut off
		return true
	}
	if j.d.waits.routed.Load() == 0 {
		return false
	}
	return c.ask(to, false)
}

// ask asks the waits, in the order in which they began. It reports whether one
// has consumed the event.
func (c *Context) ask(to destination, bare bool) (consumed bool) {
	j := jobOf(c)
	yield := false
	for _, w := range j.d.waits.candidates(j.ev, bare) {
		f, err := w.look(c, to)
		switch {
		case err != nil:
			w.fail(err)
		case f.verdict == consumes && w.wasStopped():
			j.noteCut() // the next run has both events
			return true
		case f.verdict == consumes && w.consume(j, f):
			return true
		case f.verdict == interrupts:
			if w.interrupt() && laneOf(w.job.ev) == laneOf(j.ev) {
				yield = true
			}
		}
	}
	if yield {
		j.yield() // the interrupted handler ends before this event's handler begins
	}
	return false
}

// candidates returns the waits that may consume the event.
func (ws *waits) candidates(e *Event, bare bool) (list []*wait) {
	var full []*wait
	defer func() {
		for _, w := range full {
			w.job.logFull(w.kind)
		}
	}()
	ws.mu.Lock()
	defer ws.mu.Unlock()
	peer := laneOf(e).peer
	add := func(of []*wait) {
		for _, w := range of {
			switch {
			case w.bare != bare || !w.wants(e):
			case w.able(), w.over == ErrStopped:
				list = append(list, w)
			case len(w.queue) >= w.most && !w.full:
				w.full = true
				full = append(full, w)
			}
		}
	}
	add(ws.by[0])
	if peer != 0 {
		anywhere := len(list)
		add(ws.by[peer])
		if anywhere > 0 && anywhere < len(list) {
			slices.SortFunc(list, func(a, b *wait) int { return cmp.Compare(a.seq, b.seq) })
		}
	}
	return list
}

// wants reports whether the event has the user, the kind and the community of
// w. The community matters because other communities may have the same user,
// and chats with the same number.
func (w *wait) wants(e *Event) bool {
	if e.GroupID != w.c.event.GroupID {
		return false
	}
	if w.key.User != 0 && w.key.User != e.head.from {
		return false
	}
	if w.kind == "" {
		return e.Kind == string(EventMessageNew) || e.Kind == string(EventMessageEvent)
	}
	return w.kind == e.Kind || w.kind == e.Derived
}

// able reports whether w can consume an event. The caller holds the lock.
func (w *wait) able() bool {
	return w.ended() == nil && len(w.queue) < w.most && !(w.once && w.used)
}

// wasStopped reports whether a stop has ended w while its handler still waits
// for the event. The handler waits for it again in the next run.
func (w *wait) wasStopped() bool {
	mu := &w.job.d.waits.mu
	mu.Lock()
	defer mu.Unlock()
	return w.over == ErrStopped && !(w.once && w.used)
}

// consume gives the event of j to w. The job of w is then responsible for it:
// see job.consume. It reports whether w could consume the event.
func (w *wait) consume(j *job, f finding) bool {
	mu := &w.job.d.waits.mu
	mu.Lock()
	defer mu.Unlock()
	if !w.able() || !w.job.consume(j) {
		return false
	}
	e := j.ev
	if w.kind == "" {
		own := *e
		own.head.text = f.text
		e = &own
	}
	w.used = true
	w.keep(appendTaken(j.ev, f.text))
	w.queue = append(w.queue, consumption{w.c.answerContext(e, j.client), f.v})
	w.wake()
	j.handOver(w.job)
	return true
}

// answerContext returns the Context for an event that a handler has waited for.
// Messages sent with it count for the event and for the handler.
func (c *Context) answerContext(e *Event, client *Client) *Context {
	a := newContext(c.ctx, client, e, c.inv.turn)
	a.inv.name = "answer to " + c.event.ID
	a.inv.outer, a.inv.via = c.inv, c.via
	return a
}

// logFull logs that a Watch has too many events and ignores others.
func (j *job) logFull(kind string) {
	j.log(slog.LevelWarn, "vk: a Watch has too many unread events: further events go on to their routes", slog.String("watch", kind), slog.Int("events", maxKept))
}

// maxKept is the number of events that a Watch keeps for Next.
const maxKept = 1024

// untake removes a consumed event that is about to be settled, and makes the end of j wait
// for that. It returns false for an unanswered press, and for an event removed already.
func (j *job) untake(of *job) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	at := slices.Index(j.consumed, of)
	if at < 0 || of.spins() {
		return false
	}
	j.consumed = slices.Delete(slices.Clone(j.consumed), at, at+1)
	j.steps.answered.Add()
	return true
}
