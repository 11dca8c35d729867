package fakediscord

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Config says how a Server differs from the usual. Zero fields mean the
// defaults.
type Config struct {
	// URL is the address at which clients reach the Server:
	// "http://discord.test". The addresses of the gateway and of files begin with
	// it. If empty, it is that of the latest request.
	URL string

	// Token is the bot's. The default is a made-up one.
	Token string

	// Moment is the world's time at the beginning. The default is the time, or the
	// beginning of 2026 if the clock is before it, as in a synctest bubble.
	Moment time.Time

	// BotPermissions are those of the bot's role in new guilds. The default is
	// all but ADMINISTRATOR.
	BotPermissions Permissions

	// Disabled are privileged intents that are switched off for the application.
	Disabled Intents

	// Heartbeat is the interval of heartbeats. The default is 41.25 s.
	Heartbeat time.Duration

	// Shards is the number of shards that is recommended, MaxConcurrency how
	// many of them may identify within five seconds. The default is 1.
	Shards, MaxConcurrency int

	// Identifies is how many sessions may be started in a day. The default is
	// 1000.
	Identifies int

	// Resume is how long a session without a connection can be resumed. The
	// default is three minutes.
	Resume time.Duration

	// Global is how many requests may be made in a second. The default is 50; a
	// negative number means no limit, also for buckets.
	Global int
}

// A Server is a fake Discord. It is an [http.Handler] and safe for concurrent
// use.
type Server struct {
	cfg   Config
	start time.Time

	mu       sync.Mutex
	changed  chan struct{} // closed at the next change
	base     string        // the address of the latest request
	lastID   ID
	token    string
	me       *user
	appID    ID
	users    map[ID]*user
	bearers  map[string]*user
	guilds   []*guild
	channels map[ID]*channel
	invites  []*invite
	webhooks []*webhook
	files    map[string]file // of the CDN, by path
	timeline timeline

	commands     []*command
	created      map[ID][]time.Time // when commands were, by guild, 0 for global ones
	interactions map[ID]*interaction
	private      []*message // that only one person sees, the oldest first

	key        ed25519.PrivateKey
	client     *http.Client // reaches endpoints
	endpoint   *endpoint    // for interactions, nil if they go to the gateway
	delivering int          // requests to it
	ctx        context.Context
	cancel     context.CancelFunc

	sessions   map[string]*session
	conns      map[*conn]struct{}
	identifies map[int]time.Time // the latest by shard modulo MaxConcurrency
	started    []time.Time       // sessions of the last day
	brick      bool              // resumes are reset
	late       time.Duration     // how late dispatches are sent
	twice      bool              // dispatches are sent twice
	presence   object            // of the bot
	busy       int               // requests for members to refuse
	busyFor    time.Duration

	global  window
	refused []time.Time // answers that may lead to a ban of the address
	buckets map[string]*window
	nonces  map[string]*message
	faults  []*Injection
	calls   []Call

	closed bool
	done   chan struct{}  // closed by Close
	wg     sync.WaitGroup // connections of the gateway and requests
}

