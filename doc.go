// Package vk is a library for bots on VK (VKontakte). It is modelled on net/http: a
// [Router] is the ServeMux, a [HandlerFunc] answers, a [Middleware] wraps a handler,
// [Run] is ListenAndServe, and package vktest is httptest.
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
//		r.Use(middleware.Explain()) // tells people what was wrong with their command
//		r.Handle("ping", func(c *vk.Context) error { return c.Reply("pong") })
//		r.Handle("echo {text...}", func(c *vk.Context) error { return c.Send(c.Arg("text")) })
//		log.Fatal(vk.Run(context.Background(), os.Getenv("VK_TOKEN"), r))
//	}
//
// # From event to answer
//
// A source, such as a [Poller] or a [Callback], receives events from VK and passes them
// to a [Dispatcher]. The Dispatcher runs handlers: the events of one conversation in
// order, those of different conversations in parallel. For each event, the [Router] calls
// all listeners of its kind and then at most one route. A handler gets a [Context] and
// answers with it, through the [Client].
//
// # Commands and arguments
//
// A pattern has the words of a command and placeholders for its arguments.
// [Router.Handle] describes the syntax. [Command] passes the arguments in a struct whose
// fields are checked against the pattern at registration:
//
//	vk.Command(r, "remind {in:duration} {what...}", func(c *vk.Context, a struct {
//		In   time.Duration
//		What string
//	}) error {
//		return c.Reply("In " + a.In.String() + ": " + a.What)
//	})
//
// [Router.Route] and [Router.Group] make a part of a router with words, checks and
// middleware of its own. [Router.Prefix] finds the prefix of a command: see [Literal],
// [Mentioned] and [AnyPrefix]. A button with a [Cmd] as its payload runs the command as
// if the person had typed it. [Router.Text] matches a whole message, [Router.When] a
// condition, and [Router.NotFound] answers commands that no route matches:
//
//	r.Text("yes|of course", agreed)
//	r.When(vk.Has("photo", "video").And(vk.If((*vk.Context).IsChat)), praise)
//
// # Messages and files
//
// [Context.Send] and [Client.Send] take text and options: a [*Keyboard], a [Carousel], an
// [Attachment] returned by [Client.Upload], [Bold] text, [ReplyTo]. [Context.Show] edits
// a menu in place. A keyboard that exceeds VK's limits is an error before the call.
//
// # Errors, checks and middleware
//
// A handler returns its error. Middleware sees it, as it sees a wrong argument
// ([*ArgError]), a refusal ([*CheckError]), an unknown command ([*NotFoundError]) and a
// panic ([*PanicError]). Errors that no middleware handles are logged; the event is not
// retried. An error of VK is an [*Error], compared by its code:
//
//	if errors.Is(err, vk.CodeCannotWrite) {
//		return nil // the user has blocked the community
//	}
//
// A [Check] decides whether a user may run a command ([Router.Check], [Route.Checks]).
// A [Middleware] wraps the routes of a router ([Router.Use]), one route ([Router.Handle])
// or the whole bot ([Wrap]). Package middleware has checks, cooldowns, limits, help and
// error texts. For each route the order is: checks, from the outermost router to the
// route; middleware, in the same order; arguments; [Context.Claim]; [Context.Before]; the
// handler; [Context.After].
//
// # Conversations
//
// A handler can ask a question and wait for the answer:
//
//	r.Handle("age", func(c *vk.Context) error {
//		age, err := vk.Ask(c, "How old are you?", strconv.Atoi, vk.Retry(2, "A number, please."))
//		if err != nil {
//			return err
//		}
//		return c.Send("In a year you are " + strconv.Itoa(age+1))
//	})
//
// While it waits, the handler is parked: it blocks neither the conversation nor a
// worker. [Context.Ask] returns the answer's text, [Wait] and [Watch] wait for any kind
// of event. A [Session] keeps a value for each user, chat or other [Key] in a [Store].
//
// # Events
//
// [On] registers a listener for a kind of event, with the type that belongs to it. All
// listeners run, and none of them keeps the event from the others or from its route.
//
//	vk.On(r, vk.EventGroupJoin, func(c *vk.Context, e *vk.GroupJoin) error {
//		return c.Client().Send(c, e.UserID, "Welcome!")
//	})
//
// [Router.Mount] adds routes and listeners as a [Module], which can be swapped and
// unmounted while the bot runs.
//
// # Calling the API
//
// [Call] calls any method of the VK API and decodes the response into any type:
//
//	users, err := vk.Call[[]vk.User](ctx, client, "users.get", vk.Params{"user_ids": []int{1, 2}})
//
// Transient failures are retried when that is safe; messages are never sent twice.
// [Client.RPS] limits the rate of calls, [Client.Batch] packs waiting calls into one
// request, [Pages] iterates over lists. Package api has typed requests for all methods
// that a community may call.
//
// # Nothing lost
//
// With a [Store] in [Dispatcher.Store], a bot continues where the last process ended,
// also after a crash: with unfinished events, with events that VK still has, and with
// handlers that were waiting for an answer. [Once] does something once in spite of
// crashes, [Timers] do it later. See docs/delivery.md and docs/durable.md.
//
// A [Callback] is an http.Handler that receives webhooks. It acknowledges an event once
// the event is handled, or saved in the Store:
//
//	d := &vk.Dispatcher{Handler: r, Store: store}
//	cb := &vk.Callback{Client: client, Dispatcher: d, Secret: vk.NewSecret(os.Getenv("VK_SECRET")), Confirmation: "ab12cd34"}
//	http.Handle("/vk", cb)
//
// # Operation
//
// When the context given to [Run] ends, the bot takes no more events, running handlers
// finish, and Run returns nil. A handler's context ends after a minute of work, see
// [Dispatcher.TimeLimit]. [Diagnose] compares the bot with its token and the community's
// settings. [Client.Observer] is for metrics and traces, [Poller.Status] for health checks.
//
// # Testing
//
// Package vktest runs the whole bot on a fake VK in the test's process:
//
//	bot := vktest.Start(t, r)
//	anna := bot.User("Anna")
//	anna.Says("!ping")
//	anna.Hears("pong")
//
// # The essentials
//
//   - [Run] starts a bot. [Poller] and [Callback] are sources of events.
//   - [Dispatcher] runs handlers, and keeps events in a [Store].
//   - [Router] finds the handler: [Router.Handle], [Command], [On], [Router.Mount].
//   - [Context] is the argument of a handler: [Context.Send], [Context.Reply], [Context.Arg].
//   - [Client] calls the API: [Call], [Client.Send], [Client.Upload].
//   - [Keyboard], [Carousel] and [Attachment] are parts of messages.
//   - [Ask], [Wait] and [Watch] wait for people. [Session] keeps state. [Once] and
//     [Timers] do things once, and later.
package vk
