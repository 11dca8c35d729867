package fakediscord

import (
	"regexp"
	"slices"
	"time"
)

// A message is a message in a channel.
type message struct {
	id        ID
	channel   *channel
	author    *user // of a webhook: a user with the webhook's ID and name
	webhook   *webhook
	doc       object // content, embeds, attachments and the rest that edits change
	mentions  []*user
	roles     []ID
	everyone  bool
	edited    time.Time
	pinned    time.Time // zero if not pinned
	reactions []*reaction
	reference *message // that it answers, nil if deleted
	replied   bool     // it answers a message
	thread    *channel
	files     []string // paths in the CDN

	interaction *interaction // that it answers
	only        *user        // the only one to see it, or nil
}

type reaction struct {
	emoji object // id, name, animated
	key   string // "👍" or "name:id"
	users []*user
}

// object returns the message as a user gets it from the API.
func (m *message) object(viewer *user) object {
	o := with(m.doc, object{
		"id": m.id, "channel_id": m.channel.id, "author": m.author.object(), "timestamp": stamp(m.id.Time()), "edited_timestamp": stamp(m.edited),
		"mention_everyone": m.everyone, "mentions": list(m.mentions, func(u *user) any { return u.object() }),
		"mention_roles": list(m.roles, func(id ID) any { return id }), "pinned": !m.pinned.IsZero(),
	})
	if m.webhook != nil {
		o["author"] = with(object{"global_name": nil, "discriminator": "0000", "bot": true, "public_flags": 0, "flags": 0},
			object{"id": m.author.id, "username": m.author.global, "avatar": orNil(m.author.avatar)})
		o["webhook_id"] = m.webhook.id
	}
	if m.interaction != nil {
		o["webhook_id"], o["application_id"] = o["author"].(object)["id"], o["author"].(object)["id"]
		o["interaction_metadata"] = m.interaction.metadata()
	}
	if len(m.reactions) > 0 {
		o["reactions"] = list(m.reactions, func(r *reaction) any {
			return object{
				"emoji": r.emoji, "count": len(r.users), "count_details": object{"burst": 0, "normal": len(r.users)},
				"me": slices.Contains(r.users, viewer), "me_burst": false, "burst_me": false, "burst_count": 0, "burst_colors": []any{},
			}
		})
	}
	if m.replied {
		o["referenced_message"] = nil
		if m.reference != nil {
			r := *m.reference
			r.replied = false
			o["referenced_message"] = r.object(viewer)
		}
	}
	if m.thread != nil {
		o["thread"] = m.thread.object()
	}
	return o
}

// eventObject returns the message as in events, with its guild and members.
func (m *message) eventObject(s *Server) object {
	o := m.object(s.me)
	o["channel_type"] = m.channel.kind
	g := m.channel.guild
	if g == nil {
		return o
	}
	o["guild_id"] = g.id
	if author := g.member(m.author.id); author != nil && m.webhook == nil {
		o["member"] = author.partial()
	}
	o["mentions"] = list(m.mentions, func(u *user) any {
		mentioned := u.object()
		if member := g.member(u.id); member != nil {
			mentioned["member"] = member.partial()
		}
		return mentioned
	})
	return o
}

func (m *message) mentionsUser(u *user) bool {
	if m.everyone || slices.Contains(m.mentions, u) {
		return true
	}
	if g := m.channel.guild; g != nil {
		if member := g.member(u.id); member != nil {
			return slices.ContainsFunc(m.roles, member.has)
		}
	}
	return false
}

var (
	mentionOfUser = regexp.MustCompile(`<@!?(\d+)>`)
	mentionOfRole = regexp.MustCompile(`<@&(\d+)>`)
	mentionOfAll  = regexp.MustCompile(`@(everyone|here)\b`)
)

// An allowed says which mentions of a message count.
type allowed struct {
	users, roles, everyone bool
	only, onlyRoles        []ID
	replied                bool
}

