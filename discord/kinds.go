package discord

import "reflect"

// A Kind names a kind of event and ties it to the type of its data, so that a
// listener of the wrong type does not compile.
type Kind[T any] string

// The kinds of events. A kind that is not here arrives as well, and is listened to
// by its name; so any kind can be, with the data as Discord sent it:
//
//	discord.Kind[json.RawMessage]("MESSAGE_CREATE")
const (
	EventReady   Kind[Ready]   = "READY"   // a new session began
	EventResumed Kind[Resumed] = "RESUMED" // the session was resumed; all missed events came before

	// EventInvalidSession is not a dispatch, but opcode 9: the session is over.
	EventInvalidSession Kind[InvalidSession] = "INVALID_SESSION"

	// EventRateLimited says that the gateway refused a request because there were
	// too many.
	EventRateLimited Kind[RateLimited] = "RATE_LIMITED"

	EventChannelCreate Kind[ChannelCreate] = "CHANNEL_CREATE"
	EventChannelUpdate Kind[ChannelUpdate] = "CHANNEL_UPDATE"
	EventChannelDelete Kind[ChannelDelete] = "CHANNEL_DELETE"
	EventPinsUpdate    Kind[PinsUpdate]    = "CHANNEL_PINS_UPDATE" // a message was pinned or unpinned

	EventThreadCreate        Kind[ThreadCreate]        = "THREAD_CREATE" // a thread began, or the bot was added to one
	EventThreadUpdate        Kind[ThreadUpdate]        = "THREAD_UPDATE"
	EventThreadDelete        Kind[ThreadDelete]        = "THREAD_DELETE"
	EventThreadListSync      Kind[ThreadListSync]      = "THREAD_LIST_SYNC" // the bot can see a channel with threads now
	EventThreadMemberUpdate  Kind[ThreadMemberUpdate]  = "THREAD_MEMBER_UPDATE"
	EventThreadMembersUpdate Kind[ThreadMembersUpdate] = "THREAD_MEMBERS_UPDATE"

	EventGuildCreate        Kind[GuildCreate]        = "GUILD_CREATE" // after Ready, after an outage, or the bot joined
	EventGuildUpdate        Kind[GuildUpdate]        = "GUILD_UPDATE"
	EventGuildDelete        Kind[GuildDelete]        = "GUILD_DELETE" // an outage began, or the bot left or was removed
	EventEmojisUpdate       Kind[EmojisUpdate]       = "GUILD_EMOJIS_UPDATE"
	EventStickersUpdate     Kind[StickersUpdate]     = "GUILD_STICKERS_UPDATE"
	EventIntegrationsUpdate Kind[IntegrationsUpdate] = "GUILD_INTEGRATIONS_UPDATE"
	EventIntegrationCreate  Kind[IntegrationCreate]  = "INTEGRATION_CREATE"
	EventIntegrationUpdate  Kind[IntegrationUpdate]  = "INTEGRATION_UPDATE"
	EventIntegrationDelete  Kind[IntegrationDelete]  = "INTEGRATION_DELETE"
	EventWebhooksUpdate     Kind[WebhooksUpdate]     = "WEBHOOKS_UPDATE"
	EventInviteCreate       Kind[InviteCreate]       = "INVITE_CREATE"
	EventInviteDelete       Kind[InviteDelete]       = "INVITE_DELETE"

	EventMemberAdd    Kind[MemberAdd]    = "GUILD_MEMBER_ADD"
	EventMemberRemove Kind[MemberRemove] = "GUILD_MEMBER_REMOVE" // left, was kicked or banned
	EventMemberUpdate Kind[MemberUpdate] = "GUILD_MEMBER_UPDATE"
	EventMembersChunk Kind[MembersChunk] = "GUILD_MEMBERS_CHUNK" // an answer to a request for members
	EventRoleCreate   Kind[RoleCreate]   = "GUILD_ROLE_CREATE"
	EventRoleUpdate   Kind[RoleUpdate]   = "GUILD_ROLE_UPDATE"
	EventRoleDelete   Kind[RoleDelete]   = "GUILD_ROLE_DELETE"
	EventBanAdd       Kind[BanAdd]       = "GUILD_BAN_ADD"
	EventBanRemove    Kind[BanRemove]    = "GUILD_BAN_REMOVE"

	EventMessageCreate       Kind[MessageCreate]       = "MESSAGE_CREATE"
	EventMessageUpdate       Kind[MessageUpdate]       = "MESSAGE_UPDATE"
	EventMessageDelete       Kind[MessageDelete]       = "MESSAGE_DELETE"
	EventMessageDeleteBulk   Kind[MessageDeleteBulk]   = "MESSAGE_DELETE_BULK"
	EventReactionAdd         Kind[ReactionAdd]         = "MESSAGE_REACTION_ADD"
	EventReactionRemove      Kind[ReactionRemove]      = "MESSAGE_REACTION_REMOVE"
	EventReactionRemoveAll   Kind[ReactionRemoveAll]   = "MESSAGE_REACTION_REMOVE_ALL"
	EventReactionRemoveEmoji Kind[ReactionRemoveEmoji] = "MESSAGE_REACTION_REMOVE_EMOJI"
	EventPollVoteAdd         Kind[PollVoteAdd]         = "MESSAGE_POLL_VOTE_ADD"
	EventPollVoteRemove      Kind[PollVoteRemove]      = "MESSAGE_POLL_VOTE_REMOVE"

	EventPresenceUpdate Kind[PresenceUpdate] = "PRESENCE_UPDATE"
	EventTypingStart    Kind[TypingStart]    = "TYPING_START"
	EventUserUpdate     Kind[UserUpdate]     = "USER_UPDATE" // the bot's own user was changed

	EventVoiceStateUpdate   Kind[VoiceStateUpdate]   = "VOICE_STATE_UPDATE" // a user joined, left or moved
	EventVoiceServerUpdate  Kind[VoiceServerUpdate]  = "VOICE_SERVER_UPDATE"
	EventVoiceChannelEffect Kind[VoiceChannelEffect] = "VOICE_CHANNEL_EFFECT_SEND"
	EventStageCreate        Kind[StageCreate]        = "STAGE_INSTANCE_CREATE"
	EventStageUpdate        Kind[StageUpdate]        = "STAGE_INSTANCE_UPDATE"
	EventStageDelete        Kind[StageDelete]        = "STAGE_INSTANCE_DELETE"

	EventScheduledEventCreate     Kind[ScheduledEventCreate]     = "GUILD_SCHEDULED_EVENT_CREATE"
	EventScheduledEventUpdate     Kind[ScheduledEventUpdate]     = "GUILD_SCHEDULED_EVENT_UPDATE"
	EventScheduledEventDelete     Kind[ScheduledEventDelete]     = "GUILD_SCHEDULED_EVENT_DELETE"
	EventScheduledEventUserAdd    Kind[ScheduledEventUserAdd]    = "GUILD_SCHEDULED_EVENT_USER_ADD"
	EventScheduledEventUserRemove Kind[ScheduledEventUserRemove] = "GUILD_SCHEDULED_EVENT_USER_REMOVE"

	EventAutoModRuleCreate Kind[AutoModRuleCreate] = "AUTO_MODERATION_RULE_CREATE"
	EventAutoModRuleUpdate Kind[AutoModRuleUpdate] = "AUTO_MODERATION_RULE_UPDATE"
	EventAutoModRuleDelete Kind[AutoModRuleDelete] = "AUTO_MODERATION_RULE_DELETE"
	EventAutoModAction     Kind[AutoModAction]     = "AUTO_MODERATION_ACTION_EXECUTION"

	EventInteractionCreate Kind[InteractionCreate] = "INTERACTION_CREATE"
)

