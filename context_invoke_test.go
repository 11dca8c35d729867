package vk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// layers is a bot with all that can be around a handler, each of which notes
// that it runs, and ends as end says by its name.
type layers struct {
	trace
	ends map[string]func() error
	rt   *vk.Route
}

func (l *layers) step(name string) error {
	l.note(name)
	if end := l.ends[name]; end != nil {
		return end()
	}
	return nil
}

func (l *layers) check(name string) vk.Check {
	return func(*vk.Context) error { return l.step(name) }
}

// around is a middleware with both hooks, which notes the error that it sees.
func (l *layers) around(name string) vk.Middleware {
	return func(next vk.HandlerFunc) vk.HandlerFunc {
		return func(c *vk.Context) error {
			l.note(name + "(")
			c.Before(func(*vk.Context) error { return l.step(name + " before") })
			c.After(func(_ *vk.Context, err error) error {
				if err != nil {
					l.note("after an error")
				}
				return l.step(name + " after")
			})
			err := next(c)
			if err != nil {
				l.note(")" + name + " error")
			} else {
				l.note(")" + name)
			}
			return err
		}
	}
}

func (l *layers) serve(t *testing.T, text string) error {
	r := vk.NewRouter("!")
	r.Check(l.check("router check"))
	r.Use(l.around("router"))
	_, err := r.Mount("m", func(r *vk.Router) error {
		r.Check(l.check("module check"))
		r.Use(l.around("module"))
		l.rt = r.Add(vk.Route{
			Pattern: "a {n:int}",
			Checks:  []vk.Check{l.check("route check")},
			Use:     []vk.Middleware{l.around("route")},
			Handler: func(*vk.Context) error { return l.step("BODY") },
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	vk.On(r, vk.EventMessageNew, func(*vk.Context, *vk.MessageNew) error { return l.step("listener") })
	l.rt.SetEnabled(l.ends["disabled"] == nil)
	// The middleware of the whole bot.
	return l.around("bot")(r.Serve)(said(t, text))
}

// TestOrderWithinRoute is the log of vk_botting's pipeline. It differs in that
// hooks run from the outside in and back (there: route, cog, bot, both times),
// that the order of checks is the same, and that errors travel outward through
// middleware.
func TestOrderWithinRoute(t *testing.T) {
	boom := errors.New("boom")
	fail := func() error { return boom }
	blow := func() error { panic(boom) }
	const (
		in      = "bot(, listener, router check, module check, route check, router(, module(, route("
		befores = ", bot before, router before, module before, route before"
		afters  = ", route after, module after, router after, bot after"
		out     = ", )route, )module, )router, )bot"
		failed  = ", )route error, )module error, )router error, )bot error"
	)
	failing := strings.ReplaceAll(afters, ", ", ", after an error, ")
	for _, tt := range []struct {
		name string
		text string
		ends map[string]func() error
		want string
	}{
		{"all is well", "!a 1", nil, in + befores + ", BODY" + afters + out},
		{"error of the handler", "!a 1", map[string]func() error{"BODY": fail}, in + befores + ", BODY" + failing + failed},
		{"bad argument", "!a x", nil, in + failed},
		{"missing argument", "!a", nil, in + failed},
		{"disabled", "!a 1", map[string]func() error{"disabled": fail}, strings.ReplaceAll(in, "router check, module check, route check, ", "") + failed},
		{"refused by the router", "!a 1", map[string]func() error{"router check": fail}, strings.ReplaceAll(in, "module check, route check, ", "") + failed},
		{"refused by the module", "!a 1", map[string]func() error{"module check": fail}, strings.ReplaceAll(in, "route check, ", "") + failed},
		{"refused by the route", "!a 1", map[string]func() error{"route check": fail}, in + failed},
		{"panic of a check", "!a 1", map[string]func() error{"module check": blow}, strings.ReplaceAll(in, "route check, ", "") + failed},
		{"error before", "!a 1", map[string]func() error{"module before": fail}, in + ", bot before, router before, module before" + failed},
		{"error after", "!a 1", map[string]func() error{"module after": fail}, in + befores + ", BODY, route after, module after, after an error, router after, after an error, bot after" + failed},
		{"errors of both", "!a 1", map[string]func() error{"BODY": fail, "route after": fail}, in + befores + ", BODY" + failing + failed},
		{"panic of the handler", "!a 1", map[string]func() error{"BODY": blow}, in + befores + ", BODY" + failing + failed},
		{"panic after", "!a 1", map[string]func() error{"router after": blow}, in + befores + ", BODY, route after, module after, router after, after an error, bot after" + failed},
		{"error of a listener", "!a 1", map[string]func() error{"listener": fail}, in + befores + ", BODY" + afters + ", )route, )module, )router, )bot error"},
		{"no such command", "!b", nil, "bot(, listener, router(, )router error, )bot error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := &layers{ends: tt.ends}
			err := l.serve(t, tt.text)
			if (err == nil) != strings.HasSuffix(tt.want, ")bot") {
				t.Errorf("err = %v", err)
			}
			l.is(t, strings.Split(tt.want, ", ")...)

			var (
				refused *vk.CheckError
				arg     *vk.ArgError
				panicky *vk.PanicError
			)
			is := map[string]bool{
				"refused":  errors.As(err, &refused) && errors.Is(refused, boom),
				"disabled": errors.Is(err, vk.ErrDisabled),
				"argument": errors.As(err, &arg),
				"panic":    errors.As(err, &panicky),
				"error":    err != nil && errors.Is(err, boom) && !errors.As(err, &refused),
			}
			for what, is := range is {
				want := strings.Contains(tt.name, what)
				if what == "error" {
					want = want || strings.Contains(tt.name, "panic")
				}
				if is != want {
					t.Errorf("%s: %t, %v", what, is, err)
				}
			}
		})
	}

	t.Run("panic of a Before", func(t *testing.T) {
		l := &layers{ends: map[string]func() error{"module before": blow}}
		var p *vk.PanicError
		if err := l.serve(t, "!a 1"); !errors.As(err, &p) {
			t.Error(err)
		}
		l.is(t, strings.Split(in+", bot before, router before, module before, )bot error", ", ")...) // as any panic without Recover
	})
}

// What an After hook is told, when the handler ends its goroutine: that it is
// no success.
func TestGoexitIsNoSuccess(t *testing.T) {
	r := vk.NewRouter("!")
	var told error
	r.Use(func(next vk.HandlerFunc) vk.HandlerFunc {
		return func(c *vk.Context) error {
			c.After(func(_ *vk.Context, err error) error { told = err; return nil })
			return next(c)
		}
	})
	r.Handle("a", func(*vk.Context) error { runtime.Goexit(); return nil })
	logger, logged := logTo()
	d := &vk.Dispatcher{Handler: r, Logger: logger}
	if err := d.Dispatch(t.Context(), said(t, "!a").Event()); err != nil {
		t.Fatal(err)
	}
	d.Stop(t.Context())
	if told == nil || !strings.Contains(logged.String(), "Goexit") {
		t.Errorf("told %v, logged %s", told, logged)
	}
}

func TestHookErrorsKeepTheHandlers(t *testing.T) {
	one, two := errors.New("one"), errors.New("two")
	r := vk.NewRouter("!")
	hook := func(f func() error) vk.Middleware {
		return func(next vk.HandlerFunc) vk.HandlerFunc {
			return func(c *vk.Context) error {
				c.After(func(*vk.Context, error) error { return f() })
				return next(c)
			}
		}
	}
	r.Handle("a", func(*vk.Context) error { return one }, hook(func() error { return two }))
	r.Handle("b", func(*vk.Context) error { return one }, hook(func() error { panic(two) }))
	for _, text := range []string{"!a", "!b"} {
		if err := r.Serve(said(t, text)); !errors.Is(err, one) || !errors.Is(err, two) {
			t.Error(text, err)
		}
	}
}

func TestRouteAllowed(t *testing.T) {
	var ran trace
	no := errors.New("no")
	var route *vk.Route
	r := vk.NewRouter("!")
	remove := r.Check(func(c *vk.Context) error { ran.note("router"); route = c.Route(); return nil })
	var rt *vk.Route
	r.Group(func(r *vk.Router) {
		r.Use(ran.around("use"))
		rt = r.Add(vk.Route{Pattern: "a {x}", Handler: ran.handler("a"), Checks: []vk.Check{
			func(*vk.Context) error { ran.note("first"); return nil },
			func(*vk.Context) error { ran.note("second"); return no },
			func(*vk.Context) error { ran.note("third"); return nil },
		}})
	})
	var refused *vk.CheckError
	if err := rt.Allowed(said(t, "!help")); !errors.As(err, &refused) || !errors.Is(err, no) {
		t.Error(err)
	}
	ran.is(t, "router", "first", "second")
	if route != rt {
		t.Error("the check sees another route:", route)
	}
	remove()
	remove()
	rt.SetEnabled(false)
	if err := rt.Allowed(said(t, "!help")); !errors.Is(err, vk.ErrDisabled) || rt.Enabled() {
		t.Error(err)
	}
	ran.is(t)
	rt.SetEnabled(true)
	rt.Allowed(said(t, "!help"))
	ran.is(t, "first", "second")
}

func TestContextRun(t *testing.T) {
	var ran trace
	no := errors.New("no")
	r := vk.NewRouter("!")
	hooks := func(name string) vk.Middleware {
		return func(next vk.HandlerFunc) vk.HandlerFunc {
			return func(c *vk.Context) error {
				c.Before(func(*vk.Context) error { ran.note(name + " before"); return nil })
				c.After(func(*vk.Context, error) error { ran.note(name + " after"); return nil })
				return next(c)
			}
		}
	}
	r.Use(ran.around("use"))
	var ban, loop *vk.Route
	ban = r.Handle("ban {x} {n:int=1}", func(c *vk.Context) error {
		ran.note(fmt.Sprintf("%s|%s|%s|%s|%s", c.Prefix(), c.Route().Pattern, c.Line(), c.Arg("x"), c.Arg("n")))
		return nil
	}, hooks("ban"))
	r.Handle("b {x}", func(c *vk.Context) error {
		err := c.Invoke(ban, c.Line()+" 5")
		ran.note("back in " + c.Route().Pattern + ": " + c.Arg("x"))
		return err
	}, hooks("b"))
	closed := r.Add(vk.Route{Pattern: "closed", Checks: []vk.Check{func(*vk.Context) error { return no }}, Handler: ran.handler("closed")})
	r.Handle("try", func(c *vk.Context) error { return c.Invoke(closed, "") })
	r.Handle("wrong", func(c *vk.Context) error { return c.Invoke(ban, "anna x") })
	r.Handle("none", func(c *vk.Context) error {
		return errors.Join(c.Invoke(nil, ""), c.Invoke(&vk.Route{Handler: nothing}, ""))
	})
	loops := 0
	loop = r.Handle("loop", func(c *vk.Context) error { loops++; return c.Invoke(loop, "") })

	if err := r.Serve(said(t, "!b anna")); err != nil {
		t.Error(err)
	}
	// The inner route has its own hooks, not those of the outer one again.
	ran.is(t, "use(", "b before", "use(", "ban before", "!|ban {x} {n:int=1}|anna 5|anna|5", "ban after", ")use", "back in b {x}: anna", "b after", ")use")

	if err := r.Serve(said(t, "!try")); !errors.Is(err, no) {
		t.Error(err)
	}
	var arg *vk.ArgError
	if err := r.Serve(said(t, "!wrong")); !errors.As(err, &arg) || arg.Usage != "!ban {x} {n:int=1}" {
		t.Error(err)
	}
	if err := r.Serve(said(t, "!none")); err == nil || strings.Count(err.Error(), "not returned by a Router") != 2 {
		t.Error(err)
	}
	if err := r.Serve(said(t, "!loop")); err == nil || loops != 16 || !strings.Contains(err.Error(), "16 routes run each other") {
		t.Error(loops, err)
	}
}

// A route that is run several times for one event sends several messages, and
// the same ones when the event comes again.
func TestContextRunHasRandomIDsOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := vk.NewRouter("!")
		say := r.Handle("say", func(c *vk.Context) error { return c.Send("x") })
		r.Handle("go", func(c *vk.Context) error {
			return errors.Join(c.Send("x"), c.Invoke(say, ""), c.Invoke(say, ""), say.Handler(c))
		})
		again := vk.HandlerFunc(func(c *vk.Context) error { return errors.Join(r.Serve(c), r.Serve(c)) })
		bot := vktest.Start(t, again)
		anna := bot.User("Anna")
		anna.Says("!go")
		for range 4 {
			anna.Hears("x")
		}
		anna.HearsNothing()
	})
}

