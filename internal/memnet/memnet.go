// Package memnet is an in-memory network for tests in virtual time.
//
// In a testing/synctest bubble, a goroutine that waits for a socket keeps the
// clock from advancing. A goroutine that waits for a memnet connection does
// not: it waits on a [sync.Cond], which synctest recognizes as blocked. So a
// real [net/http.Server] and a real [net/http.Transport] communicate over it as
// over TCP, and a long poll of 25 seconds takes no real time.
//
// Connections behave like TCP in every way that programs can observe: both
// directions are buffered, a writer blocks when the buffer is full, deadlines
// work, and errors are wrapped in a [*net.OpError]. The package starts no
// goroutines and shares nothing between listeners. A deadline uses a timer.
package memnet

import (
	"context"
	"net"
	"strconv"
	"sync"
	"syscall"
)

// Addr is an address of the form host:port. Its network is "mem".
type Addr string

// Network returns "mem".
func (Addr) Network() string { return "mem" }

// String returns the address unchanged.
func (a Addr) String() string { return string(a) }

// A Listener is the server's side of the network; clients connect to it with
// Dial. It is safe for concurrent use. Create one with [Listen].
type Listener struct {
	addr Addr

	mu      sync.Mutex
	changed sync.Cond // with mu; signals a change of pending or closed
	pending []*Conn   // dialled but not accepted
	dialled int
	closed  bool
}

// Listen returns a Listener with the given address, which should be a host:port
// but is not checked.
func Listen(addr string) *Listener {
	l := &Listener{addr: Addr(addr)}
	l.changed.L = &l.mu
	return l
}

// Addr returns the address given to [Listen].
func (l *Listener) Addr() net.Addr { return l.addr }

// Accept waits for a connection, which is a [*Conn]. After the Listener is
// closed, Accept fails with [net.ErrClosed].
func (l *Listener) Accept() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.pending) == 0 && !l.closed {
		l.changed.Wait()
	}
	if l.closed {
		return nil, &net.OpError{Op: "accept", Net: l.addr.Network(), Addr: l.addr, Err: net.ErrClosed}
	}
	c := l.pending[0]
	l.pending[0] = nil // for the garbage collector
	l.pending = l.pending[1:]
	return c, nil
}

// Dial connects to the Listener, ignoring network and addr, and returns a
// [*Conn]. Like a kernel, it does not wait for Accept, so it never blocks. It
// fails if ctx has ended, and with [syscall.ECONNREFUSED] after the Listener is
// closed. It can be the DialContext of a [net/http.Transport].
func (l *Listener) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: Addr(addr), Err: err}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: Addr(addr), Err: syscall.ECONNREFUSED}
	}
	// Servers print and split a client's address, so it looks like a real one.
	local := Addr("127.0.0.1:" + strconv.Itoa(49152+l.dialled%16384))
	l.dialled++
	client, server := pair(local, l.addr)
	l.pending = append(l.pending, server)
	l.changed.Signal()
	return client, nil
}

// Close ends Accept, refuses further dials and resets the connections that were
// never accepted. Accepted connections stay open. A second Close fails with
// [net.ErrClosed].
func (l *Listener) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return &net.OpError{Op: "close", Net: l.addr.Network(), Addr: l.addr, Err: net.ErrClosed}
	}
	l.closed = true
	pending := l.pending
	l.pending = nil
	l.changed.Broadcast()
	l.mu.Unlock()
	for _, c := range pending {
		c.Reset()
	}
	return nil
}
