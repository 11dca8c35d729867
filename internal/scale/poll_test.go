package scale

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// A poller is a process of a bot that gets its events by long poll.
type poller struct {
	*vk.Poller
	end  context.CancelFunc
	done chan error
	log  *logs
}

// poll starts a process on a fake VK.
func poll(on *vktest.Server, q vk.Queue, s vk.Store, h vk.HandlerFunc, set ...func(*vk.Poller)) *poller {
	p := &poller{log: new(logs), done: make(chan error, 1)}
	log := slog.New(slog.NewTextHandler(p.log, nil))
	p.Poller = &vk.Poller{
		Client: on.Client(), Logger: log, SkipDiagnosis: true,
		Dispatcher: &vk.Dispatcher{Queue: q, Store: s, Handler: h, Logger: log},
	}
	for _, f := range set {
		f(p.Poller)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.end = cancel
	go func() { p.done <- p.Run(ctx) }()
	return p
}

// stop ends the process.
func (p *poller) stop(t *testing.T) {
	t.Helper()
	p.end()
	if err := <-p.done; err != nil {
		t.Error("Run:", err)
	}
}

// TestStandby: of several Pollers one polls. When its process dies or ends, another goes
// on from its place in the history, and no event is lost or handled twice.
func TestStandby(t *testing.T) {
	for _, dies := range []bool{true, false} {
		t.Run(fmt.Sprint("dies=", dies), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				on := vktest.Config{RPS: -1}.New(t)
				q, s := new(vktest.Queue), new(vk.MemoryStore)
				var log diary
				h := func(name string) vk.HandlerFunc {
					return func(c *vk.Context) error {
						log.note("%s: %s", name, c.Text())
						return nil
					}
				}
				link := &frail{Queue: q}
				var ready atomic.Int64 // when B was, by the clock
				a := poll(on, link, s, h("A"))
				time.Sleep(time.Second)
				b := poll(on, q, s, h("B"), func(p *vk.Poller) {
					p.Ready = func(int64) { ready.Store(time.Now().UnixNano()) }
				})
				time.Sleep(time.Second)
				if !b.Status().Standby || a.Status().Standby {
					t.Errorf("standing by: A %v, B %v", a.Status().Standby, b.Status().Standby)
				}
				anna := on.User("Anna")
				anna.Says("one")
				time.Sleep(time.Second)
				if dies {
					link.set(func(f *frail) { f.cut = true })
				} else {
					a.stop(t)
				}
				left := time.Now()
				anna.Says("two")
				time.Sleep(2 * vk.QueueLease)
				if d := time.Unix(0, ready.Load()).Sub(left); d > 2*vk.QueueLease || d < 0 {
					t.Errorf("B was ready %v after the end of A", d)
				}
				anna.Says("three")
				time.Sleep(time.Second)
				if dies {
					link.set(func(f *frail) { f.cut = false })
					time.Sleep(time.Minute) // it tries to put the events of its last poll
					if !a.Status().Standby {
						t.Error("A does not stand by after its return")
					}
					a.stop(t)
				}
				log.is(t, "A: one", "B: two", "B: three")
				b.stop(t)
			})
		})
	}
}

// TestBothSources: an event that comes by webhook and by long poll is handled once.
func TestBothSources(t *testing.T) {
	bubble(t, func(t *testing.T) {
		on := vktest.Config{RPS: -1}.New(t)
		q, s := new(vktest.Queue), new(vk.MemoryStore)
		var log diary
		h := func(c *vk.Context) error { log.note("%s", c.Text()); return nil }
		p := poll(on, q, s, h)
		time.Sleep(time.Second)
		anna := on.User("Anna")
		var raw []byte
		w := vk.WatchOn(context.Background(), p.Dispatcher, vk.EventMessageNew, nil)
		anna.Says("one")
		c, _, err := w.Next()
		if err != nil {
			t.Fatal(err)
		}
		raw = c.Event().Raw
		hook := &process{log: new(logs)}
		hook.Callback = &vk.Callback{
			Client: client(), GroupID: c.Event().GroupID, NoSecret: true,
			Dispatcher: &vk.Dispatcher{Queue: q, Store: s, Handler: vk.HandlerFunc(h)}, Logger: p.Logger,
		}
		for range 2 {
			if got := hook.deliver(raw); got != "200 ok" {
				t.Errorf("VK hears %q", got)
			}
		}
		settle()
		log.is(t, "one")
		p.stop(t)
		stop(hook)
	})
}

