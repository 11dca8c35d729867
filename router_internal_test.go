package vk

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk/internal/lifetime"
)

// routerOf returns a Router with n commands of one word, command0 and so on.
func routerOf(n int) *Router {
	r := NewRouter("!")
	for i := range n {
		r.Handle(fmt.Sprint("command", i), func(*Context) error { return nil })
	}
	return r
}

// TestRouterCompilesOnceForManyEvents checks that a table is used until
// something is registered.
func TestRouterCompilesOnceForManyEvents(t *testing.T) {
	r := NewRouter("!")
	a := r.Handle("a", func(*Context) error { return nil })
	var inner *Router
	r.Group(func(r *Router) { inner = r })
	serve := func() *table {
		if err := r.Serve(newMessage(t, "!a")); err != nil {
			t.Error(err)
		}
		return r.table.Load()
	}
	before := serve()
	for range 3 {
		if serve() != before {
			t.Fatal("compiled again")
		}
	}
	if inner.Serve(newMessage(t, "!a")); inner.table.Load() != nil {
		t.Error("an inner Router has a table of its own")
	}
	remove := func() {}
	for _, tt := range []struct {
		name   string
		change func()
	}{
		{"Handle", func() { inner.Handle("b", func(*Context) error { return nil }) }},
		{"On", func() { remove = On(r, EventGroupJoin, func(*Context, *GroupJoin) error { return nil }) }},
		{"remove", func() { remove() }},
		{"NotFound", func() { r.NotFound(func(*Context) error { return nil }) }},
		{"Remove", func() { r.Remove(a); r.Handle("a", func(*Context) error { return nil }) }},
	} {
		if tt.change(); serve() == before {
			t.Errorf("%s: not compiled again", tt.name)
		}
		before = r.table.Load()
	}
}

// TestServeAllocations limits the allocations for a command, from the Router
// to the handler.
func TestServeAllocations(t *testing.T) {
	r := routerOf(1_000)
	h := func(*Context) error { return nil }
	r.Handle("typed {i:int} {f:float} {b:bool}", h)
	Command(r, "struct {i:int} {f:float} {b:bool}", func(*Context, struct {
		I int
		F float64
		B bool
	}) error {
		return nil
	})
	var none float64
	for _, tt := range []struct {
		text string
		most func() float64
	}{
		{"chatter", func() float64 { return 0 }},
		{"!command500", func() float64 { return 1 }},
		{"!typed 5 1.5 yes", func() float64 { return none + 3 }},
		{"!struct 5 1.5 yes", func() float64 { return none + 3 }},
	} {
		c := newMessage(t, tt.text)
		n := testing.AllocsPerRun(100, func() {
			if err := r.Serve(c); err != nil {
				t.Error(err)
			}
		})
		if n > tt.most() {
			t.Errorf("%q: %v allocations, want at most %v", tt.text, n, tt.most())
		}
		if tt.text == "!command500" {
			none = n
		}
	}
}

// BenchmarkServe measures a message's way from the Router's Serve to the
// handler and back.
func BenchmarkServe(b *testing.B) {
	pass := func(next HandlerFunc) HandlerFunc {
		return func(c *Context) error { return next(c) }
	}
	for _, bb := range []struct {
		name string
		text string
		use  int
	}{
		{"no arguments", "!command500", 0},
		{"five middlewares", "!command500", 5},
		{"three typed arguments", "!typed 5 1.5 yes", 0},
		{"struct of three", "!struct 5 1.5 yes", 0},
		{"rest of 90 bytes", "!rest " + strings.Repeat("a word ", 12), 0},
		{"rest of 9000 bytes", "!rest " + strings.Repeat("a word ", 1285), 0},
		{"words of 90 bytes", "!list " + strings.Repeat("12345 ", 14), 0},
		{"words of 9000 bytes", "!list " + strings.Repeat("12345 ", 1499), 0},
		{"chatter", "hello there", 0},
		{"no such command", "!nope", 0},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			r := NewRouter("!")
			for range bb.use {
				r.Use(pass)
			}
			for i := range 1_000 {
				r.Handle(fmt.Sprint("command", i), func(*Context) error { return nil })
			}
			r.Handle("typed {i:int} {f:float} {b:bool}", func(*Context) error { return nil })
			r.Handle("rest {x...}", func(*Context) error { return nil })
			r.Handle("list {x:int...}", func(*Context) error { return nil })
			Command(r, "struct {i:int} {f:float} {b:bool}", func(*Context, struct {
				I int
				F float64
				B bool
			}) error {
				return nil
			})
			c := newMessage(b, bb.text)
			for b.Loop() {
				r.Serve(c)
			}
		})
	}
}

// BenchmarkRegister measures the registration of a thousand routes, up to the
// first event.
func BenchmarkRegister(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		routerOf(1_000).compile()
	}
}

