package vktest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/vkrouter/vk"
)

// The limits of a Queue's answers and memory.
const (
	queueEvents = 256     // events of an answer
	queueBytes  = 1 << 20 // bytes of an answer
	queueWait   = 5 * time.Second
	queueSeen   = 3 * time.Hour
)

// A Queue is a [vk.Queue] in memory, for tests: several Dispatchers with the same Queue
// behave as the processes of one bot. The zero value is empty. In a bubble of
// [testing/synctest], its time is the bubble's.
type Queue struct {
	mu     sync.Mutex
	groups map[int64]*queueGroup
}

var _ vk.Queue = (*Queue)(nil)

// A queueGroup is the state of a Queue for one community.
type queueGroup struct {
	last    int64 // the last Seq or epoch
	lanes   map[string]*queueLane
	free    []*queueLane // lanes without a holder, the one with the oldest event first
	workers map[string]*queueWorker
	roles   map[string]*queueRole
	seen    map[string]time.Time // the times when the IDs were put
	ids     []string             // the IDs of seen, oldest first
	beat    time.Time            // the last call of Beat

	changed chan struct{} // closed when a Take may have something to return
}

// A queueLane is a lane with events.
type queueLane struct {
	name   string
	events []vk.QueuedEvent // in the order of Seq
	paused time.Time        // a free lane is not taken before

	holder *queueWorker // or nil
	epoch  int64
	after  int64   // the Seq of the last event delivered in this epoch
	parked []int64 // of the holder's last Beat
}

// A queueWorker is a live worker.
type queueWorker struct {
	id     string
	called time.Time // the time of its last call
	lanes  map[string]*queueLane
	gone   bool // it has died or left
}

type queueRole struct {
	leader *queueWorker // or nil
	value  string
}

// enter locks the Queue for a call, and renews the worker's lease. The caller unlocks it
// if err is nil.
func (q *Queue) enter(ctx context.Context, w vk.QueueWorker) (*queueGroup, *queueWorker, error) {
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	if w.ID == "" {
		return nil, nil, errQueueWorker
	}
	q.mu.Lock()
	g := q.groups[w.Group]
	if g == nil {
		g = &queueGroup{
			lanes: make(map[string]*queueLane), workers: make(map[string]*queueWorker),
			roles: make(map[string]*queueRole), seen: make(map[string]time.Time), changed: make(chan struct{}),
		}
		if q.groups == nil {
			q.groups = make(map[int64]*queueGroup)
		}
		q.groups[w.Group] = g
	}
	me := g.workers[w.ID]
	if me == nil {
		me = &queueWorker{id: w.ID, lanes: make(map[string]*queueLane)}
		g.workers[w.ID] = me
	}
	me.called = time.Now()
	return g, me, nil
}

// Put implements [vk.Queue].
func (q *Queue) Put(ctx context.Context, w vk.QueueWorker, events []vk.QueueEvent, at *vk.QueueMark) (vk.QueueAnswer, error) {
	if err := checkQueueEvents(events); err != nil {
		return vk.QueueAnswer{}, err
	}
	g, me, err := q.enter(ctx, w)
	if err != nil {
		return vk.QueueAnswer{}, err
	}
	defer q.mu.Unlock()
	if at != nil {
		r := g.roles[at.Role]
		if r == nil || r.leader != me {
			return vk.QueueAnswer{}, vk.ErrNotLeading
		}
		r.value = at.Value
	}
	g.forget()
	for _, e := range events {
		if g.isNew(e.ID) {
			g.add(e)
		}
	}
	return g.answer(me, w.Room), nil
}

// forget drops the IDs whose time has expired.
func (g *queueGroup) forget() {
	n := 0
	for n < len(g.ids) && time.Since(g.seen[g.ids[n]]) >= queueSeen {
		delete(g.seen, g.ids[n])
		n++
	}
	g.ids = g.ids[n:]
}

// isNew records an ID and reports whether it is new.
func (g *queueGroup) isNew(id string) bool {
	if id == "" {
		return true
	}
	if _, seen := g.seen[id]; seen {
		return false
	}
	g.seen[id] = time.Now()
	g.ids = append(g.ids, id)
	return true
}

// add adds an event to its lane.
func (g *queueGroup) add(e vk.QueueEvent) {
	g.last++
	l := g.lanes[e.Lane]
	isNew := l == nil
	if isNew {
		l = &queueLane{name: e.Lane}
		g.lanes[e.Lane] = l
	}
	l.events = append(l.events, vk.QueuedEvent{Seq: g.last, ID: e.ID, Data: slices.Clone(e.Data)})
	if isNew {
		g.setFree(l)
	}
	g.wake()
}

