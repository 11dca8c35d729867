package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// A process is one of several of the bot, which get their events by webhook.
type process struct {
	*vk.Callback
	cable *cable

	mu      sync.Mutex
	handled []string // texts of messages
}

// A company is processes that share their data, behind a balancer.
type company struct {
	*cast
	queue  vktest.Queue
	limits vktest.Limits
	store  vk.MemoryStore
	next   atomic.Pointer[process] // gets the next events
}

const secret = "a secret"

// withMany runs a test in virtual time, with two processes.
func withMany(t *testing.T, f func(t *testing.T, c *company, a, b *process)) {
	synctest.Test(t, func(t *testing.T) {
		fake := vktest.New(t)
		c := &company{cast: people(t, fake)}
		a, b := c.start(), c.start()
		defer b.stop()
		defer a.stop()
		c.next.Store(a)
		fake.AddCallback(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.next.Load().ServeHTTP(w, r) }), secret)
		c.olga.Says("/desk")
		c.olga.HearsLike("Questions come to this chat")
		f(t, c, a, b)
	})
}

// start starts a process.
func (c *company) start() *process {
	p := &process{cable: &cable{Queue: &c.queue, next: c.fake.Client().HTTPClient.Transport}}
	client := vk.NewClient(c.fake.Token)
	client.BaseURL, client.Limits, client.HTTPClient = c.fake.Client().BaseURL, &c.limits, &http.Client{Transport: p.cable}
	client.Logger = c.fake.Client().Logger
	d := &vk.Dispatcher{Handler: vk.Wrap(newBot(&c.store, &c.limits), p.watch), Store: &c.store, Queue: p.cable, Logger: client.Logger}
	p.Callback = &vk.Callback{
		Client: client, Dispatcher: d, GroupID: c.fake.GroupID, Secret: vk.NewSecret(secret), Confirmation: c.fake.ConfirmationCode(), Logger: client.Logger,
	}
	p.Status() // begins to take events of the other processes
	return p
}

// watch notes the messages that the process handles.
func (p *process) watch(next vk.HandlerFunc) vk.HandlerFunc {
	return func(c *vk.Context) error {
		p.mu.Lock()
		p.handled = append(p.handled, c.Text())
		p.mu.Unlock()
		return next(c)
	}
}

// has reports how often the process has begun to handle a message.
func (p *process) has(text string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.handled {
		if s == text {
			n++
		}
	}
	return n
}

// stop stops the process as a deploy does; a dead one ends at once.
func (p *process) stop() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if p.cable.dead.Load() {
		cancel()
	}
	p.Callback.Stop(ctx)
	p.Dispatcher.Stop(ctx)
}

// TestAnswerElsewhere: the processes share the tickets, whichever of them gets an
// event.
func TestAnswerElsewhere(t *testing.T) {
	withMany(t, func(t *testing.T, c *company, a, b *process) {
		c.anna.Says("Where is my order?")
		asked := c.olga.Hears("Anna asks:")
		c.anna.Hears(closedHours)

		c.next.Store(b)
		c.olga.Replies(asked, "On its way.", vktest.Document("bill.pdf", 1000))
		if m := c.anna.Hears("On its way."); len(m.Attachments) != 1 {
			t.Errorf("attached: %q", m.Attachments)
		}
		if a.has("Where is my order?") != 1 || b.has("On its way.") != 1 || a.has("On its way.") != 0 {
			t.Errorf("handled: %q, %q", a.handled, b.handled)
		}
		c.next.Store(a)
		c.olga.Says("/tickets")
		c.olga.Hears("1. Anna: answered, taken by Olga")
		c.next.Store(b)
		c.olga.Presses("Close").Blank()
		c.olga.SeesEdited("Anna asked. Closed by Olga.")
		c.anna.Hears(goodbye)
		c.next.Store(a)
		c.pavel.Says("/tickets")
		c.pavel.Hears("No open tickets.")
	})
}

// TestFloodAcross: a person does not get more by writing to both processes.
func TestFloodAcross(t *testing.T) {
	withMany(t, func(t *testing.T, c *company, a, b *process) {
		for i := range 20 {
			c.next.Store([]*process{a, b}[i%2])
			c.anna.Says("Hello?")
			c.olga.Hears("Anna asks:")
			time.Sleep(time.Second)
		}
		c.anna.Hears(closedHours)
		c.anna.Says("Hello?")
		c.anna.HearsLike("^Wait")
		if na, nb := a.has("Hello?"), b.has("Hello?"); na == 0 || nb == 0 {
			t.Errorf("%d and %d messages: one process has them all", na, nb)
		}
	})
}

