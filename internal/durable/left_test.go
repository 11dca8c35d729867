package durable

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// TestDurableAfterFired: a handler sets a timer, and the timer is handled or
// canceled before the Store records that the handler is done. When the handler
// is run again, it does not set the timer again.
func TestDurableAfterFired(t *testing.T) {
	for _, test := range []struct {
		name   string
		second string // a message in between
		kill   time.Duration
		kills  int
		want   []string
		notes  int // at most, in the Store at the first kill
	}{
		{"fired, killed before the setter is noted", "", 100 * time.Millisecond, 1, []string{"Anna: !remind", "Bot: Reminder: tea"}, 1},
		{"fired, killed twice", "", 100 * time.Millisecond, 2, []string{"Anna: !remind", "Bot: Reminder: tea"}, 1},
		{"fired, killed after the setter is noted", "", time.Second, 1, []string{"Anna: !remind", "Bot: Reminder: tea"}, 0},
		{"canceled, killed before the setter is noted", "!cancel", 5 * time.Millisecond, 1, []string{"Anna: !remind", "Anna: !cancel"}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newBot(t, "", vk.NewRouter())
				var n counts
				id := ""
				code := func() vk.Handler {
					timers := &vk.Timers[string]{Store: b.Store(), Name: "remind"}
					r := vk.NewRouter("!")
					timers.Handle(r, func(c *vk.Context, what string) error {
						n.add("fired")
						return c.Send("Reminder: " + what)
					})
					r.Handle("remind", func(c *vk.Context) (err error) {
						id, err = timers.After(c, 10*time.Millisecond, "tea")
						return err
					})
					r.Handle("cancel", func(c *vk.Context) error {
						if c.Again() {
							return nil // the first run returns here
						}
						_, err := timers.Cancel(c, vk.PerMember(c), id)
						return err
					})
					return r
				}
				b.Restart(code())
				anna := b.User("Anna")
				anna.Says("!remind")
				if test.second != "" {
					anna.Says(test.second)
				}
				sleep(test.kill)
				for i := range test.kills {
					b.Kill()
					if notes := b.keys("timer/"); i == 0 && len(notes) > test.notes {
						t.Errorf("%d notes of timers: %q", len(notes), notes)
					}
					sleep(3 * time.Hour) // VK has forgotten the random_id by then
					b.Start(code())
					sleep(50 * time.Millisecond)
				}
				sleep(time.Minute)
				b.is(test.want...)
				if want := len(test.want) - 1; test.second == "" && n.n["fired"] != want {
					t.Errorf("fired %d times", n.n["fired"])
				}
				if left := append(b.keys("timer/"), b.keys("trail/")...); left != nil {
					t.Errorf("left: %q", left)
				}
			})
		})
	}
}

// TestDurableSetBeforeRerun: a timer that fires after a crash, before the handler that has
// set it is run again up to that point, is not set anew by that.
func TestDurableSetBeforeRerun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBot(t, "", vk.NewRouter())
		var n counts
		boris := b.User("Boris").ID
		code := func() vk.Handler {
			timers := &vk.Timers[string]{Store: b.Store(), Name: "remind"}
			r := vk.NewRouter("!")
			timers.Handle(r, func(c *vk.Context, what string) error {
				n.add("fired " + what)
				return nil
			})
			r.Handle("remind", func(c *vk.Context) error {
				if c.Again() {
					sleep(10 * time.Second)
				}
				err := timers.Set(c, vk.Key{Peer: boris, User: boris}, "tea", time.Now().Add(time.Second), "tea")
				sleep(time.Second)
				return err
			})
			return r
		}
		b.Restart(code())
		anna := b.User("Anna")
		anna.Says("!remind")
		sleep(500 * time.Millisecond)
		b.Kill()
		b.Start(code())
		sleep(time.Minute)
		if n.n["fired tea"] != 1 {
			t.Errorf("fired %d times", n.n["fired tea"])
		}
		if left := append(b.keys("timer/"), b.keys("trail/")...); left != nil {
			t.Errorf("left: %q", left)
		}
	})
}

