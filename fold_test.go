package vk

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestFoldedWordsAreTheSame(t *testing.T) {
	tests := []struct {
		a, b string
		same bool
	}{
		{"ping", "PiNg", true},
		{"привет", "ПРИВЕТ", true},
		{"ещё", "ЕЩЕ", true},
		{"Ёж", "еж", true},
		{"її", "ЇЇ", true},
		{"ўсё", "ЎСЕ", true},
		{"й", "и", false},
		{"ς", "Σ", true}, // lower case keeps ς and σ apart
		{"σ", "ς", true},
		{"\u212a", "k", true}, // the Kelvin sign
		{"ſ", "S", true},
		{"İ", "i", false}, // not even in Turkish
		{"ı", "I", false},
		{"ß", "ẞ", true},
		{"ß", "ss", false},
		{"\xff", "\xff", true},
		{"\xff", "\xfe", false},
		{"\xff", "\uFFFD", false},
		{"a", "ab", false},
		{"", "", true},
		{"+-1!", "+-1!", true},
	}
	for _, tt := range tests {
		t.Run(tt.a+" "+tt.b, func(t *testing.T) {
			if got := foldWord(tt.a, true) == foldWord(tt.b, true); got != tt.same {
				t.Errorf("%q and %q are the same: %v", foldWord(tt.a, true), foldWord(tt.b, true), got)
			}
		})
	}
}

// The words of a pattern are at most maxWord bytes, and so is what is looked up:
// folding must not make more of them.
func TestFoldingMakesNoRuneLonger(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		folded := foldRune(r)
		if utf8.RuneLen(folded) > utf8.RuneLen(r) {
			t.Errorf("%c takes %d bytes, %c %d", r, utf8.RuneLen(r), folded, utf8.RuneLen(folded))
		}
		if foldRune(folded) != folded {
			t.Errorf("%c folds to %c, which folds to %c", r, folded, foldRune(folded))
		}
		if other := unicode.SimpleFold(r); foldRune(other) != folded {
			t.Errorf("%c and %c differ in more than case", r, other)
		}
	}
}

func TestRouterFold(t *testing.T) {
	tests := []struct {
		name    string
		pattern string
		text    string
		want    string // prefix and argument, or "" for none
	}{
		{"vk_botting's", "ПриВет Мир {x?}", "!ПРИВЕТ мир", "!|"},
		{"argument keeps its case", "say {x?}", "!SAY Loud", "!|Loud"},
		{"prefix", "say {x?}", "БОТ, say it", "БОТ, |it"},
		{"prefix with ё", "say {x?}", "Ежик say it", "Ежик |it"},
		{"prefix cut short", "say {x?}", "бо", ""},
		{"longest prefix", "say {x?}", "БОТ, Бот, say", "БОТ, Бот, |"},
		{"alternatives", "А|б {x?}", "!Б 1", "!|1"},
		{"longest word", strings.Repeat("я", 32) + " {x?}", "!" + strings.Repeat("Я", 32), "!|"},
		{"word of more bytes than are looked up", strings.Repeat("k", 64) + " {x?}", "!" + strings.Repeat("\u212a", 64), "?"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &Router{Prefix: Literal("!", "бот, ", "бот, бот, ", "ёжик "), Fold: true}
			got := ""
			r.Handle(tt.pattern, func(c *Context) error {
				got = c.Prefix() + "|" + c.Arg("x")
				return nil
			})
			err := r.Serve(newMessage(t, tt.text))
			if tt.want == "?" {
				var unknown *NotFoundError
				if !errors.As(err, &unknown) {
					t.Errorf("%q, %v, want a NotFoundError", got, err)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Errorf("%q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

// Words that differ in case are a conflict, not two routes of which one is
// never found.
func TestFoldedWordsConflict(t *testing.T) {
	h := func(*Context) error { return nil }
	register := func(fold bool, patterns ...string) (msg any) {
		defer func() { msg = recover() }()
		r := &Router{Fold: fold}
		for _, p := range patterns {
			r.Handle(p, h)
		}
		return nil
	}
	if msg := register(true, "всё", "ВСЕ {x}"); msg == nil {
		t.Error("no conflict")
	}
	if msg := register(false, "всё", "ВСЕ {x}"); msg != nil {
		t.Error(msg)
	}
	r := &Router{Fold: true}
	rt := r.Handle("Ping", h)
	r.Remove(rt)
	r.Handle("PING", h) // is free again
}

// TestFoldSetLate: Fold, once it comes too late, does not go unnoticed.
func TestFoldSetLate(t *testing.T) {
	h := func(*Context) error { return nil }
	for name, late := range map[string]func(r *Router){
		"at the next route":    func(r *Router) { r.Handle("b", h) },
		"at the first event":   func(r *Router) { r.Serve(newMessage(t, "!a")) },
		"at a NotFound inside": func(r *Router) { r.Route("in", func(r *Router) { r.NotFound(h) }) },
	} {
		for _, fold := range []bool{true, false} {
			r := &Router{Prefix: Literal("!"), Fold: !fold}
			r.Handle("a", h)
			r.Fold = fold
			msg := func() (msg string) {
				defer func() { msg, _ = recover().(string) }()
				late(r)
				return ""
			}()
			if !strings.Contains(msg, "Fold was") {
				t.Errorf("%s: %q", name, msg)
			}
			r.Fold = !fold
			if err := r.Serve(newMessage(t, "!a")); err != nil { // and no lock is held
				t.Error(err)
			}
		}
	}
}

func TestFoldingCostsNoAllocation(t *testing.T) {
	r := &Router{Prefix: Literal("бот, "), Fold: true}
	r.Handle("Привет Мир", func(*Context) error { return nil })
	table := r.compile()
	if n := testing.AllocsPerRun(100, func() {
		if to, _ := table.find("пРИВЕТ мИР и все"); to == nil {
			t.Error("not found")
		}
		if _, ok := foldPrefix("БОТ, привет", "бот, "); !ok {
			t.Error("not a prefix")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
