package fakediscord

import (
	"slices"
	"strconv"
	"time"
)

func init() {
	on("GET /channels/{channel}", func(c *call) any { return c.channel().object() })
	on("PATCH /channels/{channel}", patchChannel)
	on("DELETE /channels/{channel}", deleteChannel)
	on("PUT /channels/{channel}/permissions/{overwrite}", putOverwrite)
	on("DELETE /channels/{channel}/permissions/{overwrite}", deleteOverwrite)
	on("GET /channels/{channel}/messages/pins", getPins)
	on("GET /channels/{channel}/pins", getOldPins)
	for _, path := range []string{"/channels/{channel}/messages/pins/{message}", "/channels/{channel}/pins/{message}"} {
		on("PUT "+path, func(c *call) any { return c.pin(true) }).share("pins", 5, 5*time.Second)
		on("DELETE "+path, func(c *call) any { return c.pin(false) }).share("pins", 5, 5*time.Second)
	}
	on("POST /channels/{channel}/messages/{message}/crosspost", crosspost)
}

func patchChannel(c *call) any {
	ch := c.channel()
	switch {
	case ch.guild == nil:
		refuse(errDMAction)
	case ch.thread():
		return c.patchThread(ch)
	}
	c.needs(ch, PermManageChannels)
	doc := with(ch.doc, nil)
	if c.null("name") {
		c.require("name")
	}
	c.channelFields(doc, ch.guild, ch.kind)
	kind := ch.kind
	if n, ok := c.choice("type", typeText, typeNews); ok {
		if ch.kind != typeText && ch.kind != typeNews {
			refuse(errChannelType)
		}
		kind = n
	}
	overwrites, given := c.overwrites(ch.guild)
	c.done()
	if given {
		c.needs(ch, PermManageRoles)
		ch.overwrites = overwrites
	}
	ch.doc, ch.kind = doc, kind
	c.log(ch.guild, 11, ch.id)
	c.s.emitChannel("CHANNEL_UPDATE", ch)
	return ch.object()
}

func deleteChannel(c *call) any {
	ch := c.channel()
	o := ch.object()
	if ch.guild == nil {
		return o // a private channel is only closed
	}
	if ch.thread() {
		c.needs(ch, PermManageThreads)
		c.log(ch.guild, 112, ch.id, gone(object{"name": ch.doc["name"], "type": ch.kind}))
	} else {
		c.needs(ch, PermManageChannels)
		c.log(ch.guild, 12, ch.id, gone(object{"name": ch.doc["name"], "type": ch.kind}))
	}
	c.s.removeChannel(ch)
	return o
}

func putOverwrite(c *call) any {
	ch := c.channelNeeds(PermManageRoles)
	if ch.guild == nil {
		refuse(errDMAction)
	}
	id := c.pathID("overwrite")
	c.require("type")
	o := c.overwrite(ch.guild, id)
	c.done()
	if !c.s.permissions(ch, c.actor).Has(o.allow) {
		refuse(errPermissions)
	}
	kept := slices.DeleteFunc(slices.Clone(ch.overwrites), func(x overwrite) bool { return x.id == id })
	action := 13
	if len(kept) != len(ch.overwrites) {
		action = 14
	}
	ch.overwrites = append(kept, o)
	c.log(ch.guild, action, ch.id, options(overwriteOptions(ch.guild, o)))
	c.s.emitChannel("CHANNEL_UPDATE", ch)
	return nil
}

// overwriteOptions returns the audit log's options of an overwrite.
func overwriteOptions(g *guild, o overwrite) object {
	if r := g.role(o.id); r != nil && !o.member {
		return object{"id": o.id, "type": "0", "role_name": r.doc["name"]}
	}
	return object{"id": o.id, "type": "1"}
}

func deleteOverwrite(c *call) any {
	ch := c.channelNeeds(PermManageRoles)
	if ch.guild == nil {
		refuse(errDMAction)
	}
	id := c.pathID("overwrite")
	i := slices.IndexFunc(ch.overwrites, func(x overwrite) bool { return x.id == id })
	if i < 0 {
		refuse(errOverwrite)
	}
	removed := ch.overwrites[i]
	ch.overwrites = slices.Delete(slices.Clone(ch.overwrites), i, i+1)
	c.log(ch.guild, 15, ch.id, options(overwriteOptions(ch.guild, removed)))
	c.s.emitChannel("CHANNEL_UPDATE", ch)
	return nil
}

// pins returns the pinned messages, the latest pin first.
func (ch *channel) pins() []*message {
	var pinned []*message
	for _, m := range ch.messages {
		if !m.pinned.IsZero() {
			pinned = append(pinned, m)
		}
	}
	slices.SortStableFunc(pinned, func(a, b *message) int { return b.pinned.Compare(a.pinned) })
	return pinned
}

