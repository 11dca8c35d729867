package fakevk

import (
	"fmt"
	"slices"
	"strings"
)

func init() {
	register("users.get", anyToken, scopeNone, (*call).usersGet)
}

const maxUserIDs = 1000

var nameCases = []string{"nom", "gen", "dat", "acc", "ins", "abl"}

// usersGet skips unknown ids and names. Without ids, a community token gets an
// empty list and a user token gets its owner.
func (c *call) usersGet() (any, *apiError) {
	fields := c.list("fields", 1000)
	nameCase := c.oneOf("name_case", nameCases...)
	ids := c.list("user_ids", maxUserIDs)
	if len(ids) == 0 && c.token.kind == userToken {
		ids = []string{fmt.Sprint(c.token.owner)}
	}
	if len(ids) > 0 && !slices.ContainsFunc(ids, c.w.namesUser) {
		return nil, fail(codeUserID)
	}
	out := []map[string]any{}
	for _, s := range ids {
		if u := c.w.findUser(s); u != nil {
			out = append(out, u.wire(fields, nameCase))
		}
	}
	return out, nil
}

// namesUser reports whether a word may name a user: any id, even an unknown
// one, or a screen name that is taken.
func (w *World) namesUser(s string) bool {
	s = strings.ToLower(s)
	if _, err := parseID(strings.TrimPrefix(s, "id")); err == nil {
		return true
	}
	owner, ok := w.resolve(s)
	return ok && owner > 0
}

// findUser accepts an id or a screen name.
func (w *World) findUser(s string) *user {
	if id, err := parseID(s); err == nil {
		return w.users[id]
	}
	owner, _ := w.resolve(s)
	return w.users[owner]
}

// wire returns the profile with the base fields and the requested ones.
func (u *user) wire(fields []string, nameCase string) map[string]any {
	first, last := u.name(nameCase)
	out := map[string]any{"id": u.ID, "first_name": first, "last_name": last}
	if u.Deactivated != "" {
		out["deactivated"] = u.Deactivated
	}
	if u.Deactivated == "deleted" {
		return out
	}
	out["can_access_closed"], out["is_closed"] = !u.Closed, u.Closed
	for _, f := range fields {
		if v, ok := u.field(f); ok {
			out[f] = v
		}
	}
	return out
}

func (u *user) name(nameCase string) (first, last string) {
	if u.Deactivated == "deleted" {
		return "DELETED", ""
	}
	if n, ok := u.Cases[nameCase]; ok {
		return n[0], n[1]
	}
	return u.FirstName, u.LastName
}

// field returns a requested profile field. The fields of the spec take
// precedence.
func (u *user) field(name string) (any, bool) {
	if v, ok := u.Fields[name]; ok {
		return v, true
	}
	if which, nameCase, ok := cutLast(name, "_"); ok && slices.Contains(nameCases, nameCase) {
		first, last := u.name(nameCase)
		switch which {
		case "first_name":
			return first, true
		case "last_name":
			return last, true
		}
	}
	switch name {
	case "sex":
		return u.Sex, true
	case "screen_name", "domain":
		return u.ScreenName, true
	case "online", "online_mobile", "verified", "blacklisted", "has_photo", "blacklisted_by_me", "is_favorite",
		"is_hidden_from_feed", "is_friend", "friend_status", "common_count", "followers_count", "trending", "has_mobile",
		"relation":
		return 0, true
	case "can_post", "can_see_all_posts", "can_see_audio", "can_send_friend_request":
		return boolInt(!u.Closed), true
	case "status", "nickname", "about", "activities", "books", "games", "home_town", "interests", "movies", "music",
		"quotes", "site", "tv":
		return "", true
	case "last_seen":
		return map[string]int64{"platform": 7, "time": now().Unix()}, true
	case "online_info":
		return map[string]bool{"visible": true, "is_online": false, "is_mobile": false}, true
	case "can_write_private_message":
		return boolInt(!u.Private), true
	case "photo_50", "photo_100", "photo_200", "photo_max", "photo_200_orig", "photo_400_orig", "photo_max_orig":
		return fmt.Sprintf("https://sun9-1.userapi.com/%s_%d.jpg", name, u.ID), true
	}
	return nil, false
}

// cutLast is like strings.Cut, at the last separator.
func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
