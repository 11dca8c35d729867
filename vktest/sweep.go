package vktest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
)

// Sweep tests that a bot survives the end of its process at any time. It runs a
// dialogue once for each change that the bot makes in its Store, kills the bot
// just after that change, and starts another one a minute later. In each run,
// users must see the same messages as without a kill, and the [Stage.Effect]s
// must be the same.
//
//	vktest.Sweep(t, func(s *vktest.Stage) vk.Handler {
//		return newRouter(s.Store, s.Effect)
//	}, func(p *vktest.People) {
//		anna := p.User("Anna")
//		anna.Says("!order")
//		anna.Hears("Which tea?")
//		anna.Says("Green")
//		anna.Hears("Paid.")
//	})
//
// newBot creates the bot for each start. The bot's sessions and timers use the
// Store of the Stage. The dialogue runs in a bubble of [testing/synctest], in
// virtual time. The first run is without a kill: the test fails if users do not
// hear the expected messages in it. Renewals of the journal's lease are not
// counted as changes.
func Sweep(t *testing.T, newBot func(s *Stage) vk.Handler, play func(p *People)) {
	t.Helper()
	for _, r := range (SweepConfig{}).Run(t, newBot, play) {
		if !r.Right() {
			t.Error(r)
		}
	}
}

// A SweepConfig configures a [Sweep]. The zero value is the default
// configuration.
type SweepConfig struct {
	// Store creates the Store of one dialogue. It returns a function that
	// returns the Store for each start of the bot. If nil, the Store is in
	// memory, is a [vk.Lister], and can be shared by several processes, like a
	// database.
	Store func(t *testing.T) (open func() vk.Store)

	// Poll and Webhook select the sources of events. If neither is set, Poll is
	// used.
	Poll, Webhook bool

	// Down is the time for which the bot is down after the kill. The default is
	// a minute.
	Down time.Duration

	// Dispatcher has the settings of the bot's dispatcher. Nil means the
	// defaults.
	Dispatcher *vk.Dispatcher
}

// A SweepResult is the result of one kill.
type SweepResult struct {
	Change int    // number of the change of the Store after which the bot was killed, from 1
	Key    string // the changed key
	Down   time.Duration

	Transcript, Effects string // the messages that users saw, and the effects
	WantTranscript      string // the same without a kill
	WantEffects         string
	Again               []string // effects that happened more than once
}

// Right reports whether the users' messages and the effects are the same as
// without a kill.
func (r SweepResult) Right() bool {
	return r.Transcript == r.WantTranscript && r.Effects == r.WantEffects
}

// String describes the result.
func (r SweepResult) String() string {
	s := fmt.Sprintf("killed after change %d, of %s, and down for %v", r.Change, r.Key, r.Down)
	if r.Transcript != r.WantTranscript {
		s += fmt.Sprintf("\npeople saw\n%s\nwant\n%s", r.Transcript, r.WantTranscript)
	}
	if r.Effects != r.WantEffects {
		s += fmt.Sprintf("\nit did %s, want %s", r.Effects, r.WantEffects)
	}
	return s
}

// Run runs the dialogue without a kill, and then once for each change of the
// Store. It returns the results of the kills. If users do not hear the expected
// messages in the run without a kill, the test fails and there are no results.
func (c SweepConfig) Run(t *testing.T, newBot func(s *Stage) vk.Handler, play func(p *People)) (results []SweepResult) {
	t.Helper()
	var plain *sweepRun
	synctest.Test(t, func(t *testing.T) { plain = c.run(t, newBot, play, 0) })
	for _, m := range plain.missed {
		t.Errorf("vktest: without a kill, %s; people saw\n%s", m, plain.result().Transcript)
	}
	if plain.missed != nil {
		return nil // there is nothing to compare with
	}
	want := plain.result()
	for n := 1; n <= plain.played; n++ {
		var r *sweepRun
		synctest.Test(t, func(t *testing.T) { r = c.run(t, newBot, play, n) })
		if r.killedBy == "" {
			continue // this run made fewer changes
		}
		got := r.result()
		got.Change, got.Key, got.Down = n, r.killedBy, c.down()
		got.WantTranscript, got.WantEffects = want.Transcript, want.Effects
		results = append(results, got)
	}
	return results
}

