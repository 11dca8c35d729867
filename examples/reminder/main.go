// Reminder reminds people: once, or with a digest at nine each working day.
// Reminders survive a restart.
//
// Start it with
//
//	VK_TOKEN=… go run ./examples/reminder
package main

import (
	"context"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/filestore"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, vk.NewClient(os.Getenv("VK_TOKEN")), "reminder.data"); err != nil {
		log.Fatal(err)
	}
}

// run runs the bot with its data in a file, until ctx ends.
func run(ctx context.Context, client *vk.Client, path string) error {
	store, err := filestore.Open(path)
	if err != nil {
		return err
	}
	defer store.Close()
	p := &vk.Poller{Client: client, EnableEvents: true, Dispatcher: &vk.Dispatcher{Handler: newBot(store), Store: store}}
	return p.Run(ctx)
}