// TestWorkersSpread: the process that polls takes conversations while it has free Workers.
// The others take the rest.
func TestWorkersSpread(t *testing.T) {
	for _, test := range []struct {
		name    string
		workers int
		least   [2]int32 // that each process handles, the one that polls first
		most    [2]int32
	}{
		{"enough workers", 0, [2]int32{20, 0}, [2]int32{20, 0}},
		{"two workers each", 2, [2]int32{6, 6}, [2]int32{14, 14}},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				on := vktest.Config{RPS: -1}.New(t)
				on.Start(vk.NewRouter("/")) // enables messages
				if err := on.Stop(); err != nil {
					t.Fatal(err)
				}
				q, s := new(vktest.Queue), new(vk.MemoryStore)
				var handled [2]atomic.Int32
				for i := range handled {
					p := poll(on, q, s, func(*vk.Context) error {
						handled[i].Add(1)
						time.Sleep(time.Second)
						return nil
					}, func(p *vk.Poller) { p.Dispatcher.Workers = test.workers })
					defer p.stop(t)
					time.Sleep(time.Second)
				}
				for i := range 20 {
					on.User(fmt.Sprint("User ", i)).Says("hi")
				}
				time.Sleep(time.Minute)
				sum := int32(0)
				for i := range handled {
					n := handled[i].Load()
					sum += n
					if n < test.least[i] || n > test.most[i] {
						t.Errorf("process %d handled %d events, want %d to %d", i, n, test.least[i], test.most[i])
					}
				}
				if sum != 20 {
					t.Errorf("%d events were handled, want 20", sum)
				}
			})
		})
	}
}

// A rival is a Queue in which another worker takes over polling just before the first Put
// with events, and leaves after ten seconds, in which it has polled up to position 9.
type rival struct {
	*vktest.Queue
	began bool
}

// Put puts events, as described at rival.
func (r *rival) Put(ctx context.Context, w vk.QueueWorker, events []vk.QueueEvent, at *vk.QueueMark) (vk.QueueAnswer, error) {
	if len(events) > 0 && !r.began {
		r.began = true
		other := vk.QueueWorker{Group: w.Group, ID: "other"}
		r.Queue.Leave(ctx, w)
		r.Queue.Lead(ctx, other, at.Role)
		r.Queue.Put(ctx, other, nil, &vk.QueueMark{Role: at.Role, Value: "9"})
		go func() {
			for range 10 {
				r.Queue.Beat(context.Background(), other, nil)
				time.Sleep(time.Second)
			}
			r.Queue.Leave(context.Background(), other)
		}()
	}
	return r.Queue.Put(ctx, w, events, at)
}

// TestStandbyAhead: when another process takes over polling while the next poll is in
// progress, that poll has no effect: its events are the other process's, and after that
// the Poller goes on from the other one's place in the history.
func TestStandbyAhead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var polls, handled diary
		events := func(ts string) string {
			var all []string
			for i := range 8 { // enough to poll ahead
				all = append(all, fmt.Sprintf(`{"type":"message_new","event_id":"%s-%d","group_id":7,"object":{"message":{"peer_id":1,"from_id":1,"text":"%[1]s-%[2]d"}}}`, ts, i))
			}
			return strings.Join(all, ",")
		}
		vkontakte := roundTripper(func(r *http.Request) (*http.Response, error) {
			body := `{"response":{"server":"http://lp.test","key":"k","ts":"5"}}`
			if r.URL.Host == "lp.test" {
				ts := r.URL.Query().Get("ts")
				polls.note("%s", ts)
				switch ts {
				case "5", "6":
					body = fmt.Sprintf(`{"ts":"%c","updates":[%s]}`, ts[0]+1, events(ts))
				default:
					<-r.Context().Done()
					return nil, r.Context().Err()
				}
			}
			return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}, nil
		})
		p := &vk.Poller{
			Client: &vk.Client{Token: vk.NewSecret("t"), RPS: -1, HTTPClient: &http.Client{Transport: vkontakte}}, GroupID: group, SkipDiagnosis: true,
			Dispatcher: &vk.Dispatcher{Queue: &rival{Queue: new(vktest.Queue)}, Handler: vk.HandlerFunc(func(c *vk.Context) error {
				handled.note("%s", c.Text())
				return nil
			})},
			Logger: slog.New(slog.DiscardHandler),
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if err := p.Run(ctx); err != nil {
			t.Error(err)
		}
		if last := polls.all(); last[len(last)-1] != "9" {
			t.Errorf("the polls are %q, want the last one to be 9", last)
		}
		handled.is(t)
	})
}
