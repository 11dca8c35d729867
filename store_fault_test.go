package vk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/internal/memstore"
)

// A faultyDisk opens files that fail where it is told to.
type faultyDisk struct {
	mu                    sync.Mutex
	write, sync, truncate error
	syncs                 int
	open                  int                         // files
	before                func(op, name string) error // an operation, which fails with its error; set while nothing goes on
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

func (d *faultyDisk) openFile(name string, flag int) (storeFile, error) {
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
		n, _ := f.File.WriteAt(b[:len(b)/2], at) // as much as there is room for
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

func (d *faultyDisk) store(t *testing.T, path string) *FileStore {
	t.Helper()
	s, err := openFileStore(path, d.openFile)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func wantStored(t *testing.T, s *FileStore, key, want string) {
	t.Helper()
	if got, err := s.Get(t.Context(), key); string(got) != want || err != nil {
		t.Errorf("%s is %q, %v, want %q", key, got, err, want)
	}
}

// TestFileStoreDiskFull: what cannot be written fails and changes nothing, and
// as soon as there is room, changes succeed again.
func TestFileStoreDiskFull(t *testing.T) {
	d := new(faultyDisk)
	path := filepath.Join(t.TempDir(), "s")
	s := d.store(t, path)
	s.Swap(t.Context(), "a", nil, []byte("1"), 0)
	d.fail(syscall.ENOSPC, nil, nil)
	for range 2 {
		if ok, err := s.Swap(t.Context(), "a", []byte("1"), []byte("2"), 0); ok || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%v, %v", ok, err)
		}
		wantStored(t, s, "a", "1")
	}
	d.fail(nil, nil, nil)
	if ok, err := s.Swap(t.Context(), "a", []byte("1"), []byte("3"), 0); !ok || err != nil {
		t.Errorf("with room again: %v, %v", ok, err)
	}
	s.Close()
	wantStored(t, d.store(t, path), "a", "3")
}

// TestFileStoreUncertain: when it is not known what is on the disk, nothing
// changes any more until the store is opened again. What was safe can be read.
func TestFileStoreUncertain(t *testing.T) {
	for name, fail := range map[string][3]error{
		"sync fails":            {nil, syscall.EIO, nil},
		"nothing can be undone": {syscall.EIO, nil, syscall.EROFS},
	} {
		t.Run(name, func(t *testing.T) {
			d := new(faultyDisk)
			path := filepath.Join(t.TempDir(), "s")
			s := d.store(t, path)
			s.Swap(t.Context(), "a", nil, []byte("1"), 0)
			d.fail(fail[0], fail[1], fail[2])
			if ok, err := s.Swap(t.Context(), "a", []byte("1"), []byte("2"), 0); ok || !errors.Is(err, syscall.EIO) {
				t.Errorf("%v, %v", ok, err)
			}
			d.fail(nil, nil, nil)
			if ok, err := s.Swap(t.Context(), "b", nil, []byte("1"), 0); ok || !errors.Is(err, syscall.EIO) {
				t.Errorf("after it: %v, %v", ok, err)
			}
			wantStored(t, s, "a", "1")
			s.Close()
			s = d.store(t, path)
			if got, _ := s.Get(t.Context(), "a"); string(got) != "1" && string(got) != "2" {
				t.Errorf("opened again: %q", got)
			}
			wantStored(t, s, "b", "")
		})
	}
}

// TestFileStoreBatch: changes that are asked for while one is being written
// share the next write, and its failure.
func TestFileStoreBatch(t *testing.T) {
	d := new(faultyDisk)
	s := d.store(t, filepath.Join(t.TempDir(), "s"))
	run := func() (errs []error) {
		s.disk.Lock() // as if something were being written
		const n = 50
		var wg sync.WaitGroup
		errs = make([]error, n)
		for i := range n {
			wg.Go(func() {
				_, errs[i] = s.Swap(context.Background(), fmt.Sprint(i), nil, []byte("1"), 0)
			})
		}
		for began := 0; began < n; { // until all wait
			s.mu.Lock()
			if s.next != nil {
				began = len(s.next.swaps)
			}
			s.mu.Unlock()
		}
		s.disk.Unlock()
		wg.Wait()
		return errs
	}
	before := d.syncs
	d.fail(syscall.ENOSPC, nil, nil)
	for _, err := range run() {
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("one of a batch that failed: %v", err)
		}
	}
	d.fail(nil, nil, nil)
	for _, err := range run() {
		if err != nil {
			t.Error(err)
		}
	}
	if n := d.syncs - before; n != 1 {
		t.Errorf("%d syncs for 50 changes", n)
	}
	// Of one key: each builds on the last, though none is on the disk.
	s.disk.Lock()
	var wg sync.WaitGroup
	for i := range 5 {
		wg.Go(func() {
			if ok, err := s.Swap(context.Background(), "k", bytes.Repeat([]byte("x"), i), bytes.Repeat([]byte("x"), i+1), 0); !ok || err != nil {
				t.Errorf("%d: %v, %v", i, ok, err)
			}
		})
		for began := 0; began <= i; {
			s.mu.Lock()
			if s.next != nil {
				began = len(s.next.swaps)
			}
			s.mu.Unlock()
		}
	}
	wantStored(t, s, "k", "") // not yet safe
	s.disk.Unlock()
	wg.Wait()
	wantStored(t, s, "k", "xxxxx")
}

// TestFileStoreFailsTogether: what builds on a change that is being written
// fails with it, and is not written.
func TestFileStoreFailsTogether(t *testing.T) {
	d := new(faultyDisk)
	path := filepath.Join(t.TempDir(), "s")
	s := d.store(t, path)
	var next *storeBatch
	d.before = func(op, name string) error {
		if op != "write" || next != nil {
			return nil
		}
		var swapped bool
		var err error
		if next, swapped, _, err = s.decide("a", []byte("1"), []byte("2"), 0); !swapped || err != nil {
			t.Errorf("meanwhile: %v, %v", swapped, err)
		}
		return syscall.ENOSPC
	}
	ok, err := s.Swap(t.Context(), "a", nil, []byte("1"), 0)
	if ok || !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), path) {
		t.Errorf("%v, %v", ok, err)
	}
	if err := s.commit(next); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("what builds on it: %v", err)
	}
	wantStored(t, s, "a", "")
	if ok, err := s.Swap(t.Context(), "a", nil, []byte("3"), 0); !ok || err != nil {
		t.Errorf("after it: %v, %v", ok, err)
	}
	s.Close()
	wantStored(t, d.store(t, path), "a", "3")
}

