// Moderation is a bot that keeps order in chats. It runs in the terminal,
// without VK, in a chat with you, Boris and Vera:
//
//	go run ./examples/moderation
//
// With -play it runs in a browser. With VK_TOKEN set to a community's token, it
// runs on VK, where it must be an administrator of its chats. With -store FILE
// it persists warnings, mutes and bans.
package main

import "github.com/vkrouter/vk/vktest/demo"

func main() {
	demo.Main("Try !help, !mod warn @boris caps, !mod filter on spam, Boris: spam, Vera: !report, +Gleb.",
		newBot, "Boris", "Vera")
}
