package discord

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/lifetime"
	"github.com/vkrouter/vk/internal/waits"
)

// Errors with which waiting ends. [ErrStopped] and [ErrUnmounted] are others, and so is
// the cause of a context that ends.
var (
	// ErrNoAnswer is returned by waits that have timed out; see [Within]. It wraps
	// [context.DeadlineExceeded].
	ErrNoAnswer = fmt.Errorf("discord: nothing came in time: %w", context.DeadlineExceeded)

	// ErrInterrupted is returned by a question when the user has run a command instead of
	// answering. The command runs next.
	ErrInterrupted = errors.New("discord: the question was interrupted by a command")

	// ErrCanceled is returned by a question that was answered with a word of [Cancel].
	ErrCanceled = errors.New("discord: the question was canceled")

	// ErrNoDispatcher is returned by waits outside of a [Dispatcher], where no event can
	// come.
	ErrNoDispatcher = errors.New("discord: waiting requires a Dispatcher")

	// errHandled is returned by waits of a handler that has returned.
	errHandled = errors.New("discord: the handler has returned")
)

// A waitSet is the waits of handlers, by the channel of the awaited events.
type waitSet = waits.Waits[ID, consumption]

// A consumption is an event that a wait has consumed.
type consumption struct {
	c *Context
	v any
}

// The waitSets of a Dispatcher are those of handlers in Routers, and those of other
// handlers, which are asked before everything else.
type waitSets struct {
	routed, bare waitSet

	n     atomic.Int64 // of all
	mu    sync.Mutex
	kinds map[string]int // how many want each kind
}

// want reports whether a wait wants events of a kind.
func (s *waitSets) want(kind string) bool {
	if s.n.Load() == 0 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kinds[kind] > 0
}

// count adds to the number of waits that want the kinds.
func (s *waitSets) count(kinds []string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n.Add(int64(n))
	if s.kinds == nil {
		s.kinds = make(map[string]int)
	}
	for _, kind := range kinds {
		if s.kinds[kind] += n; s.kinds[kind] == 0 {
			delete(s.kinds, kind)
		}
	}
}

// A wait consumes events for a handler.
type wait struct {
	waits.Wait[ID, consumption]
	c     *Context // the handler's
	kinds []string
	wants func(e *Event) bool // whether the event is from the right place and user

	// look looks at an event for the wait. It is called without a lock, on a goroutine of
	// the event's handlers. m is the match of a message or an interaction, or nil.
	look func(c *Context, m *match) (finding, error)

	end func() // of its registration; nil if it has not begun
}

// A finding is the result of a wait's look at an event.
type finding struct {
	interest interest
	text     *string // of the answer to a question
	v        any
}

type interest uint8

const (
	ignores    interest = iota
	consumes            // the handler waits for this event
	interrupts          // the event ends the wait, and continues to its destination
)

// start makes w consume events of a channel, or of all, from now on, until stop.
func (w *wait) start(channel ID, due time.Time) error {
	j := w.c.inv.job
	switch {
	case j == nil:
		return ErrNoDispatcher
	case w.c.ctx.Err() != nil:
		return context.Cause(w.c.ctx)
	case j.Ended():
		return errHandled
	case !j.feed.isOpen():
		j.noteCut()
		return ErrStopped
	}
	w.Turn, w.Context, w.Place, w.Owner = j, w.c.ctx, channel, w
	set := &j.d.waits.routed
	if !w.c.inv.inRouter() {
		set = &j.d.waits.bare
	}
	j.d.waits.count(w.kinds, 1)
	set.Start(&w.Wait, due)
	unbind := w.c.inv.lifetime().OnEnd(func(why error) { w.Fail(why) })
	w.end = sync.OnceFunc(func() {
		unbind()
		j.d.waits.count(w.kinds, -1)
		w.Stop()
	})
	return nil
}

// stop ends w: it consumes no more events. It may be called more than once.
func (w *wait) stop() {
	if w.end != nil {
		w.end()
	}
}

// next returns the next event that w has consumed, and blocks until there is one or w
// ends. Meanwhile the handler gives up its turn.
func (w *wait) next() (consumption, error) {
	got, err := w.Next(func() { w.c.inv.job.deferPresses(w.c.ctx) })
	switch {
	case errors.Is(err, waits.ErrLate):
		return got, ErrNoAnswer
	case errors.Is(err, waits.ErrHandled):
		return got, errHandled
	case errors.Is(err, ErrStopped):
		w.c.inv.job.noteCut()
	}
	return got, err
}

// inRouter reports whether a Router runs the invocation: then it has the name of a listener
// or a route.
func (i *invocation) inRouter() bool {
	for ; i != nil; i = i.outer {
		if i.name != "" {
			return true
		}
	}
	return false
}

// isAwaited reports whether a handler waits for events of the kind.
func (c *Context) isAwaited() bool {
	j := c.inv.job
	return j != nil && j.d.waits.want(c.event.Kind)
}

