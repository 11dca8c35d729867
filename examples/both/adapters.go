package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/discord"
	discordware "github.com/vkrouter/vk/discord/middleware"
	"github.com/vkrouter/vk/middleware"
)

// Platforms are the Routers that commands are added to. One may be nil.
type platforms struct {
	vk      *vk.Router
	discord *discord.Router
}

// add adds a command to the platforms.
func add[A any](p platforms, pattern, doc string, f func(context.Context, A) (string, error)) {
	if p.vk != nil {
		onVK(p.vk, vk.Route{Pattern: pattern, Doc: doc}, f)
	}
	if p.discord != nil {
		onDiscord(p.discord, discord.Route{Pattern: pattern, Doc: doc}, f)
	}
}

func onVK[A any](r *vk.Router, rt vk.Route, f func(context.Context, A) (string, error)) {
	vk.AddCommand(r, rt, func(c *vk.Context, a A) error {
		text, err := f(context.WithValue(c, personKey{}, fmt.Sprint("vk ", c.FromID())), a)
		if told := refusal(""); errors.As(err, &told) {
			return middleware.Refuse(string(told))
		} else if err != nil {
			return err
		}
		return c.Reply(text)
	})
}

func onDiscord[A any](r *discord.Router, rt discord.Route, f func(context.Context, A) (string, error)) {
	discord.AddCommand(r, rt, func(c *discord.Context, a A) error {
		text, err := f(context.WithValue(c, personKey{}, fmt.Sprint("discord ", c.UserID())), a)
		if told := refusal(""); errors.As(err, &told) {
			return discordware.Refuse(string(told))
		} else if err != nil {
			return err
		}
		return c.Reply(text)
	})
}

// newVKBot returns the bot for VK. Features that only VK has are added here.
func newVKBot(store vk.Store) vk.Handler {
	r := vk.NewRouter("!", "/")
	r.Use(middleware.Explain())
	addCommands(platforms{vk: r}, store)
	r.Add(vk.Route{Pattern: "help {command...?}", Doc: "Show the commands.", Handler: middleware.Help(r)})
	return r
}

// newDiscordBot returns the bot for Discord.
func newDiscordBot(store discord.Store) discord.Handler {
	r := discord.NewRouter("!")
	r.Use(discordware.Explain())
	addCommands(platforms{discord: r}, store)
	r.Add(discord.Route{Pattern: "help {command...?}", Doc: "Show the commands.", Handler: discordware.Help(r)})
	return r
}
