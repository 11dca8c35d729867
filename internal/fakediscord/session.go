package fakediscord

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// replayed is how many dispatches a session keeps for a resume.
const replayed = 10_000

// A session begins with Identify. It outlives its connection.
type session struct {
	id        string
	shard     [2]int
	intents   Intents
	threshold int // large_threshold
	seq       int64
	acked     int64      // of the last heartbeat
	sent      []dispatch // the latest
	conn      *conn      // nil if the session waits to be resumed
	left      time.Time  // when it lost its connection
}

// A dispatch is an event as it was sent.
type dispatch struct {
	seq     int64
	payload []byte
}

// sorted returns the sessions in a fixed order.
func (s *Server) sorted() []*session {
	out := make([]*session, 0, len(s.sessions))
	for _, id := range slices.Sorted(maps.Keys(s.sessions)) {
		out = append(out, s.sessions[id])
	}
	return out
}

// concerns reports whether the events of a guild go to the session's shard.
// Everything without a guild goes to the first.
func (sess *session) concerns(g *guild) bool {
	if g == nil {
		return sess.shard[0] == 0
	}
	return int(uint64(g.id)>>22%uint64(sess.shard[1])) == sess.shard[0]
}

// dispatch numbers an event, keeps it for a resume and sends it.
func (sess *session) dispatch(s *Server, name string, data any) {
	sess.seq++
	d := dispatch{sess.seq, encode(object{"op": opDispatch, "s": sess.seq, "t": name, "d": data})}
	if len(sess.sent) >= replayed {
		sess.sent = slices.Delete(sess.sent, 0, replayed/10)
	}
	sess.sent = append(sess.sent, d)
	if sess.conn == nil {
		return
	}
	sess.conn.push(outgoing{data: d.payload, at: time.Now().Add(s.late)})
	if s.twice {
		sess.conn.push(outgoing{data: d.payload, at: time.Now().Add(s.late)})
	}
}

// guildCreate sends GUILD_CREATE, or GUILD_DELETE for a guild that is not
// available.
func (sess *session) guildCreate(s *Server, g *guild) {
	switch {
	case !sess.intents.Has(IntentGuilds):
	case g.unavailable:
		sess.dispatch(s, "GUILD_DELETE", object{"id": g.id, "unavailable": true})
	default:
		sess.dispatch(s, "GUILD_CREATE", s.createObject(g, sess))
	}
}

// detach takes the connection from a session, which can be resumed from then
// on.
func (sess *session) detach() {
	if sess.conn != nil {
		sess.conn.session = nil
		sess.conn = nil
	}
	sess.left = time.Now()
}

// end forgets a session.
func (s *Server) end(sess *session) {
	sess.detach()
	delete(s.sessions, sess.id)
	s.touch()
}

// identify starts a session, or closes the connection.
func (c *conn) identify(d object) {
	s := c.s
	shard, shards, ok := shardOf(d["shard"])
	intents, given := idOf(d["intents"])
	switch {
	case c.session != nil:
		c.closeWith(4005, "Already authenticated.")
		return
	case bareToken(d) != s.token:
		c.closeWith(4004, "Authentication failed.")
		return
	case !ok:
		c.closeWith(4010, "Invalid shard.")
		return
	case !given || uint64(intents)&^validBits != 0:
		c.closeWith(4013, "Invalid intent(s).")
		return
	case Intents(intents)&privileged&s.cfg.Disabled != 0:
		c.closeWith(4014, "Disallowed intent(s).")
		return
	case text(properties(d), "os") == "" && text(properties(d), "$os") == "":
		c.closeWith(4002, "Error while decoding payload: properties.os is missing.")
		return
	case len(s.guilds) > 2500*shards:
		c.closeWith(4011, "Sharding required.")
		return
	}
	key := shard % s.cfg.MaxConcurrency
	if last, ok := s.identifies[key]; ok && time.Since(last) < 5*time.Second {
		c.send(opInvalidSession, false)
		return
	}
	s.started = slices.DeleteFunc(s.started, func(t time.Time) bool { return time.Since(t) >= 24*time.Hour })
	if len(s.started) >= s.cfg.Identifies {
		s.resetToken()
		return
	}
	s.identifies[key] = time.Now()
	s.started = append(s.started, time.Now())
	s.forgetOld()
	id := s.newID()
	sess := &session{id: fmt.Sprintf("%016x%016x", uint64(id), uint64(id)*0x9e3779b97f4a7c15), shard: [2]int{shard, shards}, intents: Intents(intents), threshold: 50, conn: c}
	if n := number(d, "large_threshold"); n >= 50 && n <= 250 {
		sess.threshold = n
	}
	c.compress = truth(d, "compress") && c.stream == nil
	c.session = sess
	s.sessions[sess.id] = sess
	if p, ok := d["presence"].(object); ok {
		s.setPresence(p)
	}
	sess.ready(s)
	s.touch()
}

