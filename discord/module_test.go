package discord_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/discordtest"
)

// typed returns the Context of a message.
func typed(t *testing.T, text string) *discord.Context {
	t.Helper()
	return discord.NewContext(t.Context(), nil, event(t, "MESSAGE_CREATE", fmt.Sprintf(`{"id":"1","channel_id":"2","author":{"id":"3"},"content":%q}`, text)))
}

// pressed returns the Context of a press.
func pressed(t *testing.T, id string) *discord.Context {
	t.Helper()
	return discord.NewContext(t.Context(), nil, event(t, "INTERACTION_CREATE", fmt.Sprintf(`{"id":"1","type":3,"channel_id":"2","user":{"id":"3"},"data":{"custom_id":%q}}`, id)))
}

// A ran is the handlers that have run.
type ran []string

// as returns a handler that notes its name.
func (r *ran) as(name string) discord.HandlerFunc {
	return func(*discord.Context) error { *r = append(*r, name); return nil }
}

// is checks the handlers that have run since the last call.
func (r *ran) is(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(*r, want) {
		t.Errorf("these ran: %q, want %q", []string(*r), want)
	}
	*r = nil
}

// TestMount: routes and listeners of a module come and go together.
func TestMount(t *testing.T) {
	var ran ran
	r := discord.NewRouter("!")
	r.Use(func(next discord.HandlerFunc) discord.HandlerFunc {
		return func(c *discord.Context) error { ran.as("use")(c); return next(c) }
	})
	module := func(name string) func(*discord.Router) error {
		return func(r *discord.Router) error {
			r.Route("g", func(r *discord.Router) { r.Handle("a", ran.as(name)) })
			r.Press("p", ran.as(name))
			r.Text("text", ran.as(name))
			discord.On(r, discord.EventTypingStart, func(c *discord.Context, _ *discord.TypingStart) error { return ran.as(name)(c) })
			return nil
		}
	}
	all := func() {
		r.Serve(typed(t, "!g a"))
		r.Serve(typed(t, "text"))
		r.Serve(pressed(t, "p"))
		r.Serve(discord.NewContext(t.Context(), nil, event(t, "TYPING_START", `{}`)))
	}
	m, err := r.Mount("m", module("1"))
	if err != nil {
		t.Fatal(err)
	}
	all()
	ran.is(t, "use", "1", "use", "1", "use", "1", "use", "1")
	defs, err := r.Commands()
	if err != nil || len(defs) != 1 || defs[0].Name != "g" {
		t.Errorf("the definitions are %v, %v", defs, err)
	}
	if rt, ok := r.Lookup("g a"); !ok || rt.Module() != m || m.Name() != "m" || len(slices.Collect(m.Walk())) != 3 {
		t.Error("the module has not its routes")
	}
	if found, ok := r.Module("m"); !ok || found != m {
		t.Error("the module is not found")
	}
	old, _ := r.Lookup("g a")
	if err := m.Swap(module("2")); err != nil {
		t.Fatal(err)
	}
	all()
	ran.is(t, "use", "2", "use", "2", "use", "2", "use", "2")
	if r.Remove(old) {
		t.Error("a route of the old edition was there")
	}
	if err := m.Unmount(); err != nil {
		t.Fatal(err)
	}
	all()
	ran.is(t) // there is no route that could answer
	if _, ok := r.Module("m"); ok || len(slices.Collect(m.Walk())) != 0 || len(slices.Collect(r.Walk())) != 0 {
		t.Error("something is left of the module")
	}
	for _, err := range []error{m.Unmount(), m.Swap(module("3"))} {
		var wrong *discord.ModuleError
		if !errors.Is(err, discord.ErrUnmounted) || !errors.As(err, &wrong) || wrong.Name != "m" {
			t.Errorf("%v", err)
		}
	}
	if _, err := r.Mount("m", module("4")); err != nil {
		t.Errorf("the name is not free: %v", err)
	}
}

