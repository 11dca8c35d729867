package fakediscord

import (
	"cmp"
	"slices"
	"strconv"
)

func init() {
	on("GET /guilds/{guild}", getGuild)
	on("PATCH /guilds/{guild}", patchGuild)
	on("GET /guilds/{guild}/preview", func(c *call) any { return c.guild().object() })
	on("GET /guilds/{guild}/channels", func(c *call) any {
		return list(c.guild().channels, func(ch *channel) any { return ch.object() })
	})
	on("POST /guilds/{guild}/channels", createChannel)
	on("PATCH /guilds/{guild}/channels", moveChannels)
	on("GET /guilds/{guild}/integrations", func(c *call) any {
		return list(c.guildNeeds(PermManageGuild).integrations, func(o object) any { return o })
	})
	on("DELETE /guilds/{guild}/integrations/{integration}", deleteIntegration)
	on("GET /guilds/{guild}/widget", func(c *call) any { return c.guildNeeds(PermManageGuild).widget })
	on("PATCH /guilds/{guild}/widget", patchWidget)
	on("GET /guilds/{guild}/widget.json", getWidget).open = true
	on("GET /guilds/{guild}/audit-logs", getAuditLog)
	for _, method := range []string{"GET", "POST"} {
		on(method+" /guilds/{guild}/prune", func(c *call) any {
			c.guildNeeds(PermKick)
			return object{"pruned": 0} // everybody is active
		})
	}
	for _, none := range []string{"stickers", "scheduled-events", "auto-moderation/rules"} {
		on("GET /guilds/{guild}/"+none, func(c *call) any {
			c.guild()
			return []any{} // the fake has none
		})
	}
	on("GET /guilds/{guild}/regions", func(c *call) any {
		c.guild()
		rt, _, _ := find("GET", "/voice/regions")
		return rt.serve(c)
	})
}

func getGuild(c *call) any {
	g := c.guild()
	o := g.object()
	if c.queryBool("with_counts") {
		o["approximate_member_count"], o["approximate_presence_count"] = len(g.members), len(g.presences)
	}
	return o
}

func patchGuild(c *call) any {
	g := c.guildNeeds(PermManageGuild)
	doc := with(g.doc, nil)
	if c.null("name") {
		c.require("name")
	}
	c.setText(doc, "name", 2, 100)
	c.setText(doc, "description", 0, 300)
	c.setText(doc, "preferred_locale", 2, 10)
	c.setInt(doc, "verification_level", 0, 4)
	c.setInt(doc, "default_message_notifications", 0, 1)
	c.setInt(doc, "explicit_content_filter", 0, 2)
	c.setInt(doc, "afk_timeout", 60, 3600)
	c.setInt(doc, "system_channel_flags", 0, 1<<10)
	for _, name := range []string{"afk_channel_id", "system_channel_id", "rules_channel_id", "public_updates_channel_id"} {
		c.setID(doc, name)
		if id, _ := idOf(doc[name]); id != 0 && (c.s.channels[id] == nil || c.s.channels[id].guild != g) {
			c.fail(name, "CHANNEL_INVALID", "Unknown channel")
		}
	}
	images := map[string]*upload{"icons": c.image("icon"), "splashes": c.image("splash"), "banners": c.image("banner")}
	c.done()
	for folder, u := range images {
		name := map[string]string{"icons": "icon", "splashes": "splash", "banners": "banner"}[folder]
		hash := text(doc, name)
		c.setImage(&hash, folder+"/"+g.id.String(), u)
		doc[name] = orNil(hash)
	}
	g.doc = doc
	c.log(g, 1, g.id)
	c.s.emit(event{name: "GUILD_UPDATE", guild: g, data: g.object()})
	return g.object()
}

var channelTypes = []int{typeText, typeVoice, typeCategory, typeNews, typeStage, typeForum, typeMedia}

