package fakediscord

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vkrouter/vk/internal/websocket"
)

// TestCloseCodes: each mistake closes the connection with its code.
func TestCloseCodes(t *testing.T) {
	const query = "v=10&encoding=json"
	identify := func(f *fixture, g *gatewayClient) { g.identify(f.s.Token(), IntentGuilds, "") }
	for _, tt := range []struct {
		name, query string
		do          func(f *fixture, g *gatewayClient)
		code        int
	}{
		{"an unknown opcode", query, func(f *fixture, g *gatewayClient) { g.send(`{"op":99}`) }, 4001},
		{"not JSON", query, func(f *fixture, g *gatewayClient) { g.send(`nonsense`) }, 4002},
		{"too long", query, func(f *fixture, g *gatewayClient) { g.send(`{"op":1,"d":"` + strings.Repeat("a", 4096) + `"}`) }, 4002},
		{"not authenticated", query, func(f *fixture, g *gatewayClient) { g.send(`{"op":3,"d":{}}`) }, 4003},
		{"a wrong token", query, func(f *fixture, g *gatewayClient) { g.identify("wrong", 0, "") }, 4004},
		{"identified twice", query, func(f *fixture, g *gatewayClient) { identify(f, g); identify(f, g) }, 4005},
		{"too many payloads", query, func(f *fixture, g *gatewayClient) {
			for range 121 {
				g.send(`{"op":1,"d":null}`)
			}
		}, 4008},
		{"a wrong shard", query, func(f *fixture, g *gatewayClient) { g.identify(f.s.Token(), 0, `,"shard":[2,2]`) }, 4010},
		{"no such version", "v=8&encoding=json", func(f *fixture, g *gatewayClient) {}, 4012},
		{"unknown intents", query, func(f *fixture, g *gatewayClient) { g.identify(f.s.Token(), 1<<40, "") }, 4013},
		{"a privileged intent", query, func(f *fixture, g *gatewayClient) { g.identify(f.s.Token(), IntentPresences, "") }, 4014},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, Config{Disabled: IntentPresences})
			g := f.dial(tt.query)
			tt.do(f, g)
			g.closed(tt.code)
		})
	}
}

// resume asks for a session to go on.
func (g *gatewayClient) resume(f *fixture, session string, seq int64) {
	g.t.Helper()
	g.send(fmt.Sprintf(`{"op":6,"d":{"token":%q,"session_id":%q,"seq":%d}}`, f.s.Token(), session, seq))
}

// TestResumes: the sessions that can be resumed on another connection, and those
// that cannot.
func TestResumes(t *testing.T) {
	closeWith := func(code websocket.Code) func(*fixture, *gatewayClient) {
		return func(f *fixture, g *gatewayClient) {
			if err := g.c.Close(f.t.Context(), code, ""); err != nil {
				f.t.Error(err)
			}
		}
	}
	for _, tt := range []struct {
		name  string
		lose  func(f *fixture, g *gatewayClient)
		ahead int64 // of the last seq
		op    int   // of the answer; -1 for a close with 4007
	}{
		{"after a close with 4200", closeWith(4200), 0, opDispatch},
		{"not after a close with 1000", closeWith(1000), 0, opInvalidSession},
		{"not after a close with 1001", closeWith(1001), 0, opInvalidSession},
		{"after a cut", func(f *fixture, g *gatewayClient) { f.s.Cut() }, 0, opDispatch},
		{"while the other is open", func(f *fixture, g *gatewayClient) {}, 0, opDispatch},
		{"not after op 9 false", func(f *fixture, g *gatewayClient) { f.s.Invalid(false) }, 0, opInvalidSession},
		{"not with a seq of the future", func(f *fixture, g *gatewayClient) { f.s.Cut() }, 1, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, Config{})
			g := f.connect(0)
			tt.lose(f, g)
			again := f.dial("v=10&encoding=json")
			again.op(opHello)
			again.resume(f, g.session, g.seq+tt.ahead)
			if tt.op < 0 {
				again.closed(4007)
				return
			}
			if p := again.op(tt.op); tt.op == opDispatch && p.T != "RESUMED" || tt.op == opInvalidSession && string(p.D) != "false" {
				t.Errorf("got %+v", p)
			}
		})
	}
}

// TestResumeOnTheSameConnection: op 9 true leaves the connection open for a resume.
func TestResumeOnTheSameConnection(t *testing.T) {
	f := newFixture(t, Config{})
	g := f.connect(IntentGuildMessages)
	f.s.Invalid(true)
	if p := g.op(opInvalidSession); string(p.D) != "true" {
		t.Errorf("got %s", p.D)
	}
	g.resume(f, g.session, g.seq)
	if p := g.op(opDispatch); p.T != "RESUMED" {
		t.Errorf("got %+v", p)
	}
}

// TestBrick: every resume ends with a reset, and not with a close frame.
func TestBrick(t *testing.T) {
	f := newFixture(t, Config{})
	g := f.connect(0)
	f.s.Brick(true)
	f.s.Reconnect()
	g.op(opReconnect)
	again := f.dial("v=10&encoding=json")
	again.op(opHello)
	again.resume(f, g.session, g.seq)
	var closed *websocket.CloseError
	if _, err := again.read(); err == nil || errors.As(err, &closed) {
		t.Errorf("got %v", err)
	}
}

// TestResumeTooLate: a session waits for three minutes.
func TestResumeTooLate(t *testing.T) {
	for wait, want := range map[time.Duration]int{3*time.Minute - time.Second: opDispatch, 3*time.Minute + time.Second: opInvalidSession} {
		inBubble(t, Config{}, func(t *testing.T, f *fixture, client *http.Client) {
			g := dialIn(t, f, client)
			g.op(opHello)
			g.identify(f.s.Token(), 0, "")
			g.wait("READY")
			f.s.Cut()
			time.Sleep(wait)
			again := dialIn(t, f, client)
			again.op(opHello)
			again.resume(f, g.session, g.seq)
			again.op(want)
		})
	}
}

