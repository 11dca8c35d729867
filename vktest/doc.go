// Package vktest tests bots offline: a fake VK, a bot on it, and people who
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
// whole bot: its client, its long poll, its dispatcher and router, all as they
// run in production. The server refuses what VK refuses, with VK's codes and
// texts.
//
// # Time
//
// Everything works inside a bubble of [testing/synctest], where time passes by
// itself as soon as everybody waits: a test of a cooldown of an hour takes
// milliseconds. Make the router and the server inside of the bubble:
//
//	func TestCooldown(t *testing.T) {
//		synctest.Test(t, func(t *testing.T) {
//			bot := vktest.Start(t, newRouter())
//			…
//			time.Sleep(time.Hour)
//		})
//	}
//
// Only [NewServer], which has real sockets, does not work in a bubble.
//
// # Other languages
//
// The command cmd/vktest is the same fake VK as a program of its own, for bots
// that are not in Go: what a test does here, it does there over HTTP.
//
// # Conversations
//
// A [User] talks to the bot in private; [User.In] gives the same person in a
// chat. What the bot says is heard in order: Hears takes the next message of
// the conversation and fails the test if it is another than expected, printing
// the conversation as people see it.
package vktest
