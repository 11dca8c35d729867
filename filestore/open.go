package filestore

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

	"github.com/vkrouter/vk/internal/framelog"
	"github.com/vkrouter/vk/internal/memstore"
)

// ErrLocked is the error that [Open] wraps if the file is open already, in this
// process or another.
var ErrLocked = errors.New("already open in this process or another")

// A CorruptError reports a file that is damaged, or that is not the file of a
// Store. [Open] leaves the file unchanged. To recover, restore a backup, or move
// the file away to begin with an empty Store.
type CorruptError struct {
	Path   string
	Offset int64 // of the damage; 0 if the file is not one of a Store
	Err    error // the cause
}

// Error returns the path, the cause and the remedy.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s: %s: %v: restore a backup or move the file away", errPrefix, e.Path, e.Err)
}

// Unwrap returns e.Err.
func (e *CorruptError) Unwrap() error { return e.Err }

// Open opens the Store in a file. It creates the file if there is none, or if it
// is empty. The caller must close the Store.
//
// If the file is open already, the error matches [ErrLocked]. If the file is
// damaged or is not one of a Store, the error is a [*CorruptError].
func Open(path string) (*Store, error) {
	return openWith(path, func(name string, flag int) (diskFile, error) {
		return os.OpenFile(name, flag, 0o600)
	})
}

func openWith(path string, open func(name string, flag int) (diskFile, error)) (_ *Store, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return nil, fmt.Errorf("%s: %w", errPrefix, err)
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // a compaction must not replace a link by a file
	}
	s := &Store{path: path, open: open}
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
	s.entries.Sweep(time.Now(), s.entries.Len())
	s.tidy()
	if s.err != nil {
		return nil, s.err
	}
	return s, nil
}

// load reads the file and removes an unfinished change from its end.
func (s *Store) load(size int64) error {
	var err error
	s.log, err = framelog.Read(s.file, size, func(offset int64, payload []byte) error {
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
	case errors.Is(err, framelog.ErrNotLog):
		return &CorruptError{s.path, 0, errors.New("not the file of a Store")}
	case err != nil:
		return s.failed(err)
	}
	if end := s.log.End(); end < size {
		slog.Warn("filestore: removing an unfinished change from the end of the file", "file", s.path, "offset", end, "bytes", size-end)
		if err := errors.Join(s.file.Truncate(end), s.file.Sync()); err != nil {
			return s.failed(err)
		}
	}
	return nil
}

// appendRecord appends a record to the payload of a frame: the deadline, the key
// and the value.
func appendRecord(b []byte, key string, value []byte, deadline memstore.Deadline) []byte {
	b = binary.AppendUvarint(b, uint64(deadline))
	b = binary.AppendUvarint(b, uint64(len(key)))
	b = append(b, key...)
	b = binary.AppendUvarint(b, uint64(len(value)))
	return append(b, value...)
}

var errRecord = errors.New("malformed record")

// apply applies the records of a frame to the entries.
func (s *Store) apply(payload []byte) error {
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
		deadline, ok1 := number()
		n, ok2 := number()
		if !ok1 || !ok2 || int64(deadline) < 0 || n == 0 || n > min(memstore.MaxKey, uint64(len(payload))) {
			return errRecord
		}
		key := string(part(n))
		n, ok := number()
		if !ok || n > min(memstore.MaxValue, uint64(len(payload))) {
			return errRecord
		}
		s.entries.Put(key, bytes.Clone(part(n)), memstore.Deadline(deadline))
	}
	return nil
}
