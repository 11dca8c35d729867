package discord_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/fakediscord"
	"github.com/vkrouter/vk/internal/websocket"
)

// TestGatewayBricked: a session that cannot be resumed is given up after three
// attempts.
func TestGatewayBricked(t *testing.T) {
	for _, tt := range []struct {
		name string
		code int // of the close before
		most time.Duration
	}{
		{"lost", 4000, 5 * time.Second},
		{"closed with 1000", 1000, 3 * time.Second},
		{"closed with 1001", 1001, 3 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
				var d diary
				g := w.gateway(texts(&d))
				stop := start(t, g)
				untilReady(t, g, 0)
				time.Sleep(10 * time.Second)
				session := w.connected(t).ID
				w.Brick(true)
				w.CloseAll(tt.code, "")
				synctest.Wait()
				took := untilReady(t, g, tt.most)
				t.Logf("a new session after %v", took)
				if w.connected(t).ID == session {
					t.Error("the session goes on")
				}
				w.says("after")
				d.is(t, "after")
				stop()
			})
		})
	}
}

// TestGatewayTwice: events that come twice are handled once.
func TestGatewayTwice(t *testing.T) {
	inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
		var d diary
		w.Twice(true)
		g := w.gateway(texts(&d))
		stop := start(t, g)
		untilReady(t, g, 0)
		for i := range 3 {
			w.says(fmt.Sprint(i))
			w.Cut()
			untilReady(t, g, time.Second)
		}
		d.is(t, "0", "1", "2")
		stop()
	})
}

// TestGatewayLate: late acknowledgements do not end a connection on which anything
// comes, and a bot that hears nothing for too long catches up.
func TestGatewayLate(t *testing.T) {
	for _, tt := range []struct {
		late time.Duration
		same bool // session
	}{
		{30 * time.Second, true},
		{3 * time.Minute, false},
	} {
		t.Run(tt.late.String(), func(t *testing.T) {
			inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
				var d diary
				g := w.gateway(texts(&d))
				stop := start(t, g)
				untilReady(t, g, 0)
				session := w.connected(t).ID
				w.Late(tt.late)
				for i := range 10 {
					w.says(fmt.Sprint(i))
					time.Sleep(25 * time.Second)
					if s := g.Status()[0]; tt.same && s.Phase != discord.ShardReady {
						t.Fatalf("%+v", s)
					}
				}
				w.Late(0)
				time.Sleep(tt.late + time.Minute) // events that were late before come first
				untilReady(t, g, 6*time.Second)
				got := d.take()
				if tt.same && fmt.Sprint(got) != "[0 1 2 3 4 5 6 7 8 9]" || len(got) == 0 || !slices.IsSorted(got) || len(slices.Compact(got)) != len(got) {
					t.Errorf("noted %q", got)
				}
				if same := w.connected(t).ID == session; tt.same && !same {
					t.Error("the session is another one")
				}
				w.says("in time")
				d.is(t, "in time")
				stop()
			})
		})
	}
}

// TestGatewayAsked: a heartbeat that Discord asks for is sent at once, and is no
// beat of the rhythm.
func TestGatewayAsked(t *testing.T) {
	const interval = 41250 * time.Millisecond
	var beats []time.Time
	withScript(t, func(c *scripted) {
		c.send(helloText)
		for {
			p := c.read()
			switch {
			case p == "":
				return
			case strings.Contains(p, `"op":2`):
				c.send(readyText)
				c.send(`{"op":0,"t":"UNNUMBERED","d":{}}`)
			case strings.Contains(p, `"op":1`):
				if want := `{"op":1,"d":1}`; p != want {
					t.Errorf("heartbeat %s, want %s", p, want)
				}
				beats = append(beats, time.Now())
				c.send(`{"op":11}`)
				if len(beats) == 2 {
					time.Sleep(10 * time.Second)
					c.send(`{"op":1,"d":null}`)
				}
			}
		}
	}, func(t *testing.T, g *discord.Gateway) {
		began := time.Now()
		stop := start(t, g)
		time.Sleep(5 * time.Minute)
		stop()
		var after []time.Duration
		for i, at := range beats[1:] {
			after = append(after, at.Sub(beats[i]))
		}
		if first := beats[0].Sub(began); first > interval || len(after) < 6 || !slices.Equal(after[:4], []time.Duration{interval, 10 * time.Second, interval - 10*time.Second, interval}) {
			t.Errorf("the first heartbeat came after %v, the others after %v", first, after)
		}
	})
}

