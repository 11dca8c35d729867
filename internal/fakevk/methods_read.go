package fakevk

import (
	"cmp"
	"maps"
	"slices"
)

func init() {
	register("messages.getById", userOrGroup, scopeMessages, (*call).messagesGetByID)
	register("messages.getHistory", userOrGroup, scopeMessages, (*call).messagesGetHistory)
	register("messages.getByConversationMessageId", userOrGroup, scopeMessages, (*call).messagesGetByCMID)
	register("messages.getConversationMembers", userOrGroup, scopeMessages, (*call).messagesGetConversationMembers)
}

const (
	maxMessageIDs = 100
	maxHistory    = 200
)

// A messageList is the response of the methods that return messages.
type messageList struct {
	Count    int              `json:"count"`
	Items    []wireMessage    `json:"items"`
	Profiles []map[string]any `json:"profiles,omitempty"`
	Groups   []map[string]any `json:"groups,omitempty"`

	Conversations []wireConversation `json:"conversations,omitempty"` // of messages.getHistory
}

// A located message is a message with its dialog.
type located struct {
	dialog  *dialog
	message *Message
}

// messageList encodes messages as viewer sees them and, if the call asks for
// extended, adds their authors.
func (c *call) messageList(viewer int64, found []located, count int) messageList {
	out := messageList{Count: count, Items: make([]wireMessage, 0, len(found))}
	authors := make(map[int64]bool)
	for _, l := range found {
		out.Items = append(out.Items, c.w.wire(l.dialog, l.message, viewer))
		authors[l.message.FromID] = true
		if l.message.Reply != nil {
			authors[l.message.Reply.FromID] = true
		}
		for _, f := range l.message.Forward {
			authors[f.FromID] = true
		}
	}
	fields := c.list("fields", 1000)
	if c.bool("extended") || len(fields) > 0 {
		out.Profiles, out.Groups = c.w.parties(slices.Sorted(maps.Keys(authors)), fields)
	}
	return out
}

// parties returns the profiles of users and communities, for extended
// responses.
func (w *World) parties(ids []int64, fields []string) (profiles, groups []map[string]any) {
	if len(fields) == 0 {
		fields = []string{"sex", "screen_name", "photo_50", "photo_100", "online"}
	}
	for _, id := range ids {
		if u := w.users[id]; u != nil {
			profiles = append(profiles, u.wire(fields, "nom"))
		}
		if g := w.groups[-id]; g != nil {
			groups = append(groups, g.wire(fields))
		}
	}
	return profiles, groups
}

