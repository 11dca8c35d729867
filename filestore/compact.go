package filestore

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/vkrouter/vk/internal/framelog"
	"github.com/vkrouter/vk/internal/memstore"
)

// tidy compacts the file if more than half of it is garbage. The caller holds
// disk.
func (s *Store) tidy() {
	s.mu.Lock()
	over := s.err != nil
	s.mu.Unlock()
	if over || s.log.End() < max(s.compactAt, minCompact, 2*s.entries.Weight()) {
		return
	}
	if err := s.compact(); err != nil {
		s.compactAt = 2 * s.log.End()
		slog.Warn("filestore: compaction failed, trying again when the file is twice as large", "file", s.path, "err", err)
	}
}

// compact replaces the file by one with the current entries only. The caller
// holds disk. compact does not change the entries: Get may read them meanwhile.
func (s *Store) compact() error {
	temp := s.path + ".tmp"
	l, err := s.copyTo(temp)
	if err != nil {
		os.Remove(temp)
		return err
	}
	// Some systems cannot replace an open file.
	if s.file != nil {
		s.file.Close()
	}
	if err = os.Rename(temp, s.path); err == nil {
		s.log, s.compactAt = l, 0
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
		s.err = s.lost(lost)
		s.mu.Unlock()
		err = errors.Join(err, lost)
	}
	if openErr == nil {
		s.file = file
	}
	return err
}

// copyTo writes a new file with all entries.
func (s *Store) copyTo(name string) (l *framelog.Log, err error) {
	file, err := s.open(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	var salt [8]byte
	rand.Read(salt[:])
	l, header := framelog.New(salt)
	if _, err := file.WriteAt(header, 0); err != nil {
		return nil, err
	}
	var payload []byte
	flush := func() error {
		if len(payload) == 0 {
			return nil
		}
		_, err := file.WriteAt(l.Frame(nil, payload), l.End())
		l.Appended(len(payload))
		payload = payload[:0]
		return err
	}
	now := time.Now()
	var entries []*memstore.Entry
	for i := range memstore.Parts {
		entries = s.entries.Part(i, entries[:0])
		for _, e := range entries {
			if e.Deadline.Passed(now) {
				continue
			}
			payload = appendRecord(payload, e.Key, e.Value, e.Deadline)
			if len(payload) < 1<<20 {
				continue
			}
			if err := flush(); err != nil {
				return nil, err
			}
		}
	}
	if err := flush(); err != nil {
		return nil, err
	}
	return l, file.Sync()
}

// syncDir syncs a directory, so that a new name in it is safe on the disk.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // not possible, and not needed
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
