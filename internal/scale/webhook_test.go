package scale

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// TestLongHandlerOrder: the second event of a conversation comes to another process while
// the first is still being handled.
func TestLongHandlerOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q, s := new(vktest.Queue), new(vk.MemoryStore)
		var log diary
		h := func(name string) vk.HandlerFunc {
			return func(c *vk.Context) error {
				if c.Text() == "first" {
					time.Sleep(5 * time.Second)
				}
				log.note("%s: %s", name, c.Text())
				return nil
			}
		}
		a, b := start(t, q, s, h("A")), start(t, q, s, h("B"))
		a.tell(t, "e1", 1, "first")
		b.tell(t, "e2", 1, "second")
		b.tell(t, "e3", 2, "other")
		settle()
		log.is(t, "B: other", "A: first", "A: second")
		stop(a, b)
	})
}

// A slowQueue takes 100 ms to put the event "slow".
type slowQueue struct{ vk.Queue }

// Put implements [vk.Queue].
func (q slowQueue) Put(ctx context.Context, w vk.QueueWorker, events []vk.QueueEvent, at *vk.QueueMark) (vk.QueueAnswer, error) {
	if events[0].ID == "slow" {
		time.Sleep(100 * time.Millisecond)
	}
	return q.Queue.Put(ctx, w, events, at)
}

// TestOrderBehindQueue checks that an event that the Queue takes slowly is not overtaken by
// the next one of its conversation, and that another conversation does not wait for it.
func TestOrderBehindQueue(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var log diary
		p := start(t, slowQueue{new(vktest.Queue)}, new(vk.MemoryStore), func(c *vk.Context) error { log.note("%s", c.Text()); return nil })
		var all sync.WaitGroup
		for _, e := range []struct {
			id   string
			peer int
		}{{"slow", 1}, {"next", 1}, {"other", 2}} {
			all.Go(func() { p.tell(t, e.id, e.peer, e.id) })
			time.Sleep(10 * time.Millisecond)
		}
		all.Wait()
		settle()
		log.is(t, "other", "slow", "next")
		stop(p)
	})
}

// TestLongConversation: more than MaxEvents wait in one conversation, which does not hold
// up the others.
func TestLongConversation(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const events = 300
		var log diary
		p := start(t, new(vktest.Queue), new(vk.MemoryStore), func(c *vk.Context) error {
			if c.PeerID() == 1 {
				time.Sleep(time.Second)
			} else {
				log.note("other")
			}
			return nil
		}, func(d *vk.Dispatcher) { d.MaxEvents = events / 3 })
		for n := range events {
			p.tell(t, fmt.Sprint("e", n), 1, "x")
		}
		p.tell(t, "o", 2, "x")
		settle()
		log.is(t, "other")
		if s := p.Dispatcher.QueueStatus(); len(s) != 1 || s[0].Waiting < events/2 {
			t.Errorf("the state is %+v, want one conversation with %d events that wait", s, events-10)
		}
		stop(p)
	})
}

// TestAskAcross: the answer to a question comes to another process.
func TestAskAcross(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q, s := new(vktest.Queue), new(vk.MemoryStore)
		var log diary
		h := func(name string) vk.HandlerFunc {
			return func(c *vk.Context) error {
				if c.Text() != "ask" {
					log.note("%s: route %s", name, c.Text())
					return nil
				}
				ans, err := c.Ask("name?", vk.Within(time.Minute))
				if err != nil {
					log.note("%s: %v", name, err)
					return nil
				}
				log.note("%s: answer %s", name, ans.Text())
				return nil
			}
		}
		a, b := start(t, q, s, h("A")), start(t, q, s, h("B"))
		const questions = 30
		for i := range questions {
			a.tell(t, fmt.Sprint("q", i), i+1, "ask")
		}
		for i := range questions {
			time.Sleep(100 * time.Millisecond)
			b.tell(t, fmt.Sprint("a", i), i+1, fmt.Sprint("Anna", i))
		}
		settle()
		var want []string
		for i := range questions {
			want = append(want, fmt.Sprint("A: answer Anna", i))
		}
		log.is(t, want...)
		stop(a, b)
	})
}