// TestDurableCanceledAtStart: a timer is set and canceled while a start still reads the
// timers. The handler that has set it runs again after a kill, and does not set it again.
func TestDurableCanceledAtStart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := &bot{t: t, store: new(vk.MemoryStore)}
		b.d = &vk.Dispatcher{Store: &slowLists{b.store, 100 * time.Millisecond}}
		b.Server = vktest.Config{Dispatcher: b.d, RPS: -1}.New(t)
		code := func() vk.Handler {
			timers := &vk.Timers[string]{Store: b.Store(), Name: "remind"}
			r := vk.NewRouter("!")
			timers.Handle(r, func(c *vk.Context, what string) error { return c.Send("Reminder: " + what) })
			r.Handle("remind", func(c *vk.Context) error {
				id, err := timers.After(c, time.Minute, "tea")
				if key := vk.PerMember(c); err == nil && !c.Again() { // somebody else cancels it
					key.Group = c.Event().GroupID
					_, err = timers.Cancel(context.Background(), key, id)
				}
				sleep(time.Second)
				return err
			})
			return r
		}
		b.Start(code())
		b.User("Anna").Says("!remind")
		sleep(500 * time.Millisecond)
		b.Kill()
		b.Start(code())
		sleep(time.Hour)
		b.is("Anna: !remind")
	})
}

// TestDurableAfterCost: an After writes one value, and the end of its timer
// writes one. A handler that sets a timer writes nothing more.
func TestDurableAfterCost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store := &timerWrites{MemoryStore: new(vk.MemoryStore)}
		s := vktest.Config{Dispatcher: &vk.Dispatcher{Store: store}, RPS: -1}.New(t)
		r := vk.NewRouter("!")
		timers := &vk.Timers[string]{Store: s.Store(), Name: "remind"}
		timers.Handle(r, func(c *vk.Context, what string) error { return nil })
		r.Handle("remind", func(c *vk.Context) error { _, err := timers.After(c, time.Minute, "tea"); return err })
		s.Start(r)
		anna := s.User("Anna")
		anna.Says("!remind")
		sleep(time.Hour)
		if timers, trails := store.timers.Load(), store.trails.Load(); timers != 2 || trails != 0 {
			t.Errorf("%d writes of timers and %d of trails, want 2 and 0", timers, trails)
		}
	})
}

// A timerWrites is a Store that counts the changes of timers and of trails.
type timerWrites struct {
	*vk.MemoryStore
	timers, trails atomic.Int64
}

// Swap implements vk.Store.
func (s *timerWrites) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	switch {
	case strings.HasPrefix(key, "timer"):
		s.timers.Add(1)
	case strings.HasPrefix(key, "trail/"):
		s.trails.Add(1)
	}
	return s.MemoryStore.Swap(ctx, key, old, new, ttl)
}

// A keepStore ignores the erasure of trails while keeping is on, as if the
// process were killed before it.
type keepStore struct {
	*vk.MemoryStore
	keeps atomic.Bool
}

// Swap implements vk.Store.
func (s *keepStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if s.keeps.Load() && strings.HasPrefix(key, "trail/") && len(new) == 0 {
		return false, errors.New("killed")
	}
	return s.MemoryStore.Swap(ctx, key, old, new, ttl)
}

// TestDurableSwept: the next start erases trails of finished events that remain
// after a kill. Trails of webhook events that the Store does not know to be
// done are erased once they are a day old. No other trails are erased.
func TestDurableSwept(t *testing.T) {
	for _, test := range []struct {
		name    string
		webhook bool
		after   time.Duration // time until the first start
		left    int           // trails after the first start
		later   int           // trails a day later
	}{
		{"poll", false, time.Second, 2, 2},
		{"webhook", true, time.Hour, 2, 2},
		{"webhook, when nothing says any more that they are done", true, 5 * time.Hour, 22, 2},
		{"webhook, two days later", true, 48 * time.Hour, 2, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				store := &keepStore{MemoryStore: new(vk.MemoryStore)}
				code := func() vk.Handler {
					r := asks("one")
					timers := &vk.Timers[string]{Store: store, Name: "remind"}
					timers.Handle(r, func(c *vk.Context, what string) error { _, err := c.Ask(what, within); return err })
					r.Handle("remind", func(c *vk.Context) error { _, err := timers.After(c, time.Second, "Tea?"); return err })
					return r
				}
				fake := &place{Server: vktest.New(t), store: store}
				stop := fake.start(code(), test.webhook)
				var people []*vktest.User
				for i := range 20 {
					people = append(people, fake.User(fmt.Sprint("P", i)))
					people[i].Says("!go")
				}
				anna, boris := fake.User("Anna"), fake.User("Boris")
				anna.Says("!go")
				boris.Says("!remind")
				sleep(time.Minute)
				store.keeps.Store(true)
				for _, p := range people {
					p.Hears("?")
					p.Says("x")
					p.Hears("Thanks, one")
				}
				sleep(time.Hour) // By now the bot has given up erasing.
				stop()
				trails := func() (n int) {
					store.List(context.Background(), "trail/", func(string, []byte) bool { n++; return true })
					return n
				}
				if n := trails(); n != 22 {
					t.Errorf("%d trails before the start", n)
				}
				store.keeps.Store(false)
				sleep(test.after)
				defer fake.start(code(), test.webhook)()
				carl := fake.User("Carl") // with a webhook, the first event starts the replay
				carl.Says("!nothing")
				sleep(time.Minute)
				if n := trails(); n != test.left {
					t.Errorf("%d trails after the start, want %d", n, test.left)
				}
				sleep(25 * time.Hour)
				if n := trails(); n != test.later {
					t.Errorf("%d trails a day later, want %d", n, test.later)
				}
				anna.Hears("?")
				anna.Says("x")
				anna.Hears("Thanks, one")
				boris.Hears("Tea?")
				boris.HearsNothing()
			})
		})
	}
}

