package fakevk

import (
	"math"
	"slices"
	"time"
)

func init() {
	register("messages.addChatUser", userToken, scopeMessages, (*call).messagesAddChatUser)
	register("messages.changeConversationMemberRestrictions", userOrGroup, scopeMessages, (*call).messagesRestrict)
	register("messages.createChat", userOrGroup, scopeMessages, (*call).messagesCreateChat)
	register("messages.deleteChatPhoto", userOrGroup, scopeMessages, (*call).messagesDeleteChatPhoto)
	register("messages.editChat", userOrGroup, scopeMessages, (*call).messagesEditChat)
	register("messages.getInviteLink", userOrGroup, scopeMessages, (*call).messagesGetInviteLink)
	register("messages.joinChatByInviteLink", userToken, scopeMessages, (*call).messagesJoinChat)
	register("messages.removeChatUser", userOrGroup, scopeMessages, (*call).messagesRemoveChatUser)
}

// chat returns the chat that chat_id names, for the actor to change.
// Communities must be admins of the chat. Users need not be, because in a new
// chat VK lets every member change it.
func (c *call) chat(actor int64) (*chat, *apiError) {
	c.require("chat_id")
	return c.w.changeable(actor, chatBase+c.intIn("chat_id", 0, 1, maxChatID))
}

func (w *World) changeable(actor, peer int64) (*chat, *apiError) {
	ch := w.chats[peer]
	if ch == nil {
		return nil, fail(codeNoChat)
	}
	if err := ch.denies(actor); err != nil {
		return nil, err
	}
	if actor < 0 && !ch.members[actor].admin {
		return nil, fail(codeNotChatAdmin)
	}
	return ch, nil
}

// messagesCreateChat returns the chat's number and, in newer versions, its
// members. A community adds only users to whom it may write; others may join by
// a link.
func (c *call) messagesCreateChat() (any, *apiError) {
	actor := c.actor()
	users := c.ints("user_ids", maxPeers)
	if actor > 0 && len(users) == 0 {
		return nil, invalid("user_ids is undefined")
	}
	title := c.strMax("title", maxChatTitle)
	for _, id := range users {
		if c.w.users[id] == nil {
			return nil, fail(codeContactMissing)
		}
	}
	ch := c.w.newChat(title)
	ch.owner = actor
	ch.add(actor, actor)
	ch.members[actor].admin = true
	added := []int64{}
	for _, id := range users {
		if ch.members[id] == nil && (actor > 0 || c.w.mayWrite(actor, id) == nil) {
			ch.add(actor, id)
			added = append(added, id)
		}
	}
	c.w.post(ch.dialog, &Message{FromID: actor, Action: &Action{Type: "chat_create", Text: title}})
	number := ch.peer - chatBase
	if c.version < version5_139 {
		return number, nil
	}
	return map[string]any{"chat_id": number, "peer_ids": added}, nil
}

func (c *call) messagesEditChat() (any, *apiError) {
	actor := c.actor()
	ch, err := c.chat(actor)
	if err != nil {
		return nil, err
	}
	c.require("title")
	c.w.rename(ch, actor, c.strMax("title", maxChatTitle))
	return 1, nil
}

// chatObject returns a chat in VK's oldest form, which the methods for its
// photo still return.
func (c *call) chatObject(ch *chat) map[string]any {
	users := []int64{}
	for id := range ch.members {
		if id > 0 {
			users = append(users, id)
		}
	}
	slices.Sort(users)
	return map[string]any{
		"id": ch.peer - chatBase, "type": "chat", "title": ch.title, "admin_id": ch.owner,
		"members_count": len(ch.members), "users": users, "is_default_photo": ch.photo == nil,
	}
}

func (c *call) messagesDeleteChatPhoto() (any, *apiError) {
	actor := c.actor()
	ch, err := c.chat(actor)
	if err != nil {
		return nil, err
	}
	ch.photo = nil
	m := c.w.post(ch.dialog, &Message{FromID: actor, Action: &Action{Type: "chat_photo_remove"}})
	return map[string]any{"message_id": messageID(actor, ch.peer, m), "chat": c.chatObject(ch)}, nil
}

