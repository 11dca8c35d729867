package vk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vkrouter/vk/internal/queue"
)

// A Queue keeps the events of communities for several processes, and records which
// process handles which conversation. With a Queue, any number of processes behave as one
// bot: see [Dispatcher.Queue] and docs/scaling.md. The nested modules redisstore and
// pgstore have one each; vktest.Queue keeps one in memory, for tests. vktest.TestQueue
// tests a Queue.
//
// The rules below are for implementers. Times are measured by the Queue's server; the
// clocks of the processes do not matter. Each method is atomic: it takes effect entirely
// or not at all. If it returns an error, either may have happened, and the caller calls
// Beat next, which settles it: a worker's call that returned an error before its Beat has
// no effect after the Beat. The methods must be safe for concurrent use, must not keep
// the slices passed to them, and must return when ctx ends. The data of different
// communities are independent.
//
// # Lanes
//
// Events that must be handled one after another have the same Lane. A lane exists while
// it has events. It is held by one worker, or free. A worker that starts to hold a lane
// gets an epoch, which is greater than any earlier epoch in the community. The worker
// holds the lane until the lane has no events, the worker gives it back, or the worker is
// dead. Until then, no other worker gets the lane's events.
//
// Each event has a Seq, which is greater than any earlier Seq in the community. A holder
// gets each event of its lane once per epoch, in the order of Seq. That includes the
// events that a former holder received and did not finish.
//
// # Answers
//
// The answer of Put, Take, Done and Beat has events for the worker: first the new events
// of lanes that it holds, then those of free lanes, which it holds from then on. It holds
// at most Room more lanes; the lanes with the oldest events come first. A lane that was
// given back with a Pause is not free before the Pause is over. An answer may leave out
// events if it would otherwise have more than 256 or exceed a megabyte, but no answer is
// empty for this reason. The next Take returns them.
//
// # The dead
//
// A worker is alive from its first call. It is dead once a Beat finds that it has not
// called Put, Take, Done, Beat or Lead for [QueueLease] (a Take that blocks does not
// renew the lease), or once it has called Leave; a Take that still blocks then returns
// nothing. A dead worker that calls again is alive again, and holds nothing.
//
// Beat renews the lease of its own worker, then finds dead workers, and frees their lanes
// and roles. If a worker died without Leave, the Tries of one event in each of its lanes
// grow by one: the first event that was delivered in this epoch and is not among the
// Parked of the worker's last Beat. However, if no worker of the community has called
// Beat for half a QueueLease, the Queue was unreachable: Beat then renews the leases of
// all workers and declares none dead.
type Queue interface {
	// Put adds events, in order. An event is dropped if its ID was put in the last three
	// hours. If at is not nil, Put also sets the value of at's role; if w does not lead
	// the role, Put adds nothing and returns ErrNotLeading.
	Put(ctx context.Context, w QueueWorker, events []QueueEvent, at *QueueMark) (QueueAnswer, error)

	// Take returns when its answer has an event, after 5 seconds at the latest, or when
	// ctx ends; an empty answer is no error.
	Take(ctx context.Context, w QueueWorker) (QueueAnswer, error)

	// Done removes handled events, or gives lanes back. For a lane that w does not hold
	// with that epoch, it changes nothing and reports the lane as lost. Removing an event
	// that does not exist has no effect.
	Done(ctx context.Context, w QueueWorker, done []QueueDone) (QueueAnswer, error)

	// Beat renews the lease of w, frees the lanes and roles of dead workers, and compares
	// the lanes that w holds with held, which are all lanes that w believes to hold. A
	// lane in held that w does not hold with that epoch is reported as lost. For lanes
	// that w holds, events after Last are delivered again, or all events if held does not
	// list the lane.
	Beat(ctx context.Context, w QueueWorker, held []QueueHeld) (QueueAnswer, error)

	// Lead makes w the leader of a role in the community, such as polling, unless another
	// live worker leads it. It returns the value last set by Put, or "", and whether w
	// leads the role. A worker leads until it is dead.
	Lead(ctx context.Context, w QueueWorker, role string) (value string, leads bool, err error)

	// Leave ends w at once: its lanes become free and its roles have no leader. No Tries
	// grow.
	Leave(ctx context.Context, w QueueWorker) error
}

