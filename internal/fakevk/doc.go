// Package fakevk is a fake VK in one process: an in-memory world of
// communities, people, chats and messages, and over it the HTTP API that a bot
// talks to.
//
// It is strict where VK is strict, with VK's own codes and texts, because a
// fake that forgives hides the mistakes that tests exist to find. It shares no
// code with the library it tests: a misreading in common would hide itself.
//
// # Two sides
//
// A [World] is both ends of the wire. As an [http.Handler] it serves bots:
//
//	/method/{name}   the API, GET and POST
//	/lp/{group}      Bots Long Poll
//	/upload/{kind}   upload hosts, at the addresses that methods hand out
//	/im/{owner}      User Long Poll, for a community's inbox
//
// and sends events to callback servers: [World.AddCallback].
//
// Its methods are the people: [World.Send] writes as a person, [World.Press]
// presses a button, [World.Messages] reads a dialog as one of its members sees
// it. [World.Changed] tells when it is worth looking again.
//
// # Time
//
// The world has no clock of its own: it asks time.Now. It has a timer only
// while a poll waits or a [Fault] delays something, and a goroutine only while
// something is to be delivered to a callback server; [World.Close] ends them.
// So it lives in a testing/synctest bubble as well as on a real socket. No lock
// is held while anything waits.
//
// # What goes wrong
//
// [World.Fail] has calls, polls, uploads, deliveries and events go wrong in the
// ways that networks and VK have. Nothing goes wrong by itself.
//
// # Locking
//
// One mutex guards the world. Exported methods take it; everything in lower
// case expects it to be held. A handler of an API method runs under it, so it
// sees and leaves a consistent world, and must not wait.
//
// # Memory
//
// A world is made to stand a long run. Messages, posts and comments, calls,
// media and events are each kept up to a limit, see [Config]; likes go with what
// was liked, presses when they are over. People, communities, chats, dialogs,
// tokens and the lists that name people stay.
//
// # Adding to it
//
// A new API method is a call of register in the init function of its file and
// a handler func(*call) (any, *apiError) that reads its parameters with the
// typed readers of params.go. A new source of events is a function given to
// [World.OnEvent]: every event of the world passes through emit, in event.go,
// and nowhere else.
package fakevk
