package scale

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// asker returns a bot that asks a question.
func asker(log *diary) vk.HandlerFunc {
	r := vk.NewRouter("!")
	r.Handle("go", func(c *vk.Context) error {
		log.note("begin, again %v", c.Again())
		a, err := c.Ask("Which?", vk.Within(24*time.Hour))
		if err != nil {
			return err
		}
		log.note("got %s", a.Text())
		return c.Send("Got " + a.Text())
	})
	return r.Serve
}

// TestQueueAdopts: a bot that had no Queue gets one. Its open questions stay open,
// and it polls from its position in the history.
func TestQueueAdopts(t *testing.T) {
	for _, dies := range []bool{true, false} {
		t.Run(fmt.Sprint("dies=", dies), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var log diary
				store := new(vk.MemoryStore)
				on := vktest.Config{RPS: -1, Dispatcher: &vk.Dispatcher{Store: store, Version: "1"}}.New(t)
				on.Start(vk.HandlerFunc(asker(&log)))
				anna, boris := on.User("Anna"), on.User("Boris")
				anna.Says("!go")
				time.Sleep(time.Minute)
				if dies {
					on.Kill()
				} else {
					on.Stop()
				}
				time.Sleep(3 * time.Hour)
				boris.Says("!go") // while no bot runs
				p := poll(on, new(vktest.Queue), store, asker(&log), func(p *vk.Poller) { p.Dispatcher.Version = "1" })
				time.Sleep(time.Minute)
				anna.Says("tea")
				time.Sleep(time.Minute)
				anna.Hears("Which?")
				anna.Hears("Got tea")
				anna.HearsNothing()
				boris.Hears("Which?")
				p.stop(t)
			})
		})
	}
}

// TestQueueAdoptsPlace: a process that moves the journal and ends before it has polled
// does not lose the position in the history.
func TestQueueAdoptsPlace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var log diary
		store, q := new(vk.MemoryStore), new(vktest.Queue)
		on := vktest.Config{RPS: -1, Dispatcher: &vk.Dispatcher{Store: store}}.New(t)
		on.Start(vk.HandlerFunc(asker(&log)))
		anna, boris := on.User("Anna"), on.User("Boris")
		anna.Says("!go")
		time.Sleep(time.Minute)
		on.Stop()
		down := on.Fail("groups.getLongPollServer", vktest.Status(500))
		p := poll(on, q, store, asker(&log))
		time.Sleep(10 * time.Second)
		p.stop(t)
		boris.Says("!go") // while no bot runs
		down.Remove()
		p = poll(on, q, store, asker(&log))
		time.Sleep(time.Minute)
		anna.Hears("Which?")
		boris.Hears("Which?")
		p.stop(t)
	})
}

// TestQueueAdoptsWebhook: an event that VK regards as delivered is not lost either. One that
// arrives while the journal is being moved comes after those of the journal.
func TestQueueAdoptsWebhook(t *testing.T) {
	for name, wait := range map[string]time.Duration{"moved": time.Minute, "being moved": 0} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var log diary
				store := new(vk.MemoryStore)
				one := start(t, nil, store, asker(&log))
				one.tell(t, "a", 5, "!go")
				time.Sleep(time.Minute)
				one.stop()
				two := start(t, new(vktest.Queue), slow{store}, asker(&log))
				time.Sleep(wait)
				two.tell(t, "b", 5, "tea")
				time.Sleep(time.Minute)
				two.stop()
				log.is(t, "begin, again false", "begin, again true", "got tea")
			})
		})
	}
}

// A slow is a Store that needs some time to read the place of a journal.
type slow struct{ *vk.MemoryStore }

func (s slow) Get(ctx context.Context, key string) ([]byte, error) {
	if strings.HasSuffix(key, "/place") {
		time.Sleep(10 * time.Millisecond)
	}
	return s.MemoryStore.Get(ctx, key)
}

// A shaky is a Store that refuses the first reads of keys with a prefix.
type shaky struct {
	*vk.MemoryStore
	prefix string
	left   int
}

func (s *shaky) Get(ctx context.Context, key string) ([]byte, error) {
	if s.left > 0 && strings.HasPrefix(key, s.prefix) {
		s.left--
		return nil, errDown
	}
	return s.MemoryStore.Get(ctx, key)
}

// TestQueueAdoptsLater: while the Store fails, the move of the journal is retried, without a
// wait for the lease.
func TestQueueAdoptsLater(t *testing.T) {
	for _, prefix := range []string{"journal/", "done/"} {
		t.Run(prefix, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var log diary
				store := new(vk.MemoryStore)
				one := start(t, nil, store, asker(&log))
				one.tell(t, "a", 5, "!go")
				time.Sleep(time.Minute)
				one.stop()
				two := start(t, new(vktest.Queue), &shaky{store, prefix, 2}, asker(&log))
				time.Sleep(5 * time.Second)
				log.is(t, "begin, again false", "begin, again true")
				two.stop()
				if n := two.log.count("cannot be moved into the Queue"); n != 1 {
					t.Errorf("%d lines in the log", n)
				}
			})
		})
	}
}

// TestQueueAdoptsNever: a Poller stops without an error while it retries.
func TestQueueAdoptsNever(t *testing.T) {
	bubble(t, func(t *testing.T) {
		on := vktest.Config{RPS: -1}.New(t)
		p := poll(on, new(vktest.Queue), &shaky{new(vk.MemoryStore), "journal/", 1000}, asker(new(diary)))
		time.Sleep(time.Minute)
		p.stop(t)
	})
}

// A shared is a Store that several processes share.
type shared struct{ *vk.MemoryStore }

func (shared) Exclusive() bool { return false }

// TestQueueTaken: while a process without the Queue runs, one with it does not.
func TestQueueTaken(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var log diary
		store := shared{new(vk.MemoryStore)}
		on := vktest.Config{RPS: -1, Dispatcher: &vk.Dispatcher{Store: store}}.New(t)
		on.Start(vk.HandlerFunc(asker(&log)))
		time.Sleep(time.Minute)
		p := poll(on, new(vktest.Queue), store, asker(&log))
		if err := <-p.done; !errors.Is(err, vk.ErrJournalTaken) {
			t.Errorf("Run: %v", err)
		}
	})
}
