package middleware

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vkrouter/vk"
)

// ErrTimeout is the cause with which a handler's context ends after the time of
// [Timeout]. It wraps [context.DeadlineExceeded].
var ErrTimeout = fmt.Errorf("timeout: %w", context.DeadlineExceeded)

// Timeout cancels the context of a handler, and of the inner middleware, after
// d, with cause [ErrTimeout]. It does not stop the handler: the handler must
// return when its context ends, as API calls do. An error that the handler
// returns for that reason is an ErrTimeout. If the handler returns nil, it has
// succeeded.
//
// Unlike [vk.Dispatcher.TimeLimit], Timeout counts the time in which the
// handler is parked: Timeout(10*time.Minute) also limits a dialogue to ten
// minutes. Timeout panics unless d is positive.
func Timeout(d time.Duration) vk.Middleware {
	if d <= 0 {
		panic(fmt.Sprintf("middleware: Timeout(%v)", d))
	}
	return func(next vk.HandlerFunc) vk.HandlerFunc {
		return func(c *vk.Context) error {
			ctx, cancel := context.WithTimeoutCause(c, d, ErrTimeout)
			defer cancel()
			err := next(c.WithContext(ctx))
			if errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ErrTimeout) && context.Cause(ctx) == ErrTimeout {
				err = &timeoutError{err} // a library that returns ctx.Err, not the cause
			}
			return err
		}
	}
}

// A timeoutError is an error caused by the end of a context, with ErrTimeout as
// its cause.
type timeoutError struct{ err error }

func (e *timeoutError) Error() string   { return "timeout: " + e.err.Error() }
func (e *timeoutError) Unwrap() []error { return []error{ErrTimeout, e.err} }