// TestKilled: a process dies between a call and the next one, and the
// other one finishes its work. Nobody sees anything twice.
func TestKilled(t *testing.T) {
	for _, test := range []struct {
		name   string
		method string // after which the process dies
		play   func(c *company, b *process, asked vktest.Message)
		ends   func(c *company)
	}{
		{"in a question", "messages.send", func(c *company, _ *process, _ vktest.Message) {
			c.anna.Says("Still there?")
			c.olga.Hears("Anna asks:")
		}, func(c *company) {
			c.anna.Says("Well?")
			asked := c.olga.Hears("Anna asks:")
			time.Sleep(time.Second) // the message is noted
			c.olga.Replies(asked, "Yes.")
			c.anna.Hears("Yes.")
		}},
		{"in the first question", "messages.send", func(c *company, b *process, _ vktest.Message) {
			boris := c.fake.User("Boris")
			boris.Says("Hi.")
			asked := c.olga.Hears("Boris asks:")
			c.next.Store(b)
			c.olga.Replies(asked, "Hi.") // before b has taken over
			c.olga.HearsLike("^Not sent: I do not know")
			boris.Hears(closedHours)
			c.olga.Replies(asked, "Hi, Boris.")
			boris.Hears("Hi, Boris.")
			boris.HearsNothing()
		}, func(*company) {}},
		{"in an answer", "messages.send", func(c *company, _ *process, asked vktest.Message) {
			c.olga.Replies(asked, "On its way.")
			c.anna.Hears("On its way.")
		}, func(c *company) {
			c.olga.Says("/tickets")
			c.olga.Hears("1. Anna: answered, taken by Olga")
		}},
		{"in Close", "messages.edit", func(c *company, _ *process, _ vktest.Message) {
			c.olga.Presses("Close")
			c.olga.SeesEdited("Anna asked. Closed by Olga.")
			c.anna.Hears(goodbye)
		}, func(c *company) {
			c.olga.Says("/tickets")
			c.olga.Hears("No open tickets.")
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			withMany(t, func(t *testing.T, c *company, a, b *process) {
				c.anna.Says("Where is my order?")
				asked := c.olga.Hears("Anna asks:")
				c.anna.Hears(closedHours)
				time.Sleep(time.Second)

				a.cable.last.Store(&test.method)
				test.play(c, b, asked)
				c.next.Store(b)
				time.Sleep(2 * vk.QueueLease)
				if !a.cable.dead.Load() {
					t.Error("the process is not dead")
				}
				test.ends(c)
				time.Sleep(time.Minute)
				c.olga.HearsNothing()
				c.anna.HearsNothing()
			})
		})
	}
}

var errDead = errors.New("the process is dead")

// A cable connects a process to VK and to the Queue, until the process dies.
type cable struct {
	vk.Queue
	next http.RoundTripper
	last atomic.Pointer[string] // the process dies before the answer of this method
	dead atomic.Bool
}

func (c *cable) RoundTrip(r *http.Request) (*http.Response, error) {
	if c.dead.Load() {
		return nil, errDead
	}
	resp, err := c.next.RoundTrip(r)
	last := c.last.Load()
	if err == nil && last != nil && strings.HasSuffix(r.URL.Path, *last) {
		resp.Body.Close()
		c.dead.Store(true)
	}
	if c.dead.Load() {
		return nil, errDead
	}
	return resp, err
}

func (c *cable) Put(ctx context.Context, w vk.QueueWorker, events []vk.QueueEvent, at *vk.QueueMark) (vk.QueueAnswer, error) {
	return c.answer(func() (vk.QueueAnswer, error) { return c.Queue.Put(ctx, w, events, at) })
}

func (c *cable) Take(ctx context.Context, w vk.QueueWorker) (vk.QueueAnswer, error) {
	return c.answer(func() (vk.QueueAnswer, error) { return c.Queue.Take(ctx, w) })
}

func (c *cable) Done(ctx context.Context, w vk.QueueWorker, done []vk.QueueDone) (vk.QueueAnswer, error) {
	return c.answer(func() (vk.QueueAnswer, error) { return c.Queue.Done(ctx, w, done) })
}

func (c *cable) Beat(ctx context.Context, w vk.QueueWorker, held []vk.QueueHeld) (vk.QueueAnswer, error) {
	return c.answer(func() (vk.QueueAnswer, error) { return c.Queue.Beat(ctx, w, held) })
}

func (c *cable) Lead(ctx context.Context, w vk.QueueWorker, role string) (string, bool, error) {
	if c.dead.Load() {
		return "", false, errDead
	}
	return c.Queue.Lead(ctx, w, role)
}

func (c *cable) Leave(ctx context.Context, w vk.QueueWorker) error {
	if c.dead.Load() {
		return errDead
	}
	return c.Queue.Leave(ctx, w)
}

// answer makes a call, unless the process is dead.
func (c *cable) answer(call func() (vk.QueueAnswer, error)) (vk.QueueAnswer, error) {
	if c.dead.Load() {
		return vk.QueueAnswer{}, errDead
	}
	a, err := call()
	if c.dead.Load() {
		return vk.QueueAnswer{}, errDead
	}
	return a, err
}
