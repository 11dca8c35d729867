package vktest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/fakevk"
	"github.com/vkrouter/vk/internal/memnet"
)

// A Config configures the fake VK. The zero value is a usual VK.
type Config struct {
	// RPS limits the calls of the community's token in any second; VK refuses
	// further ones with code 6. If zero, the limit is VK's own 20; if negative,
	// there is no limit.
	RPS int

	// Seed determines the values that VK generates: tokens, keys, hashes and
	// confirmation codes, the ids of events and presses, and the random numbers
	// for faults with a [Chance]. Numbers, such as ids of users, chats and
	// messages, are counted: they are the same for each seed.
	Seed uint64

	// Scopes are the rights of the community's token: any of stories, photos,
	// app_widget, messages, docs and manage. None means all.
	Scopes []string

	// Intents are the intents that the community may use in messages.send
	// besides default: promo_newsletter, game_notification, …. Nil means all,
	// an empty list none.
	Intents []string

	// Strict makes the test fail for mistakes that VK ignores silently and that
	// the fake otherwise only logs: parameters that a method does not have,
	// such as a misspelt keybord, and methods that the fake lacks.
	Strict bool

	// Readings select among the possible readings of VK's documentation and
	// servers.
	Readings Readings

	// Kinds lists event kinds that the bot needs in addition to those that a
	// Router has handlers for: kinds awaited with [vk.Wait], or handled by a
	// Handler that is not a Router. Start switches them on.
	Kinds []string

	// Dispatcher is the bot's dispatcher, for tests that set its limits or its
	// Store. Start sets its Handler. If nil, a default one is used. When the
	// bot is started again after Stop, it gets a new dispatcher with the same
	// settings.
	Dispatcher *vk.Dispatcher

	// FetchClient makes the requests of [vk.Client.Fetch]. If nil, a client
	// that reaches only public addresses is used.
	FetchClient *http.Client

	// Logger receives the bot's log. If nil, the test's log is used; outside of
	// a test, the log is discarded.
	Logger *slog.Logger
}

// A Server is a fake VK with one community and the community's bot. Its methods
// are safe for concurrent use. Methods that expect something fail their test,
// or panic if there is none.
type Server struct {
	// URL is the address of the server: "http://127.0.0.1:41207". The address
	// of an in-memory server is reachable only with the server's Client.
	URL string

	// GroupID is the community's id.
	GroupID int64

	// Token is the community's token, for programs in other processes, which
	// also need URL and GroupID. The token of a fake is not a secret.
	Token string

	t      testing.TB // nil outside of a test
	cfg    Config
	world  *fakevk.World
	admin  int64 // the user who administers the community
	hooks  *hooks
	client *vk.Client
	gate   *gate

	http      *http.Server
	transport *http.Transport
	serving   sync.WaitGroup

	mu         sync.Mutex
	dispatcher *vk.Dispatcher
	stop       context.CancelFunc // stops the bot; nil before Start
	stopped    chan struct{}      // closed when the bot has stopped
	runErr     error              // the error with which the bot stopped
	closed     bool
	base       vk.Store    // of the Config's Dispatcher; nil until needed
	fence      *fence      // of the running bot, or the next one; nil until needed
	baseQueue  vk.Queue    // of the Config's Dispatcher; nil until Start
	queue      *queueFence // of the running bot

	people        map[int64]string // names
	conversations []conversation
	hearings      map[int64]*hearing // by the conversation, as the bot knows it
	notes         []note
	media         int64 // number of objects that users attached
}

// Start creates an in-memory fake VK and runs a bot on it until the test ends.
// It returns when the bot is polling for the community's events.
func Start(t testing.TB, h vk.Handler) *Server {
	t.Helper()
	return Config{}.Start(t, h)
}

// New is like Start without a bot, for programs that need the client first.
func New(t testing.TB) *Server {
	t.Helper()
	return Config{}.New(t)
}

// NewServer creates a fake VK on a port of the loopback interface. It belongs
// to no test; Close ends it.
func NewServer() *Server { return Config{}.NewServer() }

// Start is like the function [Start], with this configuration.
func (c Config) Start(t testing.TB, h vk.Handler) *Server {
	t.Helper()
	s := c.New(t)
	s.Start(h)
	return s
}

// New is like the function [New], with this configuration.
func (c Config) New(t testing.TB) *Server {
	t.Helper()
	l := memnet.Listen("vk.test:80")
	s := c.serve(t, l, "http://vk.test", &http.Transport{DialContext: l.Dial})
	t.Cleanup(s.Close)
	return s
}

