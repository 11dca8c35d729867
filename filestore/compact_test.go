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
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/internal/memstore"
)

func sizeOf(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// TestCompact: the size of the file stays limited, even after compactions have
// failed for a while, and compactions lose nothing.
func TestCompact(t *testing.T) {
	d := new(faultyDisk)
	path := filepath.Join(t.TempDir(), "s")
	s := d.store(t, path)
	swap(t, s, "kept", "", "1")
	last := ""
	put := func() {
		t.Helper()
		next := strings.Repeat(string(rune('a'+rand.IntN(26))), 100_000)
		swap(t, s, "a", last, next)
		last = next
		s.awaitCompaction()
	}
	for range 100 {
		put()
		if n := sizeOf(t, path); n > 2*minCompact {
			t.Fatalf("%d bytes", n)
		}
	}
	tries, log := 0, captureLog(t)
	d.hook(func(op, name string) error {
		if op == "open" && name == "s.tmp" {
			tries++
			return syscall.EACCES
		}
		return nil
	})
	for sizeOf(t, path) < 3*minCompact {
		put()
	}
	if tries != 2 {
		t.Errorf("%d tries until the file was three times as large, want 2", tries)
	}
	d.hook(nil)
	for range 100 {
		put()
	}
	if n := sizeOf(t, path); n > 2*minCompact {
		t.Errorf("%d bytes after a compaction", n)
	}
	for line, want := range map[string]int{"compaction failed": 1, "must be able to write the file and its directory": 1, "compaction succeeds again": 1} {
		if n := strings.Count(log.String(), line); n != want {
			t.Errorf("%d times %q in the log, want %d:\n%s", n, line, want, log)
		}
	}
	// A compaction drops expired values.
	for i := range 20 {
		s.Swap(t.Context(), fmt.Sprint("x", i), nil, make([]byte, 100_000), time.Nanosecond)
	}
	for range 20 {
		put()
	}
	if n := sizeOf(t, path); n > 2*minCompact || s.entries.Len() > 2+memstore.SweepEach {
		t.Errorf("%d bytes, %d entries", n, s.entries.Len())
	}
	s.Close()
	s = d.store(t, path)
	wantStored(t, s, "kept", "1")
	wantStored(t, s, "a", last)
}

// TestCompactRetries: a failed compaction is retried after a minute.
func TestCompactRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		captureLog(t)
		d := new(faultyDisk)
		path := filepath.Join(t.TempDir(), "s")
		s := d.store(t, path)
		d.hook(func(op, name string) error {
			if name == "s.tmp" {
				return syscall.ENOSPC
			}
			return nil
		})
		swap(t, s, "a", "", strings.Repeat("x", minCompact))
		swap(t, s, "a", strings.Repeat("x", minCompact), "1")
		synctest.Wait()
		d.hook(nil)
		swap(t, s, "a", "1", "2")
		synctest.Wait()
		if n := sizeOf(t, path); n < minCompact {
			t.Errorf("%d bytes at once", n)
		}
		time.Sleep(retryAfter)
		swap(t, s, "a", "2", "3")
		synctest.Wait()
		if n := sizeOf(t, path); n > 1000 {
			t.Errorf("%d bytes after a minute", n)
		}
		s.Close()
	})
}

// TestCompactBeside: changes are made during each operation of a compaction,
// and are kept. They wait only while few bytes are written, synced and renamed.
func TestCompactBeside(t *testing.T) {
	for _, closeFirst := range []bool{false, true} {
		t.Run(fmt.Sprint("close first ", closeFirst), func(t *testing.T) {
			d := &faultyDisk{closeFirst: closeFirst}
			path := filepath.Join(t.TempDir(), "s")
			s := d.store(t, path)
			putBig(t, s)
			want := make(map[string]string)
			for i := range 100 {
				want[fmt.Sprint(i)] = "old"
				swap(t, s, fmt.Sprint(i), "", "old")
			}
			changes := 0
			beside, held, rest := compactWith(t, d, s, func(size int) {
				key, next := fmt.Sprint(changes%100), fmt.Sprintf("%0*d", size, changes)
				if changes%7 == 0 {
					next = ""
				}
				swap(t, s, key, want[key], next)
				want[key] = next
				changes++
			})
			for _, op := range []string{"open s.tmp", "write s.tmp", "sync s.tmp", "syncdir ."} {
				if beside[op] == 0 {
					t.Errorf("no change was possible during %s", op)
				}
			}
			wantHeld := map[string]int{"write s.tmp": 1, "sync s.tmp": 1, "stat s.tmp": 1, "rename s.tmp": 1}
			if !d.RenamesOpen() {
				wantHeld["close s.tmp"] = 1
			}
			if fmt.Sprint(held) != fmt.Sprint(wantHeld) {
				t.Errorf("changes wait for %v, want %v", held, wantHeld)
			}
			if changes < 100 || rest <= 0 || rest > maxRest+1000 {
				t.Errorf("%d changes, the last %d bytes were copied while others wait", changes, rest)
			}
			for range 2 {
				wantBig(t, s)
				for key, value := range want {
					wantStored(t, s, key, value)
				}
				s.Close()
				s = d.store(t, path)
			}
			s.Close()
		})
	}
}