// messagesAddChatUser is for user tokens: a community cannot invite.
func (c *call) messagesAddChatUser() (any, *apiError) {
	actor := c.actor()
	ch, err := c.chat(actor)
	if err != nil {
		return nil, err
	}
	who := c.positive("user_id")
	if c.w.users[who] == nil {
		return nil, fail(codeContactMissing)
	}
	if !c.w.invitable(ch, who) {
		return nil, fail(codeAccess, "user already in")
	}
	visible := c.intIn("visible_messages_count", 0, 0, 1000)
	c.w.inviteInto(ch, actor, who)
	ch.members[who].since = max(ch.members[who].since-visible, 0)
	return 1, nil
}

// messagesRemoveChatUser removes a member. Every member may leave. The owner
// cannot be removed, and only admins may remove members whom they did not
// invite.
func (c *call) messagesRemoveChatUser() (any, *apiError) {
	actor := c.actor()
	who := c.int("member_id")
	if who == 0 {
		who = c.int("user_id")
	}
	if who == 0 {
		return nil, invalid("member_id is undefined")
	}
	c.require("chat_id")
	ch := c.w.chats[chatBase+c.intIn("chat_id", 0, 1, maxChatID)]
	if ch == nil {
		return nil, fail(codeNoChat)
	}
	if err := ch.denies(actor); err != nil {
		return nil, err
	}
	m := ch.members[who]
	switch {
	case !c.w.exists(who):
		return nil, fail(codeContactMissing)
	case m == nil:
		return nil, fail(codeNotInChat)
	case who == actor:
	case !ch.members[actor].admin && (actor < 0 || m.invitedBy != actor):
		return nil, fail(codeNotChatAdmin)
	case who == ch.owner:
		return nil, fail(codeAccess)
	}
	c.w.removeFrom(ch, actor, who)
	return 1, nil
}

// messagesRestrict mutes members of a chat, or unmutes them. Only admins may.
// The ids that it cannot mute are in the response: admins and non-members.
func (c *call) messagesRestrict() (any, *apiError) {
	actor := c.actor()
	c.require("peer_id", "member_ids", "action")
	ids := c.ints("member_ids", maxMembers)
	mute := c.oneOf("action", "ro", "rw") == "ro"
	d := time.Duration(c.intIn("for", 0, 1, math.MaxInt32)) * time.Second
	ch, err := c.w.changeable(actor, c.int("peer_id"))
	if err != nil {
		return nil, err
	}
	if !ch.members[actor].admin {
		return nil, fail(codeNotChatAdmin)
	}
	failed := []int64{}
	for _, id := range ids {
		switch m := ch.members[id]; {
		case m == nil, mute && !m.mute(d):
			failed = append(failed, id)
		case !mute:
			m.unmute()
		}
	}
	c.w.touch()
	return map[string][]int64{"failed_member_ids": failed}, nil
}

// messagesGetInviteLink returns the link to admins and to every user. reset
// makes a new link and invalidates the old one.
func (c *call) messagesGetInviteLink() (any, *apiError) {
	actor := c.actor()
	c.require("peer_id")
	ch := c.w.chats[c.int("peer_id")]
	if ch == nil {
		return nil, fail(codeNoChat)
	}
	if err := ch.denies(actor); err != nil {
		return nil, err
	}
	admin := ch.members[actor].admin
	switch reset := c.bool("reset"); {
	case reset && !admin:
		return nil, fail(codeChangeLink)
	case actor < 0 && !admin:
		return nil, fail(codeSeeLink)
	case reset:
		ch.links++
	}
	return map[string]string{"link": c.w.inviteLink(ch)}, nil
}

func (c *call) messagesJoinChat() (any, *apiError) {
	actor := c.actor()
	c.require("link")
	ch := c.w.chatByLink(c.str("link"))
	if ch == nil {
		return nil, invalid("link is invalid")
	}
	if ch.gone[actor] {
		return nil, fail(codeNoChatAccess)
	}
	if ch.members[actor] == nil {
		c.w.joinByLink(ch, actor)
	}
	return map[string]int64{"chat_id": ch.peer - chatBase}, nil
}
