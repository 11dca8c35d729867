package vk

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/scan"
	"github.com/vkrouter/vk/internal/tolerant"
)

// An Event is an event of a community, as VK reports it by long poll or
// callback. Events are read-only, so they are safe for concurrent use by
// several listeners.
//
// See https://dev.vk.com/ru/api/community-events/json-schema for VK's list.
type Event struct {
	Kind    string // the kind of event: "message_new", "group_join", …; VK's type
	ID      string // VK's event_id; duplicates have the same
	GroupID int64  // the community
	Version string // the API version that Object is written in

	// Derived is the second kind of a new message. For a service action in a
	// chat, it is "message_new." and the action's type, such as
	// "message_new.chat_kick_user"; that includes types added by VK later. For
	// the Start button, whose payload is {"command":"start"} and nothing else,
	// it is "message_new.start"; any user can send that. Otherwise it is empty.
	Derived string

	// Object and Raw are the event's object and the whole event as VK sent
	// them, in the same memory. The bytes must not be changed.
	Object, Raw json.RawMessage

	head   head
	press  *buttonPress // for a callback button, else nil
	shared *shared
}

// NewMessageEvent returns a message_new event with the message, as VK would
// send it to the community. Use it to run a command on a user's behalf, with
// [NewContext] and [Router.Serve], or [Dispatcher.Dispatch]. The event has no
// ID.
func NewMessageEvent(groupID int64, m *Message) (*Event, error) {
	raw, err := json.Marshal(map[string]any{
		"type": EventMessageNew, "group_id": groupID, "object": map[string]any{"message": m},
	})
	if err != nil {
		return nil, fmt.Errorf("vk: NewMessageEvent: %w", err)
	}
	return ParseEvent(raw)
}

// ParseEvent parses an event as VK sends it: an element of a long poll's
// updates, or the body of a callback. It reads the bytes once, and of the
// object only the parts needed for routing; the rest is decoded on demand.
//
// ParseEvent returns an error only if raw is not valid JSON as a whole, is
// nested more than 1,000 levels deep, or is not an object with a type. Unknown
// kinds and fields are kept, and a field of an unexpected shape is zero.
// ParseEvent keeps raw, which must not be changed afterwards.
func ParseEvent(raw []byte) (*Event, error) {
	var f found
	if err := f.readWhole(raw); err != nil {
		return nil, fmt.Errorf("vk: event: %w", err)
	}
	return f.eventOf(raw)
}

// eventOf returns the event found in raw.
func (f *found) eventOf(raw []byte) (*Event, error) {
	kind := f.kind()
	if kind == "" {
		return nil, errors.New("vk: event: not an object with a type")
	}
	e := f.makeEvent(kind)
	e.Raw = raw
	return e, nil
}

// decode returns a new T with the event's object.
func decode[T any](e *Event) (*T, error) {
	v := new(T)
	if e.Object == nil {
		return v, nil
	}
	d := tolerant.Decoder{Checked: e.checked()}
	if err := d.Unmarshal(e.Object, v); err != nil {
		return nil, fmt.Errorf("vk: %s: %w", e.Kind, err)
	}
	if m, ok := any(v).(*MessageNew); ok && m.Message.PeerID == 0 && e.old() {
		tolerant.Unmarshal(e.Object, &m.Message)
	}
	return v, nil
}

// checked reports whether Object is still the value that ParseEvent checked.
func (e *Event) checked() bool {
	h := &e.head
	return h.object != nil && int64(h.size) == int64(len(e.Object)) && h.object == &e.Object[0]
}

// newMessage returns the message of a message_new event, without decoding the
// rest of the object.
func (e *Event) newMessage() (*Message, error) {
	if h := &e.head; h.end > 0 && e.checked() {
		d := tolerant.Decoder{Checked: true}
		m := new(Message)
		if d.Unmarshal(e.Object[h.start:h.end], m); m.PeerID != 0 {
			return m, nil
		}
	}
	v, err := decode[MessageNew](e)
	if err != nil {
		return nil, err
	}
	return &v.Message, nil
}

// shared holds the data shared by the listeners of an event.
type shared struct {
	mu     sync.Mutex
	object any // the decoded object: a *T; nil before decoding
}

// decodeShared returns the event's object as a T, and decodes it on the first
// call. If callers ask for several types, it keeps the first.
func decodeShared[T any](e *Event) (*T, error) {
	if e.shared == nil {
		return decode[T](e)
	}
	e.shared.mu.Lock()
	defer e.shared.mu.Unlock()
	if v, ok := e.shared.object.(*T); ok {
		return v, nil
	}
	v, err := decode[T](e)
	if err == nil && e.shared.object == nil {
		e.shared.object = v
	}
	return v, err
}

// old reports whether a message_new event has the form used before version
// 5.103: its object is the message.
func (e *Event) old() bool {
	var o struct {
		Message json.RawMessage `json:"message"`
	}
	return tolerant.Unmarshal(e.Object, &o) == nil && o.Message == nil
}

