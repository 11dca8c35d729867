package filestore

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/framelog"
	"github.com/vkrouter/vk/internal/memstore"
)

const (
	minCompact = 1 << 20 // a smaller file is not compacted

	// maxRest is the size of the changes that a compaction copies while other
	// callers wait.
	maxRest = 16 << 10

	// maxRounds is the number of times that a compaction tries to reach maxRest.
	maxRounds = 10

	// retryAfter is the time after which a failed compaction is retried, even if
	// the file has not become much larger.
	retryAfter = time.Minute
)

// A failure records when a failed compaction is retried. The zero value means
// no failure.
type failure struct {
	size  int64
	until time.Time
}

// wasteful reports whether more than half of the file is garbage, and a
// compaction may run now. The caller holds disk.
func (s *Store) wasteful(now time.Time) bool {
	end := s.log.End()
	if s.failure.size > 0 && end < s.failure.size && now.Before(s.failure.until) {
		return false
	}
	return end >= max(minCompact, 2*s.entries.Weight())
}

func (s *Store) compactionFailed(err error) {
	first := s.failure.size == 0
	s.failure = failure{2 * s.log.End(), time.Now().Add(retryAfter)}
	if first {
		slog.Warn("filestore: compaction failed, trying again in a minute or when the file is twice as large", "file", s.path, "err", s.failed(err))
	}
}

func (s *Store) compacted() {
	if s.failure.size > 0 {
		slog.Info("filestore: compaction succeeds again", "file", s.path)
	}
	s.failure = failure{}
}

// createTemp creates the file that will replace the current one.
func (s *Store) createTemp() (*newFile, error) {
	f, err := createFile(s.files, fmt.Sprintf("%s%s%016x", s.path, tempMark, rand.Uint64()))
	if err != nil {
		return nil, err
	}
	if info, err := s.files.Lstat(s.path); err == nil {
		f.access(info)
	}
	return f, nil
}

// each calls f for all values that have not expired, until f returns an error.
// Values may change meanwhile: then f gets either the old or the new one.
func (s *Store) each(f func(*memstore.Entry) error) error {
	now := time.Now()
	var entries []*memstore.Entry
	for i := range memstore.Parts {
		s.mu.Lock()
		entries = s.entries.Part(i, entries[:0])
		s.mu.Unlock()
		for _, e := range entries {
			if e.Deadline.Passed(now) {
				continue
			}
			if err := f(e); err != nil {
				return err
			}
		}
		runtime.Gosched() // changes have priority
	}
	return nil
}

// copyValues writes all values to a new file and syncs it. The caller holds disk.
func (s *Store) copyValues(f *newFile) error {
	if err := s.each(f.put); err != nil {
		return err
	}
	return f.sync()
}

// rewrite replaces the file by one with the current values while all changes
// wait. It is used if there is no file yet, or if the file is unusable. The
// caller holds disk.
func (s *Store) rewrite() (err error) {
	s.stopCompaction()
	begin := time.Now()
	defer func() {
		if err != nil {
			s.attempts.begin(begin, time.Now())
		}
	}()
	f, err := s.createTemp()
	if err != nil {
		return err
	}
	if err = s.copyValues(f); err == nil {
		var old diskFile
		if old, err = s.install(f); old != nil {
			defer old.Close()
		}
	}
	if err != nil {
		f.discard()
		return err
	}
	if err := s.settle(); err != nil {
		s.doubt = err
		return err
	}
	s.compacted()
	return nil
}

// settle syncs the directory after install.
func (s *Store) settle() error {
	s.settling.Lock()
	defer s.settling.Unlock()
	s.unsettled = s.files.SyncDir(filepath.Dir(s.path))
	return s.unsettled
}

// install puts a new, synced file in the place of the old one, and returns the
// old one for the caller to close. The caller holds disk, and must settle the
// new file. After an error, the old file is still in place.
func (s *Store) install(f *newFile) (old diskFile, err error) {
	if err := s.replaceable(); err != nil {
		return nil, err
	}
	info, err := f.file.Stat()
	if err != nil {
		return nil, err
	}
	renamesOpen := s.files.RenamesOpen()
	if !renamesOpen {
		if err := f.file.Close(); err != nil {
			return nil, err
		}
		if s.file != nil {
			s.file.Close()
			s.file = nil
		}
	}
	if err := s.files.Rename(f.name, s.path); err != nil {
		if s.info != nil && s.file == nil && s.doubt == nil {
			s.reopen() // if this fails, the next change reopens the file
		}
		return nil, err
	}
	old = s.file
	s.file, s.info, s.log, s.doubt = f.file, info, f.log, nil
	if !renamesOpen {
		s.file = nil
		s.reopen() // if this fails, the next change reopens the file
	}
	return old, nil
}

// replaceable returns an error if the file with the Store's name does not
// belong to the Store.
func (s *Store) replaceable() error {
	if s.info != nil {
		return s.check(s.size())
	}
	info, err := s.files.Lstat(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular() || info.Size() > 0:
		return errors.New("another program created the file just now: open it again")
	}
	return nil
}

// reopen opens the file after a compaction. The caller holds disk.
func (s *Store) reopen() error {
	file, err := s.files.Open(s.path, os.O_RDWR)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	ok := false
	if err == nil {
		ok, err = s.log.Matches(file, info.Size())
	}
	if err == nil && !ok {
		err = s.changed(errors.New("replaced or changed by another program"), false)
	}
	if err != nil {
		file.Close()
		return err
	}
	s.file, s.info = file, info
	return nil
}

