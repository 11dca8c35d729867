package vk

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
	"github.com/vkrouter/vk/internal/queue"
	"github.com/vkrouter/vk/internal/timer"
	"github.com/vkrouter/vk/internal/trail"
)

// ErrLaneLost is the form of [ErrStopped] for the handlers of one conversation
// that another process has taken over, because this process could not reach the
// [Queue] for too long. The process that has the conversation handles the event
// again.
var ErrLaneLost = fmt.Errorf("vk: another process has taken over the conversation: %w", ErrStopped)

// A groupQueue is a Dispatcher's worker for one community of its Queue. All
// sources put their events into the Queue. The worker gets back the events of
// the lanes that it holds.
type groupQueue struct {
	d     *Dispatcher
	group int64
	feed  *feed // of the jobs
	w     *queue.Worker

	timers *timerQueue        // nil if the Store cannot list them
	cancel context.CancelFunc // of the tasks
	tasks  sync.WaitGroup

	removed atomic.Bool // a handler returned ErrRemoveServer
	stopped atomic.Bool // the worker has stopped
	adopter adopter

	mu     sync.Mutex
	client *Client
	users  int // the number of sources that have joined and not left
}

// The roles of a community's workers.
const (
	rolePoll   = "poll"   // of the process that polls; its value is the position in the history
	roleTimers = "timers" // of the process that puts all timers into the Queue
)

// joinQueue returns the worker for a community and adds a source to its count,
// until the source calls leave.
func (d *Dispatcher) joinQueue(group int64, client *Client) (*groupQueue, error) {
	d.init()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped {
		return nil, ErrStopped
	}
	g := d.queues[group]
	if g == nil {
		g = &groupQueue{d: d, group: group, feed: new(feed), client: client}
		d.feeds = append(d.feeds, g.feed)
		if d.queues == nil {
			d.queues = make(map[int64]*groupQueue)
			d.slots = queue.NewSlots(d.lanes.Workers)
		}
		d.queues[group] = g
		g.w = queue.New(queue.Config{
			Queue: queueOf{d.Queue}, Group: group, Slots: d.slots,
			Handle: g.handle, End: g.end, Drop: g.drop, Quiet: g.quiet, Tell: g.tell,
			MaxTries: maxTries, Suspect: suspectTries,
		})
		g.startTimers()
		g.w.Start() // last: the worker may call handle at once
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.users++
	return g, nil
}

// startTimers makes the worker put due timers into the Queue: those that this
// process sets and, while it leads, those of all processes.
func (g *groupQueue) startTimers() {
	ctx, cancel := context.WithCancel(context.Background())
	g.cancel, g.adopter.base = cancel, ctx
	if _, ok := g.d.Store.(Lister); !ok {
		return
	}
	g.timers = &timerQueue{
		d: g.d, group: g.group, to: g, feed: g.feed, listed: true, began: timer.Now(), opened: time.Now(), every: timerLook, safe: make(chan struct{}),
		firing: make(map[string]*dueTimer), lanes: make(map[laneKey][]*dueTimer), setters: make(map[string]bool), rerun: make(map[string][]string), warned: make(map[string]bool),
	}
	g.timers.register()
	g.tasks.Go(func() { g.leadTimers(ctx) })
}

// timersListed is the time between two lists of all timers in the Store, which
// the leader makes. A timer may be late by this time if the process that has
// set it dies.
const timersListed = 15 * time.Second

// leadTimers lists all timers while this process leads.
func (g *groupQueue) leadTimers(ctx context.Context) {
	var listed time.Time
	for {
		_, leads, err := g.w.Lead(ctx, roleTimers)
		switch {
		case err != nil:
		case !leads:
			listed = time.Time{}
		case time.Since(listed) >= timersListed:
			listed = time.Now()
			g.timers.relist()
		}
		if backoff.Sleep(ctx, QueueLease/2) != nil {
			return
		}
	}
}

// relist makes the queue check for the timers of other processes.
func (q *timerQueue) relist() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.listed = false
	q.look()
}

