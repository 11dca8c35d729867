package filestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
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
	path string
	open func(name string, flag int) (diskFile, error)
	lock io.Closer

	// disk is held while the file is written. mu is held for moments only, and
	// may be locked while disk is held, not the other way round.
	disk      sync.Mutex
	file      diskFile
	log       *framelog.Log
	compactAt int64 // the size at which a failed compaction is tried again

	mu      sync.Mutex
	entries memstore.Entries  // the contents of the file; changed with disk held, too
	pending map[string]change // the last change of each key that is not yet on the disk
	next    *batch            // the batch that takes changes, or nil
	err     error             // why no more changes are possible
	closed  bool
}

// A diskFile is the part of an [os.File] that a Store needs.
type diskFile interface {
	io.ReaderAt
	io.WriterAt
	Truncate(size int64) error
	Sync() error
	Close() error
}

// A change is a new value that a Swap has decided on.
type change struct {
	key      string
	value    []byte // empty to delete
	deadline memstore.Deadline
	batch    *batch
}

// A batch is the changes that are written together.
type batch struct {
	changes []change
	size    int // an upper bound of the bytes to write

	// Guarded by the Store's disk.
	done bool
	err  error
}

const (
	maxBatch   = 64 << 20 // further changes wait while a batch has this size
	minCompact = 1 << 20  // a smaller file is not compacted
	errPrefix  = "filestore"
)

func (s *Store) failed(err error) error { return fmt.Errorf("%s: %s: %w", errPrefix, s.path, err) }

// lost returns the error of all further changes, once the contents of the file
// are unknown.
func (s *Store) lost(err error) error {
	return fmt.Errorf("%w (no more changes until the store is opened again)", s.failed(err))
}

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

// Swap sets the value to new and returns true if the value equals old; otherwise
// it changes nothing and returns false. An empty old means that there must be no
// value. An empty new deletes the value. The value expires after ttl; if ttl is
// zero, it does not expire.
//
// Swap returns when the change is safe on the disk, even if ctx ends before
// that. If the change cannot be written, for instance because the disk is full,
// Swap returns the error and the value is as before. Changes that share the write
// fail with it; later ones may succeed. If the contents of the file are unknown
// after an error, all further changes fail until the Store is opened again.
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
		// The answer depends on a change in b. It holds once b is on the disk.
		if err := s.commit(b); err != nil {
			return false, err
		}
		if !again {
			return swapped, nil
		}
	}
}

// decide decides whether the change is made. The answer holds once the batch, if
// there is one, is on the disk. If again is true, the caller must then call
// decide again.
func (s *Store) decide(key string, old, new []byte, ttl time.Duration) (b *batch, swapped, again bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, false, false, s.err
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
		s.next = &batch{}
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

// commit returns when the batch is on the disk. The first caller that gets disk
// writes the batch for all of them.
func (s *Store) commit(b *batch) error {
	s.disk.Lock()
	defer s.disk.Unlock()
	if !b.done {
		// Batches are written one after the other: this is the next one.
		s.write(b)
	}
	return b.err
}

// write writes the next batch. The caller holds disk.
func (s *Store) write(b *batch) {
	s.mu.Lock()
	s.next = nil
	s.mu.Unlock()

	var payload []byte
	for _, c := range b.changes {
		payload = appendRecord(payload, c.key, c.value, c.deadline)
	}
	err, fatal := s.append(payload)

	s.mu.Lock()
	defer s.tidy() // after the unlock
	defer s.mu.Unlock()
	b.done = true
	if err != nil {
		if fatal {
			s.err = s.lost(err)
		}
		b.err = s.failed(err)
		if s.next != nil { // it builds on this batch
			s.next.done, s.next.err = true, b.err
			s.next = nil
		}
		clear(s.pending)
		return
	}
	for _, c := range b.changes {
		s.entries.Put(c.key, c.value, c.deadline)
		if s.pending[c.key].batch == b {
			delete(s.pending, c.key)
		}
	}
	s.entries.Sweep(time.Now(), len(b.changes)+memstore.SweepEach)
}

// append writes a frame. After a fatal error the contents of the file are
// unknown.
func (s *Store) append(payload []byte) (err error, fatal bool) {
	if _, err := s.file.WriteAt(s.log.Frame(nil, payload), s.log.End()); err != nil {
		// A part of the frame may be in the file. If it cannot be removed now,
		// Open removes it.
		return err, s.file.Truncate(s.log.End()) != nil
	}
	if err := s.file.Sync(); err != nil {
		return err, true // a second Sync may return nil although data is lost
	}
	s.log.Appended(len(payload))
	return nil, false
}

// Exclusive returns true: the file belongs to one process at a time. It tells a
// vk.Dispatcher that no other process uses the Store.
func (s *Store) Exclusive() bool { return true }

// Close writes the changes that were begun and closes the file. After it, Get and
// Swap return an error that matches [os.ErrClosed]. A second Close does nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	if s.err == nil {
		s.err = s.failed(os.ErrClosed)
	}
	s.mu.Unlock()

	s.disk.Lock()
	defer s.disk.Unlock()
	s.mu.Lock()
	b := s.next
	s.mu.Unlock()
	if b != nil {
		s.write(b)
	}
	if err := errors.Join(s.file.Close(), s.lock.Close()); err != nil {
		return s.failed(err)
	}
	return nil
}
