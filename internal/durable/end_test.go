package durable

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// asks returns a bot with a route that asks forever.
func asks(version string) *vk.Router {
	r := vk.NewRouter("!")
	r.Handle("go", func(c *vk.Context) error {
		a, err := c.Ask("?", within)
		if errors.Is(err, vk.ErrEnded) {
			return c.Send("Ended")
		}
		if err != nil {
			return err
		}
		return a.Send("Thanks, " + version)
	})
	return r
}

// TestDurableRouteGone: if a deploy removes the route of a waiting handler, its
// event is dropped with a warning, and NotFound does not run.
func TestDurableRouteGone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBot(t, "", asks("one"))
		anna := b.User("Anna")
		anna.Says("!go")
		anna.Hears("?")
		other := vk.NewRouter("!")
		other.NotFound(func(c *vk.Context) error { return c.Send("What is " + c.Text() + "?") })
		b.Restart(other)
		sleep(time.Minute)
		anna.HearsNothing()
		anna.Says("!tea")
		anna.Hears("What is !tea?")
		sleep(time.Minute)
		if left := b.keys("trail/"); left != nil {
			t.Errorf("trails are left: %q", left)
		}
	})
}

// TestDurableMovedLines: a deploy that moves lines and adds handlers does not
// affect an ended listener, a waiting listener, or the route of a waiting
// condition.
func TestDurableMovedLines(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var n counts
		ask := func(c *vk.Context, what string) error {
			n.add("begin " + what)
			a, err := c.Ask(what+"?", within)
			if err != nil {
				return err
			}
			return c.Send(what + " " + a.Text())
		}
		listens := func(c *vk.Context, e *vk.MessageNew) error {
			if e.Message.Text == "survey" {
				return ask(c, "Name")
			}
			n.add("heard " + e.Message.Text)
			return nil
		}
		cond := vk.If(func(c *vk.Context) bool { return c.Text() == "order" })
		order := func(c *vk.Context) error { return ask(c, "Tea") }
		never := vk.If(func(c *vk.Context) bool { return false })
		one := func() vk.Handler {
			r := vk.NewRouter("!")
			vk.On(r, vk.EventMessageNew, listens)
			r.When(never, order)
			r.When(cond, order)
			return r
		}
		two := func() vk.Handler {
			r := vk.NewRouter("!")
			vk.On(r, vk.EventGroupJoin, func(*vk.Context, *vk.GroupJoin) error { return nil })
			r.Listen(func(*vk.Context) error { return nil })

			vk.On(r, vk.EventMessageNew, listens)

			r.When(never, order)

			r.When(cond, order)
			return r
		}
		b := newBot(t, "one", one())
		anna, boris := b.User("Anna"), b.User("Boris")
		anna.Says("order")
		boris.Says("survey")
		sleep(3 * time.Hour)
		b.Stop()
		b.d.Version = "two"
		b.Start(two())
		sleep(time.Minute)
		anna.Says("Green")
		boris.Says("Boris")
		sleep(time.Minute)
		b.is("Anna: order", "Bot: Tea?", "Anna: Green", "Bot: Tea Green", "", "Boris: survey", "Bot: Name?", "Boris: Boris", "Bot: Name Boris")
		n.is(t, map[string]int{"heard order": 1, "heard Green": 1, "heard Boris": 1, "begin Tea": 2, "begin Name": 2})
	})
}

// TestDurableNothingLeft: no trail remains of a handler that is abandoned, that
// crashes the bot repeatedly, or loses its module.
func TestDurableNothingLeft(t *testing.T) {
	t.Run("unmounted", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := vk.NewRouter("!")
			m, err := r.Mount("m", func(r *vk.Router) error {
				r.Handle("go", func(c *vk.Context) error { _, err := c.Ask("?", within); return err })
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			b := newBot(t, "", r)
			b.User("Anna").Says("!go")
			sleep(time.Minute)
			if n := len(b.keys("trail/")); n != 1 {
				t.Errorf("%d trails", n)
			}
			if err := m.Unmount(); err != nil {
				t.Fatal(err)
			}
			sleep(time.Minute)
			if left := b.keys("trail/"); left != nil {
				t.Errorf("trails are left: %q", left)
			}
		})
	})
	t.Run("abandoned", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := vk.NewRouter("!")
			free := make(chan bool)
			r.Handle("go", func(c *vk.Context) error {
				if _, err := c.Ask("?", within); err != nil {
					return err
				}
				<-free // for longer than the time limit and Grace
				_, err := c.Ask("??", within)
				return err
			})
			b := newBot(t, "", r)
			anna := b.User("Anna")
			anna.Says("!go")
			anna.Hears("?")
			anna.Says("a")
			sleep(10 * time.Minute)
			close(free)
			sleep(time.Minute)
			if left := b.keys("trail/"); left != nil {
				t.Errorf("trails are left: %q", left)
			}
		})
	})
	t.Run("poison", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			begun := 0
			code := func() vk.Handler {
				r := vk.NewRouter("!")
				r.Handle("go", func(c *vk.Context) error {
					begun++
					_, err := vk.Once(c, "x", func(string) (int, error) { return 1, nil })
					<-c.Done() // until the bot dies
					return err
				})
				return r
			}
			b := newBot(t, "", code())
			b.User("Anna").Says("!go")
			sleep(time.Second)
			if n := len(b.keys("trail/")); n != 1 {
				t.Errorf("%d trails", n)
			}
			for range 8 {
				b.Kill()
				b.Start(code())
				sleep(time.Second)
			}
			sleep(time.Minute)
			if begun < 3 || begun > 7 {
				t.Errorf("begun %d times", begun)
			}
			if left := b.keys("trail/"); left != nil {
				t.Errorf("trails are left: %q", left)
			}
		})
	})
}

