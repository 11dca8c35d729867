package fakevk

import "fmt"

func init() {
	register("groups.getById", anyToken, scopeNone, (*call).groupsGetByID)
	register("groups.getLongPollServer", userOrGroup, scopeNone, (*call).groupsGetLongPollServer)
	register("groups.getLongPollSettings", userOrGroup, scopeNone, (*call).groupsGetLongPollSettings)
	register("groups.getTokenPermissions", groupToken, scopeNone, (*call).groupsGetTokenPermissions)
	register("groups.setLongPollSettings", userOrGroup, scopeManage, (*call).groupsSetLongPollSettings)
}

const maxGroupIDs = 500

// groupsGetByID without ids returns the token's community. From 5.139 on, the
// list is wrapped in an object.
func (c *call) groupsGetByID() (any, *apiError) {
	ids := c.list("group_ids", maxGroupIDs)
	if c.has("group_id") {
		ids = append(ids, c.str("group_id"))
	}
	if len(ids) == 0 {
		if c.token.kind != groupToken {
			return nil, invalid("group_ids is undefined")
		}
		ids = []string{fmt.Sprint(-c.token.owner)}
	}
	fields := c.list("fields", 1000)
	out := []map[string]any{}
	for _, s := range ids {
		if g := c.w.findGroup(s); g != nil {
			out = append(out, g.wire(fields))
		}
	}
	if len(out) == 0 {
		return nil, invalid("group_ids is undefined")
	}
	if c.version < version5_139 {
		return out, nil
	}
	return map[string]any{"groups": out, "profiles": []int{}}, nil
}

// findGroup accepts an id or a screen name.
func (w *World) findGroup(s string) *group {
	if id, err := parseID(s); err == nil {
		return w.groups[id]
	}
	owner, _ := w.resolve(s)
	return w.groups[-owner]
}

// wire returns the community with the base fields and the requested ones.
func (g *group) wire(fields []string) map[string]any {
	s := &g.spec
	out := map[string]any{
		"id": s.ID, "name": s.Name, "screen_name": s.ScreenName, "is_closed": 0, "type": s.Type,
	}
	for _, size := range []int{50, 100, 200} {
		out[fmt.Sprintf("photo_%d", size)] = fmt.Sprintf("https://sun9-1.userapi.com/g%d_%d.jpg", size, s.ID)
	}
	for _, f := range fields {
		if v, ok := s.Fields[f]; ok {
			out[f] = v
		}
	}
	return out
}

func (c *call) groupsGetTokenPermissions() (any, *apiError) {
	type permission struct {
		Name    string `json:"name"`
		Setting scope  `json:"setting"`
	}
	list := []permission{}
	for _, s := range scopes {
		if c.token.scope&s.scope != 0 {
			list = append(list, permission{s.name, s.scope})
		}
	}
	return map[string]any{"mask": c.token.scope, "permissions": list}, nil
}

func (c *call) groupsGetLongPollServer() (any, *apiError) {
	c.positive("group_id")
	l := &c.group().lp
	if !l.enabled {
		return nil, invalid("longpoll for this group is not enabled")
	}
	c.w.lastSecret++
	key := c.w.hex(40, "key", c.w.lastSecret)
	l.issue(key)
	return map[string]string{
		"key":    key,
		"server": fmt.Sprintf("%s/lp/%d", c.baseURL, l.group),
		"ts":     fmt.Sprint(l.head),
	}, nil
}

func (c *call) groupsGetLongPollSettings() (any, *apiError) {
	c.positive("group_id")
	l := &c.group().lp
	events := make(map[string]int, len(eventNames))
	for _, e := range eventNames {
		events[e] = boolInt(!l.off[e])
	}
	return map[string]any{"api_version": l.version, "is_enabled": l.enabled, "events": events}, nil
}

// groupsSetLongPollSettings changes only the settings that the call names.
func (c *call) groupsSetLongPollSettings() (any, *apiError) {
	c.positive("group_id")
	g := c.group()
	c.rights(g, roleAdministrator)
	l := &g.lp
	v := l.version
	if c.has("api_version") {
		v = c.str("api_version")
		if n, ok := parseVersion(v); !ok || n < version5_81 {
			return nil, invalid("api_version is invalid")
		}
	}
	enabled := l.enabled
	if c.has("enabled") {
		enabled = c.bool("enabled")
	}
	off := make(map[string]bool)
	for _, e := range eventNames {
		off[e] = l.off[e]
		if c.has(e) {
			off[e] = !c.bool(e)
		}
	}
	l.version, l.enabled, l.off = v, enabled, off
	l.notify()
	return 1, nil
}
