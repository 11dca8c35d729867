package vk

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/vkrouter/vk/internal/drift"
)

// A Drift is a part of an event that this package does not know: VK has
// changed, or sends something undocumented. The event is handled nevertheless.
// A value without a field is in the event's Object, and if a value's type
// differs from its field's, the field is zero.
type Drift struct {
	Event string // the kind of the event
	What  DriftKind

	// Path is the place of the value, such as
	// "object.message.attachments[0].photo.new_field", or "new_field" if it is
	// beside the object. It is empty for an unknown kind of event.
	Path string

	// Want is the Go type of the field for a bent value, else empty.
	Want string

	// Sample is the value that VK sent, cut to 1024 bytes, so it is not always
	// valid JSON. It may contain texts of users, and keys that give access to
	// their content.
	Sample []byte
}

// A DriftKind is a way in which an event differs from the expected form.
type DriftKind int

const (
	UnknownKind  DriftKind = iota // a kind of event, or of action in a chat, without a name here
	UnknownField                  // a field without a counterpart in the models, such as a new type of attachment
	BentValue                     // a value of another type than its field
)

// String returns the kind as text.
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

// String returns all of d except the sample.
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

// Drift returns the parts of the event that this package does not know, or nil
// if it knows all: first the fields around the object, then the fields in it,
// both in VK's order. It does not report fields that are left out on purpose,
// such as VK's own marks for statistics.
//
// Drift decodes the whole event, which costs about as much as a listener. It
// runs only when called. To monitor a bot, listen to all kinds of events, and
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

// An eventModel has the fields around the object of an event.
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
// that the method decodes into.
var ownDecoders = map[reflect.Type]reflect.Type{
	reflect.TypeFor[Keyboard](): reflect.TypeFor[keyboardModel](),
	reflect.TypeFor[Carousel](): reflect.TypeFor[carouselModel](),
	reflect.TypeFor[Location](): reflect.TypeFor[locationModel](),
}

// leftOut lists the fields that are left out of the models, because bots have
// no use for them. Fields of all objects are listed by key, the others by model
// and key. See [drift.Comparer].
var leftOut = map[string]bool{
	// VK's own marks, anywhere.
	"track_code":    true, // for VK's statistics
	"response_type": true, // whether VK sends all fields, which is visible anyway
	"inner_type":    true, // the name of the definition in VK's schema
	"warning":       true, // VK's warning about an old version

	// Marks of VK's site.
	"Message.version":         true, // VK's own count of its changes
	"Format.version":          true,
	"Message.influence_score": true, // VK's measure of an author
	"Post.hash":               true,
	"Photo.web_view_token":    true,
	"Photo.thumb_hash":        true, // a blurred picture, for apps
	"Photo.real_offset":       true,
	"Comment.real_offset":     true,
	"Comment.pid":             true, // a copy of its photo_id
	"AttachedSticker.id":      true, // a copy of its sticker_id

	// The appearance of objects in VK's apps, and the actions offered there.
	"Post.short_text_rate": true, "Post.carousel_offset": true, "Post.feedback": true, "Post.can_archive": true,
	"Post.ads_easy_promote": true, "Post.author_ad": true, "Post.push_subscription": true,
	"Post.reaction_set_id": true, "Story.clickable_stickers": true, "Story.links": true, "Story.mute_reply": true,
	"Story.reaction_set_id": true, "Geo.showmap": true, "Place.total_checkins": true, "Video.episodes": true,
	"Video.live_settings": true, "Video.interactive": true, "Video.short_video_info": true, "Video.is_author": true,
	"Video.can_dislike": true, "Video.stats_pixels": true, "Audio.content_restricted": true,
	"Audio.short_videos_allowed": true, "Audio.stories_allowed": true, "Audio.ads": true, "Audio.no_search": true,
	"Audio.track_genre_id": true, "Podcast.no_search": true, "Podcast.lyrics_id": true,
	"Podcast.podcast_info.position": true, "Article.owner_photo": true, "Article.can_report": true,
	"Doc.web_preview_url": true, "Order.is_main_variant": true, "OrderItem.is_main_variant": true,

	// Artists of a track, who are also in its Artist and Title.
	"Audio.main_artists": true, "Audio.featured_artists": true,

	// The page of a post's author, whose id is also in the post.
	"Post.from": true,

	// Pictures as VK sent them before 5.103.
	"Video.first_frame_130": true, "Video.first_frame_160": true, "Video.first_frame_320": true,
	"Video.first_frame_800": true, "Video.photo_130": true, "Video.photo_320": true, "Video.photo_800": true,
	"Doc.photo_100": true,

	// Fields of posts and comments only, in an object that claims to be a
	// message or a post.
	"Message.views": true, "Message.likes": true, "Message.comments": true, "Message.reposts": true,
	"Message.to_id": true, "Message.signer_id": true, "Message.post_type": true, "Message.post_source": true,
	"Message.marked_as_ads": true, "Message.is_favorite": true, "Message.access_key": true, "Post.thread": true,

	// The rest of the page of a mini app.
	"MiniApp.app.banner_560": true, "MiniApp.app.banner_1120": true, "MiniApp.app.icon_16": true,
	"MiniApp.app.is_new": true, "MiniApp.app.is_installed": true, "MiniApp.app.is_in_catalog": true,
	"MiniApp.app.push_enabled": true, "MiniApp.app.friends": true, "MiniApp.app.catalog_position": true,
	"MiniApp.app.genre_id": true, "MiniApp.app.international": true, "MiniApp.app.leaderboard_type": true,
	"MiniApp.app.platform_id": true, "MiniApp.app.section": true, "MiniApp.app.background_loader_color": true,
	"MiniApp.app.loader_icon": true, "MiniApp.app.screen_orientation": true, "MiniApp.app.is_favorite": true,
	"MiniApp.app.need_policy_confirmation": true, "MiniApp.app.is_vkui_internal": true,
}
