package vk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	durable "github.com/vkrouter/vk/internal/journal"
)

// ErrJournalTaken says that another process owns the journal of the community in
// the Dispatcher's Store: one process at a time handles a community's events, unless they
// have a [Dispatcher.Queue]. A process that does not renew its ownership for 15 seconds loses it.
//
// [Poller.Run] returns it, at its start or when another process has taken over
// because this one could not reach the Store. A [Callback] lets VK deliver the
// events again until then.
var ErrJournalTaken = errors.New("vk: another process owns the community's journal: set Dispatcher.Queue to run several processes")

// A journal is the part of a Dispatcher's Store that belongs to one community: the
// place in its history, and the events that are not done. What is stored, and when,
// is the work of the package that it uses; the journal hands the events of former
// runs to the lanes.
type journal struct {
	d     *Dispatcher
	group int64
	kept  *durable.Journal
	left  map[string]bool // doneIDs of the events that former runs have left

	timers *timerQueue // of the community, guarded by the Dispatcher's mu; nil before it begins

	base   context.Context // of work in the background; ends with the journal
	cancel context.CancelFunc
	tasks  sync.WaitGroup

	// handing holds an element while somebody gives events to the lanes: so they
	// keep their order.
	handing chan struct{}
	pace    chan struct{} // holds an element for each old event whose handler runs

	mu      sync.Mutex
	last    int64           // seq of the last entry
	reruns  map[string]bool // those of left of which the Store does not say that they are done
	idle    []*journalEntry // those without a job, by seq; entries that have one are passed over
	replays *replay         // in progress, or nil
	pollers int             // that follow the community with it
	feed    *feed           // of those jobs; nil if there is no source yet
	client  *Client
	closed  bool

	expected map[string]time.Time // doneIDs of done events that a Poller has not brought, and since when
	checked  time.Time            // when it was last looked at
}

// A journalEntry is an event in a journal. It is guarded by the journal's mu.
type journalEntry struct {
	jr      *journal
	ev      *Event
	kept    *durable.Entry
	seq     int64 // its place in the order in which they came
	old     bool  // a former run, or a source that has stopped, has left it
	job     *job  // that handles it; nil if none does
	handled bool  // or of no use
	queued  bool  // among jr.idle
}

// storeTime limits one operation of the Store.
const storeTime = 10 * time.Second

// An opening is a journal that is being opened.
type opening struct {
	ready  chan struct{} // closed when it is
	cancel context.CancelFunc
	jr     *journal
	err    error
}

