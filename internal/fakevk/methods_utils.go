package fakevk

import "strings"

func init() {
	register("utils.getServerTime", anyToken, scopeNone, (*call).utilsGetServerTime)
	register("utils.resolveScreenName", anyToken, scopeNone, (*call).utilsResolveScreenName)
}

func (c *call) utilsGetServerTime() (any, *apiError) { return c.w.unix(now()), nil }

// utilsResolveScreenName returns an empty array for an unknown name.
func (c *call) utilsResolveScreenName() (any, *apiError) {
	c.require("screen_name")
	name := c.str("screen_name")
	if a, ok := c.w.apps[strings.ToLower(name)]; ok {
		out := map[string]any{"object_id": a.id, "type": a.kind}
		if a.group != 0 {
			out["group_id"] = a.group
		}
		return out, nil
	}
	owner, ok := c.w.resolve(name)
	if !ok {
		return []int{}, nil
	}
	out := struct {
		ID   int64  `json:"object_id"`
		Type string `json:"type"`
	}{owner, "user"}
	if owner < 0 {
		out.ID, out.Type = -owner, c.w.groups[-owner].spec.Type
	}
	return out, nil
}