func getPins(c *call) any {
	ch := c.channelNeeds(PermReadHistory)
	limit := c.queryInt("limit", 50, 1, 50)
	pinned := ch.pins()
	if s := c.query.Get("before"); s != "" {
		before, err := parseTime(s)
		if err != nil {
			refuse(invalidForm(object{"before": fieldError("DATE_TIME_TYPE_PARSE", "Could not parse "+s+". Should be ISO8601.")}))
		}
		pinned = slices.DeleteFunc(pinned, func(m *message) bool { return !m.pinned.Before(before) })
	}
	return object{
		"items": list(pinned[:min(limit, len(pinned))], func(m *message) any {
			return object{"pinned_at": stamp(m.pinned), "message": c.render(m)}
		}),
		"has_more": len(pinned) > limit,
	}
}

func getOldPins(c *call) any {
	ch := c.channelNeeds(PermReadHistory)
	pinned := ch.pins()
	return list(pinned[:min(50, len(pinned))], func(m *message) any { return c.render(m) })
}

// pin pins a message or takes the pin away.
func (c *call) pin(on bool) any {
	ch := c.channelNeeds(PermPin)
	m := c.message(ch)
	switch {
	case m.pinned.IsZero() != on:
		return nil
	case on && len(ch.pins()) >= 250:
		refuse(errTooManyPins)
	case number(m.doc, "type") != 0 && number(m.doc, "type") != 19:
		refuse(errSystemMessage)
	}
	m.pinned = time.Time{}
	action, kind := 75, HappeningUnpin
	if on {
		m.pinned = c.s.now()
		ch.lastPin = m.pinned
		action, kind = 74, HappeningPin
	}
	c.s.record(Happening{Kind: kind, GuildID: ch.guildID(), ChannelID: ch.id, MessageID: m.id, UserID: c.actor.id})
	data := object{"channel_id": ch.id}
	pinned := ch.pins()
	if len(pinned) > 0 {
		data["last_pin_timestamp"] = stamp(pinned[0].pinned)
	} else if ch.guild != nil {
		data["last_pin_timestamp"] = nil // without pins, private channels have no such key
	}
	if ch.guild != nil {
		data["guild_id"] = ch.guild.id
		c.log(ch.guild, action, m.author.id, options(object{"channel_id": ch.id, "message_id": m.id}))
	}
	c.s.emitMessage("MESSAGE_UPDATE", m)
	c.s.emit(event{name: "CHANNEL_PINS_UPDATE", guild: ch.guild, channel: ch, data: data})
	if on {
		pin := c.s.system(ch, 6, c.actor, "")
		pin.doc["message_reference"] = object{"type": 0, "channel_id": ch.id, "message_id": m.id}
	}
	return nil
}

func crosspost(c *call) any {
	ch := c.channelNeeds(PermSend)
	m := c.message(ch)
	if ch.kind != typeNews {
		refuse(errChannelType)
	}
	if m.author != c.actor {
		c.needs(ch, PermManageMessages)
	}
	if number(m.doc, "flags")&1 != 0 {
		refuse(badRequest(40033, "This message has already been crossposted."))
	}
	m.doc = with(m.doc, object{"flags": number(m.doc, "flags") | 1})
	c.s.emitMessage("MESSAGE_UPDATE", m)
	return c.render(m)
}

func init() {
	on("POST /channels/{channel}/threads", startThread)
	on("POST /channels/{channel}/messages/{message}/threads", startThread)
	on("GET /channels/{channel}/thread-members", func(c *call) any {
		ch := c.threadOfPath()
		return list(ch.members, func(id ID) any { return ch.threadMember(id) })
	})
	on("PUT /channels/{channel}/thread-members/{user}", func(c *call) any { return c.joinThread(true) })
	on("DELETE /channels/{channel}/thread-members/{user}", func(c *call) any { return c.joinThread(false) })
	on("GET /guilds/{guild}/threads/active", func(c *call) any { return c.threads(c.guild(), 0, false) })
	on("GET /channels/{channel}/threads/archived/public", func(c *call) any {
		ch := c.channelNeeds(PermReadHistory)
		return c.threads(ch.guild, ch.id, true)
	})
}

