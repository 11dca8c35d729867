package discord

import (
	"context"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
)

// Discord allows 120 payloads in sendSpan on a connection. Five of them are left
// for heartbeats.
const (
	sendSpan  = time.Minute
	sendLimit = 115
)

// A sendGate limits the payloads that a connection sends: those that wait go in
// the order in which they came.
type sendGate struct {
	turn  chan struct{} // holds an element while a sender decides
	times [sendLimit]time.Time
	next  int // the oldest of times
}

func newSendGate() *sendGate { return &sendGate{turn: make(chan struct{}, 1)} }

// wait blocks until a payload may be sent, or ctx ends.
func (g *sendGate) wait(ctx context.Context) error {
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if oldest := g.times[g.next]; !oldest.IsZero() {
		if err := backoff.Sleep(ctx, time.Until(oldest.Add(sendSpan))); err != nil {
			return err
		}
	}
	g.times[g.next] = time.Now()
	g.next = (g.next + 1) % sendLimit
	return nil
}
