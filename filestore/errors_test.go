//go:build !windows

package filestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"
)

// TestFailed: an error of the system has the path, the cause and, where there is
// one, the remedy. An error that has them stays as it is.
func TestFailed(t *testing.T) {
	const write = "this process must be able to write the file and its directory"
	open := func(err error) error { return &fs.PathError{Op: "open", Path: "/d/s", Err: err} }
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"no right", open(syscall.EACCES), "filestore: /d/s: open /d/s: permission denied: " + write},
		{"not the owner", open(syscall.EPERM), "filestore: /d/s: open /d/s: operation not permitted: " + write},
		{"read-only disk", open(syscall.EROFS), "filestore: /d/s: open /d/s: read-only file system: " + write},
		{"full disk", open(syscall.ENOSPC), "filestore: /d/s: open /d/s: no space left on device: make room on the disk"},
		{"quota", open(syscall.EDQUOT), "filestore: /d/s: open /d/s: disk quota exceeded: make room on the disk"},
		{"no directory", open(syscall.ENOENT), "filestore: /d/s: open /d/s: no such file or directory: create the directory first"},
		{"in the way", open(syscall.EEXIST), "filestore: /d/s: open /d/s: file exists: move it away"},
		{"another cause", open(syscall.EIO), "filestore: /d/s: open /d/s: input/output error"},
		{"closed", os.ErrClosed, "filestore: /d/s: file already closed"},
		{"not regular", &NotRegularError{"/d/s", fs.ModeDir}, "filestore: /d/s: a directory, not a regular file: name another file, or move it away"},
		{"an unknown kind", &NotRegularError{"/d/s", fs.ModeIrregular}, "filestore: /d/s: a special file, not a regular file: name another file, or move it away"},
		{"damaged", &CorruptError{"/d/s", 24, errors.New("damaged at offset 24")}, "filestore: /d/s: damaged at offset 24: restore a copy, or use filestore.Salvage"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := failed("/d/s", tt.err)
			if err.Error() != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

// TestOpenReadOnly: an error of a disk that cannot be written says so.
func TestOpenReadOnly(t *testing.T) {
	path, _, _ := twoChanges(t)
	for _, cause := range []error{syscall.EROFS, syscall.EACCES} {
		d := new(faultyDisk)
		d.hook(func(op, name string) error {
			if op == "open" {
				return &fs.PathError{Op: op, Path: path, Err: cause}
			}
			return nil
		})
		want := fmt.Sprintf("filestore: %s: open %[1]s: %v: this process must be able to write the file and its directory", path, cause)
		if _, err := openWith(path, d); !errors.Is(err, cause) || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}
