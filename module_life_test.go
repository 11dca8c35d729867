package vk

import (
	"context"
	"testing"
)

// TestModuleLife: what waits in a handler of a module hears when the module
// ends, and also when the module around it does, and nothing else hears it.
func TestModuleLife(t *testing.T) {
	for _, end := range []string{"unmount", "swap", "unmount inside", "unmount other"} {
		t.Run(end, func(t *testing.T) {
			r := NewRouter("!")
			lives := make(map[string]*lifetime)
			note := func(name string) HandlerFunc {
				return func(c *Context) error { lives[name] = c.inv.life; return nil }
			}
			r.Handle("free", note("free"))
			mount := func(r *Router, name string, f func(r *Router)) *Module {
				m, err := r.Mount(name, func(r *Router) error { f(r); return nil })
				if err != nil {
					t.Fatal(err)
				}
				return m
			}
			var inside *Module
			m := mount(r, "m", func(r *Router) {
				r.Handle("a", note("route"))
				r.Listen(note("listener"))
				r.When(Regexp("cond"), note("cond"))
				r.Route("in", func(r *Router) { r.NotFound(note("not found")) })
				inside = mount(r, "inside", func(r *Router) { r.Handle("b", note("inside")) })
			})
			other := mount(r, "other", func(r *Router) { r.Handle("c", note("other")) })
			for _, text := range []string{"!a", "!free", "cond", "!in x", "!b", "!c"} {
				c := newMessage(t, text)
				if err := r.Serve(c.WithContext(context.Background())); err != nil {
					t.Error(text, err)
				}
			}
			ended := make(map[string]error)
			for name, l := range lives {
				l.onEnd(func(err error) { ended[name] = err })
			}
			want := []string{"route", "listener", "cond", "not found", "inside"}
			switch end {
			case "unmount":
				m.Unmount()
			case "swap":
				m.Swap(func(*Router) error { return nil })
			case "unmount inside":
				inside.Unmount()
				want = []string{"inside"}
			case "unmount other":
				other.Unmount()
				want = []string{"other"}
			}
			if len(lives) != 7 || len(ended) != len(want) {
				t.Errorf("of %d, these have ended: %v", len(lives), ended)
			}
			for _, name := range want {
				if ended[name] != ErrUnmounted {
					t.Errorf("%s: %v", name, ended[name])
				}
			}
		})
	}
}
