package fakevk

import "time"

// A ban is an entry of a community's blacklist.
type ban struct {
	admin   int64
	date    time.Time
	end     time.Time // zero means never
	reason  int
	comment string
	visible bool // the user sees the comment
}

// block adds a user to the blacklist, which ends their membership, and emits
// user_block.
func (w *World) block(g *group, who int64, b ban) {
	b.date = now()
	g.banned[who] = &b
	if g.members[who] != nil {
		w.leave(g, who, false)
	}
	w.emit(g, "user_block", struct {
		AdminID     int64  `json:"admin_id"`
		UserID      int64  `json:"user_id"`
		UnblockDate int64  `json:"unblock_date"`
		Reason      int    `json:"reason"`
		Comment     string `json:"comment"`
	}{b.admin, who, w.unix(b.end), b.reason, b.comment})
}

// unblock removes a user from the blacklist and emits user_unblock.
func (w *World) unblock(g *group, who, admin int64, byEndDate bool) {
	delete(g.banned, who)
	w.emit(g, "user_unblock", struct {
		AdminID   int64 `json:"admin_id"`
		UserID    int64 `json:"user_id"`
		ByEndDate int   `json:"by_end_date"`
	}{admin, who, boolInt(byEndDate)})
}

// isBanned reports whether a user is on the blacklist. The world has no clock
// of its own: isBanned itself ends bans that have expired.
func (w *World) isBanned(g *group, who int64) bool {
	b := g.banned[who]
	if b == nil {
		return false
	}
	if !b.end.IsZero() && !now().Before(b.end) {
		w.unblock(g, who, b.admin, true)
		return false
	}
	return true
}
