package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// diff returns the changes from one file of facts to another, a line for each: + for
// additions, ! for changes that break code, ~ for other changes.
func diff(a, b *factsFile) []string {
	var d differ
	d.value("version", a.Version, b.Version)
	keys(&d, "", a.Methods, b.Methods)
	for _, name := range both(a.Methods, b.Methods) {
		d.method(name, a.Methods[name], b.Methods[name])
	}
	d.types(a, b)
	return d.lines
}

type differ struct{ lines []string }

func (d *differ) add(kind, format string, args ...any) {
	d.lines = append(d.lines, kind+" "+fmt.Sprintf(format, args...))
}

func (d *differ) value(what, a, b string) {
	if a != b {
		d.add("~", "%s: %s, was %s", what, b, a)
	}
}

// both returns the keys that two maps have, sorted.
func both[T any](a, b map[string]T) (keys []string) {
	for _, k := range slices.Sorted(maps.Keys(a)) {
		if _, ok := b[k]; ok {
			keys = append(keys, k)
		}
	}
	return keys
}

// keys notes the keys that came and went.
func keys[T any](d *differ, of string, old, fresh map[string]T) {
	for _, k := range slices.Sorted(maps.Keys(old)) {
		if _, ok := fresh[k]; !ok {
			d.add("!", "%s%s is gone", of, k)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(fresh)) {
		if _, ok := old[k]; !ok {
			d.add("+", "%s%s", of, k)
		}
	}
}

func (d *differ) method(name string, a, b methodFact) {
	d.value(name+" tokens", a.Tokens, b.Tokens)
	d.value(name+" errors", fmt.Sprint(a.Errors), fmt.Sprint(b.Errors))
	old, fresh := paramTexts(a.Params), paramTexts(b.Params)
	keys(d, name+" parameter ", old, fresh)
	for _, p := range both(old, fresh) {
		was, is := old[p], fresh[p]
		wasType, isType := splitOutside(was, ' ')[0], splitOutside(is, ' ')[0]
		switch {
		case goKind(wasType) != goKind(isType):
			d.add("!", "%s parameter %s: %s, was %s", name, p, is, was)
		case was != is:
			d.add("~", "%s parameter %s: %s, was %s", name, p, is, was)
		}
	}
	keys(d, name+" answer ", a.Answers, b.Answers)
	for _, v := range both(a.Answers, b.Answers) {
		d.value(name+" answer "+v, a.Answers[v], b.Answers[v])
	}
}

// paramTexts returns the facts of parameters, by name.
func paramTexts(params []string) map[string]string {
	m := make(map[string]string)
	for _, p := range params {
		name, rest, _ := strings.Cut(p, " ")
		m[name] = rest
	}
	return m
}

// goKind returns a type expression without the parts that are no part of a Go type.
func goKind(typ string) string {
	typ, _, _ = strings.Cut(strings.TrimSuffix(typ, "!"), "(")
	return typ
}

func (d *differ) types(a, b *factsFile) {
	keys(d, "type ", a.Types, b.Types)
	for _, name := range both(a.Types, b.Types) {
		was, is := a.Types[name], b.Types[name]
		keys(d, name+" field ", was.Fields, is.Fields)
		for _, f := range both(was.Fields, is.Fields) {
			switch x, y := was.Fields[f], is.Fields[f]; {
			case goKind(x) != goKind(y):
				d.add("!", "%s field %s: %s, was %s", name, f, y, x)
			case x != y:
				d.add("~", "%s field %s: %s, was %s", name, f, y, x)
			}
		}
		for _, v := range was.Enum {
			if !slices.Contains(is.Enum, v) {
				d.add("!", "%s value %s is gone", name, v)
			}
		}
		for _, v := range is.Enum {
			if !slices.Contains(was.Enum, v) {
				d.add("+", "%s value %s", name, v)
			}
		}
		if was.Kind != is.Kind || was.Of != is.Of || !slices.Equal(was.Embed, is.Embed) || !slices.Equal(was.OneOf, is.OneOf) {
			d.add("!", "%s: %s, was %s", name, mustJSON(typeFact{Kind: is.Kind, Of: is.Of, Embed: is.Embed, OneOf: is.OneOf}),
				mustJSON(typeFact{Kind: was.Kind, Of: was.Of, Embed: was.Embed, OneOf: was.OneOf}))
		}
	}
}
