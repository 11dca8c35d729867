package fakevk

import (
	"fmt"
	"slices"
	"time"
	"unicode/utf8"
)

// The changes of a chat, made by users or by the API. Each posts its service
// message.

const (
	maxChatTitle  = 128 // characters
	maxPinnedText = 100 // characters of a pinned message that its service message quotes
)

// newChat opens a chat without members or messages.
func (w *World) newChat(title string) *chat {
	w.lastChat++
	c := &chat{
		peer:    chatBase + w.lastChat,
		title:   title,
		members: make(map[int64]*member),
		gone:    make(map[int64]bool),
		dialog:  newDialog(),
	}
	c.dialog.chat = c
	w.chats[c.peer] = c
	w.tell(Change{Kind: ChangeChat, ID: c.peer})
	w.touch()
	return c
}

func (w *World) inviteInto(c *chat, by, who int64) *Message {
	c.add(by, who)
	return w.post(c.dialog, &Message{FromID: by, Action: &Action{Type: "chat_invite_user", MemberID: who}})
}

// add makes an id a member, which sees the messages written from now on.
func (c *chat) add(by, who int64) {
	c.members[who] = &member{invitedBy: by, joined: now(), since: c.dialog.last}
	delete(c.gone, who)
}

// invitable reports whether a user or a community can be added to the chat.
func (w *World) invitable(c *chat, who int64) bool {
	if c.members[who] != nil || !w.exists(who) {
		return false
	}
	return who > 0 || w.groups[-who].features.addToChat
}

func (w *World) removeFrom(c *chat, by, who int64) *Message {
	delete(c.members, who)
	c.gone[who] = by != who
	return w.post(c.dialog, &Message{FromID: by, Action: &Action{Type: "chat_kick_user", MemberID: who}})
}

func (w *World) rename(c *chat, by int64, title string) *Message {
	m := w.post(c.dialog, &Message{FromID: by, Action: &Action{Type: "chat_title_update", Text: title, OldText: c.title}})
	c.title = title
	return m
}

func (w *World) pin(c *chat, by int64, m *Message) *Message {
	c.pinned, c.pinnedAt = m.CMID, now()
	return w.postPin(c, by, "chat_pin_message", m.CMID)
}

func (w *World) unpin(c *chat, by int64) *Message {
	cmid := c.pinned
	c.pinned, c.pinnedAt = 0, time.Time{}
	return w.postPin(c, by, "chat_unpin_message", cmid)
}

func (w *World) postPin(c *chat, by int64, action string, cmid int64) *Message {
	a := &Action{Type: action, MemberID: by, CMID: cmid}
	if m := c.dialog.find(cmid); m != nil && !m.Deleted {
		a.Message = cut(m.Text, maxPinnedText)
	}
	return w.post(c.dialog, &Message{FromID: by, Action: a})
}

// cut returns the beginning of a text.
func cut(s string, characters int) string {
	if utf8.RuneCountInString(s) <= characters {
		return s
	}
	return string([]rune(s)[:characters])
}

// pinnedMessage returns the pinned message, if viewer may see it.
func (c *chat) pinnedMessage(viewer int64) *Message {
	m := c.dialog.find(c.pinned)
	if c.pinned == 0 || m == nil || !c.dialog.visible(viewer, m) {
		return nil
	}
	return m
}

// inviteLink returns the chat's invite link.
func (w *World) inviteLink(c *chat) string {
	return "https://vk.me/join/AJQ1d" + w.hex(20, "invite", c.peer, c.links)
}

// Pin pins a message of a chat and posts the service message about it.
func (w *World) Pin(user, peer, cmid int64) (Message, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d, m := w.lookup(user, peer, cmid)
	if m == nil || d.chat == nil || m.Action != nil {
		return Message{}, fmt.Errorf("%w: %d in %d", ErrNoMessage, cmid, peer)
	}
	return w.pin(d.chat, user, m).seenBy(user, peer), nil
}

// Unpin unpins the pinned message of a chat and posts the service message about
// it.
func (w *World) Unpin(user, peer int64) (Message, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.chats[peer]
	if c == nil || c.members[user] == nil || c.pinned == 0 {
		return Message{}, fmt.Errorf("%w: nothing is pinned in %d", ErrNoMessage, peer)
	}
	return w.unpin(c, user).seenBy(user, peer), nil
}

// Pinned returns the CMID of a chat's pinned message, or zero.
func (w *World) Pinned(peer int64) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := w.chats[peer]; c != nil {
		return c.pinned
	}
	return 0
}

// JoinByLink makes a user a member of the chat with the given invite link and
// posts the service message about it. A user who was removed cannot come back
// this way.
func (w *World) JoinByLink(user int64, link string) (Chat, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.chatByLink(link)
	if c == nil || w.users[user] == nil || c.members[user] != nil || c.gone[user] {
		return Chat{}, fmt.Errorf("%w: %s", ErrNoDialog, link)
	}
	w.joinByLink(c, user)
	return Chat{PeerID: c.peer, Title: c.title}, nil
}

func (w *World) joinByLink(c *chat, user int64) {
	c.add(0, user)
	w.post(c.dialog, &Message{FromID: user, Action: &Action{Type: "chat_invite_user_by_link"}})
}

func (w *World) chatByLink(link string) *chat {
	for _, c := range w.chats {
		if w.inviteLink(c) == link {
			return c
		}
	}
	return nil
}

// silent reports whether a member may not write now. Admins always may.
func (m *member) silent() bool {
	return m.muted && !m.admin && (m.mutedUntil.IsZero() || now().Before(m.mutedUntil))
}

// mute forbids a member to write for a time or, if d is zero, until unmute. It
// reports whether that is possible: not for admins.
func (m *member) mute(d time.Duration) bool {
	if m.admin {
		return false
	}
	m.muted, m.mutedUntil = true, time.Time{}
	if d > 0 {
		m.mutedUntil = now().Add(d)
	}
	return true
}

func (m *member) unmute() { m.muted, m.mutedUntil = false, time.Time{} }

// silences returns the error of a user's action if the user is muted in the
// chat, or nil.
func (c *chat) silences(user int64) error {
	m := c.members[user]
	switch {
	case !m.silent():
		return nil
	case m.mutedUntil.IsZero():
		return fmt.Errorf("%w: %d is muted in chat %d", ErrForbidden, user, c.peer)
	}
	return fmt.Errorf("%w: %d is muted in chat %d for another %v", ErrForbidden, user, c.peer, m.mutedUntil.Sub(now()))
}

// admins returns the members with admin rights, in ascending order.
func (c *chat) admins() []int64 {
	var ids []int64
	for id, m := range c.members {
		if m.admin {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}
