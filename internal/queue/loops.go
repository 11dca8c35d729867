package queue

import (
	"context"
	"slices"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
)

// maxReport limits the events in one report.
const maxReport = 1024

// aloneTime is how long a suspect is waited for. What does not end in that time does not
// end the process either.
const aloneTime = 10 * time.Second

// runBeats renews the lease.
func (w *Worker) runBeats() {
	for {
		w.beat(w.ctx)
		if backoff.Sleep(w.ctx, beatEvery) != nil {
			return
		}
	}
}

// beat calls Beat, or waits for a call in progress that began after the last failure.
func (w *Worker) beat(ctx context.Context) error {
	for {
		w.mu.Lock()
		b := w.beating
		joins := b != nil && b.from >= w.doubts
		if b == nil {
			b = &beating{from: w.calls, done: make(chan struct{})}
			w.beating = b
			joins = true
			go w.runBeat(b)
		}
		w.mu.Unlock()
		select {
		case <-b.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if joins {
			return b.err
		}
	}
}

// runBeat makes one call of Beat.
func (w *Worker) runBeat(b *beating) {
	id := w.roomNow()
	w.mu.Lock()
	b.from = w.calls
	held := make([]Held, 0, len(w.lanes))
	for _, ln := range w.lanes {
		h := Held{Lane: ln.name, Epoch: ln.epoch, Last: ln.last}
		for _, it := range ln.items {
			if it.begun && it.calm {
				h.Parked = append(h.Parked, it.Seq)
			}
		}
		slices.Sort(h.Parked)
		held = append(held, h)
	}
	w.mu.Unlock()
	n, began := w.begin()
	ctx, cancel := context.WithTimeout(context.Background(), callTime)
	a, err := w.cfg.Queue.Beat(ctx, id, held)
	cancel()
	w.mu.Lock()
	if err == nil {
		w.settled = max(w.settled, b.from)
	}
	w.mu.Unlock()
	w.end(n, began, a, "", err, false)
	w.mu.Lock()
	w.beating, b.err = nil, err
	w.mu.Unlock()
	close(b.done)
}

// runTakes takes events while there is room for lanes. When there is none, no handler
// can begin before one ends or waits, which makes room: reports and beats bring events
// of lanes that are held meanwhile.
func (w *Worker) runTakes() {
	for failures := 0; w.ctx.Err() == nil; {
		n, more := w.room()
		if n == 0 {
			w.pause(more)
			continue
		}
		ctx, cancel := context.WithCancel(w.ctx)
		w.mu.Lock()
		w.takes = cancel
		if w.draining || w.alone {
			cancel()
		}
		w.mu.Unlock()
		err := w.call(ctx, takeTime, "", func(ctx context.Context) (Answer, error) { return w.cfg.Queue.Take(ctx, w.worker(n)) })
		w.mu.Lock()
		w.takes = nil
		w.mu.Unlock()
		switch {
		case err == nil, ctx.Err() != nil:
			failures = 0
		default:
			failures++
			backoff.Sleep(w.ctx, retryPause.Delay(failures))
		}
		cancel()
	}
}

// pause blocks until c is closed, the worker stops, or some time has passed.
func (w *Worker) pause(c <-chan struct{}) {
	timer := time.NewTimer(beatEvery)
	defer timer.Stop()
	select {
	case <-c:
	case <-timer.C:
	case <-w.ctx.Done():
	}
}

// runReports reports what has become of events: at once if that was not done of late, and
// else as soon as flushEvery is over, so that one call has the events of many.
func (w *Worker) runReports() {
	var last time.Time
	for failures := 0; ; {
		select {
		case <-w.flushing:
		case <-w.ctx.Done():
			return
		}
		if backoff.Sleep(w.ctx, flushEvery-time.Since(last)) != nil {
			return
		}
		last = time.Now()
		if err := w.report(w.ctx); err == nil {
			failures = 0
			continue
		}
		failures++
		w.mu.Lock()
		w.wakeFlusher()
		w.mu.Unlock()
		if backoff.Sleep(w.ctx, retryPause.Delay(failures)) != nil {
			return
		}
	}
}

// wakeFlusher makes runReports look. The caller holds the lock.
func (w *Worker) wakeFlusher() {
	select {
	case w.flushing <- struct{}{}:
	default:
	}
}

// A report is what is reported of one lane.
type report struct {
	ln       *lane
	items    []*Item
	giveBack bool
}

// report makes one call of Done, if there is something to report.
func (w *Worker) report(ctx context.Context) error {
	reports, done := w.gather()
	if len(done) == 0 {
		return nil
	}
	err := w.call(ctx, callTime, "", func(ctx context.Context) (Answer, error) {
		a, err := w.cfg.Queue.Done(ctx, w.roomNow(), done)
		if err == nil {
			w.reported(reports, a) // before its answer, which may have new events of the lanes
		}
		return a, err
	})
	if err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, r := range reports {
			r.ln.done = append(r.items, r.ln.done...)
			r.ln.report()
		}
	}
	return err
}

