package promises_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// A fuse misbehaves once after it was armed.
type fuse struct {
	armed atomic.Bool
	way   func()
}

func (f *fuse) blow() {
	if f.armed.Swap(false) {
		f.way()
	}
}

type fusedTransport func(*http.Request) (*http.Response, error)

func (f fusedTransport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// ways are the ways in which user code misbehaves.
var ways = map[string]func(){
	"panics with an error":  func() { panic(errors.New("oh")) },
	"panics with a string":  func() { panic("oh") },
	"follows a nil pointer": func() { var p *int; *p = 1 },
	"calls Goexit":          runtime.Goexit,
}

// A misused is a bot with the fuse in one place.
type misused struct {
	fuse   *fuse
	server *vktest.Server
	router *vk.Router
	poller *vk.Poller
	client *vk.Client
	quiet  bool // the failure is not logged
}

type fusedStore struct {
	vk.MemoryStore
	get, swap *fuse
}

func (s *fusedStore) Get(ctx context.Context, key string) ([]byte, error) {
	if s.get != nil {
		s.get.blow()
	}
	return s.MemoryStore.Get(ctx, key)
}

func (s *fusedStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if s.swap != nil {
		s.swap.blow()
	}
	return s.MemoryStore.Swap(ctx, key, old, new, ttl)
}

func (s *fusedStore) Exclusive() bool { return true } // such a Store is called for each write

type fusedLog struct {
	slog.Handler
	handle, enabled *fuse
}

func (h fusedLog) Enabled(ctx context.Context, l slog.Level) bool {
	if h.enabled != nil {
		h.enabled.blow()
	}
	return h.Handler.Enabled(ctx, l)
}

func (h fusedLog) Handle(ctx context.Context, r slog.Record) error {
	if h.handle != nil {
		h.handle.blow()
	}
	return h.Handler.Handle(ctx, r)
}

type fusedState struct{ f *fuse }

func (s fusedState) MarshalJSON() ([]byte, error) { s.f.blow(); return []byte("1"), nil }

func (s *fusedState) UnmarshalJSON([]byte) error { return nil }

type fusedReader struct {
	io.Reader
	f *fuse
}

func (r fusedReader) Close() error { r.f.blow(); return nil }

// misuses are the places where user code is called.
var misuses = map[string]func(b *misused){
	"Handler": func(b *misused) {
		b.router.Handle("act", func(*vk.Context) error { b.fuse.blow(); return nil })
	},
	"Middleware": func(b *misused) {
		b.router.Use(func(next vk.HandlerFunc) vk.HandlerFunc {
			return func(c *vk.Context) error { b.fuse.blow(); return next(c) }
		})
	},
	"listener": func(b *misused) {
		vk.On(b.router, vk.EventMessageNew, func(*vk.Context, *vk.MessageNew) error { b.fuse.blow(); return nil })
	},
	"Prefix": func(b *misused) {
		literal := b.router.Prefix
		b.router.Prefix = func(c *vk.Context) (string, bool) { b.fuse.blow(); return literal(c) }
	},
	"When": func(b *misused) {
		b.router.When(func(*vk.Context) (bool, error) { b.fuse.blow(); return false, nil }, func(*vk.Context) error { return nil })
	},
	"Check": func(b *misused) {
		b.router.Check(func(*vk.Context) error { b.fuse.blow(); return nil })
		b.router.Handle("act", func(*vk.Context) error { return nil })
	},
	"Before": func(b *misused) {
		b.router.Handle("act", func(*vk.Context) error { return nil }, func(next vk.HandlerFunc) vk.HandlerFunc {
			return func(c *vk.Context) error {
				c.Before(func(*vk.Context) error { b.fuse.blow(); return nil })
				return next(c)
			}
		})
	},
	"Park": func(b *misused) {
		b.router.Handle("act", func(c *vk.Context) error { return c.Park(func() error { b.fuse.blow(); return nil }) })
	},
	"match of a Watch": func(b *misused) {
		b.router.Handle("watch", func(c *vk.Context) error {
			_, _, err := vk.Wait(c, vk.EventMessageNew, func(*vk.Context, *vk.MessageNew) bool { b.fuse.blow(); return false })
			return err
		})
	},
	"state of a Session": func(b *misused) {
		s := &vk.Session[fusedState]{Name: "s"}
		b.router.Handle("act", func(c *vk.Context) error {
			return s.Update(c, vk.PerUser(c), func(v *fusedState) error { v.f = b.fuse; return nil })
		})
	},
	"Close of a Source": func(b *misused) {
		b.router.Handle("act", func(c *vk.Context) error {
			_, err := c.Client().Upload(c, vk.DocumentFor(c.PeerID()), vk.Source{Name: "a.txt", Open: func(context.Context) (io.ReadCloser, error) {
				return fusedReader{strings.NewReader("text"), b.fuse}, nil
			}})
			return err
		})
	},
	"Observer": func(b *misused) {
		b.client.Observer = func(context.Context, vk.Observation) { b.fuse.blow() }
	},
	"Observer at the end": func(b *misused) {
		b.client.Observer = func(_ context.Context, o vk.Observation) {
			if o.Step == vk.StepDone {
				b.fuse.blow()
			}
		}
	},
	"wrapper of Use": func(b *misused) {
		b.client.Use(func(next vk.CallFunc) vk.CallFunc {
			return func(ctx context.Context, method string, p vk.Params) (json.RawMessage, error) {
				b.fuse.blow()
				return next(ctx, method, p)
			}
		})
		b.router.Handle("act", func(c *vk.Context) error { return c.Send("acted") })
	},
	"transport": func(b *misused) {
		through := b.client.HTTPClient.Transport
		b.client.HTTPClient = &http.Client{Transport: fusedTransport(func(r *http.Request) (*http.Response, error) {
			b.fuse.blow()
			return through.RoundTrip(r)
		})}
	},
	"Ready": func(b *misused) {
		b.fuse.armed.Store(true)
		b.poller.Ready = func(int64) { b.fuse.blow() }
	},
	"Store.Get": func(b *misused) {
		b.poller.Dispatcher.Store = &fusedStore{get: b.fuse}
	},
	"Store.Swap": func(b *misused) {
		b.poller.Dispatcher.Store = &fusedStore{swap: b.fuse}
	},
	"slog.Handler.Handle": func(b *misused) {
		b.quiet = true
		b.poller.Dispatcher.Logger = slog.New(fusedLog{Handler: b.poller.Dispatcher.Logger.Handler(), handle: b.fuse})
	},
	"slog.Handler.Enabled": func(b *misused) {
		b.quiet = true
		b.fuse.armed.Store(true)
		b.poller.Dispatcher.Logger = slog.New(fusedLog{Handler: b.poller.Dispatcher.Logger.Handler(), enabled: b.fuse})
	},
}

// TestMisuse checks that user code that misbehaves in one place does not end
// the bot: the event is finished, later events are handled, the failure is
// logged once, and nothing leaks.
func TestMisuse(t *testing.T) {
	all := maps.Clone(misuses)
	maps.Copy(all, callMisuses)
	for place, put := range all {
		for way, do := range ways {
			t.Run(place+" "+way, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { misuse(t, put, do) })
			})
		}
	}
}

