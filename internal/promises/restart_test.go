package promises_test

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// A runner runs bots, one after another or concurrently, on one VK.
type runner struct {
	t     testing.TB
	vk    *vktest.Server
	store vk.Store
	h     vk.Handler
	log   *slog.Logger
	onGap func(from, to string)

	shared bool // as far as the bots know, other processes may use the store
	max    int  // the bots' MaxEvents
}

// A bot is one run of a bot.
type bot struct {
	d      *vk.Dispatcher
	p      *vk.Poller
	cancel context.CancelFunc
	ended  chan struct{}
	err    error
	dead   *atomic.Bool
}

// start starts a bot and waits until nothing happens any more.
func (r *runner) start() *bot {
	ctx, cancel := context.WithCancel(context.Background())
	b := &bot{cancel: cancel, ended: make(chan struct{}), dead: new(atomic.Bool)}
	log := r.log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	of := r.vk.Client()
	client := &vk.Client{
		Token: of.Token, BaseURL: of.BaseURL, RPS: -1, Logger: log,
		HTTPClient: &http.Client{Transport: mortalTransport{of.HTTPClient.Transport, b.dead}},
	}
	store := vk.Store(r.store)
	switch {
	case r.shared:
		store = mortalStore{store, b.dead}
	case store != nil:
		store = ownStore{mortalStore{store, b.dead}}
	}
	b.d = &vk.Dispatcher{Handler: r.h, Store: store, MaxEvents: r.max, Logger: log, Grace: time.Second}
	b.p = &vk.Poller{Client: client, Dispatcher: b.d, OnGap: r.onGap, Logger: log}
	go func() {
		defer close(b.ended)
		b.err = b.p.Run(ctx)
		b.d.Stop(context.Background())
	}()
	r.t.Cleanup(func() { b.stop() })
	return b
}

func (b *bot) stop() error {
	b.cancel()
	<-b.ended
	return b.err
}

// kill ends a bot without its knowledge: from then on, nothing that it does has
// an effect.
func (b *bot) kill() { b.dead.Store(true) }

var errDead = errors.New("dead")

type mortalStore struct {
	vk.Store
	dead *atomic.Bool
}

func (s mortalStore) Get(ctx context.Context, key string) ([]byte, error) {
	if s.dead.Load() {
		return nil, errDead
	}
	return s.Store.Get(ctx, key)
}

func (s mortalStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if s.dead.Load() {
		return false, errDead
	}
	return s.Store.Swap(ctx, key, old, new, ttl)
}

// An othersStore may be shared by several processes, as far as the Dispatcher
// knows: it hides the method Exclusive of its Store.
type othersStore struct{ vk.Store }

// An ownStore belongs to this process alone, as far as the Dispatcher knows.
type ownStore struct{ vk.Store }

func (ownStore) Exclusive() bool { return true }

type mortalTransport struct {
	http.RoundTripper
	dead *atomic.Bool
}

func (t mortalTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.dead.Load() {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, errDead
	}
	resp, err := t.RoundTripper.RoundTrip(r)
	if err == nil && t.dead.Load() {
		resp.Body.Close()
		return nil, errDead
	}
	return resp, err
}

func newRunner(t testing.TB, h vk.Handler) *runner {
	return &runner{t: t, vk: vktest.New(t), store: new(vk.MemoryStore), h: h}
}

// texts is a handler that records the texts of its messages.
type texts struct {
	mu   sync.Mutex
	list []string
}

func (h *texts) note(text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list = append(h.list, text)
}

func (h *texts) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := h.list
	h.list = nil
	return list
}

func (h *texts) expect(t testing.TB, want ...string) {
	t.Helper()
	synctest.Wait()
	if got := h.take(); !slices.Equal(got, want) {
		t.Errorf("handled %q, want %q", got, want)
	}
}

func (h *texts) Serve(c *vk.Context) error {
	h.note(c.Text())
	return nil
}

