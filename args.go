package vk

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode"
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
		values, err := parseLine(i.route.pattern.params, i.line)
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
	values, _ := c.parseArgs()
	for i, v := range values {
		if c.inv.route.pattern.params[i].name == name {
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
	values := make([]value, len(params))
	s := trimLeft(line)
	for i, p := range params {
		v, rest, err := p.take(s)
		if err != nil {
			err.Name, err.Want = p.name, p.want()
			return nil, err
		}
		values[i], s = v, trimLeft(rest)
	}
	if s != "" {
		return nil, &ArgError{Value: s, Err: ErrExtraArg}
	}
	return values, nil
}

func trimLeft(s string) string { return strings.TrimLeftFunc(s, unicode.IsSpace) }

// take reads one argument from the beginning of s.
func (p param) take(s string) (v value, rest string, err *ArgError) {
	if s == "" {
		return p.absent(s)
	}
	if p.rest() {
		s = strings.TrimRightFunc(s, unicode.IsSpace)
		return value{s, s, true}, "", nil
	}
	if p.list {
		return p.takeList(s)
	}
	word, rest, quoteErr := nextWord(s)
	if quoteErr != nil {
		return v, s, &ArgError{Value: s, Err: quoteErr}
	}
	converted, convErr := p.convert(word)
	switch {
	case convErr == nil:
		return value{word, converted, true}, rest, nil
	case p.optional:
		return v, s, nil // the word is for the next placeholder
	}
	return v, s, &ArgError{Value: word, Err: convErr}
}

// takeList reads as many words as convert.
func (p param) takeList(s string) (v value, rest string, err *ArgError) {
	var list []any
	for rest = s; rest != ""; {
		word, after, quoteErr := nextWord(rest)
		if quoteErr != nil {
			return v, s, &ArgError{Value: rest, Err: quoteErr}
		}
		converted, convErr := p.convert(word)
		if convErr != nil {
			break
		}
		list = append(list, converted)
		rest = trimLeft(after)
	}
	if list == nil {
		v, _, err := p.absent(s)
		if err != nil {
			err.Value, err.Err = s, ErrArgType
		}
		return v, s, err
	}
	return value{strings.TrimRightFunc(s[:len(s)-len(rest)], unicode.IsSpace), list, true}, rest, nil
}

// absent returns the value of p where no argument was given.
func (p param) absent(s string) (value, string, *ArgError) {
	switch {
	case p.hasDef && p.rest():
		return value{p.def, p.def, false}, s, nil
	case p.hasDef:
		v, _ := p.convert(p.def) // converts: parsePattern has tried
		if p.list {
			v = []any{v}
		}
		return value{p.def, v, false}, s, nil
	case p.optional:
		return value{}, s, nil
	}
	return value{}, s, &ArgError{Err: ErrMissingArg}
}

// A binding says which field of a struct takes which argument.
type binding []int

// newBinding matches the fields of the struct type t with the placeholders, by
// name without regard to case.
func newBinding(t reflect.Type, params []param) (binding, error) {
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("the arguments are a %s, not a struct", t)
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
		if b[i] < 0 {
			return nil, fmt.Errorf("no field for {%s}", p.name)
		}
		taken[b[i]] = true
		f := t.Field(b[i])
		if !p.fits(f.Type) {
			return nil, fmt.Errorf("the field %s is a %s, which cannot hold {%s}", f.Name, f.Type, p.name)
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
