package timer

import (
	"sync/atomic"
	"time"
)

var ahead atomic.Int64

// Now returns the time of the clock by which timers are due. It may be set forward or
// back while timers wait.
func Now() time.Time { return time.Now().Round(0).Add(time.Duration(ahead.Load())) }

// SetClock sets how far Now is ahead of the machine's clock, for tests.
func SetClock(by time.Duration) { ahead.Store(int64(by)) }
