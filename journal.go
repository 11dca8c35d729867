package vk

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
)

// A backlog is what a Dispatcher keeps in its Store of one community: how far
// in its history events were taken, and which of them are not done. Both are in
// one record, which is written when events have come, before they begin, and a
// moment after some are done.
//
// In a Store that several processes share, each has a record of its own, in a
// numbered slot. The record is a lease too: who has not renewed it for some
// time is dead, and its events are taken over by the others, or by who starts
// next. Whatever place in the history a record names, everything before it
// was put into some record: so who begins with any of them misses nothing.
type backlog struct {
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
	failing int    // writes that have failed in a row

	// handing holds an element while somebody gives events to the lanes, or
	// takes over those of the dead: so they keep their order.
	handing chan struct{}

	mu      sync.Mutex
	entries []*entry  // in the order in which they came
	ts      string    // "" if nobody follows the history
	at      time.Time // when the history had come there
	dirty   bool
	lost    bool // another has the record
	resumed bool // what was in it has been handed out
	closed  bool
	took    time.Duration // the last write
	pollers int           // that follow the community with it
	feed    *feed         // of who handles what is taken over; nil if nobody does yet
	client  *Client
	timer   *time.Timer // writes soon what has changed; nil if nothing has
	beat    *time.Timer // renews the lease

	tasks sync.WaitGroup // what timers have begun
}

// An entry is an event in a journal.
type entry struct {
	jr    *backlog
	ev    *Event
	job   *job // in whose hands it is; nil if in nobody's
	done  bool
	tries int // runs of the bot that died and may have begun it
}

const (
	// leaseTime is how long a process is thought to be alive that does not
	// say so.
	leaseTime = 15 * time.Second

	// storeTime bounds how long is waited for the Store.
	storeTime = 10 * time.Second

	// flushTime is after how long it is written that events are done. A process that is killed before repeats them.
	flushTime = 250 * time.Millisecond

	// maxSlots bounds how many processes may share a community.
	maxSlots = 1000
)

var storePause = backoff.Backoff{Min: 50 * time.Millisecond, Max: 10 * time.Second}

// An opening is a journal that is being opened.
type opening struct {
	ready chan struct{} // closed when it is
	jr    *backlog
	err   error
}

