package vktest

import (
	"encoding/json"
	"fmt"

	"github.com/vkrouter/vk/internal/fakevk"
)

// A Message is a message as a person sees it.
type Message struct {
	CMID        int64    // its number within the conversation
	FromID      int64    // who wrote it; negative for a community
	Text        string   // what it says
	ReplyTo     int64    // the CMID of the message that it answers, else 0
	Buttons     []string // the labels of its buttons, row by row, and of its carousel
	Attachments []string // the kinds of what is attached: "photo", "doc", …

	// Media names the attachments as the bot did, "photo-101_457239017", in the
	// order of Attachments. Those without an id have their kind alone.
	Media []string

	// Reply is the message that it answers, as it was then; nil if it answers
	// none.
	Reply *Message

	// Forwards are the messages that it passes on.
	Forwards []Message

	// Keyboard holds the labels of the keyboard that the message put under the
	// input field: nil if it brought none, empty if it took one away.
	Keyboard []string
}

// message returns m as people see it.
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

// label returns what a button says; some kinds have words of VK's own.
func label(b fakevk.Button) string {
	if b.Action.Label != "" {
		return b.Action.Label
	}
	return b.Action.Type
}
