package pgstore_test

import (
	"context"
	"log"
	"os"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/pgstore"
)

func ExampleOpen() {
	ctx := context.Background()
	store, err := pgstore.Open(ctx, os.Getenv("DATABASE_URL"), func(c *pgstore.Config) {
		c.Table = "shop" // each bot has its own table
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

// Any number of these processes behave as one bot.
func ExampleStore() {
	ctx := context.Background()
	db, err := pgstore.Open(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	client := vk.NewClient(os.Getenv("VK_TOKEN"))
	client.Limits = db // they share the 20 requests a second
	bot := vk.NewRouter()
	cooldown := &middleware.Cooldown{Rate: 3, Per: time.Minute, By: vk.PerUser, Limits: db, Name: "dice"}
	bot.Handle("dice", dice, cooldown.Wrap)
	poller := &vk.Poller{
		Client:     client,
		Dispatcher: &vk.Dispatcher{Handler: bot, Store: db, Queue: db},
	}
	log.Print(poller.Run(ctx))
}

func dice(c *vk.Context) error { return c.Reply("4") }

// This is the code of README.md.
var _ = func(ctx context.Context, client *vk.Client, bot vk.Handler) error {
	db, err := pgstore.Open(ctx, "postgres://bot:secret@10.0.0.5:5432/bot", func(c *pgstore.Config) {
		c.Table = "shop" // one per bot
	})
	if err != nil {
		return err
	}
	defer db.Close()
	client.Limits = db
	d := &vk.Dispatcher{Handler: bot, Store: db, Queue: db}
	return (&vk.Poller{Client: client, Dispatcher: d}).Run(ctx)
}
