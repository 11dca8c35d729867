package vktest

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/vkrouter/vk"
)

// A case of TestQueue or TestLimits may fail if the machine or the database pauses
// for too long: a lease ends before its worker can renew it. A case that has failed
// after a pause runs again.
const (
	maxCaseTries = 5
	longPause    = vk.QueueLease / 20
)

// A caseTry is one run of a case. It collects the mistakes, and notices pauses. It
// is safe for concurrent use.
type caseTry struct {
	testing.TB
	name string // of the test and of the case

	mu       sync.Mutex
	mistakes []string
	pause    time.Duration // the longest
}

// runCase runs a case, once or up to maxCaseTries times.
func runCase(t testing.TB, name string, once bool, run func(*caseTry)) {
	t.Helper()
	for n := 1; ; n++ {
		try := &caseTry{TB: t, name: name}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			defer func() { // a mistake may be the cause
				if try.Failed() {
					recover()
				}
			}()
			run(try)
		}()
		stop := try.watch()
		<-ended
		stop()
		if len(try.mistakes) > 0 && !once && n < maxCaseTries && try.pause > longPause {
			t.Logf("%s: try %d failed after a pause of %v: %s", name, n, try.pause, try.mistakes[0])
			continue
		}
		for _, mistake := range try.mistakes {
			t.Errorf("%s: %s", name, mistake)
		}
		return
	}
}

// watch notices pauses of the whole process until stop is called.
func (t *caseTry) watch() (stop func()) {
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		const every = 50 * time.Millisecond
		for timer := time.NewTimer(every); ; timer.Reset(every) {
			start := time.Now()
			select {
			case <-timer.C:
				t.took(start, every)
			case <-over:
				timer.Stop()
				return
			}
		}
	}()
	return func() {
		close(over)
		<-ended
	}
}

// took notes how much longer than wanted something has taken that began at start.
func (t *caseTry) took(start time.Time, wanted time.Duration) {
	late := time.Since(start) - wanted
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pause = max(t.pause, late)
}

// sleep waits in the time of the test.
func (t *caseTry) sleep(d time.Duration) {
	defer t.took(time.Now(), max(d, 0))
	timer := time.NewTimer(d)
	<-timer.C
}

// Errorf notes a mistake in this case.
func (t *caseTry) Errorf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mistakes = append(t.mistakes, fmt.Sprintf(format, args...))
}

// Fatalf also ends the case.
func (t *caseTry) Fatalf(format string, args ...any) {
	t.Errorf(format, args...)
	runtime.Goexit()
}

// Failed reports whether the case has mistakes.
func (t *caseTry) Failed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.mistakes) > 0
}

// A timedQueue notices the pauses during the calls that do not block.
type timedQueue struct {
	vk.Queue
	try *caseTry
}

func (q timedQueue) Put(ctx context.Context, w vk.QueueWorker, events []vk.QueueEvent, at *vk.QueueMark) (vk.QueueAnswer, error) {
	defer q.try.took(time.Now(), 0)
	return q.Queue.Put(ctx, w, events, at)
}

func (q timedQueue) Done(ctx context.Context, w vk.QueueWorker, done []vk.QueueDone) (vk.QueueAnswer, error) {
	defer q.try.took(time.Now(), 0)
	return q.Queue.Done(ctx, w, done)
}

func (q timedQueue) Beat(ctx context.Context, w vk.QueueWorker, held []vk.QueueHeld) (vk.QueueAnswer, error) {
	defer q.try.took(time.Now(), 0)
	return q.Queue.Beat(ctx, w, held)
}

func (q timedQueue) Lead(ctx context.Context, w vk.QueueWorker, role string) (string, bool, error) {
	defer q.try.took(time.Now(), 0)
	return q.Queue.Lead(ctx, w, role)
}

func (q timedQueue) Leave(ctx context.Context, w vk.QueueWorker) error {
	defer q.try.took(time.Now(), 0)
	return q.Queue.Leave(ctx, w)
}

// A timedLimits notices the pauses during the calls that depend on time.
type timedLimits struct {
	vk.Limits
	try *caseTry
}

func (l timedLimits) Reserve(ctx context.Context, key string, rule vk.LimitRule) (string, time.Duration, error) {
	defer l.try.took(time.Now(), 0)
	return l.Limits.Reserve(ctx, key, rule)
}

func (l timedLimits) Left(ctx context.Context, key string, rule vk.LimitRule) (time.Duration, error) {
	defer l.try.took(time.Now(), 0)
	return l.Limits.Left(ctx, key, rule)
}

func (l timedLimits) Acquire(ctx context.Context, key, owner string, n int, lease time.Duration) (int, bool, error) {
	defer l.try.took(time.Now(), 0)
	return l.Limits.Acquire(ctx, key, owner, n, lease)
}