// Name returns Discord's name of the kind.
func (k Kind[T]) Name() string { return string(k) }

// Intents returns the intents that the gateway needs to send events of the kind,
// both in guilds and in DMs. For messages, that includes [IntentMessageContent]:
// without it, most messages come without their text. It is zero for kinds that come
// without an intent, and for those that are unknown here.
func (k Kind[T]) Intents() Intents { return kindTable[string(k)].intents }

// A knownKind is the name, the type and the intents of a kind of event.
type knownKind struct {
	name    string
	typ     reflect.Type
	intents Intents
}

var kindTable = tieKinds()

func tie[T any](t map[string]knownKind, k Kind[T], i Intents) {
	t[string(k)] = knownKind{string(k), reflect.TypeFor[T](), i}
}

func tieKinds() map[string]knownKind {
	t := make(map[string]knownKind, 96)
	tieConnection(t)
	tieGuild(t)
	tieMembers(t)
	tieMessages(t)
	tieOthers(t)
	return t
}

func tieConnection(t map[string]knownKind) {
	tie(t, EventReady, 0)
	tie(t, EventResumed, 0)
	tie(t, EventInvalidSession, 0)
	tie(t, EventRateLimited, 0)
	tie(t, EventInteractionCreate, 0)
	tie(t, EventUserUpdate, 0)
	tie(t, EventVoiceServerUpdate, 0)
}

