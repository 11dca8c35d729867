package middleware

import "github.com/vkrouter/vk/discord"

// IgnoreBots skips the handler for what bots and webhooks have written or done, the
// bot itself included: two bots that answer each other do so for ever. An event whose
// user Discord names by ID alone is handled, unless it is the bot itself.
func IgnoreBots() discord.Middleware {
	return func(next discord.HandlerFunc) discord.HandlerFunc {
		return func(c *discord.Context) error {
			if u, err := c.User(); err == nil && u.Bot {
				return nil
			}
			if m, err := c.Message(); err == nil && m.WebhookID != 0 {
				return nil
			}
			if me := c.Me(); me.ID != 0 && c.UserID() == me.ID {
				return nil
			}
			return next(c)
		}
	}
}
