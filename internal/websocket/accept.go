package websocket

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// AcceptOptions are the options of [Accept]. The zero AcceptOptions and nil mean
// the defaults.
type AcceptOptions struct {
	// ReadLimit is the largest size of a message that is read, in bytes. If
	// zero, it is DefaultReadLimit.
	ReadLimit int64

	// WriteTimeout is how long a write may make no progress. If zero, it is
	// DefaultWriteTimeout.
	WriteTimeout time.Duration
}

// Accept upgrades a request to a WebSocket connection. The header of w is sent
// with the answer. The handler owns the connection from then on, may return
// before it is closed, and must not use w any more. The context of a request
// ends when its handler returns.
//
// Accept answers a request that it refuses, and returns a [*HandshakeError]. It
// does not look at the Origin header: a server that browsers may reach must
// check it before Accept, since any web page can connect.
func Accept(w http.ResponseWriter, r *http.Request, opts *AcceptOptions) (*Conn, error) {
	var o AcceptOptions
	if opts != nil {
		o = *opts
	}
	status, err := checkRequest(r)
	limit, timeout, badOptions := limits(o.ReadLimit, o.WriteTimeout)
	if badOptions != nil {
		status, err = http.StatusInternalServerError, badOptions
	}
	if err != nil {
		return nil, refuse(w, status, err)
	}
	nc, brw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, refuse(w, http.StatusInternalServerError, fmt.Errorf("the ResponseWriter cannot switch protocols: %w", err))
	}
	c := newConn(nc, hijackedReader(nc, brw.Reader), false, limit, timeout)
	nc.SetDeadline(time.Time{}) // the server's
	answer := bytes.NewBufferString("HTTP/1.1 101 Switching Protocols\r\n")
	h := w.Header().Clone()
	h.Set("Connection", "Upgrade")
	h.Set("Upgrade", "websocket")
	h.Set("Sec-Websocket-Accept", acceptKey(only(r.Header, "Sec-Websocket-Key")))
	h.Write(answer)
	answer.WriteString("\r\n")
	if err := c.writeAnswer(answer.Bytes()); err != nil {
		c.CloseNow()
		// Unwrapped, the error has no prefix.
		return nil, &HandshakeError{Status: http.StatusSwitchingProtocols, Err: fmt.Errorf("answer not written: %w", errors.Unwrap(err))}
	}
	return c, nil
}

// writeAnswer writes the answer to the request, before anything else.
func (c *Conn) writeAnswer(b []byte) error {
	c.writing <- struct{}{}
	defer c.unlockWriting()
	if err := c.beginWrite(context.Background()); err != nil {
		return err
	}
	_, err := c.rwc.Write(b)
	return c.endWrite(err)
}

// hijackedReader returns a reader of a connection that was taken from a server,
// which has read some of it.
func hijackedReader(nc net.Conn, rest *bufio.Reader) *bufio.Reader {
	if rest.Buffered() == 0 {
		return bufio.NewReaderSize(nc, readBuffer)
	}
	b, _ := rest.Peek(rest.Buffered())
	return bufio.NewReaderSize(io.MultiReader(bytes.NewReader(b), nc), readBuffer)
}

// checkRequest returns an error and the status to answer with if r is no
// request for a WebSocket.
func checkRequest(r *http.Request) (status int, err error) {
	key, err := base64.StdEncoding.DecodeString(only(r.Header, "Sec-Websocket-Key"))
	switch {
	case r.ProtoMajor != 1 || r.ProtoMinor < 1:
		return http.StatusUpgradeRequired, fmt.Errorf("the request is %s: HTTP/1.1 is needed", r.Proto)
	case !hasToken(r.Header, "Connection", "upgrade"):
		return http.StatusUpgradeRequired, errors.New("the request has no Connection: Upgrade")
	case !hasToken(r.Header, "Upgrade", "websocket"):
		return http.StatusUpgradeRequired, errors.New("the request has no Upgrade: websocket")
	case r.Method != http.MethodGet:
		return http.StatusMethodNotAllowed, fmt.Errorf("the method is %s: GET is needed", r.Method)
	case only(r.Header, "Sec-Websocket-Version") != "13":
		return http.StatusUpgradeRequired, errors.New("Sec-WebSocket-Version is not 13")
	case err != nil || len(key) != 16:
		return http.StatusBadRequest, errors.New("Sec-WebSocket-Key is not the base64 of 16 bytes")
	}
	return 0, nil
}

// refuse answers a request that is not upgraded.
func refuse(w http.ResponseWriter, status int, err error) error {
	h := w.Header()
	switch status {
	case http.StatusUpgradeRequired:
		h.Set("Connection", "Upgrade")
		h.Set("Upgrade", "websocket")
		h.Set("Sec-Websocket-Version", "13")
	case http.StatusMethodNotAllowed:
		h.Set("Allow", http.MethodGet)
	}
	text := err.Error()
	if status == http.StatusInternalServerError {
		text = http.StatusText(status)
	}
	http.Error(w, text, status)
	return &HandshakeError{Status: status, Err: err}
}