// TestCursor checks that events that come while no bot runs are handled by the
// next one, once.
func TestCursor(t *testing.T) {
	for _, of := range []string{"own", "shared"} {
		t.Run(of, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var h texts
				r := newRunner(t, &h)
				r.shared = of == "shared"
				anna := r.vk.User("Anna")
				b := r.start()
				time.Sleep(time.Minute)
				anna.Says("1")
				h.expect(t, "1")
				if err := b.stop(); err != nil {
					t.Error(err)
				}
				anna.Says("2")
				anna.Says("3")
				b = r.start()
				time.Sleep(time.Minute)
				anna.Says("4")
				h.expect(t, "2", "3", "4")
				b.stop()
				r.start()
				time.Sleep(time.Minute)
				h.expect(t)
			})
		})
	}
}

// eachStore runs a test with a store that belongs to the process, and with a
// shared one.
func eachStore(t *testing.T, h func() vk.Handler, test func(t *testing.T, r *runner)) {
	for name, shared := range map[string]bool{"own": false, "shared": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRunner(t, h())
				r.shared = shared
				test(t, r)
			})
		})
	}
}

// orders returns a bot that asks two questions.
func orders() vk.Handler {
	r := new(vk.Router)
	r.Handle("order", func(c *vk.Context) error {
		what, err := c.Ask("What?")
		if err != nil {
			return err
		}
		if err := what.Send("Noted."); err != nil {
			return err
		}
		n, err := c.Ask("How many?")
		if err != nil {
			return err
		}
		return c.Send(n.Text() + " " + what.Text())
	})
	r.Handle("ping", func(c *vk.Context) error { return c.Reply("pong") })
	return r
}

// A faultyStore sometimes fails, before or after it has performed the
// operation.
type faultyStore struct {
	vk.Store
	mu   sync.Mutex
	rand *rand.Rand
	part float64
}

var errFaulty = errors.New("the store has a hiccup")

func (s *faultyStore) fails() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rand.Float64() < s.part
}

func (s *faultyStore) set(part float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.part = part
}

func (s *faultyStore) Get(ctx context.Context, key string) ([]byte, error) {
	if s.fails() {
		return nil, errFaulty
	}
	return s.Store.Get(ctx, key)
}

func (s *faultyStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if s.fails() {
		return false, errFaulty
	}
	ok, err := s.Store.Swap(ctx, key, old, new, ttl)
	if s.fails() {
		return false, errFaulty
	}
	return ok, err
}

// TestStoreFails checks that with a store that sometimes fails, every event is
// handled, and visibly answered once, also over stops and kills.
func TestStoreFails(t *testing.T) {
	eachStore(t, orders, func(t *testing.T, r *runner) {
		s := &faultyStore{Store: r.store, rand: rand.New(rand.NewPCG(1, 2))}
		r.store = s
		anna := r.vk.User("Anna")
		for i := range 6 {
			s.set(0)
			b := r.start()
			time.Sleep(time.Minute)
			s.set(0.2)
			for range 20 {
				anna.Says("ping")
				anna.Hears("pong")
			}
			if i%2 == 0 {
				b.kill()
			} else {
				b.stop()
			}
		}
		anna.HearsNothing()
	})
}

// TestStoreIsDown checks that a store that fails at the start is an error, and
// that one that fails later does not stop the bot.
func TestStoreIsDown(t *testing.T) {
	var h texts
	eachStore(t, func() vk.Handler { return &h }, func(t *testing.T, r *runner) {
		log, lines := logTo()
		r.log = log
		s := &faultyStore{Store: r.store, rand: rand.New(rand.NewPCG(1, 2)), part: 1}
		r.store = s
		b := r.start()
		<-b.ended
		if !errors.Is(b.err, errFaulty) {
			t.Errorf("at the start: %v", b.err)
		}
		s.set(0)
		b = r.start()
		time.Sleep(time.Minute)
		s.set(1)
		anna := r.vk.User("Anna")
		anna.Says("1")
		time.Sleep(10 * time.Minute)
		anna.Says("2")
		h.expect(t, "1", "2")
		s.set(0)
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := strings.Count(lines.String(), "the bot goes on"); n != 1 || strings.Count(lines.String(), "level=ERROR") != 1 {
			t.Errorf("%d lines about it:\n%s", n, lines)
		}
		if !strings.Contains(lines.String(), "store available again") {
			t.Error("its recovery is not logged")
		}
		b.kill()
		b = r.start()
		time.Sleep(time.Minute)
		h.expect(t)
		b.stop()
	})
}

