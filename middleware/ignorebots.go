package middleware

import "github.com/vkrouter/vk"

// IgnoreBots leaves alone what communities have written: other bots, as a rule.
// Two bots that answer each other do so for ever.
//
// It stands outermost: outside of Explain, which would answer too. Around a
// whole bot, its listeners included, it is
//
//	vk.Run(ctx, token, vk.Wrap(r, middleware.IgnoreBots()))
func IgnoreBots() vk.Middleware {
	return func(next vk.HandlerFunc) vk.HandlerFunc {
		return func(c *vk.Context) error {
			if c.FromID() < 0 {
				return nil
			}
			return next(c)
		}
	}
}
