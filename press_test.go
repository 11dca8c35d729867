package vk_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/vktest"
)

// TestButtonCommands: a command that is typed, a text button and a callback
// button reach the same handler, with the same arguments, in private and in a
// chat. Other payloads do not.
func TestButtonCommands(t *testing.T) {
	newBot := func() *vk.Router {
		r := vk.NewRouter("!")
		r.Use(middleware.Explain())
		r.Handle("menu", func(c *vk.Context) error {
			kb := &vk.Keyboard{Inline: true}
			kb.Row(vk.TextButton("Text", vk.Cmd("shop buy", "green tea", 2)), vk.CallbackButton("Callback", vk.Cmd("shop buy", "green tea", 2)))
			kb.Row(vk.TextButton("Typo", vk.Cmd("shop bye")), vk.CallbackButton("Gone", vk.Cmd("shop bye")))
			kb.Row(vk.TextButton("!menu", vk.Choice("menu")), vk.CallbackButton("Wrong", vk.Cmd("shop buy", "tea", "many")))
			return c.Send("Menu", kb)
		})
		r.Route("shop", func(r *vk.Router) {
			r.Handle("buy {what} {n:int}", func(c *vk.Context) error {
				return c.Send(c.Arg("n") + " × " + c.Arg("what") + " by prefix " + c.Prefix())
			})
		})
		return r
	}
	for _, where := range []string{"private", "chat"} {
		t.Run(where, func(t *testing.T) {
			bot := vktest.Start(t, newBot())
			anna := bot.User("Anna")
			if where == "chat" {
				anna = anna.In(bot.Chat("Tea", anna))
			}
			anna.Says(`!shop buy "green tea" 2`)
			anna.Hears("2 × green tea by prefix !")
			anna.Says("!menu")
			anna.Hears("Menu")
			anna.Presses("Text")
			anna.Hears("2 × green tea by prefix ")
			p := anna.Presses("Callback")
			anna.Hears("2 × green tea by prefix ")
			p.Blank() // nobody answered it
			anna.Presses("Typo")
			anna.Presses("Gone").Blank()
			anna.HearsNothing()
			anna.Presses("Wrong").Snackbar(`n: "many" is not a whole number.`)
			if where == "private" { // in a chat, VK puts a mention in front
				anna.Presses("!menu") // a Choice is no command, but its label is one
				anna.Hears("Menu")
			}
			anna.HearsNothing()
		})
	}
}

// TestUnansweredPress: what no handler answers is answered blank when all have
// returned; what one answers, or means to, is left alone.
func TestUnansweredPress(t *testing.T) {
	for _, tt := range []struct {
		name string
		h    vk.HandlerFunc
		seen func(p *vktest.Press)
	}{
		{"nobody", func(c *vk.Context) error { return nil }, func(p *vktest.Press) { p.Blank() }},
		{"an error", func(c *vk.Context) error { return vk.ErrNotFound }, func(p *vktest.Press) { p.Blank() }},
		{"a panic", func(c *vk.Context) error { panic("boom") }, func(p *vktest.Press) { p.Blank() }},
		{"a snackbar", func(c *vk.Context) error { return c.Snackbar("Yum") }, func(p *vktest.Press) { p.Snackbar("Yum") }},
		{"a link", func(c *vk.Context) error { return c.OpenLink("https://vk.com") }, func(p *vktest.Press) { p.Link("https://vk.com") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bot := vktest.Start(t, vk.HandlerFunc(func(c *vk.Context) error {
					if c.Text() == "menu" {
						return c.Send("Menu", new(vk.Keyboard).Row(vk.CallbackButton("Press", nil)))
					}
					return tt.h(c)
				}))
				anna := bot.User("Anna")
				anna.Says("menu")
				anna.Hears("Menu")
				tt.seen(anna.Presses("Press"))
				bot.Wait(t.Context())
				if n := len(bot.Calls("messages.sendMessageEventAnswer")); n != 1 {
					t.Errorf("%d answers: %v", n, strings.TrimSpace(bot.Transcript()))
				}
			})
		})
	}
}
