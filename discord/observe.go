package discord

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// A CallInfo is an attempt at a call that has ended, as [Client.Observer] sees it.
type CallInfo struct {
	Context context.Context // the call's, with the values that a tracer has put there
	Method  string
	Route   string        // the template of the path
	Attempt int           // 1 for the first
	Status  int           // the HTTP status code; zero if no answer came
	Wait    time.Duration // how long it waited for its turn, because of rate limits
	Took    time.Duration // how long Discord and the network took
	Err     error         // how it ended; nil if well
	Again   time.Duration // the pause before the next attempt; zero if there is none
}

// observe calls the Observer, if there is one.
func (c *Client) observe(info CallInfo) {
	if c.Observer == nil {
		return
	}
	defer func() {
		if v := recover(); v != nil && !c.failing.Swap(true) {
			c.log().LogAttrs(info.Context, slog.LevelError, "discord: Observer panicked", slog.String("err", fmt.Sprint(v)))
		}
	}()
	c.Observer(info)
}
