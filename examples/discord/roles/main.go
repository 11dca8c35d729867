// Roles is a bot for Discord that gives a role for a reaction to a message, and
// counts the members with the role. It runs in the terminal, without Discord:
//
//	go run ./examples/discord/roles
//
// With DISCORD_TOKEN set to a bot's token, it runs on Discord. The intents
// MESSAGE CONTENT and SERVER MEMBERS must then be enabled for the bot, and its
// role needs the permission to manage roles.
package main

import "github.com/vkrouter/vk/discord/discordtest/demo"

func main() {
	demo.Main("Try !roles, then /react 📚 and !readers.", newBot, "Boris")
}
