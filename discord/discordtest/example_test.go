package discordtest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/discordtest"
)

// newRouter returns a bot that answers, reacts, uploads and edits.
func newRouter() *discord.Router {
	r := discord.NewRouter()
	discord.On(r, discord.EventMessageCreate, func(c *discord.Context, m *discord.MessageCreate) error {
		if m.Author.Bot {
			return nil
		}
		switch command, arg, _ := strings.Cut(m.Content, " "); command {
		case "!ping":
			return c.Reply("pong")
		case "!echo":
			return c.Send(arg)
		case "!react":
			return c.Client().React(c, m.ChannelID, m.ID, "👍")
		case "!report":
			return c.Reply("", discord.Embed{Title: "Report"}, discord.Bytes("notes.txt", []byte("the notes")))
		case "!edit":
			var sent discord.Message
			if err := c.Reply("before", discord.Into(&sent)); err != nil {
				return err
			}
			_, err := c.Client().EditMessage(c, sent.ChannelID, sent.ID, "after")
			return err
		case "!delete":
			return c.Client().DeleteMessage(c, m.ChannelID, m.ID)
		case "!type":
			return c.Typing()
		case "!ban":
			return c.Client().Ban(c, c.GuildID(), m.Mentions[0].ID, discord.Reason("spam"))
		case "!busy":
			return c.Gateway().SetPresence(c, discord.Presence{Status: discord.StatusDND, Activities: []discord.Activity{{Type: discord.Watching, Name: "tea"}}})
		}
		return nil
	})
	return r
}

// A test of a bot.
func Example() {
	test := func(t *testing.T) {
		bot := discordtest.Start(t, newRouter())
		anna, boris := bot.User("Anna"), bot.User("Boris")
		anna.Says("!ping")
		anna.Sees("pong")
		boris.In(boris.DM()).Says("!ping")
		boris.In(boris.DM()).Sees("pong")
		boris.Says("thank you")
		boris.SeesNothing()
	}
	_ = test
}

// A bot can run on the fake without a test.
func ExampleNewServer() {
	bot := discordtest.NewServer()
	defer bot.Close()
	bot.Start(newRouter())
	anna := bot.User("Anna")
	anna.Says("!echo hello")
	fmt.Println(anna.Sees("hello").Author.Username)
	// Output: Bot
}

// newPoll returns a bot with a command, a form and a button.
func newPoll() *discord.Router {
	r := discord.NewRouter()
	r.Handle("poll", func(c *discord.Context) error {
		return c.Open(discord.Form{ID: discord.Cmd("poll-made"), Title: "A poll", Inputs: []discord.Input{{Name: "question", Label: "What do you ask?"}}})
	})
	discord.Submit(r, "poll-made", func(c *discord.Context, f struct{ Question string }) error {
		return c.Reply(f.Question, discord.Row{{Label: "Yes", ID: discord.Cmd("vote", "yes"), Style: discord.Green}})
	})
	r.Press("vote {choice}", func(c *discord.Context) error {
		return c.Reply("You voted "+c.Arg("choice")+".", discord.Ephemeral)
	})
	return r
}

// People use commands, fill in forms and press buttons.
func ExampleUser_Slash() {
	bot := discordtest.NewServer()
	defer bot.Close()
	bot.Start(newPoll())
	anna, boris := bot.User("Anna"), bot.User("Boris")
	fmt.Println(anna.Offers())
	anna.Slash("poll")
	anna.Fills("What do you ask?", "Tea?")
	anna.Sees("Tea?")
	boris.Clicks("Yes")
	boris.SeesEphemeral("You voted yes.")
	fmt.Print(bot.Transcript())
	// Output:
	// [/poll]
	// # general
	// Anna: /poll
	// (Bot opens the form A poll for Anna: What do you ask?)
	// (Anna fills in A poll: What do you ask?=Tea?)
	// Bot: Tea? [Yes]
	// (Boris presses Yes)
	// Bot to Boris: You voted yes.
}
