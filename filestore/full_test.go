//go:build !windows

package filestore

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestDisk: a change that cannot be written fails and changes nothing. Later
// ones succeed as soon as the cause has gone, for any cause. A value is never
// lost.
func TestDisk(t *testing.T) {
	for _, tt := range []struct {
		name                  string
		write, sync, truncate error
		temp                  error // of all operations on new files
		want                  string
	}{
		{"full", syscall.ENOSPC, nil, nil, nil, "make room on the disk"},
		{"full, without any room", syscall.ENOSPC, nil, nil, syscall.ENOSPC, "make room on the disk"},
		{"full when synced", nil, syscall.ENOSPC, nil, nil, "make room on the disk"},
		{"quota exceeded", syscall.EDQUOT, nil, nil, nil, "make room on the disk"},
		{"file too large", syscall.EFBIG, nil, nil, nil, "file too large"},
		{"read-only", syscall.EROFS, nil, syscall.EROFS, syscall.EROFS, "this process must be able to write the file and its directory"},
		{"failing", syscall.EIO, syscall.EIO, syscall.EIO, syscall.EIO, "input/output error"},
		{"sync fails", nil, syscall.EIO, nil, nil, "input/output error"},
		{"nothing can be undone", syscall.EIO, nil, syscall.EROFS, nil, "input/output error"},
	} {
		for _, closeFirst := range []bool{false, true} {
			t.Run(fmt.Sprint(tt.name, "/close first ", closeFirst), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { // so that nothing takes long
					captureLog(t)
					d := &faultyDisk{closeFirst: closeFirst}
					testDisk(t, d, func() {
						d.fail(tt.write, tt.sync, tt.truncate)
						d.hook(func(op, name string) error {
							if name == "s.tmp" {
								return tt.temp
							}
							return nil
						})
					}, func(err error) bool {
						return (tt.write != nil && errors.Is(err, tt.write) || tt.sync != nil && errors.Is(err, tt.sync)) && strings.Contains(err.Error(), tt.want)
					})
				})
			})
		}
	}
}

// testDisk makes a disk fail and work again, twice.
func testDisk(t *testing.T, d *faultyDisk, fail func(), isRight func(error) bool) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	s := d.store(t, path)
	swap(t, s, "a", "", "1")
	for _, key := range []string{"b", "c"} {
		fail()
		for range 2 {
			ok, err := s.Swap(t.Context(), "a", []byte("1"), []byte("2"), 0)
			if ok || !isRight(err) || !strings.HasPrefix(err.Error(), "filestore: "+path+": ") {
				t.Errorf("%v, %v", ok, err)
			}
			wantStored(t, s, "a", "1")
		}
		d.fail(nil, nil, nil)
		d.hook(nil)
		swap(t, s, key, "", "1")
		d.hook(func(op, name string) error {
			if name == "s.tmp" {
				t.Errorf("%s once more", op)
			}
			return nil
		})
		swap(t, s, key, "1", "2")
		d.hook(nil)
	}
	swap(t, s, "a", "1", "3")
	s.Close()
	if names := fmt.Sprint(filesBeside(t, path)); names != "[s s.lock]" || d.opened() != 0 {
		t.Errorf("files %s, %d open", names, d.opened())
	}
	s = d.store(t, path)
	for key, want := range map[string]string{"a": "3", "b": "2", "c": "2"} {
		wantStored(t, s, key, want)
	}
	s.Close()
}

// TestUncertainReopened: after a failed sync, the file has the previous value
// or the one that could not be synced.
func TestUncertainReopened(t *testing.T) {
	d := new(faultyDisk)
	path := filepath.Join(t.TempDir(), "s")
	s := d.store(t, path)
	swap(t, s, "a", "", "1")
	d.fail(nil, syscall.EIO, nil)
	if ok, err := s.Swap(t.Context(), "a", []byte("1"), []byte("2"), 0); ok || !errors.Is(err, syscall.EIO) {
		t.Errorf("%v, %v", ok, err)
	}
	wantStored(t, s, "a", "1")
	d.fail(nil, nil, nil)
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	s = d.store(t, path)
	if got, _ := s.Get(t.Context(), "a"); string(got) != "1" && string(got) != "2" {
		t.Errorf("opened again: %q", got)
	}
}

