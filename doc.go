// Package vk is for bots on VK (VKontakte). Whoever knows net/http can guess
// most of it: a [Router] is the ServeMux, a [HandlerFunc] answers, a
// [Middleware] wraps it, [Run] is ListenAndServe, and package vktest is
// httptest.
//
//	package main
//
//	import (
//		"context"
//		"log"
//		"os"
//
//		"github.com/vkrouter/vk"
//		"github.com/vkrouter/vk/middleware"
//	)
//
//	func main() {
//		r := vk.NewRouter("!")
//		r.Use(middleware.Explain())
//		r.Handle("ping", func(c *vk.Context) error { return c.Reply("pong") })
//		r.Handle("echo {text...}", func(c *vk.Context) error { return c.Send(c.Arg("text")) })
//		log.Fatal(vk.Run(context.Background(), os.Getenv("VK_TOKEN"), r))
//	}
//
// # The way of a message
//
// A source of events, such as a [Poller], gets them from VK and gives them to a
// [Dispatcher]. It decides when: the events of one conversation one after the
// other, those of different conversations at the same time, so many at once.
// The [Router] decides who: first all listeners of this kind of event, then the
// one route whose words the text begins with. A handler holds a [Context] and
// answers with it, through the [Client].
//
// # Calling the API
//
// [Call] calls any method of VK's API, with [Params] of any kind and an answer
// of any type:
//
//	users, err := vk.Call[[]vk.User](ctx, client, "users.get", vk.Params{"user_ids": []int{1, 2}})
//
// VK's refusals are an [*Error], whose code errors.Is tells:
//
//	if errors.Is(err, vk.CodeCannotWrite) { … }
//
// What may pass is tried again, where that does no harm; a message is not sent
// twice. [Client.Use] wraps every call, to trace or to stub it.
//
// [Client.RPS] paces calls, and [Client.Batch] packs those that wait into one
// request. [Pages] and [Execute] are for lists and for VKScript.
//
// # Messages
//
// [Context.Send] and [Client.Send] take options that are values: a [*Keyboard],
// a [Carousel], an [Attachment] that [Client.Upload] returned, [Bold] text,
// [ReplyTo]. [Into] gives a handle on what was sent.
//
// # Routes
//
// A pattern such as "ban {user} {reason...}" says which words find the route
// and what its arguments are; see [Router.Handle] for the grammar. [Command]
// gives the arguments to the handler in a struct. [Router.Route] and
// [Router.Group] make a part of a router, with words or middleware of its own.
//
// # Listeners
//
// [On] listens to a kind of event, with the type that belongs to it:
//
//	vk.On(r, vk.EventGroupJoin, func(c *vk.Context, e *vk.GroupJoin) error { … })
//
// Listeners observe: all of them run, none keeps an event from the others or
// from its route.
//
// # Errors
//
// A handler returns its error, and middleware sees it on its way out: a bad
// argument ([*ArgError]), an unknown command ([*NotFoundError]), a panic
// ([*PanicError]), whatever a handler failed with. What nobody deals with is
// logged. An error is an outcome: the event is not handled again for it.
//
// # Time and end
//
// A handler's context ends when the handler has run for a minute, or what
// [Dispatcher.TimeLimit] says. When the context given to Run ends, the bot
// takes no more events, lets the running handlers finish for a while, and Run
// returns nil.
//
// # Delivery
//
// docs/delivery.md says on one page what is promised about messages that come
// and go.
//
// # Testing
//
// Package vktest runs the whole bot against a fake VK in the test's process, in
// virtual time if you like.
package vk
