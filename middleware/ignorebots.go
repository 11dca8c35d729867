package middleware

import "github.com/vkrouter/vk"

// IgnoreBots leaves alone what communities have written: other bots, as a rule.
// Routes do so by themselves, unless [vk.Router.AnswerBots] is set; IgnoreBots is
// for listeners, around a whole bot:
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
