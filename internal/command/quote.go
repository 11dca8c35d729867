package command

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
// characters like any other: most people write ’ for an apostrophe.
const closing = "’‛”‟」』〞﹂﹄｣»›》〉"

// enders returns the marks that end a word which begins with r, or "" if r
// begins no quoted word.
func enders(r rune) string {
	if r < utf8.RuneSelf && r != '"' {
		return "" // nearly always, and without a look into the map
	}
	return quotes[r]
}

// ErrBadQuote is the error of a text that has a quotation mark without a
// counterpart, or inside of a word. Each such error is a [*QuoteError].
var ErrBadQuote = errors.New("has unmatched quotes in it")

// A QuoteError tells the mistake with a quotation mark. It is [ErrBadQuote].
type QuoteError struct {
	Kind   QuoteKind
	Rune   rune // the mark, or for QuoteNoSpace the rune behind it
	Offset int  // of Rune in the text, in bytes
}

// A QuoteKind is a mistake that people make with quotation marks.
type QuoteKind int

const (
	QuoteInside   QuoteKind = iota + 1 // a mark that opens a quotation, inside a word: a"b
	QuoteNoSpace                       // no space behind the mark that closes one: "a"b
	QuoteUnclosed                      // the text ends before the quotation does: "a b
)

// Error names the mark and the mistake.
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
