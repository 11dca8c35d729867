package vktest

// Joins makes the user a member of the community.
func (u *User) Joins() {
	u.s.tb().Helper()
	u.must("join the community", u.s.world.Join(u.ID, u.s.GroupID))
}

// Leaves makes the user leave the chat or, in private, the community.
func (u *User) Leaves() {
	u.s.tb().Helper()
	if u.peer > 0 {
		_, err := u.s.world.Kick(u.ID, u.peer, u.ID)
		u.must("leave the chat", err)
		return
	}
	u.must("leave the community", u.s.world.Leave(u.ID, u.s.GroupID))
}

// Reacts adds a reaction to a message; 0 removes it.
func (u *User) Reacts(m Message, reaction int) {
	u.s.tb().Helper()
	u.must("react", u.s.world.React(u.ID, u.peer, m.CMID, reaction))
}

// Pins pins a message of the chat.
func (u *User) Pins(m Message) {
	u.s.tb().Helper()
	_, err := u.s.world.Pin(u.ID, u.chat(), m.CMID)
	u.must("pin a message", err)
}

// Unpins unpins the pinned message of the chat.
func (u *User) Unpins() {
	u.s.tb().Helper()
	_, err := u.s.world.Unpin(u.ID, u.chat())
	u.must("unpin the message", err)
}

// SeesPinned expects a message of the chat to be pinned.
func (u *User) SeesPinned(m Message) {
	u.s.tb().Helper()
	u.await("should see %q pinned", []any{m.Text}, func() bool { return u.s.world.Pinned(u.chat()) == m.CMID })
}

// SeesReaction expects the bot to add a reaction to a message.
func (u *User) SeesReaction(m Message, reaction int) {
	u.s.tb().Helper()
	u.await("should see reaction %d on %q", []any{reaction, m.Text}, func() bool {
		now, _ := u.s.world.Message(u.ID, u.peer, m.CMID)
		for _, r := range now.Reactions {
			if r.FromID == -u.s.GroupID && r.ID == reaction {
				return true
			}
		}
		return false
	})
}

// Posts posts on the community's wall and returns the post's number.
func (u *User) Posts(text string) int64 {
	u.s.tb().Helper()
	id, err := u.s.world.Post(u.ID, -u.s.GroupID, text)
	u.must("post", err)
	return id
}

// Comments comments on a post of the community's wall and returns the comment's
// number.
func (u *User) Comments(post int64, text string) int64 {
	u.s.tb().Helper()
	id, err := u.s.world.Comment(u.ID, -u.s.GroupID, post, 0, text)
	u.must("comment", err)
	return id
}

// Likes likes a post of the community's wall.
func (u *User) Likes(post int64) {
	u.s.tb().Helper()
	u.must("like", u.s.world.Like(u.ID, "post", -u.s.GroupID, post))
}

// Block adds a user to the community's blacklist. The bot gets a user_block,
// and error 900 when it writes to the user.
func (s *Server) Block(u *User) { s.world.Ban(s.admin, u.ID, s.GroupID) }

// Unblock removes a user from the blacklist.
func (s *Server) Unblock(u *User) { s.world.Unban(s.admin, u.ID, s.GroupID) }
