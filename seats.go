package vk

import (
	"context"
	"slices"
	"sync"

	"github.com/vkrouter/vk/internal/pace"
)

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
