package discord_test

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/vkrouter/vk/discord"
)

func ExampleGuild_ChannelPermissions() {
	const guild, mods, anna discord.ID = 10, 11, 1
	g := discord.Guild{ID: guild, OwnerID: 2, Roles: []discord.Role{
		{ID: guild, Permissions: discord.PermViewChannel | discord.PermSendMessages}, // @everyone
		{ID: mods, Permissions: discord.PermManageMessages},
	}}
	news := discord.Channel{ID: 20, Overwrites: []discord.Overwrite{
		{ID: guild, Type: discord.OverwriteRole, Deny: discord.PermSendMessages},
		{ID: mods, Type: discord.OverwriteRole, Allow: discord.PermSendMessages},
	}}
	member := discord.Member{User: &discord.User{ID: anna}}
	fmt.Println(g.ChannelPermissions(news, member))
	member.Roles = []discord.ID{mods}
	p := g.ChannelPermissions(news, member)
	fmt.Println(p.Has(discord.PermSendMessages), p)
	// Output:
	// VIEW_CHANNEL
	// true VIEW_CHANNEL|SEND_MESSAGES|MANAGE_MESSAGES
}

func ExampleKind() {
	// A kind contains its name, and the intents that a bot needs for it.
	fmt.Println(discord.EventMemberAdd.Name(), discord.EventMemberAdd.Intents())

	e, err := discord.NewEvent("TYPING_START", []byte(`{"channel_id": "20", "user_id": "1", "timestamp": 1700000000}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	typing, err := discord.EventTypingStart.Decode(e)
	fmt.Println(e.ChannelID, typing.Timestamp, err)

	// A kind that this package does not know.
	e, _ = discord.NewEvent("BRAND_NEW", []byte(`{"shiny": true}`))
	raw, err := discord.Kind[json.RawMessage]("BRAND_NEW").Decode(e)
	fmt.Printf("%s %v\n", *raw, err)
	// Output:
	// GUILD_MEMBER_ADD GUILD_MEMBERS
	// 20 2023-11-14 22:13:20 +0000 UTC <nil>
	// {"shiny": true} <nil>
}

func ExamplePartial_Has() {
	e, _ := discord.NewEvent("MESSAGE_UPDATE", []byte(`{"id": "30", "channel_id": "20", "embeds": []}`))
	m, _ := discord.EventMessageUpdate.Decode(e)
	fmt.Println(m.Has("embeds"), m.Has("content"))
	// Output: true false
}

func ExampleID() {
	id, err := discord.ParseID("175928847299117063")
	fmt.Println(id.Time(), err)

	_, err = discord.ParseID("@anna")
	fmt.Println(err)
	// Output:
	// 2016-04-30 11:18:25.796 +0000 UTC <nil>
	// discord: "@anna" is not an ID: an ID is a number with up to 20 digits
}

func ExampleOpt() {
	b, _ := json.Marshal(discord.ChannelEdit{
		Name:  discord.Set("general"),
		Topic: discord.Null[string](),
	})
	fmt.Println(string(b))
	// Output: {"name":"general","topic":null}
}

func ExampleTimestamp() {
	start := time.Date(2026, 3, 4, 18, 0, 0, 0, time.UTC)
	fmt.Println(discord.Mention(1), "opens", discord.MentionChannel(20), discord.Timestamp(start, discord.TimeRelative))
	// Output: <@1> opens <#20> <t:1772647200:R>
}

func ExampleMentions() {
	// The texts mention everybody and a role; only Anna is notified.
	opts := discord.Options(discord.MentionsOf([]discord.ID{1}, nil), discord.SendOption(discord.NoEmbeds))
	_, err := clientOf(map[string]string{"POST /channels/20/messages": "{}"}).
		Send(context.Background(), 20, "@everyone "+discord.Mention(1)+discord.MentionRole(11), opts)
	fmt.Println(err)
	// Output: <nil>
}
