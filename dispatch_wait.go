package vk

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// waits are all that handlers of a Dispatcher wait for.
type waits struct {
	routed, bare atomic.Int64 // how many waits of these kinds there are

	mu    sync.Mutex
	stays map[*stay]struct{}
	by    map[int64][]*wait // by the conversation, 0 for any; the oldest first
	last  uint64
}

// A stay is anything that a handler waits for.
type stay struct {
	job *job
	end func(why error)
}

// begin notes that somebody waits, who may not if the feed is about to end.
func (ws *waits) begin(s *stay) error {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	switch {
	case s.job.feed.ending:
		s.job.cut = true
		return ErrStopped
	case s.job.over:
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

// stop ends all waiting of handlers of a feed, and lets none of them wait any
// more.
func (ws *waits) stop(f *feed) {
	ws.mu.Lock()
	f.ending = true
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

// A wait takes events for a handler.
type wait struct {
	stay
	c    *Context // the handler's
	key  Key      // whose events
	kind string   // "" of a question
	bare bool     // of a handler outside of any Router: such waits are asked first
	most int      // how many events it keeps at most
	once bool     // it takes one, and no more
	seq  uint64

	// look tells what an event is to the wait. It is called without a lock, on
	// a goroutine of the event's handlers.
	look func(c *Context, to destination) (finding, error)

	unbind func() // from the module's lifetime

	// Guarded by the mu of the waits.
	due    time.Time // zero for never
	queue  []taking
	took   bool
	full   bool // was said
	over   error
	asleep []*sleeper
}

// A finding is what an event is to a wait.
type finding struct {
	verdict verdict
	text    string // of the answer, in place of the event's, if it is a question's
	v       any
}

type verdict uint8

const (
	notIt    verdict = iota
	takes            // it is what the handler waits for
	breaksIt         // it ends the waiting, and goes on its way
)

// A taking is an event that a wait has taken.
type taking struct {
	c *Context
	v any
}

// A sleeper is a goroutine that waits for a wait.
type sleeper struct {
	woken chan struct{} // closed when it is to wake up
	awake bool
}

// start has w take events from now on, until stop.
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
	ws.mu.Lock()
	if ws.by == nil {
		ws.by = make(map[int64][]*wait)
	}
	ws.last++
	w.seq = ws.last
	ws.by[w.key.Peer] = append(ws.by[w.key.Peer], w)
	ws.counter(w).Add(1)
	ws.mu.Unlock()
	w.unbind = w.c.inv.lifetime().onEnd(w.fail)
	return nil
}

func (ws *waits) counter(w *wait) *atomic.Int64 {
	if w.bare {
		return &ws.bare
	}
	return &ws.routed
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

// stop has w take no more events. It may be called more than once.
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

// fail ends w: what it has taken can still be had, then there is the error.
func (w *wait) fail(why error) {
	mu := &w.job.d.waits.mu
	mu.Lock()
	defer mu.Unlock()
	w.fails(why)
}

// fails is fail for who holds the lock. It reports whether the handler goes on,
// as soon as it can have its turn.
func (w *wait) fails(why error) (goesOn bool) {
	if w.over != nil {
		return false
	}
	w.over = why
	for w.wake() {
		goesOn = w.job.parked == 0
	}
	return goesOn
}

// wake has the first of who sleep go on. It reports whether there is one.
func (w *wait) wake() bool {
	if len(w.asleep) == 0 {
		return false
	}
	s := w.asleep[0]
	w.asleep = w.asleep[1:]
	s.awake = true
	close(s.woken)
	w.job.unpark(true)
	return true
}

// next returns what w has taken next, and waits for it. The handler's turn is
// given up meanwhile.
func (w *wait) next() (taking, error) {
	mu := &w.job.d.waits.mu
	blank := false
	for {
		mu.Lock()
		if len(w.queue) > 0 {
			a := w.queue[0]
			w.queue = w.queue[1:]
			mu.Unlock()
			return a, nil
		}
		if err := w.ended(); err != nil {
			w.job.cut = w.job.cut || errors.Is(err, ErrStopped)
			mu.Unlock()
			return taking{}, err
		}
		if !blank {
			mu.Unlock()
			w.job.answerPresses(w.c.ctx)
			blank = true
			continue // something may have come
		}
		s := &sleeper{woken: make(chan struct{})}
		w.asleep = append(w.asleep, s)
		parked := w.job.park(true)
		due := w.due
		mu.Unlock()

		resumed := w.job.tellParked(parked)
		w.sleep(s, due)

		mu.Lock()
		if !s.awake {
			w.asleep = slices.DeleteFunc(w.asleep, func(other *sleeper) bool { return other == s })
			w.job.unpark(true)
		}
		mu.Unlock()
		w.job.back()
		resumed()
		blank = false // what another goroutine has taken meanwhile
	}
}

// ended returns why nothing can come any more. The caller holds the lock.
func (w *wait) ended() error {
	switch {
	case w.over != nil:
		return w.over
	case w.c.ctx.Err() != nil:
		return context.Cause(w.c.ctx)
	case w.job.over:
		return errHandled
	case !w.due.IsZero() && !time.Now().Before(w.due):
		return ErrNoAnswer
	}
	return nil
}

// sleep returns when there is something to be done.
func (w *wait) sleep(s *sleeper, due time.Time) {
	var late <-chan time.Time
	if !due.IsZero() {
		timer := time.NewTimer(time.Until(due))
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-s.woken:
	case <-late:
	case <-w.c.ctx.Done():
	}
}

// offer offers the event to those who wait for one. to is where it leads if
// nobody takes it.
//
// An event is offered once. Of several Routers that one handler gives it to,
// the first offers it, and if it is taken then, it is for the others too.
func (j *job) offer(c *Context, to destination) (taken bool) {
	if c.event != j.ev {
		return false // nobody waits; or it was taken before, and is given to a Router
	}
	if !j.offered.CompareAndSwap(eventNew, eventLeft) {
		return j.offered.Load() == eventTaken
	}
	if j.d.waits.routed.Load() == 0 {
		return false
	}
	return c.ask(to, false)
}

// States of a job's event.
const (
	eventNew int32 = iota
	eventLeft
	eventTaken
)

// ask asks those who wait, in the order in which they began to, whether one
// takes the event.
func (c *Context) ask(to destination, bare bool) (taken bool) {
	j := jobOf(c)
	ws := &j.d.waits
	yield := false
	for _, w := range ws.candidates(j.ev, bare) {
		f, err := w.look(c, to)
		switch {
		case err != nil:
			w.fail(err)
		case f.verdict == takes && w.take(j, f):
			j.offered.Store(eventTaken)
			return true
		case f.verdict == breaksIt:
			ws.mu.Lock()
			if w.fails(ErrInterrupted) && laneOf(w.job.ev) == laneOf(j.ev) {
				yield = true
			}
			ws.mu.Unlock()
		}
	}
	if yield {
		j.yield() // what was interrupted ends before what interrupts it begins
	}
	return false
}

// candidates returns who may be waiting for the event.
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
			case w.able():
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

// wants reports whether the event is of the person and of the kind that w is
// for, and of its community: a person, and the number of a chat, may be known in
// others too.
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

// able reports whether w can take anything. The caller holds the lock.
func (w *wait) able() bool {
	return w.ended() == nil && len(w.queue) < w.most && !(w.once && w.took)
}

// take gives the event of j to w, which then answers for it: see settle. It
// reports whether w could take it.
func (w *wait) take(j *job, f finding) bool {
	mu := &j.d.waits.mu
	mu.Lock()
	defer mu.Unlock()
	if !w.able() {
		return false
	}
	e := j.ev
	if w.kind == "" {
		own := *e
		own.head.text = f.text
		e = &own
	}
	w.took = true
	w.queue = append(w.queue, taking{w.c.answerContext(e, j.client), f.v})
	w.job.taken = append(w.job.taken, j)
	j.claims++
	w.wake()
	// A press is answered by who took it, who is about to go on; if not, then
	// by the Dispatcher.
	j.handed = w.job.parked == 0
	if e.press != nil {
		w.job.answers.Store(true)
	}
	return true
}

// answerContext returns the Context for an event that a handler has waited
// for. What is sent with it counts for the event and the handler.
func (c *Context) answerContext(e *Event, client *Client) *Context {
	a := newContext(c.ctx, client, e, c.inv.turn)
	a.inv.name = "answer to " + c.event.ID
	a.inv.outer, a.inv.via = c.inv, c.via
	return a
}

// logFull says that a Watch leaves events alone.
func (j *job) logFull(kind string) {
	j.log(slog.LevelWarn, "vk: a Watch keeps too many events that nobody asks for: others go on to their routes", slog.String("watch", kind), slog.Int("events", maxKept))
}

// maxKept is how many events a Watch keeps for Next.
const maxKept = 1024

// An attempt is the record of one attempt to handle an event. Upper layers keep
// values in it that last as long as the attempt.
type attempt struct {
	mu     sync.Mutex
	number uint64 // 0 until asked for
	values map[any]any
}

// id returns a number that no other attempt has, in this process or another.
func (a *attempt) id() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.number == 0 {
		a.number = rand.Uint64()
	}
	return a.number
}

// value returns the value that was remembered under a key, or nil.
func (a *attempt) value(key any) any {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.values[key]
}

// remember keeps a value under a key, and returns it. If there is one already,
// it is kept and returned instead.
func (a *attempt) remember(key, value any) any {
	a.mu.Lock()
	defer a.mu.Unlock()
	if old, ok := a.values[key]; ok {
		return old
	}
	if a.values == nil {
		a.values = make(map[any]any)
	}
	a.values[key] = value
	return value
}
