// Package journal keeps unfinished events in a key-value store, so that the
// next run of a program can handle them.
//
// Events are stored in batches. Each batch is a value of its own. It is written
// once, before its events begin, and erased when all of them are done. No value
// refers to another, so only an order has to be maintained: a batch is written
// before the next one, and the newest batch is kept until there is a newer one,
// because it contains the place in the source's history.
//
// One process owns a journal. In a store that several processes share, the
// ownership is a lease that the owner renews.
package journal

import (
	"context"
	"crypto/rand"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
)

// A Store keeps values by key. An empty value is none. Swap is atomic.
type Store interface {
	Get(ctx context.Context, key string) ([]byte, error)
	Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (swapped bool, err error)
}

// A Lister is a Store that lists its values by the beginnings of their keys, in no
// order. It may list a value twice.
type Lister interface {
	List(ctx context.Context, prefix string, yield func(key string, value []byte) bool) error
}

// Options describe a journal.
type Options struct {
	Store     Store
	Lister    Lister // nil if the Store cannot list: then the journal reads all reserved numbers
	Exclusive bool   // no other process can use the Store

	Journal string // the prefix of the batches' keys, such as "journal/7/"
	Done    string // the prefix of the keys that mark events as done, such as "done/7/"

	Timeout time.Duration // limits one operation of the Store

	// Tell is called when something has happened that should be logged. Nil
	// disables it.
	Tell func(n Notice)
}

// A Notice is an event in the life of a journal.
type Notice struct {
	Kind     NoticeKind
	Err      error         // for Failing
	Failures int           // in a row, for Working
	Lease    time.Duration // for Waiting: the maximum time of the wait
	Ahead    time.Duration // for Waiting: how far the former owner's clock is ahead of this one, if it is
}

// A NoticeKind is a kind of Notice.
type NoticeKind uint8

// The kinds of a Notice.
const (
	Failing NoticeKind = iota // the Store has begun to fail
	Working                   // the Store works again
	Lost                      // another process owns the journal now
	Waiting                   // Open waits for the end of a lease
)

const (
	// Lease is how long a process owns a journal in a shared store after its last
	// renewal.
	Lease = 15 * time.Second

	// FlushTime is the time after which the Store records that an event is done. If
	// the process is killed before that, the event is handled again.
	FlushTime = 250 * time.Millisecond

	// Remember is how long done events are recorded if their source may deliver
	// them again.
	Remember = 3 * time.Hour

	// Suspect is the number of dead runs at which an event becomes a suspect, which
	// should be handled separately from other events.
	Suspect = 2
)

var (
	// ErrTaken means that another process owns the journal.
	ErrTaken = errors.New("another process owns the journal")

	// ErrFormat means that the journal was written in a format that is no longer
	// supported.
	ErrFormat = errors.New("the journal was written by a version that kept it in another form")

	// ErrCannotRead means that a value of the journal is malformed.
	ErrCannotRead = errors.New("cannot be read")

	// ErrClosed means that the journal was closed.
	ErrClosed = errors.New("the journal is closed")
)

var retryPause = backoff.Backoff{Min: 50 * time.Millisecond, Max: 10 * time.Second}

// An Entry is an event in a journal.
type Entry struct {
	ID   string // identifies the event if its source repeats it; "" if it does not
	Data []byte // the event, as JSON; it must not change

	// Guarded by the journal's mu.
	j      *Journal
	seq    int64  // its place in the order of all events
	tries  int    // number of runs that died while it may have been running
	kept   int    // tries in the store, plus the runs that have died since
	stored int    // the number in the stored batch
	batch  *batch // nil if it is in no batch
	done   bool
	marked bool // a value marks it as done
	shares bool // the caller has written such a value, too
	calm   bool // its handler waits, so it is not to blame
	after  []func(ctx context.Context)
}

// NewEntry returns an event that may have killed the given number of runs. Its
// data are JSON.
func NewEntry(id string, data []byte, tries int) *Entry {
	return &Entry{ID: id, Data: data, tries: tries}
}

// Tries returns the number of runs that died while the event may have been
// running.
func (e *Entry) Tries() int {
	e.j.mu.Lock()
	defer e.j.mu.Unlock()
	return e.tries
}