func TestContextInvoked(t *testing.T) {
	r := vk.NewRouter("!")
	var got string
	note := func(c *vk.Context) error { got = c.Invoked() + "|" + c.Line(); return nil }
	r.Handle("a|b c|d {x...?}", note)
	r.NotFound(note)
	r.Text("hello", note)
	for text, want := range map[string]string{
		"!a c":            "a c|",
		"!b  \n d  x  y ": "b  \n d|x  y",
		"!nope at all":    "nope|nope at all",
		"hello":           "|",
	} {
		got = ""
		if err := r.Serve(said(t, text)); err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
	button := happened(t, "message_event", `{"user_id":5,"peer_id":5,"payload":{"command":" a  c 1"}}`)
	if err := r.Serve(button); err != nil || got != "a  c|1" {
		t.Error(got, err)
	}
}

func TestContextAuthorAndSelf(t *testing.T) {
	fake := vktest.NewServer()
	defer fake.Close()
	anna := fake.User("Anna")
	event := func(from, group int64) *vk.Context {
		e, err := vk.ParseEvent(fmt.Appendf(nil, `{"type":"message_new","group_id":%d,"object":{"message":{"from_id":%d,"peer_id":2000000001}}}`, group, from))
		if err != nil {
			t.Fatal(err)
		}
		return vk.NewContext(t.Context(), fake.Client(), e)
	}
	self, err := fake.Client().Self(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	group := -self.PeerID
	for _, tt := range []struct {
		name string
		page func() (vk.Profile, error)
		want int64
	}{
		{"person", func() (vk.Profile, error) { return event(anna.ID, group).Author(vk.Fields("sex")) }, anna.ID},
		{"community", func() (vk.Profile, error) { return event(-group, group).Author() }, -group},
		{"nobody", func() (vk.Profile, error) { return event(0, group).Author() }, 0},
		{"somebody who is not", func() (vk.Profile, error) { return event(987654321, group).Author() }, 0},
		{"self", func() (vk.Profile, error) { return event(anna.ID, group).Self() }, -group},
		{"self without a community", func() (vk.Profile, error) { return event(anna.ID, 0).Self() }, 0},
	} {
		p, err := tt.page()
		if p.PeerID != tt.want || (err == nil) != (tt.want != 0) || err != nil && !errors.Is(err, vk.ErrNotFound) {
			t.Errorf("%s: %+v, %v", tt.name, p, err)
		}
	}
}

// TestFullMessage: a message that VK has cropped is fetched once, any other not
// at all.
func TestFullMessage(t *testing.T) {
	for _, tt := range []struct {
		name                  string
		photos                int
		inEvent, whole, calls int
	}{
		{"whole", 5, 5, 5, 0},
		{"cropped", 8, 1, 8, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := vk.NewRouter("!")
				r.Handle("album", func(c *vk.Context) error {
					m, err := c.Message()
					if err != nil {
						return err
					}
					before := len(m.Attachments)
					for range 2 {
						if m, err = c.FullMessage(); err != nil {
							return err
						}
					}
					same, err := c.Message()
					return errors.Join(err, c.Send(fmt.Sprint(before, len(m.Attachments), m.Cropped, m == same)))
				})
				bot := vktest.Start(t, r)
				anna := bot.User("Anna")
				in := anna.In(bot.Chat("Tea", anna))
				in.Says("!album", slices.Repeat([]vktest.Attachment{vktest.Photo(600, 400)}, tt.photos)...)
				in.Hears(fmt.Sprint(tt.inEvent, tt.whole, false, true))
				if n := len(bot.Calls("messages.getByConversationMessageId")); n != tt.calls {
					t.Errorf("%d calls", n)
				}
			})
		})
	}
	t.Run("gone", func(t *testing.T) {
		c := happened(t, "message_new", `{"message":{"peer_id":5,"conversation_message_id":7,"is_cropped":true}}`)
		client := vk.NewClient("token")
		client.Use(func(vk.CallFunc) vk.CallFunc {
			return func(context.Context, string, vk.Params) (json.RawMessage, error) {
				return json.RawMessage(`{"count":0,"items":[]}`), nil
			}
		})
		if m, err := vk.NewContext(c, client, c.Event()).FullMessage(); !errors.Is(err, vk.ErrNotFound) {
			t.Errorf("%v, %v", m, err)
		}
		if m, err := happened(t, "group_join", `{"user_id":5}`).FullMessage(); err == nil {
			t.Errorf("%v", m)
		}
	})
}
