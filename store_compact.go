package vk

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	framelog "github.com/vkrouter/vk/internal/journal"
)

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
func (s *FileStore) copyTo(name string) (j *framelog.Journal, err error) {
	file, err := s.open(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	var salt [8]byte
	rand.Read(salt[:])
	j, header := framelog.New(salt)
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