func createChannel(c *call) any {
	g := c.guildNeeds(PermManageChannels)
	c.require("name")
	name, _ := c.text("name", 1, 100)
	kind, _ := c.choice("type", channelTypes...)
	doc := channelDoc(kind, name, len(g.channels))
	c.channelFields(doc, g, kind)
	overwrites, _ := c.overwrites(g)
	c.done()
	if len(g.channels) >= 500 {
		refuse(badRequest(30013, "Maximum number of server channels reached (500)"))
	}
	ch := c.s.addChannel(g, kind, name)
	ch.doc, ch.overwrites = doc, overwrites
	c.log(g, 10, ch.id, made(object{"name": name, "type": kind}))
	c.s.emitChannel("CHANNEL_CREATE", ch)
	c.status = 201
	return ch.object()
}

// channelFields copies the fields of a channel's type to a document.
func (c *call) channelFields(doc object, g *guild, kind int) {
	c.setText(doc, "name", 1, 100)
	c.setInt(doc, "position", 0, 1<<20)
	c.setInt(doc, "flags", 0, 1<<20)
	for name, set := range map[string]func(){
		"topic":                         func() { c.setText(doc, "topic", 0, 1024) },
		"nsfw":                          func() { c.setBool(doc, "nsfw") },
		"rate_limit_per_user":           func() { c.setInt(doc, "rate_limit_per_user", 0, 21600) },
		"bitrate":                       func() { c.setInt(doc, "bitrate", 8000, 384000) },
		"user_limit":                    func() { c.setInt(doc, "user_limit", 0, 99) },
		"rtc_region":                    func() { c.setText(doc, "rtc_region", 1, 32) },
		"default_auto_archive_duration": func() { c.setInt(doc, "default_auto_archive_duration", 60, 10080) },
	} {
		if _, has := channelDoc(kind, "", 0)[name]; has {
			set()
		}
	}
	if kind == typeCategory {
		return
	}
	c.setID(doc, "parent_id")
	if id, _ := idOf(doc["parent_id"]); id != 0 {
		if p := c.s.channels[id]; p == nil || p.guild != g || p.kind != typeCategory {
			c.fail("parent_id", "CHANNEL_PARENT_INVALID", "Category does not exist")
		}
	}
}

// overwrites reads permission_overwrites. ok is false if there are none.
func (c *call) overwrites(g *guild) (all []overwrite, ok bool) {
	l, ok := c.list("permission_overwrites", 0, 1000)
	for i, v := range l {
		f, good := c.model("permission_overwrites."+strconv.Itoa(i), v)
		if !good {
			continue
		}
		f.require("id")
		id, _ := f.id("id")
		all = append(all, f.overwrite(g, id))
	}
	return all, ok
}

// overwrite reads type, allow and deny.
func (f form) overwrite(g *guild, id ID) overwrite {
	o := overwrite{id: id}
	kind, given := f.choice("type", 0, 1)
	o.member = kind == 1
	if !given {
		o.member = g.role(id) == nil
	}
	o.allow, _ = f.bits("allow")
	o.deny, _ = f.bits("deny")
	if !o.member && g.role(id) == nil {
		f.fail("id", "OVERWRITE_INVALID", "Unknown role")
	}
	return o
}

func moveChannels(c *call) any {
	g := c.guildNeeds(PermManageChannels)
	changed := make(map[*channel]object)
	l, _ := c.list("", 0, 500)
	for i, v := range l {
		f, ok := c.model(strconv.Itoa(i), v)
		if !ok {
			continue
		}
		id, _ := f.id("id")
		ch := c.s.channels[id]
		if ch == nil || ch.guild != g {
			f.fail("id", "CHANNEL_INVALID", "Unknown channel")
			continue
		}
		doc := with(ch.doc, nil)
		f.setInt(doc, "position", 0, 1<<20)
		f.setID(doc, "parent_id")
		changed[ch] = doc
	}
	c.done()
	for _, ch := range g.channels {
		if doc := changed[ch]; doc != nil {
			ch.doc = doc
			c.s.emitChannel("CHANNEL_UPDATE", ch)
		}
	}
	return nil
}

