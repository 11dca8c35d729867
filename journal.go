package vk

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
)

// A journal is what a Dispatcher keeps in its Store of one community: how far
// in its history events were admitted, and which of them are not handled. Both
// are in one record, which is written when events have come, before they begin,
// and a moment after some are handled. So that this stays small while many people
// think about an answer, events that are not handled for long are moved out of
// the record, to segments that it names.
//
// In a Store that several processes share, each has a record of its own, in a
// numbered slot. The record is a lease too: who has not renewed it for some
// time is dead, and its events are taken over by the others, or by who starts
// next. Whatever place in the history a record names, everything before it
// was put into some record: so who begins with any of them misses nothing.
type journal struct {
	d      *Dispatcher
	store  Store
	group  int64
	shared bool
	owner  string
	base   context.Context // of what is done in the background; ends with close
	cancel context.CancelFunc

	// writing holds an element while somebody writes. What follows is theirs.
	writing chan struct{}
	slot    int
	known   []byte // the record, as far as is known
	shelf   shelf

	// handing holds an element while somebody gives events to the lanes, or
	// takes over those of the dead: so they keep their order.
	handing chan struct{}

	mu       sync.Mutex
	ts       string          // "" if nobody follows the history
	at       time.Time       // when the history had come there
	seq      int64           // of the last entry
	tail     []*journalEntry // those that stand in the record itself
	segments []*segment      // where the others stand
	idle     []*journalEntry // what is in nobody's hands, by seq; what is not any more is passed over
	tried    []*journalEntry // of which a run of the bot has died
	dirty    bool
	lost     bool // another has the record
	resumed  bool // what was in it has been handed out
	puzzled  bool // what another has left cannot be read, and that was said
	closed   bool
	failing  int           // writes that have failed in a row
	took     time.Duration // the last write
	pollers  int           // that follow the community with it
	feed     *feed         // of who handles what is taken over; nil if nobody does yet
	client   *Client
	timer    *time.Timer // writes soon what has changed; nil if nothing has
	beat     *time.Timer // renews the lease

	blind streak         // of looks for what the dead have left
	tasks sync.WaitGroup // what timers have begun
}

// A journalEntry is an event in a journal. It is guarded by the journal's mu.
type journalEntry struct {
	jr      *journal
	ev      *Event
	seq     int64     // the place in the order in which they came
	came    time.Time // when it came to the tail; zero is long ago
	job     *job      // that handles it; nil if none does
	handled bool      // or of no use
	queued  bool      // among jr.idle
	tries   int       // runs of the bot that died and may have begun it
	seg     *segment  // nil if it is in the tail
	place   int       // in seg
}

const (
	// leaseTime is how long a process is thought to be alive that does not
	// say so.
	leaseTime = 15 * time.Second

	// storeTime bounds how long is waited for the Store.
	storeTime = 10 * time.Second

	// flushTime is how long after events are handled that is written. A process
	// that is killed before then repeats them.
	flushTime = 250 * time.Millisecond

	// maxSlots bounds how many processes may share a community.
	maxSlots = 1000
)

var storePause = backoff.Backoff{Min: 50 * time.Millisecond, Max: 10 * time.Second}

// An opening is a journal that is being opened.
type opening struct {
	ready chan struct{} // closed when it is
	jr    *journal
	err   error
}