// New returns a Server with the bot's user and nothing else.
func New(cfg Config) *Server {
	cfg.Token = cmp.Or(cfg.Token, "MTAwMDAwMDAwMDAwMDAwMDAwMA.fake.token-of-the-bot")
	cfg.BotPermissions = cmp.Or(cfg.BotPermissions, allPermissions&^PermAdministrator)
	cfg.Heartbeat = cmp.Or(cfg.Heartbeat, 41250*time.Millisecond)
	cfg.Shards = cmp.Or(cfg.Shards, 1)
	cfg.MaxConcurrency = cmp.Or(cfg.MaxConcurrency, 1)
	cfg.Identifies = cmp.Or(cfg.Identifies, 1000)
	cfg.Resume = cmp.Or(cfg.Resume, 3*time.Minute)
	cfg.Global = cmp.Or(cfg.Global, 50)
	if cfg.Moment.IsZero() {
		cfg.Moment = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		if now := time.Now().UTC(); now.After(cfg.Moment) {
			cfg.Moment = now // a bot that says when something ends goes by this clock
		}
	}
	s := &Server{
		cfg:        cfg,
		start:      time.Now(),
		changed:    make(chan struct{}),
		base:       cmp.Or(strings.TrimSuffix(cfg.URL, "/"), "http://discord.test"),
		token:      cfg.Token,
		users:      make(map[ID]*user),
		bearers:    make(map[string]*user),
		channels:   make(map[ID]*channel),
		files:      make(map[string]file),
		sessions:   make(map[string]*session),
		conns:      make(map[*conn]struct{}),
		identifies: make(map[int]time.Time),
		buckets:    make(map[string]*window),
		nonces:     make(map[string]*message),

		created:      make(map[ID][]time.Time),
		interactions: make(map[ID]*interaction),
		client:       &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},

		presence: object{"status": "online", "activities": []any{}, "client_status": object{"web": "online"}},
		done:     make(chan struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	var err error
	if _, s.key, err = ed25519.GenerateKey(nil); err != nil {
		panic("fakediscord: " + err.Error())
	}
	s.me = s.addUser("Bot")
	s.me.bot = true
	s.appID = s.me.id
	return s
}

// Token returns the bot's token.
func (s *Server) Token() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token
}

// Me returns the bot's user ID, which is also the ID of its application.
func (s *Server) Me() ID { return s.me.id }

// Now returns the world's time.
func (s *Server) Now() time.Time { return s.now() }

// Changed returns a channel that is closed at the next change of the world. Get
// the channel before looking at the world.
func (s *Server) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// touch wakes the goroutines that wait for a change.
func (s *Server) touch() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Close drops all connections of the gateway, ends delayed requests and waits
// for both.
func (s *Server) Close() {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.done)
		s.cancel()
		for c := range s.conns {
			c.stop()
		}
		for _, in := range s.interactions {
			in.timer.Stop()
		}
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// enter counts a request, and reports false after Close.
func (s *Server) enter(r *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.wg.Add(1)
	if s.cfg.URL == "" && r.Host != "" {
		s.base = "http://" + r.Host
		if r.TLS != nil {
			s.base = "https://" + r.Host
		}
	}
	return true
}

// Hosts are Discord's hosts, by which clients reach a Server that stands in for
// them.
var Hosts = []string{apiHost, "discordapp.com", "canary.discord.com", "ptb.discord.com", gatewayHost, cdnHost, "media.discordapp.net"}

const (
	apiHost     = "discord.com"
	gatewayHost = "gateway.discord.gg"
	cdnHost     = "cdn.discordapp.com"
)

// ServeHTTP serves the API at /api/v10, the gateway at /gateway and the CDN at
// /cdn. Requests for the gateway's and the CDN's own host are served at all
// paths.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.enter(r) {
		http.Error(w, "the server is closed", http.StatusServiceUnavailable)
		return
	}
	defer s.wg.Done()
	host := strings.TrimSuffix(strings.ToLower(r.Host), ":443")
	switch path := r.URL.Path; {
	case host == gatewayHost, path == "/gateway", path == "/gateway/":
		s.serveGateway(w, r)
	case host == cdnHost, host == "media.discordapp.net", strings.HasPrefix(path, "/cdn/"):
		s.serveCDN(w, r)
	case strings.HasPrefix(path, "/api/"):
		s.serveAPI(w, r)
	default:
		http.NotFound(w, r)
	}
}

// gatewayURL returns the address of the gateway for a client that reaches the
// Server by a host.
func (s *Server) gatewayURL(host string) string {
	if slices.Contains(Hosts, strings.TrimSuffix(strings.ToLower(host), ":443")) {
		return "wss://" + gatewayHost
	}
	return "ws" + strings.TrimPrefix(s.base, "http") + "/gateway"
}
