package middleware

import (
	"strings"

	"github.com/vkrouter/vk/discord"
)

// IgnoreBots skips the handler for deeds of bots and webhooks, the bot itself included:
// their messages, reactions, votes and interactions, their typing, and their moves in
// voice. Two bots that answer each other do so for ever. Other events are handled, and
// also those with no more than a user's ID, unless it is that of the bot itself.
func IgnoreBots() discord.Middleware {
	return func(next discord.HandlerFunc) discord.HandlerFunc {
		return func(c *discord.Context) error {
			if isDeed(c.Kind()) && byBot(c) {
				return nil
			}
			return next(c)
		}
	}
}

// isDeed reports whether the user of an event of the kind has done it.
func isDeed(kind string) bool {
	switch kind {
	case "INTERACTION_CREATE", "TYPING_START", "VOICE_STATE_UPDATE":
		return true
	}
	return strings.HasPrefix(kind, "MESSAGE_")
}

// byBot reports whether the user of the event is known to be a bot or a webhook.
func byBot(c *discord.Context) bool {
	if u, err := c.User(); err == nil && u.Bot {
		return true
	}
	if m, err := c.Message(); err == nil && m.WebhookID != 0 {
		return true
	}
	me := c.Me().ID
	return me != 0 && c.UserID() == me
}
