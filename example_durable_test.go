package vk_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// A handler that is run again after a restart must not charge anybody twice.
func ExampleOnce() {
	fake := vktest.Config{Dispatcher: &vk.Dispatcher{Store: new(vk.MemoryStore)}}.NewServer()
	defer fake.Close()
	newBot := func() *vk.Router {
		r := vk.NewRouter("!")
		r.Handle("order", func(c *vk.Context) error {
			if c.Again() {
				fmt.Println("the handler runs again")
			}
			receipt, err := vk.Once(c, "charge", func(key string) (string, error) {
				fmt.Println("charging") // with the key, which stays the same
				return "receipt 1", nil
			})
			var unkept *vk.OnceError
			if errors.As(err, &unkept) {
				log.Printf("%s has returned what cannot be kept", unkept.Name)
			}
			if err != nil {
				return err
			}
			cups, err := c.Ask("Paid: " + receipt + ". How many cups?")
			if err != nil {
				return err
			}
			return cups.Reply(cups.Text() + " cups, coming.")
		})
		return r
	}
	fake.Start(newBot())
	anna := fake.User("Anna")
	anna.Says("!order")
	anna.Hears("Paid: receipt 1. How many cups?")
	fake.Restart(newBot())
	anna.Says("2")
	anna.Hears("2 cups, coming.")
	// Output:
	// charging
	// the handler runs again
}

// An administrator lists the unanswered questions, and ends those older than a
// week.
func ExampleDispatcher_Open() {
	var d vk.Dispatcher
	endOld := func(h vk.OpenHandler) {
		fmt.Printf("%s has waited since %v\n", h.Route, h.Since)
		if time.Since(h.Since) > 7*24*time.Hour {
			h.End() // the handler's question returns ErrEnded
		}
	}
	for _, h := range d.Open() {
		endOld(h)
	}
}

// Even a question without a time limit ends eventually, and may be ended from
// outside.
func ExampleAgeError() {
	r := vk.NewRouter("!")
	r.Handle("feedback", func(c *vk.Context) error {
		a, err := c.Ask("How was it?", vk.Within(0))
		var aged *vk.AgeError
		switch {
		case errors.As(err, &aged):
			return c.Send(fmt.Sprintf("Nothing in %v. Never mind.", aged.Age))
		case errors.Is(err, vk.ErrEnded):
			return nil
		case err != nil:
			return err
		}
		return a.Reply("Thank you!")
	})
}

// This bot deletes a user's data on request.
func ExampleDispatcher_Erase() {
	var d *vk.Dispatcher // the bot's
	r := vk.NewRouter("!")
	r.Handle("forget", func(c *vk.Context) error {
		if err := d.Erase(context.WithoutCancel(c), c.FromID()); err != nil {
			return err
		}
		return c.Reply("I know nothing of you any more.")
	})
}

// Sessions can be listed outside handlers.
func ExampleSession_All() {
	carts := &vk.Session[[]string]{Store: new(vk.MemoryStore), Name: "cart"}
	key := vk.Key{Group: 1, User: 5}
	ctx := context.Background()
	if err := carts.Update(ctx, key, func(c *[]string) error { *c = append(*c, "tea"); return nil }); err != nil {
		log.Fatal(err)
	}
	var all []vk.SessionItem[[]string]
	for item, err := range carts.All(ctx, 1) {
		if err != nil {
			log.Fatal(err)
		}
		all = append(all, item)
	}
	fmt.Println(all[0].Key.User, all[0].Value)
	// Output: 5 [tea]
}

// Timers survive a change of their type: the error has the old value.
func ExampleTimerError() {
	store := new(vk.MemoryStore)
	ctx, key := context.Background(), vk.Key{Group: 1, Peer: 5, User: 5}
	old := &vk.Timers[string]{Store: store, Name: "remind"}
	if err := old.Set(ctx, key, "1", time.Now().Add(time.Hour), "tea"); err != nil {
		log.Fatal(err)
	}
	now := &vk.Timers[struct{ What string }]{Store: store, Name: "remind"}
	for _, err := range now.List(ctx, 1) {
		var e *vk.TimerError
		if errors.As(err, &e) {
			fmt.Println(e.ID, string(e.Value))
		}
	}
	// Output: 1 "tea"
}
