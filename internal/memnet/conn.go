package memnet

import (
	"io"
	"net"
	"syscall"
	"time"
)

// A Conn is one end of a connection. It is safe for concurrent use; concurrent
// writes do not mix.
type Conn struct {
	in, out       *stream
	local, remote Addr
}

// pair returns the two ends of a new connection.
func pair(a, b Addr) (*Conn, *Conn) {
	there, back := newStream(), newStream()
	return &Conn{in: back, out: there, local: a, remote: b},
		&Conn{in: there, out: back, local: b, remote: a}
}

// Read waits for data and reads the available bytes. If the other end was
// closed, Read returns the bytes written before that and then [io.EOF].
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	return n, c.wrap("read", err)
}

// Write writes all of p to the buffer of the connection. If the buffer is full,
// Write blocks until the other end reads. If the other end was closed, it fails
// with [io.ErrClosedPipe].
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.out.write(p)
	return n, c.wrap("write", err)
}

// Close closes this end. The other end can still read the bytes already
// written. A second Close, and every other call after the first, fails with
// [net.ErrClosed].
func (c *Conn) Close() error {
	return c.close(io.ErrClosedPipe, io.EOF)
}

// Reset closes this end as a broken network would: bytes not yet read are lost,
// and the other end fails with [syscall.ECONNRESET] at once. Tests inject
// faults with it.
func (c *Conn) Reset() error {
	return c.close(syscall.ECONNRESET, syscall.ECONNRESET)
}

// close closes both directions. write and read are the errors that the other
// end's writes and reads return.
func (c *Conn) close(write, read error) error {
	if !c.in.closeRead(write) {
		return c.wrap("close", net.ErrClosed)
	}
	c.out.closeWrite(read)
	return nil
}

// LocalAddr returns the address of this end.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr returns the address of the other end.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline makes reads fail with [os.ErrDeadlineExceeded] from t on,
// including blocked reads. The zero Time means never.
func (c *Conn) SetReadDeadline(t time.Time) error {
	return c.wrap("set", c.in.setDeadline(&c.in.reader, t))
}

// SetWriteDeadline makes writes fail with [os.ErrDeadlineExceeded] from t on,
// including blocked writes. The zero Time means never.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	return c.wrap("set", c.out.setDeadline(&c.out.writer, t))
}

// wrap adds the operation and the addresses to an error. It leaves io.EOF
// unwrapped, because readers compare it.
func (c *Conn) wrap(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &net.OpError{Op: op, Net: c.local.Network(), Source: c.local, Addr: c.remote, Err: err}
}