// A place is a fake VK and a webhook address, where one bot runs after another.
type place struct {
	*vktest.Server
	store vk.Store
	added bool
	cb    atomic.Pointer[vk.Callback]

	lost     atomic.Bool // responses are lost, except the first one, which confirms the address
	requests atomic.Int64
}

// ServeHTTP passes a request to the running bot.
func (p *place) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	cb := p.cb.Load()
	if n := p.requests.Add(1); cb == nil || p.lost.Load() && n > 1 {
		if cb != nil {
			cb.ServeHTTP(discard{make(http.Header)}, r)
		}
		panic(http.ErrAbortHandler)
	}
	cb.ServeHTTP(w, r)
}

// start runs a bot until stop is called.
func (p *place) start(h vk.Handler, webhook bool) (stop func()) {
	d := &vk.Dispatcher{Handler: h, Store: p.store}
	if webhook {
		cb := &vk.Callback{Client: p.Client(), Dispatcher: d, Secret: vk.NewSecret("abc"), Confirmation: p.ConfirmationCode()}
		p.cb.Store(cb)
		if !p.added {
			p.added = true
			p.AddCallback(p, "abc")
		}
		return func() {
			p.cb.Store(nil)
			cb.Stop(context.Background())
			d.Stop(context.Background())
		}
	}
	ready, ended := make(chan bool), make(chan bool)
	poller := &vk.Poller{Client: p.Client(), Dispatcher: d, SkipDiagnosis: true, Ready: func(int64) { close(ready) }}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { defer close(ended); poller.Run(ctx) }()
	<-ready
	return func() { cancel(); <-ended }
}

// TestDurableTimerKeys: timers with different names and ids are different timers,
// and a time that is farther away than can be stored does not come.
func TestDurableTimerKeys(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBot(t, "", vk.NewRouter())
		timers := &vk.Timers[int]{Store: b.Store(), Name: "x"}
		fired := 0
		r := vk.NewRouter("!")
		timers.Handle(r, func(c *vk.Context, n int) error { fired += n; return nil })
		b.Restart(r)
		ctx := context.Background()
		keys := []struct{ name, id string }{{"", "ab"}, {"a", "b"}, {"ab", ""}, {"", "a\x1fb"}, {"a\x1fb", ""}, {"a\x1fb", "c"}, {"a", "b\x1fc"}, {"", "1\x1fab"}}
		for i, k := range keys {
			err := timers.Set(ctx, vk.Key{Group: b.GroupID, Peer: 5, User: 5, Name: k.name}, k.id, time.Now().Add(time.Hour), 1<<i)
			if err != nil {
				t.Fatal(err)
			}
		}
		for item, err := range timers.List(ctx, b.GroupID) {
			if i := bits.TrailingZeros(uint(item.Value)); err != nil || item.Key.Name != keys[i].name || item.ID != keys[i].id {
				t.Errorf("timer %d is %q %q, %v", i, item.Key.Name, item.ID, err)
			}
		}
		if err := timers.Set(ctx, vk.Key{Group: b.GroupID, Peer: 5, User: 5}, "never", time.Unix(1<<60, 0), 1<<20); err != nil {
			t.Fatal(err)
		}
		sleep(2 * time.Hour)
		if want := 1<<len(keys) - 1; fired != want {
			t.Errorf("fired %b, want %b", fired, want)
		}
	})
}
