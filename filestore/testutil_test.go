package filestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// openStore opens a Store in a new directory. The test closes it at its end.
func openStore(t testing.TB) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// captureLog returns the lines that are logged until the end of the test. Read
// them while nothing logs.
func captureLog(t testing.TB) *bytes.Buffer {
	lines := new(bytes.Buffer)
	before := log.Writer()
	log.SetOutput(lines)
	t.Cleanup(func() { log.SetOutput(before) })
	return lines
}

// A faultyDisk opens files whose operations fail on demand.
type faultyDisk struct {
	mu                    sync.Mutex
	write, sync, truncate error
	syncs                 int
	open                  int                         // the number of open files
	before                func(op, name string) error // called before each operation, which fails with its error; set it while the disk is idle
}

func (d *faultyDisk) fail(write, sync, truncate error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.write, d.sync, d.truncate = write, sync, truncate
}

func (d *faultyDisk) does(op, name string) error {
	if d.before == nil {
		return nil
	}
	return d.before(op, name)
}

// failNth makes the nth operation fail, and the others succeed, until failed is
// called. failed returns the operation that failed, if there were so many.
func (d *faultyDisk) failNth(n int) (failed func() (op, name string)) {
	var op, name string
	d.before = func(o, of string) error {
		if n--; n != -1 {
			return nil
		}
		op, name = o, of
		return syscall.EIO
	}
	return func() (string, string) {
		d.before = nil
		return op, name
	}
}

func (d *faultyDisk) openFile(name string, flag int) (diskFile, error) {
	if err := d.does("open", name); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(name, flag, 0o600)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open++
	return faultyFile{f, d}, nil
}

type faultyFile struct {
	*os.File
	d *faultyDisk
}

func (f faultyFile) ReadAt(b []byte, at int64) (int, error) {
	if err := f.d.does("read", f.Name()); err != nil {
		return 0, err
	}
	return f.File.ReadAt(b, at)
}

func (f faultyFile) Close() error {
	err := f.File.Close()
	if !errors.Is(err, os.ErrClosed) {
		f.d.mu.Lock()
		f.d.open--
		f.d.mu.Unlock()
	}
	return errors.Join(f.d.does("close", f.Name()), err)
}

func (f faultyFile) WriteAt(b []byte, at int64) (int, error) {
	if err := f.d.does("write", f.Name()); err != nil {
		return 0, err
	}
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.d.write != nil {
		n, _ := f.File.WriteAt(b[:len(b)/2], at) // a part of it
		return n, f.d.write
	}
	return f.File.WriteAt(b, at)
}

func (f faultyFile) Sync() error {
	if err := f.d.does("sync", f.Name()); err != nil {
		return err
	}
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	f.d.syncs++
	return f.d.sync
}

func (f faultyFile) Truncate(size int64) error {
	if err := f.d.does("truncate", f.Name()); err != nil {
		return err
	}
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.d.truncate != nil {
		return f.d.truncate
	}
	return f.File.Truncate(size)
}

// store opens a Store on the disk. The test closes it at its end.
func (d *faultyDisk) store(t *testing.T, path string) *Store {
	t.Helper()
	s, err := openWith(path, d.openFile)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func wantStored(t *testing.T, s *Store, key, want string) {
	t.Helper()
	if got, err := s.Get(t.Context(), key); string(got) != want || err != nil {
		t.Errorf("%s is %q, %v, want %q", key, got, err, want)
	}
}

// putBig stores three values that take several frames of a compacted file.
func putBig(t *testing.T, s *Store) {
	t.Helper()
	for i := range 3 {
		if ok, err := s.Swap(t.Context(), fmt.Sprint("big", i), nil, bytes.Repeat([]byte{byte('0' + i)}, 700_000), 0); !ok || err != nil {
			t.Fatalf("%v, %v", ok, err)
		}
	}
}

func wantBig(t *testing.T, s *Store) {
	t.Helper()
	for i := range 3 {
		if got, err := s.Get(context.Background(), fmt.Sprint("big", i)); len(got) != 700_000 || got[0] != byte('0'+i) || err != nil {
			t.Errorf("big%d: %d bytes, %v", i, len(got), err)
		}
	}
}

func (s *Store) compactNow() error {
	s.disk.Lock()
	defer s.disk.Unlock()
	return s.compact()
}