func (c SweepConfig) down() time.Duration {
	if c.Down == 0 {
		return time.Minute
	}
	return c.Down
}

// A Stage is the environment of a bot for one start in a [Sweep].
type Stage struct {
	Store  vk.Store   // the Dispatcher's, for sessions and timers
	Client *vk.Client // the client that the bot replies with

	run *sweepRun
	n   int // number of the start
}

// Effect records an effect of the bot besides its messages, such as a payment.
// Effects are compared by the number of different keys for each: with an
// idempotency key, a repeated effect counts once.
func (s *Stage) Effect(what, key string) {
	s.run.mu.Lock()
	defer s.run.mu.Unlock()
	if s.n != s.run.start {
		return // the process is dead
	}
	if s.run.effects == nil {
		s.run.effects = make(map[string][]string)
	}
	s.run.effects[what] = append(s.run.effects[what], key)
}

// A sweepRun is one dialogue.
type sweepRun struct {
	c      SweepConfig
	s      *Server
	newBot func(s *Stage) vk.Handler
	open   func() vk.Store
	kill   int // kill after this change; 0 means never
	hook   *switchedHook
	url    string
	killed chan struct{} // closed when the bot is to be killed
	done   chan struct{} // closed when the users are done

	mu       sync.Mutex
	up       chan struct{} // closed when the bot is up
	start    int
	changes  int
	played   int      // number of changes up to the end of the dialogue
	missed   []string // messages that users missed without a kill
	killedBy string
	effects  map[string][]string

	fence *fence
	stop  func() // ends the running bot
}

func (c SweepConfig) run(t *testing.T, newBot func(*Stage) vk.Handler, play func(*People), kill int) *sweepRun {
	r := &sweepRun{c: c, newBot: newBot, kill: kill, killed: make(chan struct{}), done: make(chan struct{}), up: make(chan struct{})}
	r.s = Config{Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), RPS: -1}.New(t)
	if c.Store != nil {
		r.open = c.Store(t)
	} else {
		store := &plainStore{values: make(map[string][]byte)}
		r.open = func() vk.Store { return store }
	}
	r.hook = &switchedHook{gate: r.s.gate}
	var watching sync.WaitGroup
	r.begin()
	watching.Go(r.watch)
	play(&People{r})
	time.Sleep(2 * time.Second) // until the remaining changes are in the Store
	r.mu.Lock()
	r.played = r.changes
	r.mu.Unlock()
	time.Sleep(3 * time.Hour) // longer than VK's retries of an event
	close(r.done)
	watching.Wait()
	r.mu.Lock()
	stop := r.stop
	r.mu.Unlock()
	stop()
	return r
}

// watch kills the bot when it is time, and starts it again.
func (r *sweepRun) watch() {
	select {
	case <-r.done:
		return
	case <-r.killed:
	}
	r.mu.Lock()
	select {
	case <-r.up:
		r.up = make(chan struct{})
	default: // it was killed before it was up
	}
	stop := r.stop
	r.mu.Unlock()
	r.s.gate.shut.Store(true)
	r.hook.set(nil)
	stop()
	time.Sleep(r.c.down())
	r.s.gate.shut.Store(false)
	r.begin()
}

// settle waits until the bot is up.
func (r *sweepRun) settle() {
	synctest.Wait()
	<-r.isUp()
}

// isUp returns a channel that is closed when the bot is up. Each start has its own.
func (r *sweepRun) isUp() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.up
}

