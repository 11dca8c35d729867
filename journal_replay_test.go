package vk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/filestore"
	"github.com/vkrouter/vk/internal/versus"
)

// follow returns the state of a second source, a Poller, after its start.
func (o *offerer) follow(t *testing.T) *follower {
	t.Helper()
	f := &follower{Poller: &Poller{}, d: o.d, feed: o.d.feed(), base: context.WithoutCancel(t.Context()), log: slogOr(slog.New(slog.DiscardHandler))}
	if o.d.Store != nil {
		f.journal = journalOf(t, o)
		f.journal.join(f.feed, nil)
	}
	return f
}

// TestOtherSourceStops: an event that both sources have brought and that the
// end of one source has cut off is handled for the other.
func TestOtherSourceStops(t *testing.T) {
	eachKind(t, func(t *testing.T, store Store) {
		runs := 0
		o := newOfferer(store, HandlerFunc(func(c *Context) error {
			if runs++; runs == 1 {
				c.Park(func() error { <-c.Done(); return nil })
				return context.Cause(c)
			}
			return nil
		}))
		f := o.follow(t)
		poll := func(raw ...json.RawMessage) {
			t.Helper()
			var events []polledEvent
			for _, one := range raw {
				e, err := ParseEvent(one)
				if err != nil {
					t.Fatal(err)
				}
				events = append(events, polledEvent{event: e})
			}
			if err := f.handle(t.Context(), events); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		o.offer(t, "a")
		poll(textEvent(t, "a", "a").Raw)
		poll()
		if runs != 1 {
			t.Errorf("%d runs while it is handled", runs)
		}
		o.d.drain(t.Context(), o.feed)
		poll()
		if runs != 2 {
			t.Errorf("%d runs after the end of the other source", runs)
		}
		poll(textEvent(t, "a", "a").Raw)
		if runs != 2 || len(f.elsewhere) != 0 {
			t.Errorf("%d runs when it is done", runs)
		}
		o.d.Stop(t.Context())
	})
}

// TestOtherCallbackStops: the events that the end of one Callback has cut off,
// and that were saved for that reason, are handled for another one that goes
// on.
func TestOtherCallbackStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		o := newOfferer(new(MemoryStore), HandlerFunc(func(c *Context) error {
			if got = append(got, c.Text()); len(got) == 1 {
				c.Park(func() error { <-c.Done(); return nil })
				return context.Cause(c)
			}
			return nil
		}))
		j, _, err := o.d.admit(t.Context(), o.feed, nil, textEvent(t, "a", "a"), 0)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		o.d.drain(t.Context(), o.feed)
		if kept, err := o.d.keep(t.Context(), j); !kept || err != nil {
			t.Error(kept, err)
		}
		o.feed = o.d.feed()
		o.offer(t, "b")
		if !slices.Equal(got, []string{"a", "a", "b"}) {
			t.Errorf("handled %v", got)
		}
		o.d.Stop(t.Context())
	})
}

// slowStore is slow to read.
type slowStore struct {
	Store
	get time.Duration
}

func (s slowStore) Get(ctx context.Context, key string) ([]byte, error) {
	select {
	case <-time.After(s.get):
		return s.Store.Get(ctx, key)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TestOpenerGivesUp: a caller that needs the journal first and gives up early
// does not prevent others from opening it.
func TestOpenerGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOfferer(slowStore{new(MemoryStore), 3 * time.Second}, parked)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var hasty sync.WaitGroup
		hasty.Go(func() {
			if _, _, err := o.d.admit(ctx, o.feed, nil, textEvent(t, "a", "a"), 0); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
		synctest.Wait()
		if state, _, err := o.offer(t, "b"); state != admitted || err != nil {
			t.Error(state, err)
		}
		hasty.Wait()
		o.d.Stop(t.Context())
		if _, err := o.d.journal(t.Context(), 8); !errors.Is(err, ErrStopped) {
			t.Errorf("after the stop: %v", err)
		}
	})
}

// TestForgiven: an event that may have crashed a run is no longer a suspect
// once its handler waits, or the bot has stopped.
func TestForgiven(t *testing.T) {
	running := HandlerFunc(func(c *Context) error { <-c.Done(); return context.Cause(c) })
	for _, tt := range []struct {
		name string
		h    Handler
		stop bool
		want int
	}{
		{"runs", running, false, 2},
		{"waits", parked, false, 1},
		{"stopped", running, true, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := new(MemoryStore)
				start := func(h Handler) *offerer {
					o := newOfferer(store, h)
					o.d.TimeLimit, o.d.DrainTime = -1, time.Second
					if _, err := o.d.resume(t.Context(), o.feed, nil, 7); err != nil {
						t.Fatal(err)
					}
					return o
				}
				a := start(running)
				a.offer(t, "a")
				a.keep(t, "a")
				journalOf(t, a).die()
				b := start(tt.h)
				time.Sleep(10 * time.Second)
				if tt.stop {
					b.d.Stop(t.Context())
					b = start(running)
				}
				journalOf(t, b).die()
				c := newOfferer(store, parked)
				jr := journalOf(t, c)
				if got := jr.idle[0].kept.Tries(); got != tt.want {
					t.Errorf("it may have killed %d runs, want %d", got, tt.want)
				}
				for _, o := range []*offerer{a, b, c} {
					o.d.Stop(t.Context())
				}
			})
		})
	}
}

