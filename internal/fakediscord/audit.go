package fakediscord

import "slices"

// log adds an entry to the audit log of a guild, with the reason of the call.
func (c *call) log(g *guild, action int, target ID) {
	entry := object{"id": c.s.newID(), "user_id": c.actor.id, "target_id": orNull(target), "action_type": action}
	if c.reason != "" {
		entry["reason"] = c.reason
	}
	if len(g.audit) >= 1000 {
		g.audit = slices.Delete(g.audit, 0, 100)
	}
	g.audit = append(g.audit, entry)
	if g.member(c.s.me.id) != nil && g.basePermissions(g.member(c.s.me.id)).Has(PermViewAuditLog) {
		c.s.emit(event{name: "GUILD_AUDIT_LOG_ENTRY_CREATE", guild: g, data: with(entry, object{"guild_id": g.id})})
	}
}
