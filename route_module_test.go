package vk_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
)

// module returns the function of a module that has one handler of each sort.
func (l *trace) module(name string) func(r *vk.Router) error {
	return func(r *vk.Router) error {
		r.Check(func(*vk.Context) error { l.note(name + " check"); return nil })
		r.Use(l.around(name))
		r.Handle("a", l.handler(name+" a"))
		r.Text("hi", l.handler(name+" hi"))
		vk.Press(r, "key", func(c *vk.Context, _ int) error { l.note(name + " key"); return nil })
		r.When(vk.If(func(c *vk.Context) bool { return c.Text() == "cond" }), l.handler(name+" cond"))
		r.NotFound(l.handler(name + " ?"))
		r.Route("in", func(r *vk.Router) { r.Handle("b", l.handler(name+" b")) })
		vk.On(r, vk.EventMessageNew, func(*vk.Context, *vk.MessageNew) error { l.note(name + " listener"); return nil })
		r.Cleanup(func() { l.note(name + " cleanup") })
		_, err := r.Mount("inside", func(r *vk.Router) error {
			r.Handle("c", l.handler(name+" c"))
			vk.On(r, vk.EventMessageNew, func(*vk.Context, *vk.MessageNew) error { l.note(name + " inner"); return nil })
			r.Cleanup(func() { l.note(name + " inner cleanup") })
			return nil
		})
		return err
	}
}

// everything returns the answers of the module of that name to all sorts of
// events.
func everything(name string) (want []string) {
	for _, what := range []string{"a", "hi", "key", "cond", "?", "b", "c"} {
		line := []string{"N listener", "N inner", "N check", "N(", "N " + what, ")N"}
		switch what {
		case "key":
			line = line[2:] // a press
		case "?":
			line = slices.Delete(line, 2, 3) // it has no checks
		}
		want = append(want, line...)
	}
	for i := range want {
		want[i] = strings.ReplaceAll(want[i], "N", name)
	}
	return want
}

func serveAll(t *testing.T, r *vk.Router) {
	t.Helper()
	for _, text := range []string{"!a", "hi", "", "cond", "!x", "!in b", "!c"} {
		c := said(t, text)
		if text == "" {
			c = happened(t, "message_event", `{"user_id":5,"peer_id":5,"payload":{"key":1}}`)
		}
		var unknown *vk.NotFoundError
		if err := r.Serve(c); err != nil && !errors.As(err, &unknown) {
			t.Error(text, err)
		}
	}
}

func moduleNames(seq iter.Seq[*vk.Module]) (names []string) {
	for m := range seq {
		names = append(names, m.Name())
	}
	return names
}

func TestModuleComesAndGoes(t *testing.T) {
	var ran trace
	r := vk.NewRouter("!")
	for range 3 { // no leftover prevents the next one
		m, err := r.Mount("m", ran.module("one"))
		if err != nil {
			t.Fatal(err)
		}
		serveAll(t, r)
		ran.is(t, everything("one")...)
		if got := strings.Join(moduleNames(r.Modules()), " "); m.Name() != "m" || got != "m inside" && got != "inside m" {
			t.Error(m.Name(), got)
		}
		inner, _ := r.Module("inside")
		count := func(m *vk.Module) (n int) {
			for rt := range m.Walk() {
				if rt.Module() == nil {
					t.Error(rt.Pattern, "is of no module")
				}
				n++
			}
			return n
		}
		if count(m) != 6 || count(inner) != 1 {
			t.Error(count(m), count(inner))
		}

		if err := m.Swap(ran.module("two")); err != nil {
			t.Fatal(err)
		}
		ran.is(t, "one inner cleanup", "one cleanup")
		serveAll(t, r)
		ran.is(t, everything("two")...)
		if err := inner.Unmount(); !errors.Is(err, vk.ErrUnmounted) || count(inner) != 0 {
			t.Error("the module inside has survived a swap:", err)
		}
		if inner, _ = r.Module("inside"); inner.Unmount() != nil {
			t.Error("Unmount inside")
		}
		ran.is(t, "two inner cleanup")
		if _, ok := r.Module("inside"); ok || count(m) != 5 {
			t.Error("what is inside is still there")
		}

		if err := m.Unmount(); err != nil {
			t.Fatal(err)
		}
		ran.is(t, "two cleanup")
		serveAll(t, r)
		ran.is(t)
		if len(moduleNames(r.Modules())) > 0 || len(slices.Collect(r.Walk())) > 0 || count(m) > 0 {
			t.Error("something is left")
		}
		var gone *vk.ModuleError
		for _, err := range []error{m.Unmount(), m.Swap(ran.module("three"))} {
			if !errors.Is(err, vk.ErrUnmounted) || !errors.As(err, &gone) || gone.Name != "m" {
				t.Error(err)
			}
		}
		ran.is(t, "three inner cleanup", "three cleanup")
	}
}

