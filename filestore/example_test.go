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

// A bot that persists its sessions and events over restarts.
func ExampleOpen() {
	_ = func(ctx context.Context, client *vk.Client) error {
		store, err := filestore.Open("bot.db")
		var damaged *filestore.CorruptError
		switch {
		case errors.Is(err, filestore.ErrLocked):
			return fmt.Errorf("the bot is running already: %w", err)
		case errors.As(err, &damaged):
			return fmt.Errorf("stopped at offset %d of the file: %w", damaged.Offset, err)
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

// A value is still present after the file is reopened.
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

// Salvage copies the readable values of a damaged file to a new one.
func ExampleSalvage() {
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
	for _, key := range []string{"first", "second", "third"} {
		if _, err := store.Swap(ctx, key, nil, []byte("value"), 0); err != nil {
			log.Fatal(err)
		}
	}
	store.Close()
	file, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	file[50] = 'X' // in the first change
	if err := os.WriteFile(path, file, 0o600); err != nil {
		log.Fatal(err)
	}

	var damaged *filestore.CorruptError
	if _, err := filestore.Open(path); errors.As(err, &damaged) {
		fmt.Println(damaged.Err)
	}
	saved, err := filestore.Salvage(path)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d values in %s\n", saved.Values, filepath.Base(saved.Path))
	for _, part := range saved.Lost {
		fmt.Printf("lost: %d bytes at offset %d\n", part.Size, part.Offset)
	}
	// Output:
	// damaged at offset 24; whole again from offset 53
	// 2 values in bot.db.salvaged
	// lost: 29 bytes at offset 24
}

// Recovery from a damaged file: the readable part is in a new file, and the log
// names the lost parts.
func ExampleSalvaged() {
	_ = func(path string) error {
		var kept *filestore.Salvaged
		kept, err := filestore.Salvage(path)
		if err != nil {
			return err
		}
		for _, lost := range kept.Lost {
			var p filestore.Part = lost
			log.Printf("lost: %d bytes at offset %d", p.Size, p.Offset)
		}
		log.Printf("%d values are in %s", kept.Values, kept.Path)
		return os.Rename(kept.Path, path)
	}
}

// A Store lists its values, for example to back up the sessions.
func ExampleStore_List() {
	_ = func(ctx context.Context, s *filestore.Store) error {
		return s.List(ctx, "session/", func(key string, value []byte) bool {
			log.Printf("%s: %d bytes", key, len(value))
			return true
		})
	}
}

// The errors that require action by a bot's operator.
func ExampleChangedError() {
	_ = func(err error) {
		var changed *filestore.ChangedError
		var special *filestore.NotRegularError
		switch {
		case errors.As(err, &changed):
			log.Printf("%s was changed by another program; all values are in %s", changed.Path, changed.Saved)
		case errors.As(err, &special):
			log.Printf("%s is no regular file: name another one", special.Path)
		}
	}
}
