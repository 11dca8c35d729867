package discord_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk/discord"
)

// TestSendBody: options become the fields that Discord documents.
func TestSendBody(t *testing.T) {
	mentions := `"allowed_mentions":{"parse":["users"],"replied_user":true}`
	for _, tt := range []struct {
		name string
		text string
		opts []discord.SendOption
		want string
	}{
		{"a text", "hi", nil, `{"content":"hi",` + mentions + `}`},
		{"nil options", "hi", []discord.SendOption{nil, (*discord.Upload)(nil)}, `{"content":"hi",` + mentions + `}`},
		{"a reply", "hi", []discord.SendOption{discord.ReplyTo(7), discord.Silent, discord.NoEmbeds},
			`{"content":"hi",` + mentions + `,"message_reference":{"message_id":"7","fail_if_not_exists":false},"flags":4100}`},
		{"nobody is pinged", "@everyone", []discord.SendOption{discord.Mentions()}, `{"content":"@everyone","allowed_mentions":{"parse":[],"replied_user":false}}`},
		{"everybody is pinged", "@everyone", []discord.SendOption{discord.Mentions(discord.PingEveryone, discord.PingRoles, discord.PingReply)},
			`{"content":"@everyone","allowed_mentions":{"parse":["everyone","roles"],"replied_user":true}}`},
		{"some are pinged", "hi", []discord.SendOption{discord.MentionsOf([]discord.ID{1}, []discord.ID{2, 3})},
			`{"content":"hi","allowed_mentions":{"parse":[],"users":["1"],"roles":["2","3"],"replied_user":false}}`},
		{"an embed", "", []discord.SendOption{discord.Embed{Title: "T", Color: 0xff, Timestamp: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
			Footer: discord.EmbedFooter{Text: "f"}, Fields: []discord.EmbedField{{Name: "n", Value: "v", Inline: true}}}, &discord.Embed{URL: "https://example.com"}},
			`{"embeds":[{"title":"T","timestamp":"2026-01-02T03:04:05Z","color":255,"footer":{"text":"f"},"fields":[{"name":"n","value":"v","inline":true}]},{"url":"https://example.com"}],` + mentions + `}`},
		{"embeds", "", []discord.SendOption{discord.Embed{Title: "gone"}, discord.Embeds(discord.Embed{Title: "a"}, discord.Embed{Title: "b"})},
			`{"embeds":[{"title":"a"},{"title":"b"}],` + mentions + `}`},
		{"stickers", "", []discord.SendOption{discord.Stickers(5, 6)}, `{` + mentions + `,"sticker_ids":["5","6"]}`},
		{"extra", "hi", []discord.SendOption{discord.Options[discord.SendOption](discord.Extra{"tts": true}, discord.Extra{"content": "ho"})}, `{"content":"ho",` + mentions + `,"tts":true}`},
		{"a name is for webhooks", "hi", []discord.SendOption{discord.Name("x", "https://example.com/a.png")}, `{"content":"hi",` + mentions + `}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAPI(t, ok("{}"))
			if _, err := a.client.Send(t.Context(), 1, tt.text, tt.opts...); err != nil {
				t.Fatal(err)
			}
			var got, want map[string]any
			if err := errors.Join(json.Unmarshal([]byte(a.calls()[0].Body), &got), json.Unmarshal([]byte(tt.want), &want)); err != nil {
				t.Fatal(err)
			}
			nonce, _ := got["nonce"].(string)
			if nonce == "" || len(nonce) > 25 || got["enforce_nonce"] != true {
				t.Errorf("nonce %q, %v", nonce, got["enforce_nonce"])
			}
			delete(got, "nonce")
			delete(got, "enforce_nonce")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestEditBody: an edit changes the given fields, and the text unless it is
// kept.
func TestEditBody(t *testing.T) {
	mentions := `,"allowed_mentions":{"parse":["users"],"replied_user":true}}`
	for _, tt := range []struct {
		name string
		text string
		opts []discord.SendOption
		want string
	}{
		{"a text", "hi", nil, `{"content":"hi"` + mentions},
		{"no text", "", nil, `{"content":""` + mentions},
		{"the text stays", "", []discord.SendOption{discord.KeepText(), discord.Embeds()}, `{"embeds":[]` + mentions},
		{"some files stay", "hi", []discord.SendOption{discord.KeepFiles(5, 6)}, `{"content":"hi","attachments":[{"id":"5"},{"id":"6"}]` + mentions},
		{"no file stays", "hi", []discord.SendOption{discord.KeepFiles(), discord.Silent}, `{"content":"hi","attachments":[]` + mentions},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAPI(t, ok(`{"id": "2"}`))
			var into discord.Message
			if m, err := a.client.EditMessage(t.Context(), 1, 2, tt.text, append(tt.opts, discord.Into(&into))...); err != nil || m.ID != 2 || into.ID != 2 {
				t.Fatal(m, err)
			}
			c := a.calls()[0]
			var got, want map[string]any
			json.Unmarshal([]byte(c.Body), &got)
			json.Unmarshal([]byte(tt.want), &want)
			if diff := cmp.Diff(want, got); diff != "" || c.Line != "PATCH /api/channels/1/messages/2" {
				t.Error(c.Line, diff)
			}
		})
	}
}

// TestWebhookBody: a webhook's message has a name, and no nonce.
func TestWebhookBody(t *testing.T) {
	a := newAPI(t, ok(`{"id": "2"}`))
	hook := discord.Webhook{ID: 1, Token: discord.NewSecret("tok")}
	if m, err := a.client.ExecuteWebhook(t.Context(), hook, "hi", discord.Name("Cat", "https://example.com/a.png"), discord.Mentions()); err != nil || m.ID != 2 {
		t.Fatal(m, err)
	}
	c := a.calls()[0]
	const want = `{"content":"hi","allowed_mentions":{"parse":[],"replied_user":false},"username":"Cat","avatar_url":"https://example.com/a.png"}`
	if c.Line != "POST /api/webhooks/1/tok?wait=true" || c.Body != want {
		t.Errorf("%s %s", c.Line, c.Body)
	}
}

// TestMessageLimits: a message that Discord would refuse is an error before
// anything is sent, and the error names the field. Lengths are in characters.
func TestMessageLimits(t *testing.T) {
	long := func(n int) string { return strings.Repeat("ы", n) }
	field := discord.EmbedField{Name: "n", Value: "v"}
	fields := make([]discord.EmbedField, 26)
	for i := range fields {
		fields[i] = field
	}
	embeds := make([]discord.Embed, 11)
	for i := range embeds {
		embeds[i].Title = "t"
	}
	uploads := make([]*discord.Upload, 11)
	for i := range uploads {
		uploads[i] = discord.Bytes("a", nil)
	}
	files := func(name string, e discord.Embed) discord.SendOption {
		return discord.Options[discord.SendOption](e, discord.Bytes(name, nil))
	}
	described := discord.Bytes("a", nil)
	described.Description = long(1025)
	for _, tt := range []struct {
		name  string
		text  string
		opt   discord.SendOption
		field string // "" if the message is sent
	}{
		{"an empty message", "", nil, "content"},
		{"only flags", "", discord.Silent, "content"},
		{"the longest text", long(2000), nil, ""},
		{"a longer text", long(2001), nil, "content"},
		{"the largest embed", "", discord.Embed{Title: long(256), Description: long(4096), Author: discord.EmbedAuthor{Name: long(256)},
			Fields: []discord.EmbedField{{Name: long(256), Value: long(1024)}}, Footer: discord.EmbedFooter{Text: long(112)}}, ""},
		{"a larger one", "", discord.Embed{Title: long(256), Description: long(4096), Author: discord.EmbedAuthor{Name: long(256)},
			Fields: []discord.EmbedField{{Name: long(256), Value: long(1024)}}, Footer: discord.EmbedFooter{Text: long(113)}}, "embeds"},
		{"white space does not count for the sum", "", discord.Embed{Description: long(4000) + strings.Repeat(" ", 90), Footer: discord.EmbedFooter{Text: long(2000)}}, ""},
		{"a long title", "", discord.Embed{Title: long(257)}, "embeds[0].title"},
		{"a long description", "", discord.Embed{Description: long(4097)}, "embeds[0].description"},
		{"a long footer", "", discord.Embed{Footer: discord.EmbedFooter{Text: long(2049)}}, "embeds[0].footer.text"},
		{"a long author", "", discord.Embed{Author: discord.EmbedAuthor{Name: long(257)}}, "embeds[0].author.name"},
		{"many fields", "", discord.Embed{Fields: fields}, "embeds[0].fields"},
		{"25 fields", "", discord.Embed{Fields: fields[:25]}, ""},
		{"a long name", "", discord.Embeds(discord.Embed{Title: "t"}, discord.Embed{Fields: []discord.EmbedField{field, {Name: long(257), Value: "v"}}}), "embeds[1].fields[1].name"},
		{"a long value", "", discord.Embed{Fields: []discord.EmbedField{{Name: "n", Value: long(1025)}}}, "embeds[0].fields[0].value"},
		{"an empty value", "", discord.Embed{Fields: []discord.EmbedField{{Name: "n", Value: " "}}}, "embeds[0].fields[0]"},
		{"an empty embed", "", discord.Embeds(discord.Embed{Title: "t"}, discord.Embed{}), "embeds[1]"},
		{"an embed with an image", "", discord.Embed{Image: discord.EmbedMedia{URL: "https://a.b/c.png"}}, ""},
		{"white", "", discord.Embed{Title: "t", Color: 0xFFFFFF}, ""},
		{"no color", "", discord.Embed{Title: "t", Color: 0x1000000}, "embeds[0].color"},
		{"many embeds", "", discord.Embeds(embeds...), "embeds"},
		{"10 embeds", "", discord.Embeds(embeds[:10]...), ""},
		{"many stickers", "", discord.Stickers(1, 2, 3, 4), "sticker_ids"},
		{"many files", "", discord.Options(uploads...), "files"},
		{"a long description of a file", "", described, "attachments[0].description"},
		{"an edit's option", "", discord.KeepText(), "content"},
		{"only white space", " \n", nil, "content"},
		{"white space does not count for one text", "", discord.Embed{Title: " " + long(256) + "\n"}, ""},
		{"a picture of the message", "", files("chart-1.png", discord.Embed{Image: discord.EmbedMedia{URL: "attachment://chart-1.png"}}), ""},
		{"a picture that is not there", "", files("chart.png", discord.Embed{Title: "t", Image: discord.EmbedMedia{URL: "attachment://chart.jpg"}}), "embeds[0].image.url"},
		{"no thumbnail", "", discord.Embeds(discord.Embed{Title: "t"}, discord.Embed{Thumbnail: discord.EmbedMedia{URL: "attachment://a.png"}}), "embeds[1].thumbnail.url"},
		{"no icon of the author", "", discord.Embed{Author: discord.EmbedAuthor{Name: "n", IconURL: "attachment://a.png"}}, "embeds[0].author.icon_url"},
		{"no icon of the footer", "", discord.Embed{Footer: discord.EmbedFooter{Text: "t", IconURL: "attachment://a.png"}}, "embeds[0].footer.icon_url"},
		{"a name that Discord changes", "", files("my chart.png", discord.Embed{Image: discord.EmbedMedia{URL: "attachment://my chart.png"}}), "embeds[0].image.url"},
		{"a picture in the fields of an Extra", "", discord.Options[discord.SendOption](discord.Extra{"tts": true}, discord.Embed{Image: discord.EmbedMedia{URL: "attachment://a.png"}}), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAPI(t, ok("{}"))
			_, err := a.client.Send(t.Context(), 1, tt.text, tt.opt)
			var wrong *discord.ConfigError
			errors.As(err, &wrong)
			switch {
			case tt.field == "" && err != nil:
				t.Error(err)
			case tt.field != "" && (wrong == nil || wrong.Field != tt.field || wrong.Place != "POST /channels/{}/messages" || wrong.Mend == ""):
				t.Errorf("%v", err)
			}
			if n := len(a.calls()); (n > 0) != (tt.field == "") {
				t.Errorf("%d requests", n)
			}
		})
	}
	a := newAPI(t, ok("{}"))
	if _, err := a.client.EditMessage(t.Context(), 1, 2, "", discord.ReplyTo(5)); err == nil || len(a.calls()) != 0 {
		t.Error("an edit refers to another message")
	}
	if _, err := a.client.EditMessage(t.Context(), 1, 2, "", discord.Embed{Image: discord.EmbedMedia{URL: "attachment://a.png"}}); err != nil {
		t.Error("an edit shows a file of the message:", err)
	}
}

func TestMentionTexts(t *testing.T) {
	at := time.Unix(1618953630, 5)
	for got, want := range map[string]string{
		discord.Mention(5):                                       "<@5>",
		discord.User{ID: 5}.Mention():                            "<@5>",
		discord.MentionRole(5):                                   "<@&5>",
		discord.Role{ID: 5}.Mention():                            "<@&5>",
		discord.MentionChannel(5):                                "<#5>",
		discord.Channel{ID: 5}.Mention():                         "<#5>",
		discord.Timestamp(at, discord.TimeRelative):              "<t:1618953630:R>",
		discord.Timestamp(at, 0):                                 "<t:1618953630:f>",
		discord.Emoji{Name: "👍"}.String():                        "👍",
		discord.Emoji{Name: "x", ID: 5}.String():                 "<:x:5>",
		discord.Emoji{Name: "x", ID: 5, Animated: true}.String(): "<a:x:5>",
		discord.Emoji{Name: "x", ID: 5}.APIName():                "x:5",
		discord.Message{ID: 3, ChannelID: 2}.URL():               "https://discord.com/channels/@me/2/3",
		discord.Message{ID: 3, ChannelID: 2, GuildID: 1}.URL():   "https://discord.com/channels/1/2/3",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