// compactWith compacts the file and makes changes of a size during each
// operation that permits them. It returns these operations, the other
// operations, and the number of bytes written during the latter.
func compactWith(t *testing.T, d *faultyDisk, s *Store, change func(size int)) (beside, held map[string]int, rest int64) {
	t.Helper()
	tempSize := func() int64 {
		names, err := filepath.Glob(s.path + tempMark + "*")
		if err != nil || len(names) != 1 {
			t.Fatalf("%v, %v", names, err)
		}
		return sizeOf(t, names[0])
	}
	beside, held = make(map[string]int), make(map[string]int)
	var before, after int64
	d.hook(func(op, name string) error {
		if name != "s.tmp" && name != "s (old)" && name != "." {
			return nil // an operation of a change
		}
		if op == "open" {
			s.disk.Lock() // compactNow may still hold it
		} else if !s.disk.TryLock() {
			held[op+" "+name]++
			if op == "sync" {
				after = tempSize()
			}
			return nil
		}
		s.disk.Unlock()
		beside[op+" "+name]++
		switch op + " " + name {
		case "syncdir .": // a change waits for it
		case "open s.tmp":
			for range 100 {
				change(10_000)
			}
		default:
			change(10)
		}
		if op+" "+name == "sync s.tmp" {
			before = tempSize()
		}
		return nil
	})
	s.compactNow()
	d.hook(nil)
	return beside, held, after - before
}

// TestCompactFastChanges: a compaction finishes even if a large change arrives
// during each of its operations.
func TestCompactFastChanges(t *testing.T) {
	d := new(faultyDisk)
	path := filepath.Join(t.TempDir(), "s")
	s := d.store(t, path)
	last, syncs := "", 0
	d.hook(func(op, name string) error {
		if op == "open" && name == "s.tmp" {
			s.disk.Lock() // compactNow may still hold it
			syncs = 0
			s.disk.Unlock()
		}
		if op == "sync" && name == "s.tmp" && s.disk.TryLock() {
			s.disk.Unlock()
			if syncs++; syncs > 10*maxRounds {
				return errors.New("no end") // otherwise the disk would fill up
			}
			next := strings.Repeat(fmt.Sprint(syncs%10), 2*maxRest)
			swap(t, s, "a", last, next)
			last = next
		}
		return nil
	})
	s.compactNow()
	d.hook(nil)
	if syncs < maxRounds || syncs > 3*maxRounds {
		t.Errorf("%d syncs", syncs)
	}
	s.Close()
	wantStored(t, d.store(t, path), "a", last)
	if n := sizeOf(t, path); n > 2*maxRounds*2*maxRest {
		t.Errorf("%d bytes", n)
	}
}

// TestCompactExpires: a value that is renewed while it is copied does not
// expire, and one that is deleted does not come back. Expired values are not
// copied.
func TestCompactExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := new(faultyDisk)
		path := filepath.Join(t.TempDir(), "s")
		s := d.store(t, path)
		for _, key := range []string{"renewed", "deleted", "expired"} {
			s.Swap(t.Context(), key, nil, []byte("1"), time.Minute)
		}
		for i := range 50 {
			s.Swap(t.Context(), fmt.Sprint(i), nil, make([]byte, 1000), time.Second)
		}
		time.Sleep(time.Second)
		d.hook(func(op, name string) error {
			if op == "open" && name == "s.tmp" {
				s.Swap(t.Context(), "renewed", []byte("1"), []byte("1"), time.Hour)
				s.Swap(t.Context(), "deleted", []byte("1"), nil, 0)
			}
			return nil
		})
		s.compactNow()
		d.hook(nil)
		if n := sizeOf(t, path); n > 1000 {
			t.Errorf("%d bytes: has expired values", n)
		}
		s.Close()
		time.Sleep(2 * time.Minute)
		s = d.store(t, path)
		for key, want := range map[string]string{"renewed": "1", "deleted": "", "expired": ""} {
			wantStored(t, s, key, want)
		}
		s.Close()
	})
}

// TestCompactAnew: the new file has each value once. It has its own salt, so
// that old contents of the disk are never valid in it.
func TestCompactAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	s := new(faultyDisk).store(t, path)
	putBig(t, s)
	swap(t, s, "big0", strings.Repeat("0", 700_000), "")
	swap(t, s, "big0", "", strings.Repeat("0", 700_000))
	before, _ := os.ReadFile(path)
	s.compactNow()
	after, _ := os.ReadFile(path)
	if len(after) > 3*700_000+1000 {
		t.Errorf("%d bytes", len(after))
	}
	if bytes.Equal(before[8:16], after[8:16]) {
		t.Error("the new file has the salt of the old one")
	}
}
