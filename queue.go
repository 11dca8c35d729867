package vk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vkrouter/vk/internal/queue"
)

// A Queue keeps the events of communities for several processes, and which process
// handles which conversation. With one, as many processes as needed behave as one bot:
// see [Dispatcher.Queue] and docs/scaling.md. The nested modules redisstore and pgstore
// have one each; vktest.Queue is one in memory, for tests. vktest.TestQueue tests a
// Queue.
//
// The rules below are for those who write a Queue. The time is that of the Queue's
// server; the clocks of the processes play no part. Each method is atomic: it happens
// wholly or not at all. If it returns an error, either may be the case, and the caller
// calls Beat next, which settles it: a call of a worker that returned an error before its
// Beat has no effect after the Beat. The methods must be safe for concurrent use, must not
// keep the slices that they are given, and must return when ctx ends. A community's data
// have nothing in common with another's.
//
// # Lanes
//
// Events that must be handled one after the other have the same Lane. A lane exists
// while it has events. It is held by one worker, or free. When a worker comes to hold it,
// it gets an epoch, which is greater than any before it in the community; the worker
// holds the lane until it has no events, until the worker gives it back, or until the
// worker is dead. Nobody else gets its events meanwhile.
//
// Each event has a Seq, which is greater than any before it in the community. A holder
// gets each event of its lane once in each epoch, in the order of Seq: not only those
// that nobody has handled but also those that a former holder had and has not finished.
//
// # Answers
//
// The answer of Put, Take, Done and Beat has events for the worker: first those that have
// come to lanes that it holds and that it has not got, then those of free lanes, which it
// holds from then on: at most Room lanes, those whose oldest event is the oldest first.
// A lane that was given back with a Pause is not free before the Pause is over. An answer
// may leave out events if it would have more than 256 or be larger than a megabyte, but
// no answer is empty for this reason. The next Take has them.
//
// # The dead
//
// A worker is alive from its first call. It is dead once a Beat finds that it has not
// called Put, Take, Done, Beat or Lead for [QueueLease] (a Take that blocks renews nothing
// by that), or once it has called Leave; a Take that still blocks then returns nothing. A
// worker that calls again after that is alive again, and holds nothing.
//
// Beat renews the lease of its own worker, then looks for the dead, and frees what they
// hold: their lanes and their roles. If a worker died without Leave, the Tries of one
// event in each of its lanes grow by one: of the first that was delivered in this epoch
// and that is not among the Parked of its last Beat. But if no worker of the community has
// called Beat for half a QueueLease, the Queue was out of reach: Beat then renews the
// leases of all, and declares nobody dead.
type Queue interface {
	// Put adds events, in their order. An event whose ID was put in the last three hours is
	// dropped. If at is not nil, Put also sets the value of at's role; if w does not lead the
	// role, Put adds nothing and returns ErrNotLeading.
	Put(ctx context.Context, w QueueWorker, events []QueueEvent, at *QueueMark) (QueueAnswer, error)

	// Take returns when its answer has an event, at the latest after 5 seconds or when ctx
	// ends; an empty answer is no error.
	Take(ctx context.Context, w QueueWorker) (QueueAnswer, error)

	// Done removes events that were handled, or gives lanes back. For a lane that w does not
	// hold with that epoch, it changes nothing and reports the lane as lost. Removing an event
	// that is not there has no effect.
	Done(ctx context.Context, w QueueWorker, done []QueueDone) (QueueAnswer, error)

	// Beat renews the lease of w, frees what the dead hold, and compares what w holds with
	// held, which are all lanes that w believes to hold. A lane of held that w does not hold
	// with that epoch is reported as lost. Events of lanes that w holds are delivered again if
	// they come after the Last of the lane, or if held does not have the lane.
	Beat(ctx context.Context, w QueueWorker, held []QueueHeld) (QueueAnswer, error)

	// Lead makes w the leader of a role in the community, such as that of polling, unless
	// another worker that is alive leads it. It returns the value that Put has set, or "",
	// and whether w leads the role. A worker leads until it is dead.
	Lead(ctx context.Context, w QueueWorker, role string) (value string, leads bool, err error)

	// Leave ends w at once: its lanes are free and its roles without a leader. No Tries grow.
	Leave(ctx context.Context, w QueueWorker) error
}

