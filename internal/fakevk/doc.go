// Package fakevk is a fake VK in one process: an in-memory world of
// communities, users, chats and messages, and the HTTP API over it that a bot
// calls.
//
// It is strict where VK is strict, with VK's own codes and texts, because a
// lenient fake hides the mistakes that tests exist to find. It shares no code
// with the library that it tests, so that a misreading in one is not repeated
// in the other.
//
// # Two sides
//
// A [World] is both ends of the wire. As an [http.Handler] it serves bots:
//
//	/method/{name}   the API, GET and POST
//	/lp/{group}      Bots Long Poll
//	/upload/{kind}   upload hosts, at the addresses that methods return
//	/im/{owner}      User Long Poll, for a community's inbox
//
// It also sends events to callback servers: [World.AddCallback].
//
// Its methods act as the users: [World.Send] writes as a user, [World.Press]
// presses a button, and [World.Messages] reads a dialog as one of its members
// sees it. [World.Changed] signals that something changed.
//
// # Time
//
// The world has no clock of its own: it calls time.Now. It runs a timer only
// while a poll waits or a [Fault] delays something, and a goroutine only while
// it delivers to a callback server; [World.Close] ends them. So it works in a
// testing/synctest bubble as well as on a real socket. No lock is held while
// anything waits.
//
// # Faults
//
// [World.Fail] makes calls, polls, uploads, deliveries and events fail in the
// ways that networks and VK fail. Nothing fails by itself.
//
// # Locking
//
// One mutex guards the world. Exported methods acquire it; unexported functions
// expect it to be held. The handler of an API method runs under it. The handler
// therefore sees a consistent world, must leave it consistent, and must not
// block.
//
// # Memory
//
// A world can run for a long time. The numbers of messages, posts, comments,
// calls, media objects and events are limited; see [Config]. Likes are removed
// with the liked object, and presses when they are over. Users, communities,
// chats, dialogs, tokens and the lists of users are kept forever.
//
// # Adding to it
//
// To add an API method, call register in the init function of the method's
// file, with a handler func(*call) (any, *apiError) that reads its parameters
// with the typed readers of params.go. To add a source of events, pass a
// function to [World.OnEvent]. Every event of the world passes through emit, in
// event.go, and nowhere else.
package fakevk
