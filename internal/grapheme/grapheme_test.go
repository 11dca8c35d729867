package grapheme

import (
	"slices"
	"strings"
	"testing"
	"unicode"
)

// characters returns the characters of a text.
func characters(text string) []string {
	var all []string
	var s Scanner
	start := 0
	for i, r := range text {
		if i > 0 && s.Boundary(r) {
			all = append(all, text[start:i])
			start = i
		}
		s.Next(r)
	}
	if text != "" {
		all = append(all, text[start:])
	}
	return all
}

func TestScanner(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		want []string // the characters of the text that they make together
	}{
		{"nothing", nil},
		{"letters", []string{"a", "я", "你", "!"}},
		{"a surrogate pair in UTF-16", []string{"a", "😀", "b"}},
		{"accents", []string{"e\u0301", "e\u0323\u0302", "a"}},
		{"an accent at the beginning", []string{"\u0301", "a"}},
		{"a skin tone", []string{"👍🏽", "👍"}},
		{"a variation selector", []string{"❤️", "❤"}},
		{"a keycap", []string{"1️⃣", "1"}},
		{"families", []string{"👨‍👩‍👧‍👦", "👨‍👩‍👧‍👦"}},
		{"flags", []string{"🇷🇺", "🇩🇪", "🇫"}},
		{"flags with text between", []string{"🇷", "a", "🇺🇩", "🇪"}},
		{"the flag of a country in a country", []string{"🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "🏴"}},
		{"a joiner and a non-joiner", []string{"a\u200d", "\n", "b\u200c", "c"}},
		{"letters of other scripts with marks", []string{"की", "ก็"}},
		{"half-width sound marks", []string{"ｶ\uff9e", "ﾊ\uff9f"}},
		{"Korean syllables", []string{"\u1112\u1161\u11ab", "한", "\u1100\u1173\u11af", "글"}},
		{"a whole syllable and its end", []string{"하\u11ab", "\u1112\u1161"}},
		{"beginnings and ends of syllables", []string{"\u1112\u1112\u1161\u11ab\u11ab", "\u1161\u1161\u11ab", "\u1112하"}},
		{"rare parts of syllables", []string{"\ua960\ud7b0\ud7cb", "a"}},
		{"line breaks", []string{"a", "\r", "\n", "\t", "b"}},
		{"an accent after a line break", []string{"\n", "\u0301"}},
		{"something that is not UTF-8", []string{"a", "\xff", "\xc3", "b"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := characters(strings.Join(tt.want, "")); !slices.Equal(got, tt.want) {
				t.Errorf("got  %+q\nwant %+q", got, tt.want)
			}
		})
	}
}

// FuzzScanner: no text loses anything, a mark stays with its letter, and the
// text behind a line break does not depend on the text before it.
func FuzzScanner(f *testing.F) {
	for _, s := range []string{"", "a", "e\u0301", "🇷🇺🇩🇪", "👨‍👩‍👧", "한글", "\u1112\u1161\u11ab", "\r\n", "\xff\u0301"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		all := characters(before)
		if strings.Join(all, "") != before {
			t.Fatalf("%+q became %+q", before, all)
		}
		for i, c := range all {
			if c == "" {
				t.Errorf("an empty character in %+q", all)
			}
			first, last := []rune(c)[0], rune(0)
			if i > 0 {
				runes := []rune(all[i-1])
				last = runes[len(runes)-1]
			}
			if unicode.Is(unicode.Mn, first) && i > 0 && last >= ' ' {
				t.Errorf("%+q begins with a mark in %+q", c, all)
			}
		}
		want := slices.Concat(all, []string{"\n"}, characters(after))
		if got := characters(before + "\n" + after); !slices.Equal(got, want) {
			t.Errorf("got  %+q\nwant %+q", got, want)
		}
	})
}