// journal returns the journal of a community, and opens it first if need be.
func (d *Dispatcher) journal(ctx context.Context, group int64) (*journal, error) {
	d.mu.Lock()
	o := d.journals[group]
	if o == nil {
		if d.stopped {
			d.mu.Unlock()
			return nil, ErrStopped
		}
		o = &opening{ready: make(chan struct{})}
		if d.journals == nil {
			d.journals = make(map[int64]*opening)
		}
		d.journals[group] = o
		// It takes storeTime at most, and closeJournals waits for it. Who comes
		// first may have less time than those who come after.
		go func() {
			defer close(o.ready)
			o.jr, o.err = d.openJournal(context.WithoutCancel(ctx), group)
			if o.err != nil {
				d.mu.Lock()
				delete(d.journals, group)
				d.mu.Unlock()
			}
		}()
	}
	d.mu.Unlock()
	select {
	case <-o.ready:
		return o.jr, o.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (d *Dispatcher) openJournal(ctx context.Context, group int64) (*journal, error) {
	jr := &journal{
		d: d, store: d.guarded(), group: group, shared: d.sharedStore(), owner: rand.Text(),
		writing: make(chan struct{}, 1), handing: make(chan struct{}, 1), shelf: newShelf(),
	}
	jr.base, jr.cancel = context.WithCancel(context.WithoutCancel(ctx))
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	if err := jr.open(ctx); err != nil {
		jr.end()
		return nil, fmt.Errorf("vk: journal of community %d: %w", group, err)
	}
	if jr.shared {
		jr.mu.Lock() // it may fire at once, for all that is known
		jr.beat = time.AfterFunc(leaseTime/3, func() { jr.task(jr.renew) })
		jr.mu.Unlock()
	}
	return jr, nil
}

func (jr *journal) key(slot int) string {
	return "journal/" + strconv.FormatInt(jr.group, 10) + "/" + strconv.Itoa(slot)
}

// open takes the first record that nobody has, with what is in it.
func (jr *journal) open(ctx context.Context) error {
	for {
		var latest time.Time
		ts := ""
		slot, at := -1, []byte(nil)
		for n := 0; ; n++ {
			if n == maxSlots {
				return fmt.Errorf("more than %d processes", maxSlots)
			}
			raw, r, err := jr.read(ctx, n)
			if err != nil {
				return err
			}
			if r.TS != "" && (ts == "" || r.at().After(latest)) {
				ts, latest = r.TS, r.at()
			}
			if slot < 0 && (!jr.shared || !r.alive()) {
				slot, at = n, raw
			}
			if raw == nil || !jr.shared {
				break
			}
		}
		r, _ := readRecord(at)
		left, err := jr.load(ctx, r)
		if err != nil {
			if jr.changed(ctx, slot, at) {
				continue
			}
			return fmt.Errorf("%q: %w", jr.key(slot), err)
		}
		jr.slot, jr.known, jr.ts, jr.at = slot, at, ts, latest
		jr.shelf.unused = r.Unused
		jr.mu.Lock()
		jr.forget()
		jr.segments = left.segments
		jr.enter(left.entries)
		jr.dirty = true
		jr.mu.Unlock()
		if err := jr.write(ctx, true); err != nil {
			return err
		}
		if !jr.lost {
			return nil
		}
		jr.lost = false // another was faster
	}
}

// read reads the record of a slot. It is zero, and raw nil, if there is none.
func (jr *journal) read(ctx context.Context, slot int) (raw []byte, r record, err error) {
	raw, err = jr.store.Get(ctx, jr.key(slot))
	if err != nil {
		return nil, record{}, err
	}
	if r, err = readRecord(raw); err != nil {
		return nil, record{}, fmt.Errorf("%q %w: %w", jr.key(slot), errCannotRead, err)
	}
	return raw, r, nil
}

// errCannotRead says that what is in the Store makes no sense.
var errCannotRead = errors.New("cannot be read")

// changed reports whether the record of a slot is not what it was any more.
func (jr *journal) changed(ctx context.Context, slot int, was []byte) bool {
	raw, err := jr.store.Get(ctx, jr.key(slot))
	return err == nil && !bytes.Equal(raw, was)
}

// enter takes in entries, in their order. What has no seq gets one, as all of
// another journal do. The caller holds jr.mu.
func (jr *journal) enter(entries []*journalEntry) {
	for _, e := range entries {
		if e.seq == 0 {
			e.seq = jr.seq + 1
		}
		jr.seq = max(jr.seq, e.seq)
		if e.seg == nil {
			jr.tail = append(jr.tail, e)
		}
		if e.tries > 0 {
			jr.tried = append(jr.tried, e)
		}
		jr.queue(e)
	}
}

// queue puts an entry among the idle, if it is in nobody's hands. The caller
// holds jr.mu.
func (jr *journal) queue(e *journalEntry) {
	if e.handled || e.job != nil || e.queued {
		return
	}
	e.queued = true
	at := len(jr.idle)
	if at > 0 && jr.idle[at-1].seq > e.seq {
		at, _ = slices.BinarySearchFunc(jr.idle, e.seq, func(e *journalEntry, seq int64) int { return cmp.Compare(e.seq, seq) })
	}
	jr.idle = slices.Insert(jr.idle, at, e)
}

// next returns the first entry that is in nobody's hands, or nil. The caller
// holds jr.mu.
func (jr *journal) next() *journalEntry {
	for len(jr.idle) > 0 {
		e := jr.idle[0]
		if !e.handled && e.job == nil {
			return e
		}
		e.queued = false
		jr.idle[0] = nil
		jr.idle = jr.idle[1:]
	}
	jr.idle = nil // so that its memory does not only grow
	return nil
}

// forget forgets all entries. The caller holds jr.mu.
func (jr *journal) forget() {
	jr.seq, jr.tail, jr.segments, jr.idle, jr.tried = 0, nil, nil, nil, nil
}

// add notes that events have come, and how far in the history.
func (jr *journal) add(ts string, events []*Event) {
	jr.mu.Lock()
	defer jr.mu.Unlock()
	if ts == jr.ts && len(events) == 0 {
		return
	}
	now := time.Now()
	jr.dirty = true
	if ts != jr.ts {
		jr.ts, jr.at = ts, now
	}
	entries := make([]*journalEntry, len(events))
	for i, e := range events {
		entries[i] = &journalEntry{jr: jr, ev: e, came: now}
	}
	jr.enter(entries)
}

// keep adds one event that a job handles, or none if j is nil.
func (jr *journal) keep(e *Event, j *job) *journalEntry {
	jr.mu.Lock()
	defer jr.mu.Unlock()
	kept := &journalEntry{jr: jr, ev: e, came: time.Now(), job: j}
	jr.enter([]*journalEntry{kept})
	jr.dirty = true
	return kept
}

// handTo notes that a job is about to handle an entry's event.
func (e *journalEntry) handTo(j *job) {
	if e == nil {
		return
	}
	e.jr.mu.Lock()
	defer e.jr.mu.Unlock()
	e.job = j
}

// settle notes that no job handles the event any more, and whether it is
// handled.
func (e *journalEntry) settle(handled bool) {
	if e == nil {
		return
	}
	jr := e.jr
	jr.mu.Lock()
	defer jr.mu.Unlock()
	e.job = nil
	if !handled {
		jr.queue(e)
		return
	}
	e.handled = true
	e.mark()
	jr.dirty = true
	jr.soon(max(flushTime, 10*jr.took)) // a large record is not always being written
}

// drop is settle for an entry that is of no use.
func (e *journalEntry) drop() { e.settle(true) }

// isFailing reports whether the last write has failed.
func (jr *journal) isFailing() bool {
	jr.mu.Lock()
	defer jr.mu.Unlock()
	return jr.failing > 0
}

// isOwned reports whether the record in the Store is this process's.
func (jr *journal) isOwned() bool {
	jr.mu.Lock()
	defer jr.mu.Unlock()
	return !jr.lost && !jr.closed
}

// place returns how far in the history the journal has come, or "".
func (jr *journal) place() string {
	jr.mu.Lock()
	defer jr.mu.Unlock()
	return jr.ts
}

// use has what is taken over from now on handled with a feed and a client.
func (jr *journal) use(f *feed, client *Client) {
	jr.mu.Lock()
	defer jr.mu.Unlock()
	jr.feed, jr.client = f, client
}

// join is use for a Poller, until it leaves.
func (jr *journal) join(f *feed, client *Client) {
	jr.use(f, client)
	jr.mu.Lock()
	defer jr.mu.Unlock()
	jr.pollers++
}

// leave writes what has become of a Poller's events, and closes the journal if
// it was the last, and nobody else uses it: a Dispatcher that is used for
// nothing else need not be stopped.
func (jr *journal) leave(ctx context.Context) {
	jr.mu.Lock()
	jr.pollers--
	last := jr.pollers == 0
	jr.mu.Unlock()
	if !last || jr.d.dedupe.repeats.Load() {
		jr.save(ctx)
		return
	}
	jr.d.forgetJournal(jr)
	jr.close(ctx)
}

// close writes the record for the last time, gives up the lease and ends what
// is done in the background. What is not done is for the next run, and no one
// who handles it was at fault for this one's end.
func (jr *journal) close(ctx context.Context) {
	if !jr.end() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	for try := 1; jr.write(ctx, true) != nil; try++ {
		if try == 5 || backoff.Sleep(ctx, storePause.Delay(try)) != nil {
			jr.d.logger().LogAttrs(ctx, slog.LevelError, "vk: the store fails: what was done of late is done again after the next start")
			return
		}
	}
}

// end ends what is done in the background. It reports whether it was not ended
// before.
func (jr *journal) end() bool {
	jr.mu.Lock()
	if jr.closed {
		jr.mu.Unlock()
		return false
	}
	jr.closed = true
	for _, t := range []*time.Timer{jr.timer, jr.beat} {
		if t != nil {
			t.Stop()
		}
	}
	for _, e := range jr.tried {
		e.setTries(0)
	}
	jr.mu.Unlock()
	jr.cancel()
	jr.tasks.Wait()
	return true
}

// forgetJournal makes the next use of the community open another journal.
func (d *Dispatcher) forgetJournal(jr *journal) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if o := d.journals[jr.group]; o != nil && o.jr == jr {
		delete(d.journals, jr.group)
	}
}

// closeJournals closes the journals of a Dispatcher that has stopped.
func (d *Dispatcher) closeJournals(ctx context.Context) {
	d.mu.Lock()
	all := d.journals
	d.journals = nil
	d.mu.Unlock()
	for _, o := range all {
		<-o.ready
		if o.err == nil {
			o.jr.close(ctx)
		}
	}
}
