package fakevk

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

func init() {
	register("messages.send", userOrGroup, scopeMessages, (*call).messagesSend)
	register("messages.markAsRead", userOrGroup, scopeMessages, (*call).messagesMarkAsRead)
	register("messages.setActivity", userOrGroup, scopeMessages, (*call).messagesSetActivity)
}

const (
	maxPeers       = 100
	maxForwards    = 100
	maxMessageData = 1000 // characters of a message's payload
	maxAttachParam = 9000
	maxChatID      = 100_000_000
)

// messagesSend sends a message to one recipient or, with peer_ids, to several.
// With peer_ids, the response is a list and each recipient fails on its own.
func (c *call) messagesSend() (any, *apiError) {
	if c.version >= version5_90 && !c.has("random_id") {
		return nil, invalid("random_id is a required parameter")
	}
	randomID := c.randomID()
	sender := c.actor()
	if err := c.checkIntent(sender); err != nil {
		return nil, err
	}
	peers, many, err := c.recipients()
	if err != nil {
		return nil, err
	}
	draft, err := c.draft(sender)
	if err != nil {
		return nil, err
	}
	if !many {
		_, m, err := c.sendTo(sender, peers[0], randomID, draft)
		if err != nil {
			return nil, err
		}
		return messageID(sender, peers[0], m), nil
	}
	type item struct {
		PeerID    int64         `json:"peer_id"`
		MessageID int64         `json:"message_id"`
		CMID      int64         `json:"conversation_message_id"`
		Error     *messageError `json:"error,omitempty"`
	}
	out := make([]item, 0, len(peers))
	for _, peer := range peers {
		_, m, err := c.sendTo(sender, peer, randomID, draft)
		if err != nil {
			out = append(out, item{PeerID: peer, Error: err.item()})
			continue
		}
		out = append(out, item{PeerID: peer, MessageID: messageID(sender, peer, m), CMID: m.CMID})
	}
	return out, nil
}

// messageID returns the account-wide id for the sender: communities have none
// in chats.
func messageID(sender, peer int64, m *Message) int64 {
	if sender < 0 && peer > chatBase {
		return 0
	}
	return m.ID
}

// recipients reads the recipients, which VK accepts in five ways.
func (c *call) recipients() (peers []int64, many bool, err *apiError) {
	if peers := c.ints("peer_ids", maxPeers); len(peers) > 0 {
		if c.token.kind != groupToken {
			return nil, false, invalid("peer_ids is available with group auth only")
		}
		return peers, true, nil
	}
	if c.has("user_ids") && c.version >= version5_138 {
		return nil, false, invalid("user_ids is deprecated, use peer_ids")
	}
	if users := c.ints("user_ids", maxPeers); len(users) > 0 {
		return users, true, nil
	}
	peer, err := c.peer()
	if err == nil && peer == 0 {
		err = invalid("you should specify peer_id, user_id, domain, chat_id or user_ids param")
	}
	return []int64{peer}, false, err
}

// peer returns the one dialog that a call names, or zero.
func (c *call) peer() (int64, *apiError) {
	switch {
	case c.has("peer_id"):
		return c.int("peer_id"), nil
	case c.has("user_id"):
		return c.int("user_id"), nil
	case c.has("chat_id"):
		return chatBase + c.intIn("chat_id", 0, 1, maxChatID), nil
	case c.has("domain"):
		owner, ok := c.w.resolve(c.str("domain"))
		if !ok {
			return 0, fail(codeContactMissing)
		}
		return owner, nil
	}
	return 0, nil
}

// draft reads the content of a message. It returns a template: each recipient
// gets a copy.
func (c *call) draft(sender int64) (Message, *apiError) {
	m := Message{FromID: sender}
	if sender < 0 && c.token.kind == userToken {
		m.AdminID = c.token.owner
	}
	if err := c.quotes(sender, &m); err != nil {
		return m, err
	}
	if id := c.intIn("sticker_id", 0, 1, math.MaxInt32); id != 0 {
		m.Attachments, m.sticker = []json.RawMessage{stickerObject(id)}, true
		return m, nil
	}
	m.Payload = c.strMax("payload", maxMessageData)
	c.json("payload", new(json.RawMessage))
	m.Silent = c.bool("silent")
	return c.content(sender, m)
}

