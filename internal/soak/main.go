// Command soak runs a whole bot through a long day and reports the results: a
// hundred thousand messages with every possible fault, a process that is killed
// again and again, webhooks under load, and responses and requests that no sane
// server or client would send.
//
//	go run ./internal/soak
//	go run ./internal/soak -run flow -messages 1000000 -seed 7
//
// VK is the fake of internal/fakevk. The parts that need no separate process
// run in virtual time, so that a day takes a minute. The same parts, shortened,
// run as this package's tests.
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"testing"
	"time"
)

// Options are the parameters of a part.
type options struct {
	seed      uint64
	messages  int           // number of messages
	people    int           // number of people who write them
	faults    float64       // share of all requests that are hit by faults
	batch     bool          // the bot's Client.Batch
	callbacks bool          // events also come by callback
	kills     int           // number of times the process is killed
	thinks    time.Duration // the longest time before people answer a question, during kill
	senders   int           // number of concurrent senders to the webhook
	limit     int64         // the bot's Client.MaxResponse
	huge      int64         // bytes of a response that is too large
}

// parts are the parts, in the order in which they run.
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
	flag.Uint64Var(&o.seed, "seed", 1, "the seed `number` of the faults")
	flag.IntVar(&o.messages, "messages", 100_000, "number of messages in flow; kill sends a tenth of them")
	flag.IntVar(&o.people, "people", 1000, "number of people who write them")
	flag.Float64Var(&o.faults, "faults", 0.05, "the `share` of requests hit by faults")
	flag.BoolVar(&o.batch, "batch", false, "the bot batches its calls")
	flag.BoolVar(&o.callbacks, "callbacks", false, "events also come by callback, not only by long poll")
	flag.IntVar(&o.kills, "kills", 10, "number of times the process is killed")
	flag.DurationVar(&o.thinks, "thinks", 4*time.Second, "the longest time before people answer a question while the process is killed: the default keeps a tenth of them in a question")
	flag.IntVar(&o.senders, "senders", 200, "number of concurrent senders to the webhook")
	flag.Int64Var(&o.limit, "limit", 64<<20, "maximum size of a response in `bytes`")
	flag.Int64Var(&o.huge, "huge", 1<<30, "size in `bytes` of a response that is too large")
	flag.Parse()
	match, err := regexp.Compile(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(2)
	}

	// Virtual time is available only in tests, so the parts are tests.
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