// QueueLease is the time without a call after which a worker of a [Queue] is dead. A
// Dispatcher calls Beat four times in that time.
const QueueLease = 5 * time.Second

// ErrNotLeading reports that a worker tried to set the value of a role that it does not
// lead.
var ErrNotLeading = errors.New("vk: Queue: the worker does not lead the role")

// A QueueWorker is a process that handles a community's events.
type QueueWorker struct {
	Group int64  // the community
	ID    string // of the process; different after each start
	Room  int    // the number of further lanes that it accepts
}

// A QueueEvent is an event for a [Queue].
type QueueEvent struct {
	ID   string // identifies duplicates; "" if the event has no duplicates
	Lane string // at most 100 bytes
	Data []byte // JSON
}

// A QueueMark is the new value of a role, such as the polling worker's position in a
// community's history.
type QueueMark struct {
	Role, Value string
}

// A QueueAnswer is the answer of a [Queue] to a worker.
type QueueAnswer struct {
	Batches []QueueBatch
	Lost    []QueueLost
}

// A QueueBatch has events of one lane for its holder.
type QueueBatch struct {
	Lane  string
	Epoch int64

	// After is the Seq of the lane's last event that was delivered before these in this
	// epoch, or 0. A worker that receives answers out of order detects missing events by it.
	After int64

	Events []QueuedEvent
}

// A QueuedEvent is an event in a Queue.
type QueuedEvent struct {
	Seq   int64
	Tries int // the number of workers that died while handling it, see Queue
	ID    string
	Data  []byte
}

// A QueueDone reports the work of a worker on a lane.
type QueueDone struct {
	Lane  string
	Epoch int64
	Seqs  []int64 // the handled events

	// GiveBack frees the lane even if it still has events. Otherwise, a lane is freed
	// once it has none.
	GiveBack bool

	// Pause is the time, from now, during which no worker gets the returned lane.
	Pause time.Duration
}

// A QueueHeld is a lane that a worker believes to hold.
type QueueHeld struct {
	Lane   string
	Epoch  int64
	Last   int64   // Seq of the last event that it received, or 0
	Parked []int64 // Seqs of the events with parked handlers, in ascending order
}

// A QueueLost is a lane that a worker believed to hold.
type QueueLost struct {
	Lane  string
	Epoch int64
}

// Limits counts uses across several processes: see [Client.Limits], and Limits of the
// Cooldown and MaxConcurrency of package middleware. The nested modules redisstore and
// pgstore have one each; vktest.Limits keeps one in memory, for tests. vktest.TestLimits
// tests one.
//
// The rules below are for implementers. Times are measured by the server. Each method is
// atomic. If it returns an error, it may or may not have taken effect. Keys are UTF-8
// text of 1 to 1,024 bytes. The methods must be safe for concurrent use. Expired data are
// deleted within a minute.
type Limits interface {
	// Reserve takes one use of key if rule allows it now, and returns a token for Cancel.
	// Otherwise it takes nothing, and returns the time after which a use may be free,
	// which is positive.
	Reserve(ctx context.Context, key string, rule LimitRule) (token string, wait time.Duration, err error)

	// Left returns the time that Reserve would have to wait. It takes nothing.
	Left(ctx context.Context, key string, rule LimitRule) (wait time.Duration, err error)

	// Cancel gives a use back. If the use has expired, or was already given back or
	// reset, Cancel has no effect.
	Cancel(ctx context.Context, key, token string) error

	// Reset deletes the uses of key.
	Reset(ctx context.Context, key string) error

	// Acquire makes owner one of at most n holders of key for the time of lease; if owner
	// is one already, Acquire renews its lease. If n is zero, the number of holders is
	// unlimited. It returns the number of holders, and whether owner is one.
	Acquire(ctx context.Context, key, owner string, n int, lease time.Duration) (holders int, ok bool, err error)

	// Release ends owner's hold of key. If owner does not hold it, Release has no effect.
	Release(ctx context.Context, key, owner string) error
}