// TestGatewayFaults: each fault of the gateway has its effect.
func TestGatewayFaults(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, f *fixture, client *http.Client) {
		connect := func() *gatewayClient {
			time.Sleep(5 * time.Second)
			g := dialIn(t, f, client)
			g.op(opHello)
			g.identify(f.s.Token(), IntentGuildMessages, "")
			g.wait("READY")
			return g
		}
		g := connect()
		f.s.Twice(true)
		f.says(f.general, "two")
		if a, b := g.op(opDispatch), g.op(opDispatch); a.S != b.S || a.T != "MESSAGE_CREATE" {
			t.Errorf("got %+v, %+v", a, b)
		}
		f.s.Twice(false)
		f.s.Late(3 * time.Second)
		start := time.Now()
		f.says(f.general, "late")
		if g.wait("MESSAGE_CREATE"); time.Since(start) != 3*time.Second {
			t.Errorf("it came after %v", time.Since(start))
		}
		f.s.Late(0)
		f.s.Heartbeat()
		g.op(opHeartbeat)
		f.s.Huge(5 << 20)
		if p := g.op(opDispatch); p.T != "HUGE" || len(p.D) < 5<<20-100 {
			t.Errorf("got %s of %d bytes", p.T, len(p.D))
		}
		f.s.Garble()
		if typ, b, err := g.c.Read(t.Context()); err != nil || typ != websocket.Binary || !strings.Contains(string(b), "garbled") {
			t.Errorf("got %v %q, %v", typ, b, err)
		}
		f.s.CloseAll(4000, "bye")
		g.closed(4000)

		g = connect()
		f.s.Silence()
		g.send(`{"op":1,"d":null}`)
		f.says(f.general, "unheard")
		f.s.CloseAll(4000, "unheard")
		g.c.CloseNow()

		g = connect()
		f.s.Deaf()
		time.Sleep(3 * time.Minute) // heartbeats would not be heard, so that their lack ends nothing
		start = time.Now()
		if err := g.c.Close(t.Context(), 4200, ""); err == nil || time.Since(start) != 5*time.Second {
			t.Errorf("the close is answered: %v after %v", err, time.Since(start))
		}
	})
}

// TestIdentifyLimits: max_concurrency and session_start_limit.
func TestIdentifyLimits(t *testing.T) {
	inBubble(t, Config{Identifies: 3, MaxConcurrency: 2, Shards: 4}, func(t *testing.T, f *fixture, client *http.Client) {
		identify := func(shard int) *gatewayClient {
			g := dialIn(t, f, client)
			g.op(opHello)
			g.identify(f.s.Token(), IntentGuilds, fmt.Sprintf(`,"shard":[%d,4]`, shard))
			return g
		}
		first, second := identify(0), identify(1)
		first.wait("READY")
		second.wait("READY")
		if p := identify(2).op(opInvalidSession); string(p.D) != "false" {
			t.Errorf("got %s", p.D)
		}
		limits := f.get(client, "GET", "/gateway/bot", "").json["session_start_limit"].(object)
		if number(limits, "remaining") != 1 || number(limits, "max_concurrency") != 2 || number(limits, "total") != 3 || number(limits, "reset_after") == 0 {
			t.Errorf("got %v", limits)
		}
		time.Sleep(5 * time.Second)
		identify(2).wait("READY")
		identify(3).closed(4004)
		first.closed(4004)
		if f.s.Token() == "" || len(f.s.Sessions()) != 0 {
			t.Errorf("sessions %v", f.s.Sessions())
		}
	})
}

// TestShards: a guild's events go to its shard.
func TestShards(t *testing.T) {
	f := newFixture(t, Config{MaxConcurrency: 2, Shards: 2})
	shards := make([]*gatewayClient, 2)
	for i := range shards {
		shards[i] = f.dial("v=10&encoding=json")
		shards[i].op(opHello)
		shards[i].identify(f.s.Token(), everything, fmt.Sprintf(`,"shard":[%d,2]`, i))
		shards[i].wait("READY")
	}
	own := int(uint64(f.guild) >> 22 % 2)
	f.says(f.general, "in the guild")
	if m := shards[own].wait("MESSAGE_CREATE"); m["content"] != "in the guild" {
		t.Errorf("got %v", m)
	}
	f.says(f.s.DM(f.anna), "in private")
	if m := shards[0].wait("MESSAGE_CREATE"); m["content"] != "in private" {
		t.Errorf("got %v", m)
	}
}

// TestOtherRequests: opcodes that clients may send although the fake has nothing to
// answer them with.
func TestOtherRequests(t *testing.T) {
	f := newFixture(t, Config{})
	g := f.connect(0)
	g.send(`{"op":43,"d":{"guild_id":"1"}}`)
	g.send(`{"op":31,"d":{"guild_ids":["5","` + f.guild.String() + `"]}}`)
	if o := g.wait("SOUNDBOARD_SOUNDS"); o["guild_id"] != f.guild.String() {
		t.Errorf("got %v", o)
	}
}

func TestPayloadCompression(t *testing.T) {
	f := newFixture(t, Config{})
	g := f.dial("v=10&encoding=json")
	g.op(opHello)
	g.identify(f.s.Token(), everything, `,"compress":true,"presence":{"status":"dnd","activities":[{"name":"tea","type":3}],"since":null,"afk":false}`)
	g.wait("GUILD_CREATE")
	if status, activities := f.s.Presence(); status != "dnd" || !strings.Contains(string(activities), "tea") {
		t.Errorf("got %s %s", status, activities)
	}
}
