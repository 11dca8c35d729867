package vk

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// An ArgError says that a command was written with the wrong arguments. The
// handler has not run. middleware.Explain tells the person.
type ArgError struct {
	Usage string // how the command is to be written: its prefix and pattern
	Name  string // the placeholder without a fitting argument, or ""
	Want  string // the types that it takes
	Value string // what was written in its place, or what was left over
	Err   error  // what is wrong
}

// Error names the usage and what is wrong with the arguments.
func (e *ArgError) Error() string {
	s := "vk: usage: " + e.Usage + ": "
	if e.Name != "" {
		s += e.Name + ": "
	}
	if e.Value != "" {
		s += fmt.Sprintf("%.40q ", e.Value)
	}
	return s + e.Err.Error()
}

// Unwrap returns e.Err.
func (e *ArgError) Unwrap() error { return e.Err }

// What can be wrong with arguments, as the Err of an [ArgError].
var (
	ErrMissingArg = errors.New("is missing")                 // the text ended before the argument
	ErrExtraArg   = errors.New("is left over")               // the text goes on behind the last argument
	ErrArgType    = errors.New("is of another type")         // the argument does not convert
	ErrBadQuote   = errors.New("has unmatched quotes in it") // a quotation mark has no counterpart, or stands inside a word
)

// args are the arguments of a command, once parsed.
type args struct {
	parsed bool
	values []value // one for each placeholder
	err    error
}

// A value is one argument.
type value struct {
	text  string
	v     any // converted; nil if it was not given
	given bool
}

// parseArgs parses the command's arguments, the first time it is called.
func (c *Context) parseArgs() ([]value, error) {
	i := c.inv
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.args.parsed && i.route != nil {
		i.args.parsed = true
		values, err := parseLine(i.route.params, i.line)
		if err != nil {
			err.Usage = i.prefix + i.route.Pattern
			i.args.err = err
		}
		i.args.values = values
	}
	return i.args.values, i.args.err
}

// Arg returns the text of a command's argument by the name of its placeholder,
// or of its default. It is "" if there is none of that name or it was not
// given.
func (c *Context) Arg(name string) string {
	if text, ok := c.inv.captured(name); ok {
		return text
	}
	values, _ := c.parseArgs()
	for i, v := range values {
		if c.inv.route.params[i].name == name {
			return v.text
		}
	}
	return ""
}

// parseLine reads the arguments that params ask for from what follows a
// command's words.
func parseLine(params []param, line string) ([]value, *ArgError) {
	if len(params) == 0 && line == "" {
		return nil, nil
	}
	s := strings.TrimSpace(line)
	values := make([]value, len(params))
	var refused *ArgError // why the first word of s was not taken
	for i, p := range params {
		v, rest, err := p.take(s)
		if err != nil && !v.given && !p.optional && !(p.list && p.hasDef) {
			return nil, err
		}
		if refused == nil || len(rest) < len(s) {
			refused = err
		}
		values[i], s = v, rest
	}
	if s == "" {
		return values, nil
	}
	if refused != nil {
		return nil, refused // tells more than that the word is left over
	}
	return nil, &ArgError{Value: s, Err: ErrExtraArg}
}

// take reads the argument of p from the beginning of s, and returns what is
// left of s. The error says why it did not take more: it may have taken some
// words of a list, or have a value where there is no word to take.
func (p param) take(s string) (v value, rest string, err *ArgError) {
	if s != "" && p.rest() {
		return value{s, s, true}, "", nil
	}
	var list []any
	for rest = s; rest != ""; {
		word, after, wrong := nextWord(rest)
		var converted any
		if wrong != nil {
			word = rest
		} else {
			converted, wrong = p.convert(word)
		}
		if wrong != nil {
			err = &ArgError{Name: p.name, Want: p.want(), Value: word, Err: wrong}
			break
		}
		after = trimLeft(after)
		if !p.list {
			return value{word, converted, true}, after, nil
		}
		list, rest = append(list, converted), after
	}
	switch {
	case list != nil:
		v = value{strings.TrimSpace(s[:len(s)-len(rest)]), list, true}
	case p.hasDef:
		v = p.fallback()
	case s == "" && !p.optional:
		err = &ArgError{Name: p.name, Want: p.want(), Err: ErrMissingArg}
	}
	return v, rest, err
}

// fallback returns the default of p.
func (p param) fallback() value {
	if p.rest() {
		return value{p.def, p.def, false}
	}
	v, _ := p.convert(p.def) // converts: parsePattern has tried
	if p.list {
		v = []any{v}
	}
	return value{p.def, v, false}
}

// A binding says which field of a struct takes which argument.
type binding []int

// newBinding matches the fields of the struct type t with the placeholders, by
// name without regard to case.
func newBinding(t reflect.Type, params []param) (binding, error) {
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("the arguments are of type %s, which is no struct", t)
	}
	b := make(binding, len(params))
	taken := make(map[int]bool)
	for i, p := range params {
		b[i] = -1
		for j := range t.NumField() {
			if f := t.Field(j); f.IsExported() && strings.EqualFold(f.Name, p.name) {
				b[i] = j
			}
		}
		switch {
		case b[i] < 0:
			return nil, fmt.Errorf("no field for {%s}", p.name)
		case taken[b[i]]:
			return nil, fmt.Errorf("two placeholders for the field %s", t.Field(b[i]).Name)
		}
		taken[b[i]] = true
		f := t.Field(b[i])
		if !p.fits(f.Type) {
			return nil, fmt.Errorf("the field %s is of type %s, which cannot hold {%s}", f.Name, f.Type, p.name)
		}
	}
	for j := range t.NumField() {
		if f := t.Field(j); !taken[j] {
			return nil, fmt.Errorf("no placeholder for the field %s", f.Name)
		}
	}
	return b, nil
}

// fits reports whether a field of type t can hold any value of p.
func (p param) fits(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem() // nil where nothing was given
	}
	if p.list && !p.rest() {
		if t.Kind() != reflect.Slice {
			return false
		}
		t = t.Elem()
	}
	if t.Kind() == reflect.Interface {
		return t.NumMethod() == 0
	}
	types := p.types
	if types == nil {
		types = []string{"string"}
	}
	for _, name := range types {
		ok := false
		switch name {
		case "string":
			ok = t.Kind() == reflect.String
		case "int":
			ok = t.Kind() == reflect.Int || t.Kind() == reflect.Int64
		case "float":
			ok = t.Kind() == reflect.Float64
		case "bool":
			ok = t.Kind() == reflect.Bool
		}
		if !ok {
			return false
		}
	}
	return true
}

// fill puts the values into the struct.
func (b binding) fill(into reflect.Value, values []value) {
	for i, v := range values {
		if v.v == nil {
			continue
		}
		f := into.Field(b[i])
		if f.Kind() == reflect.Pointer {
			f.Set(reflect.New(f.Type().Elem()))
			f = f.Elem()
		}
		list, ok := v.v.([]any)
		if !ok {
			set(f, v.v)
			continue
		}
		f.Set(reflect.MakeSlice(f.Type(), len(list), len(list)))
		for j, e := range list {
			set(f.Index(j), e)
		}
	}
}

func set(f reflect.Value, v any) {
	rv := reflect.ValueOf(v)
	if f.Kind() != reflect.Interface {
		rv = rv.Convert(f.Type())
	}
	f.Set(rv)
}