// setFree adds a lane to the free lanes.
func (g *queueGroup) setFree(l *queueLane) {
	i, _ := slices.BinarySearchFunc(g.free, l.events[0].Seq, func(l *queueLane, seq int64) int {
		return int(l.events[0].Seq - seq)
	})
	g.free = slices.Insert(g.free, i, l)
}

// wake makes the waiting calls of Take check again.
func (g *queueGroup) wake() {
	close(g.changed)
	g.changed = make(chan struct{})
}

// Take implements [vk.Queue].
func (q *Queue) Take(ctx context.Context, w vk.QueueWorker) (vk.QueueAnswer, error) {
	g, me, err := q.enter(ctx, w)
	if err != nil {
		return vk.QueueAnswer{}, err
	}
	over := time.NewTimer(queueWait)
	defer over.Stop()
	for {
		answer, changed, gone := g.answer(me, w.Room), g.changed, me.gone
		next := time.NewTimer(g.nextPause())
		q.mu.Unlock()
		if len(answer.Batches) > 0 || gone {
			next.Stop()
			return answer, nil
		}
		ended := false
		select {
		case <-changed:
		case <-next.C:
		case <-over.C:
			ended = true
		case <-ctx.Done():
			next.Stop()
			return vk.QueueAnswer{}, context.Cause(ctx)
		}
		next.Stop()
		if ended {
			return vk.QueueAnswer{}, nil
		}
		q.mu.Lock()
	}
}

// nextPause returns the time until the pause of a lane is over, at most queueWait.
func (g *queueGroup) nextPause() time.Duration {
	next := queueWait
	for _, l := range g.free {
		if d := time.Until(l.paused); d > 0 {
			next = min(next, d)
		}
	}
	return next
}

// answer returns events for a live worker.
func (g *queueGroup) answer(me *queueWorker, room int) vk.QueueAnswer {
	if me.gone {
		return vk.QueueAnswer{}
	}
	a := queueAnswer{}
	var ready []*queueLane
	for _, l := range me.lanes {
		if l.events[len(l.events)-1].Seq > l.after {
			ready = append(ready, l)
		}
	}
	slices.SortFunc(ready, func(a, b *queueLane) int { return int(a.undelivered()[0].Seq - b.undelivered()[0].Seq) })
	for _, l := range ready {
		if !a.add(l) {
			return a.QueueAnswer
		}
	}
	now := time.Now()
	for i := 0; i < len(g.free) && room > 0; {
		l := g.free[i]
		if l.paused.After(now) {
			i++
			continue
		}
		if !a.fits(l.events[0]) {
			break
		}
		g.free = slices.Delete(g.free, i, i+1)
		g.last++
		l.holder, l.epoch, l.after, l.paused = me, g.last, 0, time.Time{}
		me.lanes[l.name] = l
		room--
		if !a.add(l) {
			break
		}
	}
	return a.QueueAnswer
}

// A queueAnswer is an answer that grows up to the limits.
type queueAnswer struct {
	vk.QueueAnswer
	events, bytes int
}

// fits reports whether there is room for an event.
func (a *queueAnswer) fits(e vk.QueuedEvent) bool {
	return a.events == 0 || a.events < queueEvents && a.bytes+len(e.Data)+len(e.ID) <= queueBytes
}

// add delivers the events of a lane, and reports whether there was room for
// all.
func (a *queueAnswer) add(l *queueLane) bool {
	b := vk.QueueBatch{Lane: l.name, Epoch: l.epoch, After: l.after}
	all := true
	for _, e := range l.undelivered() {
		if all = a.fits(e); !all {
			break
		}
		a.events++
		a.bytes += len(e.Data) + len(e.ID)
		l.after = e.Seq
		e.Data = slices.Clone(e.Data)
		b.Events = append(b.Events, e)
	}
	if len(b.Events) > 0 {
		a.Batches = append(a.Batches, b)
	}
	return all
}

// undelivered returns the events that the holder has not received.
func (l *queueLane) undelivered() []vk.QueuedEvent {
	i, _ := slices.BinarySearchFunc(l.events, l.after+1, func(e vk.QueuedEvent, seq int64) int { return int(e.Seq - seq) })
	return l.events[i:]
}

