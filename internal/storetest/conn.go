package storetest

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
)

// A Wire makes connections and counts their traffic.
type Wire struct{ bytes, requests atomic.Int64 }

// Dial connects as net.Dialer.DialContext does.
func (w *Wire) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	return &countedConn{Conn: conn, w: w}, err
}

// Take returns the traffic since the last call. A request is one call of Write.
func (w *Wire) Take() (bytes, requests int64) { return w.bytes.Swap(0), w.requests.Swap(0) }

type countedConn struct {
	net.Conn
	w *Wire
}

func (c *countedConn) Write(p []byte) (int, error) {
	c.w.requests.Add(1)
	c.w.bytes.Add(int64(len(p)))
	return c.Conn.Write(p)
}

func (c *countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.w.bytes.Add(int64(n))
	return n, err
}

// A Cutter makes connections that lose an answer: if Armed is true, the
// connection with the next chosen request is cut between it and its answer, and
// Armed becomes false.
type Cutter struct {
	Armed  atomic.Bool
	Chosen func(request []byte) bool
}

// Dial connects as net.Dialer.DialContext does.
func (c *Cutter) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &cutConn{TCPConn: conn.(*net.TCPConn), c: c}, nil
}

type cutConn struct {
	*net.TCPConn
	c    *Cutter
	sent atomic.Bool
	lost atomic.Bool
}

func (c *cutConn) Write(p []byte) (int, error) {
	c.sent.Store(c.c.Armed.Load() && c.c.Chosen(p))
	return c.TCPConn.Write(p)
}

// Read waits for the answer of the server and then loses it.
func (c *cutConn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	if c.sent.Load() && c.c.Armed.CompareAndSwap(true, false) {
		c.TCPConn.Close()
		c.lost.Store(true)
	}
	if c.lost.Load() {
		return 0, &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by test")}
	}
	return n, err
}
