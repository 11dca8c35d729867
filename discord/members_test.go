package discord_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/fakediscord"
)

// members returns the members yielded by Gateway.Members.
func members(ctx context.Context, g *discord.Gateway, of discord.MembersOf) (names []string, err error) {
	for m, err := range g.Members(ctx, of) {
		if err != nil {
			return names, err
		}
		if m.GuildID != of.Guild {
			return names, fmt.Errorf("the member is of guild %d", m.GuildID)
		}
		names = append(names, m.User.Username)
	}
	return names, nil
}

func TestGatewayMembers(t *testing.T) {
	inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
		ids := w.AddMembers(fakediscord.ID(w.guild), "person", 2500)
		g := w.gateway(discord.NewRouter())
		g.Intents = discord.IntentGuilds | discord.IntentGuildMembers
		stop := start(t, g)
		untilReady(t, g, 0)
		for _, tt := range []struct {
			name string
			of   discord.MembersOf
			want int
		}{
			{"all", discord.MembersOf{Guild: w.guild}, 2502},
			{"some", discord.MembersOf{Guild: w.guild, Limit: 10}, 10},
			{"by name", discord.MembersOf{Guild: w.guild, Query: "person24", Limit: 50}, 50},
			{"none", discord.MembersOf{Guild: w.guild, Query: "nobody", Limit: 1}, 0},
			{"users", discord.MembersOf{Guild: w.guild, Users: []discord.ID{discord.ID(ids[0]), 1, discord.ID(ids[1])}}, 2},
			{"many users", discord.MembersOf{Guild: w.guild, Users: own(ids[:250])}, 250},
		} {
			if got, err := members(t.Context(), g, tt.of); len(got) != tt.want || err != nil {
				t.Errorf("%s: %d members, %v, want %d", tt.name, len(got), err, tt.want)
			}
		}
		for range g.Members(t.Context(), discord.MembersOf{Guild: w.guild}) {
			break // the rest is dropped
		}
		stop()
	})
}

func own(ids []fakediscord.ID) (list []discord.ID) {
	for _, id := range ids {
		list = append(list, discord.ID(id))
	}
	return list
}

func TestGatewayMembersMistakes(t *testing.T) {
	inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
		g := w.gateway(discord.NewRouter())
		g.Shards = discord.Shards{Total: 2, From: 1, To: 2}
		of := discord.MembersOf{Guild: 1 << 22, Limit: 1}
		if _, err := members(t.Context(), g, of); err == nil || err.Error() != "discord: Gateway.Members: the Gateway does not run: call Run first" {
			t.Errorf("before Run: %v", err)
		}
		stop := start(t, g)
		untilReady(t, g, 0)
		for _, tt := range []struct {
			name string
			of   discord.MembersOf
			want string
		}{
			{"another shard", discord.MembersOf{Guild: 2 << 22}, "guild 8388608 is on shard 0 of 2, which another process runs"},
			{"query without a limit", discord.MembersOf{Guild: 1 << 22, Query: "a"}, "MembersOf.Limit must be from 1 to 100 with a Query, and from 0 to 100 without"},
			{"limit", discord.MembersOf{Guild: 1 << 22, Limit: 101}, "MembersOf.Limit must be from 1 to 100 with a Query, and from 0 to 100 without"},
			{"both", discord.MembersOf{Guild: 1 << 22, Query: "a", Limit: 1, Users: []discord.ID{1}}, "MembersOf has Users and a Query or Limit: Discord takes one of the two"},
			{"a guild that is not there", of, "no members came for 30s"},
		} {
			if _, err := members(t.Context(), g, tt.of); err == nil || err.Error() != "discord: Gateway.Members: "+tt.want {
				t.Errorf("%s: %v\nwant %s", tt.name, err, tt.want)
			}
		}
		var wrong *discord.ConfigError
		if _, err := members(t.Context(), g, discord.MembersOf{Guild: 1 << 22}); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "discord: Gateway.Members: all members of a guild take the intent GUILD_MEMBERS: add IntentGuildMembers") {
			t.Errorf("without the intent: %v", err)
		}
		if _, err := members(t.Context(), g, discord.MembersOf{}); err == nil {
			t.Error("no error without a guild")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := members(ctx, g, of); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a ctx that ends: %v", err)
		}
		time.AfterFunc(time.Second, func() { go stop() })
		if _, err := members(t.Context(), g, of); !errors.Is(err, discord.ErrStopped) {
			t.Errorf("when Run ends: %v", err)
		}
		if _, err := members(t.Context(), g, of); !errors.Is(err, discord.ErrStopped) {
			t.Errorf("after Run: %v", err)
		}
	})
}

