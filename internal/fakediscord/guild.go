package fakediscord

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// A guild is a server in the words of users.
type guild struct {
	id           ID
	owner        ID
	doc          object // name, icon and the rest that has no meaning here
	roles        []*role
	channels     []*channel // without threads
	threads      []*channel
	members      []*member // in the order of user IDs
	byUser       map[ID]*member
	bans         []ban
	emojis       []*emoji
	integrations []object
	voices       []*voiceState
	presences    map[ID]object
	widget       object
	audit        []object
	unavailable  bool
	joined       time.Time // of the bot
}

type role struct {
	id          ID
	permissions Permissions
	position    int
	doc         object
}

type member struct {
	user       *user
	nick       string
	roles      []ID
	joined     time.Time
	deaf, mute bool
	timeout    time.Time
	flags      int
}

type ban struct {
	user   *user
	reason string
}

// sorted returns the values of a map by ID.
func sorted[T any](m map[ID]T) []T {
	out := make([]T, 0, len(m))
	for _, id := range slices.Sorted(maps.Keys(m)) {
		out = append(out, m[id])
	}
	return out
}

// has reports whether the member has a role.
func (m *member) has(role ID) bool { return slices.Contains(m.roles, role) }

// member returns a member, or nil.
func (g *guild) member(u ID) *member { return g.byUser[u] }

func (g *guild) role(id ID) *role {
	for _, r := range g.roles {
		if r.id == id {
			return r
		}
	}
	return nil
}

// object returns the member with its user.
func (m *member) object() object { return with(m.partial(), object{"user": m.user.object()}) }

// partial returns the member as it is in messages, without its user.
func (m *member) partial() object {
	return object{
		"nick": orNil(m.nick), "avatar": nil, "banner": nil, "roles": list(m.roles, func(id ID) any { return id }),
		"joined_at": stamp(m.joined), "premium_since": nil, "deaf": m.deaf, "mute": m.mute, "flags": m.flags, "pending": false,
		"communication_disabled_until": stamp(m.timeout), "avatar_decoration_data": nil,
	}
}

func (r *role) object() object {
	return with(r.doc, object{"id": r.id, "permissions": r.permissions, "position": r.position})
}

func newRole(id ID, name string, p Permissions, position int) *role {
	return &role{id: id, permissions: p, position: position, doc: object{
		"name": name, "color": 0, "colors": object{"primary_color": 0, "secondary_color": nil, "tertiary_color": nil}, "hoist": false, "managed": false,
		"mentionable": false, "icon": nil, "unicode_emoji": nil, "flags": 0,
	}}
}

// object returns the guild as GET /guilds/{id} does.
func (g *guild) object() object {
	return with(g.doc, object{
		"id": g.id, "owner_id": g.owner,
		"roles":  list(g.roles, func(r *role) any { return r.object() }),
		"emojis": list(g.emojis, func(e *emoji) any { return e.object() }),
	})
}

// createObject returns the guild as in GUILD_CREATE. The members and presences
// are all only if the session has the intent for presences and the guild is
// small, else those of the bot and of users in voice channels.
func (s *Server) createObject(g *guild, sess *session) object {
	if g.unavailable {
		return object{"id": g.id, "unavailable": true}
	}
	all := sess.intents.Has(IntentPresences) && len(g.members) <= sess.threshold
	members, presences := []any{}, []any{}
	for _, m := range g.members {
		if all || m.user == s.me || g.voice(m.user.id) != nil {
			members = append(members, m.object())
		}
		if p := g.presences[m.user.id]; p != nil && all {
			presences = append(presences, p)
		}
	}
	without := func(o object) object { delete(o, "guild_id"); return o }
	return with(g.object(), object{
		"joined_at": stamp(g.joined), "large": len(g.members) > sess.threshold, "unavailable": false, "member_count": len(g.members),
		"voice_states": list(g.voices, func(v *voiceState) any { return without(v.object()) }),
		"members":      members,
		"channels":     list(g.channels, func(c *channel) any { return without(c.object()) }),
		"threads":      list(g.threads, func(c *channel) any { return c.object() }),
		"presences":    presences, "stage_instances": []any{}, "guild_scheduled_events": []any{}, "soundboard_sounds": []any{},
	})
}

// AddGuild adds a guild of an owner, with the role @everyone, a text channel
// called general, and the bot with a role called Bot.
func (s *Server) AddGuild(name string, owner ID) ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.touch()
	g := s.newGuild(name, s.mustUser(owner))
	s.addChannel(g, 0, "general")
	s.addBot(g)
	return g.id
}

