package discord_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/vkrouter/vk/discord"
)

// seedFields are the fields of the classes of discord.aio. A field that has another name
// at Discord today is followed by it; one that Discord no longer sends by "-".
const seedFields = `
User: id username discriminator avatar bot mfa_enabled verified email
UserConnection: id name type revoked integrations
Guild: id name icon splash owner owner_id permissions region afk_channel_id afk_timeout embed_enabled=widget_enabled embed_channel_id=widget_channel_id verification_level default_message_notifications explicit_content_filter roles emojis features mfa_level application_id widget_enabled widget_channel_id system_channel_id joined_at large unavailable member_count voice_states members channels presences
GuildMember: user nick roles joined_at deaf mute
GuildEmbed: enabled channel_id
Integration: id name type enabled syncing role_id expire_behavior expire_grace_period user account synced_at
IntegrationAccount: id name
Ban: reason user
Channel: id type guild_id position permission_overwrites name topic nsfw last_message_id bitrate user_limit recipients icon owner_id application_id parent_id last_pin_timestamp
ChannelMessage: id channel_id author content timestamp edited_timestamp tts mention_everyone mentions mention_roles attachments embeds reactions nonce pinned webhook_id type activity application
MessageActivity: type party_id
MessageApplication: id cover_image description icon name
Overwrite: id type allow deny
Reaction: count me emoji
Attachment: id filename size url proxy_url height width
Embed: title type description url timestamp color footer image thumbnail video provider author fields
EmbedThumbnail: url proxy_url height width
EmbedImage: url proxy_url height width
EmbedVideo: url height width
EmbedProvider: name url
EmbedAuthor: name url icon_url proxy_icon_url
EmbedFooter: text icon_url proxy_icon_url
EmbedField: name value inline
Emoji: id name roles user require_colons managed animated
Role: id name color hoist position permissions managed mentionable
Invite: code guild channel
InviteMetadata: inviter=- uses max_uses max_age temporary created_at revoked=-
VoiceState: guild_id channel_id user_id session_id deaf mute self_deaf self_mute suppress
VoiceRegion: id name vip optimal deprecated custom
Webhook: id guild_id channel_id user name avatar token
Activity: name type url timestamps application_id details state party assets
ActivityParty: id size
ActivityTimestamps: start end
ActivityAssets: large_image large_text small_image small_text`

// TestSeedFields: the fields of the classes of discord.aio are fields here.
// TestModels compares their decoded values.
func TestSeedFields(t *testing.T) {
	types := make(map[string]reflect.Type)
	for _, m := range models() {
		types[m.name] = reflect.TypeOf(m.want)
	}
	classes := strings.Split(strings.TrimSpace(seedFields), "\n")
	if len(classes) != 34 {
		t.Errorf("%d classes", len(classes))
	}
	fields := 0
	for _, line := range classes {
		class, names, _ := strings.Cut(line, ": ")
		have := jsonNames(types[class])
		for _, name := range strings.Fields(names) {
			fields++
			name, now, renamed := strings.Cut(name, "=")
			if renamed {
				name = now
			}
			field, ok := have[name]
			if name != "-" && !ok {
				t.Errorf("%s has no %s", class, name)
			}
			if ok && !strings.EqualFold(field, strings.ReplaceAll(name, "_", "")) && otherNames[class+"."+name] != field {
				t.Errorf("%s.%s is %s", class, name, field)
			}
		}
	}
	if fields != 224 {
		t.Errorf("%d fields", fields)
	}
	if types["UserConnection"] != reflect.TypeFor[discord.Connection]() {
		t.Error("the classes are others")
	}
}

// otherNames are the fields that are not called as in discord.aio. The map in
// docs/discord_aio.md lists them.
var otherNames = map[string]string{
	"Guild.permissions":                   "OwnPermissions",
	"Guild.default_message_notifications": "Notifications",
	"Guild.explicit_content_filter":       "ContentFilter",
	"Channel.permission_overwrites":       "Overwrites",
	"Channel.last_pin_timestamp":          "LastPin",
	"ChannelMessage.edited_timestamp":     "EditedAt",
}

// jsonNames returns the names of the fields of a struct by their names in JSON.
func jsonNames(typ reflect.Type) map[string]string {
	names := make(map[string]string)
	if typ == nil {
		return names
	}
	for _, f := range reflect.VisibleFields(typ) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names[name] = f.Name
	}
	return names
}
