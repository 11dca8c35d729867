package discordtest_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/discordtest"
)

// both runs a test on a network in memory in real and in virtual time.
func both(t *testing.T, f func(t *testing.T)) {
	t.Run("real time", f)
	t.Run("virtual time", func(t *testing.T) { synctest.Test(t, f) })
}

func TestConversation(t *testing.T) {
	both(t, func(t *testing.T) {
		bot := discordtest.Start(t, newRouter())
		anna, boris := bot.User("Anna"), bot.User("Boris")
		m := anna.Says("!ping")
		if got := boris.Sees("pong"); got.Reference.MessageID != m.ID {
			t.Errorf("the answer is %+v", got)
		}
		anna.SeesNothing() // Boris has heard it for all

		m = anna.Says("!react")
		anna.SeesReaction(m, "👍")
		anna.Says("!report")
		anna.SeesEmbed("Report")
		anna.Says("!report")
		anna.SeesFile("notes.txt")
		anna.Says("!edit")
		anna.Sees("before")
		anna.SeesEdited("after")
		m = anna.Says("!delete")
		anna.SeesDeleted(m)
		anna.Says("!type")
		anna.SeesTyping()
		anna.Says("!echo one two")
		anna.SeesLike(`^one\b`)

		dm := boris.In(boris.DM())
		dm.Says("!ping")
		dm.Sees("pong")
		other := bot.Channel("other")
		anna.In(other).Says("!ping")
		anna.In(other).Sees("pong")
		anna.SeesNothing()

		anna.Says("!ban " + boris.Mention())
		bot.Wait(t.Context())
		if reason, banned := bot.Banned(boris); !banned || reason != "spam" {
			t.Errorf("banned %v for %q", banned, reason)
		}
		calls := bot.Calls("PUT /guilds/*/bans/*")
		if len(calls) != 1 || calls[0].Reason != "spam" || calls[0].Status != 204 {
			t.Errorf("the calls are %+v", calls)
		}
		anna.Says("!busy")
		anna.SeesNothing()
		if p := bot.Presence(); p.Status != discord.StatusDND || len(p.Activities) != 1 || p.Activities[0].Name != "tea" {
			t.Errorf("the presence is %+v", p)
		}
	})
}

// TestPeople: the actions of people reach the bot.
func TestPeople(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := make(chan string, 100)
		r := discord.NewRouter()
		discord.On(r, discord.EventMemberAdd, func(c *discord.Context, e *discord.MemberAdd) error {
			got <- "joins: " + e.User.String()
			return nil
		})
		discord.On(r, discord.EventMemberRemove, func(c *discord.Context, e *discord.MemberRemove) error {
			got <- "leaves: " + e.User.String()
			return nil
		})
		discord.On(r, discord.EventReactionAdd, func(c *discord.Context, e *discord.ReactionAdd) error {
			got <- "reacts: " + e.Emoji.Name
			return nil
		})
		discord.On(r, discord.EventTypingStart, func(c *discord.Context, e *discord.TypingStart) error {
			got <- fmt.Sprint("types: ", e.Timestamp.Year())
			return nil
		})
		discord.On(r, discord.EventVoiceStateUpdate, func(c *discord.Context, e *discord.VoiceStateUpdate) error {
			got <- fmt.Sprint("voice: ", e.ChannelID != 0)
			return nil
		})
		discord.On(r, discord.EventPresenceUpdate, func(c *discord.Context, e *discord.PresenceUpdate) error {
			got <- fmt.Sprint("shows: ", e.Status, " ", e.Activities[0].Name)
			return nil
		})
		bot := discordtest.Start(t, r)
		want := func(s string) {
			t.Helper()
			select {
			case g := <-got:
				if g != s {
					t.Errorf("got %q, want %q", g, s)
				}
			case <-time.After(time.Minute):
				t.Errorf("no %q", s)
			}
		}
		anna := bot.User("Anna")
		want("joins: anna")
		m := anna.Says("hi")
		anna.Reacts(m, "👍")
		want("reacts: 👍")
		anna.Types()
		want("types: 2026")
		voice := bot.Home.Voice("Voice")
		anna.Enters(voice)
		want("voice: true")
		anna.HangsUp(bot.Home)
		want("voice: false")
		anna.Shows(discord.StatusIdle, discord.Activity{Name: "chess"})
		want("shows: idle chess")
		anna.Leaves(bot.Home)
		want("leaves: anna")
		if err := anna.Tries("GET", "/guilds/"+bot.Home.ID.String(), nil, nil); err == nil {
			t.Error("she sees the guild still")
		}
	})
}

