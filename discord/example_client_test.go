package discord_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/vkrouter/vk/discord"
)

// clientOf returns a client of a Discord that answers calls as the examples need it.
func clientOf(answers map[string]string) *discord.Client {
	c := discord.NewClient("token")
	c.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		status, body := 200, answers[r.Method+" "+strings.TrimPrefix(r.URL.Path, "/api/v10")]
		if body == "" {
			status, body = 404, `{"code": 10003, "message": "Unknown Channel"}`
		} else if strings.HasPrefix(body, `{"code"`) {
			status = 400
		}
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}, nil
	})}
	return c
}

func ExampleClient_Send() {
	client := clientOf(map[string]string{"POST /channels/20/messages": `{"id": "30", "channel_id": "20", "content": "Look:"}`})

	ctx := context.Background()
	m, err := client.Send(ctx, 20, "Look:",
		discord.Embed{
			Title:  "Report",
			Color:  0x5865f2,
			Fields: []discord.EmbedField{{Name: "Users", Value: "120", Inline: true}},
			Image:  discord.EmbedMedia{URL: "attachment://chart.png"},
		},
		discord.Bytes("chart.png", []byte("\x89PNG\r\n\x1a\n")),
		discord.ReplyTo(29), discord.Silent)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.URL())
	// Output: https://discord.com/channels/@me/20/30
}

func ExampleClient_Send_mistake() {
	_, err := clientOf(nil).Send(context.Background(), 20, strings.Repeat("so long ", 300))
	var wrong *discord.ConfigError
	if errors.As(err, &wrong) {
		fmt.Println(wrong.Field)
	}
	fmt.Println(err)
	// Output:
	// content
	// discord: POST /channels/{}/messages: content has 2400 characters: Discord takes at most 2000
}

func ExampleError() {
	client := clientOf(map[string]string{"PATCH /channels/20": `{"code": 50035, "message": "Invalid Form Body", "errors": {
		"name": {"_errors": [{"code": "BASE_TYPE_BAD_LENGTH", "message": "Must be between 1 and 100 in length."}]}}}`})
	ctx := context.Background()

	_, err := client.EditChannel(ctx, 20, discord.ChannelEdit{Name: discord.Set("")})
	var refused *discord.Error
	if errors.As(err, &refused) {
		for _, f := range refused.Fields {
			fmt.Println(f.Path, f.Code)
		}
	}
	_, err = client.Channel(ctx, 21)
	fmt.Println(errors.Is(err, discord.ErrNotFound), errors.Is(err, discord.CodeUnknownChannel))
	// Output:
	// name BASE_TYPE_BAD_LENGTH
	// true true
}

func ExampleCall() {
	client := clientOf(map[string]string{"GET /guilds/10/preview": `{"name": "Tea", "approximate_member_count": 12}`})

	// A call that has no method of its own.
	type preview struct {
		Name    string
		Members int `json:"approximate_member_count"`
	}
	p, err := discord.Call[preview](context.Background(), client, http.MethodGet, discord.To("/guilds/{}/preview", discord.ID(10)), nil)
	fmt.Println(p, err)
	// Output: {Tea 12} <nil>
}

func ExampleClient_Members() {
	client := clientOf(map[string]string{"GET /guilds/10/members": `[{"user": {"id": "1", "username": "anna"}}, {"user": {"id": "2", "username": "boris"}, "nick": "Bo"}]`})

	for m, err := range client.Members(context.Background(), 10) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(m.DisplayName())
	}
	// Output:
	// anna
	// Bo
}

func ExampleClient_Messages() {
	client := clientOf(map[string]string{"GET /channels/20/messages": `[{"id": "3", "content": "three"}, {"id": "2", "content": "two"}]`})

	today := discord.IDAt(time.Now().Add(-24 * time.Hour))
	for m, err := range client.Messages(context.Background(), 20, discord.Span{After: today}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(m.Content)
	}
	// Output:
	// two
	// three
}

func ExampleClient_Ban() {
	client := clientOf(map[string]string{"PUT /guilds/10/bans/1": " "})
	err := client.Ban(context.Background(), 10, 1, discord.Purge(24*time.Hour), discord.Reason("spam"))
	fmt.Println(err)
	// Output: <nil>
}

func ExampleClient_EditMember() {
	client := clientOf(map[string]string{"PATCH /guilds/10/members/1": `{"nick": "", "user": {"id": "1", "username": "anna"}}`})

	// Times out the member for an hour, and removes the nickname.
	m, err := client.EditMember(context.Background(), 10, 1, discord.MemberEdit{
		Nick:     discord.Null[string](),
		TimedOut: discord.Set(time.Now().Add(time.Hour)),
	}, discord.Reason("shouting"))
	fmt.Println(m.DisplayName(), err)
	// Output: anna <nil>
}

func ExampleClient_ExecuteWebhook() {
	client := clientOf(map[string]string{"POST /webhooks/5/secret": `{"id": "30", "author": {"username": "Weather"}}`})
	hook := discord.Webhook{ID: 5, Token: discord.NewSecret("secret")}

	m, err := client.ExecuteWebhook(context.Background(), hook, "Rain.", discord.Name("Weather", ""), discord.Mentions())
	fmt.Println(m.Author, hook.Token, err)
	// Output: Weather *** <nil>
}

func ExampleClient_Use() {
	client := clientOf(map[string]string{"GET /users/@me": `{"id": "7", "username": "bot"}`})
	client.Use(func(next discord.CallFunc) discord.CallFunc {
		return func(ctx context.Context, r *discord.Request) (json.RawMessage, error) {
			raw, err := next(ctx, r)
			fmt.Println(r.Method, r.Path, len(raw), err)
			return raw, err
		}
	})
	me, _ := client.Me(context.Background())
	fmt.Println(me)
	// Output:
	// GET /users/@me 30 <nil>
	// bot
}

func ExampleClient_observer() {
	client := clientOf(map[string]string{"GET /users/@me": `{"id": "7"}`})
	client.Observer = func(i discord.CallInfo) { fmt.Println(i.Method, i.Route, i.Status, i.Attempt, i.Err) }
	client.Me(context.Background())
	// Output: GET /users/@me 200 1 <nil>
}

func ExampleFileFunc() {
	// A file that is generated while it is sent, and generated again if the call is
	// retried.
	report := discord.FileFunc("report.csv", func() (io.ReadCloser, error) {
		r, w := io.Pipe()
		go func() {
			for i := range 3 {
				fmt.Fprintf(w, "%d,%d\n", i, i*i)
			}
			w.Close()
		}()
		return r, nil
	})
	report.Description = "squares"
	client := clientOf(map[string]string{"POST /channels/20/messages": `{"attachments": [{"filename": "report.csv"}]}`})
	m, err := client.Send(context.Background(), 20, "", report, discord.File(os.DevNull))
	fmt.Println(m.Attachments[0].Filename, err)
	// Output: report.csv <nil>
}

func ExampleImage() {
	client := clientOf(map[string]string{"PATCH /users/@me": `{"id": "7", "avatar": "abc"}`})
	avatar, err := discord.Image([]byte("\x89PNG\r\n\x1a\n"))
	if err != nil {
		log.Fatal(err)
	}
	me, err := client.EditMe(context.Background(), discord.UserEdit{Avatar: discord.Set(avatar)})
	fmt.Println(me.AvatarURL(discord.ImageSpec{Size: 128}), err)
	// Output: https://cdn.discordapp.com/avatars/7/abc.png?size=128 <nil>
}