// TestAskTwoProcesses: the answer comes to the other process, and the next text to the
// first one again. The question gets the answer, and the person hears both messages.
func TestAskTwoProcesses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q, s := new(vktest.Queue), new(vk.MemoryStore)
		on := vktest.Config{RPS: -1}.New(t)
		begin := func(name string) *process {
			r := vk.NewRouter("!")
			r.Handle("name", func(c *vk.Context) error {
				a, err := c.Ask("What is your name?", vk.Within(5*time.Second))
				if err != nil {
					return err
				}
				return a.Reply(name + " says hello to " + a.Text())
			})
			return &process{Callback: &vk.Callback{
				Client: on.Client(), GroupID: on.GroupID, NoSecret: true, Logger: slog.New(slog.DiscardHandler),
				Dispatcher: &vk.Dispatcher{Queue: q, Store: s, Handler: r, Logger: slog.New(slog.DiscardHandler)},
			}}
		}
		a, b := begin("A"), begin("B")
		anna := on.User("Anna")
		anna.Says("hi") // allows the community to write
		for i, to := range []*process{a, b, a} {
			body := fmt.Sprintf(`{"type":"message_new","event_id":"%d","group_id":%d,"object":{"message":{"from_id":%d,"peer_id":%[3]d,"text":%q}}}`,
				i, on.GroupID, anna.ID, []string{"!name", "Anna", "something else"}[i])
			if got := to.deliver([]byte(body)); got != "200 ok" {
				t.Errorf("VK hears %q", got)
			}
		}
		time.Sleep(time.Second)
		anna.Hears("What is your name?")
		anna.Hears("A says hello to Anna")
		anna.HearsNothing()
		stop(a, b)
	})
}

// TestTakeover: a process that dies is replaced within two leases, its open questions and
// unfinished events with it, and nothing is handled by two processes.
func TestTakeover(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q, s := new(vktest.Queue), new(vk.MemoryStore)
		var log diary
		h := func(name string) vk.HandlerFunc {
			return func(c *vk.Context) error {
				switch c.Text() {
				case "ask":
					ans, err := c.Ask("name?", vk.Within(time.Minute))
					if err == nil {
						log.note("%s: answer %s", name, ans.Text())
					} else {
						log.note("%s: %v", name, err)
					}
				case "slow":
					if name == "A" {
						<-c.Done() // until the process is dead
						return nil
					}
					fallthrough
				default:
					log.note("%s: %s", name, c.Text())
				}
				return nil
			}
		}
		deaf := &frail{Queue: q}
		a, b := start(t, deaf, s, h("A")), start(t, q, s, h("B"))
		a.tell(t, "e1", 1, "ask")
		a.tell(t, "e2", 2, "slow")
		a.tell(t, "e3", 2, "next")
		time.Sleep(2 * time.Second)
		log.is(t)
		died := time.Now()
		deaf.set(func(f *frail) { f.cut = true })
		for len(log.all()) < 2 && time.Since(died) < time.Minute {
			time.Sleep(10 * time.Millisecond)
		}
		if d := time.Since(died); d > 2*vk.QueueLease {
			t.Errorf("taken over after %v, which is more than two leases", d)
		}
		log.is(t, "B: slow", "B: next")
		if got := a.post("e4", 1, "x"); got[:3] != "503" {
			t.Errorf("a process that cannot reach the Queue says %q", got)
		}
		b.tell(t, "e5", 1, "Anna")
		settle()
		log.is(t, "B: slow", "B: next", "B: answer Anna")
		if n := a.log.count("vk: queue unavailable"); n != 1 {
			t.Errorf("%d lines say that the Queue fails", n)
		}
		deaf.set(func(f *frail) { f.cut = false })
		settle()
		if n := a.log.count("vk: queue available again"); n != 1 {
			t.Errorf("%d lines say that the Queue works again", n)
		}
		a.tell(t, "e6", 1, "again")
		settle()
		log.is(t, "B: slow", "B: next", "B: answer Anna", "A: "+vk.ErrLaneLost.Error(), "A: again")
		stop(a, b)
	})
}