// begin starts the bot.
func (r *sweepRun) begin() {
	r.mu.Lock()
	r.start++
	n := r.start
	r.mu.Unlock()
	f := &fence{base: r.open(), mirror: make(map[string][]byte), changed: r.changed}
	stage := &Stage{Store: f.store(), Client: r.s.client, run: r, n: n}
	d := new(vk.Dispatcher)
	if r.c.Dispatcher != nil {
		d = anew(r.c.Dispatcher)
	}
	d.Handler, d.Store, d.Logger = r.newBot(stage), f.store(), r.s.logger()
	r.s.enable(d.Handler)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	if r.c.Webhook {
		cb := &vk.Callback{Client: r.s.client, Dispatcher: d, GroupID: r.s.GroupID, Secret: vk.NewSecret("sweep"), Logger: r.s.logger()}
		r.hook.set(cb)
		if r.url == "" {
			r.url = r.s.Host(r.hook)
		}
		if err := cb.Setup(ctx, r.url); err != nil && !r.isKilled() {
			r.s.errorf("Setup: %v", err)
		}
	}
	if r.c.Poll || !r.c.Webhook {
		p := &vk.Poller{Client: r.s.client, Dispatcher: d, GroupID: r.s.GroupID, Logger: r.s.logger(), SkipDiagnosis: true}
		p.Ready = func(int64) { r.isReady(n) }
		running.Go(func() {
			if err := p.Run(ctx); err != nil && ctx.Err() == nil && r.isReady(n) {
				r.s.errorf("Run: %v", err)
			}
		})
	}
	r.mu.Lock()
	r.fence = f
	r.stop = func() {
		ended, cancelNow := context.WithCancel(context.Background())
		cancelNow()
		cancel()
		d.Stop(ended)
		running.Wait()
	}
	r.mu.Unlock()
	if !r.c.Poll && r.c.Webhook {
		r.isReady(n)
	}
}

// isReady records that the nth start of the bot is up, and reports whether it
// is alive.
func (r *sweepRun) isReady(n int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n != r.start {
		return false
	}
	select {
	case <-r.up:
	default:
		close(r.up)
	}
	return true
}

// changed counts a change of the Store and reports whether to kill the bot.
func (r *sweepRun) changed(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes++
	if r.changes != r.kill {
		return false
	}
	r.killedBy = key
	r.start++ // effects of this start no longer count
	r.s.gate.shut.Store(true)
	close(r.killed)
	return true
}

func (r *sweepRun) isKilled() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.killedBy != ""
}

func (r *sweepRun) result() SweepResult {
	var effects []string
	var again []string
	for _, what := range slices.Sorted(maps.Keys(r.effects)) {
		keys := slices.Clone(r.effects[what])
		n := len(keys)
		slices.Sort(keys)
		if keys = slices.Compact(keys); keys[0] == "" {
			keys = r.effects[what]
		}
		effects = append(effects, fmt.Sprintf("%s ×%d", what, len(keys)))
		if n > len(keys) {
			again = append(again, what)
		}
	}
	return SweepResult{Transcript: r.s.Transcript(), Effects: strings.Join(effects, ", "), Again: again}
}

// A switchedHook is the address of a webhook, also while the bot is down.
type switchedHook struct {
	gate *gate

	mu sync.Mutex
	h  http.Handler
}

func (s *switchedHook) set(h http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.h = h
}

// ServeHTTP passes the request to the running bot.
func (s *switchedHook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	h := s.h
	s.mu.Unlock()
	if h == nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, r)
	if s.gate.shut.Load() {
		panic(http.ErrAbortHandler) // the process died before it responded
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	w.Write(answer.Body.Bytes())
}

// A plainStore is a Store like a database: it can list its keys and does not
// belong to one process.
type plainStore struct {
	mu     sync.Mutex
	values map[string][]byte
}

// Get implements vk.Store.
func (s *plainStore) Get(_ context.Context, key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.values[key]), nil
}

// Swap implements vk.Store. Its values do not expire.
func (s *plainStore) Swap(_ context.Context, key string, old, new []byte, _ time.Duration) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !bytes.Equal(s.values[key], old) {
		return false, nil
	}
	if s.values[key] = slices.Clone(new); len(new) == 0 {
		delete(s.values, key)
	}
	return true, nil
}

// List implements vk.Lister.
func (s *plainStore) List(_ context.Context, prefix string, yield func(key string, value []byte) bool) error {
	s.mu.Lock()
	values := maps.Clone(s.values)
	s.mu.Unlock()
	for key, value := range values {
		if strings.HasPrefix(key, prefix) && !yield(key, slices.Clone(value)) {
			break
		}
	}
	return nil
}
