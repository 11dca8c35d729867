package discord

import "time"

// Implicit denials: a member without the permission before them has none of these.
const (
	permNeedSend    = PermMentionEveryone | PermSendTTSMessages | PermAttachFiles | PermEmbedLinks
	permNeedConnect = PermSpeak | PermStream | PermUseVAD | PermPrioritySpeaker | PermMuteMembers | PermDeafenMembers | PermMoveMembers |
		PermUseSoundboard | PermUseExternalSounds | PermUseEmbeddedActivities | PermRequestToSpeak | PermSetVoiceChannelStatus
	permTimedOut = PermViewChannel | PermReadMessageHistory // remain during a timeout
)

// Permissions returns the permissions of the member in the guild, without the overwrites
// of channels. The guild must have its Roles. An owner and an administrator have all
// permissions; a member that is timed out now can only view channels and read.
func (g Guild) Permissions(m Member) Permissions {
	if g.IsOwner(m) {
		return PermAll
	}
	p := g.rolePermissions(m)
	if p.Has(PermAdministrator) {
		return PermAll
	}
	if m.TimedOutAt(time.Now()) {
		p &= permTimedOut
	}
	return p
}

// rolePermissions returns the permissions of all roles of a member together.
func (g Guild) rolePermissions(m Member) (p Permissions) {
	for _, r := range g.Roles {
		if r.ID == g.ID || m.HasRole(r.ID) { // the guild's ID is that of @everyone
			p |= r.Permissions
		}
	}
	return p
}

// ChannelPermissions returns the permissions of the member in a channel of the guild. The
// guild must have its Roles, and the channel its Overwrites; of a thread, they are
// those of the channel that it is in.
//
// It applies the overwrites of @everyone, of the member's roles and of the member, in
// that order, and removes the permissions that depend on a missing one: a member that
// cannot view a channel has none in it, one that cannot send messages cannot attach files,
// and so on.
func (g Guild) ChannelPermissions(c Channel, m Member) Permissions {
	p := g.Permissions(m)
	if p == PermAll {
		return p
	}
	p = g.rolePermissions(m)
	var allow, deny, memberAllow, memberDeny Permissions
	for _, o := range c.Overwrites {
		switch {
		case o.Type == OverwriteRole && o.ID == g.ID:
			p = p&^o.Deny | o.Allow
		case o.Type == OverwriteRole && m.HasRole(o.ID):
			allow |= o.Allow
			deny |= o.Deny
		case o.Type == OverwriteMember && m.User != nil && o.ID == m.User.ID:
			memberAllow, memberDeny = o.Allow, o.Deny
		}
	}
	p = p&^deny | allow
	p = p&^memberDeny | memberAllow
	return implied(p, c, m)
}

// implied returns permissions without those that depend on a missing one.
func implied(p Permissions, c Channel, m Member) Permissions {
	if m.TimedOutAt(time.Now()) {
		p &= permTimedOut
	}
	switch {
	case !p.Has(PermViewChannel):
		return 0
	case c.Type.IsVoice() && !p.Has(PermConnect):
		p &^= permNeedConnect
	}
	send := PermSendMessages
	if c.Type.IsThread() {
		send = PermSendMessagesInThreads
	}
	if !p.Has(send) {
		p &^= permNeedSend
	}
	return p
}