func (s *Server) newGuild(name string, owner *user) *guild {
	g := &guild{id: s.newID(), owner: owner.id, byUser: make(map[ID]*member), presences: make(map[ID]object), doc: object{
		"name": name, "icon": nil, "icon_hash": nil, "splash": nil, "discovery_splash": nil, "banner": nil, "description": nil, "home_header": nil,
		"region": "deprecated", "afk_channel_id": nil, "afk_timeout": 300, "system_channel_id": nil, "system_channel_flags": 0,
		"widget_enabled": false, "widget_channel_id": nil, "verification_level": 0, "default_message_notifications": 0,
		"explicit_content_filter": 0, "mfa_level": 0, "features": []any{}, "application_id": nil, "rules_channel_id": nil,
		"public_updates_channel_id": nil, "safety_alerts_channel_id": nil, "preferred_locale": "en-US", "vanity_url_code": nil, "premium_tier": 0,
		"premium_subscription_count": 0, "premium_progress_bar_enabled": false, "nsfw": false, "nsfw_level": 0, "stickers": []any{},
		"max_members": 500000, "max_presences": nil, "max_video_channel_users": 25, "max_stage_video_channel_users": 50,
		"hub_type": nil, "incidents_data": nil, "latest_onboarding_question_id": nil, "inventory_settings": nil,
	}, widget: object{"enabled": false, "channel_id": nil}}
	g.roles = []*role{newRole(g.id, "@everyone", everyonePermissions, 0)}
	s.guilds = append(s.guilds, g)
	s.join(g, owner)
	return g
}

// addBot adds the bot to a guild, as its invitation does.
func (s *Server) addBot(g *guild) {
	r := newRole(s.newID(), "Bot", s.cfg.BotPermissions, len(g.roles))
	r.doc["managed"] = true
	r.doc["tags"] = object{"bot_id": s.me.id}
	g.roles = append(g.roles, r)
	g.integrations = append(g.integrations, s.botIntegration())
	g.joined = s.now()
	s.join(g, s.me).roles = []ID{r.id}
	for _, sess := range s.sorted() {
		if sess.concerns(g) {
			sess.guildCreate(s, g)
		}
	}
}

// AddBot adds the bot to a guild that it has left.
func (s *Server) AddBot(guild ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.guild(guild)
	switch {
	case g == nil:
		return errGuild
	case g.member(s.me.id) != nil:
		return nil
	}
	s.addBot(g)
	s.touch()
	return nil
}

// guild returns a guild, or nil.
func (s *Server) guild(id ID) *guild {
	for _, g := range s.guilds {
		if g.id == id {
			return g
		}
	}
	return nil
}

// join makes a user a member.
func (s *Server) join(g *guild, u *user) *member {
	m := &member{user: u, joined: s.now()}
	i, _ := slices.BinarySearchFunc(g.members, u.id, func(m *member, id ID) int { return cmp.Compare(m.user.id, id) })
	g.members = slices.Insert(g.members, i, m)
	g.byUser[u.id] = m
	if u != s.me {
		s.emit(event{name: "GUILD_MEMBER_ADD", guild: g, data: with(m.object(), object{"guild_id": g.id})})
	}
	return m
}

// Join makes a person a member of a guild, as an invitation does. It reports an
// error if the person is banned.
func (s *Server) Join(guild, person ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, u := s.guild(guild), s.mustUser(person)
	switch {
	case g == nil:
		return errGuild
	case g.banned(person):
		return errBanned
	case g.member(person) != nil:
		return nil
	}
	s.join(g, u)
	s.touch()
	return nil
}

func (g *guild) banned(u ID) bool {
	return slices.ContainsFunc(g.bans, func(b ban) bool { return b.user.id == u })
}

// leave ends a membership: the member left, was removed or was banned.
func (s *Server) leave(g *guild, m *member) {
	if v := g.voice(m.user.id); v != nil {
		s.moveVoice(g, m, nil)
	}
	delete(g.byUser, m.user.id)
	delete(g.presences, m.user.id)
	g.members = slices.DeleteFunc(g.members, func(x *member) bool { return x == m })
	if m.user != s.me {
		s.emit(event{name: "GUILD_MEMBER_REMOVE", guild: g, data: object{"guild_id": g.id, "user": m.user.object()}})
		return
	}
	g.roles = slices.DeleteFunc(g.roles, func(r *role) bool { return m.has(r.id) && truth(r.doc, "managed") })
	g.integrations = slices.DeleteFunc(g.integrations, func(o object) bool { return o["id"] == s.appID })
	for _, sess := range s.sorted() {
		if sess.concerns(g) && sess.intents.Has(IntentGuilds) {
			sess.dispatch(s, "GUILD_DELETE", object{"id": g.id})
		}
	}
}

// Outage makes a guild unavailable, or available again.
func (s *Server) Outage(guild ID, down bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.guild(guild)
	if g == nil {
		return errGuild
	}
	if g.unavailable == down {
		return nil
	}
	g.unavailable = down
	for _, sess := range s.sorted() {
		switch {
		case !sess.concerns(g):
		case !down:
			sess.guildCreate(s, g)
		case sess.intents.Has(IntentGuilds):
			sess.dispatch(s, "GUILD_DELETE", object{"id": g.id, "unavailable": true})
		}
	}
	s.touch()
	return nil
}

// botIntegration returns the integration that the bot itself is.
func (s *Server) botIntegration() object {
	return object{
		"id": s.appID, "name": "Bot", "type": "discord", "enabled": true, "account": object{"id": s.appID.String(), "name": "Bot"},
		"application": object{"id": s.appID, "name": "Bot", "icon": nil, "description": "", "summary": "", "bot": s.me.object()}, "scopes": []any{"bot"},
	}
}
