package filestore

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/vkrouter/vk/internal/framelog"
)

// A Salvaged reports the values that [Salvage] has kept and the parts that are
// lost.
type Salvaged struct {
	Path   string // the new file
	Values int    // the number of values in it
	Lost   []Part // the parts of the damaged file that cannot be read, in order
}

// A Part is a part of a file, in bytes.
type Part struct {
	Offset, Size int64
}

// Salvage writes the readable values of a damaged file to a new file. The new
// file is in the same directory, has the same name with ".salvaged" added, and
// the damaged file is never changed. To use the new file, move it to the place
// of the damaged one.
//
// The changes in the lost parts are missing in the new file: a value that was
// changed there has an older value, and a value that was deleted there is still
// present. An unfinished change at the end of the file is a lost part, too,
// although Swap had not returned for it.
//
// If the file is open, the error matches [ErrLocked]. If the new file exists,
// it matches [io/fs.ErrExist]. If nothing can be read, the error is a
// [*CorruptError].
func Salvage(path string) (*Salvaged, error) { return salvageWith(path, osFiles{}) }

func salvageWith(path string, files files) (_ *Salvaged, err error) {
	if path, err = resolve(path); err != nil {
		return nil, err
	}
	if _, err := files.Lstat(path); err != nil {
		return nil, fmt.Errorf("%s: %w: name the damaged file", errPrefix, err)
	}
	lock, err := lockStore(path)
	if err != nil {
		return nil, failed(path, err)
	}
	defer lock.Close()
	s := &Store{path: path, files: files}
	result := &Salvaged{Path: path + ".salvaged"}
	if result.Lost, err = s.loadDamaged(); err != nil {
		return nil, failed(path, err)
	}
	s.entries.Sweep(time.Now(), s.entries.Len())
	result.Values = s.entries.Len()
	if err := s.saveAs(result.Path); err != nil {
		return nil, failed(path, err)
	}
	return result, nil
}

// loadDamaged reads the readable parts of the file, and returns the other
// parts.
func (s *Store) loadDamaged() (lost []Part, err error) {
	file, err := s.files.Open(s.path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if s.info, err = file.Stat(); err != nil {
		return nil, err
	}
	err = framelog.Salvage(file, s.info.Size(), func(offset int64, payload []byte) error {
		n, err := readRecords(payload, s.put)
		if err != nil {
			rest := int64(len(payload) - n)
			lost = append(lost, Part{offset + framelog.FrameSize(payload) - rest, rest})
		}
		return nil
	}, func(offset, n int64) {
		lost = append(lost, Part{offset, n})
	})
	if errors.Is(err, framelog.ErrNotLog) {
		err = &CorruptError{s.path, 0, errNothing}
	}
	return lost, err
}
