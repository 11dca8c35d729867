package redisstore_test

import (
	"context"
	"crypto/rand"
	"log"
	"os"
	"time"

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

// As many of these processes as needed behave as one bot. Each keeps its workers' events in
// the database, and counts with the others.
func ExampleStore() {
	ctx := context.Background()
	db, err := redisstore.Open(ctx, os.Getenv("REDIS_URL"))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	var (
		queue  vk.Queue  = db // for Dispatcher.Queue
		limits vk.Limits = db // for Client.Limits, and for Cooldown and MaxConcurrency
	)
	worker := vk.QueueWorker{Group: 1, ID: rand.Text(), Room: 10}
	answer, err := queue.Take(ctx, worker)
	if err != nil {
		log.Fatal(err)
	}
	for _, batch := range answer.Batches {
		log.Print(batch.Lane, len(batch.Events))
	}
	if _, wait, err := limits.Reserve(ctx, "dice", vk.LimitRule{Rate: 3, Per: time.Minute}); err != nil || wait > 0 {
		log.Print(wait, err)
	}
}
