package fakediscord

import (
	"encoding/json"
	"slices"
	"strconv"
)

// Permissions is a set of rights. JSON has it as a decimal string.
type Permissions uint64

// The permissions that the fake asks for, by their bits.
const (
	PermCreateInvite    Permissions = 1 << 0
	PermKick            Permissions = 1 << 1
	PermBan             Permissions = 1 << 2
	PermAdministrator   Permissions = 1 << 3
	PermManageChannels  Permissions = 1 << 4
	PermManageGuild     Permissions = 1 << 5
	PermAddReactions    Permissions = 1 << 6
	PermViewAuditLog    Permissions = 1 << 7
	PermViewChannel     Permissions = 1 << 10
	PermSend            Permissions = 1 << 11
	PermSendTTS         Permissions = 1 << 12
	PermManageMessages  Permissions = 1 << 13
	PermEmbedLinks      Permissions = 1 << 14
	PermAttachFiles     Permissions = 1 << 15
	PermReadHistory     Permissions = 1 << 16
	PermMentionEveryone Permissions = 1 << 17
	PermConnect         Permissions = 1 << 20
	PermSpeak           Permissions = 1 << 21
	PermMute            Permissions = 1 << 22
	PermDeafen          Permissions = 1 << 23
	PermMove            Permissions = 1 << 24
	PermChangeNickname  Permissions = 1 << 26
	PermManageNicknames Permissions = 1 << 27
	PermManageRoles     Permissions = 1 << 28
	PermManageWebhooks  Permissions = 1 << 29
	PermManageEmojis    Permissions = 1 << 30
	PermUseCommands     Permissions = 1 << 31
	PermManageThreads   Permissions = 1 << 34
	PermPublicThreads   Permissions = 1 << 35
	PermPrivateThreads  Permissions = 1 << 36
	PermSendInThreads   Permissions = 1 << 38
	PermModerate        Permissions = 1 << 40
	PermCreateEmojis    Permissions = 1 << 43
	PermPin             Permissions = 1 << 51
	allPermissions      Permissions = 1<<53 - 1 - 1<<47
	everyonePermissions             = PermCreateInvite | PermAddReactions | PermViewChannel | PermSend | PermEmbedLinks | PermAttachFiles | PermReadHistory | PermConnect | PermSpeak | PermChangeNickname | PermPublicThreads | PermSendInThreads | 1<<9 | 1<<18 | 1<<25 | 1<<31
	textPermissions                 = PermMentionEveryone | PermSendTTS | PermAttachFiles | PermEmbedLinks
	timeoutPermissions              = PermViewChannel | PermReadHistory
)

// MarshalJSON returns the permissions as a JSON string.
func (p Permissions) MarshalJSON() ([]byte, error) {
	return []byte(strconv.Quote(strconv.FormatUint(uint64(p), 10))), nil
}

// UnmarshalJSON reads a JSON string or a JSON number.
func (p *Permissions) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, (*ID)(p)) }

// Has reports whether p contains all of q.
func (p Permissions) Has(q Permissions) bool { return p&q == q }

// An overwrite changes the permissions of a role or a member in one channel.
type overwrite struct {
	id          ID
	member      bool
	allow, deny Permissions
}

func (o overwrite) object() object {
	kind := 0
	if o.member {
		kind = 1
	}
	return object{"id": o.id, "type": kind, "allow": o.allow, "deny": o.deny}
}

// basePermissions returns the permissions of a member in all of a guild.
func (g *guild) basePermissions(m *member) Permissions {
	if m.user.id == g.owner {
		return allPermissions
	}
	var p Permissions
	for _, r := range g.roles {
		if r.id == g.id || m.has(r.id) {
			p |= r.permissions
		}
	}
	if p.Has(PermAdministrator) {
		return allPermissions
	}
	return p
}

// permissions returns those of a user in a channel.
func (s *Server) permissions(c *channel, u *user) Permissions {
	if c.guild == nil {
		if u == s.me || slices.Contains(c.recipients, u) {
			return everyonePermissions&^PermCreateInvite | PermPin
		}
		return 0
	}
	m := c.guild.member(u.id)
	if m == nil {
		return 0
	}
	p := c.guild.basePermissions(m)
	if p == allPermissions {
		return p
	}
	from := c
	if c.thread() && c.parent() != 0 {
		if from = s.channels[c.parent()]; from == nil {
			return 0
		}
	}
	p = from.applyOverwrites(p, m)
	if m.timeout.After(s.now()) {
		p &= timeoutPermissions
	}
	if !p.Has(PermViewChannel) {
		return 0
	}
	if !p.Has(PermSend) && !c.thread() {
		p &^= textPermissions
	}
	if c.voice() && !p.Has(PermConnect) {
		p &^= PermSpeak | PermMute | PermDeafen | PermMove
	}
	return p
}

// applyOverwrites applies the overwrites in Discord's order: everyone, roles,
// member.
func (c *channel) applyOverwrites(p Permissions, m *member) Permissions {
	var allow, deny Permissions
	for _, o := range c.overwrites {
		switch {
		case !o.member && o.id == c.guild.id:
			p = p&^o.deny | o.allow
		case !o.member && m.has(o.id):
			allow |= o.allow
			deny |= o.deny
		}
	}
	p = p&^deny | allow
	for _, o := range c.overwrites {
		if o.member && o.id == m.user.id {
			p = p&^o.deny | o.allow
		}
	}
	return p
}

// top returns the position of a member's highest role; that of the owner is
// above all.
func (g *guild) top(u ID) int {
	if u == g.owner {
		return 1 << 30
	}
	m, top := g.member(u), 0
	for _, r := range g.roles {
		if m != nil && m.has(r.id) {
			top = max(top, r.position)
		}
	}
	return top
}
