package command

import (
	"errors"
	"fmt"
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