// TestMountFails: everything is as before, and the cleanups of the module run.
func TestMountFails(t *testing.T) {
	nothing := func(*discord.Context) error { return nil }
	for _, tt := range []struct {
		name, module string
		f            func(r *discord.Router) error
		want         error
		text         string // at the beginning of the error
	}{
		{"an error", "x", func(*discord.Router) error { return errBroken }, errBroken, `discord: mount module "x": broken`},
		{"a panic", "x", func(*discord.Router) error { panic(errBroken) }, errBroken, `discord: mount module "x": panic: broken`},
		{"no function", "x", nil, nil, `discord: mount module "x": nil function`},
		{"a name that is taken", "m", func(*discord.Router) error { return nil }, discord.ErrMounted, `discord: mount module "m": another module has the name "m" (at module_test.go:`},
		{"words that are taken", "x", func(r *discord.Router) error { r.Handle("a", nothing); return nil }, nil,
			`discord: mount module "x": pattern "a" (at module_test.go:`},
		{"a mistake", "x", func(r *discord.Router) error { r.Handle("b {", nothing); return nil }, nil, `discord: mount module "x": pattern "b {" (at module_test.go:`},
		{"no slash command", "x", func(r *discord.Router) error { r.Handle("a b", nothing); return nil }, nil, `discord: mount module "x": pattern "a b" (at module_test.go:`},
		{"a Prefix", "x", func(r *discord.Router) error { r.Prefix = discord.Literal("?"); return nil }, nil, `discord: mount module "x": only the outermost Router has a Prefix`},
		{"inside of it", "x", func(r *discord.Router) error {
			_, err := r.Mount("y", func(r *discord.Router) error { r.Handle("a", nothing); return nil })
			return err
		}, nil, `discord: mount module "x": pattern "a" (at`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := discord.NewRouter("!")
			if _, err := r.Mount("m", func(r *discord.Router) error { r.Handle("a", nothing); return nil }); err != nil {
				t.Fatal(err)
			}
			cleaned := false
			f := tt.f
			if f != nil {
				f = func(r *discord.Router) error {
					r.Cleanup(func() { cleaned = true })
					r.Handle("other", nothing)
					return tt.f(r)
				}
			}
			m, err := r.Mount(tt.module, f)
			if m != nil || err == nil || !strings.HasPrefix(err.Error(), tt.text) || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("%v, want %s", err, tt.text)
			}
			if tt.f != nil && !cleaned {
				t.Error("the cleanup has not run")
			}
			if _, ok := r.Lookup("other"); ok || len(slices.Collect(r.Walk())) != 1 || len(slices.Collect(r.Modules())) != 1 {
				t.Error("something was mounted")
			}
		})
	}
}

// TestSwapFails: the old module stays.
func TestSwapFails(t *testing.T) {
	var ran ran
	r := discord.NewRouter("!")
	r.Handle("taken", ran.as("taken"))
	m, err := r.Mount("m", func(r *discord.Router) error { r.Handle("a", ran.as("a")); return nil })
	if err != nil {
		t.Fatal(err)
	}
	err = m.Swap(func(r *discord.Router) error { r.Handle("taken", ran.as("b")); return nil })
	var taken *discord.ConflictError
	if !errors.As(err, &taken) || taken.What != `the words "taken"` || errors.Is(err, discord.ErrMounted) {
		t.Errorf("%v", err)
	}
	r.Serve(typed(t, "!a"))
	r.Serve(typed(t, "!taken"))
	ran.is(t, "a", "taken")
}

