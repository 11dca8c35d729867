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

// ErrJournalTaken is returned when another process owns the community's journal in the
// Dispatcher's Store. Only one process at a time handles a community's events, unless
// the processes share a [Dispatcher.Queue]. A process that does not renew its ownership
// for 15 seconds loses it.
//
// [Poller.Run] returns it at startup, or when another process has taken over because
// this one could not reach the Store. A [Callback] lets VK deliver the events again
// until it owns the journal.
var ErrJournalTaken = errors.New("vk: another process owns the community's journal: set Dispatcher.Queue to run several processes")

// A journal is the part of a Dispatcher's Store that belongs to one community: the
// position in its history, and its unfinished events. Package internal/journal decides
// how and when these are saved; the journal dispatches the events of previous runs to
// the lanes.
type journal struct {
	d     *Dispatcher
	group int64
	kept  *durable.Journal
	left  map[string]bool // doneIDs of the events that previous runs left

	timers *timerQueue // the community's timers, guarded by the Dispatcher's mu; nil until they start

	base   context.Context // of background work; canceled by end
	cancel context.CancelFunc
	tasks  sync.WaitGroup

	// handing holds an element while a goroutine passes events to the lanes. That keeps
	// the events in order.
	handing chan struct{}
	pace    chan struct{} // holds an element for each old event with a running handler

	mu      sync.Mutex
	last    int64           // seq of the newest entry
	reruns  map[string]bool // the elements of left that the Store does not yet record as done
	idle    []*journalEntry // entries without a job, by seq; those that have one by now are skipped
	replays *replay         // the replay in progress, or nil
	pollers int             // the number of Pollers that use the journal
	feed    *feed           // of the jobs of old events; nil if there is no source yet
	client  *Client
	closed  bool

	expected map[string]time.Time // when done events that no Poller has brought yet were done, by doneID
	checked  time.Time            // when expected was last checked
}

// A journalEntry is an event in a journal. It is guarded by the journal's mu.
type journalEntry struct {
	jr      *journal
	ev      *Event
	kept    *durable.Entry
	seq     int64 // its position in the order of arrival
	old     bool  // left by a previous run or by a source that has stopped
	job     *job  // the job that handles it, or nil
	handled bool  // or dropped
	queued  bool  // in jr.idle
}

// storeTime limits one operation of the Store.
const storeTime = 10 * time.Second

// An opening is a journal that is open or being opened.
type opening struct {
	ready  chan struct{} // closed when jr and err are set
	cancel context.CancelFunc
	jr     *journal
	err    error
}

