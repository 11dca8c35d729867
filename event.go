package vk

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/vkrouter/vk/internal/tolerant"
)

// An Event is something that happened in a community, as VK reports it by
// long poll or callback. Events are read-only: several listeners may be looking
// at one.
//
// See https://dev.vk.com/ru/api/community-events/json-schema for VK's list.
type Event struct {
	Kind    string // what happened: "message_new", "group_join", …; VK's type
	Derived string // what it comes to besides: "message_new.chat_kick_user", "message_new.start"; or ""
	ID      string // VK's event_id, the same when VK delivers the event again
	GroupID int64  // the community
	Version string // the API version that Object is written in

	// Object and Raw are the event's object and the whole event as VK sent
	// them. The bytes must not be changed.
	Object, Raw json.RawMessage

	head  head
	press *buttonPress // of a callback button, else nil
}

// head is what the shallow pass reads of every event.
type head struct {
	peer, from int64
	id, cmid   int64
	text       string
	payload    json.RawMessage
	out        bool
	lang       string
}

// ParseEvent reads an event from what VK sends of it: an element of a long
// poll's updates, or the body of a callback. Only a value that is not a JSON
// object with a type is an error: unknown kinds and fields are kept, and a
// field of another shape than usual reads as zero. ParseEvent keeps raw, which
// must not be changed afterwards.
func ParseEvent(raw []byte) (*Event, error) {
	var envelope struct {
		Type    string          `json:"type"`
		EventID string          `json:"event_id"`
		GroupID int64           `json:"group_id"`
		V       string          `json:"v"`
		Object  json.RawMessage `json:"object"`
	}
	if err := tolerant.Unmarshal(raw, &envelope); err != nil {
		return nil, fmt.Errorf("vk: event: %w", err)
	}
	if envelope.Type == "" {
		return nil, errors.New("vk: event: not an object with a type")
	}
	e := &Event{
		Kind:    envelope.Type,
		ID:      envelope.EventID,
		GroupID: envelope.GroupID,
		Version: envelope.V,
		Object:  envelope.Object,
		Raw:     raw,
	}
	e.readHead()
	if e.Kind == string(EventMessageEvent) {
		e.press = &buttonPress{at: time.Now()}
	}
	return e, nil
}

// readHead finds who did what where, for routing and for the lanes.
func (e *Event) readHead() {
	type message struct {
		ID      int64           `json:"id"`
		CMID    int64           `json:"conversation_message_id"`
		PeerID  int64           `json:"peer_id"`
		FromID  int64           `json:"from_id"`
		Text    string          `json:"text"`
		Payload json.RawMessage `json:"payload"`
		Out     bool            `json:"out"`
	}
	var o struct {
		message
		UserID    int64    `json:"user_id"`
		LikerID   int64    `json:"liker_id"`   // like_add, like_remove
		ReactedID int64    `json:"reacted_id"` // message_reaction_event
		Message   *message `json:"message"`    // message_new
		Client    struct {
			LangID *int `json:"lang_id"`
		} `json:"client_info"`
	}
	if e.Object == nil || tolerant.Unmarshal(e.Object, &o) != nil {
		return
	}
	m := o.message
	if o.Message != nil && e.Kind == string(EventMessageNew) {
		m = *o.Message
	}
	m.FromID = cmp.Or(m.FromID, o.UserID, o.LikerID, o.ReactedID)
	if m.PeerID == 0 && m.FromID > 0 {
		m.PeerID = m.FromID // the dialog with the person
	}
	e.head = head{
		peer:    m.PeerID,
		from:    m.FromID,
		id:      m.ID,
		cmid:    m.CMID,
		text:    m.Text,
		payload: payloadJSON(m.Payload),
		out:     m.Out,
	}
	if id := o.Client.LangID; id != nil && *id >= 0 && *id < len(langs) {
		e.head.lang = langs[*id]
	}
}

// langs are the codes of VK's numbers for languages.
var langs = [...]string{"ru", "uk", "be", "en", "es", "fi", "de", "it"}

// payloadJSON returns a button's payload as JSON. A message holds it as a
// string of JSON, a press of a callback button as a value.
func payloadJSON(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	if raw[0] == '"' {
		var s string
		if tolerant.Unmarshal(raw, &s) == nil && json.Valid([]byte(s)) {
			return unwrapPayload(json.RawMessage(s))
		}
	}
	return raw
}

// decode fills a listener's own copy of the event's object.
func decode[T any](e *Event) (*T, error) {
	v := new(T)
	if e.Object == nil {
		return v, nil
	}
	if err := tolerant.Unmarshal(e.Object, v); err != nil {
		return nil, fmt.Errorf("vk: %s: %w", e.Kind, err)
	}
	return v, nil
}