// QueueLease is the time without a call after which a worker of a [Queue] is dead. A
// Dispatcher calls Beat four times in it.
const QueueLease = 5 * time.Second

// ErrNotLeading says that a worker tried to set a value of a role that it does not lead.
var ErrNotLeading = errors.New("vk: Queue: the worker does not lead the role")

// A QueueWorker is a process that works for a community.
type QueueWorker struct {
	Group int64  // the community
	ID    string // of the process; each start has another
	Room  int    // how many more lanes it takes
}

// A QueueEvent is an event for a [Queue].
type QueueEvent struct {
	ID   string // identifies duplicates; "" if there can be none
	Lane string // at most 100 bytes
	Data []byte // JSON
}

// A QueueMark is the new value of a role, such as the place in a community's history of
// the worker that polls.
type QueueMark struct {
	Role, Value string
}

// A QueueAnswer is the answer of a [Queue] to a worker.
type QueueAnswer struct {
	Batches []QueueBatch
	Lost    []QueueLost
}

// A QueueBatch is events of one lane for its holder.
type QueueBatch struct {
	Lane  string
	Epoch int64

	// After is the Seq of the last event of the lane that was delivered in this epoch before
	// these, or 0. A worker whose answers overtake each other knows by it what is missing.
	After int64

	Events []QueuedEvent
}

// A QueuedEvent is an event in a Queue.
type QueuedEvent struct {
	Seq   int64
	Tries int // how many workers died of it, see Queue
	ID    string
	Data  []byte
}

// A QueueDone is what a worker has done with a lane.
type QueueDone struct {
	Lane  string
	Epoch int64
	Seqs  []int64 // of the events that are handled

	// GiveBack frees the lane, also if it has events. Without it, a lane is free once it has
	// none.
	GiveBack bool

	// Pause is the time, from now, for which nobody takes the lane that is given back.
	Pause time.Duration
}

// A QueueHeld is a lane that a worker believes to hold.
type QueueHeld struct {
	Lane   string
	Epoch  int64
	Last   int64   // Seq of the last event that it has got, or 0
	Parked []int64 // Seqs of the events whose handlers wait for something, in ascending order
}

// A QueueLost is a lane that a worker believed to hold.
type QueueLost struct {
	Lane  string
	Epoch int64
}

// Limits counts uses for several processes: see [Client.Limits], and Limits of the
// Cooldown and MaxConcurrency of package middleware. The nested modules redisstore and pgstore have
// one each; vktest.Limits is one in memory, for tests. vktest.TestLimits tests one.
//
// The rules below are for those who write one. The time is that of the server. Each
// method is atomic. If it returns an error, it may have had its effect or not. Keys are
// UTF-8 text of 1 to 1,024 bytes. The methods must be safe for concurrent use. What has
// expired takes no memory for longer than a minute.
type Limits interface {
	// Reserve takes one use of key if rule allows it now, and returns a token by which Cancel
	// gives it back. Otherwise it takes nothing, and returns the time after which a use may be
	// free, which is positive.
	Reserve(ctx context.Context, key string, rule LimitRule) (token string, wait time.Duration, err error)

	// Left returns how long Reserve would have to wait. It takes nothing.
	Left(ctx context.Context, key string, rule LimitRule) (wait time.Duration, err error)

	// Cancel gives a use back. If it has expired, or was given back or reset, Cancel has no
	// effect.
	Cancel(ctx context.Context, key, token string) error

	// Reset forgets the uses of key.
	Reset(ctx context.Context, key string) error

	// Acquire makes owner one of at most n holders of key for the time of lease, or renews its
	// lease if it is one. If n is zero, there may be any number. It returns the number of
	// holders, and whether owner is one.
	Acquire(ctx context.Context, key, owner string, n int, lease time.Duration) (holders int, ok bool, err error)

	// Release makes owner no holder of key. If it is none, Release has no effect.
	Release(ctx context.Context, key, owner string) error
}

// A LimitRule says how often something may be used.
type LimitRule struct {
	Rate int
	Per  time.Duration

	// Rest selects the rule of a cooldown. The first use opens a window of the length Per. The
	// window has Rate uses; the last of them opens it anew, so that a rest of the whole length
	// begins. A use that is given back may end the rest. If false, there are at most Rate uses
	// in any time of the length Per.
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

// answer makes a call, whose panics are errors.
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
