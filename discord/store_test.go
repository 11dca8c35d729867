package discord_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/filestore"
	"github.com/vkrouter/vk/internal/fakediscord"
)

// Stores of package vk are Stores here, and the other way round.
var (
	_ discord.Store = vk.Store(nil)
	_ vk.Store      = discord.Store(nil)
	_ discord.Store = (*discord.MemoryStore)(nil)
	_ discord.Store = (*vk.MemoryStore)(nil)
	_ discord.Store = (*filestore.Store)(nil)
)

func TestMemoryStore(t *testing.T) {
	s, ctx := new(discord.MemoryStore), t.Context()
	if v, err := s.Get(ctx, "k"); v != nil || err != nil {
		t.Errorf("Get: %q, %v", v, err)
	}
	for _, tt := range []struct {
		old, new string
		want     bool
	}{{"x", "a", false}, {"", "a", true}, {"", "b", false}, {"a", "b", true}} {
		if ok, err := s.Swap(ctx, "k", []byte(tt.old), []byte(tt.new), 0); ok != tt.want || err != nil {
			t.Errorf("Swap(%q, %q): %v, %v", tt.old, tt.new, ok, err)
		}
	}
	if v, err := s.Get(ctx, "k"); string(v) != "b" || err != nil || !s.Exclusive() {
		t.Errorf("Get: %q, %v", v, err)
	}
	if _, err := s.Get(ctx, ""); err == nil || !strings.HasPrefix(err.Error(), "discord: store") {
		t.Errorf("Get without a key: %v", err)
	}
	if _, err := s.Swap(ctx, "k", nil, nil, -1); err == nil || !strings.HasPrefix(err.Error(), "discord: store") {
		t.Errorf("Swap with a negative ttl: %v", err)
	}
}

// TestGatewayRestarts: with a Store, a restarted bot receives the events that
// it missed, and no event twice.
func TestGatewayRestarts(t *testing.T) {
	inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
		store := new(discord.MemoryStore)
		var d diary
		var session string
		for run := range 3 {
			w.says(fmt.Sprint("before ", run))
			g := w.gateway(texts(&d))
			g.Store = store
			stop := start(t, g)
			untilReady(t, g, 0)
			if g.Me().ID != discord.ID(w.Me()) {
				t.Errorf("run %d: Me is %+v", run, g.Me())
			}
			w.says(fmt.Sprint("in ", run))
			synctest.Wait()
			switch id := w.connected(t).ID; {
			case run == 0:
				session = id
			case id != session:
				t.Errorf("run %d has another session", run)
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
			time.Sleep(30 * time.Second)
		}
		d.is(t, "in 0", "before 1", "in 1", "before 2", "in 2")
	})
}

// TestGatewayRestartsLate: after a time in which Discord has forgotten the session, a
// new one begins.
func TestGatewayRestartsLate(t *testing.T) {
	inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
		store := new(discord.MemoryStore)
		var d diary
		for run := range 2 {
			g := w.gateway(texts(&d))
			g.Store = store
			stop := start(t, g)
			untilReady(t, g, 2*time.Second)
			w.says(fmt.Sprint("in ", run))
			synctest.Wait()
			stop()
			time.Sleep(30 * time.Minute)
		}
		d.is(t, "in 0", "in 1")
	})
}

// TestGatewayCrash: after a crash, the events come that no handler has finished, and
// not those that one has.
func TestGatewayCrash(t *testing.T) {
	inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
		store := new(discord.MemoryStore)
		var d diary
		release := make(chan struct{})
		r := discord.NewRouter()
		discord.On(r, discord.EventMessageCreate, func(c *discord.Context, m *discord.MessageCreate) error {
			if m.Content == "stuck" {
				<-release
				return nil
			}
			d.note(m.Content)
			return nil
		})
		other := discord.ID(w.AddChannel(fakediscord.ID(w.guild), 0, "other"))
		g := w.gateway(r)
		g.Store = store
		crashed, crash := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- g.Run(crashed) }()
		untilReady(t, g, 0)
		w.says("first")
		w.says("stuck")
		w.Do(w.anna, "POST", "/channels/"+other.String()+"/messages", map[string]any{"content": "elsewhere"}, nil)
		time.Sleep(5 * time.Second) // it is saved
		if got := d.take(); !slices.Contains(got, "first") || !slices.Contains(got, "elsewhere") || len(got) != 2 {
			t.Errorf("noted %q", got)
		}
		// The second process finds the values saved by the first one, which continues
		// without an effect.
		w.Cut()
		again := w.gateway(texts(&d))
		again.Store = snapshot(t, store, g, w)
		stop := start(t, again)
		untilReady(t, again, time.Second)
		w.says("after")
		d.is(t, "stuck", "after")
		stop()
		close(release)
		crash()
		<-ended
	})
}

// TestGatewayCutOff: events that were interrupted by a stop, and those that
// have not begun, come again in the next run.
func TestGatewayCutOff(t *testing.T) {
	inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
		store := new(discord.MemoryStore)
		r := discord.NewRouter()
		discord.On(r, discord.EventMessageCreate, func(c *discord.Context, m *discord.MessageCreate) error {
			if m.Content == "done" {
				return nil
			}
			<-c.Done()
			return context.Cause(c)
		})
		g := w.gateway(r)
		g.Store = store
		stop := start(t, g)
		untilReady(t, g, 0)
		for _, text := range []string{"done", "cut off", "not begun"} {
			w.says(text)
		}
		synctest.Wait()
		stop()
		var d diary
		g = w.gateway(texts(&d))
		g.Store = store
		stop = start(t, g)
		untilReady(t, g, time.Second)
		d.is(t, "cut off", "not begun")
		stop()
	})
}

