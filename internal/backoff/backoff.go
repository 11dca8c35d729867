// Package backoff spaces out repeated attempts.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// A Backoff computes the wait before the next attempt: about Min after the
// first failure, twice as long after each further one, at most Max. Each wait
// is random in the upper half of its range, so that callers that failed
// together do not retry together.
type Backoff struct {
	Min, Max time.Duration
}

// Delay returns the wait after the given number of failures in a row. It is
// between half of Min and Max, and 0 for no failure.
func (b Backoff) Delay(failures int) time.Duration {
	if failures <= 0 {
		return 0
	}
	d := b.Max
	if shift := failures - 1; shift < 32 && b.Min<<shift < b.Max && b.Min<<shift > 0 {
		d = b.Min << shift
	}
	return d/2 + rand.N(d/2+1)
}

// Sleep waits for d or until ctx ends. In the latter case it returns the cause
// of ctx.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
