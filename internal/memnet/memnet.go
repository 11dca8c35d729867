// Package memnet is a network in memory, for tests in virtual time.
//
// A goroutine that waits for a socket keeps the clock of a testing/synctest
// bubble from moving. One that waits for a memnet connection does not: it
// waits on a [sync.Cond], which synctest understands. So a real [net/http.Server]
// and a real [net/http.Transport] talk over it as they would over TCP, and a long
// poll of 25 seconds takes none.
//
// Connections behave like TCP where programs can tell: both directions are
// buffered, a writer blocks when the buffer is full, deadlines work, and
// errors come in a [*net.OpError]. The package starts no goroutine and shares
// nothing between listeners. A deadline that is set uses a timer.
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

// String returns the address as it is.
func (a Addr) String() string { return string(a) }

// A Listener is a server's side of the network and the way to it. It is safe
// for concurrent use. Make one with [Listen].
type Listener struct {
	addr Addr

	mu      sync.Mutex
	changed sync.Cond // mu: pending or closed is different
	pending []*Conn   // dialled but not accepted
	dialled int
	closed  bool
}

// Listen returns a Listener that says it is at addr, which should be a
// host:port but is not looked at.
func Listen(addr string) *Listener {
	l := &Listener{addr: Addr(addr)}
	l.changed.L = &l.mu
	return l
}

// Addr returns the address given to [Listen].
func (l *Listener) Addr() net.Addr { return l.addr }

// Accept waits for a connection, which is a [*Conn]. Once the Listener is
// closed it fails with [net.ErrClosed].
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

// Dial connects to the Listener, whatever network and addr say, and returns a
// [*Conn]. Like a kernel it does not wait for Accept, and so never blocks. It
// fails if ctx has ended, and with [syscall.ECONNREFUSED] once the Listener is
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
	// Servers print a client's address and split it, so it looks like one.
	local := Addr("127.0.0.1:" + strconv.Itoa(49152+l.dialled%16384))
	l.dialled++
	client, server := pair(local, l.addr)
	l.pending = append(l.pending, server)
	l.changed.Signal()
	return client, nil
}

// Close ends Accept, refuses further dials and resets the connections that were
// never accepted. Those that were stay open. A second Close fails with
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
