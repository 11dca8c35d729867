package fakediscord

import (
	"strings"
	"time"
)

// each calls f for each connection that has a session.
func (s *Server) each(f func(*conn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sess := range s.sorted() {
		if sess.conn != nil {
			f(sess.conn)
		}
	}
	s.touch()
}

// Reconnect sends op 7: clients should reconnect and resume.
func (s *Server) Reconnect() {
	s.each(func(c *conn) { c.send(opReconnect, nil) })
}

// Invalid sends op 9. If resumable, the session can be resumed, also on the same
// connection, or else it is over.
func (s *Server) Invalid(resumable bool) {
	s.each(func(c *conn) {
		c.send(opInvalidSession, resumable)
		if resumable {
			c.session.detach()
		} else {
			s.end(c.session)
		}
	})
}

// Cut breaks the connections without a close frame.
func (s *Server) Cut() {
	s.each(func(c *conn) {
		c.push(outgoing{reset: true})
		c.session.detach()
	})
}

// CloseAll closes the connections with a code.
func (s *Server) CloseAll(code int, reason string) {
	s.each(func(c *conn) { c.closeWith(code, reason) })
}

// Silence makes the connections send nothing any more, not even heartbeat ACKs.
// New connections work.
func (s *Server) Silence() {
	s.each(func(c *conn) { c.silent = true })
}

// Deaf makes the connections drop everything that arrives: they answer neither
// heartbeats nor a close frame.
func (s *Server) Deaf() {
	s.each(func(c *conn) { c.wire.deaf.Store(true) })
}

// Brick makes every attempt to resume end with a reset, until it is called with
// false.
func (s *Server) Brick(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.brick = on
}

// Late makes dispatches arrive d after they happen, until it is called with
// zero. Heartbeats behind them are late, too.
func (s *Server) Late(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.late = d
}

// Twice makes every dispatch arrive twice, until it is called with false.
func (s *Server) Twice(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.twice = on
}

// Busy makes the next n requests for members be answered with RATE_LIMITED, which
// tells the client to ask again after a time.
func (s *Server) Busy(n int, after time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy, s.busyFor = n, after
}

// Huge sends a dispatch of n bytes with the name HUGE.
func (s *Server) Huge(n int) {
	s.each(func(c *conn) {
		frame := `{"op":0,"s":` + ID(c.session.seq).String() + `,"t":"HUGE","d":{"text":"`
		c.push(outgoing{data: []byte(frame + strings.Repeat("a", max(0, n-len(frame)-3)) + `"}}`)})
	})
}

// Garble sends bytes that are neither JSON nor a zlib stream, as a binary
// message.
func (s *Server) Garble() {
	s.each(func(c *conn) {
		c.push(outgoing{raw: true, data: []byte("\x00garbled\xff\x00\x00\xff\xff")})
	})
}

// Heartbeat sends op 1: clients should send a heartbeat at once.
func (s *Server) Heartbeat() {
	s.each((*conn).ask)
}

// Settled reports whether every session that the bot has not given up is
// connected and has told by a heartbeat that all its events have arrived. It asks
// those that lag for a heartbeat.
func (s *Server) Settled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	connected := make(map[[2]int]bool)
	for _, sess := range s.sessions {
		if sess.conn != nil {
			connected[sess.shard] = true
		}
	}
	settled := true
	for _, sess := range s.sorted() {
		switch {
		case sess.conn == nil && !connected[sess.shard]:
			settled = false
		case sess.conn != nil && sess.acked < sess.seq:
			settled = false
			sess.conn.ask()
		}
	}
	return settled
}

// Ping asks every session that is connected for a heartbeat. The function that it
// returns reports whether all have answered: then everything that they sent before
// Ping was called has had its effect.
func (s *Server) Ping() (answered func() bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting := make(map[*conn]int) // pongs when they were asked, or -1
	for _, sess := range s.sorted() {
		if sess.conn != nil {
			waiting[sess.conn] = -1
		}
	}
	return func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for c, pongs := range waiting {
			switch {
			case c.session == nil || pongs >= 0 && c.pongs > pongs:
				delete(waiting, c)
			case pongs < 0 && !c.asked:
				waiting[c] = c.pongs
				c.ask()
			}
		}
		return len(waiting) == 0
	}
}

// Emit sends an event that the world does not know to every session, for all
// intents.
func (s *Server) Emit(name string, data any) {
	s.each(func(c *conn) { c.session.dispatch(s, name, data) })
}

// A Session is a snapshot of a session of the gateway.
type Session struct {
	ID        string  `json:"id"`
	Shard     [2]int  `json:"shard"`
	Intents   Intents `json:"intents"`
	Seq       int64   `json:"seq"`
	Connected bool    `json:"connected"`
}

// Sessions returns the sessions that can be resumed or are connected.
func (s *Server) Sessions() []Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetOld()
	all := []Session{}
	for _, sess := range s.sorted() {
		all = append(all, Session{sess.id, sess.shard, sess.intents, sess.seq, sess.conn != nil})
	}
	return all
}
