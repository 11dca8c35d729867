package discord_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/versus"
)

func channelModels() []model {
	return []model{
		{"Channel", `{"id": "1", "type": 15, "guild_id": "2", "position": 3, "permission_overwrites": [{"id": "4", "type": 1, "allow": "1024", "deny": "2048"}], "name": "n",
			"topic": "t", "nsfw": true, "last_message_id": "5", "bitrate": 64000, "user_limit": 6, "rate_limit_per_user": 7, "recipients": [{"id": "8"}], "icon": "i",
			"owner_id": "9", "application_id": "10", "managed": true, "parent_id": "11", "last_pin_timestamp": ` + at + `, "rtc_region": "eu", "video_quality_mode": 2,
			"permissions": "8", "flags": 12, "default_auto_archive_duration": 60, "default_thread_rate_limit_per_user": 13,
			"available_tags": [{"id": "14", "name": "tag", "moderated": true, "emoji_id": "15", "emoji_name": "e"}], "applied_tags": ["16"],
			"default_reaction_emoji": {"emoji_id": "17", "emoji_name": "f"}, "default_sort_order": 1, "default_forum_layout": 2, "message_count": 18, "total_message_sent": 19,
			"member_count": 20, "thread_metadata": {"archived": true, "auto_archive_duration": 1440, "archive_timestamp": ` + at + `, "locked": true, "invitable": true, "create_timestamp": ` + at + `},
			"member": {"user_id": "21"}, "newly_created": true}`,
			discord.Channel{ID: 1, Type: discord.ChannelForum, GuildID: 2, Position: 3, Overwrites: []discord.Overwrite{{ID: 4, Type: discord.OverwriteMember, Allow: discord.PermViewChannel, Deny: discord.PermSendMessages}}, Name: "n",
				Topic: "t", NSFW: true, LastMessageID: 5, Bitrate: 64000, UserLimit: 6, Slowmode: 7, Recipients: []discord.User{{ID: 8}}, Icon: "i",
				OwnerID: 9, ApplicationID: 10, Managed: true, ParentID: 11, LastPin: atTime, RTCRegion: "eu", VideoQuality: 2,
				OwnPermissions: discord.PermAdministrator, Flags: 12, DefaultArchive: 60, DefaultSlowmode: 13,
				AvailableTags: []discord.ForumTag{{ID: 14, Name: "tag", Moderated: true, EmojiID: 15, EmojiName: "e"}}, AppliedTags: []discord.ID{16},
				DefaultReaction: discord.ForumEmoji{ID: 17, Name: "f"}, DefaultSortOrder: 1, DefaultLayout: 2, Messages: 18, TotalMessages: 19,
				MemberCount: 20, Thread: discord.ThreadMetadata{Archived: true, AutoArchive: 1440, ArchiveChanged: atTime, Locked: true, Invitable: true, CreateTimestamp: atTime},
				ThreadMember: &discord.ThreadMember{UserID: 21}, NewlyCreated: true}},
		{"Overwrite", `{"id": "1", "type": 1, "allow": "70368744177664", "deny": "8"}`,
			discord.Overwrite{ID: 1, Type: discord.OverwriteMember, Allow: discord.PermSendVoiceMessages, Deny: discord.PermAdministrator}},
		{"ThreadMember", `{"id": "1", "user_id": "2", "guild_id": "3", "join_timestamp": ` + at + `, "flags": 4, "member": {"nick": "N"}}`,
			discord.ThreadMember{ThreadID: 1, UserID: 2, GuildID: 3, JoinedAt: atTime, Flags: 4, Member: &discord.Member{Nick: "N"}}},
	}
}

