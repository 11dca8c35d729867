package fakediscord

import (
	"fmt"
	"slices"
	"strings"
)

// requestMembers handles op 8: members of a guild come in chunks of 1,000.
func (c *conn) requestMembers(d object) {
	s := c.s
	id, _ := idOf(d["guild_id"])
	g := s.guild(id)
	if g == nil || g.member(s.me.id) == nil || !c.session.concerns(g) {
		return
	}
	nonce := text(d, "nonce")
	query, hasQuery := d["query"].(string)
	ids, hasIDs := d["user_ids"].([]any)
	if one, ok := idOf(d["user_ids"]); ok {
		ids, hasIDs = []any{one}, true
	}
	limit := number(d, "limit")
	switch {
	case hasQuery == hasIDs, len(ids) > 100, hasQuery && (limit < 0 || query != "" && (limit == 0 || limit > 100)):
		c.closeWith(4002, "Error while decoding payload.")
		return
	case hasQuery && query == "" && limit == 0 && !c.session.intents.Has(IntentMembers):
		c.closeWith(4014, "Disallowed intent(s).")
		return
	case truth(d, "presences") && !c.session.intents.Has(IntentPresences):
		c.closeWith(4014, "Disallowed intent(s).")
		return
	}
	if s.busy > 0 {
		s.busy--
		c.session.dispatch(s, "RATE_LIMITED", object{
			"opcode": opMembers, "retry_after": s.busyFor.Seconds(), "meta": object{"guild_id": g.id, "nonce": nonce},
		})
		return
	}
	var found []*member
	missing := []any{}
	for _, m := range g.members {
		if hasQuery && matches(m, query) && (limit == 0 || len(found) < limit) {
			found = append(found, m)
		}
	}
	for _, v := range ids {
		id, _ := idOf(v)
		if m := g.member(id); m != nil {
			found = append(found, m)
		} else {
			missing = append(missing, v)
		}
	}
	c.session.chunks(s, g, found, missing, nonce, truth(d, "presences"))
}

// requestSounds handles op 31: each guild has no sounds.
func (c *conn) requestSounds(d object) {
	guilds, _ := d["guild_ids"].([]any)
	for _, v := range guilds {
		id, _ := idOf(v)
		if g := c.s.guild(id); g != nil && g.member(c.s.me.id) != nil && c.session.concerns(g) {
			c.session.dispatch(c.s, "SOUNDBOARD_SOUNDS", object{"guild_id": g.id, "soundboard_sounds": []any{}})
		}
	}
}

// matches reports whether a name of a member begins with the query.
func matches(m *member, query string) bool {
	return slices.ContainsFunc([]string{m.user.name, m.user.global, m.nick}, func(name string) bool {
		return len(name) >= len(query) && strings.EqualFold(name[:len(query)], query)
	})
}

// chunks sends GUILD_MEMBERS_CHUNK as often as needed.
func (sess *session) chunks(s *Server, g *guild, found []*member, missing []any, nonce string, presences bool) {
	const size = 1000
	count := max(1, (len(found)+size-1)/size)
	for i := range count {
		part := found[i*size : min(len(found), (i+1)*size)]
		data := object{
			"guild_id": g.id, "members": list(part, func(m *member) any { return m.object() }), "chunk_index": i, "chunk_count": count,
		}
		if len(missing) > 0 && i == 0 {
			data["not_found"] = missing
		}
		if nonce != "" {
			data["nonce"] = nonce
		}
		if presences {
			shown := []any{}
			for _, m := range part {
				if p := g.presences[m.user.id]; p != nil {
					shown = append(shown, p)
				}
			}
			data["presences"] = shown
		}
		sess.dispatch(s, "GUILD_MEMBERS_CHUNK", data)
	}
}

// AddMembers adds people with the names prefix1, prefix2, … to a guild and
// returns their IDs.
func (s *Server) AddMembers(guild ID, prefix string, n int) []ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.guild(guild)
	if g == nil {
		panic("fakediscord: no guild " + guild.String())
	}
	ids := make([]ID, 0, n)
	for i := range n {
		u := s.addUser(fmt.Sprintf("%s%d", prefix, i+1))
		s.join(g, u)
		ids = append(ids, u.id)
	}
	return ids
}