// TestDurableOpen: waiting handlers are listed, even after a restart, and can
// be ended.
func TestDurableOpen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &vk.Dispatcher{Store: new(vk.MemoryStore)}
		fake := vktest.New(t)
		run := func() (stop func()) {
			d = &vk.Dispatcher{Store: d.Store, Handler: asks("one")}
			ready, ended := make(chan bool), make(chan bool)
			p := &vk.Poller{Client: fake.Client(), Dispatcher: d, SkipDiagnosis: true, Ready: func(int64) { close(ready) }}
			ctx, cancel := context.WithCancel(context.Background())
			go func() { defer close(ended); p.Run(ctx) }()
			<-ready
			sleep(time.Second)
			return func() { cancel(); <-ended }
		}
		stop := run()
		began := time.Now()
		anna, boris := fake.User("Anna"), fake.User("Boris")
		anna.Says("!go")
		sleep(time.Hour)
		boris.Says("!go")
		sleep(time.Hour)
		stop()
		stop = run()
		open := d.Open()
		if len(open) != 2 || open[0].Route != "go" || open[0].Since.Sub(began).Round(time.Minute) != 0 || open[1].Since.Sub(began).Round(time.Minute) != time.Hour {
			t.Fatalf("%+v", open)
		}
		anna.Hears("?")
		open[0].End()
		anna.Hears("Ended")
		sleep(time.Second)
		if open = d.Open(); len(open) != 1 {
			t.Errorf("%+v", open)
		}
		stop()
	})
}

// TestDurableErase: Erase removes the sessions, timers and open handlers of one
// user, and of no other user.
func TestDurableErase(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBot(t, "", vk.NewRouter())
		r := vk.NewRouter("!")
		visits := &vk.Session[int]{Store: b.Store(), Name: "a/b"}
		timers := &vk.Timers[int]{Store: b.Store(), Name: "x"}
		timers.Handle(r, func(c *vk.Context, n int) error { return c.Send("due") })
		r.Handle("go", func(c *vk.Context) error {
			err := visits.Update(c, vk.PerUser(c), func(n *int) error { *n++; return nil })
			if err != nil {
				return err
			}
			if _, err := timers.After(c, time.Hour, 1); err != nil {
				return err
			}
			_, err = c.Ask("?", within)
			return err
		})
		b.Restart(r)
		anna, boris := b.User("Anna"), b.User("Boris")
		anna.Says("!go")
		boris.Says("!go")
		sleep(time.Minute)
		// The running dispatcher is a copy of the first one.
		d := &vk.Dispatcher{Store: struct{ vk.Store }{b.store}}
		var wrong *vk.ConfigError
		if err := d.Erase(context.Background(), anna.ID); !errors.As(err, &wrong) {
			t.Errorf("without a Lister: %v", err)
		}
		r.Handle("forget", func(c *vk.Context) error { return b.Dispatcher().Erase(c, anna.ID) })
		b.User("Carl").Says("!forget")
		sleep(time.Minute)
		id := fmt.Sprint(anna.ID)
		for _, prefix := range []string{"session/", "timer/", "trail/"} {
			keys := b.keys(prefix)
			if len(keys) != 1 || strings.Contains(keys[0], id) {
				t.Errorf("left of %s: %q", prefix, keys)
			}
		}
		sleep(2 * time.Hour)
		anna.Hears("?")
		anna.HearsNothing()
		boris.Hears("?")
		boris.Hears("due")
	})
}

