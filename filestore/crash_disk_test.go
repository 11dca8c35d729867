package filestore

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// A recorder is a file system that records all operations, so that a test can
// recreate the contents of the disk after a crash at any time.
type recorder struct {
	osFiles
	closeFirst bool

	mu       sync.Mutex
	log      []event
	names    map[string]int // the file with each name
	files    int
	failSync bool          // the next sync of a file fails
	failDir  bool          // the next sync of a directory fails
	failed   chan struct{} // closed when a sync has failed
	beside   func()        // called before each sync of a new file
}

// fails returns next, which it sets to false. The caller holds mu.
func (r *recorder) fails(next *bool) bool {
	if !*next {
		return false
	}
	*next = false
	select {
	case <-r.failed:
	default:
		close(r.failed)
	}
	return true
}

// An event is an operation on the disk, or a caller's knowledge about a value.
type event struct {
	kind   string // create, write, truncate, sync, lose, rename, remove, syncdir; begun, acked
	file   int
	name   string // of a file, or a key
	to     string
	offset int64
	data   []byte
	number int // the value
}

func (r *recorder) does(e event, f func() error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := f(); err != nil {
		return err
	}
	r.log = append(r.log, e)
	return nil
}

// note records a caller's knowledge about a value.
func (r *recorder) note(kind, key string, number int) {
	r.does(event{kind: kind, name: key, number: number}, func() error { return nil })
}

func (r *recorder) RenamesOpen() bool { return renamesOpen && !r.closeFirst }

func (r *recorder) Open(name string, flag int) (diskFile, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f, err := openFile(name, flag)
	if err != nil {
		return nil, err
	}
	base := filepath.Base(name)
	if flag&os.O_CREATE != 0 {
		r.files++
		r.names[base] = r.files
		r.log = append(r.log, event{kind: "create", file: r.files, name: base})
	}
	return &recordedFile{f, r, base, r.names[base]}, nil
}

func (r *recorder) Rename(from, to string) error {
	a, b := filepath.Base(from), filepath.Base(to)
	return r.does(event{kind: "rename", name: a, to: b}, func() error {
		r.names[b] = r.names[a]
		delete(r.names, a)
		return r.osFiles.Rename(from, to)
	})
}

func (r *recorder) Remove(name string) error {
	base := filepath.Base(name)
	return r.does(event{kind: "remove", name: base}, func() error {
		delete(r.names, base)
		return r.osFiles.Remove(name)
	})
}

func (r *recorder) SyncDir(string) error {
	return r.does(event{kind: "syncdir"}, func() error {
		if r.fails(&r.failDir) {
			return syscall.EIO
		}
		return nil
	})
}

type recordedFile struct {
	*os.File
	r    *recorder
	name string // when it was opened
	file int
}

func (f *recordedFile) WriteAt(b []byte, offset int64) (n int, err error) {
	err = f.r.does(event{kind: "write", file: f.file, offset: offset, data: bytes.Clone(b)}, func() error {
		n, err = f.File.WriteAt(b, offset)
		return err
	})
	return n, err
}

func (f *recordedFile) Truncate(size int64) error {
	return f.r.does(event{kind: "truncate", file: f.file, offset: size}, func() error { return f.File.Truncate(size) })
}

func (f *recordedFile) Sync() error {
	if f.r.isNew(f) && f.r.beside != nil {
		f.r.beside()
	}
	f.r.mu.Lock()
	defer f.r.mu.Unlock()
	if f.r.fails(&f.r.failSync) {
		f.r.log = append(f.r.log, event{kind: "lose", file: f.file})
		return syscall.EIO
	}
	f.r.log = append(f.r.log, event{kind: "sync", file: f.file})
	return nil
}

// isNew reports whether a file has not yet replaced the Store's file.
func (r *recorder) isNew(f *recordedFile) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Contains(f.name, tempMark) && r.names[f.name] == f.file
}

// A crashed is the state of a disk at a time: the state that the system shows,
// and the part that survives a loss of power.
type crashed struct {
	shown, safe   map[string]int // the file with each name
	namesUnsynced []event
	contents      map[int]*contents
	begun, acked  map[string]int
}

type contents struct {
	shown, safe []byte
	unsynced    []event
}

// replay returns the state after some events.
func replay(log []event) *crashed {
	c := &crashed{make(map[string]int), make(map[string]int), nil, make(map[int]*contents), make(map[string]int), make(map[string]int)}
	for _, e := range log {
		f := c.contents[e.file]
		switch e.kind {
		case "create":
			c.contents[e.file] = new(contents)
			rename(c.shown, e)
			c.namesUnsynced = append(c.namesUnsynced, e)
		case "rename", "remove":
			rename(c.shown, e)
			c.namesUnsynced = append(c.namesUnsynced, e)
		case "syncdir":
			c.safe, c.namesUnsynced = maps.Clone(c.shown), nil
		case "write", "truncate":
			f.shown = write(f.shown, e)
			f.unsynced = append(f.unsynced, e)
		case "sync":
			f.safe, f.unsynced = bytes.Clone(f.shown), nil
		case "lose": // data that is not safe yet never will be, though the system shows it
			f.unsynced = nil
		case "begun":
			c.begun[e.name] = e.number
		case "acked":
			c.acked[e.name] = e.number
		}
	}
	return c
}

func rename(names map[string]int, e event) {
	switch e.kind {
	case "create":
		names[e.name] = e.file
	case "rename":
		names[e.to] = names[e.name]
		delete(names, e.name)
	case "remove":
		delete(names, e.name)
	}
}

func write(b []byte, e event) []byte {
	end := e.offset + int64(len(e.data))
	b = bytes.Clone(b)
	if e.kind == "truncate" {
		b = b[:min(e.offset, int64(len(b)))]
	}
	if more := end - int64(len(b)); more > 0 {
		b = append(b, make([]byte, more)...)
	}
	copy(b[e.offset:], e.data)
	return b
}

func empty(t *testing.T, dir string) {
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range list {
		if err := os.Remove(filepath.Join(dir, entry.Name())); err != nil {
			t.Fatal(err)
		}
	}
}

// killed writes the files to a directory as they are when the process is killed.
func (c *crashed) killed(t *testing.T, dir string) {
	empty(t, dir)
	for name, file := range c.shown {
		if err := os.WriteFile(filepath.Join(dir, name), c.contents[file].shown, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// powerless writes the files to a directory as they may be after a loss of
// power: data that is not synced is present, missing, or present in part.
func (c *crashed) powerless(t *testing.T, dir string, r *rand.Rand) {
	empty(t, dir)
	names := maps.Clone(c.safe)
	for _, e := range c.namesUnsynced[:r.IntN(len(c.namesUnsynced)+1)] {
		rename(names, e)
	}
	for name, file := range names {
		b := c.contents[file].safe
		for _, e := range c.contents[file].unsynced {
			switch r.IntN(3) {
			case 0:
				continue
			case 1: // some blocks of it
				const block = 64
				for from := 0; from < len(e.data); from += block {
					if r.IntN(2) == 0 {
						b = write(b, event{kind: e.kind, offset: e.offset + int64(from), data: e.data[from:min(from+block, len(e.data))]})
					}
				}
			default:
				b = write(b, e)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// quiet is a file system that does not wait for the disk.
type quiet struct{ osFiles }

func (quiet) SyncDir(string) error { return nil }

func (quiet) Open(name string, flag int) (diskFile, error) {
	f, err := openFile(name, flag)
	if err != nil {
		return nil, err
	}
	return quietFile{f}, nil
}

type quietFile struct{ *os.File }

func (quietFile) Sync() error { return nil }
