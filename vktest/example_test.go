package vktest_test

import (
	"context"
	"fmt"
	"log"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

func router() *vk.Router {
	r := vk.NewRouter("!")
	r.Handle("ping", func(c *vk.Context) error { return c.Reply("pong") })
	return r
}

// A test of a bot.
func ExampleStart() {
	_ = func(t *testing.T) {
		bot := vktest.Start(t, router())
		anna := bot.User("Anna")
		anna.Says("!ping")
		anna.Hears("pong")
		anna.Says("pong yourself")
		anna.HearsNothing()
	}
}

// In a chat, what the bot says is heard by everybody at once.
func ExampleUser_In() {
	_ = func(t *testing.T) {
		bot := vktest.Start(t, router())
		anna, boris := bot.User("Anna"), bot.User("Boris")
		var tea *vktest.Chat = bot.Chat("Tea", anna, boris)
		anna.In(tea).Says("!ping")
		var m vktest.Message = boris.In(tea).Hears("pong")
		if m.ReplyTo == 0 {
			t.Error("the answer does not refer to the question")
		}
		boris.HearsNothing() // in private
	}
}

// A program that needs the client before it has a bot.
func ExampleNew() {
	_ = func(t *testing.T) {
		fake := vktest.New(t)
		client := fake.Client()
		fake.Start(vk.HandlerFunc(func(c *vk.Context) error {
			return client.Send(c, c.FromID(), "Hello!")
		}))
		anna := fake.User("Anna")
		anna.Says("hi")
		anna.HearsLike("(?i)hello")
		if err := fake.Stop(); err != nil {
			t.Error(err)
		}
	}
}

// A VK that refuses the second call within a second, and a bot that handles one
// event at a time.
func ExampleConfig() {
	_ = func(t *testing.T) {
		bot := vktest.Config{RPS: 1, Dispatcher: &vk.Dispatcher{Workers: 1}}.Start(t, router())
		anna := bot.User("Anna")
		anna.Says("!ping")
		anna.Says("!ping")
		anna.Hears("pong")
		anna.Hears("pong") // after a second, and a retry
	}
}

// Outside of a test, the fake VK is a server on the loopback interface.
func ExampleNewServer() {
	var fake *vktest.Server = vktest.NewServer()
	defer fake.Close()
	fake.Start(router())

	anna := fake.User("Anna")
	anna.Says("!ping")
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	m, err := anna.Next(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Text)

	for _, call := range fake.Calls("messages.send") {
		fmt.Println(call.Params["message"], call.Code == 0)
	}
	// Output:
	// pong
	// pong true
}

// One handler, or one router, alone.
func ExampleNewContext() {
	c, rec := vktest.NewContext("!ping")
	if err := router().Serve(c); err != nil {
		log.Fatal(err)
	}
	var sent *vktest.Recorder = rec
	fmt.Println(sent.Text(), len(sent.Messages()))
	// Output: pong 1
}
