package fakediscord

import (
	"bytes"
	"compress/zlib"
)

// A stream compresses the payloads of a connection. Only the goroutine that
// writes uses it.
type stream struct {
	buf bytes.Buffer
	z   *zlib.Writer
}

func newStream() *stream {
	s := new(stream)
	s.z = zlib.NewWriter(&s.buf)
	return s
}

// next returns the next part of the stream. It ends with 00 00 ff ff.
func (s *stream) next(payload []byte) []byte {
	s.buf.Reset()
	s.z.Write(payload)
	s.z.Flush()
	return bytes.Clone(s.buf.Bytes())
}

// whole returns the payload as a stream of its own.
func (s *stream) whole(payload []byte) []byte {
	s.z.Write(payload)
	s.z.Close()
	return s.buf.Bytes()
}
