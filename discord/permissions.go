package discord

import (
	"fmt"
	"strconv"
)

// Permissions are the rights of a member in a guild or a channel, a set of bits. In JSON
// they are a string of decimal digits.
type Permissions uint64

// The permissions.
const (
	PermCreateInvite           Permissions = 1 << 0
	PermKickMembers            Permissions = 1 << 1
	PermBanMembers             Permissions = 1 << 2
	PermAdministrator          Permissions = 1 << 3 // all permissions, regardless of overwrites
	PermManageChannels         Permissions = 1 << 4
	PermManageGuild            Permissions = 1 << 5
	PermAddReactions           Permissions = 1 << 6
	PermViewAuditLog           Permissions = 1 << 7
	PermPrioritySpeaker        Permissions = 1 << 8
	PermStream                 Permissions = 1 << 9
	PermViewChannel            Permissions = 1 << 10
	PermSendMessages           Permissions = 1 << 11
	PermSendTTSMessages        Permissions = 1 << 12
	PermManageMessages         Permissions = 1 << 13
	PermEmbedLinks             Permissions = 1 << 14
	PermAttachFiles            Permissions = 1 << 15
	PermReadMessageHistory     Permissions = 1 << 16
	PermMentionEveryone        Permissions = 1 << 17
	PermUseExternalEmojis      Permissions = 1 << 18
	PermViewGuildInsights      Permissions = 1 << 19
	PermConnect                Permissions = 1 << 20
	PermSpeak                  Permissions = 1 << 21
	PermMuteMembers            Permissions = 1 << 22
	PermDeafenMembers          Permissions = 1 << 23
	PermMoveMembers            Permissions = 1 << 24
	PermUseVAD                 Permissions = 1 << 25
	PermChangeNickname         Permissions = 1 << 26
	PermManageNicknames        Permissions = 1 << 27
	PermManageRoles            Permissions = 1 << 28
	PermManageWebhooks         Permissions = 1 << 29
	PermManageExpressions      Permissions = 1 << 30
	PermUseApplicationCommands Permissions = 1 << 31
	PermRequestToSpeak         Permissions = 1 << 32
	PermManageEvents           Permissions = 1 << 33
	PermManageThreads          Permissions = 1 << 34
	PermCreatePublicThreads    Permissions = 1 << 35
	PermCreatePrivateThreads   Permissions = 1 << 36
	PermUseExternalStickers    Permissions = 1 << 37
	PermSendMessagesInThreads  Permissions = 1 << 38
	PermUseEmbeddedActivities  Permissions = 1 << 39
	PermModerateMembers        Permissions = 1 << 40
	PermViewMonetization       Permissions = 1 << 41
	PermUseSoundboard          Permissions = 1 << 42
	PermCreateGuildExpressions Permissions = 1 << 43
	PermCreateEvents           Permissions = 1 << 44
	PermUseExternalSounds      Permissions = 1 << 45
	PermSendVoiceMessages      Permissions = 1 << 46
	PermSetVoiceChannelStatus  Permissions = 1 << 48
	PermSendPolls              Permissions = 1 << 49
	PermUseExternalApps        Permissions = 1 << 50
	PermPinMessages            Permissions = 1 << 51
	PermBypassSlowmode         Permissions = 1 << 52

	// PermAll are all permissions: those of an owner and an administrator.
	PermAll Permissions = 1<<53 - 1 - 1<<47
)

var permissionNames = [...]string{
	"CREATE_INSTANT_INVITE", "KICK_MEMBERS", "BAN_MEMBERS", "ADMINISTRATOR", "MANAGE_CHANNELS", "MANAGE_GUILD", "ADD_REACTIONS",
	"VIEW_AUDIT_LOG", "PRIORITY_SPEAKER", "STREAM", "VIEW_CHANNEL", "SEND_MESSAGES", "SEND_TTS_MESSAGES", "MANAGE_MESSAGES",
	"EMBED_LINKS", "ATTACH_FILES", "READ_MESSAGE_HISTORY", "MENTION_EVERYONE", "USE_EXTERNAL_EMOJIS", "VIEW_GUILD_INSIGHTS",
	"CONNECT", "SPEAK", "MUTE_MEMBERS", "DEAFEN_MEMBERS", "MOVE_MEMBERS", "USE_VAD", "CHANGE_NICKNAME", "MANAGE_NICKNAMES",
	"MANAGE_ROLES", "MANAGE_WEBHOOKS", "MANAGE_GUILD_EXPRESSIONS", "USE_APPLICATION_COMMANDS", "REQUEST_TO_SPEAK",
	"MANAGE_EVENTS", "MANAGE_THREADS", "CREATE_PUBLIC_THREADS", "CREATE_PRIVATE_THREADS", "USE_EXTERNAL_STICKERS",
	"SEND_MESSAGES_IN_THREADS", "USE_EMBEDDED_ACTIVITIES", "MODERATE_MEMBERS", "VIEW_CREATOR_MONETIZATION_ANALYTICS",
	"USE_SOUNDBOARD", "CREATE_GUILD_EXPRESSIONS", "CREATE_EVENTS", "USE_EXTERNAL_SOUNDS", "SEND_VOICE_MESSAGES", "",
	"SET_VOICE_CHANNEL_STATUS", "SEND_POLLS", "USE_EXTERNAL_APPS", "PIN_MESSAGES", "BYPASS_SLOWMODE",
}

// Has reports whether all of want are in p. It does not look at PermAdministrator:
// [Guild.Permissions] and [Guild.ChannelPermissions] have given an administrator
// all permissions already.
func (p Permissions) Has(want Permissions) bool { return p&want == want }

// String returns Discord's names of the permissions, joined by "|", and "none" if
// there are none.
func (p Permissions) String() string {
	return bitNames(uint64(p), func(bit uint64) string {
		for i, name := range permissionNames {
			if bit == 1<<i {
				return name
			}
		}
		return ""
	})
}

// MarshalJSON returns the permissions as a string of digits.
func (p Permissions) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 22)
	b = append(b, '"')
	b = strconv.AppendUint(b, uint64(p), 10)
	return append(b, '"'), nil
}

// UnmarshalJSON reads a string of digits, a number, "" or null.
func (p *Permissions) UnmarshalJSON(b []byte) error {
	var id ID
	if err := id.UnmarshalJSON(b); err != nil {
		return fmt.Errorf("discord: %s is not a set of permissions", clip(string(b), 40))
	}
	*p = Permissions(id)
	return nil
}
