package vk

import (
	"encoding/json"
	"strconv"
	"time"
)

// A record is what a journal keeps in the Store.
type record struct {
	Owner  string        `json:"owner"` // whose it is; "" if nobody's
	Until  int64         `json:"until"` // and until when, in milliseconds since 1970
	TS     string        `json:"ts"`
	At     int64         `json:"at"` // when the history had come there
	Events []recordEvent `json:"events"`
}

type recordEvent struct {
	Tries int             `json:"tries"`
	Raw   json.RawMessage `json:"event"`
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
	b = append(b, `,"events":[`...)
	for i, e := range r.Events {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"tries":`...)
		b = strconv.AppendInt(b, int64(e.Tries), 10)
		b = append(b, `,"event":`...)
		b = append(b, e.Raw...)
		b = append(b, '}')
	}
	return append(b, "]}"...)
}

// record returns the journal as a record, and forgets what is done. The caller
// holds jr.mu.
func (jr *backlog) record() []byte {
	now := time.Now()
	r := record{Owner: jr.owner, Until: now.Add(leaseTime).UnixMilli(), TS: jr.ts, At: jr.at.UnixMilli()}
	if jr.closed {
		r.Owner = ""
	}
	kept := jr.entries[:0]
	size := 128
	for _, e := range jr.entries {
		if e.done {
			continue
		}
		e.calm()
		kept = append(kept, e)
		r.Events = append(r.Events, recordEvent{e.tries, e.ev.Raw})
		size += len(e.ev.Raw) + 32
	}
	clear(jr.entries[len(kept):])
	jr.entries = kept
	return r.append(make([]byte, 0, size))
}

// calm forgives an event whose handler waits: it has not brought anything down.
func (e *entry) calm() {
	if e.tries == 0 || e.job == nil {
		return
	}
	mu := &e.job.d.waits.mu
	mu.Lock()
	defer mu.Unlock()
	if e.job.parked > 0 {
		e.tries = 0
	}
}
