// Package vkfacts knows the methods of VK's API: their names, which kinds of
// tokens may call them, and the names of their parameters.
//
// The facts are those of VK's JSON schema. facts.json is the schema without its
// sentences, one line for each method and type: names, types, bounds and values.
// names.txt has the names alone and is embedded; the package's test derives it
// from facts.json. errata.json corrects the schema where VK does other
// than it says; each entry says why. A parameter with a type there gets a field in
// package api; for the rest of what internal/gen has to know for that package,
// there is api.json. All of facts.json and names.txt is made by
//
//	go run ./internal/gen facts DIR
//
// of a checkout of the schema in DIR.
//
// In facts.json, a method has tokens (u for a user's, g for a community's, s for a
// service key), params as "name type" with required, min, max, maxlen, maxitems and
// default behind it, answers (the usual one is named ""; each value names a type)
// and the errors that it has besides those of all methods. A type has fields, embeds
// others, is one of several, an enum, or short for an expression. []T is a list, a|b
// either, @name a type of the list, string:@name a string that holds one,
// int(0=off,1=on) has its values in place, and ! follows the type of a field that is
// always there.
package vkfacts

import (
	_ "embed"
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
)

// The kinds of tokens, as the facts name them.
const (
	User    = 'u'
	Group   = 'g'
	Service = 's'
)

// A Method is a method of the API.
type Method struct {
	Name   string
	Tokens string   // that may call it: User, Group and Service; empty if not known
	Params []string // with those of the errata

	any bool // it takes parameters of any name
}

//go:embed names.txt
var names string

//go:embed errata.json
var errata []byte

// An entry is one of the errata. Each has a reason, for its readers.
type entry struct {
	Method string   `json:"method"`
	Params []string `json:"params"`
	Why    string   `json:"why"`
}

type corrections struct {
	Common []entry `json:"common"` // parameters of all methods
	Params []entry `json:"params"` // parameters that a method has besides
	Any    []entry `json:"any"`    // methods that take parameters of any name
}

type facts struct {
	methods map[string]Method
	common  []string
}

// load reads the facts when they are first needed.
var load = sync.OnceValue(func() facts {
	f := facts{methods: make(map[string]Method)}
	for line := range strings.Lines(names) {
		words := strings.Fields(line)
		f.methods[words[0]] = Method{Name: words[0], Tokens: strings.Trim(words[1], "-o"), Params: words[2:]}
	}
	var fix corrections
	if err := json.Unmarshal(errata, &fix); err != nil {
		panic("vkfacts: errata.json: " + err.Error())
	}
	for _, e := range fix.Common {
		f.common = append(f.common, e.Params...)
	}
	for _, e := range fix.Params {
		m := f.methods[e.Method]
		m.Params = slices.Clip(m.Params)
		for _, p := range e.Params {
			name, _, _ := strings.Cut(p, " ") // a type is for package api
			m.Params = append(m.Params, name)
		}
		f.methods[e.Method] = m
	}
	for _, e := range fix.Any {
		m := f.methods[e.Method]
		m.any = true
		f.methods[e.Method] = m
	}
	return f
})

// Lookup returns a method and reports whether VK has it.
func Lookup(name string) (Method, bool) {
	m, ok := load().methods[name]
	return m, ok
}

// All returns the names of the methods that VK has, in no order.
func All() iter.Seq[string] { return maps.Keys(load().methods) }

// May reports whether a kind of token may call the method: User, Group or
// Service. Of a method of which nothing is known, all may.
func (m Method) May(token rune) bool {
	return m.Tokens == "" || strings.ContainsRune(m.Tokens, token)
}

// Takes reports whether the method has a parameter.
func (m Method) Takes(param string) bool {
	return m.any || slices.Contains(m.Params, param) || slices.Contains(load().common, param)
}

// Nearest returns the parameter of the method that a misspelt name is most like,
// or "".
func (m Method) Nearest(param string) string {
	best, found := 1+len(param)/3, ""
	for _, p := range m.Params {
		if d := distance(param, p); d <= best {
			best, found = d-1, p
		}
	}
	return found
}

// distance is how many letters have to be inserted, removed or replaced to make
// one word of another.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost = 1 + min(before, row[j], row[j+1])
			}
			before, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
