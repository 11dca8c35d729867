package vktest

import (
	"encoding/json"
	"fmt"

	"github.com/vkrouter/vk/internal/fakevk"
)

// A Message is a message as a user sees it.
type Message struct {
	CMID        int64    // its number within the conversation
	FromID      int64    // the author; negative for a community
	Text        string   // the text
	ReplyTo     int64    // the CMID of the message that it replies to, or 0
	Buttons     []string // the labels of its buttons, row by row, and of its carousel
	Attachments []string // the kinds of its attachments: "photo", "doc", …

	// Media holds the names of the attachments as the bot sent them, such as
	// "photo-101_457239017", in the order of Attachments. For an attachment
	// without an id it is the kind.
	Media []string

	// Reply is the message that it replies to, as it was then; nil if it is not
	// a reply.
	Reply *Message

	// Forwards are the forwarded messages.
	Forwards []Message

	// Keyboard holds the labels of the keyboard that the message put under the
	// input field. It is nil if the message had none, and empty if the message
	// removed the keyboard.
	Keyboard []string
}

// message returns m as users see it.
func message(m fakevk.Message) Message {
	out := Message{CMID: m.CMID, FromID: m.FromID, Text: m.Text}
	if m.Reply != nil {
		reply := message(*m.Reply)
		out.ReplyTo, out.Reply = m.Reply.CMID, &reply
	}
	for _, f := range m.Forward {
		out.Forwards = append(out.Forwards, message(*f))
	}
	for _, b := range m.Buttons() {
		out.Buttons = append(out.Buttons, label(b))
	}
	if k := m.Keyboard; k != nil && !k.Inline {
		out.Keyboard = []string{}
		for _, row := range k.Buttons {
			for _, b := range row {
				out.Keyboard = append(out.Keyboard, label(b))
			}
		}
	}
	for _, raw := range m.Attachments {
		kind, name := attachmentName(raw)
		out.Attachments, out.Media = append(out.Attachments, kind), append(out.Media, name)
	}
	return out
}

// attachmentName returns the kind of an attachment and the name by which
// messages.send attaches it.
func attachmentName(raw json.RawMessage) (kind, name string) {
	var fields map[string]json.RawMessage
	json.Unmarshal(raw, &fields)
	json.Unmarshal(fields["type"], &kind)
	var object struct {
		ID      int64 `json:"id"`
		OwnerID int64 `json:"owner_id"`
	}
	json.Unmarshal(fields[kind], &object)
	if object.ID == 0 {
		return kind, kind
	}
	return kind, fmt.Sprintf("%s%d_%d", kind, object.OwnerID, object.ID)
}

// label returns a button's label; for some kinds it is VK's own text.
func label(b fakevk.Button) string {
	if b.Action.Label != "" {
		return b.Action.Label
	}
	return b.Action.Type
}