// A compaction replaces the file by one with the current values only,
// concurrently with changes. First its goroutine copies the values, part by
// part. Changes since its beginning are at the end of the old file: they are
// copied after the values, again and again until few are left. It holds the
// Store's disk only while the last of them are copied and the new file replaces
// the old one.
type compaction struct {
	store *Store
	last  *oldFile // replaced by the compaction before this one, or nil
	old   diskFile
	log   *framelog.Log // of the old file
	from  int64         // the frames before it are copied, or among the values

	// mu is held while the new file is written, and may be locked while disk is
	// held. Then stop can remove the new file without waiting for the goroutine.
	mu      sync.Mutex
	new     *newFile
	stopped bool
}

// An oldFile is a file that a compaction has replaced. It occupies space until
// the compaction's goroutine has closed it.
type oldFile struct {
	diskFile
	hurry atomic.Bool   // a change waits for the space
	free  chan struct{} // closed when the space is free
}

var errStopped = errors.New("compaction stopped")

// tidy starts a compaction if more than half of the file is garbage. The caller
// holds disk.
func (s *Store) tidy() {
	if s.doubt == nil && s.file != nil && s.compacting == nil && s.wasteful(time.Now()) {
		s.compact()
	}
}

// compact starts a compaction. The caller holds disk.
func (s *Store) compact() {
	c := &compaction{store: s, last: s.replaced, old: s.file, log: s.log, from: s.log.End()}
	s.compacting = c
	s.compactions.RLock()
	go func() {
		defer s.compactions.RUnlock()
		c.run()
	}()
}

// stopCompaction stops a compaction, if there is one, and removes its new file.
// Its goroutine ends soon. The caller holds disk.
func (s *Store) stopCompaction() {
	c := s.compacting
	if c == nil {
		return
	}
	s.compacting = nil
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	if c.new != nil {
		c.new.discard()
	}
}

// run runs the compaction.
func (c *compaction) run() {
	s := c.store
	if c.last != nil {
		<-c.last.free // the new file may need the space
	}
	err := c.copyValues()
	if err == nil {
		err = c.catchUp()
	}
	s.disk.Lock()
	for rounds := 0; err == nil && !c.stopped && c.rest() > maxRest && rounds < maxRounds; rounds++ {
		s.disk.Unlock()
		err = c.catchUp()
		s.disk.Lock()
	}
	if c.stopped {
		s.disk.Unlock()
		return
	}
	var replaced diskFile
	if err == nil {
		replaced, err = c.install()
	}
	if err != nil {
		s.compactionFailed(err)
		s.disk.Unlock()
		c.remove()
		return
	}
	var old *oldFile
	if replaced != nil {
		old = &oldFile{diskFile: replaced, free: make(chan struct{})}
	}
	s.compacting, s.replaced = nil, old
	s.compacted()
	s.settling.Lock() // before any caller can write to the new file
	s.disk.Unlock()
	err = s.files.SyncDir(filepath.Dir(s.path))
	s.unsettled = err
	s.settling.Unlock()
	if old != nil {
		if err == nil {
			s.shrink(old)
		}
		old.Close()
		close(old.free)
	}
}

// remove removes the new file after an error. The file may be large, so changes
// do not wait for it. The compaction remains in progress until then: a change
// that finds the disk full meanwhile stops it, as always, and then has the
// space.
func (c *compaction) remove() {
	c.step(func() error {
		if c.new != nil {
			c.new.discard()
		}
		return nil
	})
	s := c.store
	s.disk.Lock()
	defer s.disk.Unlock()
	if s.compacting == c {
		s.compacting = nil
	}
}

// shrink frees the space of a replaced file in steps. If Close freed all of it,
// some file systems would block the syncs of all other files for a long time.
func (s *Store) shrink(old *oldFile) {
	const step = 2 << 20
	info, err := old.Stat()
	if err != nil || !isUnused(old.diskFile, info) {
		return // the file is open in another program, or has another name
	}
	for size := info.Size() - step; size > 0; size -= step {
		s.mu.Lock()
		closed := s.closed
		s.mu.Unlock()
		if closed || old.hurry.Load() || errors.Join(old.Truncate(size), old.Sync()) != nil {
			return
		}
	}
}

// rest returns the size of the changes that are not yet copied. The caller
// holds disk.
func (c *compaction) rest() int64 { return c.log.End() - c.from }

// step runs f, which writes the new file, unless the compaction is stopped.
func (c *compaction) step(f func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return errStopped
	}
	return f()
}

// copyValues copies the values. They may change meanwhile: the changes are
// copied later.
func (c *compaction) copyValues() error {
	s := c.store
	err := c.step(func() (err error) {
		if c.new, err = s.createTemp(); err == nil {
			c.new.syncEach = true
		}
		return err
	})
	if err != nil {
		return err
	}
	return s.each(func(e *memstore.Entry) error {
		return c.step(func() error { return c.new.put(e) })
	})
}

// catchUp copies the changes up to now and syncs the new file.
func (c *compaction) catchUp() error {
	c.store.disk.Lock()
	end := c.log.End()
	c.store.disk.Unlock()
	if err := c.copyChanges(end); err != nil {
		return err
	}
	return c.step(func() error { return c.new.sync() })
}

// copyChanges copies the changes up to an offset of the old file.
func (c *compaction) copyChanges(end int64) error {
	err := c.log.Frames(c.old, c.from, end, func(payload []byte) error {
		return c.step(func() error { return c.new.putAll(payload) })
	})
	c.from = end
	return err
}

// install copies the remaining changes and puts the new file in the place of
// the old one. The caller holds disk.
func (c *compaction) install() (old diskFile, err error) {
	if err := c.copyChanges(c.log.End()); err != nil {
		return nil, err
	}
	if err := c.new.sync(); err != nil {
		return nil, err
	}
	return c.store.install(c.new)
}
