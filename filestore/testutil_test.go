package filestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// openStore opens a Store in a new directory. It is closed when the test ends.
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

// A logBuffer holds logged lines.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// captureLog returns the lines that are logged until the end of the test.
func captureLog(t testing.TB) *logBuffer {
	lines := new(logBuffer)
	before := log.Writer()
	log.SetOutput(lines)
	t.Cleanup(func() { log.SetOutput(before) })
	return lines
}

// A faultyDisk is a file system with operations that fail on demand.
type faultyDisk struct {
	osFiles
	closeFirst bool // an open file cannot be renamed, replaced or removed, as on Windows

	mu                    sync.Mutex
	write, sync, truncate error
	room                  int64 // the maximum total size of all open files, if positive
	syncs                 int
	open                  map[*faultyFile]bool
	before                func(op, name string) error
}

func (d *faultyDisk) fail(write, sync, truncate error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.write, d.sync, d.truncate = write, sync, truncate
}

// hook makes the disk call f before each operation. If f returns an error, the
// operation fails with it. The name is short, see shortName.
func (d *faultyDisk) hook(f func(op, name string) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.before = f
}

// shortName returns the last element of a name, without random digits.
func shortName(name string) string {
	name, _, temp := strings.Cut(filepath.Base(name), tempMark)
	if temp {
		name += ".tmp"
	}
	return name
}

func (d *faultyDisk) does(op, name string) error {
	d.mu.Lock()
	before := d.before
	d.mu.Unlock()
	if before == nil {
		return nil
	}
	return before(op, shortName(name))
}

// failNth makes the nth operation fail, and the others succeed, until failed is
// called. failed returns the operation that failed, or "" if there were fewer
// operations.
func (d *faultyDisk) failNth(n int) (failed func() (what string)) {
	var mu sync.Mutex
	var what string
	d.hook(func(op, name string) error {
		mu.Lock()
		defer mu.Unlock()
		if n--; n != -1 {
			return nil
		}
		what = op + " " + name
		return syscall.EIO
	})
	return func() string {
		d.hook(nil)
		mu.Lock()
		defer mu.Unlock()
		return what
	}
}

// opened returns the number of open files.
func (d *faultyDisk) opened() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.open)
}

// inUse reports whether an open file has a name. The caller holds mu.
func (d *faultyDisk) inUse(name string) bool {
	for f := range d.open {
		if f.name == name {
			return true
		}
	}
	return false
}

func (d *faultyDisk) RenamesOpen() bool { return renamesOpen && !d.closeFirst }

func (d *faultyDisk) Open(name string, flag int) (diskFile, error) {
	if err := d.does("open", name); err != nil {
		return nil, err
	}
	file, err := openFile(name, flag)
	if err != nil {
		return nil, err
	}
	f := &faultyFile{File: file, d: d, name: name}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open == nil {
		d.open = make(map[*faultyFile]bool)
	}
	d.open[f] = true
	return f, nil
}

func (d *faultyDisk) Lstat(name string) (fs.FileInfo, error) {
	if err := d.does("lstat", name); err != nil {
		return nil, err
	}
	return d.osFiles.Lstat(name)
}

func (d *faultyDisk) Rename(from, to string) error {
	if err := d.does("rename", from); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closeFirst && (d.inUse(from) || d.inUse(to)) {
		return fmt.Errorf("rename %s: %w", from, syscall.EBUSY)
	}
	if err := d.osFiles.Rename(from, to); err != nil {
		return err
	}
	for f := range d.open {
		switch f.name {
		case to:
			f.name += " (old)"
		case from:
			f.name = to
		}
	}
	return nil
}

func (d *faultyDisk) Remove(name string) error {
	if err := d.does("remove", name); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closeFirst && d.inUse(name) {
		return fmt.Errorf("remove %s: %w", name, syscall.EBUSY)
	}
	return d.osFiles.Remove(name)
}

func (d *faultyDisk) SyncDir(dir string) error {
	if err := d.does("syncdir", "."); err != nil {
		return err
	}
	return d.osFiles.SyncDir(dir)
}