// TestGatewayMembersAgain: Members continues after a temporary refusal and
// after the loss of the session, and repeats no member.
func TestGatewayMembersAgain(t *testing.T) {
	seq := 100
	chunk := func(nonce string, index, count int, users ...int) string {
		var list []string
		for _, u := range users {
			list = append(list, fmt.Sprintf(`{"user":{"id":"%d","username":"u%d"}}`, u, u))
		}
		seq++
		return fmt.Sprintf(`{"op":0,"s":%d,"t":"GUILD_MEMBERS_CHUNK","d":{"guild_id":"1","chunk_index":%d,"chunk_count":%d,"nonce":%q,"members":[%s]}}`,
			seq, index, count, nonce, strings.Join(list, ","))
	}
	requests := 0
	withScript(t, func(c *scripted) {
		c.send(helloText)
		for {
			var p struct {
				Op int
				D  json.RawMessage
			}
			text := c.read()
			if text == "" {
				return
			}
			json.Unmarshal([]byte(text), &p)
			switch p.Op {
			case 2:
				c.send(readyText)
			case 8:
				var d struct{ Nonce string }
				json.Unmarshal(p.D, &d)
				if d.Nonce == "" || len(d.Nonce) > 32 {
					t.Errorf("the nonce is %q", d.Nonce)
				}
				requests++
				switch requests {
				case 1:
					c.send(fmt.Sprintf(`{"op":0,"s":2,"t":"RATE_LIMITED","d":{"opcode":8,"retry_after":12.5,"meta":{"guild_id":"1","nonce":%q}}}`, d.Nonce))
				case 2:
					c.send(chunk(d.Nonce, 0, 3, 1, 2))
					c.send(`{"op":9,"d":false}`)
				default:
					c.send(chunk("another", 0, 1, 9))
					c.send(chunk(d.Nonce, 0, 2, 1, 2, 3))
					c.send(chunk(d.Nonce, 1, 2, 4))
				}
			}
		}
	}, func(t *testing.T, g *discord.Gateway) {
		stop := start(t, g)
		untilReady(t, g, 0)
		began := time.Now()
		got, err := members(t.Context(), g, discord.MembersOf{Guild: 1, Limit: 100})
		// The third request may still have gone to the session that ended.
		if fmt.Sprint(got) != "[u1 u2 u3 u4]" || err != nil || requests < 3 || requests > 4 {
			t.Errorf("%v, %v after %d requests", got, err, requests)
		}
		if took := time.Since(began); took < 12500*time.Millisecond || took > 20*time.Second {
			t.Errorf("it took %v", took)
		}
		stop()
	})
}

