package discord

import "strconv"

// named returns the name of an enumeration's value, or the value itself if it has
// none here.
func named[T ~int](names map[T]string, v T) string {
	if s, ok := names[v]; ok {
		return s
	}
	return strconv.Itoa(int(v))
}

// A NotificationLevel says which messages of a guild notify its members.
type NotificationLevel int

// The notification levels.
const (
	NotifyAllMessages  NotificationLevel = 0
	NotifyOnlyMentions NotificationLevel = 1
)

var notificationNames = map[NotificationLevel]string{NotifyAllMessages: "ALL_MESSAGES", NotifyOnlyMentions: "ONLY_MENTIONS"}

// String returns Discord's name of the level, or its number if it is unknown.
func (l NotificationLevel) String() string { return named(notificationNames, l) }

// A ContentFilter selects the members of a guild that Discord scans the messages of, for
// explicit content.
type ContentFilter int

// The content filters.
const (
	FilterDisabled            ContentFilter = 0
	FilterMembersWithoutRoles ContentFilter = 1
	FilterAllMembers          ContentFilter = 2
)

var filterNames = map[ContentFilter]string{
	FilterDisabled: "DISABLED", FilterMembersWithoutRoles: "MEMBERS_WITHOUT_ROLES", FilterAllMembers: "ALL_MEMBERS",
}

// String returns Discord's name of the filter, or its number if it is unknown.
func (f ContentFilter) String() string { return named(filterNames, f) }

// An MFALevel says whether moderators of a guild need two-factor authentication.
type MFALevel int

// The levels.
const (
	MFANone     MFALevel = 0
	MFAElevated MFALevel = 1
)

var mfaNames = map[MFALevel]string{MFANone: "NONE", MFAElevated: "ELEVATED"}

// String returns Discord's name of the level, or its number if it is unknown.
func (l MFALevel) String() string { return named(mfaNames, l) }

// A VerificationLevel is the condition for users to write in a guild.
type VerificationLevel int

// The levels.
const (
	VerificationNone     VerificationLevel = 0
	VerificationLow      VerificationLevel = 1 // a verified email address
	VerificationMedium   VerificationLevel = 2 // registered for 5 minutes
	VerificationHigh     VerificationLevel = 3 // a member for 10 minutes
	VerificationVeryHigh VerificationLevel = 4 // a verified phone number
)

var verificationNames = map[VerificationLevel]string{
	VerificationNone: "NONE", VerificationLow: "LOW", VerificationMedium: "MEDIUM", VerificationHigh: "HIGH", VerificationVeryHigh: "VERY_HIGH",
}

// String returns Discord's name of the level, or its number if it is unknown.
func (l VerificationLevel) String() string { return named(verificationNames, l) }

// A ChannelType is a type of channel.
type ChannelType int

// The types of channels.
const (
	ChannelText               ChannelType = 0
	ChannelDM                 ChannelType = 1
	ChannelVoice              ChannelType = 2
	ChannelGroupDM            ChannelType = 3
	ChannelCategory           ChannelType = 4
	ChannelAnnouncement       ChannelType = 5
	ChannelAnnouncementThread ChannelType = 10
	ChannelPublicThread       ChannelType = 11
	ChannelPrivateThread      ChannelType = 12
	ChannelStage              ChannelType = 13
	ChannelDirectory          ChannelType = 14
	ChannelForum              ChannelType = 15
	ChannelMedia              ChannelType = 16
)

var channelTypeNames = map[ChannelType]string{
	ChannelText: "GUILD_TEXT", ChannelDM: "DM", ChannelVoice: "GUILD_VOICE", ChannelGroupDM: "GROUP_DM", ChannelCategory: "GUILD_CATEGORY",
	ChannelAnnouncement: "GUILD_ANNOUNCEMENT", ChannelAnnouncementThread: "ANNOUNCEMENT_THREAD", ChannelPublicThread: "PUBLIC_THREAD",
	ChannelPrivateThread: "PRIVATE_THREAD", ChannelStage: "GUILD_STAGE_VOICE", ChannelDirectory: "GUILD_DIRECTORY",
	ChannelForum: "GUILD_FORUM", ChannelMedia: "GUILD_MEDIA",
}