// offer offers the event to the handlers that wait for one, and reports whether
// one has consumed it. Otherwise it continues to the destination that m has, if
// any.
//
// An event is offered once. If one handler passes it to several Routers, the
// first offers it, and if it is consumed then, the others treat it as consumed,
// too.
func (c *Context) offer(m *match) (consumed bool) {
	j := c.inv.job
	if j == nil || c.event != j.ev {
		return false // no handler waits; or it was consumed before, and is given to a Router
	}
	switch j.markOffered() {
	case offerDeclined:
		return false
	case offerConsumed:
		return true
	}
	return j.d.waits.routed.Any() && c.ask(m, &j.d.waits.routed)
}

// ask asks the waits, in the order in which they began, and reports whether one has
// consumed the event.
func (c *Context) ask(m *match, set *waitSet) (consumed bool) {
	j := c.inv.job
	places := []ID{0}
	if channel := j.ev.ChannelID; channel != 0 {
		places = append(places, channel)
	}
	list, full := set.Offered(places...)
	for _, one := range full {
		w := one.Owner.(*wait)
		w.c.inv.job.log(slog.LevelWarn, "discord: a Watch keeps too many events that nobody asks for: others go on to their routes", slog.Any("watch", w.kinds), slog.Int("events", maxKept))
	}
	yield := false
	for _, one := range list {
		w := one.Owner.(*wait)
		if !slices.Contains(w.kinds, j.ev.Kind) || !w.wants(j.ev) {
			continue
		}
		f, err := w.look(c, m)
		switch {
		case err != nil:
			w.Fail(err)
		case f.interest == consumes && w.consume(j, f):
			return true
		case f.interest == interrupts:
			if w.Fail(ErrInterrupted) && laneOf(w.c.inv.job.ev) == laneOf(j.ev) {
				yield = true
			}
		}
	}
	if yield {
		j.yield() // the interrupted handler ends before this event's begins
	}
	return false
}

// consume gives the event of j to w. The job of w then answers for it: see job.consume. It
// reports whether w could consume the event.
func (w *wait) consume(j *job, f finding) bool {
	a := newContext(w.c.ctx, w.c.client, j.ev, w.c.inv.job)
	a.inv.name = "answer to " + w.c.inv.name
	a.inv.outer, a.inv.life, a.inv.answer, a.inv.reply = w.c.inv, w.c.inv.life, j.answer, f.text
	return w.Take(consumption{a, f.v}, func() bool { return w.c.inv.job.consume(j) })
}

// maxKept is how many events a Watch keeps for Next.
const maxKept = 1024

// An offerState is how far the offer of a job's event to waits has come.
type offerState uint8

const (
	notOffered offerState = iota
	offerDeclined
	offerConsumed
)

// markOffered returns the state of the offer before the call. From then on the event
// counts as declined, unless a wait consumes it.
func (j *job) markOffered() (before offerState) {
	j.mu.Lock()
	defer j.mu.Unlock()
	before = j.offered
	if before == notOffered {
		j.offered = offerDeclined
	}
	return before
}

// consume makes j answer for the event of another job: if j is cut off, both events are
// handled again. It reports false if one of the jobs has ended. The locks of two jobs nest
// here alone, and the lock of the waits serializes that.
func (j *job) consume(of *job) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.ended || !of.lend() {
		return false
	}
	j.consumed = append(j.consumed, of)
	return true
}

// lend notes that another job consumes the event of j, until release.
func (j *job) lend() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.ended {
		return false // abandoned while a wait looked at its event
	}
	j.takers++
	j.offered = offerConsumed
	return true
}

// release notes how a job has ended that has consumed the event of j.
func (j *job) release(how ending) {
	j.mu.Lock()
	j.undone = j.undone || how != handled
	j.takers--
	done := j.isDone()
	j.mu.Unlock()
	if done {
		j.ledger.done(j.ev.Seq)
	}
}

// noteCut notes that a stop has ended a wait of the handler.
func (j *job) noteCut() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.cut = true
}

// wasCut reports whether a stop has ended a wait of the handler.
func (j *job) wasCut() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.cut
}

// answers returns the answers to interactions that are the job's to finish: to its own,
// unless another handler has consumed the event, and to those that it has consumed.
func (j *job) answers() (list []*response) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.answer != nil && j.takers == 0 && j.offered != offerConsumed {
		list = append(list, j.answer)
	}
	for _, of := range j.consumed {
		if of.answer != nil {
			list = append(list, of.answer)
		}
	}
	return list
}

// endAnswers ends the answers to interactions when the handlers have returned, unless the
// events come again in the next process.
func (j *job) endAnswers(answers []*response, how ending) {
	for _, a := range answers {
		if how != handled && j.ledger != nil {
			a.leave()
		} else {
			a.finish()
		}
	}
}

// deferPresses defers the answers to presses that the handler has consumed and not
// answered: no button is to spin while it waits.
func (j *job) deferPresses(ctx context.Context) {
	for _, a := range j.answers() {
		if a != j.answer && a.onComponent() {
			if err := a.deferBy(ctx, false); err != nil {
				a.log(slog.LevelInfo, "discord: interaction not deferred", err)
			}
		}
	}
}

// lifetime returns that of the handler's module, or nil.
func (i *invocation) lifetime() *lifetime.Lifetime {
	for ; i != nil; i = i.outer {
		if i.life != nil {
			return i.life
		}
	}
	return nil
}
