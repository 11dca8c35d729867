package vktest

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/journal"
)

// Restart stops the bot, as the end of its context does, and starts another one
// with h, as a deploy does.
func (s *Server) Restart(h vk.Handler) {
	s.tb().Helper()
	if err := s.Stop(); err != nil {
		s.fatalf("the bot stopped with %v", err)
	}
	s.Start(h)
}

// Kill ends the bot as the end of its process does. From then on the bot makes
// no calls and changes nothing in the Store and the Queue of the [Config]'s
// Dispatcher: other processes take over when its lease has ended. Kill
// returns when nothing of the bot runs any more. [Server.Start] starts another
// one.
//
// Other effects of the handlers cannot be undone. The handlers' contexts end
// with [vk.ErrStopped]. Sessions and timers belong to the killed bot if their
// Store is [Server.Store].
func (s *Server) Kill() {
	s.mu.Lock()
	stop, stopped, d, f, q := s.stop, s.stopped, s.dispatcher, s.fence, s.queue
	s.fence = nil
	s.mu.Unlock()
	if stop == nil {
		return
	}
	s.gate.shut.Store(true)
	if f != nil {
		f.kill()
	}
	if q != nil {
		q.dead.Store(true)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	stop()
	d.Stop(ended)
	<-stopped
	s.mu.Lock()
	s.stop = nil
	s.mu.Unlock()
	s.gate.shut.Store(false)
}

// Dispatcher returns the dispatcher of the running bot, or of the last one. It
// returns nil before [Server.Start].
func (s *Server) Dispatcher() *vk.Dispatcher {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dispatcher
}

// Store returns the Store of the running bot, or of the next one. Until the bot
// is killed, that is the Store of the [Config]'s Dispatcher. Store returns nil
// if the Dispatcher has none.
func (s *Server) Store() vk.Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fence == nil {
		base := s.base
		if base == nil && s.cfg.Dispatcher != nil {
			base = s.cfg.Dispatcher.Store
			s.base = base
		}
		if base == nil {
			return nil
		}
		s.fence = &fence{base: base, mirror: make(map[string][]byte)}
	}
	return s.fence.store()
}

// A gate passes the bot's calls to VK until the bot is killed.
type gate struct {
	next http.RoundTripper
	shut atomic.Bool
}

var errKilled = errors.New("vktest: the bot was killed")

// RoundTrip makes a request, unless the bot was killed.
func (g *gate) RoundTrip(r *http.Request) (*http.Response, error) {
	if g.shut.Load() {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, errKilled
	}
	return g.next.RoundTrip(r)
}

// A fence stands between a bot and its Store. When the bot is killed, the Store
// no longer changes, and goroutines of the bot that still run use a copy.
type fence struct {
	base    vk.Store
	changed func(key string) (kill bool) // called for each change except renewals of the lease; may be nil

	mu     sync.Mutex
	dead   bool
	mirror map[string][]byte // the values that the bot has read and written
}

// listFence is a fence around a Lister.
type listFence struct{ *fence }

func (f *fence) store() vk.Store {
	if _, ok := f.base.(vk.Lister); ok {
		return listFence{f}
	}
	return f
}

func (f *fence) kill() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dead = true
}

// Exclusive returns the Store's own result.
func (f *fence) Exclusive() bool {
	e, ok := f.base.(interface{ Exclusive() bool })
	return ok && e.Exclusive()
}

// Get implements vk.Store.
func (f *fence) Get(ctx context.Context, key string) ([]byte, error) {
	f.mu.Lock()
	if f.dead {
		defer f.mu.Unlock()
		return slices.Clone(f.mirror[key]), nil
	}
	f.mu.Unlock()
	value, err := f.base.Get(ctx, key)
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.dead && err == nil {
		f.mirror[key] = slices.Clone(value)
	}
	return value, err
}

