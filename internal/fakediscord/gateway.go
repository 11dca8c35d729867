package fakediscord

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/websocket"
)

// The opcodes of the gateway.
const (
	opDispatch       = 0
	opHeartbeat      = 1
	opIdentify       = 2
	opPresence       = 3
	opVoice          = 4
	opResume         = 6
	opReconnect      = 7
	opMembers        = 8
	opInvalidSession = 9
	opHello          = 10
	opAck            = 11
	opSounds         = 31 // the fake has none
	opChannelInfo    = 43 // is not answered
)

const (
	maxPayload = 4096 // bytes that a client may send at once
	maxSends   = 120  // payloads that a client may send in a minute
)

// A conn is a connection of the gateway. Its fields are guarded by Server.mu,
// but for those of the goroutine that writes.
type conn struct {
	s       *Server
	ws      *websocket.Conn
	wire    *wire
	host    string // by which the client reaches the Server
	version int
	session *session // nil before Identify and after op 9

	queue []outgoing
	wake  chan struct{} // has an element if queue does
	gone  chan struct{} // closed when the reader has ended

	compress bool    // each payload by itself
	stream   *stream // zlib-stream, or nil

	sends  []time.Time // of the last minute
	asked  bool        // op 1 has asked for a heartbeat, which does not count
	pongs  int         // heartbeats that op 1 has asked for and that came
	beats  *time.Timer // closes a connection without heartbeats
	silent bool        // nothing is sent any more
	closed bool        // a close frame is queued
}

// An outgoing is something that the writer does: a payload, raw bytes, a close
// frame or a reset.
type outgoing struct {
	data   []byte
	raw    bool // data is a binary message as it stands
	at     time.Time
	code   int
	reason string
	reset  bool
}

