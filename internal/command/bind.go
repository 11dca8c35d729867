package command

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// A Binding says which field of a struct takes which argument. The zero Binding
// is for a command without arguments.
type Binding struct {
	fields     []int         // the index of a field, for each placeholder
	converters [][]Converter // for values that the field can hold
}

// Bind matches the fields of the struct type t with the placeholders, by name
// without regard to case and underscores. It returns an error if one of them
// has no counterpart, or if a field cannot hold its placeholder's values.
func Bind(t reflect.Type, params []Param) (Binding, error) {
	if t.Kind() != reflect.Struct {
		return Binding{}, fmt.Errorf("the arguments are of type %s, which is no struct", t)
	}
	var b Binding
	for i := range params {
		p := &params[i]
		at := fieldNamed(t, p.Name)
		switch {
		case at < 0:
			return Binding{}, fmt.Errorf("no field for {%s}", p.Name)
		case slices.Contains(b.fields, at):
			return Binding{}, fmt.Errorf("two placeholders for the field %s", t.Field(at).Name)
		}
		f := t.Field(at)
		converters, ok := p.convertersFor(f.Type)
		if !ok {
			return Binding{}, fmt.Errorf("the field %s is of type %s, which cannot hold {%s}", f.Name, f.Type, p.Name)
		}
		b.fields, b.converters = append(b.fields, at), append(b.converters, converters)
	}
	for i := range t.NumField() {
		if !slices.Contains(b.fields, i) {
			return Binding{}, fmt.Errorf("no placeholder for the field %s", t.Field(i).Name)
		}
	}
	return b, nil
}

// fieldNamed returns the index of the exported field with a placeholder's name,
// or -1.
func fieldNamed(t reflect.Type, name string) int {
	name = plainName(name)
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() && plainName(f.Name) == name {
			return i
		}
	}
	return -1
}

func plainName(name string) string { return Fold(strings.ReplaceAll(name, "_", "")) }

// convertersFor returns the Converters of p for a field of type t; ok is false
// if such a field cannot hold the values of one of p's types.
func (p *Param) convertersFor(t reflect.Type) (converters []Converter, ok bool) {
	if p.List {
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Kind() != reflect.Slice {
			return nil, false
		}
		return allFor(p.Converters, t.Elem())
	}
	if converters, ok = allFor(p.Converters, t); ok {
		return converters, true
	}
	if t.Kind() == reflect.Pointer { // nil where nothing was given
		return allFor(p.Converters, t.Elem())
	}
	return nil, false
}

// allFor returns the Converters for a field of type t; ok is false if one has
// none.
func allFor(converters []Converter, t reflect.Type) (all []Converter, ok bool) {
	all = make([]Converter, len(converters))
	for i, conv := range converters {
		if all[i], ok = conv.For(t); !ok {
			return nil, false
		}
	}
	return all, true
}

// Refine makes the placeholders, which must be those of Bind, convert to values
// that the fields can hold.
func (b Binding) Refine(params []Param) error {
	if b.converters == nil {
		return nil
	}
	if len(b.converters) != len(params) {
		return errors.New("its arguments are not those of the Command")
	}
	for i := range params {
		params[i].Converters = b.converters[i]
	}
	return nil
}

// Fill sets the fields of a struct to the arguments of refined placeholders.
func (b Binding) Fill(into reflect.Value, args []Argument) {
	for i, arg := range args {
		if arg.Value != nil {
			Assign(into.Field(b.fields[i]), arg.Value)
		}
	}
}
