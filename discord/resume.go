package discord

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
	"github.com/vkrouter/vk/internal/websocket"
)

const (
	// maxResumes is how many connections in a row may fail to resume a session
	// before a new one begins.
	maxResumes = 3

	// refetchAfter is after how many dials in a row that failed the address of the
	// gateway is asked for again.
	refetchAfter = 3
)

// A session is the state that Discord keeps for a shard, and the means to resume it.
type session struct {
	id    string // empty: there is none
	url   string // where it is resumed
	tries int    // resumes in a row that have failed
	most  int    // how many may
}

// A shard is one shard of a running Gateway.
type shard struct {
	r       *running
	shard   Shard
	start   sync.Once
	started chan struct{} // closed when the next shard with the same key may begin

	// For the goroutine of run, and for the one that reads while that waits.
	failures int  // in a row
	dials    int  // in a row that have failed
	served   bool // the last connection has begun or resumed a session
	stored   bool // the session is one of an earlier process, and was not resumed yet
	saved    []byte

	seq atomic.Int64 // of the last event of the session

	mu      sync.Mutex
	session session
	status  ShardStatus
	ledger  *ledger       // of the session; nil without a Store
	conn    *connection   // that takes payloads, or nil
	changed chan struct{} // closed when conn changes
	dirty   chan struct{} // holds an element when there is something to save
}

func newShard(r *running, sh Shard) *shard {
	s := &shard{r: r, shard: sh, started: make(chan struct{}), changed: make(chan struct{}), dirty: make(chan struct{}, 1)}
	s.status = ShardStatus{Shard: sh, Since: time.Now()}
	return s
}

// run connects again and again until ctx ends, or something happens that no
// connection survives: that is returned.
func (s *shard) run(ctx context.Context) error {
	defer s.setPhase(ShardStopped)
	defer s.start.Do(func() { close(s.started) })
	if before := s.r.before(s); before != nil {
		select {
		case <-before.started:
		case <-ctx.Done():
			return nil
		}
	}
	for {
		lost, err := s.connect(ctx)
		if ctx.Err() != nil {
			return nil
		}
		s.start.Do(func() { close(s.started) })
		if fatal := s.judge(err); fatal != nil {
			s.note(fatal)
			return fatal
		}
		s.failures++
		pause := pauseAfter(s.failures)
		s.note(err)
		level := slog.LevelInfo
		if s.failures > 1 {
			level = slog.LevelWarn
		}
		s.log(level, "discord: connection lost", append(failure(err), slog.Int("failures", s.failures), slog.Bool("resume", s.session.id != ""), slog.Duration("after", pause))...)
		if errors.Is(err, errFull) {
			s.awaitRoom(ctx)
		}
		if backoff.Sleep(ctx, time.Until(lost.Add(pause))) != nil {
			return nil
		}
		if err := s.refetch(ctx); err != nil {
			return err
		}
	}
}

// note notes why the connection has ended.
func (s *shard) note(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.Failures, s.status.Err = s.failures, err
}

// awaitRoom blocks until the Dispatcher has room again.
func (s *shard) awaitRoom(ctx context.Context) {
	for !s.r.d.hasRoom() {
		if backoff.Sleep(ctx, 100*time.Millisecond) != nil {
			return
		}
	}
}

// refetch asks for the address of the gateway again if it does not answer.
func (s *shard) refetch(ctx context.Context) error {
	if s.dials == 0 || s.dials%refetchAfter != 0 {
		return nil
	}
	bot, err := s.r.Client.GatewayBot(ctx)
	switch {
	case err == nil:
		s.r.setURL(bot.URL) // an answer without an address changes nothing
	case errors.Is(err, ErrUnauthorized):
		return err
	}
	return nil // the address may be right all the same
}

// judge decides how to continue after a connection has ended with err. It
// returns an error if the bot cannot continue.
func (s *shard) judge(err error) error {
	var closed *websocket.CloseError
	var invalid *invalidSession
	var dial *DialError
	var turn *turnError
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session.id != "" && !s.served && !errors.Is(err, errFull) {
		s.session.tries++
	}
	dials := s.dials
	s.dials = 0
	over := false // the session is
	switch {
	case errors.As(err, &closed):
		switch code := int(closed.Code); {
		case isFatal(code):
			return &CloseError{code, closed.Reason}
		case code == 4003, code == 4005, code == 4006, code == 4007, code == 4009:
			over = true
		case code == 1000, code == 1001:
			s.session.most = 1
		}
	case errors.As(err, &invalid):
		over = !invalid.resumable
	case errors.Is(err, errRenew):
		over = true
	case errors.As(err, &turn):
		return turn
	case errors.As(err, &dial):
		if s.session.id == "" && !s.r.reached.Load() && dial.isFinal() {
			return dial
		}
		s.dials = dials + 1
	}
	if over || s.session.id != "" && s.session.tries >= s.session.most {
		s.session = session{}
		s.failures = 0 // of the session; the next one is another matter
	}
	return nil
}

