package queue

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
)

// Times of the worker.
const (
	beatEvery  = Lease / 4
	callTime   = Lease / 2 // limits one call
	takeTime   = 5*time.Second + callTime
	flushEvery = 50 * time.Millisecond // between two reports, at least

	// refusedFor is the time after a failed Put in which the success of other calls does not
	// mean that the Queue works again: a server with a full memory refuses only events.
	refusedFor = 30 * time.Second
)

// retryPause is between calls while the Queue fails.
var retryPause = backoff.Backoff{Min: 50 * time.Millisecond, Max: time.Second}

// A Config has the owner of a Worker. Its functions are called without locks, and may
// be called from several goroutines.
type Config struct {
	Queue Queue
	Group int64
	Slots *Slots

	// Handle begins to handle an event. It is called for one event at a time, in the order
	// of each lane. It may block while there is no room. The item's Begin comes next.
	// ctx ends when the worker stops.
	Handle func(ctx context.Context, it *Item)

	// End makes the handlers of items end that run or wait: their lane was lost, or is to be
	// given back. In the latter case those that run may go on.
	End func(items []*Item, lost bool)

	// Drop is called with an item of which MaxTries processes have died. The item is Done.
	Drop     func(it *Item)
	MaxTries int

	// Suspect is the number of dead processes from which on an event is handled when nothing
	// else is. Quiet blocks until no handler runs, or until ctx ends.
	Suspect int
	Quiet   func(ctx context.Context)

	// Tell is told when the Queue begins to fail, with the error, and when it works again,
	// with the number of calls that have failed.
	Tell func(err error, failures int)
}

// A Worker works for one community.
type Worker struct {
	cfg Config
	id  string

	ctx    context.Context // of its goroutines
	cancel context.CancelFunc
	tasks  sync.WaitGroup

	flushing chan struct{} // holds an element if there may be something to report
	handing  chan struct{} // holds an element if there may be an item to hand out

	turns turns // of the Puts

	mu       sync.Mutex
	lanes    map[string]*lane // held
	former   map[string]*lane // held not long ago
	formers  []*lane          // those in former, the oldest first
	inbox    []*Item          // that are to be handed out
	reports  []*lane
	changes  chan struct{} // closed when lanes or items end, if somebody waits for that
	draining bool
	alone    bool // a suspect is being handled
	careful  bool // there may be more suspects
	roles    map[string]bool

	calls    uint64              // that have begun
	inflight map[uint64]struct{} // those that have not ended
	doubts   uint64              // the value of calls when one last failed
	settled  uint64              // the value of calls when a beat began that has succeeded
	beating  *beating            // in progress, or nil
	renewed  time.Time           // when the last call began that has succeeded
	failures int                 // since the Queue began to fail
	err      error               // of the last failure, or nil
	refused  time.Time           // the last failure of a Put, if none has succeeded since
	takes    context.CancelFunc  // ends the Take in progress
}

// A beating is a Beat in progress.
type beating struct {
	from uint64        // the number of calls that had begun before it
	done chan struct{} // closed at its end
	err  error         // to be read then
}

// New returns a Worker that works after Start. Until then, its owner can keep it
// where the functions of cfg find it.
func New(cfg Config) *Worker {
	w := &Worker{
		cfg: cfg, id: rand.Text(),
		flushing: make(chan struct{}, 1), handing: make(chan struct{}, 1),
		lanes: make(map[string]*lane), former: make(map[string]*lane),
		inflight: make(map[uint64]struct{}), roles: make(map[string]bool),
	}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	w.renewed = time.Now().Add(-Lease)
	return w
}

// Start makes the worker begin to work.
func (w *Worker) Start() {
	w.tasks.Go(w.runBeats)
	w.tasks.Go(w.runTakes)
	w.tasks.Go(w.runReports)
	w.tasks.Go(w.runInbox)
}

// Drain makes the worker take no more lanes, and give back those that it has as soon as
// no handler runs in them.
func (w *Worker) Drain() {
	w.mu.Lock()
	w.draining = true
	w.endTake()
	all := make([]*lane, 0, len(w.lanes))
	for _, ln := range w.lanes {
		all = append(all, ln)
	}
	var stays []*Item
	for _, ln := range all {
		stays = append(stays, ln.leave()...)
	}
	w.mu.Unlock()
	if len(stays) > 0 {
		w.cfg.End(stays, false)
	}
}

