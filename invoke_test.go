package vk_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

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
