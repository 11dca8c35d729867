package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// A factsFile is facts.json: VK's schema without its sentences.
type factsFile struct {
	Version string                `json:"version"`
	Methods map[string]methodFact `json:"methods"`
	Types   map[string]typeFact   `json:"types"`
}

// A methodFact is a method of the API.
type methodFact struct {
	Tokens  string            `json:"tokens"` // letters: u user, g community, s service key
	Params  []string          `json:"params,omitempty"`
	Answers map[string]string `json:"answers,omitempty"` // by variant; the usual one is ""
	Errors  []int             `json:"errors,omitempty"`
}

// A typeFact is a type of the schema. One of its parts is set, or Embed and Fields.
type typeFact struct {
	Embed  []string          `json:"embed,omitempty"`
	Enum   []string          `json:"enum,omitempty"`
	Fields map[string]string `json:"fields,omitempty"`
	Kind   string            `json:"kind,omitempty"`
	Of     string            `json:"of,omitempty"` // the kind of an enum's values
	OneOf  []string          `json:"oneof,omitempty"`
}

// readFacts reads a facts file.
func readFacts(path string) (*factsFile, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f := new(factsFile)
	if err := json.Unmarshal(b, f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(f.Methods) == 0 || len(f.Types) == 0 {
		return nil, fmt.Errorf("%s: no methods or no types", path)
	}
	return f, nil
}

// An expr is a type expression of the facts.
type expr struct {
	base   string // int, int64, float, string, bool, json, object, any; "" of a list, a reference and of alts
	ref    string // a type of the list
	elem   *expr  // of a list
	alts   []expr // either of these
	values []enumValue
}

// An enumValue is one of the values in place, or of an enum.
type enumValue struct{ value, name string }

// parseExpr reads a type expression, without the ! of a field.
func parseExpr(s string) (expr, error) {
	if rest, ok := strings.CutPrefix(s, "[]"); ok {
		elem, err := parseExpr(rest)
		return expr{elem: &elem}, err
	}
	var alts []expr
	for _, part := range splitOutside(s, '|') {
		e, err := parseAlt(part)
		if err != nil {
			return expr{}, err
		}
		alts = append(alts, e)
	}
	if len(alts) == 1 {
		return alts[0], nil
	}
	return expr{alts: alts}, nil
}

func parseAlt(s string) (expr, error) {
	if ref, ok := strings.CutPrefix(s, "@"); ok && ref != "" {
		return expr{ref: ref}, nil
	}
	var e expr
	e.base = s
	if base, ref, ok := strings.Cut(s, ":@"); ok {
		e.base, e.ref = base, ref
	} else if base, list, ok := strings.Cut(s, "("); ok {
		list, ok = strings.CutSuffix(list, ")")
		if !ok {
			return e, fmt.Errorf("type %q: no closing parenthesis", s)
		}
		e.base, e.values = base, enumValues(strings.Split(list, ","))
	}
	switch e.base {
	case "int", "int64", "float", "string", "bool", "json", "object", "any":
		return e, nil
	}
	return e, fmt.Errorf("type %q is not known", s)
}

func enumValues(list []string) (values []enumValue) {
	for _, v := range list {
		value, name, _ := strings.Cut(v, "=")
		values = append(values, enumValue{value, name})
	}
	return values
}

// splitOutside splits s at each sep that is not in parentheses.
func splitOutside(s string, sep byte) (parts []string) {
	depth, from := 0, 0
	for i := range len(s) {
		switch {
		case s[i] == '(':
			depth++
		case s[i] == ')':
			depth--
		case s[i] == sep && depth == 0:
			parts = append(parts, s[from:i])
			from = i + 1
		}
	}
	return append(parts, s[from:])
}

// A paramFact is a parameter of a method.
type paramFact struct {
	name     string
	typ      expr
	required bool
	bounds   map[string]string // min, max, minlen, maxlen, minitems, maxitems, default
}

// parseParam reads a parameter of the facts.
func parseParam(s string) (p paramFact, err error) {
	words := splitOutside(s, ' ')
	if len(words) < 2 {
		return p, fmt.Errorf("parameter %q has no type", s)
	}
	p.name = words[0]
	if p.typ, err = parseExpr(words[1]); err != nil {
		return p, fmt.Errorf("parameter %q: %w", s, err)
	}
	p.bounds = make(map[string]string)
	for _, w := range words[2:] {
		name, value, ok := strings.Cut(w, "=")
		switch {
		case w == "required":
			p.required = true
		case ok:
			p.bounds[name] = value
		default:
			return p, fmt.Errorf("parameter %q: %q is not known", s, w)
		}
	}
	return p, nil
}

// parseField reads the type of a field; always is whether VK says that it is
// always there.
func parseField(s string) (e expr, always bool, err error) {
	s, always = strings.CutSuffix(s, "!")
	e, err = parseExpr(s)
	return e, always, err
}