// messagesGetByID skips unknown messages.
func (c *call) messagesGetByID() (any, *apiError) {
	viewer := c.actor()
	ids := c.ints("message_ids", maxMessageIDs)
	cmids := c.ints("cmids", maxMessageIDs)
	if len(ids)+len(cmids) == 0 {
		return nil, invalid("message_ids is undefined")
	}
	var found []located
	for _, id := range ids {
		p, ok := c.w.byID[id]
		if !ok || p.dialog.chat != nil && viewer < 0 || c.w.dialogOf(viewer, p.dialog.peerOf(viewer)) != p.dialog {
			continue
		}
		if m := p.dialog.find(p.cmid); p.dialog.visible(viewer, m) {
			found = append(found, located{p.dialog, m})
		}
	}
	if len(cmids) > 0 {
		more, err := c.byCMID(viewer, cmids)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	return c.messageList(viewer, found, len(found)), nil
}

func (c *call) messagesGetByCMID() (any, *apiError) {
	viewer := c.actor()
	c.require("peer_id", "conversation_message_ids")
	found, err := c.byCMID(viewer, c.ints("conversation_message_ids", maxMessageIDs))
	if err != nil {
		return nil, err
	}
	return c.messageList(viewer, found, len(found)), nil
}

// byCMID returns messages of the dialog that peer_id names.
func (c *call) byCMID(viewer int64, cmids []int64) ([]located, *apiError) {
	c.require("peer_id")
	d, err := c.w.readable(viewer, c.int("peer_id"))
	if err != nil || d == nil {
		return nil, err
	}
	var found []located
	for _, cmid := range cmids {
		if m := d.find(cmid); m != nil && d.visible(viewer, m) {
			found = append(found, located{d, m})
		}
	}
	return found, nil
}

// messagesGetHistory returns messages newest first, or oldest first with rev.
// With start_message_id, the offset may be negative, towards newer messages.
func (c *call) messagesGetHistory() (any, *apiError) {
	viewer := c.actor()
	peer, err := c.peer()
	if err != nil {
		return nil, err
	}
	offset := int(c.intIn("offset", 0, -1<<31, 1<<31))
	count := int(c.intIn("count", 20, 0, maxHistory))
	start := c.int("start_message_id")
	if offset < 0 && start == 0 {
		return nil, invalid("offset should be greater or equal to 0")
	}
	d, err := c.w.readable(viewer, peer)
	if err != nil {
		return nil, err
	}
	if d == nil {
		return c.messageList(viewer, nil, 0), nil
	}
	ms := d.history(viewer)
	total := len(ms)
	if !c.bool("rev") {
		slices.Reverse(ms)
	}
	first := 0
	if start != 0 {
		first = startOf(d, viewer, ms, start)
	}
	from := min(max(first+offset, 0), total)
	to := min(from+count, total)
	found := make([]located, 0, to-from)
	for _, m := range ms[from:to] {
		found = append(found, located{d, m})
	}
	list := c.messageList(viewer, found, total)
	if list.Profiles != nil || list.Groups != nil {
		list.Conversations = []wireConversation{c.w.conversation(d, viewer, peer)}
	}
	return list, nil
}

// startOf returns the index in ms of the message that start_message_id names;
// -1 names the first unread one.
func startOf(d *dialog, viewer int64, ms []*Message, start int64) int {
	i := slices.IndexFunc(ms, func(m *Message) bool {
		if start == -1 {
			return m.CMID == d.read[viewer]+1
		}
		return m.ID == start
	})
	if i < 0 {
		return len(ms)
	}
	return i
}

// A chatMember is one entry of messages.getConversationMembers.
type chatMember struct {
	MemberID  int64 `json:"member_id"`
	IsAdmin   bool  `json:"is_admin,omitempty"`
	IsOwner   bool  `json:"is_owner,omitempty"`
	JoinDate  int64 `json:"join_date,omitempty"`
	InvitedBy int64 `json:"invited_by,omitempty"`
	CanKick   bool  `json:"can_kick"`
	Muted     bool  `json:"is_restricted_to_write,omitempty"`
}

// messagesGetConversationMembers returns the members of a chat to its admins
// only.
func (c *call) messagesGetConversationMembers() (any, *apiError) {
	viewer := c.actor()
	c.require("peer_id")
	offset := c.intIn("offset", 0, 0, 1<<31)
	count := c.intIn("count", 0, 1, 1000)
	peer := c.int("peer_id")
	if peer < chatBase && !c.w.exists(peer) {
		return nil, fail(codeContactMissing)
	}
	d, err := c.w.readable(viewer, peer)
	if err != nil {
		return nil, err
	}
	var items []chatMember
	ids := []int64{peer, viewer}
	switch {
	case peer < chatBase:
		items = []chatMember{{MemberID: peer}, {MemberID: viewer}}
	case viewer < 0 && !d.mayModerate(viewer):
		return nil, fail(codeNoChatAccess)
	default:
		items, ids = d.chat.list(c.w, viewer)
	}
	total := len(items)
	items = items[min(int(offset), total):]
	if count > 0 {
		items = items[:min(int(count), len(items))]
	}
	profiles, groups := c.w.parties(ids, c.list("fields", 1000))
	return map[string]any{
		"items": items, "count": total,
		"profiles": notNull(profiles), "groups": notNull(groups),
		"chat_restrictions": map[string]bool{
			"only_admins_invite": false, "only_admins_edit_info": false,
			"only_admins_edit_pin": false, "admins_promote_users": false,
		},
	}, nil
}

// list returns the members of a chat in the order of joining.
func (c *chat) list(w *World, viewer int64) (items []chatMember, ids []int64) {
	for id, m := range c.members {
		items = append(items, chatMember{
			MemberID:  id,
			IsAdmin:   m.admin,
			IsOwner:   id == c.owner,
			JoinDate:  w.unix(m.joined),
			InvitedBy: m.invitedBy,
			CanKick:   id != viewer && id != c.owner && c.members[viewer].admin,
			Muted:     m.silent(),
		})
	}
	slices.SortFunc(items, func(a, b chatMember) int {
		return cmp.Or(cmp.Compare(a.JoinDate, b.JoinDate), -cmp.Compare(a.MemberID, b.MemberID))
	})
	for _, it := range items {
		ids = append(ids, it.MemberID)
	}
	return items, ids
}
