package vk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vkrouter/vk/internal/memstore"
	"github.com/vkrouter/vk/internal/queue"
	"github.com/vkrouter/vk/internal/record"
)

// A Store keeps small values by key, each until it expires: sessions, and the
// state that a bot needs to lose no event over a restart. A [MemoryStore] is
// lost when the process ends; package filestore keeps values in a file. For a
// database that several processes share, write your own Store:
//
//	// Swap in Redis, with the key and old, new, ttl in milliseconds.
//	if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
//	if ARGV[2] == '' then redis.call('DEL', KEYS[1])
//	elseif ARGV[3] == '0' then redis.call('SET', KEYS[1], ARGV[2])
//	else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
//	return 1
//
// vktest.TestStore tests a Store.
//
// A value has at least one byte: an empty slice, nil or not, means that there
// is no value. Keys are UTF-8 text of 1 to 1,024 bytes without zero bytes. Most
// values of this package are below a kilobyte, but a batch of events may have
// several megabytes. The methods must be safe for concurrent use and must not
// keep the slices passed to them. The caller may change the slices that they
// return.
//
// A Store may also have a method Exclusive() bool, which reports whether only
// this process uses the Store; the result must not change. Without it, the
// Store is treated as shared by several processes. In a shared Store, a
// [Dispatcher] renews its ownership of a community's journal every 5 seconds,
// and after a crash the next process waits for up to 15 seconds; see
// [ErrJournalTaken]. A Store may also be a [Lister]. A struct that embeds the
// interface Store does not get these methods from the value in it.
type Store interface {
	// Get returns the value, or nil if there is none or it has expired.
	Get(ctx context.Context, key string) ([]byte, error)

	// Swap sets the value to new and returns true if the value equals old;
	// otherwise it changes nothing and returns false. Swap is atomic: if several
	// callers, in any process, swap the same old value for different new ones,
	// one of them succeeds. An empty old means that there must be no value. An
	// empty new deletes the value.
	//
	// The value expires after ttl. Each successful Swap sets the ttl again,
	// even if the value stays the same. If ttl is zero, the value does not
	// expire; a negative ttl is an error. A value may expire up to a second
	// late.
	//
	// A Store whose driver retries a Swap after a lost response must not return
	// false for a change that it has made itself: if it cannot tell, it returns
	// an error. Sessions recognize their own change if no other has followed.
	//
	// A change survives the end of the process, unless the Store documents
	// otherwise. If Swap returns an error, the value may or may not have
	// changed.
	Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (swapped bool, err error)
}

// A Lister is a [Store] that can list its values. Being a Lister is optional,
// but [Timers] and [Session.All] need one. With a Lister, the start of a bot
// with a long history takes one call instead of many.
type Lister interface {
	// List calls yield with each key that begins with prefix, and its value,
	// until yield returns false. The order is unspecified, and a key may be
	// listed more than once. A value that exists during the whole call is
	// listed. A value that changes during the call may be listed, in its old or
	// new form. An expired value is not listed. The Store must not keep the
	// slices, and yield may use the Store.
	List(ctx context.Context, prefix string, yield func(key string, value []byte) bool) error
}

// listStore lists the values of a Store for the method named by place.
func listStore(ctx context.Context, s Store, place, prefix string, yield func(key string, value []byte) bool) error {
	l, ok := s.(Lister)
	if !ok {
		return errNoLister(place)
	}
	return l.List(ctx, prefix, yield)
}

// errNoLister returns the error of a method that needs a Lister.
func errNoLister(place string) error {
	return &ConfigError{
		Place: place, Field: "Store", Text: "the Store cannot list its keys",
		Mend: "use one that is a vk.Lister, such as a MemoryStore or a filestore.Store",
	}
}

// guard returns s as a Store that returns panics, and the end of the goroutine,
// as errors.
func guard(s Store) Store {
	switch s.(type) {
	case nil, *MemoryStore:
		return s
	}
	if l, ok := s.(Lister); ok {
		return guardedLister{guardedStore{s}, l}
	}
	return guardedStore{s}
}

// A guardedLister is a guardedStore that can list.
type guardedLister struct {
	guardedStore
	lister Lister
}

func (s guardedLister) List(ctx context.Context, prefix string, yield func(key string, value []byte) bool) (err error) {
	failed := apart(func() error {
		err = s.lister.List(ctx, prefix, yield)
		return nil
	})
	if failed != nil {
		return fmt.Errorf("vk: Store.List: %w", failed)
	}
	return err
}

type guardedStore struct{ Store }

func (s guardedStore) Get(ctx context.Context, key string) (value []byte, err error) {
	failed := apart(func() error {
		value, err = s.Store.Get(ctx, key)
		return nil
	})
	if failed != nil {
		return nil, fmt.Errorf("vk: Store.Get: %w", failed)
	}
	return value, err
}

func (s guardedStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (swapped bool, err error) {
	failed := apart(func() error {
		swapped, err = s.Store.Swap(ctx, key, old, new, ttl)
		return nil
	})
	if failed != nil {
		return false, fmt.Errorf("vk: Store.Swap: %w", failed)
	}
	return swapped, err
}

// Exclusive returns the result of the Store's Exclusive method, or false if it
// has none.
func (s guardedStore) Exclusive() (exclusive bool) {
	apart(func() error {
		e, ok := s.Store.(interface{ Exclusive() bool })
		exclusive = ok && e.Exclusive()
		return nil
	})
	return exclusive
}

// storeErrors is the prefix of a MemoryStore's error texts.
const storeErrors = "vk: store"

// A MemoryStore is a Store that keeps its values in memory, until the process
// ends. The zero value is ready for use. It has no goroutine: each call of Swap
// removes a few expired values. A value has at most 64 MiB.
type MemoryStore struct {
	values memstore.Store
}

// Get implements [Store].
func (s *MemoryStore) Get(ctx context.Context, key string) ([]byte, error) {
	if err := memstore.Check(ctx, storeErrors, key, nil, 0); err != nil {
		return nil, err
	}
	return s.values.Get(key), nil
}

// Swap implements [Store].
func (s *MemoryStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if err := memstore.Check(ctx, storeErrors, key, new, ttl); err != nil {
		return false, err
	}
	return s.values.Swap(key, old, new, ttl), nil
}

// List implements [Lister].
func (s *MemoryStore) List(ctx context.Context, prefix string, yield func(key string, value []byte) bool) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s.values.List(prefix, yield)
	return nil
}

// Exclusive returns true: no other process can use the values.
func (s *MemoryStore) Exclusive() bool { return true }

// short returns a name, or a substitute for a name that is too long for a key
// of a Store, or is not text. No valid name equals a substitute.
func short(name string) string { return record.Short(name) }

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