type faultyFile struct {
	*os.File
	d    *faultyDisk
	name string // guarded by the disk's mu; renamed with the file
}

func (f *faultyFile) does(op string) error {
	f.d.mu.Lock()
	name := f.name
	f.d.mu.Unlock()
	return f.d.does(op, name)
}

func (f *faultyFile) ReadAt(b []byte, at int64) (int, error) {
	if err := f.does("read"); err != nil {
		return 0, err
	}
	return f.File.ReadAt(b, at)
}

func (f *faultyFile) Stat() (fs.FileInfo, error) {
	if err := f.does("stat"); err != nil {
		return nil, err
	}
	return f.File.Stat()
}

func (f *faultyFile) Close() error {
	failed := f.does("close")
	f.d.mu.Lock()
	delete(f.d.open, f)
	f.d.mu.Unlock()
	return errors.Join(failed, f.File.Close())
}

func (f *faultyFile) WriteAt(b []byte, at int64) (int, error) {
	if err := f.does("write"); err != nil {
		return 0, err
	}
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	fits, err := len(b), f.d.write
	if err != nil {
		fits /= 2
	}
	if f.d.room > 0 {
		left := f.d.room
		for other := range f.d.open {
			if info, err := other.File.Stat(); err == nil && other != f {
				left -= info.Size()
			}
		}
		if int64(fits) > left-at {
			fits, err = int(max(0, left-at)), syscall.ENOSPC
		}
	}
	n, written := f.File.WriteAt(b[:fits], at)
	return n, errors.Join(err, written)
}

func (f *faultyFile) Sync() error {
	if err := f.does("sync"); err != nil {
		return err
	}
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	f.d.syncs++
	return f.d.sync
}

func (f *faultyFile) Truncate(size int64) error {
	if err := f.does("truncate"); err != nil {
		return err
	}
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.d.truncate != nil {
		return f.d.truncate
	}
	return f.File.Truncate(size)
}

// store opens a Store on the disk. It is closed when the test ends.
func (d *faultyDisk) store(t testing.TB, path string) *Store {
	t.Helper()
	s, err := openWith(path, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func wantStored(t *testing.T, s *Store, key, want string) {
	t.Helper()
	if got, err := s.Get(context.Background(), key); string(got) != want || err != nil {
		t.Errorf("%s is %.40q, %v, want %.40q", key, got, err, want)
	}
}

// swap changes a value and fails the test if that fails.
func swap(t testing.TB, s *Store, key, old, new string) {
	t.Helper()
	if ok, err := s.Swap(context.Background(), key, []byte(old), []byte(new), 0); !ok || err != nil {
		t.Fatalf("%s from %.40q to %.40q: %v, %v", key, old, new, ok, err)
	}
}

// putBig stores three values that take several frames of a compacted file.
func putBig(t *testing.T, s *Store) {
	t.Helper()
	for i := range 3 {
		swap(t, s, fmt.Sprint("big", i), "", strings.Repeat(fmt.Sprint(i), 700_000))
	}
}

func wantBig(t *testing.T, s *Store) {
	t.Helper()
	for i := range 3 {
		wantStored(t, s, fmt.Sprint("big", i), strings.Repeat(fmt.Sprint(i), 700_000))
	}
}

// rewriteNow replaces the file while all changes wait.
func (s *Store) rewriteNow() error {
	s.disk.Lock()
	defer s.disk.Unlock()
	return s.rewrite()
}

// compactNow replaces the file concurrently with changes, and returns when that
// is done.
func (s *Store) compactNow() {
	s.disk.Lock()
	s.compact()
	s.disk.Unlock()
	s.awaitCompaction()
}

// filesBeside returns the names of the files in the directory of a Store, in order.
func filesBeside(t testing.TB, path string) []string {
	t.Helper()
	list, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range list {
		names = append(names, shortName(entry.Name()))
	}
	return names
}

// awaitCompaction returns when no compaction is in progress.
func (s *Store) awaitCompaction() {
	s.compactions.Lock()
	defer s.compactions.Unlock()
}
