package websocket

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// firstPiece is how many bytes are allocated for a message before any has
// arrived. More is allocated as they arrive.
const firstPiece = 128 << 10

// input is the state of reading.
type input struct {
	br     *bufio.Reader
	open   bool        // a message has begun and has not ended
	typ    MessageType // of that message
	total  int64       // its length up to the end of the frame
	text   textCheck   // of that message if it is a text; at the end of a text it is zero
	fin    bool        // the frame is its last
	remain int64       // bytes of the frame that are still to be read
	key    maskKey     // for them
	serial uint64      // counts messages
	buf    [maxControl]byte
}

var (
	errSecondReader = errors.New("websocket: read: another Read is running: only one goroutine may read at a time")
	errStaleReader  = errors.New("websocket: read: the reader of an earlier message was used after the next Read or Reader")
	errNotUTF8      = &ProtocolError{Code: CodeInvalidData, text: "text message is not valid UTF-8"}
)

// Read returns the next message. The data belongs to the caller.
func (c *Conn) Read(ctx context.Context) (typ MessageType, data []byte, err error) {
	err = c.read(ctx, func() error {
		for {
			err := c.nextMessage()
			if err == nil {
				typ = c.in.typ
				data, err = c.readMessage()
			}
			if err != nil || c.err() == nil {
				return err
			}
			// Close was called: messages before the close frame are dropped.
		}
	})
	if err != nil {
		return 0, nil, err
	}
	return typ, data, nil
}

// Reader returns the type of the next message and a reader of it, which returns
// the data as it arrives and io.EOF at the end of the message. ctx applies to the
// reader's calls too. The next Read or Reader drops the rest of the message,
// and the reader fails from then on. Text is checked as it arrives: the reader
// fails at the first byte that is not UTF-8. The pieces that it returns may end
// within a character.
func (c *Conn) Reader(ctx context.Context) (MessageType, io.Reader, error) {
	m := &messageReader{c: c, ctx: ctx}
	var typ MessageType
	err := c.read(ctx, func() error {
		err := c.nextMessage()
		typ, m.serial = c.in.typ, c.in.serial
		return err
	})
	if err != nil {
		return 0, nil, err
	}
	return typ, m, nil
}

// A messageReader reads one message.
type messageReader struct {
	c      *Conn
	ctx    context.Context
	serial uint64
	end    bool // the message is at its end
}

// Read implements io.Reader.
func (m *messageReader) Read(p []byte) (n int, err error) {
	if m.end {
		return 0, io.EOF
	}
	err = m.c.read(m.ctx, func() error {
		in := &m.c.in
		if in.serial != m.serial {
			return errStaleReader
		}
		var err error
		for in.open && n == 0 && len(p) > 0 && err == nil {
			n, err = m.c.readSome(p)
		}
		m.end = !in.open && err == nil
		return err
	})
	if err == nil && m.end {
		err = io.EOF
	}
	return n, err
}

// read calls f as the only function that reads, and ends it when ctx ends.
func (c *Conn) read(ctx context.Context, f func() error) error {
	if err := c.err(); err != nil {
		return err
	}
	select {
	case c.reading <- struct{}{}:
	default:
		if err := c.err(); err != nil {
			return err // Close is reading
		}
		return errSecondReader
	}
	if err := c.reads.begin(ctx); err != nil {
		c.abort(errContext)
		if err == errClosed {
			return c.err()
		}
		return fmt.Errorf("websocket: read: %w", err)
	}
	err := f()
	expired := c.reads.finish()
	switch {
	case expired != nil:
		return fmt.Errorf("websocket: read: %w", expired)
	case err == nil || err == errStaleReader:
		<-c.reading
		return err
	}
	return c.readFailed(err)
}

// readFailed ends the connection after a final error and returns the error for
// the caller of Read. The goroutine holds c.reading, and never releases it.
func (c *Conn) readFailed(err error) error {
	var closed *CloseError
	var broken *ProtocolError
	switch {
	case errors.As(err, &closed):
		c.finish(err, closed.Code, true)
	case errors.As(err, &broken):
		c.finish(err, broken.Code, false)
	default:
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		c.abort(fmt.Errorf("websocket: the connection ended without a close frame: %w", err))
	}
	return c.err()
}

// discard reads and drops messages until there is an error.
func (c *Conn) discard() error {
	for {
		if err := c.nextMessage(); err != nil {
			return err
		}
	}
}