// TestGatewayCloseCodes: after some codes the session is resumed, after others a new
// one begins.
func TestGatewayCloseCodes(t *testing.T) {
	for _, tt := range []struct {
		code websocket.Code
		op   string // of the next connection
	}{
		{1000, `"op":6`}, {1001, `"op":6`}, {1011, `"op":6`}, {3000, `"op":6`},
		{4000, `"op":6`}, {4001, `"op":6`}, {4002, `"op":6`}, {4008, `"op":6`}, {4200, `"op":6`}, {4999, `"op":6`},
		{4003, `"op":2`}, {4005, `"op":2`}, {4006, `"op":2`}, {4007, `"op":2`}, {4009, `"op":2`},
	} {
		t.Run(fmt.Sprint(tt.code), func(t *testing.T) {
			var got string
			withScript(t, func(c *scripted) {
				c.send(helloText)
				p := c.read()
				if c.n == 1 {
					c.send(readyText)
					c.ws.Close(context.Background(), tt.code, "")
					return
				}
				for strings.Contains(p, `"op":1,`) { // while it waits for its turn
					if p != `{"op":1,"d":null}` {
						t.Errorf("before the new session, the heartbeat is %s", p)
					}
					p = c.read()
				}
				got = p
				c.hang()
			}, func(t *testing.T, g *discord.Gateway) {
				stop := start(t, g)
				time.Sleep(6 * time.Second) // the span between identifications
				stop()
			})
			if !strings.Contains(got, tt.op) || tt.op == `"op":6` && !strings.Contains(got, `"seq":1,"session_id":"s1"`) {
				t.Errorf("the next connection sends %s, want %s", got, tt.op)
			}
		})
	}
}

// TestGatewayUnready: the bot disconnects within a limited time from a gateway
// that does not respond after the handshake.
func TestGatewayUnready(t *testing.T) {
	for _, tt := range []struct {
		name string
		run  script
		want time.Duration
		err  string
	}{
		{"no hello", (*scripted).hang, 10 * time.Second, "no hello came within 10s"},
		{"no ready", func(c *scripted) { c.send(helloText); c.hang() }, 30 * time.Second, "no session began: nothing came for 30s"},
		{"acknowledges only", func(c *scripted) {
			c.send(`{"op":10,"d":{"heartbeat_interval":1000}}`)
			for p := c.read(); p != ""; p = c.read() {
				if strings.Contains(p, `"op":1`) && p != `{"op":1,"d":null}` {
					t.Errorf("before any event, the heartbeat is %s", p)
				}
				c.send(`{"op":11}`)
			}
		}, 30 * time.Second, "no session began: nothing came for 30s"},
		{"op 7 in place of hello", func(c *scripted) { c.send(`{"op":7}`); c.hang() }, 0, "a new connection was asked for"},
		{"op 9 in place of ready", func(c *scripted) { c.send(helloText); c.send(`{"op":9,"d":false}`); c.hang() }, 0, "the session is over"},
		{"ends", func(c *scripted) {}, 0, "EOF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			withScript(t, func(c *scripted) {
				if c.n == 1 {
					tt.run(c)
					return
				}
				c.send(helloText)
				c.read()
				c.send(readyText)
				c.hang()
			}, func(t *testing.T, g *discord.Gateway) {
				stop := start(t, g)
				time.Sleep(tt.want)
				synctest.Wait()
				if s := g.Status()[0]; tt.want > 0 && s.Phase == discord.ShardReady {
					t.Errorf("after %v: %+v", tt.want, s)
				}
				time.Sleep(300 * time.Millisecond)
				synctest.Wait()
				if s := g.Status()[0]; s.Phase != discord.ShardWaiting || s.Err == nil || !strings.Contains(s.Err.Error(), tt.err) {
					t.Errorf("soon after %v: %+v, want %q", tt.want, s, tt.err)
				}
				untilReady(t, g, 6*time.Second) // the span between identifications
				stop()
			})
		})
	}
}