// errNotPut is returned when the Queue fails, which the worker logs.
var errNotPut = errors.New("vk: the timer is not in the queue")

// putTimer puts a due timer into the Queue, and records that in the timer.
func (g *groupQueue) putTimer(ctx context.Context, f *dueTimer, e *Event, raw []byte, r timerRecord) error {
	if !r.Put {
		if err := g.put(ctx, []*Event{e}, nil); err != nil {
			return fmt.Errorf("%w: %w", errNotPut, err)
		}
		r.Put = true
		b, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if _, err := g.d.guarded().Swap(ctx, f.key, raw, b, 0); err != nil {
			return err // it will be put again, and dropped as a duplicate
		}
	}
	f.q.give(f, false)
	return nil
}

// timerOf returns an event's timer, or nil.
func (g *groupQueue) timerOf(e *Event) *dueTimer {
	if g.timers == nil || !strings.HasPrefix(e.Kind, timerKind) {
		return nil
	}
	var t struct {
		Timer  string      `json:"timer"`
		Object timerObject `json:"object"`
	}
	if json.Unmarshal(e.Raw, &t) != nil || t.Timer == "" {
		return nil
	}
	return &dueTimer{q: g.timers, key: t.Timer, due: time.UnixMilli(t.Object.Due)}
}

// isOver reports whether the timer was moved or canceled since it was put.
func (f *dueTimer) isOver(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	raw, err := f.q.d.guarded().Get(ctx, f.key)
	var r timerRecord
	return err == nil && (len(raw) == 0 || json.Unmarshal(raw, &r) == nil && (r.Over || !r.due().Equal(f.due)))
}

// finishQueued records that a timer of the Queue was handled.
func (f *dueTimer) finishQueued(j *job) {
	next, err := f.finish(j)
	switch {
	case err != nil:
		j.log(slog.LevelError, "vk: store unavailable: a handled timer stays in the store", slog.Any("err", err))
	case !next.IsZero():
		f.q.set(f.key, next)
	}
}

// suspectTries is the number of crashes from which on an event is handled while
// nothing else is.
const suspectTries = 2

// leave removes a source from the count. After the last one, the worker gives
// its lanes to other processes and ends.
func (g *groupQueue) leave(ctx context.Context) {
	g.d.mu.Lock()
	g.mu.Lock()
	g.users--
	last := g.users == 0
	if last && g.d.queues[g.group] == g {
		delete(g.d.queues, g.group)
	}
	g.mu.Unlock()
	g.d.mu.Unlock()
	if !last {
		return
	}
	g.w.Drain()
	g.d.drain(ctx, g.feed)
	g.stop(ctx)
}

// stop stops the worker of a drained feed.
func (g *groupQueue) stop(ctx context.Context) {
	if g.stopped.Swap(true) {
		return
	}
	g.cancel()
	if g.timers != nil {
		g.timers.stop()
	}
	g.tasks.Wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	if err := g.w.Stop(ctx); err != nil {
		g.log(slog.LevelError, "vk: queue unavailable at shutdown: other processes take over after the lease", failure(err)...)
	}
}

// drainQueues makes the Dispatcher accept no more lanes.
func (d *Dispatcher) drainQueues() (all []*groupQueue) {
	d.mu.Lock()
	for _, g := range d.queues {
		all = append(all, g)
	}
	d.queues = nil
	d.mu.Unlock()
	for _, g := range all {
		g.w.Drain()
	}
	return all
}

func (g *groupQueue) log(level slog.Level, msg string, attrs ...slog.Attr) {
	g.d.logger().LogAttrs(context.Background(), level, msg, append(attrs, slog.Int64("group", g.group))...)
}

// put puts events into the Queue.
func (g *groupQueue) put(ctx context.Context, events []*Event, at *queue.Mark) error {
	put := make([]queue.Event, len(events))
	for i, e := range events {
		put[i] = queue.Event{ID: e.ID, Lane: queueLane(e), Data: e.Raw}
	}
	return g.w.Put(ctx, put, at)
}

