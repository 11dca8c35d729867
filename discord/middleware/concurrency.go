package middleware

import (
	"context"
	"fmt"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/lines"
)

// A MaxConcurrency limits how many of the handlers that it wraps run at the same time.
//
//	one := middleware.NewMaxConcurrency(1, discord.PerChannel)
//	r.Handle("quiz", quiz, one.Wrap)
//
// A handler above the limit is refused with a [*ConcurrencyError], or waits for its turn if
// Queue allows it. A handler that waits is parked: see [discord.Context.Park]. Its lane goes
// on meanwhile. Handlers get their turns in the order in which they came. If the context of
// one ends, its wait ends with the cause. A slash command that waits for longer than two
// seconds shows that the bot is thinking.
//
// A place is a claim (see [discord.Context.Claim]): a command that is refused, or has wrong
// arguments, takes none. A place is given back however the handler ends. A handler that
// waits for an answer keeps its place: one quiz in a channel is one quiz, also while it
// waits for answers. A handler that has a place, and runs another with the same limit and
// key, does not need a second one.
//
// The fields must not change once it is in use. Its methods are safe for
// concurrent use.
type MaxConcurrency struct {
	N int // how many at the same time; zero means one

	// By returns the key under which a handler is counted: [discord.PerUser],
	// [discord.PerChannel], [discord.PerGuild] or another function. The default is
	// [discord.Global].
	By func(*discord.Context) discord.Key

	// Queue limits how many may wait under each key. Zero means that none waits,
	// a negative number that there is no limit.
	Queue int

	lines lines.Lines[discord.Key]
}

// NewMaxConcurrency returns &MaxConcurrency{N: n, By: by}. It panics unless n
// is positive.
func NewMaxConcurrency(n int, by func(*discord.Context) discord.Key) *MaxConcurrency {
	if n <= 0 {
		panic(fmt.Sprintf("middleware: NewMaxConcurrency: %d at the same time", n))
	}
	return &MaxConcurrency{N: n, By: by}
}

// A ConcurrencyError says that as many handlers run as a [MaxConcurrency]
// allows, and as many wait.
type ConcurrencyError struct {
	N   int         // how many may run
	Key discord.Key // the key under which they are counted
}

// Error names the limit.
func (e *ConcurrencyError) Error() string {
	return fmt.Sprintf("at most %d at the same time", e.N)
}

// Is reports whether target is [ErrRefused]: a busy bot is no failure.
func (e *ConcurrencyError) Is(target error) bool { return target == ErrRefused }

// A place is one among those of a MaxConcurrency, for a key. Handlers inside find
// it in their context.
type place struct {
	key  discord.Key
	held bool
}

// Wrap is a [discord.Middleware] that applies the limit.
func (mc *MaxConcurrency) Wrap(next discord.HandlerFunc) discord.HandlerFunc {
	return func(c *discord.Context) error {
		p := new(place)
		outer, _ := c.Value(mc).(*place)
		giveBack := func() {
			if p.held {
				p.held = false
				mc.lines.Leave(p.key)
			}
		}
		c.Claim(func(c *discord.Context) (func(), error) {
			key := discord.Key{}
			if mc.By != nil {
				key = mc.By(c)
			}
			if outer != nil && outer.held && outer.key == key {
				return nil, nil
			}
			if err := mc.enter(c, key); err != nil {
				return nil, err
			}
			p.key, p.held = key, true
			return giveBack, nil
		})
		defer giveBack() // when the handler has run
		return next(c.WithContext(context.WithValue(c, mc, p)))
	}
}

// enter takes a place, and waits for it if it must.
func (mc *MaxConcurrency) enter(c *discord.Context, key discord.Key) error {
	n := max(mc.N, 1)
	err := mc.lines.Enter(c, key, n, mc.Queue)
	if err == lines.ErrFull {
		return &discord.CheckError{Err: &ConcurrencyError{N: n, Key: key}}
	}
	return err
}