// head has the fields that the shallow pass reads from every event's object,
// for routing and for lanes: the user, the conversation and so on. It is small
// because each parked handler holds its event.
type head struct {
	peer, from int64
	cmid       int64
	text       string
	payload    json.RawMessage

	object           *byte  // the first byte of the checked object, or nil
	size, start, end uint32 // the size of that object, and for a message_new event the place of the message in it

	out  bool
	lang uint8 // the number of the language plus 1, or 0
}

// found is the result of one walk through an event. As in decoding, the last of
// equal keys counts, and equal objects are merged; null and values of
// unexpected types clear the earlier value.
type found struct {
	typ, event, version, object []byte // as VK sent them; nil if absent
	at                          int    // where the object begins
	group                       int64
	in                          foundObject

	// For a Callback.
	isObject bool   // there is an outer object
	secret   []byte // the last one, as VK sent it
	secrets  int    // the number of secrets
}

// foundObject is the part of the result about the event's object.
type foundObject struct {
	message                      // for kinds other than message_new, and for that before 5.103
	user, liker, reacted int64   // liker of like_add and like_remove, reacted of message_reaction_event
	lang                 uint8   // plus 1
	inner                message // for message_new
	nested               bool    // whether inner is present
	start, end           int     // the place of the message; 0 if it came in several parts
}

// message is the result of reading a message, or an object in place of one.
type message struct {
	cmid, peer, from      int64
	out                   bool
	text, payload, action []byte
	payloadAt             int // where the payload begins
}

// readWhole walks through an event, which is the whole of raw.
func (f *found) readWhole(raw []byte) error {
	s := scan.New(raw)
	f.readEvent(&s)
	return s.End()
}

// readEvent walks through an event.
func (f *found) readEvent(s *scan.Scanner) {
	if f.isObject = s.Object(); f.isObject {
		for s.Member() {
			switch string(s.Key()) {
			case "type":
				f.typ = s.Value()
			case "secret":
				f.secret = s.Value()
				f.secrets++
			case "event_id":
				f.event = s.Value()
			case "group_id":
				f.group, _ = tolerant.Int(s.Value())
			case "v":
				f.version = s.Value()
			case "object":
				f.in = foundObject{}
				start := s.Pos()
				f.in.readObject(s)
				f.object, f.at = s.Since(start), start
			default:
				s.Value()
			}
		}
	}
}

// moveTo makes f refer to raw, a copy of the event, which began at start.
func (f *found) moveTo(raw []byte, start int) {
	move := func(part *[]byte, at int) {
		if n := len(*part); n > 0 {
			*part = raw[at-start:][:n:n]
		}
	}
	move(&f.object, f.at)
	move(&f.in.payload, f.in.payloadAt)
	move(&f.in.inner.payload, f.in.inner.payloadAt)
}

// readObject walks through the object of an event.
func (o *foundObject) readObject(s *scan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Member() {
		switch key := s.Key(); string(key) {
		case "user_id":
			o.user, _ = tolerant.Int(s.Value())
		case "liker_id":
			o.liker, _ = tolerant.Int(s.Value())
		case "reacted_id":
			o.reacted, _ = tolerant.Int(s.Value())
		case "client_info":
			o.readClient(s)
		case "message":
			again := o.nested
			start := s.Pos()
			if o.nested = s.Object(); !o.nested {
				o.inner, o.start, o.end = message{}, 0, 0
				continue
			}
			for s.Member() {
				o.inner.readMember(s, s.Key())
			}
			if o.start, o.end = start, s.Pos(); again {
				o.start, o.end = 0, 0 // merged with the one before
			}
		default:
			o.message.readMember(s, key)
		}
	}
}

func (o *foundObject) readClient(s *scan.Scanner) {
	if !s.Object() {
		o.lang = 0
		return
	}
	for s.Member() {
		if string(s.Key()) == "lang_id" {
			n, ok := tolerant.Int(s.Value())
			if o.lang = 0; ok && n >= 0 && n < int64(len(langs))-1 {
				o.lang = uint8(n + 1)
			}
		} else {
			s.Value()
		}
	}
}

// readMember reads the value of a member of a message.
func (m *message) readMember(s *scan.Scanner, key []byte) {
	switch string(key) {
	case "conversation_message_id":
		m.cmid, _ = tolerant.Int(s.Value())
	case "peer_id":
		m.peer, _ = tolerant.Int(s.Value())
	case "from_id":
		m.from, _ = tolerant.Int(s.Value())
	case "text":
		m.text = s.Value()
	case "payload":
		m.payloadAt = s.Pos()
		m.payload = s.Value()
	case "out":
		m.out, _ = tolerant.Bool(s.Value())
	case "action":
		if !s.Object() {
			m.action = nil
			return
		}
		for s.Member() {
			if string(s.Key()) == "type" {
				m.action = s.Value()
			} else {
				s.Value()
			}
		}
	default:
		s.Value()
	}
}

