package middleware

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vkrouter/vk/discord"
)

// ErrTimeout is the cause with which a handler's context ends when it has run for as
// long as [Timeout] lets it. It wraps [context.DeadlineExceeded].
var ErrTimeout = fmt.Errorf("timeout: %w", context.DeadlineExceeded)

// Timeout ends the context of a handler, and of the middleware inside, after a while,
// with cause [ErrTimeout]. It does not end the handler, which must return when its
// context ends, as calls of the API do. An error that it returns for that reason is
// ErrTimeout; if it returns none, it has finished in time.
//
// Unlike in [discord.Dispatcher.TimeLimit], the time in which the handler is parked
// counts. Timeout panics unless d is positive.
func Timeout(d time.Duration) discord.Middleware {
	if d <= 0 {
		panic(fmt.Sprintf("middleware: Timeout(%v)", d))
	}
	return func(next discord.HandlerFunc) discord.HandlerFunc {
		return func(c *discord.Context) error {
			ctx, cancel := context.WithTimeoutCause(c, d, ErrTimeout)
			defer cancel()
			err := next(c.WithContext(ctx))
			if errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ErrTimeout) && context.Cause(ctx) == ErrTimeout {
				err = &timeoutError{err} // a library that goes by Err, not by the cause
			}
			return err
		}
	}
}

// A timeoutError is an error that a context has ended, where ErrTimeout is why.
type timeoutError struct{ err error }

func (e *timeoutError) Error() string   { return "timeout: " + e.err.Error() }
func (e *timeoutError) Unwrap() []error { return []error{ErrTimeout, e.err} }
