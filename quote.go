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

// nextWord reads the first word of s, which begins with neither space nor end:
// a run without spaces, or anything between quotation marks. A backslash takes
// from a mark, or from another backslash, its meaning. The word is returned
// without its marks, with what follows it. The only error is ErrBadQuote.
func nextWord(s string) (word, rest string, err error) {
	first, n := utf8.DecodeRuneInString(s)
	closers, quoted := quotes[first]
	if !quoted {
		return bareWord(s)
	}
	var b strings.Builder
	for i := n; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\\':
			next, m := utf8.DecodeRuneInString(s[i+n:])
			if m > 0 && (next == '\\' || next == first || strings.ContainsRune(closers, next)) {
				i += n
				r, n = next, m
			}
		case strings.ContainsRune(closers, r):
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

func bareWord(s string) (word, rest string, err error) {
	if !strings.ContainsFunc(s, func(r rune) bool { return r == '\\' || quotes[r] != "" }) {
		if i := strings.IndexFunc(s, unicode.IsSpace); i >= 0 {
			return s[:i], s[i:], nil
		}
		return s, "", nil
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case unicode.IsSpace(r):
			return b.String(), s[i:], nil
		case r == '\\':
			next, m := utf8.DecodeRuneInString(s[i+n:])
			if m > 0 && (next == '\\' || isQuote(next)) {
				i += n
				n = m
			}
		case quotes[r] != "" && r != '‘' && r != '‚': // these two also stand for apostrophes
			return "", s, ErrBadQuote
		}
		b.WriteString(s[i : i+n])
		i += n
	}
	return b.String(), "", nil
}

// isQuote reports whether r begins or ends a quoted word.
func isQuote(r rune) bool {
	if quotes[r] != "" {
		return true
	}
	for _, closers := range quotes {
		if strings.ContainsRune(closers, r) {
			return true
		}
	}
	return false
}