// TestFileStorePending: a change is decided on by the last one that was asked
// for, of whichever key and batch; and nothing is kept of those that are written.
func TestFileStorePending(t *testing.T) {
	d := new(faultyDisk)
	s := d.store(t, filepath.Join(t.TempDir(), "s"))
	decide := func(key, old, new string, want bool) *storeBatch {
		t.Helper()
		b, swapped, _, err := s.decide(key, []byte(old), []byte(new), 0)
		if swapped != want || err != nil {
			t.Errorf("%s from %q to %q: %v, %v", key, old, new, swapped, err)
		}
		return b
	}
	first := decide("a", "", "1", true)
	decide("b", "", "1", true)
	decide("a", "", "2", false) // though b came after it
	var second *storeBatch
	d.before = func(op, name string) error {
		if op == "write" && second == nil {
			second = decide("a", "1", "2", true)
		}
		return nil
	}
	if err := s.commit(first); err != nil {
		t.Error(err)
	}
	decide("a", "1", "3", false) // though the first is on the disk
	if err := s.commit(second); err != nil {
		t.Error(err)
	}
	wantStored(t, s, "a", "2")
	if len(s.pending) != 0 {
		t.Errorf("%d changes are still pending", len(s.pending))
	}
	syncs := d.syncs
	if ok, err := s.Swap(t.Context(), "c", nil, nil, 0); !ok || err != nil || d.syncs != syncs {
		t.Errorf("none for none: %v, %v, %d writes", ok, err, d.syncs-syncs)
	}
}