// Swap implements vk.Store.
func (f *fence) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		if !bytes.Equal(f.mirror[key], old) {
			return false, nil
		}
		f.mirror[key] = slices.Clone(new)
		return true, nil
	}
	swapped, err := f.base.Swap(ctx, key, old, new, ttl)
	if swapped {
		f.mirror[key] = slices.Clone(new)
		if f.changed != nil && !bytes.Equal(old, new) && !journal.Renews(old, new) && f.changed(key) {
			f.dead = true
		}
	}
	return swapped, err
}

// List implements vk.Lister.
func (f listFence) List(ctx context.Context, prefix string, yield func(key string, value []byte) bool) error {
	f.mu.Lock()
	if !f.dead {
		f.mu.Unlock()
		return f.base.(vk.Lister).List(ctx, prefix, func(key string, value []byte) bool {
			f.mu.Lock()
			f.mirror[key] = slices.Clone(value)
			f.mu.Unlock()
			return yield(key, value)
		})
	}
	mirror := maps.Clone(f.mirror)
	f.mu.Unlock()
	for key, value := range mirror {
		if strings.HasPrefix(key, prefix) && len(value) > 0 && !yield(key, value) {
			return nil
		}
	}
	return nil
}

// newQueueFence returns the Queue for the next bot, or nil without one.
func (s *Server) newQueueFence() vk.Queue {
	if s.cfg.Dispatcher == nil || s.cfg.Dispatcher.Queue == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.baseQueue == nil {
		s.baseQueue = s.cfg.Dispatcher.Queue
	}
	s.queue = &queueFence{base: s.baseQueue}
	return s.queue
}

// A queueFence stands between a bot and its Queue. When the bot is killed, the
// Queue hears nothing more of it, and goroutines of the bot that still run may
// end: their calls succeed, but have no effect. Only Put fails.
type queueFence struct {
	base vk.Queue
	dead atomic.Bool
}

// pass makes a call, unless the bot was killed.
func (q *queueFence) pass(call func() (vk.QueueAnswer, error)) (vk.QueueAnswer, error) {
	if q.dead.Load() {
		return vk.QueueAnswer{}, nil
	}
	a, err := call()
	if q.dead.Load() {
		return vk.QueueAnswer{}, nil
	}
	return a, err
}

// Put implements vk.Queue.
func (q *queueFence) Put(ctx context.Context, w vk.QueueWorker, events []vk.QueueEvent, at *vk.QueueMark) (vk.QueueAnswer, error) {
	if q.dead.Load() {
		return vk.QueueAnswer{}, errKilled
	}
	return q.base.Put(ctx, w, events, at)
}

// Take implements vk.Queue.
func (q *queueFence) Take(ctx context.Context, w vk.QueueWorker) (vk.QueueAnswer, error) {
	if q.dead.Load() {
		<-ctx.Done()
		return vk.QueueAnswer{}, ctx.Err()
	}
	return q.pass(func() (vk.QueueAnswer, error) { return q.base.Take(ctx, w) })
}

// Done implements vk.Queue.
func (q *queueFence) Done(ctx context.Context, w vk.QueueWorker, done []vk.QueueDone) (vk.QueueAnswer, error) {
	return q.pass(func() (vk.QueueAnswer, error) { return q.base.Done(ctx, w, done) })
}

// Beat implements vk.Queue.
func (q *queueFence) Beat(ctx context.Context, w vk.QueueWorker, held []vk.QueueHeld) (vk.QueueAnswer, error) {
	return q.pass(func() (vk.QueueAnswer, error) { return q.base.Beat(ctx, w, held) })
}

// Lead implements vk.Queue.
func (q *queueFence) Lead(ctx context.Context, w vk.QueueWorker, role string) (string, bool, error) {
	if q.dead.Load() {
		return "", false, errKilled
	}
	return q.base.Lead(ctx, w, role)
}

// Leave implements vk.Queue.
func (q *queueFence) Leave(ctx context.Context, w vk.QueueWorker) error {
	if q.dead.Load() {
		return nil
	}
	return q.base.Leave(ctx, w)
}
