package vk

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/vkrouter/vk/internal/drift"
)

// A Drift is something in an event that this package does not know: VK has
// changed, or sends something that is not documented. The event is handled
// nevertheless. A value without a field is in the event's Object, and a value of
// another type than its field is zero.
type Drift struct {
	Event string // the kind of the event
	What  DriftKind

	// Path is the place of the value, such as
	// "object.message.attachments[0].photo.new_field", or "new_field" if it is
	// beside the object. It is empty for an unknown kind of event.
	Path string

	// Want is the Go type of the field that a bent value is for, else empty.
	Want string

	// Sample is the value that VK sent, cut to 1024 bytes, and so not always
	// valid JSON. It may contain texts of users, and keys that give access to
	// their content.
	Sample []byte
}

// A DriftKind is a way in which an event differs from the expected form.
type DriftKind int

const (
	UnknownKind  DriftKind = iota // a kind of event, or of action in a chat, that has no name here
	UnknownField                  // a field that no model has, such as a new type of attachment
	BentValue                     // a value of another type than its field
)

// String returns the kind in words.
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

// String returns everything but the sample.
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

// Drift returns everything in the event that this package does not know, or nil
// if it knows all: first the fields around the object, then the fields in it,
// both in VK's order. It does not report fields that are left out on purpose,
// such as VK's own marks for statistics.
//
// Drift decodes the whole event, which costs about as much as a listener. It
// runs only when called. To watch a bot, listen to all kinds of events, and
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
	compare := func(prefix string, data []byte, v any) error {
		differences, err := comparer.Compare(prefix, data, v)
		for _, d := range differences {
			what, want := UnknownField, ""
			if d.Want != nil {
				what, want = BentValue, d.Want.String()
			}
			found = append(found, Drift{e.Kind, what, d.Path, want, d.Sample})
		}
		return err
	}
	if e.Raw != nil {
		compare("", e.Raw, new(eventModel)) // fails only if Raw is not JSON, and then finds nothing
	}
	typ, ok := kindTypes[e.Kind]
	if !ok {
		if e.Kind != EventConfirmation {
			found = append(found, Drift{e.Kind, UnknownKind, "", "", comparer.Sample(e.Object)})
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
	if compare("object.", e.Object, v.Interface()) != nil {
		return found
	}
	if action, path := actionOf(v.Interface()); action != nil && action.Type != "" && kindTypes[derivedPrefix+action.Type] == nil {
		sample, _ := json.Marshal(action.Type)
		found = append(found, Drift{e.Kind, UnknownKind, path, "", comparer.Sample(sample)})
	}
	return found
}

// actionOf returns the action of a message, or nil, and the path to its type.
func actionOf(object any) (a *Action, path string) {
	switch m := object.(type) {
	case *MessageNew:
		return m.Message.Action, "object.message.action.type"
	case *Message:
		return m.Action, "object.action.type"
	}
	return nil, ""
}

// An eventModel is the fields around the object of an event.
type eventModel struct {
	Type    json.RawMessage `json:"type"` // was read, or there would be no event
	EventID string          `json:"event_id"`
	GroupID int64           `json:"group_id"`
	Version string          `json:"v"`
	Object  json.RawMessage `json:"object"`
	Secret  json.RawMessage `json:"secret"` // raw, and so never in a sample
}

// comparer compares events with the types of this package.
var comparer = drift.Comparer{Models: ownDecoders, Ignored: leftOut, MaxSample: 1024}

// ownDecoders maps the types that have an UnmarshalJSON method to the structs
// that the methods read.
var ownDecoders = map[reflect.Type]reflect.Type{
	reflect.TypeFor[Keyboard](): reflect.TypeFor[keyboardModel](),
	reflect.TypeFor[Carousel](): reflect.TypeFor[carouselModel](),
	reflect.TypeFor[Location](): reflect.TypeFor[locationModel](),
}

// leftOut are the fields that no model has, because bots have no use for them.
var leftOut = map[string]bool{
	"version":         true, // of a message: VK's own count of its changes
	"influence_score": true, // VK's measure of an author
	"warning":         true, // VK's warning about an old version
	"inner_type":      true, // the name of the definition in VK's schema
	"response_type":   true, // whether VK sends all fields, which is visible anyway
	"track_code":      true, // for VK's statistics
	"hash":            true, // for VK's own site
	"web_view_token":  true, // likewise
	"thumb_hash":      true, // a blurred picture, for apps
	"pid":             true, // of a comment: its photo_id once more

	// How VK's apps show a thing.
	"short_text_rate": true, "carousel_offset": true, "feedback": true, "clickable_stickers": true, "real_offset": true,
	"showmap": true, "episodes": true, "live_settings": true,

	// What VK sends with some objects and has in no description of them.
	"from":                 true,                                               // of a post: the page of its author, whose id is there too
	"main_artists":         true,                                               // of an audio: its artist once more
	"content_restricted":   true,                                               // of an audio: a restriction of VK's own player
	"short_videos_allowed": true, "stories_allowed": true, "can_archive": true, // what the app of a person may do
	"first_frame_130": true, "first_frame_160": true, "first_frame_320": true, "first_frame_800": true, // of a video, before 5.103: its pictures
	"photo_130": true, "photo_320": true, "photo_800": true,
	"ads": true, "track_genre_id": true, "featured_artists": true, "no_search": true, "lyrics_id": true, // of an audio, for VK's player
	"web_preview_url": true, "photo_100": true, "total_checkins": true, "owner_photo": true, "can_report": true,
	"ads_easy_promote": true, "author_ad": true, "push_subscription": true, "stats_pixels": true,
	"reaction_set_id": true, "can_dislike": true, "mute_reply": true, "interactive": true, "short_video_info": true,
}
