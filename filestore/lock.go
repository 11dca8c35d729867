package filestore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// A storeLock is the file beside a Store that only one process can hold. It
// must not be removed: then two processes could hold the locks of two files
// with the same name.
type storeLock struct{ file *os.File }

// maxHolder is the maximum size of the text in a lock: the number of the process
// and the name of its host.
const maxHolder = 300

// lockStore takes the lock of the Store in a file. The lock ends with the
// process, however the process ends.
func lockStore(path string) (*storeLock, error) {
	name := path + ".lock"
	if info, err := os.Lstat(name); err == nil && !info.Mode().IsRegular() {
		return nil, &NotRegularError{name, info.Mode()}
	}
	f, err := openLock(name)
	if errors.Is(err, ErrLocked) {
		text, _ := os.ReadFile(name)
		return nil, lockedBy(text)
	}
	if err != nil {
		return nil, err
	}
	if err := sign(f); err != nil {
		f.Close()
		return nil, err
	}
	return &storeLock{f}, nil
}

// sign writes the number and the host of this process into the lock.
func sign(f *os.File) error {
	b := make([]byte, maxHolder+1)
	n, err := f.ReadAt(b, 0)
	if err != nil && err != io.EOF {
		return err
	}
	text := bytes.Trim(b[:n], "\x00") // a loss of power can leave zeros
	if _, _, ok := parseHolder(text); !ok && len(text) > 0 {
		return fmt.Errorf("%s is not the lock of a Store: move it away", f.Name())
	}
	// The lock works without the text, which is only used in the errors of other
	// processes.
	if f.Truncate(0) == nil {
		f.WriteAt(holder(), 0)
	}
	return nil
}

// Close releases the lock, and leaves an empty file.
func (l *storeLock) Close() error {
	l.file.Truncate(0)
	return l.file.Close()
}

func hostname() string {
	host, err := os.Hostname()
	if err != nil || strings.ContainsAny(host, "\n\x00") || len(host) > maxHolder-30 {
		return ""
	}
	return host
}

// holder returns the text in a lock of this process.
func holder() []byte { return fmt.Appendf(nil, "%d %s\n", os.Getpid(), hostname()) }

func parseHolder(text []byte) (pid int, host string, ok bool) {
	line, ok := strings.CutSuffix(string(text), "\n")
	number, host, found := strings.Cut(line, " ")
	pid, err := strconv.Atoi(number)
	return pid, host, ok && found && err == nil && pid > 0 && len(text) <= maxHolder && !strings.Contains(host, "\n")
}

// lockedBy returns an error that wraps ErrLocked and names the process that
// wrote text. The numbers of processes on another host, or in another
// container, are unrelated to this one's.
func lockedBy(text []byte) error {
	pid, host, ok := parseHolder(text)
	switch {
	case !ok:
		return fmt.Errorf("%w by another process: stop that process, or use another file", ErrLocked)
	case host != hostname():
		return fmt.Errorf("%w by process %d on host %s: stop that process, or use another file", ErrLocked, pid, host)
	case pid == os.Getpid():
		return fmt.Errorf("%w by this process (%d): close its Store first, or share it", ErrLocked, pid)
	}
	return fmt.Errorf("%w by process %d: stop that process, or use another file", ErrLocked, pid)
}
