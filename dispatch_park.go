package vk

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/alarm"
	"github.com/vkrouter/vk/internal/lifetime"
	"github.com/vkrouter/vk/internal/trail"
)

// Park calls wait while the handler is parked. Meanwhile, the events of its
// conversation go on, its worker serves others, it does not count for
// [Dispatcher.MaxEvents], and its time limit stands still. When wait returns,
// the handler continues before any event of the conversation that has not
// begun, and with its full time limit. Park returns the result of wait.
//
// Use Park in a handler that waits for something, not in one that does work. To
// wait for an event, use [Wait]. The function must return when c is done. That
// also happens when the bot stops, with cause [ErrStopped], and when the
// handler's module is unmounted, with cause [ErrUnmounted]. If one of these has
// happened before, Park returns the cause and does not call wait.
//
// If several goroutines of a handler wait, with Park or otherwise, the handler
// has no turn until the last of them goes on. Outside of a [Dispatcher], there
// is no turn, and Park only calls wait.
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
	defer c.inv.lifetime().OnEnd(stay.end)()
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx) // unmounted
	}
	j.answerPresses(c.ctx)
	j.saveTrail(c.ctx) // a failure is retried
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

// lifetime returns the lifetime of the handler's module, or nil.
func (i *invocation) lifetime() *lifetime.Lifetime {
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

// park records that a goroutine of the handler waits, or only yields: the first
// one gives up the turn. If the handler has ended, park returns false and does
// nothing.
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

// parks is park without telling others. It reports as rested whether the
// handler now only waits.
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

// unpark records that a goroutine of the handler no longer waits. After the
// last one, the turn comes back, before any other event of the lane. The
// goroutine itself then calls back. unpark does not block.
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
	default: // it continues without a place: there are at most as many such jobs as workers
	}
	j.turn.Wake()
}

// recount updates whether the job is pending: it is not while its handler
// waits. The caller holds j.mu.
func (j *job) recount() {
	quiet := j.parked > 0 && j.busy == 0
	if quiet != j.quiet && j.suspect != nil {
		j.suspect.Calm(quiet)
	}
	if quiet != j.quiet && j.item != nil {
		j.item.Calm(quiet)
	}
	switch {
	case quiet && !j.quiet:
		j.d.count.Add(-1)
	case !quiet && j.quiet:
		j.d.count.Add(1)
	}
	j.quiet = quiet
}

// park and unpark record the times when the event has no running handler.
func (s *observedJob) park() {
	if s != nil {
		s.mu.Lock()
		s.parked = time.Now()
		s.mu.Unlock()
	}
}

func (s *observedJob) unpark() {
	if s != nil {
		s.mu.Lock()
		if !s.parked.IsZero() {
			s.still += time.Since(s.parked)
			s.parked = time.Time{}
		}
		s.mu.Unlock()
	}
}

// isParked reports whether the handler waits.
func (j *job) isParked() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.parked > 0
}

// back blocks until the handler has its turn again, if it is to get it.
func (j *job) back() {
	j.turn.Wait()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.parked == 0 && j.ending == notEnded {
		j.d.watchdog.Unpark(&j.task)
		j.seen.unpark()
	}
}

// yield lets the woken handlers of the lane run first.
func (j *job) yield() {
	if j.park(false) {
		j.unpark(false)
		j.back()
	}
}

// answerPresses answers the presses that the handler is responsible for and has
// not answered, so that no button spins while it waits.
func (j *job) answerPresses(ctx context.Context) {
	for _, of := range j.unanswered() {
		if err := newContext(ctx, of.client, of.ev, j).Answer(); err != nil {
			j.report(err)
		}
	}
}

// answerRest answers the presses that the handler has not answered when it
// returns. Otherwise their buttons would spin for a minute.
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

// unanswered returns the unanswered presses that the handler is responsible
// for: its own, unless another handler has consumed it and answers it, and
// those that it has consumed.
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
// that is about to continue. Otherwise the Dispatcher answers.
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

// waits holds the waits of a Dispatcher's handlers.
type waits struct {
	routed, bare atomic.Int64 // the numbers of waits of these kinds
	looking      atomic.Int64 // the number of onlookers

	mu    sync.Mutex
	stays map[*stay]struct{}
	by    map[int64][]*wait // by conversation, 0 for any; the oldest first
	last  uint64

	alarm     alarm.Alarm[*sleeper]
	onlookers []*onlooker // the oldest first
}

// A stay is one parked goroutine, or one wait for events.
type stay struct {
	job *job
	end func(why error)
}

// begin registers a stay, unless the job has ended or its feed is about to end.
func (ws *waits) begin(s *stay) error {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	switch {
	case s.job.feed.isWaitless(), s.job.item != nil && s.job.item.Leaves():
		s.job.noteCut()
		return ErrStopped
	case s.job.hasEnded():
		return errHandled
	}
	if ws.stays == nil {
		ws.stays = make(map[*stay]struct{})
	}
	ws.stays[s] = struct{}{}
	return nil
}

func (ws *waits) finish(s *stay) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	delete(ws.stays, s)
}

