package memstore

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"
)

// The maximum sizes of a key and of a value, in bytes.
const (
	MaxKey   = 1 << 10
	MaxValue = 64 << 20
)

// Check checks the arguments of a store's method: ctx must not have ended, the
// key must have 1 to MaxKey bytes and the value at most MaxValue, and ttl must
// not be negative. The text of an error begins with prefix, except that of ctx,
// which is returned as it is.
func Check(ctx context.Context, prefix, key string, value []byte, ttl time.Duration) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case key == "":
		return fmt.Errorf("%s: empty key", prefix)
	case len(key) > MaxKey:
		return fmt.Errorf("%s: %.40q…: a key of %d bytes: at most %d", prefix, key, len(key), MaxKey)
	case len(value) > MaxValue:
		return fmt.Errorf("%s: %q: a value of %d bytes: at most %d", prefix, key, len(value), MaxValue)
	case ttl < 0:
		return fmt.Errorf("%s: %q: negative ttl %v", prefix, key, ttl)
	}
	return nil
}

// A Store holds values by key. The zero value is empty. It has no goroutine:
// each call of Swap removes a few expired values. Its methods are safe for
// concurrent use; their callers [Check] the arguments.
type Store struct {
	mu      sync.Mutex
	entries Entries
}

// Get returns a copy of the value, or nil if there is none or it has expired.
func (s *Store) Get(key string) []byte {
	s.mu.Lock()
	value := s.entries.Get(key, time.Now())
	s.mu.Unlock()
	return bytes.Clone(value) // a value is never changed, only replaced
}

// Swap sets the value to a copy of new and returns true if the value equals
// old; otherwise it returns false. An empty old or new means no value. The
// value expires after ttl; if ttl is zero, it does not expire.
func (s *Store) Swap(key string, old, new []byte, ttl time.Duration) bool {
	new = bytes.Clone(new)
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries.Sweep(now, SweepEach)
	if !bytes.Equal(s.entries.Get(key, now), old) {
		return false
	}
	s.entries.Put(key, new, DeadlineAfter(now, ttl))
	return true
}

// List calls yield with each key that begins with prefix, and a copy of its value,
// until yield returns false. It holds no lock meanwhile.
func (s *Store) List(prefix string, yield func(key string, value []byte) bool) {
	for i := range Parts {
		s.mu.Lock()
		found := s.entries.Find(i, prefix, time.Now())
		s.mu.Unlock()
		for _, e := range found {
			if !yield(e.Key, bytes.Clone(e.Value)) {
				return
			}
		}
	}
}