// String returns Discord's name of the type, or its number if it is unknown.
func (t ChannelType) String() string { return named(channelTypeNames, t) }

// IsThread reports whether channels of the type are threads.
func (t ChannelType) IsThread() bool {
	return t >= ChannelAnnouncementThread && t <= ChannelPrivateThread
}

// IsVoice reports whether members can talk in channels of the type.
func (t ChannelType) IsVoice() bool { return t == ChannelVoice || t == ChannelStage }

// A MessageActivityType is the kind of invitation in a message.
type MessageActivityType int

// The types.
const (
	MessageActivityJoin          MessageActivityType = 1
	MessageActivitySpectate      MessageActivityType = 2
	MessageActivityListen        MessageActivityType = 3
	MessageActivityJoinRequest   MessageActivityType = 5
	MessageActivityStreamRequest MessageActivityType = 6
)

var messageActivityNames = map[MessageActivityType]string{
	MessageActivityJoin: "JOIN", MessageActivitySpectate: "SPECTATE", MessageActivityListen: "LISTEN",
	MessageActivityJoinRequest: "JOIN_REQUEST", MessageActivityStreamRequest: "STREAM_REQUEST",
}

// String returns Discord's name of the type, or its number if it is unknown.
func (t MessageActivityType) String() string { return named(messageActivityNames, t) }

// An Opcode is the type of a payload of the gateway.
type Opcode int

// The opcodes.
const (
	OpDispatch                Opcode = 0
	OpHeartbeat               Opcode = 1
	OpIdentify                Opcode = 2
	OpPresenceUpdate          Opcode = 3
	OpVoiceStateUpdate        Opcode = 4
	OpVoiceServerPing         Opcode = 5 // no longer in use
	OpResume                  Opcode = 6
	OpReconnect               Opcode = 7
	OpRequestMembers          Opcode = 8
	OpInvalidSession          Opcode = 9
	OpHello                   Opcode = 10
	OpHeartbeatACK            Opcode = 11
	OpRequestSoundboardSounds Opcode = 31
	OpRequestChannelInfo      Opcode = 43
)

var opcodeNames = map[Opcode]string{
	OpDispatch: "DISPATCH", OpHeartbeat: "HEARTBEAT", OpIdentify: "IDENTIFY", OpPresenceUpdate: "PRESENCE_UPDATE",
	OpVoiceStateUpdate: "VOICE_STATE_UPDATE", OpVoiceServerPing: "VOICE_SERVER_PING", OpResume: "RESUME", OpReconnect: "RECONNECT",
	OpRequestMembers: "REQUEST_GUILD_MEMBERS", OpInvalidSession: "INVALID_SESSION", OpHello: "HELLO", OpHeartbeatACK: "HEARTBEAT_ACK",
	OpRequestSoundboardSounds: "REQUEST_SOUNDBOARD_SOUNDS", OpRequestChannelInfo: "REQUEST_CHANNEL_INFO",
}

// String returns Discord's name of the opcode, or its number if it is unknown.
func (o Opcode) String() string { return named(opcodeNames, o) }

// An ActivityType is the first word of an activity as users see it.
type ActivityType int

// The types.
const (
	Playing      ActivityType = 0
	Streaming    ActivityType = 1 // the URL is one of Twitch or YouTube
	Listening    ActivityType = 2
	Watching     ActivityType = 3
	CustomStatus ActivityType = 4 // users see the State
	Competing    ActivityType = 5
)

var activityTypeNames = map[ActivityType]string{
	Playing: "PLAYING", Streaming: "STREAMING", Listening: "LISTENING", Watching: "WATCHING", CustomStatus: "CUSTOM", Competing: "COMPETING",
}

// String returns Discord's name of the type, or its number if it is unknown.
func (t ActivityType) String() string { return named(activityTypeNames, t) }

// An OverwriteType says whether an [Overwrite] is for a role or a member.
type OverwriteType int

// The types.
const (
	OverwriteRole   OverwriteType = 0
	OverwriteMember OverwriteType = 1
)

var overwriteNames = map[OverwriteType]string{OverwriteRole: "role", OverwriteMember: "member"}

// String returns "role" or "member", or the number of another type.
func (t OverwriteType) String() string { return named(overwriteNames, t) }

// An InteractionType is a type of interaction.
type InteractionType int

