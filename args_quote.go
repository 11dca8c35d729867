package vk

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// quotes are the marks that begin a quoted word, each with those that end it.
var quotes = map[rune]string{
	'"': `"`, '‘': "’", '‚': "‛’‘", '“': "”", '„': "‟“”", '⹂': "⹂",
	'「': "」", '『': "』", '〝': "〞", '﹁': "﹂", '﹃': "﹄",
	'＂': "＂", '｢': "｣", '«': "»", '‹': "›", '《': "》", '〈': "〉",
}

// closing are the marks that only ever end a quoted word. Elsewhere they are
// characters as others are: most people write ’ for an apostrophe.
const closing = "’‛”‟」』〞﹂﹄｣»›》〉"

// enders returns the marks that end a word which begins with r, or "" if r
// begins no quoted word.
func enders(r rune) string {
	if r < utf8.RuneSelf && r != '"' {
		return "" // nearly always, and without a look into the map
	}
	return quotes[r]
}

// ErrBadQuote is the error of an [ArgError] whose text has a quotation mark
// without a counterpart, or inside of a word.
var ErrBadQuote = errors.New("has unmatched quotes in it")

// A QuoteError says what is wrong with the quotation marks of an argument, as
// the Err of an [ArgError]. It is [ErrBadQuote].
type QuoteError struct {
	Kind   QuoteKind
	Rune   rune // the mark, or for QuoteNoSpace what follows it
	Offset int  // where Rune stands in the ArgError's Value, in bytes
}

// A QuoteKind is what can be wrong with quotation marks.
type QuoteKind int

const (
	QuoteInside   QuoteKind = iota + 1 // a mark that opens a quotation, inside a word: a"b
	QuoteNoSpace                       // no space behind the mark that closes one: "a"b
	QuoteUnclosed                      // the text ends before the quotation does: "a b
)

// Error says what is wrong.
func (e *QuoteError) Error() string {
	switch e.Kind {
	case QuoteInside:
		return fmt.Sprintf("has the quotation mark %c inside a word", e.Rune)
	case QuoteNoSpace:
		return fmt.Sprintf("has %q behind a quotation, without a space", e.Rune)
	}
	return fmt.Sprintf("has the quotation mark %c, but not the one that closes it", e.Rune)
}

// Unwrap returns [ErrBadQuote].
func (e *QuoteError) Unwrap() error { return ErrBadQuote }

// nextWord reads the first word of s, which begins with neither space nor end:
// a run without spaces, or anything between quotation marks. A backslash takes
// from a mark, or from another backslash, its meaning. The word is returned
// without its marks, with what follows it. The only error is a *QuoteError.
func nextWord(s string) (word, rest string, err error) {
	first, n := utf8.DecodeRuneInString(s)
	ends := enders(first)
	if ends == "" {
		return bareWord(s)
	}
	var b strings.Builder
	for i := n; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\\':
			next, m := utf8.DecodeRuneInString(s[i+n:])
			if next == '\\' || next == first || strings.ContainsRune(ends, next) {
				i, n = i+n, m
			}
		case strings.ContainsRune(ends, r):
			rest = s[i+n:]
			if rest != "" && !startsWithSpace(rest) {
				next, _ := utf8.DecodeRuneInString(rest)
				return "", s, &QuoteError{QuoteNoSpace, next, i + n}
			}
			return b.String(), rest, nil
		}
		b.WriteString(s[i : i+n])
		i += n
	}
	return "", s, &QuoteError{QuoteUnclosed, first, 0}
}

// bareWord is nextWord for a word that does not begin with a mark.
func bareWord(s string) (word, rest string, err error) {
	word, rest = cutSpace(s)
	if !strings.ContainsFunc(word, func(r rune) bool { return r == '\\' || enders(r) != "" }) {
		return word, rest, nil
	}
	var b strings.Builder
	for i := 0; i < len(word); {
		r, n := utf8.DecodeRuneInString(word[i:])
		switch {
		case r == '\\':
			next, m := utf8.DecodeRuneInString(word[i+n:])
			if next == '\\' || enders(next) != "" || strings.ContainsRune(closing, next) {
				i, n = i+n, m
			}
		case enders(r) != "" && r != '‘': // also written for an apostrophe
			return "", s, &QuoteError{QuoteInside, r, i}
		}
		b.WriteString(word[i : i+n])
		i += n
	}
	return b.String(), rest, nil
}

// cutSpace cuts s before its first space.
func cutSpace(s string) (before, after string) {
	if i := strings.IndexFunc(s, unicode.IsSpace); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

func trimLeft(s string) string { return strings.TrimLeftFunc(s, unicode.IsSpace) }

func startsWithSpace(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsSpace(r)
}

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
