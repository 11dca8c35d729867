package fakevk

import (
	"encoding/json"
	"strconv"
)

const (
	maxForwardTotal = 500
	maxForwardDepth = 45
)

// rawForward is the forward parameter. Clients send single numbers and null in
// place of lists.
type rawForward struct {
	OwnerID    json.RawMessage `json:"owner_id"`
	PeerID     json.RawMessage `json:"peer_id"`
	CMIDs      idList          `json:"conversation_message_ids"`
	ShortCMIDs idList          `json:"cmids"`
	MessageIDs idList          `json:"message_ids"`
	IsReply    json.RawMessage `json:"is_reply"`
}

// idList decodes [1,2], 1, "1" and null.
type idList []int64

func (l *idList) UnmarshalJSON(b []byte) error {
	var items []json.RawMessage
	if err := json.Unmarshal(b, &items); err != nil {
		items = []json.RawMessage{b}
	}
	*l = nil
	for _, raw := range items {
		id, ok := rawInt(raw)
		if !ok {
			return strconv.ErrSyntax
		}
		if id != 0 {
			*l = append(*l, id)
		}
	}
	return nil
}

// quotes reads the messages that a message replies to and forwards, from the
// parameters forward, reply_to and forward_messages.
func (c *call) quotes(sender int64, m *Message) *apiError {
	if c.has("forward") {
		var f rawForward
		c.json("forward", &f)
		if err := c.forward(sender, m, f); err != nil {
			return err
		}
	}
	if id := c.int("reply_to"); id != 0 {
		if m.Reply = c.w.quoteByID(sender, id); m.Reply == nil {
			return c.notSameChat()
		}
	}
	for _, id := range c.ints("forward_messages", maxForwardTotal) {
		q := c.w.quoteByID(sender, id)
		if q == nil {
			return fail(codeCantForward)
		}
		m.Forward = append(m.Forward, q)
	}
	if n, depth := measure(m.Forward); len(m.Forward) > maxForwards || n > maxForwardTotal || depth > maxForwardDepth {
		return fail(codeManyForwards)
	}
	return nil
}

// notSameChat rejects a reply to a message that is not in the dialog, or that
// the sender does not know by this id: in chats a community's messages have no
// account-wide id.
func (c *call) notSameChat() *apiError {
	if c.w.cfg.ReplyToServerError {
		return fail(codeServer)
	}
	return invalid("reply_to have to be message from same chat")
}

func (c *call) forward(sender int64, m *Message, f rawForward) *apiError {
	peer, ok := rawInt(f.PeerID)
	if !ok {
		return invalid("forward: peer_id not integer")
	}
	isReply, ok := rawBool(f.IsReply)
	if s := string(f.IsReply); !ok && (s == "1" || s == "0") {
		isReply, ok = s == "1", true
	}
	if !ok {
		return invalid("forward: is_reply should be boolean")
	}
	cmids := append(append(idList(nil), f.CMIDs...), f.ShortCMIDs...)
	if len(cmids)+len(f.MessageIDs) == 0 {
		return invalid("forward: conversation_message_ids is undefined")
	}
	if len(cmids)+len(f.MessageIDs) > maxForwards {
		return fail(codeManyForwards)
	}
	var list []*Message
	for _, id := range cmids {
		q := c.w.quote(sender, Ref{peer, id})
		if q == nil {
			return fail(codeCantForward)
		}
		list = append(list, q)
	}
	for _, id := range f.MessageIDs {
		q := c.w.quoteByID(sender, id)
		if q == nil {
			return fail(codeCantForward)
		}
		list = append(list, q)
	}
	switch {
	case !isReply:
		m.Forward = list
	case len(list) != 1:
		return invalid("forward: is_reply needs exactly one message")
	default:
		m.Reply = list[0]
	}
	return nil
}

// quoteByID is like quote for an account-wide id, which communities have in
// personal dialogs only.
func (w *World) quoteByID(viewer, id int64) *Message {
	p, ok := w.byID[id]
	if !ok || p.dialog.chat != nil && viewer < 0 {
		return nil
	}
	return w.quote(viewer, Ref{p.dialog.peerOf(viewer), p.cmid})
}

// measure returns the number of forwarded messages, nested ones included, and
// the depth of their nesting.
func measure(ms []*Message) (n, depth int) {
	for _, m := range ms {
		inner, d := measure(m.Forward)
		n += 1 + inner
		depth = max(depth, d+1)
	}
	return n, depth
}
