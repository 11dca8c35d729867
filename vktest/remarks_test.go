package vktest_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// TestStrict checks that a parameter that VK ignores is logged, and fails a
// strict test.
func TestStrict(t *testing.T) {
	const want = "messages.send has no parameter keybord: did you mean keyboard?"
	misspelt := vk.HandlerFunc(func(c *vk.Context) error { return c.Send("hello", vk.Extra{"keybord": "{}"}) })
	talk := func(tb testing.TB, cfg vktest.Config) {
		bot := cfg.Start(tb, misspelt)
		defer bot.Close()
		anna := bot.User("Anna")
		anna.Says("hi")
		anna.Hears("hello")
	}
	t.Run("log", func(t *testing.T) {
		var log bytes.Buffer
		talk(t, vktest.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log says %s", &log)
		}
	})
	t.Run("strict", func(t *testing.T) {
		e := &erring{TB: t}
		talk(e, vktest.Config{Strict: true})
		if e.said != "vktest: "+want {
			t.Errorf("the test failed with %q", e.said)
		}
	})
}
