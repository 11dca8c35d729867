package discord_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/drift"
	"github.com/vkrouter/vk/internal/tolerant"
)

// A model is an object as Discord sends it, with all its fields, and its
// decoded value.
type model struct {
	name string
	json string
	want any // a value, not a pointer
}

// at is the time that all objects of the tests have, as Discord writes it.
const at = `"2026-03-04T05:06:07.890000+00:00"`

var atTime = time.Date(2026, 3, 4, 5, 6, 7, 890_000_000, time.UTC)

// models are the objects of this package.
func models() []model {
	all := append(peopleModels(), guildModels()...)
	return append(append(all, channelModels()...), messageModels()...)
}

// compareModels compares secrets by their contents.
var compareModels = cmp.Options{
	cmp.Comparer(func(a, b discord.Secret) bool { return a.Reveal() == b.Reveal() }),
	cmp.FilterValues(func(a, b json.RawMessage) bool { return string(a) == "null" || string(b) == "null" },
		cmp.Comparer(func(a, b json.RawMessage) bool { return len(a)+len(b) == len("null") })),
	cmpopts.IgnoreUnexported(discord.Partial{}),
}

var noDrift = drift.Comparer{MaxSample: 200}

// TestModels: each object is decoded field by field; no field of Discord's is unknown,
// and none of ours stays zero.
func TestModels(t *testing.T) {
	for _, m := range models() {
		t.Run(m.name, func(t *testing.T) {
			got := reflect.New(reflect.TypeOf(m.want))
			if err := tolerant.Unmarshal([]byte(m.json), got.Interface()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(m.want, got.Elem().Interface(), compareModels); diff != "" {
				t.Error(diff)
			}
			found, err := noDrift.Compare("", []byte(m.json), reflect.New(got.Elem().Type()).Interface())
			if err != nil || len(found) > 0 {
				t.Error(found, err)
			}
			for _, name := range zeroFields(got.Elem()) {
				t.Errorf("%s is zero", name)
			}
		})
	}
}

// zeroFields returns the exported fields of a struct that are zero.
func zeroFields(v reflect.Value) (names []string) {
	for i := range v.NumField() {
		f, value := v.Type().Field(i), v.Field(i)
		switch {
		case f.Anonymous && f.Type != reflect.TypeFor[discord.Partial]():
			names = append(names, zeroFields(value)...)
		case f.IsExported() && !f.Anonymous && value.IsZero():
			names = append(names, f.Name)
		}
	}
	return names
}

// TestModelsOfNothing: where all fields are absent or null, or of other types than
// expected, an object is zero, and decoding does not fail.
func TestModelsOfNothing(t *testing.T) {
	for _, m := range models() {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal([]byte(m.json), &fields); err != nil {
			t.Fatal(m.name, err)
		}
		forms := map[string]string{"absent": `{}`, "null": "null"}
		for name, value := range map[string]string{"all null": "null", "all objects with nulls": `{"id": null}`} {
			all := make(map[string]json.RawMessage)
			for key := range fields {
				all[key] = json.RawMessage(value)
			}
			b, err := json.Marshal(all)
			if err != nil {
				t.Fatal(err)
			}
			forms[name] = string(b)
		}
		for name, form := range forms {
			t.Run(m.name+"/"+name, func(t *testing.T) {
				got := reflect.New(reflect.TypeOf(m.want))
				if err := tolerant.Unmarshal([]byte(form), got.Interface()); err != nil {
					t.Fatal(err)
				}
				if name == "all objects with nulls" {
					return // pointers lead to zero objects then
				}
				zero := reflect.Zero(got.Elem().Type()).Interface()
				if diff := cmp.Diff(zero, got.Elem().Interface(), compareModels, cmpopts.EquateEmpty(), ignorePresent); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// ignorePresent ignores fields that are true because they are null.
var ignorePresent = cmp.Comparer(func(a, b discord.Present) bool { return true })

// TestModelNames: there is a model for each class of data of discord.aio.
func TestModelNames(t *testing.T) {
	have := make(map[string]bool)
	for _, m := range models() {
		have[m.name] = true
	}
	const classes = `User UserConnection Guild GuildMember GuildEmbed Integration IntegrationAccount Ban Channel ChannelMessage
		MessageActivity MessageApplication Overwrite Reaction Attachment Embed EmbedThumbnail EmbedImage EmbedVideo EmbedProvider
		EmbedAuthor EmbedFooter EmbedField Emoji Role Invite InviteMetadata VoiceState VoiceRegion Webhook Activity ActivityParty
		ActivityTimestamps ActivityAssets`
	list := strings.Fields(classes)
	if len(list) != 34 {
		t.Errorf("%d classes", len(list))
	}
	for _, name := range list {
		if !have[name] {
			t.Errorf("no model is named %s", name)
		}
	}
}

func peopleModels() []model {
	return []model{
		{"User", `{"id": "80351110224678912", "username": "Nelly", "discriminator": "1337", "global_name": "Nel", "avatar": "8342", "banner": "06c1",
			"accent_color": 16711680, "bot": true, "system": true, "mfa_enabled": true, "locale": "en-US", "verified": true, "email": "n@example.com",
			"flags": 64, "public_flags": 65, "premium_type": 1, "member": {"nick": "N"}}`,
			discord.User{ID: 80351110224678912, Username: "Nelly", Discriminator: "1337", GlobalName: "Nel", Avatar: "8342", Banner: "06c1",
				AccentColor: 16711680, Bot: true, System: true, MFAEnabled: true, Locale: "en-US", Verified: true, Email: "n@example.com",
				Flags: 64, PublicFlags: 65, PremiumType: 1, Member: &discord.Member{Nick: "N"}}},
		{"UserConnection", `{"id": "c1", "name": "nelly", "type": "github", "revoked": true, "integrations": [{"id": "5"}], "verified": true,
			"friend_sync": true, "show_activity": true, "two_way_link": true, "visibility": 1}`,
			discord.Connection{ID: "c1", Name: "nelly", Type: "github", Revoked: true, Integrations: []discord.Integration{{ID: 5}}, Verified: true,
				FriendSync: true, ShowActivity: true, TwoWayLink: true, Visibility: 1}},
		{"GuildMember", `{"user": {"id": "1"}, "guild_id": "2", "nick": "Nick", "avatar": "a1", "banner": "b1", "roles": ["3", "4"], "joined_at": ` + at + `,
			"premium_since": ` + at + `, "deaf": true, "mute": true, "flags": 5, "pending": true, "permissions": "2147483648",
			"communication_disabled_until": ` + at + `}`,
			discord.Member{User: &discord.User{ID: 1}, GuildID: 2, Nick: "Nick", Avatar: "a1", Banner: "b1", Roles: []discord.ID{3, 4}, JoinedAt: atTime,
				PremiumSince: atTime, Deaf: true, Mute: true, Flags: 5, Pending: true, Permissions: discord.PermUseApplicationCommands, TimedOut: atTime}},
		{"Ban", `{"reason": "spam", "user": {"id": "1"}}`, discord.Ban{Reason: "spam", User: discord.User{ID: 1}}},
		{"Role", `{"id": "1", "name": "mods", "color": 255, "colors": {"primary_color": 1, "secondary_color": 2, "tertiary_color": 3}, "hoist": true,
			"icon": "i1", "unicode_emoji": "🔥", "position": 4, "permissions": "4503599627370496", "managed": true, "mentionable": true, "flags": 1,
			"tags": {"bot_id": "5", "integration_id": "6", "subscription_listing_id": "7", "premium_subscriber": null, "available_for_purchase": null, "guild_connections": null}}`,
			discord.Role{ID: 1, Name: "mods", Color: 255, Colors: discord.RoleColors{Primary: 1, Secondary: 2, Tertiary: 3}, Hoist: true,
				Icon: "i1", UnicodeEmoji: "🔥", Position: 4, Permissions: discord.PermBypassSlowmode, Managed: true, Mentionable: true, Flags: 1,
				Tags: discord.RoleTags{BotID: 5, IntegrationID: 6, ListingID: 7, PremiumSubscriber: true, Purchasable: true, GuildConnections: true}}},
		{"Emoji", `{"id": "1", "name": "blob", "roles": ["2"], "user": {"id": "3"}, "require_colons": true, "managed": true, "animated": true, "available": true}`,
			discord.Emoji{ID: 1, Name: "blob", Roles: []discord.ID{2}, User: &discord.User{ID: 3}, RequireColons: true, Managed: true, Animated: true, Available: true}},
		{"VoiceState", `{"guild_id": "1", "channel_id": "2", "user_id": "3", "member": {"nick": "N"}, "session_id": "s", "deaf": true, "mute": true,
			"self_deaf": true, "self_mute": true, "self_stream": true, "self_video": true, "suppress": true, "request_to_speak_timestamp": ` + at + `}`,
			discord.VoiceState{GuildID: 1, ChannelID: 2, UserID: 3, Member: &discord.Member{Nick: "N"}, SessionID: "s", Deaf: true, Mute: true,
				SelfDeaf: true, SelfMute: true, SelfStream: true, SelfVideo: true, Suppress: true, RequestToSpeak: atTime}},
		{"Activity", `{"name": "Chess", "type": 5, "url": "https://twitch.tv/x", "created_at": 1700000000123, "timestamps": {"start": 1}, "application_id": "2",
			"details": "d", "state": "s", "emoji": {"name": "👍"}, "party": {"id": "p"}, "assets": {"large_text": "l"}, "instance": true, "flags": 3, "buttons": ["b"]}`,
			discord.Activity{Name: "Chess", Type: discord.Competing, URL: "https://twitch.tv/x", CreatedAt: 1700000000123, Timestamps: discord.ActivityTimestamps{Start: 1}, ApplicationID: 2,
				Details: "d", State: "s", Emoji: discord.Emoji{Name: "👍"}, Party: discord.ActivityParty{ID: "p"}, Assets: discord.ActivityAssets{LargeText: "l"}, Instance: true, Flags: 3, Buttons: []string{"b"}}},
		{"ActivityParty", `{"id": "p1", "size": [1, 5]}`, discord.ActivityParty{ID: "p1", Size: [2]int{1, 5}}},
		{"ActivityTimestamps", `{"start": 1700000000123, "end": 1700000000456}`, discord.ActivityTimestamps{Start: 1700000000123, End: 1700000000456}},
		{"ActivityAssets", `{"large_image": "a", "large_text": "b", "large_url": "c", "small_image": "d", "small_text": "e", "small_url": "f"}`,
			discord.ActivityAssets{LargeImage: "a", LargeText: "b", LargeURL: "c", SmallImage: "d", SmallText: "e", SmallURL: "f"}},
		{"ClientStatus", `{"desktop": "online", "mobile": "idle", "web": "dnd"}`,
			discord.ClientStatus{Desktop: discord.StatusOnline, Mobile: discord.StatusIdle, Web: discord.StatusDND}},
		{"Application", `{"id": "1", "name": "bot", "icon": "i", "description": "d", "bot_public": true, "bot_require_code_grant": true, "bot": {"id": "2"},
			"owner": {"id": "3"}, "flags": 565248, "approximate_guild_count": 4, "approximate_user_install_count": 5, "interactions_endpoint_url": "u", "verify_key": "k", "tags": ["t"]}`,
			discord.Application{ID: 1, Name: "bot", Icon: "i", Description: "d", BotPublic: true, RequireCodeGrant: true, Bot: &discord.User{ID: 2},
				Owner: &discord.User{ID: 3}, Flags: discord.AppMessageContentLimited | discord.AppGuildMembersLimited | discord.AppPresenceLimited,
				GuildCount: 4, InstallCount: 5, InteractionsURL: "u", VerifyKey: "k", Tags: []string{"t"}}},
		{"GatewayBot", `{"url": "wss://x", "shards": 9, "session_start_limit": {"total": 1000, "remaining": 999, "reset_after": 14400000, "max_concurrency": 1}}`,
			discord.GatewayBot{URL: "wss://x", Shards: 9, Limit: discord.SessionStartLimit{Total: 1000, Remaining: 999, ResetAfter: 14400000, MaxConcurrency: 1}}},
	}
}
