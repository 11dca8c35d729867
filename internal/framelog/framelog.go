// Package framelog reads and writes an append-only file of checksummed frames.
// It can tell an unfinished frame at the end of the file from damage elsewhere.
//
// A writer must sync each frame to the disk before it begins the next one. Then
// an incomplete frame is an unfinished write if no whole frame follows it, and
// damage if one does.
package framelog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// Magic is the beginning of each file.
const Magic = "vkstore\x01"

// A file begins with a header: Magic, salt, their checksum and four zeros. A
// frame is its mark, the length of the payload, the checksum of the payload and
// the checksum of these three. All numbers are little-endian. The checksums of a
// frame also cover the salt and the frame's offset, so that a frame is valid at
// one offset of one file only. A value that imitates a frame is not valid, nor
// are old contents of a disk block.
const (
	mark       = "\xf5vk\x9d"
	headerSize = 24
	frameSize  = 16
)

// MaxPayload is the maximum size of a frame's payload in bytes.
const MaxPayload = 1 << 28

var table = crc32.MakeTable(crc32.Castagnoli)

// ErrNotLog is returned by [Read] if the file has no valid header.
var ErrNotLog = errors.New("not a frame log")

// A DamageError reports a damaged frame.
type DamageError struct {
	Offset int64 // of the damaged frame
	Next   int64 // offset of the next whole frame, or 0 if it is not known
}

// Error returns the offsets.
func (e *DamageError) Error() string {
	if e.Next == 0 {
		return fmt.Sprintf("damaged at offset %d", e.Offset)
	}
	return fmt.Sprintf("damaged at offset %d; whole again from offset %d", e.Offset, e.Next)
}

// A Log holds the salt of a file and the offset of its next frame.
type Log struct {
	salt uint32 // the checksum of the salt, on which that of a frame is based
	end  int64
}

// New returns a log without frames, and the header of its file.
func New(salt [8]byte) (*Log, []byte) {
	b := append([]byte(Magic), salt[:]...)
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, table))
	b = append(b, 0, 0, 0, 0)
	return &Log{crc32.Checksum(salt[:], table), headerSize}, b
}

// Read reads a file and calls each with the payload of each frame, in order. The
// payload is valid until each returns. The bytes of the file after the End of
// the returned Log are an unfinished frame; the caller must truncate the file
// there before it appends.
func Read(r io.ReaderAt, size int64, each func(offset int64, payload []byte) error) (*Log, error) {
	l, err := open(r, size)
	if err != nil {
		return nil, err
	}
	var payload []byte
	for {
		payload, err = l.frame(r, size, l.end, payload)
		if err != nil {
			return nil, err
		}
		if payload == nil {
			break
		}
		if err := each(l.end, payload); err != nil {
			return nil, err
		}
		l.end += frameSize + int64(len(payload))
	}
	next, err := l.find(r, size, l.end+1)
	if err != nil {
		return nil, err
	}
	if next > 0 {
		return nil, &DamageError{l.end, next}
	}
	return l, nil
}

// open reads the header of a file.
func open(r io.ReaderAt, size int64) (*Log, error) {
	var header [headerSize]byte
	if size < headerSize {
		return nil, ErrNotLog
	}
	if err := readAt(r, header[:], 0); err != nil {
		return nil, err
	}
	l, want := New([8]byte(header[8:16]))
	if !bytes.Equal(header[:], want) {
		return nil, ErrNotLog
	}
	return l, nil
}

// Frames calls each with the payload of each frame from one offset up to another.
// Both must be ends of the log, at any time. The payload is valid until each
// returns. The log may be appended to meanwhile.
func (l *Log) Frames(r io.ReaderAt, from, to int64, each func(payload []byte) error) error {
	var payload []byte
	for from < to {
		var err error
		payload, err = l.frame(r, to, from, payload)
		if err != nil {
			return err
		}
		if payload == nil {
			return &DamageError{Offset: from}
		}
		if err := each(payload); err != nil {
			return err
		}
		from += frameSize + int64(len(payload))
	}
	return nil
}

