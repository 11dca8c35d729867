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
// The [Router] decides who: first all listeners of this kind of event, then
// whoever waits for it, then the one route that it leads to. A handler holds a
// [Context] and answers with it, through the [Client].
//
// # Calling the API
//
// [Call] calls any method of VK's API, with [Params] of any kind and an answer
// of any type:
//
//	users, err := vk.Call[[]vk.User](ctx, client, "users.get", vk.Params{"user_ids": []int{1, 2}})
//
// What may pass is tried again, where that does no harm; a message is not sent
// twice. [Client.Use] wraps every call, to trace or to stub it. [Client.RPS]
// paces calls, and [Client.Batch] packs those that wait into one request.
// [Pages] and [Execute] are for lists and for VKScript. Package api has a typed
// request for each method that a community may call.
//
// # Messages
//
// [Context.Send] and [Client.Send] take options that are values: a [*Keyboard],
// a [Carousel], an [Attachment] that [Client.Upload] returned, [Bold] text,
// [ReplyTo]. [Into] gives a handle on what was sent, and [Context.Show] is for
// menus, which it edits in place.
//
// # Routes
//
// A pattern says by which words a command is found and what its arguments are;
// [Router.Handle] has the grammar. It is also what people are shown when they
// write the command wrong.
//
//	r.Handle("ban {user:user} {reason...?}", ban)
//
// A placeholder has a type: a number, a length of time, a person who is
// mentioned or linked to, one of some words, or a type of yours; [Converter]
// lists them. [Context.Arg] returns the text of an argument and [Arg] its value;
// [Command] gives all of them to the handler in a struct, whose fields are
// checked against the pattern when it is registered:
//
//	vk.Command(r, "remind {in:duration} {what...}", func(c *vk.Context, a struct {
//		In   time.Duration
//		What string
//	}) error {
//		return c.Reply("In " + a.In.String() + ": " + a.What)
//	})
//
// [Router.Route] and [Router.Group] make a part of a router, with words, checks
// and middleware of its own. [Router.Walk] and [Router.Lookup] find routes, and
// [Route.SetEnabled], [Router.Replace] and [Router.Remove] change what there is
// while the bot runs.
//
// What begins a command is [Router.Prefix]: fixed ones, see [Literal], a mention
// of the bot ([Mentioned]), none at all in private ([NoPrefixInPrivate]), each
// of them ([AnyPrefix]), or what a function of yours finds. With [Router.Fold]
// case does not count.
//
//	r.Fold = true
//	r.Prefix = vk.AnyPrefix(vk.Mentioned(), vk.Literal("!", "бот, "), vk.NoPrefixInPrivate)
//
// Buttons lead to routes as well. One whose payload is a [Cmd] runs the command
// as if it had been typed; [Press] is for payloads of other shapes.
// [Router.Text] is for messages that say just this, and [Router.When] for
// everything that a condition can tell, such as [Regexp], [Has], or [If] with a
// function:
//
//	r.Text("yes|of course", agreed)
//	r.When(vk.Has("photo", "video").And(vk.If((*vk.Context).IsChat)), praise)
//
// The order in which they are asked is that of [Router]'s comment. What nothing
// answers is for [Router.NotFound].
//
// # Checks and hooks
//
// A [Check] decides who may run a command: of one route ([Route.Checks]) or of
// all of a router ([Router.Check]). Checks are data: a help command runs them
// alone, by [Route.Allowed], to list what this person may do. Package
// middleware has the usual ones, such as middleware.ChatAdmin.
//
// A hook runs just before the handler or after it: when no check has refused and
// the arguments are right. Middleware adds hooks by [Context.Before] and
// [Context.After], and by [Context.Claim] what a run costs.
//
// For each route, the order is: checks, from the outermost router's to the
// route's; middleware, in the same order; the arguments; claims; hooks before;
// the handler; hooks after; and back through middleware.
//
// # Middleware
//
// A [Middleware] is a function around a handler. [Router.Use] puts it around the
// routes of a router, the last arguments of [Router.Handle] around one route,
// and [Wrap] around the whole bot, listeners included.
//
//	r.Use(func(next vk.HandlerFunc) vk.HandlerFunc {
//		return func(c *vk.Context) error { log.Print(c.Text()); return next(c) }
//	})
//
// Package middleware has what most bots want: words for every error, cooldowns
// and other limits, logging, a help command. What a middleware wants to tell the
// handler goes into a value, by [Context.WithContext].
//
// # Conversations
//
// A handler can ask, and wait for the answer:
//
//	r.Handle("age", func(c *vk.Context) error {
//		age, err := vk.Ask(c, "How old are you?", strconv.Atoi, vk.Retry(2, "A number, please."))
//		if err != nil {
//			return err
//		}
//		return c.Send("In a year you are " + strconv.Itoa(age+1))
//	})
//
// [Context.Ask] returns what was answered, [Ask] what a function makes of it.
// [Choices] are buttons, [Cancel] is a way out, [Within] says how long the
// question is open, and [From] puts it to somebody else. A command instead of an
// answer ends the question and runs.
//
// [Wait] waits for any kind of event. A [Watch] takes events from the moment it
// is made, so that none is missed that comes before the handler waits.
//
// Whoever waits is parked: the conversation goes on for everybody else, and
// nothing is held but memory. [Context.Park] does so for whatever else a handler
// waits for.
//
// # State
//
// A [Session] keeps a value of a type of yours for each person, chat, or other
// [Key], in a [Store]: a [MemoryStore], a file (package filestore), or one that
// several processes share. [Session.If] leads messages by it, and so makes a
// dialogue of many steps.
//
// With a Store in the [Dispatcher], a handler that waits survives a restart too: it is
// run again, and what it had done is not done again. [Once] is for what must not be
// done twice in any case, and [Timers] are for what is to be done later. See
// docs/durable.md.
//
// # Modules
//
// [Router.Mount] adds routes and listeners as one: all of them or, if anything
// conflicts, none. [Module.Swap] puts others in their place and
// [Module.Unmount] takes them out, while messages flow.
//
//	mod, err := r.Mount("filter", func(r *vk.Router) error {
//		r.Handle("forbid {word:word}", forbid)
//		vk.On(r, vk.EventMessageNew, seen)
//		return nil
//	})
//
// # Events
//
// [On] listens to a kind of event, with the type that belongs to it:
//
//	vk.On(r, vk.EventGroupJoin, func(c *vk.Context, e *vk.GroupJoin) error {
//		return c.Client().Send(c, e.UserID, "Welcome!")
//	})
//
// Listeners observe: all of them run, none keeps an event from the others or
// from its route. [Router.Listen] hears events of all kinds.
//
// A [Kind] ties the name of an event to its Go type; there is one for everything
// that VK sends, and a kind that is new goes by name. What happens in a chat, and
// the Start button, are messages to VK; they are kinds derived from that, such
// as [EventChatKickUser] and [EventStart], besides being [EventMessageNew].
//
// Nothing of an event is decoded that nobody reads, and no event is lost because
// VK sends something new or bent. [Event.Drift] tells what that is.
//
// # Errors
//
// A handler returns its error, and middleware sees it on its way out, as it sees
// all others: a bad argument ([*ArgError]), a refusal ([*CheckError]), an
// unknown command ([*NotFoundError]), a button of an older bot
// ([*PayloadError]), a panic ([*PanicError]). What nobody deals with is logged.
// An error is an outcome: the event is not handled again for it.
//
// VK's refusals are an [*Error], whose code errors.Is tells:
//
//	if errors.Is(err, vk.CodeCannotWrite) {
//		return nil // they do not want to hear from us
//	}
//
// What goes wrong at registration, such as two commands of the same words, is a
// mistake in the program and panics; in a module it is an error.
//
// # Time and end
//
// A handler's context ends when the handler has run for a minute, or what
// [Dispatcher.TimeLimit] says; time in which it is parked does not count. When
// the context given to Run ends, the bot takes no more events, ends what
// handlers wait for, lets the running ones finish for a while, and Run returns
// nil.
//
// # Webhooks
//
// A [Callback] is a source of events as a Poller is: an http.Handler, for the
// address that VK sends them to. [Callback.Setup] registers the address with
// VK; it can be entered in the community's settings as well.
//
//	d := &vk.Dispatcher{Handler: r, Store: store}
//	cb := &vk.Callback{Client: client, Dispatcher: d, Secret: vk.NewSecret(os.Getenv("VK_SECRET")), Confirmation: "ab12cd34"}
//	http.Handle("/vk", cb)
//
// A Callback acknowledges an event when it is done, or kept in the Store: with a
// Store that is as soon as a handler waits. A duplicate is not handled again, unless
// a handler has asked for it, by [RetryAfter]. Several Callbacks and Pollers may
// share a Dispatcher. [Callback.Stop] is the first step of the end: the example of
// Callback called durable has them all.
//
// # Nothing lost
//
// With a Store in its Dispatcher ([Dispatcher.Store]), a bot goes on where the
// last process has ended, also if that was killed: with the events that were not
// done, and with those that have happened since. One process at a time owns a
// community's events in a Store; another one gets [ErrJournalTaken]. A handler that was waiting for an answer
// is run again and gets the answers that it got. Its messages are sent again as
// well, and VK drops them within an hour and a hundred messages of the conversation.
// [Poller.OnGap] is told if VK no longer has some of the events. The promises
// about messages are on one page, docs/delivery.md.
//
// # Diagnosis and metrics
//
// [Diagnose] compares the bot with its token and with the community's settings,
// and says what will not work and how to mend it, such as listeners to kinds of
// events that are switched off. A Poller logs the same when it starts.
// [Poller.EnableEvents] makes it enable what the bot lacks.
//
// [Client.Observer] is called for each call, each poll and the way of each event,
// for metrics and traces. [Poller.Status] and [Dispatcher.Pending] are for health
// checks. Failures are logged.
//
// # Testing
//
// Package vktest runs the whole bot against a fake VK in the test's process, in
// virtual time if you like:
//
//	bot := vktest.Start(t, r)
//	anna := bot.User("Anna")
//	anna.Says("!ping")
//	anna.Hears("pong")
//
// # The essentials
//
//   - [Run] starts a bot. [Poller] and [Callback] are sources of events.
//   - [Dispatcher] decides when events are handled, and keeps them in a [Store].
//   - [Router] finds the handler: [Router.Handle], [Command], [On], [Router.Mount].
//   - [Context] is what a handler gets: [Context.Send], [Context.Reply], [Context.Arg].
//   - [Client] calls the API: [Call], [Client.Send], [Client.Upload].
//   - [Keyboard], [Carousel] and [Attachment] are parts of messages.
//   - [Ask], [Wait] and [Watch] wait for people. [Session] keeps state. [Once] and
//     [Timers] do things once, and later.
package vk
