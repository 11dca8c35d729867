package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/discord/discordtest"
	"github.com/vkrouter/vk/vktest"
)

// TestCommands: a command gives the same answer on VK and on Discord, typed or
// as a slash command.
func TestCommands(t *testing.T) {
	steps := []struct {
		typed string
		slash []any // the command's words, then its options
		want  string
	}{
		{"!roll 1", []any{"roll", "sides", 1}, "1"},
		{"!roll 0", []any{"roll", "sides", 0}, "A die has a side at least."},
		{"!choose tea", []any{"choose", "from", "tea"}, "I choose tea."},
		{"!notes", []any{"notes"}, "You have no notes."},
		{"!note buy milk", []any{"note", "text", "buy milk"}, "Noted."},
		{"!note  and  tea ", []any{"note", "text", "and  tea"}, "Noted."},
		{"!notes", []any{"notes"}, "Your notes:\nbuy milk\nand  tea"},
	}
	t.Run("VK", func(t *testing.T) {
		bot := vktest.Start(t, newVKBot(new(vk.MemoryStore)))
		anna, boris := bot.User("Anna"), bot.User("Boris")
		for _, s := range steps {
			anna.Says(s.typed)
			anna.Hears(s.want)
		}
		boris.Says("!notes")
		boris.Hears("You have no notes.")
		anna.Says("!roll six")
		anna.Hears("sides: \"six\" is not a whole number.\nUsage: !roll {sides:int=6}")
		anna.Says("!help roll")
		anna.Hears("!roll {sides:int=6}\nRoll a die.\nsides: of the die")
	})
	t.Run("Discord typed", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			bot := discordtest.Start(t, newDiscordBot(new(vk.MemoryStore)))
			anna := bot.User("Anna")
			for _, s := range steps {
				anna.Says(s.typed)
				anna.Sees(s.want)
			}
			anna.Says("!roll six")
			anna.Sees("sides: \"six\" is not a whole number.\nUsage: `!roll {sides:int=6}`")
			anna.Says("!help roll")
			anna.Sees("`!roll {sides:int=6}`\nRoll a die.\nsides: of the die")
		})
	})
	t.Run("Discord slash", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			bot := discordtest.Start(t, newDiscordBot(new(vk.MemoryStore)))
			anna := bot.User("Anna")
			for _, s := range steps {
				anna.Slash(s.slash[0].(string), s.slash[1:]...)
				anna.Sees(s.want)
			}
		})
	})
}

// TestFull: a plain function can refuse a command.
func TestFull(t *testing.T) {
	bot := vktest.Start(t, newVKBot(new(vk.MemoryStore)))
	anna := bot.User("Anna")
	for range 9 {
		anna.Says("!note x")
		anna.Hears("Noted.")
	}
	anna.Says("!note x")
	anna.Hears("You have 9 notes.")
}

// TestBothAtOnce: one process and one Store serve both platforms; each user has
// their own notes.
func TestBothAtOnce(t *testing.T) {
	store := new(vk.MemoryStore)
	anna := vktest.Start(t, newVKBot(store)).User("Anna")
	boris := discordtest.Start(t, newDiscordBot(store)).User("Boris")
	anna.Says("!note buy milk")
	anna.Hears("Noted.")
	boris.Slash("note", "text", "buy tea")
	boris.Sees("Noted.")
	anna.Says("!notes")
	anna.Hears("Your notes:\nbuy milk")
	boris.Says("!notes")
	boris.Sees("Your notes:\nbuy tea")
}

// A fakeSource is a source that ends with its context, or fails.
type fakeSource struct{ err error }

func (s fakeSource) Run(ctx context.Context) error {
	if s.err != nil {
		return s.err
	}
	<-ctx.Done()
	return nil
}

// TestRun: if the bot cannot run on one platform, it stops on the other.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wrong := errors.New("wrong token")
		if err := run(t.Context(), fakeSource{}, fakeSource{wrong}); !errors.Is(err, wrong) {
			t.Errorf("%v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := run(ctx, fakeSource{}, fakeSource{}); err != nil {
			t.Errorf("%v", err)
		}
	})
}
