package middleware

import (
	"context"
	"fmt"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/lines"
)

// A MaxConcurrency limits the number of concurrent handlers among those that it
// wraps.
//
//	one := middleware.NewMaxConcurrency(1, vk.PerChat)
//	r.Handle("quiz", quiz, one.Wrap)
//
// A handler above the limit is refused with a [*ConcurrencyError], or waits for
// its turn if Queue allows that. A waiting handler is parked, so the chat's
// other events are handled meanwhile: see [vk.Context.Park]. Waiting handlers
// run in the order in which they came. If a handler's context ends while it
// waits, the error is the context's cause.
//
// A place is a claim (see [vk.Context.Claim]). A command that is refused or has
// invalid arguments takes none. A place is given back when the handler ends, in
// every case, or at once if the handler does not run. A handler that asks a
// question and is parked until the answer comes keeps its place: one quiz for a
// chat is one quiz, even while it waits for answers. A handler that has a place
// and runs another handler with the same limit and key does not need a second
// one.
//
// The fields must not change once it is in use. Its methods are safe for
// concurrent use.
type MaxConcurrency struct {
	N int // number of concurrent handlers; zero means one

	// By selects the handlers that are limited together: [vk.PerUser],
	// [vk.PerChat], [vk.PerMember], [vk.Global] or a function of your own. If
	// nil, [vk.Global] is used.
	By func(*vk.Context) vk.Key

	// Queue limits the number of waiting handlers for each key. If zero, none
	// may wait; if negative, there is no limit.
	Queue int

	// Limits limits the handlers of several processes together, each of which has a
	// MaxConcurrency of this Name. Those who wait in one process keep their order; Queue is
	// for each process, and while the Limits fails so is N. A place whose process dies is free
	// after 15 seconds. Nil means that this process is alone.
	Limits vk.Limits
	Name   string // tells apart those of one Limits; needed with Limits alone

	shared shared
	lines  lines.Lines[vk.Key]
}

// NewMaxConcurrency returns &MaxConcurrency{N: n, By: by}. It panics unless n
// is positive.
func NewMaxConcurrency(n int, by func(*vk.Context) vk.Key) *MaxConcurrency {
	if n <= 0 {
		panic(fmt.Sprintf("middleware: NewMaxConcurrency: %d at the same time", n))
	}
	return &MaxConcurrency{N: n, By: by}
}

// A ConcurrencyError reports that the limits of a [MaxConcurrency] for running
// and for waiting handlers are reached.
type ConcurrencyError struct {
	N   int    // number of concurrent handlers
	Key vk.Key // the key that is limited
}

// Error returns the limit.
func (e *ConcurrencyError) Error() string {
	return fmt.Sprintf("at most %d at the same time", e.N)
}

// Is reports whether target is [ErrRefused]: reaching the limit is not a
// failure.
func (e *ConcurrencyError) Is(target error) bool { return target == ErrRefused }

// A place is a claimed place of a MaxConcurrency for a key. Inner handlers find
// it in their context.
type place struct {
	key    vk.Key
	held   bool
	shared *sharedPlace // nil without Limits
}

// Wrap is a [vk.Middleware]. It limits the number of concurrent handlers among
// those that it wraps.
func (mc *MaxConcurrency) Wrap(next vk.HandlerFunc) vk.HandlerFunc {
	return func(c *vk.Context) error {
		p := new(place)
		outer, _ := c.Value(mc).(*place)
		giveBack := func() {
			if p.held {
				p.held = false
				if p.shared != nil {
					p.shared.leave()
				}
				mc.lines.Leave(p.key)
			}
		}
		c.Claim(func(c *vk.Context) (func(), error) {
			key := vk.Key{}
			if mc.By != nil {
				key = mc.By(c)
			}
			if outer != nil && outer.held && outer.key == key {
				return nil, nil
			}
			if err := mc.enter(c, key); err != nil {
				return nil, err
			}
			if mc.Limits != nil {
				entered := false
				defer func() { // also if it does not return
					if !entered {
						mc.lines.Leave(key)
					}
				}()
				var err error
				if p.shared, err = mc.enterShared(c, key, max(mc.N, 1)); err != nil {
					return nil, err
				}
				entered = true
			}
			p.key, p.held = key, true
			return giveBack, nil
		})
		defer giveBack() // after the handler has run
		return next(c.WithContext(context.WithValue(c, mc, p)))
	}
}

// enter claims a place, and waits for it if necessary.
func (mc *MaxConcurrency) enter(c *vk.Context, key vk.Key) error {
	n := max(mc.N, 1)
	err := mc.lines.Enter(c, key, n, mc.Queue)
	if err == lines.ErrFull {
		return &vk.CheckError{Err: &ConcurrencyError{N: n, Key: key}}
	}
	return err
}
