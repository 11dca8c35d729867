package fakediscord

import "time"

// An emoji is one of a guild's own.
type emoji struct {
	id       ID
	name     string
	animated bool
	roles    []ID
	user     *user
}

func (e *emoji) object() object {
	return object{
		"id": e.id, "name": e.name, "roles": list(e.roles, func(id ID) any { return id }), "user": e.user.object(),
		"require_colons": true, "managed": false, "animated": e.animated, "available": true,
	}
}

// An invite leads people to a channel.
type invite struct {
	code      string
	channel   *channel
	inviter   *user
	created   time.Time
	maxAge    int
	maxUses   int
	uses      int
	temporary bool
	until     time.Time // zero if it lasts for ever
}

func (i *invite) object() object {
	g := i.channel.guild
	return object{
		"type": 0, "code": i.code, "expires_at": stamp(i.until), "flags": 0, "inviter": i.inviter.object(), "guild_id": g.id,
		"guild": object{"id": g.id, "name": g.doc["name"], "splash": g.doc["splash"], "banner": nil, "description": nil, "icon": g.doc["icon"],
			"features": []any{}, "verification_level": g.doc["verification_level"], "vanity_url_code": nil, "nsfw_level": 0, "nsfw": false, "premium_subscription_count": 0},
		"channel": object{"id": i.channel.id, "type": i.channel.kind, "name": i.channel.doc["name"]},
	}
}

// metadata returns the invite with its counts.
func (i *invite) metadata() object {
	return with(i.object(), object{"uses": i.uses, "max_uses": i.maxUses, "max_age": i.maxAge, "temporary": i.temporary, "created_at": stamp(i.created)})
}

// A webhook posts messages to a channel without a bot.
type webhook struct {
	id      ID
	channel *channel
	creator *user
	name    string
	avatar  string
	token   string
}

func (w *webhook) object(s *Server, withUser bool) object {
	o := object{
		"id": w.id, "type": 1, "guild_id": w.channel.guild.id, "channel_id": w.channel.id, "name": w.name, "avatar": orNil(w.avatar),
		"token": w.token, "application_id": nil, "url": s.base + "/api/webhooks/" + w.id.String() + "/" + w.token,
	}
	if w.creator.bot {
		o["application_id"] = s.appID
	}
	if withUser {
		o["user"] = w.creator.object()
	}
	return o
}
