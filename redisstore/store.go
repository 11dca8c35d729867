package redisstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/vkrouter/vk"
)

// Limits of a Store.
const (
	maxKey   = 1024     // bytes
	maxValue = 64 << 20 // bytes
)

var (
	_ vk.Store  = (*Store)(nil)
	_ vk.Lister = (*Store)(nil)
)

// A Store keeps values, the events of a Queue and the counts of Limits in
// Redis. [Open] returns one. Its methods are safe for concurrent use.
type Store struct {
	client  redis.UniversalClient
	waiter  redis.UniversalClient // for calls of Take that block
	calls   running
	turn    atomic.Int64 // the number of the last call of the Queue
	addr    string       // for errors
	prefix  string
	timeout time.Duration
	logger  *slog.Logger

	mu     sync.Mutex
	dataID string // the random number in the database, or empty if it is unknown
}

// swapScript compares and swaps: the name of the value and old, new, the ttl in
// milliseconds.
var swapScript = newScript(`
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('DEL', KEYS[1])
elseif ARGV[3] == '0' then redis.call('SET', KEYS[1], ARGV[2])
else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1`)

// Get implements vk.Store.
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	if err := check(ctx, key, nil, 0); err != nil {
		return nil, err
	}
	c, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	value, err := s.client.Get(c, s.prefix+key).Bytes()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, nil
	case err != nil:
		return nil, s.failed(ctx, "Get", err)
	case len(value) == 0:
		return nil, nil // a value of another program is no value
	}
	return value, nil
}

// Swap implements vk.Store.
func (s *Store) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if err := check(ctx, key, new, ttl); err != nil {
		return false, err
	}
	c, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if old == nil {
		old = []byte{}
	}
	if new == nil {
		new = []byte{}
	}
	n, err := s.eval(c, swapScript, s.prefix+key, old, new, milliseconds(ttl)).Int()
	if err != nil {
		return false, s.failed(ctx, "Swap", err)
	}
	return n == 1, nil
}

// milliseconds returns the ttl for the script, rounded up.
func milliseconds(ttl time.Duration) int64 {
	ms := int64(ttl / time.Millisecond)
	if ttl%time.Millisecond > 0 {
		ms++
	}
	return ms
}

// check returns an error for arguments that are invalid on any server.
func check(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case key == "":
		return errors.New("redisstore: empty key")
	case len(key) > maxKey:
		return fmt.Errorf("redisstore: %.40q…: a key of %d bytes: at most %d", key, len(key), maxKey)
	case len(value) > maxValue:
		return fmt.Errorf("redisstore: %q: a value of %d bytes: at most %d", key, len(value), maxValue)
	case ttl < 0:
		return fmt.Errorf("redisstore: %q: negative ttl %v", key, ttl)
	}
	return nil
}
