package vk

import (
	"encoding/json"
	"iter"
	"time"
)

// The models are VK's objects as plain structs. Fields that VK did not send, or
// sent in an unusable form, are zero. The IDs of owners and authors are
// positive for users and negative for communities; times are in UTC, to the
// second.

// A Message is a message of a conversation. Fields that VK did not send are
// zero.
//
// See https://dev.vk.com/ru/reference/objects/message.
type Message struct {
	ID      int64     `json:"id"`                      // unique for the community; 0 in chats, where only CMID counts
	CMID    int64     `json:"conversation_message_id"` // the number within its conversation, from 1
	PeerID  int64     `json:"peer_id"`                 // the conversation: a user's id, 2000000000 + a chat's number, or minus a community's id
	FromID  int64     `json:"from_id"`                 // the author; negative for a community
	AdminID int64     `json:"admin_author_id"`         // for a message of the community: the user who wrote it, 0 if a bot did
	Date    time.Time `json:"date"`                    // the time of sending, in UTC, to the second
	Edited  time.Time `json:"update_time"`             // the time of the last change
	Text    string    `json:"text"`
	Payload string    `json:"payload"` // the pressed button's payload: JSON text
	Out     bool      `json:"out"`     // whether the community sent it

	Attachments []Attached `json:"attachments"`
	Forwarded   []Message  `json:"fwd_messages"`
	Reply       *Message   `json:"reply_message"`      // the message that this one replies to, or nil
	Action      *Action    `json:"action"`             // the event in the chat that this service message reports, else nil
	Geo         *Geo       `json:"geo"`                // the place that was sent, or nil
	Format      Format     `json:"format_data"`        // the ranges of bold and other formats
	Keyboard    *Keyboard  `json:"keyboard"`           // the buttons in or with the message, or nil
	Carousel    Carousel   `json:"template,omitempty"` // the cards below the text

	Ref       string `json:"ref"`        // the vk.me link that the user came from
	RefSource string `json:"ref_source"` // the source given in that link
	RandomID  int64  `json:"random_id"`  // the sender's random_id; 0 for messages of others

	Cropped     bool `json:"is_cropped"`        // whether VK cut it for the event: Context.FullMessage has all of it
	Important   bool `json:"important"`         // whether the community has starred it
	Hidden      bool `json:"is_hidden"`         // whether apps do not show it
	Deleted     bool `json:"deleted"`           // whether it was deleted
	Silent      bool `json:"is_silent"`         // whether it came without a sound
	Unavailable bool `json:"is_unavailable"`    // whether the community cannot see its content
	Mentioned   bool `json:"is_mentioned_user"` // whether it mentions the community
	Heard       bool `json:"was_listened"`      // whether its voice message was played

	Pinned   bool      `json:"is_pinned"` // whether it is pinned in its chat
	PinnedAt time.Time `json:"pinned_at"`

	Reactions    []Reaction `json:"reactions"`        // the reactions, each with its count
	ReactionID   int        `json:"reaction_id"`      // the community's own reaction, or 0
	LastReaction int        `json:"last_reaction_id"` // the latest one, or 0

	TTL       int    `json:"ttl"`        // in seconds, after which the message vanishes once read; 0 for never
	ExpireTTL int    `json:"expire_ttl"` // in seconds, after which it vanishes; 0 for never
	Expired   bool   `json:"is_expired"` // whether it has expired
	Members   int    `json:"members_count"`
	Tag       string `json:"message_tag"`
}

// IsChat reports whether the message is from a chat of several users, not from
// a dialog with one.
func (m *Message) IsChat() bool { return m.PeerID > chatPeers }

// ChatID returns the number of the message's chat, as methods such as
// messages.removeChatUser take it, or 0 if the message is not from a chat. The
// number is the community's own: other members of the chat have other numbers
// for it.
func (m *Message) ChatID() int64 {
	if !m.IsChat() {
		return 0
	}
	return m.PeerID - chatPeers
}

// chatPeers is the number at which the peer IDs of chats begin.
const chatPeers = 2_000_000_000

// Has reports whether the message itself has an attachment of the type, named
// as VK does: see [Attached]. For messages that it replies to or forwards, see
// [Message.All].
func (m *Message) Has(typ string) bool {
	for i := range m.Attachments {
		if m.Attachments[i].Type == typ {
			return true
		}
	}
	return false
}

// All iterates over the message, then the message that it replies to and those
// that it forwards, each followed by its own replied and forwarded messages.
// Use it to find a photo wherever it is.
//
//	for m := range m.All() {
//		for _, a := range m.Attachments { … }
//	}
func (m *Message) All() iter.Seq[*Message] {
	return func(yield func(*Message) bool) { m.walk(yield) }
}

func (m *Message) walk(yield func(*Message) bool) bool {
	if m == nil {
		return true
	}
	if !yield(m) || !m.Reply.walk(yield) {
		return false
	}
	for i := range m.Forwarded {
		if !m.Forwarded[i].walk(yield) {
			return false
		}
	}
	return true
}

// An Action is an event in a chat, reported by a service message without text.
// The author of the message is the user who caused it. Each type of action is
// also a kind of event, such as [EventChatKickUser].
type Action struct {
	Type     string `json:"type"`      // "chat_kick_user", "chat_title_update" and so on, in VK's words
	MemberID int64  `json:"member_id"` // the member affected, minus a community's id; the author's id if they left or came by themselves
	Email    string `json:"email"`     // the address of a member without a page
	Text     string `json:"text"`      // the title of a created or renamed chat
	OldText  string `json:"old_text"`  // its title before
	CMID     int64  `json:"conversation_message_id"`
	Message  string `json:"message"` // the beginning of the pinned message's text; its CMID is above
	Style    string `json:"style"`   // the chat's new look; empty for the usual one

	// Photo is the chat's new picture; nil for other actions.
	Photo *ChatPhoto `json:"photo"`
}

