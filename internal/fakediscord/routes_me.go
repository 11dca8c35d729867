package fakediscord

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"
)

func init() {
	on("GET /gateway", func(c *call) any { return object{"url": c.s.gatewayURL(c.host)} }).open = true
	on("GET /gateway/bot", getGatewayBot)
	on("GET /users/@me", func(c *call) any { return c.actor.selfObject() }).oauth = true
	on("PATCH /users/@me", patchMe)
	on("GET /users/{user}", func(c *call) any { return c.user().object() })
	on("GET /users/@me/guilds", getMyGuilds).oauth = true
	on("GET /users/@me/guilds/{guild}/member", func(c *call) any {
		g := c.guild()
		return g.member(c.actor.id).object()
	})
	on("DELETE /users/@me/guilds/{guild}", leaveGuild)
	on("GET /users/@me/channels", func(c *call) any { return []any{} }) // always empty for bots
	on("POST /users/@me/channels", openDM)
	on("GET /users/@me/connections", getConnections).oauth = true
	on("GET /applications/@me", getApplication)
	on("PATCH /applications/@me", patchApplication).before = func(s *Server, r *http.Request, body []byte) error {
		v, _ := decode(body)
		o, _ := v.(object)
		url := text(o, "interactions_endpoint_url")
		if actor, _ := s.authorized(r); actor == nil || url == "" {
			return nil
		}
		return s.verify(r.Context(), &endpoint{url, s.client})
	}
	on("GET /oauth2/applications/@me", getApplication)
	on("GET /voice/regions", func(c *call) any {
		return []any{
			object{"id": "rotterdam", "name": "Rotterdam", "optimal": true, "deprecated": false, "custom": false},
			object{"id": "us-east", "name": "US East", "optimal": false, "deprecated": false, "custom": false},
		}
	})
}

func getGatewayBot(c *call) any {
	s := c.s
	s.started = slices.DeleteFunc(s.started, func(t time.Time) bool { return time.Since(t) >= 24*time.Hour })
	reset := time.Duration(0)
	if len(s.started) > 0 {
		reset = 24*time.Hour - time.Since(s.started[0])
	}
	return object{"url": s.gatewayURL(c.host), "shards": s.cfg.Shards, "session_start_limit": object{
		"total": s.cfg.Identifies, "remaining": max(0, s.cfg.Identifies-len(s.started)), "reset_after": reset.Milliseconds(), "max_concurrency": s.cfg.MaxConcurrency,
	}}
}

func patchMe(c *call) any {
	name, named := c.text("username", 2, 32)
	avatar := c.image("avatar")
	banner := c.image("banner")
	c.done()
	u := c.actor
	if named {
		u.name, u.global = name, name
	}
	c.setImage(&u.avatar, "avatars/"+u.id.String(), avatar)
	c.setImage(&u.banner, "banners/"+u.id.String(), banner)
	if u == c.s.me {
		c.s.emit(event{name: "USER_UPDATE", data: u.selfObject()})
	}
	return u.selfObject()
}

func getMyGuilds(c *call) any {
	limit := c.queryInt("limit", 200, 1, 200)
	before, after := c.queryID("before"), c.queryID("after")
	var mine []*guild
	for _, g := range c.s.guilds {
		if g.member(c.actor.id) != nil && (before == 0 || g.id < before) && g.id > after {
			mine = append(mine, g)
		}
	}
	if before != 0 && len(mine) > limit {
		mine = mine[len(mine)-limit:]
	}
	return list(mine[:min(limit, len(mine))], func(g *guild) any {
		o := object{
			"id": g.id, "name": g.doc["name"], "icon": g.doc["icon"], "banner": g.doc["banner"], "owner": g.owner == c.actor.id,
			"permissions": g.basePermissions(g.member(c.actor.id)), "features": g.doc["features"],
		}
		if c.queryBool("with_counts") {
			o["approximate_member_count"], o["approximate_presence_count"] = len(g.members), len(g.presences)
		}
		return o
	})
}

func leaveGuild(c *call) any {
	g := c.guild()
	if g.owner == c.actor.id {
		refuse(badRequest(50055, "Invalid Guild"))
	}
	c.s.leave(g, g.member(c.actor.id))
	return nil
}

func openDM(c *call) any {
	c.require("recipient_id")
	id, _ := c.id("recipient_id")
	c.done()
	u := c.s.users[id]
	switch {
	case u == nil:
		refuse(errUser)
	case u.bot && c.actor.bot:
		refuse(errNoDM)
	case c.actor.bot:
		return c.s.dm(u).object()
	case u != c.s.me:
		refuse(errNoDM) // the fake has private channels of the bot only
	}
	return c.s.dm(c.actor).object()
}