// NewServer is like the function [NewServer], with this configuration.
func (c Config) NewServer() *Server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic("vktest: cannot listen on loopback: " + err.Error())
	}
	return c.serve(nil, l, "http://"+l.Addr().String(), &http.Transport{})
}

func (c Config) serve(t testing.TB, l net.Listener, url string, transport *http.Transport) *Server {
	hooks := &hooks{handlers: make(map[string]http.Handler)}
	var world *fakevk.World
	early := &Server{t: t, cfg: c} // reports mistakes before there is a world
	early.try("Config", func() {
		world = fakevk.New(fakevk.Config{
			Seed: c.Seed, RPS: c.RPS, BaseURL: url, CallbackClient: &http.Client{Transport: hooks}, Readings: fakevk.Readings(c.Readings),
			OnRemark: early.remark,
		})
	})
	admin := world.AddUser(fakevk.UserSpec{FirstName: "Admin"})
	s := &Server{
		URL:       url,
		t:         t,
		cfg:       c,
		world:     world,
		admin:     admin.ID,
		hooks:     hooks,
		http:      &http.Server{Handler: world, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)},
		transport: transport,
		hearings:  make(map[int64]*hearing),
	}
	hooks.log = s.logger()
	s.try("Config", func() {
		group := world.AddGroup(fakevk.GroupSpec{
			Name: "Bot", ScreenName: "bot", Admins: []int64{admin.ID}, Scopes: c.Scopes, Intents: c.Intents,
		})
		s.GroupID, s.Token = group.ID, group.Token
	})
	s.people = map[int64]string{-s.GroupID: "Bot", admin.ID: "Admin"}
	s.client = s.newClient(s.Token)
	s.gate = &gate{next: s.client.HTTPClient.Transport}
	s.client.HTTPClient = &http.Client{Transport: s.gate}
	s.serving.Go(func() { s.http.Serve(l) })
	return s
}

func (s *Server) newClient(token string) *vk.Client {
	c := vk.NewClient(token)
	c.HTTPClient = &http.Client{Transport: s.transport}
	c.BaseURL = s.URL + "/method/"
	c.RPS = s.cfg.RPS
	c.Logger = s.logger()
	c.FetchClient = s.cfg.FetchClient
	return c
}

// AdminClient returns a client with the token of a user who administers the
// community.
func (s *Server) AdminClient() *vk.Client { return s.newClient(s.world.AddUserToken(s.admin)) }

// Client returns the bot's client, with the community's token. A wrapper that
// [vk.Client.Use] adds before Start sees all calls of the bot.
func (s *Server) Client() *vk.Client { return s.client }

// Start runs a bot: a Poller that passes the community's events to h. It
// switches on the kinds of events that h has handlers for, as far as known, and
// Config.Kinds. It returns when the bot is polling, or stands by because
// another process polls its Queue. It fails the test if the bot cannot start.
func (s *Server) Start(h vk.Handler) {
	s.tb().Helper()
	s.enable(h)
	d := s.cfg.Dispatcher
	switch {
	case d == nil:
		d = new(vk.Dispatcher)
	case s.started():
		d = anew(d)
	}
	d.Handler = h
	if store := s.Store(); store != nil {
		d.Store = store
	}
	if queue := s.newQueueFence(); queue != nil {
		d.Queue = queue
	}
	if d.Logger == nil {
		d.Logger = s.logger()
	}
	ready, stopped := make(chan struct{}), make(chan struct{})
	s.mu.Lock()
	if s.stop != nil {
		s.mu.Unlock()
		s.fatalf("the server already has a bot")
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.dispatcher, s.stop, s.stopped = d, cancel, stopped
	s.mu.Unlock()
	p := &vk.Poller{Client: s.client, Dispatcher: d, Logger: s.logger(), SkipDiagnosis: true, Ready: func(int64) { close(ready) }}
	s.serving.Go(func() {
		defer cancel()
		err := p.Run(ctx)
		d.Stop(context.Background())
		s.mu.Lock()
		s.runErr = err
		s.mu.Unlock()
		close(stopped)
	})
	look := time.NewTicker(standbyTime)
	defer look.Stop()
	for !p.Status().Standby {
		select {
		case <-ready:
			return
		case <-stopped:
			s.fatalf("the bot did not start: %v", s.runErr)
		case <-look.C:
		}
	}
}

// standbyTime is how often Start looks whether the bot stands by.
const standbyTime = 20 * time.Millisecond

// started reports whether a bot is or was running.
func (s *Server) started() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dispatcher != nil
}