// A ChatPhoto is a chat's picture: addresses by width in pixels.
type ChatPhoto struct {
	URL50  string `json:"photo_50"`
	URL100 string `json:"photo_100"`
	URL200 string `json:"photo_200"`
}

// A Reaction is one kind of reaction to a message, with the number of users.
type Reaction struct {
	ID    int     `json:"reaction_id"` // VK's number of the reaction
	Count int     `json:"count"`
	Users []int64 `json:"user_ids"` // some of them, at most 3
}

// A Format lists the formatted ranges of a message's text.
type Format struct {
	Items []FormatItem `json:"items"`
}

// A FormatItem is a range of a message's text with one format. Ranges may
// overlap.
type FormatItem struct {
	Type   string `json:"type"`   // "bold", "italic", "underline" or "url"
	Offset int    `json:"offset"` // its start, in UTF-16 code units
	Length int    `json:"length"` // in UTF-16 code units
	URL    string `json:"url"`    // the link's address, for "url"
}

// A ClientInfo describes the capabilities of the app that the message was
// written in.
type ClientInfo struct {
	ButtonActions  []string `json:"button_actions"`  // the button types it knows
	Keyboard       bool     `json:"keyboard"`        // whether it shows keyboards
	InlineKeyboard bool     `json:"inline_keyboard"` // whether it shows keyboards inside messages
	Carousel       bool     `json:"carousel"`        // whether it shows carousels
	LangID         int      `json:"lang_id"`         // its language: 0 Russian, 1 Ukrainian, 2 Belarusian, 3 English, …
}

// A User is a user's page. VK sends the first six fields unasked. The others
// depend on the fields parameter of the call; the comments name it where it is
// not obvious. See [Fields].
//
// See https://dev.vk.com/ru/reference/objects/user.
type User struct {
	ID          int64  `json:"id"`
	FirstName   string `json:"first_name"`
	LastName    string `json:"last_name"`
	Closed      bool   `json:"is_closed"`         // whether the page is private
	Accessible  bool   `json:"can_access_closed"` // whether the token can see it nevertheless
	Deactivated string `json:"deactivated"`       // "deleted" or "banned", else empty

	ScreenName string    `json:"screen_name"` // the page's short address
	Domain     string    `json:"domain"`      // the same, or "id1" if there is none
	Sex        int       `json:"sex"`         // 1 female, 2 male, 0 not given
	Birthday   string    `json:"bdate"`       // "24.9.1985" or, without the year, "24.9"; empty if it is not shown
	Online     bool      `json:"online"`
	LastSeen   LastSeen  `json:"last_seen"`
	City       PlaceName `json:"city"`
	Country    PlaceName `json:"country"`
	HomeTown   string    `json:"home_town"`
	Status     string    `json:"status"` // the text below the name
	Verified   bool      `json:"verified"`
	Followers  int       `json:"followers_count"`
	CanWrite   bool      `json:"can_write_private_message"` // whether the token's owner may write to them
	Timezone   float64   `json:"timezone"`                  // in hours from UTC

	Photo    string `json:"photo_100"` // the address of a picture of 100 pixels
	Photo50  string `json:"photo_50"`
	Photo200 string `json:"photo_200"`
	PhotoMax string `json:"photo_max"` // the largest square one

	Raw json.RawMessage `json:"-"` // the page as VK sent it, from methods of Client that return pages
}

// A LastSeen is the time and platform of a user's last visit. It is zero if the
// user hides it.
type LastSeen struct {
	Time     time.Time `json:"time"`
	Platform int       `json:"platform"` // 1 the mobile site, 2 iPhone, 3 iPad, 4 Android, 5 Windows Phone, 6 Windows 10, 7 the site
}

// A PlaceName is a city or a country.
type PlaceName struct {
	ID    int64  `json:"id"`
	Title string `json:"title"`
}

// A Group is a community's page.
//
// See https://dev.vk.com/ru/reference/objects/group.
type Group struct {
	ID          int64  `json:"id"` // positive; as an author or a peer, a community has the negated id
	Name        string `json:"name"`
	ScreenName  string `json:"screen_name"` // the page's short address
	Type        string `json:"type"`        // "group", "page" or "event"
	Closed      int    `json:"is_closed"`   // 0 open, 1 closed, 2 private
	Deactivated string `json:"deactivated"` // "deleted" or "banned", else empty

	Photo    string `json:"photo_100"` // the address of a picture of 100 pixels
	Photo50  string `json:"photo_50"`
	Photo200 string `json:"photo_200"`

	Description string    `json:"description"`
	Activity    string    `json:"activity"` // the subject of the community, as VK describes it
	Status      string    `json:"status"`
	Site        string    `json:"site"`
	City        PlaceName `json:"city"`
	Country     PlaceName `json:"country"`
	Members     int       `json:"members_count"`
	Verified    bool      `json:"verified"`
	CanMessage  bool      `json:"can_message"` // whether the token's owner may write to it

	// Fields about the token's owner, if that is a user.
	Admin      bool `json:"is_admin"`
	AdminLevel int  `json:"admin_level"` // 1 moderator, 2 editor, 3 administrator
	Member     bool `json:"is_member"`

	Raw json.RawMessage `json:"-"` // the page as VK sent it, from methods of Client that return pages
}
