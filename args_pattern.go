package vk

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
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
	types    []string    // nil means string
	convs    []Converter // one for each of types; empty if those are nil
	list     bool        // "...": the rest of the text, or as many words as convert
	optional bool        // "?"
	hasDef   bool        // "="
	def      string
}

// rest reports whether p takes the rest of the text as it stands.
func (p *param) rest() bool { return p.list && (p.types == nil || p.types[0] == "string") }

const (
	// maxWord bounds the words of patterns, in bytes, so that nothing longer
	// has to be looked up.
	maxWord = 64

	// maxCommands bounds the commands that one pattern stands for: each
	// word with alternatives multiplies them.
	maxCommands = 1000
)

// parsePattern reads a pattern in which the types have their usual names.
func parsePattern(s string) (*pattern, error) { return (*Router)(nil).parsePattern(s) }

// parsePattern reads a pattern whose types are those of r. Its errors say what
// is wrong with it, and leave it to the caller to say which pattern it is.
func (r *Router) parsePattern(s string) (*pattern, error) {
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
		param, n, err := r.parseParam(s)
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
func (r *Router) parseParam(s string) (p param, n int, err error) {
	rest := s[1:]
	fail := func(format string, args ...any) (param, int, error) {
		shown := s
		if i := strings.IndexByte(s, '}'); i >= 0 {
			shown = s[:i+1]
		}
		return param{}, 0, fmt.Errorf("the placeholder %.40q "+format, append([]any{shown}, args...)...)
	}
	n = nameLen(rest)
	switch n {
	case len(rest):
		return fail("is not closed")
	case 0:
		return fail("has no name: a name begins with a letter")
	}
	p.name, rest = rest[:n], rest[n:]
	if strings.HasPrefix(rest, ":") {
		i := strings.IndexAny(rest, ".?=}")
		if i < 0 {
			return fail("is not closed")
		}
		p.types, rest = strings.Split(rest[1:i], "|"), rest[i:]
		for i, t := range p.types {
			conv, ok := r.typeNamed(t)
			switch {
			case !ok:
				return fail("has the unknown type %q", t)
			case i > 0 && (p.types[i-1] == "string" || p.types[i-1] == "word"):
				return fail("has the type %s behind %s, which takes every word", t, p.types[i-1])
			}
			p.convs = append(p.convs, conv)
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
	// A default that needs a Context to be converted is converted when it is
	// used.
	if p.hasDef && !slices.ContainsFunc(p.convs, func(v Converter) bool { return v.needs }) {
		if _, err := p.convert(nil, p.def); err != nil {
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

// nameLen returns the length of the name that s begins with, such as Go's: a
// letter or _, then letters, digits and _.
func nameLen(s string) int {
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return i
		}
	}
	return len(s)
}

// want names the types of p, for people.
func (p *param) want() string {
	if p.types == nil {
		return "string"
	}
	var all []string
	for i, name := range p.types {
		if words := p.convs[i].choices; words != nil {
			all = append(all, words...)
		} else {
			all = append(all, name)
		}
	}
	return strings.Join(all, "|")
}

// A Param is a placeholder in the pattern of a Route: for a help command, or a
// form with buttons.
type Param struct {
	Name  string
	Types []string // names of types, the first that fits is taken; at least one

	// Choices are what fits, if all types are made by [OneOf]; else nil.
	Choices []string

	List     bool   // any number of words
	Rest     bool   // all of the text that is left
	Optional bool   // it may be left out
	Default  string // the text that is taken if it is left out, or ""
}

// Params returns the placeholders of the route's pattern, in order.
func (rt *Route) Params() []Param {
	params := make([]Param, len(rt.params))
	for i := range rt.params {
		p := &rt.params[i]
		params[i] = Param{
			Name:     p.name,
			Types:    slices.Clone(p.types),
			List:     p.list && !p.rest(),
			Rest:     p.rest(),
			Optional: p.optional || p.hasDef,
			Default:  p.def,
		}
		if p.types == nil {
			params[i].Types = []string{"string"}
		}
		for _, conv := range p.convs {
			if conv.choices == nil {
				params[i].Choices = nil
				break
			}
			params[i].Choices = append(params[i].Choices, conv.choices...)
		}
	}
	return params
}

// Usage returns how the command is written, without a prefix: the pattern, but
// of words that stand for each other only the first.
func (rt *Route) Usage() string { return usage(nil, rt.Pattern) }

// usage writes a pattern with the given words, or with the first of its own.
func usage(words []string, pattern string) string {
	alts, params := cutWords(pattern)
	if words == nil {
		for _, alt := range alts {
			words = append(words, alt[0])
		}
	}
	return strings.TrimSpace(strings.Join(words, " ") + " " + params)
}

// isUsage reports whether words are those of a pattern, in whatever case.
func isUsage(words []string, pattern string) bool {
	alts, _ := cutWords(pattern)
	return slices.EqualFunc(words, alts, func(word string, alts []string) bool {
		return slices.ContainsFunc(alts, func(alt string) bool { return equalFold(word, alt) })
	})
}

// cutWords cuts a pattern before its placeholders.
func cutWords(pattern string) (words [][]string, params string) {
	for pattern = trimLeft(pattern); pattern != "" && pattern[0] != '{'; pattern = trimLeft(pattern) {
		var word string
		word, pattern = cutSpace(pattern)
		words = append(words, strings.Split(word, "|"))
	}
	return words, pattern
}