// TestModuleLife checks that waits in a module's handlers end with the module
// and with the surrounding module, and that other waits do not.
func TestModuleLife(t *testing.T) {
	for _, end := range []string{"unmount", "swap", "unmount inside", "unmount other"} {
		t.Run(end, func(t *testing.T) {
			r := NewRouter("!")
			lives := make(map[string]*lifetime.Lifetime)
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
				l.OnEnd(func(err error) { ended[name] = err })
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

// TestKindsOf checks the kinds that a handler has handlers for.
func TestKindsOf(t *testing.T) {
	h := func(*Context) error { return nil }
	messages := []string{"message_event", "message_new"}
	for _, tt := range []struct {
		name string
		add  func(r *Router)
		want []string
	}{
		{"nothing", func(r *Router) {}, nil},
		{"command", func(r *Router) { r.Handle("a", h) }, messages},
		{"nested command", func(r *Router) { r.Route("a", func(r *Router) { r.Handle("b", h) }) }, messages},
		{"text", func(r *Router) { r.Text("a", h) }, messages},
		{"press", func(r *Router) { Press(r, "a", func(*Context, int) error { return nil }) }, messages},
		{"condition", func(r *Router) { r.When(Has("photo"), h) }, messages},
		{"not found", func(r *Router) { r.NotFound(h) }, []string{"message_new"}},
		{"module", func(r *Router) { r.Mount("m", func(r *Router) error { r.Handle("a", h); return nil }) }, messages},
		{"gone", func(r *Router) { r.Remove(r.Handle("a", h)) }, nil},
		{"listener", func(r *Router) { On(r, EventLikeAdd, func(*Context, *Like) error { return nil }) }, []string{"like_add"}},
		{"derived, and its own", func(r *Router) {
			On(r, EventStart, func(*Context, *MessageNew) error { return nil })
			On(r, EventMessageNew, func(*Context, *MessageNew) error { return nil })
		}, []string{"message_new"}},
		{"unknown kind", func(r *Router) { On(r, Kind[struct{}]("brand_new"), func(*Context, *struct{}) error { return nil }) }, []string{"brand_new"}},
		{"listener of all", func(r *Router) { r.Listen(h) }, nil},
		{"listener of all, and one of its own", func(r *Router) {
			r.Listen(h)
			On(r, EventLikeAdd, func(*Context, *Like) error { return nil })
		}, []string{"like_add"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := new(Router)
			tt.add(r)
			got, known := kindsOf(r)
			if diff := cmp.Diff(tt.want, got); diff != "" || known == (tt.name == "listener of all") {
				t.Errorf("known %t (-want +got):\n%s", known, diff)
			}
		})
	}
	r := new(Router)
	r.Handle("a", h)
	same := func(next HandlerFunc) HandlerFunc { return next }
	if kinds, known := kindsOf(Wrap(Wrap(r, same), same, same)); !slices.Equal(kinds, messages) || !known {
		t.Errorf("wrapped: %v, %t", kinds, known)
	}
	if kinds, known := kindsOf(HandlerFunc(h)); kinds != nil || known {
		t.Errorf("a function: %v, %t", kinds, known)
	}
	if kinds, known := kindsOf(nil); kinds != nil || known {
		t.Errorf("nil: %v, %t", kinds, known)
	}
}

// TestKeys checks that chats with the same number in two communities are
// distinct, and that a user is the same everywhere.
func TestKeys(t *testing.T) {
	keys := func(group, peer, from int64) (list []Key) {
		e, err := ParseEvent(fmt.Appendf(nil, `{"type":"message_new","group_id":%d,"object":{"message":{"peer_id":%d,"from_id":%d}}}`, group, peer, from))
		if err != nil {
			t.Fatal(err)
		}
		c := NewContext(t.Context(), nil, e)
		for _, by := range []func(*Context) Key{Global, PerUser, PerChat, PerMember} {
			list = append(list, by(c))
		}
		return list
	}
	const chat = 2_000_000_001
	for group := int64(7); group <= 8; group++ {
		want := []Key{{}, {User: 5}, {Group: group, Peer: chat}, {Group: group, Peer: chat, User: 5}}
		if diff := cmp.Diff(want, keys(group, chat, 5)); diff != "" {
			t.Errorf("community %d (-want +got):\n%s", group, diff)
		}
	}
}

// TestSessionPassesOverGroup checks that a session ignores Group, because its
// state belongs to its community anyway, so that a key without it is the same
// as a member's.
func TestSessionPassesOverGroup(t *testing.T) {
	c := NewContext(t.Context(), nil, textEvent(t, "a", "a"))
	s := Session[int]{Store: new(MemoryStore), Name: "n"}
	if err := s.Update(c, PerMember(c), func(n *int) error { *n = 3; return nil }); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Get(c, Key{Peer: 1, User: 1}); n != 3 || err != nil {
		t.Error(n, err)
	}
	if text := (Key{Group: 7}).text(); text != "community 7" {
		t.Error(text)
	}
}