// A LimitRule limits the uses of a key: at most Rate in Per.
type LimitRule struct {
	Rate int
	Per  time.Duration

	// Rest selects the rule of a cooldown. The first use opens a window of the length
	// Per. The window has Rate uses; the last of them restarts the window, so that a full
	// rest follows. A use that is given back may end the rest. If false, there are at
	// most Rate uses in any period of the length Per.
	Rest bool
}

// A queueOf is a Queue with the types of package queue.
type queueOf struct{ q Queue }

func (q queueOf) worker(w queue.ID) QueueWorker { return QueueWorker{w.Group, w.ID, w.Room} }

// Put implements [queue.Queue].
func (q queueOf) Put(ctx context.Context, w queue.ID, events []queue.Event, at *queue.Mark) (a queue.Answer, err error) {
	put := make([]QueueEvent, len(events))
	for i, e := range events {
		put[i] = QueueEvent(e)
	}
	a, err = q.answer(func() (QueueAnswer, error) { return q.q.Put(ctx, q.worker(w), put, (*QueueMark)(at)) })
	if errors.Is(err, ErrNotLeading) {
		err = fmt.Errorf("%w: %w", queue.ErrNotLeading, err)
	}
	return a, err
}

// Take implements [queue.Queue].
func (q queueOf) Take(ctx context.Context, w queue.ID) (queue.Answer, error) {
	return q.answer(func() (QueueAnswer, error) { return q.q.Take(ctx, q.worker(w)) })
}

// Done implements [queue.Queue].
func (q queueOf) Done(ctx context.Context, w queue.ID, done []queue.Done) (queue.Answer, error) {
	all := make([]QueueDone, len(done))
	for i, d := range done {
		all[i] = QueueDone(d)
	}
	return q.answer(func() (QueueAnswer, error) { return q.q.Done(ctx, q.worker(w), all) })
}

// Beat implements [queue.Queue].
func (q queueOf) Beat(ctx context.Context, w queue.ID, held []queue.Held) (queue.Answer, error) {
	all := make([]QueueHeld, len(held))
	for i, h := range held {
		all[i] = QueueHeld(h)
	}
	return q.answer(func() (QueueAnswer, error) { return q.q.Beat(ctx, q.worker(w), all) })
}

// Lead implements [queue.Queue].
func (q queueOf) Lead(ctx context.Context, w queue.ID, role string) (value string, leads bool, err error) {
	err = apart(func() (err error) { value, leads, err = q.q.Lead(ctx, q.worker(w), role); return err })
	return value, leads, err
}

// Leave implements [queue.Queue].
func (q queueOf) Leave(ctx context.Context, w queue.ID) error {
	return apart(func() error { return q.q.Leave(ctx, q.worker(w)) })
}

// answer makes a call. It returns a panic as an error.
func (q queueOf) answer(call func() (QueueAnswer, error)) (a queue.Answer, err error) {
	var got QueueAnswer
	if err := apart(func() (err error) { got, err = call(); return err }); err != nil {
		return a, err
	}
	for _, b := range got.Batches {
		own := queue.Batch{Lane: b.Lane, Epoch: b.Epoch, After: b.After, Events: make([]queue.Queued, len(b.Events))}
		for i, e := range b.Events {
			own.Events[i] = queue.Queued(e)
		}
		a.Batches = append(a.Batches, own)
	}
	for _, l := range got.Lost {
		a.Lost = append(a.Lost, queue.Lost(l))
	}
	return a, nil
}
