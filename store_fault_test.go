package vk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A faultyDisk opens files that fail where it is told to.
type faultyDisk struct {
	mu                    sync.Mutex
	write, sync, truncate error
	syncs                 int
}

func (d *faultyDisk) fail(write, sync, truncate error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.write, d.sync, d.truncate = write, sync, truncate
}

func (d *faultyDisk) open(name string, flag int) (storeFile, error) {
	f, err := os.OpenFile(name, flag, 0o600)
	return faultyFile{f, d}, err
}

type faultyFile struct {
	*os.File
	d *faultyDisk
}

func (f faultyFile) WriteAt(b []byte, at int64) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.d.write != nil {
		n, _ := f.File.WriteAt(b[:len(b)/2], at) // as much as there is room for
		return n, f.d.write
	}
	return f.File.WriteAt(b, at)
}

func (f faultyFile) Sync() error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	f.d.syncs++
	return f.d.sync
}

func (f faultyFile) Truncate(size int64) error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.d.truncate != nil {
		return f.d.truncate
	}
	return f.File.Truncate(size)
}

func (d *faultyDisk) store(t *testing.T, path string) *FileStore {
	t.Helper()
	s, err := openFileStore(path, d.open)
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
	for size() < 3*minCompact {
		put()
	}
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
	if size() > 2*minCompact || len(s.entries.byKey) > 2+sweepEach {
		t.Errorf("%d bytes, %d entries", size(), len(s.entries.byKey))
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
	if _, err = OpenFileStore(path); !errors.As(err, &corrupt) || corrupt.Offset != int64(len(whole)) {
		t.Errorf("senseless: %v", err)
	}
}

// TestStoreEntries: what has expired is removed by whatever changes, and the
// memory given back.
func TestStoreEntries(t *testing.T) {
	var s MemoryStore
	for i := range 10_000 {
		s.Swap(t.Context(), fmt.Sprint(i), nil, []byte("1"), time.Duration(1+i%7))
	}
	for range 2000 {
		s.Swap(t.Context(), "a", nil, []byte("1"), 0)
	}
	if e := s.entries; len(e.byKey) != 1 || len(e.queue) != 0 || e.peak > 2048 || e.weight != int64(2+entryWeight) || cap(e.queue) > 2048 {
		t.Errorf("%d entries, %d queued, peak %d, weight %d", len(e.byKey), len(e.queue), e.peak, e.weight)
	}
	// The queue follows what is replaced and deleted.
	var e storeEntries
	model := make(map[string]int64)
	for range 20_000 {
		key, expires := fmt.Sprint(rand.IntN(100)), rand.Int64N(50)
		value := []byte("x")
		model[key] = expires
		if rand.IntN(4) == 0 {
			value = nil
			delete(model, key)
		}
		e.put(key, value, expires)
		if rand.IntN(100) == 0 {
			now := time.Unix(0, rand.Int64N(50))
			e.sweep(now, len(e.queue))
			for key, expires := range model {
				if expires != 0 && expires <= now.UnixNano() {
					delete(model, key)
				}
			}
			if len(e.byKey) != len(model) {
				t.Fatalf("%d entries, want %d", len(e.byKey), len(model))
			}
		}
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
		s, err := openFileStore(path, d.open)
		if err != nil {
			return
		}
		if len(payload) > 0 {
			s.append(payload) // any records, in a whole frame
		}
		s.Close()
		if s, err = openFileStore(path, d.open); err != nil {
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
		if s, err = openFileStore(path, d.open); err != nil {
			t.Fatal(err)
		}
		if got, _ := s.Get(ctx, "a"); !bytes.Equal(got, next) {
			t.Errorf("%q, want %q", got, next)
		}
		s.Close()
	})
}
