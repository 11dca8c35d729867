package discord_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/fakediscord"
	"github.com/vkrouter/vk/internal/memnet"
)

// A world is a fake Discord in a bubble, with a guild, its channel and a user.
type world struct {
	*fakediscord.Server
	t       *testing.T
	client  *discord.Client
	guild   discord.ID
	general discord.ID
	anna    fakediscord.ID
	end     func() // closes the server; called at the end of the test
}

// inBubble runs f with a fake Discord in virtual time. The bubble fails the test if
// a goroutine is left.
func inBubble(t *testing.T, cfg fakediscord.Config, f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cfg.URL = "http://discord.test"
		if cfg.Global == 0 {
			cfg.Global = -1
		}
		s := fakediscord.New(cfg)
		w := &world{Server: s, t: t}
		w.client, w.end = serve(s)
		w.client.Logger = slog.New(slog.DiscardHandler)
		w.anna = s.AddUser("Anna")
		w.guild = discord.ID(s.AddGuild("Guild", w.anna))
		w.general = discord.ID(s.Channels(fakediscord.ID(w.guild))[0].ID)
		t.Cleanup(w.end)
		f(t, w)
	})
}

// serve serves a fake Discord over a network in memory, and returns a client of it.
func serve(s *fakediscord.Server) (c *discord.Client, end func()) {
	c, stop := serveHandler(s)
	return withToken(c, s.Token()), func() { s.Close(); stop() }
}

// serveHandler serves an API over a network in memory, and returns a client of it.
func serveHandler(h http.Handler) (c *discord.Client, end func()) {
	l := memnet.Listen("discord.test:80")
	server := &http.Server{Handler: h}
	var wg sync.WaitGroup
	wg.Go(func() { server.Serve(l) })
	transport := &http.Transport{DialContext: l.Dial}
	c = withToken(&discord.Client{HTTPClient: &http.Client{Transport: transport}, APIURL: "http://discord.test/api/v10"}, "t0ken")
	return c, func() {
		transport.CloseIdleConnections()
		server.Close()
		wg.Wait()
	}
}

// withToken returns a client like c with a token.
func withToken(c *discord.Client, token string) *discord.Client {
	n := discord.NewClient(token)
	n.HTTPClient, n.APIURL, n.Logger = c.HTTPClient, c.APIURL, slog.New(slog.DiscardHandler)
	return n
}

// says lets Anna write to the channel.
func (w *world) says(text string) {
	w.t.Helper()
	if err := w.Do(w.anna, "POST", "/channels/"+w.general.String()+"/messages", map[string]any{"content": text}, nil); err != nil {
		w.t.Fatal(err)
	}
}

// connected returns the session that is connected.
func (w *world) connected(t *testing.T) (found fakediscord.Session) {
	t.Helper()
	n := 0
	for _, s := range w.Sessions() {
		if s.Connected {
			found = s
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d sessions are connected", n)
	}
	return found
}

// gateway returns a Gateway of the world that logs nothing.
func (w *world) gateway(h discord.Handler) *discord.Gateway {
	return &discord.Gateway{Client: w.client, Handler: h, Logger: slog.New(slog.DiscardHandler)}
}

// start runs a Gateway until stop is called, which returns the error of Run.
func start(t *testing.T, g *discord.Gateway) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { stop() })
	return stop
}

// A diary records the calls of listeners.
type diary struct {
	mu    sync.Mutex
	lines []string
	since time.Time
	at    []time.Duration // since the time of the last reset
}

func (d *diary) note(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
	d.at = append(d.at, time.Since(d.since))
}

// take returns the lines since the last call.
func (d *diary) take() []string {
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	lines := d.lines
	d.lines, d.at, d.since = nil, nil, time.Now()
	return lines
}

// texts returns a Router that records the texts of messages and the events of
// the session.
func texts(d *diary) *discord.Router {
	r := discord.NewRouter()
	discord.On(r, discord.EventMessageCreate, func(c *discord.Context, m *discord.MessageCreate) error { d.note(m.Content); return nil })
	return r
}

