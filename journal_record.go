package vk

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"
)

// A record is what a journal keeps in the Store, beside the segments that it
// names.
type record struct {
	Owner    string          `json:"owner"` // whose it is; "" if nobody's
	Until    int64           `json:"until"` // and until when, in milliseconds since 1970
	TS       string          `json:"ts"`
	At       int64           `json:"at"` // when the history had come there
	Events   []recordEvent   `json:"events"`
	Segments []recordSegment `json:"segments"`
	Unused   []string        `json:"unused"` // segments to be erased
}

type recordEvent struct {
	Seq   int64           `json:"seq"`
	Tries int             `json:"tries"`
	Raw   json.RawMessage `json:"event"`
}

type recordSegment struct {
	Name  string `json:"name"`
	State string `json:"state"` // as of a segment
}

func readRecord(raw []byte) (r record, err error) {
	if raw != nil {
		err = json.Unmarshal(raw, &r)
	}
	return r, err
}

func (r record) at() time.Time { return time.UnixMilli(r.At) }

// alive reports whether the owner is, as far as is known.
func (r record) alive() bool { return r.Owner != "" && time.Now().UnixMilli() < r.Until }

// empty reports whether the record has no events.
func (r record) empty() bool { return len(r.Events)+len(r.Segments) == 0 }

// append appends the record as JSON. The events are valid JSON as they are.
func (r record) append(b []byte) []byte {
	b = append(b, `{"owner":`...)
	b = strconv.AppendQuote(b, r.Owner)
	b = append(b, `,"until":`...)
	b = strconv.AppendInt(b, r.Until, 10)
	b = append(b, `,"ts":`...)
	ts, _ := json.Marshal(r.TS)
	b = append(b, ts...)
	b = append(b, `,"at":`...)
	b = strconv.AppendInt(b, r.At, 10)
	b = append(b, `,"events":`...)
	b = appendEvents(b, r.Events)
	b = append(b, `,"segments":[`...)
	for i, s := range r.Segments {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"name":`...)
		b = strconv.AppendQuote(b, s.Name)
		b = append(b, `,"state":`...)
		b = strconv.AppendQuote(b, s.State)
		b = append(b, '}')
	}
	b = append(b, `],"unused":[`...)
	for i, name := range r.Unused {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendQuote(b, name)
	}
	return append(b, "]}"...)
}

// appendEvents appends events as JSON: as a record has them, and as a segment
// is.
func appendEvents(b []byte, events []recordEvent) []byte {
	b = append(b, '[')
	for i, e := range events {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"seq":`...)
		b = strconv.AppendInt(b, e.Seq, 10)
		b = append(b, `,"tries":`...)
		b = strconv.AppendInt(b, int64(e.Tries), 10)
		b = append(b, `,"event":`...)
		b = append(b, e.Raw...)
		b = append(b, '}')
	}
	return append(b, ']')
}

func readEvents(raw []byte) (events []recordEvent, err error) {
	err = json.Unmarshal(raw, &events)
	return events, err
}

// record returns the journal as a record. The caller holds jr.mu and is who
// writes.
func (jr *journal) record() []byte {
	now := time.Now()
	r := record{Owner: jr.owner, Until: now.Add(leaseTime).UnixMilli(), TS: jr.ts, At: jr.at.UnixMilli()}
	if jr.closed {
		r.Owner = ""
	}
	jr.tried = slices.DeleteFunc(jr.tried, func(e *journalEntry) bool {
		if !e.handled && e.isCalm() {
			e.setTries(0)
		}
		return e.handled || e.tries == 0
	})
	jr.thinOut()
	size := 256
	for _, e := range jr.tail {
		if e.handled {
			continue
		}
		r.Events = append(r.Events, recordEvent{e.seq, e.tries, e.ev.Raw})
		size += len(e.ev.Raw) + 48
	}
	for _, s := range jr.segments {
		r.Segments = append(r.Segments, recordSegment{s.name, string(s.state)})
		size += len(s.name) + len(s.state) + 32
	}
	r.Unused = jr.shelf.unused
	if !jr.closed || jr.shelf.begun {
		r.Unused = append(slices.Clip(r.Unused), jr.shelf.next())
	}
	return r.append(make([]byte, 0, size))
}

