package websocket

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
	"unicode/utf8"
)

// A Conn is a WebSocket connection, of a client or of a server. Close or
// CloseNow must be called in the end, also after an error.
type Conn struct {
	rwc    io.ReadWriteCloser
	client bool
	limit  int64 // of a message

	reading chan struct{} // holds an element while a goroutine reads
	reads   watch
	in      input // for the goroutine that reads

	writing chan struct{} // holds an element while a goroutine writes
	writes  watch

	gone chan struct{}  // closed right before the underlying connection is
	bg   sync.WaitGroup // goroutines of the connection

	mu        sync.Mutex
	cause     error         // final; set before anything is closed
	closeSent bool          // a close frame is in control or was written: no data any more
	clean     bool          // the peer's close frame has arrived
	aborted   bool          // gone is closed, or about to be: nothing joins bg any more
	broken    error         // why there can be no closing handshake any more
	writeErr  error         // of the first write that failed
	doom      *time.Timer   // aborts the connection some time after writeErr
	told      chan struct{} // if not nil, closed when linger has written the last close frame
	control   []byte        // encoded control frames to write
	flushing  bool          // a goroutine is to write them
}

// A closedError says why this side closed the connection.
type closedError string

// The errors of calls after the connection was closed by another call.
const (
	errClosed  closedError = "websocket: the connection was closed by Close or CloseNow"
	errContext closedError = "websocket: the connection was closed because the context of a call ended"
	errSlow    closedError = "websocket: the connection was closed because the peer does not read"
)

func (e closedError) Error() string { return string(e) }

func (e closedError) Unwrap() error { return net.ErrClosed }

// newConn returns a connection over rwc, of which br reads. The limits must be
// positive.
func newConn(rwc io.ReadWriteCloser, br *bufio.Reader, client bool, limit int64, timeout time.Duration) *Conn {
	c := &Conn{
		rwc:     rwc,
		client:  client,
		limit:   limit,
		in:      input{br: br},
		reading: make(chan struct{}, 1),
		writing: make(chan struct{}, 1),
		gone:    make(chan struct{}),
	}
	c.reads = watch{end: c.abort}
	c.writes = watch{end: c.abort, timeout: timeout}
	return c
}

// limits returns the limits of a connection for those in its options.
func limits(read int64, write time.Duration) (int64, time.Duration, error) {
	if read < 0 || write < 0 {
		return 0, 0, errors.New("ReadLimit and WriteTimeout must not be negative; zero means the default")
	}
	if read == 0 {
		read = DefaultReadLimit
	}
	if write == 0 {
		write = DefaultWriteTimeout
	}
	return read, write, nil
}

// err returns the final error of the connection, or nil.
func (c *Conn) err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// abort closes the underlying connection at once, and so ends all calls. The
// first cause is the one that counts. It may be called by any goroutine, and
// more than once.
func (c *Conn) abort(cause error) {
	c.mu.Lock()
	if c.cause == nil {
		c.cause = cause
	}
	if c.aborted {
		c.mu.Unlock()
		return
	}
	c.aborted = true
	if c.broken == nil {
		c.broken = cause
	}
	c.bg.Add(1)
	if c.doom != nil {
		c.doom.Stop()
	}
	c.mu.Unlock()
	defer c.bg.Done()
	close(c.gone)
	c.reads.release()
	c.writes.release()
	c.rwc.Close()
}

// finish ends a connection of which nothing is read any more: the peer has sent
// its close frame, or is not understood. It sends a close frame unless one was
// sent, and closes the connection, in the background. The caller is the
// goroutine that reads. It passes c.reading on to linger.
func (c *Conn) finish(cause error, code Code, clean bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause == nil {
		c.cause = cause
	}
	if c.aborted {
		return
	}
	c.clean, c.broken = clean, cause
	c.queueClose(code, "")
	c.told = make(chan struct{})
	c.bg.Add(1)
	go c.linger(c.told, !c.client || !clean)
}

