package vk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/vkrouter/vk/internal/tolerant"
)

// A Drift is something in an event that this package does not know: VK has
// changed, or does what nobody has written down. No event is lost over it. What
// there is no field for is in the event's Object, and what is bent is zero.
type Drift struct {
	Event string // the kind of the event
	What  DriftKind

	// Path is where it is: "object.message.attachments[0].photo.new_field", or
	// "new_field" if it is beside the object. Empty if it is the event's kind.
	Path string

	// Want is the Go type of the field that a bent value is for, else empty.
	Want string

	// Sample is what VK sent there, at most 1024 bytes of it: it may be cut,
	// and so be no JSON. It may hold what people wrote, and keys that open
	// their things.
	Sample []byte
}

// A DriftKind says in which way an event is not what was expected.
type DriftKind int

const (
	UnknownKind  DriftKind = iota // a kind of event, or of action in a chat, that has no name here
	UnknownField                  // a field that no model has, which a new type of attachment is too
	BentValue                     // a value of another type than its field
)

// String returns it in words.
func (k DriftKind) String() string {
	switch k {
	case UnknownKind:
		return "unknown kind"
	case UnknownField:
		return "unknown field"
	case BentValue:
		return "bent value"
	}
	return fmt.Sprintf("DriftKind(%d)", int(k))
}

// String says what it is and where, without the sample.
func (d Drift) String() string {
	s := d.Event + ": " + d.What.String()
	if d.Path != "" {
		s += " " + d.Path
	}
	if d.Want != "" {
		s += ", want " + d.Want
	}
	return s
}

const maxSample = 1024

// Drift returns what in the event this package does not know, or nil if it knows
// all: first what is around the object, then what is in it, each in VK's order.
// What it leaves out on purpose, such as VK's own marks for statistics, is not
// among it.
//
// It decodes the whole event, at about the price of a listener, and nothing
// does so unless it is called. To watch a bot, listen to all kinds of events, and
// report each place once:
//
//	var seen sync.Map
//	r.Listen(func(c *vk.Context) error {
//		for _, d := range c.Event().Drift() {
//			if _, ok := seen.LoadOrStore(d.String(), true); !ok {
//				slog.Warn("VK has changed", "drift", d.String())
//			}
//		}
//		return nil
//	})
func (e *Event) Drift() []Drift {
	var found []Drift
	add := func(what DriftKind, path, want string, sample []byte) {
		found = append(found, Drift{e.Kind, what, path, want, bytes.Clone(sample[:min(len(sample), maxSample)])})
	}
	prefix := ""
	join := func(path string) string { return strings.TrimSuffix(prefix+path, ".") }
	d := tolerant.Decoder{
		Bent: func(path string, want reflect.Type, raw []byte) {
			add(BentValue, join(path), want.String(), raw)
		},
		Unknown: func(path string, raw []byte) {
			if !leftOut[path[strings.LastIndexByte(path, '.')+1:]] {
				add(UnknownField, join(path), "", raw)
			}
		},
		Inside: ownDecoders,
	}
	if e.Raw != nil {
		d.Unmarshal(e.Raw, new(eventModel))
	}
	typ, ok := kindTypes[e.Kind]
	if !ok {
		if e.Kind != EventConfirmation {
			add(UnknownKind, "", "", e.Object)
		}
		return found
	}
	if e.Object == nil {
		return found
	}
	v := reflect.New(typ)
	if typ == reflect.TypeFor[MessageNew]() && e.old() {
		v = reflect.New(reflect.TypeFor[Message]())
	}
	prefix = "object."
	if d.Unmarshal(e.Object, v.Interface()) != nil {
		return found
	}
	var action *Action
	path := "object.action.type"
	switch m := v.Interface().(type) {
	case *MessageNew:
		action, path = m.Message.Action, "object.message.action.type"
	case *Message:
		action = m.Action
	}
	if action != nil && action.Type != "" && kindTypes[derivedPrefix+action.Type] == nil {
		sample, _ := json.Marshal(action.Type)
		add(UnknownKind, path, "", sample)
	}
	return found
}

// An eventModel is what there is around the object of an event.
type eventModel struct {
	Type    json.RawMessage `json:"type"` // was read, or there would be no event
	EventID string          `json:"event_id"`
	GroupID int64           `json:"group_id"`
	Version string          `json:"v"`
	Object  json.RawMessage `json:"object"`
	Secret  json.RawMessage `json:"secret"` // raw, so that it is in no sample
}

// ownDecoders are the types that have an UnmarshalJSON, and what that reads.
var ownDecoders = map[reflect.Type]reflect.Type{
	reflect.TypeFor[Keyboard](): reflect.TypeFor[keyboardModel](),
	reflect.TypeFor[Carousel](): reflect.TypeFor[carouselModel](),
	reflect.TypeFor[Location](): reflect.TypeFor[locationModel](),
}

// leftOut are the fields that no model has because they are of no use to a
// bot.
var leftOut = map[string]bool{
	"version":         true, // of a message: VK's own count of its changes
	"influence_score": true, // VK's measure of an author
	"warning":         true, // VK's word to those who ask for an old version
	"inner_type":      true, // the name of the definition in VK's schema
	"response_type":   true, // whether VK sends all fields, which one sees
	"track_code":      true, // for VK's statistics
	"hash":            true, // for VK's own site
	"web_view_token":  true, // likewise
	"thumb_hash":      true, // a blurred picture, for apps
	"pid":             true, // of a comment: its photo_id once more

	// How VK's apps show a thing.
	"short_text_rate": true, "carousel_offset": true, "feedback": true, "clickable_stickers": true, "real_offset": true,
	"showmap": true, "episodes": true, "live_settings": true,
}