// is expects lines.
func (d *diary) is(t *testing.T, want ...string) {
	t.Helper()
	if got := d.take(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("noted %q, want %q", got, want)
	}
}

// untilReady waits until all shards are ready, and returns how long that took.
func untilReady(t *testing.T, g *discord.Gateway, most time.Duration) time.Duration {
	t.Helper()
	began := time.Now()
	for time.Since(began) <= most {
		synctest.Wait()
		ready := len(g.Status()) > 0
		for _, s := range g.Status() {
			ready = ready && s.Phase == discord.ShardReady
		}
		if ready {
			return time.Since(began)
		}
		time.Sleep(max(10*time.Millisecond, time.Since(began)/100))
	}
	t.Fatalf("not ready after %v: %+v", most, g.Status())
	return 0
}

func TestGatewayRun(t *testing.T) {
	for _, plain := range []bool{false, true} {
		t.Run("NoZlib="+strconv.FormatBool(plain), func(t *testing.T) {
			inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
				var d diary
				r := texts(&d)
				var g *discord.Gateway
				discord.On(r, discord.EventReady, func(c *discord.Context, e *discord.Ready) error {
					d.note(fmt.Sprintf("ready as %s, me %v", e.User, c.Me().ID == e.User.ID && g.Me().ID == e.User.ID))
					return nil
				})
				g = w.gateway(r)
				g.NoZlib = plain
				stop := start(t, g)
				untilReady(t, g, 0)
				d.is(t, "ready as Bot#4321, me true")
				w.says("hello")
				d.is(t, "hello")
				time.Sleep(time.Hour)
				if got := w.Sessions(); len(got) != 1 || !got[0].Connected || got[0].Seq < 2 {
					t.Errorf("after an hour, the sessions are %+v", got)
				}
				if s := g.Status(); s[0].Latency <= 0 || g.Latency() != s[0].Latency || s[0].Failures != 0 {
					t.Errorf("after an hour, the status is %+v", s)
				}
				if err := stop(); err != nil {
					t.Error(err)
				}
				if got := w.Sessions(); len(got) != 0 {
					t.Errorf("after the end, there are sessions: %+v", got)
				}
				if s := g.Status(); s[0].Phase != discord.ShardStopped {
					t.Errorf("after the end, the status is %+v", s)
				}
			})
		})
	}
}

// limitPayloads returns a function for sizes of payloads that are too large. With the
// race detector, which makes large ones slow, the limit is lower, and so are the sizes.
func limitPayloads(t *testing.T) (less func(int) int) {
	info, _ := debug.ReadBuildInfo()
	if !slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		return func(n int) int { return n }
	}
	const factor = 50
	t.Cleanup(discord.LimitPayloads(64 << 20 / factor))
	return func(n int) int { return n / factor }
}

