package discord_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/tolerant"
)

// An enumCase is a value of an enumeration, its number at Discord and its name.
type enumCase struct {
	value  fmt.Stringer
	number int
	name   string
}

// TestEnums: constants have Discord's numbers and names.
func TestEnums(t *testing.T) {
	for enum, cases := range map[string][]enumCase{
		"MessageNotificationLevel": {{discord.NotifyAllMessages, 0, "ALL_MESSAGES"}, {discord.NotifyOnlyMentions, 1, "ONLY_MENTIONS"}, {discord.NotificationLevel(9), 9, "9"}},
		"ExplicitContentFilterLevel": {{discord.FilterDisabled, 0, "DISABLED"}, {discord.FilterMembersWithoutRoles, 1, "MEMBERS_WITHOUT_ROLES"},
			{discord.FilterAllMembers, 2, "ALL_MEMBERS"}, {discord.ContentFilter(9), 9, "9"}},
		"MFALevel": {{discord.MFANone, 0, "NONE"}, {discord.MFAElevated, 1, "ELEVATED"}, {discord.MFALevel(9), 9, "9"}},
		"VerificationLevel": {{discord.VerificationNone, 0, "NONE"}, {discord.VerificationLow, 1, "LOW"}, {discord.VerificationMedium, 2, "MEDIUM"},
			{discord.VerificationHigh, 3, "HIGH"}, {discord.VerificationVeryHigh, 4, "VERY_HIGH"}, {discord.VerificationLevel(9), 9, "9"}},
		"ChannelTypes": {{discord.ChannelText, 0, "GUILD_TEXT"}, {discord.ChannelDM, 1, "DM"}, {discord.ChannelVoice, 2, "GUILD_VOICE"}, {discord.ChannelGroupDM, 3, "GROUP_DM"},
			{discord.ChannelCategory, 4, "GUILD_CATEGORY"}, {discord.ChannelAnnouncement, 5, "GUILD_ANNOUNCEMENT"}, {discord.ChannelAnnouncementThread, 10, "ANNOUNCEMENT_THREAD"},
			{discord.ChannelPublicThread, 11, "PUBLIC_THREAD"}, {discord.ChannelPrivateThread, 12, "PRIVATE_THREAD"}, {discord.ChannelStage, 13, "GUILD_STAGE_VOICE"},
			{discord.ChannelDirectory, 14, "GUILD_DIRECTORY"}, {discord.ChannelForum, 15, "GUILD_FORUM"}, {discord.ChannelMedia, 16, "GUILD_MEDIA"}, {discord.ChannelType(99), 99, "99"}},
		"MessageActivityTypes": {{discord.MessageActivityJoin, 1, "JOIN"}, {discord.MessageActivitySpectate, 2, "SPECTATE"}, {discord.MessageActivityListen, 3, "LISTEN"},
			{discord.MessageActivityJoinRequest, 5, "JOIN_REQUEST"}, {discord.MessageActivityStreamRequest, 6, "STREAM_REQUEST"}, {discord.MessageActivityType(4), 4, "4"}},
		"GatewayOpcodes": {{discord.OpDispatch, 0, "DISPATCH"}, {discord.OpHeartbeat, 1, "HEARTBEAT"}, {discord.OpIdentify, 2, "IDENTIFY"}, {discord.OpPresenceUpdate, 3, "PRESENCE_UPDATE"},
			{discord.OpVoiceStateUpdate, 4, "VOICE_STATE_UPDATE"}, {discord.OpVoiceServerPing, 5, "VOICE_SERVER_PING"}, {discord.OpResume, 6, "RESUME"}, {discord.OpReconnect, 7, "RECONNECT"},
			{discord.OpRequestMembers, 8, "REQUEST_GUILD_MEMBERS"}, {discord.OpInvalidSession, 9, "INVALID_SESSION"}, {discord.OpHello, 10, "HELLO"}, {discord.OpHeartbeatACK, 11, "HEARTBEAT_ACK"},
			{discord.OpRequestSoundboardSounds, 31, "REQUEST_SOUNDBOARD_SOUNDS"}, {discord.OpRequestChannelInfo, 43, "REQUEST_CHANNEL_INFO"}, {discord.Opcode(99), 99, "99"}},
		"ActivityTypes": {{discord.Playing, 0, "PLAYING"}, {discord.Streaming, 1, "STREAMING"}, {discord.Listening, 2, "LISTENING"}, {discord.Watching, 3, "WATCHING"},
			{discord.CustomStatus, 4, "CUSTOM"}, {discord.Competing, 5, "COMPETING"}, {discord.ActivityType(9), 9, "9"}},
		"overwrites": {{discord.OverwriteRole, 0, "role"}, {discord.OverwriteMember, 1, "member"}, {discord.OverwriteType(9), 9, "9"}},
		"interactions": {{discord.InteractionPing, 1, "PING"}, {discord.InteractionCommand, 2, "APPLICATION_COMMAND"}, {discord.InteractionComponent, 3, "MESSAGE_COMPONENT"},
			{discord.InteractionAutocomplete, 4, "APPLICATION_COMMAND_AUTOCOMPLETE"}, {discord.InteractionModal, 5, "MODAL_SUBMIT"}, {discord.InteractionType(9), 9, "9"}},
		"webhooks": {{discord.WebhookIncoming, 1, "INCOMING"}, {discord.WebhookChannelFollower, 2, "CHANNEL_FOLLOWER"}, {discord.WebhookApplication, 3, "APPLICATION"}, {discord.WebhookType(9), 9, "9"}},
		"messages": {{discord.MessageDefault, 0, "DEFAULT"}, {discord.MessagePinned, 6, "CHANNEL_PINNED_MESSAGE"}, {discord.MessageUserJoin, 7, "USER_JOIN"}, {discord.MessageReply, 19, "REPLY"},
			{discord.MessageChatInputCommand, 20, "CHAT_INPUT_COMMAND"}, {discord.MessageAutoModerationAction, 24, "AUTO_MODERATION_ACTION"}, {discord.MessageType(99), 99, "99"}},
	} {
		for _, c := range cases {
			b, err := json.Marshal(c.value)
			if err != nil || string(b) != fmt.Sprint(c.number) || c.value.String() != c.name {
				t.Errorf("%s: %s is %q, want %d, %q, %v", enum, b, c.value, c.number, c.name, err)
			}
		}
	}
}