// kind returns the event's kind, or "".
func (f *found) kind() string {
	text, _ := tolerant.Text(f.typ)
	if kind, ok := kindNames[string(text)]; ok {
		return kind
	}
	return string(text)
}

// kindNames are the kinds of this package. Events share these strings to save
// memory.
var kindNames = func() map[string]string {
	names := make(map[string]string)
	for name := range kindTypes {
		names[name] = name
	}
	return names
}()

// makeEvent returns the event from the result.
func (f *found) makeEvent(kind string) *Event {
	var e *Event
	if kind == string(EventMessageEvent) {
		made := &struct {
			Event
			shared
			buttonPress
		}{}
		e = &made.Event
		e.shared = &made.shared
		e.press = &made.buttonPress
		e.press.at = time.Now()
	} else {
		made := &struct {
			Event
			shared
		}{}
		e = &made.Event
		e.shared = &made.shared
	}
	e.Kind, e.Object = kind, f.object
	e.GroupID = f.group

	m := &f.in.message
	if f.in.nested && kind == string(EventMessageNew) {
		m = &f.in.inner
	}
	f.setTexts(e, m)
	h := &e.head
	f.setPlaces(h, kind)
	h.cmid, h.peer, h.out = m.cmid, m.peer, m.out
	h.from = cmp.Or(m.from, f.in.user, f.in.liker, f.in.reacted)
	if h.peer == 0 && h.from > 0 {
		h.peer = h.from // the dialog with the user
	}
	h.payload = payloadJSON(m.payload)
	h.lang = f.in.lang
	if kind == string(EventMessageNew) {
		e.Derived = derived(m.action, h.payload)
	}
	return e
}

// setPlaces sets the places of the checked object and of the message in it,
// unless the object is larger than any event.
func (f *found) setPlaces(h *head, kind string) {
	if len(f.object) == 0 || len(f.object) > math.MaxInt32 {
		return
	}
	h.object, h.size = &f.object[0], uint32(len(f.object))
	if kind == string(EventMessageNew) && f.in.end > 0 {
		h.start, h.end = uint32(f.in.start-f.at), uint32(f.in.end-f.at)
	}
}

// setTexts sets the event's strings other than names, in one allocation.
func (f *found) setTexts(e *Event, m *message) {
	id, _ := tolerant.Text(f.event)
	version, _ := tolerant.Text(f.version)
	text, _ := tolerant.Text(m.text)
	var b strings.Builder
	b.Grow(len(id) + len(version) + len(text))
	b.Write(id)
	b.Write(version)
	b.Write(text)
	all := b.String()
	e.ID, all = all[:len(id)], all[len(id):]
	e.Version, e.head.text = all[:len(version)], all[len(version):]
}

// langs are the language codes for VK's language numbers plus 1.
var langs = [...]string{"", "ru", "uk", "be", "en", "es", "fi", "de", "it"}

// derived returns the derived kind of a new message: for a service action in a
// chat, whether this package knows the action or not, or for a press of the
// Start button, which any user can imitate.
func derived(action []byte, payload json.RawMessage) string {
	if what, _ := tolerant.Text(action); len(what) > 0 {
		if name, ok := actionNames[string(what)]; ok {
			return name
		}
		return derivedPrefix + string(what)
	}
	if isStart(payload) {
		return derivedStart
	}
	return ""
}

const (
	derivedPrefix = string(EventMessageNew) + "."
	derivedStart  = derivedPrefix + "start"
)

// actionNames are the derived kinds of the actions in the table, by action, so
// that events need no memory for them.
var actionNames = func() map[string]string {
	names := make(map[string]string)
	for name := range kindTypes {
		if action, ok := strings.CutPrefix(name, derivedPrefix); ok {
			names[action] = name
		}
	}
	return names
}()

// isStart reports whether a payload is that of the Start button: the object
// {"command":"start"} in any notation, without other members.
func isStart(payload json.RawMessage) bool {
	if len(payload) == 0 {
		return false
	}
	start := false
	s := scan.New(payload)
	if s.Object() {
		for s.Member() {
			if string(s.Key()) != "command" {
				return false
			}
			value := s.Value()
			text, _ := tolerant.Text(value)
			start = string(text) == "start" && value[0] == '"'
		}
	}
	return start
}

// A buttonPress is the state of a press of a callback button. All handlers of
// the event share it.
type buttonPress struct {
	at       time.Time   // when it was received
	answered atomic.Bool // set before the answer is sent
}

// ErrNoPress is returned, wrapped, by answers to a press if the event is not a
// press of a callback button. A handler of both commands and buttons can check
// for it with errors.Is.
var ErrNoPress = errors.New("not a press of a callback button")
