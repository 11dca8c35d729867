package vk

import (
	"testing"
)

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

func TestFindAllocatesNothing(t *testing.T) {
	table := routerOf(1_000).compile()
	for _, text := range []string{"command500", "command500 x", "nope", "command500 \u00a0я"} {
		if n := testing.AllocsPerRun(100, func() { table.find(text) }); n != 0 {
			t.Errorf("%q: %v allocations", text, n)
		}
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

// Texts are cut into words where patterns are.
func TestCutWord(t *testing.T) {
	long := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = 'w'
		}
		return string(b)
	}
	for _, tt := range []struct{ text, word, rest string }{
		{"", "", ""},
		{" \n", "", ""},
		{"a", "a", ""},
		{" a b", "a", " b"},
		{"a\u00a0b", "a", "\u00a0b"},
		{"я\u2003б", "я", "\u2003б"},
		{"\xffa \xfe", "\xffa", " \xfe"},
		{long(64) + " x", long(64), " x"},
		{long(65) + " x", "", long(65) + " x"},
		{long(63) + "я", "", long(63) + "я"},
	} {
		if word, rest := cutWord(tt.text); word != tt.word || rest != tt.rest {
			t.Errorf("%q: %q, %q, want %q, %q", tt.text, word, rest, tt.word, tt.rest)
		}
	}
}
