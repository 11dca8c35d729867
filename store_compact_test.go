package vk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// failNth has the nth operation fail, and the rest succeed. It returns which
// one that was: none if there are not so many.
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

// putBig swaps three values in that make several frames of a new file.
func putBig(t *testing.T, s *FileStore) {
	t.Helper()
	for i := range 3 {
		if ok, err := s.Swap(t.Context(), fmt.Sprint("big", i), nil, bytes.Repeat([]byte{byte('0' + i)}, 700_000), 0); !ok || err != nil {
			t.Fatalf("%v, %v", ok, err)
		}
	}
}

func wantBig(t *testing.T, s *FileStore) {
	t.Helper()
	for i := range 3 {
		if got, err := s.Get(context.Background(), fmt.Sprint("big", i)); len(got) != 700_000 || got[0] != byte('0'+i) || err != nil {
			t.Errorf("big%d: %d bytes, %v", i, len(got), err)
		}
	}
}

func (s *FileStore) compactNow() error {
	s.disk.Lock()
	defer s.disk.Unlock()
	return s.compact()
}

// TestCompactFails: whatever fails while a file is written anew, nothing is
// lost and nothing left lying about; and the store goes on, unless it cannot
// open the file.
func TestCompactFails(t *testing.T) {
	seen := make(map[string]bool)
	for n, more := 0, true; more; n++ {
		d := new(faultyDisk)
		path := filepath.Join(t.TempDir(), "s")
		s := d.store(t, path)
		putBig(t, s)
		failed := d.failNth(n)
		err := s.compactNow()
		op, name := failed()
		more = op != ""
		what := op + " " + filepath.Base(name)
		seen[what] = true
		ignored := what == "close s" || !more // of the old file, which has all that it is to have
		if ignored != (err == nil) || err != nil && !errors.Is(err, syscall.EIO) {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := os.Stat(path + ".tmp"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: the new file is left: %v", what, err)
		}
		wantBig(t, s)
		ok, err := s.Swap(t.Context(), "after", nil, []byte("1"), 0)
		if lost := what == "open s"; ok == lost || lost != errors.Is(err, syscall.EIO) {
			t.Errorf("%s: after it: %v, %v", what, ok, err)
		}
		s.Close()
		if d.open != 0 {
			t.Errorf("%s: %d files left open", what, d.open)
		}
		s = d.store(t, path)
		wantBig(t, s)
		if after, err := s.Get(t.Context(), "after"); err != nil || ok != (string(after) == "1") {
			t.Errorf("%s: opened again: %q, %v", what, after, err)
		}
		s.Close()
	}
	for _, what := range []string{"open s.tmp", "write s.tmp", "sync s.tmp", "close s.tmp", "close s", "open s"} {
		if !seen[what] {
			t.Errorf("%s did not fail", what)
		}
	}
}

// TestCompactNotPutInPlace: where the new file cannot replace the old one, that
// stays in use.
func TestCompactNotPutInPlace(t *testing.T) {
	d := new(faultyDisk)
	path := filepath.Join(t.TempDir(), "s")
	s := d.store(t, path)
	putBig(t, s)
	d.before = func(op, name string) error {
		if op == "close" && name == path { // just before
			os.Remove(path + ".tmp")
		}
		return nil
	}
	if err := s.compactNow(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the new file is gone: %v", err)
	}
	d.before = nil
	if ok, err := s.Swap(t.Context(), "after", nil, []byte("1"), 0); !ok || err != nil {
		t.Errorf("after it: %v, %v", ok, err)
	}
	s.Close()
	s = d.store(t, path)
	wantBig(t, s)
	wantStored(t, s, "after", "1")
}

// TestCompactAnew: the new file has what is wanted once, and a salt of its own,
// so that what the disk kept of the old one is never taken for a part of it.
func TestCompactAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	s := new(faultyDisk).store(t, path)
	putBig(t, s)
	before, _ := os.ReadFile(path)
	if err := s.compactNow(); err != nil {
		t.Fatal(err)
	}
	after, _ := os.ReadFile(path)
	if len(after) > 3*700_000+1000 {
		t.Errorf("%d bytes", len(after))
	}
	if bytes.Equal(before[8:16], after[8:16]) {
		t.Error("the salt of the file before")
	}
}

