package fakevk

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// A groupRole is the role of a member of a community, in VK's numbering. Each
// role includes the rights of the lower ones.
type groupRole int

const (
	roleNone groupRole = iota
	roleModerator
	roleEditor
	roleAdministrator
	roleCreator
)

var roleNames = []string{"", "moderator", "editor", "administrator", "creator"}

func (r groupRole) String() string { return roleNames[r] }

// level returns the role as group_officers_edit reports it; that event has no
// creator.
func (r groupRole) level() int { return int(min(r, roleAdministrator)) }

func parseRole(name string) (groupRole, bool) {
	i := slices.Index(roleNames, name)
	return groupRole(i), i >= 0
}

type groupMember struct {
	role   groupRole
	joined time.Time
	nth    int64 // orders members who joined at the same moment
}

// init adds the members that the spec names.
func (g *group) init() {
	g.members = make(map[int64]*groupMember)
	g.subscribers = make(map[subscription]time.Time)
	g.features = features{messages: true, bots: !g.spec.NoBotFeatures, addToChat: true, startButton: true}
	g.online = "none"
	for _, id := range g.spec.Members {
		g.admit(id, roleNone)
	}
	for _, id := range g.spec.Admins {
		g.admit(id, roleAdministrator)
	}
	if g.spec.Creator != 0 {
		g.admit(g.spec.Creator, roleCreator)
	}
}

// admit makes a user a member with a role, which replaces an earlier one.
func (g *group) admit(user int64, r groupRole) {
	if m := g.members[user]; m != nil {
		m.role = r
		return
	}
	g.joined++
	g.members[user] = &groupMember{role: r, joined: now(), nth: g.joined}
}

// may reports whether a user has at least a role.
func (g *group) may(user int64, least groupRole) bool {
	m := g.members[user]
	return m != nil && m.role >= least
}

// list returns the members in one of the orders of groups.getMembers.
func (g *group) list(sort string) []int64 {
	ids := slices.Sorted(maps.Keys(g.members))
	switch sort {
	case "id_desc":
		slices.Reverse(ids)
	case "time_asc", "time_desc":
		slices.SortFunc(ids, func(a, b int64) int {
			order := cmp.Or(g.members[a].joined.Compare(g.members[b].joined), cmp.Compare(g.members[a].nth, g.members[b].nth))
			if sort == "time_desc" {
				return -order
			}
			return order
		})
	}
	return ids
}

// Join makes a user a member of a community and emits group_join.
func (w *World) Join(user, group int64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.groups[group]
	if g == nil || w.users[user] == nil || g.members[user] != nil || w.isBanned(g, user) {
		return fmt.Errorf("%w: %d cannot join %d", ErrForbidden, user, group)
	}
	w.join(g, user)
	return nil
}

func (w *World) join(g *group, user int64) {
	g.admit(user, roleNone)
	w.emit(g, "group_join", struct {
		UserID   int64  `json:"user_id"`
		JoinType string `json:"join_type"`
	}{user, "join"})
}

// Leave ends a user's membership and role and emits group_leave.
func (w *World) Leave(user, group int64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.groups[group]
	if g == nil || g.members[user] == nil {
		return fmt.Errorf("%w: %d is not in %d", ErrForbidden, user, group)
	}
	w.leave(g, user, true)
	return nil
}

// leave emits group_leave; self reports whether the user left of their own
// will.
func (w *World) leave(g *group, user int64, self bool) {
	delete(g.members, user)
	w.emit(g, "group_leave", struct {
		UserID int64 `json:"user_id"`
		Self   int   `json:"self"`
	}{user, boolInt(self)})
}

// SetRole gives a member of a community the role moderator, editor or
// administrator, or removes the role if it is empty, and emits
// group_officers_edit. It does not check the rights of admin. A user who is not
// a member becomes one.
func (w *World) SetRole(admin, user, group int64, role string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.groups[group]
	r, ok := parseRole(role)
	if g == nil || w.users[user] == nil || !ok || r == roleCreator {
		return fmt.Errorf("%w: %d cannot be %s of %d", ErrForbidden, user, role, group)
	}
	w.setRole(g, admin, user, r)
	return nil
}

func (w *World) setRole(g *group, admin, user int64, r groupRole) {
	old := roleNone
	if m := g.members[user]; m != nil {
		old = m.role
	}
	g.admit(user, r)
	w.emit(g, "group_officers_edit", struct {
		AdminID int64 `json:"admin_id"`
		UserID  int64 `json:"user_id"`
		Old     int   `json:"level_old"`
		New     int   `json:"level_new"`
	}{admin, user, old.level(), r.level()})
}

// GroupMembers returns the members of a community and their roles: moderator,
// editor, administrator, creator, or "".
func (w *World) GroupMembers(group int64) map[int64]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make(map[int64]string)
	for id, m := range w.mustGroup(group).members {
		out[id] = m.role.String()
	}
	return out
}
