package vktest

// Joins makes the person a member of the community.
func (u *User) Joins() {
	u.s.tb().Helper()
	u.must("join the community", u.s.world.Join(u.ID, u.s.GroupID))
}

// Leaves makes the person leave the chat or, in private, the community.
func (u *User) Leaves() {
	u.s.tb().Helper()
	if u.peer > 0 {
		_, err := u.s.world.Kick(u.ID, u.peer, u.ID)
		u.must("leave the chat", err)
		return
	}
	u.must("leave the community", u.s.world.Leave(u.ID, u.s.GroupID))
}

// Reacts leaves a reaction on a message, or with 0 takes it back.
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

// Unpins takes down the pinned message of the chat.
func (u *User) Unpins() {
	u.s.tb().Helper()
	_, err := u.s.world.Unpin(u.ID, u.chat())
	u.must("unpin the message", err)
}

// SeesPinned expects that a message of the chat is pinned.
func (u *User) SeesPinned(m Message) {
	u.s.tb().Helper()
	u.await("should see %q pinned", []any{m.Text}, func() bool { return u.s.world.Pinned(u.chat()) == m.CMID })
}

// SeesReaction expects that the bot leaves a reaction on a message.
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

// Posts writes on the community's wall, and returns the post's number.
func (u *User) Posts(text string) int64 {
	u.s.tb().Helper()
	id, err := u.s.world.Post(u.ID, -u.s.GroupID, text)
	u.must("post", err)
	return id
}

// Comments writes a comment on a post of the community's wall, and returns its
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

// Block puts a person on the community's black list: the bot gets a user_block,
// and error 900 when it writes to them.
func (s *Server) Block(u *User) { s.world.Ban(s.admin, u.ID, s.GroupID) }

// Unblock takes a person off the black list.
func (s *Server) Unblock(u *User) { s.world.Unban(s.admin, u.ID, s.GroupID) }
