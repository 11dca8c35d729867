package fakevk

import (
	"slices"
	"strings"
)

func init() {
	register("messages.deleteConversation", userOrGroup, scopeMessages, (*call).messagesDeleteConversation)
	register("messages.getConversations", userOrGroup, scopeMessages, (*call).messagesGetConversations)
	register("messages.getConversationsById", userOrGroup, scopeMessages, (*call).messagesGetConversationsByID)
	register("messages.markAsAnsweredConversation", userOrGroup, scopeMessages, (*call).messagesMarkAsAnswered)
	register("messages.markAsImportantConversation", userOrGroup, scopeMessages, (*call).messagesMarkAsImportant)
	register("messages.searchConversations", userOrGroup, scopeMessages, (*call).messagesSearchConversations)
}

// A conversationItem is one entry of messages.getConversations.
type conversationItem struct {
	Conversation wireConversation `json:"conversation"`
	LastMessage  wireMessage      `json:"last_message"`
}

// messagesGetConversations returns conversations newest first. The page begins
// at the first conversation whose newest message is start_message_id or older.
// Only with start_message_id may the offset be negative.
func (c *call) messagesGetConversations() (any, *apiError) {
	viewer := c.actor()
	offset := int(c.intIn("offset", 0, -1<<31, 1<<31))
	count := int(c.intIn("count", 20, 0, maxHistory))
	filter := c.oneOf("filter", "all", "archive", "important", "sorted_chats", "unanswered", "unread")
	start := c.int("start_message_id")
	if offset < 0 && start == 0 {
		return nil, invalid("offset should be greater or equal to 0")
	}
	list := c.w.conversations(viewer)
	unread := 0
	for _, cv := range list {
		if cv.UnreadCount > 0 {
			unread++
		}
	}
	list = slices.DeleteFunc(list, func(cv wireConversation) bool {
		switch filter {
		case "unread":
			return cv.UnreadCount == 0
		case "important":
			return !cv.Important
		case "unanswered":
			return !cv.Unanswered
		case "archive":
			return true // nothing is ever archived here
		}
		return false
	})
	total, first := len(list), 0
	if start != 0 {
		for first < total && list[first].SortID.Minor > start {
			first++
		}
	}
	from := min(max(first+offset, 0), total)
	list = list[from:min(from+count, total)]
	items := make([]conversationItem, len(list))
	for i, cv := range list {
		items[i] = conversationItem{cv, c.w.wire(cv.dialog, cv.newest, viewer)}
	}
	out := map[string]any{"count": total, "items": items}
	if unread > 0 {
		out["unread_count"] = unread
	}
	c.extend(out, peersOf(list))
	return out, nil
}

// extend adds the profiles of users and communities to a response, if the call
// asks for them.
func (c *call) extend(out map[string]any, ids []int64) {
	fields := c.list("fields", 1000)
	if c.bool("extended") || len(fields) > 0 {
		profiles, groups := c.w.parties(ids, fields)
		out["profiles"], out["groups"] = notNull(profiles), notNull(groups)
	}
}

// messagesGetConversationsByID also describes dialogs in which nothing was
// written yet. A community that is not an admin of a chat gets nothing about
// it.
func (c *call) messagesGetConversationsByID() (any, *apiError) {
	viewer := c.actor()
	c.require("peer_ids")
	list := []wireConversation{}
	for _, peer := range c.ints("peer_ids", maxPeers) {
		d, err := c.w.readable(viewer, peer)
		if err != nil {
			return nil, err
		}
		if viewer < 0 && d != nil && d.chat != nil && !d.mayModerate(viewer) {
			continue
		}
		list = append(list, c.w.conversation(d, viewer, peer))
	}
	out := map[string]any{"count": len(list), "items": list}
	c.extend(out, peersOf(list))
	return out, nil
}

// messagesSearchConversations searches for a word in the titles of chats and
// the names of users and communities.
func (c *call) messagesSearchConversations() (any, *apiError) {
	viewer := c.actor()
	q := strings.ToLower(c.str("q"))
	count := int(c.intIn("count", 20, 1, 255))
	list := slices.DeleteFunc(c.w.conversations(viewer), func(cv wireConversation) bool {
		return !strings.Contains(strings.ToLower(c.w.titleOf(cv.Peer.ID)), q)
	})
	total := len(list)
	list = notNull(list)[:min(count, total)]
	out := map[string]any{"count": total, "items": list}
	c.extend(out, peersOf(list))
	return out, nil
}

// titleOf returns the name of a dialog in the list.
func (w *World) titleOf(peer int64) string {
	if c := w.chats[peer]; c != nil {
		return c.title
	}
	if g := w.groups[-peer]; g != nil {
		return g.spec.Name
	}
	u := w.users[peer]
	return u.FirstName + " " + u.LastName
}

// messagesDeleteConversation deletes all messages so far, for the actor only.
func (c *call) messagesDeleteConversation() (any, *apiError) {
	actor := c.actor()
	peer, err := c.peer()
	if err != nil {
		return nil, err
	}
	d, err := c.w.readable(actor, peer)
	if err != nil {
		return nil, err
	}
	var last int64
	if d != nil {
		if m := d.newest(actor); m != nil {
			last = messageID(actor, peer, m)
		}
		d.mark(actor, func(m *marks) { *m = marks{cleared: d.last} })
		c.w.touch()
	}
	return map[string]int64{"last_deleted_id": last}, nil
}

// messagesMarkAsAnswered marks a dialog as answered unless answered is 0.
func (c *call) messagesMarkAsAnswered() (any, *apiError) {
	return c.noteDialog("answered", func(d *dialog, m *marks, on bool) {
		if m.asked = !on; on {
			m.answered = d.last
		}
	})
}

func (c *call) messagesMarkAsImportant() (any, *apiError) {
	return c.noteDialog("important", func(_ *dialog, m *marks, on bool) { m.important = on })
}

// noteDialog changes a mark. Its boolean parameter defaults to true.
func (c *call) noteDialog(param string, change func(*dialog, *marks, bool)) (any, *apiError) {
	actor := c.actor()
	c.require("peer_id")
	on := !c.has(param) || c.bool(param)
	d, err := c.w.readable(actor, c.int("peer_id"))
	if err != nil {
		return nil, err
	}
	if d == nil {
		return nil, invalid("peer_id is invalid")
	}
	d.mark(actor, func(m *marks) { change(d, m, on) })
	c.w.touch()
	return 1, nil
}
