package vk_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// TestAskOutside checks that there is no question where no user can answer.
func TestAskOutside(t *testing.T) {
	c, rec := vktest.NewContext("hi")
	if _, err := c.Ask("?"); !errors.Is(err, vk.ErrNoDispatcher) {
		t.Error(err)
	}
	if _, _, err := vk.Wait(c, vk.EventMessageNew, nil); !errors.Is(err, vk.ErrNoDispatcher) {
		t.Error(err)
	}
	w := vk.NewWatch(c, vk.EventMessageNew, nil)
	defer w.Stop()
	if _, _, err := w.Next(); !errors.Is(err, vk.ErrNoDispatcher) {
		t.Error(err)
	}
	if err := c.Park(func() error { return errors.ErrUnsupported }); err != errors.ErrUnsupported {
		t.Error(err)
	}
	for name, opt := range map[string]vk.SendOption{
		"Within": vk.Within(1), "From": vk.From{}, "Retry": vk.Retry(1, "x"), "AnyText": vk.AnyText(), "Choices": vk.Choices("x"), "Cancel": vk.Cancel("x"),
	} {
		if err := c.Send("x", opt); err == nil || !strings.Contains(err.Error(), name+" is an option of questions only") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c.Ask("?", vk.Retry(1, "x")); err == nil || errors.Is(err, vk.ErrNoDispatcher) {
		t.Errorf("Retry without parsing: %v", err)
	}
	if diff := cmp.Diff([]vktest.Message(nil), rec.Messages()); diff != "" {
		t.Error(diff)
	}
}

// TestAskAnybody checks that another bot does not answer a question to
// everyone in a chat, unless it is asked by its id.
func TestAskAnybody(t *testing.T) {
	for _, to := range []int64{0, -777} {
		bubble(t, func(t *testing.T) {
			r := vk.NewRouter("!")
			r.Handle("ask", func(c *vk.Context) error {
				a, err := c.Ask("Who is there?", vk.From{Peer: c.PeerID(), User: to}, vk.Within(time.Minute))
				if err != nil {
					return c.Send(err.Error())
				}
				return c.Send(a.Text())
			})
			bot := vktest.Start(t, r)
			anna := bot.User("Anna")
			tea := bot.Chat("Tea", anna)
			in := anna.In(tea)
			in.Says("!ask")
			in.Hears("Who is there?")
			bot.Emit("message_new", map[string]any{"message": map[string]any{
				"from_id": -777, "peer_id": tea.ID, "text": "a bot", "conversation_message_id": 99}})
			bot.Wait(t.Context())
			if to != 0 {
				in.Hears("a bot")
				return
			}
			in.Says("a person")
			in.Hears("a person")
		})
	}
}

// TestWatchOn checks that a watch outside of handlers sees their events
// without consuming any.
func TestWatchOn(t *testing.T) {
	type newWatch func(ctx context.Context, d *vk.Dispatcher) *vk.Watch[vk.MessageNew]
	watch := func(opts ...vk.WaitOption) newWatch {
		return func(ctx context.Context, d *vk.Dispatcher) *vk.Watch[vk.MessageNew] {
			return vk.WatchOn(ctx, d, vk.EventMessageNew, func(c *vk.Context, e *vk.MessageNew) bool {
				return c.Text() == e.Message.Text && e.Message.Text != "skip"
			}, opts...)
		}
	}
	// run starts a bot with a watch, in which Anna writes here and Boris in a
	// chat. It returns the events that the watch has seen and the error that
	// ended it.
	run := func(t *testing.T, make newWatch, end func(cancel func(), d *vk.Dispatcher)) (seen []string, err error) {
		bubble(t, func(t *testing.T) {
			d := new(vk.Dispatcher)
			r := vk.NewRouter("!")
			r.Handle("ping", func(c *vk.Context) error { return c.Send("pong") })
			bot := vktest.Config{Dispatcher: d}.Start(t, r)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			w, second := make(ctx, d), make(ctx, d)
			defer w.Stop()
			defer second.Stop()
			anna, boris := bot.User("Anna"), bot.User("Boris")
			anna.Says("!ping")
			anna.Hears("pong") // the watch has not consumed the command
			anna.Says("skip")
			tea := bot.Chat("Tea", anna, boris)
			boris.In(tea).Says("hello")
			bot.Wait(t.Context())
			for {
				if end != nil && len(seen) == 2 {
					end(cancel, d)
				}
				c, _, nextErr := w.Next()
				if nextErr != nil {
					err = nextErr
					break
				}
				seen = append(seen, c.Text())
				if _, e, err := second.Next(); err != nil || e.Message.Text != c.Text() {
					t.Errorf("the second watch: %v, %v", e, err)
				}
			}
		})
		return seen, err
	}
	for _, tt := range []struct {
		name string
		make newWatch
		end  func(cancel func(), d *vk.Dispatcher)
		want string
		err  error
	}{
		{"until its time is over", watch(vk.Within(time.Minute)), nil, "!ping,hello", vk.ErrNoAnswer},
		{"for an hour by default", watch(), nil, "!ping,hello", vk.ErrNoAnswer},
		{"until its context ends", watch(vk.Within(0)), func(cancel func(), _ *vk.Dispatcher) { cancel() }, "!ping,hello", context.Canceled},
		{"until the Dispatcher stops", watch(vk.Within(0)), func(_ func(), d *vk.Dispatcher) { d.Stop(context.Background()) }, "!ping,hello", vk.ErrStopped},
		{"of another conversation", watch(vk.From{Peer: 1}), nil, "", vk.ErrNoAnswer},
		{"of another community", watch(vk.From{Group: 1}), nil, "", vk.ErrNoAnswer},
		{"of another person", watch(vk.From{User: 1}), nil, "", vk.ErrNoAnswer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			seen, err := run(t, tt.make, tt.end)
			if got := strings.Join(seen, ","); got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("%s, %v, want %s, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

// TestWatchOnSends checks that two watches can each send a message for one
// event.
func TestWatchOnSends(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := new(vk.Dispatcher)
		bot := vktest.Config{Dispatcher: d}.Start(t, asker())
		anna := bot.User("Anna")
		first := vk.WatchOn(t.Context(), d, vk.EventMessageNew, nil)
		second := vk.WatchOn(t.Context(), d, vk.EventMessageNew, nil)
		anna.Says("hi")
		for i, w := range []*vk.Watch[vk.MessageNew]{first, second} {
			c, _, err := w.Next()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Send(fmt.Sprint("seen ", i)); err != nil {
				t.Fatal(err)
			}
			anna.Hears(fmt.Sprint("seen ", i))
			w.Stop()
		}
		first.Stop()
		if _, _, err := first.Next(); err == nil || !strings.Contains(err.Error(), "the wait was stopped") {
			t.Errorf("a stopped watch: %v", err)
		}
		panicking := vk.WatchOn(t.Context(), d, vk.EventMessageNew, func(*vk.Context, *vk.MessageNew) bool { panic("oops") })
		anna.Says("!ping")
		anna.Hears("pong")
		var p *vk.PanicError
		if _, _, err := panicking.Next(); !errors.As(err, &p) {
			t.Error(err)
		}
		d.Stop(t.Context())
		if _, _, err := vk.WatchOn(t.Context(), d, vk.EventMessageNew, nil).Next(); !errors.Is(err, vk.ErrStopped) {
			t.Error(err)
		}
	})
}

// TestWaitAnywhere checks that a wait in a handler sees all conversations with
// From.
func TestWaitAnywhere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := vk.NewRouter("!")
		r.Handle("greet", func(c *vk.Context) error {
			a, _, err := vk.Wait(c, vk.EventMessageNew, nil, vk.From{}, vk.Within(0))
			if err != nil {
				return err
			}
			return c.Send(fmt.Sprint("from ", a.FromID(), a.IsChat()))
		})
		bot := vktest.Start(t, r)
		anna, boris := bot.User("Anna"), bot.User("Boris")
		tea := bot.Chat("Tea", boris)
		anna.Says("!greet")
		bot.Wait(t.Context())
		time.Sleep(61 * time.Minute)
		boris.In(tea).Says("hello")
		anna.Hears(fmt.Sprint("from ", boris.ID, true))
	})
}

