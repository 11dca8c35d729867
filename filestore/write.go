package filestore

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/vkrouter/vk/internal/memstore"
)

// write writes the next batch. The caller holds disk.
func (s *Store) write(b *batch) {
	s.mu.Lock()
	s.next = nil
	s.mu.Unlock()

	var payload []byte
	for _, c := range b.changes {
		payload = appendRecord(payload, c.key, c.value, c.deadline)
	}
	err := s.append(payload)
	for err != nil && s.makeRoom(err) {
		err = s.append(payload)
	}
	s.finish(b, err)
	s.tidy()
}

// finish applies a batch that is safe on the disk, or discards a failed one.
func (s *Store) finish(b *batch, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b.done = true
	defer close(b.over)
	if err != nil {
		b.err = s.failed(err)
		if s.next != nil { // it builds on this batch
			s.next.done, s.next.err = true, b.err
			close(s.next.over)
			s.next = nil
		}
		clear(s.pending)
		return
	}
	for _, c := range b.changes {
		s.entries.Put(c.key, c.value, c.deadline)
		if s.pending[c.key].batch == b {
			delete(s.pending, c.key)
		}
	}
	s.entries.Sweep(time.Now(), len(b.changes)+memstore.SweepEach)
}

// append writes a frame and returns when it is safe on the disk, in the file that
// has the name of the Store. The caller holds disk.
func (s *Store) append(payload []byte) error {
	if err := s.ready(); err != nil {
		return err
	}
	end := s.log.End()
	s.frame = s.log.Frame(s.frame[:0], payload)
	size := end + int64(len(s.frame))
	_, err := s.file.WriteAt(s.frame, end)
	if cap(s.frame) > 1<<20 {
		s.frame = nil
	}
	if err != nil {
		return s.undo(ownError(err))
	}
	if err := errors.Join(ownError(s.file.Sync()), s.settled()); err != nil {
		s.doubt = err // a second Sync may return nil although data is lost
		return err
	}
	if err := s.check(size); err != nil {
		return s.undo(err)
	}
	s.log.Appended(len(payload))
	s.saved, s.saving, s.noticed = "", nil, false
	return nil
}

// undo removes the part of a frame that was written before err. If the process
// ends first, Open removes it.
func (s *Store) undo(err error) error {
	var changed *ChangedError
	if errors.As(err, &changed) && changed.inPlace {
		return err // the file was changed, and the next change will notice it, too
	}
	end := s.log.End()
	info, left := s.file.Stat()
	if left == nil && info.Size() > end {
		left = s.file.Truncate(end)
	}
	if left != nil {
		s.doubt = errors.Join(err, ownError(left))
	}
	return err
}

// ownError returns an error of the Store's file without the file's name: after
// a compaction, it would be the name that the file had before.
func ownError(err error) error {
	if e, ok := err.(*fs.PathError); ok {
		return fmt.Errorf("%s: %w", e.Op, e.Err)
	}
	return err
}

// settled waits until the directory is synced, if the file is a new one.
func (s *Store) settled() error {
	s.settling.Lock()
	defer s.settling.Unlock()
	return s.unsettled
}

// ready repairs the Store after an error of an earlier change, and checks the
// file, so that the next change can be made. The caller holds disk.
func (s *Store) ready() error {
	if s.doubt != nil {
		// All values are in memory, so they can be written to another file.
		if !s.attempts.over(time.Now()) {
			return fmt.Errorf("contents unknown after an earlier error: %w", s.doubt)
		}
		var changed *ChangedError
		if err := s.rewrite(); errors.As(err, &changed) {
			return err
		} else if err != nil {
			return fmt.Errorf("contents unknown after an earlier error: %w; cannot write a new file: %w", s.doubt, err)
		}
	}
	if s.file == nil {
		if err := s.reopen(); err != nil {
			return err
		}
	}
	return s.check(s.log.End())
}

// makeRoom reports whether a failed change should be retried because there may
// be more space on the disk. The caller holds disk.
func (s *Store) makeRoom(err error) bool {
	var changed *ChangedError
	const block = 4 << 10
	switch {
	case s.doubt != nil, s.file == nil, errors.As(err, &changed):
		return false
	case s.compacting != nil: // it occupies space
		s.stopCompaction()
		s.compactionFailed(err)
		return true
	case s.replaced != nil: // it occupies space, too
		s.replaced.hurry.Store(true)
		<-s.replaced.free
		s.replaced = nil
		return true
	case s.log.End() < 2*s.entries.Weight()+block, !s.attempts.over(time.Now()):
		return false
	}
	return s.rewrite() == nil
}

// anySize makes check accept a file of any size.
const anySize = -1

// size returns the size that the file should have.
func (s *Store) size() int64 {
	if s.doubt != nil {
		return anySize
	}
	return s.log.End()
}

// check returns an error unless the Store's file still has its name and the
// given size. The caller holds disk.
func (s *Store) check(size int64) error {
	info, err := s.files.Lstat(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s.changed(errors.New("deleted or moved by another program"), false)
	case err != nil:
		return err
	case !os.SameFile(info, s.info):
		return s.changed(errors.New("replaced by another program"), false)
	case size != anySize && info.Size() != size:
		return s.changed(fmt.Errorf("changed by another program: it has %d bytes and should have %d", info.Size(), size), true)
	}
	return nil
}

// changed saves the values because another program has changed the file. The
// caller holds disk.
func (s *Store) changed(cause error, inPlace bool) error {
	e := &ChangedError{Path: s.path, Err: cause, inPlace: inPlace}
	if begin := time.Now(); s.saved == "" && s.entries.Len() > 0 && s.attempts.over(begin) {
		if s.saved, s.saving = s.save(); s.saving != nil {
			s.attempts.begin(begin, time.Now())
		}
	}
	e.Saved, e.saving = s.saved, s.saving
	if !s.noticed {
		s.noticed = true
		slog.Error("filestore: the file was changed by another program", "file", s.path, "err", e)
	}
	return e
}

// save writes all values to a file beside that of the Store, and returns its name.
func (s *Store) save() (name string, err error) {
	name = s.path + ".saved"
	err = s.saveAs(name)
	for i := 2; errors.Is(err, fs.ErrExist) && i < 100; i++ {
		name = fmt.Sprintf("%s.saved-%d", s.path, i)
		err = s.saveAs(name)
	}
	if err != nil {
		return "", err
	}
	return name, nil
}

// saveAs writes all values to another file, which must not exist.
func (s *Store) saveAs(name string) error {
	f, err := createFile(s.files, name)
	if err != nil {
		return err
	}
	f.access(s.info)
	err = s.copyValues(f)
	if err == nil {
		err = f.file.Close()
	}
	if err == nil {
		err = s.files.SyncDir(filepath.Dir(name))
	}
	if err != nil {
		f.discard()
	}
	return err
}

// A pause is the time between two attempts of an operation that may take long
// and fail. It limits attempts to a tenth of the time.
type pause struct{ until time.Time }

func (p *pause) over(now time.Time) bool { return !now.Before(p.until) }

// begin starts the pause after an attempt.
func (p *pause) begin(start, end time.Time) {
	const short = 100 * time.Millisecond // shorter attempts need no pause
	if took := end.Sub(start); took >= short {
		p.until = end.Add(10 * took)
	}
}
