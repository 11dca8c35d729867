package middleware_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/vktest"
)

// Two commands with one cooldown, and a third that shows its state.
func ExampleCooldown() {
	cd := middleware.NewCooldown(2, time.Hour, vk.PerUser)
	r := vk.NewRouter("!")
	r.Use(middleware.Explain())
	r.Handle("roll", func(c *vk.Context) error { return c.Reply("6") }, cd.Wrap)
	r.Handle("flip", func(c *vk.Context) error { return c.Reply("heads") }, cd.Wrap)
	r.Handle("wait", func(c *vk.Context) error { return c.Reply(cd.Left(c).Round(time.Hour).String()) })
	r.Handle("bribe", func(c *vk.Context) error {
		cd.Reset(c)
		return c.Reply("It is forgotten.")
	})

	bot := vktest.NewServer()
	defer bot.Close()
	bot.Start(r)
	anna := bot.User("Anna")
	for _, says := range []string{"!roll", "!flip", "!flip", "!wait", "!bribe", "!roll"} {
		anna.Says(says)
		fmt.Println(anna.HearsLike("").Text)
	}
	cd.ResetKey(vk.Key{User: anna.ID}) // or from outside of a handler
	// Output:
	// 6
	// heads
	// Wait 60 minutes.
	// 1h0m0s
	// It is forgotten.
	// 6
}

// A cooldown with different limits for different users.
func ExampleCooldown_limit() {
	donors := map[int64]bool{1: true}
	cd := &middleware.Cooldown{
		By: vk.PerMember,
		Limit: func(c *vk.Context) (rate int, per time.Duration) {
			switch {
			case donors[c.FromID()]:
				return 0, 0 // no limit
			case c.IsChat():
				return 1, time.Minute
			}
			return 10, time.Minute
		},
	}
	r := vk.NewRouter("!")
	r.Handle("draw {what...}", func(c *vk.Context) error { return nil }, cd.Wrap)
}

// The fields of a refusal.
func ExampleCooldownError() {
	r := vk.NewRouter("!")
	r.Use(middleware.OnError(func(c *vk.Context, err error) error {
		var cooldown *middleware.CooldownError
		if errors.As(err, &cooldown) {
			fmt.Println(cooldown.Rate, cooldown.Per, cooldown.Key == vk.Key{}, cooldown.RetryAfter > 59*time.Second)
			return nil
		}
		return err
	}))
	r.Handle("roll", func(*vk.Context) error { return nil }, middleware.NewCooldown(1, time.Minute, vk.Global).Wrap)
	for range 2 {
		c, _ := vktest.NewContext("!roll")
		r.Serve(c)
	}
	// Output: 1 1m0s true true
}

// One quiz per chat. Further ones are refused while it runs.
func ExampleNewMaxConcurrency() {
	r := vk.NewRouter("!")
	r.Use(middleware.OnError(func(c *vk.Context, err error) error {
		var busy *middleware.ConcurrencyError
		if errors.As(err, &busy) {
			return c.Reply("One quiz at a time.")
		}
		return err
	}))
	one := middleware.NewMaxConcurrency(1, vk.PerChat)
	r.Handle("quiz", func(*vk.Context) error { return nil }, one.Wrap)
}

// At most two pictures are drawn concurrently, and at most twenty requests
// wait. A waiting request blocks neither the chat nor a worker.
func ExampleMaxConcurrency() {
	two := &middleware.MaxConcurrency{N: 2, Queue: 20}
	r := vk.NewRouter("!")
	r.Handle("draw {what...}", func(*vk.Context) error { return nil }, two.Wrap, middleware.Typing())
}
