package command

import (
	"unicode"
	"unicode/utf8"
)

// Folding makes words that differ in case the same word. It goes rune by rune,
// as Unicode's simple folding does: the length of a word in runes stays, İ and ı
// are not i, and it is the same in every language. Lower case would not do: it
// tells ς from σ, and makes two runes of İ.
//
// Beyond case it takes ё for е, as people do when they write Russian.

// Fold returns the text that stands for s and for all texts that differ from it
// in case alone. It has no more bytes than s.
func Fold(s string) string { return string(AppendFold(nil, s)) }

// AppendFold appends Fold(s) to b. Bytes that are not UTF-8 stay as they are.
func AppendFold(b []byte, s string) []byte {
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			b = append(b, byte(foldRune(rune(c))))
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			b = append(b, s[i])
		} else {
			b = utf8.AppendRune(b, foldRune(r))
		}
		i += n
	}
	return b
}

// foldRune returns the rune that stands for r and for all runes that differ
// from it in case alone. It takes no more bytes than r.
func foldRune(r rune) rune {
	switch {
	case r < utf8.RuneSelf:
		if 'a' <= r && r <= 'z' {
			r -= 'a' - 'A'
		}
		return r
	case 'а' <= r && r <= 'я':
		return r - ('а' - 'А')
	case 'А' <= r && r <= 'Я':
		return r
	case r == 'ё' || r == 'Ё':
		return 'Е'
	}
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	return least
}

// FoldPrefix returns how many bytes at the beginning of s fold to the same text
// as prefix; ok is false if s does not begin so.
func FoldPrefix(s, prefix string) (n int, ok bool) {
	for _, p := range prefix {
		if n == len(s) {
			return 0, false
		}
		r, size := utf8.DecodeRuneInString(s[n:])
		if r != p && foldRune(r) != foldRune(p) {
			return 0, false
		}
		n += size
	}
	return n, true
}

// EqualFold reports whether a and b fold to the same text.
func EqualFold(a, b string) bool {
	n, ok := FoldPrefix(a, b)
	return ok && n == len(a)
}
