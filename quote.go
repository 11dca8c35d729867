package vk

import (
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

// nextWord reads the first word of s, which begins with neither space nor end:
// a run without spaces, or anything between quotation marks. A backslash takes
// from a mark, or from another backslash, its meaning. The word is returned
// without its marks, with what follows it. The only error is ErrBadQuote.
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
				return "", s, ErrBadQuote
			}
			return b.String(), rest, nil
		}
		b.WriteString(s[i : i+n])
		i += n
	}
	return "", s, ErrBadQuote
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
			return "", s, ErrBadQuote
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
