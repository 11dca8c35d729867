package vk

import (
	"fmt"
	"strings"
	"testing"
)

// routerOf returns a Router with n commands of one word, command0 and on.
func routerOf(n int) *Router {
	r := NewRouter("!")
	for i := range n {
		r.Handle(fmt.Sprint("command", i), func(*Context) error { return nil })
	}
	return r
}

// A table serves until something is registered.
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

// TestServeAllocations: what the way of a command may allocate, from the Router
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
		{"!command500", func() float64 { return 8 }},
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

// BenchmarkServe is a message's way from the Router's Serve to the handler and
// back.
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

// BenchmarkRegister is what a thousand routes cost until the first event.
func BenchmarkRegister(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		routerOf(1_000).compile()
	}
}
