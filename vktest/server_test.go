package vktest_test

import (
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
