package vktest

import (
	"encoding/json"

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

	// Keyboard holds the labels of the keyboard that the message put under the
	// input field: nil if it brought none, empty if it took one away.
	Keyboard []string
}

// message returns m as people see it.
func message(m fakevk.Message) Message {
	out := Message{CMID: m.CMID, FromID: m.FromID, Text: m.Text}
	if m.Reply != nil {
		out.ReplyTo = m.Reply.CMID
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
		var a struct{ Type string }
		json.Unmarshal(raw, &a)
		out.Attachments = append(out.Attachments, a.Type)
	}
	return out
}

// label returns what a button says; some kinds have words of VK's own.
func label(b fakevk.Button) string {
	if b.Action.Label != "" {
		return b.Action.Label
	}
	return b.Action.Type
}