// isCalm reports whether the event's handler waits: it has not brought anything
// down. The caller holds jr.mu.
func (e *journalEntry) isCalm() bool {
	return e.job != nil && e.job.isParked()
}

// A leftover is what a record and its segments have of events.
type leftover struct {
	entries  []*journalEntry // in their order
	segments []*segment
}

// load reads what a record has of events, of which one more run has died.
func (jr *journal) load(ctx context.Context, r record) (left leftover, err error) {
	add := func(of recordEvent) *journalEntry {
		e := &journalEntry{jr: jr, seq: of.Seq, tries: of.Tries}
		if e.handled = of.Tries < 0; e.handled {
			return e
		}
		var err error
		if e.ev, err = ParseEvent(of.Raw); err != nil {
			jr.d.logger().LogAttrs(jr.base, slog.LevelError, "vk: journal: an event cannot be read", slog.Any("err", err), slog.String("event", fmt.Sprintf("%.300s", of.Raw)))
			e.handled = true
			return e
		}
		if r.Owner != "" && e.tries < aloneAfter {
			e.tries++ // who had it did not stop, but died
		}
		left.entries = append(left.entries, e)
		return e
	}
	for _, of := range r.Segments {
		events, err := jr.readSegment(ctx, of)
		if err != nil {
			return leftover{}, err
		}
		s := &segment{name: of.Name}
		for _, of := range events {
			s.put(add(of))
		}
		left.segments = append(left.segments, s)
	}
	for _, of := range r.Events {
		add(of)
	}
	slices.SortStableFunc(left.entries, func(a, b *journalEntry) int { return cmp.Compare(a.seq, b.seq) })
	return left, nil
}

// Of which entries a segment is made.
const (
	// shelfAge is how long an event is not handled before it is moved out of
	// the record: most are handled before that.
	shelfAge = time.Second

	// minSegment and maxSegment are how many bytes of them there must be, and
	// about how many go into one segment.
	minSegment = 64 << 10
	maxSegment = 1 << 20
)

// A segment is a value in the Store with events that were not handled for long. It
// is not changed once the record names it: what has become of its events
// stands in the record. It is guarded by the journal's mu.
type segment struct {
	name    string
	entries []*journalEntry // nil if handled
	state   []byte          // of each entry: how often the bot has died of it, as a digit, or stateHandled
	live    int             // how many are not handled
}

// stateHandled is the state of a handled event.
const stateHandled = '-'

// mark notes in the entry's segment, if it has one, what has become of it. The
// caller holds jr.mu.
func (e *journalEntry) mark() {
	s := e.seg
	switch {
	case s == nil:
	case e.handled:
		s.state[e.place], s.entries[e.place] = stateHandled, nil
		s.live--
		e.seg = nil
	default:
		s.state[e.place] = '0' + byte(e.tries)
	}
}

// setTries sets how many runs of the bot have died of it. The caller holds
// jr.mu.
func (e *journalEntry) setTries(n int) {
	if e.handled {
		return
	}
	e.tries = n
	e.mark()
}

// put puts an entry into a segment. The caller holds jr.mu.
func (s *segment) put(e *journalEntry) {
	e.place = len(s.entries)
	s.entries, s.state = append(s.entries, e), append(s.state, stateHandled)
	if e.handled {
		s.entries[e.place] = nil
		return
	}
	e.seg = s
	s.live++
	e.mark()
}

// A shelf is where one journal puts its segments. It belongs to who writes.
//
// A segment is in the Store before the record names it, and still is when the
// record does so no more. So that none is left there by a process that dies in
// between, the record names those too, as unused: the next one before it is
// written, and the others until they are erased.
type shelf struct {
	series string   // the names of the segments begin with it: no other journal's do
	n      int      // the number of the next one
	named  bool     // the record in the Store names the next one
	begun  bool     // the next one may be in the Store
	unused []string // what may be there besides
}

func newShelf() shelf { return shelf{series: rand.Text()} }

// next returns the name of the next segment.
func (s *shelf) next() string { return s.series + "/" + strconv.Itoa(s.n) }

