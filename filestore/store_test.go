package filestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

var _ interface {
	vk.Store
	vk.Lister
} = (*Store)(nil)

// TestStore: a Store satisfies the contract of vk.Store, in a bubble and outside.
func TestStore(t *testing.T) {
	s := openStore(t)
	t.Run("real time", func(t *testing.T) { vktest.TestStore(t, s) })
	t.Run("virtual time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { vktest.TestStore(t, s) })
	})
}

// TestExclusive: a Dispatcher finds the method by the interface.
func TestExclusive(t *testing.T) {
	var s vk.Store = openStore(t)
	if e, ok := s.(interface{ Exclusive() bool }); !ok || !e.Exclusive() {
		t.Errorf("method %v", ok)
	}
}

// TestStoreRefuses: Get and Swap check their arguments.
func TestStoreRefuses(t *testing.T) {
	s := openStore(t)
	for _, tt := range []struct {
		name string
		key  string
		size int
		ttl  time.Duration
		want string
	}{
		{"empty key", "", 1, 0, "filestore: empty key"},
		{"key too long", strings.Repeat("0", 1025), 1, 0,
			`filestore: "0000000000000000000000000000000000000000"…: a key of 1025 bytes: at most 1024`},
		{"value too large", "a", 64<<20 + 1, 0, `filestore: "a": a value of 67108865 bytes: at most 67108864`},
		{"negative ttl", "a", 1, -1, `filestore: "a": negative ttl -1ns`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if ok, err := s.Swap(t.Context(), tt.key, nil, make([]byte, tt.size), tt.ttl); ok || fmt.Sprint(err) != tt.want {
				t.Errorf("%v, %v, want %s", ok, err, tt.want)
			}
		})
	}
	if _, err := s.Get(t.Context(), ""); fmt.Sprint(err) != "filestore: empty key" {
		t.Errorf("Get with an empty key: %v", err)
	}
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if _, err := s.Get(ctx, "a"); !errors.Is(err, why) {
		t.Errorf("Get with a canceled context: %v", err)
	}
	if _, err := s.Swap(ctx, "a", nil, []byte("1"), 0); !errors.Is(err, why) {
		t.Errorf("Swap with a canceled context: %v", err)
	}
}

// TestConcurrent: no change of concurrent callers is lost, even during a
// compaction.
func TestConcurrent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bot.db")
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	first := s.log
	var wg sync.WaitGroup
	const n = 200
	for w := range 16 {
		wg.Go(func() {
			var last []byte
			for i := range n {
				next := fmt.Appendf(nil, "%d %01000d", i, w)
				if ok, err := s.Swap(t.Context(), fmt.Sprint(w), last, next, 0); !ok || err != nil {
					t.Errorf("%d: %v, %v", w, ok, err)
				}
				last = next
				if got, err := s.Get(t.Context(), fmt.Sprint(w)); string(got) != string(next) || err != nil {
					t.Errorf("%d: reads %.20q, %v", w, got, err)
				}
			}
		})
	}
	wg.Wait()
	s.awaitCompaction()
	if s.log == first {
		t.Error("no compaction")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err = Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for w := range 16 {
		want := fmt.Sprintf("%d %01000d", n-1, w)
		if got, err := s.Get(t.Context(), fmt.Sprint(w)); string(got) != want || err != nil {
			t.Errorf("%d is %.20q, %v", w, got, err)
		}
	}
}

// TestBatch: changes that begin during a write share the next write, and its
// failure.
func TestBatch(t *testing.T) {
	d := new(faultyDisk)
	s := d.store(t, filepath.Join(t.TempDir(), "s"))
	run := func() (errs []error) {
		s.disk.Lock() // as a write does
		const n = 50
		var wg sync.WaitGroup
		errs = make([]error, n)
		for i := range n {
			wg.Go(func() {
				_, errs[i] = s.Swap(context.Background(), fmt.Sprint(i), nil, []byte("1"), 0)
			})
		}
		for began := 0; began < n; { // until all changes are in the batch
			s.mu.Lock()
			if s.next != nil {
				began = len(s.next.changes)
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
	// Changes of one key build on each other before they are on the disk.
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
				began = len(s.next.changes)
			}
			s.mu.Unlock()
		}
	}
	wantStored(t, s, "k", "") // not yet safe
	s.disk.Unlock()
	wg.Wait()
	wantStored(t, s, "k", "xxxxx")
}