// TestRetryWithoutNumber checks that the question is repeated until the answer
// can be parsed.
func TestRetryWithoutNumber(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := vk.NewRouter("!")
		r.Handle("age", func(c *vk.Context) error {
			n, err := vk.Ask(c, "Your age?", strconv.Atoi, vk.Retry(0, "A number!"), vk.Cancel("never mind"))
			if err != nil {
				return c.Send(err.Error())
			}
			return c.Send(fmt.Sprint("You are ", n))
		})
		bot := vktest.Start(t, r)
		anna := bot.User("Anna")
		for _, last := range [][2]string{{"41", "You are 41"}, {"never mind", vk.ErrCanceled.Error()}} {
			anna.Says("!age")
			anna.Hears("Your age?")
			for range 12 {
				anna.Says("old")
				anna.Hears("A number!")
			}
			anna.Says(last[0])
			anna.Hears(last[1])
		}
	})
}

// TestAskWithoutRouter checks that a plain function can ask, too. It does not
// get the answers as events. A command cannot interrupt it, because there is
// none.
func TestAskWithoutRouter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		bot := vktest.Start(t, vk.HandlerFunc(func(c *vk.Context) error {
			n, err := vk.Ask(c, "A number?", strconv.Atoi, vk.Retry(1, "Again?"))
			if err != nil {
				return err
			}
			return c.Send(fmt.Sprint(2 * n))
		}))
		anna := bot.User("Anna")
		for range 2 {
			anna.Says("hi")
			anna.Hears("A number?")
			anna.Says("x")
			anna.Hears("Again?")
			anna.Says("21")
			anna.Hears("42")
		}
		anna.HearsNothing()
	})
}

