// Package websocket implements the WebSocket protocol, RFC 6455, over the
// upgrade of net/http: [Dial] is the client, [Accept] the server.
//
//	c, _, err := websocket.Dial(ctx, "wss://gateway.example/?v=10", nil)
//	if err != nil {
//		return err // a *HandshakeError
//	}
//	defer c.CloseNow()
//	for {
//		_, data, err := c.Read(ctx)
//		var closed *websocket.CloseError
//		switch {
//		case errors.As(err, &closed):
//			return handleCode(closed.Code) // the peer closed the connection
//		case err != nil:
//			return err
//		}
//		if err := c.Write(ctx, websocket.Text, answer(data)); err != nil {
//			return err
//		}
//	}
//
// # Contexts
//
// A frame that was read or written in part cannot be continued, so a connection
// does not survive the end of a context: when the ctx of a Read or a Write ends
// during the call, the call returns ctx's error and the connection is closed
// without a closing handshake. There is one exception: a Write that is still
// waiting for another Write has sent nothing, and leaves the connection open.
// A ctx that ends between calls has no effect on the connection.
//
// # Concurrency
//
// Write, Close and CloseNow may be called from any number of goroutines at the
// same time, also during a Read. Only one goroutine may read at a time; a Read
// during another Read fails and changes nothing. Pings are answered while a
// Read is running. A Read never waits for a write: a goroutine that exists only
// while there is something to send writes pongs and the answers to close frames.
//
// # Errors
//
// Read returns a [*CloseError] when the peer closed the connection, a
// [*ProtocolError] when the peer broke the protocol or exceeded the read limit,
// and an error that wraps [io.ErrUnexpectedEOF] when the connection ended without
// a close frame. After Close or CloseNow, Read and Write return an error that
// wraps [net.ErrClosed]. Such an error is final, and later calls fail too. Not final are
// the errors of wrong arguments, of a second reader, of an outdated reader and of
// a Write that was still waiting for another. A final error closes the underlying
// connection within five seconds; Close and CloseNow wait for that.
//
// A Read after a failed Write still returns the messages and the close frame that
// arrived before.
//
// # Limits
//
// A message may have at most ReadLimit bytes, by default [DefaultReadLimit]. The
// length in a frame's header is checked against the limit before anything is
// allocated, and memory for a message grows with the bytes that have arrived.
// A peer that stops reading fails a Write after WriteTimeout, by default
// [DefaultWriteTimeout]. Close takes at most five seconds.
//
// # Limitations
//
// There are no extensions, in particular no permessage-deflate, and no
// subprotocols: Dial offers none and refuses a server that chooses one, Accept
// ignores offers. Messages are written as one frame each. Dial uses HTTP/1.1
// only, and follows no redirects.
package websocket

import (
	"fmt"
	"time"
)

const (
	// DefaultReadLimit is the largest size of a message in bytes if the options
	// do not set one. The first messages of a chat service may have many
	// megabytes.
	DefaultReadLimit = 64 << 20

	// DefaultWriteTimeout is how long a write may make no progress if the
	// options do not set another time.
	DefaultWriteTimeout = 30 * time.Second

	// closeTimeout limits the closing handshake, and the time for which a
	// connection with a final error stays open.
	closeTimeout = 5 * time.Second

	// grace is how long CloseNow waits for the last close frame to be written.
	grace = time.Second
)

// A MessageType is the type of a message: [Text] or [Binary].
type MessageType uint8

const (
	Text   MessageType = 1 // valid UTF-8
	Binary MessageType = 2 // any bytes
)

// String returns "text" or "binary".
func (t MessageType) String() string {
	switch t {
	case Text:
		return "text"
	case Binary:
		return "binary"
	}
	return fmt.Sprintf("MessageType(%d)", uint8(t))
}

// A Code is the status code of a close frame. The codes 3000 to 4999 are for
// libraries and applications.
type Code uint16

const (
	CodeNormal        Code = 1000
	CodeGoingAway     Code = 1001
	CodeProtocolError Code = 1002
	CodeNoStatus      Code = 1005 // the close frame has no code; never sent as a number
	CodeInvalidData   Code = 1007 // a text that is not UTF-8
	CodeTooBig        Code = 1009
)

// valid reports whether a close frame may contain the code.
func (c Code) valid() bool {
	switch {
	case c >= 1000 && c <= 1003, c >= 1007 && c <= 1014, c >= 3000 && c <= 4999:
		return true
	}
	return false
}

// A CloseError is the close frame that the peer sent first. The closing
// handshake is then completed in the background.
type CloseError struct {
	Code   Code   // CodeNoStatus if the frame has none
	Reason string // at most 123 bytes of UTF-8; often empty
}

// Error returns the code and the reason.
func (e *CloseError) Error() string {
	switch {
	case e.Code == CodeNoStatus:
		return "websocket: the peer closed the connection without a code"
	case e.Reason == "":
		return fmt.Sprintf("websocket: the peer closed the connection: %d", e.Code)
	}
	return fmt.Sprintf("websocket: the peer closed the connection: %d %q", e.Code, e.Reason)
}

// A ProtocolError means that the peer broke the protocol or exceeded the read
// limit. The peer is told Code in a close frame.
type ProtocolError struct {
	Code Code
	text string
}

// Error describes the violation without quoting the peer's data.
func (e *ProtocolError) Error() string {
	return fmt.Sprintf("websocket: %s (closed with %d)", e.text, e.Code)
}

// A HandshakeError is the failure of a Dial or an Accept.
type HandshakeError struct {
	URL    string // of a Dial, without user, password and query; empty for Accept and if malformed
	Status int    // of the server's answer; zero if there was none
	Err    error
}

// Error returns the address and the reason.
func (e *HandshakeError) Error() string {
	if e.URL == "" {
		return fmt.Sprintf("websocket: handshake failed: %v", e.Err)
	}
	return fmt.Sprintf("websocket: handshake with %s failed: %v", e.URL, e.Err)
}

// Unwrap returns e.Err.
func (e *HandshakeError) Unwrap() error { return e.Err }