func misuse(t *testing.T, put func(*misused), way func()) {
	s := vktest.New(t)
	var log lockedBuffer
	b := &misused{fuse: &fuse{way: way}, server: s, router: vk.NewRouter("!"), client: s.Client()}
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	b.client.Logger = logger
	d := &vk.Dispatcher{Handler: b.router, Logger: logger}
	b.poller = &vk.Poller{Client: b.client, Dispatcher: d, Logger: logger, SkipDiagnosis: true}
	put(b)
	var done atomic.Int32
	b.router.Handle("ping", func(c *vk.Context) error { done.Add(1); return c.Send("pong") })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.poller.Run(ctx) }()
	synctest.Wait()
	anna := s.User("Anna")
	anna.Says("!watch")
	time.Sleep(time.Minute)
	b.fuse.armed.Store(true)
	anna.Says("!act")
	time.Sleep(time.Minute)
	if b.fuse.armed.Load() && !strings.HasPrefix(t.Name(), "TestMisuse/Ready") && !strings.HasPrefix(t.Name(), "TestMisuse/slog.Handler") {
		t.Error("nothing has misbehaved")
	}
	b.fuse.armed.Store(false)
	anna.Says("!ping")
	anna.Hears("pong")
	time.Sleep(time.Minute)
	if n := d.Pending(); n != 0 {
		t.Errorf("%d events are pending", n)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run returns %v", err)
	}
	d.Stop(context.WithoutCancel(ctx))
	if done.Load() != 1 {
		t.Errorf("the event after it was handled %d times", done.Load())
	}
	lines := 0
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "panic") || strings.Contains(line, "Goexit") {
			lines++
		}
	}
	if want := map[bool]int{false: 1}[b.quiet]; lines != want {
		t.Errorf("%d lines in the log, want %d:\n%.4000s", lines, want, log.String())
	}
}

// A lockedBuffer is a buffer for a log that is read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
