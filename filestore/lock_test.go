package filestore

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

// TestLock: a file can be open once.
func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bot.db")
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(path)
	if !errors.Is(err, ErrLocked) || !strings.HasPrefix(err.Error(), "filestore: "+path+": already open") {
		t.Errorf("opened twice: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	new(faultyDisk).store(t, path)
}

// TestLockFails: an error of the lock's file is not ErrLocked.
func TestLockFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bot.db")
	new(faultyDisk).store(t, file)
	if _, err := Open(filepath.Join(file, "below")); err == nil || errors.Is(err, ErrLocked) {
		t.Errorf("opened below a file: %v", err)
	}
}
