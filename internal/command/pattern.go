package command

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Pattern is the words of a command and the placeholders for its arguments.
type Pattern struct {
	Words  [][]string // for each position the words that fit; one or more
	Params []Param
}

const (
	// maxWord limits the words of patterns, in bytes, so that nothing longer
	// has to be looked up.
	maxWord = 64

	// maxCommands limits the commands that one pattern stands for: each word
	// with alternatives multiplies them.
	maxCommands = 1000
)

// Parse reads a pattern. It gets the types of placeholders from lookup, by their
// names. A placeholder without a type is of the type string, which is not looked
// up. An error names the part of the pattern that is wrong; the caller adds the
// pattern itself.
func Parse(pattern string, lookup func(typ string) (Converter, bool)) (*Pattern, error) {
	p := new(Pattern)
	commands := 1
	for s := SkipSpace(pattern); s != ""; s = SkipSpace(s) {
		if s[0] == '{' {
			param, rest, err := parseParam(s, lookup)
			if err == nil {
				err = p.add(param, rest)
			}
			if err != nil {
				return nil, err
			}
			s = rest
			continue
		}
		var word string
		word, s = CutSpace(s)
		if len(p.Params) > 0 {
			return nil, fmt.Errorf("the word %q stands behind a placeholder", word)
		}
		alts, err := parseWord(word)
		if err != nil {
			return nil, err
		}
		if commands *= len(alts); commands > maxCommands {
			return nil, fmt.Errorf("it stands for more than %d commands", maxCommands)
		}
		p.Words = append(p.Words, alts)
	}
	return p, nil
}

// add adds a placeholder, behind which rest follows in the pattern.
func (p *Pattern) add(param Param, rest string) error {
	if rest != "" && !StartsWithSpace(rest) {
		return fmt.Errorf("there is no space behind {%s}", param.Name)
	}
	if slices.ContainsFunc(p.Params, func(other Param) bool { return other.Name == param.Name }) {
		return fmt.Errorf("two placeholders are named %q", param.Name)
	}
	if n := len(p.Params); n > 0 && p.Params[n-1].Rest {
		return fmt.Errorf("{%s} stands behind {%s...}, which takes the rest", param.Name, p.Params[n-1].Name)
	}
	p.Params = append(p.Params, param)
	return nil
}

// parseWord returns the alternatives of a word.
func parseWord(word string) ([]string, error) {
	if strings.ContainsAny(word, "{}") {
		return nil, fmt.Errorf("the word %q has a brace in it", word)
	}
	if right := asPlaceholder(word); right != "" {
		return nil, fmt.Errorf("the word %q is no placeholder: write %s", word, right)
	}
	alts := strings.Split(word, "|")
	for i, alt := range alts {
		switch {
		case alt == "":
			return nil, fmt.Errorf("the word %q has an empty alternative", word)
		case len(alt) > maxWord:
			return nil, fmt.Errorf("the word %.40q… is longer than %d bytes", alt, maxWord)
		case !utf8.ValidString(alt):
			return nil, fmt.Errorf("the word %q is not valid UTF-8", alt)
		case slices.Contains(alts[:i], alt):
			return nil, fmt.Errorf("the word %q has the alternative %q twice", word, alt)
		}
	}
	return alts, nil
}

// asPlaceholder returns a word in the form of other libraries' placeholders in the
// form of this one, or "".
func asPlaceholder(word string) string {
	for _, form := range [...]struct{ open, end, mark string }{{"<", ">", ""}, {"[", "]", "?"}} {
		name, opened := strings.CutPrefix(word, form.open)
		name, closed := strings.CutSuffix(name, form.end)
		if !opened || !closed {
			continue
		}
		name, rest := strings.CutSuffix(name, "...")
		if n := nameLen(name); n > 0 && n == len(name) {
			switch {
			case rest:
				return "{" + name + "...}"
			default:
				return "{" + name + form.mark + "}"
			}
		}
		return "{name" + form.mark + "}"
	}
	return ""
}

// An UnknownTypeError says that a placeholder has a type that there is none of.
type UnknownTypeError struct{ Name string }

func (e *UnknownTypeError) Error() string { return fmt.Sprintf("has the unknown type %q", e.Name) }

