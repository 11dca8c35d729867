package main

import (
	"log/slog"

	"github.com/vkrouter/vk/discord"
)

// newBot returns the bot. It logs the connection and each message that it sees.
func newBot(log *slog.Logger) *discord.Router {
	r := discord.NewRouter()
	discord.On(r, discord.EventReady, func(c *discord.Context, e *discord.Ready) error {
		log.Info("Connected!", "me", e.User.String(), "guilds", len(e.Guilds))
		return nil
	})
	discord.On(r, discord.EventMessageCreate, func(c *discord.Context, m *discord.MessageCreate) error {
		log.Info("message", "from", m.Author.String(), "text", m.Content)
		return nil
	})
	return r
}
