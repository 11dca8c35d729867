package main

import (
	"testing"

	"github.com/vkrouter/vk/vktest"
)

func TestBot(t *testing.T) {
	bot := vktest.Start(t, newBot())
	anna := bot.User("Anna")
	anna.Says("!ping")
	anna.Hears("pong")
	anna.Says("/echo hi there")
	anna.Hears("hi there")
	anna.Says("!roll 1")
	anna.Hears("1")
	anna.Says("!roll 0")
	anna.HearsLike("at least")
	anna.Says("!roll six")
	anna.HearsLike("Usage: !roll")
	anna.Says("Привет")
	anna.HearsLike("Hello!")
	anna.Says("and so on")
	anna.HearsNothing()
}
