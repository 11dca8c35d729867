package discord

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/tolerant"
	"github.com/vkrouter/vk/internal/websocket"
)

const (
	// dialTimeout limits the handshake of a connection.
	dialTimeout = 10 * time.Second

	// helloTimeout is how long the gateway may take to say hello.
	helloTimeout = 10 * time.Second

	// readyTimeout is the maximum time between identifying or resuming and the
	// event of the gateway that confirms the session.
	readyTimeout = 30 * time.Second

	// writeTimeout is how long a write may make no progress.
	writeTimeout = 5 * time.Second

	// closePatience is how long a close waits for the gateway's close.
	closePatience = 250 * time.Millisecond

	// closeResumable is a close code after which the session can be resumed. The
	// codes 1000 and 1001 would end it.
	closeResumable websocket.Code = 4200

	// maxSend is the largest payload that the gateway takes, in bytes.
	maxSend = 4096
)

// Why a connection ends.
var (
	errReconnect = errors.New("a new connection was asked for")
	errSilent    = errors.New("no heartbeat was acknowledged, and nothing else came")
	errNoHello   = fmt.Errorf("no hello came within %v", helloTimeout)
	errNoReady   = fmt.Errorf("no session began: nothing came for %v", readyTimeout)
	errFull      = errors.New("the Dispatcher has MaxEvents: the events wait at Discord")
	errBusy      = errors.New("the Dispatcher has MaxEvents: the user is told to try again")
	errRenew     = errors.New("a new session begins, to get the guilds")
)

// An invalidSession is opcode 9.
type invalidSession struct{ resumable bool }

func (e *invalidSession) Error() string {
	if e.resumable {
		return "Discord refuses the session for the moment"
	}
	return "the session is over"
}

// A connection is one connection of a shard. Its goroutine that reads never waits
// for anything but the next message.
type connection struct {
	s      *shard
	ws     *websocket.Conn
	resume bool    // it resumes the session
	began  session // of the shard when the connection was made

	ctx context.Context // ends with the connection
	end context.CancelCauseFunc

	zip  *inflater // nil without compression
	gate *sendGate

	interval time.Duration // of heartbeats; set before greeted is closed
	greeted  chan struct{} // closed by the hello
	asked    chan struct{} // holds an element when Discord has asked for a heartbeat
	live     chan struct{} // closed when the session has begun or was resumed
	events   atomic.Int64  // that have come
	heard    atomic.Bool   // something has come since the last heartbeat
	beaten   atomic.Int64  // when the last heartbeat was sent, in nanoseconds; 0 if it is acknowledged
}

// connect makes a connection and serves it until it ends. It returns why it has
// ended, and when that was noticed.
func (s *shard) connect(ctx context.Context) (lost time.Time, err error) {
	s.setPhase(ShardConnecting)
	s.served = false
	resume := s.session.id != ""
	if !resume {
		s.seq.Store(0)
	}
	ws, err := s.dial(ctx, resume)
	if err != nil {
		return time.Now(), err
	}
	defer ws.CloseNow() // also when Gateway.Ready ends the goroutine
	c := &connection{
		s: s, ws: ws, resume: resume, began: s.session, gate: newSendGate(),
		greeted: make(chan struct{}), asked: make(chan struct{}, 1), live: make(chan struct{}),
	}
	if !s.r.NoZlib {
		c.zip = newInflater()
	}
	c.ctx, c.end = context.WithCancelCause(ctx)
	defer c.end(nil)
	var wg sync.WaitGroup
	wg.Go(c.read)
	wg.Go(c.beat)
	if err := c.open(); err != nil {
		c.end(err)
	}
	<-c.ctx.Done()
	lost, err = time.Now(), context.Cause(c.ctx)
	s.setPhase(ShardWaiting)
	s.setConnection(nil)
	c.close(ctx.Err() != nil && s.r.Store == nil)
	wg.Wait()
	select {
	case <-c.live:
		s.served = true
	default:
	}
	return lost, err
}