// stop ends all stays of a feed, and prevents new ones.
func (ws *waits) stop(f *feed) {
	ws.mu.Lock()
	f.endWaits()
	var ends []func(error)
	for s := range ws.stays {
		if s.job.feed == f {
			ends = append(ends, s.end)
		}
	}
	ws.mu.Unlock()
	for _, end := range ends {
		end(ErrStopped)
	}
}

// A taken is the step of an event that a wait has consumed, or of its end.
type taken struct {
	ev   *Event
	text string // the answer to a question, in place of the event's text
	end  error  // the reason why no event was consumed, or nil
}

// First bytes of the steps of waits.
const (
	stepTaken = 'a' // followed by the length of the text, the text and the event
	stepEnded = 'x' // followed by the number of an error
)

// waitEnds are the errors that end a wait permanently, apart from an AgeError.
var waitEnds = [...]error{ErrNoAnswer, ErrInterrupted, ErrEnded}

// stepAged takes the place of the number for an AgeError.
const stepAged = 255

// appendTaken returns the step of an event that was consumed.
func appendTaken(e *Event, text string) []byte {
	b := append(make([]byte, 0, len(e.Raw)+len(text)+8), stepTaken)
	b = binary.AppendUvarint(b, uint64(len(text)))
	b = append(b, text...)
	return append(b, e.Raw...)
}

// readTaken is the reverse of appendTaken.
func readTaken(value []byte) (t taken, ok bool) {
	switch {
	case len(value) == 2 && value[0] == stepEnded && value[1] == stepAged:
		return taken{end: new(AgeError)}, true
	case len(value) == 2 && value[0] == stepEnded && int(value[1]) < len(waitEnds):
		return taken{end: waitEnds[value[1]]}, true
	case len(value) < 2 || value[0] != stepTaken:
		return taken{}, false
	}
	size, n := binary.Uvarint(value[1:])
	rest := value[1+max(n, 0):]
	if n <= 0 || size > uint64(len(rest)) {
		return taken{}, false
	}
	e, err := ParseEvent(json.RawMessage(rest[size:]))
	if err != nil {
		return taken{}, false
	}
	return taken{ev: e, text: string(rest[:size])}, true
}

// endStep returns the step for the end of a wait, or nil if the handler is to
// wait again.
func endStep(err error) []byte {
	if aged := (*AgeError)(nil); errors.As(err, &aged) {
		return []byte{stepEnded, stepAged}
	}
	for i, end := range waitEnds {
		if errors.Is(err, end) {
			return []byte{stepEnded, byte(i)}
		}
	}
	return nil
}

// takenKey returns the key of the n-th event that w consumes, or of its end.
func (w *wait) takenKey(n uint64) trail.Key { return w.step.With(n) }

// keep adds the step of a consumed event, or of the end of w. The caller holds
// the lock of the waits, or is the only user of w.
func (w *wait) keep(value []byte) {
	if w.steps == nil || value == nil {
		return
	}
	w.steps.KeepLarge(w.takenKey(w.count), value)
	w.count++
}

// keepEnd adds the step of the end of w, if the end is permanent. The caller
// holds the lock.
func (w *wait) keepEnd(err error) {
	if !w.endKept {
		w.endKept = true
		w.keep(endStep(err))
	}
}

// recall returns the events that w consumed in a previous run. If w ended in
// that run, recall restores the end.
func (w *wait) recall() (queue []consumption) {
	if w.steps == nil {
		return nil
	}
	for {
		value, ok := w.steps.Get(w.takenKey(w.count))
		if !ok {
			return queue
		}
		t, ok := readTaken(value)
		if !ok {
			return queue
		}
		w.count++
		if t.end != nil {
			w.endKept = true
			if w.over = t.end; errors.Is(t.end, ErrNoAnswer) && t.end != ErrNoAnswer {
				w.over = &AgeError{jobOf(w.c).d.maxAge()}
			}
			return queue
		}
		var v any
		if w.decode != nil {
			v, _ = w.decode(t.ev)
		} else {
			t.ev.head.text = t.text
		}
		queue = append(queue, consumption{w.c.answerContext(t.ev, w.c.client), v})
	}
}

// until sets the time when w ends: the time that a previous run has set, or a
// duration from now. If the duration is not positive, the Dispatcher's MaxAge
// is used.
func (w *wait) until(within time.Duration, key trail.Key) {
	due, aged := time.Time{}, false
	age := time.Duration(-1)
	if j := jobOf(w.c); j != nil {
		age = j.d.maxAge()
	}
	if age > 0 && (within <= 0 || within > age) {
		within, aged = age, true
	}
	if within > 0 && within < forever {
		due = time.Now().Add(within)
	}
	if w.steps != nil {
		if value, ok := w.steps.Get(key); ok && len(value) == 9 {
			due, aged = time.Unix(0, int64(binary.LittleEndian.Uint64(value))), value[8] != 0
		} else if !due.IsZero() {
			value := binary.LittleEndian.AppendUint64(make([]byte, 0, 9), uint64(due.UnixNano()))
			w.steps.Keep(key, append(value, map[bool]byte{true: 1}[aged]))
		}
	}
	if w.job != nil {
		mu := &w.job.d.waits.mu
		mu.Lock()
		defer mu.Unlock()
	}
	w.due, w.aged = due, aged
}
