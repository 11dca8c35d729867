package command

import (
	"reflect"
	"time"
)

// A fit is how a field holds values of a type. This file has all that is known
// about that: a Converter asks it when a pattern is registered, Assign when a
// value is there.
type fit int

const (
	misfits  fit = iota // not at all
	fits                // as they are
	pointsTo            // the values that they point to
	converts            // in its own type of number, string or bool, if that has the range
)

var int64Type = reflect.TypeFor[int64]()

// fitOf returns how a field of type to holds values of type from. An integer
// does not become a time.Duration, for it has no unit.
func fitOf(from, to reflect.Type) fit {
	switch {
	case from.AssignableTo(to):
		return fits
	case from.Kind() == reflect.Pointer && from.Elem() == to:
		return pointsTo
	case from == int64Type && isInteger(to.Kind()) && to != reflect.TypeFor[time.Duration](),
		isFloat(from.Kind()) && isFloat(to.Kind()),
		from.Kind() == reflect.String && to.Kind() == reflect.String,
		from.Kind() == reflect.Bool && to.Kind() == reflect.Bool:
		return converts
	}
	return misfits
}

func isInteger(k reflect.Kind) bool { return reflect.Int <= k && k <= reflect.Uintptr }
func isFloat(k reflect.Kind) bool   { return k == reflect.Float32 || k == reflect.Float64 }

// isNarrow reports whether a field may be too small for a number that converts.
func isNarrow(field reflect.Value) bool {
	return field.CanUint() || (field.CanInt() || field.CanFloat()) && field.Type().Bits() < 64
}

// inRange reports whether a field can hold a value that converts.
func inRange(field, v reflect.Value) bool {
	switch {
	case field.CanInt():
		return !field.OverflowInt(v.Int())
	case field.CanUint():
		return v.Int() >= 0 && !field.OverflowUint(uint64(v.Int()))
	case field.CanFloat():
		return !field.OverflowFloat(v.Float())
	}
	return true
}

// set sets a field to a value that fits so, and is in its range.
func (how fit) set(field, v reflect.Value) {
	switch {
	case how == fits:
		field.Set(v)
	case how == pointsTo:
		field.Set(v.Elem())
	case field.CanInt():
		field.SetInt(v.Int())
	case field.CanUint():
		field.SetUint(uint64(v.Int()))
	case field.CanFloat():
		field.SetFloat(v.Float())
	case field.Kind() == reflect.String:
		field.SetString(v.String())
	case field.Kind() == reflect.Bool:
		field.SetBool(v.Bool())
	}
}

// Assign sets a field to the value of an argument, and reports whether the
// field can hold it. The elements of a list become those of a slice, and a
// pointer is set to a new variable with the value.
func Assign(field reflect.Value, v any) bool {
	rv, t := reflect.ValueOf(v), field.Type()
	how := fitOf(rv.Type(), t)
	if how != misfits {
		if how == converts && !inRange(field, rv) {
			return false
		}
		how.set(field, rv)
		return true
	}
	if t.Kind() == reflect.Pointer {
		elem := reflect.New(t.Elem())
		if !Assign(elem.Elem(), v) {
			return false
		}
		field.Set(elem)
		return true
	}
	list, ok := v.([]any)
	return ok && t.Kind() == reflect.Slice && assignList(field, list)
}

// assignList sets a field that is a slice.
func assignList(field reflect.Value, list []any) bool {
	s := reflect.MakeSlice(field.Type(), len(list), len(list))
	for i, v := range list {
		if !Assign(s.Index(i), v) {
			return false
		}
	}
	field.Set(s)
	return true
}
