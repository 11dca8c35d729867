package fakevk

func init() {
	register("messages.delete", userOrGroup, scopeMessages, (*call).messagesDelete)
	register("messages.edit", userOrGroup, scopeMessages, (*call).messagesEdit)
}

// target returns the message that a call names by cmid, conversation_message_id
// or message_id.
func (c *call) target(actor int64) (*dialog, *Message, *apiError) {
	c.require("peer_id")
	d, err := c.w.readable(actor, c.int("peer_id"))
	if err != nil {
		return nil, nil, err
	}
	cmid := c.int("cmid")
	if cmid == 0 {
		cmid = c.int("conversation_message_id")
	}
	if cmid == 0 && c.has("message_id") {
		if p := c.w.byID[c.int("message_id")]; p.dialog == d && (d == nil || d.chat == nil || actor > 0) {
			cmid = p.cmid
		}
	} else if cmid == 0 {
		return nil, nil, invalid("message_id is undefined")
	}
	if d == nil {
		return nil, nil, invalid("message_id is invalid")
	}
	m := d.find(cmid)
	if m == nil || !d.visible(actor, m) {
		return nil, nil, invalid("message_id is invalid")
	}
	return d, m, nil
}

// messagesEdit replaces text, attachments, keyboard and carousel. Parts that
// the call omits are removed.
func (c *call) messagesEdit() (any, *apiError) {
	actor := c.actor()
	if c.chatByID(actor) {
		return nil, fail(codeAccess)
	}
	d, old, err := c.target(actor)
	if err != nil {
		return nil, err
	}
	switch {
	case old.FromID != actor:
		return nil, fail(codeAccess)
	case old.Action != nil || old.sticker:
		return nil, fail(codeEditKind)
	case now().Sub(old.Date) >= editWindow:
		return nil, fail(codeEditExpired)
	}
	m, err := c.edited(actor, old)
	if err != nil {
		return nil, err
	}
	c.w.edit(d, m)
	d.show(m.Keyboard)
	for _, g := range c.w.audience(d) {
		if -g.spec.ID == actor {
			c.w.emit(g, "message_edit", c.w.wire(d, m, actor))
		}
	}
	return 1, nil
}

// chatByID reports whether a community names a message of a chat by an
// account-wide id. Its messages have none there.
func (c *call) chatByID(actor int64) bool {
	return actor < 0 && c.has("message_id") && !c.has("cmid") && !c.has("conversation_message_id") &&
		c.w.chats[c.int("peer_id")] != nil
}

// edited returns the message that replaces old.
func (c *call) edited(actor int64, old *Message) (*Message, *apiError) {
	draft, err := c.editDraft(actor, old)
	if err != nil {
		return nil, err
	}
	m := *old
	m.Text, m.FormatData, m.Geo = draft.Text, draft.FormatData, draft.Geo
	m.Attachments, m.Keyboard, m.Template = draft.Attachments, draft.Keyboard, draft.Template
	m.Reply, m.Forward = draft.Reply, draft.Forward
	m.Edited = now()
	return &m, nil
}

// editDraft reads the new content. Forwards and attachments that the call keeps
// count as content.
func (c *call) editDraft(actor int64, old *Message) (Message, *apiError) {
	keep := *old
	if !c.bool("keep_forward_messages") {
		keep.Forward, keep.Reply = nil, nil
	}
	if !c.w.cfg.EditKeepsAttachments || c.has("attachment") {
		keep.Attachments = nil
	}
	m, err := c.content(actor, Message{FromID: actor, Forward: keep.Forward, Reply: keep.Reply, Attachments: keep.Attachments})
	return m, err
}

// A deletion is the result for one message of messages.delete.
type deletion struct {
	PeerID    int64         `json:"peer_id"`
	MessageID int64         `json:"message_id"`
	CMID      int64         `json:"conversation_message_id"`
	Response  *int          `json:"response,omitempty"`
	Error     *messageError `json:"error,omitempty"`
}

// messagesDelete returns a result for each message.
func (c *call) messagesDelete() (any, *apiError) {
	actor := c.actor()
	ids := c.ints("message_ids", 1000)
	cmids := append(c.ints("cmids", maxPeers), c.ints("conversation_message_ids", maxPeers)...)
	if len(ids)+len(cmids) == 0 {
		return nil, invalid("message_ids is undefined")
	}
	var places []place
	var out []deletion
	for _, id := range ids {
		p, ok := c.w.byID[id]
		if !ok || p.dialog.chat != nil && actor < 0 || c.w.dialogOf(actor, p.dialog.peerOf(actor)) != p.dialog {
			out = append(out, deletion{MessageID: id, Response: new(int)})
			continue
		}
		places = append(places, p)
	}
	if len(cmids) > 0 {
		c.require("peer_id")
		d, err := c.w.readable(actor, c.int("peer_id"))
		if err != nil {
			return nil, err
		}
		for _, cmid := range cmids {
			if d == nil {
				out = append(out, deletion{PeerID: c.int("peer_id"), CMID: cmid, Response: new(int)})
				continue
			}
			places = append(places, place{d, cmid})
		}
	}
	forAll := c.bool("delete_for_all")
	for _, p := range places {
		out = append(out, c.delete(actor, p, forAll))
	}
	if c.version >= version5_139 {
		return out, nil
	}
	return deletionMap(out, len(cmids) > 0), nil
}

// delete deletes one message, for everybody or only for the actor.
func (c *call) delete(actor int64, p place, forAll bool) deletion {
	r := deletion{PeerID: p.dialog.peerOf(actor), CMID: p.cmid, Response: new(int)}
	m := p.dialog.find(p.cmid)
	if m == nil || !p.dialog.visible(actor, m) {
		return r
	}
	r.MessageID = messageID(actor, r.PeerID, m)
	n := *m
	if forAll {
		var err *apiError
		switch {
		case m.FromID != actor && p.dialog.chat != nil && !p.dialog.mayModerate(actor):
			err = fail(codeAccess)
		case m.FromID != actor && p.dialog.chat == nil, now().Sub(m.Date) >= editWindow:
			err = fail(codeDeleteForAll)
		}
		if err != nil {
			r.Response, r.Error = nil, err.item()
			return r
		}
		n.Deleted = true
	} else {
		n.hidden = append(append([]int64(nil), m.hidden...), actor)
	}
	c.w.replace(p.dialog, &n)
	*r.Response = 1
	return r
}

// deletionMap returns the older form of the response: a map from the id of each
// message to whether it was deleted.
func deletionMap(list []deletion, byCMID bool) map[int64]int {
	out := make(map[int64]int, len(list))
	for _, r := range list {
		id := r.MessageID
		if byCMID {
			id = r.CMID
		}
		out[id] = 0
		if r.Response != nil {
			out[id] = *r.Response
		}
	}
	return out
}
