// Package busyport reports whether a program cannot listen on a port because
// the port is in use.
package busyport

import (
	"errors"
	"runtime"
	"syscall"
)

// windowsInUse is Windows' error for a port in use. syscall.EADDRINUSE does not
// match it: on Windows, that is a number invented by Go.
const windowsInUse = syscall.Errno(10048)

// Is reports whether net.Listen returned err because another program, or this
// one, already listens on the port.
func Is(err error) bool { return is(err, runtime.GOOS) }

func is(err error, goos string) bool {
	return errors.Is(err, syscall.EADDRINUSE) || goos == "windows" && errors.Is(err, windowsInUse)
}
