package middleware

import "github.com/vkrouter/vk/discord"

// Claim runs f before the handler of each route that it wraps, and before all
// hooks of [Before], to claim the price of the handler. The claim is given back
// if the handler does not run. It is [discord.Context.Claim] as a middleware.
func Claim(f func(c *discord.Context) (giveBack func(), err error)) discord.Middleware {
	if f == nil {
		panic("middleware: Claim: nil function")
	}
	return func(next discord.HandlerFunc) discord.HandlerFunc {
		return func(c *discord.Context) error {
			c.Claim(f)
			return next(c)
		}
	}
}

// Before runs f just before the handler of each route that it wraps: after all
// checks have allowed it, the arguments are valid, and all claims are made. An
// error of f is the handler's result, and the handler does not run. It is
// [discord.Context.Before] as a middleware.
//
// To see every command, also those that are refused, use a middleware of your
// own.
func Before(f discord.HandlerFunc) discord.Middleware {
	if f == nil {
		panic("middleware: Before: nil function")
	}
	return func(next discord.HandlerFunc) discord.HandlerFunc {
		return func(c *discord.Context) error {
			c.Before(f)
			return next(c)
		}
	}
}

// After runs f after the handler of a route that it wraps, with the handler's
// error, or nil if the command was completed. It does not run for a command
// refused by a check, an invalid argument, a claim or an earlier Before. If a
// later Before refuses the command, f gets that error. An error of f is joined
// with the handler's. It is [discord.Context.After] as a middleware.
func After(f func(c *discord.Context, err error) error) discord.Middleware {
	if f == nil {
		panic("middleware: After: nil function")
	}
	return func(next discord.HandlerFunc) discord.HandlerFunc {
		return func(c *discord.Context) error {
			c.After(f)
			return next(c)
		}
	}
}
