// Quickstart is a bot that answers. With VK_TOKEN set to a community's token it
// runs on VK; without, it runs on a fake VK in this process, and you talk to
// it here:
//
//	go run ./examples/quickstart
//
// or with -play in a browser:
//
//	go run ./examples/quickstart -play
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/terminal"
	"github.com/vkrouter/vk/middleware"
)

func main() {
	inBrowser := flag.Bool("play", false, "serve a page to talk to the bot, with buttons, a log and faults")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *inBrowser); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, inBrowser bool) error {
	if inBrowser {
		return terminal.Play(ctx, newBot())
	}
	if token := os.Getenv("VK_TOKEN"); token != "" {
		return vk.Run(ctx, token, newBot())
	}
	here := &terminal.Chat{Bot: newBot(), Hint: "Try !ping, !echo hi there, !roll 20."}
	return here.Run(ctx)
}

// newBot returns the bot: what it answers to, and how.
func newBot() *vk.Router {
	r := vk.NewRouter("!", "/")
	r.Use(middleware.Explain())

	r.Handle("ping", func(c *vk.Context) error {
		return c.Reply("pong")
	})

	r.Handle("echo {text...}", func(c *vk.Context) error {
		return c.Send(c.Arg("text"))
	})

	vk.Command(r, "roll {sides:int=6}", func(c *vk.Context, a struct{ Sides int }) error {
		if a.Sides < 1 {
			return c.Reply("A die has a side at least.")
		}
		return c.Reply(fmt.Sprint(1 + rand.IntN(a.Sides)))
	})

	vk.On(r, vk.EventMessageNew, func(c *vk.Context, e *vk.MessageNew) error {
		switch strings.ToLower(e.Message.Text) {
		case "hi", "hello", "привет":
			return c.Send("Hello! Try !ping, !echo hi there, or !roll 20.")
		}
		return nil
	})
	return r
}
