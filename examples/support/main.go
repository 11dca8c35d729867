// Support is a support desk. People write to the community in private, and the
// bot forwards that to a chat of the staff. An answer there, as a reply to the
// forwarded message, goes back to the person, with its files. The bot runs in
// the terminal, without VK, in a chat with you, Boris and Vera:
//
//	cd examples/support
//	go run .
//
// With -play it runs in a browser. With VK_TOKEN set to a community's token, it
// runs on VK. With -store FILE it persists its tickets.
//
// With -redis, a process is one of as many as you start, on VK. They share the
// work and the tickets through a Redis or Valkey:
//
//	VK_TOKEN=… go run . -redis localhost:6379
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/redisstore"
	"github.com/vkrouter/vk/vktest/demo"
)

func main() {
	redis := flag.String("redis", "", "run on VK as one of several processes, which share the Redis at this `address`: host:port or a URL")
	if slices.ContainsFunc(os.Args[1:], isRedis) { // the flags of a demo are not for this
		flag.Parse()
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		if err := run(ctx, vk.NewClient(os.Getenv("VK_TOKEN")), *redis); err != nil {
			log.Fatal(err)
		}
		return
	}
	demo.Main("Try /desk, Vera to Bot: where is my order?, [Take], > On its way., /tickets, [Close].",
		func(store vk.Store) vk.Handler { return newBot(store, nil) }, "Boris", "Vera")
}

// isRedis reports whether an argument is the flag -redis.
func isRedis(arg string) bool {
	return strings.HasPrefix(arg, "-redis") || strings.HasPrefix(arg, "--redis")
}

// run runs one of the bot's processes until ctx ends. The first one polls; the
// others stand by for that. All of them handle events.
func run(ctx context.Context, client *vk.Client, address string) error {
	if address == "" {
		return errors.New("-redis needs the address of a Redis, such as localhost:6379")
	}
	if !strings.Contains(address, "://") {
		address = "redis://" + address
	}
	db, err := redisstore.Open(ctx, address, func(c *redisstore.Config) { c.Prefix = "support:" })
	if err != nil {
		return err
	}
	defer db.Close()
	client.Limits = db // all processes share VK's 20 requests a second
	d := &vk.Dispatcher{Handler: newBot(db, db), Store: db, Queue: db}
	p := &vk.Poller{Client: client, Dispatcher: d, EnableEvents: true}
	return p.Run(ctx)
}
