package vk

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/vkrouter/vk/internal/tolerant"
)

// An Attached is one attachment of a message, a post or a comment. Type is VK's
// name of its type, and the field of that name holds it: Photo is set for a
// "photo", and Voice for an "audio_message". All others are nil.
//
// As an option of a send, it is attached again: see [Attached.Ref]. A sticker
// is sent as a sticker.
//
// See https://dev.vk.com/ru/reference/objects/attachments-message.
type Attached struct {
	Type string `json:"type"`

	Photo        *Photo           `json:"photo"`
	Video        *Video           `json:"video"`
	Clip         *Video           `json:"clip"`
	VideoMessage *Video           `json:"video_message"`
	Audio        *Audio           `json:"audio"`
	Voice        *Voice           `json:"audio_message"`
	Doc          *Doc             `json:"doc"`
	Graffiti     *Graffiti        `json:"graffiti"`
	Sticker      *AttachedSticker `json:"sticker"`
	Link         *AttachedLink    `json:"link"`
	Poll         *Poll            `json:"poll"`
	Gift         *Gift            `json:"gift"`
	Story        *Story           `json:"story"`
	Call         *AttachedCall    `json:"call"`
	GroupCall    *GroupCall       `json:"group_call_in_progress"`

	Post      *Post      `json:"wall"`
	Comment   *Comment   `json:"wall_reply"`
	Article   *Article   `json:"article"`
	Podcast   *Podcast   `json:"podcast"`
	Narrative *Narrative `json:"narrative"`
	Note      *Note      `json:"note"`
	Page      *WikiPage  `json:"page"`

	Market            *Product       `json:"market"`
	MarketAlbum       *ProductAlbum  `json:"market_album"`
	MarketMarketAlbum *ProductAlbum  `json:"market_market_album"`
	Cards             *PrettyCards   `json:"pretty_cards"`
	MoneyTransfer     *MoneyTransfer `json:"money_transfer"`
	MoneyRequest      *MoneyRequest  `json:"money_request"`
	App               *AttachedApp   `json:"app"`
	MiniApp           *MiniApp       `json:"mini_app"`
	Event             *AttachedEvent `json:"event"`
	Group             *AttachedGroup `json:"group"`
	Album             *Album         `json:"album"`
	VideoPlaylist     *Album         `json:"video_playlist"`
	AudioPlaylist     *Playlist      `json:"audio_playlist"`
	PostedPhoto       *Graffiti      `json:"posted_photo"`
	PhotosList        []string       `json:"photos_list"` // photos of an album, each as owner, "_" and id
	DonutLink         *AttachedDonut `json:"donut_link"`

	AccessKey string `json:"access_key"` // for some attachments of posts; others contain their key
	Style     string `json:"style"`      // its style in a post

	// Other has the members without a field, by name. For a type that this
	// package does not know, Other[Type] is the attachment, as VK sent it.
	Other map[string]json.RawMessage `json:",unknown"`
}

// Ref returns a reference to the attachment, with its access key, so that it
// can be sent again without an upload: [Attachment.String] of it is the form
// that VK's methods take. Ok is false for attachments that cannot be referred
// to: gifts, calls, links, stickers, money and the like.
//
// VK may refuse an attachment that the community cannot see or that its owner
// shares with nobody.
func (a Attached) Ref() (ref Attachment, ok bool) {
	ref = a.ownRef()
	if ref.AccessKey == "" {
		ref.AccessKey = a.AccessKey
	}
	if ref.OwnerID == 0 || ref.ID == 0 || !attachmentForm.MatchString(ref.String()) {
		return Attachment{}, false
	}
	return ref, true
}

