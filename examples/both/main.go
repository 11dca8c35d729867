// Both is one bot on VK and on Discord. Its commands are plain functions, which
// do not depend on either platform. It runs in the terminal, without VK and
// without Discord:
//
//	go run ./examples/both
//	go run ./examples/both -discord
//
// With VK_TOKEN and DISCORD_TOKEN set, it runs on both at the same time; with
// one of them, on that platform. On Discord the intent MESSAGE CONTENT must be
// enabled for the bot.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"sync"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/discord"
	discorddemo "github.com/vkrouter/vk/discord/discordtest/demo"
	"github.com/vkrouter/vk/vktest/demo"
)

func main() {
	vkToken, discordToken := os.Getenv("VK_TOKEN"), os.Getenv("DISCORD_TOKEN")
	if vkToken != "" && discordToken != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		defer stop()
		store := new(vk.MemoryStore)
		err := run(ctx,
			&vk.Poller{Client: vk.NewClient(vkToken), Dispatcher: &vk.Dispatcher{Handler: newVKBot(store), Store: store}},
			&discord.Gateway{Client: discord.NewClient(discordToken), Handler: newDiscordBot(store), Store: store})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	const hint = "Try !roll 20, !choose tea coffee, !note buy milk and !notes."
	i := slices.Index(os.Args, "-discord")
	if i > 0 {
		os.Args = slices.Delete(os.Args, i, i+1)
	}
	if i > 0 || discordToken != "" {
		discorddemo.Main(hint+" Or /roll sides:20.", newDiscordBot)
	}
	demo.Main(hint, newVKBot)
}

// A source is a Poller or a Gateway.
type source interface{ Run(context.Context) error }

// run runs the bot on all platforms until ctx ends. If it fails on one, it
// stops on the others.
func run(ctx context.Context, sources ...source) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(sources))
	var running sync.WaitGroup
	for i, s := range sources {
		running.Go(func() {
			defer cancel()
			errs[i] = s.Run(ctx)
		})
	}
	running.Wait()
	return errors.Join(errs...)
}
