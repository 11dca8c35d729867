package discord

import (
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/vkrouter/vk/internal/tolerant"
)

// The limits of the interval between heartbeats, and the default if the gateway
// does not send one.
const (
	minInterval     = 100 * time.Millisecond
	maxInterval     = 5 * time.Minute
	defaultInterval = 41250 * time.Millisecond
)

// hello begins the heartbeats.
func (c *connection) hello(data []byte) {
	select {
	case <-c.greeted:
		return // a second hello
	default:
	}
	var d struct {
		Interval float64 `json:"heartbeat_interval"`
	}
	tolerant.Unmarshal(data, &d)
	switch ms := d.Interval; {
	case !(ms > 0):
		c.interval = defaultInterval
	case ms >= float64(maxInterval/time.Millisecond):
		c.interval = maxInterval
	default:
		c.interval = max(time.Duration(ms*float64(time.Millisecond)), minInterval)
	}
	close(c.greeted)
}

// beat sends heartbeats until the connection ends: the first after a random part of
// the interval, so that the connections of many bots do not beat together. The
// connection ends if nothing at all has come between two heartbeats. An
// acknowledgement may be late behind many events, so that any message counts.
func (c *connection) beat() {
	select {
	case <-c.greeted:
	case <-c.ctx.Done():
		return
	}
	timer := time.NewTimer(time.Duration(rand.Float64() * float64(c.interval)))
	defer timer.Stop()
	for first := true; ; {
		select {
		case <-c.ctx.Done():
			return
		case <-c.asked: // is no beat of the rhythm
		case <-timer.C:
			if !c.heard.Swap(false) && !first {
				c.end(errSilent)
				return
			}
			first = false
			timer.Reset(c.interval)
		}
		c.beaten.Store(time.Now().UnixNano()) // before the write: the answer may be faster than its return
		if c.write(c.heartbeat()) != nil {
			return
		}
	}
}

// heartbeat returns a heartbeat, with the number of the last event.
func (c *connection) heartbeat() []byte {
	seq := c.s.seq.Load()
	if seq == 0 {
		return []byte(`{"op":1,"d":null}`)
	}
	b := append([]byte(`{"op":1,"d":`), strconv.FormatInt(seq, 10)...)
	return append(b, '}')
}

// acknowledged notes how long the last heartbeat took.
func (c *connection) acknowledged() {
	at := c.beaten.Swap(0)
	if at == 0 {
		return
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.status.Latency = max(time.Since(time.Unix(0, at)), 1)
}
