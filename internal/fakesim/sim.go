// Package fakesim is the users' side of the fake VK over HTTP, for tests in any
// language and for the chat page. In addition to the API that internal/fakevk
// serves to bots, it serves /sim/…, in JSON, with the users' actions and
// observations.
//
// Everything is limited: the size of bodies, the time of waits, the number of
// concurrent waits, the objects that a client can add to the world, and the
// stream of events.
package fakesim

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/fakevk"
)

// The limits for clients of /sim.
const (
	maxBody    = 256 << 10        // bytes of a request
	maxText    = 4096             // characters of a message, as in VK's clients
	bodyTime   = 30 * time.Second // the time in which a body must arrive
	maxWait    = 60 * time.Second
	maxWaiting = 1000 // requests that wait concurrently
	maxPeople  = 10_000
	maxChats   = 10_000
	maxGroups  = 100
	maxTokens  = 10_000
	maxFaults  = 1000
)

// Options configure a Sim. The zero value is an ordinary VK with the world of
// [Small].
type Options struct {
	Config fakevk.Config
	World  *WorldFile // nil means Small()

	// Hosts are the server's host names, besides localhost and IP addresses,
	// that are accepted in requests for the page and /sim.
	Hosts []string
}

// A Sim is a fake VK with both of its sides: the API for bots, and /sim for
// users. Create one with [New]. It is safe for concurrent use.
type Sim struct {
	opts   Options
	mux    *http.ServeMux
	origin *http.CrossOriginProtection

	borrowed bool // the Sim must not close or reset the world

	stream  *stream
	waiting atomic.Int64
	resets  sync.Mutex // one at a time
	now     atomic.Pointer[run]
	done    chan struct{} // closed by Close
	once    sync.Once
}

// A run is the world between two resets, with the state that belongs to it.
type run struct {
	world *fakevk.World
	over  chan struct{} // closed when another run replaces it
	group int64         // the default community of requests

	mu       sync.Mutex // acquired before the world's lock, never after
	hearings map[conversation]*hearing
	faults   []*fault
	lastID   int64

	log diary
}

// New creates the world that the options describe. It returns an error if they
// are invalid.
func New(o Options) (*Sim, error) {
	if o.World == nil {
		o.World = Small()
	}
	s := &Sim{opts: o, stream: newStream(), origin: http.NewCrossOriginProtection(), done: make(chan struct{})}
	r, err := s.newRun()
	if err != nil {
		return nil, err
	}
	s.now.Store(r)
	s.mux = s.routes()
	return s, nil
}

// Over returns a Sim over a world that belongs to the caller: it cannot be
// reset, and Close does not close it. group is the default community of
// requests. The stream has no events from before.
func Over(world *fakevk.World, group int64, hosts ...string) *Sim {
	s := &Sim{opts: Options{Hosts: hosts}, stream: newStream(), origin: http.NewCrossOriginProtection(), done: make(chan struct{}), borrowed: true}
	r := s.follow(world)
	r.group = group
	s.now.Store(r)
	s.mux = s.routes()
	return s
}

// pictureBytes limits the total size of the uploaded photos that are kept.
const pictureBytes = 32 << 20

// follow returns a new run of a world.
func (s *Sim) follow(world *fakevk.World) *run {
	world.KeepPictures(pictureBytes)
	r := &run{world: world, over: make(chan struct{}), hearings: make(map[conversation]*hearing)}
	r.world.OnChange(func(c fakevk.Change) {
		r.log.add(c)
		s.stream.add(c)
	})
	return r
}

func (s *Sim) newRun() (*run, error) {
	cfg := s.opts.Config
	if s.opts.World.Readings != (fakevk.Readings{}) {
		cfg.Readings = s.opts.World.Readings
	}
	r := s.follow(fakevk.New(cfg))
	group, err := s.opts.World.build(r.world)
	if err != nil {
		r.world.Close()
		return nil, err
	}
	r.group = group
	return r, nil
}

