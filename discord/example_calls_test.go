package discord_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/vkrouter/vk/discord"
)

func ExampleClient_EditMessage() {
	client := clientOf(map[string]string{"PATCH /channels/20/messages/30": `{"id": "30", "content": "Closed.", "edited_timestamp": "2026-03-04T05:06:07+00:00"}`})
	ctx := context.Background()

	// The text changes, all files and embeds go.
	m, err := client.EditMessage(ctx, 20, 30, "Closed.", discord.Embeds(), discord.KeepFiles())
	fmt.Println(m.Content, !m.EditedAt.IsZero(), err)

	// The text stays, another embed comes.
	_, err = client.EditMessage(ctx, 20, 30, "", discord.KeepText(), discord.Embed{Title: "Results"})
	fmt.Println(err)
	// Output:
	// Closed. true <nil>
	// <nil>
}

func ExamplePing() {
	client := clientOf(map[string]string{"POST /channels/20/messages": `{"id": "30", "mention_everyone": true}`})

	// A message mentions everybody only if an option says so.
	m, err := client.Send(context.Background(), 20, "@everyone The stream begins.",
		discord.Mentions(discord.PingEveryone, discord.PingRoles, discord.PingUsers, discord.PingReply), discord.Stickers(40))
	fmt.Println(m.MentionEveryone, err)
	// Output: true <nil>
}

func ExamplePath_With() {
	p := discord.To("/guilds/{}/members/search", discord.ID(10)).With("query", "an na").With("limit", 5)
	fmt.Println(p.URL(discord.DefaultAPIURL))
	fmt.Println(p.Template())
	// Output:
	// https://discord.com/api/v10/guilds/10/members/search?query=an+na&limit=5
	// /guilds/{}/members/search
}

func ExampleClient_DeleteMessages() {
	client := clientOf(map[string]string{
		"GET /channels/20/messages":                        `[{"id": "1772647200000000001", "author": {"id": "1"}}, {"id": "1772647200000000000", "author": {"id": "2"}}]`,
		"DELETE /channels/20/messages/1772647200000000001": " ",
	})
	ctx := context.Background()

	// Deletes the messages of one user among the latest 100.
	var ids []discord.ID
	n := 0
	for m, err := range client.Messages(ctx, 20, discord.Span{}) {
		if err != nil {
			log.Fatal(err)
		}
		if m.Author.ID == 1 {
			ids = append(ids, m.ID)
		}
		if n++; n == 100 {
			break
		}
	}
	err := client.DeleteMessages(ctx, 20, ids, discord.Reason("spam"))
	fmt.Println(len(ids), err)
	// Output: 1 <nil>
}

func ExampleClient_DM() {
	client := clientOf(map[string]string{
		"POST /users/@me/channels":   `{"id": "25", "type": 1}`,
		"POST /channels/25/messages": `{"code": 50007, "message": "Cannot send messages to this user"}`,
	})
	ctx := context.Background()
	dm, err := client.DM(ctx, 1)
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.Send(ctx, dm.ID, "Your order is on its way.")
	fmt.Println(dm.Type, errors.Is(err, discord.CodeCannotMessageUser))
	// Output: DM true
}

func ExampleClient_CDN() {
	client := discord.NewClient(os.Getenv("DISCORD_TOKEN"))
	g := discord.Guild{ID: 10, Icon: "a_abc"}

	spec := client.CDN() // that of a test's fake, if the Client has one
	spec.Size = 256
	spec.Format = discord.WebP
	icon, ok := g.IconURL(spec)
	fmt.Println(icon, ok)
	_, ok = g.BannerURL(spec)
	fmt.Println(ok)
	// Output:
	// https://cdn.discordapp.com/icons/10/a_abc.webp?size=256 true
	// false
}

func ExampleClient_React() {
	client := clientOf(map[string]string{
		"PUT /channels/20/messages/30/reactions/👍/@me":       " ",
		"PUT /channels/20/messages/30/reactions/blob:40/@me": " ",
		"GET /channels/20/messages/30/reactions/👍":           `[{"id": "1", "username": "anna"}]`,
	})
	ctx := context.Background()
	blob := discord.Emoji{ID: 40, Name: "blob"}
	err := errors.Join(client.React(ctx, 20, 30, "👍"), client.React(ctx, 20, 30, blob.APIName()))
	fmt.Println(err)
	for u, err := range client.Reactions(ctx, 20, 30, "👍") {
		fmt.Println(u, err)
	}
	// Output:
	// <nil>
	// anna <nil>
}

func ExampleNewClient_fake() {
	// A Client for a fake Discord, or for a proxy.
	client := discord.NewClient("token")
	client.APIURL = "http://127.0.0.1:8080/api/v10"
	client.CDNURL = "http://127.0.0.1:8080/cdn"
	client.HTTPClient = &http.Client{}
	fmt.Println(client.CDN().Base)
	// Output: http://127.0.0.1:8080/cdn
}
