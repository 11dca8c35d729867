package vk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// A runner runs bots, one after the other or beside each other, on one VK.
type runner struct {
	t     testing.TB
	vk    *vktest.Server
	store vk.Store
	h     vk.Handler
	log   *slog.Logger
}

// A bot is one run of it.
type bot struct {
	d      *vk.Dispatcher
	p      *vk.Poller
	cancel context.CancelFunc
	ended  chan struct{}
	err    error
}

// start starts a bot and waits until nothing happens any more.
func (r *runner) start() *bot {
	ctx, cancel := context.WithCancel(context.Background())
	b := &bot{cancel: cancel, ended: make(chan struct{})}
	log := r.log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	b.d = &vk.Dispatcher{Handler: r.h, Store: r.store, Logger: log, Grace: time.Second}
	b.p = &vk.Poller{Client: r.vk.Client(), Dispatcher: b.d, Logger: log}
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

// texts is a handler that remembers the texts that it was given.
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

// shared is a Store that other processes may have, for all that anybody knows.
type shared struct{ vk.Store }

var _ = json.Marshal
var _ = fmt.Sprint

// TestCursor: what comes while no bot runs is handled by the next one, once.
func TestCursor(t *testing.T) {
	for _, of := range []string{"own", "shared"} {
		t.Run(of, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var h texts
				r := &runner{t: t, vk: vktest.New(t), store: &vk.MemoryStore{}, h: &h}
				if of == "shared" {
					r.store = shared{r.store}
				}
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
