package vk_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// A check before a bot goes into service. Run logs the same when it begins.
func ExampleDiagnose() {
	r := vk.NewRouter("!")
	r.Handle("ping", func(c *vk.Context) error { return c.Reply("pong") })
	vk.On(r, vk.EventMessageTypingState, func(*vk.Context, *vk.MessageTyping) error { return nil })

	fake := vktest.Config{Scopes: []string{"messages", "photos", "docs"}}.NewServer()
	defer fake.Close()
	for _, f := range vk.Diagnose(context.Background(), fake.Client(), r) {
		fmt.Println(f)
		if f.Severity >= slog.LevelError {
			defer os.Exit(1)
		}
	}
	// Output:
	// warn: VK does not send events by long poll that have handlers: message_typing_state: switch them on under Manage, API usage, Long Poll API, Event types, or set Poller.EnableEvents
	// info: the token lacks the right manage: the bot cannot change settings, such as Poller.EnableEvents does: if the bot is to do that, make a token that has them under Manage, API usage, Access tokens
}

// Who can mend it.
func ExampleFinding() {
	who := func(f vk.Finding) string {
		switch f.Problem {
		case vk.ProblemToken, vk.ProblemRights:
			return fmt.Sprint("whoever makes the tokens: ", f.Text, f.Rights)
		case vk.ProblemLongPollOff, vk.ProblemEventsOff, vk.ProblemCallback, vk.ProblemBotsOff:
			return fmt.Sprint("whoever administers the community: ", f.Mend, f.Kinds)
		case vk.ProblemVersion, vk.ProblemNoHandlers, vk.ProblemUnknownKind:
			return "whoever writes the bot: " + f.Text
		case vk.ProblemUnchecked:
			return fmt.Sprint("time, perhaps: ", f.Err)
		}
		return string(f.Problem)
	}

	var problem vk.Problem = vk.ProblemNoHandlers
	fmt.Println(who(vk.Finding{Problem: problem, Text: "the bot has neither routes nor listeners"}))
	// Output: whoever writes the bot: the bot has neither routes nor listeners
}

// A bot that puts the community's settings right by itself: what its handlers
// want is switched on, and nothing is switched off.
func ExamplePoller_enableEvents() {
	r := vk.NewRouter("!")
	vk.On(r, vk.EventGroupJoin, func(c *vk.Context, e *vk.GroupJoin) error { return c.Send("Welcome!") })

	p := &vk.Poller{
		Client:       vk.NewClient(os.Getenv("VK_TOKEN")), // with the right manage
		Handler:      r,
		EnableEvents: true,
	}
	if err := p.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
}
