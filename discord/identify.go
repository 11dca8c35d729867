package discord

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
)

// identifySpan is the time between two identifications with the same key.
const identifySpan = 5 * time.Second

// maxKeys limits the number of keys, regardless of the value that the gateway
// sends.
const maxKeys = 1 << 12

// turns lets the shards identify one after the other: shards with numbers that are
// equal modulo max_concurrency have one key, and identifySpan between them. When the
// sessions that Discord allows in a day are used up, all wait for more.
type turns struct {
	r    *running
	keys []chan struct{} // each holds an element while a shard decides

	mu        sync.Mutex
	last      []time.Time // by key: when a shard last identified
	remaining int
	reset     time.Time // when there are more
	known     bool      // whether Discord has sent the limit
}

func newTurns(r *running, l SessionStartLimit) *turns {
	n := min(max(l.MaxConcurrency, 1), maxKeys)
	t := &turns{r: r, keys: make([]chan struct{}, n), last: make([]time.Time, n)}
	for i := range t.keys {
		t.keys[i] = make(chan struct{}, 1)
	}
	t.learn(l)
	return t
}

// learn notes how many sessions may begin.
func (t *turns) learn(l SessionStartLimit) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known = l.Total > 0
	t.remaining, t.reset = l.Remaining, time.Now().Add(time.Duration(l.ResetAfter)*time.Millisecond)
}

// wait blocks until the shard may identify, which it must do at once then.
func (t *turns) wait(ctx context.Context, sh Shard) error {
	key := sh.ID % len(t.keys)
	select {
	case t.keys[key] <- struct{}{}:
		defer func() { <-t.keys[key] }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err := t.waitDay(ctx); err != nil {
		return err
	}
	t.mu.Lock()
	last := t.last[key]
	t.mu.Unlock()
	if !last.IsZero() {
		if err := backoff.Sleep(ctx, time.Until(last.Add(identifySpan))); err != nil {
			return err
		}
	}
	if t.r.Turn != nil {
		if err := contain(func() error { return t.r.Turn(ctx, sh) }); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return &turnError{err}
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last[key] = time.Now()
	t.remaining--
	return nil
}

// waitDay blocks until Discord allows a new session.
func (t *turns) waitDay(ctx context.Context) error {
	for {
		t.mu.Lock()
		used := t.known && t.remaining <= 0
		pause := time.Until(t.reset)
		t.mu.Unlock()
		if !used {
			return nil
		}
		t.r.log.LogAttrs(ctx, slog.LevelWarn, "discord: all sessions of the day are used up: waiting for more", slog.Duration("after", pause))
		if err := backoff.Sleep(ctx, max(pause, identifySpan)); err != nil {
			return err
		}
		bot, err := t.r.limits(ctx)
		if err != nil {
			return err
		}
		t.learn(bot.Limit)
	}
}

// A turnError is the error of Gateway.Turn, which ends Run.
type turnError struct{ err error }

func (e *turnError) Error() string { return "discord: Gateway.Turn: " + e.err.Error() }
func (e *turnError) Unwrap() error { return e.err }
