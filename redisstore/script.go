package redisstore

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// A script is a Lua script, which the server executes atomically.
type script struct{ text, hash string }

func newScript(text string) script { return script{text, redis.NewScript(text).Hash()} }

// eval runs a script once and sends its text only if the server does not have
// it. All names that the script uses have the same Cluster slot as key.
func (s *Store) eval(ctx context.Context, sc script, key string, args ...any) *redis.Cmd {
	cmd := s.evalBy(ctx, "evalsha", sc.hash, key, args)
	if redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") { // the server was restarted: nothing has changed
		cmd = s.evalBy(ctx, "eval", sc.text, key, args)
	}
	return cmd
}

func (s *Store) evalBy(ctx context.Context, command, text, key string, args []any) *redis.Cmd {
	cmd := redis.NewCmd(ctx, append([]any{command, text, 1, key}, args...)...)
	s.client.Process(ctx, once{cmd}) // the error is cmd's, too
	return cmd
}

// once is a command that the driver must not retry, since a first attempt with
// a lost answer may have been executed.
type once struct{ *redis.Cmd }

// NoRetry implements [redis.Cmder].
func (once) NoRetry() bool { return true }

// promptly calls f, which ends at the time limit, and returns as soon as ctx
// ends. The driver alone would wait for an answer until the limit.
func (s *Store) promptly(ctx context.Context, limit time.Duration, f func(context.Context) *redis.Cmd) (*redis.Cmd, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	c, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	done := make(chan *redis.Cmd, 1)
	if !s.calls.begin() {
		cancel()
		return nil, redis.ErrClosed
	}
	go func() {
		defer s.calls.end()
		defer cancel()
		done <- f(c)
	}()
	select {
	case cmd := <-done:
		return cmd, cmd.Err()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// running counts goroutines so that Close can wait for them.
type running struct {
	mu     sync.Mutex
	closed bool
	wg     sync.WaitGroup
}

// begin counts another goroutine. After close, it returns false instead.
func (r *running) begin() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.wg.Add(1)
	}
	return !r.closed
}

func (r *running) end() { r.wg.Done() }

// close makes begin return false.
func (r *running) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
}

func (r *running) isClosed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}
