// Hello is the smallest bot for Discord: it logs the messages that it sees. It
// runs in the terminal, without Discord:
//
//	go run ./examples/discord/hello
//
// With DISCORD_TOKEN set to a bot's token, it runs on Discord. The intent
// MESSAGE CONTENT must then be enabled for the bot.
package main

import (
	"log/slog"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/discordtest/demo"
)

func main() {
	demo.Main("Write something.", func(discord.Store) discord.Handler { return newBot(slog.Default()) })
}
