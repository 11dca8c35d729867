// Package vktest tests bots offline, with a fake VK, a bot on it, and users who
// talk to the bot.
//
//	func TestPing(t *testing.T) {
//		bot := vktest.Start(t, newRouter())
//		anna := bot.User("Anna")
//		anna.Says("!ping")
//		anna.Hears("pong")
//	}
//
// The fake VK is a real HTTP server over one in-memory world. The bot is the
// whole bot: its client, long poll, dispatcher and router all run as they do in
// production. The server refuses everything that VK refuses, with VK's codes
// and texts.
//
// # Time
//
// Everything works inside a bubble of [testing/synctest], where time advances
// by itself as soon as all goroutines are blocked: a test of a cooldown of an
// hour takes milliseconds. Create the router and the server inside the bubble:
//
//	func TestCooldown(t *testing.T) {
//		synctest.Test(t, func(t *testing.T) {
//			bot := vktest.Start(t, newRouter())
//			…
//			time.Sleep(time.Hour)
//		})
//	}
//
// Only [NewServer], which uses real sockets, does not work in a bubble.
//
// # Other languages
//
// The command cmd/vktest is the same fake VK as a standalone program, for bots
// that are not in Go. Its HTTP requests do the same as the methods of this
// package.
//
// # Conversations
//
// A [User] talks to the bot in private; [User.In] returns the same user in a
// chat. The bot's messages are heard in order: Hears takes the next message of
// the conversation. It fails the test if that is not the expected one, and
// prints the conversation as the users see it.
package vktest