// TestFullForGood: on a disk that is full of old values, the bot frees space by
// deleting values.
func TestFullForGood(t *testing.T) {
	for _, closeFirst := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			captureLog(t)
			d := &faultyDisk{closeFirst: closeFirst, room: 3 << 20}
			path := filepath.Join(t.TempDir(), "s")
			s := d.store(t, path)
			value := func(n int) string { return strings.Repeat(fmt.Sprint(n%10), 100_000) }
			const keys = 16
			var live [keys]string
			n := 0
			for ; ; n++ { // until the disk is full
				key, next := fmt.Sprint(n%keys), value(n/keys)
				if ok, err := s.Swap(t.Context(), key, []byte(live[n%keys]), []byte(next), 0); !ok {
					if !errors.Is(err, syscall.ENOSPC) {
						t.Fatal(err)
					}
					break
				}
				live[n%keys] = next
			}
			if n < keys {
				t.Fatalf("full after %d changes", n)
			}
			for i := range keys {
				swap(t, s, fmt.Sprint(i), live[i], "")
			}
			for i := range keys {
				swap(t, s, fmt.Sprint(i), "", value(i))
			}
			s.Close()
			s = d.store(t, path)
			for i := range keys {
				wantStored(t, s, fmt.Sprint(i), value(i))
			}
			s.Close()
		})
	}
}

// TestFullByCompaction: if a compaction takes the last space, it is stopped,
// and the change is made.
func TestFullByCompaction(t *testing.T) {
	d, log := &faultyDisk{room: 3 << 20}, captureLog(t)
	path := filepath.Join(t.TempDir(), "s")
	s := d.store(t, path)
	putBig(t, s)
	room, changed := strings.Repeat("x", 500_000), make(chan error, 1)
	begun, full := false, new(atomic.Bool)
	d.hook(func(op, name string) error {
		if op == "sync" && name == "s.tmp" && !begun {
			begun = true
			go func() {
				_, err := s.Swap(t.Context(), "a", nil, []byte(room), 0)
				changed <- err
			}()
			for !full.Load() {
			}
		}
		if op == "truncate" {
			full.Store(true) // the change does not fit, and is about to stop the compaction
		}
		return nil
	})
	s.compactNow()
	d.hook(nil)
	if err := <-changed; err != nil {
		t.Error(err)
	}
	wantStored(t, s, "a", room)
	wantBig(t, s)
	if !strings.Contains(log.String(), "compaction failed") || !strings.Contains(log.String(), "make room") {
		t.Errorf("the log is %s", log)
	}
	s.Close()
	if names := fmt.Sprint(filesBeside(t, path)); names != "[s s.lock]" {
		t.Errorf("files %s", names)
	}
	wantStored(t, d.store(t, path), "a", room)
}

// TestFullByOldFile: a change that finds the disk full of the file that a
// compaction has just replaced waits until its space is free.
func TestFullByOldFile(t *testing.T) {
	d := &faultyDisk{room: 3 << 20}
	path := filepath.Join(t.TempDir(), "s")
	s := d.store(t, path)
	putBig(t, s)
	room, changed := strings.Repeat("x", 1_500_000), make(chan error, 1)
	full := make(chan struct{})
	d.hook(func(op, name string) error {
		switch op + " " + name {
		case "syncdir .": // the old file is replaced
			go func() {
				_, err := s.Swap(t.Context(), "a", nil, []byte(room), 0)
				changed <- err
			}()
			<-full
		case "truncate s": // the change does not fit
			close(full)
		}
		return nil
	})
	for i := range 2 { // the second starts the compaction
		swap(t, s, fmt.Sprint("big", i), strings.Repeat(fmt.Sprint(i), 700_000), "")
	}
	if err := <-changed; err != nil {
		t.Error(err)
	}
	d.hook(nil)
	wantStored(t, s, "a", room)
	s.Close()
	wantStored(t, d.store(t, path), "a", room)
}

// TestAttempts: if an attempt to write a new file takes long and fails, it is
// not repeated with each change.
func TestAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		captureLog(t)
		d := new(faultyDisk)
		s := d.store(t, filepath.Join(t.TempDir(), "s"))
		swap(t, s, "a", "", "1")
		d.fail(nil, syscall.EIO, nil)
		tries := 0
		d.hook(func(op, name string) error {
			if op == "write" && name == "s.tmp" {
				tries++
				time.Sleep(time.Second)
			}
			return nil
		})
		try := func(want int) {
			t.Helper()
			if ok, err := s.Swap(t.Context(), "a", []byte("1"), []byte("2"), 0); ok || !errors.Is(err, syscall.EIO) {
				t.Errorf("%v, %v", ok, err)
			}
			if tries != want {
				t.Errorf("%d tries, want %d", tries, want)
			}
		}
		try(0)
		try(2) // the header and a frame
		time.Sleep(20*time.Second - 1)
		try(2)
		time.Sleep(time.Nanosecond)
		try(4)
		d.fail(nil, nil, nil)
		d.hook(nil)
		time.Sleep(20 * time.Second)
		swap(t, s, "a", "1", "2")
		s.Close()
	})
}