func startThread(c *call) any {
	ch := c.channel()
	if ch.guild == nil || ch.thread() || ch.kind == typeCategory {
		refuse(errChannelType)
	}
	c.require("name")
	name, _ := c.text("name", 1, 100)
	archive, given := c.choice("auto_archive_duration", 60, 1440, 4320, 10080)
	if !given {
		archive = 4320
	}
	kind := typePublicThread
	var from *message
	if c.params["message"] != "" {
		if from = c.message(ch); from.thread != nil {
			refuse(errThreadExists)
		}
	} else if kind, given = c.choice("type", typeNewsThread, typePublicThread, typePrivate); !given {
		kind = typePrivate
	}
	c.done()
	if kind == typePrivate {
		c.needs(ch, PermPrivateThreads)
	} else {
		c.needs(ch, PermPublicThreads)
	}
	t := &channel{id: c.s.newID(), kind: kind, guild: ch.guild, members: []ID{c.actor.id}, doc: object{
		"name": name, "parent_id": ch.id, "owner_id": c.actor.id, "rate_limit_per_user": 0, "flags": 0,
	}, meta: object{
		"archived": false, "locked": false, "auto_archive_duration": archive, "archive_timestamp": stamp(c.s.now()), "create_timestamp": stamp(c.s.now()),
	}}
	if from != nil {
		t.id, from.thread = from.id, t
	}
	ch.guild.threads = append(ch.guild.threads, t)
	c.s.channels[t.id] = t
	c.log(ch.guild, 110, t.id, made(object{"name": name, "type": kind}))
	c.s.emit(event{name: "THREAD_CREATE", guild: ch.guild, channel: t, data: with(t.object(), object{"newly_created": true})})
	c.status = 201
	return t.object()
}

// patchThread changes a thread.
func (c *call) patchThread(t *channel) any {
	doc, meta := with(t.doc, nil), with(t.meta, nil)
	c.setText(doc, "name", 1, 100)
	c.setInt(doc, "rate_limit_per_user", 0, 21600)
	c.setBool(meta, "archived")
	c.setBool(meta, "locked")
	if n, ok := c.choice("auto_archive_duration", 60, 1440, 4320, 10080); ok {
		meta["auto_archive_duration"] = n
	}
	c.done()
	if owner, _ := idOf(t.doc["owner_id"]); owner != c.actor.id || c.has("locked") {
		c.needs(t, PermManageThreads)
	}
	t.doc, t.meta = doc, meta
	c.log(t.guild, 111, t.id)
	c.s.emit(event{name: "THREAD_UPDATE", guild: t.guild, channel: t, data: t.object()})
	return t.object()
}

func (c *call) threadOfPath() *channel {
	ch := c.channel()
	if !ch.thread() {
		refuse(errChannelType)
	}
	return ch
}

func (ch *channel) threadMember(id ID) object {
	return object{"id": ch.id, "user_id": id, "join_timestamp": ch.meta["create_timestamp"], "flags": 0}
}

// joinThread adds a member to a thread or removes it.
func (c *call) joinThread(in bool) any {
	ch := c.threadOfPath()
	id := c.pathID("user")
	if ch.guild.member(id) == nil {
		refuse(errMember)
	}
	if !in && id != c.actor.id {
		c.needs(ch, PermManageThreads)
	}
	if slices.Contains(ch.members, id) == in {
		return nil
	}
	data := object{"id": ch.id, "guild_id": ch.guild.id}
	if in {
		ch.members = append(ch.members, id)
		data["added_members"] = []any{ch.threadMember(id)}
	} else {
		ch.members = slices.DeleteFunc(ch.members, func(x ID) bool { return x == id })
		data["removed_member_ids"] = []any{id}
	}
	data["member_count"] = len(ch.members)
	c.s.emit(event{name: "THREAD_MEMBERS_UPDATE", guild: ch.guild, channel: ch, data: data})
	return nil
}

// threads returns threads of a guild, or of one of its channels.
func (c *call) threads(g *guild, of ID, archived bool) any {
	if g == nil {
		refuse(errChannelType)
	}
	found, mine := []any{}, []any{}
	for _, t := range g.threads {
		if truth(t.meta, "archived") != archived || of != 0 && t.parent() != of || !c.s.permissions(t, c.actor).Has(PermViewChannel) {
			continue
		}
		found = append(found, t.object())
		if slices.Contains(t.members, c.actor.id) {
			mine = append(mine, t.threadMember(c.actor.id))
		}
	}
	o := object{"threads": found, "members": mine}
	if archived {
		o["has_more"] = false
	}
	return o
}

// isUnicodeEmoji reports whether a text may be an emoji: the fake does not know
// all, but letters and digits are none.
func isUnicodeEmoji(s string) bool {
	for _, r := range s {
		if r < 0x203c && r != 0xa9 && r != 0xae && r != '#' && r != '*' && (r < '0' || r > '9') {
			return false
		}
	}
	_, err := strconv.Atoi(s)
	return s != "" && err != nil && len(s) > 1
}