func getConnections(c *call) any {
	if !c.bearer {
		refuse(errNoBots)
	}
	return list(c.actor.connections, func(o object) any { return o })
}

func getApplication(c *call) any {
	owner := object{"id": ID(1), "username": "developer", "discriminator": "0", "global_name": nil, "avatar": nil, "public_flags": 0}
	var url any
	if c.s.endpoint != nil {
		url = c.s.endpoint.url
	}
	return object{
		"id": c.s.appID, "name": c.s.me.global, "icon": nil, "description": "", "bot_public": true, "bot_require_code_grant": false, "verify_key": c.s.PublicKey(),
		"flags": c.s.flags(), "owner": owner, "team": nil, "bot": c.s.me.object(), "summary": "", "hook": true, "redirect_uris": []any{},
		"interactions_endpoint_url": url, "role_connections_verification_url": nil, "approximate_guild_count": len(c.s.guilds), "type": nil,
		"rpc_origins": []any{},
	}
}

// patchApplication sets where interactions go. The address was checked before.
func patchApplication(c *call) any {
	url, given := c.text("interactions_endpoint_url", 0, 512)
	c.done()
	if refusal := (*Error)(nil); errors.As(c.before, &refusal) {
		refuse(refusal)
	}
	switch {
	case given && url != "":
		c.s.endpoint = &endpoint{url, c.s.client}
	case given, c.null("interactions_endpoint_url"):
		c.s.endpoint = nil
	}
	return getApplication(c)
}

// pathID returns a snowflake of the path.
func (c *call) pathID(name string) ID {
	s := c.params[name]
	if s == "@me" {
		return c.actor.id
	}
	id, ok := ParseID(s)
	if !ok {
		refuse(invalidForm(object{name + "_id": fieldError("NUMBER_TYPE_COERCE", "Value "+strconv.Quote(s)+" is not snowflake.")}))
	}
	return id
}

// queryID returns a snowflake of the query, or 0.
func (c *call) queryID(name string) ID {
	s := c.query.Get(name)
	if s == "" {
		return 0
	}
	id, ok := ParseID(s)
	if !ok {
		refuse(invalidForm(object{name: fieldError("NUMBER_TYPE_COERCE", "Value "+strconv.Quote(s)+" is not snowflake.")}))
	}
	return id
}

// queryInt returns a number of the query from lo to hi.
func (c *call) queryInt(name string, def, lo, hi int) int {
	s := c.query.Get(name)
	if s == "" {
		return def
	}
	f := newForm(object{name: s})
	n, _ := f.int(name, lo, hi)
	f.done()
	return n
}

// queryBool returns a boolean of the query.
func (c *call) queryBool(name string) bool {
	b, _ := strconv.ParseBool(c.query.Get(name))
	return b
}

// user returns the user of the path.
func (c *call) user() *user {
	u := c.s.users[c.pathID("user")]
	if u == nil {
		refuse(errUser)
	}
	return u
}

// guild returns the guild of the path, which the actor must be in.
func (c *call) guild() *guild {
	g := c.s.guild(c.pathID("guild"))
	if g == nil || g.member(c.actor.id) == nil {
		refuse(errGuild)
	}
	if g.unavailable {
		refuse(&Error{Status: 503, Code: 0, Message: "503: Service Unavailable"})
	}
	return g
}

// guildNeeds returns the guild of the path, in which the actor must have
// permissions.
func (c *call) guildNeeds(p Permissions) *guild {
	g := c.guild()
	if !g.basePermissions(g.member(c.actor.id)).Has(p) {
		refuse(errPermissions)
	}
	return g
}

// channel returns the channel of the path, which the actor must be able to see.
func (c *call) channel() *channel {
	ch := c.s.channels[c.pathID("channel")]
	if ch == nil {
		refuse(errChannel)
	}
	if !c.s.permissions(ch, c.actor).Has(PermViewChannel) {
		refuse(errAccess)
	}
	return ch
}

// channelNeeds returns the channel of the path, in which the actor must have
// permissions.
func (c *call) channelNeeds(p Permissions) *channel {
	ch := c.channel()
	c.needs(ch, p)
	return ch
}

// needs refuses a call if its actor lacks permissions. A call with the token of a
// webhook or an interaction in its path needs none.
func (c *call) needs(ch *channel, p Permissions) {
	if _, byToken := c.params["token"]; byToken {
		return
	}
	if !c.s.permissions(ch, c.actor).Has(p) {
		refuse(errPermissions)
	}
}

// message returns the message of the path.
func (c *call) message(ch *channel) *message {
	m := ch.message(c.pathID("message"))
	if m == nil {
		refuse(errMessage)
	}
	return m
}