// dial connects to the gateway.
func (s *shard) dial(ctx context.Context, resume bool) (*websocket.Conn, error) {
	base := s.r.gatewayURL()
	if resume && sameScheme(s.session.url, base) {
		base = s.session.url
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	ws, resp, err := websocket.Dial(ctx, gatewayAddress(base, !s.r.NoZlib), &websocket.DialOptions{
		HTTPClient: s.r.Client.HTTPClient, Header: http.Header{"User-Agent": {userAgent}}, ReadLimit: int64(maxPayload), WriteTimeout: writeTimeout,
	})
	if err == nil {
		return ws, nil
	}
	return nil, newDialError(base, resp, err)
}

// sameScheme reports whether an address given by the gateway is one, and encrypted
// if the first one is.
func sameScheme(given, first string) bool {
	a, errA := url.Parse(given)
	b, errB := url.Parse(first)
	return errA == nil && errB == nil && a.Host != "" && a.Scheme == b.Scheme
}

// gatewayAddress returns the address with the parameters of this package.
func gatewayAddress(base string, zip bool) string {
	u, err := url.Parse(base)
	if err != nil {
		return base // Dial reports the error
	}
	q := u.Query()
	q.Set("v", "10")
	q.Set("encoding", "json")
	if zip {
		q.Set("compress", "zlib-stream")
	}
	u.RawQuery = q.Encode()
	if u.Path == "" {
		u.Path = "/"
	}
	return u.String()
}

// close closes the connection. The session ends only if final is set.
func (c *connection) close(final bool) {
	ctx, cancel := context.WithTimeout(context.Background(), closePatience)
	defer cancel()
	code := closeResumable
	if final {
		code = websocket.CodeNormal
	}
	c.ws.Close(ctx, code, "")
}

// open begins or resumes a session.
func (c *connection) open() error {
	hello := time.NewTimer(helloTimeout)
	defer hello.Stop()
	select {
	case <-c.greeted:
		c.s.r.reached.Store(true)
	case <-hello.C:
		return errNoHello
	case <-c.ctx.Done():
		return nil
	}
	if c.resume {
		c.s.setPhase(ShardResuming)
		c.s.start.Do(func() { close(c.s.started) })
	} else {
		c.s.setPhase(ShardIdentifying)
		if err := c.s.r.turns.wait(c.ctx, c.s.shard); err != nil {
			return err
		}
		c.s.start.Do(func() { close(c.s.started) })
	}
	if err := c.introduce(); err != nil {
		return err
	}
	ready := time.NewTicker(readyTimeout)
	defer ready.Stop()
	for before := int64(-1); ; {
		select {
		case <-c.live:
			c.s.tellReady(c.resume)
			return nil
		case <-c.ctx.Done():
			return nil
		case <-ready.C:
			if now := c.events.Load(); now == before || before < 0 && now == 0 {
				return errNoReady
			} else {
				before = now
			}
		}
	}
}

// tellReady reports that a session has begun or was resumed.
func (s *shard) tellReady(resumed bool) {
	msg := "discord: session begun"
	if resumed {
		msg = "discord: session resumed"
	}
	s.log(slog.LevelInfo, msg, slog.Any("me", s.r.Me().ID))
	if s.r.Ready == nil {
		return
	}
	if err := contain(func() error { s.r.Ready(s.shard); return nil }); err != nil {
		s.log(slog.LevelError, "discord: Gateway.Ready failed", failure(err)...)
	}
}

// introduce sends the identification, or the wish to resume the session.
func (c *connection) introduce() error {
	token := c.s.r.Client.token.Reveal()
	var data []byte
	var err error
	if c.resume {
		data, err = encodePayload(OpResume, map[string]any{"token": token, "session_id": c.began.id, "seq": c.s.seq.Load()})
	} else {
		data, err = encodePayload(OpIdentify, c.s.identification(token))
	}
	if err != nil {
		return err
	}
	return c.send(c.ctx, data)
}

// An identification is the data of an Identify.
type identification struct {
	Token      string            `json:"token"`
	Properties map[string]string `json:"properties"`
	Intents    Intents           `json:"intents"`
	Shard      [2]int            `json:"shard"`
	Large      int               `json:"large_threshold,omitempty"`
	Presence   *Presence         `json:"presence,omitempty"`
}

func (s *shard) identification(token string) identification {
	id := identification{
		Token: token, Intents: s.r.intents, Shard: [2]int{s.shard.ID, s.shard.Total}, Presence: s.r.presence.Load(),
		Properties: map[string]string{"os": runtime.GOOS, "browser": "vkrouter", "device": "vkrouter"},
	}
	if s.r.State != nil && s.r.State.Members {
		id.Large = 250
	}
	return id
}

// encodePayload returns a payload, or an error if Discord would refuse its size.
func encodePayload(op Opcode, data any) ([]byte, error) {
	b, err := json.Marshal(struct {
		Op   Opcode `json:"op"`
		Data any    `json:"d"`
	}{op, data})
	switch {
	case err != nil:
		return nil, fmt.Errorf("discord: opcode %d: %w", int(op), err)
	case len(b) > maxSend:
		return nil, fmt.Errorf("discord: opcode %d: payload of %d bytes: Discord takes at most %d", int(op), len(b), maxSend)
	}
	return b, nil
}

// send sends a payload when its turn has come. An error of the connection ends it.
func (c *connection) send(ctx context.Context, data []byte) error {
	both, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(c.ctx, func() { cancel(context.Cause(c.ctx)) })()
	if err := c.gate.wait(both); err != nil {
		return err
	}
	return c.write(data)
}

// write writes a payload at once.
func (c *connection) write(data []byte) error {
	if err := c.ws.Write(c.ctx, websocket.Text, data); err != nil {
		c.end(err)
		return err
	}
	return nil
}

// read reads until the connection ends.
func (c *connection) read() {
	for {
		typ, msg, err := c.ws.Read(context.Background()) // close ends it
		if err != nil {
			c.end(err)
			return
		}
		c.heard.Store(true)
		shared := false                              // whether msg is used again
		if c.zip != nil && typ == websocket.Binary { // a text is not compressed
			shared = true
			if msg, err = c.zip.add(msg); err != nil {
				c.end(err)
				return
			}
			if msg == nil {
				continue
			}
		}
		f, err := parseFrame(msg)
		if err == nil {
			err = c.take(&f, shared)
		}
		if err != nil {
			c.end(err)
			return
		}
	}
}

// take handles a payload. An error ends the connection.
func (c *connection) take(f *frame, shared bool) error {
	switch f.op {
	case OpDispatch:
		return c.dispatch(f, shared)
	case OpHeartbeat:
		select {
		case c.asked <- struct{}{}:
		default:
		}
	case OpReconnect:
		return errReconnect
	case OpInvalidSession:
		yes, _ := tolerant.Bool(f.data)
		f.kind = EventInvalidSession.Name()
		e := f.event()
		e.Shard = c.s.shard
		c.s.deliver(e, shared, nil)
		return &invalidSession{yes}
	case OpHello:
		c.hello(f.data)
	case OpHeartbeatACK:
		c.acknowledged()
	default:
		c.s.log(slog.LevelDebug, "discord: unknown opcode", slog.Int("op", int(f.op)))
	}
	return nil
}

// dispatch handles an event.
func (c *connection) dispatch(f *frame, shared bool) error {
	s := c.s
	c.events.Add(1)
	if f.seq != 0 && f.seq <= s.seq.Load() {
		return nil // it has come before
	}
	e := f.event()
	e.Shard = s.shard
	ledger := s.currentLedger()
	switch e.Kind {
	case "READY":
		if err := s.ready(c, e); err != nil {
			return err
		}
		ledger = s.currentLedger()
	case "RESUMED":
		if s.r.State != nil && s.stored {
			return errRenew
		}
		s.resumed(c)
	}
	if err := s.deliver(e, shared, ledger); err != nil {
		return err
	}
	if f.seq != 0 {
		s.seq.Store(f.seq)
	}
	s.mu.Lock()
	s.status.LastEvent = time.Now()
	s.mu.Unlock()
	return nil
}

// deliver gives an event to its followers and handlers, and does not block. If the Dispatcher
// has no room for it, an interaction is refused, and another event is an error.
func (s *shard) deliver(e *Event, shared bool, l *ledger) error {
	wanted := wants(s.r.d.Handler, e.Kind) || s.r.d.waits.want(e.Kind)
	placed := wanted && s.r.d.reserve()
	if wanted && !placed && !s.r.d.refuses(e) {
		return errFull
	}
	s.r.observe(s, e)
	if !l.take(e.Seq) {
		if placed {
			s.r.d.unreserve()
		}
		return nil // an earlier process has handled it
	}
	if !wanted {
		l.done(e.Seq)
		return nil
	}
	if shared {
		e.Data = bytes.Clone(e.Data)
	}
	if !placed {
		s.r.d.refuse(s.r.feed, s.r.base, s.r.Client, e)
		l.done(e.Seq)
		return nil
	}
	s.r.d.put(&job{d: s.r.d, feed: s.r.feed, ledger: l, ctx: s.r.base, client: s.r.Client, gateway: s.r.Gateway, ev: e})
	return nil
}
