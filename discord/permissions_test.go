package discord_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/vkrouter/vk/discord"
)

func TestPermissionsJSON(t *testing.T) {
	for text, want := range map[string]discord.Permissions{`"8"`: discord.PermAdministrator, `8`: 8, `"4503599627370496"`: discord.PermBypassSlowmode, `null`: 0, `""`: 0} {
		var p discord.Permissions
		if err := json.Unmarshal([]byte(text), &p); err != nil || p != want {
			t.Errorf("%s: %v, %v", text, p, err)
		}
	}
	var p discord.Permissions
	if err := json.Unmarshal([]byte(`"all"`), &p); err == nil {
		t.Error("a text became permissions")
	}
	if b, err := json.Marshal(discord.PermAll); err != nil || string(b) != `"8866461766385663"` {
		t.Errorf("%s, %v", b, err)
	}
	for p, want := range map[discord.Permissions]string{0: "none", discord.PermBanMembers | discord.PermPinMessages: "BAN_MEMBERS|PIN_MESSAGES", 1<<47 | 1<<60: "1<<47|1<<60",
		discord.PermSetVoiceChannelStatus: "SET_VOICE_CHANNEL_STATUS", discord.PermBypassSlowmode: "BYPASS_SLOWMODE", discord.PermModerateMembers: "MODERATE_MEMBERS"} {
		if got := p.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestPermissions computes the permissions of members.
func TestPermissions(t *testing.T) {
	const (
		guild, owner, anna  discord.ID = 1, 10, 11
		mods, muted, admins discord.ID = 2, 3, 4
		view, send, history            = discord.PermViewChannel, discord.PermSendMessages, discord.PermReadMessageHistory
		connect, speak, ban            = discord.PermConnect, discord.PermSpeak, discord.PermBanMembers
		attach, everyone               = discord.PermAttachFiles, discord.PermMentionEveryone
	)
	g := discord.Guild{ID: guild, OwnerID: owner, Roles: []discord.Role{
		{ID: guild, Permissions: view | send | history | connect | speak | attach},
		{ID: mods, Permissions: ban | everyone},
		{ID: muted},
		{ID: admins, Permissions: discord.PermAdministrator},
	}}
	base := view | send | history | connect | speak | attach
	on := func(id discord.ID, typ discord.OverwriteType, allow, deny discord.Permissions) discord.Overwrite {
		return discord.Overwrite{ID: id, Type: typ, Allow: allow, Deny: deny}
	}
	const role, member = discord.OverwriteRole, discord.OverwriteMember
	for _, tt := range []struct {
		name       string
		user       discord.ID
		roles      []discord.ID
		timedOut   time.Duration
		typ        discord.ChannelType
		overwrites []discord.Overwrite
		guild      discord.Permissions
		channel    discord.Permissions
	}{
		{"everyone", anna, nil, 0, 0, nil, base, base},
		{"a role", anna, []discord.ID{mods}, 0, 0, nil, base | ban | everyone, base | ban | everyone},
		{"the owner", owner, nil, 0, 0, []discord.Overwrite{on(guild, role, 0, view)}, discord.PermAll, discord.PermAll},
		{"an administrator", anna, []discord.ID{admins}, 0, 0, []discord.Overwrite{on(anna, member, 0, view)}, discord.PermAll, discord.PermAll},
		{"everyone is denied", anna, nil, 0, 0, []discord.Overwrite{on(guild, role, 0, history)}, base, base &^ history},
		{"a role allows what everyone is denied", anna, []discord.ID{mods}, 0, 0, []discord.Overwrite{on(mods, role, history, 0), on(guild, role, 0, history)}, base | ban | everyone, base | ban | everyone},
		{"of roles, one that allows wins", anna, []discord.ID{mods, muted}, 0, 0, []discord.Overwrite{on(mods, role, history, 0), on(muted, role, 0, history)}, base | ban | everyone, base | ban | everyone},
		{"the member wins over roles", anna, []discord.ID{mods}, 0, 0, []discord.Overwrite{on(anna, member, 0, history), on(mods, role, history, 0)}, base | ban | everyone, (base | ban | everyone) &^ history},
		{"a role that is not the member's", anna, nil, 0, 0, []discord.Overwrite{on(mods, role, 0, view)}, base, base},
		{"an ID of the other type", anna, nil, 0, 0, []discord.Overwrite{on(anna, role, 0, view), on(guild, member, 0, view)}, base, base},
		{"without view, nothing", anna, []discord.ID{mods}, 0, 0, []discord.Overwrite{on(guild, role, 0, view)}, base | ban | everyone, 0},
		{"without send, no files and no everyone", anna, []discord.ID{mods}, 0, 0, []discord.Overwrite{on(muted, role, 0, 0), on(guild, role, 0, send)}, base | ban | everyone, view | history | connect | speak | ban},
		{"without connect, no voice", anna, nil, 0, discord.ChannelVoice, []discord.Overwrite{on(guild, role, 0, connect)}, base, view | send | history | attach},
		{"in a thread, another permission to send", anna, nil, 0, discord.ChannelPublicThread, nil, base, base &^ attach},
		{"timed out", anna, []discord.ID{mods}, time.Hour, 0, []discord.Overwrite{on(anna, member, send, 0)}, view | history, view | history},
		{"was timed out", anna, nil, -time.Hour, 0, nil, base, base},
		{"a timed out administrator", anna, []discord.ID{admins}, time.Hour, 0, nil, discord.PermAll, discord.PermAll},
		{"a member without a user", 0, nil, 0, 0, nil, base, base},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := discord.Member{Roles: tt.roles}
			if tt.user != 0 {
				m.User = &discord.User{ID: tt.user}
			}
			if tt.timedOut != 0 {
				m.TimedOut = time.Now().Add(tt.timedOut)
			}
			if got := g.Permissions(m); got != tt.guild {
				t.Errorf("in the guild %v, want %v", got, tt.guild)
			}
			if got := g.ChannelPermissions(discord.Channel{Type: tt.typ, Overwrites: tt.overwrites}, m); got != tt.channel {
				t.Errorf("in the channel %v, want %v", got, tt.channel)
			}
		})
	}
}
