package filestore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
)

// TestCompactFails: if any operation of a compaction fails, no value is lost
// and no file is left over. The Store continues.
func TestCompactFails(t *testing.T) {
	for _, closeFirst := range []bool{false, true} {
		for _, beside := range []bool{false, true} {
			t.Run(fmt.Sprintf("close first %v/beside changes %v", closeFirst, beside), func(t *testing.T) {
				seen := make(map[string]bool)
				for n, more := 0, true; more; n++ {
					synctest.Test(t, func(t *testing.T) { // so that nothing takes long
						what := testCompactFails(t, n, closeFirst, beside)
						seen[what] = true
						more = what != ""
					})
				}
				want := []string{"open s.tmp", "write s.tmp", "sync s.tmp", "stat s.tmp", "lstat s", "rename s.tmp", "syncdir ."}
				if closeFirst || !renamesOpen {
					want = append(want, "close s.tmp", "close s", "open s", "stat s", "read s")
				} else {
					want = append(want, "close s (old)")
				}
				for _, what := range want {
					if !seen[what] {
						t.Errorf("%s did not fail", what)
					}
				}
			})
		}
	}
}

// testCompactFails makes the nth operation of a compaction fail, and returns it.
func testCompactFails(t *testing.T, n int, closeFirst, beside bool) (what string) {
	captureLog(t)
	d := &faultyDisk{closeFirst: closeFirst}
	path := filepath.Join(t.TempDir(), "s")
	s := d.store(t, path)
	putBig(t, s)
	swap(t, s, "big0", strings.Repeat("0", 700_000), "")
	swap(t, s, "big0", "", strings.Repeat("0", 700_000))
	failed := d.failNth(n)
	if beside {
		s.compactNow()
	} else {
		s.rewriteNow()
	}
	what = failed()
	wantBig(t, s)
	ok, err := s.Swap(t.Context(), "after", nil, []byte("1"), 0)
	if uncertain := beside && what == "syncdir ."; ok == uncertain || uncertain != errors.Is(err, syscall.EIO) {
		t.Errorf("%s: after it: %v, %v", what, ok, err)
	}
	if !ok {
		swap(t, s, "after", "", "1") // into a new file
	}
	s.Close()
	if n := d.opened(); n != 0 {
		t.Errorf("%s: %d files left open", what, n)
	}
	if names := fmt.Sprint(filesBeside(t, path)); names != "[s s.lock]" {
		t.Errorf("%s: files %s", what, names)
	}
	s = d.store(t, path)
	wantBig(t, s)
	wantStored(t, s, "after", "1")
	s.Close()
	return what
}

// TestCompactNotPutInPlace: if the new file cannot replace the old one, the old
// one stays in use.
func TestCompactNotPutInPlace(t *testing.T) {
	captureLog(t)
	for _, closeFirst := range []bool{false, true} {
		d := &faultyDisk{closeFirst: closeFirst}
		path := filepath.Join(t.TempDir(), "s")
		s := d.store(t, path)
		putBig(t, s)
		d.hook(func(op, name string) error {
			if op == "rename" {
				names, _ := filepath.Glob(path + tempMark + "*")
				os.Remove(names[0])
			}
			return nil
		})
		if err := s.rewriteNow(); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the new file is gone: %v", err)
		}
		d.hook(nil)
		swap(t, s, "after", "", "1")
		s.Close()
		s = d.store(t, path)
		wantBig(t, s)
		wantStored(t, s, "after", "1")
		s.Close()
	}
}

// TestCompactDamage: a compaction does not copy damage. The changes are read
// from the old file, and a damaged change is not copied.
func TestCompactDamage(t *testing.T) {
	d, log := new(faultyDisk), captureLog(t)
	path := filepath.Join(t.TempDir(), "s")
	s := d.store(t, path)
	done := false
	d.hook(func(op, name string) error {
		if op == "open" && name == "s.tmp" && !done {
			done = true
			swap(t, s, "a", "", strings.Repeat("x", 2*maxRest))
			s.file.(*faultyFile).File.WriteAt([]byte("damage"), s.log.End()-10)
		}
		return nil
	})
	s.compactNow()
	d.hook(nil)
	if !strings.Contains(log.String(), "damaged at offset 24") {
		t.Errorf("the log is %s", log)
	}
	if names := fmt.Sprint(filesBeside(t, path)); names != "[s s.lock]" {
		t.Errorf("files %s", names)
	}
}

// TestCloseCompacting: Close can end a compaction at each of its operations. No
// value is lost, no file is left over, and the goroutine ends.
func TestCloseCompacting(t *testing.T) {
	for n, more := 0, true; more; n++ {
		d := new(faultyDisk)
		path := filepath.Join(t.TempDir(), "s")
		s := d.store(t, path)
		putBig(t, s)
		reached := make(chan string, 1)
		ops := 0
		d.hook(func(op, name string) error {
			if name == "s.tmp" || name == "." || name == "s (old)" {
				if ops++; ops == n+1 {
					reached <- op + " " + name
					for closing := false; !closing; { // until Close has begun
						s.mu.Lock()
						closing = s.closed
						s.mu.Unlock()
					}
				}
			}
			return nil
		})
		s.disk.Lock()
		s.compact()
		s.disk.Unlock()
		at := ""
		more = false
		for over := false; !over && !more; runtime.Gosched() {
			select {
			case at = <-reached:
				more = true
			default:
				if over = s.compactions.TryLock(); over {
					s.compactions.Unlock()
				}
			}
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: %v", at, err)
		}
		if !s.compactions.TryLock() {
			t.Errorf("%s: the goroutine goes on after Close", at)
		}
		d.hook(nil)
		if names := fmt.Sprint(filesBeside(t, path)); names != "[s s.lock]" || d.opened() != 0 {
			t.Errorf("%s: files %s, %d open", at, names, d.opened())
		}
		s = d.store(t, path)
		wantBig(t, s)
		s.Close()
	}
}

// TestCompactFailedRoom: a change that finds the disk full while the new file
// of a failed compaction is being removed waits for the space.
func TestCompactFailedRoom(t *testing.T) {
	captureLog(t)
	d := new(faultyDisk)
	path := filepath.Join(t.TempDir(), "s")
	s := d.store(t, path)
	putBig(t, s)
	full, swapped := make(chan bool), make(chan error, 1)
	var removing, removed atomic.Bool
	d.hook(func(op, name string) error {
		switch op + " " + name {
		case "rename s.tmp":
			return syscall.EIO
		case "remove s.tmp":
			if removing.Swap(true) {
				return nil
			}
			go func() {
				ok, err := s.Swap(context.Background(), "after", nil, []byte("1"), 0)
				if err == nil && !ok {
					err = errors.New("not swapped")
				}
				swapped <- err
			}()
			<-full
			removed.Store(true)
		case "write s":
			if !removed.Load() {
				close(full)
				return syscall.ENOSPC
			}
		}
		return nil
	})
	s.compactNow()
	if err := <-swapped; err != nil {
		t.Error(err)
	}
	d.hook(nil)
	wantBig(t, s)
	wantStored(t, s, "after", "1")
	s.compactNow() // the failed compaction leaves nothing behind
	s.Close()
	if names := fmt.Sprint(filesBeside(t, path)); names != "[s s.lock]" || d.opened() != 0 {
		t.Errorf("files %s, %d open", names, d.opened())
	}
}
