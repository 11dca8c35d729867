package main

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
)

// newBot returns the bot.
func newBot() *vk.Router {
	r := vk.NewRouter("!", "/")
	r.Use(middleware.Explain())

	r.Handle("ping", func(c *vk.Context) error {
		return c.Reply("pong")
	})

	r.Handle("echo {text...}", func(c *vk.Context) error {
		return c.Send(c.Arg("text"))
	})

	vk.Command(r, "roll {sides:int=6}", func(c *vk.Context, a struct{ Sides int }) error {
		if a.Sides < 1 {
			return c.Reply("A die has a side at least.")
		}
		return c.Reply(fmt.Sprint(1 + rand.IntN(a.Sides)))
	})

	vk.On(r, vk.EventMessageNew, func(c *vk.Context, e *vk.MessageNew) error {
		switch strings.ToLower(e.Message.Text) {
		case "hi", "hello", "привет":
			return c.Send("Hello! Try !ping, !echo hi there, or !roll 20.")
		}
		return nil
	})
	return r
}