// TestEnumsUnknown: an unknown value survives being read and written.
func TestEnumsUnknown(t *testing.T) {
	const data = `{"id":"5","type":77,"default_message_notifications":78,"explicit_content_filter":79,"mfa_level":80,"verification_level":81}`
	var g discord.Guild
	var c discord.Channel
	if err := tolerant.Unmarshal([]byte(data), &g); err != nil {
		t.Fatal(err)
	}
	tolerant.Unmarshal([]byte(data), &c)
	m := asJSON(t, g)
	for name, want := range map[string]float64{"default_message_notifications": 78, "explicit_content_filter": 79, "mfa_level": 80, "verification_level": 81} {
		if m[name] != want {
			t.Errorf("%s is %v", name, m[name])
		}
	}
	if c.Type != 77 || asJSON(t, c)["type"] != 77.0 || asJSON(t, discord.Activity{Type: 82})["type"] != 82.0 ||
		asJSON(t, discord.MessageActivity{Type: 83})["type"] != 83.0 {
		t.Error(c.Type)
	}
	var a discord.Activity
	tolerant.Unmarshal([]byte(`{"type": 82}`), &a)
	if a.Type.String() != "82" {
		t.Error(a.Type)
	}
}

func TestIntents(t *testing.T) {
	for intents, want := range map[discord.Intents]string{
		0:                                       "none",
		discord.IntentGuilds:                    "GUILDS",
		discord.IntentGuildMembers | 1<<30:      "GUILD_MEMBERS|1<<30",
		discord.IntentsPrivileged:               "GUILD_MEMBERS|GUILD_PRESENCES|MESSAGE_CONTENT",
		discord.IntentDirectMessagePolls | 1<<9: "GUILD_MESSAGES|DIRECT_MESSAGE_POLLS",
		discord.IntentAutoModExecution | 1<<20:  "AUTO_MODERATION_CONFIGURATION|AUTO_MODERATION_EXECUTION",
	} {
		if got := intents.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if discord.IntentsAll != 53608447 { // the sum of all bits that Discord documents
		t.Errorf("all intents are %d", discord.IntentsAll)
	}
	if discord.IntentsUnprivileged&discord.IntentsPrivileged != 0 || discord.IntentsUnprivileged|discord.IntentsPrivileged != discord.IntentsAll {
		t.Error("privileged intents are among the others")
	}
	if !discord.IntentsAll.Has(discord.IntentGuilds|discord.IntentGuildMessagePolls) || discord.IntentGuilds.Has(discord.IntentGuilds|discord.IntentGuildMembers) {
		t.Error("Has is wrong")
	}
	const flags = discord.AppMessageContent | discord.AppGuildMembers | discord.AppPresence
	if flags.Intents() != discord.IntentsPrivileged || discord.AppMessageContentLimited.Intents() != discord.IntentMessageContent || discord.ApplicationFlags(1).Intents() != 0 {
		t.Error("flags of an application give other intents")
	}
}
