package filestore

import (
	"errors"
	"fmt"
	"io/fs"
)

const errPrefix = "filestore"

// ErrLocked is the error that [Open] and [Salvage] wrap if the file is open
// already. The text of their error names the process that holds the lock.
var ErrLocked = errors.New("locked")

// A NotRegularError reports a path that is or leads to a directory, a device, a
// named pipe or a socket. Nothing has been changed. To recover, name another
// file; if Path is the lock beside the file, move it away.
type NotRegularError struct {
	Path string
	Mode fs.FileMode
}

// Error returns the path, its kind and the remedy.
func (e *NotRegularError) Error() string {
	kind := "special file"
	switch m := e.Mode; {
	case m.IsDir():
		kind = "directory"
	case m&fs.ModeSymlink != 0:
		kind = "symbolic link"
	case m&fs.ModeNamedPipe != 0:
		kind = "named pipe"
	case m&fs.ModeSocket != 0:
		kind = "socket"
	case m&fs.ModeDevice != 0:
		kind = "device"
	}
	return fmt.Sprintf("%s: %s: a %s, not a regular file: name another file, or move it away", errPrefix, e.Path, kind)
}

// A CorruptError reports a file that is damaged, or that is not the file of a
// Store. The file has not been changed. To recover, restore a copy, let
// [Salvage] save the readable values, or move the file away to start with an
// empty Store.
type CorruptError struct {
	Path   string
	Offset int64 // of the damage; 0 if the file is not the file of a Store
	Err    error // the cause
}

// Error returns the path, the cause and the remedy.
func (e *CorruptError) Error() string {
	remedy := "restore a copy, or use filestore.Salvage"
	if errors.Is(e.Err, errNotStore) {
		remedy = "name another file, or restore a copy, or use filestore.Salvage"
	}
	if errors.Is(e.Err, errNothing) {
		remedy = "restore a copy"
	}
	return fmt.Sprintf("%s: %s: %v: %s", errPrefix, e.Path, e.Err, remedy)
}

// Unwrap returns e.Err.
func (e *CorruptError) Unwrap() error { return e.Err }

var (
	errNotStore = errors.New("not the file of a Store, or damaged at its beginning")
	errNothing  = errors.New("nothing in it can be read")
	errRecord   = errors.New("malformed record")
)

// A ChangedError reports a file that another program has deleted, moved,
// replaced, or made longer or shorter while the Store was open. [Store.Swap]
// returns it until the file is back, and so does [Store.Close].
//
// The Store still has all its values. It saves them to a new file as soon as it
// notices the change. To recover, stop the process and move that file to Path.
type ChangedError struct {
	Path  string
	Saved string // the file with all values; "" if there are none, or if it cannot be written
	Err   error  // the cause

	saving  error // why Saved cannot be written
	inPlace bool  // the file has its name, but not its size
}

// Error returns the path, the cause and the remedy.
func (e *ChangedError) Error() string {
	remedy := "put the file back, or open the Store again"
	switch {
	case e.Saved != "":
		remedy = "close the Store and move " + e.Saved + ", which has all its values, to the old name"
	case e.saving != nil:
		remedy = fmt.Sprintf("put the file back, since its values cannot be saved beside it: %v", e.saving)
	}
	return fmt.Sprintf("%s: %s: %v: %s", errPrefix, e.Path, e.Err, remedy)
}

// Unwrap returns e.Err.
func (e *ChangedError) Unwrap() error { return e.Err }

// failed adds the path and the remedy to an error.
func failed(path string, err error) error {
	var (
		notRegular *NotRegularError
		corrupt    *CorruptError
		changed    *ChangedError
	)
	if errors.As(err, &notRegular) || errors.As(err, &corrupt) || errors.As(err, &changed) {
		return err // has both
	}
	remedy := ""
	switch {
	case isReadOnly(err), errors.Is(err, fs.ErrPermission):
		remedy = ": this process must be able to write the file and its directory"
	case isFull(err):
		remedy = ": make room on the disk"
	case errors.Is(err, fs.ErrNotExist):
		remedy = ": create the directory first"
	case errors.Is(err, fs.ErrExist):
		remedy = ": move it away"
	}
	return fmt.Errorf("%s: %s: %w%s", errPrefix, path, err, remedy)
}
