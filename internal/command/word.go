package command

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Words are separated by spaces, and a space is any rune that Unicode calls
// white space.

// CutSpace cuts s before its first space.
func CutSpace(s string) (before, after string) {
	if i := strings.IndexFunc(s, unicode.IsSpace); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

// SkipSpace returns s without the spaces at its beginning.
func SkipSpace(s string) string { return strings.TrimLeftFunc(s, unicode.IsSpace) }

// StartsWithSpace reports whether s begins with a space.
func StartsWithSpace(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsSpace(r)
}

// NextWord reads the first word of s, which must begin with neither space nor
// end: a run without spaces, or anything between quotation marks. A backslash
// makes a mark, or another backslash, a character like any other. NextWord
// returns the word without its marks, and the rest of s. Its only error is a
// [*QuoteError], with the Offset in s.
func NextWord(s string) (word, rest string, err error) {
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
			if rest != "" && !StartsWithSpace(rest) {
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

// bareWord is NextWord for a word that does not begin with a mark.
func bareWord(s string) (word, rest string, err error) {
	word, rest = CutSpace(s)
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

// AppendWord appends a word to a line, in quotation marks where it needs them,
// so that NextWord reads it back.
func AppendWord(line []byte, word string) []byte {
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool { return r == '\\' || unicode.IsSpace(r) || enders(r) != "" }) {
		return append(line, word...)
	}
	line = append(line, '"')
	for i := range len(word) {
		if word[i] == '"' || word[i] == '\\' {
			line = append(line, '\\')
		}
		line = append(line, word[i])
	}
	return append(line, '"')
}