// Stop drains the worker, blocks until it holds no lane or ctx ends, and leaves.
func (w *Worker) Stop(ctx context.Context) error {
	w.Drain()
	w.await(ctx, func() bool { return len(w.lanes) == 0 && len(w.reports) == 0 })
	w.cancel()
	w.tasks.Wait()
	w.mu.Lock()
	b := w.beating
	w.mu.Unlock()
	if b != nil {
		<-b.done // otherwise it could come after Leave
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	return w.cfg.Queue.Leave(ctx, w.worker(0))
}

// endTake ends the Take in progress, because there is less room than it was told. The
// caller holds the lock.
func (w *Worker) endTake() {
	if w.takes != nil {
		w.takes()
	}
}

// await blocks until is reports true, or ctx ends. is is called with the lock.
func (w *Worker) await(ctx context.Context, is func() bool) {
	for {
		w.mu.Lock()
		if is() {
			w.mu.Unlock()
			return
		}
		if w.changes == nil {
			w.changes = make(chan struct{})
		}
		changes := w.changes
		w.mu.Unlock()
		select {
		case <-changes:
		case <-ctx.Done():
			return
		}
	}
}

// changed wakes those in await. The caller holds the lock.
func (w *Worker) changed() {
	if w.changes != nil {
		close(w.changes)
		w.changes = nil
	}
}

func (w *Worker) worker(room int) ID { return ID{w.cfg.Group, w.id, room} }

// room returns for how many more lanes there is room, and a channel that is closed when
// there may be more.
func (w *Worker) room() (n int, more <-chan struct{}) {
	n, more = w.cfg.Slots.Free()
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.draining, w.alone:
		n = 0
	case w.careful:
		n = min(n, 1)
	}
	return n, more
}

// roomNow is room for a call that does not block.
func (w *Worker) roomNow() ID {
	n, _ := w.room()
	return w.worker(n)
}

// call makes a call of the Queue, and takes in its answer. If a former call has failed,
// a Beat comes first. by is the name under which the call puts events.
func (w *Worker) call(ctx context.Context, limit time.Duration, by string, do func(ctx context.Context) (Answer, error)) error {
	if err := w.settle(ctx); err != nil {
		return err
	}
	n, began := w.begin()
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	a, err := do(limited)
	w.end(n, began, a, by, err, ctx.Err() != nil)
	return err
}

// begin counts a call in.
func (w *Worker) begin() (n uint64, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls++
	w.inflight[w.calls] = struct{}{}
	return w.calls, time.Now()
}

// end counts a call out, and takes in its answer. An error counts as a failure of the
// Queue unless the caller has given up.
func (w *Worker) end(n uint64, began time.Time, a Answer, by string, err error, gaveUp bool) {
	w.mu.Lock()
	delete(w.inflight, n)
	var open []*Item
	tell := false
	failures := w.failures
	if err != nil && !errors.Is(err, ErrNotLeading) {
		w.calls++
		w.doubts = w.calls // a Beat that has begun before does not settle it
		if !gaveUp {
			tell = w.failures == 0
			w.failures++
			w.err = err
			if by != "" {
				w.refused = time.Now()
			}
		}
	} else {
		if began.After(w.renewed) {
			w.renewed = began
		}
		w.err = nil
		if by != "" || time.Since(w.refused) >= refusedFor {
			tell = w.failures > 0
			w.failures, w.refused = 0, time.Time{}
		}
		open = w.apply(a, by)
	}
	w.forget()
	w.mu.Unlock()
	if len(open) > 0 {
		w.cfg.End(open, true)
	}
	switch {
	case !tell:
	case err != nil && !errors.Is(err, ErrNotLeading):
		w.cfg.Tell(err, 0)
	default:
		w.cfg.Tell(nil, failures)
	}
}

// apply takes in an answer, and returns the items with handlers that must end. The caller
// holds the lock.
func (w *Worker) apply(a Answer, by string) (open []*Item) {
	complete := a.complete()
	suspects := false
	for _, b := range a.Batches {
		ln := w.lanes[b.Lane]
		if ln != nil && ln.epoch > b.Epoch {
			continue // of an answer that was overtaken
		}
		if ln != nil && ln.epoch < b.Epoch {
			open = append(open, ln.lose()...)
			delete(w.lanes, b.Lane)
			ln = nil
		}
		if ln == nil {
			if ln = w.hold(b); ln == nil {
				continue
			}
		}
		ln.take(b, by)
		if complete {
			ln.old = false
		}
		for _, e := range b.Events {
			suspects = suspects || e.Tries >= w.cfg.Suspect
		}
	}
	switch {
	case suspects:
		w.careful = true
	case len(a.Batches) > 0:
		w.careful = false
	}
	for _, l := range a.Lost {
		if ln := w.lanes[l.Lane]; ln != nil && ln.epoch == l.Epoch {
			open = append(open, ln.lose()...)
			w.drop(ln)
		}
	}
	return open
}