// Reset resets the world to its beginning, with the same tokens, keys and
// numbers. It ends all waiting polls and requests. The stream continues.
func (s *Sim) Reset() error {
	if s.borrowed {
		return &failure{http.StatusConflict, "refused", "this world belongs to the bot's program: restart the program"}
	}
	s.resets.Lock()
	defer s.resets.Unlock()
	next, err := s.newRun()
	if err != nil {
		return err
	}
	before := s.now.Swap(next)
	close(before.over)
	before.world.Close()
	s.stream.note("reset", struct{}{})
	return nil
}

// Close ends everything that waits and refuses later requests. It may be called
// more than once.
func (s *Sim) Close() {
	s.once.Do(func() { close(s.done) })
	if s.borrowed {
		return
	}
	s.resets.Lock()
	defer s.resets.Unlock()
	s.now.Load().world.Close()
}

// Group returns the default community of requests, which is the first of the
// world, and its token.
func (s *Sim) Group() (id int64, token string) {
	r := s.now.Load()
	for _, g := range r.world.Groups() {
		if g.ID == r.group {
			return g.ID, g.Token
		}
	}
	return 0, ""
}

// AddCallback sends the events of the first community to a webhook, from now on
// and after each reset, and returns the confirmation code.
func (s *Sim) AddCallback(url string) string {
	s.resets.Lock()
	defer s.resets.Unlock()
	w := *s.opts.World
	w.Groups = append([]GroupSpec(nil), w.Groups...)
	w.Groups[0].Callbacks = append(w.Groups[0].Callbacks[:len(w.Groups[0].Callbacks):len(w.Groups[0].Callbacks)], CallbackSpec{URL: url})
	s.opts.World = &w
	r := s.now.Load()
	r.world.AddCallback(r.group, fakevk.CallbackSpec{URL: url, Title: "callback"})
	return r.world.ConfirmationCode(r.group)
}

// isHost reports whether a request's Host is the server's. Otherwise the page
// of another site, under a name that resolves to this machine, could read or
// change things here.
func (s *Sim) isHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(strings.Trim(host, "[]")) != nil {
		return true
	}
	return slices.ContainsFunc(s.opts.Hosts, func(own string) bool { return strings.EqualFold(own, host) })
}

// ServeHTTP serves the page, /sim and VK's API.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case path == "/", path == "/requests", path == "/sim", strings.HasPrefix(path, "/sim/"), strings.HasPrefix(path, "/page/"):
		if !s.isHost(r.Host) {
			answer(w, 0, &failure{http.StatusForbidden, "foreign_host", fmt.Sprintf("this server is not %s: use localhost or an IP address", clip(r.Host))})
			return
		}
		s.mux.ServeHTTP(w, r)
		return
	}
	s.now.Load().world.ServeHTTP(w, r)
}

// A request is one request to /sim.
type request struct {
	*run
	sim   *Sim
	w     http.ResponseWriter
	r     *http.Request
	query map[string]string
}

// wait waits until ok returns true. It checks again whenever the world has
// changed and, if pause is not zero, after each pause. It reports whether ok
// returned true in time. It returns an error if the client disconnects, the
// server is closed, the world is replaced, or too many requests wait.
func (q *request) wait(seconds float64, pause time.Duration, ok func() bool) (bool, error) {
	if ok() {
		return true, nil
	}
	if seconds == 0 {
		return false, nil
	}
	if q.sim.waiting.Add(1) > maxWaiting {
		q.sim.waiting.Add(-1)
		return false, &failure{http.StatusServiceUnavailable, "busy", fmt.Sprintf("%d requests wait already", maxWaiting)}
	}
	defer q.sim.waiting.Add(-1)
	ctx, cancel := context.WithTimeout(q.r.Context(), time.Duration(seconds*float64(time.Second)))
	defer cancel()
	for {
		changed := q.world.Changed()
		if ok() {
			return true, nil
		}
		var again <-chan time.Time
		if pause > 0 {
			again = time.After(pause)
		}
		select {
		case <-changed:
		case <-again:
		case <-q.over:
			return false, &failure{http.StatusConflict, "reset", "the world was reset meanwhile"}
		case <-q.sim.done:
			return false, &failure{http.StatusServiceUnavailable, "closed", "the server is closed"}
		case <-ctx.Done():
			return ok(), q.r.Context().Err()
		}
	}
}
