package fakevk

import "encoding/json"

func init() {
	register("messages.pin", userOrGroup, scopeMessages, (*call).messagesPin)
	register("messages.unpin", userOrGroup, scopeMessages, (*call).messagesUnpin)
}

// A pinnedMessage is a message in the form of messages.pin and of
// chat_settings.
type pinnedMessage struct {
	ID          int64             `json:"id"`
	CMID        int64             `json:"conversation_message_id"`
	Date        int64             `json:"date"`
	FromID      int64             `json:"from_id"`
	PeerID      int64             `json:"peer_id"`
	Text        string            `json:"text"`
	Attachments []json.RawMessage `json:"attachments"`
	Forward     []foreignMessage  `json:"fwd_messages,omitempty"`
	Reply       *foreignMessage   `json:"reply_message,omitempty"`
	Geo         *wireGeo          `json:"geo,omitempty"`
	Keyboard    *Keyboard         `json:"keyboard,omitempty"`
	Out         bool              `json:"out"`
	Important   bool              `json:"important"`
}

func (w *World) pinned(d *dialog, m *Message, viewer int64) *pinnedMessage {
	if m == nil {
		return nil
	}
	out := w.wire(d, m, viewer)
	return &pinnedMessage{
		ID: out.ID, CMID: out.CMID, Date: out.Date, FromID: out.FromID, PeerID: out.PeerID, Text: out.Text,
		Attachments: out.Attachments, Forward: out.Forward, Reply: out.Reply, Geo: out.Geo, Keyboard: out.Keyboard,
		Out: out.Out == 1, Important: out.Important,
	}
}

// messagesPin pins a message and replaces an earlier pin. In personal dialogs
// nothing can be pinned.
func (c *call) messagesPin() (any, *apiError) {
	actor := c.actor()
	c.require("peer_id")
	ch, err := c.w.changeable(actor, c.int("peer_id"))
	if err != nil {
		return nil, err
	}
	d, m, err := c.target(actor)
	if err != nil {
		return nil, err
	}
	if m.Action != nil {
		return nil, invalid("message_id is invalid")
	}
	out := c.w.pinned(d, m, actor)
	c.w.pin(ch, actor, m)
	return out, nil
}

// messagesUnpin succeeds if nothing is pinned, and then posts no service
// message.
func (c *call) messagesUnpin() (any, *apiError) {
	actor := c.actor()
	c.require("peer_id")
	ch, err := c.w.changeable(actor, c.int("peer_id"))
	if err != nil {
		return nil, err
	}
	if ch.pinned != 0 {
		c.w.unpin(ch, actor)
	}
	return 1, nil
}
