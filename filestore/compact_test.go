package filestore

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vkrouter/vk/internal/memstore"
)

// TestCompact: the size of the file stays limited, also after compactions have
// failed for a while, and compactions lose nothing.
func TestCompact(t *testing.T) {
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
	// A directory with the name of the new file makes compactions fail.
	if err := os.MkdirAll(filepath.Join(path+".tmp", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	tries, log := 0, captureLog(t)
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
		t.Errorf("%d tries until the file was three times as large, want 2", tries)
	}
	if n := strings.Count(log.String(), "filestore: compaction failed"); n != tries {
		t.Errorf("%d warnings for %d tries:\n%s", n, tries, log)
	}
	d.before = nil
	os.RemoveAll(path + ".tmp")
	for range 100 {
		put()
	}
	if size() > 2*minCompact {
		t.Errorf("%d bytes after a compaction", size())
	}
	// A compaction drops expired values.
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

// TestCompactFails: if any operation of a compaction fails, no value is lost and
// no file is left. The Store goes on, unless it cannot open the file.
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
		ignored := what == "close s" || !more // the old file is not needed any more
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

// TestCompactNotPutInPlace: if the new file cannot replace the old one, the old
// one stays in use.
func TestCompactNotPutInPlace(t *testing.T) {
	d := new(faultyDisk)
	path := filepath.Join(t.TempDir(), "s")
	s := d.store(t, path)
	putBig(t, s)
	d.before = func(op, name string) error {
		if op == "close" && name == path { // just before the rename
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

// TestCompactNotAfterLoss: if the contents of the file are unknown, it is not
// replaced.
func TestCompactNotAfterLoss(t *testing.T) {
	d := new(faultyDisk)
	s := d.store(t, filepath.Join(t.TempDir(), "s"))
	s.append(appendRecord(nil, "garbage", make([]byte, minCompact), 0))
	opened := ""
	d.before = func(op, name string) error {
		if op == "open" {
			opened = name
		}
		return nil
	}
	d.fail(nil, syscall.EIO, nil)
	if ok, err := s.Swap(t.Context(), "a", nil, []byte("1"), 0); ok || !errors.Is(err, syscall.EIO) {
		t.Errorf("%v, %v", ok, err)
	}
	if opened != "" {
		t.Errorf("opened %s", opened)
	}
}

// TestCompactAnew: the new file has each value once. It has a salt of its own, so
// that no old contents of the disk are valid in it.
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
		t.Error("the new file has the salt of the old one")
	}
}

// TestCompactBehindLink: a compaction does not replace a link to the file.
func TestCompactBehindLink(t *testing.T) {
	d := new(faultyDisk)
	path, link := filepath.Join(t.TempDir(), "s"), filepath.Join(t.TempDir(), "link")
	d.store(t, path).Close()
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
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