// TestGatewayFaults: the bot survives all of them, and loses and doubles nothing
// that can be resumed.
func TestGatewayFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		harm    func(*discordtest.Gateway)
		another bool // session
	}{
		"reconnect":     {func(g *discordtest.Gateway) { g.Reconnect() }, false},
		"invalid true":  {func(g *discordtest.Gateway) { g.Invalid(true) }, false},
		"invalid false": {func(g *discordtest.Gateway) { g.Invalid(false) }, true},
		"cut":           {func(g *discordtest.Gateway) { g.Cut() }, false},
		"close 4000":    {func(g *discordtest.Gateway) { g.Close(4000) }, false},
		"close 4009":    {func(g *discordtest.Gateway) { g.Close(4009) }, true},
		"silence":       {func(g *discordtest.Gateway) { g.Silence() }, false},
		"deaf":          {func(g *discordtest.Gateway) { g.Deaf() }, false},
		"brick":         {func(g *discordtest.Gateway) { g.Brick(); g.Cut() }, true},
		"late":          {func(g *discordtest.Gateway) { g.Late(2 * time.Second) }, false},
		"twice":         {func(g *discordtest.Gateway) { g.Twice() }, false},
		"huge":          {func(g *discordtest.Gateway) { g.Huge(1 << 20) }, false},
		"garble":        {func(g *discordtest.Gateway) { g.Garble() }, false},
		"heartbeat":     {func(g *discordtest.Gateway) { g.Heartbeat() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bot := discordtest.Start(t, newRouter())
				anna := bot.User("Anna")
				anna.SeesNothing()
				before := bot.Gateway.Sessions()[0]
				tt.harm(bot.Gateway)
				time.Sleep(2 * time.Minute)
				anna.Says("!echo back")
				anna.Sees("back")
				time.Sleep(5 * time.Second)
				anna.SeesNothing()
				if after := bot.Gateway.Sessions()[0]; after != before != tt.another {
					t.Errorf("the session was %s and is %s", before, after)
				}
				bot.Gateway.Heal()
			})
		})
	}
}

func TestFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := discordtest.Start(t, newRouter())
		anna := bot.User("Anna")
		i := bot.Fail(discordtest.Fault{Call: "POST /channels/*/messages", Times: 2, Status: 429, RetryAfter: 400 * time.Millisecond, Scope: "shared"})
		start := time.Now()
		anna.Says("!ping")
		anna.Sees("pong")
		if took := time.Since(start); i.Hits() != 2 || took < 800*time.Millisecond {
			t.Errorf("%d hits, answered after %v", i.Hits(), took)
		}
		i = bot.Fail(discordtest.Fault{Call: "POST /channels/*/messages", Times: 1, Lost: true})
		anna.Says("!ping")
		anna.Sees("pong") // the second one is a duplicate, by its nonce
		anna.SeesNothing()
		if i.Hits() != 1 {
			t.Errorf("%d hits", i.Hits())
		}
		i.Remove()
	})
}

// TestShards: Start waits for all shards.
func TestShards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := discordtest.Config{Shards: 3, MaxConcurrency: 2}.Start(t, newRouter())
		if n := len(bot.Gateway.Sessions()); n != 3 {
			t.Errorf("%d sessions", n)
		}
		anna := bot.User("Anna")
		anna.Says("!ping")
		anna.Sees("pong")
	})
}

// A failing is a test that may fail without failing this one.
type failing struct {
	testing.TB
	text string
}

func (f *failing) Helper() {}

func (f *failing) Fatalf(format string, args ...any) {
	f.text = fmt.Sprintf(format, args...)
	panic(f)
}

