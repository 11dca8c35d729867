package backoff

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestDelay(t *testing.T) {
	b := Backoff{Min: 100 * time.Millisecond, Max: time.Second}
	for _, tt := range []struct {
		failures int
		min, max time.Duration
	}{
		{-1, 0, 0},
		{0, 0, 0},
		{1, 50 * time.Millisecond, 100 * time.Millisecond},
		{2, 100 * time.Millisecond, 200 * time.Millisecond},
		{4, 400 * time.Millisecond, 800 * time.Millisecond},
		{5, 500 * time.Millisecond, time.Second},
		{1000, 500 * time.Millisecond, time.Second},
	} {
		seen := map[time.Duration]bool{}
		for range 100 {
			d := b.Delay(tt.failures)
			if d < tt.min || d > tt.max {
				t.Errorf("Delay(%d) = %v, want %v to %v", tt.failures, d, tt.min, tt.max)
			}
			seen[d] = true
		}
		if tt.max > 0 && len(seen) < 2 {
			t.Errorf("Delay(%d) has no jitter", tt.failures)
		}
	}
}

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := Sleep(t.Context(), time.Hour); err != nil || time.Since(start) != time.Hour {
			t.Errorf("Sleep = %v after %v", err, time.Since(start))
		}
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { cancel(cause) })
		start = time.Now()
		if err := Sleep(ctx, time.Hour); err != cause || time.Since(start) != time.Minute {
			t.Errorf("Sleep = %v after %v", err, time.Since(start))
		}
		if err := Sleep(ctx, 0); err != cause {
			t.Errorf("Sleep(ended, 0) = %v", err)
		}
	})
}