// ownRef returns the attachment's own reference, which may lack ids and the
// access key.
func (a *Attached) ownRef() Attachment {
	typ := a.Type
	ref := Attachment{Type: typ}
	set := func(owner, id int64, key string) { ref.OwnerID, ref.ID, ref.AccessKey = owner, id, key }
	switch {
	case typ == "photo" && a.Photo != nil:
		set(a.Photo.OwnerID, a.Photo.ID, a.Photo.AccessKey)
	case typ == "video" && a.Video != nil:
		set(a.Video.OwnerID, a.Video.ID, a.Video.AccessKey)
	case typ == "clip" && a.Clip != nil:
		ref.Type = "video" // a clip is a short one
		set(a.Clip.OwnerID, a.Clip.ID, a.Clip.AccessKey)
	case typ == "video_message" && a.VideoMessage != nil:
		set(a.VideoMessage.OwnerID, a.VideoMessage.ID, a.VideoMessage.AccessKey)
	case typ == "audio" && a.Audio != nil:
		set(a.Audio.OwnerID, a.Audio.ID, a.Audio.AccessKey)
	case typ == "audio_message" && a.Voice != nil:
		set(a.Voice.OwnerID, a.Voice.ID, a.Voice.AccessKey)
	case typ == "doc" && a.Doc != nil:
		set(a.Doc.OwnerID, a.Doc.ID, a.Doc.AccessKey)
	case typ == "graffiti" && a.Graffiti != nil:
		set(a.Graffiti.OwnerID, a.Graffiti.ID, a.Graffiti.AccessKey)
	case typ == "poll" && a.Poll != nil:
		set(a.Poll.OwnerID, a.Poll.ID, a.Poll.AccessKey)
	case typ == "story" && a.Story != nil:
		set(a.Story.OwnerID, a.Story.ID, a.Story.AccessKey)
	case typ == "wall" && a.Post != nil:
		set(a.Post.Owner(), a.Post.ID, a.Post.AccessKey)
	case typ == "wall_reply" && a.Comment != nil:
		set(a.Comment.OwnerID, a.Comment.ID, "")
	case typ == "article" && a.Article != nil:
		set(a.Article.OwnerID, a.Article.ID, a.Article.AccessKey)
	case typ == "podcast" && a.Podcast != nil:
		set(a.Podcast.OwnerID, a.Podcast.ID, a.Podcast.AccessKey)
	case typ == "narrative" && a.Narrative != nil:
		set(a.Narrative.OwnerID, a.Narrative.ID, a.Narrative.AccessKey)
	case typ == "note" && a.Note != nil:
		set(a.Note.OwnerID, a.Note.ID, "")
	case typ == "market" && a.Market != nil:
		set(a.Market.OwnerID, a.Market.ID, a.Market.AccessKey)
	case typ == "market_album" || typ == "market_market_album":
		ref.Type = "market_album" // one type with two names
		if l := cmp.Or(a.MarketMarketAlbum, a.MarketAlbum); l != nil {
			set(l.OwnerID, l.ID, "")
		}
	case typ == "album" && a.Album != nil:
		set(a.Album.OwnerID, a.Album.ID, a.Album.AccessKey)
	case typ == "video_playlist" && a.VideoPlaylist != nil:
		set(a.VideoPlaylist.OwnerID, a.VideoPlaylist.ID, a.VideoPlaylist.AccessKey)
	case typ == "audio_playlist" && a.AudioPlaylist != nil:
		set(a.AudioPlaylist.OwnerID, a.AudioPlaylist.ID, a.AudioPlaylist.AccessKey)
	case a.Other[typ] != nil:
		ref = attachmentOf(typ, a.Other[typ])
	}
	return ref
}

// String returns the attachment in the form that VK's methods take, such as
// "photo-1_2_key", or the address of a link, or only the type if there is no
// reference. The result contains the access key: show it only to users who may
// see the attachment.
func (a Attached) String() string {
	if ref, ok := a.Ref(); ok {
		return ref.String()
	}
	if a.Type == "link" && a.Link != nil && a.Link.URL != "" {
		return a.Link.URL
	}
	return a.Type
}

func (a Attached) apply(o *outgoing) error {
	if a.Type == "sticker" && a.Sticker != nil {
		return a.Sticker.ID.apply(o)
	}
	ref, ok := a.Ref()
	if !ok {
		return fmt.Errorf("%w: its type is %.40q", errNotResent, a.Type)
	}
	return ref.apply(o)
}

var errNotResent = errors.New("the attachment cannot be sent again")

// A Gift is a gift from one user to another.
type Gift struct {
	ID       int64  `json:"id"`
	Thumb48  string `json:"thumb_48"` // addresses of pictures by width in pixels
	Thumb96  string `json:"thumb_96"`
	Thumb256 string `json:"thumb_256"`
	Thumb512 string `json:"thumb_512"`
	Pack     int64  `json:"stickers_product_id"` // the sticker pack given, or 0
	IsStyle  bool   `json:"is_stickers_style"`   // whether it is a style of stickers
	BuildID  string `json:"build_id"`
	Keywords string `json:"keywords"`
}

