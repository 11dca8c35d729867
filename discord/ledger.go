package discord

import (
	"slices"
	"sync"
)

// A ledger records which events of a session are done, by their sequence numbers.
// A nil ledger records nothing.
type ledger struct {
	changed func() // called after each change, without the lock

	mu      sync.Mutex
	seq     int64          // all events up to it are done
	pending []entry        // the later ones that have come, in order
	skip    map[int64]bool // events that an earlier process has handled
}

// An entry is an event that is not done, or that follows one that is not.
type entry struct {
	seq  int64
	done bool
}

// newLedger returns the ledger of a session in which all events up to seq are done,
// and those in done.
func newLedger(seq int64, done []int64, changed func()) *ledger {
	l := &ledger{changed: changed, seq: seq}
	if len(done) > 0 {
		l.skip = make(map[int64]bool, len(done))
		for _, n := range done {
			l.skip[n] = true
		}
	}
	return l
}

// maxPending limits the events that a ledger records. A handler that is parked for days
// would let their number grow; its event then counts as done.
const maxPending = 1 << 14

// resumed notes that all events that were missed have come.
func (l *ledger) resumed() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.skip = nil
}

// take notes that an event has come. It reports false if an earlier process has
// handled the event.
func (l *ledger) take(seq int64) (wanted bool) {
	if l == nil || seq == 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	done := l.skip[seq]
	delete(l.skip, seq)
	l.pending = append(l.pending, entry{seq, done})
	if len(l.pending) > maxPending {
		l.pending[0].done = true
	}
	l.advance()
	return !done
}

// advance moves seq over the events that are done. The caller holds l.mu.
func (l *ledger) advance() {
	n := 0
	for n < len(l.pending) && l.pending[n].done {
		l.seq = l.pending[n].seq
		n++
	}
	l.pending = l.pending[n:]
}

// done notes that an event is handled, or has no handler.
func (l *ledger) done(seq int64) {
	if l == nil || seq == 0 {
		return
	}
	l.mu.Lock()
	i, ok := slices.BinarySearchFunc(l.pending, seq, func(e entry, seq int64) int { return int(e.seq - seq) })
	if ok {
		l.pending[i].done = true
	}
	l.advance()
	l.mu.Unlock()
	l.changed()
}

// state returns the number up to which all events are done, and the later events
// that are done too.
func (l *ledger) state() (seq int64, done []int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.pending {
		if e.done {
			done = append(done, e.seq)
		}
	}
	for n := range l.skip {
		done = append(done, n)
	}
	slices.Sort(done)
	return l.seq, done
}
