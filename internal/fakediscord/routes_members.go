package fakediscord

import (
	"slices"
	"strconv"
	"time"
)

func init() {
	on("GET /guilds/{guild}/members", getMembers)
	on("GET /guilds/{guild}/members/search", searchMembers)
	on("GET /guilds/{guild}/members/{user}", func(c *call) any { return c.member(c.guild()).object() })
	on("PATCH /guilds/{guild}/members/@me", patchOwnMember)
	on("PATCH /guilds/{guild}/members/{user}", patchMember)
	on("DELETE /guilds/{guild}/members/{user}", kick)
	on("PUT /guilds/{guild}/members/{user}/roles/{role}", func(c *call) any { return c.memberRole(true) }).share("roles", 10, 10*time.Second)
	on("DELETE /guilds/{guild}/members/{user}/roles/{role}", func(c *call) any { return c.memberRole(false) }).share("roles", 10, 10*time.Second)
	on("GET /guilds/{guild}/voice-states/{user}", func(c *call) any {
		g := c.guild()
		v := g.voice(c.pathID("user"))
		if v == nil {
			refuse(notFound(10065, "Voice State"))
		}
		return v.object()
	})
	on("GET /guilds/{guild}/bans", getBans)
	on("GET /guilds/{guild}/bans/{user}", func(c *call) any {
		g := c.guildNeeds(PermBan)
		return banObject(g.bans[c.banIndex(g)])
	})
	on("PUT /guilds/{guild}/bans/{user}", putBan)
	on("DELETE /guilds/{guild}/bans/{user}", deleteBan)
	on("POST /guilds/{guild}/bulk-ban", bulkBan)
}

// member returns the member of the path.
func (c *call) member(g *guild) *member {
	id := c.pathID("user")
	if c.s.users[id] == nil {
		refuse(errUser)
	}
	m := g.member(id)
	if m == nil {
		refuse(errMember)
	}
	return m
}

// outranks refuses a call about a user that does not stand below the actor.
func (c *call) outranks(g *guild, u ID) {
	if g.top(c.actor.id) <= g.top(u) {
		refuse(errPermissions)
	}
}

func getMembers(c *call) any {
	g := c.guild()
	if c.actor == c.s.me && c.s.cfg.Disabled&IntentMembers != 0 {
		refuse(errAccess)
	}
	limit := c.queryInt("limit", 1, 1, 1000)
	after := c.queryID("after")
	i, _ := slices.BinarySearchFunc(g.members, after+1, func(m *member, id ID) int { return int(int64(m.user.id) - int64(id)) })
	found := g.members[i:]
	return list(found[:min(limit, len(found))], func(m *member) any { return m.object() })
}

func searchMembers(c *call) any {
	g := c.guild()
	limit := c.queryInt("limit", 1, 1, 1000)
	query := c.query.Get("query")
	if query == "" {
		refuse(invalidForm(object{"query": fieldError("BASE_TYPE_REQUIRED", "This field is required")}))
	}
	found := []any{}
	for _, m := range g.members {
		if matches(m, query) && len(found) < limit {
			found = append(found, m.object())
		}
	}
	return found
}

// emitMember sends GUILD_MEMBER_UPDATE. The bot gets its own without an intent.
func (s *Server) emitMember(g *guild, m *member) {
	s.emit(event{name: "GUILD_MEMBER_UPDATE", guild: g, always: m.user == s.me, data: with(m.object(), object{"guild_id": g.id})})
}

func patchOwnMember(c *call) any {
	g := c.guildNeeds(PermChangeNickname)
	m := g.member(c.actor.id)
	nick, given := c.text("nick", 0, 32)
	c.done()
	if given || c.null("nick") {
		m.nick = nick
		c.log(g, 24, m.user.id)
		c.s.emitMember(g, m)
	}
	return m.object()
}

// A memberEdit is a change of a member. A field counts only if its new field is
// set.
type memberEdit struct {
	nick                string
	roles               []ID
	mute, deaf          bool
	newRoles            bool
	newMute, newDeaf    bool
	room                *channel
	move                bool // into a voice channel or out of it
	timeout             time.Time
	newNick, newTimeout bool
}