func tieGuild(t map[string]knownKind) {
	tie(t, EventChannelCreate, IntentGuilds)
	tie(t, EventChannelUpdate, IntentGuilds)
	tie(t, EventChannelDelete, IntentGuilds)
	tie(t, EventPinsUpdate, IntentGuilds|IntentDirectMessages)
	tie(t, EventThreadCreate, IntentGuilds)
	tie(t, EventThreadUpdate, IntentGuilds)
	tie(t, EventThreadDelete, IntentGuilds)
	tie(t, EventThreadListSync, IntentGuilds)
	tie(t, EventThreadMemberUpdate, IntentGuilds)
	tie(t, EventThreadMembersUpdate, IntentGuilds|IntentGuildMembers)
	tie(t, EventGuildCreate, IntentGuilds)
	tie(t, EventGuildUpdate, IntentGuilds)
	tie(t, EventGuildDelete, IntentGuilds)
	tie(t, EventRoleCreate, IntentGuilds)
	tie(t, EventRoleUpdate, IntentGuilds)
	tie(t, EventRoleDelete, IntentGuilds)
	tie(t, EventStageCreate, IntentGuilds)
	tie(t, EventStageUpdate, IntentGuilds)
	tie(t, EventStageDelete, IntentGuilds)
	tie(t, EventEmojisUpdate, IntentGuildExpressions)
	tie(t, EventStickersUpdate, IntentGuildExpressions)
	tie(t, EventIntegrationsUpdate, IntentGuildIntegrations)
	tie(t, EventIntegrationCreate, IntentGuildIntegrations)
	tie(t, EventIntegrationUpdate, IntentGuildIntegrations)
	tie(t, EventIntegrationDelete, IntentGuildIntegrations)
	tie(t, EventWebhooksUpdate, IntentGuildWebhooks)
	tie(t, EventInviteCreate, IntentGuildInvites)
	tie(t, EventInviteDelete, IntentGuildInvites)
}

func tieMembers(t map[string]knownKind) {
	tie(t, EventMemberAdd, IntentGuildMembers)
	tie(t, EventMemberRemove, IntentGuildMembers)
	tie(t, EventMemberUpdate, IntentGuildMembers)
	tie(t, EventMembersChunk, 0)
	tie(t, EventBanAdd, IntentGuildModeration)
	tie(t, EventBanRemove, IntentGuildModeration)
	tie(t, EventPresenceUpdate, IntentGuildPresences)
	tie(t, EventVoiceStateUpdate, IntentGuildVoiceStates)
	tie(t, EventVoiceChannelEffect, IntentGuildVoiceStates)
}

func tieMessages(t map[string]knownKind) {
	const messages = IntentGuildMessages | IntentDirectMessages
	const reactions = IntentGuildMessageReactions | IntentDirectMessageReactions
	const polls = IntentGuildMessagePolls | IntentDirectMessagePolls
	tie(t, EventMessageCreate, messages|IntentMessageContent)
	tie(t, EventMessageUpdate, messages|IntentMessageContent)
	tie(t, EventMessageDelete, messages)
	tie(t, EventMessageDeleteBulk, IntentGuildMessages)
	tie(t, EventReactionAdd, reactions)
	tie(t, EventReactionRemove, reactions)
	tie(t, EventReactionRemoveAll, reactions)
	tie(t, EventReactionRemoveEmoji, reactions)
	tie(t, EventPollVoteAdd, polls)
	tie(t, EventPollVoteRemove, polls)
	tie(t, EventTypingStart, IntentGuildMessageTyping|IntentDirectMessageTyping)
}

func tieOthers(t map[string]knownKind) {
	tie(t, EventScheduledEventCreate, IntentGuildScheduledEvents)
	tie(t, EventScheduledEventUpdate, IntentGuildScheduledEvents)
	tie(t, EventScheduledEventDelete, IntentGuildScheduledEvents)
	tie(t, EventScheduledEventUserAdd, IntentGuildScheduledEvents)
	tie(t, EventScheduledEventUserRemove, IntentGuildScheduledEvents)
	tie(t, EventAutoModRuleCreate, IntentAutoModConfiguration)
	tie(t, EventAutoModRuleUpdate, IntentAutoModConfiguration)
	tie(t, EventAutoModRuleDelete, IntentAutoModConfiguration)
	tie(t, EventAutoModAction, IntentAutoModExecution)
}
