package main

import (
	"os"
	"testing"
	"time"
)

// TestMain is the bot that is killed, in the process that TestKill starts.
func TestMain(m *testing.M) {
	if os.Getenv(childURL) != "" {
		child()
		return
	}
	os.Exit(m.Run())
}

// short is what is run with each change.
var short = options{seed: 1, messages: 4000, people: 200, faults: 0.05, kills: 3, thinks: time.Second, senders: 50, limit: 4 << 20, huge: 16 << 20}

func run(t *testing.T, part func(*testing.T, options, *report), o options) {
	r := newReport(t.Name())
	part(t, o, r)
	r.print(t.Output())
}

// TestFlow: with something going wrong in a twentieth of all requests, every
// message is handled, in its person's order, and answered once; nothing is left
// of it in memory.
func TestFlow(t *testing.T) { run(t, flow, short) }

// TestFlowBatch: the same holds if the bot packs its calls.
func TestFlowBatch(t *testing.T) {
	o := short
	o.batch, o.seed = true, 2
	run(t, flow, o)
}

// TestFlowCallbacks: the same holds if the events come by callback, too.
func TestFlowCallbacks(t *testing.T) {
	o := short
	o.callbacks, o.seed = true, 3
	run(t, flow, o)
}

// TestKill: a bot that is killed loses no message, and answers none twice.
func TestKill(t *testing.T) {
	o := short
	o.messages, o.people = 12_000, 100
	run(t, kill, o)
}

// TestWebhook: under more senders than it has room for, a webhook loses no
// event, and has a bound.
func TestWebhook(t *testing.T) { run(t, webhook, short) }

// TestHostile: what nobody should send is survived.
func TestHostile(t *testing.T) { run(t, hostile, short) }
