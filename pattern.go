package vk

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A pattern is what a route answers to: the words of a command, each perhaps
// one of several, and placeholders for its arguments. Its grammar stands in the
// documentation of [Router.Handle].
type pattern struct {
	words  [][]string // for each position the words that fit
	params []param
}

// A param is one placeholder.
type param struct {
	name     string
	types    []string // nil means string
	list     bool     // "...": the rest of the text, or as many words as convert
	optional bool     // "?"
	hasDef   bool     // "="
	def      string
}

// rest reports whether p takes the rest of the text as it stands.
func (p param) rest() bool { return p.list && (p.types == nil || p.types[0] == "string") }

const (
	// maxWord bounds the words of patterns, in bytes, so that nothing longer
	// has to be looked up.
	maxWord = 64

	// maxCommands bounds the commands that one pattern stands for: each
	// word with alternatives multiplies them.
	maxCommands = 1000
)

// parsePattern reads a pattern. Its errors say what is wrong with it, and leave
// it to the caller to say which pattern it is.
func parsePattern(s string) (*pattern, error) {
	p := new(pattern)
	seen := make(map[string]bool)
	commands := 1
	for s = trimLeft(s); s != ""; s = trimLeft(s) {
		if s[0] != '{' {
			var word string
			word, s = cutSpace(s)
			if len(p.params) > 0 {
				return nil, fmt.Errorf("the word %q stands behind a placeholder", word)
			}
			alts, err := parseWord(word)
			if err != nil {
				return nil, err
			}
			if commands *= len(alts); commands > maxCommands {
				return nil, fmt.Errorf("it stands for more than %d commands", maxCommands)
			}
			p.words = append(p.words, alts)
			continue
		}
		param, n, err := parseParam(s)
		if err != nil {
			return nil, err
		}
		s = s[n:]
		switch {
		case s != "" && !startsWithSpace(s):
			return nil, fmt.Errorf("there is no space behind {%s}", param.name)
		case seen[param.name]:
			return nil, fmt.Errorf("two placeholders are named %q", param.name)
		case len(p.params) > 0 && p.params[len(p.params)-1].rest():
			return nil, fmt.Errorf("{%s} stands behind {%s...}, which takes the rest", param.name, p.params[len(p.params)-1].name)
		}
		seen[param.name] = true
		p.params = append(p.params, param)
	}
	return p, nil
}

func parseWord(word string) ([]string, error) {
	if strings.ContainsAny(word, "{}") {
		return nil, fmt.Errorf("the word %q has a brace in it", word)
	}
	alts := strings.Split(word, "|")
	for i, alt := range alts {
		switch {
		case alt == "":
			return nil, fmt.Errorf("the word %q has an empty alternative", word)
		case len(alt) > maxWord:
			return nil, fmt.Errorf("the word %q is longer than %d bytes", alt, maxWord)
		}
		for _, other := range alts[:i] {
			if alt == other {
				return nil, fmt.Errorf("the word %q has the alternative %q twice", word, alt)
			}
		}
	}
	return alts, nil
}

// parseParam reads the placeholder that s begins with and returns its length.
func parseParam(s string) (p param, n int, err error) {
	rest := s[1:]
	fail := func(format string, args ...any) (param, int, error) {
		shown := s
		if i := strings.IndexByte(s, '}'); i >= 0 {
			shown = s[:i+1]
		}
		return param{}, 0, fmt.Errorf("the placeholder %.40q "+format, append([]any{shown}, args...)...)
	}
	i := strings.IndexFunc(rest, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if i < 0 {
		return fail("is not closed")
	}
	p.name, rest = rest[:i], rest[i:]
	if first, _ := utf8.DecodeRuneInString(p.name); p.name == "" || unicode.IsDigit(first) {
		return fail("has no name: a name begins with a letter")
	}
	if strings.HasPrefix(rest, ":") {
		i := strings.IndexAny(rest, ".?=}")
		if i < 0 {
			return fail("is not closed")
		}
		p.types, rest = strings.Split(rest[1:i], "|"), rest[i:]
		for i, t := range p.types {
			switch {
			case converters[t] == nil:
				return fail("has the unknown type %q", t)
			case i > 0 && p.types[i-1] == "string":
				return fail("has the type %s behind string, which takes every word", t)
			}
		}
	}
	if after, ok := strings.CutPrefix(rest, "..."); ok {
		p.list, rest = true, after
	}
	switch {
	case strings.HasPrefix(rest, "?"):
		p.optional, rest = true, rest[1:]
	case strings.HasPrefix(rest, "="):
		p.hasDef, rest = true, rest[1:]
		if strings.HasPrefix(rest, `"`) || strings.HasPrefix(rest, "`") {
			quoted, err := strconv.QuotedPrefix(rest)
			if err != nil {
				return fail("has a default whose quotes do not match")
			}
			p.def, _ = strconv.Unquote(quoted)
			rest = rest[len(quoted):]
		} else if i := strings.IndexByte(rest, '}'); i >= 0 {
			p.def, rest = rest[:i], rest[i:]
		}
	}
	if !strings.HasPrefix(rest, "}") {
		if strings.IndexByte(rest, '}') < 0 {
			return fail("is not closed")
		}
		return fail("has %q where its end should be", rest[:strings.IndexByte(rest, '}')])
	}
	if p.hasDef && !p.rest() {
		if _, err := p.convert(p.def); err != nil {
			return fail("has a default that is not %s", p.want())
		}
	}
	return p, len(s) - len(rest) + 1, nil
}

// expand returns every sequence of words that p answers to.
func (p *pattern) expand() [][]string {
	paths := [][]string{nil}
	for _, alts := range p.words {
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

// A converter makes an argument's value from its text.
type converter func(text string) (any, error)

// converters are the types that a placeholder can name.
var converters = map[string]converter{
	"string": func(s string) (any, error) { return s, nil },
	"int":    func(s string) (any, error) { return strconv.ParseInt(s, 10, strconv.IntSize) },
	"float":  func(s string) (any, error) { return parseFloat(s) },
	"bool":   parseBool,
}

// convert returns the value of the first type of p that takes the text.
func (p param) convert(text string) (any, error) {
	if p.types == nil {
		return text, nil
	}
	for _, t := range p.types {
		if v, err := converters[t](text); err == nil {
			return v, nil
		}
	}
	return nil, ErrArgType
}

// want names the types of p.
func (p param) want() string {
	if p.types == nil {
		return "string"
	}
	return strings.Join(p.types, "|")
}

// parseFloat takes a decimal number, with a point or, as Russian writes it, a
// comma.
func parseFloat(s string) (float64, error) {
	if strings.ContainsAny(s, "xXpPnN_") { // no hexadecimal, NaN, Inf
		return 0, ErrArgType
	}
	return strconv.ParseFloat(strings.Replace(s, ",", ".", 1), 64)
}

func parseBool(s string) (any, error) {
	switch strings.ToLower(s) {
	case "yes", "y", "true", "t", "1", "enable", "on", "да", "включить", "правда":
		return true, nil
	case "no", "n", "false", "f", "0", "disable", "off", "нет", "выключить", "ложь":
		return false, nil
	}
	return nil, ErrArgType
}