// push queues something to write.
func (c *conn) push(o outgoing) {
	if c.closed || c.silent && !o.reset {
		return
	}
	c.closed = o.code != 0 || o.reset
	c.queue = append(c.queue, o)
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// send queues a payload that is no dispatch.
func (c *conn) send(op int, d any) {
	c.push(outgoing{data: encode(object{"op": op, "d": d, "s": nil, "t": nil})})
}

// closeWith queues a close frame.
func (c *conn) closeWith(code int, reason string) {
	c.push(outgoing{code: code, reason: reason})
	if c.session != nil {
		if code == 4004 || code == 4009 || code >= 4010 && code <= 4014 {
			c.s.end(c.session)
		} else {
			c.session.detach()
		}
	}
}

// serveGateway serves one connection until it ends.
func (s *Server) serveGateway(w http.ResponseWriter, r *http.Request) {
	capture := &hijacker{ResponseWriter: w}
	ws, err := websocket.Accept(capture, r, &websocket.AcceptOptions{ReadLimit: 1 << 20})
	if err != nil {
		return // the client was told
	}
	defer ws.CloseNow()
	c := &conn{s: s, ws: ws, host: r.Host, wire: capture.wire, wake: make(chan struct{}, 1), gone: make(chan struct{})}
	query := r.URL.Query()
	c.version, _ = strconv.Atoi(query.Get("v"))
	if query.Get("compress") == "zlib-stream" {
		c.stream = newStream()
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.conns[c] = struct{}{}
	c.beats = time.AfterFunc(2*s.cfg.Heartbeat, c.late)
	switch encoding := query.Get("encoding"); {
	case c.version != 9 && c.version != 10:
		c.closeWith(4012, "Invalid API version.")
	case encoding != "json" && encoding != "":
		c.closeWith(4002, "Error while decoding payload: the fake has no encoding but json.")
	default:
		c.send(opHello, object{"heartbeat_interval": s.cfg.Heartbeat.Milliseconds()})
	}
	s.mu.Unlock()

	written := make(chan struct{})
	go func() {
		defer close(written)
		c.write()
	}()
	c.read()
	close(c.gone)
	<-written
}

// late ends a connection for want of heartbeats, unless it drops those that come.
func (c *conn) late() {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if !c.silent && !c.wire.deaf.Load() {
		c.closeWith(4009, "Session timed out.")
	}
}

// stop ends the connection at once.
func (c *conn) stop() { c.wire.Close() }

// read handles the client's payloads until the connection ends.
func (c *conn) read() {
	for {
		_, data, err := c.ws.Read(context.Background())
		c.s.mu.Lock()
		if err != nil {
			c.ended(err)
			c.s.mu.Unlock()
			return
		}
		c.handle(data)
		c.s.mu.Unlock()
	}
}

// ended leaves the session to be resumed. The codes 1000 and 1001 end it.
func (c *conn) ended(err error) {
	c.beats.Stop()
	delete(c.s.conns, c)
	c.s.touch()
	if c.session == nil {
		return
	}
	var closed *websocket.CloseError
	if errors.As(err, &closed) && (closed.Code == websocket.CodeNormal || closed.Code == websocket.CodeGoingAway) {
		c.s.end(c.session)
		return
	}
	c.session.detach()
}

// handle handles one payload.
func (c *conn) handle(data []byte) {
	if c.closed {
		return
	}
	v, err := decode(data)
	p, ok := v.(object)
	if c.limited(p) {
		c.closeWith(4008, "Rate limited.")
		return
	}
	if err != nil || !ok || len(data) > maxPayload || p["op"] == nil {
		c.closeWith(4002, "Error while decoding payload.")
		return
	}
	d, _ := p["d"].(object)
	switch op := number(p, "op"); {
	case op == opHeartbeat:
		c.beats.Reset(2 * c.s.cfg.Heartbeat)
		if c.session != nil {
			c.session.acked = int64(number(p, "d"))
			c.s.touch()
		}
		c.send(opAck, nil)
	case op == opIdentify && d != nil:
		c.identify(d)
	case op == opResume && d != nil:
		c.resume(d)
	case op != opPresence && op != opVoice && op != opMembers && op != opSounds && op != opChannelInfo:
		c.closeWith(4001, "Unknown opcode.")
	case c.session == nil:
		c.closeWith(4003, "Not authenticated.")
	case d == nil:
		c.closeWith(4002, "Error while decoding payload.")
	case op == opPresence:
		c.s.setPresence(d)
	case op == opVoice:
		c.voiceState(d)
	case op == opMembers:
		c.requestMembers(d)
	case op == opSounds:
		c.requestSounds(d)
	}
}

// limited counts a payload and reports whether there were too many.
func (c *conn) limited(p object) bool {
	if c.asked && p["op"] != nil && number(p, "op") == opHeartbeat {
		c.asked = false
		c.pongs++
		return false
	}
	c.sends = append(c.sends, time.Now())
	for time.Since(c.sends[0]) >= time.Minute {
		c.sends = c.sends[1:]
	}
	return len(c.sends) > maxSends
}

// ask sends op 1, unless the answer to another is still to come: clients may
// answer two at once.
func (c *conn) ask() {
	if !c.asked {
		c.asked = true
		c.send(opHeartbeat, nil)
	}
}

// write works through the queue until the connection ends.
func (c *conn) write() {
	for {
		c.s.mu.Lock()
		var o outgoing
		some := len(c.queue) > 0
		if some {
			o = c.queue[0]
			c.queue = c.queue[1:]
		}
		c.s.mu.Unlock()
		if !some {
			select {
			case <-c.wake:
				continue
			case <-c.gone:
				return
			}
		}
		if wait := time.Until(o.at); wait > 0 {
			select {
			case <-time.After(wait):
			case <-c.gone:
				return
			}
		}
		if !c.do(o) {
			return
		}
	}
}

// do writes one thing and reports whether another can follow.
func (c *conn) do(o outgoing) bool {
	switch {
	case o.reset:
		c.wire.reset()
		return false
	case o.code != 0:
		c.ws.Close(context.Background(), websocket.Code(o.code), o.reason)
		return false
	case o.raw:
		return c.ws.Write(context.Background(), websocket.Binary, o.data) == nil
	case c.stream != nil:
		return c.ws.Write(context.Background(), websocket.Binary, c.stream.next(o.data)) == nil
	}
	c.s.mu.Lock()
	compress := c.compress
	c.s.mu.Unlock()
	if compress {
		return c.ws.Write(context.Background(), websocket.Binary, newStream().whole(o.data)) == nil
	}
	return c.ws.Write(context.Background(), websocket.Text, o.data) == nil
}

// A hijacker gives the connection of a request to package websocket as a wire.
type hijacker struct {
	http.ResponseWriter
	wire *wire
}

// Hijack implements [http.Hijacker].
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	nc, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.wire = &wire{Conn: nc}
	return h.wire, rw, nil
}

// A wire is a connection that can break.
type wire struct {
	net.Conn
	deaf atomic.Bool // data that arrives is dropped
}

// Read implements [net.Conn].
func (w *wire) Read(p []byte) (int, error) {
	for {
		n, err := w.Conn.Read(p)
		if err != nil || !w.deaf.Load() {
			return n, err
		}
	}
}

// reset closes the connection as a broken network does.
func (w *wire) reset() {
	switch c := w.Conn.(type) {
	case interface{ Reset() error }:
		c.Reset()
	case *net.TCPConn:
		c.SetLinger(0)
	}
	w.Conn.Close()
}
