package fakediscord

import (
	"slices"
	"time"
)

// The types of channels.
const (
	typeText         = 0
	typeDM           = 1
	typeVoice        = 2
	typeGroupDM      = 3
	typeCategory     = 4
	typeNews         = 5
	typeNewsThread   = 10
	typePublicThread = 11
	typePrivate      = 12
	typeStage        = 13
	typeForum        = 15
	typeMedia        = 16
)

// A channel is a channel of a guild, a thread or a private conversation with
// the bot.
type channel struct {
	id         ID
	kind       int
	guild      *guild // nil for a DM
	doc        object
	overwrites []overwrite
	recipients []*user // of a DM
	messages   []*message
	last       ID // the last message
	lastPin    time.Time

	members []ID   // of a thread
	meta    object // thread_metadata
}

func (c *channel) thread() bool { return c.kind >= typeNewsThread && c.kind <= typePrivate }
func (c *channel) voice() bool  { return c.kind == typeVoice || c.kind == typeStage }

// writable reports whether the channel has messages.
func (c *channel) writable() bool {
	return c.kind != typeCategory && c.kind != typeForum && c.kind != typeMedia
}

// parent returns the category of a channel or the channel of a thread.
func (c *channel) parent() ID {
	id, _ := idOf(c.doc["parent_id"])
	return id
}

// guildID returns the guild's ID, or 0.
func (c *channel) guildID() ID {
	if c.guild == nil {
		return 0
	}
	return c.guild.id
}

// object returns the channel as GET /channels/{id} does.
func (c *channel) object() object {
	o := with(c.doc, object{"id": c.id, "type": c.kind})
	if c.writable() {
		o["last_message_id"] = orNull(c.last)
		if !c.lastPin.IsZero() {
			o["last_pin_timestamp"] = stamp(c.lastPin)
		}
	}
	if c.guild == nil {
		o["recipients"] = list(c.recipients, func(u *user) any { return u.object() })
		return o
	}
	o["guild_id"] = c.guild.id
	if c.thread() {
		o["thread_metadata"] = c.meta
		o["member_count"] = len(c.members)
		o["message_count"] = len(c.messages)
		o["total_message_sent"] = len(c.messages)
		return o
	}
	o["permission_overwrites"] = list(c.overwrites, func(x overwrite) any { return x.object() })
	return o
}

// channelDoc returns the fields that a new channel of a type has.
func channelDoc(kind int, name string, position int) object {
	doc := object{"name": name, "position": position, "parent_id": nil, "flags": 0}
	switch kind {
	case typeText, typeNews, typeForum, typeMedia:
		doc["topic"], doc["nsfw"], doc["rate_limit_per_user"] = nil, false, 0
		if kind >= typeForum {
			doc["available_tags"], doc["default_reaction_emoji"], doc["default_sort_order"], doc["default_forum_layout"] = []any{}, nil, nil, 0
		}
	case typeVoice, typeStage:
		doc["bitrate"], doc["user_limit"], doc["rtc_region"], doc["nsfw"], doc["rate_limit_per_user"] = 64000, 0, nil, false, 0
	}
	return doc
}

// addChannel adds a channel to a guild, without an event.
func (s *Server) addChannel(g *guild, kind int, name string) *channel {
	c := &channel{id: s.newID(), kind: kind, guild: g, doc: channelDoc(kind, name, len(g.channels))}
	g.channels = append(g.channels, c)
	s.channels[c.id] = c
	return c
}

// emitChannel sends an event with a channel as its data.
func (s *Server) emitChannel(name string, c *channel) {
	s.emit(event{name: name, guild: c.guild, data: c.object()})
}

// dm returns the private channel of the bot and a person, and opens it.
func (s *Server) dm(u *user) *channel {
	if u.dm == nil {
		u.dm = &channel{id: s.newID(), kind: typeDM, recipients: []*user{u}, doc: object{"flags": 0}}
		s.channels[u.dm.id] = u.dm
	}
	return u.dm
}

// DM returns the private channel of the bot and a person.
func (s *Server) DM(person ID) ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dm(s.mustUser(person)).id
}

// AddChannel adds a channel to a guild as its owner does, with an event, and
// returns its ID. It panics if there is no such guild.
func (s *Server) AddChannel(guild ID, kind int, name string) ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.touch()
	g := s.guild(guild)
	if g == nil {
		panic("fakediscord: no guild " + guild.String())
	}
	c := s.addChannel(g, kind, name)
	s.emitChannel("CHANNEL_CREATE", c)
	return c.id
}

// removeChannel forgets a channel with its threads, webhooks and invites.
func (s *Server) removeChannel(c *channel) {
	delete(s.channels, c.id)
	g := c.guild
	g.channels = slices.DeleteFunc(g.channels, func(x *channel) bool { return x == c })
	g.threads = slices.DeleteFunc(g.threads, func(x *channel) bool { return x == c })
	s.webhooks = slices.DeleteFunc(s.webhooks, func(w *webhook) bool { return w.channel == c })
	s.invites = slices.DeleteFunc(s.invites, func(i *invite) bool { return i.channel == c })
	for _, v := range slices.Clone(g.voices) {
		if v.channel == c {
			s.moveVoice(g, g.member(v.user.id), nil)
		}
	}
	for _, t := range slices.Clone(g.threads) {
		if t.parent() == c.id {
			s.removeChannel(t)
		}
	}
	if c.thread() {
		s.emit(event{name: "THREAD_DELETE", guild: g, data: object{"id": c.id, "guild_id": g.id, "parent_id": c.doc["parent_id"], "type": c.kind}})
		return
	}
	s.emitChannel("CHANNEL_DELETE", c)
	for _, child := range g.channels {
		if child.parent() == c.id {
			child.doc = with(child.doc, object{"parent_id": nil})
			s.emitChannel("CHANNEL_UPDATE", child)
		}
	}
}

// message returns a message of the channel, or nil.
func (c *channel) message(id ID) *message {
	i, ok := slices.BinarySearchFunc(c.messages, id, func(m *message, id ID) int {
		switch {
		case m.id < id:
			return -1
		case m.id > id:
			return 1
		}
		return 0
	})
	if !ok {
		return nil
	}
	return c.messages[i]
}