// nextMessage drops the rest of the open message, if there is one, and reads the
// header of the next message's first frame.
func (c *Conn) nextMessage() error {
	if c.in.open {
		buf := buffers.Get().(*[bufferSize]byte)
		defer buffers.Put(buf)
		for c.in.open {
			if _, err := c.readSome(buf[:]); err != nil {
				return err
			}
		}
	}
	return c.nextFrame()
}

// readMessage returns the rest of the open message.
func (c *Conn) readMessage() ([]byte, error) {
	in := &c.in
	data := []byte{}
	for in.open {
		if in.remain > 0 && len(data) == cap(data) {
			data = grow(data, in.remain, in.fin)
		}
		n, err := c.readSome(data[len(data):cap(data)])
		if err != nil {
			return nil, err
		}
		data = data[:len(data)+n]
	}
	return data, nil
}

// grow returns data with capacity for some of the bytes that remain of a frame:
// for all of them if they are few, or else for as many as have arrived. last is
// whether no other frame follows.
func grow(data []byte, remain int64, last bool) []byte {
	size := len(data) + int(min(remain, int64(max(firstPiece, len(data)))))
	if !last {
		size = max(size, 2*len(data)) // many short frames must not cost a copy each
	}
	return append(make([]byte, 0, size), data...)
}

// readSome reads the next bytes of the open message to p. It returns 0 and no
// error at the end of the message, and where a frame begins.
func (c *Conn) readSome(p []byte) (int, error) {
	in := &c.in
	if in.remain == 0 {
		return 0, c.nextFrame()
	}
	n, err := in.br.Read(p[:min(int64(len(p)), in.remain)])
	if err != nil {
		return 0, err
	}
	if !c.client {
		in.key = in.key.xor(p[:n], p[:n])
	}
	if in.typ == Text && !in.text.add(p[:n]) {
		return 0, errNotUTF8
	}
	in.remain -= int64(n)
	return n, in.frameRead()
}

// nextFrame reads the header of the next data frame, and handles the control
// frames before it.
func (c *Conn) nextFrame() error {
	in := &c.in
	for {
		h, err := readHeader(in.br, !c.client)
		if err != nil {
			return err
		}
		switch {
		case h.op.control():
			if err := c.handleControl(h); err != nil {
				return err
			}
			continue
		case h.op == opContinuation && !in.open:
			return violation("continuation frame without a message")
		case h.op != opContinuation && in.open:
			return violation("new message within a fragmented message")
		case !in.open:
			in.open, in.typ, in.total = true, MessageType(h.op), 0
			in.serial++
		}
		if h.length > c.limit-in.total {
			return &ProtocolError{Code: CodeTooBig, text: fmt.Sprintf("message exceeds the ReadLimit of %d bytes", c.limit)}
		}
		in.total += h.length
		in.fin, in.remain, in.key = h.fin, h.length, h.key
		return in.frameRead()
	}
}

// frameRead closes the message if its last frame was read.
func (in *input) frameRead() error {
	if in.remain > 0 || !in.fin {
		return nil
	}
	in.open = false
	if in.typ == Text && !in.text.complete() {
		return errNotUTF8
	}
	return nil
}

// handleControl reads the payload of a control frame and handles it. The error
// of a close frame is a *CloseError.
func (c *Conn) handleControl(h header) error {
	p := c.in.buf[:h.length]
	if _, err := io.ReadFull(c.in.br, p); err != nil {
		return err
	}
	h.key.xor(p, p)
	switch h.op {
	case opPing:
		c.queuePong(p)
	case opClose:
		return parseClose(p)
	}
	return nil
}

// parseClose returns a *CloseError for the payload of a close frame, or a
// *ProtocolError if it is malformed.
func parseClose(p []byte) error {
	if len(p) == 0 {
		return &CloseError{Code: CodeNoStatus}
	}
	if len(p) == 1 {
		return violation("close frame with half a code")
	}
	code := Code(binary.BigEndian.Uint16(p))
	if !code.valid() {
		return violation("close frame with the code %d, which is not for the wire", code)
	}
	if !utf8.Valid(p[2:]) {
		return &ProtocolError{Code: CodeInvalidData, text: "close frame with a reason that is not UTF-8"}
	}
	return &CloseError{Code: code, Reason: string(p[2:])}
}
