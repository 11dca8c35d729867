// Package fakesim is the people's side of the fake VK over HTTP: what a test in
// any language, or the chat page, does as a person or looks at. Beside the API
// that internal/fakevk serves to bots it answers /sim/…, in JSON.
//
// Everything is bounded: bodies, waits, those who wait at once, what a client
// can add to the world, and the stream of events.
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

// The limits of what clients of /sim can take.
const (
	maxBody    = 256 << 10        // bytes of a request
	maxText    = 4096             // characters of a message, as in VK's clients
	bodyTime   = 30 * time.Second // in which a body must come
	maxWait    = 60 * time.Second
	maxWaiting = 1000 // requests that wait at once
	maxPeople  = 10_000
	maxChats   = 10_000
	maxGroups  = 100
	maxTokens  = 10_000
	maxFaults  = 1000
)

// Options say what a Sim is of. The zero value is an ordinary VK with the world
// of [Small].
type Options struct {
	Config fakevk.Config
	World  *WorldFile // nil means Small()

	// Hosts are names of the server, besides localhost and IP addresses, by which
	// the page and /sim may be asked for.
	Hosts []string
}

// A Sim is a fake VK with both of its sides: the API for bots, and /sim for
// people. Make one with [New]. It is safe for concurrent use.
type Sim struct {
	opts   Options
	mux    *http.ServeMux
	origin *http.CrossOriginProtection

	borrowed bool // the world is not the Sim's to close or reset

	stream  *stream
	waiting atomic.Int64
	resets  sync.Mutex // one at a time
	now     atomic.Pointer[run]
	done    chan struct{} // closed by Close
	once    sync.Once
}

// A run is the world between two resets, and what is known of it besides.
type run struct {
	world *fakevk.World
	over  chan struct{} // closed when another takes its place
	group int64         // the community that requests mean if they name none

	mu       sync.Mutex // taken before the world's, never after
	hearings map[conversation]*hearing
	faults   []*fault
	lastID   int64

	log diary
}

// New makes the world that the options describe. It fails if that makes no
// sense.
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

// Over makes a Sim of a world that is somebody else's: it cannot be reset, and
// Close does not close it. A group is the community that requests mean if they
// name none. What happened before is not in the stream.
func Over(world *fakevk.World, group int64, hosts ...string) *Sim {
	s := &Sim{opts: Options{Hosts: hosts}, stream: newStream(), origin: http.NewCrossOriginProtection(), done: make(chan struct{}), borrowed: true}
	r := s.follow(world)
	r.group = group
	s.now.Store(r)
	s.mux = s.routes()
	return s
}

// pictureBytes is how many bytes of uploaded photos are kept, to be looked at.
const pictureBytes = 32 << 20

// follow is a run of a world, of which nothing is known yet.
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

// Reset puts the world back to where it began. Who waits, for an event of the
// long poll or for something to see, is answered; tokens, keys and numbers are
// those of the beginning. The stream goes on.
func (s *Sim) Reset() error {
	if s.borrowed {
		return &failure{http.StatusConflict, "refused", "this world belongs to the program that the bot is in: start that again"}
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

// Close ends everything that waits, and refuses what comes then. It may be
// called more than once.
func (s *Sim) Close() {
	s.once.Do(func() { close(s.done) })
	if s.borrowed {
		return
	}
	s.resets.Lock()
	defer s.resets.Unlock()
	s.now.Load().world.Close()
}

// Group returns the community that requests mean if they name none, which is
// the first of the world, and its token.
func (s *Sim) Group() (id int64, token string) {
	r := s.now.Load()
	for _, g := range r.world.Groups() {
		if g.ID == r.group {
			return g.ID, g.Token
		}
	}
	return 0, ""
}

// AddCallback has the events of the first community sent to a webhook, from now
// on and after each reset, and returns the confirmation code.
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

// isHost reports whether a request's Host is the server's: the page of another site
// whose name was made to lead to this machine is not to read or do anything here.
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

// A request is one of /sim while it is answered.
type request struct {
	*run
	sim   *Sim
	w     http.ResponseWriter
	r     *http.Request
	query map[string]string
}

// wait waits until ok says so, looking again whenever the world has changed and
// after each pause unless that is zero. It reports whether ok did before the
// time was over; an error means that the client has gone, the server closes, the
// world is another now, or too many wait.
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
			return false, &failure{http.StatusServiceUnavailable, "closed", "the server closes"}
		case <-ctx.Done():
			return ok(), q.r.Context().Err()
		}
	}
}
