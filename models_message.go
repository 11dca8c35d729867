package vk

import (
	"encoding/json"
	"iter"
	"time"
)

// The models are what VK tells of its things, as plain structs. What VK did not
// send is zero, and so is what it sent in a shape that makes no sense. Ids of
// owners and authors are positive for people and negative for communities;
// times are in UTC, to the second.

// A Message is one message of a conversation. Fields that VK did not send are
// zero.
//
// See https://dev.vk.com/ru/reference/objects/message.
type Message struct {
	ID      int64     `json:"id"`                      // unique for the community; 0 in chats, where only CMID counts
	CMID    int64     `json:"conversation_message_id"` // the number within its conversation, from 1
	PeerID  int64     `json:"peer_id"`                 // the conversation: a user's id, 2000000000 + a chat's number, or minus a community's id
	FromID  int64     `json:"from_id"`                 // the author; negative for a community
	AdminID int64     `json:"admin_author_id"`         // of a message of the community: the person who wrote it, 0 if a bot did
	Date    time.Time `json:"date"`                    // when it was sent, in UTC, to the second
	Edited  time.Time `json:"update_time"`             // when it was last changed
	Text    string    `json:"text"`
	Payload string    `json:"payload"` // the pressed button's payload: JSON text
	Out     bool      `json:"out"`     // whether the community sent it

	Attachments []Attached `json:"attachments"`
	Forwarded   []Message  `json:"fwd_messages"`
	Reply       *Message   `json:"reply_message"`      // the message that this one answers; nil if it answers none
	Action      *Action    `json:"action"`             // what happened in the chat, if the message only says that; else nil
	Geo         *Geo       `json:"geo"`                // the place that was sent, or nil
	Format      Format     `json:"format_data"`        // where the text is bold and so on
	Keyboard    *Keyboard  `json:"keyboard"`           // the buttons in or with the message, or nil
	Carousel    Carousel   `json:"template,omitempty"` // the cards below the text

	Ref       string `json:"ref"`        // from which vk.me link the person came
	RefSource string `json:"ref_source"` // and with which source
	RandomID  int64  `json:"random_id"`  // as the sender gave it; 0 for other people's messages

	Cropped     bool `json:"is_cropped"`        // whether VK cut it: the API has all of it
	Important   bool `json:"important"`         // whether the community has starred it
	Hidden      bool `json:"is_hidden"`         // whether apps do not show it
	Deleted     bool `json:"deleted"`           // whether it was deleted
	Silent      bool `json:"is_silent"`         // whether it came without a sound
	Unavailable bool `json:"is_unavailable"`    // whether the community cannot see what it says
	Mentioned   bool `json:"is_mentioned_user"` // whether it mentions the community
	Heard       bool `json:"was_listened"`      // whether its voice message was played

	Pinned   bool      `json:"is_pinned"` // whether it is pinned in its chat
	PinnedAt time.Time `json:"pinned_at"`

	Reactions    []Reaction `json:"reactions"`        // how often people reacted with what
	ReactionID   int        `json:"reaction_id"`      // the community's own reaction, or 0
	LastReaction int        `json:"last_reaction_id"` // the latest one, or 0

	TTL       int    `json:"ttl"`        // in seconds, after which the message vanishes once read; 0 for never
	ExpireTTL int    `json:"expire_ttl"` // in seconds, after which it vanishes; 0 for never
	Expired   bool   `json:"is_expired"` // whether it has vanished
	Members   int    `json:"members_count"`
	Tag       string `json:"message_tag"`
}

// IsChat reports whether the message is from a chat of several people, not
// from a dialog with one.
func (m *Message) IsChat() bool { return m.PeerID > chatPeers }

// ChatID returns the number of the chat that the message is from, as methods
// such as messages.removeChatUser want it, or 0 if it is from no chat. It is
// the community's own number of the chat: others have others.
func (m *Message) ChatID() int64 {
	if !m.IsChat() {
		return 0
	}
	return m.PeerID - chatPeers
}

// chatPeers is where the peer ids of chats begin.
const chatPeers = 2_000_000_000

// Has reports whether the message itself has an attachment of the type, in
// VK's words: see [Attached]. For what it answers or forwards, see
// [Message.All].
func (m *Message) Has(typ string) bool {
	for i := range m.Attachments {
		if m.Attachments[i].Type == typ {
			return true
		}
	}
	return false
}

// All is the message, then the one that it answers and those that it forwards,
// each followed by what that answers and forwards: to find a photo wherever it
// is.
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