// queueLane returns the name of an event's lane in a Queue.
func queueLane(e *Event) string {
	if l := laneOf(e); l.peer != 0 {
		return strconv.FormatInt(l.peer, 10)
	}
	return short("kind " + e.Kind)
}

// handle passes an event of the Queue to its lane.
func (g *groupQueue) handle(ctx context.Context, it *queue.Item) {
	e, err := ParseEvent(it.Data)
	if err != nil {
		g.log(slog.LevelError, "vk: queue: an event cannot be read", slog.Any("err", err), slog.String("event", fmt.Sprintf("%.300s", it.Data)))
		it.Done(nil)
		return
	}
	g.mu.Lock()
	client := g.client
	g.mu.Unlock()
	j := &job{d: g.d, feed: g.feed, ctx: context.Background(), client: client, ev: e, item: it, queue: g, repeats: true, replayed: it.Old || isAdopted(it.Data)}
	j.steps.tries = it.Tries > 0
	j.timer = g.timerOf(e)
	it.Value = j
	given := false
	err = resumed(func() error {
		if given {
			return nil // the Observer ended the goroutine
		}
		given = true
		return g.d.put(ctx, j)
	})
	if err != nil {
		it.Return(0)
	}
}

// end ends the waits of the items' handlers. If their lanes are lost, it also
// cancels the handlers.
func (g *groupQueue) end(items []*queue.Item, lost bool) {
	why := ErrStopped
	if lost {
		why = ErrLaneLost
	}
	for _, it := range items {
		j := it.Value.(*job)
		if lost {
			j.noteCut()
		}
		g.d.waits.endJob(j, why)
		if lost {
			g.d.watchdog.Cancel(&j.task, why)
		}
	}
}

// drop drops an event that has crashed several processes.
func (g *groupQueue) drop(it *queue.Item) {
	attrs := []slog.Attr{slog.Int("tries", it.Tries), slog.String("raw", string(it.Data))}
	e, err := ParseEvent(it.Data)
	if err == nil {
		attrs = append(attrs, slog.String("kind", e.Kind), slog.String("event", e.ID))
	}
	g.log(slog.LevelError, fmt.Sprintf("vk: dropping event that crashed the bot %d times", maxTries), attrs...)
	it.Done(func() {
		if err == nil && g.d.Store != nil {
			g.d.dropTrail(context.Background(), e)
		}
	})
}

// quiet blocks until no handler runs.
func (g *groupQueue) quiet(ctx context.Context) {
	for g.d.Pending() > 0 && backoff.Sleep(ctx, 5*time.Millisecond) == nil {
	}
}

// tell logs that the Queue fails, or that it works again.
func (g *groupQueue) tell(err error, failures int) {
	if err != nil {
		g.log(slog.LevelError, "vk: queue unavailable: no events are accepted until it recovers", failure(err)...)
		return
	}
	g.log(slog.LevelInfo, "vk: queue available again", slog.Int("failures", failures))
}

// beginItem begins an event of the Queue. If its handlers must not run,
// beginItem returns the job's outcome.
func (d *Dispatcher) beginItem(j *job) ending {
	it := j.item
	if !it.Begin(j.ctx) {
		return skipped
	}
	if d.dedupe.isHandled(j.ev) {
		return handled // its lane was lost, or a handler consumed it as an answer
	}
	if j.timer != nil && j.timer.isOver(j.ctx) {
		return handled
	}
	if !j.replayed && it.Tries == 0 {
		return notEnded
	}
	if err := j.takeTrail(); err != nil {
		d.storeFailed(j, "vk: store unavailable: events that another process has begun are late", err)
		it.Return(storePause.Max / 10)
		return skipped
	}
	return notEnded
}

