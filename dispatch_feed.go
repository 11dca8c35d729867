package vk

import (
	"context"
	"log/slog"
	"sync"

	"github.com/vkrouter/vk/internal/watchdog"
)

// A feed is the events that one source gives to a Dispatcher.
type feed struct {
	group watchdog.Group // its jobs, for the watchdog

	// settled, if set, is called once for each admitted event, on any goroutine,
	// and is told whether the event is handled. It is not if it has not begun, or
	// if its handler was cut off by a stop; then the events that this handler has
	// consumed are not handled either. The calls come before drain returns,
	// except for an event that a handler of another source's event has consumed.
	settled func(e *Event, handled bool)

	mu      sync.Mutex
	open    int           // unfinished jobs
	skipped int           // jobs dropped before they began
	closed  bool          // it admits no more
	idle    chan struct{} // closed when open becomes 0, if somebody waits for that

	waitless bool                 // its handlers must not wait any more
	cut      map[laneKey]struct{} // lanes where a stop has cut off a handler: later events there wait for the next run too
}

// isOpen reports whether the feed, if there is one, admits events.
func (f *feed) isOpen() bool {
	if f == nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.closed
}

// begin counts a job in, unless the feed is closed.
func (f *feed) begin() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.open++
	return true
}

// end counts a job out, after it was settled.
func (f *feed) end(how ending) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if how == skipped {
		f.skipped++
	}
	f.open--
	if f.open == 0 && f.idle != nil {
		close(f.idle)
		f.idle = nil
	}
}

// close closes the feed, and returns a channel that is closed when all its jobs
// have ended.
func (f *feed) close() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	if f.open > 0 && f.idle != nil {
		return f.idle
	}
	idle := make(chan struct{})
	if f.open == 0 {
		close(idle)
	} else {
		f.idle = idle
	}
	return idle
}

// counts returns how many jobs are unfinished, and how many were dropped before they
// began.
func (f *feed) counts() (open, skipped int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open, f.skipped
}

// logEnd says that a source has stopped: how many of the events that were open then
// were drained, and how many were not handled.
func (f *feed) logEnd(log logger, msg string, open int, attrs ...slog.Attr) {
	_, skipped := f.counts()
	attrs = append(attrs, slog.Int("drained", max(open-skipped, 0)), slog.Int("skipped", skipped))
	log.LogAttrs(context.Background(), slog.LevelInfo, msg, attrs...)
}

// countSkipped returns how many jobs were dropped before they began.
func (f *feed) countSkipped() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.skipped
}

// endWaits notes that handlers of the feed must not wait any more.
func (f *feed) endWaits() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waitless = true
}

// isWaitless reports whether handlers of the feed must not wait any more.
func (f *feed) isWaitless() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.waitless
}

// cutAt notes that a handler in a lane was cut off, if that was by a stop of the
// feed.
func (f *feed) cutAt(lane laneKey) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.waitless {
		return
	}
	if f.cut == nil {
		f.cut = make(map[laneKey]struct{})
	}
	f.cut[lane] = struct{}{}
}

// isCutAt reports whether the events of a lane must not begin, because an
// earlier one is to be handled again.
func (f *feed) isCutAt(lane laneKey) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, cut := f.cut[lane]
	return cut
}

// finish ends a job. It settles the job's event and those that the handler has
// consumed, except for those that other handlers still have.
func (d *Dispatcher) finish(j *job, how ending, err error) {
	x := j.end(how, err)
	if x.how == cutOff {
		j.feed.cutAt(laneOf(j.ev))
	}
	j.leavePace()
	defer d.leave(j, x) // also if the Observer ends the goroutine
	j.tellEnded(x.how)
}

// leave settles the events of a job that has ended, and gives up its place.
func (d *Dispatcher) leave(j *job, x exit) {
	d.settle(j, x.settled)
	for _, of := range x.consumed {
		d.settle(of, of.release(x.how))
	}
	if !x.outside {
		<-d.room
	}
	if !x.quiet {
		d.count.Add(-1)
	}
	j.feed.end(x.how)
}

// settle tells the source, the Store and the deduper how the event of j is
// settled, if it is.
func (d *Dispatcher) settle(j *job, s settlement) {
	switch {
	case s == unsettled:
		return
	case s == isRedelivered && d.dedupe.entryOf(j) != nil:
		s = isHandled // VK was told that it need not deliver the event again
	}
	if f := j.feed.settled; f != nil {
		f(j.ev, s == isHandled)
	}
	if !j.deduped {
		return
	}
	after := j.afterDone(s)
	if !d.release(j, s) && d.dedupe.entryOf(j) == nil {
		after = nil // it may be delivered and handled again
	}
	d.dedupe.leave(j, s, after...)
}
