package vk_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os/signal"
	"syscall"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/filestore"
	"github.com/vkrouter/vk/vktest"
)

// A bot that loses nothing when it is restarted, or killed, and that can be
// asked whether it is well.
func ExamplePoller_durable() {
	store, err := filestore.Open("bot.db")
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	r := vk.NewRouter("!")
	r.Handle("ping", func(c *vk.Context) error { return c.Reply("pong") })

	p := &vk.Poller{
		Client:     vk.NewClient("token"),
		Dispatcher: &vk.Dispatcher{Handler: r, Store: store},
		OnGap: func(from, to string) {
			log.Printf("VK has dropped the events from %s to %s", from, to)
		},
	}
	started := time.Now()
	http.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		s := p.Status()
		last := s.LastPoll
		if last.IsZero() { // the first poll takes its time, too
			last = started
		}
		if time.Since(last) > 2*time.Minute {
			http.Error(w, fmt.Sprintf("no poll since %v, %d failures: %v", last, s.Failures, s.Err), http.StatusServiceUnavailable)
		}
	})
	go http.ListenAndServe("localhost:8080", nil)

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := p.Run(ctx); err != nil {
		log.Print(err)
	}
}

// Several bots with one Store, here one after the other: the second goes on
// where the first was stopped.
func ExampleDispatcher_store() {
	world := vktest.NewServer()
	defer world.Close()
	anna := world.User("Anna")
	store := new(vk.MemoryStore) // or a filestore.Store, or a database

	run := func(name string, meanwhile func()) {
		handled := make(chan string, 1)
		ready := make(chan struct{})
		p := &vk.Poller{
			Client: world.Client(),
			Dispatcher: &vk.Dispatcher{Store: store, Handler: vk.HandlerFunc(func(c *vk.Context) error {
				handled <- c.Text()
				return nil
			})},
			Ready: func(int64) { close(ready) },
		}
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- p.Run(ctx) }()
		<-ready
		meanwhile()
		fmt.Println(name, "has handled", <-handled)
		stop()
		fmt.Println(<-ended)
	}
	run("the first", func() { anna.Says("one") })
	anna.Says("two") // there is no bot
	run("the second", func() {})

	// Output:
	// the first has handled one
	// <nil>
	// the second has handled two
	// <nil>
}

// How far a Poller is.
func ExamplePoller_Status() {
	var p vk.Poller
	var s vk.PollerStatus = p.Status()
	fmt.Println(s.GroupID, s.TS == "", s.LastPoll.IsZero(), s.LastEvent.IsZero(), s.Failures, s.Err)
	// Output: 0 true true true 0 <nil>
}
