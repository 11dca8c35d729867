// Package middleware has what most bots want around their handlers: middleware,
// checks, and a help command.
//
// A middleware is a function that wraps a handler. It is given to a whole
// router, a part of it, or one route:
//
//	r.Use(middleware.Explain())
//	r.Handle("report {text...}", report, middleware.Logger(log))
//
// Middleware given first is outermost. A usual order is Explain, OnError,
// Logger, Recover, a Cooldown's Wrap: what Recover makes of a panic,
// Logger logs and OnError sees; what nobody has dealt with, Explain tells the
// person.
//
// A check decides who may run a command. It is given to a router, or stands in a
// route:
//
//	r.Check(middleware.Any(middleware.Users(owner), middleware.ChatAdmin))
//
// Checks run before all middleware, which sees their refusal as an error. What
// should cost nothing unless the handler runs, such as a use of a cooldown,
// happens after that, just before the handler: see [vk.Context.Before].
//
// What is made here may be kept in package variables. It owns no goroutine,
// timer or channel, and works in virtual time.
package middleware
