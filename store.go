package vk

import (
	"bytes"
	"container/heap"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// A Store keeps small values by key, for as long as they are wanted: sessions,
// and what a bot needs to lose no event over a restart. [MemoryStore] and
// [FileStore] are two; a database that several processes share makes a third:
//
//	// Swap in Redis, with the key and old, new, ttl in milliseconds.
//	if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
//	if ARGV[2] == '' then redis.call('DEL', KEYS[1])
//	elseif ARGV[3] == '0' then redis.call('SET', KEYS[1], ARGV[2])
//	else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
//	return 1
//
// vktest.TestStore tests one.
//
// A value has at least one byte: an empty one, nil or not, stands for none.
// Keys are text in UTF-8 of 1 to 1,024 bytes without zeros. Of this package's
// own values most are below a kilobyte, but one record may reach some megabytes.
// The methods must be safe for concurrent use. They must not keep the slices
// that they are given, and whoever is given a slice may change it.
type Store interface {
	// Get returns the value, or nil if there is none or it has expired.
	Get(ctx context.Context, key string) ([]byte, error)

	// Swap makes new the value, if the value is old; else it changes nothing
	// and returns false. This is one step: of several that swap the same old
	// value for different new ones, one succeeds, wherever they run. Without
	// old there must be no value; without new the value is deleted.
	//
	// The value expires after ttl, which counts anew with each Swap that
	// succeeds, also one that leaves the value as it is. A zero ttl keeps it for
	// good, a negative one is an error. A Store may be late by a second.
	//
	// What Swap has done outlives the process, unless the Store says
	// otherwise. An error leaves open whether the value was changed.
	Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (swapped bool, err error)
}

// The bounds of the Stores of this package.
const (
	maxStoreKey   = 1 << 10
	maxStoreValue = 64 << 20
)

// checkStore returns what is wrong with the arguments of a Store's method.
func checkStore(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case key == "":
		return fmt.Errorf("vk: store: empty key")
	case len(key) > maxStoreKey:
		return fmt.Errorf("vk: store: %.40q…: a key of %d bytes: at most %d", key, len(key), maxStoreKey)
	case len(value) > maxStoreValue:
		return fmt.Errorf("vk: store: %q: a value of %d bytes: at most %d", key, len(value), maxStoreValue)
	case ttl < 0:
		return fmt.Errorf("vk: store: %q: negative ttl %v", key, ttl)
	}
	return nil
}

// A MemoryStore is a Store that ends with the process. The zero value is ready
// for use. It has no goroutine: values that have expired are removed a few at a
// time by the calls of Swap. Values have at most 64 MiB.
type MemoryStore struct {
	mu      sync.Mutex
	entries storeEntries
}

// Get implements [Store].
func (s *MemoryStore) Get(ctx context.Context, key string) ([]byte, error) {
	if err := checkStore(ctx, key, nil, 0); err != nil {
		return nil, err
	}
	s.mu.Lock()
	value := s.entries.get(key, time.Now())
	s.mu.Unlock()
	return bytes.Clone(value), nil // a value is never changed, only replaced
}

// Swap implements [Store].
func (s *MemoryStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if err := checkStore(ctx, key, new, ttl); err != nil {
		return false, err
	}
	new = bytes.Clone(new)
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries.sweep(now, sweepEach)
	if !bytes.Equal(s.entries.get(key, now), old) {
		return false, nil
	}
	s.entries.put(key, new, expiry(now, ttl))
	return true, nil
}

// sweepEach is how many expired values a change removes: more than one, so that
// they become fewer, and not many, so that nobody waits.
const sweepEach = 8

// expiry returns when a value expires, in nanoseconds since 1970; 0 is never.
func expiry(now time.Time, ttl time.Duration) int64 {
	switch t := now.UnixNano(); {
	case ttl == 0:
		return 0
	case int64(ttl) > math.MaxInt64-t:
		return math.MaxInt64
	default:
		return t + int64(ttl)
	}
}

// storeEntries are values by key, and in the order of their expiry. The zero
// value is empty.
type storeEntries struct {
	byKey  map[string]*storeEntry
	queue  expiryQueue // those that expire
	peak   int         // how large byKey has been: maps do not shrink
	weight int64       // of all entries together
}

type storeEntry struct {
	key     string
	value   []byte
	expires int64 // as by expiry
	at      int   // index in the queue, if it expires
}

// entryWeight is what an entry comes to beside key and value. It is about what
// a record in a file has, and less than what it takes in memory.
const entryWeight = 16

func (e *storeEntry) weight() int64 { return int64(len(e.key) + len(e.value) + entryWeight) }

func (e *storeEntry) expired(now time.Time) bool {
	return e.expires != 0 && e.expires <= now.UnixNano()
}

// get returns the value, which must not be changed.
func (s *storeEntries) get(key string, now time.Time) []byte {
	e := s.byKey[key]
	if e == nil || e.expired(now) {
		return nil
	}
	return e.value
}

// put sets a value, which it keeps, or deletes it if there is none.
func (s *storeEntries) put(key string, value []byte, expires int64) {
	if old := s.byKey[key]; old != nil {
		s.remove(old)
	}
	if len(value) == 0 {
		s.shrink()
		return
	}
	e := &storeEntry{key: key, value: value, expires: expires}
	if s.byKey == nil {
		s.byKey = make(map[string]*storeEntry)
	}
	s.byKey[key] = e
	s.peak = max(s.peak, len(s.byKey))
	s.weight += e.weight()
	if expires != 0 {
		heap.Push(&s.queue, e)
	}
}

// sweep removes entries that have expired, at most so many.
func (s *storeEntries) sweep(now time.Time, most int) {
	for range most {
		if len(s.queue) == 0 || !s.queue[0].expired(now) {
			return
		}
		s.remove(s.queue[0])
		s.shrink()
	}
}

func (s *storeEntries) remove(e *storeEntry) {
	delete(s.byKey, e.key)
	s.weight -= e.weight()
	if e.expires != 0 {
		heap.Remove(&s.queue, e.at)
	}
}

// shrink gives memory back when most of it is not used any more.
func (s *storeEntries) shrink() {
	if s.peak < 1024 || len(s.byKey) > s.peak/4 {
		return
	}
	less := make(map[string]*storeEntry, len(s.byKey))
	for key, e := range s.byKey {
		less[key] = e
	}
	s.byKey, s.peak = less, len(less)
	s.queue = append(make(expiryQueue, 0, len(s.queue)), s.queue...)
}

// An expiryQueue is a heap whose first element expires first.
type expiryQueue []*storeEntry

func (q expiryQueue) Len() int { return len(q) }

func (q expiryQueue) Less(i, j int) bool { return q[i].expires < q[j].expires }

func (q expiryQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].at, q[j].at = i, j
}

func (q *expiryQueue) Push(x any) {
	e := x.(*storeEntry)
	e.at = len(*q)
	*q = append(*q, e)
}

func (q *expiryQueue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return e
}

// short returns a name, or what stands for one that no key of a Store has room
// for, or that is not text. No name is what stands for another.
func short(name string) string {
	const mark = "sha256:"
	if len(name) <= 100 && utf8.ValidString(name) && !strings.Contains(name, "\x00") && !strings.HasPrefix(name, mark) {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return mark + hex.EncodeToString(sum[:])
}
