package main

import (
	"os"
	"testing"
	"time"
)

// TestMain runs the bot to be killed in the processes that TestKill starts.
func TestMain(m *testing.M) {
	if os.Getenv(childURL) != "" {
		child()
		return
	}
	os.Exit(m.Run())
}

// short holds the options of the tests, which run with each change.
var short = options{seed: 1, messages: 4000, people: 200, faults: 0.05, kills: 3, thinks: time.Second, senders: 50, limit: 4 << 20, huge: 16 << 20}

func run(t *testing.T, part func(*testing.T, options, *report), o options) {
	r := newReport(t.Name())
	part(t, o, r)
	r.print(t.Output())
}

// TestFlow checks that with faults in a twentieth of all requests, every
// message is handled, in its person's order, and gets one reply, and that no
// memory is leaked.
func TestFlow(t *testing.T) { run(t, flow, short) }

// TestFlowBatch checks the same for a bot that batches its calls.
func TestFlowBatch(t *testing.T) {
	o := short
	o.batch, o.seed = true, 2
	run(t, flow, o)
}

// TestFlowCallbacks checks the same if the events also come by callback.
func TestFlowCallbacks(t *testing.T) {
	o := short
	o.callbacks, o.seed = true, 3
	run(t, flow, o)
}

// TestKill checks that a bot that is killed loses no message and replies to
// none twice.
func TestKill(t *testing.T) {
	o := short
	o.messages, o.people = 12_000, 100
	run(t, kill, o)
}

// TestWebhook checks that with more senders than it has room for, a webhook
// loses no event and keeps its limit.
func TestWebhook(t *testing.T) { run(t, webhook, short) }

// TestHostile checks that the bot survives data that no sane server or client
// would send.
func TestHostile(t *testing.T) { run(t, hostile, short) }