func (jr *journal) segmentKey(name string) string {
	return "journal/" + strconv.FormatInt(jr.group, 10) + "/" + name
}

// old returns which entries are to be moved out of the record, in their order.
// The caller holds jr.mu and is who writes.
func (jr *journal) old() (old []*journalEntry) {
	if !jr.shelf.named || jr.closed {
		return nil
	}
	before := time.Now().Add(-shelfAge)
	size := 0
	for _, e := range jr.tail {
		if !e.came.After(before) && size < maxSegment {
			old = append(old, e)
			size += len(e.ev.Raw)
		}
	}
	if size < minSegment {
		return nil
	}
	return old
}

// shelve moves entries to a new segment, which the record does not name yet.
func (jr *journal) shelve(ctx context.Context, old []*journalEntry) error {
	s := &segment{name: jr.shelf.next()}
	events := make([]recordEvent, len(old))
	for i, e := range old {
		events[i] = recordEvent{Seq: e.seq, Raw: e.ev.Raw}
	}
	jr.shelf.begun = true
	if err := jr.overwrite(ctx, jr.segmentKey(s.name), appendEvents(nil, events)); err != nil {
		return err
	}
	jr.shelf.n++
	jr.shelf.named, jr.shelf.begun = false, false
	jr.mu.Lock()
	defer jr.mu.Unlock()
	for _, e := range old {
		s.put(e)
	}
	jr.tail = slices.DeleteFunc(jr.tail, func(e *journalEntry) bool { return e.seg == s })
	jr.segments = append(jr.segments, s)
	return nil
}

// thinOut takes back into the record what is left of segments that are mostly
// handled. The caller holds jr.mu and is who writes.
func (jr *journal) thinOut() {
	jr.segments = slices.DeleteFunc(jr.segments, func(s *segment) bool {
		if 4*s.live > len(s.entries) {
			return false
		}
		jr.takeBack(s)
		jr.shelf.unused = append(jr.shelf.unused, s.name)
		return true
	})
}

// takeBack takes into the record the events of a segment that are not handled.
// The caller holds jr.mu.
func (jr *journal) takeBack(s *segment) {
	for _, e := range s.entries {
		if e != nil {
			e.seg = nil
			jr.tail = append(jr.tail, e)
		}
	}
}

// overwrite writes a value that nobody else writes.
func (jr *journal) overwrite(ctx context.Context, key string, value []byte) error {
	var old []byte // the last attempt may have done more than it seemed to
	for {
		swapped, err := jr.store.Swap(ctx, key, old, value, 0)
		if err != nil || swapped {
			return err
		}
		if old, err = jr.store.Get(ctx, key); err != nil {
			return err
		}
	}
}

// erase removes a segment that is not used any more. It reports whether it is
// gone.
func (jr *journal) erase(ctx context.Context, name string) bool {
	return jr.overwrite(ctx, jr.segmentKey(name), nil) == nil
}

// readSegment reads a segment that a record names. If it is not there, the
// record may have changed meanwhile.
func (jr *journal) readSegment(ctx context.Context, of recordSegment) ([]recordEvent, error) {
	raw, err := jr.store.Get(ctx, jr.segmentKey(of.Name))
	switch {
	case err != nil:
		return nil, err
	case raw == nil:
		return nil, fmt.Errorf("%q %w: there is no such segment", jr.segmentKey(of.Name), errCannotRead)
	}
	events, err := readEvents(raw)
	if err == nil && len(events) != len(of.State) {
		err = fmt.Errorf("%d events, of %d", len(of.State), len(events))
	}
	if err != nil {
		return nil, fmt.Errorf("%q %w: %w", jr.segmentKey(of.Name), errCannotRead, err)
	}
	for i := range events {
		switch c := of.State[i]; {
		case c == stateHandled:
			events[i].Tries = -1
		case '0' <= c && c <= '9':
			events[i].Tries = int(c - '0')
		default:
			return nil, fmt.Errorf("%q %w: the state %q", jr.segmentKey(of.Name), errCannotRead, c)
		}
	}
	return events, nil
}