func deleteIntegration(c *call) any {
	g := c.guildNeeds(PermManageGuild)
	id := c.pathID("integration")
	i := slices.IndexFunc(g.integrations, func(o object) bool { return o["id"] == id })
	if i < 0 {
		refuse(errIntegration)
	}
	if id == c.s.appID {
		refuse(errPermissions) // a bot leaves by DELETE /users/@me/guilds
	}
	g.integrations = slices.Delete(g.integrations, i, i+1)
	c.log(g, 82, id)
	c.s.emit(event{name: "INTEGRATION_DELETE", guild: g, data: object{"id": id, "guild_id": g.id}})
	c.s.emit(event{name: "GUILD_INTEGRATIONS_UPDATE", guild: g, data: object{"guild_id": g.id}})
	return nil
}

// AddIntegration connects a guild with a service such as twitch, as a person
// does, and returns the ID.
func (s *Server) AddIntegration(guild ID, kind, name string) (ID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.guild(guild)
	if g == nil {
		return 0, errGuild
	}
	id := s.newID()
	o := object{
		"id": id, "name": name, "type": kind, "enabled": true, "syncing": false, "role_id": nil, "enable_emoticons": true, "expire_behavior": 0,
		"expire_grace_period": 7, "user": s.users[g.owner].object(), "account": object{"id": name, "name": name}, "synced_at": stamp(s.now()),
		"subscriber_count": 0, "revoked": false,
	}
	g.integrations = append(g.integrations, o)
	s.emit(event{name: "INTEGRATION_CREATE", guild: g, data: with(o, object{"guild_id": g.id})})
	s.emit(event{name: "GUILD_INTEGRATIONS_UPDATE", guild: g, data: object{"guild_id": g.id}})
	return id, nil
}

func patchWidget(c *call) any {
	g := c.guildNeeds(PermManageGuild)
	widget := with(g.widget, nil)
	c.setBool(widget, "enabled")
	c.setID(widget, "channel_id")
	c.done()
	g.widget = widget
	g.doc = with(g.doc, object{"widget_enabled": widget["enabled"], "widget_channel_id": widget["channel_id"]})
	c.log(g, 1, g.id)
	c.s.emit(event{name: "GUILD_UPDATE", guild: g, data: g.object()})
	return widget
}

func getWidget(c *call) any {
	g := c.s.guild(c.pathID("guild"))
	switch {
	case g == nil:
		refuse(errGuild)
	case !truth(g.widget, "enabled"):
		refuse(errWidgetOff)
	}
	return object{"id": g.id, "name": g.doc["name"], "instant_invite": nil, "channels": []any{}, "members": []any{}, "presence_count": len(g.presences)}
}

func getAuditLog(c *call) any {
	g := c.guildNeeds(PermViewAuditLog)
	limit := c.queryInt("limit", 50, 1, 100)
	action := c.queryInt("action_type", 0, 1, 1000)
	by, before, after := c.queryID("user_id"), c.queryID("before"), c.queryID("after")
	var users []*user
	entries := []any{}
	for _, e := range slices.Backward(g.audit) {
		id, user := e["id"].(ID), e["user_id"].(ID)
		if action != 0 && e["action_type"] != action || by != 0 && user != by || before != 0 && id >= before || id <= after || len(entries) == limit {
			continue
		}
		entries = append(entries, e)
		if u := c.s.users[user]; u != nil && !slices.Contains(users, u) {
			users = append(users, u)
		}
	}
	slices.SortFunc(users, func(a, b *user) int { return cmp.Compare(a.id, b.id) })
	return object{
		"audit_log_entries": entries, "users": list(users, func(u *user) any { return u.object() }), "webhooks": []any{}, "integrations": []any{},
		"guild_scheduled_events": []any{}, "threads": []any{}, "application_commands": []any{}, "auto_moderation_rules": []any{},
	}
}
