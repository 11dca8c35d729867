package fakevk

func init() {
	register("groups.editManager", userToken, scopeManage, (*call).groupsEditManager)
	register("groups.getMembers", anyToken, scopeNone, (*call).groupsGetMembers)
	register("groups.isMember", anyToken, scopeNone, (*call).groupsIsMember)
	register("groups.join", userToken, scopeNone, (*call).groupsJoin)
	register("groups.leave", userToken, scopeNone, (*call).groupsLeave)
	register("groups.removeUser", userToken, scopeManage, (*call).groupsRemoveUser)
}

const (
	maxMembers  = 1000
	maxOfficers = 100
)

// rights ends the call unless the token may act for the community with at least
// a role. A community's own token has every role, in the methods that accept
// its kind.
func (c *call) rights(g *group, least groupRole) {
	if c.token.owner == -g.spec.ID || c.token.kind == userToken && g.may(c.token.owner, least) {
		return
	}
	word := "moderator"
	switch {
	case least >= roleAdministrator:
		word = "admin"
	case least == roleEditor:
		word = "editor"
	}
	c.abort(fail(codeAccess, "you should be group %s", word))
}

// namedGroup returns the community that group_id names by id or screen name.
func (c *call) namedGroup() *group {
	c.require("group_id")
	g := c.w.findGroup(c.str("group_id"))
	if g == nil {
		c.abort(fail(codeGroupID))
	}
	return g
}

// memberIDs returns the ids that groups.getMembers lists. The filter managers,
// and the order by time, are for managers only. The filters friends, unsure and
// donut return nothing.
func (c *call) memberIDs(g *group, filter string) []int64 {
	sort := c.oneOf("sort", "id_asc", "id_desc", "time_asc", "time_desc")
	if filter == "managers" || sort[:4] == "time" {
		c.rights(g, roleModerator)
	}
	ids := []int64{}
	for _, id := range g.list(sort) {
		if c.w.users[id] == nil {
			continue // the spec named a user who was never added
		}
		switch filter {
		case "":
			ids = append(ids, id)
		case "managers":
			if g.may(id, roleModerator) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

func (c *call) groupsGetMembers() (any, *apiError) {
	var g *group
	if !c.has("group_id") && c.token.kind == groupToken {
		g = c.w.groups[-c.token.owner]
	} else {
		g = c.namedGroup()
	}
	filter := ""
	if c.has("filter") {
		filter = c.oneOf("filter", "managers", "friends", "unsure", "donut")
	}
	offset := c.intIn("offset", 0, 0, 1<<31)
	count := c.intIn("count", maxMembers, 0, maxMembers)
	fields := c.list("fields", 1000)
	ids := c.memberIDs(g, filter)
	total := len(ids)
	ids = page(ids, offset, count)
	var items any = ids
	if len(fields) > 0 || filter == "managers" {
		list := []map[string]any{}
		for _, id := range ids {
			item := map[string]any{"id": id}
			if len(fields) > 0 {
				item = c.w.users[id].wire(fields, "nom")
			}
			if filter == "managers" {
				item["role"] = g.members[id].role.String()
			}
			list = append(list, item)
		}
		items = list
	}
	return map[string]any{"count": total, "items": items}, nil
}

// groupsIsMember has four forms of response: for one user or several, each
// plain or extended.
func (c *call) groupsIsMember() (any, *apiError) {
	c.require("group_id")
	g := c.w.findGroup(c.str("group_id"))
	if g == nil {
		return nil, invalid("group_id is undefined")
	}
	extended := c.bool("extended")
	status := func(user int64) map[string]any {
		out := map[string]any{"member": boolInt(g.members[user] != nil)}
		if extended {
			for _, k := range []string{"request", "invitation", "can_invite", "can_recall"} {
				out[k] = 0
			}
		}
		return out
	}
	if c.has("user_ids") {
		list := []map[string]any{}
		for _, id := range c.ints("user_ids", 500) {
			item := status(id)
			item["user_id"] = id
			list = append(list, item)
		}
		return list, nil
	}
	user := c.int("user_id")
	if user == 0 && c.token.kind == userToken {
		user = c.token.owner
	}
	if user <= 0 {
		return nil, invalid("user_id is undefined")
	}
	if extended {
		return status(user), nil
	}
	return boolInt(g.members[user] != nil), nil
}

// groupsEditManager assigns a role, or removes it if none is given. The creator
// keeps the creator's role.
func (c *call) groupsEditManager() (any, *apiError) {
	c.positive("group_id")
	user := c.positive("user_id")
	g := c.group()
	c.rights(g, roleAdministrator)
	role := roleNone
	if c.has("role") {
		role, _ = parseRole(c.oneOf("role", "moderator", "editor", "administrator"))
	}
	switch {
	case c.w.users[user] == nil:
		return nil, fail(codeUserID)
	case g.members[user] == nil:
		return nil, fail(codeNotInClub)
	case g.may(user, roleCreator):
		return nil, fail(codeCreatorRole)
	}
	if role != roleNone && g.members[user].role == roleNone && g.officers() >= maxOfficers {
		return nil, fail(codeManyOfficers)
	}
	c.w.setRole(g, c.token.owner, user, role)
	return 1, nil
}

func (g *group) officers() int {
	n := 0
	for _, m := range g.members {
		if m.role > roleNone {
			n++
		}
	}
	return n
}

func (c *call) groupsJoin() (any, *apiError) {
	g, err := c.anyGroup()
	if err != nil {
		return nil, err
	}
	user := c.token.owner
	switch {
	case c.w.isBanned(g, user):
		return nil, fail(codeAccess, "you are in users blacklist")
	case g.members[user] != nil:
		return nil, fail(codeAccess, "you are already in this community")
	}
	c.w.join(g, user)
	return 1, nil
}

// groupsLeave also succeeds for users who are not members. A creator cannot
// leave.
func (c *call) groupsLeave() (any, *apiError) {
	g, err := c.anyGroup()
	if err != nil {
		return nil, err
	}
	user := c.token.owner
	if g.may(user, roleCreator) {
		return nil, fail(codeCreatorRole)
	}
	if g.members[user] != nil {
		c.w.leave(g, user, true)
	}
	return 1, nil
}

func (c *call) groupsRemoveUser() (any, *apiError) {
	c.positive("group_id")
	user := c.positive("user_id")
	g := c.group()
	c.rights(g, roleModerator)
	m := g.members[user]
	switch {
	case m == nil:
		return nil, fail(codeNotInClub)
	case m.role >= g.members[c.token.owner].role:
		return nil, fail(codeAccess, "this user is a group %s", m.role)
	}
	c.w.leave(g, user, false)
	return 1, nil
}
