package vk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	framelog "github.com/vkrouter/vk/internal/journal"
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
	s.journal, err = framelog.Read(s.file, size, func(offset int64, payload []byte) error {
		if err := s.apply(payload); err != nil {
			return &CorruptError{s.path, offset, fmt.Errorf("%w at offset %d", err, offset)}
		}
		return nil
	})
	var damage *framelog.DamageError
	var corrupt *CorruptError
	switch {
	case errors.As(err, &corrupt):
		return err
	case errors.As(err, &damage):
		return &CorruptError{s.path, damage.Offset, err}
	case errors.Is(err, framelog.ErrNotJournal):
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
