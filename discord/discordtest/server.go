package discordtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/fakediscord"
	"github.com/vkrouter/vk/internal/memnet"
)

// A Config says how the fake and the bot differ from the usual. The zero Config
// means the usual.
type Config struct {
	// BotPermissions are those of the bot's role in each guild. If zero, they are
	// all but [discord.PermAdministrator].
	BotPermissions discord.Permissions

	// Disabled are privileged intents that are switched off for the application.
	Disabled discord.Intents

	// Heartbeat is the interval of heartbeats. If zero, it is 41.25 seconds.
	Heartbeat time.Duration

	// Shards is how many shards Discord recommends, MaxConcurrency how many of
	// them may identify within five seconds. If zero, it is 1.
	Shards, MaxConcurrency int

	// Global is how many requests the bot may make in a second. If zero, it is 50,
	// as in Discord; if negative, there are no limits at all.
	Global int

	// Setup, unless nil, changes the bot's Gateway before it runs: its Intents,
	// State, Store, Presence and so on.
	Setup func(*discord.Gateway)

	// Logger gets the bot's log. If nil, it is that of the test, or none outside
	// of a test.
	Logger *slog.Logger
}

// A Server is a fake Discord with a bot. Its methods are safe for concurrent use.
// Those that expect something fail the test, or panic if there is no test.
type Server struct {
	// URL is the address of the fake. That of one in memory leads nowhere; its
	// Client knows the way.
	URL string

	// Token is the bot's token, for programs in other processes.
	Token string

	// Home is the first guild, and General its channel.
	Home    *Guild
	General *Channel

	// Gateway breaks the connection between the bot and Discord.
	Gateway *Gateway

	t         testing.TB // nil outside of a test
	cfg       Config
	fake      *fakediscord.Server
	owner     fakediscord.ID
	client    *discord.Client
	http      *http.Server
	transport *http.Transport
	serving   sync.WaitGroup

	mu         sync.Mutex
	dispatcher *discord.Dispatcher
	gateway    *discord.Gateway
	stop       context.CancelFunc // nil if no bot runs
	stopped    chan struct{}
	runErr     error
	closed     bool
	heard      map[fakediscord.ID]*hearing // by channel
	endpoint   *endpoint                   // of the bot, nil without Serve
}

// Start makes a fake Discord in memory and runs a bot on it until the test ends.
// It returns when the bot is connected.
func Start(t testing.TB, h discord.Handler) *Server {
	t.Helper()
	return Config{}.Start(t, h)
}

// New is Start without the bot, for programs that need the client first.
func New(t testing.TB) *Server {
	t.Helper()
	return Config{}.New(t)
}

// NewServer makes a fake Discord on a port of the loopback interface. It belongs to
// no test and is ended by Close.
func NewServer() *Server { return Config{}.NewServer() }

// Start is [Start] with a Config.
func (c Config) Start(t testing.TB, h discord.Handler) *Server {
	t.Helper()
	s := c.New(t)
	s.Start(h)
	return s
}

// New is [New] with a Config.
func (c Config) New(t testing.TB) *Server {
	t.Helper()
	l := memnet.Listen("discord.test:80")
	s := c.serve(t, l, "http://discord.test", &http.Transport{DialContext: l.Dial})
	t.Cleanup(s.Close)
	return s
}

// NewServer is [NewServer] with a Config.
func (c Config) NewServer() *Server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic("discordtest: cannot listen on loopback: " + err.Error())
	}
	return c.serve(nil, l, "http://"+l.Addr().String(), &http.Transport{})
}

func (c Config) serve(t testing.TB, l net.Listener, url string, transport *http.Transport) *Server {
	fake := fakediscord.New(fakediscord.Config{
		URL: url, BotPermissions: fakediscord.Permissions(c.BotPermissions), Disabled: fakediscord.Intents(c.Disabled),
		Heartbeat: c.Heartbeat, Shards: c.Shards, MaxConcurrency: c.MaxConcurrency, Global: c.Global,
	})
	s := &Server{
		URL: url, Token: fake.Token(), t: t, cfg: c, fake: fake, transport: transport,
		http:  &http.Server{Handler: fake, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)},
		heard: make(map[fakediscord.ID]*hearing),
	}
	s.Gateway = &Gateway{s}
	s.owner = fake.AddUser("Owner")
	s.Home = s.guildOf(fake.AddGuild("Home", s.owner), "Home")
	general := fake.Channels(fakediscord.ID(s.Home.ID))[0]
	s.General = &Channel{ID: discord.ID(general.ID), Name: general.Name, guild: s.Home, s: s}
	s.client = discord.NewClient(s.Token)
	s.client.HTTPClient = &http.Client{Transport: transport}
	s.client.APIURL, s.client.CDNURL = url+"/api/v10", url+"/cdn"
	s.client.Logger = s.logger()
	s.serving.Go(func() { s.http.Serve(l) })
	return s
}

// Client returns a client with the bot's token that knows the way to the fake.
func (s *Server) Client() *discord.Client { return s.client }

