package discordtest

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/vkrouter/vk/internal/fakediscord"
)

// A Fault makes calls of the API go wrong.
type Fault struct {
	// Call says which: "PUT /guilds/*/bans/*". Empty means all.
	Call string

	// Skip calls pass unharmed, Times are hit after them. If Times is zero, there is
	// no end.
	Skip, Times int

	// Delay passes before anything else happens.
	Delay time.Duration

	// Status is that of the answer, and the call is not done. With 429, RetryAfter
	// is how long the bot has to wait, and Scope is user, shared or global. If zero,
	// the call is done.
	Status     int
	RetryAfter time.Duration
	Scope      string

	// HTML makes the answer a page of a proxy, Empty one without a body.
	HTML, Empty bool

	// Lost breaks the connection instead of the answer.
	Lost bool
}

// An Injection is a fault that was registered.
type Injection struct{ i *fakediscord.Injection }

// Hits returns how often the fault has happened.
func (i *Injection) Hits() int { return i.i.Hits() }

// Remove takes the fault away.
func (i *Injection) Remove() { i.i.Remove() }

// Fail registers a fault. A fault that makes no sense fails the test.
func (s *Server) Fail(f Fault) (i *Injection) {
	s.tb().Helper()
	var wrong any
	func() {
		defer func() { wrong = recover() }()
		i = &Injection{s.fake.Fail(fakediscord.Fault(f))}
	}()
	if wrong != nil {
		s.fatalf("%v", wrong)
	}
	return i
}

// A Call is a call of the API that the bot has made.
type Call struct {
	Method string
	Path   string // without the version
	Query  string
	Header http.Header
	Body   json.RawMessage // of an upload, the part payload_json
	Reason string          // for the audit log
	Status int             // of the answer; 0 if it was lost
}

// Calls returns the bot's calls that fit a pattern such as "PUT /guilds/*/bans/*",
// the oldest first; "*" fits all.
func (s *Server) Calls(pattern string) []Call {
	var calls []Call
	for _, c := range s.fake.Calls(pattern) {
		call := Call{Method: c.Method, Path: c.Path, Query: c.Query, Header: c.Header, Reason: c.Reason, Status: c.Status}
		if c.Fields != nil {
			body, err := json.Marshal(c.Fields)
			if err != nil {
				s.fatalf("the body of %s %s: %v", c.Method, c.Path, err)
			}
			call.Body = body
		}
		calls = append(calls, call)
	}
	return calls
}

// A Gateway breaks the connections between the bot and Discord.
type Gateway struct{ s *Server }

// Reconnect sends op 7, which asks the bot to connect again and to resume.
func (g *Gateway) Reconnect() { g.s.fake.Reconnect() }

// Invalid sends op 9. If resumable is false, the session is over.
func (g *Gateway) Invalid(resumable bool) { g.s.fake.Invalid(resumable) }

// Cut breaks the connections, without a close frame.
func (g *Gateway) Cut() { g.s.fake.Cut() }

// Close closes the connections with a code, such as 4009.
func (g *Gateway) Close(code int) { g.s.fake.CloseAll(code, "") }

// Silence makes the present connections send nothing any more.
func (g *Gateway) Silence() { g.s.fake.Silence() }

// Deaf makes the present connections ignore all that the bot sends, also its close
// frame.
func (g *Gateway) Deaf() { g.s.fake.Deaf() }

// Brick makes every attempt to resume end with a reset, until Heal.
func (g *Gateway) Brick() { g.s.fake.Brick(true) }

// Late makes events arrive d after they happen, until Heal.
func (g *Gateway) Late(d time.Duration) { g.s.fake.Late(d) }

// Twice makes each event arrive twice, until Heal.
func (g *Gateway) Twice() { g.s.fake.Twice(true) }

// Busy refuses the next n requests for the members of a guild and tells the bot to
// ask again after a time.
func (g *Gateway) Busy(n int, after time.Duration) { g.s.fake.Busy(n, after) }

// Heal ends Brick, Late and Twice.
func (g *Gateway) Heal() {
	g.s.fake.Brick(false)
	g.s.fake.Late(0)
	g.s.fake.Twice(false)
}

// Heartbeat sends op 1, which asks the bot for a heartbeat.
func (g *Gateway) Heartbeat() { g.s.fake.Heartbeat() }

// Huge sends an unknown event of n bytes.
func (g *Gateway) Huge(n int) { g.s.fake.Huge(n) }

// Garble sends bytes that are neither JSON nor compressed.
func (g *Gateway) Garble() { g.s.fake.Garble() }

// Sessions returns the IDs of the sessions that are connected, by their shards.
func (g *Gateway) Sessions() map[int]string {
	ids := make(map[int]string)
	for _, s := range g.s.fake.Sessions() {
		if s.Connected {
			ids[s.Shard[0]] = s.ID
		}
	}
	return ids
}