// An AttachedSticker is a sticker.
type AttachedSticker struct {
	ID         Sticker     `json:"sticker_id"` // can be sent
	Pack       int64       `json:"product_id"`
	Images     []Image     `json:"images"`                 // with a transparent background
	Filled     []Image     `json:"images_with_background"` // on a white background
	Animation  string      `json:"animation_url"`          // the address of its Lottie script; empty if it is not animated
	Animations []Animation `json:"animations"`             // its scripts for light and dark apps
	Allowed    bool        `json:"is_allowed"`             // whether the token's owner may send it
}

// An Animation is a script of an animated sticker.
type Animation struct {
	Type string `json:"type"` // "light" or "dark"
	URL  string `json:"url"`
}

// An AttachedCall is an ended call.
type AttachedCall struct {
	FromID       int64        `json:"initiator_id"`
	ToID         int64        `json:"receiver_id"`
	State        string       `json:"state"`    // "reached", "canceled_by_initiator" or "canceled_by_receiver"
	Time         time.Time    `json:"time"`     // when it began
	Duration     int          `json:"duration"` // in seconds
	Video        bool         `json:"video"`
	Participants Participants `json:"participants"` // of a group call
}

// A GroupCall is a group call that users can join.
type GroupCall struct {
	FromID       int64        `json:"initiator_id"`
	JoinLink     string       `json:"join_link"`
	Participants Participants `json:"participants"`
}

// Participants are the participants of a call.
type Participants struct {
	List  []int64 `json:"list"` // some of them
	Count int     `json:"count"`
}

// A Geo is the place that a message or a post was sent from or is about.
type Geo struct {
	Type        string    `json:"type"`        // "point", or "place" for a place that VK knows
	Coordinates *Location `json:"coordinates"` // the coordinates; nil if VK does not report them
	Place       *Place    `json:"place"`       // the place at the coordinates, or nil
}

// A Place is VK's description of a place.
type Place struct {
	ID       int64     `json:"id"`
	Title    string    `json:"title"`
	Address  string    `json:"address"`
	City     string    `json:"city"`
	Country  string    `json:"country"`
	Type     string    `json:"type"`
	Icon     string    `json:"icon"` // the address of a picture
	Lat      float64   `json:"latitude"`
	Long     float64   `json:"longitude"`
	Checkins int       `json:"checkins"`
	Created  time.Time `json:"created"`
	Updated  time.Time `json:"updated"`
	Deleted  bool      `json:"is_deleted"`
}

// A locationModel has coordinates as VK usually sends them.
type locationModel struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	Lat, Long float64 // as json.Marshal writes a Location
}

// UnmarshalJSON reads coordinates as VK writes them: an object with a latitude
// and a longitude, or a string such as "59.93 30.31".
func (l *Location) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	switch {
	case len(b) > 0 && b[0] == '{':
		var o locationModel
		if err := tolerant.Unmarshal(b, &o); err != nil {
			return err
		}
		*l = Location{cmp.Or(o.Latitude, o.Lat), cmp.Or(o.Longitude, o.Long)}
		return nil
	case len(b) > 0 && b[0] == '"':
		var s string
		if err := tolerant.Unmarshal(b, &s); err != nil {
			return err
		}
		if lat, long, ok := strings.Cut(strings.TrimSpace(s), " "); ok {
			x, err := strconv.ParseFloat(lat, 64)
			y, err2 := strconv.ParseFloat(strings.TrimSpace(long), 64)
			if err := errors.Join(err, err2); err != nil {
				return err
			}
			*l = Location{x, y}
			return nil
		}
	case string(b) == "null":
		return nil
	}
	return errors.New("vk: not coordinates")
}

// maxAttachments is VK's limit on attachments per message.
const maxAttachments = 10

// ErrTooManyAttachments is returned, wrapped, by sends of more than ten
// attachments in one message. Nothing is sent then.
var ErrTooManyAttachments = errors.New("a message carries at most 10 attachments")

