//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd || windows)

package filestore

import (
	"io/fs"
	"os"
)

const (
	noFollow    = 0
	renamesOpen = true
)

// openLock takes no lock: the system has no lock that ends with the process.
func openLock(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
}

func lockOpen(*os.File, bool) error { return nil }

func owner(fs.FileInfo) (uid, gid int, ok bool) { return 0, 0, false }

func isFull(error) bool { return false }

func isReadOnly(error) bool { return false }