func TestModuleThatFailsLeavesNothing(t *testing.T) {
	boom := errors.New("boom")
	var ran trace
	conflicts := func(err error) (n int) {
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, err := range joined.Unwrap() {
				n += conflicts1(err)
			}
			return n
		}
		return conflicts1(err)
	}
	for _, tt := range []struct {
		name string
		f    func(r *vk.Router) error
		is   func(err error) bool
	}{
		{"error", func(*vk.Router) error { return boom }, func(err error) bool { return errors.Is(err, boom) }},
		{"panic", func(*vk.Router) error { panic(boom) }, func(err error) bool {
			var p *vk.PanicError
			return errors.As(err, &p) && p.Value == boom
		}},
		{"conflicts with others", func(r *vk.Router) error {
			r.Handle("taken", nothing)
			r.Handle("free", nothing)
			r.Text("taken", nothing)
			return nil
		}, func(err error) bool { return conflicts(err.(*vk.ModuleError).Err) == 2 }},
		{"conflicts with itself", func(r *vk.Router) error { r.Handle("x", nothing); r.Handle("y|x", nothing); return nil },
			func(err error) bool { return conflicts(err.(*vk.ModuleError).Err) == 1 }},
		{"conflicts of a module inside", func(r *vk.Router) error {
			r.Handle("x", nothing)
			_, err := r.Mount("more", func(r *vk.Router) error { r.Handle("x", nothing); return nil })
			return err
		}, func(err error) bool {
			var inner *vk.ModuleError
			return conflicts1(err) == 1 && errors.As(err.(*vk.ModuleError).Err, &inner) && inner.Name == "more"
		}},
		{"mistakes", func(r *vk.Router) error {
			if rt := r.Handle("a {", nothing); rt == nil {
				t.Error("no route")
			}
			vk.On(r, vk.EventGroupJoin, nil)()
			r.Listen(nil)()
			r.NotFound(nil)
			vk.Command(r, "x {y}", func(*vk.Context, struct{}) error { return nil })
			return boom
		}, func(err error) bool {
			return len(err.(*vk.ModuleError).Err.(interface{ Unwrap() []error }).Unwrap()) == 6
		}},
		{"middleware too late", func(r *vk.Router) error { r.Handle("x", nothing); r.Use(); return nil }, func(err error) bool { return strings.Contains(err.Error(), "Use after a route") }},
		{"a Prefix", func(r *vk.Router) error { r.Prefix = vk.Literal("!"); return nil }, func(err error) bool { return strings.Contains(err.Error(), "Prefix") }},
		{"no function", nil, func(err error) bool { return strings.Contains(err.Error(), "nil function") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := vk.NewRouter("!")
			r.Handle("taken", nothing)
			r.Text("taken", nothing)
			m, err := r.Mount("old", ran.module("old"))
			if err != nil {
				t.Fatal(err)
			}
			routes := len(slices.Collect(r.Walk()))
			var kept *vk.Router
			f := func(r *vk.Router) error {
				kept = r
				r.Cleanup(func() { ran.note("cleanup") })
				if _, err := r.Mount("new inside", func(r *vk.Router) error {
					r.Handle("new inside", nothing)
					r.Cleanup(func() { ran.note("inner cleanup") })
					return nil
				}); err != nil {
					return err
				}
				r.Text("also new", nothing)
				return tt.f(r)
			}
			if tt.f == nil {
				f = nil
			}
			check := func(op string, err error) {
				t.Helper()
				var e *vk.ModuleError
				if err == nil || !errors.As(err, &e) || e.Op != op || !tt.is(err) {
					t.Errorf("%s: %v", op, err)
				}
				if f == nil {
					return
				}
				ran.is(t, "inner cleanup", "cleanup")
				if msg := panics(func() { kept.Handle("late", nothing) }); !strings.Contains(msg, "not mounted") {
					t.Errorf("a Router of what was not mounted: %s", msg)
				}
				if _, err := kept.Mount("late", ran.module("late")); !errors.Is(err, vk.ErrUnmounted) {
					t.Error(err)
				}
			}
			none, err := r.Mount("new", f)
			check("mount", err)
			if none != nil {
				t.Error("a module beside the error")
			}
			check("swap", m.Swap(f))
			serveAll(t, r)
			ran.is(t, everything("old")...)
			if got := moduleNames(r.Modules()); len(got) != 2 || len(slices.Collect(r.Walk())) != routes {
				t.Error("something is left:", got)
			}
			if _, err := r.Mount("old", ran.module("x")); !errors.Is(err, vk.ErrMounted) || conflicts1(err) != 1 || strings.Count(err.Error(), "module \"old\"") != 1 {
				t.Error(err)
			}
			ran.is(t)
		})
	}
}

