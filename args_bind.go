package vk

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// A binding says which field of a struct takes which argument.
type binding struct {
	fields []int         // one for each placeholder
	convs  [][]Converter // by which it gets a value that the field can hold
}

// newBinding matches the fields of the struct type t with the placeholders, by
// name without regard to case and underscores.
func newBinding(t reflect.Type, params []param) (binding, error) {
	if t.Kind() != reflect.Struct {
		return binding{}, fmt.Errorf("the arguments are of type %s, which is no struct", t)
	}
	var b binding
	plain := func(name string) string { return foldWord(strings.ReplaceAll(name, "_", ""), true) }
	for i := range params {
		p := &params[i]
		at := -1
		for j := range t.NumField() {
			if f := t.Field(j); at < 0 && f.IsExported() && plain(f.Name) == plain(p.name) {
				at = j
			}
		}
		switch {
		case at < 0:
			return binding{}, fmt.Errorf("no field for {%s}", p.name)
		case slices.Contains(b.fields, at):
			return binding{}, fmt.Errorf("two placeholders for the field %s", t.Field(at).Name)
		}
		f := t.Field(at)
		convs, ok := p.into(f.Type)
		if !ok {
			return binding{}, fmt.Errorf("the field %s is of type %s, which cannot hold {%s}", f.Name, f.Type, p.name)
		}
		b.fields, b.convs = append(b.fields, at), append(b.convs, convs)
	}
	for j := range t.NumField() {
		if f := t.Field(j); !slices.Contains(b.fields, j) {
			return binding{}, fmt.Errorf("no placeholder for the field %s", f.Name)
		}
	}
	return b, nil
}

// refine has the placeholders make values that the fields can hold.
func (b binding) refine(params []param) error {
	if b.convs == nil {
		return nil // of no Command, or without arguments
	}
	if len(b.convs) != len(params) {
		return errors.New("its arguments are not those of the Command")
	}
	for i := range params {
		params[i].convs = b.convs[i]
	}
	return nil
}

// into returns the Converters of p whose values fit a field of type t; ok is
// false if those of one of its types do not.
func (p *param) into(t reflect.Type) (convs []Converter, ok bool) {
	if len(p.convs) == 0 {
		convs = []Converter{textType}
	} else {
		convs = slices.Clone(p.convs)
	}
	fit := func(t reflect.Type) bool {
		fitting := make([]Converter, len(convs))
		for i, conv := range convs {
			if fitting[i], ok = conv.into(t); !ok {
				return false
			}
		}
		convs = fitting
		return true
	}
	if !p.list || p.rest() {
		// A pointer is nil where nothing was given, unless the value is one.
		ok := fit(t) || t.Kind() == reflect.Pointer && fit(t.Elem())
		return convs, ok
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	ok = t.Kind() == reflect.Slice && fit(t.Elem())
	return convs, ok
}

// fill puts the values into the struct.
func (b binding) fill(into reflect.Value, values []value) {
	for i, v := range values {
		if v.v != nil {
			assign(into.Field(b.fields[i]), v.v)
		}
	}
}

// assign sets f to v, which is converted to its type, and reports whether that
// is possible.
func assign(f reflect.Value, v any) bool {
	rv, t := reflect.ValueOf(v), f.Type()
	if rv.Type().AssignableTo(t) {
		f.Set(rv)
		return true
	}
	list, isList := v.([]any)
	switch {
	case t.Kind() == reflect.Pointer:
		elem := reflect.New(t.Elem())
		if !assign(elem.Elem(), v) {
			return false
		}
		f.Set(elem)
	case isList:
		if t.Kind() != reflect.Slice {
			return false
		}
		s := reflect.MakeSlice(t, len(list), len(list))
		for i, e := range list {
			if !assign(s.Index(i), e) {
				return false
			}
		}
		f.Set(s)
	case rv.Kind() == reflect.Pointer && rv.Type().Elem() == t:
		f.Set(rv.Elem())
	case rv.Type() == reflect.TypeFor[int64]() && f.CanInt() && t != reflect.TypeFor[time.Duration]():
		if f.OverflowInt(rv.Int()) {
			return false
		}
		f.SetInt(rv.Int())
	case rv.Type() == reflect.TypeFor[int64]() && f.CanUint():
		if rv.Int() < 0 || f.OverflowUint(uint64(rv.Int())) {
			return false
		}
		f.SetUint(uint64(rv.Int()))
	case rv.CanFloat() && f.CanFloat():
		if f.OverflowFloat(rv.Float()) {
			return false
		}
		f.SetFloat(rv.Float())
	case rv.Kind() == reflect.String && t.Kind() == reflect.String:
		f.SetString(rv.String())
	case rv.Kind() == reflect.Bool && t.Kind() == reflect.Bool:
		f.SetBool(rv.Bool())
	default:
		return false
	}
	return true
}
