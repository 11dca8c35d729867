package fakevk

import (
	"strings"
	"unicode/utf8"
)

func init() {
	register("groups.addCallbackServer", userOrGroup, scopeManage, (*call).groupsAddCallbackServer)
	register("groups.deleteCallbackServer", userOrGroup, scopeManage, (*call).groupsDeleteCallbackServer)
	register("groups.editCallbackServer", userOrGroup, scopeManage, (*call).groupsEditCallbackServer)
	register("groups.getCallbackConfirmationCode", userOrGroup, scopeManage, (*call).groupsGetCallbackConfirmationCode)
	register("groups.getCallbackServers", userOrGroup, scopeManage, (*call).groupsGetCallbackServers)
	register("groups.getCallbackSettings", userOrGroup, scopeManage, (*call).groupsGetCallbackSettings)
	register("groups.setCallbackSettings", userOrGroup, scopeManage, (*call).groupsSetCallbackSettings)
}

// callbackParams reads the settings of a callback server.
func (c *call) callbackParams() (url, title, secret string) {
	c.positive("group_id")
	c.require("url", "title")
	url, title, secret = c.str("url"), c.strMax("title", maxCallbackTitle), c.secretKey
	if utf8.RuneCountInString(secret) > maxCallbackSecret {
		c.abort(invalid("secret_key is too long"))
	}
	if !strings.HasPrefix(url, "http") || !validLink(url) || !utf8.ValidString(url) {
		c.abort(invalid("url is invalid"))
	}
	return url, title, secret
}

// callbackServer returns the server that server_id names.
func (c *call) callbackServer() (*group, *callback) {
	c.positive("group_id")
	g := c.group()
	if !c.has("server_id") {
		c.abort(invalid("server_id is required"))
	}
	cb := g.callback(c.int("server_id"))
	if cb == nil {
		c.abort(fail(codeNotFound))
	}
	return g, cb
}

// groupsAddCallbackServer adds a server and sends it a confirmation request at
// once.
func (c *call) groupsAddCallbackServer() (any, *apiError) {
	url, title, secret := c.callbackParams()
	g := c.group()
	c.rights(g, roleAdministrator)
	if len(g.callbacks) >= maxCallbacks {
		return nil, fail(codeCallbackLimit)
	}
	cb := c.w.newCallback(g, url, title, secret)
	cb.byAPI, cb.creator = true, max(c.token.owner, 0)
	c.w.confirm(cb)
	return map[string]int64{"server_id": cb.id}, nil
}

func (c *call) groupsEditCallbackServer() (any, *apiError) {
	g, cb := c.callbackServer()
	c.rights(g, roleAdministrator)
	cb.url, cb.title, cb.secret = c.callbackParams()
	c.w.confirm(cb)
	return 1, nil
}

func (c *call) groupsDeleteCallbackServer() (any, *apiError) {
	g, cb := c.callbackServer()
	c.rights(g, roleAdministrator)
	c.w.removeCallback(g, cb)
	return 1, nil
}

func (c *call) groupsGetCallbackConfirmationCode() (any, *apiError) {
	c.positive("group_id")
	return map[string]string{"code": c.w.confirmationCode(c.group().spec.ID, true)}, nil
}

func (c *call) groupsGetCallbackServers() (any, *apiError) {
	c.positive("group_id")
	g := c.group()
	c.rights(g, roleAdministrator)
	ids := c.ints("server_ids", maxCallbacks)
	type server struct {
		ID        int64  `json:"id"`
		Title     string `json:"title"`
		CreatorID int64  `json:"creator_id"`
		URL       string `json:"url"`
		SecretKey string `json:"secret_key"`
		Status    string `json:"status"`
	}
	items := []server{}
	add := func(cb *callback) {
		items = append(items, server{cb.id, cb.title, cb.creator, cb.url, cb.secret, cb.status})
	}
	for _, id := range ids {
		if cb := g.callback(id); cb != nil {
			add(cb)
		}
	}
	for _, cb := range g.callbacks {
		if len(ids) == 0 {
			add(cb)
		}
	}
	return map[string]any{"count": len(items), "items": items}, nil
}

func (c *call) groupsGetCallbackSettings() (any, *apiError) {
	_, cb := c.callbackServer()
	return cb.settings(), nil
}

// groupsSetCallbackSettings changes only the settings that the call names.
func (c *call) groupsSetCallbackSettings() (any, *apiError) {
	g, cb := c.callbackServer()
	c.rights(g, roleAdministrator)
	v := cb.version
	if c.has("api_version") {
		v = c.str("api_version")
		if n, ok := parseVersion(v); !ok || n < version5_81 {
			return nil, invalid("api_version is invalid")
		}
	}
	off := make(map[string]bool, len(eventNames))
	for _, e := range eventNames {
		off[e] = cb.off[e]
		if c.has(e) {
			off[e] = !c.bool(e)
		}
	}
	cb.version, cb.off = v, off
	return 1, nil
}
