// Package busyport tells why a program cannot listen on a port.
package busyport

import (
	"errors"
	"runtime"
	"syscall"
)

// windowsInUse is the error of Windows for a port in use. syscall.EADDRINUSE
// does not match it: there, that is a number of Go's own.
const windowsInUse = syscall.Errno(10048)

// Is reports whether net.Listen returned err because another program, or this
// one, listens on the port already.
func Is(err error) bool { return is(err, runtime.GOOS) }

func is(err error, goos string) bool {
	return errors.Is(err, syscall.EADDRINUSE) || goos == "windows" && errors.Is(err, windowsInUse)
}
