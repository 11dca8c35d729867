package fakediscord

import (
	"cmp"
	"slices"
	"strconv"
)

func init() {
	on("GET /guilds/{guild}/roles", func(c *call) any { return roleList(c.guild()) })
	on("GET /guilds/{guild}/roles/{role}", func(c *call) any { return c.role(c.guild()).object() })
	on("POST /guilds/{guild}/roles", createRole)
	on("PATCH /guilds/{guild}/roles", moveRoles)
	on("PATCH /guilds/{guild}/roles/{role}", patchRole)
	on("DELETE /guilds/{guild}/roles/{role}", deleteRole)
}

func roleList(g *guild) any {
	return list(g.roles, func(r *role) any { return r.object() })
}

// role returns the role of the path.
func (c *call) role(g *guild) *role {
	r := g.role(c.pathID("role"))
	if r == nil {
		refuse(errRole)
	}
	return r
}

// roleFields copies the fields of a role.
func (c *call) roleFields(g *guild, r *role) *role {
	changed := *r
	changed.doc = with(r.doc, nil)
	if s, ok := c.text("name", 1, 100); ok {
		changed.doc["name"] = s
	}
	if n, ok := c.int("color", 0, 1<<24-1); ok {
		changed.doc["color"] = n
		changed.doc["colors"] = object{"primary_color": n, "secondary_color": nil, "tertiary_color": nil}
	}
	c.setBool(changed.doc, "hoist")
	c.setBool(changed.doc, "mentionable")
	p, ok := c.bits("permissions")
	c.done()
	if ok {
		if !g.basePermissions(g.member(c.actor.id)).Has(p &^ r.permissions) {
			refuse(errPermissions) // nobody gives permissions that they lack
		}
		changed.permissions = p & allPermissions
	}
	return &changed
}

func (s *Server) emitRole(name string, g *guild, r *role) {
	s.emit(event{name: name, guild: g, data: object{"guild_id": g.id, "role": r.object()}})
}

func createRole(c *call) any {
	g := c.guildNeeds(PermManageRoles)
	everyone := g.roles[0].permissions
	r := c.roleFields(g, newRole(0, "new role", everyone, 1))
	r.id = c.s.newID()
	for _, other := range g.roles[1:] {
		other.position++
	}
	g.roles = append(g.roles, r)
	g.sortRoles()
	c.log(g, 30, r.id, made(object{"name": r.doc["name"], "permissions": r.permissions}))
	c.s.emitRole("GUILD_ROLE_CREATE", g, r)
	return r.object()
}

// sortRoles sorts by position; @everyone stays the first.
func (g *guild) sortRoles() {
	slices.SortStableFunc(g.roles, func(a, b *role) int { return cmp.Compare(a.position, b.position) })
}

func moveRoles(c *call) any {
	g := c.guildNeeds(PermManageRoles)
	to := make(map[*role]int)
	l, _ := c.list("", 0, 250)
	for i, v := range l {
		f, ok := c.model(strconv.Itoa(i), v)
		if !ok {
			continue
		}
		id, _ := f.id("id")
		n, given := f.int("position", 0, 250)
		r := g.role(id)
		if r == nil {
			f.fail("id", "ROLE_INVALID", "Unknown role")
		} else if given && r.position != n && r.id != g.id {
			to[r] = n
		}
	}
	c.done()
	top := g.top(c.actor.id)
	for r, n := range to {
		if r.position >= top || n >= top {
			refuse(errPermissions)
		}
	}
	for r, n := range to {
		r.position = n
	}
	g.sortRoles()
	for _, r := range g.roles {
		if _, moved := to[r]; moved {
			c.s.emitRole("GUILD_ROLE_UPDATE", g, r)
		}
	}
	return roleList(g)
}

func patchRole(c *call) any {
	g := c.guildNeeds(PermManageRoles)
	r := c.role(g)
	if r.position >= g.top(c.actor.id) && r.id != g.id {
		refuse(errPermissions)
	}
	*r = *c.roleFields(g, r)
	c.log(g, 31, r.id)
	c.s.emitRole("GUILD_ROLE_UPDATE", g, r)
	return r.object()
}

func deleteRole(c *call) any {
	g := c.guildNeeds(PermManageRoles)
	r := c.role(g)
	switch {
	case r.id == g.id:
		refuse(errInvalidRole)
	case truth(r.doc, "managed"), r.position >= g.top(c.actor.id):
		refuse(errPermissions)
	}
	g.roles = slices.DeleteFunc(g.roles, func(x *role) bool { return x == r })
	c.log(g, 32, r.id, gone(object{"name": r.doc["name"], "permissions": r.permissions}))
	c.s.emit(event{name: "GUILD_ROLE_DELETE", guild: g, data: object{"guild_id": g.id, "role_id": r.id}})
	for _, m := range g.members {
		if m.has(r.id) {
			m.roles = slices.DeleteFunc(slices.Clone(m.roles), func(id ID) bool { return id == r.id })
			c.s.emitMember(g, m)
		}
	}
	return nil
}

// AddRole adds a role to a guild as its owner does, gives it to members and
// returns its ID.
func (s *Server) AddRole(guild ID, name string, p Permissions, members ...ID) (ID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.guild(guild)
	if g == nil {
		return 0, errGuild
	}
	for _, id := range members {
		if g.member(id) == nil {
			return 0, errMember
		}
	}
	r := newRole(s.newID(), name, p, 1)
	for _, other := range g.roles[1:] {
		other.position++
	}
	g.roles = append(g.roles, r)
	g.sortRoles()
	s.emitRole("GUILD_ROLE_CREATE", g, r)
	for _, id := range members {
		m := g.member(id)
		m.roles = append(m.roles, r.id)
		s.emitMember(g, m)
	}
	return r.id, nil
}