// journal returns the journal of a community. The first call opens it.
func (d *Dispatcher) journal(ctx context.Context, group int64) (*journal, error) {
	d.mu.Lock()
	o := d.journals[group]
	var lost *journal
	if o != nil && o.isLost() {
		lost, o = o.jr, nil // the other process may have stopped
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
	if err := awaitClosed(ctx, o.ready); err != nil {
		return nil, err
	}
	return o.jr, o.err
}

// isLost reports whether the journal was opened and another process has taken it over
// since.
func (o *opening) isLost() bool {
	select {
	case <-o.ready:
		return o.err == nil && o.jr.kept.Lost()
	default:
		return false
	}
}

func (d *Dispatcher) openJournal(ctx context.Context, group int64) (*journal, error) {
	jr := &journal{d: d, group: group, left: make(map[string]bool), reruns: make(map[string]bool), handing: make(chan struct{}, 1), pace: make(chan struct{}, max(d.lanes.Workers/2, 1))}
	jr.base, jr.cancel = context.WithCancel(context.WithValue(context.WithoutCancel(ctx), retriesKey{}, 0))
	left, err := jr.open(ctx)
	if err != nil {
		jr.cancel()
		return nil, jr.explain(err)
	}
	jr.mu.Lock()
	defer jr.mu.Unlock()
	for _, of := range left {
		ev, err := ParseEvent(of.Data)
		if err != nil {
			d.logger().LogAttrs(jr.base, slog.LevelError, "vk: journal: an event cannot be read", slog.Any("err", err), slog.String("event", fmt.Sprintf("%.300s", of.Data)))
			of.Done()
			continue
		}
		of.ID = doneID(ev)
		jr.left[of.ID], jr.reruns[of.ID] = true, true
		jr.enter(&journalEntry{jr: jr, ev: ev, kept: of, old: true})
	}
	return jr, nil
}

// open opens the journal in the Store, and returns its unfinished events.
func (jr *journal) open(ctx context.Context) (left []*durable.Entry, err error) {
	store, id := jr.d.guarded(), strconv.FormatInt(jr.group, 10)
	lister, _ := store.(Lister)
	jr.kept, left, err = durable.Open(ctx, durable.Options{
		Store: store, Lister: lister, Exclusive: isExclusive(store),
		Journal: "journal/" + id + "/", Done: "done/" + id + "/",
		Timeout: storeTime, Tell: jr.tell,
	})
	return left, err
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
	case errors.Is(err, durable.ErrCannotRead):
		wrong := misuse("Dispatcher.Store", "has a damaged journal of community "+id,
			`restore the Store, or delete the keys that begin with "journal/`+id+`/": the unfinished events in them are then lost`)
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
		log.LogAttrs(jr.base, slog.LevelError, "vk: store unavailable: the bot goes on, but a crash may lose or repeat events", append(failure(n.Err), group)...)
	case durable.Working:
		log.LogAttrs(jr.base, slog.LevelInfo, "vk: store available again", slog.Int("failures", n.Failures), group)
	case durable.Lost:
		log.LogAttrs(jr.base, slog.LevelError, "vk: another process has taken over the community's journal: this one accepts no more events", group)
	case durable.Waiting:
		attrs := []slog.Attr{group, slog.Duration("lease", n.Lease)}
		if n.Ahead > 0 {
			attrs = append(attrs, slog.Duration("clock_ahead", n.Ahead))
		}
		log.LogAttrs(jr.base, slog.LevelWarn, "vk: another process owned the community's journal and has not given it up: waiting until its lease ends", attrs...)
	}
}

// enter adds an entry. An old entry is idle, unless it has a job. The caller holds
// jr.mu.
func (jr *journal) enter(e *journalEntry) {
	jr.last++
	e.seq = jr.last
	if e.old {
		jr.queue(e)
	}
}

// queue adds an entry to the idle entries, if it has no job. The caller holds jr.mu.
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

// next returns the first idle entry for which fits returns true, or nil. The caller
// holds jr.mu.
func (jr *journal) next(fits func(e *journalEntry) bool) *journalEntry {
	for len(jr.idle) > 0 && !jr.idle[0].isIdle() {
		jr.idle[0].queued = false
		jr.idle[0] = nil
		jr.idle = jr.idle[1:]
	}
	if len(jr.idle) == 0 {
		jr.idle = nil // release the memory
	}
	for _, e := range jr.idle {
		if e.isIdle() && fits(e) {
			return e
		}
	}
	return nil
}

func (e *journalEntry) isIdle() bool { return !e.handled && e.job == nil }

// add records new events and the position in the history after them. The caller passes
// the entries to handle once they are saved.
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

// expectTime is how long after an event is done a Poller may still bring it.
const expectTime = 10 * time.Minute

// expect records that an event which is in no journal is done. It reports whether a
// Poller may still bring the event, to this process or the next one.
func (d *Dispatcher) expect(e *Event) bool {
	d.mu.Lock()
	o := d.journals[e.GroupID]
	d.mu.Unlock()
	if o == nil {
		return false
	}
	<-o.ready // closed already, unless the journal is being reopened
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

// expectNoMore removes the done marks of events that were expected for expectTime from
// the Store: long poll does not bring them. The caller holds jr.mu.
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
		for _, id := range ids { // if this fails, the mark stays until KeepDone ends
			key := "done/" + strconv.FormatInt(jr.group, 10) + "/" + id
			ctx, cancel := context.WithTimeout(jr.base, storeTime)
			jr.d.guarded().Swap(ctx, key, durable.DoneValue, durable.DoneValue, dedupeTTL)
			cancel()
		}
	})
}

