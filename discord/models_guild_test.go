package discord_test

import (
	"encoding/json"

	"github.com/vkrouter/vk/discord"
)

func guildModels() []model {
	return []model{
		{"Guild", `{"id": "1", "name": "G", "icon": "a_i", "splash": "s", "discovery_splash": "ds", "banner": "b", "description": "d", "owner": true, "owner_id": "2",
			"permissions": "8", "region": "r", "afk_channel_id": "3", "afk_timeout": 300, "widget_enabled": true, "widget_channel_id": "4", "verification_level": 4,
			"default_message_notifications": 1, "explicit_content_filter": 2, "roles": [{"id": "5"}], "emojis": [{"id": "6"}], "stickers": [{"id": "7"}],
			"features": ["COMMUNITY"], "mfa_level": 1, "application_id": "8", "system_channel_id": "9", "system_channel_flags": 10, "rules_channel_id": "11",
			"public_updates_channel_id": "12", "safety_alerts_channel_id": "13", "max_presences": 14, "max_members": 15, "vanity_url_code": "v", "premium_tier": 3,
			"premium_subscription_count": 16, "preferred_locale": "de", "nsfw_level": 1, "max_video_channel_users": 17, "premium_progress_bar_enabled": true,
			"approximate_member_count": 18, "approximate_presence_count": 19, "joined_at": ` + at + `, "large": true, "unavailable": true, "member_count": 20,
			"voice_states": [{"user_id": "21"}], "members": [{"nick": "N"}], "channels": [{"id": "22"}], "threads": [{"id": "23"}],
			"presences": [{"status": "dnd"}], "stage_instances": [{"id": "24"}], "guild_scheduled_events": [{"id": "25"}]}`,
			discord.Guild{ID: 1, Name: "G", Icon: "a_i", Splash: "s", DiscoverySplash: "ds", Banner: "b", Description: "d", Owner: true, OwnerID: 2,
				OwnPermissions: discord.PermAdministrator, Region: "r", AFKChannelID: 3, AFKTimeout: 300, WidgetEnabled: true, WidgetChannelID: 4, VerificationLevel: discord.VerificationVeryHigh,
				Notifications: discord.NotifyOnlyMentions, ContentFilter: discord.FilterAllMembers, Roles: []discord.Role{{ID: 5}}, Emojis: []discord.Emoji{{ID: 6}}, Stickers: []discord.Sticker{{ID: 7}},
				Features: []string{"COMMUNITY"}, MFALevel: discord.MFAElevated, ApplicationID: 8, SystemChannelID: 9, SystemChannelFlags: 10, RulesChannelID: 11,
				UpdatesChannelID: 12, SafetyChannelID: 13, MaxPresences: 14, MaxMembers: 15, VanityCode: "v", PremiumTier: 3,
				Boosts: 16, PreferredLocale: "de", NSFWLevel: 1, MaxVideoUsers: 17, ProgressBar: true,
				ApproximateMembers: 18, ApproximatePresences: 19, JoinedAt: atTime, Large: true, Unavailable: true, MemberCount: 20,
				VoiceStates: []discord.VoiceState{{UserID: 21}}, Members: []discord.Member{{Nick: "N"}}, Channels: []discord.Channel{{ID: 22}}, Threads: []discord.Channel{{ID: 23}},
				Presences: []discord.PresenceUpdate{{Status: discord.StatusDND}}, StageInstances: []discord.StageInstance{{ID: 24}}, ScheduledEvents: []discord.ScheduledEvent{{ID: 25}}}},
		{"GuildEmbed", `{"enabled": true, "channel_id": "1"}`, discord.WidgetSettings{Enabled: true, ChannelID: 1}},
		{"Integration", `{"id": "1", "guild_id": "2", "name": "n", "type": "twitch", "enabled": true, "syncing": true, "role_id": "3", "enable_emoticons": true,
			"expire_behavior": 1, "expire_grace_period": 7, "user": {"id": "4"}, "account": {"id": "acc", "name": "an"}, "synced_at": ` + at + `, "subscriber_count": 5,
			"revoked": true, "application": {"id": "6", "name": "app", "icon": "i", "description": "d", "bot": {"id": "7"}}, "scopes": ["bot"]}`,
			discord.Integration{ID: 1, GuildID: 2, Name: "n", Type: "twitch", Enabled: true, Syncing: true, RoleID: 3, EnableEmoticons: true,
				ExpireBehavior: 1, ExpireGracePeriod: 7, User: &discord.User{ID: 4}, Account: discord.IntegrationAccount{ID: "acc", Name: "an"}, SyncedAt: atTime, Subscribers: 5,
				Revoked: true, Application: discord.IntegrationApplication{ID: 6, Name: "app", Icon: "i", Description: "d", Bot: &discord.User{ID: 7}}, Scopes: []string{"bot"}}},
		{"IntegrationAccount", `{"id": "not a number", "name": "n"}`, discord.IntegrationAccount{ID: "not a number", Name: "n"}},
		{"Invite", `{"code": "abc", "type": 1, "guild_id": "1", "channel_id": "2", "guild": {"id": "3"}, "channel": {"id": "4"}, "inviter": {"id": "5"}, "target_type": 2,
			"target_user": {"id": "6"}, "approximate_member_count": 7, "approximate_presence_count": 8, "expires_at": ` + at + `, "guild_scheduled_event": {"id": "9"},
			"uses": 10, "max_uses": 11, "max_age": 12, "temporary": true, "created_at": ` + at + `}`,
			discord.Invite{Code: "abc", Type: 1, GuildID: 1, ChannelID: 2, Guild: discord.Guild{ID: 3}, Channel: discord.Channel{ID: 4}, Inviter: &discord.User{ID: 5}, TargetType: 2,
				TargetUser: &discord.User{ID: 6}, ApproximateMembers: 7, ApproximatePresences: 8, ExpiresAt: atTime, ScheduledEvent: &discord.ScheduledEvent{ID: 9},
				InviteMetadata: discord.InviteMetadata{Uses: 10, MaxUses: 11, MaxAge: 12, Temporary: true, CreatedAt: atTime}}},
		{"InviteMetadata", `{"uses": 10, "max_uses": 11, "max_age": 12, "temporary": true, "created_at": ` + at + `}`,
			discord.InviteMetadata{Uses: 10, MaxUses: 11, MaxAge: 12, Temporary: true, CreatedAt: atTime}},
		{"VoiceRegion", `{"id": "eu", "name": "Europe", "vip": true, "optimal": true, "deprecated": true, "custom": true}`,
			discord.VoiceRegion{ID: "eu", Name: "Europe", VIP: true, Optimal: true, Deprecated: true, Custom: true}},
		{"Webhook", `{"id": "1", "type": 1, "guild_id": "2", "channel_id": "3", "user": {"id": "4"}, "name": "n", "avatar": "a", "token": "tok", "application_id": "5",
			"source_guild": {"id": "6"}, "source_channel": {"id": "7"}}`,
			discord.Webhook{ID: 1, Type: discord.WebhookIncoming, GuildID: 2, ChannelID: 3, User: &discord.User{ID: 4}, Name: "n", Avatar: "a", Token: discord.NewSecret("tok"), ApplicationID: 5,
				SourceGuild: discord.Guild{ID: 6}, SourceChannel: discord.Channel{ID: 7}}},
		{"StageInstance", `{"id": "1", "guild_id": "2", "channel_id": "3", "topic": "t", "privacy_level": 2, "guild_scheduled_event_id": "4"}`,
			discord.StageInstance{ID: 1, GuildID: 2, ChannelID: 3, Topic: "t", PrivacyLevel: 2, ScheduledEventID: 4}},
		{"ScheduledEvent", `{"id": "1", "guild_id": "2", "channel_id": "3", "creator_id": "4", "name": "n", "description": "d", "scheduled_start_time": ` + at + `,
			"scheduled_end_time": ` + at + `, "privacy_level": 2, "status": 1, "entity_type": 3, "entity_id": "5", "entity_metadata": {"location": "here"},
			"creator": {"id": "4"}, "user_count": 6, "image": "i"}`,
			scheduledEvent},
		{"Sticker", `{"id": "1", "pack_id": "2", "name": "n", "description": "d", "tags": "t", "type": 2, "format_type": 3, "available": true, "guild_id": "4", "user": {"id": "5"}}`,
			discord.Sticker{ID: 1, PackID: 2, Name: "n", Description: "d", Tags: "t", Type: 2, FormatType: 3, Available: true, GuildID: 4, User: &discord.User{ID: 5}}},
		{"Interaction", `{"id": "1", "application_id": "2", "type": 2, "data": {"name": "ban"}, "guild_id": "3", "channel_id": "4", "channel": {"id": "4"}, "member": {"nick": "N"},
			"user": {"id": "5"}, "token": "tok", "version": 1, "message": {"id": "6"}, "app_permissions": "8", "locale": "de", "guild_locale": "en-US", "context": 1}`,
			discord.Interaction{ID: 1, ApplicationID: 2, Type: discord.InteractionCommand, Data: json.RawMessage(`{"name": "ban"}`), GuildID: 3, ChannelID: 4, Channel: discord.Channel{ID: 4},
				Member: &discord.Member{Nick: "N"}, User: &discord.User{ID: 5}, Token: discord.NewSecret("tok"), Version: 1, Message: &discord.Message{ID: 6}, AppPermissions: discord.PermAdministrator,
				Locale: "de", GuildLocale: "en-US", Context: 1}},
	}
}

var scheduledEvent = func() discord.ScheduledEvent {
	e := discord.ScheduledEvent{ID: 1, GuildID: 2, ChannelID: 3, CreatorID: 4, Name: "n", Description: "d", Start: atTime,
		End: atTime, PrivacyLevel: 2, Status: 1, EntityType: 3, EntityID: 5, Creator: &discord.User{ID: 4}, Users: 6, Image: "i"}
	e.Metadata.Location = "here"
	return e
}()