// hold returns the lane of a batch that the worker does not hold yet, or nil if it has
// given that lane back meanwhile. The caller holds the lock.
func (w *Worker) hold(b Batch) *lane {
	if was := w.former[b.Lane]; was != nil {
		switch {
		case was.epoch > b.Epoch, was.epoch == b.Epoch && was.lost:
			return nil
		case was.epoch == b.Epoch: // it had no events for a moment, as the worker saw it
			delete(w.former, b.Lane)
			w.lanes[b.Lane] = was
			if w.draining {
				was.leaving = true
				was.report()
			}
			return was
		}
	}
	ln := &lane{w: w, name: b.Lane, epoch: b.Epoch, old: true}
	w.lanes[b.Lane] = ln
	if w.draining {
		ln.leaving = true
		ln.report()
	}
	return ln
}

// drop notes that the worker does not hold a lane any more. Its record stays until no
// answer can bring events of it that the worker has had. The caller holds the lock.
func (w *Worker) drop(ln *lane) {
	if w.lanes[ln.name] == ln {
		delete(w.lanes, ln.name)
		ln.born = w.calls
		w.former[ln.name] = ln
		w.formers = append(w.formers, ln)
		w.changed()
	}
}

// forget drops the records of lanes that no answer can bring any more. The caller holds
// the lock.
func (w *Worker) forget() {
	first := w.calls + 1
	for n := range w.inflight {
		first = min(first, n)
	}
	for len(w.formers) > 0 && w.formers[0].born < first {
		ln := w.formers[0]
		w.formers[0] = nil
		w.formers = w.formers[1:]
		if w.former[ln.name] == ln && w.lanes[ln.name] != ln {
			delete(w.former, ln.name)
		}
	}
}

// hand puts an item among those to be handed out. The caller holds the lock.
func (w *Worker) hand(it *Item) {
	w.inbox = append(w.inbox, it)
	select {
	case w.handing <- struct{}{}:
	default:
	}
}

// Put puts events, and moves the place of a role. The events of concurrent Puts are in the
// order of the calls, within each lane.
func (w *Worker) Put(ctx context.Context, events []Event, at *Mark) error {
	defer w.turns.wait(ctx, events)()
	by := rand.Text()[:12]
	put := make([]Event, len(events))
	for i, e := range events {
		e.Data = wrap(by, e.Data)
		put[i] = e
	}
	return w.call(ctx, callTime, by, func(ctx context.Context) (Answer, error) {
		return w.cfg.Queue.Put(ctx, w.roomNow(), put, at)
	})
}

// Lead makes the worker the leader of a role, unless another one is, and returns the
// role's value.
func (w *Worker) Lead(ctx context.Context, role string) (value string, leads bool, err error) {
	err = w.call(ctx, callTime, "", func(ctx context.Context) (Answer, error) {
		var err error
		value, leads, err = w.cfg.Queue.Lead(ctx, w.worker(0), role)
		return Answer{}, err
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil && leads {
		w.roles[role] = true
	} else {
		delete(w.roles, role)
	}
	return value, leads, err
}

// settle makes sure that the effects of all former calls are known.
func (w *Worker) settle(ctx context.Context) error {
	w.mu.Lock()
	doubts := w.doubts > w.settled
	w.mu.Unlock()
	if !doubts {
		return nil
	}
	if err := w.beat(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrUnsettled, err)
	}
	return nil
}

// isStale reports whether the lease may have ended.
func (w *Worker) isStale() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Since(w.renewed) >= Lease
}

// A State is the state of a Worker.
type State struct {
	ID      string
	Lanes   int       // held
	Parked  int       // those of them in which all handlers wait
	Waiting int       // events that have come and have not begun
	Until   time.Time // when the lease ends, unless it is renewed
	Leads   []string  // roles
	Err     error     // of the last call; nil if it went well
}

// State returns the worker's state.
func (w *Worker) State() State {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := State{ID: w.id, Lanes: len(w.lanes), Err: w.err}
	for _, ln := range w.lanes {
		if len(ln.items) > 0 && len(ln.items) == ln.calm {
			s.Parked++
		}
		for _, it := range ln.items {
			if !it.begun {
				s.Waiting++
			}
		}
	}
	s.Until = w.renewed.Add(Lease)
	for role := range w.roles {
		s.Leads = append(s.Leads, role)
	}
	return s
}
