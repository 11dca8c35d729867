package fakevk

import (
	"bytes"
	"encoding/binary"
	"time"
)

const (
	opusRate     = 48_000 // samples per second in the page headers of Opus, always
	voiceBytes   = 2_000  // per second of a voice message at VK's 16 kbit/s
	oggHeaderLen = 14     // bytes needed of a page header
)

// An oggScanner determines the duration of an Ogg file while the file passes
// through: the last page contains the number of samples. It searches for the
// beginnings of pages and ignores their content.
type oggScanner struct {
	buf     []byte // the end of the data so far: a page header may be split
	samples uint64
	opus    bool
}

func (s *oggScanner) Write(p []byte) (int, error) {
	b := append(s.buf, p...)
	s.opus = s.opus || bytes.Contains(b, []byte("OpusHead"))
	rest := b
	for {
		i := bytes.Index(rest, []byte("OggS"))
		if i < 0 || len(rest)-i < oggHeaderLen {
			break
		}
		// All ones mean that no packet ends on the page.
		if n := binary.LittleEndian.Uint64(rest[i+6:]); n != ^uint64(0) {
			s.samples = n
		}
		rest = rest[i+4:]
	}
	s.buf = b[:copy(b, b[max(len(b)-oggHeaderLen+1, 0):])]
	return len(p), nil
}

// duration returns the duration given by the pages or, if there is none, an
// estimate from the size.
func (s *oggScanner) duration(size int64) time.Duration {
	d := time.Duration(size) * time.Second / voiceBytes
	if s.opus && s.samples > 0 && s.samples < opusRate*24*3600 {
		d = time.Duration(s.samples) * time.Second / opusRate
	}
	return max(d, time.Second)
}
