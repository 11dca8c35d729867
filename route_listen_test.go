package vk_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// TestListenersOfDerivedKinds checks that an event reaches the listeners of
// its kind, of its derived kind, and of all kinds, in the order in which they
// were added.
func TestListenersOfDerivedKinds(t *testing.T) {
	var ran trace
	r := new(vk.Router)
	any := func(name string) func() {
		return r.Listen(func(c *vk.Context) error { ran.note(name + " " + c.Event().Kind); return nil })
	}
	on := func(name string, k vk.Kind[json.RawMessage]) {
		vk.On(r, k, func(c *vk.Context, e *json.RawMessage) error {
			if len(*e) == 0 || (*e)[0] != '{' {
				t.Errorf("object %s", *e)
			}
			ran.note(name)
			return nil
		})
	}
	on("kick 1", "message_new.chat_kick_user")
	remove := any("any 1")
	on("new", "message_new")
	on("start", "message_new.start")
	on("kick 2", "message_new.chat_kick_user")
	any("any 2")
	on("other", "new_kind.x")

	serve := func(kind, derived string) {
		c := happened(t, kind, `{"message":{"peer_id":5,"from_id":5}}`)
		c.Event().Derived = derived
		if err := r.Serve(c); err != nil {
			t.Error(err)
		}
	}
	serve("message_new", "message_new.chat_kick_user")
	ran.is(t, "kick 1", "any 1 message_new", "new", "kick 2", "any 2 message_new")
	serve("message_new", "message_new.start")
	ran.is(t, "any 1 message_new", "new", "start", "any 2 message_new")
	serve("message_new", "message_new.chat_new_thing")
	ran.is(t, "any 1 message_new", "new", "any 2 message_new")
	serve("message_new", "")
	ran.is(t, "any 1 message_new", "new", "any 2 message_new")
	serve("new_kind", "new_kind.x")
	ran.is(t, "any 1 new_kind", "any 2 new_kind", "other")
	remove()
	serve("wholly_new", "")
	ran.is(t, "any 2 wholly_new")
}

// TestServiceMessagesAreForListeners checks that a chat's service message is
// not a command and meets no condition, whatever its text, while the Start
// button does both.
func TestServiceMessagesAreForListeners(t *testing.T) {
	for derived, want := range map[string][]string{
		"":                          {"a"},
		"message_new.start":         {"a"},
		"message_new.chat_new":      nil,
		"message_new.chat_kick_usr": nil,
	} {
		var ran trace
		r := new(vk.Router)
		r.Handle("a", ran.handler("a"))
		r.Text("a", ran.handler("text"))
		r.When(vk.If(func(*vk.Context) bool { return true }), ran.handler("any"))
		c := said(t, "a")
		c.Event().Derived = derived
		if err := r.Serve(c); err != nil {
			t.Error(err)
		}
		ran.is(t, want...)
	}
}

// TestHandlersHaveNamesOfTheirOwn checks that handlers have distinct names,
// which random ids are derived from: with the same name, VK would drop the
// second message as a duplicate of the first. Two listeners of one line,
// handlers without a name, and the middleware of the whole bot need distinct
// names, too.
func TestHandlersHaveNamesOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := vk.NewRouter("!")
		r.Use(func(next vk.HandlerFunc) vk.HandlerFunc {
			return func(c *vk.Context) error { c.Send("x"); return next(c) }
		})
		var remove func()
		for range 3 {
			remove = vk.On(r, vk.EventMessageNew, func(c *vk.Context, e *vk.MessageNew) error { return c.Send("x") })
		}
		remove()
		r.Handle("a", func(c *vk.Context) error { return c.Send("x") })
		r.Route("in", func(r *vk.Router) {
			r.NotFound(func(c *vk.Context) error { return c.Send("x") })
		})
		bot := vktest.Start(t, vk.HandlerFunc(func(c *vk.Context) error { c.Send("x"); return r.Serve(c) }))
		anna := bot.User("Anna")
		for text, n := range map[string]int{"chatter": 3, "!a": 5, "!x": 4, "!in x": 5} {
			anna.Says(text)
			for range n {
				anna.Hears("x")
			}
			anna.HearsNothing()
		}
	})
}

