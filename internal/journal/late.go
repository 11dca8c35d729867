package journal

import (
	"context"
	"sync"

	"github.com/vkrouter/vk/internal/backoff"
)

// MaxLate limits the writes of a Late.
const MaxLate = 8192

// A Late retries failed writes until they succeed, the oldest first. It keeps
// at most MaxLate of them. The zero value is ready to use. Its methods are safe
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

// Add retries a write until it succeeds, and then calls after. If there is no
// room, it does nothing and returns false.
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

// run writes until no write is left, or ctx ends.
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

// writeFirst executes the oldest write. If there is none, left is false and the
// goroutine ends.
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

// Flush executes the remaining writes once, until the first one that fails. It
// is called at the end of a process. It returns the number of writes that were
// not executed.
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
