// Poll is a bot for Discord that makes polls with buttons and keeps the votes. It runs in
// the terminal, without Discord:
//
//	go run ./examples/discord/poll
//
// With DISCORD_TOKEN set to a bot's token, it runs on Discord. It needs no privileged intent.
package main

import "github.com/vkrouter/vk/discord/discordtest/demo"

func main() {
	demo.Main("Try /poll, /fill What do you ask?: Tea?; Choices: yes, no, then /press yes and Boris: /press no.", newBot, "Boris", "Vera")
}