// TestModuleOver: modules inside of a module end with it, cleanups run the last first, and
// nothing can be registered any more.
func TestModuleOver(t *testing.T) {
	var ran ran
	r := discord.NewRouter("!")
	var inner *discord.Router
	m, err := r.Mount("outer", func(r *discord.Router) error {
		r.Cleanup(func() { ran.as("outer 1")(nil) })
		r.Cleanup(func() { ran.as("outer 2")(nil) })
		_, err := r.Mount("inner", func(r *discord.Router) error {
			inner = r
			r.Cleanup(func() { ran.as("inner")(nil) })
			r.Handle("a", ran.as("a"))
			return nil
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	remove := inner.Handle("later", ran.as("later"))
	r.Serve(typed(t, "!a"))
	r.Serve(typed(t, "!later"))
	ran.is(t, "a", "later")
	if err := m.Unmount(); err != nil {
		t.Fatal(err)
	}
	ran.is(t, "inner", "outer 2", "outer 1")
	if _, ok := r.Lookup("later"); ok || r.Remove(remove) {
		t.Error("a route is left")
	}
	for name, f := range map[string]func(){
		"Handle":  func() { inner.Handle("b", ran.as("b")) },
		"On":      func() { inner.Listen(ran.as("b")) },
		"Cleanup": func() { inner.Cleanup(func() {}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if err, _ := recover().(error); !errors.Is(err, discord.ErrUnmounted) {
					t.Errorf("panic: %v", err)
				}
			}()
			f()
		})
	}
	if _, err := inner.Mount("x", func(*discord.Router) error { return nil }); !errors.Is(err, discord.ErrUnmounted) {
		t.Errorf("%v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("Cleanup outside of a module")
		}
	}()
	r.Cleanup(func() {})
}

// TestUnmountEndsWaits: of the module's handlers, and of those in modules inside of it.
func TestUnmountEndsWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ends := make(chan error, 9)
		ask := func(c *discord.Context) error {
			_, err := c.Ask("Q?")
			ends <- err
			if errors.Is(err, discord.ErrUnmounted) {
				_, err = c.Ask("Again?")
				ends <- err
			}
			return nil
		}
		r := discord.NewRouter("!")
		r.Handle("stay", ask)
		m, err := r.Mount("m", func(r *discord.Router) error {
			r.Handle("go", ask)
			_, err := r.Mount("inner", func(r *discord.Router) error { r.Handle("inner", ask); return nil })
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		bot := discordtest.Start(t, r)
		for name, command := range map[string]string{"Anna": "stay", "Boris": "go", "Vera": "inner"} {
			u := bot.User(name)
			u.Says("!" + command)
			u.Sees("Q?")
		}
		if err := m.Unmount(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := len(ends); n != 4 {
			t.Fatalf("%d waits have ended", n)
		}
		for range 4 {
			if err := <-ends; !errors.Is(err, discord.ErrUnmounted) {
				t.Errorf("%v", err)
			}
		}
	})
}

// TestReplace: the new route has the place, the Router and the fields of the old one.
func TestReplace(t *testing.T) {
	var ran ran
	refuse := func(*discord.Context) error { return errBroken }
	r := discord.NewRouter("!")
	var old, cond *discord.Route
	r.Route("g", func(r *discord.Router) {
		old = r.Add(discord.Route{Pattern: "a {n:int}", Doc: "Doc.", Checks: []discord.Check{refuse}, Handler: ran.as("old")})
	})
	yes := discord.If(func(*discord.Context) bool { return true })
	cond = r.When(yes, ran.as("first"))
	r.When(yes, ran.as("second"))

	added, ok := r.Replace(old, discord.Route{Handler: ran.as("new")})
	if !ok || added.Pattern != "g a {n:int}" || added.Doc != "Doc." {
		t.Errorf("%v %+v", ok, added)
	}
	if err := r.Serve(typed(t, "!g a 1")); !errors.Is(err, errBroken) {
		t.Errorf("the check is gone: %v", err)
	}
	changed := *added
	changed.Checks, changed.Doc = nil, ""
	added, ok = r.Replace(added, changed)
	if !ok || added.Pattern != "g a {n:int}" || added.Doc != "" {
		t.Errorf("%v %+v", ok, added)
	}
	r.Serve(typed(t, "!g a 1"))
	ran.is(t, "new")
	if added, ok = r.Replace(added, discord.Route{Pattern: "b", Handler: ran.as("b")}); !ok {
		t.Error("not replaced")
	}
	r.Serve(typed(t, "!g b"))
	ran.is(t, "b")
	r.Replace(cond, discord.Route{Handler: ran.as("newer")})
	r.Serve(typed(t, "hello"))
	ran.is(t, "newer")

	if _, ok := r.Replace(old, discord.Route{Handler: ran.as("x")}); ok {
		t.Error("a route that is not there was replaced")
	}
	if !r.Remove(added) || r.Remove(added) || r.Remove(nil) {
		t.Error("Remove")
	}
	r.Handle("taken", ran.as("taken"))
	free := r.Handle("free", ran.as("free"))
	func() {
		defer func() {
			if err, _ := recover().(error); !errors.As(err, new(*discord.ConflictError)) {
				t.Errorf("panic: %v", err)
			}
		}()
		r.Replace(free, discord.Route{Pattern: "taken", Handler: ran.as("x")})
	}()
	r.Serve(typed(t, "!free"))
	ran.is(t, "free")
}
