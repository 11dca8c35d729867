package discord

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
)

// maxPayload limits one payload of the gateway, in bytes, before and after inflation.
var maxPayload = 64 << 20

const (
	// maxScratch is the capacity up to which buffers are used again.
	maxScratch = 1 << 20

	// inflateWindow is how far back compressed data can refer.
	inflateWindow = 32 << 10
)

// flushMark is the end of each payload of a compressed connection.
var flushMark = []byte{0x00, 0x00, 0xff, 0xff}

// An inflater decompresses the payloads of one connection, which are one zlib
// stream. Each of them ends with a flush.
type inflater struct {
	limit  int           // of a payload; maxPayload
	begun  bool          // the header of the stream has come
	in     bytes.Buffer  // the payload so far
	src    bytes.Reader  // reads in
	r      io.ReadCloser // made at the first payload
	out    bytes.Buffer  // the last payload
	window []byte        // the end of the output so far
}

func newInflater() *inflater { return &inflater{limit: maxPayload} }

func (z *inflater) tooLarge() error { return fmt.Errorf("a payload exceeds %d bytes", z.limit) }

// add adds a message. It returns the payload that the message completes, which is
// valid until the next call, or nil if more is to come.
func (z *inflater) add(msg []byte) ([]byte, error) {
	if z.in.Len()+len(msg) > z.limit {
		return nil, z.tooLarge()
	}
	if z.in.Len() == 0 && z.in.Cap() > maxScratch {
		z.in = bytes.Buffer{}
	}
	z.in.Write(msg)
	if !bytes.HasSuffix(z.in.Bytes(), flushMark) {
		return nil, nil
	}
	data := z.in.Bytes()
	if !z.begun {
		// RFC 1950: deflate, no preset dictionary, and a check of the two bytes.
		if len(data) < 2 || data[0]&0x0f != 8 || data[1]&0x20 != 0 || (int(data[0])<<8|int(data[1]))%31 != 0 {
			return nil, errors.New("the connection is not compressed with zlib")
		}
		data, z.begun = data[2:], true
	}
	z.src.Reset(data)
	if z.r == nil {
		z.r = flate.NewReader(&z.src)
	} else if err := z.r.(flate.Resetter).Reset(&z.src, z.window); err != nil {
		return nil, err
	}
	if z.out.Cap() > maxScratch {
		z.out = bytes.Buffer{}
	}
	z.out.Reset()
	n, err := io.Copy(&z.out, io.LimitReader(z.r, int64(z.limit)+1))
	switch {
	case n > int64(z.limit):
		return nil, z.tooLarge()
	case err == nil || !errors.Is(err, io.ErrUnexpectedEOF):
		// A flush does not end the stream, so that its end always comes too early.
		return nil, fmt.Errorf("the compressed connection is broken: %w", errOr(err, io.EOF))
	}
	z.in.Reset()
	z.slide()
	return z.out.Bytes(), nil
}

// slide keeps the end of the output.
func (z *inflater) slide() {
	out := z.out.Bytes()
	if len(out) >= inflateWindow {
		z.window = append(z.window[:0], out[len(out)-inflateWindow:]...)
		return
	}
	if over := len(z.window) + len(out) - inflateWindow; over > 0 {
		z.window = z.window[:copy(z.window, z.window[over:])]
	}
	z.window = append(z.window, out...)
}

// errOr returns err, or other if err is nil.
func errOr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}
