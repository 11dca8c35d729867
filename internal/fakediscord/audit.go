package fakediscord

import (
	"maps"
	"slices"
)

// log adds an entry to the audit log of a guild, with the reason of the call. The
// details are options of the entry or changes.
func (c *call) log(g *guild, action int, target ID, details ...object) {
	entry := object{"id": c.s.newID(), "user_id": c.actor.id, "target_id": orNull(target), "action_type": action}
	for _, d := range details {
		maps.Copy(entry, d)
	}
	if c.reason != "" {
		entry["reason"] = c.reason
	}
	if len(g.audit) >= 1000 {
		g.audit = slices.Delete(g.audit, 0, 100)
	}
	g.audit = append(g.audit, entry)
	if me := g.member(c.s.me.id); me != nil && g.basePermissions(me).Has(PermViewAuditLog) {
		c.s.emit(event{name: "GUILD_AUDIT_LOG_ENTRY_CREATE", guild: g, data: with(entry, object{"guild_id": g.id})})
	}
}

// options returns the options of an entry.
func options(o object) object { return object{"options": o} }

// made returns the changes of an entry about a new thing.
func made(fields object) object { return changes("new_value", fields) }

// gone returns the changes of an entry about a thing that was deleted.
func gone(fields object) object { return changes("old_value", fields) }

func changes(member string, fields object) object {
	list := []any{}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		list = append(list, object{"key": key, member: fields[key]})
	}
	return object{"changes": list}
}