// An Action is what happened in a chat, in place of a text. Who did it is the
// message's author. Each type of action is a kind of event as well, such as
// [EventChatKickUser].
type Action struct {
	Type     string `json:"type"`      // "chat_kick_user", "chat_title_update" and so on, in VK's words
	MemberID int64  `json:"member_id"` // whom it was done to; minus a community's id, and the author's when they left or came by themselves
	Email    string `json:"email"`     // the address of a member who has no page
	Text     string `json:"text"`      // the title of a chat that was made or renamed
	OldText  string `json:"old_text"`  // its title before
	CMID     int64  `json:"conversation_message_id"`
	Message  string `json:"message"` // the beginning of the text of the message that was pinned, whose CMID is above
	Style    string `json:"style"`   // the chat's new look; empty for the usual one

	// Photo is the chat's new picture; nil if it is about something else.
	Photo *ChatPhoto `json:"photo"`
}

// A ChatPhoto is a chat's picture: addresses by width in pixels.
type ChatPhoto struct {
	URL50  string `json:"photo_50"`
	URL100 string `json:"photo_100"`
	URL200 string `json:"photo_200"`
}

// A Reaction is how many people reacted to a message in one way.
type Reaction struct {
	ID    int     `json:"reaction_id"` // VK's number of the reaction
	Count int     `json:"count"`
	Users []int64 `json:"user_ids"` // some of them, at most 3
}

// A Format is where the text of a message has formats.
type Format struct {
	Items []FormatItem `json:"items"`
}

// A FormatItem is a run of a message's text with one format. Runs may overlap.
type FormatItem struct {
	Type   string `json:"type"`   // "bold", "italic", "underline" or "url"
	Offset int    `json:"offset"` // where it begins, in UTF-16 code units
	Length int    `json:"length"` // in UTF-16 code units
	URL    string `json:"url"`    // where the text leads, for "url"
}

// A ClientInfo tells what the app can show in which a person wrote a message.
type ClientInfo struct {
	ButtonActions  []string `json:"button_actions"`  // the button types it knows
	Keyboard       bool     `json:"keyboard"`        // whether it shows keyboards
	InlineKeyboard bool     `json:"inline_keyboard"` // whether it shows keyboards inside messages
	Carousel       bool     `json:"carousel"`        // whether it shows carousels
	LangID         int      `json:"lang_id"`         // its language: 0 Russian, 1 Ukrainian, 2 Belarusian, 3 English, …
}

// A MessageNew is the object of a message_new event.
type MessageNew struct {
	Message    Message    `json:"message"`
	ClientInfo ClientInfo `json:"client_info"`
}

// A MessageEvent is the object of a message_event event: somebody pressed a
// callback button.
type MessageEvent struct {
	UserID  int64           `json:"user_id"`                 // who pressed
	PeerID  int64           `json:"peer_id"`                 // in which conversation
	EventID string          `json:"event_id"`                // what an answer names; valid for a minute
	Payload json.RawMessage `json:"payload"`                 // the button's payload
	CMID    int64           `json:"conversation_message_id"` // the message with the button; 0 for the keyboard below the input field
}

// A MessageAllow is the object of a message_allow event.
type MessageAllow struct {
	UserID int64  `json:"user_id"`
	Key    string `json:"key"` // what the page passed on with the permission
}

// A MessageDeny is the object of a message_deny event.
type MessageDeny struct {
	UserID int64 `json:"user_id"`
}

// A MessageTyping is the object of a message_typing_state event.
type MessageTyping struct {
	FromID int64  `json:"from_id"` // who
	ToID   int64  `json:"to_id"`   // to whom: minus the community's id
	State  string `json:"state"`   // "typing", or "audiomessage" while recording
}

// A MessageRead is the object of a message_read event: somebody has read the
// community's messages, up to one.
type MessageRead struct {
	FromID    int64 `json:"from_id"` // who
	PeerID    int64 `json:"peer_id"` // in which conversation
	MessageID int64 `json:"read_message_id"`
	CMID      int64 `json:"conversation_message_id"` // the last message read
}

// A MessageReaction is the object of a message_reaction_event event: somebody
// reacted to a message, or took a reaction back.
type MessageReaction struct {
	UserID     int64 `json:"reacted_id"` // who
	PeerID     int64 `json:"peer_id"`    // in which conversation
	CMID       int64 `json:"cmid"`       // to which message
	ReactionID int   `json:"reaction_id"`
}
