package vk_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

func openStore(t testing.TB, path string) *vk.FileStore {
	t.Helper()
	s, err := vk.OpenFileStore(path)
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

// packageStore is in a package variable, as people have it.
var packageStore vk.MemoryStore

// TestStores: the Stores of this package are Stores, in a bubble and outside.
func TestStores(t *testing.T) {
	t.Run("memory", func(t *testing.T) { t.Parallel(); vktest.TestStore(t, new(vk.MemoryStore)) })
	t.Run("file", func(t *testing.T) { t.Parallel(); vktest.TestStore(t, openStore(t, filepath.Join(t.TempDir(), "s"))) })
	t.Run("memory in bubbles", func(t *testing.T) {
		for range 2 {
			synctest.Test(t, func(t *testing.T) { vktest.TestStore(t, &packageStore) })
		}
	})
	t.Run("file in a bubble", func(t *testing.T) {
		s := openStore(t, filepath.Join(t.TempDir(), "s")) // made outside
		synctest.Test(t, func(t *testing.T) { vktest.TestStore(t, s) })
	})
}

// TestStoreRefuses: what a Store has no room for, and what has no meaning.
func TestStoreRefuses(t *testing.T) {
	for name, s := range map[string]vk.Store{"memory": new(vk.MemoryStore), "file": openStore(t, filepath.Join(t.TempDir(), "s"))} {
		for _, tt := range []struct {
			key  string
			size int
			want string
		}{
			{"", 1, "vk: store: empty key"},
			{fmt.Sprintf("%01025d", 0), 1, `vk: store: "0000000000000000000000000000000000000000"…: a key of 1025 bytes: at most 1024`},
			{"a", 64<<20 + 1, `vk: store: "a": a value of 67108865 bytes: at most 67108864`},
		} {
			if ok, err := s.Swap(t.Context(), tt.key, nil, make([]byte, tt.size), 0); ok || fmt.Sprint(err) != tt.want {
				t.Errorf("%s: %v, %v, want %s", name, ok, err, tt.want)
			}
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(vk.ErrStopped)
		if _, err := s.Get(ctx, "a"); !errors.Is(err, vk.ErrStopped) {
			t.Errorf("%s: %v: not the context's cause", name, err)
		}
	}
}

// TestFileStoreKeeps: what was swapped is there when the file is opened again,
// unless it has expired.
func TestFileStoreKeeps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bot.db")
	s, err := vk.OpenFileStore(path)
	if err != nil {
		t.Fatal(err)
	}
	swap := func(key, old, new string, ttl time.Duration) {
		t.Helper()
		if ok, err := s.Swap(t.Context(), key, []byte(old), []byte(new), ttl); !ok || err != nil {
			t.Fatalf("%s: %v, %v", key, ok, err)
		}
	}
	swap("a", "", "1", 0)
	swap("a", "1", "2", 0)
	swap("b", "", "1", 0)
	swap("b", "1", "", 0)
	swap("c", "", "1", 0)
	swap("c", "1", "2", time.Nanosecond) // the older one does not come back
	swap("d", "", "1", time.Hour)
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Get(t.Context(), "a"); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Get of a closed store: %v", err)
	}
	if _, err := s.Swap(t.Context(), "a", nil, nil, 0); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Swap of a closed store: %v", err)
	}
	s = openStore(t, path)
	for key, want := range map[string]string{"a": "2", "b": "", "c": "", "d": "1"} {
		if got, err := s.Get(t.Context(), key); string(got) != want || err != nil {
			t.Errorf("%s is %q, %v, want %q", key, got, err, want)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
		t.Errorf("others may read it: %v, %v", info.Mode(), err)
	}
}

// TestFileStoreLock: a store is open once.
func TestFileStoreLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bot.db")
	s, err := vk.OpenFileStore(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := vk.OpenFileStore(path); !errors.Is(err, vk.ErrStoreLocked) {
		t.Errorf("opened twice: %v", err)
	}
	s.Close()
	openStore(t, path)
	// A failure to open leaves it unlocked.
	bad := filepath.Join(t.TempDir(), "bad")
	os.WriteFile(bad, []byte("#!/bin/sh\necho this is not a store\n"), 0o600)
	for range 2 {
		_, err := vk.OpenFileStore(bad)
		var corrupt *vk.CorruptError
		if !errors.As(err, &corrupt) || corrupt.Offset != 0 || corrupt.Path != bad {
			t.Errorf("no store: %v", err)
		}
	}
	os.Remove(bad)
	openStore(t, bad)
	if _, err := vk.OpenFileStore(filepath.Join(bad, "below")); err == nil {
		t.Error("opened below a file")
	}
}

// TestFileStoreConcurrent: changes from many sides at once, of one key and of
// many, are all there, also after the file was written anew.
func TestFileStoreConcurrent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bot.db")
	s, err := vk.OpenFileStore(path)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	n := lessUnderRace(200)
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
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 3<<20 {
		t.Errorf("%d bytes, %v", info.Size(), err)
	}
	s = openStore(t, path)
	for w := range 16 {
		want := fmt.Sprintf("%d %01000d", n-1, w)
		if got, err := s.Get(t.Context(), fmt.Sprint(w)); string(got) != want || err != nil {
			t.Errorf("%d is %.20q, %v", w, got, err)
		}
	}
}
