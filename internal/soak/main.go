// Command soak puts a whole bot through a long day, and tells what came of it:
// a hundred thousand messages with everything going wrong that can, a process
// that is killed again and again, webhooks under load, and answers and
// requests that nobody in their right mind would send.
//
//	go run ./internal/soak
//	go run ./internal/soak -run flow -messages 1000000 -seed 7
//
// VK is the fake of internal/fakevk. What needs no process of its own runs in
// virtual time, so that a day of it takes a minute. The same parts run in a
// short form as this package's tests.
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"testing"
	"time"
)

// Options are what a part is run with.
type options struct {
	seed      uint64
	messages  int           // that people write
	people    int           // who write them
	faults    float64       // share of all requests in which something goes wrong
	batch     bool          // the bot's Client.Batch
	callbacks bool          // events come by callback, too
	kills     int           // how often the process is killed
	thinks    time.Duration // how long people think about a question at most, meanwhile
	senders   int           // that press on the webhook at once
	limit     int64         // the bot's Client.MaxResponse
	huge      int64         // bytes of what is too large
}

// parts are what there is to run, in this order.
var parts = []struct {
	name string
	run  func(t *testing.T, o options, r *report)
}{
	{"flow", flow},
	{"kill", kill},
	{"webhook", webhook},
	{"hostile", hostile},
}

func main() {
	if os.Getenv(childURL) != "" {
		child()
		return
	}
	var o options
	only := flag.String("run", ".", "run the parts whose names match this `expression`: flow, kill, webhook, hostile")
	flag.Uint64Var(&o.seed, "seed", 1, "the `number` that decides what goes wrong when")
	flag.IntVar(&o.messages, "messages", 100_000, "how many messages flow; a tenth of them while the process is killed")
	flag.IntVar(&o.people, "people", 1000, "how many people write them")
	flag.Float64Var(&o.faults, "faults", 0.05, "the `share` of requests in which something goes wrong")
	flag.BoolVar(&o.batch, "batch", false, "the bot packs its calls")
	flag.BoolVar(&o.callbacks, "callbacks", false, "events come by callback as well as by long poll")
	flag.IntVar(&o.kills, "kills", 10, "how often the process is killed")
	flag.DurationVar(&o.thinks, "thinks", 4*time.Second, "how long people think about a question at most, while the process is killed: so that a tenth of them do")
	flag.IntVar(&o.senders, "senders", 200, "how many senders press on the webhook at once")
	flag.Int64Var(&o.limit, "limit", 64<<20, "how many `bytes` an answer may have")
	flag.Int64Var(&o.huge, "huge", 1<<30, "how many `bytes` an answer has that is too large")
	flag.Parse()
	match, err := regexp.Compile(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(2)
	}

	// Virtual time is to be had in tests only, so the parts are some.
	var tests []testing.InternalTest
	for _, p := range parts {
		if !match.MatchString(p.name) {
			continue
		}
		tests = append(tests, testing.InternalTest{Name: p.name, F: func(t *testing.T) {
			r := newReport(p.name)
			began := time.Now()
			p.run(t, o, r)
			r.add("took", time.Since(began).Round(time.Millisecond))
			r.print(os.Stdout)
		}})
	}
	os.Args = os.Args[:1] // package testing reads them too
	testing.Init()
	flag.Set("test.timeout", "1h")
	testing.Main(func(string, string) (bool, error) { return true, nil }, tests, nil, nil)
}