// Expand returns every sequence of words that p answers to.
func (p *Pattern) Expand() [][]string {
	paths := [][]string{nil}
	for _, alts := range p.Words {
		var longer [][]string
		for _, path := range paths {
			for _, alt := range alts {
				longer = append(longer, append(path[:len(path):len(path)], alt))
			}
		}
		paths = longer
	}
	return paths
}

// parseParam reads the placeholder that s begins with, and returns the rest of
// s.
func parseParam(s string, lookup func(typ string) (Converter, bool)) (p Param, rest string, err error) {
	rest, err = p.parse(s[1:], lookup)
	if err != nil {
		shown := s
		if i := strings.IndexByte(s, '}'); i >= 0 {
			shown = s[:i+1]
		}
		return Param{}, "", fmt.Errorf("the placeholder %.40q %w", shown, err)
	}
	return p, rest, nil
}

// errNotClosed is the error of a placeholder without its closing brace.
var errNotClosed = errors.New("is not closed")

// parse reads a placeholder behind its opening brace, and returns the text
// behind the closing one.
func (p *Param) parse(s string, lookup func(typ string) (Converter, bool)) (rest string, err error) {
	n := nameLen(s)
	switch n {
	case len(s):
		return "", errNotClosed
	case 0:
		return "", errors.New("has no name: a name begins with a letter")
	}
	p.Name, s = s[:n], s[n:]
	if s, err = p.parseTypes(s, lookup); err != nil {
		return "", err
	}
	s, dots := strings.CutPrefix(s, "...")
	p.Rest = dots && (p.Types[0] == textName || p.Converters[0].Whole)
	p.List = dots && !p.Rest
	if s, err = p.parseDefault(s); err != nil {
		return "", err
	}
	end := strings.IndexByte(s, '}')
	switch {
	case end < 0:
		return "", errNotClosed
	case end > 0:
		return "", fmt.Errorf("has %q where its end should be", s[:end])
	}
	return s[1:], p.checkDefault()
}

// parseTypes reads the types of a placeholder, if s begins with some.
func (p *Param) parseTypes(s string, lookup func(typ string) (Converter, bool)) (rest string, err error) {
	s, typed := strings.CutPrefix(s, ":")
	if !typed {
		p.Types, p.Converters = []string{textName}, []Converter{textConverter}
		return s, nil
	}
	end := strings.IndexAny(s, ".?=}")
	if end < 0 {
		return "", errNotClosed
	}
	p.Types = strings.Split(s[:end], "|")
	for i, name := range p.Types {
		conv, ok := lookup(name)
		if !ok {
			return "", &UnknownTypeError{name}
		}
		if i > 0 && (p.Types[i-1] == textName || p.Types[i-1] == wordName) {
			return "", fmt.Errorf("has the type %s behind %s, which takes every word", name, p.Types[i-1])
		}
		p.Converters = append(p.Converters, conv)
	}
	return s[end:], nil
}

// parseDefault reads "?" or a default, if s begins with one.
func (p *Param) parseDefault(s string) (rest string, err error) {
	if rest, p.Optional = strings.CutPrefix(s, "?"); p.Optional {
		return rest, nil
	}
	if s, p.HasDefault = strings.CutPrefix(s, "="); !p.HasDefault {
		return s, nil
	}
	if strings.HasPrefix(s, `"`) || strings.HasPrefix(s, "`") {
		quoted, err := strconv.QuotedPrefix(s)
		if err != nil {
			return "", errors.New("has a default whose quotes do not match")
		}
		p.Default, _ = strconv.Unquote(quoted)
		return s[len(quoted):], nil
	}
	end := strings.IndexByte(s, '}')
	if end < 0 {
		return "", errNotClosed
	}
	p.Default = s[:end]
	return s[end:], nil
}

// checkDefault reports a default that is of none of the types. One that needs a
// context to be converted is converted only when it is used.
func (p *Param) checkDefault() error {
	if !p.HasDefault || slices.ContainsFunc(p.Converters, func(v Converter) bool { return v.Needs }) {
		return nil
	}
	if _, refused, err := (Reader{}).convert(p, p.Default); refused != nil || err != nil {
		return fmt.Errorf("has a default that is not %s", p.Want())
	}
	return nil
}

// IsName reports whether s is a name for a placeholder or a type: a letter or
// _, then letters, digits and _.
func IsName(s string) bool { return s != "" && nameLen(s) == len(s) }

// nameLen returns the length of the name that s begins with.
func nameLen(s string) int {
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return i
		}
	}
	return len(s)
}