// TestFileStoreRecords: a record that makes no sense is an error.
func TestFileStoreRecords(t *testing.T) {
	long := func(n int) string {
		return string(appendRecord(nil, strings.Repeat("k", n), []byte("v"), 0))
	}
	for name, tt := range map[string]struct {
		payload string
		ok      bool
	}{
		"none":                 {"", true},
		"one":                  {"\x00\x01k\x01v", true},
		"a deletion":           {"\x00\x01k\x00", true},
		"the longest key":      {long(memstore.MaxKey), true},
		"a key too long":       {long(memstore.MaxKey + 1), false},
		"no key":               {"\x00\x00\x01v", false},
		"half a key":           {"\x00\x05ab", false},
		"no value":             {"\x00\x01k", false},
		"half a value":         {"\x00\x01k\x05ab", false},
		"a negative expiry":    {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01k\x01v", false},
		"half an expiry":       {"\xff", false},
		"a number of 70 bits":  {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x01k\x01v", false},
		"something behind one": {"\x00\x01k\x01v\x00", false},
	} {
		if err := new(FileStore).apply([]byte(tt.payload)); (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFileStoreFullBatch: a change for which a batch has no room waits for the
// next one.
func TestFileStoreFullBatch(t *testing.T) {
	s := new(faultyDisk).store(t, filepath.Join(t.TempDir(), "s"))
	full, _, _, _ := s.decide("a", nil, []byte("1"), 0)
	if full.size < 2 {
		t.Errorf("a batch of %d bytes", full.size)
	}
	full.size = maxStoreBatch
	if ok, err := s.Swap(t.Context(), "b", nil, []byte("1"), 0); !ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
	if len(full.swaps) != 1 {
		t.Errorf("%d changes in the full one", len(full.swaps))
	}
	wantStored(t, s, "a", "1")
	wantStored(t, s, "b", "1")
}

// TestFileStorePendingExpires: what expires before it is written is none.
func TestFileStorePendingExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(faultyDisk).store(t, filepath.Join(t.TempDir(), "s"))
		s.decide("a", nil, []byte("1"), time.Second)
		if _, swapped, _, _ := s.decide("a", nil, []byte("2"), 0); swapped {
			t.Error("swapped for none before it has expired")
		}
		time.Sleep(time.Second)
		if _, swapped, _, _ := s.decide("a", []byte("1"), []byte("2"), 0); swapped {
			t.Error("swapped when it has expired")
		}
		b, swapped, _, _ := s.decide("a", nil, []byte("2"), 0)
		if err := s.commit(b); !swapped || err != nil {
			t.Errorf("none swapped when it has expired: %v, %v", swapped, err)
		}
		wantStored(t, s, "a", "2")
	})
}

// TestFileStoreClose: what was asked for before is written, and the caller told
// if the file cannot be closed.
func TestFileStoreClose(t *testing.T) {
	d := new(faultyDisk)
	path := filepath.Join(t.TempDir(), "s")
	s := d.store(t, path)
	b, _, _, _ := s.decide("a", nil, []byte("1"), 0)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.commit(b); err != nil {
		t.Errorf("asked for before: %v", err)
	}
	s = d.store(t, path)
	wantStored(t, s, "a", "1")
	d.before = func(op, name string) error { return syscall.EIO }
	if err := s.Close(); !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), path) {
		t.Errorf("the file cannot be closed: %v", err)
	}
	d.before = nil
	d.store(t, path).Close() // it is not locked
	if d.open != 0 {
		t.Errorf("%d files left open", d.open)
	}
}

