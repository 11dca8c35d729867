package journal

import (
	"context"
	"sync"

	"github.com/vkrouter/vk/internal/backoff"
)

// MaxLate limits the writes of a Late.
const MaxLate = 8192

// A Late repeats writes that have failed until they succeed, the oldest first. It
// remembers at most MaxLate of them. The zero value is ready for use. Its methods are safe
// for concurrent use. It has a goroutine only while there are such writes.
type Late struct {
	mu     sync.Mutex
	writes []lateWrite
	cancel context.CancelFunc // of the goroutine; nil if there is none
	ended  chan struct{}      // closed when the goroutine ends

	flushing sync.Mutex // held by Flush
}

type lateWrite struct {
	write func(ctx context.Context) error
	after []func(ctx context.Context)
}

// Add repeats a write until it succeeds, and calls after then. It reports false, and
// does nothing, if there is no room.
func (l *Late) Add(ctx context.Context, write func(ctx context.Context) error, after ...func(ctx context.Context)) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.writes) >= MaxLate {
		return false
	}
	l.writes = append(l.writes, lateWrite{write, after})
	if l.cancel == nil {
		base, cancel := context.WithCancel(context.WithoutCancel(ctx))
		ended := make(chan struct{})
		l.cancel, l.ended = cancel, ended
		go func() {
			defer close(ended)
			defer cancel()
			l.run(base)
		}()
	}
	return true
}

// run writes until nothing is left, or ctx ends.
func (l *Late) run(ctx context.Context) {
	for try := 1; backoff.Sleep(ctx, retryPause.Delay(try)) == nil; try++ {
		left, err := l.writeFirst(ctx)
		if !left {
			return
		}
		if err == nil {
			try = -1 // the store works: no pause
		}
	}
}

// writeFirst does the oldest write. left is false if there is none: then the goroutine
// ends.
func (l *Late) writeFirst(ctx context.Context) (left bool, err error) {
	l.mu.Lock()
	if len(l.writes) == 0 {
		l.writes, l.cancel = nil, nil
		l.mu.Unlock()
		return false, nil
	}
	first := l.writes[0]
	l.mu.Unlock()
	if err := first.write(ctx); err != nil {
		return true, err
	}
	l.mu.Lock()
	l.writes[0] = lateWrite{}
	l.writes = l.writes[1:]
	l.mu.Unlock()
	for _, f := range first.after {
		f(ctx)
	}
	return true, nil
}

// Flush does what is left now, until the first write that fails: it is called at the end
// of a process. It returns the number of writes that were not done.
func (l *Late) Flush(ctx context.Context) (left int) {
	l.flushing.Lock()
	defer l.flushing.Unlock()
	l.mu.Lock()
	cancel, ended := l.cancel, l.ended
	l.mu.Unlock()
	if cancel != nil {
		cancel()
		<-ended
	}
	for {
		if left, err := l.writeFirst(ctx); !left || err != nil {
			break
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cancel = nil
	return len(l.writes)
}
