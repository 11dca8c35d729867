package fakediscord

import (
	"slices"
	"strconv"
	"time"
)

func init() {
	on("GET /channels/{channel}/invites", func(c *call) any {
		ch := c.channelNeeds(PermManageChannels)
		return c.invites(func(i *invite) bool { return i.channel == ch })
	})
	on("GET /guilds/{guild}/invites", func(c *call) any {
		g := c.guildNeeds(PermManageGuild)
		return c.invites(func(i *invite) bool { return i.channel.guild == g })
	})
	on("POST /channels/{channel}/invites", createInvite)
	on("GET /invites/{code}", func(c *call) any {
		o := c.invite().object()
		if c.queryBool("with_counts") {
			g := c.invite().channel.guild
			o["approximate_member_count"], o["approximate_presence_count"] = len(g.members), len(g.presences)
		}
		return o
	}).open = true
	on("POST /invites/{code}", acceptInvite)
	on("DELETE /invites/{code}", deleteInvite)
}

func (c *call) invites(which func(*invite) bool) any {
	c.s.expireInvites()
	var found []*invite
	for _, i := range c.s.invites {
		if which(i) {
			found = append(found, i)
		}
	}
	return list(found, func(i *invite) any { return i.metadata() })
}

// expireInvites forgets the invites that are over.
func (s *Server) expireInvites() {
	s.invites = slices.DeleteFunc(s.invites, func(i *invite) bool { return !i.until.IsZero() && !i.until.After(s.now()) })
}

// invite returns the invite of the path.
func (c *call) invite() *invite {
	c.s.expireInvites()
	for _, i := range c.s.invites {
		if i.code == c.params["code"] {
			return i
		}
	}
	refuse(errInvite)
	return nil
}

func createInvite(c *call) any {
	ch := c.channelNeeds(PermCreateInvite)
	if ch.guild == nil || ch.kind == typeCategory {
		refuse(errChannelType)
	}
	i := &invite{channel: ch, inviter: c.actor, maxAge: 86400, created: c.s.now()}
	if n, ok := c.int("max_age", 0, 604800); ok {
		i.maxAge = n
	}
	i.maxUses, _ = c.int("max_uses", 0, 100)
	i.temporary, _ = c.bool("temporary")
	c.done()
	i.code = "i" + strconv.FormatUint(uint64(c.s.newID()), 36)
	if i.maxAge > 0 {
		i.until = c.s.now().Add(time.Duration(i.maxAge) * time.Second)
	}
	c.s.invites = append(c.s.invites, i)
	c.log(ch.guild, 40, 0, made(object{"code": i.code, "channel_id": ch.id, "max_age": i.maxAge, "max_uses": i.maxUses}))
	data := i.metadata()
	delete(data, "guild")
	delete(data, "channel")
	c.s.emit(event{name: "INVITE_CREATE", guild: ch.guild, data: with(data, object{"channel_id": ch.id, "guild_id": ch.guild.id})})
	return i.metadata()
}

// acceptInvite makes a person a member, as the client of the person does.
func acceptInvite(c *call) any {
	i := c.invite()
	g := i.channel.guild
	switch {
	case c.actor.bot:
		refuse(errNoBots)
	case g.banned(c.actor.id):
		refuse(errBanned)
	}
	if g.member(c.actor.id) == nil {
		c.s.join(g, c.actor)
		if i.uses++; i.uses == i.maxUses {
			c.removeInvite(i)
		}
	}
	return i.object()
}

func (c *call) removeInvite(i *invite) {
	c.s.invites = slices.DeleteFunc(c.s.invites, func(x *invite) bool { return x == i })
	g := i.channel.guild
	c.s.emit(event{name: "INVITE_DELETE", guild: g, data: object{"code": i.code, "channel_id": i.channel.id, "guild_id": g.id}})
}

func deleteInvite(c *call) any {
	i := c.invite()
	if i.inviter != c.actor {
		c.needs(i.channel, PermManageChannels)
	}
	c.log(i.channel.guild, 42, 0, gone(object{"code": i.code, "channel_id": i.channel.id}))
	c.removeInvite(i)
	return i.object()
}