// snapshot returns a Store with a copy of the sessions in another one.
func snapshot(t *testing.T, from discord.Store, g *discord.Gateway, w *world) discord.Store {
	t.Helper()
	to := new(discord.MemoryStore)
	key := discord.StoreKey(g)
	v, err := from.Get(t.Context(), key)
	if err != nil || len(v) == 0 || strings.Contains(key+string(v), w.Token()) {
		t.Fatalf("the record %s is %q, %v", key, v, err)
	}
	if ok, err := to.Swap(t.Context(), key, nil, v, 0); !ok || err != nil {
		t.Fatal(ok, err)
	}
	return to
}

// TestGatewayRestartsWithState: a State is filled again after a restart, and the
// missed events come.
func TestGatewayRestartsWithState(t *testing.T) {
	inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
		store := new(discord.MemoryStore)
		var d diary
		for run := range 2 {
			w.says(fmt.Sprint("before ", run))
			g := w.gateway(texts(&d))
			g.Store, g.State = store, new(discord.State)
			stop := start(t, g)
			time.Sleep(10 * time.Second)
			untilReady(t, g, 0)
			if guild := g.State.Guild(w.guild); guild == nil || guild.Name != "Guild" {
				t.Errorf("run %d: the guild is %+v", run, guild)
			}
			stop()
		}
		d.is(t, "before 1")
	})
}

// A brokenStore fails.
type brokenStore struct {
	discord.MemoryStore
	mu       sync.Mutex
	get, put bool
}

var errBroken = errors.New("broken")

func (s *brokenStore) Get(ctx context.Context, key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.get {
		return nil, errBroken
	}
	return s.MemoryStore.Get(ctx, key)
}

func (s *brokenStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.put {
		panic(errBroken)
	}
	return s.MemoryStore.Swap(ctx, key, old, new, ttl)
}

// A panickingStore panics.
type panickingStore struct{ *discord.MemoryStore }

func (panickingStore) Get(context.Context, string) ([]byte, error) { panic("no disk") }

// A slowStore is a Store with a Swap that takes the maximum time.
type slowStore struct{ discord.MemoryStore }

func (*slowStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	<-ctx.Done()
	return false, ctx.Err()
}

// TestGatewaySlowStore: a Store that hangs delays the end of Run by the time for one
// write, however many shards there are.
func TestGatewaySlowStore(t *testing.T) {
	inBubble(t, fakediscord.Config{Shards: 4, MaxConcurrency: 4}, func(t *testing.T, w *world) {
		g := w.gateway(discord.NewRouter())
		g.Store = new(slowStore)
		stop := start(t, g)
		untilReady(t, g, 0)
		time.Sleep(time.Minute)
		began := time.Now()
		stop()
		if took := time.Since(began); took > 11*time.Second {
			t.Errorf("Run ended after %v", took)
		}
	})
}

// TestGatewayBrokenStore: if the Store fails at the start, Run ends; if it
// fails later, the bot continues without it.
func TestGatewayBrokenStore(t *testing.T) {
	inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
		g := w.gateway(discord.NewRouter())
		g.Store = &brokenStore{get: true}
		if err := g.Run(t.Context()); !errors.Is(err, errBroken) || !strings.HasPrefix(err.Error(), "discord: Gateway.Store: ") {
			t.Errorf("Run: %v", err)
		}
		var panicked *discord.PanicError
		g.Store = panickingStore{}
		if err := g.Run(t.Context()); !errors.As(err, &panicked) {
			t.Errorf("Run: %v", err)
		}
		var d diary
		store := &brokenStore{put: true}
		g = w.gateway(texts(&d))
		g.Store = store
		stop := start(t, g)
		untilReady(t, g, 0)
		w.says("works")
		time.Sleep(5 * time.Second)
		d.is(t, "works")
		store.mu.Lock()
		store.put = false
		store.mu.Unlock()
		w.says("saved")
		stop()
		if v, _ := store.Get(t.Context(), discord.StoreKey(g)); len(v) == 0 {
			t.Error("nothing is saved")
		}
	})
}

// TestGatewayFull: when the Dispatcher has MaxEvents, the events wait at Discord, and
// come once and in order.
func TestGatewayFull(t *testing.T) {
	inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
		var d diary
		release := make(chan struct{})
		r := discord.NewRouter()
		discord.On(r, discord.EventMessageCreate, func(c *discord.Context, m *discord.MessageCreate) error {
			<-release
			d.note(m.Content)
			return nil
		})
		g := w.gateway(nil)
		g.Dispatcher = &discord.Dispatcher{Handler: r, MaxEvents: 4}
		stop := start(t, g)
		untilReady(t, g, 0)
		var want []string
		for i := range 20 {
			w.says(fmt.Sprint(i))
			want = append(want, fmt.Sprint(i))
		}
		time.Sleep(20 * time.Second)
		if n := g.Dispatcher.Pending(); n != 4 {
			t.Errorf("%d events are pending", n)
		}
		close(release)
		untilReady(t, g, time.Minute)
		time.Sleep(20 * time.Second)
		d.is(t, want...)
		stop()
		g.Dispatcher.Stop(t.Context())
	})
}