// TestFailsTogether: a change that builds on a failed write fails with it, and
// is not written.
func TestFailsTogether(t *testing.T) {
	d := new(faultyDisk)
	path := filepath.Join(t.TempDir(), "s")
	s := d.store(t, path)
	var next *batch
	d.hook(func(op, name string) error {
		if op != "write" || next != nil {
			return nil
		}
		var swapped bool
		var err error
		if next, swapped, _, err = s.decide("a", []byte("1"), []byte("2"), 0); !swapped || err != nil {
			t.Errorf("meanwhile: %v, %v", swapped, err)
		}
		return syscall.ENOSPC
	})
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

// TestPending: a change is compared with the last change of its key, in any
// batch. Written changes are not kept.
func TestPending(t *testing.T) {
	d := new(faultyDisk)
	s := d.store(t, filepath.Join(t.TempDir(), "s"))
	decide := func(key, old, new string, want bool) *batch {
		t.Helper()
		b, swapped, _, err := s.decide(key, []byte(old), []byte(new), 0)
		if swapped != want || err != nil {
			t.Errorf("%s from %q to %q: %v, %v", key, old, new, swapped, err)
		}
		return b
	}
	first := decide("a", "", "1", true)
	decide("b", "", "1", true)
	decide("a", "", "2", false) // although b was changed after it
	var second *batch
	d.hook(func(op, name string) error {
		if op == "write" && second == nil {
			second = decide("a", "1", "2", true)
		}
		return nil
	})
	if err := s.commit(first); err != nil {
		t.Error(err)
	}
	decide("a", "1", "3", false) // although the first change is on the disk
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

// TestFullBatch: a change that does not fit into a batch waits for the next one.
func TestFullBatch(t *testing.T) {
	s := new(faultyDisk).store(t, filepath.Join(t.TempDir(), "s"))
	full, _, _, _ := s.decide("a", nil, []byte("1"), 0)
	if full.size < 2 {
		t.Errorf("a batch of %d bytes", full.size)
	}
	full.size = maxBatch
	if ok, err := s.Swap(t.Context(), "b", nil, []byte("1"), 0); !ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
	if len(full.changes) != 1 {
		t.Errorf("%d changes in the full one", len(full.changes))
	}
	wantStored(t, s, "a", "1")
	wantStored(t, s, "b", "1")
}

// TestPendingExpires: a value can expire before it is written.
func TestPendingExpires(t *testing.T) {
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

// TestClose: Close writes the pending changes, and returns the error if the
// file cannot be closed.
func TestClose(t *testing.T) {
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
	d.hook(func(op, name string) error { return syscall.EIO })
	if err := s.Close(); !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), path) {
		t.Errorf("the file cannot be closed: %v", err)
	}
	d.hook(nil)
	d.store(t, path).Close() // it is not locked
	if n := d.opened(); n != 0 {
		t.Errorf("%d files left open", n)
	}
}

// TestCommitWithoutDisk: a Swap that another Swap has written the change for
// returns even while the next batch is written.
func TestCommitWithoutDisk(t *testing.T) {
	s := openStore(t)
	first, _, _, err := s.decide("a", nil, []byte("1"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if second, _, _, err := s.decide("b", nil, []byte("2"), 0); second != first || err != nil {
		t.Fatalf("not in one batch, %v", err)
	}
	if err := s.commit(first); err != nil {
		t.Fatal(err)
	}
	s.disk.Lock()
	defer s.disk.Unlock()
	if err := s.commit(first); err != nil { // does not return if it waits for disk
		t.Error(err)
	}
}
