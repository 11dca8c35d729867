package main

import (
	"testing"
	"testing/synctest"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/discordtest"
)

func TestBot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(discord.MemoryStore)
		bot := discordtest.Start(t, newBot(store))
		anna, boris := bot.User("Anna", discord.PermManageRoles), bot.User("Boris")
		bot.Wait(t.Context())
		if p := bot.Presence(); p.Status != discord.StatusDND || len(p.Activities) != 1 || p.Activities[0].Name != "reactions" {
			t.Errorf("the presence is %+v", p)
		}

		anna.Says("!readers")
		anna.Sees("Nobody yet.")
		boris.Says("!roles")
		boris.Sees("That takes the permission to manage roles.")
		anna.Says("!roles")
		m := anna.Sees("React with 📚 to become a Reader.")
		anna.SeesReaction(m, "📚")

		boris.Reacts(m, "📚")
		boris.Reacts(m, "👍") // has no effect
		anna.Reacts(m, "📚")
		bot.Wait(t.Context())
		anna.Says("!readers")
		anna.Sees("2: Anna, Boris")
		boris.Unreacts(m, "📚")
		bot.Wait(t.Context())
		anna.Says("!readers")
		anna.Sees("1: Anna")

		// The board works after a restart.
		if err := bot.Stop(); err != nil {
			t.Fatal(err)
		}
		bot.Start(newBot(store))
		boris.Reacts(m, "📚")
		bot.Wait(t.Context())
		anna.Says("!readers")
		anna.Sees("2: Anna, Boris")
		anna.Says("and so on")
		anna.In(anna.DM()).Says("!roles")
		anna.SeesNothing()
	})
}

func TestIntents(t *testing.T) {
	got := discord.IntentsOf(newBot(new(discord.MemoryStore)))
	want := discord.IntentGuildMessages | discord.IntentDirectMessages | discord.IntentMessageContent | discord.IntentGuildMembers |
		discord.IntentGuildMessageReactions | discord.IntentDirectMessageReactions
	if got != want {
		t.Errorf("the intents are %v, want %v", got, want)
	}
}