func TestListenersInOrderThenRoute(t *testing.T) {
	var ran trace
	r := vk.NewRouter("!")
	listen := func(r *vk.Router, name string) (remove func()) {
		return vk.On(r, vk.EventMessageNew, func(c *vk.Context, e *vk.MessageNew) error {
			ran.note(name + " " + e.Message.Text)
			return nil
		})
	}
	listen(r, "1")
	r.Handle("a", ran.handler("a"))
	remove := listen(r, "2")
	r.Route("in", func(r *vk.Router) { listen(r, "3") })
	vk.On(r, vk.EventMessageEdit, func(*vk.Context, *vk.Message) error { ran.note("edit"); return nil })

	r.Serve(said(t, "!a"))
	ran.is(t, "1 !a", "2 !a", "3 !a", "a")
	remove()
	remove() // a second call does nothing
	listen(r, "4")
	r.Serve(said(t, "!a"))
	ran.is(t, "1 !a", "3 !a", "4 !a", "a")
	r.Serve(happened(t, "message_edit", `{"peer_id":5,"text":"!a"}`))
	ran.is(t, "edit")
	r.Serve(happened(t, "group_join", `{"user_id":5}`))
	ran.is(t)
}

// TestListenersShareTheObject checks that the listeners of an event share one
// object, and that listeners of another type get another.
func TestListenersShareTheObject(t *testing.T) {
	r := vk.NewRouter()
	var got []any
	for range 2 {
		vk.On(r, "thing", func(_ *vk.Context, e *struct{ N int }) error { got = append(got, e); return nil })
		vk.On(r, "thing", func(_ *vk.Context, e *json.RawMessage) error { got = append(got, e); return nil })
	}
	serve := func() {
		got = nil
		if err := r.Serve(happened(t, "thing", `{"n":5}`)); err != nil {
			t.Fatal(err)
		}
	}
	serve()
	first := got[0].(*struct{ N int })
	if first.N != 5 || string(*got[1].(*json.RawMessage)) != `{"n":5}` {
		t.Errorf("the listeners got %v", got)
	}
	if got[2] != got[0] {
		t.Error("the object was decoded twice")
	}
	if serve(); got[0] == first {
		t.Error("two events share an object")
	}
}

func TestListenerOfAnyKindAndType(t *testing.T) {
	type like struct {
		LikerID int64 `json:"liker_id"`
	}
	r := new(vk.Router)
	got := int64(0)
	vk.On(r, "like_of_tomorrow", func(c *vk.Context, e *like) error { got = e.LikerID; return nil })
	if err := r.Serve(happened(t, "like_of_tomorrow", `{"liker_id":7}`)); err != nil || got != 7 {
		t.Error(got, err)
	}
}

// TestHandlersDoNotStopOthers checks that no handler stops the next by an
// error, by a panic, or by ending the goroutine.
func TestHandlersDoNotStopOthers(t *testing.T) {
	boom := errors.New("boom")
	ends := map[string]func() error{
		"returns nil":   func() error { return nil },
		"returns error": func() error { return boom },
		"panics":        func() error { panic(boom) },
		"calls Goexit":  func() error { runtime.Goexit(); return nil },
	}
	for first, one := range ends {
		for second, two := range ends {
			t.Run(first+", "+second, func(t *testing.T) {
				logger, logged := logTo()
				var ran trace
				r := vk.NewRouter("!")
				listener := func(name string, end func() error) {
					vk.On(r, vk.EventMessageNew, func(*vk.Context, *vk.MessageNew) error { ran.note(name); return end() })
				}
				listener("1", one)
				listener("2", ends["returns error"])
				listener("3", two)
				r.Handle("a", func(*vk.Context) error { ran.note("a"); return boom })

				// A Dispatcher runs this, because a handler that ends the
				// goroutine returns no error; it is logged.
				d := &vk.Dispatcher{Handler: r, Logger: logger}
				if err := d.Dispatch(t.Context(), said(t, "!a").Event()); err != nil {
					t.Fatal(err)
				}
				d.Stop(t.Context())
				ran.is(t, "1", "2", "3", "a")
				want := 2 // listeners 2 and a
				for _, end := range []string{first, second} {
					if end != "returns nil" {
						want++
					}
				}
				if n := strings.Count(logged.String(), "handler failed"); n != want {
					t.Errorf("%d errors logged, want %d:\n%s", n, want, logged)
				}
				for name, n := range map[string]int{"route_listen_test.go": want - 1, "vk: a: boom": 1} {
					if strings.Count(logged.String(), name) < n {
						t.Errorf("%s is not named %d times:\n%s", name, n, logged)
					}
				}
			})
		}
	}
}

