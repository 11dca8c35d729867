package filestore

import (
	"crypto/rand"
	"io/fs"
	"os"
	"runtime"

	"github.com/vkrouter/vk/internal/framelog"
	"github.com/vkrouter/vk/internal/memstore"
)

// chunk is the size of the frames of a new file. If syncEach is set, the new file
// is synced after each frame, so that no single sync takes long and delays the
// syncs of other files.
const chunk = 64 << 10

// A newFile is a file of values that is being written.
type newFile struct {
	files    files
	name     string
	file     diskFile
	log      *framelog.Log
	payload  []byte // records to write
	frame    []byte
	syncEach bool
}

// createFile creates a file. There must be nothing with that name, not even a
// symbolic link.
func createFile(files files, name string) (*newFile, error) {
	file, err := files.Open(name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return nil, err
	}
	f := &newFile{files: files, name: name, file: file}
	var salt [8]byte
	rand.Read(salt[:])
	log, header := framelog.New(salt)
	f.log = log
	if _, err := file.WriteAt(header, 0); err != nil {
		f.discard()
		return nil, err
	}
	return f, nil
}

// access gives the new file the permissions and the owner of another one, as far
// as this process may. Otherwise, it remains readable for its owner only.
func (f *newFile) access(info fs.FileInfo) {
	if uid, gid, ok := owner(info); ok && (uid != os.Geteuid() || gid != os.Getegid()) {
		f.file.Chown(uid, gid)
	}
	if perm := info.Mode().Perm(); perm != 0o600 {
		f.file.Chmod(perm)
	}
}

// put writes a value.
func (f *newFile) put(e *memstore.Entry) error {
	f.payload = appendRecord(f.payload, e.Key, e.Value, e.Deadline)
	if len(f.payload) < chunk {
		return nil
	}
	return f.flush()
}

// putAll writes the records of a frame.
func (f *newFile) putAll(payload []byte) error {
	if len(f.payload)+len(payload) > chunk {
		if err := f.flush(); err != nil {
			return err
		}
	}
	f.payload = append(f.payload, payload...)
	return nil
}

// flush writes the records that are not yet written.
func (f *newFile) flush() error {
	if err := f.write(); err != nil || !f.syncEach {
		return err
	}
	err := f.file.Sync()
	runtime.Gosched() // changes have priority
	return err
}

func (f *newFile) write() error {
	if len(f.payload) == 0 {
		return nil
	}
	f.frame = f.log.Frame(f.frame[:0], f.payload)
	if _, err := f.file.WriteAt(f.frame, f.log.End()); err != nil {
		return err
	}
	f.log.Appended(len(f.payload))
	f.payload = f.payload[:0]
	return nil
}

// sync syncs everything that was put to the disk.
func (f *newFile) sync() error {
	if err := f.write(); err != nil {
		return err
	}
	return f.file.Sync()
}

// discard removes the file.
func (f *newFile) discard() {
	f.file.Close() // possibly for the second time
	f.files.Remove(f.name)
}
