// Package middleware has the middleware that most bots need.
//
// A middleware is a function that wraps a handler. It is given to a router, to a
// group of one, or to a whole bot:
//
//	r.Use(middleware.Logger(log), middleware.Timeout(10*time.Second))
//	discord.Run(ctx, token, discord.Wrap(r, middleware.IgnoreBots()))
//
// Middleware given first is outermost. A usual order is IgnoreBots, OnError, Locale, Explain,
// Logger, Timeout: Logger logs an error, Explain tells the user, and OnError sees the errors
// that are left. A panic is an error to all of them. A [Cooldown] and a [MaxConcurrency] wrap
// the routes that they limit. The checks, such as [HasRole], are for
// [discord.Router.Check] and the Checks of a Route.
//
// Middleware may be kept in package variables. It owns no goroutine, timer or channel,
// and works in virtual time.
package middleware