// memberEdit reads the body of PATCH.
func (c *call) memberEdit(g *guild) (e memberEdit) {
	_, e.newNick = c.body["nick"]
	_, e.newTimeout = c.body["communication_disabled_until"]
	_, e.move = c.body["channel_id"]
	e.nick, _ = c.text("nick", 0, 32)
	e.roles, e.newRoles = c.ids("roles", 250)
	e.mute, e.newMute = c.bool("mute")
	e.deaf, e.newDeaf = c.bool("deaf")
	if until, ok := c.text("communication_disabled_until", 1, 64); ok {
		var err error
		if e.timeout, err = parseTime(until); err != nil {
			c.fail("communication_disabled_until", "DATE_TIME_TYPE_PARSE", "Could not parse %s. Should be ISO8601.", until)
		} else if e.timeout.After(c.s.now().Add(28 * 24 * time.Hour)) {
			c.fail("communication_disabled_until", "COMMUNICATION_DISABLED_UNTIL_TOO_LONG", "Cannot be more than 28 days.")
		}
	}
	if id, ok := c.id("channel_id"); ok {
		if e.room = c.s.channels[id]; e.room == nil || e.room.guild != g || !e.room.voice() {
			c.fail("channel_id", "CHANNEL_INVALID", "Unknown voice channel")
		}
	}
	for i, id := range e.roles {
		if g.role(id) == nil || id == g.id {
			c.fail("roles."+strconv.Itoa(i), "ROLE_INVALID", "Unknown role")
		}
	}
	c.done()
	return e
}

// mayEdit refuses an edit for which the actor lacks a permission.
func (c *call) mayEdit(g *guild, m *member, e memberEdit) {
	may := g.basePermissions(g.member(c.actor.id))
	for field, p := range map[string]Permissions{
		"nick": PermManageNicknames, "roles": PermManageRoles, "mute": PermMute, "deaf": PermDeafen, "channel_id": PermMove,
		"communication_disabled_until": PermModerate,
	} {
		if _, given := c.body[field]; given && !may.Has(p) {
			refuse(errPermissions)
		}
	}
	if m.user != c.actor && (e.newNick || e.newTimeout) {
		c.outranks(g, m.user.id)
	}
	if !e.newRoles {
		return
	}
	for _, r := range g.roles {
		changes := m.has(r.id) != slices.Contains(e.roles, r.id) && r.id != g.id
		if changes && (r.position >= g.top(c.actor.id) || truth(r.doc, "managed")) {
			refuse(errPermissions)
		}
	}
}

func patchMember(c *call) any {
	g := c.guild()
	m := c.member(g)
	e := c.memberEdit(g)
	c.mayEdit(g, m, e)
	if (e.newMute || e.newDeaf || e.move) && g.voice(m.user.id) == nil {
		refuse(errNotInVoice)
	}
	if e.newRoles {
		m.roles = slices.Compact(slices.Sorted(slices.Values(e.roles)))
	}
	if e.newNick {
		m.nick = e.nick
		c.acts(HappeningNickname, g, m.user.id, e.nick)
	}
	if e.newTimeout {
		m.timeout = e.timeout
	}
	if e.newMute {
		m.mute = e.mute
	}
	if e.newDeaf {
		m.deaf = e.deaf
	}
	c.log(g, 24, m.user.id)
	c.s.emitMember(g, m)
	switch {
	case e.move:
		c.s.moveVoice(g, m, e.room)
	case e.newMute || e.newDeaf:
		c.s.emitVoice(g.voice(m.user.id))
	}
	return m.object()
}

func kick(c *call) any {
	g := c.guildNeeds(PermKick)
	m := c.member(g)
	c.outranks(g, m.user.id)
	c.log(g, 20, m.user.id)
	c.acts(HappeningKick, g, m.user.id, c.reason)
	c.s.leave(g, m)
	return nil
}

// memberRole gives a member a role or takes it away.
func (c *call) memberRole(give bool) any {
	g := c.guildNeeds(PermManageRoles)
	m := c.member(g)
	r := g.role(c.pathID("role"))
	switch {
	case r == nil:
		refuse(errRole)
	case r.id == g.id:
		refuse(errInvalidRole)
	case truth(r.doc, "managed"), r.position >= g.top(c.actor.id):
		refuse(errPermissions)
	case m.has(r.id) == give:
		return nil
	}
	m.roles = slices.DeleteFunc(slices.Clone(m.roles), func(id ID) bool { return id == r.id })
	kind, key := HappeningTakeRole, "$remove"
	if give {
		m.roles = append(m.roles, r.id)
		kind, key = HappeningGiveRole, "$add"
	}
	c.acts(kind, g, m.user.id, text(r.doc, "name"))
	c.log(g, 25, m.user.id, made(object{key: []any{object{"id": r.id, "name": r.doc["name"]}}}))
	c.s.emitMember(g, m)
	return nil
}