// keep adds one event, which job j handles; j is nil if no job does. tries is the
// number of runs that the event may have crashed.
func (jr *journal) keep(e *Event, j *job, tries int) *journalEntry {
	entry := &journalEntry{jr: jr, ev: e, kept: durable.NewEntry(doneID(e), e.Raw, tries), job: j, old: j == nil}
	jr.kept.Keep(entry.kept)
	jr.mu.Lock()
	defer jr.mu.Unlock()
	jr.enter(entry)
	return entry
}

// save writes the added events to the Store. If the Store fails, the bot goes on and
// the write is retried: an event is lost only if the process dies before the write
// succeeds and VK forgets the event. The error is one of the Store, or ErrJournalTaken.
func (jr *journal) save(ctx context.Context) error {
	err := jr.kept.Write(context.WithoutCancel(ctx))
	if errors.Is(err, durable.ErrTaken) {
		return jr.explain(err)
	}
	return err
}

// handTo records that a job is about to handle an entry's event.
func (e *journalEntry) handTo(j *job) {
	if e == nil {
		return
	}
	e.jr.mu.Lock()
	defer e.jr.mu.Unlock()
	e.job = j
}

// settle records that no job handles the event any more, and whether it was handled. The
// Store has an event as handled only after the answers that the event's handlers consumed.
// settle calls the functions once the Store has the outcome.
func (e *journalEntry) settle(answers *durable.Barrier, handled bool, after ...func(context.Context)) {
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
	if handled {
		e.kept.DoneAt(answers, after...)
	}
}

// drop is settle for an entry that is not needed.
func (e *journalEntry) drop() { e.settle(nil, true) }

// place returns the journal's position in the history, or "".
func (jr *journal) place() string { return jr.kept.Place() }

// use makes the journal dispatch the events of previous runs for a feed and a client,
// unless it does so for another open feed.
func (jr *journal) use(f *feed, client *Client) {
	jr.mu.Lock()
	defer jr.mu.Unlock()
	if !jr.feed.isOpen() {
		jr.feed, jr.client = f, client
	}
}

// join is use for a Poller. The Poller must call leave.
func (jr *journal) join(f *feed, client *Client) {
	jr.mu.Lock()
	defer jr.mu.Unlock()
	jr.feed, jr.client = f, client
	jr.pollers++
}

// leave writes the outcomes of a Poller's events. If that was the last Poller and no
// other source uses the journal, leave closes it, so that a Dispatcher used only by
// Pollers need not be stopped.
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

// close writes the journal for the last time and releases it. The remaining events are
// for the next run. They are not suspected of a crash, because this run ended normally.
func (jr *journal) close(ctx context.Context) {
	jr.end()
	late := &jr.d.dedupe.late
	late.Flush(context.WithoutCancel(ctx))
	if err := jr.kept.Close(ctx); err != nil {
		jr.d.logger().LogAttrs(ctx, slog.LevelError, "vk: store unavailable at shutdown: recent events may be handled again", failure(err)...)
	}
	late.Flush(context.WithoutCancel(ctx)) // Close ends timers whose answers it writes
}

// end stops the journal's background work.
func (jr *journal) end() {
	jr.mu.Lock()
	jr.closed = true
	jr.mu.Unlock()
	jr.cancel()
	jr.tasks.Wait()
	jr.d.stopTimers(jr.group)
}

// forgetJournal makes the next use of the community open a new journal.
func (d *Dispatcher) forgetJournal(jr *journal) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if o := d.journals[jr.group]; o != nil && o.jr == jr {
		delete(d.journals, jr.group)
	}
}

// closeJournals closes the journals of a stopped Dispatcher.
func (d *Dispatcher) closeJournals(ctx context.Context) {
	d.mu.Lock()
	all := d.journals
	d.journals = nil
	d.mu.Unlock()
	for _, o := range all {
		o.cancel() // has no effect on a journal that is open
		<-o.ready
		if o.err == nil {
			o.jr.close(ctx)
		}
	}
}

// keep saves an event that is being handled, or that a stop has cut off, in the Store,
// so that it is handled again if this process dies. It reports whether the event is
// safe: saved, or handled by now. Without a Store, nothing is saved. An error is one of
// the Store, or ErrStopped.
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
