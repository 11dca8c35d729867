package middleware

import (
	"runtime/debug"

	"github.com/vkrouter/vk/discord"
)

// Recover makes a panic of the handler an error, a [*discord.PanicError]. Routers and
// [discord.Wrap] do so for all their middleware without it. Recover is for a handler
// that is wrapped by hand, as in logged(middleware.Recover()(h)).
func Recover() discord.Middleware {
	return func(next discord.HandlerFunc) discord.HandlerFunc {
		return func(c *discord.Context) (err error) {
			defer func() {
				if v := recover(); v != nil {
					err = &discord.PanicError{Value: v, Stack: debug.Stack()}
				}
			}()
			return next(c)
		}
	}
}