// A Journal is an open journal. Its methods are safe for concurrent use.
type Journal struct {
	o     Options
	owner string

	base   context.Context // for work in the background; ends with the journal
	cancel context.CancelFunc
	tasks  sync.WaitGroup // started by timers

	// writing holds an element while a goroutine writes. The fields below belong to
	// that goroutine.
	writing chan struct{}
	place   placeKeeper

	mu       sync.Mutex
	ts       string // the place in the history
	moved    bool   // ts is not in the store yet
	seq      int64  // of the last entry
	pending  []*Entry
	later    []func(context.Context) // of events that were done before they were written
	batches  map[*batch]struct{}     // the batches in the store
	dirty    map[*batch]struct{}     // the batches with changes that the store does not have
	newest   *batch                  // contains ts; nil if there is none yet
	draft    *batch                  // its write has failed and may have succeeded in the store
	start    int64                   // no batch of this run has a lower number
	loaded   bool                    // batches is complete
	deaths   int64                   // number of runs that died, up to this one
	died     bool                    // the last run died
	repeats  bool                    // a source of the last run may deliver its events again
	repeated bool                    // a source of this run may do so, and the store records it
	opened   time.Time
	lost     bool
	closed   bool
	renewed  time.Time     // the beginning of the current lease
	failing  int           // number of failed writes in a row
	took     time.Duration // duration of the last flush
	timer    *time.Timer
	due      time.Time // of timer
	beat     *time.Timer
}

// Open opens a journal, and returns the events that earlier runs have left, in
// order. It returns ErrTaken if another process owns the journal. In a shared
// store, detecting this takes up to the Lease.
func Open(ctx context.Context, o Options) (*Journal, []*Entry, error) {
	j := &Journal{
		o: o, owner: rand.Text(), opened: time.Now(), writing: make(chan struct{}, 1),
		batches: make(map[*batch]struct{}), dirty: make(map[*batch]struct{}),
	}
	if o.Tell == nil {
		j.o.Tell = func(Notice) {}
	}
	j.base, j.cancel = context.WithCancel(context.WithoutCancel(ctx))
	left, err := j.open(ctx)
	if err != nil {
		j.giveBack(ctx)
		j.cancel()
		return nil, nil, err
	}
	if !o.Exclusive {
		j.mu.Lock() // it may fire at once
		j.beat = time.AfterFunc(Lease/3, func() { j.task(j.renew) })
		j.mu.Unlock()
	}
	return j, left, nil
}

// Place returns the place in the history last passed to Add, in this run or in
// an earlier one, or "".
func (j *Journal) Place() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.ts
}

// Add adds events, in order, and the place in the history after them. Write
// writes them.
func (j *Journal) Add(ts string, entries ...*Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if ts != j.ts {
		j.ts, j.moved = ts, true
	}
	for _, e := range entries {
		j.seq++
		e.j, e.seq = j, j.seq
	}
	j.pending = append(j.pending, entries...)
}

// Keep is Add for an event without a place in the history.
func (j *Journal) Keep(e *Entry) { j.Add(j.Place(), e) }

// Done records that an event is done, or is not to be handled for another
// reason. With functions, this is written at once, and they are called once the
// next run will not receive the event. Otherwise it is written within
// FlushTime.
func (e *Entry) Done(after ...func(ctx context.Context)) {
	j := e.j
	j.mu.Lock()
	defer j.mu.Unlock()
	if e.done {
		if len(after) > 0 {
			e.after = append(e.after, after...)
			j.soon(0)
		}
		return
	}
	e.done = true
	wait := max(FlushTime, 10*j.took) // a slow store should not be busy all the time
	if len(after) > 0 {
		e.after, wait = append(e.after, after...), 0
	}
	if e.batch != nil {
		e.batch.live--
		j.dirty[e.batch] = struct{}{}
	}
	j.soon(wait)
}

// Twin records that another entry has the same event and is not done: when this
// entry is done, the store must not mark the event as done. Call it before
// Done.
func (e *Entry) Twin() {
	e.j.mu.Lock()
	defer e.j.mu.Unlock()
	e.ID = ""
}

// WhenStored registers after to be called once the event is done and the next
// run will not receive it. This is written at the usual time, not at once. Call
// it before Done.
func (e *Entry) WhenStored(after func(ctx context.Context)) {
	e.j.mu.Lock()
	defer e.j.mu.Unlock()
	e.after = append(e.after, after)
}

// Remembered records that the caller has written the value that marks the event
// as done, for KeepDone. When no batch contains the event any more, the value
// is kept for Remember from then on.
func (e *Entry) Remembered() {
	j := e.j
	j.mu.Lock()
	defer j.mu.Unlock()
	e.shares = true
}

// Calm sets whether the event's handler waits. While it waits, it is not to
// blame if the process dies. It need not be called for events that no run has
// died of.
func (e *Entry) Calm(calm bool) {
	j := e.j
	j.mu.Lock()
	defer j.mu.Unlock()
	e.calm = calm
	if calm && e.tries > 0 && e.batch != nil && !e.done {
		j.dirty[e.batch] = struct{}{}
		j.soon(FlushTime)
	}
}

