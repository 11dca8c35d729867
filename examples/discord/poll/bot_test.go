package main

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/discordtest"
)

func TestPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(discord.MemoryStore)
		bot := discordtest.Start(t, newBot(store))
		anna, boris := bot.User("Anna"), bot.User("Boris")
		anna.Slash("poll")
		anna.SeesForm("A poll")
		anna.Fills("What do you ask?", "Tea?", "Choices", "yes, no")
		anna.Sees("**Tea?**\nyes: 0\nno: 0")
		anna.Clicks("yes")
		anna.SeesEdited("**Tea?**\nyes: 1\nno: 0")
		boris.Clicks("no")
		anna.SeesEdited("**Tea?**\nyes: 1\nno: 1")

		if err := bot.Stop(); err != nil {
			t.Fatal(err)
		}
		bot.Start(newBot(store)) // the votes are in the store
		boris.Clicks("yes")
		anna.SeesEdited("**Tea?**\nyes: 2\nno: 0")
		boris.Clicks("yes")
		anna.SeesEdited("**Tea?**\nyes: 1\nno: 0")
		boris.Clicks("Close")
		boris.SeesEphemeral("Only the user who made the poll can close it.")
		anna.Clicks("Close")
		anna.SeesEdited("**Tea?**\nyes: 1\nno: 0\nThe poll is closed.")
	})
}

// TestPollMistakes: a typed command gets a button, and forms are checked.
func TestPollMistakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := discordtest.Start(t, newBot(new(discord.MemoryStore)))
		anna := bot.User("Anna")
		anna.Says(discord.Mention(bot.Bot()) + " poll")
		anna.Sees("What do you want to ask?")
		for range 4 {
			anna.Clicks("Make a poll")
			anna.SeesForm("A poll")
			anna.Fills("What do you ask?", "Tea?", "Choices", "yes")
			anna.SeesLike("^A poll has 2 to 4 choices, with commas between.$|^Wait 60 seconds.$")
		}
		time.Sleep(time.Minute)
		anna.Clicks("Make a poll")
		anna.SeesForm("A poll")
		anna.Fills("What do you ask?", "Tea?", "Choices", "yes, no")
		anna.Sees("**Tea?**\nyes: 0\nno: 0")
	})
}

// TestPollInTurn: the message shows every vote, including those of users who
// press at the same time.
func TestPollInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := discordtest.Start(t, newBot(new(discord.MemoryStore)))
		anna := bot.User("Anna")
		people := []*discordtest.User{anna, bot.User("Boris"), bot.User("Vera"), bot.User("Gleb"), bot.User("Dina")}
		anna.Slash("poll")
		anna.Fills("What do you ask?", "Tea?", "Choices", "yes, no")
		m := anna.Sees("**Tea?**\nyes: 0\nno: 0")
		for _, u := range people {
			u.ClicksOn(m, "yes")
		}
		synctest.Wait()
		var now discord.Message
		anna.Does("GET", "/channels/"+m.ChannelID.String()+"/messages/"+m.ID.String(), nil, &now)
		if now.Content != "**Tea?**\nyes: 5\nno: 0" {
			t.Errorf("the message shows %q", now.Content)
		}
	})
}
