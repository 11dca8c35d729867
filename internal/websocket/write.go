package websocket

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	// maxPending is how many bytes of control frames may wait to be written.
	// When there are more, only the newest is kept: RFC 6455 allows to answer
	// only the last of many pings.
	maxPending = 4 << 10

	bufferSize = 32 << 10
)

// buffers holds buffers of bufferSize bytes.
var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// Write writes a message. It blocks until the data was handed to the operating
// system. The data is not changed and not kept. A text that is not valid UTF-8
// and an unknown type are errors that leave the connection as it is.
//
// If ctx ends while the message is being written, or if the peer accepts nothing
// for WriteTimeout, the connection is closed.
func (c *Conn) Write(ctx context.Context, typ MessageType, data []byte) error {
	switch {
	case typ != Text && typ != Binary:
		return fmt.Errorf("websocket: write: unknown %v", typ)
	case typ == Text && !utf8.Valid(data):
		return errors.New("websocket: write: text is not valid UTF-8: send it as Binary")
	}
	select {
	case c.writing <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("websocket: write: %w", ctx.Err())
	case <-c.gone:
		return c.err()
	}
	defer c.unlockWriting()
	if err := c.beginWrite(ctx); err != nil {
		return err
	}
	pongs, err := c.beginMessage()
	if err != nil {
		c.writes.finish()
		return err
	}
	if len(pongs) > 0 {
		_, err = c.rwc.Write(pongs)
	}
	if err == nil {
		err = c.writeFrame(opcode(typ), data)
	}
	return c.endWrite(err)
}

func (c *Conn) unlockWriting() { <-c.writing }

// beginMessage returns the control frames to write before a message, or an error
// if no message may be written any more. The caller holds c.writing.
func (c *Conn) beginMessage() (pongs []byte, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		return nil, c.cause
	}
	if c.writeErr != nil {
		return nil, c.writeErr
	}
	pongs, c.control = c.control, nil
	return pongs, nil
}

// beginWrite prepares for writes to the underlying connection, which are ended
// when ctx ends or the peer stops reading. If there is no error, endWrite must be
// called after them. The caller holds c.writing.
func (c *Conn) beginWrite(ctx context.Context) error {
	switch err := c.writes.begin(ctx); err {
	case nil:
		return nil
	case errClosed:
		return c.err()
	default:
		return fmt.Errorf("websocket: write: %w", err)
	}
}

// endWrite returns the error to return for that of a write, which may be nil.
func (c *Conn) endWrite(err error) error {
	if expired := c.writes.finish(); expired != nil {
		return fmt.Errorf("websocket: write: %w", expired)
	}
	if err == nil {
		return nil
	}
	err = fmt.Errorf("websocket: write: %w", err)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.aborted {
		return c.cause
	}
	// Nothing can be written any more. The connection is closed later: the
	// peer's last messages and its close frame may still be unread.
	if c.writeErr == nil {
		c.writeErr = err
		c.doom = time.AfterFunc(closeTimeout, func() { c.abort(err) })
	}
	return err
}

// writeFrame writes a frame in pieces of bufferSize bytes.
func (c *Conn) writeFrame(op opcode, payload []byte) error {
	buf := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buf)
	key := c.newKey()
	b := appendHeader(buf[:0], op, len(payload), c.client, key)
	for {
		n := min(len(payload), cap(b)-len(b))
		piece := b[len(b) : len(b)+n]
		if c.client {
			key = key.xor(piece, payload[:n])
		} else {
			copy(piece, payload)
		}
		payload = payload[n:]
		if _, err := c.rwc.Write(b[:len(b)+n]); err != nil {
			return err
		}
		if len(payload) == 0 {
			return nil
		}
		c.writes.progress()
		b = b[:0]
	}
}

// newKey returns a fresh masking key if the connection is a client's.
func (c *Conn) newKey() maskKey {
	if !c.client {
		return 0
	}
	var b [4]byte
	rand.Read(b[:])
	return maskKey(binary.LittleEndian.Uint32(b[:]))
}

// queue adds a control frame to those to be written. The caller holds c.mu.
func (c *Conn) queue(op opcode, payload []byte) {
	if len(c.control) > maxPending {
		c.control = c.control[:0]
	}
	key := c.newKey()
	b := appendHeader(c.control, op, len(payload), c.client, key)
	start := len(b)
	b = append(b, payload...)
	key.xor(b[start:], b[start:])
	c.control = b
}

// queueClose adds a close frame unless there was one. The caller holds c.mu.
func (c *Conn) queueClose(code Code, reason string) {
	if !c.closeSent {
		c.closeSent = true
		c.queue(opClose, closePayload(code, reason))
	}
}

// queuePong answers a ping, in the background.
func (c *Conn) queuePong(payload []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closeSent || c.aborted || c.writeErr != nil {
		return
	}
	c.queue(opPong, payload)
	if !c.flushing {
		c.flushing = true
		c.bg.Add(1)
		go func() {
			defer c.bg.Done()
			c.flush()
		}()
	}
}

// flush writes the control frames that wait, until there are none. It returns
// after the last of them was written.
func (c *Conn) flush() error {
	select {
	case c.writing <- struct{}{}:
	case <-c.gone:
		return errClosed
	}
	defer c.unlockWriting()
	for {
		c.mu.Lock()
		b := c.control
		c.control = nil
		err := c.writeErr
		if len(b) == 0 || err != nil {
			c.flushing = false
		}
		c.mu.Unlock()
		if len(b) == 0 || err != nil {
			return err
		}
		if err := c.beginWrite(context.Background()); err != nil {
			return err
		}
		_, err = c.rwc.Write(b)
		if err = c.endWrite(err); err != nil {
			return err
		}
	}
}
