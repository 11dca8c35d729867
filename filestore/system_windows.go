package filestore

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// noFollow is not needed: only a user with special rights can make a symbolic link.
const noFollow = 0

// renamesOpen reports whether a file can be renamed and replaced while it is open.
const renamesOpen = false

// Error codes that package syscall does not define.
const (
	writeProtect     = syscall.Errno(19)
	sharingViolation = syscall.Errno(32)
	handleDiskFull   = syscall.Errno(39)
	diskFull         = syscall.Errno(112)
)

// openLock opens a file so that no other process can open it for writing. It
// returns ErrLocked if another process has done that already.
func openLock(name string) (*os.File, error) {
	path, err := syscall.UTF16PtrFromString(name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	h, err := syscall.CreateFile(path, syscall.GENERIC_READ|syscall.GENERIC_WRITE, syscall.FILE_SHARE_READ, nil,
		syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	switch {
	case err == nil:
		return os.NewFile(uintptr(h), name), nil
	case errors.Is(err, sharingViolation):
		return nil, ErrLocked
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: err}
}

// lockOpen does nothing: an open lock file cannot be removed, so that no other
// process can create a second one.
func lockOpen(*os.File, bool) error { return nil }

func owner(fs.FileInfo) (uid, gid int, ok bool) { return 0, 0, false }

func isFull(err error) bool {
	return errors.Is(err, diskFull) || errors.Is(err, handleDiskFull)
}

func isReadOnly(err error) bool { return errors.Is(err, writeProtect) }
