package discord_test

import (
	"encoding/json"
	"time"

	"github.com/vkrouter/vk/discord"
)

func kindCases() []kindCase {
	all := append(connectionCases(), guildCases()...)
	all = append(all, memberCases()...)
	return append(append(all, messageCases()...), otherCases()...)
}

const (
	guildsOnly      = discord.IntentGuilds
	messagesBoth    = discord.IntentGuildMessages | discord.IntentDirectMessages
	messagesContent = messagesBoth | discord.IntentMessageContent
	reactionsBoth   = discord.IntentGuildMessageReactions | discord.IntentDirectMessageReactions
	pollsBoth       = discord.IntentGuildMessagePolls | discord.IntentDirectMessagePolls
)

func connectionCases() []kindCase {
	return []kindCase{
		kindOf(discord.EventReady, 0, `{"v": 10, "user": {"id": "7", "username": "bot"}, "guilds": [{"id": "1", "unavailable": true}], "session_id": "s",
			"resume_gateway_url": "wss://r", "shard": [0, 2], "application": {"id": "8", "flags": 4096}}`,
			discord.Ready{Version: 10, User: discord.User{ID: 7, Username: "bot"}, Guilds: []discord.UnavailableGuild{{ID: 1, Unavailable: true}}, SessionID: "s",
				ResumeURL: "wss://r", Shard: [2]int{0, 2}, Application: discord.Application{ID: 8, Flags: discord.AppPresence}}, 0, 0, 7).seeds("ready", ""),
		kindOf(discord.EventResumed, 0, `{"_trace": ["x"]}`, discord.Resumed{}, 0, 0, 0).seeds("resumed", ""),
		kindOf(discord.EventInvalidSession, 0, `true`, discord.InvalidSession{Resumable: true}, 0, 0, 0).seeds("invalid_session", "resumable"),
		kindOf(discord.EventInvalidSession, 0, `false`, discord.InvalidSession{}, 0, 0, 0).seeds("invalid_session", "over"),
		kindOf(discord.EventRateLimited, 0, `{"opcode": 8, "retry_after": 2.5, "meta": {"guild_id": "1", "nonce": "n"}}`, rateLimited, 0, 0, 0),
		kindOf(discord.EventUserUpdate, 0, `{"id": "7", "username": "bot2"}`, discord.UserUpdate{User: discord.User{ID: 7, Username: "bot2"}}, 0, 0, 7).seeds("user_update", ""),
		kindOf(discord.EventVoiceServerUpdate, 0, `{"token": "t", "guild_id": "1", "endpoint": "eu.discord.media"}`,
			discord.VoiceServerUpdate{Token: discord.NewSecret("t"), GuildID: 1, Endpoint: "eu.discord.media"}, 1, 0, 0).seeds("voice_server_update", ""),
		kindOf(discord.EventVoiceServerUpdate, 0, `{"token": "t", "guild_id": "1", "endpoint": null}`,
			discord.VoiceServerUpdate{Token: discord.NewSecret("t"), GuildID: 1}, 1, 0, 0).seeds("voice_server_update", "null endpoint"),
		kindOf(discord.EventInteractionCreate, 0, `{"id": "9", "type": 3, "guild_id": "1", "channel_id": "2", "member": {"user": {"id": "3"}}, "token": "t", "data": {"custom_id": "x"}}`,
			discord.InteractionCreate{Interaction: discord.Interaction{ID: 9, Type: discord.InteractionComponent, GuildID: 1, ChannelID: 2, Member: &discord.Member{User: &discord.User{ID: 3}},
				Token: discord.NewSecret("t"), Data: json.RawMessage(`{"custom_id": "x"}`)}}, 1, 2, 3),
	}
}

var rateLimited = func() (r discord.RateLimited) {
	r.Opcode, r.RetryAfter, r.Meta.GuildID, r.Meta.Nonce = discord.OpRequestMembers, 2.5, 1, "n"
	return r
}()

