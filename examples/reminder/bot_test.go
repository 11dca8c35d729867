package main

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// start starts the bot in a bubble, with Anna.
func start(t *testing.T) (bot *vktest.Server, anna *vktest.User) {
	bot = vktest.Config{Dispatcher: &vk.Dispatcher{Store: new(vk.MemoryStore)}}.New(t)
	bot.Start(newBot(bot.Store()))
	return bot, bot.User("Anna")
}

// restart kills the bot and starts another one a minute later.
func restart(bot *vktest.Server) {
	bot.Kill()
	time.Sleep(time.Minute)
	bot.Start(newBot(bot.Store()))
}

func TestReminders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot, anna := start(t)
		anna.Says("/remind 90m tea")
		anna.Hears("I will, in 1h30m0s.")
		anna.Says("/remind 2h bread")
		anna.Hears("I will, in 2h0m0s.")
		time.Sleep(time.Hour)
		restart(bot)
		anna.Says("/list")
		anna.Hears("1. tea, in 29m0s\n2. bread, in 59m0s")
		anna.Presses("Cancel 2").Snackbar("Canceled.")
		anna.SeesEdited("1. tea, in 29m0s")
		time.Sleep(time.Hour)
		anna.Hears("Reminder: tea")
		time.Sleep(3 * time.Hour)
		anna.HearsNothing()

		boris := bot.User("Boris")
		boris.Says("/list")
		boris.Hears("Nothing is on my list.")
	})
}

func TestDigest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot, anna := start(t) // on a Saturday, at midnight in UTC
		anna.Says("/digest")
		anna.Hears("Which clock do you live by?")
		time.Sleep(3 * time.Hour)
		restart(bot)
		time.Sleep(time.Second)
		anna.Presses("Europe/Moscow")
		anna.Hears("Your digest comes at nine, Monday to Friday.")
		time.Sleep(28 * time.Hour) // Sunday, after nine
		anna.HearsNothing()
		for range 5 {
			time.Sleep(24 * time.Hour)
			anna.Hears("Good morning! Reminders to come: 0.")
		}
		anna.Says("/nodigest")
		anna.Hears("No digest any more.")
		time.Sleep(7 * 24 * time.Hour)
		anna.HearsNothing()
		anna.Says("/nodigest")
		anna.Hears("You have no digest.")
	})
}