// mention finds the mentions in a message's content.
func (s *Server) mention(m *message, a allowed) {
	m.mentions, m.roles, m.everyone = []*user{}, nil, false
	add := func(u *user) {
		if u != nil && !slices.Contains(m.mentions, u) {
			m.mentions = append(m.mentions, u)
		}
	}
	content := text(m.doc, "content")
	for _, match := range mentionOfUser.FindAllStringSubmatch(content, -1) {
		if id, _ := ParseID(match[1]); a.users || slices.Contains(a.only, id) {
			add(s.users[id])
		}
	}
	g := m.channel.guild
	for _, match := range mentionOfRole.FindAllStringSubmatch(content, -1) {
		id, _ := ParseID(match[1])
		if g != nil && g.role(id) != nil && (a.roles || slices.Contains(a.onlyRoles, id)) && !slices.Contains(m.roles, id) {
			m.roles = append(m.roles, id)
		}
	}
	if a.everyone && mentionOfAll.MatchString(content) {
		m.everyone = m.webhook != nil || s.permissions(m.channel, m.author).Has(PermMentionEveryone)
	}
	if a.replied && m.reference != nil && m.interaction == nil {
		add(m.reference.author)
	}
}

// post adds a message to its channel and sends the event.
func (s *Server) post(m *message) {
	m.id = s.newID()
	kind := HappeningMessage
	if m.loading() {
		kind = HappeningThinking
	}
	if m.private() {
		if len(s.private) >= kept {
			s.private = slices.Delete(s.private, 0, kept/10)
		}
		s.private = append(s.private, m)
		s.note(kind, m)
		return
	}
	c := m.channel
	if len(c.messages) >= kept {
		for _, old := range slices.Clone(c.messages[:kept/10]) {
			s.forget(old)
		}
	}
	c.messages = append(c.messages, m)
	c.last = m.id
	s.note(kind, m)
	s.emitMessage("MESSAGE_CREATE", m)
}

// emitMessage sends an event with a message as its data. Of messages that one
// person sees, the bot is told nothing.
func (s *Server) emitMessage(name string, m *message) {
	if m.private() {
		return
	}
	data := m.eventObject(s)
	s.emit(event{name: name, guild: m.channel.guild, channel: m.channel, message: m, data: data})
}

// system adds a message of a type that people do not write.
func (s *Server) system(c *channel, kind int, author *user, content string) *message {
	m := &message{channel: c, author: author, doc: messageDoc(kind, content)}
	m.mentions = []*user{}
	s.post(m)
	return m
}

func messageDoc(kind int, content string) object {
	return object{"type": kind, "content": content, "tts": false, "flags": 0, "embeds": []any{}, "attachments": []any{}, "components": []any{}}
}

// removeMessage deletes a message.
func (s *Server) removeMessage(m *message) {
	s.forget(m)
	s.note(HappeningDelete, m)
}

// forget removes a message and its files.
func (s *Server) forget(m *message) {
	c := m.channel
	s.private = slices.DeleteFunc(s.private, func(x *message) bool { return x == m })
	c.messages = slices.DeleteFunc(c.messages, func(x *message) bool { return x == m })
	for _, x := range c.messages {
		if x.reference == m {
			x.reference = nil
		}
	}
	for _, place := range m.files {
		delete(s.files, place)
	}
}

// reaction returns the reaction with an emoji, or nil.
func (m *message) reaction(key string) *reaction {
	for _, r := range m.reactions {
		if r.key == key {
			return r
		}
	}
	return nil
}

// Preview adds the preview of a link to a message, as Discord does some time after
// it was sent. The event has nothing but the IDs and the embeds.
func (s *Server) Preview(channel, id ID, link, title string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[channel]
	if c == nil {
		return errChannel
	}
	m := c.message(id)
	if m == nil {
		return errMessage
	}
	m.doc = with(m.doc, object{"embeds": append(slices.Clone(m.doc["embeds"].([]any)), object{"type": "link", "url": link, "title": title})})
	data := object{"id": m.id, "channel_id": c.id, "embeds": m.doc["embeds"]}
	if c.guild != nil {
		data["guild_id"] = c.guild.id
	}
	s.emit(event{name: "MESSAGE_UPDATE", guild: c.guild, channel: c, message: m, data: data})
	return nil
}