// TestLaneLost: if another process has taken over the conversation, the handler sees its
// context end with ErrLaneLost, and so does one that waits.
func TestLaneLost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q, s := new(vktest.Queue), new(vk.MemoryStore)
		var log diary
		deaf := &frail{Queue: q}
		a := start(t, deaf, s, func(c *vk.Context) error {
			err := error(nil)
			if c.Text() == "ask" {
				_, err = c.Ask("name?")
			} else {
				<-c.Done()
				err = context.Cause(c)
			}
			log.note("%s: lost %v, stopped %v", c.Text(), errors.Is(err, vk.ErrLaneLost), errors.Is(err, vk.ErrStopped))
			return err
		})
		b := start(t, q, s, func(c *vk.Context) error { log.note("B: %s", c.Text()); return nil })
		a.tell(t, "e1", 1, "ask")
		time.Sleep(time.Second)
		a.tell(t, "e2", 2, "work")
		time.Sleep(time.Second)
		deaf.set(func(f *frail) { f.cut = true })
		time.Sleep(2 * vk.QueueLease)
		deaf.set(func(f *frail) { f.cut = false })
		settle()
		log.sort() // the two end at the same time
		log.is(t, "B: ask", "B: work", "ask: lost true, stopped true", "work: lost true, stopped true")
		stop(a, b)
	})
}

// TestAway: a Queue that is out of reach for all costs no conversation and no event.
func TestAway(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q, s := &frail{Queue: new(vktest.Queue)}, new(vk.MemoryStore)
		var log diary
		h := func(name string) vk.HandlerFunc {
			return func(c *vk.Context) error {
				if c.Text() == "ask" {
					ans, err := c.Ask("name?")
					if err != nil {
						return err
					}
					log.note("%s: answer %s", name, ans.Text())
					return nil
				}
				time.Sleep(7 * time.Second)
				log.note("%s: %s", name, c.Text())
				return nil
			}
		}
		a, b := start(t, q, s, h("A")), start(t, q, s, h("B"))
		a.tell(t, "e1", 1, "ask")
		a.tell(t, "e2", 2, "one")
		a.tell(t, "e3", 2, "two")
		time.Sleep(time.Second)
		q.set(func(f *frail) { f.hangs = true })
		time.Sleep(25 * time.Second)
		log.is(t, "A: one") // the next one must not begin: the lease may be over
		q.set(func(f *frail) { f.hangs = false })
		time.Sleep(vk.QueueLease + 7*time.Second)
		if got := log.all(); len(got) != 2 || got[1][3:] != "two" {
			t.Errorf("within a lease after the return: %v", got)
		}
		b.tell(t, "e4", 1, "Anna")
		time.Sleep(time.Second)
		if got := log.all(); got[len(got)-1] != "A: answer Anna" {
			t.Errorf("the question was lost: %v", got)
		}
		stop(a, b)
	})
}

// TestDrain: a rolling restart refuses no event, lets handlers end, and hands open
// questions and events that have not begun to the other process at once.
func TestDrain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q, s := new(vktest.Queue), new(vk.MemoryStore)
		var log diary
		h := func(name string) vk.HandlerFunc {
			return func(c *vk.Context) error {
				switch c.Text() {
				case "ask":
					ans, err := c.Ask("name?")
					if err != nil {
						return err
					}
					log.note("%s: answer %s", name, ans.Text())
					return nil
				case "slow":
					time.Sleep(8 * time.Second)
				}
				log.note("%s: %s", name, c.Text())
				return nil
			}
		}
		a, b := start(t, q, s, h("A")), start(t, q, s, h("B"))
		a.tell(t, "e1", 1, "ask")
		a.tell(t, "e2", 2, "slow")
		a.tell(t, "e3", 2, "after")
		a.tell(t, "e4", 3, "ask")
		time.Sleep(time.Second)
		var stopping sync.WaitGroup
		began := time.Now()
		stopping.Go(func() { a.Stop(context.Background()) })
		time.Sleep(time.Second)
		a.tell(t, "e5", 1, "Anna") // the balancer has not heard yet
		time.Sleep(100 * time.Millisecond)
		a.tell(t, "e6", 4, "new")
		time.Sleep(time.Second)
		log.is(t, "B: answer Anna", "B: new")
		stopping.Wait()
		if d := time.Since(began); d > 8*time.Second {
			t.Errorf("it took %v to drain a handler of 8 s", d)
		}
		time.Sleep(time.Second) // b handles what it was handed
		a.tell(t, "e7", 5, "late")
		time.Sleep(time.Second)
		a.Dispatcher.Stop(context.Background())
		if got := a.post("e8", 6, "last"); got != "200 ok" {
			t.Errorf("after Stop, before the server ends: %q", got)
		}
		time.Sleep(time.Second)
		b.tell(t, "e9", 3, "Boris")
		settle()
		log.is(t, "B: answer Anna", "B: new", "A: slow", "B: after", "B: late", "B: last", "B: answer Boris")
		stop(b)
	})
}

