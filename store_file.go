package vk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	framelog "github.com/vkrouter/vk/internal/journal"
)

// A FileStore is a [Store] in a file, for one process at a time. It keeps all
// values in memory as well: a hundred thousand sessions of 300 bytes take some
// 50 MB of it, and of the disk at most twice their size and a megabyte. Values
// have at most 64 MiB. They expire by the computer's clock.
//
// When Swap returns, the change is on the disk: it survives a process that is
// killed and a computer that loses power, as far as the disk keeps what it says
// it has. Changes that are asked for at the same time share one write. A change
// that is being written is not seen by Get before it is safe. Swap does not
// return before that, whatever becomes of its context meanwhile.
//
// Where a change cannot be written, for instance because the disk is full, Swap
// returns the error and the value is as before; those that were asked for at
// the same time fail with it, and later ones may succeed. If it is not
// certain what is on the disk, all further changes fail, until the store is
// opened again.
//
// Its methods are safe for concurrent use.
type FileStore struct {
	path string
	open func(name string, flag int) (storeFile, error)
	lock io.Closer

	// Whoever writes holds it, over the writing. The lock of mu is for moments
	// only, and is taken inside of it.
	disk      sync.Mutex
	file      storeFile
	journal   *framelog.Journal
	compactAt int64 // the size of the file at which it is written anew

	mu      sync.Mutex
	entries storeEntries         // what is on the disk; changed with disk held, too
	pending map[string]storeSwap // the last change of each key that is not on the disk
	next    *storeBatch          // takes changes; nil if there are none
	err     error                // why there can be no more changes
	closed  bool
}

// A storeFile is what a FileStore needs of an [os.File].
type storeFile interface {
	io.ReaderAt
	io.WriterAt
	Truncate(size int64) error
	Sync() error
	Close() error
}

// A storeSwap is a change that has been decided on.
type storeSwap struct {
	key     string
	value   []byte // empty to delete
	expires int64  // as by expiry
	batch   *storeBatch
}

// A storeBatch is the changes that are written together.
type storeBatch struct {
	swaps []storeSwap
	size  int // at most what is written

	// Guarded by the store's disk.
	done bool
	err  error
}

const (
	maxStoreBatch = 64 << 20 // changes that wait while a batch has so much
	minCompact    = 1 << 20  // a file below this is good enough as it is
)

func (s *FileStore) failed(err error) error { return fmt.Errorf("vk: store %s: %w", s.path, err) }

// Get implements [Store].
func (s *FileStore) Get(ctx context.Context, key string) ([]byte, error) {
	if err := checkStore(ctx, key, nil, 0); err != nil {
		return nil, err
	}
	s.mu.Lock()
	closed, value := s.closed, s.entries.get(key, time.Now())
	s.mu.Unlock()
	if closed {
		return nil, s.failed(os.ErrClosed)
	}
	return bytes.Clone(value), nil // a value is never changed, only replaced
}

// Swap implements [Store].
func (s *FileStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if err := checkStore(ctx, key, new, ttl); err != nil {
		return false, err
	}
	new = bytes.Clone(new)
	for {
		b, swapped, again, err := s.decide(key, old, new, ttl)
		if err != nil || b == nil {
			return swapped, err
		}
		// The answer is about what others have begun, or what this begins. It
		// is true when that is on the disk.
		if err := s.commit(b); err != nil {
			return false, err
		}
		if !again {
			return swapped, nil
		}
	}
}

// decide decides whether the change is made. The answer counts once the batch,
// if there is one, is on the disk; then it has to be asked again, if again.
func (s *FileStore) decide(key string, old, new []byte, ttl time.Duration) (b *storeBatch, swapped, again bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, false, false, s.err
	}
	now := time.Now()
	value := s.entries.get(key, now)
	last, ok := s.pending[key]
	if ok {
		value = last.value
		if e := (storeEntry{expires: last.expires}); e.expired(now) {
			value = nil
		}
	}
	switch {
	case !bytes.Equal(value, old):
		return last.batch, false, false, nil
	case len(old)+len(new) == 0:
		return last.batch, true, false, nil
	case s.next != nil && s.next.size+len(new) > maxStoreBatch:
		return s.next, false, true, nil
	}
	if s.next == nil {
		s.next = &storeBatch{}
	}
	if s.pending == nil {
		s.pending = make(map[string]storeSwap)
	}
	w := storeSwap{key, new, expiry(now, ttl), s.next}
	s.pending[key] = w
	s.next.swaps = append(s.next.swaps, w)
	s.next.size += len(key) + len(new) + 2*entryWeight
	return s.next, true, false, nil
}

// commit returns when the batch is on the disk. Of all who wait for it, the
// first who finds nobody writing writes it.
func (s *FileStore) commit(b *storeBatch) error {
	s.disk.Lock()
	defer s.disk.Unlock()
	if !b.done {
		// Batches are written one after the other: this is the next one.
		s.write(b)
	}
	return b.err
}

// write writes the next batch, with disk held.
func (s *FileStore) write(b *storeBatch) {
	s.mu.Lock()
	s.next = nil
	s.mu.Unlock()

	var payload []byte
	for _, w := range b.swaps {
		payload = appendRecord(payload, w.key, w.value, w.expires)
	}
	err, fatal := s.append(payload)

	s.mu.Lock()
	defer s.tidy() // when unlocked
	defer s.mu.Unlock()
	b.done = true
	if err != nil {
		err = s.failed(err)
		if fatal {
			s.err = fmt.Errorf("%w (no more changes until it is opened again)", err)
		}
		b.err = err
		if s.next != nil { // what builds on it falls with it
			s.next.done, s.next.err = true, err
			s.next = nil
		}
		clear(s.pending)
		return
	}
	for _, w := range b.swaps {
		s.entries.put(w.key, w.value, w.expires)
		if s.pending[w.key].batch == b {
			delete(s.pending, w.key)
		}
	}
	s.entries.sweep(time.Now(), len(b.swaps)+sweepEach)
}

// append writes a frame. After a fatal error it is not known what the file
// holds.
func (s *FileStore) append(payload []byte) (err error, fatal bool) {
	if _, err := s.file.WriteAt(s.journal.Frame(nil, payload), s.journal.End()); err != nil {
		// A part of it may be there, which nobody has to see: it is what is
		// cut off when the file is opened.
		return err, s.file.Truncate(s.journal.End()) != nil
	}
	if err := s.file.Sync(); err != nil {
		return err, true // what was not written may not be tried again by Sync
	}
	s.journal.Appended(len(payload))
	return nil, false
}

// Close closes the store, when the changes that were begun are on the disk.
// After it, Get and Swap return an error that is [os.ErrClosed]. Closing it
// again does nothing.
func (s *FileStore) Close() error {
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
