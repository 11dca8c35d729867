package fakevk

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// A ChatSpec describes a group chat to [World.AddChat].
type ChatSpec struct {
	ID    int64 // the peer id, 2000000000 + n, or n alone; if zero, the next free one
	Title string

	// Members are users and, with negative ids, communities. The first user is
	// the chat's owner and an admin of it.
	Members []int64

	// Admins are the members with admin rights, besides the owner.
	Admins []int64

	// MentionsOnly limits the messages that communities see to those that
	// mention them, begin with a slash or reply to them, and service messages.
	// By default communities see all messages, as if an admin had granted that
	// access.
	MentionsOnly bool
}

// A Chat is a group chat of the world as tests see it.
type Chat struct {
	PeerID int64 // 2000000000 + n; unlike in VK, the same for all members
	Title  string
}

type chat struct {
	peer         int64
	title        string
	owner        int64
	mentionsOnly bool
	members      map[int64]*member
	gone         map[int64]bool // former members: true kicked, false left
	dialog       *dialog

	photo    json.RawMessage // nil means the default photo
	pinned   int64           // CMID; zero means none
	pinnedAt time.Time
	links    int64 // number of invite links before the current one
}

type member struct {
	invitedBy int64
	joined    time.Time
	since     int64 // the member sees messages with a greater CMID
	admin     bool

	muted      bool
	mutedUntil time.Time // if zero, until the member is unmuted
}

// AddChat opens a group chat. It emits no event: the members learn of the chat
// with its first message. AddChat panics if the id is taken or a member is
// unknown.
func (w *World) AddChat(s ChatSpec) Chat {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range s.Members {
		if !w.exists(id) {
			panic(fmt.Sprintf("fakevk: no member %d", id))
		}
	}
	if s.ID != 0 {
		n := s.ID
		if n > chatBase {
			n -= chatBase
		}
		if n < 0 || n >= chatBase || w.chats[chatBase+n] != nil {
			panic(fmt.Sprintf("fakevk: chat id %d is taken or out of range", s.ID))
		}
		next := w.lastChat
		w.lastChat = n - 1
		defer func() { w.lastChat = max(w.lastChat, next) }()
	}
	c := w.newChat(s.Title)
	c.mentionsOnly = s.MentionsOnly
	for _, id := range s.Members {
		if c.owner == 0 && id > 0 {
			c.owner = id
		}
	}
	for _, id := range s.Members {
		c.members[id] = &member{
			invitedBy: c.owner,
			joined:    now(),
			admin:     id == c.owner || slices.Contains(s.Admins, id),
		}
	}
	return Chat{PeerID: c.peer, Title: c.title}
}

// Invite adds a user or a community to a chat and posts the service message
// about it. An invited community gets the event of its own invitation too.
func (w *World) Invite(by, peer, who int64) (Message, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.chats[peer]
	if c == nil || c.members[by] == nil || !w.invitable(c, who) {
		return Message{}, fmt.Errorf("fakevk: %d cannot invite %d into %d", by, who, peer)
	}
	return w.inviteInto(c, by, who).seenBy(by, peer), nil
}

// Kick removes a member from a chat; by and who are equal if the member leaves
// of its own will. The remaining members get the service message about it. The
// removed user or community does not.
func (w *World) Kick(by, peer, who int64) (Message, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.chats[peer]
	if c == nil || c.members[by] == nil || c.members[who] == nil {
		return Message{}, fmt.Errorf("fakevk: %d cannot remove %d from %d", by, who, peer)
	}
	return w.removeFrom(c, by, who).seenBy(by, peer), nil
}

// SetTitle renames a chat and posts the service message about it.
func (w *World) SetTitle(by, peer int64, title string) (Message, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.chats[peer]
	if c == nil || c.members[by] == nil {
		return Message{}, fmt.Errorf("fakevk: %d cannot rename %d", by, peer)
	}
	return w.rename(c, by, title).seenBy(by, peer), nil
}

// SetAdmin grants admin rights to a member of a chat, or revokes them.
func (w *World) SetAdmin(peer, who int64, admin bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := w.chats[peer]; c != nil && c.members[who] != nil {
		c.members[who].admin = admin
	}
}

// SetMentionsOnly revokes the communities' access to all messages of a chat, or
// grants it; see [ChatSpec].
func (w *World) SetMentionsOnly(peer int64, only bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := w.chats[peer]; c != nil {
		c.mentionsOnly = only
	}
}

// Members returns the members of a chat in ascending order: communities first.
func (w *World) Members(peer int64) []int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.chats[peer]
	if c == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(c.members))
}

// audience returns the communities that take part in a dialog, in a fixed
// order.
func (w *World) audience(d *dialog) []*group {
	var ids []int64
	if d.chat != nil {
		for id := range d.chat.members {
			if id < 0 {
				ids = append(ids, -id)
			}
		}
		slices.Sort(ids)
	} else {
		for _, id := range [...]int64{d.sides.a, d.sides.b} {
			if id < 0 {
				ids = append(ids, -id)
			}
		}
	}
	list := make([]*group, 0, len(ids))
	for _, id := range ids {
		list = append(list, w.groups[id])
	}
	return list
}