// ready begins a session.
func (s *shard) ready(c *connection, e *Event) error {
	d, err := EventReady.Decode(e)
	if err != nil {
		return err
	}
	s.r.me.Store(&d.User)
	s.stored = false
	s.mu.Lock()
	s.session = session{id: d.SessionID, url: d.ResumeURL, most: maxResumes}
	if s.r.Store != nil {
		s.ledger = newLedger(e.Seq-1, nil, s.mark)
	}
	s.mu.Unlock()
	s.r.requests.lose(s)
	s.goLive(c)
	return nil
}

// resumed records that the session was resumed.
func (s *shard) resumed(c *connection) {
	s.stored = false
	s.mu.Lock()
	s.session.tries, s.session.most = 0, maxResumes
	s.mu.Unlock()
	s.currentLedger().resumed()
	s.goLive(c)
}

// goLive opens a connection for the payloads of other goroutines.
func (s *shard) goLive(c *connection) {
	s.failures = 0
	s.setPhase(ShardReady)
	s.setConnection(c)
	s.mark()
	select {
	case <-c.live: // a second READY or RESUMED
	default:
		close(c.live)
	}
}

// setConnection sets the connection that takes payloads.
func (s *shard) setConnection(c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = c
	close(s.changed)
	s.changed = make(chan struct{})
}

// connection returns the connection that takes payloads, and blocks until there is
// one.
func (s *shard) connection(ctx context.Context) (*connection, error) {
	for {
		s.mu.Lock()
		c, changed := s.conn, s.changed
		s.mu.Unlock()
		if c != nil {
			return c, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-s.r.ended:
			return nil, ErrStopped
		}
	}
}

// send sends a payload. If the connection is lost, it sends the payload on the next
// one.
func (s *shard) send(ctx context.Context, op Opcode, data any) error {
	b, err := encodePayload(op, data)
	if err != nil {
		return err
	}
	for {
		c, err := s.connection(ctx)
		if err != nil {
			return err
		}
		if err = c.send(ctx, b); err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		select {
		case <-c.ctx.Done():
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		s.forget(c)
	}
}

// forget makes a connection that has ended take no more payloads.
func (s *shard) forget(c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == c {
		s.conn = nil
	}
}

func (s *shard) currentLedger() *ledger {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger
}

// isFatal reports whether Discord takes no further connection after a close code.
func isFatal(code int) bool { return code == 4004 || code >= 4010 && code <= 4014 }

// A CloseError says that Discord has closed a connection for good: another one would
// be closed too. Its text names the remedy.
type CloseError struct {
	Code   int    // such as 4004
	Reason string // in Discord's words; may be empty
}

// Error names the code, the reason and the remedy.
func (e *CloseError) Error() string {
	text := "discord: the gateway closed the connection: " + strconv.Itoa(e.Code)
	if e.Reason != "" {
		text += " " + clip(e.Reason, 123)
	}
	switch e.Code {
	case 4004:
		text += ": the token is wrong: copy it anew at " + atPortal + ", under Bot"
	case 4010:
		text += ": the shard is invalid: see Gateway.Shards"
	case 4011:
		text += ": the bot is in too many guilds for its shards: raise Gateway.Shards.Total, or leave it zero"
	case 4012:
		text += ": Discord has ended this version of its API: update this module"
	case 4013:
		text += ": there is no such intent: see Gateway.Intents"
	case 4014:
		text += ": a privileged intent is not enabled for the application: switch it on at " + atPortal + ", under Bot, Privileged Gateway Intents, or remove the handlers that need it"
	}
	return text
}

// Is reports whether target is [ErrUnauthorized] and the code says that the token is
// wrong.
func (e *CloseError) Is(target error) bool { return target == ErrUnauthorized && e.Code == 4004 }

// A DialError says that there is no connection to the gateway. It is returned by
// [Gateway.Run] if the first connection leads to something that is no gateway, and is
// in the [ShardStatus] while the gateway cannot be reached.
type DialError struct {
	URL        string // without the query
	StatusCode int    // of the answer; zero if there was none
	Err        error
}

func newDialError(base string, resp *http.Response, err error) *DialError {
	e := &DialError{URL: base, Err: err}
	if resp != nil {
		e.StatusCode = resp.StatusCode
	}
	return e
}

// Error names the address and the reason.
func (e *DialError) Error() string {
	text := "discord: no connection to the gateway: "
	if e.StatusCode != 0 {
		text += "HTTP status " + strconv.Itoa(e.StatusCode) + ": is a proxy in the way, or does Client.APIURL lead elsewhere? "
	}
	return text + e.Err.Error()
}

// Unwrap returns e.Err.
func (e *DialError) Unwrap() error { return e.Err }

// isFinal reports whether the server has answered in a way that no gateway does.
func (e *DialError) isFinal() bool {
	switch e.StatusCode {
	case 0, http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return e.StatusCode < 500
}
