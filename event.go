package vk

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/vkrouter/vk/internal/tolerant"
)

// An Event is something that happened in a community, as VK reports it by
// long poll or callback. Events are read-only, and so safe for concurrent use:
// several listeners may be looking at one.
//
// See https://dev.vk.com/ru/api/community-events/json-schema for VK's list.
type Event struct {
	Kind    string // what happened: "message_new", "group_join", …; VK's type
	ID      string // VK's event_id, the same when VK delivers the event again
	GroupID int64  // the community
	Version string // the API version that Object is written in

	// Derived is what a new message comes to besides. For a service action in
	// a chat it is "message_new." and the action's type, as in
	// "message_new.chat_kick_user", also if VK has made up the type since. For the
	// Start button, whose payload is {"command":"start"} and nothing else, it is
	// "message_new.start"; anybody can send that. Else it is empty.
	Derived string

	// Object and Raw are the event's object and the whole event as VK sent
	// them, in the same memory. The bytes must not be changed.
	Object, Raw json.RawMessage

	head  head
	press *buttonPress // of a callback button, else nil
}

// ParseEvent reads an event from what VK sends of it: an element of a long
// poll's updates, or the body of a callback. It goes through the bytes once, and
// reads of the object only what leads the event to its handlers; the rest is
// decoded for those who ask.
//
// Only what is not valid JSON from the first byte to the last, or nested more
// than 1,000 levels deep, or not an object with a type, is an error: unknown
// kinds and fields are kept, and a field of another shape than usual reads as
// zero. ParseEvent keeps raw, which must not be changed afterwards.
func ParseEvent(raw []byte) (*Event, error) {
	var f found
	if err := f.read(raw); err != nil {
		return nil, fmt.Errorf("vk: event: %w", err)
	}
	kind := f.kind()
	if kind == "" {
		return nil, errors.New("vk: event: not an object with a type")
	}
	e := f.make(kind)
	e.Raw = raw
	return e, nil
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
	if m, ok := any(v).(*MessageNew); ok && m.Message.PeerID == 0 && e.old() {
		tolerant.Unmarshal(e.Object, &m.Message)
	}
	return v, nil
}

// old reports whether a message_new event is written as before version 5.103:
// its object is the message.
func (e *Event) old() bool {
	var o struct {
		Message json.RawMessage `json:"message"`
	}
	return tolerant.Unmarshal(e.Object, &o) == nil && o.Message == nil
}
