package demo

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/vkrouter/vk/discord"
)

func newBot() discord.Handler {
	r := discord.NewRouter()
	discord.On(r, discord.EventMessageCreate, func(c *discord.Context, m *discord.MessageCreate) error {
		switch text := m.Content; {
		case m.Author.Bot:
		case strings.HasPrefix(text, "!ping"):
			return c.Reply("pong " + discord.Mention(m.Author.ID))
		case strings.HasPrefix(text, "!ban") && len(m.Mentions) > 0:
			return c.Client().Ban(c, c.GuildID(), m.Mentions[0].ID, discord.Reason("spam"))
		}
		return nil
	})
	discord.On(r, discord.EventReactionAdd, func(c *discord.Context, e *discord.ReactionAdd) error {
		return c.Send("You like " + e.Emoji.Name)
	})
	discord.On(r, discord.EventReactionRemove, func(c *discord.Context, e *discord.ReactionRemove) error {
		return c.Send("No " + e.Emoji.Name)
	})
	return r
}

// TestTerminal: lines talk to the bot, and its actions are shown.
func TestTerminal(t *testing.T) {
	var out bytes.Buffer
	d := &demo{out: &out, others: []string{"Boris"}, in: strings.NewReader(strings.Join([]string{
		"!ping", "Boris: !ping", "/react 👍", "Boris: /unreact 👍", "/unreact 👍", "/dm !ping", "", "/type", "/join Vera", "Vera: !ping",
		"/nonsense", "/react", "/join Vera", "/leave Gleb", "/leave Vera", "!ban @boris!", "Boris: !ping",
	}, "\n"))}
	if err := d.terminal(context.Background(), newBot()); err != nil {
		t.Fatal(err)
	}
	const want = `Bot: pong @You
Bot: pong @Boris
Bot: You like 👍
Bot: No 👍
Bot: pong @You
Bot: pong @Vera
(there is no /nonsense: /dm, /react, /unreact, /type, /join, /leave, /press, /pick, /fill and /use are there, and the commands that /commands lists)
(/react needs an emoji)
(/join needs the name of a new person)
(there is no Gleb)
(Bot bans Boris: spam)
(403, code 50001: Missing Access)
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// TestCannotStart: an error of the bot is returned.
func TestCannotStart(t *testing.T) {
	d := &demo{out: new(bytes.Buffer), in: strings.NewReader("hi\n")}
	if err := d.terminal(context.Background(), nil); err == nil {
		t.Error("a bot without a handler runs")
	}
}
