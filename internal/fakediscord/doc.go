// Package fakediscord is a fake Discord in one process: an in-memory world of
// users, guilds, channels and messages, and over it the HTTP API, the gateway and
// the CDN that a bot talks to.
//
// It is strict where Discord is strict, with Discord's codes. It shares no code
// with the library that it tests: a misreading in common would hide itself.
//
// # Two sides
//
// A [Server] is both ends of the wire. As an [http.Handler] it serves one bot:
//
//	/api/v10/…   the API, also as v9
//	/gateway     the gateway, a WebSocket with JSON, zlib-stream or payload compression
//	/cdn/…       avatars, icons, emojis and attachments
//
// Its methods are the people: [Server.Do] makes a call of the API as a person,
// with that person's permissions; [Server.Join], [Server.Voice] and
// [Server.SetPresence] are for things that only the clients of people can do.
// [Server.Timeline] and [Server.Calls] return the bot's actions, and
// [Server.Changed] tells when it is worth looking again. Every event of the
// gateway happens because the world changes, and all pass through emit.
//
// # Time
//
// The world has no clock of its own: it asks time.Now. So it lives in a
// testing/synctest bubble as well as on a real socket. The clock of a bubble
// begins before Discord's epoch, therefore snowflakes and timestamps count from
// [Config.Moment].
//
// # Faults
//
// [Server.Fail] makes calls of the API fail. [Server.Reconnect],
// [Server.Invalid], [Server.Cut], [Server.CloseAll], [Server.Silence],
// [Server.Brick], [Server.Late], [Server.Twice], [Server.Deaf], [Server.Huge] and
// [Server.Garble] break the gateway. Nothing goes wrong by itself.
//
// # Locking
//
// One mutex guards the world. Exported methods take it; everything in lower case
// expects it to be held, except for the functions that read and write sockets. No
// lock is held over anything that waits. Each connection of the gateway has two
// goroutines, the request's and one that writes; both end with the connection,
// and [Server.Close] waits for them.
//
// # Adding to it
//
// A new call of the API is a line with on in the init function of its file and a
// handler func(*call) any that reads its body with the typed readers of form.go.
package fakediscord
