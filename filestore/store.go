package filestore

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/vkrouter/vk/internal/framelog"
	"github.com/vkrouter/vk/internal/memstore"
)

// A Store keeps values by key in a file, for one process at a time. [Open]
// returns one. A value has at most 64 MiB. Values expire by the computer's clock.
//
// Its methods are safe for concurrent use.
type Store struct {
	path  string
	files files
	lock  io.Closer

	// disk is held while the file is written. mu is held only briefly, and may be
	// locked while disk is held, but not the other way round.
	disk       sync.Mutex
	file       diskFile    // nil if it could not be opened after a compaction
	info       fs.FileInfo // identifies file; nil if there is none yet
	log        *framelog.Log
	frame      []byte
	doubt      error       // why the contents of the file are unknown, or nil
	attempts   pause       // between attempts to write a new file
	compacting *compaction // in progress, or nil
	replaced   *oldFile    // by the last compaction; nil if its space is free
	failure    failure     // of the last compaction
	saved      string      // the file with the values, saved because another program changed the file
	saving     error       // why there is no such file
	noticed    bool        // that change has been logged

	// settling is locked from the moment when a new file replaces the old one until
	// the directory is synced. Changes in the new file are safe after that.
	settling  sync.Mutex
	unsettled error // of the sync

	// compactions is locked for reading while the goroutine of a compaction runs.
	compactions sync.RWMutex

	mu      sync.Mutex
	entries memstore.Entries  // the contents of the file; changed with disk held, too
	pending map[string]change // the last change of each key that is not yet on the disk
	next    *batch            // the batch that takes changes, or nil
	closed  bool
}

// A change is a new value that a Swap has decided on.
type change struct {
	key      string
	value    []byte // empty to delete
	deadline memstore.Deadline
	batch    *batch
}

// A batch is a group of changes that are written together.
type batch struct {
	changes []change
	size    int // an upper bound of the bytes to write

	led  bool          // a Swap writes it, or waits for its turn to; guarded by the Store's mu
	over chan struct{} // closed when the batch is written or has failed; err does not change any more

	// Guarded by the Store's disk.
	done bool
	err  error
}

const maxBatch = 64 << 20 // further changes wait while a batch has this size

func (s *Store) failed(err error) error { return failed(s.path, err) }

// Get returns the value, or nil if there is none or it has expired. A change that
// is being written is not visible yet.
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	if err := memstore.Check(ctx, errPrefix, key, nil, 0); err != nil {
		return nil, err
	}
	s.mu.Lock()
	closed, value := s.closed, s.entries.Get(key, time.Now())
	s.mu.Unlock()
	if closed {
		return nil, s.failed(os.ErrClosed)
	}
	return bytes.Clone(value), nil // a value is never changed, only replaced
}

// Swap sets the value to new and returns true if the value equals old;
// otherwise it changes nothing and returns false. An empty old means that there
// must be no value. An empty new deletes the value. The value expires after
// ttl; if ttl is zero, it does not expire.
//
// Swap returns when the change is safe on the disk, even if ctx ends before
// that. If the change cannot be written, for example because the disk is full,
// Swap returns the error and the value is unchanged. Changes that share the
// write fail with it. Later ones succeed as soon as the cause has gone. The
// error is a [*ChangedError] if another program has deleted, replaced or
// changed the file.
func (s *Store) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if err := memstore.Check(ctx, errPrefix, key, new, ttl); err != nil {
		return false, err
	}
	new = bytes.Clone(new)
	for {
		b, swapped, again, err := s.decide(key, old, new, ttl)
		if err != nil || b == nil {
			return swapped, err
		}
		// The result depends on a change in b. It is final once b is on the disk.
		if err := s.commit(b); err != nil {
			return false, err
		}
		if !again {
			return swapped, nil
		}
	}
}

// decide decides whether the change is made. The result is final once the
// batch, if there is one, is on the disk. If again is true, the caller must
// call decide again after that.
func (s *Store) decide(key string, old, new []byte, ttl time.Duration) (b *batch, swapped, again bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, false, false, s.failed(os.ErrClosed)
	}
	now := time.Now()
	value := s.entries.Get(key, now)
	last, ok := s.pending[key]
	if ok {
		value = last.value
		if last.deadline.Passed(now) {
			value = nil
		}
	}
	switch {
	case !bytes.Equal(value, old):
		return last.batch, false, false, nil
	case len(old)+len(new) == 0:
		return last.batch, true, false, nil
	case s.next != nil && s.next.size+len(new) > maxBatch:
		return s.next, false, true, nil
	}
	if s.next == nil {
		s.next = &batch{over: make(chan struct{})}
	}
	if s.pending == nil {
		s.pending = make(map[string]change)
	}
	c := change{key, new, memstore.DeadlineAfter(now, ttl), s.next}
	s.pending[key] = c
	s.next.changes = append(s.next.changes, c)
	s.next.size += len(key) + len(new) + 2*memstore.EntryWeight
	return s.next, true, false, nil
}

// commit returns when the batch is on the disk. The first caller writes the
// batch for all callers. The others do not lock disk, since that would block
// the next batch.
func (s *Store) commit(b *batch) error {
	s.mu.Lock()
	first := !b.led
	b.led = true
	s.mu.Unlock()
	if first {
		s.lead(b)
	}
	<-b.over
	return b.err
}

// lead writes a batch, unless Close has written it.
func (s *Store) lead(b *batch) {
	runtime.Gosched() // callers woken by the end of the last batch have changes, too
	s.disk.Lock()
	defer s.disk.Unlock()
	if !b.done {
		// Batches are written one after another, and this is the next one.
		s.write(b)
	}
}

// List calls yield with each key that begins with prefix, and its value, in no order,
// until yield returns false. It implements vk.Lister. A change that is being written is
// not visible yet.
func (s *Store) List(ctx context.Context, prefix string, yield func(key string, value []byte) bool) error {
	for part := range memstore.Parts {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		s.mu.Lock()
		closed, found := s.closed, s.entries.Find(part, prefix, time.Now())
		s.mu.Unlock()
		if closed {
			return s.failed(os.ErrClosed)
		}
		for _, e := range found {
			if !yield(e.Key, bytes.Clone(e.Value)) {
				return nil
			}
		}
	}
	return nil
}

// Exclusive returns true: the file belongs to one process at a time. It tells a
// vk.Dispatcher that no other process uses the Store.
func (s *Store) Exclusive() bool { return true }

// Close writes the pending changes and closes the file. It stops a compaction;
// the next [Open] starts it again. After Close, Get and Swap return an error
// that matches [os.ErrClosed]. A second Close does nothing.
//
// If another program has deleted, replaced or changed the file, Close saves the
// values beside it and returns a [*ChangedError].
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()

	err := s.closeFile()
	s.compactions.Lock() // waits for the goroutine, which has nothing left to do
	defer s.compactions.Unlock()
	if err := errors.Join(err, s.lock.Close()); err != nil {
		return s.failed(err)
	}
	return nil
}

func (s *Store) closeFile() error {
	s.disk.Lock()
	defer s.disk.Unlock()
	s.mu.Lock()
	b := s.next
	s.mu.Unlock()
	if b != nil {
		s.write(b)
	}
	s.stopCompaction()
	err := s.check(s.size())
	if s.file != nil {
		err = errors.Join(err, s.file.Close())
	}
	return err
}
