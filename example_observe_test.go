package vk_test

import (
	"context"
	"expvar"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// Metrics of a bot, to be read at /debug/vars of any web server in the program:
// what is under way, how much there was of everything, how long it took and how
// often it failed.
func ExampleObserver() {
	vars := expvar.NewMap("bot")
	count := func(_ context.Context, o vk.Observation) {
		switch o.Step {
		case vk.StepCall:
			vars.Add("calls_open", 1)
		case vk.StepCalled:
			vars.Add("calls_open", -1)
			vars.Add("calls", 1)
			vars.Add("calls_wait_ms", o.Wait.Milliseconds()) // for VK's limit
			vars.Add("calls_took_ms", o.Took.Milliseconds())
		case vk.StepRepeat:
			vars.Add("calls_repeated", 1)
		case vk.StepPolled:
			vars.Add("polls", 1)
		case vk.StepTaken:
			vars.Add("events_open", 1)
		case vk.StepBegun:
			vars.Add("events_wait_ms", o.Wait.Milliseconds()) // behind others of their conversation
		case vk.StepParked:
			vars.Add("handlers_parked", 1)
		case vk.StepResumed:
			vars.Add("handlers_parked", -1)
		case vk.StepDone:
			vars.Add("events_open", -1)
			vars.Add("events", 1)
			vars.Add("events_took_ms", o.Took.Milliseconds())
		}
		if o.Err != nil {
			vars.Add(o.Step.String()+"_failed", 1)
		}
	}

	r := vk.NewRouter("!")
	r.Handle("ping", func(c *vk.Context) error { return c.Reply("pong") })

	fake := vktest.NewServer()
	defer fake.Close()
	client := fake.Client() // vk.NewClient(os.Getenv("VK_TOKEN"))
	client.Observer = count
	fake.Fail("messages.send", vktest.Status(502), vktest.Times(1))

	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error)
	p := &vk.Poller{Client: client, Handler: r, SkipDiagnosis: true, Ready: func(int64) { close(ready) }}
	go func() { ended <- p.Run(ctx) }()
	<-ready
	anna := fake.User("Anna")
	anna.Says("!ping")
	anna.Hears("pong")
	stop()
	<-ended

	for _, name := range []string{"events", "events_open", "calls", "calls_open", "called_failed", "calls_repeated"} {
		fmt.Println(name, vars.Get(name))
	}
	// Output:
	// events 1
	// events_open 0
	// calls 4
	// calls_open 0
	// called_failed 1
	// calls_repeated 1
}

// A log of what is slow. That of a handler which failed is there without it, and
// so is, at the level of debugging, a line for each event.
func ExampleObservation() {
	slow := func(limit time.Duration, log *slog.Logger) vk.Observer {
		return func(ctx context.Context, o vk.Observation) {
			if o.Wait+o.Took < limit {
				return
			}
			switch o.Step {
			case vk.StepCalled:
				log.WarnContext(ctx, "slow call", "method", o.Method, "attempt", o.Attempt, "waited", o.Wait, "took", o.Took)
			case vk.StepDone:
				log.WarnContext(ctx, "slow event", "kind", o.Event.Kind, "event", o.Event.ID, "route", o.Route, "waited", o.Wait, "took", o.Took)
			}
		}
	}

	client := vk.NewClient(os.Getenv("VK_TOKEN"))
	client.Observer = slow(2*time.Second, slog.Default())
	client.Observer(context.Background(), vk.Observation{Step: vk.StepPolled, Events: 3}) // no call, no event
	// Output:
}
