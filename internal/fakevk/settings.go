package fakevk

import (
	"maps"
	"slices"
	"strings"
)

func init() {
	register("groups.disableOnline", userOrGroup, scopeManage, (*call).groupsDisableOnline)
	register("groups.edit", userOrGroup, scopeManage, (*call).groupsEdit)
	register("groups.enableOnline", userOrGroup, scopeManage, (*call).groupsEnableOnline)
	register("groups.getOnlineStatus", userOrGroup, scopeNone, (*call).groupsGetOnlineStatus)
	register("groups.getSettings", userToken, scopeManage, (*call).groupsGetSettings)
	register("groups.setSettings", userOrGroup, scopeManage, (*call).groupsSetSettings)
}

// features are the switches of a community's messages that groups.setSettings
// sets.
type features struct {
	messages    bool // users may write
	bots        bool
	startButton bool
	addToChat   bool // it may be invited into chats
	booking     bool
}

// Online returns a community's online status: none, online, or answer_mark with
// the minutes in which it usually replies.
func (w *World) Online(group int64) (status string, minutes int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.mustGroup(group)
	return g.online, g.answerIn
}

// SetAnswerMark makes a community show in how many minutes it replies, as its
// settings page does.
func (w *World) SetAnswerMark(group, minutes int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.mustGroup(group)
	g.online, g.answerIn = "answer_mark", minutes
	w.touch()
}

func (c *call) groupsEnableOnline() (any, *apiError) {
	return c.setOnline("none", "online", "already enabled")
}

func (c *call) groupsDisableOnline() (any, *apiError) {
	return c.setOnline("online", "none", "already disabled")
}

// setOnline changes the online status. A community with messages disabled has
// none.
func (c *call) setOnline(from, to, already string) (any, *apiError) {
	c.positive("group_id")
	g := c.group()
	switch {
	case !g.features.messages:
		return nil, invalid("community messages are disabled")
	case g.online == to:
		return nil, invalid("online is %s", already)
	case g.online != from && to == "none":
		return nil, invalid("online is %s", already)
	}
	g.online, g.answerIn = to, 0
	c.w.touch()
	return 1, nil
}

func (c *call) groupsGetOnlineStatus() (any, *apiError) {
	c.positive("group_id")
	g := c.group()
	out := map[string]any{"status": g.online}
	if g.online == "answer_mark" {
		out["minutes"] = g.answerIn
	}
	return out, nil
}

// groupsSetSettings changes only the settings that the call names.
func (c *call) groupsSetSettings() (any, *apiError) {
	c.positive("group_id")
	g := c.group()
	c.rights(g, roleAdministrator)
	set := g.features
	for name, to := range map[string]*bool{
		"messages": &set.messages, "bots_capabilities": &set.bots, "bots_start_button": &set.startButton,
		"bots_add_to_chat": &set.addToChat, "bot_online_booking_enabled": &set.booking,
	} {
		if c.has(name) {
			*to = c.bool(name)
		}
	}
	g.features = set
	c.w.touch()
	return 1, nil
}

// The settings that groups.edit changes: texts, and numbers up to a limit.
var (
	textSettings   = []string{"title", "description", "screen_name", "website", "email", "phone"}
	numberSettings = map[string]int64{
		"access": 2, "age_limits": 3, "wall": 3, "topics": 2, "photos": 2, "video": 2, "audio": 2, "docs": 2, "wiki": 2,
	}
)

// setting returns the current value of a setting.
func (g *group) setting(name string) any {
	switch name {
	case "title":
		return g.spec.Name
	case "screen_name":
		return g.spec.ScreenName
	}
	if v, ok := g.settings[name]; ok {
		return v
	}
	switch name {
	case "wall", "age_limits":
		return int64(1)
	case "description", "website", "email", "phone":
		return ""
	}
	return int64(0)
}

// groupsEdit emits group_change_settings if anything changed.
func (c *call) groupsEdit() (any, *apiError) {
	c.positive("group_id")
	g := c.group()
	c.rights(g, roleAdministrator)
	wanted := make(map[string]any)
	for _, name := range textSettings {
		if c.has(name) {
			wanted[name] = c.str(name)
		}
	}
	for name, limit := range numberSettings {
		if c.has(name) {
			wanted[name] = c.intIn(name, 0, 0, limit)
		}
	}
	if name, ok := wanted["screen_name"].(string); ok && !c.w.mayBeNamed(g, name) {
		return nil, fail(codeScreenName)
	}
	type change struct {
		Old any `json:"old_value"`
		New any `json:"new_value"`
	}
	changes := make(map[string]change)
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if old := g.setting(name); old != wanted[name] {
			changes[name] = change{old, wanted[name]}
			g.set(c.w, name, wanted[name])
		}
	}
	if len(changes) > 0 {
		c.w.emit(g, "group_change_settings", map[string]any{"user_id": max(c.token.owner, 0), "changes": changes})
	}
	return 1, nil
}

// mayBeNamed reports whether a community may use a screen name.
func (w *World) mayBeNamed(g *group, name string) bool {
	owner, taken := w.names[strings.ToLower(name)]
	return validScreenName(name) && (!taken || owner == -g.spec.ID)
}

// validScreenName reports whether s is a screen name: 5 to 32 letters, digits,
// dots and underscores, beginning with a letter.
func validScreenName(s string) bool {
	if len(s) < 5 || len(s) > 32 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		case i > 0 && (c >= '0' && c <= '9' || c == '_' || c == '.'):
		default:
			return false
		}
	}
	return true
}

func (g *group) set(w *World, name string, v any) {
	switch name {
	case "title":
		g.spec.Name = v.(string)
	case "screen_name":
		delete(w.names, strings.ToLower(g.spec.ScreenName))
		g.spec.ScreenName = v.(string)
		w.claimName(g.spec.ScreenName, -g.spec.ID)
	default:
		if g.settings == nil {
			g.settings = make(map[string]any)
		}
		g.settings[name] = v
	}
}

func (c *call) groupsGetSettings() (any, *apiError) {
	c.require("group_id")
	g := c.w.findGroup(c.str("group_id"))
	if g == nil {
		return nil, invalid("group_id is undefined")
	}
	c.rights(g, roleAdministrator)
	out := map[string]any{
		"address": g.spec.ScreenName, "articles": 0, "city_id": 0, "city_name": "", "links": 0, "contacts": 0,
		"obscene_filter": 0, "obscene_stopwords": 0, "obscene_words": []string{}, "toxic_filter": 0,
		"disable_replies_from_groups": 0, "recognize_photo": 0,
		"bots_capabilities": boolInt(g.features.bots), "bots_start_button": boolInt(g.features.startButton),
		"bots_add_to_chat": boolInt(g.features.addToChat), "bot_online_booking_enabled": boolInt(g.features.booking),
	}
	for _, name := range textSettings {
		out[name] = g.setting(name)
	}
	for name := range numberSettings {
		out[name] = g.setting(name)
	}
	delete(out, "screen_name") // the response has it as address
	return out, nil
}