// Bot returns the bot's user ID.
func (s *Server) Bot() discord.ID { return discord.ID(s.fake.Me()) }

// Now returns the time of the fake, which timestamps and IDs are of.
func (s *Server) Now() time.Time { return s.fake.Now() }

// Start runs a bot, a [discord.Gateway] that gives the events to h, and returns
// when all its shards are connected. It fails the test if the bot cannot start.
func (s *Server) Start(h discord.Handler) {
	s.tb().Helper()
	d := &discord.Dispatcher{Handler: h, Logger: s.logger()}
	g := &discord.Gateway{Client: s.client, Dispatcher: d, Logger: s.logger()}
	if s.cfg.Setup != nil {
		s.cfg.Setup(g)
	}
	if g.Dispatcher != nil {
		d = g.Dispatcher
		d.Handler = h
	}
	ready := make(chan struct{})
	var once sync.Once
	seen, after := make(map[int]bool), g.Ready
	var mu sync.Mutex
	g.Ready = func(shard discord.Shard) {
		if after != nil {
			after(shard)
		}
		mu.Lock()
		defer mu.Unlock()
		if seen[shard.ID] = true; len(seen) >= shardsOf(g, s.cfg) {
			once.Do(func() { close(ready) })
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	s.mu.Lock()
	if s.stop != nil {
		s.mu.Unlock()
		cancel()
		s.fatalf("the fake already has a bot: Stop it first")
		return
	}
	s.dispatcher, s.gateway, s.stop, s.stopped = d, g, cancel, stopped
	s.mu.Unlock()
	s.serving.Go(func() {
		defer cancel()
		err := g.Run(ctx)
		d.Stop(context.Background())
		s.mu.Lock()
		s.runErr = err
		s.mu.Unlock()
		close(stopped)
	})
	select {
	case <-ready:
	case <-stopped:
		s.mu.Lock()
		err := s.runErr
		s.stop = nil
		s.mu.Unlock()
		s.fatalf("the bot did not start: %v", err)
	}
}

// shardsOf returns how many shards a Gateway runs.
func shardsOf(g *discord.Gateway, c Config) int {
	if g.Shards.Total != 0 {
		return max(1, cmp.Or(g.Shards.To, g.Shards.Total)-g.Shards.From)
	}
	return max(1, c.Shards)
}

// Stop stops the bot, as the end of its context does, and returns the error of
// [discord.Gateway.Run]. The fake goes on. Without a bot, Stop does nothing.
func (s *Server) Stop() error {
	s.mu.Lock()
	stop, stopped := s.stop, s.stopped
	s.mu.Unlock()
	if stop == nil {
		return nil
	}
	stop()
	<-stopped
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop = nil
	return s.runErr
}

// Close stops the bot, then the fake. It may be called more than once. In a test it
// is called at the end.
func (s *Server) Close() {
	s.Stop()
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	if closed {
		return
	}
	s.transport.CloseIdleConnections()
	s.fake.Close()
	s.endpoint.close()
	if err := s.http.Shutdown(context.Background()); err != nil && !errors.Is(err, http.ErrServerClosed) {
		s.http.Close()
	}
	s.serving.Wait()
}

// Wait blocks until all events have reached the bot, their handlers have returned
// or wait for something, and everything that the bot has sent has had its effect. It
// returns the cause of ctx if that ends first.
func (s *Server) Wait(ctx context.Context) error {
	if err := s.await(ctx, s.idle); err != nil {
		return err
	}
	answered := s.fake.Ping()
	return s.await(ctx, func() bool { return answered() && s.idle() })
}

// await waits until ok reports true.
func (s *Server) await(ctx context.Context, ok func() bool) error {
	// The end of a handler is no change of the fake: look again, soon at first.
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		changed := s.fake.Changed()
		if ok() {
			return nil
		}
		again := time.NewTimer(pause)
		select {
		case <-changed:
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
			return context.Cause(ctx)
		}
		again.Stop()
	}
}

// idle reports whether the bot has nothing to do.
func (s *Server) idle() bool {
	s.mu.Lock()
	d, running, e := s.dispatcher, s.stop != nil, s.endpoint
	s.mu.Unlock()
	return s.fake.Delivered() && !e.busy() && (!running || s.fake.Settled() && d.Pending() == 0)
}

// logger returns the logger of the bot.
func (s *Server) logger() *slog.Logger {
	switch {
	case s.cfg.Logger != nil:
		return s.cfg.Logger
	case s.t == nil:
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(s.t.Output(), nil))
}

// A reporter is the part of a test that is needed here.
type reporter interface {
	Helper()
	Fatalf(format string, args ...any)
}

// tb returns the test, or a reporter that panics.
func (s *Server) tb() reporter {
	if s.t != nil {
		return s.t
	}
	return noTest{}
}

func (s *Server) fatalf(format string, args ...any) {
	s.tb().Helper()
	s.tb().Fatalf("discordtest: "+format, args...)
}

// noTest stands in where there is no test.
type noTest struct{}

func (noTest) Helper() {}

func (noTest) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
