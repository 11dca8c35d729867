package vktest_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// A program that lets a user talk to its bot in a browser, until an interrupt.
func ExampleServer_Play() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	r := vk.NewRouter("!")
	r.Handle("ping", func(c *vk.Context) error { return c.Reply("pong") })

	fake := vktest.NewServer()
	defer fake.Close()
	fake.Start(r)
	if err := fake.Play(ctx, ""); err != nil { // prints: Talk to the bot at http://127.0.0.1:5199/
		fmt.Fprintln(os.Stderr, err)
	}
}
