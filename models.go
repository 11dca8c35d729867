package vk

import (
	"encoding/json"
	"time"
)

// A Message is one message of a conversation. Fields that VK did not send are
// zero.
//
// See https://dev.vk.com/ru/reference/objects/message.
type Message struct {
	ID      int64     `json:"id"`                      // unique for the community; 0 in chats, where only CMID counts
	CMID    int64     `json:"conversation_message_id"` // the number within its conversation, from 1
	PeerID  int64     `json:"peer_id"`                 // the conversation: a user's id, 2000000000 + a chat's number, or minus a community's id
	FromID  int64     `json:"from_id"`                 // the author; negative for a community
	Date    time.Time `json:"date"`                    // when it was sent, in UTC, to the second
	Edited  time.Time `json:"update_time"`             // when it was last changed
	Text    string    `json:"text"`
	Payload string    `json:"payload"` // the pressed button's payload: JSON text
	Out     bool      `json:"out"`     // whether the community sent it

	Forwarded []Message `json:"fwd_messages"`
	Reply     *Message  `json:"reply_message"` // the message that this one answers

	Ref       string `json:"ref"`        // from which vk.me link the person came
	RefSource string `json:"ref_source"` // and with which source
	RandomID  int64  `json:"random_id"`  // as the sender gave it; 0 for other people's messages
	Cropped   bool   `json:"is_cropped"` // whether VK cut it: the API has all of it
}

// IsChat reports whether the message is from a chat of several people, not
// from a dialog with one.
func (m *Message) IsChat() bool { return m.PeerID > chatPeers }

// chatPeers is where the peer ids of chats begin.
const chatPeers = 2_000_000_000

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

// A GroupJoin is the object of a group_join event.
type GroupJoin struct {
	UserID int64  `json:"user_id"`
	How    string `json:"join_type"` // "join", "unsure", "accepted", "approved" or "request"
}

// A GroupLeave is the object of a group_leave event.
type GroupLeave struct {
	UserID int64 `json:"user_id"`
	Self   bool  `json:"self"` // whether of their own will
}

// A User is a person's page. Which fields are filled beside the first five
// depends on the fields parameter of the call.
//
// See https://dev.vk.com/ru/reference/objects/user.
type User struct {
	ID          int64  `json:"id"`
	FirstName   string `json:"first_name"`
	LastName    string `json:"last_name"`
	Closed      bool   `json:"is_closed"`   // whether the page is private
	Deactivated string `json:"deactivated"` // "deleted" or "banned", else empty

	ScreenName string `json:"screen_name"` // the page's short address
	Sex        int    `json:"sex"`         // 1 female, 2 male, 0 not given
	Online     bool   `json:"online"`
	Photo      string `json:"photo_100"` // the address of a picture of 100 pixels

	Raw json.RawMessage `json:"-"` // the page as VK sent it, from methods of Client that return pages
}

// A Group is a community's page.
//
// See https://dev.vk.com/ru/reference/objects/group.
type Group struct {
	ID          int64  `json:"id"` // positive; as an author or a peer, a community has its negative
	Name        string `json:"name"`
	ScreenName  string `json:"screen_name"` // the page's short address
	Type        string `json:"type"`        // "group", "page" or "event"
	Closed      int    `json:"is_closed"`   // 0 open, 1 closed, 2 private
	Deactivated string `json:"deactivated"` // "deleted" or "banned", else empty
	Photo       string `json:"photo_100"`   // the address of a picture of 100 pixels

	Raw json.RawMessage `json:"-"` // the page as VK sent it, from methods of Client that return pages
}
