package vk

import (
	"sync"

	"github.com/vkrouter/vk/internal/watchdog"
)

// A feed is what one source has given to a Dispatcher.
type feed struct {
	mu      sync.Mutex
	open    int           // jobs not done
	skipped int           // jobs dropped before they began
	closed  bool          // takes no more
	idle    chan struct{} // made by who waits; closed when open becomes 0

	group watchdog.Group // its jobs that run

	// settled, if set, is told once of each event that was taken whether it is
	// done. It is not done if it has not begun, or if its handler was cut off
	// by a stop; then what that handler had waited for and got is not done either. It
	// is called by any goroutine, and before the source's end is waited for no
	// more; of an event that a handler of another source's event has taken, it
	// may be called later.
	settled func(e *Event, done bool)

	// Guarded by the mu of the Dispatcher's waits.
	ending bool                 // nobody waits any more
	cut    map[laneKey]struct{} // where a handler was cut off: what follows there comes later too
}

// isOpen reports whether the feed, if there is one, takes anything.
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
func (f *feed) end(skipped bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if skipped {
		f.skipped++
	}
	f.open--
	if f.open == 0 && f.idle != nil {
		close(f.idle)
		f.idle = nil
	}
}

// close closes the feed, and returns a channel that is closed when all its jobs
// are done.
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

// settling is what becomes of a job's event. An event that a handler has waited
// for and got is done when that handler is: if it is cut off, both are handled
// again, in their order. It is guarded by the mu of the Dispatcher's waits.
type settling struct {
	taken  []*job // whose events the handler has taken
	cut    bool   // something that the handler waited for was ended by a stop
	claims int    // handlers that have taken the event and are not done
	handed bool   // to who took it, also to be answered
	ended  bool   // its own handlers are done
	undone bool
}

// An ending is how a job has ended.
type ending int

const (
	done ending = iota
	undone
	skipped // it has not begun
)

// comesLater reports whether an event is not to begin, since an earlier one of
// its lane is to be handled again.
func (d *Dispatcher) comesLater(j *job) bool {
	if !d.ending.Load() {
		return false
	}
	d.waits.mu.Lock()
	defer d.waits.mu.Unlock()
	_, cut := j.feed.cut[laneOf(j.ev)]
	return cut
}

// finish counts a job out, and settles what is done by that.
func (d *Dispatcher) finish(j *job, how ending) {
	ws := &d.waits
	ws.mu.Lock()
	j.over = true
	if j.cut && how == done {
		how = undone
	}
	if how == undone && j.feed.ending {
		if j.feed.cut == nil {
			j.feed.cut = make(map[laneKey]struct{})
		}
		j.feed.cut[laneOf(j.ev)] = struct{}{}
	}
	taken := j.taken
	j.taken = nil
	j.ended = true
	if how != done {
		j.undone = true
		for _, of := range taken {
			of.undone = true
		}
	}
	var few [4]*job
	settled := few[:0]
	if j.claims == 0 {
		settled = append(settled, j)
	}
	for _, of := range taken {
		if of.claims--; of.claims == 0 && of.ended {
			settled = append(settled, of)
		}
	}
	quiet, outside := j.quiet, j.outside
	ws.mu.Unlock()
	j.tellDone(how)

	for _, j := range settled {
		d.settle(j, j.isDone())
	}
	if !outside {
		<-d.room
	}
	if !quiet {
		d.count.Add(-1)
	}
	j.feed.end(how == skipped)
}
