package framelog

import (
	"cmp"
	"encoding/binary"
	"errors"
	"io"
	"slices"
)

// Salvage reads a damaged file. It calls each with the payload of each whole
// frame, in order, and lost with each part of the file that is not in one; a
// damaged header is such a part. The payload is valid until each returns.
//
// If the header is damaged, Salvage learns the salt from the frames. If there is
// no whole frame either, it returns [ErrNotLog].
func Salvage(r io.ReaderAt, size int64, each func(offset int64, payload []byte) error, lost func(offset, n int64)) error {
	l, err := open(r, size)
	offset := int64(headerSize)
	if errors.Is(err, ErrNotLog) {
		offset = 0
		l, err = guess(r, size)
	}
	if err != nil {
		return err
	}
	return l.salvage(r, size, offset, each, lost)
}

// salvage is Salvage from an offset on.
func (l *Log) salvage(r io.ReaderAt, size, offset int64, each func(offset int64, payload []byte) error, lost func(offset, n int64)) error {
	var payload []byte
	for offset < size {
		var err error
		if payload, err = l.frame(r, size, offset, payload); err != nil {
			return err
		}
		if payload == nil {
			next, err := l.find(r, size, offset+1)
			if err != nil {
				return err
			}
			if next == 0 {
				next = size
			}
			lost(offset, next-offset)
			offset = next
			continue
		}
		if err := each(offset, payload); err != nil {
			return err
		}
		offset += frameSize + int64(len(payload))
	}
	return nil
}

// The limits of guess: the number of different salts that it counts, and the
// number of those that it tries.
const (
	maxSalts = 1 << 16
	maxTries = 16
)

// guess returns the log of a file without its header. The checksum of a frame's
// header reveals the salt. A value that imitates frames does so, too: among the
// most frequent salts, the right one is the salt of the frames that cover the
// largest part of the file.
func guess(r io.ReaderAt, size int64) (*Log, error) {
	counts := make(map[uint32]int)
	err := marks(r, size, 0, func(offset int64, header []byte) (bool, error) {
		n := int64(binary.LittleEndian.Uint32(header[4:]))
		if n == 0 || n > min(MaxPayload, size-frameSize-offset) {
			return true, nil
		}
		salt := saltOf(header, offset)
		if counts[salt] > 0 || len(counts) < maxSalts {
			counts[salt]++
		}
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	salts := make([]uint32, 0, len(counts))
	for salt := range counts {
		salts = append(salts, salt)
	}
	slices.SortFunc(salts, func(a, b uint32) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	var best *Log
	most := int64(0)
	for _, salt := range salts[:min(len(salts), maxTries)] {
		l, covered := &Log{salt: salt}, int64(0)
		count := func(_ int64, payload []byte) error { covered += int64(len(payload)); return nil }
		if err := l.salvage(r, size, 0, count, func(_, _ int64) {}); err != nil {
			return nil, err
		}
		if covered > most {
			best, most = l, covered
		}
	}
	if best == nil {
		return nil, ErrNotLog
	}
	return best, nil
}

// saltOf returns the salt for which the header of a frame is valid at an offset.
func saltOf(header []byte, offset int64) uint32 {
	var b [8 + 12]byte
	binary.LittleEndian.PutUint64(b[:], uint64(offset))
	copy(b[8:], header)
	return undo(binary.LittleEndian.Uint32(header[12:]), b[:])
}

// undo returns the checksum that is sum after an update with b.
func undo(sum uint32, b []byte) uint32 {
	sum = ^sum
	for _, c := range slices.Backward(b) {
		i := byHighByte[sum>>24]
		sum = (sum^table[i])<<8 | uint32(i^c)
	}
	return ^sum
}

// byHighByte is the index of each element of table by its highest byte, which is
// different for all of them.
var byHighByte = func() (index [256]byte) {
	for i, x := range table {
		index[x>>24] = byte(i)
	}
	return index
}()
