package vktest_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// A records is a testing.TB that keeps all reports.
type records struct {
	testing.TB
	mu     sync.Mutex
	errors []string
	logs   []string
}

func (r *records) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func (r *records) Logf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.logs = append(r.logs, fmt.Sprintf(format, args...))
}

// A pausingQueue answers Beat and Done late until a time.
type pausingQueue struct {
	vk.Queue
	until time.Time
	wrong bool // Done never reports a lost lane
}

func (q pausingQueue) pause() {
	if time.Now().Before(q.until) {
		time.Sleep(2 * time.Second)
	}
}

func (q pausingQueue) Beat(ctx context.Context, w vk.QueueWorker, held []vk.QueueHeld) (vk.QueueAnswer, error) {
	q.pause()
	return q.Queue.Beat(ctx, w, held)
}

func (q pausingQueue) Done(ctx context.Context, w vk.QueueWorker, done []vk.QueueDone) (vk.QueueAnswer, error) {
	q.pause()
	a, err := q.Queue.Done(ctx, w, done)
	if q.wrong {
		a.Lost = nil
	}
	return a, err
}

// A pausingLimits answers Reserve and Acquire late until a time.
type pausingLimits struct {
	vk.Limits
	until time.Time
	wrong bool // everybody may hold
}

func (l pausingLimits) Reserve(ctx context.Context, key string, rule vk.LimitRule) (string, time.Duration, error) {
	if time.Now().Before(l.until) {
		time.Sleep(2 * time.Second)
	}
	return l.Limits.Reserve(ctx, key, rule)
}

func (l pausingLimits) Acquire(ctx context.Context, key, owner string, n int, lease time.Duration) (int, bool, error) {
	if time.Now().Before(l.until) {
		time.Sleep(2 * time.Second)
	}
	holders, ok, err := l.Limits.Acquire(ctx, key, owner, n, lease)
	return holders, ok || l.wrong, err
}

// TestPauses: the tests of Queues and Limits run a case again that fails while the
// machine pauses, and report all mistakes.
func TestPauses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		pauses time.Duration // from the beginning
		wrong  bool
		again  bool // cases run again
		want   string
	}{
		{"for a while", 20 * time.Second, false, true, ""},
		{"all the time", 24 * time.Hour, false, true, "TestQueue: tries: "},
		{"wrong", 0, true, false, "TestQueue: death: "},
		{"wrong, and pauses for a while", 20 * time.Second, true, true, "TestQueue: death: "},
		{"wrong Limits", 0, true, false, "TestLimits: lease: "},
		{"wrong Limits, and pauses for a while", 20 * time.Second, true, true, "TestLimits: lease: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &records{TB: t}
				q, l := new(vktest.Queue), new(vktest.Limits)
				until := time.Now().Add(tt.pauses)
				vktest.TestQueue(r, func() vk.Queue { return pausingQueue{q, until, tt.wrong} })
				until = time.Now().Add(tt.pauses)
				vktest.TestLimits(r, func() vk.Limits { return pausingLimits{l, until, tt.wrong} })
				if errors := strings.Join(r.errors, "\n"); (tt.want == "") != (errors == "") || !strings.Contains(errors, tt.want) {
					t.Errorf("reported:\n%s\nwant %q", errors, tt.want)
				}
				if logs := strings.Join(r.logs, "\n"); strings.Contains(logs, " after a pause of ") != tt.again {
					t.Errorf("logged:\n%s", logs)
				}
			})
		})
	}
}