// frame returns the payload of the frame at an offset, or nil if there is no
// whole frame. It uses the memory of buf if that is large enough.
func (l *Log) frame(r io.ReaderAt, size, offset int64, buf []byte) ([]byte, error) {
	if offset > size-frameSize {
		return nil, nil
	}
	var header [frameSize]byte
	if err := readAt(r, header[:], offset); err != nil {
		return nil, err
	}
	n, sum, ok := l.parse(header[:], offset)
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
	if l.sum(offset, buf) != sum {
		return nil, nil
	}
	return buf, nil
}

// parse parses the header of a frame at an offset.
func (l *Log) parse(header []byte, offset int64) (n int64, sum uint32, ok bool) {
	n = int64(binary.LittleEndian.Uint32(header[4:]))
	sum = binary.LittleEndian.Uint32(header[8:])
	ok = string(header[:4]) == mark && n > 0 && n <= MaxPayload &&
		l.sum(offset, header[:12]) == binary.LittleEndian.Uint32(header[12:])
	return n, sum, ok
}

// find returns the offset of the first whole frame at an offset or after it, or 0.
func (l *Log) find(r io.ReaderAt, size, offset int64) (int64, error) {
	found := int64(0)
	err := marks(r, size, offset, func(offset int64, header []byte) (bool, error) {
		if _, _, ok := l.parse(header, offset); !ok {
			return true, nil
		}
		payload, err := l.frame(r, size, offset, nil)
		if err == nil && payload != nil {
			found = offset
		}
		return found == 0, err
	})
	return found, err
}

// marks calls each with everything that begins like the header of a frame, at an
// offset or after it, until each returns false or an error.
func marks(r io.ReaderAt, size, offset int64, each func(offset int64, header []byte) (more bool, err error)) error {
	const smallest, largest = 4 << 10, 1 << 20 // the next frame is often near
	var window []byte
	for n := smallest; offset <= size-frameSize; n = min(2*n, largest) {
		if len(window) < n {
			window = make([]byte, n)
		}
		w := window[:min(int64(n), size-offset)]
		if err := readAt(r, w, offset); err != nil {
			return err
		}
		last := len(w) - frameSize + 1 // the number of whole headers in the window
		for at := 0; at < last; at++ {
			i := bytes.Index(w[at:], []byte(mark))
			if i < 0 || at+i >= last {
				break
			}
			at += i
			if more, err := each(offset+int64(at), w[at:at+frameSize]); err != nil || !more {
				return err
			}
		}
		offset += int64(last)
	}
	return nil
}

func (l *Log) sum(offset int64, b []byte) uint32 {
	var at [8]byte
	binary.LittleEndian.PutUint64(at[:], uint64(offset))
	return crc32.Update(crc32.Update(l.salt, table, at[:]), table, b)
}

// Matches reports whether a file is the one of the log, with no more and no less
// than its frames. It does not read the frames.
func (l *Log) Matches(r io.ReaderAt, size int64) (bool, error) {
	other, err := open(r, size)
	if errors.Is(err, ErrNotLog) {
		return false, nil
	}
	return err == nil && other.salt == l.salt && size == l.end, err
}

// End returns the offset of the next frame.
func (l *Log) End() int64 { return l.end }

// Frame appends the next frame to b. The payload has 1 to MaxPayload bytes.
func (l *Log) Frame(b, payload []byte) []byte {
	start := len(b)
	b = append(b, mark...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(payload)))
	b = binary.LittleEndian.AppendUint32(b, l.sum(l.end, payload))
	b = binary.LittleEndian.AppendUint32(b, l.sum(l.end, b[start:start+12]))
	return append(b, payload...)
}

// FrameSize returns the size of the frame with a payload.
func FrameSize(payload []byte) int64 { return frameSize + int64(len(payload)) }

// Appended moves the end behind a frame with a payload of n bytes. The frame
// must be safe on the disk.
func (l *Log) Appended(n int) { l.end += frameSize + int64(n) }

// readAt fills b. It returns io.ErrUnexpectedEOF if the file ends before that.
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
