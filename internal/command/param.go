package command

import (
	"fmt"
	"strings"
)

// A Param is one placeholder of a [Pattern].
type Param struct {
	Name       string
	Types      []string    // the names of its types; at least one
	Converters []Converter // one for each type; the first that takes an argument makes its value
	List       bool        // any number of words, until one is of none of the types
	Rest       bool        // all of the text that is left, as it stands
	Optional   bool        // "?": it may be left out
	HasDefault bool        // "=": likewise, and it is Default then
	Default    string
}

// The types of text. Of string, any number of words are the rest of the text,
// of word they are a list.
const (
	textName = "string"
	wordName = "word"
)

// Want names the types of p for people, and for those made by [OneOf] the words
// that they take: "int|bool", "S|M".
func (p *Param) Want() string {
	var all []string
	for i, name := range p.Types {
		if words := p.Converters[i].Choices; words != nil {
			all = append(all, words...)
		} else {
			all = append(all, name)
		}
	}
	return strings.Join(all, "|")
}

// Choices returns the words that p takes, or nil if it takes others too: if a
// type was not made by [OneOf].
func (p *Param) Choices() []string {
	var all []string
	for _, conv := range p.Converters {
		if conv.Choices == nil {
			return nil
		}
		all = append(all, conv.Choices...)
	}
	return all
}

// skips reports whether p may go without an argument where the text s is left.
// A default stands for an argument at the end of the text; only a list or a
// rest makes way for words that it does not take, as all optional ones do.
func (p *Param) skips(s string) bool {
	return p.Optional || p.HasDefault && (s == "" || p.List || p.Rest)
}

// cut cuts the text of one argument off s: as much as one of the types wants,
// or else a word.
func (p *Param) cut(s string) (text, rest string, err error) {
	for i := range p.Converters {
		if span := p.Converters[i].Span; span != nil {
			if n := span(s); n > 0 {
				return s[:n], s[n:], nil
			}
		}
	}
	return NextWord(s)
}

// A RangeError is the error of a text that is no whole number from Least to Most. It
// wraps [ErrType].
type RangeError struct{ Least, Most int64 }

// Error names the limits.
func (e *RangeError) Error() string {
	return fmt.Sprintf("%v: a number from %d to %d", ErrType, e.Least, e.Most)
}

// Unwrap returns [ErrType].
func (e *RangeError) Unwrap() error { return ErrType }
