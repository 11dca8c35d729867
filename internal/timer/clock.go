package timer

import (
	"math"
	"sync/atomic"
	"time"
)

var ahead atomic.Int64

// Now returns the time of the clock by which timers are due. It may be set forward or
// back while timers wait.
func Now() time.Time { return time.Now().Round(0).Add(time.Duration(ahead.Load())) }

// SetClock sets how far Now is ahead of the machine's clock, for tests.
func SetClock(by time.Duration) { ahead.Store(int64(by)) }

// Milli returns a time in milliseconds since 1970, or the nearest number for a time
// that is too far away.
func Milli(t time.Time) int64 {
	switch s := t.Unix(); {
	case s >= math.MaxInt64/1000:
		return math.MaxInt64
	case s <= math.MinInt64/1000:
		return math.MinInt64
	}
	return t.UnixMilli()
}
