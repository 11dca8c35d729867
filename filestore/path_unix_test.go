//go:build linux || darwin

package filestore

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestNotRegular: Open and Salvage refuse a path that is not a regular file,
// and leave it unchanged. They also refuse if the lock beside the file is not a
// regular file.
func TestNotRegular(t *testing.T) {
	for _, kind := range []struct {
		name string
		mode fs.FileMode
		make func(path string) error
	}{
		{"directory", fs.ModeDir, func(path string) error { return os.Mkdir(path, 0o700) }},
		{"named pipe", fs.ModeNamedPipe, func(path string) error { return syscall.Mkfifo(path, 0o600) }},
		{"socket", fs.ModeSocket, func(path string) error {
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
			if err != nil {
				return err
			}
			l.SetUnlinkOnClose(false)
			return l.Close()
		}},
		{"device", fs.ModeDevice, func(path string) error {
			err := syscall.Mknod(path, syscall.S_IFCHR|0o600, 1<<8|3) // the device /dev/null
			if errors.Is(err, syscall.EPERM) {
				err = os.Symlink("/dev/null", path) // only root can create a device
			}
			return err
		}},
	} {
		for _, where := range []string{"path", "link to it", "lock"} {
			t.Run(kind.name+"/"+where, func(t *testing.T) {
				dir, err := os.MkdirTemp("", "fs") // a socket's name must be short
				if err != nil {
					t.Fatal(err)
				}
				defer os.RemoveAll(dir)
				path := filepath.Join(dir, "s")
				thing := path
				if where != "path" {
					thing += ".lock"
				}
				if err := kind.make(thing); err != nil {
					t.Fatal(err)
				}
				switch where {
				case "link to it":
					err = os.Symlink(thing, path)
				case "lock":
					err = os.WriteFile(path, nil, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
				wantNotRegular(t, path, thing, kind.mode)
			})
		}
	}
}

// wantNotRegular checks that Open and Salvage refuse a path with an error that
// names a thing, and change nothing.
func wantNotRegular(t *testing.T, path, thing string, mode fs.FileMode) {
	t.Helper()
	before, files := state(t, thing), fmt.Sprint(filesBeside(t, path))
	_, openErr := Open(path)
	_, salvageErr := Salvage(path)
	for _, err := range []error{openErr, salvageErr} {
		var notRegular *NotRegularError
		if !errors.As(err, &notRegular) || !strings.Contains(err.Error(), "not a regular file: name another file") {
			t.Fatalf("%v is not a NotRegularError", err)
		}
		if path := notRegular.Path; path != thing && filepath.Dir(path) != filepath.Dir(thing) {
			t.Errorf("names %s", path)
		}
		if real, _ := os.Stat(thing); real.Mode()&mode == 0 || notRegular.Mode != real.Mode() && notRegular.Mode&fs.ModeSymlink == 0 {
			t.Errorf("mode %v, want %v", notRegular.Mode, real.Mode())
		}
	}
	if after := state(t, thing); after != before {
		t.Errorf("it was %s and is %s", before, after)
	}
	if now := fmt.Sprint(filesBeside(t, path)); now != files {
		t.Errorf("files %s, were %s", now, files)
	}
}

// state returns a description that differs after any change of a file.
func state(t *testing.T, path string) string {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	st := info.Sys().(*syscall.Stat_t)
	return fmt.Sprint(info.Mode(), st.Ino, st.Rdev, info.ModTime())
}

// TestLeftoverPipe: Open does not wait for a pipe with the name of a leftover.
func TestLeftoverPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	pipe := path + tempMark + "0123456789abcdef"
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	before := state(t, pipe)
	new(faultyDisk).store(t, path)
	if after := state(t, pipe); after != before {
		t.Errorf("it was %s and is %s", before, after)
	}
}

// TestHardLink: a file is locked under each of its names.
func TestHardLink(t *testing.T) {
	dir := t.TempDir()
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	s := new(faultyDisk).store(t, one)
	if err := os.Link(one, two); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(two); !errors.Is(err, ErrLocked) {
		t.Errorf("the other name: %v", err)
	}
	s.Close()
	new(faultyDisk).store(t, two)
}

// TestLockRemoved: a Store stays locked even after a user removes its lock, and
// after a compaction.
func TestLockRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	s := new(faultyDisk).store(t, path)
	for range 2 {
		os.Remove(path + ".lock")
		if _, err := Open(path); !errors.Is(err, ErrLocked) {
			t.Errorf("opened twice: %v", err)
		}
		s.compactNow()
	}
	swap(t, s, "a", "", "1")
	s.Close()
	wantStored(t, new(faultyDisk).store(t, path), "a", "1")
}
