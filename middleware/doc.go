// Package middleware provides middleware, checks and a help command that most
// bots need.
//
// A middleware is a function that wraps a handler. It applies to a whole
// router, a part of it, or one route:
//
//	r.Use(middleware.Explain())
//	r.Handle("report {text...}", report, middleware.Logger(log))
//
// The first middleware is outermost. A usual order is Explain, OnError, Logger,
// a Cooldown's Wrap: Logger logs an error, OnError sees it next, and Explain
// tells the user about an error that OnError has returned. An OnError outside
// Explain sees only the errors that Explain does not explain. Each of them sees a
// panic as an error.
//
// A check decides whether a user may run a command. It applies to a router or
// to a route:
//
//	r.Check(middleware.Any(middleware.Users(owner), middleware.ChatAdmin))
//
// Checks run before all middleware, which sees their refusal as an error.
// Claims, such as a use of a cooldown, are made after the checks and before all
// hooks. They are given back unless the handler runs: see [vk.Context.Claim].
// Hooks run last: see [vk.Context.Before] and [vk.Context.After].
//
// The values that this package creates may be kept in package variables. They
// own no goroutine, timer or channel, and work in virtual time.
package middleware
