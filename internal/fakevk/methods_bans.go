package fakevk

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

func init() {
	register("groups.ban", userToken, scopeManage, (*call).groupsBan)
	register("groups.getBanned", userOrGroup, scopeManage, (*call).groupsGetBanned)
	register("groups.unban", userToken, scopeManage, (*call).groupsUnban)
}

const (
	maxBanned     = 200 // per call
	maxBanReason  = 4
	maxBanComment = 255
)

// groupsBan adds a user or, with a negative owner_id, a community to the
// blacklist. The managers of the community cannot be banned. Older clients send
// user_id.
func (c *call) groupsBan() (any, *apiError) {
	c.positive("group_id")
	g := c.group()
	c.rights(g, roleModerator)
	who := c.banned()
	b := ban{
		admin:   c.token.owner,
		reason:  int(c.intIn("reason", 0, 0, maxBanReason)),
		comment: c.strMax("comment", maxBanComment),
		visible: c.bool("comment_visible"),
	}
	if end := c.intIn("end_date", 0, 0, 1<<40); end != 0 {
		if b.end = time.Unix(end, 0); !now().Before(b.end) {
			return nil, invalid("end_date should be in the future")
		}
	}
	switch {
	case !c.w.exists(who):
		return nil, fail(codeUserID)
	case g.may(who, roleModerator):
		return nil, fail(codeAccess, "can't ban group officer")
	}
	c.w.block(g, who, b)
	return 1, nil
}

// banned returns the id that a call about the blacklist names.
func (c *call) banned() int64 {
	name := "owner_id"
	if !c.has(name) && c.has("user_id") {
		name = "user_id"
	}
	c.require(name)
	return c.int(name)
}

func (c *call) groupsUnban() (any, *apiError) {
	c.positive("group_id")
	g := c.group()
	c.rights(g, roleModerator)
	who := c.banned()
	if !c.w.isBanned(g, who) {
		return nil, fail(codeNotFound)
	}
	c.w.unblock(g, who, c.token.owner, false)
	return 1, nil
}

// groupsGetBanned returns the blacklist, newest first. With owner_id it returns
// only that entry, or error 104 if the id is not on the list.
func (c *call) groupsGetBanned() (any, *apiError) {
	c.positive("group_id")
	g := c.group()
	c.rights(g, roleModerator)
	offset := c.intIn("offset", 0, 0, 1<<31)
	count := c.intIn("count", 20, 0, maxBanned)
	fields := c.list("fields", 1000)
	var ids []int64
	for _, id := range slices.Sorted(maps.Keys(g.banned)) {
		if c.w.exists(id) && c.w.isBanned(g, id) {
			ids = append(ids, id)
		}
	}
	slices.SortStableFunc(ids, func(a, b int64) int { return g.banned[b].date.Compare(g.banned[a].date) })
	total := len(ids)
	if c.has("owner_id") {
		who := c.int("owner_id")
		if !slices.Contains(ids, who) {
			return nil, fail(codeNotFound)
		}
		ids, total = []int64{who}, 1
	}
	items := []map[string]any{}
	for _, id := range page(ids, offset, count) {
		items = append(items, c.w.banItem(g, id, fields))
	}
	return map[string]any{"count": total, "items": items}, nil
}

func (w *World) banItem(g *group, id int64, fields []string) map[string]any {
	b := g.banned[id]
	info := map[string]any{
		"date": w.unix(b.date), "end_date": w.unix(b.end), "reason": b.reason,
		"comment": b.comment, "comment_visible": b.visible,
	}
	if admin := cmp.Or(b.admin, g.spec.Creator); admin != 0 {
		info["admin_id"] = admin
	}
	if id < 0 {
		return map[string]any{"type": "group", "group": w.groups[-id].wire(fields), "ban_info": info}
	}
	return map[string]any{"type": "profile", "profile": w.users[id].wire(fields, "nom"), "ban_info": info}
}