// TestRecordCannotBeRead checks that an invalid record is an error that names
// the record and the remedy, and is not deleted.
func TestRecordCannotBeRead(t *testing.T) {
	eachStore(t, func() vk.Handler { return new(texts) }, func(t *testing.T, r *runner) {
		key := "journal/" + strconv.FormatInt(r.vk.GroupID, 10) + "/place"
		r.store.Swap(t.Context(), key, nil, []byte("?"), 0)
		b := r.start()
		<-b.ended
		var wrong *vk.ConfigError
		if !errors.As(b.err, &wrong) || !strings.Contains(b.err.Error(), key) || !strings.Contains(wrong.Mend, `begin with "journal/`) {
			t.Errorf("%v", b.err)
		}
		if raw, _ := r.store.Get(t.Context(), key); string(raw) != "?" {
			t.Errorf("it is %q now", raw)
		}
	})
}

// TestOlderJournal checks that a journal in the format of an older version is an error
// with the remedy, and is not changed.
func TestOlderJournal(t *testing.T) {
	eachStore(t, func() vk.Handler { return new(texts) }, func(t *testing.T, r *runner) {
		prefix := "journal/" + strconv.FormatInt(r.vk.GroupID, 10) + "/"
		r.store.Swap(t.Context(), prefix+"0", nil, []byte(`{"owner":""}`), 0)
		b := r.start()
		<-b.ended
		var wrong *vk.ConfigError
		if !errors.As(b.err, &wrong) || wrong.Field != "Dispatcher.Store" || !strings.Contains(wrong.Mend, strconv.Quote(prefix)) {
			t.Errorf("%v", b.err)
		}
		if raw, _ := r.store.Get(t.Context(), prefix+"0"); string(raw) != `{"owner":""}` {
			t.Errorf("it is %q now", raw)
		}
	})
}

// TestThinking handles 300 events, more than VK keeps, while a question to one
// user is open. Then the bot is killed, and the question is still open.
func TestThinking(t *testing.T) {
	eachStore(t, orders, func(t *testing.T, r *runner) {
		anna, bob := r.vk.User("Anna"), r.vk.User("Bob")
		b := r.start()
		time.Sleep(time.Minute)
		anna.Says("order")
		anna.Hears("What?")
		for i := range 300 {
			bob.Says("just talking")
			if i%50 == 0 {
				time.Sleep(time.Second) // the bot keeps up
			}
		}
		time.Sleep(time.Second)
		b.kill()
		b = r.start()
		time.Sleep(time.Minute)
		anna.Says("tea")
		anna.Hears("Noted.")
		bob.HearsNothing()
		b.stop()
	})
}

// TestTwoDispatchersOneOwnStore checks that if two Dispatchers use a store that
// belongs to only one, the later one gets it. The other one accepts no more
// events, and says so.
func TestTwoDispatchersOneOwnStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h texts
		r := newRunner(t, &h)
		log, lines := logTo()
		r.log = log
		anna := r.vk.User("Anna")
		a := r.start()
		time.Sleep(time.Minute)
		anna.Says("1")
		h.expect(t, "1")
		time.Sleep(time.Second)
		b := r.start()
		time.Sleep(time.Minute)
		anna.Says("2")
		h.expect(t, "2")
		<-a.ended
		if !errors.Is(a.err, vk.ErrJournalTaken) {
			t.Errorf("the first one ends with %v", a.err)
		}
		if n := strings.Count(lines.String(), "another process has taken over"); n != 1 || strings.Count(lines.String(), "level=ERROR") != 1 {
			t.Errorf("%d lines about it:\n%s", n, lines)
		}
		b.stop()
		anna.Says("3")
		r.start()
		time.Sleep(time.Minute)
		h.expect(t, "3")
	})
}
