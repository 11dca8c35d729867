package demo

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
)

// newBot returns a bot that uses everything that a terminal shows.
func newBot(vk.Store) vk.Handler {
	r := vk.NewRouter("!")
	r.Handle("menu", func(c *vk.Context) error {
		kb := &vk.Keyboard{Inline: true}
		return c.Send("Two\nlines", kb.Row(vk.CallbackButton("Like", vk.Cmd("like")), vk.CallbackButton("Next", vk.Cmd("next"))))
	})
	r.Handle("like", func(c *vk.Context) error { return c.Snackbar("Thanks") })
	r.Handle("next", func(c *vk.Context) error {
		kb := &vk.Keyboard{Inline: true}
		return c.Show("Page 2", kb.Row(vk.CallbackButton("Like", vk.Cmd("like"))))
	})
	r.Handle("below", func(c *vk.Context) error {
		return c.Send("Here", new(vk.Keyboard).Row(vk.TextButton("Say", vk.Cmd("who"))))
	})
	vk.Command(r, "who", func(c *vk.Context, _ struct{}) error {
		u, err := c.Client().User(c, c.FromID())
		if err != nil {
			return err
		}
		return c.Reply(u.Mention())
	})
	vk.Command(r, "quote", func(c *vk.Context, _ struct{}) error {
		m, err := c.Message()
		if err != nil || m.Reply == nil {
			return c.Send("Nothing.")
		}
		return c.Client().Send(c, m.FromID, "You said:", vk.Forward(m.Reply))
	})
	r.Handle("boss", func(c *vk.Context) error { return c.Send("Yes.") }).Check(middleware.Manager("administrator"))
	vk.Command(r, "kick {who:user}", func(c *vk.Context, a struct{ Who int64 }) error {
		m, err := c.Message()
		if err != nil {
			return err
		}
		if err := c.Client().Delete(c, m.PeerID, m.CMID); err != nil {
			return err
		}
		return c.Client().Call(c, "messages.removeChatUser", vk.Params{"chat_id": m.ChatID(), "member_id": a.Who}, nil)
	})
	vk.On(r, vk.EventChatInviteUser, func(c *vk.Context, e *vk.MessageNew) error { return c.Send("Welcome") })
	return r
}

func TestTerminal(t *testing.T) {
	for _, test := range []struct {
		name   string
		others []string
		in     string
		want   string
	}{
		{"in private", nil, "!menu\n\n[Like]\n[Next]\n[Nope]\n!below\n[Say]\nBoris: !who\n+Vera\n", `Bot: Two
     lines [Like] [Next]
(Bot shows: Thanks)
Bot edits: Page 2 [Like]
(You sees no button "Nope")
Bot: Here
     keyboard: [Say]
Bot: You
`},
		{"in a chat", []string{"Boris"}, "Boris: !who\n!who\n+Vera\nVera: hi\nVera: !who\nBoris: hello\n!kick @boris\nBoris: !who\nVera: !menu\nVera: [Like]\n+Boris\n", `Bot: Boris
Bot: You
Bot: Welcome
Bot: Vera
(Bot deletes a message)
(Bot removes Boris)
(Boris cannot say "!who")
Bot: Two
     lines [Like] [Next]
(Bot shows: Thanks)
Bot: Welcome
`},
		{"in a chat and beside it", []string{"Boris"}, "Boris to Bot: > hi\nBoris to Bot: !who\nYou to Bot: !boss\n!who\nBoris: > !quote\nBoris to Bot: !menu\nBoris to Bot: [Like]\nVera to Bot: !who\n", `(Boris sees no message to reply to)
Bot to Boris: Boris
Bot to You: Yes.
Bot: You
Bot to Boris: You said:
     | Bot: You
Bot to Boris: Two
     lines [Like] [Next]
(Bot shows: Thanks)
`},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			d := demo{newBot: newBot, others: test.others, in: strings.NewReader(test.in), out: &out}
			if err := d.run(t.Context()); err != nil || out.String() != test.want {
				t.Errorf("%v, out:\n%s\nwant:\n%s", err, out.String(), test.want)
			}
		})
	}
}

// TestTerminalEnds checks that the end of ctx ends a terminal that waits for a
// line.
func TestTerminalEnds(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close() // ends the reading goroutine
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d := demo{newBot: newBot, in: r, out: io.Discard}
	if err := d.run(ctx); err != nil {
		t.Error(err)
	}
}

func TestTerminalErrors(t *testing.T) {
	for _, test := range []struct {
		name string
		demo demo
		want string
	}{
		{"a line too long", demo{newBot: newBot, in: strings.NewReader(strings.Repeat("a", 100_000))}, "demo: cannot read the next line: bufio.Scanner: token too long"},
		{"no bot", demo{newBot: func(vk.Store) vk.Handler { return nil }, in: strings.NewReader("hi\n")}, "vktest: the bot did not start: "},
		{"no store", demo{newBot: newBot, file: filepath.Join(t.TempDir(), "no", "bot.db")}, "filestore: "},
		{"no token for VK", demo{newBot: newBot, token: "t", client: func(string) *vk.Client { return vk.NewClient("") }}, "the client has no token"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.demo.out = io.Discard
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if err := test.demo.run(ctx); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %s", err, test.want)
			}
		})
	}
}

// TestBotPanics checks that a panic of the program itself is not taken for an
// error of vktest.
func TestBotPanics(t *testing.T) {
	defer func() {
		if v := recover(); v != "mine" {
			t.Errorf("panic %v", v)
		}
	}()
	try(func() error { panic("mine") })
}
