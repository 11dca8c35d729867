package filestore

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/vkrouter/vk/internal/framelog"
	"github.com/vkrouter/vk/internal/memstore"
)

// Open opens the Store in a file. It creates the file if there is none, or if
// it is empty; the directory must exist. Symbolic links are followed. The
// caller must close the Store.
//
// If the file is open already, the error matches [ErrLocked]. If the file is
// damaged or is not the file of a Store, the error is a [*CorruptError]. If the
// path leads to something that is not a regular file, it is a
// [*NotRegularError].
func Open(path string) (*Store, error) { return openWith(path, osFiles{}) }

func openWith(path string, files files) (_ *Store, err error) {
	if path, err = resolve(path); err != nil {
		return nil, err
	}
	s := &Store{path: path, files: files}
	lock, err := lockStore(path)
	if err != nil {
		return nil, s.failed(err)
	}
	s.lock = lock
	defer func() {
		if err != nil {
			if s.file != nil {
				s.file.Close()
			}
			lock.Close()
		}
	}()
	removeLeftovers(files, path)
	info, err := files.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && info.Mode().IsRegular() && info.Size() == 0:
		err = s.rewrite()
	case err == nil:
		err = s.openOld()
	}
	if err == nil && s.file == nil { // the file could not be reopened after rewrite
		err = s.reopen()
	}
	if err != nil {
		return nil, s.failed(err)
	}
	return s, nil
}

// openOld opens a file that is not empty.
func (s *Store) openOld() error {
	file, err := s.files.Open(s.path, os.O_RDWR)
	if err != nil {
		return err
	}
	s.file = file
	if s.info, err = file.Stat(); err != nil {
		return err
	}
	if !s.info.Mode().IsRegular() {
		return &NotRegularError{s.path, s.info.Mode()}
	}
	if now, err := s.files.Lstat(s.path); err != nil || !os.SameFile(now, s.info) {
		return errors.Join(errors.New("another program replaced the file just now: open it again"), err)
	}
	if err := s.load(s.info.Size()); err != nil {
		return err
	}
	// The process before this one may have ended before its syncs.
	if err := errors.Join(s.file.Sync(), s.files.SyncDir(filepath.Dir(s.path))); err != nil {
		return err
	}
	s.entries.Sweep(time.Now(), s.entries.Len())
	if !s.wasteful(time.Now()) {
		return nil
	}
	if err := s.rewrite(); err != nil {
		if s.doubt != nil || s.file == nil {
			return err
		}
		s.compactionFailed(err)
	}
	return nil
}

// load reads the file and removes an unfinished change from its end.
func (s *Store) load(size int64) error {
	var err error
	s.log, err = framelog.Read(s.file, size, func(offset int64, payload []byte) error {
		if _, err := readRecords(payload, s.put); err != nil {
			return &CorruptError{s.path, offset, fmt.Errorf("%w at offset %d", err, offset)}
		}
		return nil
	})
	var damage *framelog.DamageError
	switch {
	case errors.As(err, &damage):
		return &CorruptError{s.path, damage.Offset, err}
	case errors.Is(err, framelog.ErrNotLog):
		return &CorruptError{s.path, 0, errNotStore}
	case err != nil:
		return err
	}
	if end := s.log.End(); end < size {
		slog.Warn("filestore: removing an unfinished change from the end of the file", "file", s.path, "offset", end, "bytes", size-end)
		return s.file.Truncate(end)
	}
	return nil
}

// put applies a record of the file to the entries.
func (s *Store) put(key string, value []byte, deadline memstore.Deadline) {
	s.entries.Put(key, bytes.Clone(value), deadline)
}

// tempMark stands between the name of a Store and 16 random hexadecimal digits
// in the names of files that will replace it.
const tempMark = ".tmp-"

// removeLeftovers removes new files of a process that ended during a
// compaction. The caller holds the lock. Other files are kept, regardless of
// their names.
func removeLeftovers(files files, path string) {
	dir, base := filepath.Split(path)
	list, _ := os.ReadDir(dir) // without it, they stay for now
	for _, entry := range list {
		digits, ok := strings.CutPrefix(entry.Name(), base+tempMark)
		if b, err := hex.DecodeString(digits); !ok || err != nil || len(b) != 8 || !entry.Type().IsRegular() {
			continue
		}
		if name := filepath.Join(dir, entry.Name()); beginsLikeLog(name) {
			files.Remove(name)
		}
	}
}

// beginsLikeLog reports whether a file has the first bytes of a log, or zeros as
// after a loss of power, or is empty.
func beginsLikeLog(name string) bool {
	f, err := os.OpenFile(name, os.O_RDONLY|noFollow, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	b := make([]byte, len(framelog.Magic))
	n, err := f.ReadAt(b, 0)
	begin := string(b[:n])
	return (err == nil || err == io.EOF) && (strings.HasPrefix(framelog.Magic, begin) || strings.Trim(begin, "\x00") == "")
}
