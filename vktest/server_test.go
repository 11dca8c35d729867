package vktest_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

func newRouter() *vk.Router {
	r := vk.NewRouter("!")
	r.Handle("ping", func(c *vk.Context) error { return c.Reply("pong") })
	r.Handle("echo {text...}", func(c *vk.Context) error { return c.Send(c.Arg("text")) })
	r.Handle("later", func(c *vk.Context) error {
		time.Sleep(20 * time.Second)
		return c.Send("done")
	})
	return r
}

func TestPing(t *testing.T) {
	bot := vktest.Start(t, newRouter())
	anna := bot.User("Anna")
	anna.Says("!ping")
	if m := anna.Hears("pong"); m.ReplyTo == 0 {
		t.Error("not a reply")
	}
	anna.Says("hello")
	anna.HearsNothing()
}

func TestPingInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		bot := vktest.Start(t, newRouter())
		anna, boris := bot.User("Anna"), bot.User("Boris")
		chat := bot.Chat("Tea", anna, boris)
		anna.Says("!ping")
		anna.Hears("pong")
		boris.In(chat).Says("!echo hi there")
		anna.In(chat).Hears("hi there")
		time.Sleep(time.Hour)
		anna.Says("!later")
		bot.Wait(t.Context())
		anna.Hears("done")
		anna.HearsNothing()
		if d := time.Since(start); d < time.Hour {
			t.Error(d)
		}
	})
}

// TestRights checks that Rights returns the rights of the bot's calls, in VK's
// order, including calls inside an execute and refused calls, and nothing of
// other callers.
func TestRights(t *testing.T) {
	for _, tt := range []struct {
		name  string
		calls func(t *testing.T, bot *vktest.Server)
		want  []string
	}{
		{"no calls", func(*testing.T, *vktest.Server) {}, nil},
		{"none is needed", func(t *testing.T, bot *vktest.Server) { call(t, bot.Client(), "users.get", nil) }, nil},
		{"VK's order", func(t *testing.T, bot *vktest.Server) {
			call(t, bot.Client(), "groups.getCallbackServers", vk.Params{"group_id": bot.GroupID})
			call(t, bot.Client(), "messages.getConversations", nil)
			bot.Client().Call(t.Context(), "photos.getMessagesUploadServer", vk.Params{"peer_id": 1}, nil)
		}, []string{"photos", "messages", "manage"}},
		{"refused", func(t *testing.T, bot *vktest.Server) {
			bot.Client().Call(t.Context(), "docs.save", vk.Params{"file": "x"}, nil)
		}, []string{"docs"}},
		{"execute", func(t *testing.T, bot *vktest.Server) {
			call(t, bot.Client(), "execute", vk.Params{"code": "return API.messages.getConversations();"})
		}, []string{"messages"}},
		{"an administrator's calls", func(t *testing.T, bot *vktest.Server) {
			call(t, bot.AdminClient(), "groups.getCallbackServers", vk.Params{"group_id": bot.GroupID})
		}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bot := vktest.New(t)
			tt.calls(t, bot)
			if got := bot.Rights(); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func call(t *testing.T, c *vk.Client, method string, p vk.Params) {
	t.Helper()
	if err := c.Call(t.Context(), method, p, nil); err != nil {
		t.Fatal(err)
	}
}