// bareToken returns the token of Identify and Resume. Clients exist that send it
// with the prefix of the Authorization header.
func bareToken(d object) string { return strings.TrimPrefix(text(d, "token"), "Bot ") }

func properties(d object) object { o, _ := d["properties"].(object); return o }

// shardOf reads [shard, shards]; the default is [0, 1].
func shardOf(v any) (shard, shards int, ok bool) {
	if v == nil {
		return 0, 1, true
	}
	l, _ := v.([]any)
	if len(l) != 2 {
		return 0, 0, false
	}
	shard, shards = intOf(l[0]), intOf(l[1])
	return shard, shards, shard >= 0 && shards > 0 && shard < shards
}

// resetToken resets the token, as Discord does if a bot starts too many sessions.
func (s *Server) resetToken() {
	s.token += "-reset"
	for _, sess := range s.sorted() {
		if sess.conn != nil {
			sess.conn.closeWith(4004, "Authentication failed.")
		}
		s.end(sess)
	}
	for c := range s.conns {
		c.closeWith(4004, "Authentication failed.")
	}
}

// ready sends READY and the guilds.
func (sess *session) ready(s *Server) {
	var guilds []*guild
	for _, g := range s.guilds {
		if g.member(s.me.id) != nil && sess.concerns(g) {
			guilds = append(guilds, g)
		}
	}
	sess.dispatch(s, "READY", object{
		"v": sess.conn.version, "user": s.me.selfObject(), "session_id": sess.id, "session_type": "normal",
		"resume_gateway_url": s.gatewayURL(sess.conn.host), "shard": sess.shard[:],
		"guilds":        list(guilds, func(g *guild) any { return object{"id": g.id, "unavailable": true} }),
		"application":   object{"id": s.appID, "flags": s.flags()},
		"user_settings": object{}, "private_channels": []any{}, "relationships": []any{}, "presences": []any{}, "guild_join_requests": []any{},
		"geo_ordered_rtc_regions": []any{"rotterdam"},
	})
	for _, g := range guilds {
		sess.guildCreate(s, g)
	}
}

// forgetOld removes the sessions that can no longer be resumed.
func (s *Server) forgetOld() {
	for id, sess := range s.sessions {
		if sess.conn == nil && time.Since(sess.left) > s.cfg.Resume {
			delete(s.sessions, id)
		}
	}
}

// resume continues a session on the connection, or refuses it.
func (c *conn) resume(d object) {
	s := c.s
	if s.brick {
		c.push(outgoing{reset: true})
		return
	}
	seq, given := idOf(d["seq"])
	switch {
	case c.session != nil:
		c.closeWith(4005, "Already authenticated.")
		return
	case bareToken(d) != s.token:
		c.closeWith(4004, "Authentication failed.")
		return
	}
	s.forgetOld()
	sess := s.sessions[text(d, "session_id")]
	switch {
	case sess == nil || !given:
		c.send(opInvalidSession, false)
		return
	case int64(seq) > sess.seq:
		s.end(sess)
		c.closeWith(4007, "Invalid seq.")
		return
	case len(sess.sent) > 0 && int64(seq) < sess.sent[0].seq-1:
		s.end(sess)
		c.send(opInvalidSession, false)
		return
	}
	if old := sess.conn; old != nil {
		sess.detach()
		old.push(outgoing{reset: true}) // the client believes it dead
	}
	sess.conn, c.session = c, sess
	for _, d := range sess.sent {
		if d.seq > int64(seq) {
			c.push(outgoing{data: d.payload})
		}
	}
	sess.dispatch(s, "RESUMED", object{"_trace": []any{}})
	s.touch()
}
