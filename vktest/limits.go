package vktest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/vkrouter/vk"
)

// Limits is a [vk.Limits] in memory, for tests: several Clients, or several Dispatchers,
// with the same Limits count together. The zero value is empty. In a bubble of
// [testing/synctest], its time is the bubble's.
type Limits struct {
	mu    sync.Mutex
	keys  map[string]*limit
	swept time.Time
}

var _ vk.Limits = (*Limits)(nil)

// sweepLimits is the time between two removals of expired entries.
const sweepLimits = 30 * time.Second

// A limit is the state of Limits for one key.
type limit struct {
	sliding []limitUse // in the order of time
	rest    limitRest
	holders map[string]time.Time // the ends of their leases
}

// A limitUse is a use under a rule without Rest.
type limitUse struct {
	token string
	at    time.Time
	per   time.Duration
}

// A limitRest is the window of a rule with Rest.
type limitRest struct {
	tokens []string
	opened time.Time // the first use
	start  time.Time // the first use, or the last allowed one
	full   bool      // a rest has begun
	per    time.Duration
}

// Reserve implements [vk.Limits].
func (s *Limits) Reserve(ctx context.Context, key string, rule vk.LimitRule) (token string, wait time.Duration, err error) {
	if err := checkLimit(ctx, key, rule); err != nil {
		return "", 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	l := s.key(key, now)
	if wait := l.left(now, rule); wait > 0 {
		return "", wait, nil
	}
	token = rand.Text()
	if !rule.Rest {
		l.sliding = append(l.sliding, limitUse{token, now, rule.Per})
		return token, 0, nil
	}
	r := &l.rest
	if r.over(now, rule.Per) {
		*r = limitRest{opened: now, start: now}
	}
	r.per = rule.Per
	r.tokens = append(r.tokens, token)
	if len(r.tokens) >= rule.Rate {
		r.start, r.full = now, true
	}
	return token, 0, nil
}

// key returns the limit of a key, and adds it if there is none. Now and then it
// removes the expired limits.
func (s *Limits) key(key string, now time.Time) *limit {
	if now.Sub(s.swept) >= sweepLimits {
		s.swept = now
		for key, l := range s.keys {
			if l.expired(now) {
				delete(s.keys, key)
			}
		}
	}
	l := s.keys[key]
	if l == nil {
		l = &limit{holders: make(map[string]time.Time)}
		if s.keys == nil {
			s.keys = make(map[string]*limit)
		}
		s.keys[key] = l
	}
	return l
}

// expired removes expired entries, and reports whether none are left.
func (l *limit) expired(now time.Time) bool {
	l.sliding = slices.DeleteFunc(l.sliding, func(u limitUse) bool { return now.Sub(u.at) >= u.per })
	for owner, end := range l.holders {
		if !end.After(now) {
			delete(l.holders, owner)
		}
	}
	return len(l.sliding) == 0 && len(l.holders) == 0 && l.rest.over(now, l.rest.per)
}

// over reports whether the window has ended.
func (r *limitRest) over(now time.Time, per time.Duration) bool {
	return len(r.tokens) == 0 || now.Sub(r.start) >= per
}

// left returns the time after which a use may be free.
func (l *limit) left(now time.Time, rule vk.LimitRule) time.Duration {
	if rule.Rest {
		if r := &l.rest; !r.over(now, rule.Per) && len(r.tokens) >= rule.Rate {
			return rule.Per - now.Sub(r.start)
		}
		return 0
	}
	l.sliding = slices.DeleteFunc(l.sliding, func(u limitUse) bool { return now.Sub(u.at) >= u.per })
	if n := len(l.sliding); n >= rule.Rate {
		return max(0, rule.Per-now.Sub(l.sliding[n-rule.Rate].at))
	}
	return 0
}

// Left implements [vk.Limits].
func (s *Limits) Left(ctx context.Context, key string, rule vk.LimitRule) (wait time.Duration, err error) {
	if err := checkLimit(ctx, key, rule); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	return s.key(key, now).left(now, rule), nil
}

// Cancel implements [vk.Limits].
func (s *Limits) Cancel(ctx context.Context, key, token string) error {
	if err := checkLimitKey(ctx, key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.key(key, time.Now())
	l.sliding = slices.DeleteFunc(l.sliding, func(u limitUse) bool { return u.token == token })
	r := &l.rest
	i := slices.Index(r.tokens, token)
	if i < 0 || r.over(time.Now(), r.per) {
		return nil
	}
	r.tokens = slices.Delete(r.tokens, i, i+1)
	if r.full {
		r.start, r.full = r.opened, false
	}
	return nil
}

// Reset implements [vk.Limits].
func (s *Limits) Reset(ctx context.Context, key string) error {
	if err := checkLimitKey(ctx, key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.key(key, time.Now())
	l.sliding, l.rest = nil, limitRest{}
	return nil
}

// Acquire implements [vk.Limits].
func (s *Limits) Acquire(ctx context.Context, key, owner string, n int, lease time.Duration) (holders int, ok bool, err error) {
	if err := checkLimitKey(ctx, key); err != nil {
		return 0, false, err
	}
	if owner == "" || n < 0 || lease <= 0 {
		return 0, false, fmt.Errorf("vktest: Limits: owner %q, n %d, lease %v: want an owner, n of at least 0 and a positive lease", owner, n, lease)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	l := s.key(key, now)
	l.expired(now)
	_, ok = l.holders[owner]
	if ok = ok || n == 0 || len(l.holders) < n; ok {
		l.holders[owner] = now.Add(lease)
	}
	return len(l.holders), ok, nil
}

// Release implements [vk.Limits].
func (s *Limits) Release(ctx context.Context, key, owner string) error {
	if err := checkLimitKey(ctx, key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.key(key, time.Now()).holders, owner)
	return nil
}

// checkLimit returns an error for invalid arguments.
func checkLimit(ctx context.Context, key string, rule vk.LimitRule) error {
	if rule.Rate <= 0 || rule.Per <= 0 {
		return fmt.Errorf("vktest: Limits: LimitRule of %d per %v: both must be positive", rule.Rate, rule.Per)
	}
	return checkLimitKey(ctx, key)
}

func checkLimitKey(ctx context.Context, key string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if key == "" || len(key) > 1024 || !utf8.ValidString(key) {
		return fmt.Errorf("vktest: Limits: %.40q: a key must be UTF-8 text of 1 to 1,024 bytes", key)
	}
	return nil
}

// errQueueWorker is the error for a worker without an ID.
var errQueueWorker = errors.New("vktest: Queue: QueueWorker without an ID: give each start of a process a random one")

// checkQueueEvents returns an error for events that a Queue must refuse.
func checkQueueEvents(events []vk.QueueEvent) error {
	for _, e := range events {
		if e.Lane == "" || len(e.Lane) > 100 {
			return fmt.Errorf("vktest: Queue: Lane %.40q of %d bytes: want 1 to 100", e.Lane, len(e.Lane))
		}
	}
	return nil
}