// TestDurableSessions: sessions can be read and listed outside of handlers.
// They count an event once, even if it is handled again after other events have
// changed the same state.
func TestDurableSessions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBot(t, "", vk.NewRouter())
		ctx := context.Background()
		code := func() (*vk.Router, *vk.Session[int]) {
			total := &vk.Session[int]{Store: b.Store(), Name: "total"}
			r := vk.NewRouter("!")
			r.Handle("add {how}", func(c *vk.Context) error {
				for range 2 {
					if err := total.Update(c, vk.Global(c), func(n *int) error { *n++; return nil }); err != nil {
						return err
					}
				}
				if c.Arg("how") == "slow" {
					time.Sleep(30 * time.Second) // until the bot dies
				}
				return nil
			})
			return r, total
		}
		r, _ := code()
		b.Restart(r)
		anna, boris := b.User("Anna"), b.User("Boris")
		anna.Says("!add slow")
		sleep(time.Second)
		for range 10 {
			boris.Says("!add now")
			sleep(time.Second)
		}
		b.Kill()
		r, total := code()
		b.Start(r)
		sleep(time.Minute)
		key := vk.Key{Group: b.GroupID}
		if n, err := total.Get(ctx, key); n != 22 || err != nil {
			t.Errorf("%d, %v, want 22", n, err)
		}
		if err := total.Update(ctx, vk.Key{Group: b.GroupID, Name: "x/y"}, func(n *int) error { *n = 7; return nil }); err != nil {
			t.Error(err)
		}
		got := make(map[vk.Key]int)
		for item, err := range total.All(ctx, b.GroupID) {
			if err != nil {
				t.Error(err)
			}
			got[item.Key] = item.Value
		}
		if len(got) != 2 || got[key] != 22 || got[vk.Key{Group: b.GroupID, Name: "x/y"}] != 7 {
			t.Errorf("%v", got)
		}
		var wrong *vk.ConfigError
		if _, err := total.Get(ctx, vk.Key{}); !errors.As(err, &wrong) {
			t.Error(err)
		}
		for _, err := range total.All(ctx, 0) {
			if !errors.As(err, &wrong) {
				t.Error(err)
			}
			wrong = nil
		}
		if wrong != nil {
			t.Error("no error of All for no community")
		}
	})
}

// TestDurableWebhook: open questions do not block other events, and a kill
// between the wait and the acknowledgment repeats nothing.
func TestDurableWebhook(t *testing.T) {
	bubble(t, func(t *testing.T) {
		fake := vktest.New(t)
		r := asks("one")
		r.Handle("ping", func(c *vk.Context) error { return c.Send("pong") })
		d := &vk.Dispatcher{Handler: r, Store: new(vk.MemoryStore)}
		cb := &vk.Callback{Client: fake.Client(), Dispatcher: d, Secret: vk.NewSecret("abc"), Confirmation: fake.ConfirmationCode()}
		defer d.Stop(context.Background())
		defer cb.Stop(context.Background())
		sleep(time.Second)
		var requests atomic.Int32 // the first one requests the confirmation
		fake.AddCallback(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if n := requests.Add(1); n > 1 && n < 5 {
				cb.ServeHTTP(discard{make(http.Header)}, r)
				panic(http.ErrAbortHandler) // the response is lost
			}
			cb.ServeHTTP(w, r)
		}), "abc")
		var people []*vktest.User
		for i := range 10 {
			people = append(people, fake.User(fmt.Sprint("P", i)))
		}
		for _, p := range people {
			p.Says("!go")
		}
		last := fake.User("Last")
		began := time.Now()
		last.Says("!ping")
		last.Hears("pong")
		if took := time.Since(began); took > time.Second {
			t.Errorf("pong after %v", took)
		}
		sleep(2 * time.Hour)
		for _, p := range people {
			p.Hears("?")
			p.HearsNothing()
			p.Says("x")
			p.Hears("Thanks, one")
		}
	})
}

// discard is an http.ResponseWriter that discards the body.
type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// TestDurableAnswerAtStop: if a stop ends the question while the listeners of
// its answer run, the answer is saved for the next run, and its listeners do
// not run again.
func TestDurableAnswerAtStop(t *testing.T) {
	for name, slow := range map[string]bool{"the handler that asked has returned": false, "it is about to": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				heard := 0
				code := func() vk.Handler {
					r := vk.NewRouter("!")
					r.Listen(func(c *vk.Context) error {
						if c.Text() == "green" {
							heard++
							time.Sleep(10 * time.Second)
						}
						return nil
					})
					r.Handle("order", func(c *vk.Context) error {
						a, err := c.Ask("Which tea?", within)
						if err != nil {
							if slow {
								time.Sleep(20 * time.Second) // longer than the listener takes
							}
							return err
						}
						return c.Send("Paid " + a.Text())
					})
					return r
				}
				b := newBot(t, "", code())
				b.d.DrainTime = time.Minute
				b.Restart(code())
				anna := b.User("Anna")
				anna.Says("!order")
				anna.Hears("Which tea?")
				anna.Says("green")
				sleep(5 * time.Second)
				b.Restart(code())
				sleep(time.Minute)
				b.is("Anna: !order", "Bot: Which tea?", "Anna: green", "Bot: Paid green")
				if heard != 1 {
					t.Errorf("heard %d times", heard)
				}
			})
		})
	}
}
