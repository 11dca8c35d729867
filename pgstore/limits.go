package pgstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/vkrouter/vk"
)

var _ vk.Limits = (*Store)(nil)

// tidyEach is the time between two removals of expired data.
const tidyEach = 30 * time.Second

// tidy removes expired data from time to time. If that fails, a later call
// removes them.
func (s *Store) tidy(ctx context.Context) {
	now := time.Now().UnixNano()
	last := s.swept.Load()
	if time.Duration(now-last) < tidyEach || !s.swept.CompareAndSwap(last, now) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	s.pool.Exec(ctx, s.queue.sweep)
}

// Reserve implements vk.Limits.
func (s *Store) Reserve(ctx context.Context, key string, rule vk.LimitRule) (token string, wait time.Duration, err error) {
	token = rand.Text()[:16]
	if wait, err = s.reserve(ctx, "Reserve", key, rule, token); err != nil || wait > 0 {
		return "", wait, err
	}
	s.tidy(ctx)
	return token, 0, nil
}

// Left implements vk.Limits.
func (s *Store) Left(ctx context.Context, key string, rule vk.LimitRule) (wait time.Duration, err error) {
	return s.reserve(ctx, "Left", key, rule, "")
}

// reserve takes a use if the token is not empty, or returns the time to wait.
func (s *Store) reserve(ctx context.Context, op, key string, rule vk.LimitRule, token string) (wait time.Duration, err error) {
	if rule.Rate <= 0 || rule.Per <= 0 {
		return 0, fmt.Errorf("pgstore: %s: LimitRule of %d per %v: both must be positive", op, rule.Rate, rule.Per)
	}
	var us int64
	err = s.limit(ctx, op, key, func(ctx context.Context) error {
		return s.pool.QueryRow(ctx, s.queue.reserve, key, rule.Rate, microseconds(rule.Per), rule.Rest, token).Scan(&us)
	})
	return min(time.Duration(us)*time.Microsecond, rule.Per), err
}

// Cancel implements vk.Limits.
func (s *Store) Cancel(ctx context.Context, key, token string) error {
	if !isText(token) {
		token = ""
	}
	return s.limitExec(ctx, "Cancel", s.queue.cancel, key, token)
}

// Reset implements vk.Limits.
func (s *Store) Reset(ctx context.Context, key string) error {
	return s.limitExec(ctx, "Reset", s.queue.reset, key)
}

// Acquire implements vk.Limits.
func (s *Store) Acquire(ctx context.Context, key, owner string, n int, lease time.Duration) (holders int, ok bool, err error) {
	if owner == "" || !isText(owner) || n < 0 || lease <= 0 {
		return 0, false, fmt.Errorf("pgstore: Acquire: owner %q, n %d, lease %v: want an owner, n of at least 0 and a positive lease", owner, n, lease)
	}
	err = s.limit(ctx, "Acquire", key, func(ctx context.Context) error {
		return s.pool.QueryRow(ctx, s.queue.acquire, key, owner, n, microseconds(lease)).Scan(&holders, &ok)
	})
	if err != nil {
		return 0, false, err
	}
	s.tidy(ctx)
	return holders, ok, nil
}

// Release implements vk.Limits.
func (s *Store) Release(ctx context.Context, key, owner string) error {
	if !isText(owner) {
		owner = ""
	}
	return s.limitExec(ctx, "Release", s.queue.release, key, owner)
}

// limit makes a call of the Limits.
func (s *Store) limit(ctx context.Context, op, key string, f func(context.Context) error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case key == "":
		return errors.New("pgstore: " + op + ": empty key")
	case len(key) > maxKey:
		return fmt.Errorf("pgstore: %s: %.40q…: a key of %d bytes: at most %d", op, key, len(key), maxKey)
	case !isText(key):
		return fmt.Errorf("pgstore: %s: %q: a key must be UTF-8 text without zero bytes", op, key)
	}
	return s.call(ctx, op, f)
}

// limitExec executes a statement that returns nothing.
func (s *Store) limitExec(ctx context.Context, op, sql, key string, args ...any) error {
	return s.limit(ctx, op, key, func(ctx context.Context) error {
		_, err := s.pool.Exec(ctx, sql, append([]any{key}, args...)...)
		return err
	})
}
