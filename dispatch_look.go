package vk

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"
)

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
