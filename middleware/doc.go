// Package middleware has the middleware that most bots want.
//
// A middleware is a function that wraps a handler. It is given to a whole
// router, a part of it, or one route:
//
//	r.Use(middleware.Explain())
//	r.Handle("report {text...}", report, middleware.Logger(log))
//
// Middleware given first is outermost. A usual order is Explain, Logger,
// Recover: what Recover makes of a panic, Logger logs and Explain sees.
package middleware