func guildCases() []kindCase {
	channel := discord.Channel{ID: 2, GuildID: 1, Name: "general"}
	const channelData = `{"id": "2", "guild_id": "1", "name": "general", "type": 0}`
	thread := discord.Channel{ID: 5, GuildID: 1, ParentID: 2, Type: discord.ChannelPublicThread, NewlyCreated: true}
	const threadData = `{"id": "5", "guild_id": "1", "parent_id": "2", "type": 11, "newly_created": true}`
	guild := discord.Guild{ID: 1, Name: "G", Channels: []discord.Channel{{ID: 2}}, Members: []discord.Member{{User: &discord.User{ID: 3}}}, MemberCount: 1}
	const guildData = `{"id": "1", "name": "G", "channels": [{"id": "2"}], "members": [{"user": {"id": "3"}}], "member_count": 1}`
	stage := discord.StageInstance{ID: 4, GuildID: 1, ChannelID: 2, Topic: "t"}
	const stageData = `{"id": "4", "guild_id": "1", "channel_id": "2", "topic": "t"}`
	integration := discord.Integration{ID: 4, GuildID: 1, Name: "n", User: &discord.User{ID: 3}}
	const integrationData = `{"id": "4", "guild_id": "1", "name": "n", "user": {"id": "3"}}`
	return []kindCase{
		kindOf(discord.EventChannelCreate, guildsOnly, channelData, discord.ChannelCreate{Channel: channel}, 1, 2, 0).seeds("channel_create", ""),
		kindOf(discord.EventChannelUpdate, guildsOnly, channelData, discord.ChannelUpdate{Channel: channel}, 1, 2, 0).seeds("channel_update", ""),
		kindOf(discord.EventChannelDelete, guildsOnly, channelData, discord.ChannelDelete{Channel: channel}, 1, 2, 0).seeds("channel_delete", ""),
		kindOf(discord.EventPinsUpdate, guildsOnly|discord.IntentDirectMessages, `{"guild_id": "1", "channel_id": "2", "last_pin_timestamp": `+at+`}`,
			discord.PinsUpdate{GuildID: 1, ChannelID: 2, LastPin: atTime}, 1, 2, 0).seeds("channel_pin", "with a time"),
		kindOf(discord.EventPinsUpdate, guildsOnly|discord.IntentDirectMessages, `{"guild_id": "1", "channel_id": "2", "last_pin_timestamp": null}`,
			discord.PinsUpdate{GuildID: 1, ChannelID: 2}, 1, 2, 0).seeds("channel_pin", "null"),
		kindOf(discord.EventPinsUpdate, guildsOnly|discord.IntentDirectMessages, `{"channel_id": "2"}`, discord.PinsUpdate{ChannelID: 2}, 0, 2, 0).seeds("channel_pin", "no time"),
		kindOf(discord.EventThreadCreate, guildsOnly, threadData, discord.ThreadCreate{Channel: thread}, 1, 5, 0),
		kindOf(discord.EventThreadUpdate, guildsOnly, threadData, discord.ThreadUpdate{Channel: thread}, 1, 5, 0),
		kindOf(discord.EventThreadDelete, guildsOnly, threadData, discord.ThreadDelete{ID: 5, GuildID: 1, ParentID: 2, Type: discord.ChannelPublicThread}, 1, 5, 0),
		kindOf(discord.EventThreadListSync, guildsOnly, `{"guild_id": "1", "channel_ids": ["2"], "threads": [`+threadData+`], "members": [{"id": "5", "user_id": "7"}]}`,
			discord.ThreadListSync{GuildID: 1, ChannelIDs: []discord.ID{2}, Threads: []discord.Channel{thread}, Members: []discord.ThreadMember{{ThreadID: 5, UserID: 7}}}, 1, 0, 0),
		kindOf(discord.EventThreadMemberUpdate, guildsOnly, `{"id": "5", "user_id": "7", "guild_id": "1", "flags": 1}`,
			discord.ThreadMemberUpdate{ThreadMember: discord.ThreadMember{ThreadID: 5, UserID: 7, GuildID: 1, Flags: 1}}, 1, 5, 7),
		kindOf(discord.EventThreadMembersUpdate, guildsOnly|discord.IntentGuildMembers, `{"id": "5", "guild_id": "1", "member_count": 2, "added_members": [{"user_id": "3"}], "removed_member_ids": ["4"]}`,
			discord.ThreadMembersUpdate{ThreadID: 5, GuildID: 1, MemberCount: 2, Added: []discord.ThreadMember{{UserID: 3}}, Removed: []discord.ID{4}}, 1, 5, 0),
		kindOf(discord.EventGuildCreate, guildsOnly, guildData, discord.GuildCreate{Guild: guild}, 1, 0, 0).seeds("guild_create", ""),
		kindOf(discord.EventGuildCreate, guildsOnly, `{"id": "1", "unavailable": true}`, discord.GuildCreate{Guild: discord.Guild{ID: 1, Unavailable: true}}, 1, 0, 0).seeds("guild_create", "unavailable"),
		kindOf(discord.EventGuildUpdate, guildsOnly, guildData, discord.GuildUpdate{Guild: guild}, 1, 0, 0),
		kindOf(discord.EventGuildDelete, guildsOnly, `{"id": "1", "unavailable": true}`, discord.GuildDelete{ID: 1, Unavailable: true}, 1, 0, 0).seeds("guild_delete", "outage"),
		kindOf(discord.EventGuildDelete, guildsOnly, `{"id": "1"}`, discord.GuildDelete{ID: 1}, 1, 0, 0).seeds("guild_delete", "removed"),
		kindOf(discord.EventEmojisUpdate, discord.IntentGuildExpressions, `{"guild_id": "1", "emojis": [{"id": "4", "name": "e"}]}`,
			discord.EmojisUpdate{GuildID: 1, Emojis: []discord.Emoji{{ID: 4, Name: "e"}}}, 1, 0, 0).seeds("guild_emojis_update", ""),
		kindOf(discord.EventStickersUpdate, discord.IntentGuildExpressions, `{"guild_id": "1", "stickers": [{"id": "4"}]}`,
			discord.StickersUpdate{GuildID: 1, Stickers: []discord.Sticker{{ID: 4}}}, 1, 0, 0),
		kindOf(discord.EventIntegrationsUpdate, discord.IntentGuildIntegrations, `{"guild_id": "1"}`, discord.IntegrationsUpdate{GuildID: 1}, 1, 0, 0).seeds("guild_integrations_update", ""),
		kindOf(discord.EventIntegrationCreate, discord.IntentGuildIntegrations, integrationData, discord.IntegrationCreate{Integration: integration}, 1, 0, 3),
		kindOf(discord.EventIntegrationUpdate, discord.IntentGuildIntegrations, integrationData, discord.IntegrationUpdate{Integration: integration}, 1, 0, 3),
		kindOf(discord.EventIntegrationDelete, discord.IntentGuildIntegrations, `{"id": "4", "guild_id": "1", "application_id": "5"}`,
			discord.IntegrationDelete{ID: 4, GuildID: 1, ApplicationID: 5}, 1, 0, 0),
		kindOf(discord.EventWebhooksUpdate, discord.IntentGuildWebhooks, `{"guild_id": "1", "channel_id": "2"}`, discord.WebhooksUpdate{GuildID: 1, ChannelID: 2}, 1, 2, 0).seeds("webhooks_update", ""),
		kindOf(discord.EventInviteCreate, discord.IntentGuildInvites, `{"guild_id": "1", "channel_id": "2", "code": "abc", "inviter": {"id": "3"}, "max_uses": 5, "max_age": 60, "created_at": `+at+`}`,
			discord.InviteCreate{Invite: discord.Invite{GuildID: 1, ChannelID: 2, Code: "abc", Inviter: &discord.User{ID: 3}, InviteMetadata: discord.InviteMetadata{MaxUses: 5, MaxAge: 60, CreatedAt: atTime}}}, 1, 2, 3),
		kindOf(discord.EventInviteDelete, discord.IntentGuildInvites, `{"guild_id": "1", "channel_id": "2", "code": "abc"}`, discord.InviteDelete{GuildID: 1, ChannelID: 2, Code: "abc"}, 1, 2, 0),
		kindOf(discord.EventStageCreate, guildsOnly, stageData, discord.StageCreate{StageInstance: stage}, 1, 2, 0),
		kindOf(discord.EventStageUpdate, guildsOnly, stageData, discord.StageUpdate{StageInstance: stage}, 1, 2, 0),
		kindOf(discord.EventStageDelete, guildsOnly, stageData, discord.StageDelete{StageInstance: stage}, 1, 2, 0),
	}
}

