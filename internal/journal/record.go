package journal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// A stored event is [seq, tries, event].
const eventOverhead = 32

// appendBatch appends a batch in its stored form. The events are valid JSON
// already.
func appendBatch(b []byte, ts string, deaths int64, entries []*Entry) []byte {
	b = append(b, `{"ts":`...)
	b = appendText(b, ts)
	b = append(b, `,"deaths":`...)
	b = strconv.AppendInt(b, deaths, 10)
	b = append(b, `,"events":[`...)
	for i, e := range entries {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '[')
		b = strconv.AppendInt(b, e.seq, 10)
		b = append(b, ',')
		b = strconv.AppendInt(b, int64(e.tries), 10)
		b = append(b, ',')
		b = append(b, e.Data...)
		b = append(b, ']')
	}
	return append(b, "]}"...)
}

func appendText(b []byte, text string) []byte {
	raw, _ := json.Marshal(text) // a string is JSON
	return append(b, raw...)
}

// A batchRecord is a stored batch.
type batchRecord struct {
	TS     string        `json:"ts"`     // the place in the history after it; "" in a merged batch
	Deaths int64         `json:"deaths"` // number of runs that had died when it was written
	Events []eventRecord `json:"events"`
}

type eventRecord struct {
	seq   int64
	tries int
	data  json.RawMessage
}

func (r *eventRecord) UnmarshalJSON(b []byte) error {
	var parts []json.RawMessage
	if err := json.Unmarshal(b, &parts); err != nil {
		return err
	}
	if len(parts) != 3 {
		return fmt.Errorf("an event of %d parts", len(parts))
	}
	if err := json.Unmarshal(parts[0], &r.seq); err != nil {
		return err
	}
	r.data = parts[2]
	return json.Unmarshal(parts[1], &r.tries)
}

func readBatch(raw []byte) (r batchRecord, err error) {
	err = json.Unmarshal(raw, &r)
	return r, err
}

// A placeRecord is stored beside the batches. It is written rarely.
type placeRecord struct {
	Owner    string  `json:"owner"`           // "" if no process owns the journal
	Until    int64   `json:"until,omitempty"` // when the lease ends by the owner's clock, in milliseconds since 1970; only for the log
	TS       string  `json:"ts"`              // the place in the history, if no batch from At on has one
	At       int64   `json:"at"`              // the newest batch at that time
	First    int64   `json:"first"`           // no batch has a lower number
	Next     int64   `json:"next"`            // no batch has this number or a higher one
	Merged   int     `json:"merged"`          // number of keys reserved for merged batches
	Deaths   int64   `json:"deaths"`          // number of runs that have died
	Forgiven int64   `json:"forgiven"`        // number of these deaths that no event is blamed for
	Repeats  bool    `json:"repeats"`         // a source may deliver its events again
	Try      []int64 `json:"try,omitempty"`   // the suspects that are being handled
}

func readPlace(raw []byte) (p placeRecord, err error) {
	if len(raw) > 0 {
		err = json.Unmarshal(raw, &p)
	}
	return p, err
}

// Renews reports whether a change of a value only renews the lease of the
// journal's owner.
func Renews(old, new []byte) bool {
	was, err := readPlace(old)
	if err != nil || was.Owner == "" {
		return false
	}
	is, err := readPlace(new)
	was.Until = is.Until
	return err == nil && bytes.Equal(was.encode(), is.encode())
}

func (p placeRecord) encode() []byte {
	raw, _ := json.Marshal(p) // all fields can be marshaled
	return raw
}