// An Attachment is an object of VK that can be attached to a message: a photo,
// a document, a post. As an option of a send, it is attached after those given
// before it; more than ten result in [ErrTooManyAttachments].
//
// [Client.Upload] returns an Attachment, and [ParseAttachment] parses the
// result of String. With them, a bot that sends the same picture many times
// uploads it once.
type Attachment struct {
	// Type is VK's name of the type: "photo", "video", "audio", "doc",
	// "audio_message", "graffiti", "wall", "market", "poll", "story" and so on.
	// It is empty for objects that cannot be attached, such as a chat's
	// picture.
	Type string

	OwnerID int64 // the owner: a user's id, or minus a community's
	ID      int64 // its number among the owner's objects of this type

	// AccessKey is needed to send an object that is not public, such as a file
	// uploaded for a message. It may be empty.
	AccessKey string

	// Object is the object as VK sent it, or nil if VK sent none. Its content
	// depends on the type. The bytes must not be changed.
	Object json.RawMessage
}

// String returns the attachment in the form that VK's methods take, such as
// "photo-1_2_key" or, without an access key, "photo-1_2". The result contains
// the access key: show it only to users who may see the attachment.
func (a Attachment) String() string {
	b := make([]byte, 0, len(a.Type)+len(a.AccessKey)+24)
	b = append(b, a.Type...)
	b = strconv.AppendInt(b, a.OwnerID, 10)
	b = append(b, '_')
	b = strconv.AppendInt(b, a.ID, 10)
	if a.AccessKey != "" {
		b = append(b, '_')
		b = append(b, a.AccessKey...)
	}
	return string(b)
}

var attachmentForm = regexp.MustCompile(`^([a-z]+(?:_[a-z]+)*)(-?[0-9]+)_([0-9]+)(?:_([0-9A-Za-z_-]+))?$`)

// ParseAttachment parses the short form of an attachment, as returned by
// [Attachment.String], to send an uploaded object again.
func ParseAttachment(s string) (Attachment, error) {
	m := attachmentForm.FindStringSubmatch(s)
	if m == nil {
		return Attachment{}, fmt.Errorf("vk: %.100q is not an attachment such as photo-1_2", s)
	}
	owner, err1 := strconv.ParseInt(m[2], 10, 64)
	id, err2 := strconv.ParseInt(m[3], 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return Attachment{}, fmt.Errorf("vk: %.100q is not an attachment: a number is too large", s)
	}
	return Attachment{Type: m[1], OwnerID: owner, ID: id, AccessKey: m[4]}, nil
}

func (a Attachment) apply(o *outgoing) error {
	if a.Type == "" || a.OwnerID == 0 || a.ID == 0 {
		return errors.New("an attachment has no type that a message can carry")
	}
	text := a.String()
	if !attachmentForm.MatchString(text) {
		return fmt.Errorf("%.100q is not an attachment such as photo-1_2", text)
	}
	have, _, err := paramText(o.params["attachment"])
	if err != nil {
		return fmt.Errorf("parameter %q: %w", "attachment", err)
	}
	if have != "" {
		if strings.Count(have, ",")+1 >= maxAttachments {
			return ErrTooManyAttachments
		}
		text = have + "," + text
	}
	o.params["attachment"] = text
	return nil
}

// Attachments are several attachments. As an option of a send, all are
// attached, in order.
type Attachments []Attachment

// String returns the attachments in the form that VK's methods take, joined by
// commas.
func (as Attachments) String() string {
	var b strings.Builder
	for i, a := range as {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(a.String())
	}
	return b.String()
}

func (as Attachments) apply(o *outgoing) error {
	for _, a := range as {
		if err := a.apply(o); err != nil {
			return err
		}
	}
	return nil
}

// attachmentOf reads the identifying members of an object of VK.
func attachmentOf(typ string, object json.RawMessage) Attachment {
	var o struct {
		OwnerID   int64  `json:"owner_id"`
		ToID      int64  `json:"to_id"` // for a post in a message: the owner of its wall
		ID        int64  `json:"id"`
		VideoID   int64  `json:"video_id"` // in the result of video.save
		PhotoID   int64  `json:"photo_id"` // in the result of market.saveProductPhoto
		AccessKey string `json:"access_key"`
	}
	if tolerant.Unmarshal(object, &o) != nil {
		return Attachment{Type: typ, Object: object}
	}
	a := Attachment{Type: typ, OwnerID: o.OwnerID, ID: o.ID, AccessKey: o.AccessKey, Object: object}
	if a.OwnerID == 0 {
		a.OwnerID = o.ToID
	}
	for _, id := range [...]int64{o.VideoID, o.PhotoID} {
		if a.ID == 0 {
			a.ID = id
		}
	}
	return a
}
