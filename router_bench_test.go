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

// BenchmarkFind is the lookup of a command, against that of a key in a map.
func BenchmarkFind(b *testing.B) {
	for _, n := range []int{10, 1_000, 10_000} {
		var words []string
		bare := make(map[string]*target)
		for i := range n {
			words = append(words, fmt.Sprint("command", i))
			bare[words[i]] = new(target)
		}
		b.Run(fmt.Sprintf("tree/commands=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			t := routerOf(n).compile()
			i := 0
			for b.Loop() {
				if to, _ := t.find(words[i]); to == nil {
					b.Fatal(words[i])
				}
				if i++; i == 10 {
					i = 0 // always ten: it is not the size of the cache that is measured
				}
			}
		})
		b.Run(fmt.Sprintf("map/commands=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if bare[words[i]] == nil {
					b.Fatal(words[i])
				}
				if i++; i == 10 {
					i = 0
				}
			}
		})
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
