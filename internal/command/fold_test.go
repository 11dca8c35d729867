package command_test

import (
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/vkrouter/vk/internal/command"
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
			if got := command.Fold(tt.a) == command.Fold(tt.b); got != tt.same {
				t.Errorf("%q and %q are the same: %v", command.Fold(tt.a), command.Fold(tt.b), got)
			}
			if got := command.EqualFold(tt.a, tt.b); got != tt.same && utf8.ValidString(tt.a) {
				t.Errorf("EqualFold: %v", got)
			}
		})
	}
}

// The words of a pattern have at most 64 bytes, as do those that are looked up:
// folding must not make more of them.
func TestFoldingMakesNoRuneLonger(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		folded := command.Fold(string(r))
		if len(folded) > len(string(r)) {
			t.Errorf("%c takes %d bytes, %s %d", r, len(string(r)), folded, len(folded))
		}
		if again := command.Fold(folded); again != folded {
			t.Errorf("%c folds to %s, which folds to %s", r, folded, again)
		}
		if other := unicode.SimpleFold(r); command.Fold(string(other)) != folded {
			t.Errorf("%c and %c differ in more than case", r, other)
		}
	}
}

func TestFoldPrefix(t *testing.T) {
	for _, tt := range []struct {
		s, prefix string
		n         int // -1: none
	}{
		{"БОТ, привет", "бот, ", len("бот, ")},
		{"\u212aelvin", "k", len("\u212a")}, // as many bytes as s has
		{"ёж", "ЕЖ", len("ёж")},
		{"бо", "бот", -1},
		{"ба", "бот", -1},
		{"a", "", 0},
		{"", "", 0},
		{"", "a", -1},
	} {
		t.Run(tt.s+" "+tt.prefix, func(t *testing.T) {
			if n, ok := command.FoldPrefix(tt.s, tt.prefix); ok != (tt.n >= 0) || ok && n != tt.n {
				t.Errorf("%d, %v, want %d", n, ok, tt.n)
			}
		})
	}
}
