package filestore

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime"
	"syscall"
)

// files is the part of a file system that a Store needs.
type files interface {
	// Open opens a file and locks it, if the system can.
	Open(name string, flag int) (diskFile, error)
	Lstat(name string) (fs.FileInfo, error)
	Rename(from, to string) error
	Remove(name string) error

	// SyncDir syncs a directory, so that new names in it are safe on the disk.
	SyncDir(dir string) error

	// RenamesOpen reports whether a file can be renamed and replaced while it is
	// open.
	RenamesOpen() bool
}

// A diskFile is the part of an [os.File] that a Store needs.
type diskFile interface {
	io.ReaderAt
	io.WriterAt
	Truncate(size int64) error
	Sync() error
	Stat() (fs.FileInfo, error)
	Chmod(mode fs.FileMode) error
	Chown(uid, gid int) error
	Close() error
}

// osFiles is the file system of the operating system.
type osFiles struct{}

func (osFiles) Open(name string, flag int) (diskFile, error) {
	f, err := openFile(name, flag)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func openFile(name string, flag int) (*os.File, error) {
	f, err := os.OpenFile(name, flag|noFollow, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lockOpen(f, flag&(os.O_WRONLY|os.O_RDWR) == 0); err != nil {
		f.Close()
		if errors.Is(err, ErrLocked) {
			err = lockedBy(nil) // the file has another name, or its lock was removed
		}
		return nil, err
	}
	return f, nil
}

func (osFiles) Lstat(name string) (fs.FileInfo, error) { return os.Lstat(name) }
func (osFiles) Rename(from, to string) error           { return os.Rename(from, to) }
func (osFiles) Remove(name string) error               { return os.Remove(name) }
func (osFiles) RenamesOpen() bool                      { return renamesOpen }

func (osFiles) SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // not possible, and not needed
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil // some file systems cannot sync a directory
	}
	return errors.Join(err, d.Close())
}
