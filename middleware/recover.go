package middleware

import (
	"runtime/debug"

	"github.com/vkrouter/vk"
)

// Recover converts a panic of the handler to an error, a [*vk.PanicError].
// Routers and [vk.Wrap] do so for all their middleware without it. Recover is
// for a handler that is wrapped by hand, as in logged(middleware.Recover()(h)).
func Recover() vk.Middleware {
	return func(next vk.HandlerFunc) vk.HandlerFunc {
		return func(c *vk.Context) (err error) {
			defer func() {
				if v := recover(); v != nil {
					err = &vk.PanicError{Value: v, Stack: debug.Stack()}
				}
			}()
			return next(c)
		}
	}
}
