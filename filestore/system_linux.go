package filestore

import (
	"io/fs"
	"syscall"
)

// isUnused reports whether an open file has no name, and no other program has it
// open.
func isUnused(f diskFile, info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Nlink > 0 {
		return false
	}
	file, ok := f.(interface{ Fd() uintptr })
	if !ok {
		return false
	}
	// The system grants a lease for writing if this is the only open file.
	lease := func(kind int) bool {
		_, _, errno := syscall.Syscall(syscall.SYS_FCNTL, file.Fd(), syscall.F_SETLEASE, uintptr(kind))
		return errno == 0
	}
	return lease(syscall.F_WRLCK) && lease(syscall.F_UNLCK)
}
