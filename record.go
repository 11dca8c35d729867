package vk

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
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
func (jr *backlog) record() []byte {
	now := time.Now()
	r := record{Owner: jr.owner, Until: now.Add(leaseTime).UnixMilli(), TS: jr.ts, At: jr.at.UnixMilli()}
	if jr.closed {
		r.Owner = ""
	}
	jr.tried = slices.DeleteFunc(jr.tried, func(e *entry) bool {
		if !e.done && e.isCalm() {
			e.setTries(0)
		}
		return e.done || e.tries == 0
	})
	jr.thinOut()
	size := 256
	for _, e := range jr.tail {
		if e.done {
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
func (e *entry) isCalm() bool {
	if e.job == nil {
		return false
	}
	mu := &e.job.d.waits.mu
	mu.Lock()
	defer mu.Unlock()
	return e.job.parked > 0
}

// A leftover is what a record and its segments have of events.
type leftover struct {
	entries  []*entry // in their order
	segments []*segment
}

// load reads what a record has of events, of which one more run has died.
func (jr *backlog) load(ctx context.Context, r record) (left leftover, err error) {
	add := func(of recordEvent) *entry {
		e := &entry{jr: jr, seq: of.Seq, tries: of.Tries}
		if e.done = of.Tries < 0; e.done {
			return e
		}
		var err error
		if e.ev, err = ParseEvent(of.Raw); err != nil {
			jr.d.logger().Error("vk: journal: an event cannot be read", "err", err, "event", fmt.Sprintf("%.300s", of.Raw))
			e.done = true
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
	slices.SortStableFunc(left.entries, func(a, b *entry) int { return cmp.Compare(a.seq, b.seq) })
	return left, nil
}
