package vk

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
	"github.com/vkrouter/vk/internal/pace"
)

// A Priority says who goes first when calls wait for [Client.RPS].
type Priority int

// The priorities. Calls have PriorityNormal unless [WithPriority] says
// otherwise, but for messages.sendMessageEventAnswer, which has PriorityHigh:
// the button spins until it is there.
const (
	PriorityLow    Priority = -1 // what can wait: mailings, statistics
	PriorityNormal Priority = 0  // answers
	PriorityHigh   Priority = 1  // what somebody is looking at
)

type priorityKey struct{}

// WithPriority returns a context whose API calls have priority p. Calls of a
// lower priority get their turn only when none of a higher one waits.
func WithPriority(ctx context.Context, p Priority) context.Context {
	return context.WithValue(ctx, priorityKey{}, min(max(p, PriorityLow), PriorityHigh))
}

// level is the call's priority as the limiter counts.
func (x *call) level() int {
	p, ok := x.ctx.Value(priorityKey{}).(Priority)
	if !ok && x.method == "messages.sendMessageEventAnswer" {
		p = PriorityHigh
	}
	return int(PriorityHigh - p)
}

var _ = [1]int{}[PriorityHigh-PriorityLow+1-pace.Levels] // as many as there are

var (
	floodPause = backoff.Backoff{Min: 10 * time.Second, Max: 10 * time.Minute}
	quotaPause = backoff.Backoff{Min: time.Minute, Max: time.Hour}
)

// isHold reports whether VK has had too much of a method for longer than a
// moment.
func isHold(code Code) bool { return code == CodeFlood || code == CodeRateLimit }

// holds are the methods that VK has had too much of, and wants no more of for a
// while. When that is over, one call tries whether VK takes it, and the others
// wait for what it finds.
type holds struct {
	mu sync.Mutex
	m  map[string]*hold
}

type hold struct {
	why    *Error
	times  int       // that VK refused in a row
	until  time.Time // when to try again
	trying bool      // a call does
	change chan struct{}
}

// waitHold waits until the method of the call is not held, or until the call
// is to try whether it still is: then it returns the hold. It returns the
// hold's reason at once if the call would have to wait for too long.
func (x *call) waitHold() (*hold, error) {
	all := &x.client.holds
	for {
		all.mu.Lock()
		h := all.m[x.method]
		if h == nil {
			all.mu.Unlock()
			return nil, nil
		}
		now := time.Now()
		wait := h.until.Sub(now)
		if wait <= 0 && !h.trying {
			h.trying = true
			if wait < -quotaPause.Max {
				h.times = 0 // so long ago that it says nothing
			}
			all.mu.Unlock()
			return h, nil
		}
		change, trying := h.change, h.trying
		why := *h.why
		all.mu.Unlock()

		if x.giveUp.IsZero() {
			x.giveUp = now.Add(x.client.WaitOut)
		}
		left := x.giveUp.Sub(now)
		if trying {
			wait = left
		}
		if left <= 0 || wait > left {
			why.Params = x.told()
			return nil, &why
		}
		t := time.NewTimer(wait)
		select {
		case <-change:
		case <-t.C:
		case <-x.ctx.Done():
			t.Stop()
			return nil, callError(x.ctx, x.method, nil)
		}
		t.Stop()
	}
}

// tried notes what came of an attempt, which was made to try a hold if h is not
// nil, and made at all if begun.
func (all *holds) tried(method string, h *hold, begun bool, err error) {
	var refused *Error
	held := begun && errors.As(err, &refused) && isHold(refused.Code)
	if h == nil && !held {
		return
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	switch {
	case held:
		if h == nil {
			if all.m[method] != nil {
				return // it was on its way when the hold began
			}
			h = &hold{}
			if all.m == nil {
				all.m = make(map[string]*hold)
			}
			all.m[method] = h
		} else {
			close(h.change)
		}
		pause := floodPause
		if refused.Code == CodeRateLimit {
			pause = quotaPause
		}
		h.times++
		h.why, h.trying, h.change = refused, false, make(chan struct{})
		h.until = time.Now().Add(pause.Delay(h.times))
	case begun:
		delete(all.m, method)
		close(h.change)
	default: // it did not get as far as to find out
		h.trying = false
		close(h.change)
		h.change = make(chan struct{})
	}
}