// Owned reports whether this process owns the journal, by its own clock.
func (j *Journal) Owned() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return !j.lost && !j.closed && (j.o.Exclusive || time.Since(j.renewed) < Lease)
}

// Lost reports whether another process has taken the journal over.
func (j *Journal) Lost() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lost
}

// Died reports whether the last run ended without Close.
func (j *Journal) Died() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.died
}

// Failing reports whether the last write failed.
func (j *Journal) Failing() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.failing > 0
}

// Repeats reports whether a source delivers events again until they are done:
// in this run, or in the last one, if that was recent enough to matter.
func (j *Journal) Repeats() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.mayRepeat()
}

// mayRepeat is Repeats for callers that hold j.mu.
func (j *Journal) mayRepeat() bool {
	return j.repeated || j.repeats && time.Since(j.opened) < Remember
}

// Close writes the results of the events, and releases the journal. The
// remaining events are for the next run. None of them is blamed for the end of
// this one.
func (j *Journal) Close(ctx context.Context) error {
	if !j.end() {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	var err error
	for try := range 5 {
		if backoff.Sleep(ctx, retryPause.Delay(try)) != nil {
			break
		}
		if err = j.settle(ctx); err == nil || errors.Is(err, ErrTaken) {
			return nil
		}
	}
	return err
}

// settle is one attempt of Close.
func (j *Journal) settle(ctx context.Context) error {
	j.writing <- struct{}{}
	defer func() { <-j.writing }()
	j.mu.Lock()
	for b := range j.batches {
		for _, e := range b.entries {
			e.calm = true
			if e.stored > 0 {
				b.force = true
				j.dirty[b] = struct{}{}
			}
		}
	}
	lost := j.lost
	j.mu.Unlock()
	if lost {
		return ErrTaken
	}
	err := j.writePending(ctx)
	for pass := 0; err == nil && (pass == 0 || pass < maxPasses && j.isDirty()); pass++ {
		err = j.writeDone(ctx, math.MaxInt)
	}
	if err == nil {
		err = j.writePlace(ctx, func(p *placeRecord) { p.Owner, p.Forgiven, p.Try = "", p.Deaths, nil })
	}
	return err
}

// Abandon ends the journal without writing to the store, as the end of the
// process would.
func (j *Journal) Abandon() { j.end() }

// end stops the work in the background. It reports whether this call ended it.
func (j *Journal) end() bool {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return false
	}
	j.closed = true
	for _, t := range []*time.Timer{j.timer, j.beat} {
		if t != nil {
			t.Stop()
		}
	}
	j.mu.Unlock()
	j.cancel()
	j.tasks.Wait()
	return true
}

// soon schedules a flush. The caller holds j.mu.
func (j *Journal) soon(after time.Duration) {
	if j.closed || j.lost {
		return
	}
	due := time.Now().Add(after)
	switch {
	case j.timer == nil:
		j.timer = time.AfterFunc(after, func() { j.task(j.flush) })
	case j.due.IsZero() || due.Before(j.due):
		j.timer.Reset(after)
	default:
		return
	}
	j.due = due
}

// task runs work started by a timer, unless end was called before. end waits
// for it.
func (j *Journal) task(f func()) {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return
	}
	j.tasks.Add(1)
	j.mu.Unlock()
	defer j.tasks.Done()
	f()
}

// lose records that another process owns the journal.
func (j *Journal) lose() {
	j.mu.Lock()
	first := !j.lost
	j.lost = true
	j.pending, j.dirty = nil, make(map[*batch]struct{})
	j.mu.Unlock()
	if first {
		j.o.Tell(Notice{Kind: Lost})
	}
}

// get and swap call the Store, within the Timeout.
func (j *Journal) get(ctx context.Context, key string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, j.o.Timeout)
	defer cancel()
	return j.o.Store.Get(ctx, key)
}

func (j *Journal) swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, j.o.Timeout)
	defer cancel()
	return j.o.Store.Swap(ctx, key, old, new, ttl)
}

// parallel calls f for each element, a few at a time, and returns the first
// error.
func parallel[T any](all []T, f func(T) error) error {
	const most = 32
	if len(all) <= 1 {
		for _, one := range all {
			return f(one)
		}
		return nil
	}
	var wg sync.WaitGroup
	errs := make([]error, len(all))
	room := make(chan struct{}, most)
	for i, one := range all {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			errs[i] = f(one)
		})
	}
	wg.Wait()
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return errs[i]
	}
	return nil
}
