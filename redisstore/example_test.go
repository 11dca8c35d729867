package redisstore_test

import (
	"context"
	"log"
	"os"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/redisstore"
)

func ExampleOpen() {
	ctx := context.Background()
	store, err := redisstore.Open(ctx, os.Getenv("REDIS_URL"), func(c *redisstore.Config) {
		c.Prefix = "shop:" // each bot has its own
	})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	bot := vk.NewRouter()
	poller := &vk.Poller{
		Client:     vk.NewClient(os.Getenv("VK_TOKEN")),
		Dispatcher: &vk.Dispatcher{Handler: bot, Store: store},
	}
	log.Print(poller.Run(ctx))
}
