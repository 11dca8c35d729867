package main

import (
	"context"
	"io"
	"strings"
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

func TestChat(t *testing.T) {
	var out strings.Builder
	err := chat(t.Context(), newBot(), strings.NewReader("!ping\n\n!echo hi there\n!nope\nпривет\n"), &out, false)
	const want = `Bot: pong
Bot: hi there
Bot: There is no such command: !nope
Bot: Hello! Try !ping, !echo hi there, or !roll 20.
`
	if err != nil || out.String() != want {
		t.Errorf("%v, out:\n%s", err, out.String())
	}
}

// TestChatInterrupted: Ctrl-C ends the chat while it waits for a line.
func TestChatInterrupted(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close() // ends the reading goroutine
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out strings.Builder
	if err := chat(ctx, newBot(), r, &out, true); err != nil {
		t.Error(err)
	}
	if !strings.Contains(out.String(), "VK_TOKEN") {
		t.Errorf("out:\n%s", out.String())
	}
}
