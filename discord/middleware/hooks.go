package middleware

import "github.com/vkrouter/vk/discord"

// Claim runs f before the handler of each route that it wraps, and before all
// hooks of [Before]: to take what the handler costs. What f has taken is given
// back if the handler does not run. It is [discord.Context.Claim] as a middleware.
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

// Before runs f just before the handler of each route that it wraps: when no
// check has refused, the arguments are right, and all claims are made. An error of
// f is the handler's outcome, and the handler does not run. It is
// [discord.Context.Before] as a middleware.
//
// What is to see every command, also those that come to nothing, is a
// middleware of its own.
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

// After runs f when the handler of a route that it wraps has ended, with the
// handler's error: nil if the command was completed. It does not run for a
// command that a check, a wrong argument, a claim or an earlier Before has
// refused; if a later Before refuses, f gets that error. An error of f is joined
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
