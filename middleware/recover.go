package middleware

import (
	"runtime/debug"

	"github.com/vkrouter/vk"
)

// Recover makes a panic of the handler an error, a [*vk.PanicError], that the
// middleware around it sees. Without Recover a panic is made an error as well,
// but only outside of all middleware.
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