// TestOpenFails: whatever fails while a store is opened, the caller is told, it
// can be opened later, and nothing is lost.
func TestOpenFails(t *testing.T) {
	for _, kind := range []string{"new", "empty", "whole", "unfinished"} {
		t.Run(kind, func(t *testing.T) {
			d := new(faultyDisk)
			path := filepath.Join(t.TempDir(), "s")
			for n, more := 0, true; more; n++ {
				os.Remove(path)
				switch kind {
				case "empty":
					os.WriteFile(path, nil, 0o600)
				case "whole", "unfinished":
					s := d.store(t, path)
					putBig(t, s)
					s.Close()
				}
				if kind == "unfinished" {
					f, _ := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
					f.Write(make([]byte, 100))
					f.Close()
				}
				failed := d.failNth(n)
				s, err := openFileStore(path, d.openFile)
				op, name := failed()
				if more = op != ""; more != errors.Is(err, syscall.EIO) {
					t.Errorf("%s %s fails: %v", op, name, err)
				}
				if err != nil {
					if d.open != 0 {
						t.Errorf("%s %s fails: %d files left open", op, name, d.open)
					}
					s = d.store(t, path)
				}
				if kind == "whole" || kind == "unfinished" {
					wantBig(t, s)
				}
				if ok, err := s.Swap(t.Context(), "after", nil, []byte("1"), 0); !ok || err != nil {
					t.Errorf("%s %s has failed: %v, %v", op, name, ok, err)
				}
				s.Close()
			}
		})
	}
}

// TestOpenTidies: a file that is mostly garbage, or has expired, is written anew
// when it is opened.
func TestOpenTidies(t *testing.T) {
	for name, ttl := range map[string]time.Duration{"garbage": 0, "expired": time.Nanosecond} {
		t.Run(name, func(t *testing.T) {
			d := new(faultyDisk)
			path := filepath.Join(t.TempDir(), "s")
			s := d.store(t, path)
			s.Swap(t.Context(), "kept", nil, []byte("1"), 0)
			d.before = func(op, name string) error {
				if op == "open" {
					return syscall.EIO // not written anew for now
				}
				return nil
			}
			for i := range 20 {
				key := fmt.Sprint(i)
				s.Swap(t.Context(), key, nil, make([]byte, 100_000), ttl)
				if ttl == 0 {
					s.Swap(t.Context(), key, make([]byte, 100_000), nil, 0)
				}
			}
			s.Close()
			d.before = nil
			if info, err := os.Stat(path); err != nil || info.Size() < minCompact {
				t.Fatalf("%v, %v", info, err)
			}
			s = d.store(t, path)
			if info, err := os.Stat(path); err != nil || info.Size() > 1000 {
				t.Errorf("%d bytes, %v", info.Size(), err)
			}
			wantStored(t, s, "kept", "1")
		})
	}
}

// TestOpenTidyLoses: a store that could make no changes is not opened.
func TestOpenTidyLoses(t *testing.T) {
	d := new(faultyDisk)
	path := filepath.Join(t.TempDir(), "s")
	s := d.store(t, path)
	s.Swap(t.Context(), "kept", nil, []byte("1"), 0)
	s.append(appendRecord(nil, "garbage", make([]byte, minCompact), 0))
	s.append(appendRecord(nil, "garbage", nil, 0))
	s.Close()
	opens := 0
	d.before = func(op, name string) error {
		if op == "open" && name == path {
			if opens++; opens == 2 { // the first is to read it
				return syscall.EIO
			}
		}
		return nil
	}
	if _, err := openFileStore(path, d.openFile); !errors.Is(err, syscall.EIO) {
		t.Errorf("the new file cannot be opened: %v", err)
	}
	d.before = nil
	wantStored(t, d.store(t, path), "kept", "1")
}

// TestCompactBehindLink: a link to the file stays one when the file is written
// anew.
func TestCompactBehindLink(t *testing.T) {
	d := new(faultyDisk)
	path, link := filepath.Join(t.TempDir(), "s"), filepath.Join(t.TempDir(), "link")
	d.store(t, path).Close()
	if err := os.Symlink(path, link); err != nil {
		t.Skip(err)
	}
	s := d.store(t, link)
	s.Swap(t.Context(), "a", nil, []byte("1"), 0)
	if err := s.compactNow(); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if to, err := os.Readlink(link); to != path || err != nil {
		t.Errorf("the link leads to %q, %v", to, err)
	}
	wantStored(t, d.store(t, path), "a", "1")
}