// TestAskAroundRouter checks that middleware around a Router gets answers
// before the Router does.
func TestAskAroundRouter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := asker()
		known := map[int64]bool{}
		bot := vktest.Start(t, vk.HandlerFunc(func(c *vk.Context) error {
			if !known[c.FromID()] {
				if a, err := c.Ask("Password?"); err != nil || a.Text() != "sesame" {
					return errors.Join(c.Send("No."), err)
				}
				known[c.FromID()] = true
			}
			return r.Serve(c)
		}))
		anna := bot.User("Anna")
		anna.Says("!name")
		anna.Hears("Password?")
		anna.Says("sesame")
		anna.Hears("Your name?")
		anna.Says("Anna")
		anna.Hears("Hello, Anna")
		anna.HearsNothing()
	})
}

// TestAskInListener checks that a listener can ask like a route, and that the
// event's later handlers run when it is done.
func TestAskInListener(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := vk.NewRouter("!")
		vk.On(r, vk.EventMessageNew, func(c *vk.Context, e *vk.MessageNew) error {
			if c.Text() != "!hi" {
				return nil
			}
			a, err := c.Ask("Listening?")
			if err != nil {
				return err
			}
			return a.Send("I hear " + a.Text())
		})
		r.Handle("hi", func(c *vk.Context) error { return c.Send("hi") })
		bot := vktest.Start(t, r)
		anna := bot.User("Anna")
		anna.Says("!hi")
		anna.Hears("Listening?")
		anna.Says("yes")
		anna.Hears("I hear yes")
		anna.Hears("hi")
	})
}

// TestAskInside checks questions in middleware of a route, before and after
// its handler, and in a route that another one runs.
func TestAskInside(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := vk.NewRouter("!")
		ask := func(c *vk.Context, text string) error {
			a, err := c.Ask(text)
			if err != nil {
				return errors.Join(c.Send("ended"), err)
			}
			return a.Send(text + " " + a.Text())
		}
		name := r.Handle("name {x?}", func(c *vk.Context) error { return ask(c, "name"+c.Arg("x")+"?") }, func(next vk.HandlerFunc) vk.HandlerFunc {
			return func(c *vk.Context) error {
				if err := ask(c, "before?"); err != nil {
					return err
				}
				return errors.Join(next(c), ask(c, "after?"))
			}
		})
		r.Handle("run", func(c *vk.Context) error { return c.Invoke(name, " it") })
		r.Handle("ping", func(c *vk.Context) error { return c.Send("pong") })
		bot := vktest.Config{Dispatcher: &vk.Dispatcher{Workers: 1}}.Start(t, r)
		anna := bot.User("Anna")
		for command, question := range map[string]string{"!name": "name?", "!run": "nameit?"} {
			anna.Says(command)
			for _, q := range []string{"before?", question, "after?"} {
				anna.Hears(q)
				anna.Says("x")
				anna.Hears(q + " x")
			}
			anna.Says(command)
			anna.Hears("before?")
			anna.Says("!ping")
			anna.Hears("ended")
			anna.Hears("pong")
		}
		anna.HearsNothing()
	})
}

