package vktest_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// onceAnHour refuses events that come within an hour of the last accepted one.
func onceAnHour() vk.Middleware {
	return func(next vk.HandlerFunc) vk.HandlerFunc {
		var mu sync.Mutex
		var last time.Time
		return func(c *vk.Context) error {
			mu.Lock()
			wait := time.Hour - time.Since(last)
			if wait <= 0 {
				last = time.Now()
			}
			mu.Unlock()
			if wait > 0 {
				return c.Reply("Wait " + wait.Round(time.Minute).String())
			}
			return next(c)
		}
	}
}

// TestHourLongCooldown tests a cooldown of an hour in no real time.
func TestHourLongCooldown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := vk.NewRouter("!")
		r.Handle("bonus", func(c *vk.Context) error { return c.Reply("+1") }, onceAnHour())
		bot := vktest.Start(t, r)
		anna := bot.User("Anna")

		anna.Says("!bonus")
		anna.Hears("+1")
		time.Sleep(20 * time.Minute)
		anna.Says("!bonus")
		anna.Hears("Wait 40m0s")
		time.Sleep(40 * time.Minute)
		anna.Says("!bonus")
		anna.Hears("+1")
	})
}