// TestReplayPace: after a restart with many open questions, the first new
// message is handled without delay, and all handlers run again.
func TestReplayPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const many = 2000
		store := new(MemoryStore)
		var begun, most, running atomic.Int64
		h := HandlerFunc(func(c *Context) error {
			if c.Text() == "new" {
				begun.Add(1)
				return nil
			}
			most.Store(max(most.Load(), running.Add(1)))
			time.Sleep(50 * time.Millisecond) // like a call of VK
			running.Add(-1)
			begun.Add(1)
			return c.Park(func() error { <-c.Done(); return context.Cause(c) })
		})
		start := func() (*offerer, *journal) {
			o := newOfferer(store, h)
			jr, err := o.d.resume(t.Context(), o.feed, nil, 7)
			if err != nil {
				t.Fatal(err)
			}
			return o, jr
		}
		o, jr := start()
		var events []*Event
		for n := range many {
			e, err := ParseEvent(fmt.Appendf(nil, `{"type":"message_new","event_id":"%d","group_id":7,"object":{"message":{"peer_id":%d,"from_id":%d,"text":"x"}}}`, n, n+10, n+10))
			if err != nil {
				t.Fatal(err)
			}
			events = append(events, e)
		}
		jr.handle(t.Context(), jr.add("1", events), o.feed, nil)
		jr.save(t.Context())
		time.Sleep(time.Minute)
		o.d.Stop(t.Context())
		begun.Store(0)
		most.Store(0)
		o, _ = start()
		began := time.Now()
		j, _, err := o.d.admit(t.Context(), o.feed, nil, textEvent(t, "new", "new"), 0)
		if err != nil {
			t.Fatal(err)
		}
		<-o.d.dedupe.settledOf(j)
		if took := time.Since(began); took > 100*time.Millisecond {
			t.Errorf("the new message waits for %v", took)
		}
		time.Sleep(time.Minute)
		if n := begun.Load(); n != many+1 || most.Load() > 64 {
			t.Errorf("%d handlers have run, %d at a time", n, most.Load())
		}
		o.d.Stop(t.Context())
	})
}

// A countingStore counts the bytes that a Store in a file writes.
type countingStore struct {
	*filestore.Store
	bytes, swaps atomic.Int64
}

func (s *countingStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	s.bytes.Add(int64(len(key) + len(new) + 16))
	s.swaps.Add(1)
	return s.Store.Swap(ctx, key, old, new, ttl)
}

// BenchmarkJournal measures the cost of an event on its way from a Poller, in a
// poll of its own, to its handler, with a Store in a file. At 1,000 events a
// second, a handler of one second means that 1,000 other events are unfinished.
func BenchmarkJournal(b *testing.B) {
	for _, bc := range []struct {
		name         string
		open, parked int
		batch        int
	}{
		{"handler=0s", 0, 0, 1},
		{"handler=100ms", 100, 0, 1},
		{"handler=1s", 1000, 0, 1},
		{"handler=10s", 10_000, 0, 1},
		{"parked=10000", 0, 10_000, 1},
		{"handler=1s/polls of 100", 1000, 0, 100},
		{"handler=100ms/polls of 100/parked=10000", 100, 10_000, 100},
	} {
		b.Run(bc.name, func(b *testing.B) { benchJournal(b, bc.open, bc.parked, bc.batch) })
	}
}

func benchJournal(b *testing.B, open, parked, batch int) {
	file, err := filestore.Open(filepath.Join(b.TempDir(), "s"))
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	store := &countingStore{Store: file}
	ends := make(chan chan struct{}, open+batch+1)
	d := &Dispatcher{Store: store, Logger: slog.New(slog.DiscardHandler), TimeLimit: -1, Workers: open + batch + 128, MaxEvents: 1 << 16}
	d.Handler = HandlerFunc(func(c *Context) error {
		if c.event.head.peer < 0 {
			return c.Park(func() error { <-c.Done(); return context.Cause(c) })
		}
		if open > 0 {
			end := make(chan struct{})
			ends <- end
			<-end
		}
		return nil
	})
	d.init()
	f := d.feed()
	jr, err := d.journal(b.Context(), 7)
	if err != nil {
		b.Fatal(err)
	}
	jr.use(f, nil)
	n, size := 0, 0
	poll := func(peer, batch int) {
		events := make([]*Event, batch)
		for i := range events {
			n++
			raw := fmt.Appendf(nil, `{"type":"message_new","event_id":"%040d","group_id":7,"v":"5.199","object":{"message":{"id":%d,"date":1700000000,"peer_id":%d,"from_id":1,"text":%q}}}`,
				n, n, peer*n, strings.Repeat("x", 300))
			size = len(raw)
			events[i], _ = ParseEvent(raw)
		}
		entries := jr.add(strconv.Itoa(n), events)
		jr.save(b.Context())
		if err := jr.handle(b.Context(), entries, f, nil); err != nil {
			b.Fatal(err)
		}
	}
	end := func() { // ends the oldest handlers, if there are too many
		for len(ends) > open {
			close(<-ends)
		}
	}
	for n < parked {
		poll(-1, 100)
	}
	for range open {
		poll(1, 1)
	}
	time.Sleep(time.Second)
	store.bytes.Store(0)
	store.swaps.Store(0)
	before := versus.CPU()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if i++; i%batch == 0 { // an iteration is an event
			poll(1, batch)
			end()
		}
	}
	cpu := versus.CPU() - before
	b.ReportMetric(float64(store.bytes.Load())/float64(i)/float64(size), "x-size")
	b.ReportMetric(float64(store.swaps.Load())/float64(i), "swaps/event")
	b.ReportMetric(float64(cpu.Microseconds())/float64(i), "cpu-µs/event")
	for len(ends) > 0 {
		close(<-ends)
	}
	d.DrainTime = time.Millisecond
	d.Stop(context.Background())
}