// content reads the parameters shared by messages.send and messages.edit into
// m, which may already have content.
func (c *call) content(sender int64, m Message) (Message, *apiError) {
	m.Text = c.str("message")
	if utf8.RuneCountInString(m.Text) > c.w.cfg.MaxMessageLen {
		return m, fail(codeTooLong)
	}
	if c.has("format_data") {
		var raw json.RawMessage
		c.json("format_data", &raw)
		m.FormatData = raw
	}
	if c.has("lat") || c.has("long") {
		m.Geo = &Geo{Lat: c.float("lat", -90, 90), Long: c.float("long", -180, 180)}
	}
	attached, err := c.w.attachments(c.strMax("attachment", maxAttachParam))
	if err != nil {
		return m, err
	}
	m.Attachments = append(m.Attachments, attached...)
	if m.isEmpty() {
		return m, invalid("message is empty or invalid")
	}
	return m, c.markup(sender, &m)
}

// isEmpty reports whether a message has nothing to show. A keyboard or a
// carousel does not count: it needs a text.
func (m *Message) isEmpty() bool {
	return strings.TrimSpace(m.Text) == "" && len(m.Attachments) == 0 && m.Geo == nil &&
		m.Reply == nil && len(m.Forward) == 0
}

// markup reads the keyboard and the carousel, which are only for communities
// with bot features.
func (c *call) markup(sender int64, m *Message) (err *apiError) {
	if !c.has("keyboard") && !c.has("template") {
		return nil
	}
	if g := c.w.groups[-sender]; g == nil || !g.features.bots {
		return fail(codeBotFeature)
	}
	if c.has("keyboard") {
		if m.Keyboard, err = c.w.parseKeyboard(c.str("keyboard"), sender); err != nil {
			return err
		}
	}
	if c.has("template") {
		if strings.TrimSpace(m.Text) == "" {
			return invalid("message is empty or invalid")
		}
		m.Template, err = c.w.parseTemplate(c.str("template"))
	}
	return err
}

// sendTo sends a copy of the draft to one recipient, unless it is a duplicate.
func (c *call) sendTo(sender, peer int64, randomID int32, draft Message) (*dialog, *Message, *apiError) {
	d, err := c.w.writable(sender, peer)
	if err != nil {
		return nil, nil, err
	}
	if draft.Reply != nil && draft.Reply.PeerID != peer {
		return nil, nil, c.notSameChat()
	}
	k := sendKey{sender, randomID}
	if m := d.duplicate(k); m != nil {
		return d, m, nil
	}
	m := draft
	m.RandomID = randomID
	c.w.post(d, &m)
	d.remember(k, &m)
	return d, &m, nil
}

// writable returns the dialog with a peer, if the sender may write there. A
// user who writes to a community allows it to reply.
func (w *World) writable(sender, peer int64) (*dialog, *apiError) {
	if err := w.mayWrite(sender, peer); err != nil {
		return nil, err
	}
	if c := w.chats[peer]; c != nil {
		return c.dialog, nil
	}
	if g := w.groups[-peer]; g != nil {
		g.allowed[sender] = !w.users[sender].DenyMessages
	}
	return w.between(sender, peer), nil
}