// gather takes what is to be reported.
func (w *Worker) gather() (reports []report, done []Done) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for len(w.reports) > 0 && n < maxReport {
		ln := w.reports[0]
		w.reports[0] = nil
		w.reports = w.reports[1:]
		ln.queued = false
		if ln.lost {
			continue
		}
		r := report{ln: ln, items: ln.done, giveBack: ln.leaving && ln.begun == 0}
		d := Done{Lane: ln.name, Epoch: ln.epoch, GiveBack: r.giveBack}
		if r.giveBack {
			d.Pause = ln.pause
		}
		for _, it := range r.items {
			d.Seqs = append(d.Seqs, it.Seq)
		}
		ln.done = nil
		n += len(r.items) + 1
		reports, done = append(reports, r), append(done, d)
	}
	if len(w.reports) > 0 {
		w.wakeFlusher()
	}
	w.changed()
	return reports, done
}

// reported notes that the Queue has taken a report.
func (w *Worker) reported(reports []report, a Answer) {
	var after []func()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range reports {
		ln := r.ln
		if ln.lost || slices.Contains(a.Lost, Lost{ln.name, ln.epoch}) {
			continue
		}
		for _, it := range r.items {
			after = append(after, it.after...)
		}
		if r.giveBack {
			ln.lose()
			w.drop(ln)
		} else if len(ln.items) == 0 && len(ln.done) == 0 && len(ln.early) == 0 {
			w.drop(ln)
		}
	}
	w.changed()
	if len(after) > 0 {
		w.tasks.Go(func() {
			for _, f := range after {
				f()
			}
		})
	}
}

// runInbox hands the items out.
func (w *Worker) runInbox() {
	for {
		w.mu.Lock()
		var it *Item
		if len(w.inbox) > 0 {
			it = w.inbox[0]
			w.inbox[0] = nil
			w.inbox = w.inbox[1:]
		}
		gone := it != nil && (it.over || it.lane.lost || it.lane.leaving)
		w.mu.Unlock()
		switch {
		case it == nil:
			select {
			case <-w.handing:
			case <-w.ctx.Done():
				return
			}
		case gone:
		case it.Tries >= w.cfg.MaxTries:
			w.cfg.Drop(it)
		case it.Tries >= w.cfg.Suspect:
			w.handleAlone(it)
		default:
			w.cfg.Handle(w.ctx, it)
		}
	}
}

// handleAlone handles an event of which several processes have died when nothing else
// is handled, so that no other event is blamed if this one dies of it too. The lanes in
// which nothing has begun are given back.
func (w *Worker) handleAlone(it *Item) {
	w.mu.Lock()
	w.alone = true
	w.endTake()
	for _, ln := range w.lanes {
		if ln != it.lane && ln.begun == 0 {
			ln.leave()
		}
	}
	w.mu.Unlock()
	ctx, cancel := context.WithTimeout(w.ctx, aloneTime)
	defer cancel()
	w.cfg.Quiet(ctx)
	w.await(ctx, func() bool { return len(w.reports) == 0 })
	w.beat(ctx) // tells which handlers wait
	w.cfg.Handle(w.ctx, it)
	ctx, cancel = context.WithTimeout(w.ctx, aloneTime)
	defer cancel()
	w.await(ctx, func() bool { return it.over || it.calm || it.lane.lost })
	w.mu.Lock()
	w.alone = false
	w.changed()
	w.mu.Unlock()
	w.cfg.Slots.wake()
}