func memberCases() []kindCase {
	const members, moderation = discord.IntentGuildMembers, discord.IntentGuildModeration
	user := discord.User{ID: 3, Username: "anna"}
	const userData = `{"id": "3", "username": "anna"}`
	role := discord.Role{ID: 4, Name: "mods", Permissions: discord.PermBanMembers}
	const roleData = `{"guild_id": "1", "role": {"id": "4", "name": "mods", "permissions": "4"}}`
	return []kindCase{
		kindOf(discord.EventMemberAdd, members, `{"guild_id": "1", "user": `+userData+`, "roles": [], "joined_at": `+at+`}`,
			discord.MemberAdd{Member: discord.Member{GuildID: 1, User: &user, JoinedAt: atTime}}, 1, 0, 3).seeds("guild_member_add", ""),
		kindOf(discord.EventMemberRemove, members, `{"guild_id": "1", "user": `+userData+`}`, discord.MemberRemove{GuildID: 1, User: user}, 1, 0, 3).seeds("guild_member_remove", ""),
		kindOf(discord.EventMemberUpdate, members, `{"guild_id": "1", "user": `+userData+`, "roles": ["4", "5"], "nick": "Nick"}`,
			discord.MemberUpdate{Member: discord.Member{GuildID: 1, User: &user, Roles: []discord.ID{4, 5}, Nick: "Nick"}}, 1, 0, 3).seeds("guild_member_update", ""),
		kindOf(discord.EventMemberUpdate, members, `{"guild_id": "1", "user": `+userData+`, "roles": [], "nick": null, "joined_at": null}`,
			discord.MemberUpdate{Member: discord.Member{GuildID: 1, User: &user}}, 1, 0, 3).seeds("guild_member_update", "null nick"),
		kindOf(discord.EventMembersChunk, 0, `{"guild_id": "1", "members": [{"user": `+userData+`}], "chunk_index": 1, "chunk_count": 2, "not_found": ["5"], "presences": [{"status": "idle"}], "nonce": "n"}`,
			discord.MembersChunk{GuildID: 1, Members: []discord.Member{{User: &user}}, Index: 1, Count: 2, NotFound: []discord.ID{5}, Presences: []discord.PresenceUpdate{{Status: discord.StatusIdle}}, Nonce: "n"}, 1, 0, 0).seeds("guild_members_chunk", ""),
		kindOf(discord.EventRoleCreate, guildsOnly, roleData, discord.RoleCreate{GuildID: 1, Role: role}, 1, 0, 0).seeds("guild_role_create", ""),
		kindOf(discord.EventRoleUpdate, guildsOnly, roleData, discord.RoleUpdate{GuildID: 1, Role: role}, 1, 0, 0).seeds("guild_role_update", ""),
		kindOf(discord.EventRoleDelete, guildsOnly, `{"guild_id": "1", "role_id": "4"}`, discord.RoleDelete{GuildID: 1, RoleID: 4}, 1, 0, 0).seeds("guild_role_delete", ""),
		kindOf(discord.EventBanAdd, moderation, `{"guild_id": "1", "user": `+userData+`}`, discord.BanAdd{GuildID: 1, User: user}, 1, 0, 3).seeds("ban", ""),
		kindOf(discord.EventBanRemove, moderation, `{"guild_id": "1", "user": `+userData+`}`, discord.BanRemove{GuildID: 1, User: user}, 1, 0, 3).seeds("ban_remove", ""),
		kindOf(discord.EventPresenceUpdate, discord.IntentGuildPresences, `{"user": {"id": "3"}, "guild_id": "1", "status": "dnd", "activities": [{"name": "Chess", "type": 0, "created_at": 5}], "client_status": {"mobile": "dnd"}}`,
			discord.PresenceUpdate{User: discord.User{ID: 3}, GuildID: 1, Status: discord.StatusDND, Activities: []discord.Activity{{Name: "Chess", CreatedAt: 5}}, ClientStatus: discord.ClientStatus{Mobile: discord.StatusDND}}, 1, 0, 3).seeds("presence_update", "a user with an id only"),
		kindOf(discord.EventVoiceStateUpdate, discord.IntentGuildVoiceStates, `{"guild_id": "1", "channel_id": "2", "user_id": "3", "session_id": "s", "self_mute": true, "member": {"user": `+userData+`}}`,
			discord.VoiceStateUpdate{VoiceState: discord.VoiceState{GuildID: 1, ChannelID: 2, UserID: 3, SessionID: "s", SelfMute: true, Member: &discord.Member{User: &user}}}, 1, 2, 3).seeds("voice_state_update", ""),
		kindOf(discord.EventVoiceStateUpdate, discord.IntentGuildVoiceStates, `{"guild_id": "1", "channel_id": null, "user_id": "3", "session_id": "s"}`,
			discord.VoiceStateUpdate{VoiceState: discord.VoiceState{GuildID: 1, UserID: 3, SessionID: "s"}}, 1, 0, 3).seeds("voice_state_update", "left"),
		kindOf(discord.EventVoiceChannelEffect, discord.IntentGuildVoiceStates, `{"guild_id": "1", "channel_id": "2", "user_id": "3", "emoji": {"name": "🔥"}, "animation_type": 1, "animation_id": 4, "sound_id": 5, "sound_volume": 0.5}`,
			discord.VoiceChannelEffect{GuildID: 1, ChannelID: 2, UserID: 3, Emoji: &discord.Emoji{Name: "🔥"}, AnimationType: 1, AnimationID: 4, SoundID: 5, SoundVolume: 0.5}, 1, 2, 3),
	}
}