// TestExpectationsFail: each one fails if it is not met, with the conversation.
func TestExpectationsFail(t *testing.T) {
	for name, tt := range map[string]struct {
		do   func(*discordtest.Server, *discordtest.User)
		want string
	}{
		"another text":  {func(s *discordtest.Server, u *discordtest.User) { u.Says("!ping"); u.Sees("bong") }, `Anna should see "bong", but sees "pong"`},
		"nothing":       {func(s *discordtest.Server, u *discordtest.User) { u.Sees("bong") }, "nothing comes for 10s"},
		"no pattern":    {func(s *discordtest.Server, u *discordtest.User) { u.SeesLike("(") }, "missing closing )"},
		"another embed": {func(s *discordtest.Server, u *discordtest.User) { u.Says("!report"); u.SeesEmbed("x") }, `<embed Report> <file notes.txt>`},
		"something":     {func(s *discordtest.Server, u *discordtest.User) { u.Says("!ping"); u.SeesNothing() }, "What was said in general:\n\tAnna: !ping\n\tBot: pong"},
		"no edit":       {func(s *discordtest.Server, u *discordtest.User) { u.SeesEdited("x") }, "nothing comes"},
		"no deletion":   {func(s *discordtest.Server, u *discordtest.User) { u.SeesDeleted(u.Says("x")) }, "deleted, but nothing comes"},
		"no reaction":   {func(s *discordtest.Server, u *discordtest.User) { u.SeesReaction(u.Says("x"), "👍") }, "nothing comes"},
		"no typing":     {func(s *discordtest.Server, u *discordtest.User) { u.SeesTyping() }, "nothing comes"},
		"no file":       {func(s *discordtest.Server, u *discordtest.User) { u.Says("!ping"); u.SeesFile("x") }, "should see a file"},
		"no right": {func(s *discordtest.Server, u *discordtest.User) {
			u.Does("DELETE", "/guilds/"+s.Home.ID.String()+"/roles/1", nil, nil)
		}, "50013"},
		"a wrong fault":  {func(s *discordtest.Server, u *discordtest.User) { s.Fail(discordtest.Fault{}) }, "a fault without"},
		"a second bot":   {func(s *discordtest.Server, u *discordtest.User) { s.Start(newRouter()) }, "already has a bot"},
		"an empty text":  {func(s *discordtest.Server, u *discordtest.User) { u.Says("") }, "50006"},
		"not in a guild": {func(s *discordtest.Server, u *discordtest.User) { s.Home.Role("r", 0, s.Stranger("x")) }, "not in the guild"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &failing{TB: t}
				bot := discordtest.Start(f, newRouter())
				anna := bot.User("Anna")
				func() {
					defer func() {
						if v := recover(); v != nil && v != f {
							panic(v)
						}
					}()
					tt.do(bot, anna)
				}()
				if !strings.Contains(f.text, tt.want) {
					t.Errorf("got %q, want %q", f.text, tt.want)
				}
			})
		})
	}
}

func TestTranscript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := discordtest.Start(t, newRouter())
		anna := bot.User("Anna")
		m := anna.Says("!react")
		anna.SeesReaction(m, "👍")
		anna.Says("!edit")
		anna.SeesEdited("after")
		in := anna.In(anna.DM())
		in.Says("!ping")
		in.Sees("pong")
		boris := bot.User("Boris")
		anna.Says("!ban " + boris.Mention())
		bot.Wait(t.Context())
		want := `# general
Anna: !react
(Bot reacts with 👍 to !react)
Anna: !edit
Bot: before
Bot edits: after
Anna: !ban ` + boris.Mention() + `
(Bot bans Boris: spam)

# DM
Anna: !ping
Bot: pong
`
		if got := bot.Transcript(); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
}

// TestToken: a person's token is for the person's accounts.
func TestToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := discordtest.New(t)
		client := discord.NewClient("Bearer " + fake.User("Anna").Token(discord.Connection{ID: "7", Name: "anna", Type: "github"}))
		client.HTTPClient, client.APIURL = fake.Client().HTTPClient, fake.Client().APIURL
		all, err := client.Connections(t.Context())
		if err != nil || len(all) != 1 || all[0].Type != "github" || all[0].Name != "anna" {
			t.Errorf("got %+v, %v", all, err)
		}
		if _, err := fake.Client().Connections(t.Context()); err == nil {
			t.Error("the bot has connections")
		}
	})
}

// TestRestart: the bot can be stopped and started again.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := discordtest.Start(t, newRouter())
		anna := bot.User("Anna")
		if err := bot.Stop(); err != nil {
			t.Error(err)
		}
		anna.Says("!ping")
		anna.SeesNothing()
		time.Sleep(time.Minute)
		bot.Start(newRouter())
		anna.Says("!ping")
		anna.Sees("pong")
		anna.SeesNothing()
	})
}

// TestStartFails: a bot that may not use an intent does not start.
func TestStartFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &failing{TB: t}
		func() {
			defer func() { recover() }()
			discordtest.Config{Disabled: discord.IntentMessageContent}.Start(f, newRouter())
		}()
		if !strings.Contains(f.text, "did not start") {
			t.Errorf("got %q", f.text)
		}
	})
}