// TestGatewayNulls: payloads with null everywhere, of wrong types and of unknown
// kinds do no harm.
func TestGatewayNulls(t *testing.T) {
	var d diary
	r := texts(&d)
	var kinds []string
	var mu sync.Mutex
	r.Listen(func(c *discord.Context) error {
		mu.Lock()
		defer mu.Unlock()
		kinds = append(kinds, c.Kind())
		c.User()
		c.Member()
		c.Message()
		c.Text()
		return nil
	})
	payloads := []string{
		`{"op":null,"d":null,"s":null,"t":null}`, `{}`, `[]`, `null`, `7`, `"x"`,
		`{"op":10,"d":null}`, `{"op":10,"d":{"heartbeat_interval":null}}`, `{"op":11,"d":null}`, `{"op":99,"d":{"a":[]}}`,
		`{"op":0,"s":null,"t":null,"d":null}`, `{"op":0,"s":"x","t":7,"d":[]}`, `{"op":0,"t":"","d":{}}`,
		`{"op":0,"s":2,"t":"MESSAGE_CREATE","d":null}`, `{"op":0,"s":3,"t":"MESSAGE_CREATE","d":{"id":null,"channel_id":null,"author":null,"member":null,"content":null,"mentions":null}}`,
		`{"op":0,"s":4,"t":"GUILD_CREATE","d":{"id":null,"channels":null,"roles":null}}`, `{"op":0,"s":5,"t":"GUILD_DELETE","d":null}`,
		`{"op":0,"s":6,"t":"GUILD_MEMBERS_CHUNK","d":null}`, `{"op":0,"s":7,"t":"RATE_LIMITED","d":null}`, `{"op":0,"s":8,"t":"USER_UPDATE","d":null}`,
		`{"op":0,"s":9,"t":"NEW_THING","d":{"guild_id":{"a":1},"channel_id":[],"user_id":false,"author":"x"}}`, `{"op":0,"s":10,"t":"VOICE_STATE_UPDATE","d":[]}`,
	}
	withScript(t, func(c *scripted) {
		c.send(helloText)
		if p := c.read(); strings.Contains(p, `"op":6`) {
			c.send(`{"op":0,"s":20,"t":"RESUMED","d":null}`)
		} else {
			c.send(readyText)
		}
		c.send(payloads[c.n%len(payloads)])
		c.send(`{"op":7}`)
		c.hang()
	}, func(t *testing.T, g *discord.Gateway) {
		g.Handler, g.State = r, &discord.State{Members: true, Presences: true, VoiceStates: true}
		g.Intents = discord.IntentsUnprivileged
		stop := start(t, g)
		time.Sleep(5 * time.Minute)
		if err := stop(); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		if all := strings.Join(kinds, " "); !strings.Contains(all, "READY") || !strings.Contains(all, "RESUMED") {
			t.Errorf("the kinds are %s", all)
		}
	})
}

// TestGatewayPlain: a gateway that does not compress although the bot has asked for it, such as
// one behind a proxy, is understood.
func TestGatewayPlain(t *testing.T) {
	var d diary
	withScript(t, func(c *scripted) {
		c.send(helloText)
		c.read()
		c.send(readyText)
		c.send(`{"op":0,"s":2,"t":"MESSAGE_CREATE","d":{"id":"1","channel_id":"2","author":{"id":"3"},"content":"plain"}}`)
		c.hang()
	}, func(t *testing.T, g *discord.Gateway) {
		g.Handler, g.Intents, g.NoZlib = texts(&d), discord.IntentsUnprivileged, false
		stop := start(t, g)
		untilReady(t, g, 0)
		d.is(t, "plain")
		stop()
	})
}

// TestGatewayNullsAfterReady gives each event with nulls to listeners.
func TestGatewayNullsAfterReady(t *testing.T) {
	inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
		var d diary
		r := texts(&d)
		r.Listen(func(c *discord.Context) error {
			if c.Kind() != "READY" && c.Kind() != "GUILD_CREATE" && c.Kind() != "MESSAGE_CREATE" {
				d.note(c.Kind())
			}
			return nil
		})
		g := w.gateway(r)
		g.State = &discord.State{Members: true, Presences: true, VoiceStates: true}
		stop := start(t, g)
		untilReady(t, g, 0)
		var want []string
		for _, kind := range []string{"GUILD_UPDATE", "CHANNEL_UPDATE", "THREAD_CREATE", "THREAD_LIST_SYNC", "GUILD_ROLE_CREATE", "GUILD_ROLE_DELETE",
			"GUILD_MEMBER_ADD", "GUILD_MEMBER_UPDATE", "PRESENCE_UPDATE", "VOICE_STATE_UPDATE", "GUILD_EMOJIS_UPDATE", "BRAND_NEW"} {
			w.Emit(kind, nil)
			w.Emit(kind, map[string]any{"id": nil, "guild_id": w.guild, "role": nil, "user": nil, "channel_id": nil, "threads": nil, "emojis": nil, "member": nil})
			want = append(want, kind, kind)
			synctest.Wait()
		}
		d.is(t, want...)
		if guild := g.State.Guild(w.guild); guild == nil || guild.Name != "Guild" || g.State.Channel(w.general) == nil {
			t.Errorf("the guild is %+v", guild)
		}
		stop()
	})
}

// TestGatewayBomb: a payload that is small until it is inflated ends the connection.
func TestGatewayBomb(t *testing.T) {
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	z.Write(make([]byte, limitPayloads(t)(200<<20)))
	z.Flush()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	withScript(t, func(c *scripted) {
		c.ws.Write(context.Background(), websocket.Binary, packed.Bytes())
		c.hang()
	}, func(t *testing.T, g *discord.Gateway) {
		g.NoZlib = false
		stop := start(t, g)
		time.Sleep(100 * time.Millisecond)
		if s := g.Status()[0]; s.Err == nil || !strings.Contains(s.Err.Error(), "a payload exceeds ") {
			t.Errorf("%+v", s)
		}
		stop()
	})
	runtime.GC()
	runtime.ReadMemStats(&after)
	if after.HeapAlloc > before.HeapAlloc+16<<20 {
		t.Errorf("the heap has grown by %d MiB", (after.HeapAlloc-before.HeapAlloc)>>20)
	}
}