// TestBadWaiters checks that a handler that panics or ends its goroutine
// during a wait, or after it, frees its conversation and its worker.
func TestBadWaiters(t *testing.T) {
	for _, how := range []string{"panic", "Goexit"} {
		for _, when := range []string{"in Park", "after Park", "after Ask"} {
			t.Run(how+" "+when, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					logger, _ := logTo()
					bad := func() {
						if how == "panic" {
							panic("boom")
						}
						runtime.Goexit()
					}
					r := vk.NewRouter()
					r.Handle("bad", func(c *vk.Context) error {
						switch when {
						case "in Park":
							return c.Park(func() error { time.Sleep(time.Second); bad(); return nil })
						case "after Park":
							c.Park(func() error { time.Sleep(time.Second); return nil })
						case "after Ask":
							if _, err := c.Ask("?"); err != nil {
								return err
							}
						}
						bad()
						return nil
					})
					r.Handle("ping", func(c *vk.Context) error { return c.Send("pong") })
					bot := vktest.Config{Logger: logger, Dispatcher: &vk.Dispatcher{Workers: 1, MaxEvents: 1}}.Start(t, r)
					anna := bot.User("Anna")
					for range 3 {
						anna.Says("bad")
						if when == "after Ask" {
							anna.Hears("?")
							anna.Says("x")
						}
						time.Sleep(time.Minute)
					}
					anna.Says("ping")
					anna.Hears("pong")
					anna.HearsNothing()
				})
			})
		}
	}
}

// TestBadHandlers checks that a handler that fails, panics or ends its
// goroutine loses no other event, and that its log line identifies it.
func TestBadHandlers(t *testing.T) {
	for _, tt := range []struct {
		name string
		bad  func() error
		want []string // in the log
	}{
		{"error", func() error { return errors.New("no luck") }, []string{"no luck", "level=ERROR"}},
		{"panic", func() error { panic("boom") }, []string{"panic: boom", "ask_around_test.go"}},
		{"nil pointer", func() error { var m *vk.Message; _ = m.Text; return nil }, []string{"nil pointer", "ask_around_test.go"}},
		{"nil panic", func() error { panic(nil) }, []string{"panic"}},
		{"Goexit", func() error { runtime.Goexit(); return nil }, []string{"Goexit"}},
		{"canceled", func() error { return context.Canceled }, []string{"level=INFO"}},
	} {
		for _, routed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/routed=%v", tt.name, routed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := newDiary()
					logger, log := logTo()
					h := func(c *vk.Context) error {
						if c.Text() == "bad" {
							return tt.bad()
						}
						d.note("%s", c.Text())
						return nil
					}
					var handler vk.Handler = vk.HandlerFunc(h)
					if routed {
						r := new(vk.Router)
						r.Handle("bad", h)
						r.Handle("good", h)
						handler = r
					}
					dispatcher := &vk.Dispatcher{Handler: handler, Logger: logger, Workers: 1}
					for _, text := range []string{"good", "bad", "good"} {
						dispatcher.Dispatch(t.Context(), message(t, 1, text))
					}
					dispatcher.Stop(t.Context())
					d.is(t, "0s good", "0s good")
					for _, want := range append(tt.want, "1-bad") {
						if !strings.Contains(log.String(), want) {
							t.Errorf("the log lacks %q:\n%s", want, log)
						}
					}
					if n := dispatcher.Pending(); n != 0 {
						t.Errorf("%d pending", n)
					}
				})
			})
		}
	}
}
