package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/discordtest"
)

func TestBot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := newBot(slog.New(slog.NewTextHandler(&log, nil)))
		if got, want := discord.IntentsOf(r), discord.IntentGuildMessages|discord.IntentDirectMessages|discord.IntentMessageContent; got != want {
			t.Errorf("the intents are %v, want %v", got, want)
		}
		bot := discordtest.Start(t, r)
		anna := bot.User("Anna")
		anna.Says("Hello!")
		anna.In(anna.DM()).Says("And in private.")
		anna.SeesNothing()
		if err := bot.Stop(); err != nil {
			t.Error(err)
		}
		for _, want := range []string{`msg=Connected! me=Bot`, `msg=message from=anna`, `text=Hello!`, `text="And in private."`} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("the log has no %s:\n%s", want, &log)
			}
		}
	})
}