// linger writes the close frame, closes told, and closes the connection once the
// peer has closed it, or after a time. half is whether to close the sending
// direction before that: a client waits for the server to close first, and a peer
// that is not understood may wait for anything.
func (c *Conn) linger(told chan<- struct{}, half bool) {
	defer c.bg.Done()
	defer c.abort(errClosed)
	timer := time.AfterFunc(closeTimeout, func() { c.abort(errClosed) })
	defer timer.Stop()
	err := c.flush()
	close(told)
	if err != nil {
		c.mu.Lock()
		c.clean, c.broken = false, err
		c.mu.Unlock()
		return
	}
	if half {
		w, ok := c.rwc.(interface{ CloseWrite() error })
		if !ok || w.CloseWrite() != nil {
			return
		}
	}
	io.Copy(io.Discard, c.in.br)
}

// Close sends a close frame, waits for the peer's and closes the connection.
// Messages that arrive meanwhile are dropped. Close blocks at most until ctx ends
// and at most five seconds; then it closes the connection anyway. It returns nil
// if both close frames were exchanged, whichever side began.
//
// The code must be one that RFC 6455 allows in a close frame, or [CodeNoStatus]
// with an empty reason for a frame without a code. The reason must be UTF-8 of at
// most 123 bytes. If they are not, Close does the same as CloseNow and returns an
// error.
//
// When Close returns, with or without an error, the connection is closed and all
// its goroutines have ended. A second Close waits for the first and returns the
// same.
func (c *Conn) Close(ctx context.Context, code Code, reason string) error {
	if err := checkClose(code, reason); err != nil {
		c.CloseNow()
		return err
	}
	stop := context.AfterFunc(ctx, func() { c.abort(fmt.Errorf("websocket: close: %w", ctx.Err())) })
	defer stop()
	c.mu.Lock()
	first := c.cause == nil
	if first {
		c.cause = errClosed
		c.queueClose(code, reason)
	}
	c.mu.Unlock()
	if first {
		timer := time.AfterFunc(closeTimeout, func() {
			c.abort(fmt.Errorf("websocket: close: the peer sent no close frame within %v", closeTimeout))
		})
		defer timer.Stop()
		c.handshake()
	}
	<-c.gone
	c.bg.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.clean {
		return nil
	}
	return c.broken
}

// handshake writes the close frame and reads until the peer's, unless a Read is
// running, which then does so.
func (c *Conn) handshake() {
	if err := c.flush(); err != nil {
		c.abort(err)
		return
	}
	select {
	case c.reading <- struct{}{}:
		c.readFailed(c.discard())
	case <-c.gone:
	}
}

// CloseNow closes the connection without a closing handshake, unless it is
// closed. Calls in progress return. Only the close frame that answers the peer's,
// or tells the peer of its mistake, is still written, which takes at most a
// second; Close is the way to make sure that it arrives. When CloseNow returns,
// the goroutines of the connection have ended.
func (c *Conn) CloseNow() {
	c.mu.Lock()
	told := c.told
	c.mu.Unlock()
	if told != nil {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-told:
		case <-c.gone:
		case <-timer.C:
		}
	}
	c.abort(errClosed)
	c.bg.Wait()
}

// checkClose returns an error if a close frame may not contain the code and the
// reason.
func checkClose(code Code, reason string) error {
	switch {
	case code == CodeNoStatus && reason != "":
		return errors.New("websocket: a close frame without a code cannot have a reason")
	case code != CodeNoStatus && !code.valid():
		return fmt.Errorf("websocket: close code %d must not be sent: use %d, or one of 3000 to 4999", code, CodeNormal)
	case len(reason) > maxReason:
		return fmt.Errorf("websocket: close reason of %d bytes: at most %d are possible", len(reason), maxReason)
	case !utf8.ValidString(reason):
		return errors.New("websocket: close reason is not valid UTF-8")
	}
	return nil
}