// journal returns the journal of a community, and opens it first if need be.
func (d *Dispatcher) journal(ctx context.Context, group int64) (*journal, error) {
	d.mu.Lock()
	o := d.journals[group]
	var lost *journal
	if o != nil && o.isLost() {
		lost, o = o.jr, nil // the other process may have gone
	}
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
		// The first caller's ctx may expire sooner than the others'.
		var own context.Context
		own, o.cancel = context.WithCancel(context.WithoutCancel(ctx))
		go func() {
			defer close(o.ready)
			defer o.cancel()
			if lost != nil {
				lost.end()
				lost.kept.Abandon()
			}
			o.jr, o.err = d.openJournal(own, group)
			if o.err != nil {
				d.mu.Lock()
				if d.journals[group] == o {
					delete(d.journals, group)
				}
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

// isLost reports whether another process has taken over the journal that was opened.
func (o *opening) isLost() bool {
	select {
	case <-o.ready:
		return o.err == nil && o.jr.kept.Lost()
	default:
		return false
	}
}

func (d *Dispatcher) openJournal(ctx context.Context, group int64) (*journal, error) {
	id := strconv.FormatInt(group, 10)
	jr := &journal{d: d, group: group, left: make(map[string]bool), reruns: make(map[string]bool), handing: make(chan struct{}, 1), pace: make(chan struct{}, max(d.lanes.Workers/2, 1))}
	jr.base, jr.cancel = context.WithCancel(context.WithValue(context.WithoutCancel(ctx), retriesKey{}, 0))
	store := d.guarded()
	lister, _ := store.(Lister)
	kept, left, err := durable.Open(ctx, durable.Options{
		Store: store, Lister: lister, Exclusive: isExclusive(store),
		Journal: "journal/" + id + "/", Done: "done/" + id + "/",
		Timeout: storeTime, Tell: jr.tell,
	})
	if err != nil {
		jr.cancel()
		return nil, jr.explain(err)
	}
	jr.kept = kept
	jr.mu.Lock()
	defer jr.mu.Unlock()
	for _, of := range left {
		ev, err := ParseEvent(of.Data)
		if err != nil {
			d.logger().LogAttrs(jr.base, slog.LevelError, "vk: journal: an event cannot be read", slog.Any("err", err), slog.String("event", fmt.Sprintf("%.300s", of.Data)))
			of.Done(nil)
			continue
		}
		of.ID = doneID(ev)
		jr.left[of.ID], jr.reruns[of.ID] = true, true
		jr.enter(&journalEntry{jr: jr, ev: ev, kept: of, old: true})
	}
	return jr, nil
}

// explain returns an error of the journal in the words of this package.
func (jr *journal) explain(err error) error {
	id := strconv.FormatInt(jr.group, 10)
	switch {
	case errors.Is(err, durable.ErrTaken):
		return fmt.Errorf("%w (community %s): stop the other process, or wait until its lease of %v ends", ErrJournalTaken, id, durable.Lease)
	case errors.Is(err, durable.ErrFormat):
		wrong := misuse("Dispatcher.Store", "has a journal of community "+id+" that an older version of this package wrote",
			`let the older version finish and stop, then delete the keys that begin with "journal/`+id+`/", or use a new Store`)
		wrong.Err = err
		return wrong
	case errors.Is(err, context.Canceled):
		return ErrStopped
	}
	return fmt.Errorf("vk: journal of community %s: %w", id, err)
}

// tell logs a notice of the journal.
func (jr *journal) tell(n durable.Notice) {
	log, group := jr.d.logger(), slog.Int64("group", jr.group)
	switch n.Kind {
	case durable.Failing:
		log.LogAttrs(jr.base, slog.LevelError, "vk: the store fails: the bot goes on, but is not safe from a crash", append(failure(n.Err), group)...)
	case durable.Working:
		log.LogAttrs(jr.base, slog.LevelInfo, "vk: the store works again", slog.Int("failures", n.Failures), group)
	case durable.Lost:
		log.LogAttrs(jr.base, slog.LevelError, "vk: another process has taken over the community's journal: this one takes no more events", group)
	case durable.Waiting:
		attrs := []slog.Attr{group, slog.Duration("lease", n.Lease)}
		if n.Ahead > 0 {
			attrs = append(attrs, slog.Duration("clock_ahead", n.Ahead))
		}
		log.LogAttrs(jr.base, slog.LevelWarn, "vk: another process owned the community's journal and has not given it up: waiting until its lease ends", attrs...)
	}
}

// enter takes in an entry. An old one is idle, unless it has a job. The caller holds
// jr.mu.
func (jr *journal) enter(e *journalEntry) {
	jr.last++
	e.seq = jr.last
	if e.old {
		jr.queue(e)
	}
}

// queue puts an entry among the idle, if it has no job. The caller holds jr.mu.
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

// next returns the first idle entry that fits, or nil. The caller holds jr.mu.
func (jr *journal) next(fits func(e *journalEntry) bool) *journalEntry {
	for len(jr.idle) > 0 && !jr.idle[0].isIdle() {
		jr.idle[0].queued = false
		jr.idle[0] = nil
		jr.idle = jr.idle[1:]
	}
	if len(jr.idle) == 0 {
		jr.idle = nil // so that its memory does not only grow
	}
	for _, e := range jr.idle {
		if e.isIdle() && fits(e) {
			return e
		}
	}
	return nil
}

func (e *journalEntry) isIdle() bool { return !e.handled && e.job == nil }

// add notes that events have come, and the place in the history after them. Give
// them to handle when they are saved.
func (jr *journal) add(ts string, events []*Event) []*journalEntry {
	entries := make([]*journalEntry, len(events))
	kept := make([]*durable.Entry, len(events))
	for i, e := range events {
		kept[i] = durable.NewEntry(doneID(e), e.Raw, 0)
		entries[i] = &journalEntry{jr: jr, ev: e, kept: kept[i]}
	}
	jr.kept.Add(ts, kept...)
	jr.mu.Lock()
	defer jr.mu.Unlock()
	for _, e := range entries {
		jr.enter(e)
		delete(jr.expected, e.kept.ID)
	}
	jr.expectNoMore()
	return entries
}

// expectTime is how long after an event is done a Poller may bring it.
const expectTime = 10 * time.Minute

// expect notes that an event is done that is in no journal, and reports whether a Poller
// may still bring it, to this process or the next one.
func (d *Dispatcher) expect(e *Event) bool {
	d.mu.Lock()
	o := d.journals[e.GroupID]
	d.mu.Unlock()
	if o == nil {
		return false
	}
	<-o.ready // it is, unless the journal is opened again
	if o.err != nil {
		return false
	}
	jr := o.jr
	jr.mu.Lock()
	defer jr.mu.Unlock()
	if jr.pollers == 0 || jr.closed {
		return false
	}
	if jr.expected == nil {
		jr.expected = make(map[string]time.Time)
	}
	jr.expected[doneID(e)] = time.Now()
	return true
}

// expectNoMore ends what the Store says of events that were expected for expectTime:
// long poll does not bring them. The caller holds jr.mu.
func (jr *journal) expectNoMore() {
	if jr.closed || len(jr.expected) == 0 || time.Since(jr.checked) < expectTime/10 {
		return
	}
	jr.checked = time.Now()
	var ids []string
	for id, since := range jr.expected {
		if time.Since(since) >= expectTime {
			ids = append(ids, id)
			delete(jr.expected, id)
		}
	}
	jr.tasks.Go(func() {
		for _, id := range ids { // if it fails, it stays for KeepDone
			key := "done/" + strconv.FormatInt(jr.group, 10) + "/" + id
			ctx, cancel := context.WithTimeout(jr.base, storeTime)
			jr.d.guarded().Swap(ctx, key, durable.DoneValue, durable.DoneValue, dedupeTTL)
			cancel()
		}
	})
}

// keep adds one event that a job handles, or none if j is nil. So many runs may have
// died of it.
func (jr *journal) keep(e *Event, j *job, tries int) *journalEntry {
	entry := &journalEntry{jr: jr, ev: e, kept: durable.NewEntry(doneID(e), e.Raw, tries), job: j, old: j == nil}
	jr.kept.Keep(entry.kept)
	jr.mu.Lock()
	defer jr.mu.Unlock()
	jr.enter(entry)
	return entry
}

// save writes what was added. If the Store fails, the bot goes on all the same, and
// it is tried again: nothing is lost by that unless the process dies before VK
// forgets what has come since. The error is one of the Store, or ErrJournalTaken.
func (jr *journal) save(ctx context.Context) error {
	err := jr.kept.Write(context.WithoutCancel(ctx))
	if errors.Is(err, durable.ErrTaken) {
		return jr.explain(err)
	}
	return err
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

// settle notes that no job handles the event any more, and whether it is handled.
// The functions are called once the Store says so.
func (e *journalEntry) settle(handled bool, after []func(context.Context)) {
	if e == nil {
		return
	}
	jr := e.jr
	jr.mu.Lock()
	e.job = nil
	e.handled = e.handled || handled
	e.old = true
	jr.queue(e)
	rerun := handled && jr.reruns[e.kept.ID]
	jr.mu.Unlock()
	if rerun {
		after = append(after, func(ctx context.Context) { jr.endRerun(ctx, e.kept.ID) })
	}
	switch {
	case !handled:
	case len(after) == 0:
		e.kept.Done(nil)
	default:
		for _, f := range after {
			e.kept.Done(f)
		}
	}
}

// drop is settle for an entry that is of no use.
func (e *journalEntry) drop() { e.settle(true, nil) }

// place returns how far in the history the journal has come, or "".
func (jr *journal) place() string { return jr.kept.Place() }

// use makes the journal dispatch the events of former runs for a feed and a client,
// unless it does for another feed that is open.
func (jr *journal) use(f *feed, client *Client) {
	jr.mu.Lock()
	defer jr.mu.Unlock()
	if !jr.feed.isOpen() {
		jr.feed, jr.client = f, client
	}
}

// join is use for a Poller, until it leaves.
func (jr *journal) join(f *feed, client *Client) {
	jr.mu.Lock()
	defer jr.mu.Unlock()
	jr.feed, jr.client = f, client
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

// close writes the journal for the last time and gives it up. The events that are
// left are for the next run, and no handler of them was at fault for this one's end.
func (jr *journal) close(ctx context.Context) {
	jr.end()
	jr.d.dedupe.late.Flush(context.WithoutCancel(ctx))
	if err := jr.kept.Close(ctx); err != nil {
		jr.d.logger().LogAttrs(ctx, slog.LevelError, "vk: store unavailable at shutdown: recent events may be handled again", failure(err)...)
	}
}

// end ends the journal's work in the background.
func (jr *journal) end() {
	jr.mu.Lock()
	jr.closed = true
	jr.mu.Unlock()
	jr.cancel()
	jr.tasks.Wait()
	jr.d.stopTimers(jr.group)
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
		o.cancel() // has no effect on one that is open
		<-o.ready
		if o.err == nil {
			o.jr.close(ctx)
		}
	}
}

// keep puts an event that is being handled, or that a stop has cut off, into the
// Store, so that it is handled again if this process dies. It reports whether the
// event is safe: kept, or handled by now. Without a Store nothing is kept. An
// error is one of the Store, or ErrStopped.
func (d *Dispatcher) keep(ctx context.Context, j *job) (kept bool, err error) {
	if d.Store == nil {
		return false, nil
	}
	jr, err := d.journal(ctx, j.ev.GroupID)
	if err != nil {
		return false, err
	}
	if is := d.dedupe.keep(jr, j, 0); is != unsettled {
		return is == isHandled, nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	if err := jr.kept.Write(ctx); err != nil {
		return false, jr.explain(err)
	}
	return jr.kept.Owned(), nil
}