func conflicts1(err error) int {
	var c *vk.ConflictError
	if errors.As(err, &c) && c.What != "" && c.Other != "" {
		return 1
	}
	return 0
}

func TestModuleFunctionThatDoesNotReturn(t *testing.T) {
	var ran trace
	r := vk.NewRouter("!")
	var wg sync.WaitGroup
	wg.Go(func() {
		r.Mount("m", func(r *vk.Router) error {
			r.Cleanup(func() { ran.note("cleanup") })
			r.Handle("a", nothing)
			runtime.Goexit()
			return nil
		})
	})
	wg.Wait()
	ran.is(t, "cleanup")
	if _, err := r.Mount("m", ran.module("m")); err != nil {
		t.Error(err)
	}
}

// TestModuleRegistersLater checks that later registrations through a module's
// Router belong to the module, and are removed with it.
func TestModuleRegistersLater(t *testing.T) {
	var ran trace
	r := vk.NewRouter("!")
	var in *vk.Router
	m, err := r.Mount("m", func(r *vk.Router) error {
		r.Group(func(r *vk.Router) { in = r })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	in.Check(func(*vk.Context) error { ran.note("check"); return nil })
	rt := in.Handle("a", func(c *vk.Context) error { ran.note("a in " + c.Module().Name()); return nil })
	remove := in.Listen(func(c *vk.Context) error { ran.note("listener in " + c.Module().Name()); return nil })
	if msg := panics(func() { in.Handle("a", nothing) }); !strings.Contains(msg, "another route") {
		t.Error(msg)
	}
	r.Serve(said(t, "!a"))
	ran.is(t, "listener in m", "check", "a in m")
	if !in.Remove(rt) {
		t.Error("Remove")
	}
	remove()
	r.Serve(said(t, "!a"))
	ran.is(t)
	rt = in.Handle("a", ran.handler("a"))
	m.Unmount()
	if r.Remove(rt) {
		t.Error("a route of an unmounted module is there")
	}
	r.Handle("a", ran.handler("mine"))
	r.Serve(said(t, "!a"))
	ran.is(t, "mine")
	if msg := panics(func() { in.Cleanup(func() {}) }); !strings.Contains(msg, "not mounted") {
		t.Error(msg)
	}
	if msg := panics(func() { r.Cleanup(func() {}) }); !strings.Contains(msg, "no module") {
		t.Error(msg)
	}
}

// TestSwapKeepsTheOrder checks that a swapped module keeps its place before
// later registrations.
func TestSwapKeepsTheOrder(t *testing.T) {
	var ran trace
	all := vk.If(func(*vk.Context) bool { return true })
	part := func(name string) func(r *vk.Router) error {
		return func(r *vk.Router) error {
			r.Listen(func(*vk.Context) error { ran.note(name + " 1"); return nil })
			r.Listen(func(*vk.Context) error { ran.note(name + " 2"); return nil })
			r.When(all, ran.handler(name+" cond"))
			r.When(all, ran.handler(name+" second cond"))
			return nil
		}
	}
	r := new(vk.Router)
	r.Listen(func(*vk.Context) error { ran.note("first"); return nil })
	m, err := r.Mount("m", part("old"))
	if err != nil {
		t.Fatal(err)
	}
	r.Listen(func(*vk.Context) error { ran.note("last"); return nil })
	last := r.When(all, ran.handler("cond"))
	for _, name := range []string{"old", "new"} {
		if name == "new" {
			if err := m.Swap(part("new")); err != nil {
				t.Fatal(err)
			}
			if _, ok := r.Replace(last, vk.Route{When: all, Handler: ran.handler("x")}); !ok {
				t.Error("Replace")
			}
		}
		if err := r.Serve(said(t, "x")); err != nil {
			t.Error(err)
		}
		ran.is(t, "first", name+" 1", name+" 2", "last", name+" cond")
	}
}

// TestModuleUnmountsItself checks that handlers of a module can unmount it
// while they run, and then finish.
func TestModuleUnmountsItself(t *testing.T) {
	r := vk.NewRouter("!")
	ended := false
	_, err := r.Mount("m", func(r *vk.Router) error {
		r.Handle("bye", func(c *vk.Context) error {
			if err := c.Module().Unmount(); err != nil {
				return err
			}
			ended = true
			return c.Err()
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Serve(said(t, "!bye")); err != nil || !ended {
		t.Error(err)
	}
	var unknown *vk.NotFoundError
	if err := r.Serve(said(t, "!bye")); !errors.As(err, &unknown) {
		t.Error(err)
	}
}

// TestSwapUnderLoad checks that each event sees the old module or the new one
// as a whole, while the module is swapped repeatedly and others come and go.
func TestSwapUnderLoad(t *testing.T) {
	r := vk.NewRouter("!")
	const events, servers = 300, 4
	type seen struct{ heard, answered int }
	version := func(n int) func(r *vk.Router) error {
		return func(r *vk.Router) error {
			r.Listen(func(c *vk.Context) error {
				if s, ok := c.Value(seenKey{}).(*seen); ok {
					s.heard = n
				}
				return nil
			})
			r.Handle(fmt.Sprintf("go|new%d", n), func(c *vk.Context) error {
				c.Value(seenKey{}).(*seen).answered = n
				return nil
			})
			r.When(vk.Regexp("."), nothing)
			return nil
		}
	}
	m, err := r.Mount("m", version(1))
	if err != nil {
		t.Fatal(err)
	}
	replaced := r.Handle("also", nothing)
	var done atomic.Bool
	var servings, changes sync.WaitGroup
	for range servers {
		servings.Go(func() {
			for range events {
				var s seen
				c := said(t, "!go")
				c = c.WithContext(withSeen(c, &s))
				if err := r.Serve(c); err != nil || s.heard == 0 || s.answered != s.heard {
					t.Errorf("%+v, %v", s, err)
				}
				if err := r.Serve(said(t, "!also")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	changes.Go(func() {
		for n := 2; !done.Load(); n++ {
			if err := m.Swap(version(n)); err != nil {
				t.Error(err)
			}
		}
	})
	changes.Go(func() {
		for !done.Load() {
			var ok bool
			if replaced, ok = r.Replace(replaced, vk.Route{Pattern: "also", Handler: nothing}); !ok {
				t.Error("Replace")
			}
			other, err := r.Mount("other", func(r *vk.Router) error { r.Handle("other", nothing); return nil })
			if err != nil {
				t.Error(err)
				return
			}
			r.Serve(said(t, "!other"))
			r.Lookup("other")
			for range r.Walk() {
			}
			if err := other.Unmount(); err != nil {
				t.Error(err)
			}
			rt := r.Handle("mine", nothing)
			r.Check(func(*vk.Context) error { return nil })()
			rt.SetEnabled(false)
			r.Remove(rt)
		}
	})
	servings.Wait()
	done.Store(true)
	changes.Wait()
	if err := m.Unmount(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(1, len(slices.Collect(r.Walk()))); diff != "" {
		t.Error(diff)
	}
}

type seenKey struct{}

func withSeen(c *vk.Context, v any) context.Context {
	return context.WithValue(c, seenKey{}, v)
}