// TestRetryAfter: the conversation pauses with the event at its head.
func TestRetryAfter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q, s := new(vktest.Queue), new(vk.MemoryStore)
		var log diary
		began := time.Now()
		h := func(c *vk.Context) error {
			log.note("%v: %s %d", time.Since(began).Round(time.Second), c.Text(), c.RetryCounter())
			if c.Again() {
				t.Error("a handler that asked to run again was cut off")
			}
			if c.Text() == "busy" && c.RetryCounter() < 2 {
				return vk.RetryAfter(time.Minute)
			}
			return nil
		}
		a, b := start(t, q, s, h), start(t, q, s, h)
		a.tell(t, "e1", 1, "busy")
		b.tell(t, "e2", 1, "next")
		time.Sleep(time.Second)
		b.tell(t, "e3", 2, "other")
		time.Sleep(3 * time.Minute)
		log.is(t, "0s: busy 0", "1s: other 0", "1m0s: busy 1", "2m0s: busy 2", "2m0s: next 0")
		stop(a, b)
	})
}

// TestRemoveServer: requests that come after a handler has returned ErrRemoveServer are
// answered with remove, and their events handled.
func TestRemoveServer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var log diary
		a := start(t, new(vktest.Queue), nil, func(c *vk.Context) error {
			log.note("%s", c.Text())
			if c.Text() == "quit" {
				return vk.ErrRemoveServer
			}
			return nil
		})
		a.tell(t, "e1", 1, "quit")
		time.Sleep(time.Second)
		if got := a.post("e2", 1, "more"); got != "200 remove" {
			t.Errorf("VK hears %q, want remove", got)
		}
		time.Sleep(time.Second)
		log.is(t, "quit", "more")
		stop(a)
	})
}

// TestPoison: an event that kills each process that handles it is dropped after five
// deaths. Other events of these processes are handled, and blamed for nothing.
func TestPoison(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q, s := new(vktest.Queue), new(vk.MemoryStore)
		var log diary
		var links []*frail
		var all []*process
		deaths := 0
		for range 8 {
			link, dies := &frail{Queue: q}, make(chan struct{})
			p := start(t, link, s, func(c *vk.Context) error {
				if c.Text() == "poison" {
					link.set(func(f *frail) { f.cut = true })
					close(dies)
					<-c.Done()
					return nil
				}
				select {
				case <-time.After(3 * time.Second):
				case <-c.Done():
				}
				if !link.isCut() { // otherwise the process is not there
					log.note("%s", c.Text())
				}
				return nil
			})
			links, all = append(links, link), append(all, p)
			if len(all) == 1 {
				for i := range 20 {
					p.tell(t, fmt.Sprint("e", i), i+1, fmt.Sprint("innocent ", i))
				}
				p.tell(t, "p", 100, "poison")
			}
			select {
			case <-dies:
				deaths++
			case <-time.After(5 * time.Minute): // suspects are handled one at a time
			}
			if p.log.count("vk: dropping event that crashed the bot 5 times") > 0 {
				break
			}
		}
		if deaths != 5 {
			t.Errorf("%d processes have died, want 5", deaths)
		}
		var want []string
		for i := range 20 {
			want = append(want, fmt.Sprint("innocent ", i))
		}
		slices.Sort(want)
		log.sort()
		log.is(t, want...)
		if n := all[len(all)-1].log.count("vk: dropping event that crashed the bot 5 times"); n != 1 {
			t.Errorf("%d lines say that the event was dropped", n)
		}
		for _, l := range links {
			l.set(func(f *frail) { f.cut = false })
		}
		stop(all...)
	})
}