// journal returns the journal of a community, and opens it first if need be.
func (d *Dispatcher) journal(ctx context.Context, group int64) (*backlog, error) {
	d.mu.Lock()
	o := d.journals[group]
	if o == nil {
		o = &opening{ready: make(chan struct{})}
		if d.journals == nil {
			d.journals = make(map[int64]*opening)
		}
		d.journals[group] = o
		d.mu.Unlock()
		o.jr, o.err = d.openJournal(ctx, group)
		if o.err != nil {
			d.mu.Lock()
			delete(d.journals, group)
			d.mu.Unlock()
		}
		close(o.ready)
		return o.jr, o.err
	}
	d.mu.Unlock()
	select {
	case <-o.ready:
		return o.jr, o.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (d *Dispatcher) openJournal(ctx context.Context, group int64) (*backlog, error) {
	jr := &backlog{
		d: d, store: d.Store, group: group, shared: d.sharedStore(), owner: rand.Text(),
		writing: make(chan struct{}, 1), handing: make(chan struct{}, 1),
	}
	jr.base, jr.cancel = context.WithCancel(context.WithoutCancel(ctx))
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	if err := jr.open(ctx); err != nil {
		jr.end()
		return nil, fmt.Errorf("vk: journal of community %d: %w", group, err)
	}
	if jr.shared {
		jr.beat = time.AfterFunc(leaseTime/3, func() { jr.task(jr.renew) })
	}
	return jr, nil
}

func (jr *backlog) key(slot int) string {
	return "journal/" + strconv.FormatInt(jr.group, 10) + "/" + strconv.Itoa(slot)
}

// open takes the first record that nobody has, with what is in it.
func (jr *backlog) open(ctx context.Context) error {
	for {
		var latest time.Time
		ts := ""
		slot, at := -1, []byte(nil)
		for n := 0; ; n++ {
			if n == maxSlots {
				return fmt.Errorf("more than %d processes", maxSlots)
			}
			raw, err := jr.store.Get(ctx, jr.key(n))
			if err != nil {
				return err
			}
			r, err := readRecord(raw)
			if err != nil {
				return fmt.Errorf("%q cannot be read: %w", jr.key(n), err)
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
		jr.slot, jr.known, jr.ts, jr.at = slot, at, ts, latest
		jr.entries = jr.load(r)
		jr.dirty = true
		if err := jr.write(ctx, true); err != nil {
			return err
		}
		if !jr.lost {
			return nil
		}
		jr.lost = false // another was faster
	}
}

// load returns what a record has of events, of which one more run has died.
func (jr *backlog) load(r record) []*entry {
	var list []*entry
	for _, of := range r.Events {
		e, err := ParseEvent(of.Raw)
		if err != nil {
			jr.d.logger().Error("vk: journal: an event cannot be read", "err", err, "event", fmt.Sprintf("%.300s", of.Raw))
			continue
		}
		en := &entry{jr: jr, ev: e, tries: of.Tries}
		if r.Owner != "" && en.tries < aloneAfter {
			en.tries++ // who had it did not stop, but died
		}
		list = append(list, en)
	}
	return list
}

// add notes that events have come, and how far in the history. The entries are
// theirs.
func (jr *backlog) add(ts string, events []*Event) []*entry {
	jr.mu.Lock()
	defer jr.mu.Unlock()
	if ts != jr.ts || len(events) > 0 {
		jr.dirty = true
	}
	if ts != jr.ts {
		jr.ts, jr.at = ts, time.Now()
	}
	for _, e := range events {
		jr.entries = append(jr.entries, &entry{jr: jr, ev: e})
	}
	return jr.entries[len(jr.entries)-len(events):]
}

// settle notes that nobody handles the event any more, because it is done or
// because it is not.
func (e *entry) settle(done bool) {
	if e == nil {
		return
	}
	jr := e.jr
	jr.mu.Lock()
	defer jr.mu.Unlock()
	e.job, e.done = nil, done
	if done {
		jr.dirty = true
		jr.soon(max(flushTime, 10*jr.took)) // a large record is not always being written
	}
}

// handTo hands an entry to another job, which handles the same event.
func (e *entry) handTo(j *job) *entry {
	if e != nil {
		e.jr.mu.Lock()
		defer e.jr.mu.Unlock()
		e.job = j
	}
	return e
}

// drop is settle for one that is no use.
func (e *entry) drop() { e.settle(true) }

// soon has the record written soon. The caller holds jr.mu.
func (jr *backlog) soon(after time.Duration) {
	if jr.timer == nil && !jr.closed {
		jr.timer = time.AfterFunc(after, func() { jr.task(jr.flush) })
	}
}

// task runs what a timer begins, and close waits for, unless it was first.
func (jr *backlog) task(f func()) {
	jr.mu.Lock()
	if jr.closed {
		jr.mu.Unlock()
		return
	}
	jr.tasks.Add(1)
	jr.mu.Unlock()
	defer jr.tasks.Done()
	f()
}

func (jr *backlog) flush() {
	jr.mu.Lock()
	jr.timer = nil
	jr.mu.Unlock()
	jr.save(jr.base)
}

// save writes the record, if it has changed. If the Store fails, the bot goes on
// all the same, and it is tried again: nothing is lost by that unless the
// process dies before VK forgets what has come since.
func (jr *backlog) save(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	jr.write(ctx, false)
}

// write writes the record, if it has changed or anyway. If another has it, that
// is no error, but jr.lost.
func (jr *backlog) write(ctx context.Context, anyway bool) error {
	select {
	case jr.writing <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-jr.writing }()
	jr.mu.Lock()
	if jr.lost || !jr.dirty && !anyway {
		jr.mu.Unlock()
		return nil
	}
	jr.dirty = false
	b := jr.record()
	jr.mu.Unlock()

	began := time.Now()
	lost, err := jr.swap(ctx, b)
	took := time.Since(began)

	log := jr.d.logger()
	jr.mu.Lock()
	defer jr.mu.Unlock()
	switch {
	case err != nil:
		jr.dirty = true
		jr.failing++
		if jr.failing == 1 {
			log.Error("vk: the store fails: the bot goes on, but is not safe from a crash", "err", err)
		}
		jr.soon(storePause.Delay(jr.failing))
	case lost:
		jr.lost = true
		if !jr.shared {
			log.Error("vk: another Dispatcher of this process has taken over the store: this one keeps nothing any more")
		}
	default:
		if jr.failing > 0 {
			log.Info("vk: the store works again", "failures", jr.failing)
		}
		jr.failing = 0
		jr.took = took
	}
	return err
}

// swap puts b in the record's place. It reports whether another has taken it.
func (jr *backlog) swap(ctx context.Context, b []byte) (lost bool, err error) {
	for {
		swapped, err := jr.store.Swap(ctx, jr.key(jr.slot), jr.known, b, 0)
		if err != nil {
			return false, err
		}
		if swapped {
			jr.known = b
			return false, nil
		}
		// It may be what an earlier write has left that seemed to have failed.
		raw, err := jr.store.Get(ctx, jr.key(jr.slot))
		if err != nil {
			return false, err
		}
		r, err := readRecord(raw)
		if err != nil {
			return false, err
		}
		if r.Owner != jr.owner {
			return true, nil
		}
		jr.known = raw
	}
}

// use has what is taken over from now on handled with a feed and a client.
func (jr *backlog) use(f *feed, client *Client) {
	jr.mu.Lock()
	defer jr.mu.Unlock()
	jr.feed, jr.client = f, cmp.Or(client, jr.client, jr.d.Client)
}

// join is use for a Poller, until it leaves.
func (jr *backlog) join(f *feed, client *Client) {
	jr.use(f, client)
	jr.mu.Lock()
	defer jr.mu.Unlock()
	jr.pollers++
}

// leave writes what has become of a Poller's events, and closes the journal if
// it was the last, and nobody else uses it: a Dispatcher that is used for
// nothing else need not be stopped.
func (jr *backlog) leave(ctx context.Context) {
	jr.mu.Lock()
	jr.pollers--
	last := jr.pollers == 0
	jr.mu.Unlock()
	if !last || jr.d.claims.offered.Load() {
		jr.save(ctx)
		return
	}
	d := jr.d
	d.mu.Lock()
	if o := d.journals[jr.group]; o != nil && o.jr == jr {
		delete(d.journals, jr.group)
	}
	d.mu.Unlock()
	jr.close(ctx)
}

// close writes the record for the last time, gives up the lease and ends what
// is done in the background. What is not done is for the next run, and no one
// who handles it was at fault for this one's end.
func (jr *backlog) close(ctx context.Context) {
	if !jr.end() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	for try := 1; jr.write(ctx, true) != nil; try++ {
		if try == 5 || backoff.Sleep(ctx, storePause.Delay(try)) != nil {
			jr.d.logger().Error("vk: the store fails: what was done of late is done again after the next start")
			return
		}
	}
}

// end ends what is done in the background. It reports whether it was not ended
// before.
func (jr *backlog) end() bool {
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
	for _, e := range jr.entries {
		e.tries = 0
	}
	jr.mu.Unlock()
	jr.cancel()
	jr.tasks.Wait()
	return true
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