func TestGatewayPresence(t *testing.T) {
	inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
		expect := func(status, name string) {
			t.Helper()
			synctest.Wait()
			s, activities := w.Presence()
			if s != status || !strings.Contains(string(activities), name) {
				t.Errorf("the presence is %s %s, want %s %s", s, activities, status, name)
			}
		}
		g := w.gateway(discord.NewRouter())
		p := discord.Presence{Status: discord.StatusIdle, Activities: []discord.Activity{{Type: discord.Watching, Name: "reactions"}}, Since: time.Now()}
		g.Presence = &p
		if err := g.SetPresence(t.Context(), p); err == nil || !strings.Contains(err.Error(), "does not run") {
			t.Errorf("before Run: %v", err)
		}
		stop := start(t, g)
		untilReady(t, g, 0)
		expect("idle", "reactions")
		if err := g.SetPresence(t.Context(), discord.Presence{Status: discord.StatusDND, Activities: []discord.Activity{{Name: "chess"}}}); err != nil {
			t.Error(err)
		}
		expect("dnd", "chess")
		time.Sleep(10 * time.Second)
		w.Invalid(false)
		untilReady(t, g, time.Second)
		expect("dnd", "chess") // also in the new session
		w.Cut()
		synctest.Wait()
		if err := g.SetPresence(t.Context(), discord.Presence{}); err != nil { // on the next connection
			t.Error(err)
		}
		expect("online", "[]")
		long := discord.Presence{Activities: []discord.Activity{{Name: strings.Repeat("x", 4096)}}}
		if err := g.SetPresence(t.Context(), long); err == nil || err.Error() != "discord: Gateway.SetPresence: Presence cannot be sent: shorten its Activities (opcode 3: payload of 4189 bytes: Discord takes at most 4096)" {
			t.Errorf("4,096 bytes: %v", err)
		}
		if err := g.SetPresence(t.Context(), discord.Presence{Status: "away"}); err == nil || err.Error() != `discord: Gateway.SetPresence: Presence.Status is "away": take StatusOnline, StatusIdle, StatusDND or StatusInvisible` {
			t.Errorf("an unknown status: %v", err)
		}
		expect("online", "[]")
		stop()
		if err := g.SetPresence(t.Context(), p); !errors.Is(err, discord.ErrStopped) {
			t.Errorf("after Run: %v", err)
		}
	})
}

// TestGatewaySends: a bot that sends much sends 115 payloads in a minute, and its
// heartbeats besides.
func TestGatewaySends(t *testing.T) {
	inBubble(t, fakediscord.Config{Heartbeat: 20 * time.Second}, func(t *testing.T, w *world) {
		g := w.gateway(discord.NewRouter())
		stop := start(t, g)
		untilReady(t, g, 0)
		began := time.Now()
		for range 300 {
			if err := g.SetPresence(t.Context(), discord.Presence{}); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took < 2*time.Minute || took > 2*time.Minute+time.Second {
			t.Errorf("it took %v", took)
		}
		if s := g.Status()[0]; s.Phase != discord.ShardReady || time.Since(s.Since) < time.Since(began) {
			t.Errorf("the connection was lost: %+v", s)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var err error
		for range 200 {
			if err = g.SetPresence(ctx, discord.Presence{}); err != nil {
				break
			}
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a ctx that ends: %v", err)
		}
		stop()
	})
}

func TestGatewayVoice(t *testing.T) {
	inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
		room := discord.ID(w.AddChannel(fakediscord.ID(w.guild), 2, "room"))
		var d diary
		r := discord.NewRouter()
		discord.On(r, discord.EventVoiceStateUpdate, func(c *discord.Context, e *discord.VoiceStateUpdate) error {
			d.note(fmt.Sprint(e.UserID == c.Me().ID, e.ChannelID == room, e.SelfMute, e.SelfDeaf))
			return nil
		})
		discord.On(r, discord.EventVoiceServerUpdate, func(c *discord.Context, e *discord.VoiceServerUpdate) error {
			slog.Debug("voice", "endpoint", e.Endpoint)
			return nil
		})
		g := w.gateway(r)
		if err := g.SetVoice(t.Context(), 0, room); err == nil || err.Error() != "discord: Gateway.SetVoice: guild is zero: give the guild of the channel" {
			t.Errorf("without a guild: %v", err)
		}
		if err := g.SetVoice(t.Context(), w.guild, room); err == nil {
			t.Error("no error before Run")
		}
		stop := start(t, g)
		untilReady(t, g, 0)
		for _, err := range []error{
			g.SetVoice(t.Context(), w.guild, room),
			g.SetVoice(t.Context(), w.guild, room, discord.SelfMute, discord.SelfDeaf),
			g.SetVoice(t.Context(), w.guild, 0),
		} {
			if err != nil {
				t.Error(err)
			}
		}
		d.is(t, "true true false false", "true true true true", "true false false false")
		stop()
	})
}