func TestServeReturnsAllErrors(t *testing.T) {
	boom, bang := errors.New("boom"), errors.New("bang")
	r := vk.NewRouter("!")
	vk.On(r, vk.EventMessageNew, func(*vk.Context, *vk.MessageNew) error { return boom })
	vk.On(r, vk.EventMessageNew, func(*vk.Context, *vk.MessageNew) error { panic("bang") })
	r.Handle("a b", func(*vk.Context) error { return bang })
	err := r.Serve(said(t, "!a b"))
	var p *vk.PanicError
	if !errors.Is(err, boom) || !errors.Is(err, bang) || !errors.As(err, &p) || p.Value != "bang" {
		t.Fatal(err)
	}
	lines := strings.Split(err.Error(), "\n")
	for i, want := range []string{"vk: listener of message_new at route_listen_test.go:", "vk: listener of message_new at route_listen_test.go:", "vk: a b: bang"} {
		if len(lines) != 3 || !strings.HasPrefix(lines[i], want) {
			t.Errorf("line %d does not begin with %q: %s", i, want, err)
		}
	}
	if err := r.Serve(said(t, "x")); !errors.Is(err, boom) || errors.Is(err, bang) {
		t.Error(err)
	}
}

func TestPrefixThatPanicsIsAnError(t *testing.T) {
	r := &vk.Router{Prefix: func(*vk.Context) (string, bool) { panic("boom") }}
	r.Handle("a", func(*vk.Context) error { t.Error("the route ran"); return nil })
	err := r.Serve(said(t, "a"))
	var p *vk.PanicError
	if !errors.As(err, &p) || p.Value != "boom" || !strings.HasPrefix(err.Error(), "vk: Prefix: ") {
		t.Error(err)
	}
}

// TestRouterRegistersWhileServing checks that handlers registered while the
// Router serves get the next event, and that an event in progress keeps its
// handlers.
func TestRouterRegistersWhileServing(t *testing.T) {
	t.Run("from handlers", func(t *testing.T) {
		var ran trace
		r := vk.NewRouter("!")
		vk.On(r, vk.EventMessageNew, func(*vk.Context, *vk.MessageNew) error {
			ran.note("listener")
			vk.On(r, vk.EventMessageNew, func(*vk.Context, *vk.MessageNew) error { ran.note("new listener"); return nil })
			r.Handle("b", ran.handler("b"))
			return nil
		})
		a := r.Handle("a", ran.handler("a"))
		if err := r.Serve(said(t, "!b")); err == nil {
			t.Error("a route from after the event's beginning")
		}
		ran.is(t, "listener")
		r.Remove(a)
		var p *vk.PanicError
		if err := r.Serve(said(t, "!b")); !errors.As(err, &p) { // b is already there
			t.Error(err)
		}
		ran.is(t, "listener", "new listener", "b")
	})
	t.Run("from goroutines", func(t *testing.T) {
		r := vk.NewRouter("!")
		r.Handle("a", nothing)
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				for range 50 {
					r.Group(func(r *vk.Router) {
						r.Use(func(next vk.HandlerFunc) vk.HandlerFunc { return next })
						rt := r.Handle(fmt.Sprintf("b %d", i), nothing)
						remove := vk.On(r, vk.EventMessageNew, func(*vk.Context, *vk.MessageNew) error { return nil })
						if err := r.Serve(said(t, fmt.Sprintf("!b %d", i))); err != nil {
							t.Error(err)
						}
						remove()
						r.Remove(rt)
					})
				}
			})
			wg.Go(func() {
				for range 50 {
					if err := r.Serve(said(t, "!a")); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		var unknown *vk.NotFoundError
		if err := r.Serve(said(t, "!b 0")); !errors.As(err, &unknown) {
			t.Error(err)
		}
		if diff := cmp.Diff("!b 0", unknown.Prefix+unknown.Line); diff != "" {
			t.Error(diff)
		}
	})
}
