package fakediscord

import (
	"slices"
	"strings"
	"time"
)

func init() {
	const path = "/channels/{channel}/messages/{message}/reactions"
	share := func(rt *route) { rt.share("reactions", 1, 250*time.Millisecond) }
	share(on("PUT "+path+"/{emoji}/@me", react))
	share(on("DELETE "+path+"/{emoji}/{user}", unreact))
	on("GET "+path+"/{emoji}", getReactions)
	share(on("DELETE "+path, clearReactions))
	share(on("DELETE "+path+"/{emoji}", clearEmoji))
}

// emoji returns the emoji of the path as an object and as a key.
func (c *call) emoji() (o object, key string) {
	s := c.params["emoji"]
	name, number, custom := strings.Cut(s, ":")
	if !custom {
		if !isUnicodeEmoji(s) {
			refuse(errEmoji)
		}
		return object{"id": nil, "name": s}, s
	}
	id, ok := ParseID(number)
	for _, g := range c.s.guilds {
		for _, e := range g.emojis {
			if ok && e.id == id && name != "" {
				return object{"id": e.id, "name": e.name, "animated": e.animated}, e.name + ":" + number
			}
		}
	}
	refuse(errEmoji)
	return nil, ""
}

// reactionEvent returns the common part of the events of reactions.
func reactionEvent(m *message, more object) object {
	o := with(more, object{"channel_id": m.channel.id, "message_id": m.id})
	if g := m.channel.guild; g != nil {
		o["guild_id"] = g.id
	}
	return o
}

func (s *Server) emitReaction(name string, m *message, more object) {
	s.emit(event{name: name, guild: m.channel.guild, channel: m.channel, data: reactionEvent(m, more)})
}

func react(c *call) any {
	ch := c.channelNeeds(PermReadHistory)
	m := c.message(ch)
	emoji, key := c.emoji()
	r := m.reaction(key)
	switch {
	case r == nil && !c.s.permissions(ch, c.actor).Has(PermAddReactions):
		refuse(errPermissions)
	case r == nil && len(m.reactions) >= 20:
		refuse(errTooManyEmojis)
	case r == nil:
		r = &reaction{emoji: emoji, key: key}
		m.reactions = append(m.reactions, r)
	case slices.Contains(r.users, c.actor):
		return nil
	}
	r.users = append(r.users, c.actor)
	data := object{
		"user_id": c.actor.id, "emoji": emoji, "message_author_id": m.author.id, "burst": false, "burst_colors": []any{}, "type": 0,
	}
	if m.webhook != nil {
		delete(data, "message_author_id")
	}
	if g := ch.guild; g != nil {
		data["member"] = g.member(c.actor.id).object()
	}
	c.s.record(Happening{Kind: HappeningReact, GuildID: ch.guildID(), ChannelID: ch.id, MessageID: m.id, UserID: c.actor.id, Emoji: key})
	c.s.emitReaction("MESSAGE_REACTION_ADD", m, data)
	return nil
}

func unreact(c *call) any {
	ch := c.channel()
	m := c.message(ch)
	emoji, key := c.emoji()
	u := c.s.users[c.pathID("user")]
	if u == nil {
		refuse(errUser)
	}
	if u != c.actor {
		c.needs(ch, PermManageMessages)
	}
	r := m.reaction(key)
	if r == nil || !slices.Contains(r.users, u) {
		return nil
	}
	r.users = slices.DeleteFunc(r.users, func(x *user) bool { return x == u })
	if len(r.users) == 0 {
		m.reactions = slices.DeleteFunc(m.reactions, func(x *reaction) bool { return x == r })
	}
	c.s.record(Happening{Kind: HappeningUnreact, GuildID: ch.guildID(), ChannelID: ch.id, MessageID: m.id, UserID: u.id, Emoji: key})
	c.s.emitReaction("MESSAGE_REACTION_REMOVE", m, object{"user_id": u.id, "emoji": emoji, "burst": false, "type": 0})
	return nil
}

func getReactions(c *call) any {
	ch := c.channelNeeds(PermReadHistory)
	m := c.message(ch)
	_, key := c.emoji()
	limit := c.queryInt("limit", 25, 1, 100)
	after := c.queryID("after")
	var users []*user
	if r := m.reaction(key); r != nil {
		users = slices.Clone(r.users)
	}
	slices.SortFunc(users, func(a, b *user) int { return int(int64(a.id) - int64(b.id)) })
	users = slices.DeleteFunc(users, func(u *user) bool { return u.id <= after })
	return list(users[:min(limit, len(users))], func(u *user) any { return u.object() })
}

func clearReactions(c *call) any {
	ch := c.channelNeeds(PermManageMessages)
	m := c.message(ch)
	m.reactions = nil
	c.s.emitReaction("MESSAGE_REACTION_REMOVE_ALL", m, object{})
	return nil
}

func clearEmoji(c *call) any {
	ch := c.channelNeeds(PermManageMessages)
	m := c.message(ch)
	emoji, key := c.emoji()
	m.reactions = slices.DeleteFunc(m.reactions, func(r *reaction) bool { return r.key == key })
	c.s.emitReaction("MESSAGE_REACTION_REMOVE_EMOJI", m, object{"emoji": emoji})
	return nil
}
