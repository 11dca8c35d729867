package vk

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vkrouter/vk/internal/versus"
)

// routerOf returns a Router with n commands of one word, command0 and on.
func routerOf(n int) *Router {
	r := NewRouter("!")
	for i := range n {
		r.Handle(fmt.Sprint("command", i), func(*Context) error { return nil })
	}
	return r
}

// BenchmarkFind is the lookup of a command of two words at the beginning of a
// text: against a map with the two words as its key, which somebody who writes no
// tree would cut from the text as well; against that map's lookup alone, with
// keys that nobody has to cut; and against a tree of ten commands.
func BenchmarkFind(b *testing.B) {
	const known = 10 // are asked for: it is not the size of the cache that is measured
	commands := func(n int) (t *table, bare map[string]*target) {
		r, bare := NewRouter("!"), make(map[string]*target)
		for i := range n {
			words := fmt.Sprintf("shop%d buy%d", i/10, i)
			r.Handle(words, func(*Context) error { return nil })
			bare[words] = new(target)
		}
		return r.compile(), bare
	}
	var texts, keys []string
	for i := range known {
		keys = append(keys, fmt.Sprintf("shop%d buy%d", i/10, i))
		texts = append(texts, keys[i]+" 2 of them")
	}
	find := func(b *testing.B, ok func(i int) bool) func() {
		return func() {
			for i := range known {
				if !ok(i) {
					b.Fatal(texts[i])
				}
			}
		}
	}
	ten, _ := commands(10)
	for _, n := range []int{10, 1_000, 10_000} {
		table, bare := commands(n)
		for against, ok := range map[string]func(i int) bool{
			"cut+map": func(i int) bool { return bare[firstTwo(texts[i])] != nil },
			"map":     func(i int) bool { return bare[keys[i]] != nil },
			"ten":     func(i int) bool { to, _ := ten.find(texts[i]); return to != nil },
		} {
			b.Run(fmt.Sprintf("commands=%d/against=%s", n, against), func(b *testing.B) {
				versus.Run(b, against, known, find(b, func(i int) bool { to, _ := table.find(texts[i]); return to != nil }), find(b, ok))
			})
		}
	}
}

// firstTwo returns the first two words of a text, of which one space parts them.
func firstTwo(s string) string {
	_, rest := cutSpace(s)
	_, rest = cutSpace(rest[1:])
	return s[:len(s)-len(rest)]
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