// The types.
const (
	InteractionPing         InteractionType = 1
	InteractionCommand      InteractionType = 2
	InteractionComponent    InteractionType = 3
	InteractionAutocomplete InteractionType = 4
	InteractionModal        InteractionType = 5
)

var interactionNames = map[InteractionType]string{
	InteractionPing: "PING", InteractionCommand: "APPLICATION_COMMAND", InteractionComponent: "MESSAGE_COMPONENT",
	InteractionAutocomplete: "APPLICATION_COMMAND_AUTOCOMPLETE", InteractionModal: "MODAL_SUBMIT",
}

// String returns Discord's name of the type, or its number if it is unknown.
func (t InteractionType) String() string { return named(interactionNames, t) }

// A WebhookType is a type of webhook.
type WebhookType int

// The types.
const (
	WebhookIncoming        WebhookType = 1 // posts messages with its token
	WebhookChannelFollower WebhookType = 2 // brings announcements of another channel
	WebhookApplication     WebhookType = 3 // of an application, for interactions
)

var webhookNames = map[WebhookType]string{WebhookIncoming: "INCOMING", WebhookChannelFollower: "CHANNEL_FOLLOWER", WebhookApplication: "APPLICATION"}

// String returns Discord's name of the type, or its number if it is unknown.
func (t WebhookType) String() string { return named(webhookNames, t) }

// A Status is the online status of a user.
type Status string

// The statuses. A bot can set them all but StatusOffline, which others see of an
// invisible user.
const (
	StatusOnline    Status = "online"
	StatusIdle      Status = "idle"
	StatusDND       Status = "dnd" // do not disturb
	StatusInvisible Status = "invisible"
	StatusOffline   Status = "offline"
)

// A MessageType is a type of message. Users write only a few of them; the
// others report that something happened.
type MessageType int

// The types of messages.
const (
	MessageDefault              MessageType = 0
	MessageRecipientAdd         MessageType = 1
	MessageRecipientRemove      MessageType = 2
	MessageCall                 MessageType = 3
	MessageChannelNameChange    MessageType = 4
	MessageChannelIconChange    MessageType = 5
	MessagePinned               MessageType = 6
	MessageUserJoin             MessageType = 7
	MessageGuildBoost           MessageType = 8
	MessageGuildBoostTier1      MessageType = 9
	MessageGuildBoostTier2      MessageType = 10
	MessageGuildBoostTier3      MessageType = 11
	MessageChannelFollowAdd     MessageType = 12
	MessageThreadCreated        MessageType = 18
	MessageReply                MessageType = 19
	MessageChatInputCommand     MessageType = 20
	MessageThreadStarter        MessageType = 21
	MessageContextMenuCommand   MessageType = 23
	MessageAutoModerationAction MessageType = 24
	MessagePollResult           MessageType = 46
)

var messageTypeNames = map[MessageType]string{
	MessageDefault: "DEFAULT", MessageRecipientAdd: "RECIPIENT_ADD", MessageRecipientRemove: "RECIPIENT_REMOVE", MessageCall: "CALL",
	MessageChannelNameChange: "CHANNEL_NAME_CHANGE", MessageChannelIconChange: "CHANNEL_ICON_CHANGE", MessagePinned: "CHANNEL_PINNED_MESSAGE",
	MessageUserJoin: "USER_JOIN", MessageGuildBoost: "GUILD_BOOST", MessageGuildBoostTier1: "GUILD_BOOST_TIER_1",
	MessageGuildBoostTier2: "GUILD_BOOST_TIER_2", MessageGuildBoostTier3: "GUILD_BOOST_TIER_3",
	MessageChannelFollowAdd: "CHANNEL_FOLLOW_ADD", MessageThreadCreated: "THREAD_CREATED", MessageReply: "REPLY",
	MessageChatInputCommand: "CHAT_INPUT_COMMAND", MessageThreadStarter: "THREAD_STARTER_MESSAGE",
	MessageContextMenuCommand: "CONTEXT_MENU_COMMAND", MessageAutoModerationAction: "AUTO_MODERATION_ACTION", MessagePollResult: "POLL_RESULT",
}

// String returns Discord's name of the type, or its number if it is unknown.
func (t MessageType) String() string { return named(messageTypeNames, t) }
