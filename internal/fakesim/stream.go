package fakesim

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"sync"
	"time"

	"github.com/vkrouter/vk/internal/fakevk"
)

// The limits of the stream.
const (
	streamEvents = 10_000
	streamBytes  = 16 << 20
	streamPage   = 1000 // events in one response, unless the client asks for fewer

	// longest limits the length of a parameter or of the response of a call in
	// the stream; GET /sim/calls returns them in full.
	longest = 8 << 10
)

// A stream numbers events and keeps the last of them.
type stream struct {
	id    string
	mu    sync.Mutex
	last  int64             // the number of the newest event
	kept  []json.RawMessage // the newest is the last
	bytes int
	wake  chan struct{} // closed at the next event; nil if nothing waits
}

func newStream() *stream { return &stream{id: rand.Text()} }

// before returns the number after which the last n events come.
func (s *stream) before(n int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(s.last-min(n, int64(len(s.kept))), 0)
}

// An item is one event of the stream.
type item struct {
	Seq  int64   `json:"seq"`
	Type string  `json:"type"`
	Time float64 `json:"time"` // in Unix seconds
	Data any     `json:"data"`
}

// note appends an event.
func (s *stream) note(kind string, data any) { s.put(kind, time.Now(), data) }

func (s *stream) put(kind string, at time.Time, data any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	b := encode(item{s.last, kind, float64(at.UnixMilli()) / 1000, data})
	s.kept = append(s.kept, b)
	s.bytes += len(b)
	for len(s.kept) > streamEvents || s.bytes > streamBytes && len(s.kept) > 1 {
		s.bytes -= len(s.kept[0])
		s.kept[0] = nil
		s.kept = s.kept[1:]
	}
	if s.wake != nil {
		close(s.wake)
		s.wake = nil
	}
}

// since returns the events after the one with a number, and the number to
// continue from. lost reports that some of these events were dropped, or that
// the number is not of this stream; in the second case the beginning of the
// stream is returned. The channel is closed at the next event.
func (s *stream) since(seq int64, limit int) (events []json.RawMessage, next int64, lost bool, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.last - int64(len(s.kept)) + 1
	if seq > s.last {
		seq, lost = 0, true
	}
	if seq < first-1 {
		lost = lost || seq > 0 || first > 1
		seq = first - 1
	}
	events = s.kept[seq-first+1:]
	events = append([]json.RawMessage{}, events[:min(limit, len(events))]...)
	if s.wake == nil {
		s.wake = make(chan struct{})
	}
	return events, seq + int64(len(events)), lost, s.wake
}

// add appends a change of the world. It runs with the world locked.
func (s *stream) add(c fakevk.Change) {
	var data any
	where := place{User: c.User, Peer: c.Peer}
	switch c.Kind {
	case fakevk.ChangeMessage, fakevk.ChangeEdit:
		data = struct {
			place
			Message messageView `json:"message"`
		}{where, viewOf(*c.Message)}
	case fakevk.ChangeTyping:
		data = struct {
			place
			FromID int64  `json:"from_id"`
			State  string `json:"state"`
		}{where, c.Who, c.State}
	case fakevk.ChangeRead:
		data = struct {
			place
			FromID int64 `json:"from_id"`
			CMID   int64 `json:"cmid"`
		}{where, c.Who, c.CMID}
	case fakevk.ChangePress, fakevk.ChangeAnswer:
		data = struct {
			place
			Press pressView `json:"press"`
		}{where, pressOf(*c.Press)}
	case fakevk.ChangeCall:
		data = shortCall(callOf(*c.Call))
	case fakevk.ChangeEvent:
		data = struct {
			GroupID int64           `json:"group_id"`
			Event   json.RawMessage `json:"event"`
		}{c.Event.GroupID, c.Event.Envelope("5.199", "")}
	default:
		data = struct {
			ID int64 `json:"id"`
		}{c.ID}
	}
	s.put(c.Kind, c.Time, data)
}

// A place is a conversation of a user, or a chat if User is zero.
type place struct {
	User int64 `json:"user,omitempty"`
	Peer int64 `json:"peer"`
}

// encode returns JSON with angle brackets unescaped.
func encode(v any) json.RawMessage {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return json.RawMessage("null")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// shortCall removes the long parts of a call.
func shortCall(c callView) callView {
	params := make(map[string]string, len(c.Params))
	for k, v := range c.Params {
		if len(v) > longest {
			v = string([]rune(v[:longest])) + "…"
		}
		params[k] = v
	}
	c.Params = params
	if len(c.Response) > longest {
		c.Response, c.Cut = nil, true
	}
	return c
}
