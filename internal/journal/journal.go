// Package journal reads and writes a file of checksummed frames that is only
// ever appended to, and tells an end that was not finished from a damage.
//
// The writer's part of the contract is that a frame is begun only when the one
// before is safely on the disk. Then a frame that is not whole is an unfinished
// end if none comes after it, and is damaged if one does.
package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// A file begins with a header: magic, salt, their checksum and four zeros. A
// frame is its mark, the length of the payload, the checksum of the payload and
// that of these three. All numbers are little-endian. The salt and the frame's
// place go into its checksums, so that a frame counts in one place of one file
// only: neither in a value that somebody has made look like one, nor in what a
// disk happens to have kept from before.
const (
	magic      = "vkstore\x01"
	mark       = "\xf5vk\x9d"
	headerSize = 24
	frameSize  = 16
)

// MaxPayload is the most that a frame holds, in bytes.
const MaxPayload = 1 << 28

var table = crc32.MakeTable(crc32.Castagnoli)

// ErrNotJournal says that a file does not begin as a journal does.
var ErrNotJournal = errors.New("not a journal")

// A DamageError says that a frame is damaged that was once whole.
type DamageError struct {
	Offset int64 // where it begins in the file
	Next   int64 // where the next whole frame begins
}

// Error names the place.
func (e *DamageError) Error() string {
	return fmt.Sprintf("damaged at offset %d; whole again from offset %d", e.Offset, e.Next)
}

// A Journal knows a file, and where the next frame goes.
type Journal struct {
	salt [8]byte
	end  int64
}

// New returns a journal of no frames, and the file's header.
func New(salt [8]byte) (*Journal, []byte) {
	b := append([]byte(magic), salt[:]...)
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, table))
	b = append(b, 0, 0, 0, 0)
	return &Journal{salt, headerSize}, b
}

// Read reads a file and calls each for the payload of each frame, in order. The
// payload is good until each returns. Behind the end of the Journal that Read
// returns there is only what was not finished, to be cut off.
func Read(r io.ReaderAt, size int64, each func(offset int64, payload []byte) error) (*Journal, error) {
	var header [headerSize]byte
	if size < headerSize {
		return nil, ErrNotJournal
	}
	if err := readAt(r, header[:], 0); err != nil {
		return nil, err
	}
	j, want := New([8]byte(header[8:16]))
	if !bytes.Equal(header[:], want) {
		return nil, ErrNotJournal
	}
	var payload []byte
	for {
		var err error
		payload, err = j.frame(r, size, j.end, payload)
		if err != nil {
			return nil, err
		}
		if payload == nil {
			break
		}
		if err := each(j.end, payload); err != nil {
			return nil, err
		}
		j.end += frameSize + int64(len(payload))
	}
	next, err := j.find(r, size)
	if err != nil {
		return nil, err
	}
	if next > 0 {
		return nil, &DamageError{j.end, next}
	}
	return j, nil
}

// frame returns the payload of the frame at an offset, in the memory of buf if
// it has room, or nil if there is no whole frame.
func (j *Journal) frame(r io.ReaderAt, size, offset int64, buf []byte) ([]byte, error) {
	if offset > size-frameSize {
		return nil, nil
	}
	var header [frameSize]byte
	if err := readAt(r, header[:], offset); err != nil {
		return nil, err
	}
	n, sum, ok := j.parse(header[:], offset)
	if !ok || n > size-frameSize-offset {
		return nil, nil
	}
	if int64(cap(buf)) < n {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	if err := readAt(r, buf, offset+frameSize); err != nil {
		return nil, err
	}
	if j.sum(offset, buf) != sum {
		return nil, nil
	}
	return buf, nil
}

// parse reads the header of a frame at an offset.
func (j *Journal) parse(header []byte, offset int64) (n int64, sum uint32, ok bool) {
	n = int64(binary.LittleEndian.Uint32(header[4:]))
	sum = binary.LittleEndian.Uint32(header[8:])
	ok = string(header[:4]) == mark && n > 0 && n <= MaxPayload &&
		j.sum(offset, header[:12]) == binary.LittleEndian.Uint32(header[12:])
	return n, sum, ok
}

// find returns the offset of a whole frame behind the end, or 0.
func (j *Journal) find(r io.ReaderAt, size int64) (int64, error) {
	window := make([]byte, min(size-j.end, 1<<20))
	for base := j.end + 1; base <= size-frameSize; {
		w := window[:min(int64(len(window)), size-base)]
		if err := readAt(r, w, base); err != nil {
			return 0, err
		}
		last := len(w) - frameSize + 1 // how many headers are whole in the window
		for at := 0; at < last; at++ {
			i := bytes.Index(w[at:], []byte(mark))
			if i < 0 || at+i >= last {
				break
			}
			at += i
			offset := base + int64(at)
			if _, _, ok := j.parse(w[at:at+frameSize], offset); !ok {
				continue
			}
			if payload, err := j.frame(r, size, offset, nil); err != nil || payload != nil {
				return offset, err
			}
		}
		base += int64(last)
	}
	return 0, nil
}

func (j *Journal) sum(offset int64, b []byte) uint32 {
	var seed [16]byte
	copy(seed[:], j.salt[:])
	binary.LittleEndian.PutUint64(seed[8:], uint64(offset))
	return crc32.Update(crc32.Checksum(seed[:], table), table, b)
}

// End returns where the next frame goes.
func (j *Journal) End() int64 { return j.end }

// Frame appends to b the next frame, with a payload of 1 to MaxPayload bytes.
func (j *Journal) Frame(b, payload []byte) []byte {
	start := len(b)
	b = append(b, mark...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(payload)))
	b = binary.LittleEndian.AppendUint32(b, j.sum(j.end, payload))
	b = binary.LittleEndian.AppendUint32(b, j.sum(j.end, b[start:start+12]))
	return append(b, payload...)
}

// Appended says that a frame with a payload of n bytes is safely on the disk.
func (j *Journal) Appended(n int) { j.end += frameSize + int64(n) }

// readAt fills b. That the file is shorter is an error, not an end.
func readAt(r io.ReaderAt, b []byte, offset int64) error {
	n, err := r.ReadAt(b, offset)
	if n == len(b) {
		return nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}
