package middleware

import "github.com/vkrouter/vk"

// IgnoreBots ignores messages written by communities, which usually are other
// bots. Routes do that by themselves, unless [vk.Router.AnswerBots] is set.
// IgnoreBots is for listeners, around a whole bot:
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
