package vktest_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// TestStrict checks that a parameter that VK ignores, and a method that the
// fake lacks, is logged, and fails a strict test.
func TestStrict(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		do         func(c *vk.Context) error
	}{
		{"a parameter", "messages.send has no parameter keybord: did you mean keyboard?",
			func(c *vk.Context) error { return c.Send("hello", vk.Extra{"keybord": "{}"}) }},
		{"a method", "the fake knows no method messages.noSuch: correct its name, or handle it with vk.Client.Use",
			func(c *vk.Context) error {
				if err := c.Client().Call(c, "messages.noSuch", nil, nil); !errors.Is(err, vk.CodeUnknownMethod) {
					t.Errorf("the bot gets %v", err)
				}
				return c.Send("hello")
			}},
	} {
		talk := func(tb testing.TB, cfg vktest.Config) {
			bot := cfg.Start(tb, vk.HandlerFunc(tt.do))
			defer bot.Close()
			anna := bot.User("Anna")
			anna.Says("hi")
			anna.Hears("hello")
		}
		t.Run(tt.name+" in the log", func(t *testing.T) {
			var log bytes.Buffer
			talk(t, vktest.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if !strings.Contains(log.String(), tt.want) {
				t.Errorf("the log says %s", &log)
			}
		})
		t.Run(tt.name+" in a strict test", func(t *testing.T) {
			e := &erring{TB: t}
			talk(e, vktest.Config{Strict: true})
			if e.said != "vktest: "+tt.want {
				t.Errorf("the test failed with %q", e.said)
			}
		})
	}
}
