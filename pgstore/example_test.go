package pgstore_test

import (
	"context"
	"log"
	"os"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/pgstore"
)

func ExampleOpen() {
	ctx := context.Background()
	store, err := pgstore.Open(ctx, os.Getenv("DATABASE_URL"), func(c *pgstore.Config) {
		c.Table = "shop" // each bot has its own
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
