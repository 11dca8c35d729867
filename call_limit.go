package vk

import (
	"context"
	"errors"
	"slices"
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

// A booking is a number of calls that are made at the same time to travel in
// one envelope, in the order of their seats, whether or not they would have to
// wait for the limit. It goes when each seat is taken or ceded.
type booking struct {
	e *envelope

	mu    sync.Mutex
	open  int     // seats neither taken nor ceded
	calls []*call // by seat; nil where it is ceded
}

// A seat is one call's place. The call finds it in its context: on its way it
// passes what [Client.Use] was given.
type seat struct {
	of    *booking
	index int
	used  bool // guarded by of.mu
}

type seatKey struct{}

func seatOf(ctx context.Context) *seat {
	s, _ := ctx.Value(seatKey{}).(*seat)
	return s
}

// book returns n seats.
func (c *Client) book(ctx context.Context, n int) (*envelope, []seat) {
	b := &booking{e: c.newEnvelope(ctx, 0), open: n, calls: make([]*call, n)}
	b.e.here.Store(1) // until it goes
	seats := make([]seat, n)
	for i := range seats {
		seats[i].of, seats[i].index = b, i
	}
	return b.e, seats
}

// take puts a call into the seat. A seat is good for one attempt.
func (s *seat) take(x *call) bool { return s.use(x) }

// cede gives up the seat, if it is not taken: the call was not made after all.
func (s *seat) cede() { s.use(nil) }

func (s *seat) use(x *call) bool {
	b := s.of
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.used {
		return false
	}
	s.used = true
	if x != nil {
		x.prepare()
		b.e.enter(x)
		b.e.level = x.level()
		b.calls[s.index] = x
	}
	if b.open--; b.open == 0 {
		go b.leave()
	}
	return true
}

// leave sends the envelope.
func (b *booking) leave() {
	e, c := b.e, b.e.client
	defer e.cancel()
	if e.here.Add(-1) == 0 {
		return
	}
	calls := slices.DeleteFunc(b.calls, func(x *call) bool { return x == nil })
	if len(calls) == 1 {
		sendAlone(calls)
		return
	}
	if !c.limiter.Try() {
		if _, err := c.limiter.Wait(e.ctx, &pace.Waiter{Priority: e.level}); err != nil {
			return // there is nobody left
		}
	}
	e.send(calls)
}