func messageModels() []model {
	media := func(name string) model {
		return model{name, `{"url": "u", "proxy_url": "p", "height": 3, "width": 4, "content_type": "image/png", "description": "d"}`,
			discord.EmbedMedia{URL: "u", ProxyURL: "p", Height: 3, Width: 4, ContentType: "image/png", Description: "d"}}
	}
	return []model{
		{"ChannelMessage", `{"id": "1", "channel_id": "2", "guild_id": "3", "author": {"id": "4"}, "member": {"nick": "N"}, "content": "hi", "timestamp": ` + at + `,
			"edited_timestamp": ` + at + `, "tts": true, "mention_everyone": true, "mentions": [{"id": "5", "member": {"nick": "M"}}], "mention_roles": ["6"],
			"mention_channels": [{"id": "7"}], "attachments": [{"id": "8"}], "embeds": [{"title": "t"}], "reactions": [{"count": 9}], "nonce": 12345, "pinned": true,
			"webhook_id": "10", "type": 19, "activity": {"type": 3, "party_id": "p"}, "application": {"id": "11"}, "application_id": "12", "flags": 64,
			"message_reference": {"type": 1, "message_id": "13", "channel_id": "14", "guild_id": "15"}, "referenced_message": {"id": "13"},
			"message_snapshots": [{"message": {"content": "old"}}], "interaction_metadata": {"id": "16"}, "thread": {"id": "17"}, "components": [{"type": 1}],
			"sticker_items": [{"id": "18"}], "position": 19, "poll": {"layout_type": 1}, "channel_type": 11}`,
			discord.Message{ID: 1, ChannelID: 2, GuildID: 3, Author: discord.User{ID: 4}, Member: &discord.Member{Nick: "N"}, Content: "hi", Timestamp: atTime,
				EditedAt: atTime, TTS: true, MentionEveryone: true, Mentions: []discord.User{{ID: 5, Member: &discord.Member{Nick: "M"}}}, MentionRoles: []discord.ID{6},
				MentionChannels: []discord.Channel{{ID: 7}}, Attachments: []discord.Attachment{{ID: 8}}, Embeds: []discord.Embed{{Title: "t"}}, Reactions: []discord.Reaction{{Count: 9}}, Nonce: "12345", Pinned: true,
				WebhookID: 10, Type: discord.MessageReply, Activity: discord.MessageActivity{Type: discord.MessageActivityListen, PartyID: "p"}, Application: discord.MessageApplication{ID: 11}, ApplicationID: 12, Flags: discord.FlagEphemeral,
				Reference: discord.MessageReference{Type: 1, MessageID: 13, ChannelID: 14, GuildID: 15}, Referenced: &discord.Message{ID: 13},
				Snapshots: []discord.MessageSnapshot{{Message: discord.Message{Content: "old"}}}, Interaction: json.RawMessage(`{"id": "16"}`), Thread: &discord.Channel{ID: 17}, Components: []json.RawMessage{json.RawMessage(`{"type": 1}`)},
				Stickers: []discord.Sticker{{ID: 18}}, Position: 19, Poll: &discord.Poll{Layout: 1}, ChannelType: discord.ChannelPublicThread}},
		{"MessageActivity", `{"type": 5, "party_id": "p"}`, discord.MessageActivity{Type: discord.MessageActivityJoinRequest, PartyID: "p"}},
		{"MessageApplication", `{"id": "1", "cover_image": "c", "description": "d", "icon": "i", "name": "n"}`,
			discord.MessageApplication{ID: 1, CoverImage: "c", Description: "d", Icon: "i", Name: "n"}},
		{"Reaction", `{"count": 3, "count_details": {"burst": 1, "normal": 2}, "me": true, "me_burst": true, "emoji": {"name": "👍"}, "burst_colors": ["#ff0000"]}`,
			discord.Reaction{Count: 3, CountDetails: discord.ReactionCounts{Burst: 1, Normal: 2}, Me: true, MeBurst: true, Emoji: discord.Emoji{Name: "👍"}, BurstColors: []string{"#ff0000"}}},
		{"Attachment", `{"id": "1", "filename": "f.png", "title": "t", "description": "d", "content_type": "image/png", "size": 2, "url": "u", "proxy_url": "p", "height": 3, "width": 4,
			"ephemeral": true, "duration_secs": 1.5, "waveform": "w", "flags": 5}`,
			discord.Attachment{ID: 1, Filename: "f.png", Title: "t", Description: "d", ContentType: "image/png", Size: 2, URL: "u", ProxyURL: "p", Height: 3, Width: 4,
				Ephemeral: true, Duration: 1.5, Waveform: "w", Flags: 5}},
		{"Embed", `{"title": "t", "type": "rich", "description": "d", "url": "u", "timestamp": ` + at + `, "color": 255, "footer": {"text": "f"}, "image": {"url": "i"},
			"thumbnail": {"url": "th"}, "video": {"url": "v"}, "provider": {"name": "p"}, "author": {"name": "a"}, "fields": [{"name": "n", "value": "v", "inline": true}]}`,
			discord.Embed{Title: "t", Type: "rich", Description: "d", URL: "u", Timestamp: atTime, Color: 255, Footer: discord.EmbedFooter{Text: "f"}, Image: discord.EmbedMedia{URL: "i"},
				Thumbnail: discord.EmbedMedia{URL: "th"}, Video: discord.EmbedMedia{URL: "v"}, Provider: discord.EmbedProvider{Name: "p"}, Author: discord.EmbedAuthor{Name: "a"}, Fields: []discord.EmbedField{{Name: "n", Value: "v", Inline: true}}}},
		media("EmbedThumbnail"), media("EmbedImage"), media("EmbedVideo"),
		{"EmbedProvider", `{"name": "n", "url": "u"}`, discord.EmbedProvider{Name: "n", URL: "u"}},
		{"EmbedAuthor", `{"name": "n", "url": "u", "icon_url": "i", "proxy_icon_url": "p"}`, discord.EmbedAuthor{Name: "n", URL: "u", IconURL: "i", ProxyIconURL: "p"}},
		{"EmbedFooter", `{"text": "t", "icon_url": "i", "proxy_icon_url": "p"}`, discord.EmbedFooter{Text: "t", IconURL: "i", ProxyIconURL: "p"}},
		{"EmbedField", `{"name": "n", "value": "v", "inline": true}`, discord.EmbedField{Name: "n", Value: "v", Inline: true}},
		{"Poll", `{"question": {"text": "q", "emoji": {"name": "e"}}, "answers": [{"answer_id": 1, "poll_media": {"text": "a"}}], "expiry": ` + at + `, "allow_multiselect": true,
			"layout_type": 1, "results": {"is_finalized": true, "answer_counts": [{"id": 1, "count": 2, "me_voted": true}]}}`,
			discord.Poll{Question: discord.PollText{Text: "q", Emoji: discord.Emoji{Name: "e"}}, Answers: []discord.PollAnswer{{ID: 1, Media: discord.PollText{Text: "a"}}}, Expiry: atTime, Multiselect: true,
				Layout: 1, Results: discord.PollResults{Finalized: true, Counts: []discord.PollCount{{ID: 1, Count: 2, MeVoted: true}}}}},
	}
}

// BenchmarkDecodeMessage is the decoding of a MESSAGE_CREATE of 1.2 kB, in times of
// encoding/json's, into the same type.
func BenchmarkDecodeMessage(b *testing.B) {
	data, err := os.ReadFile("testdata/message_create.json")
	if err != nil {
		b.Fatal(err)
	}
	e, err := discord.NewEvent("MESSAGE_CREATE", data)
	if err != nil {
		b.Fatal(err)
	}
	versus.Run(b, "json.Unmarshal", 1, func() {
		if m, err := discord.EventMessageCreate.Decode(e); err != nil || m.Content == "" {
			b.Fatal(err)
		}
	}, func() {
		var m discord.MessageCreate
		if err := json.Unmarshal(data, &m); err != nil || m.Content == "" {
			b.Fatal(err)
		}
	})
}