func messageCases() []kindCase {
	emoji := discord.Emoji{Name: "👍"}
	return []kindCase{
		kindOf(discord.EventMessageCreate, messagesContent, `{"id": "5", "channel_id": "2", "guild_id": "1", "author": {"id": "3", "username": "anna"}, "member": {"roles": ["4"], "user": null}, "content": "hi", "mentions": [], "timestamp": `+at+`}`,
			discord.MessageCreate{Message: discord.Message{ID: 5, ChannelID: 2, GuildID: 1, Author: discord.User{ID: 3, Username: "anna"}, Member: &discord.Member{Roles: []discord.ID{4}}, Content: "hi", Timestamp: atTime}}, 1, 2, 3).seeds("message", ""),
		kindOf(discord.EventMessageUpdate, messagesContent, `{"id": "5", "channel_id": "2", "embeds": [{"url": "u"}]}`,
			discord.MessageUpdate{Message: discord.Message{ID: 5, ChannelID: 2, Embeds: []discord.Embed{{URL: "u"}}}}, 0, 2, 0).seeds("message_update", "partial"),
		kindOf(discord.EventMessageDelete, messagesBoth, `{"id": "5", "channel_id": "2", "guild_id": "1"}`, discord.MessageDelete{ID: 5, ChannelID: 2, GuildID: 1}, 1, 2, 0).seeds("message_delete", ""),
		kindOf(discord.EventMessageDeleteBulk, discord.IntentGuildMessages, `{"ids": ["5", "6"], "channel_id": "2", "guild_id": "1"}`,
			discord.MessageDeleteBulk{IDs: []discord.ID{5, 6}, ChannelID: 2, GuildID: 1}, 1, 2, 0).seeds("message_delete_bulk", ""),
		kindOf(discord.EventReactionAdd, reactionsBoth, `{"user_id": "3", "channel_id": "2", "message_id": "5", "guild_id": "1", "member": {"user": {"id": "3"}}, "emoji": {"id": null, "name": "👍"}, "message_author_id": "6", "burst": true, "burst_colors": ["#fff"], "type": 1}`,
			discord.ReactionAdd{UserID: 3, ChannelID: 2, MessageID: 5, GuildID: 1, Member: &discord.Member{User: &discord.User{ID: 3}}, Emoji: emoji, AuthorID: 6, Burst: true, BurstColors: []string{"#fff"}, Type: 1}, 1, 2, 3).seeds("message_reaction_add", ""),
		kindOf(discord.EventReactionRemove, reactionsBoth, `{"user_id": "3", "channel_id": "2", "message_id": "5", "guild_id": "1", "emoji": {"id": null, "name": "👍"}, "burst": true, "type": 1}`,
			discord.ReactionRemove{UserID: 3, ChannelID: 2, MessageID: 5, GuildID: 1, Emoji: emoji, Burst: true, Type: 1}, 1, 2, 3).seeds("message_reaction_remove", ""),
		kindOf(discord.EventReactionRemoveAll, reactionsBoth, `{"channel_id": "2", "message_id": "5", "guild_id": "1"}`,
			discord.ReactionRemoveAll{ChannelID: 2, MessageID: 5, GuildID: 1}, 1, 2, 0).seeds("message_reaction_remove_all", ""),
		kindOf(discord.EventReactionRemoveEmoji, reactionsBoth, `{"channel_id": "2", "message_id": "5", "guild_id": "1", "emoji": {"id": "8", "name": null}}`,
			discord.ReactionRemoveEmoji{ChannelID: 2, MessageID: 5, GuildID: 1, Emoji: discord.Emoji{ID: 8}}, 1, 2, 0),
		kindOf(discord.EventPollVoteAdd, pollsBoth, `{"user_id": "3", "channel_id": "2", "message_id": "5", "guild_id": "1", "answer_id": 4}`,
			discord.PollVoteAdd{UserID: 3, ChannelID: 2, MessageID: 5, GuildID: 1, AnswerID: 4}, 1, 2, 3),
		kindOf(discord.EventPollVoteRemove, pollsBoth, `{"user_id": "3", "channel_id": "2", "message_id": "5", "answer_id": 4}`,
			discord.PollVoteRemove{UserID: 3, ChannelID: 2, MessageID: 5, AnswerID: 4}, 0, 2, 3),
		kindOf(discord.EventTypingStart, discord.IntentGuildMessageTyping|discord.IntentDirectMessageTyping, `{"channel_id": "2", "guild_id": "1", "user_id": "3", "timestamp": 1700000000, "member": {"nick": "N"}}`,
			discord.TypingStart{ChannelID: 2, GuildID: 1, UserID: 3, Timestamp: time.Unix(1700000000, 0).UTC(), Member: &discord.Member{Nick: "N"}}, 1, 2, 3).seeds("typing_start", "in seconds"),
	}
}