// Stop stops the bot, as the end of its context does. It returns the bot's
// error when the bot has stopped. The server keeps running. Without a bot, Stop
// does nothing.
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

// Close stops the bot, then the server. It ends the requests to webhooks and
// waits for their handlers for at most a minute; a handler that still runs then
// fails the test. Close may be called more than once. In a test it is called at
// the end.
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
	s.world.Close()
	if err := s.http.Shutdown(context.Background()); err != nil && !errors.Is(err, http.ErrServerClosed) {
		s.http.Close()
	}
	s.serving.Wait()
	if !s.hooks.wait(time.Minute) {
		s.errorf("a webhook's handler is still running a minute after its request ended")
	}
}

// Wait blocks until the bot is idle: it has fetched every event, all events are
// handled, and none is on its way to a webhook or due to be sent. Wait does not
// wait for later deliveries: events that faults hold back, and those that VK
// will send to a webhook after a retry delay or a pause. If ctx ends first,
// Wait returns its cause.
func (s *Server) Wait(ctx context.Context) error {
	// The end of a handler changes nothing in the world: check again, at first
	// after a short time.
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		changed := s.world.Changed()
		if s.idle() {
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
	d := s.dispatcher
	running := s.stop != nil
	s.mu.Unlock()
	for _, hook := range s.world.Callbacks(s.GroupID) {
		if hook.Due > 0 {
			return false
		}
	}
	if !running {
		return true
	}
	acked, head := s.world.Delivered(s.GroupID)
	return acked == head && s.world.Polling(s.GroupID) > 0 && d.Pending() == 0
}

// A Call is an API call that the bot made.
type Call struct {
	Method string
	Params map[string]string // as sent, without the token
	Code   vk.Code           // of the error that it returned, or 0
}

// Calls returns the bot's calls of an API method, oldest first, or all its
// calls if method is empty. The calls of [Server.AdminClient] are not the
// bot's. Calls with a token unknown to VK are.
func (s *Server) Calls(method string) []Call {
	var calls []Call
	for _, c := range s.world.Calls(method) {
		if c.Owner > 0 {
			continue
		}
		call := Call{Method: c.Method, Params: c.Params}
		if c.Error != nil {
			call.Code = vk.Code(c.Error.Code)
		}
		calls = append(calls, call)
	}
	return calls
}

// Rights returns the rights of the community's token that the bot's calls have
// needed, with VK's names and in VK's order. Pass them to [vk.Diagnose], which
// checks the real bot's token for them. Calls inside an execute and refused
// calls count, too. VK publishes no list of rights: for walls, markets and
// boards, none is known.
func (s *Server) Rights() []string {
	needed := make(map[string]bool)
	for _, c := range s.Calls("") {
		needed[fakevk.Right(c.Method)] = true
	}
	var list []string
	for _, right := range fakevk.Rights() {
		if needed[right] {
			list = append(list, right)
		}
	}
	return list
}

// logger returns the bot's logger.
func (s *Server) logger() *slog.Logger {
	switch {
	case s.cfg.Logger != nil:
		return s.cfg.Logger
	case s.t == nil:
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(s.t.Output(), nil))
}

// remark reports a mistake that VK would ignore.
func (s *Server) remark(text string) {
	if s.cfg.Strict {
		s.errorf("%s", text)
		return
	}
	s.logger().Warn("vktest: " + text)
}

// tb returns the test, or a substitute that panics.
func (s *Server) tb() interface {
	Helper()
	Fatalf(format string, args ...any)
} {
	if s.t != nil {
		return s.t
	}
	return noTest{}
}

func (s *Server) fatalf(format string, args ...any) {
	s.tb().Helper()
	s.tb().Fatalf("vktest: "+format, args...)
}

// errorf fails the test and continues. Without a test it only logs.
func (s *Server) errorf(format string, args ...any) {
	if s.t == nil {
		s.logger().Error(fmt.Sprintf("vktest: "+format, args...))
		return
	}
	s.t.Helper()
	s.t.Errorf("vktest: "+format, args...)
}

// try calls do, which panics if the test uses an object that VK does not have,
// and then fails the test.
func (s *Server) try(what string, do func()) {
	s.tb().Helper()
	wrong := ""
	func() {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			text, _ := v.(string)
			var ours bool
			if wrong, ours = strings.CutPrefix(text, "fakevk: "); !ours {
				panic(v)
			}
		}()
		do()
	}()
	if wrong != "" {
		s.fatalf("%s: %s", what, wrong)
	}
}

// noTest is the substitute for a test.
type noTest struct{}

func (noTest) Helper() {}

func (noTest) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
