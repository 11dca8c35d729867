package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/vktest"
)

// The middleware of a usual bot, in a usual order.
func Example() {
	r := vk.NewRouter("!")
	r.Use(
		middleware.Explain(),
		middleware.Logger(slog.Default()),
		middleware.NewCooldown(5, 10*time.Second, vk.PerMember).Wrap,
	)
	r.Handle("help {command...?}", middleware.Help(r))
	r.Handle("draw {what...}", func(c *vk.Context) error { return nil }, middleware.Timeout(30*time.Second), middleware.Typing())
}

// A command that costs a coin. The user keeps the coin if the command does not
// run after all, here because of a cooldown.
func ExampleClaim() {
	var mu sync.Mutex
	coins := map[int64]int{}
	coin := middleware.Claim(func(c *vk.Context) (giveBack func(), err error) {
		mu.Lock()
		defer mu.Unlock()
		who := c.FromID()
		if coins[who] == 0 {
			return nil, middleware.Refuse("You have no coins left.")
		}
		coins[who]--
		return func() {
			mu.Lock()
			defer mu.Unlock()
			coins[who]++
		}, nil
	})
	daily := middleware.NewCooldown(1, 24*time.Hour, vk.PerUser)

	r := vk.NewRouter("!")
	r.Handle("spin", func(c *vk.Context) error { return c.Reply("7 7 7") }, coin, daily.Wrap)
	for range 2 {
		c, _ := vktest.NewContext("!spin")
		coins[c.FromID()] = 2
		err := r.Serve(c)
		fmt.Println(errors.Is(err, middleware.ErrRefused), coins[c.FromID()])
	}
	// Output:
	// false 1
	// true 2
}

// The equivalent of other libraries' on_command and on_command_completion.
func ExampleAfter() {
	r := vk.NewRouter("!")
	r.Use(
		middleware.Before(func(c *vk.Context) error {
			fmt.Println("command", c.Route().Pattern)
			return nil
		}),
		middleware.After(func(c *vk.Context, err error) error {
			if err == nil {
				fmt.Println("completed", c.Route().Pattern)
			}
			return nil
		}),
	)
	r.Handle("ping", func(c *vk.Context) error { return c.Reply("pong") })
	r.Handle("fail", func(c *vk.Context) error { return errors.New("no luck") })
	for _, text := range []string{"!ping", "!fail", "!ping with too much"} {
		c, _ := vktest.NewContext(text)
		r.Serve(c)
	}
	// Output:
	// command ping
	// completed ping
	// command fail
}

// The equivalent of other libraries' on_command_error and, around the whole
// router, of on_error, which also gets the errors of listeners.
func ExampleOnError() {
	var r vk.Router
	r.Prefix = vk.Literal("!")
	r.Use(middleware.OnError(func(c *vk.Context, err error) error {
		fmt.Println("of a command:", err)
		return err
	}))
	r.Handle("fail", func(c *vk.Context) error { return errors.New("no luck") })
	vk.On(&r, vk.EventMessageNew, func(*vk.Context, *vk.MessageNew) error { return errors.New("bad news") })

	all := middleware.OnError(func(c *vk.Context, err error) error {
		fmt.Println("of all:", err != nil)
		return nil // handled
	})(r.Serve) // a vk.Handler, like r

	c, _ := vktest.NewContext("!fail")
	fmt.Println(all.Serve(c))
	// Output:
	// of a command: no luck
	// of all: true
	// <nil>
}

// Two bots that reply to each other do so forever.
func ExampleIgnoreBots() {
	var r vk.Router
	vk.On(&r, vk.EventMessageNew, func(c *vk.Context, m *vk.MessageNew) error { return c.Reply("I heard you.") })
	bot := vk.Wrap(&r, middleware.IgnoreBots()) // listeners included
	log.Fatal(vk.Run(context.Background(), os.Getenv("VK_TOKEN"), bot))
}

func ExampleTimeout() {
	r := vk.NewRouter("!")
	r.Handle("weather", func(c *vk.Context) error {
		<-c.Done() // a service that does not respond
		fmt.Println(context.Cause(c))
		return c.Err()
	}, middleware.Timeout(time.Millisecond))

	c, _ := vktest.NewContext("!weather")
	err := r.Serve(c)
	fmt.Println(errors.Is(err, middleware.ErrTimeout), errors.Is(err, context.DeadlineExceeded))
	// Output:
	// timeout: context deadline exceeded
	// true true
}

func ExampleHelp() {
	var r vk.Router
	r.Prefix = vk.Literal("!")
	r.Use(middleware.Explain())
	r.Add(vk.Route{Pattern: "help {command...?}", Doc: "Tells what there is.", Handler: middleware.Help(&r)})
	r.Add(vk.Route{
		Pattern: "roll {sides:int=6}",
		Doc:     "Rolls a die.\nIt has six sides, or as many as you say.",
		Handler: func(c *vk.Context) error { return c.Reply("6") },
	})
	for _, text := range []string{"!help", "!help roll"} {
		c, rec := vktest.NewContext(text)
		if err := r.Serve(c); err != nil {
			log.Fatal(err)
		}
		fmt.Println(rec.Text())
	}
	// Output:
	// Commands:
	// !help {command...?} — Tells what there is.
	// !roll {sides:int=6} — Rolls a die.
	// !roll {sides:int=6}
	// Rolls a die.
	// It has six sides, or as many as you say.
}

// A Router converts a panic to an error by itself. Recover is for handlers that
// are called without one.
func ExampleRecover() {
	roll := middleware.Recover()(func(c *vk.Context) error { panic("no dice") })
	c, _ := vktest.NewContext("roll")
	var p *vk.PanicError
	fmt.Println(errors.As(roll(c), &p), p)
	// Output: true panic: no dice
}