func otherCases() []kindCase {
	const scheduled, rules = discord.IntentGuildScheduledEvents, discord.IntentAutoModConfiguration
	const eventData = `{"id": "1", "guild_id": "2", "channel_id": "3", "creator_id": "4", "name": "n", "description": "d", "scheduled_start_time": ` + at + `,
		"scheduled_end_time": ` + at + `, "privacy_level": 2, "status": 1, "entity_type": 3, "entity_id": "5", "entity_metadata": {"location": "here"},
		"creator": {"id": "4"}, "user_count": 6, "image": "i"}`
	const userData = `{"guild_scheduled_event_id": "5", "user_id": "3", "guild_id": "1"}`
	const ruleData = `{"id": "4", "guild_id": "1", "name": "n", "creator_id": "3", "event_type": 1, "trigger_type": 5, "trigger_metadata": {"mention_total_limit": 3},
		"actions": [{"type": 3, "metadata": {"channel_id": "2", "duration_seconds": 60, "custom_message": "m"}}], "enabled": true, "exempt_roles": ["6"], "exempt_channels": ["7"]}`
	action := discord.AutoModRuleAction{Type: 3}
	action.Metadata.ChannelID, action.Metadata.Duration, action.Metadata.CustomMessage = 2, 60, "m"
	rule := discord.AutoModRule{ID: 4, GuildID: 1, Name: "n", CreatorID: 3, EventType: 1, TriggerType: 5, TriggerMetadata: json.RawMessage(`{"mention_total_limit": 3}`),
		Actions: []discord.AutoModRuleAction{action}, Enabled: true, ExemptRoles: []discord.ID{6}, ExemptChannels: []discord.ID{7}}
	return []kindCase{
		kindOf(discord.EventScheduledEventCreate, scheduled, eventData, discord.ScheduledEventCreate{ScheduledEvent: scheduledEvent}, 2, 3, 0),
		kindOf(discord.EventScheduledEventUpdate, scheduled, eventData, discord.ScheduledEventUpdate{ScheduledEvent: scheduledEvent}, 2, 3, 0),
		kindOf(discord.EventScheduledEventDelete, scheduled, eventData, discord.ScheduledEventDelete{ScheduledEvent: scheduledEvent}, 2, 3, 0),
		kindOf(discord.EventScheduledEventUserAdd, scheduled, userData, discord.ScheduledEventUserAdd{ScheduledEventID: 5, UserID: 3, GuildID: 1}, 1, 0, 3),
		kindOf(discord.EventScheduledEventUserRemove, scheduled, userData, discord.ScheduledEventUserRemove{ScheduledEventID: 5, UserID: 3, GuildID: 1}, 1, 0, 3),
		kindOf(discord.EventAutoModRuleCreate, rules, ruleData, discord.AutoModRuleCreate{AutoModRule: rule}, 1, 0, 0),
		kindOf(discord.EventAutoModRuleUpdate, rules, ruleData, discord.AutoModRuleUpdate{AutoModRule: rule}, 1, 0, 0),
		kindOf(discord.EventAutoModRuleDelete, rules, ruleData, discord.AutoModRuleDelete{AutoModRule: rule}, 1, 0, 0),
		kindOf(discord.EventAutoModAction, discord.IntentAutoModExecution, `{"guild_id": "1", "action": {"type": 3, "metadata": {"channel_id": "2", "duration_seconds": 60, "custom_message": "m"}}, "rule_id": "4", "rule_trigger_type": 5,
			"user_id": "3", "channel_id": "2", "message_id": "6", "alert_system_message_id": "7", "content": "c", "matched_keyword": "k", "matched_content": "mc"}`,
			discord.AutoModAction{GuildID: 1, Action: action, RuleID: 4, TriggerType: 5, UserID: 3, ChannelID: 2, MessageID: 6, AlertMessageID: 7, Content: "c", MatchedKeyword: "k", MatchedContent: "mc"}, 1, 2, 3),
	}
}