// TestFileStoreCompact: the file does not grow for good, also when it cannot be
// written anew for a while, and it survives being written anew.
func TestFileStoreCompact(t *testing.T) {
	d := new(faultyDisk)
	path := filepath.Join(t.TempDir(), "s")
	s := d.store(t, path)
	ctx := t.Context()
	size := func() int64 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	s.Swap(ctx, "kept", nil, []byte("1"), 0)
	var last []byte
	put := func() {
		t.Helper()
		next := bytes.Repeat([]byte{byte(rand.IntN(256))}, 100_000)
		if bytes.Equal(next, last) {
			return
		}
		if ok, err := s.Swap(ctx, "a", last, next, 0); !ok || err != nil {
			t.Fatalf("%v, %v", ok, err)
		}
		last = next
	}
	for range 100 {
		put()
		if size() > 2*minCompact {
			t.Fatalf("%d bytes", size())
		}
	}
	// A directory in place of the new file.
	if err := os.MkdirAll(filepath.Join(path+".tmp", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	tries := 0
	d.before = func(op, name string) error {
		if op == "open" && name != path {
			tries++
		}
		return nil
	}
	for size() < 3*minCompact {
		put()
	}
	if tries != 2 {
		t.Errorf("tried %d times to write a file anew that was twice as large then", tries)
	}
	d.before = nil
	os.RemoveAll(path + ".tmp")
	for range 100 {
		put()
	}
	if size() > 2*minCompact {
		t.Errorf("%d bytes when it can be written anew", size())
	}
	// What has expired is dropped.
	for i := range 20 {
		s.Swap(ctx, fmt.Sprint("x", i), nil, make([]byte, 100_000), time.Nanosecond)
	}
	for range 20 {
		put()
	}
	if size() > 2*minCompact || s.entries.Len() > 2+memstore.SweepEach {
		t.Errorf("%d bytes, %d entries", size(), s.entries.Len())
	}
	s.Close()
	s = d.store(t, path)
	wantStored(t, s, "kept", "1")
	wantStored(t, s, "a", string(last))
}

// TestFileStoreCut: whatever is behind the last whole change is cut off when
// the store is opened, and the store goes on from there. A damage before is an
// error, which changes nothing.
func TestFileStoreCut(t *testing.T) {
	d := new(faultyDisk)
	path := filepath.Join(t.TempDir(), "s")
	s := d.store(t, path)
	s.Swap(t.Context(), "a", nil, []byte("1"), 0)
	middle := s.journal.End()
	s.Swap(t.Context(), "a", []byte("1"), []byte("2"), 0)
	s.Close()
	whole, _ := os.ReadFile(path)
	for cut := int64(len(whole)) - 1; cut >= middle; cut-- {
		os.WriteFile(path, whole[:cut], 0o600)
		s := d.store(t, path)
		if info, err := os.Stat(path); err != nil || info.Size() != middle {
			t.Errorf("%d bytes, %v, want %d", info.Size(), err, middle)
		}
		wantStored(t, s, "a", "1")
		s.Swap(t.Context(), "a", []byte("1"), []byte("3"), 0)
		s.Close()
		s = d.store(t, path)
		wantStored(t, s, "a", "3")
		s.Close()
	}
	bad := bytes.Clone(whole)
	bad[middle-1] ^= 1
	os.WriteFile(path, bad, 0o600)
	_, err := OpenFileStore(path)
	var corrupt *CorruptError
	if !errors.As(err, &corrupt) || corrupt.Offset != 24 {
		t.Errorf("damaged: %v", err)
	}
	if now, _ := os.ReadFile(path); !bytes.Equal(now, bad) {
		t.Error("a damaged file was changed")
	}
	// A frame that is whole, of records that make no sense.
	os.WriteFile(path, whole, 0o600)
	s = d.store(t, path)
	s.append([]byte("\x00\xff\xff"))
	s.Close()
	if _, err = OpenFileStore(path); !errors.As(err, &corrupt) || corrupt.Offset != int64(len(whole)) || !errors.Is(err, errRecord) || strings.Count(err.Error(), path) != 1 {
		t.Errorf("senseless: %v", err)
	}
}

// FuzzFileStore: no file makes opening it panic, and what opens can be used.
func FuzzFileStore(f *testing.F) {
	path := filepath.Join(f.TempDir(), "seed")
	s, err := OpenFileStore(path)
	if err != nil {
		f.Fatal(err)
	}
	ctx := context.Background()
	s.Swap(ctx, "a", nil, []byte("1"), time.Hour)
	s.Close()
	seed, _ := os.ReadFile(path)
	f.Add(seed, []byte{})
	f.Add(seed, appendRecord(nil, "a", []byte("2"), 0))
	f.Add(seed, appendRecord(nil, "b", nil, 5))
	f.Fuzz(func(t *testing.T, file, payload []byte) {
		path := filepath.Join(t.TempDir(), "s")
		os.WriteFile(path, file, 0o600)
		d := new(faultyDisk)
		s, err := openFileStore(path, d.openFile)
		if err != nil {
			return
		}
		if len(payload) > 0 {
			s.append(payload) // any records, in a whole frame
		}
		s.Close()
		if s, err = openFileStore(path, d.openFile); err != nil {
			return
		}
		old, err := s.Get(ctx, "a")
		if err != nil {
			t.Fatal(err)
		}
		next := append(old, 'x')
		if ok, err := s.Swap(ctx, "a", old, next, 0); !ok || err != nil {
			t.Fatalf("%v, %v", ok, err)
		}
		s.Close()
		if s, err = openFileStore(path, d.openFile); err != nil {
			t.Fatal(err)
		}
		if got, _ := s.Get(ctx, "a"); !bytes.Equal(got, next) {
			t.Errorf("%q, want %q", got, next)
		}
		s.Close()
	})
}
