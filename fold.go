package vk

import (
	"unicode"
	"unicode/utf8"
)

// Folding makes words that differ in case the same word. It goes rune by rune,
// as Unicode's simple folding does: the length of a word in runes stays, İ and ı
// are not i, and it is the same in every language. Lower case would not do: it
// tells ς from σ, and makes two runes of İ.
//
// Beyond case it takes ё for е, as people do who write Russian.

// foldRune returns what stands for r and for all runes that differ from it in
// case alone. It is none that takes more bytes than r.
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

// appendFold appends what s folds to. What is not UTF-8 stays as it is.
func appendFold(b []byte, s string) []byte {
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

// foldWord returns the word of a pattern as the tree has it.
func foldWord(s string, fold bool) string {
	if !fold {
		return s
	}
	return string(appendFold(nil, s))
}

// foldPrefix returns how many bytes of s fold to what prefix folds to.
func foldPrefix(s, prefix string) (n int, ok bool) {
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

// equalFold reports whether a and b fold to the same.
func equalFold(a, b string) bool {
	n, ok := foldPrefix(a, b)
	return ok && n == len(a)
}