// Done implements [vk.Queue].
func (q *Queue) Done(ctx context.Context, w vk.QueueWorker, done []vk.QueueDone) (vk.QueueAnswer, error) {
	g, me, err := q.enter(ctx, w)
	if err != nil {
		return vk.QueueAnswer{}, err
	}
	defer q.mu.Unlock()
	var lost []vk.QueueLost
	for _, d := range done {
		l := g.held(me, d.Lane, d.Epoch)
		if l == nil {
			lost = append(lost, vk.QueueLost{Lane: d.Lane, Epoch: d.Epoch})
			continue
		}
		l.events = slices.DeleteFunc(l.events, func(e vk.QueuedEvent) bool { return slices.Contains(d.Seqs, e.Seq) })
		if d.GiveBack || len(l.events) == 0 {
			g.release(l, d.Pause)
		}
	}
	a := g.answer(me, w.Room)
	a.Lost = lost
	return a, nil
}

// held returns the lane if the worker holds it with that epoch, or nil.
func (g *queueGroup) held(me *queueWorker, lane string, epoch int64) *queueLane {
	l := me.lanes[lane]
	if l == nil || l.epoch != epoch {
		return nil
	}
	return l
}

// release frees a held lane.
func (g *queueGroup) release(l *queueLane, pause time.Duration) {
	delete(l.holder.lanes, l.name)
	if len(l.events) == 0 {
		delete(g.lanes, l.name)
		return
	}
	l.holder, l.after, l.parked = nil, 0, nil
	if pause > 0 {
		l.paused = time.Now().Add(pause)
	}
	g.setFree(l)
	g.wake()
}

// Beat implements [vk.Queue].
func (q *Queue) Beat(ctx context.Context, w vk.QueueWorker, held []vk.QueueHeld) (vk.QueueAnswer, error) {
	g, me, err := q.enter(ctx, w)
	if err != nil {
		return vk.QueueAnswer{}, err
	}
	defer q.mu.Unlock()
	away := time.Since(g.beat) >= vk.QueueLease/2
	g.beat = time.Now()
	for _, other := range g.workers {
		switch {
		case away:
			other.called = g.beat
		case g.beat.Sub(other.called) >= vk.QueueLease:
			g.end(other, true)
		}
	}
	var lost []vk.QueueLost
	rest := make(map[string]*queueLane, len(me.lanes))
	for name, l := range me.lanes {
		rest[name] = l
	}
	for _, h := range held {
		l := g.held(me, h.Lane, h.Epoch)
		if l == nil {
			lost = append(lost, vk.QueueLost{Lane: h.Lane, Epoch: h.Epoch})
			continue
		}
		l.after, l.parked = min(l.after, h.Last), slices.Clone(h.Parked)
		delete(rest, h.Lane)
	}
	for _, l := range rest {
		l.after, l.parked = 0, nil
	}
	a := g.answer(me, w.Room)
	a.Lost = lost
	return a, nil
}

// end ends a worker that has died or leaves.
func (g *queueGroup) end(w *queueWorker, died bool) {
	w.gone = true
	delete(g.workers, w.id)
	for _, l := range w.lanes {
		if died {
			l.blame()
		}
		g.release(l, 0)
	}
	for _, r := range g.roles {
		if r.leader == w {
			r.leader = nil
		}
	}
	g.wake()
}

// blame counts the death of the holder for the event that may have caused it.
func (l *queueLane) blame() {
	for i, e := range l.events {
		if e.Seq > l.after {
			return
		}
		if !slices.Contains(l.parked, e.Seq) {
			l.events[i].Tries++
			return
		}
	}
}

// Lead implements [vk.Queue].
func (q *Queue) Lead(ctx context.Context, w vk.QueueWorker, role string) (value string, leads bool, err error) {
	g, me, err := q.enter(ctx, w)
	if err != nil {
		return "", false, err
	}
	defer q.mu.Unlock()
	r := g.roles[role]
	if r == nil {
		r = new(queueRole)
		g.roles[role] = r
	}
	if r.leader == nil {
		r.leader = me
	}
	return r.value, r.leader == me, nil
}

// Leave implements [vk.Queue].
func (q *Queue) Leave(ctx context.Context, w vk.QueueWorker) error {
	g, me, err := q.enter(ctx, w)
	if err != nil {
		return err
	}
	defer q.mu.Unlock()
	g.end(me, false)
	return nil
}