// isHandled reports whether an event was handled recently.
func (c *deduper) isHandled(e *Event) bool {
	if e.ID == "" {
		return false
	}
	id := idOf(e)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turnOver()
	_, now := c.handled[0][id]
	_, before := c.handled[1][id]
	return now || before
}

// A trail contains the epoch of the process that wrote it. That prevents a
// former holder of the conversation, which may not know yet that it lost it,
// from overwriting the trail.

// epochStep is the epoch, as 8 bytes.
var epochStep = trail.KeyOf("epoch")

// errFenced is returned when another process holds the conversation, and its
// event's trail.
var errFenced = errors.New("vk: another process has the trail")

// fence records the epoch in a trail.
func (j *job) fence(t *trail.Trail) {
	if j.item != nil {
		t.Keep(epochStep, j.epoch())
	}
}

// isFenced reports whether a trail was written by a process that took over the
// conversation later.
func (j *job) isFenced(raw []byte) bool {
	if j.item == nil || len(raw) == 0 {
		return false
	}
	t, err := trail.Load(slices.Clone(raw), j.d.codeVersion())
	if err != nil {
		return false
	}
	epoch, ok := t.Get(epochStep)
	return ok && len(epoch) == 8 && int64(binary.LittleEndian.Uint64(epoch)) > j.item.Epoch()
}

// takeTrail reads the trail that a former holder may have written, and records
// this process's epoch in it. No other goroutine has the trail of j yet.
func (j *job) takeTrail() error {
	err := j.d.loadTrail(j.ctx, j)
	if err != nil || !j.steps.stored {
		return err
	}
	j.readRetries()
	j.fence(j.steps.steps)
	return j.storeTrail(j.ctx, trail.Append(j.steps.known, epochStep, j.epoch()))
}

// epoch returns this process's epoch for the conversation, encoded for the
// trail.
func (j *job) epoch() []byte {
	return binary.LittleEndian.AppendUint64(nil, uint64(j.item.Epoch()))
}

// settleItem reports the settlement of j's event to the Queue.
func (j *job) settleItem(s settlement) {
	j.mu.Lock()
	err := j.err
	j.mu.Unlock()
	switch s {
	case isHandled:
		if errors.Is(err, ErrRemoveServer) {
			j.queue.removed.Store(true)
		}
		if j.ev.ID != "" {
			j.d.dedupe.noteHandled(j.ev)
		}
		if j.timer != nil {
			j.timer.finishQueued(j)
		}
		after := j.afterDone(s)
		if len(after) == 0 {
			j.item.Done(nil)
			return
		}
		j.item.Done(func() {
			for _, f := range after {
				f(j.ctx)
			}
		})
	case isRedelivered:
		j.noteRetry()
		pause, _ := longestRetry(err)
		j.item.Return(min(max(pause, time.Second), maxRetryAfter))
	default:
		j.item.Return(0)
	}
}

// A QueueStatus is the state of a Dispatcher's work for one community of its
// [Queue].
type QueueStatus struct {
	GroupID int64
	Worker  string    // the ID of the QueueWorker
	Lanes   int       // conversations that this process holds
	Parked  int       // those of them in which all handlers are parked
	Waiting int       // events of them that no handler has begun
	Until   time.Time // when the lease ends unless it is renewed; other processes then take over
	Leads   []string  // the roles that this process leads: "poll", "timers"
	Err     error     // of the last call of the Queue; nil if it succeeded
}

// QueueStatus returns the state of the work for each community, sorted by
// GroupID. It is empty without a Queue, or before the first source has started.
func (d *Dispatcher) QueueStatus() []QueueStatus {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []QueueStatus
	for _, g := range d.queues {
		s := g.w.State()
		slices.Sort(s.Leads)
		all = append(all, QueueStatus{g.group, s.ID, s.Lanes, s.Parked, s.Waiting, s.Until, s.Leads, s.Err})
	}
	slices.SortFunc(all, func(a, b QueueStatus) int { return int(a.GroupID - b.GroupID) })
	return all
}