// TestDurableCost: a handler that does not wait allocates little more with a Store.
func TestDurableCost(t *testing.T) {
	client := NewClient("token")
	client.Use(func(CallFunc) CallFunc {
		return func(context.Context, string, Params) (json.RawMessage, error) {
			return json.RawMessage(`[{"peer_id":1,"message_id":2,"conversation_message_id":3}]`), nil
		}
	})
	for name, test := range map[string]struct {
		h    HandlerFunc
		most float64
	}{
		"nothing":  {func(*Context) error { return nil }, 1},
		"one send": {func(c *Context) error { return c.Send("hello") }, 3},
	} {
		cost := func(store Store) float64 {
			r := NewRouter("")
			r.Handle("a", test.h)
			d := &Dispatcher{Handler: r, Store: store}
			d.init()
			e := textEvent(t, "a", "a")
			return testing.AllocsPerRun(200, func() {
				j := &job{d: d, feed: d.direct, ctx: t.Context(), client: client, ev: e, deduped: true}
				d.watchdog.Begin(&j.task, &d.direct.group, j)
				j.Run()
				d.watchdog.End(&j.task)
			})
		}
		without, with := cost(nil), cost(new(MemoryStore))
		if with-without > test.most {
			t.Errorf("%s: %v allocations more, at most %v are right", name, with-without, test.most)
		}
	}
}

// BenchmarkTrail measures the cost of recording the steps of an event whose
// handler never waits, in units of the same event without a Store. The limit is
// 1.1.
func BenchmarkTrail(b *testing.B) {
	raw := []byte(`{"type":"message_new","event_id":"da94c7c15197d35a45ed6a76df5271eb8a90b5bc","group_id":7,"v":"5.199","object":{"message":{"id":1,"date":1700000000,"peer_id":5,"from_id":5,"text":"!go"}}}`)
	for name, h := range map[string]HandlerFunc{
		"handler=empty":    func(*Context) error { return nil },
		"handler=one send": func(c *Context) error { return c.Send("Hello") },
	} {
		b.Run(name, func(b *testing.B) {
			r := NewRouter("!")
			r.Handle("go", h)
			client := NewClient("unused")
			client.RPS = -1
			client.HTTPClient = &http.Client{Transport: sentAnswer{}}
			run := func(store Store) func() {
				d := &Dispatcher{Handler: r, Store: store}
				d.init()
				return func() {
					e, err := ParseEvent(raw)
					if err != nil {
						b.Fatal(err)
					}
					j := &job{d: d, feed: d.direct, ctx: context.Background(), client: client, ev: e, deduped: true}
					d.watchdog.Begin(&j.task, &j.feed.group, j)
					if err := j.Run(); err != nil {
						b.Fatal(err)
					}
					d.watchdog.End(&j.task)
				}
			}
			versus.Run(b, "no-Store", 1, run(new(MemoryStore)), run(nil))
		})
	}
}

// A sentAnswer is a VK that sends every message.
type sentAnswer struct{}

// RoundTrip implements http.RoundTripper.
func (sentAnswer) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		r.Body.Close()
	}
	body := `{"response":[{"peer_id":5,"message_id":1,"conversation_message_id":1}]}`
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// An oddStore is a struct that is comparable unless its field is not.
type oddStore struct{ in any }

func (oddStore) Get(context.Context, string) ([]byte, error) { return nil, nil }

func (oddStore) Swap(context.Context, string, []byte, []byte, time.Duration) (bool, error) {
	return false, nil
}

// TestCanKey: a Store that holds a slice in an interface cannot be a map key:
// using it would panic.
func TestCanKey(t *testing.T) {
	for name, tt := range map[string]struct {
		store Store
		want  bool
	}{
		"nil":             {nil, false},
		"pointer":         {new(MemoryStore), true},
		"struct":          {oddStore{in: 1}, true},
		"struct of slice": {oddStore{in: []int{1}}, false},
	} {
		if got := canKey(tt.store); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}
