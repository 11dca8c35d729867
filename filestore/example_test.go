package filestore_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/filestore"
)

// The start of a bot that keeps its sessions and events over a restart.
func ExampleOpen() {
	_ = func(ctx context.Context, client *vk.Client) error {
		store, err := filestore.Open("bot.db")
		var damaged *filestore.CorruptError
		switch {
		case errors.Is(err, filestore.ErrLocked):
			return fmt.Errorf("the bot is running already: %w", err)
		case errors.As(err, &damaged):
			return fmt.Errorf("damage in %s at offset %d: %w", damaged.Path, damaged.Offset, damaged.Err)
		case err != nil:
			return err
		}
		defer store.Close() // after the bot has stopped

		visits := &vk.Session[int]{Store: store, Name: "visits"}
		r := vk.NewRouter("!")
		r.Handle("visit", func(c *vk.Context) error {
			return visits.Update(c, vk.PerUser(c), func(n *int) error { *n++; return nil })
		})
		p := &vk.Poller{Client: client, Dispatcher: &vk.Dispatcher{Handler: r, Store: store}}
		return p.Run(ctx)
	}
}

// A value is there when the file is opened again.
func ExampleStore() {
	dir, err := os.MkdirTemp("", "bot")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "bot.db")
	ctx := context.Background()

	store, err := filestore.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	ok, err := store.Swap(ctx, "greeting", nil, []byte("hello"), 0)
	fmt.Println(ok, err)
	if err := store.Close(); err != nil {
		log.Fatal(err)
	}

	if store, err = filestore.Open(path); err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	value, err := store.Get(ctx, "greeting")
	fmt.Printf("%s %v %v\n", value, err, store.Exclusive())
	// Output:
	// true <nil>
	// hello <nil> true
}
