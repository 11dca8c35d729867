package vk_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// layers makes a bot with everything that can surround a handler. Each part
// records that it runs, and returns the error that end has under its name.
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

// around returns a middleware with both hooks, which records the error that it
// sees.
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

// TestOrderWithinRoute compares the order of calls with vk_botting's pipeline.
// It differs in three points: hooks run from the outside in and back (there:
// route, cog, bot, both times), the order of checks is the same, and errors
// travel outward through middleware.
func TestOrderWithinRoute(t *testing.T) {
	boom := errors.New("boom")
	fail := func() error { return boom }
	blow := func() error { panic(boom) }
	const (
		in      = "bot(, listener, router check, module check, route check, router(, module(, route("
		befores = ", bot before, router before, module before, route before"
		afters  = ", route after, module after, router after, bot after"
		out     = ", )route, )module, )router, )bot"
		outside = ", after an error, router after, after an error, bot after"
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
		{"error before", "!a 1", map[string]func() error{"module before": fail}, in + ", bot before, router before, module before" + outside + failed},
		{"panic before", "!a 1", map[string]func() error{"module before": blow}, in + ", bot before, router before, module before" + outside + failed},
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
}

// TestGoexitIsNoSuccess checks that an After hook gets an error if the handler
// ends its goroutine.
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
	// The inner route has its own hooks, and does not run those of the outer
	// one again.
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

// TestContextRunHasRandomIDsOfItsOwn checks that a route that runs several
// times for one event sends several messages, and the same ones when the event
// is handled again.
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

// costs returns a middleware with a claim, a Before and an After. Each records
// that it runs, and returns the error that end has under its name.
func (l *layers) costs(name string) vk.Middleware {
	return func(next vk.HandlerFunc) vk.HandlerFunc {
		return func(c *vk.Context) error {
			c.Claim(func(*vk.Context) (func(), error) {
				return func() { l.step(name + "-") }, l.step(name + "+")
			})
			c.Before(func(*vk.Context) error { return l.step("open " + name) })
			c.After(func(_ *vk.Context, err error) error {
				if err != nil {
					l.note("failed:")
				}
				return l.step("close " + name)
			})
			return next(c)
		}
	}
}

// TestClaims checks that claims are undone, the last first, if a run ends
// before the handler begins, and that they are kept once the handler begins.
func TestClaims(t *testing.T) {
	boom := errors.New("boom")
	ways := map[string]func() error{
		"an error": func() error { return boom },
		"a panic":  func() error { panic(boom) },
		"a Goexit": func() error { runtime.Goexit(); return nil },
	}
	for at, want := range map[string]string{
		"":        "a+, b+, c+, open a, open b, open c, BODY, close c, close b, close a",
		"a+":      "a+",
		"b+":      "a+, b+, a-",
		"c+":      "a+, b+, c+, b-, a-",
		"open a":  "a+, b+, c+, open a, c-, b-, a-",
		"open b":  "a+, b+, c+, open a, open b, failed:, close a, c-, b-, a-",
		"open c":  "a+, b+, c+, open a, open b, open c, failed:, close b, failed:, close a, c-, b-, a-",
		"BODY":    "a+, b+, c+, open a, open b, open c, BODY, failed:, close c, failed:, close b, failed:, close a",
		"close c": "a+, b+, c+, open a, open b, open c, BODY, close c, failed:, close b, failed:, close a",
	} {
		for way, end := range ways {
			t.Run(strings.TrimSpace(way+" in "+at), func(t *testing.T) {
				l := &layers{ends: map[string]func() error{at: end}}
				r := vk.NewRouter("!")
				r.Use(l.costs("a"))
				r.Group(func(r *vk.Router) {
					r.Use(l.costs("b"))
					r.Handle("x", func(*vk.Context) error { return l.step("BODY") }, l.costs("c"))
				})
				var err error
				done := make(chan bool)
				go func() {
					defer close(done)
					err = r.Serve(said(t, "!x"))
				}()
				<-done
				l.is(t, strings.Split(want, ", ")...)
				if way != "a Goexit" && (at != "") != errors.Is(err, boom) {
					t.Errorf("err = %v", err)
				}
			})
		}
	}
	for _, way := range []string{"a panic", "a Goexit"} {
		t.Run(way+" while giving back", func(t *testing.T) {
			l := &layers{ends: map[string]func() error{"open a": ways["an error"], "c-": ways[way]}}
			r := vk.NewRouter("!")
			r.Handle("x", nothing, l.costs("a"), l.costs("b"), l.costs("c"))
			done := make(chan bool)
			go func() { defer close(done); r.Serve(said(t, "!x")) }()
			<-done
			l.is(t, strings.Split("a+, b+, c+, open a, c-, b-, a-", ", ")...)
		})
	}
}

// again is a middleware that calls its handler three times.
func again(next vk.HandlerFunc) vk.HandlerFunc {
	return func(c *vk.Context) error { return errors.Join(next(c), next(c), next(c)) }
}

// TestHooksOfSeveralRuns checks that a hook belongs to the call of next that
// it was added in, and that a claim that was kept is not made again.
func TestHooksOfSeveralRuns(t *testing.T) {
	var l layers
	body := func(*vk.Context) error { return l.step("BODY") }
	r := vk.NewRouter("!")
	r.Handle("inside", body, l.costs("a"), again)
	r.Handle("outside", body, again, l.costs("a"))
	const once = "a+, open a, BODY, close a"
	for text, want := range map[string]string{
		"!inside":  once + ", open a, BODY, close a, open a, BODY, close a",
		"!outside": once + ", " + once + ", " + once,
	} {
		l.trace = nil
		if err := r.Serve(said(t, text)); err != nil {
			t.Error(text, err)
		}
		l.is(t, strings.Split(want, ", ")...)
	}
}

// TestHooksOfNotFound checks that the hooks of a NotFound, which have run, do
// not run again for a route that it invokes.
func TestHooksOfNotFound(t *testing.T) {
	var l layers
	var x *vk.Route
	r := vk.NewRouter("!")
	r.Group(func(r *vk.Router) { x = r.Handle("x", func(*vk.Context) error { return l.step("BODY") }) })
	in := vk.NewRouter("!")
	in.Use(l.costs("a"))
	in.NotFound(func(c *vk.Context) error { return c.Invoke(x, "") })
	bot := vk.Wrap(in, l.costs("bot"))
	if err := bot.Serve(said(t, "!y")); err != nil {
		t.Error(err)
	}
	l.is(t, strings.Split("bot+, a+, open bot, open a, BODY, close a, close bot", ", ")...)
}

// TestHooksOfHooks checks that After acts like a defer in a hook and in the
// handler, and that hooks that are added too late panic.
func TestHooksOfHooks(t *testing.T) {
	var l layers
	defers := func(name string) vk.HandlerFunc {
		return func(c *vk.Context) error {
			c.After(func(*vk.Context, error) error { return l.step("undo " + name) })
			return l.step(name)
		}
	}
	hooks := func(next vk.HandlerFunc) vk.HandlerFunc {
		return func(c *vk.Context) error {
			c.Before(defers("open"))
			c.Before(func(*vk.Context) error { return l.step("check") })
			return next(c)
		}
	}
	boom := errors.New("boom")
	r := vk.NewRouter("!")
	r.Handle("x", defers("BODY"), hooks)
	r.Serve(said(t, "!x"))
	l.is(t, "open", "check", "BODY", "undo BODY", "undo open")
	l.ends = map[string]func() error{"check": func() error { return boom }}
	l.trace = nil
	r.Serve(said(t, "!x"))
	l.is(t, "open", "check", "undo open")

	for name, f := range map[string]vk.HandlerFunc{
		"Claim":  func(c *vk.Context) error { c.Claim(func(*vk.Context) (func(), error) { return nil, nil }); return nil },
		"Before": func(c *vk.Context) error { c.Before(func(*vk.Context) error { return nil }); return nil },
	} {
		r := vk.NewRouter("!")
		r.Handle("x", f)
		var p *vk.PanicError
		if err := r.Serve(said(t, "!x")); !errors.As(err, &p) || !strings.Contains(err.Error(), name+": the handler's hooks have started") {
			t.Error(name, err)
		}
	}
}