// mayWrite returns the error if a sender may not write to a peer, or nil.
func (w *World) mayWrite(sender, peer int64) *apiError {
	if peer > chatBase {
		c := w.chats[peer]
		if c == nil {
			return fail(codeNoChatAccess)
		}
		if err := c.denies(sender); err != nil {
			return err
		}
		if c.members[sender].silent() {
			return fail(codeMuted)
		}
		return nil
	}
	if sender < 0 && peer < 0 {
		return fail(codeNoPermission)
	}
	if !w.exists(peer) {
		return fail(codeContactMissing)
	}
	if u := w.users[peer]; u != nil {
		g := w.groups[-sender]
		switch {
		case g != nil && w.isBanned(g, peer):
			return fail(codeBlacklisted)
		case u.Deactivated != "":
			return fail(codeDeactivated)
		case u.Private:
			return fail(codePrivacy)
		case g != nil && !g.allowed[peer]:
			return fail(codeNoPermission)
		}
		return nil
	}
	if g := w.groups[-peer]; w.isBanned(g, sender) || !g.features.messages {
		return fail(codePrivacy)
	}
	return nil
}

// denies returns the error if an id is not in the chat, or nil.
func (c *chat) denies(who int64) *apiError {
	if c.members[who] != nil {
		return nil
	}
	switch kicked, was := c.gone[who]; {
	case kicked:
		return fail(codePermission, "the user was kicked out of the conversation")
	case was:
		return fail(codeLeftChat)
	}
	return fail(codeNoChatAccess)
}

// readable returns the dialog with a peer for reading, or nil if nothing was
// ever written there.
func (w *World) readable(viewer, peer int64) (*dialog, *apiError) {
	if peer > chatBase {
		c := w.chats[peer]
		if c == nil {
			return nil, fail(codeNoChat)
		}
		if c.members[viewer] == nil {
			return nil, fail(codeNoChatAccess)
		}
		return c.dialog, nil
	}
	if peer == 0 {
		return nil, invalid("peer_id is undefined")
	}
	if !w.exists(peer) {
		return nil, fail(codeContactMissing)
	}
	return w.dialogOf(viewer, peer), nil
}

// mayModerate reports whether a member has the rights of a chat admin.
func (d *dialog) mayModerate(who int64) bool {
	return d.chat != nil && d.chat.members[who] != nil && d.chat.members[who].admin
}

func (c *call) messagesSetActivity() (any, *apiError) {
	state := c.oneOf("type", "typing", "audiomessage", "photo", "video", "file", "videomessage")
	actor := c.actor()
	peer, err := c.peer()
	if err != nil {
		return nil, err
	}
	if peer == 0 {
		return nil, invalid("peer_id is undefined")
	}
	d, err := c.w.writable(actor, peer)
	if err != nil {
		return nil, err
	}
	d.typing[actor] = typing{state, now().Add(typingShown)}
	c.w.tellOf(d, Change{Kind: ChangeTyping, Who: actor, State: state})
	c.w.touch()
	return 1, nil
}

func (c *call) messagesMarkAsRead() (any, *apiError) {
	actor := c.actor()
	ids := c.ints("message_ids", maxPeers)
	if !c.has("peer_id") && len(ids) == 0 {
		return nil, invalid("peer_id is undefined")
	}
	for _, id := range ids {
		if p, ok := c.w.byID[id]; ok && slices.Contains([]int64{p.dialog.sides.a, p.dialog.sides.b}, actor) {
			p.dialog.read[actor] = max(p.dialog.read[actor], p.cmid)
			c.w.tellOf(p.dialog, Change{Kind: ChangeRead, Who: actor, CMID: p.dialog.read[actor]})
		}
	}
	if c.has("peer_id") {
		d, err := c.w.readable(actor, c.int("peer_id"))
		if err != nil || d == nil {
			return 1, err
		}
		upTo := d.last
		switch {
		case c.bool("mark_conversation_as_read"):
		case c.has("up_to_cmid") && c.version >= version5_193:
			upTo = c.int("up_to_cmid")
		case c.has("start_cmid") && c.version < version5_193:
			upTo = c.int("start_cmid")
		case c.has("start_message_id"):
			if upTo = c.w.byID[c.int("start_message_id")].cmid; upTo == 0 {
				return 1, nil
			}
		}
		d.read[actor] = max(d.read[actor], min(upTo, d.last))
		c.w.tellOf(d, Change{Kind: ChangeRead, Who: actor, CMID: d.read[actor]})
	}
	c.w.touch()
	return 1, nil
}