func banObject(b ban) any { return object{"reason": orNil(b.reason), "user": b.user.object()} }

func getBans(c *call) any {
	g := c.guildNeeds(PermBan)
	limit := c.queryInt("limit", 1000, 1, 1000)
	before, after := c.queryID("before"), c.queryID("after")
	bans := slices.Clone(g.bans)
	slices.SortFunc(bans, func(a, b ban) int { return int(int64(a.user.id) - int64(b.user.id)) })
	bans = slices.DeleteFunc(bans, func(b ban) bool { return before != 0 && b.user.id >= before || before == 0 && b.user.id <= after })
	if before != 0 {
		bans = bans[max(0, len(bans)-limit):]
	}
	return list(bans[:min(limit, len(bans))], banObject)
}

// banIndex returns the place of the ban of the path.
func (c *call) banIndex(g *guild) int {
	id := c.pathID("user")
	i := slices.IndexFunc(g.bans, func(b ban) bool { return b.user.id == id })
	if i < 0 {
		refuse(errBan)
	}
	return i
}

func putBan(c *call) any {
	g := c.guildNeeds(PermBan)
	u := c.user()
	back, given := c.int("delete_message_seconds", 0, 604800)
	if days, ok := c.int("delete_message_days", 0, 7); ok && !given {
		back = days * 86400
	}
	c.done()
	c.outranks(g, u.id)
	c.ban(g, u, time.Duration(back)*time.Second)
	return nil
}

// ban bans a user and deletes the messages of the time before.
func (c *call) ban(g *guild, u *user, back time.Duration) {
	if g.banned(u.id) {
		return
	}
	g.bans = append(g.bans, ban{u, c.reason})
	c.log(g, 22, u.id)
	c.acts(HappeningBan, g, u.id, c.reason)
	if m := g.member(u.id); m != nil {
		c.s.leave(g, m)
	}
	c.s.emit(event{name: "GUILD_BAN_ADD", guild: g, data: object{"guild_id": g.id, "user": u.object()}})
	since := c.s.now().Add(-back)
	for _, ch := range slices.Concat(g.channels, g.threads) {
		gone := []any{}
		for _, m := range slices.Clone(ch.messages) {
			if m.author == u && back > 0 && m.id.Time().After(since) {
				c.s.removeMessage(m)
				gone = append(gone, m.id)
			}
		}
		if len(gone) > 0 {
			c.s.emit(event{name: "MESSAGE_DELETE_BULK", guild: g, channel: ch, data: object{"ids": gone, "channel_id": ch.id, "guild_id": g.id}})
		}
	}
}

func deleteBan(c *call) any {
	g := c.guildNeeds(PermBan)
	i := c.banIndex(g)
	u := g.bans[i].user
	g.bans = slices.Delete(g.bans, i, i+1)
	c.log(g, 23, u.id)
	c.acts(HappeningUnban, g, u.id, c.reason)
	c.s.emit(event{name: "GUILD_BAN_REMOVE", guild: g, data: object{"guild_id": g.id, "user": u.object()}})
	return nil
}

func bulkBan(c *call) any {
	g := c.guildNeeds(PermBan | PermManageGuild)
	c.require("user_ids")
	ids, _ := c.ids("user_ids", 200)
	back, _ := c.int("delete_message_seconds", 0, 604800)
	c.done()
	banned, failed := []any{}, []any{}
	for _, id := range ids {
		u := c.s.users[id]
		if u == nil || g.banned(id) || g.top(c.actor.id) <= g.top(id) {
			failed = append(failed, id)
			continue
		}
		c.ban(g, u, time.Duration(back)*time.Second)
		banned = append(banned, id)
	}
	if len(banned) == 0 {
		refuse(badRequest(500000, "Failed to ban users"))
	}
	return object{"banned_users": banned, "failed_users": failed}
}