// TestGatewayRecovers: after any failure of the connection, the bot is back
// within a limited time of its notice, misses no message of a resumed session,
// and receives none twice.
func TestGatewayRecovers(t *testing.T) {
	less := limitPayloads(t)
	const beat = 41250 * time.Millisecond
	for _, tt := range []struct {
		name    string
		harm    func(w *world)
		notice  time.Duration // until the bot can notice the harm
		back    time.Duration // from then until it is ready again
		resumed bool          // the session is resumed
	}{
		{"op 7", func(w *world) { w.Reconnect() }, 0, time.Second, true},
		{"op 9 true", func(w *world) { w.Invalid(true) }, 0, time.Second, true},
		{"op 9 false", func(w *world) { w.Invalid(false) }, 0, time.Second, false},
		{"cut", func(w *world) { w.Cut() }, 0, time.Second, true},
		{"close 4000", func(w *world) { w.CloseAll(4000, "unknown") }, 0, time.Second, true},
		{"close 4008", func(w *world) { w.CloseAll(4008, "") }, 0, time.Second, true},
		{"close 4003", func(w *world) { w.CloseAll(4003, "") }, 0, time.Second, false},
		{"close 4005", func(w *world) { w.CloseAll(4005, "") }, 0, time.Second, false},
		{"close 4006", func(w *world) { w.CloseAll(4006, "") }, 0, time.Second, false},
		{"close 4007", func(w *world) { w.CloseAll(4007, "") }, 0, time.Second, false},
		{"close 4009", func(w *world) { w.CloseAll(4009, "") }, 0, time.Second, false},
		{"close 1000", func(w *world) { w.CloseAll(1000, "") }, 0, time.Second, true},
		{"close 1001", func(w *world) { w.CloseAll(1001, "") }, 0, time.Second, true},
		{"silence", func(w *world) { w.Silence() }, 2 * beat, time.Second, true},
		{"garbled", func(w *world) { w.Garble() }, 0, time.Second, true},
		{"frame of 100 MB", func(w *world) { w.Huge(less(100 << 20)) }, 0, time.Second, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
				var d diary
				g := w.gateway(texts(&d))
				stop := start(t, g)
				untilReady(t, g, 0)
				time.Sleep(45 * time.Second) // past the first heartbeat and the span between identifications
				w.says("before")
				d.is(t, "before")
				session := w.connected(t).ID
				began := time.Now()
				tt.harm(w)
				for {
					synctest.Wait()
					if g.Status()[0].Phase != discord.ShardReady {
						break
					}
					if time.Since(began) > tt.notice+time.Second {
						t.Fatalf("not noticed after %v", time.Since(began))
					}
					time.Sleep(100 * time.Millisecond)
				}
				if tt.resumed {
					w.says("meanwhile")
				}
				took := untilReady(t, g, tt.back)
				t.Logf("noticed after %v, back %v later", time.Since(began)-took, took)
				w.says("after")
				if tt.resumed {
					d.is(t, "meanwhile", "after")
				} else {
					d.is(t, "after")
				}
				if same := w.connected(t).ID == session; same != tt.resumed {
					t.Errorf("the same session: %v, want %v", same, tt.resumed)
				}
				if err := stop(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestGatewayFatalCodes(t *testing.T) {
	for _, tt := range []struct {
		code int
		want string
	}{
		{4004, "discord: the gateway closed the connection: 4004 why: the token is wrong: copy it anew at https://discord.com/developers/applications, under Bot"},
		{4010, "discord: the gateway closed the connection: 4010 why: the shard is invalid: see Gateway.Shards"},
		{4011, "discord: the gateway closed the connection: 4011 why: the bot is in too many guilds for its shards: raise Gateway.Shards.Total, or leave it zero"},
		{4012, "discord: the gateway closed the connection: 4012 why: Discord has ended this version of its API: update this module"},
		{4013, "discord: the gateway closed the connection: 4013 why: there is no such intent: see Gateway.Intents"},
		{4014, "discord: the gateway closed the connection: 4014 why: a privileged intent is not enabled for the application: switch it on at https://discord.com/developers/applications, under Bot, Privileged Gateway Intents, or remove the handlers that need it"},
	} {
		t.Run(strconv.Itoa(tt.code), func(t *testing.T) {
			inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
				g := w.gateway(discord.NewRouter())
				ended := make(chan error, 1)
				go func() { ended <- g.Run(t.Context()) }()
				untilReady(t, g, 0)
				w.CloseAll(tt.code, "why")
				err := <-ended
				var closed *discord.CloseError
				if !errors.As(err, &closed) || closed.Code != tt.code || err.Error() != tt.want {
					t.Errorf("Run: %v\nwant %s", err, tt.want)
				}
				if got := errors.Is(err, discord.ErrUnauthorized); got != (tt.code == 4004) {
					t.Errorf("it is ErrUnauthorized: %v", got)
				}
			})
		})
	}
}
