package vk

import (
	"context"
	"fmt"
	"time"

	"github.com/vkrouter/vk/internal/memstore"
	"github.com/vkrouter/vk/internal/record"
)

// A Store keeps small values by key, each until it expires: sessions, and the
// state that a bot needs to lose no event over a restart. A [MemoryStore] is
// lost when the process ends; package filestore keeps values in a file. For a
// database that several processes share, write your own Store:
//
//	// Swap in Redis, with the key and old, new, ttl in milliseconds.
//	if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
//	if ARGV[2] == '' then redis.call('DEL', KEYS[1])
//	elseif ARGV[3] == '0' then redis.call('SET', KEYS[1], ARGV[2])
//	else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
//	return 1
//
// vktest.TestStore tests a Store.
//
// A value has at least one byte: an empty slice, nil or not, means that there
// is no value. Keys are UTF-8 text of 1 to 1,024 bytes without zero bytes. Most
// values of this package are below a kilobyte, but a batch of events may have
// several megabytes. The methods must be safe for concurrent use and must not
// keep the slices passed to them. The caller may change the slices that they
// return.
//
// A Store may also have a method Exclusive() bool, which reports whether only
// this process uses the Store; the result must not change. Without it, the
// Store is treated as shared by several processes. In a shared Store, a
// [Dispatcher] renews its ownership of a community's journal every 5 seconds,
// and after a crash the next process waits for up to 15 seconds; see
// [ErrJournalTaken]. A Store may also be a [Lister]. A struct that embeds the
// interface Store does not get these methods from the value in it.
type Store interface {
	// Get returns the value, or nil if there is none or it has expired.
	Get(ctx context.Context, key string) ([]byte, error)

	// Swap sets the value to new and returns true if the value equals old;
	// otherwise it changes nothing and returns false. Swap is atomic: if several
	// callers, in any process, swap the same old value for different new ones,
	// one of them succeeds. An empty old means that there must be no value. An
	// empty new deletes the value.
	//
	// The value expires after ttl. Each successful Swap sets the ttl again,
	// even if the value stays the same. If ttl is zero, the value does not
	// expire; a negative ttl is an error. A value may expire up to a second
	// late.
	//
	// A Store whose driver retries a Swap after a lost response must not return
	// false for a change that it has made itself: if it cannot tell, it returns
	// an error. Sessions recognize their own change if no other has followed.
	//
	// A change survives the end of the process, unless the Store documents
	// otherwise. If Swap returns an error, the value may or may not have
	// changed.
	Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (swapped bool, err error)
}

// A Lister is a [Store] that can list its values. Being a Lister is optional,
// but [Timers] and [Session.All] need one. With a Lister, the start of a bot
// with a long history takes one call instead of many.
type Lister interface {
	// List calls yield with each key that begins with prefix, and its value,
	// until yield returns false. The order is unspecified, and a key may be
	// listed more than once. A value that exists during the whole call is
	// listed. A value that changes during the call may be listed, in its old or
	// new form. An expired value is not listed. The Store must not keep the
	// slices, and yield may use the Store.
	List(ctx context.Context, prefix string, yield func(key string, value []byte) bool) error
}

// listStore lists the values of a Store for the method named by place.
func listStore(ctx context.Context, s Store, place, prefix string, yield func(key string, value []byte) bool) error {
	l, ok := s.(Lister)
	if !ok {
		return errNoLister(place)
	}
	return l.List(ctx, prefix, yield)
}

// errNoLister returns the error of a method that needs a Lister.
func errNoLister(place string) error {
	return &ConfigError{
		Place: place, Field: "Store", Text: "the Store cannot list its keys",
		Mend: "use one that is a vk.Lister, such as a MemoryStore or a filestore.Store",
	}
}

// guard returns s as a Store that returns panics, and the end of the goroutine,
// as errors.
func guard(s Store) Store {
	switch s.(type) {
	case nil, *MemoryStore:
		return s
	}
	if l, ok := s.(Lister); ok {
		return guardedLister{guardedStore{s}, l}
	}
	return guardedStore{s}
}

// A guardedLister is a guardedStore that can list.
type guardedLister struct {
	guardedStore
	lister Lister
}

func (s guardedLister) List(ctx context.Context, prefix string, yield func(key string, value []byte) bool) (err error) {
	failed := apart(func() error {
		err = s.lister.List(ctx, prefix, yield)
		return nil
	})
	if failed != nil {
		return fmt.Errorf("vk: Store.List: %w", failed)
	}
	return err
}

type guardedStore struct{ Store }

func (s guardedStore) Get(ctx context.Context, key string) (value []byte, err error) {
	failed := apart(func() error {
		value, err = s.Store.Get(ctx, key)
		return nil
	})
	if failed != nil {
		return nil, fmt.Errorf("vk: Store.Get: %w", failed)
	}
	return value, err
}

func (s guardedStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (swapped bool, err error) {
	failed := apart(func() error {
		swapped, err = s.Store.Swap(ctx, key, old, new, ttl)
		return nil
	})
	if failed != nil {
		return false, fmt.Errorf("vk: Store.Swap: %w", failed)
	}
	return swapped, err
}

// Exclusive returns the result of the Store's Exclusive method, or false if it
// has none.
func (s guardedStore) Exclusive() (exclusive bool) {
	apart(func() error {
		e, ok := s.Store.(interface{ Exclusive() bool })
		exclusive = ok && e.Exclusive()
		return nil
	})
	return exclusive
}

// storeErrors is the prefix of a MemoryStore's error texts.
const storeErrors = "vk: store"

// A MemoryStore is a Store that keeps its values in memory, until the process
// ends. The zero value is ready for use. It has no goroutine: each call of Swap
// removes a few expired values. A value has at most 64 MiB.
type MemoryStore struct {
	values memstore.Store
}

// Get implements [Store].
func (s *MemoryStore) Get(ctx context.Context, key string) ([]byte, error) {
	if err := memstore.Check(ctx, storeErrors, key, nil, 0); err != nil {
		return nil, err
	}
	return s.values.Get(key), nil
}

// Swap implements [Store].
func (s *MemoryStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if err := memstore.Check(ctx, storeErrors, key, new, ttl); err != nil {
		return false, err
	}
	return s.values.Swap(key, old, new, ttl), nil
}

// List implements [Lister].
func (s *MemoryStore) List(ctx context.Context, prefix string, yield func(key string, value []byte) bool) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s.values.List(prefix, yield)
	return nil
}

// Exclusive returns true: no other process can use the values.
func (s *MemoryStore) Exclusive() bool { return true }

// short returns a name, or a substitute for a name that is too long for a key
// of a Store, or is not text. No valid name equals a substitute.
func short(name string) string { return record.Short(name) }
