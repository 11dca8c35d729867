package fakevk

import (
	"cmp"
	"encoding/json"
	"slices"
)

// wireConversation is a dialog as one side sees it, without its messages.
type wireConversation struct {
	Peer          wirePeer      `json:"peer"`
	LastMessageID int64         `json:"last_message_id"`
	InRead        int64         `json:"in_read"`
	OutRead       int64         `json:"out_read"`
	SortID        sortID        `json:"sort_id"`
	LastCMID      int64         `json:"last_conversation_message_id"`
	InReadCMID    int64         `json:"in_read_cmid"`
	OutReadCMID   int64         `json:"out_read_cmid"`
	Version       int64         `json:"version"`
	UnreadCount   int           `json:"unread_count,omitempty"`
	MarkedUnread  bool          `json:"is_marked_unread"`
	Important     bool          `json:"important"`
	Unanswered    bool          `json:"unanswered"`
	CanWrite      canWrite      `json:"can_write"`
	Keyboard      *Keyboard     `json:"current_keyboard,omitempty"`
	ChatSettings  *chatSettings `json:"chat_settings,omitempty"`

	dialog *dialog // nil if nothing was ever written
	newest *Message
}

type wirePeer struct {
	ID      int64  `json:"id"`
	Type    string `json:"type"`
	LocalID int64  `json:"local_id"`
}

// sortID orders conversations: those pinned by hand first, then those with the
// newest messages.
type sortID struct {
	Major int64 `json:"major_id"`
	Minor int64 `json:"minor_id"`
}

type canWrite struct {
	Allowed bool  `json:"allowed"`
	Reason  int   `json:"reason,omitempty"`
	Until   int64 `json:"until,omitempty"` // when a muted viewer may write again
}

type chatSettings struct {
	OwnerID      int64             `json:"owner_id"`
	Title        string            `json:"title"`
	State        string            `json:"state"`
	MembersCount int               `json:"members_count"`
	AdminIDs     []int64           `json:"admin_ids"`
	ActiveIDs    []int64           `json:"active_ids"`
	Photo        json.RawMessage   `json:"photo,omitempty"`
	Pinned       *pinnedMessage    `json:"pinned_message,omitempty"`
	Channel      bool              `json:"is_group_channel"`
	Disappearing bool              `json:"is_disappearing"`
	Service      bool              `json:"is_service"`
	ACL          map[string]bool   `json:"acl"`
	Permissions  map[string]string `json:"permissions"`
}

// conversation describes the dialog of viewer with peer; d is nil if nothing
// was ever written there.
func (w *World) conversation(d *dialog, viewer, peer int64) wireConversation {
	out := wireConversation{Peer: peerObject(peer), dialog: d}
	if err := w.mayWrite(viewer, peer); err != nil {
		out.CanWrite.Reason = err.code
		if err.code == codeMuted {
			out.CanWrite.Until = w.unix(w.chats[peer].members[viewer].mutedUntil)
		}
	} else {
		out.CanWrite.Allowed = true
	}
	if d == nil {
		return out
	}
	if m := d.newest(viewer); m != nil {
		out.newest = m
		out.LastCMID, out.LastMessageID = m.CMID, messageID(viewer, peer, m)
		out.SortID.Minor, out.Version = m.ID, m.Version
	}
	read := func(cmid int64) int64 {
		if m := d.find(cmid); m != nil {
			return messageID(viewer, peer, m)
		}
		return 0
	}
	out.InReadCMID = d.read[viewer]
	for side, cmid := range d.read {
		if side != viewer {
			out.OutReadCMID = max(out.OutReadCMID, cmid)
		}
	}
	out.InRead, out.OutRead = read(out.InReadCMID), read(out.OutReadCMID)
	out.UnreadCount = d.unread(viewer)
	out.Important = d.marks[viewer].important
	out.Unanswered = d.unanswered(viewer)
	out.Keyboard = d.keyboard
	if d.chat != nil {
		out.ChatSettings = w.chatSettings(d.chat, viewer)
	}
	return out
}

func peerObject(peer int64) wirePeer {
	switch {
	case peer > chatBase:
		return wirePeer{peer, "chat", peer - chatBase}
	case peer < 0:
		return wirePeer{peer, "group", -peer}
	}
	return wirePeer{peer, "user", peer}
}

// chatSettings describes a chat to viewer, a member of it.
func (w *World) chatSettings(c *chat, viewer int64) *chatSettings {
	admin := c.members[viewer].admin
	may := admin || viewer > 0
	active := []int64{}
	for id := range c.members {
		if id > 0 {
			active = append(active, id)
		}
	}
	slices.Sort(active)
	return &chatSettings{
		OwnerID: c.owner, Title: c.title, State: "in", MembersCount: len(c.members),
		AdminIDs: notNull(c.admins()), ActiveIDs: active[:min(len(active), 4)], Photo: c.photo,
		Pinned: w.pinned(c.dialog, c.pinnedMessage(viewer), viewer),
		ACL: map[string]bool{
			"can_change_info": may, "can_change_invite_link": admin, "can_change_pin": may,
			"can_invite": viewer > 0, "can_promote_users": viewer == c.owner, "can_see_invite_link": may,
			"can_moderate": admin, "can_copy_chat": false, "can_call": false, "can_use_mass_mentions": may,
		},
		Permissions: map[string]string{
			"invite": "all", "change_info": "all", "change_pin": "all", "use_mass_mentions": "all",
			"see_invite_link": "all", "call": "all", "change_admins": "owner",
		},
	}
}

// conversations returns viewer's list of conversations, newest first: the
// dialogs in which it sees a message.
func (w *World) conversations(viewer int64) []wireConversation {
	var list []wireConversation
	for _, d := range w.dialogsOf(viewer) {
		if d.newest(viewer) != nil {
			list = append(list, w.conversation(d, viewer, d.peerOf(viewer)))
		}
	}
	slices.SortFunc(list, func(a, b wireConversation) int { return cmp.Compare(b.SortID.Minor, a.SortID.Minor) })
	return list
}

// dialogsOf returns the dialogs in which viewer takes part, in no particular
// order.
func (w *World) dialogsOf(viewer int64) []*dialog {
	var list []*dialog
	for p, d := range w.dialogs {
		if p.a == viewer || p.b == viewer {
			list = append(list, d)
		}
	}
	for _, c := range w.chats {
		if c.members[viewer] != nil {
			list = append(list, c.dialog)
		}
	}
	return list
}

// peersOf returns the ids of the other sides, whose profiles extended responses
// contain. In a chat it is the author of the newest message.
func peersOf(list []wireConversation) []int64 {
	var ids []int64
	for _, c := range list {
		if c.Peer.ID < chatBase {
			ids = append(ids, c.Peer.ID)
		}
		if c.newest != nil {
			ids = append(ids, c.newest.FromID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
