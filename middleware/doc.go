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
// Logger, a Cooldown's Wrap: Logger logs an error, OnError sees it next,
// and Explain tells the person about an error that OnError has returned. A panic
// is an error to all of them.
//
// A check decides who may run a command. It is given to a router, or stands in a
// route:
//
//	r.Check(middleware.Any(middleware.Users(owner), middleware.ChatAdmin))
//
// Checks run before all middleware, which sees their refusal as an error. Claims,
// such as a use of a cooldown, are made after that, before all hooks, and given
// back unless the handler runs: see [vk.Context.Claim]. Hooks run last: see
// [vk.Context.Before] and [vk.Context.After].
//
// What is made here may be kept in package variables. It owns no goroutine,
// timer or channel, and works in virtual time.
package middleware
