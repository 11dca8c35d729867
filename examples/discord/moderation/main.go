// Moderation is a bot for Discord with commands that ban, kick and mute
// members, clear channels and give roles. The commands can be typed or used as
// slash commands. It runs in the terminal, without Discord:
//
//	go run ./examples/discord/moderation
//
// With DISCORD_TOKEN set to a bot's token, it runs on Discord. The intent
// MESSAGE CONTENT must then be enabled for the bot, and its role needs the
// permissions to ban, kick and time out members, to manage messages and to
// manage roles.
package main

import "github.com/vkrouter/vk/discord/discordtest/demo"

func main() {
	demo.Main("Try !kick @boris spam, /mute user:Vera for:1h and !help.", newBot, "Boris", "Vera")
}
