package vk

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/vkrouter/vk/internal/journal"
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
	journal   *journal.Journal
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

// ErrStoreLocked is returned, wrapped, by [OpenFileStore] where another process
// has the store open, or this one has.
var ErrStoreLocked = errors.New("it is open already")

// A CorruptError says that the file of a [FileStore] is damaged, or that it is
// none. It is left as it is.
type CorruptError struct {
	Path   string
	Offset int64 // where the damage begins; 0 if the file is none of a FileStore
	Err    error // what is wrong
}

// Error names the file and says what is wrong.
func (e *CorruptError) Error() string { return fmt.Sprintf("vk: store %s: %v", e.Path, e.Err) }

// Unwrap returns e.Err.
func (e *CorruptError) Unwrap() error { return e.Err }

// OpenFileStore opens the store in a file, and makes the file if there is none
// or an empty one. Beside it there will be files of the same name with .lock
// and, for moments, .tmp. Only the file's owner may read it, because sessions
// are nobody else's business. Whoever opens a store closes it.
//
// A change that was being written when the process or the computer died is cut
// off, with a line in the log. A damage before that is a [*CorruptError]. A
// store that is open already, here or elsewhere, is [ErrStoreLocked], on
// systems that have such locks: Linux, BSD, macOS and Windows.
func OpenFileStore(path string) (*FileStore, error) {
	return openFileStore(path, func(name string, flag int) (storeFile, error) {
		return os.OpenFile(name, flag, 0o600)
	})
}

func openFileStore(path string, open func(name string, flag int) (storeFile, error)) (_ *FileStore, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return nil, fmt.Errorf("vk: store: %w", err)
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // a link is not to be replaced by a file
	}
	s := &FileStore{path: path, open: open}
	if s.lock, err = lockFile(path + ".lock"); err != nil {
		return nil, s.failed(err)
	}
	defer func() {
		if err != nil {
			s.lock.Close()
			if s.file != nil {
				s.file.Close()
			}
		}
	}()
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		if err := s.compact(); err != nil {
			return nil, s.failed(err)
		}
		return s, nil
	}
	if err != nil {
		return nil, s.failed(err)
	}
	if s.file, err = open(path, os.O_RDWR); err != nil {
		return nil, s.failed(err)
	}
	if err := s.load(info.Size()); err != nil {
		return nil, err
	}
	s.entries.sweep(time.Now(), len(s.entries.queue))
	s.tidy()
	if s.err != nil {
		return nil, s.err
	}
	return s, nil
}

// load reads the file and cuts off what was not finished.
func (s *FileStore) load(size int64) error {
	var err error
	s.journal, err = journal.Read(s.file, size, func(offset int64, payload []byte) error {
		if err := s.apply(payload); err != nil {
			return &CorruptError{s.path, offset, fmt.Errorf("%w at offset %d", err, offset)}
		}
		return nil
	})
	var damage *journal.DamageError
	var corrupt *CorruptError
	switch {
	case errors.As(err, &corrupt):
		return err
	case errors.As(err, &damage):
		return &CorruptError{s.path, damage.Offset, err}
	case errors.Is(err, journal.ErrNotJournal):
		return &CorruptError{s.path, 0, errors.New("not a file of a FileStore")}
	case err != nil:
		return s.failed(err)
	}
	if end := s.journal.End(); end < size {
		slog.Warn("vk: store: a change that was not finished is cut off", "file", s.path, "offset", end, "bytes", size-end)
		if err := errors.Join(s.file.Truncate(end), s.file.Sync()); err != nil {
			return s.failed(err)
		}
	}
	return nil
}

func (s *FileStore) failed(err error) error { return fmt.Errorf("vk: store %s: %w", s.path, err) }

// A record in a frame is a key, its value and its expiry.
func appendRecord(b []byte, key string, value []byte, expires int64) []byte {
	b = binary.AppendUvarint(b, uint64(expires))
	b = binary.AppendUvarint(b, uint64(len(key)))
	b = append(b, key...)
	b = binary.AppendUvarint(b, uint64(len(value)))
	return append(b, value...)
}

var errRecord = errors.New("a record that makes no sense")

// apply sets what the records of a frame say.
func (s *FileStore) apply(payload []byte) error {
	part := func(n uint64) []byte {
		b := payload[:n]
		payload = payload[n:]
		return b
	}
	number := func() (uint64, bool) {
		n, size := binary.Uvarint(payload)
		part(uint64(max(size, 0)))
		return n, size > 0
	}
	for len(payload) > 0 {
		expires, ok1 := number()
		n, ok2 := number()
		if !ok1 || !ok2 || int64(expires) < 0 || n == 0 || n > min(maxStoreKey, uint64(len(payload))) {
			return errRecord
		}
		key := string(part(n))
		n, ok := number()
		if !ok || n > min(maxStoreValue, uint64(len(payload))) {
			return errRecord
		}
		s.entries.put(key, bytes.Clone(part(n)), int64(expires))
	}
	return nil
}

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

// tidy writes the file anew if it is more than half garbage. It is called with
// disk held.
func (s *FileStore) tidy() {
	s.mu.Lock()
	over := s.err != nil
	s.mu.Unlock()
	if over || s.journal.End() < max(s.compactAt, minCompact, 2*s.entries.weight) {
		return
	}
	if err := s.compact(); err != nil {
		s.compactAt = 2 * s.journal.End()
		slog.Warn("vk: store: the file could not be made smaller", "file", s.path, "err", err)
	}
}

// compact replaces the file by one that has only what is still wanted. It is
// called with disk held, and does not change the entries: others may read them.
func (s *FileStore) compact() error {
	temp := s.path + ".tmp"
	j, err := s.copyTo(temp)
	if err != nil {
		os.Remove(temp)
		return err
	}
	// Not every system replaces a file that is open.
	if s.file != nil {
		s.file.Close()
	}
	if err = os.Rename(temp, s.path); err == nil {
		s.journal, s.compactAt = j, 0
	} else {
		os.Remove(temp)
	}
	file, openErr := s.open(s.path, os.O_RDWR)
	var dirErr error
	if err == nil {
		dirErr = syncDir(filepath.Dir(s.path))
	}
	if lost := errors.Join(openErr, dirErr); lost != nil {
		s.mu.Lock()
		s.err = fmt.Errorf("%w (no more changes until it is opened again)", s.failed(lost))
		s.mu.Unlock()
		err = errors.Join(err, lost)
	}
	if openErr == nil {
		s.file = file
	}
	return err
}

// copyTo writes a file with all entries.
func (s *FileStore) copyTo(name string) (j *journal.Journal, err error) {
	file, err := s.open(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	var salt [8]byte
	crand.Read(salt[:])
	j, header := journal.New(salt)
	if _, err := file.WriteAt(header, 0); err != nil {
		return nil, err
	}
	var payload []byte
	flush := func() error {
		if len(payload) == 0 {
			return nil
		}
		_, err := file.WriteAt(j.Frame(nil, payload), j.End())
		j.Appended(len(payload))
		payload = payload[:0]
		return err
	}
	now := time.Now()
	for _, e := range s.entries.byKey {
		if e.expired(now) {
			continue
		}
		payload = appendRecord(payload, e.key, e.value, e.expires)
		if len(payload) >= 1<<20 {
			if err := flush(); err != nil {
				return nil, err
			}
		}
	}
	if err := flush(); err != nil {
		return nil, err
	}
	return j, file.Sync()
}

// syncDir makes a change of the names in a directory safe.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // cannot, and need not
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
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
