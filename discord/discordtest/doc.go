// Package discordtest tests bots on a fake Discord in memory: the whole bot, with
// its client, gateway, dispatcher and router, over real HTTP and WebSocket.
//
//	func TestPing(t *testing.T) {
//		bot := discordtest.Start(t, newRouter())
//		anna := bot.User("Anna")
//		anna.Says("!ping")
//		anna.Sees("pong")
//		anna.SeesNothing()
//	}
//
// [Start] makes a guild, called Home, with a channel, called general, and runs the
// bot until the end of the test. People write there, unless [User.In] names
// another channel. The fake is as strict as Discord, with Discord's codes.
//
// # Expectations
//
// Expectations wait up to ten seconds, and fail the test with the conversation.
// The bot's messages are heard in order, once in each channel, by one person for all,
// as they were sent: [User.SeesEdited] expects their edits.
//
// # Virtual time
//
// In a bubble of testing/synctest everything runs in virtual time, so that a test
// of an hour takes milliseconds. IDs and timestamps are of the year 2026 there.
//
// # Faults
//
// [Server.Fail] makes calls of the API fail, and [Server.Gateway] breaks the
// gateway.
//
// # Commands and components
//
// People use the bot's commands with [User.Slash] and [User.Uses], its buttons and
// menus with [User.Clicks] and [User.Picks], and its forms with [User.Fills], as
// far as Discord's client lets them: [User.TrySlash] returns the client's refusal. The first answer
// must come within three seconds: [User.SeesNoResponse] is for the other case. An
// answer that the bot puts off is heard once it comes; an ephemeral one by its
// person only. [Server.Serve] is for bots that get interactions over HTTP.
package discordtest
