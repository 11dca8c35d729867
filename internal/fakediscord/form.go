package fakediscord

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"unicode/utf8"
)

// A form reads the fields of a body and gathers their errors. Fields
// that no method asks for are ignored, as Discord does.
type form struct {
	body   object
	at     string // the path of body in the whole body, with a dot behind
	errors *object
}

func newForm(body object) form { return form{body: body, errors: new(object)} }

// fail adds an error. The path is relative to the form, with dots between; "" is
// the form itself.
func (f form) fail(path, code, format string, args ...any) {
	if *f.errors == nil {
		*f.errors = make(object)
	}
	o := *f.errors
	for part := range strings.SplitSeq(strings.TrimSuffix(f.at+path, "."), ".") {
		if part == "" {
			break // the body itself
		}
		next, ok := o[part].(object)
		if !ok {
			next = make(object)
			o[part] = next
		}
		o = next
	}
	maps.Copy(o, fieldError(code, fmt.Sprintf(format, args...)))
}

// done refuses the call if there were errors.
func (f form) done() {
	if *f.errors != nil {
		panic(invalidForm(*f.errors))
	}
}

// has reports whether a field is present and not null.
func (f form) has(name string) bool { return f.body[name] != nil }

// null reports whether a field is present and null.
func (f form) null(name string) bool {
	v, ok := f.body[name]
	return ok && v == nil
}

// require adds an error if a field is absent or null.
func (f form) require(names ...string) {
	for _, name := range names {
		if !f.has(name) {
			f.fail(name, "BASE_TYPE_REQUIRED", "This field is required")
		}
	}
}

// text returns a string of lo to hi characters.
func (f form) text(name string, lo, hi int) (string, bool) {
	v := f.body[name]
	if v == nil {
		return "", false
	}
	var s string
	switch v := v.(type) {
	case string:
		s = v
	case json.Number:
		s = v.String() // Discord takes it
	default:
		f.fail(name, "BASE_TYPE_BAD_TYPE", "Must be a string.")
		return "", false
	}
	switch n := utf8.RuneCountInString(s); {
	case lo == 0 && n > hi:
		f.fail(name, "BASE_TYPE_MAX_LENGTH", "Must be %d or fewer in length.", hi)
	case n == 0 && lo > 0:
		f.fail(name, "BASE_TYPE_REQUIRED", "This field is required")
	case n < lo || n > hi:
		f.fail(name, "BASE_TYPE_BAD_LENGTH", "Must be between %d and %d in length.", lo, hi)
	default:
		return s, true
	}
	return "", false
}

// int returns an integer from lo to hi.
func (f form) int(name string, lo, hi int) (int, bool) {
	v := f.body[name]
	if v == nil {
		return 0, false
	}
	var n int64
	var err error
	switch v := v.(type) {
	case json.Number:
		n, err = v.Int64()
	case string:
		n, err = json.Number(v).Int64()
	default:
		err = fmt.Errorf("wrong type")
	}
	switch {
	case err != nil:
		f.fail(name, "NUMBER_TYPE_COERCE", "Value %q is not int.", fmt.Sprint(v))
	case n < int64(lo):
		f.fail(name, "NUMBER_TYPE_MIN", "int value should be greater than or equal to %d.", lo)
	case n > int64(hi):
		f.fail(name, "NUMBER_TYPE_MAX", "int value should be less than or equal to %d.", hi)
	default:
		return int(n), true
	}
	return 0, false
}

// choice returns an integer that must be one of those given.
func (f form) choice(name string, of ...int) (int, bool) {
	n, ok := f.int(name, -1<<31, 1<<31)
	if !ok {
		return 0, false
	}
	for _, v := range of {
		if v == n {
			return n, true
		}
	}
	f.fail(name, "BASE_TYPE_CHOICES", "Value must be one of %v.", of)
	return 0, false
}

// bool returns a boolean.
func (f form) bool(name string) (value, ok bool) {
	v := f.body[name]
	if v == nil {
		return false, false
	}
	b, ok := v.(bool)
	if !ok {
		f.fail(name, "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")
	}
	return b, ok
}

// id returns a snowflake.
func (f form) id(name string) (ID, bool) {
	v := f.body[name]
	if v == nil {
		return 0, false
	}
	id, ok := idOf(v)
	if !ok {
		f.fail(name, "NUMBER_TYPE_COERCE", "Value %q is not snowflake.", fmt.Sprint(v))
	}
	return id, ok
}

// list returns a list of lo to hi elements.
func (f form) list(name string, lo, hi int) ([]any, bool) {
	v := f.body[name]
	if v == nil {
		return nil, false
	}
	l, ok := v.([]any)
	switch {
	case !ok:
		f.fail(name, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
	case len(l) < lo || len(l) > hi:
		ok = false
		f.fail(name, "BASE_TYPE_BAD_LENGTH", "Must be between %d and %d in length.", lo, hi)
	}
	return l, ok
}

// ids returns a list of snowflakes.
func (f form) ids(name string, hi int) ([]ID, bool) {
	l, ok := f.list(name, 0, hi)
	if !ok {
		return nil, false
	}
	ids := make([]ID, 0, len(l))
	for i, v := range l {
		id, good := idOf(v)
		if !good {
			f.fail(fmt.Sprintf("%s.%d", name, i), "NUMBER_TYPE_COERCE", "Value %q is not snowflake.", fmt.Sprint(v))
			ok = false
		}
		ids = append(ids, id)
	}
	return ids, ok
}

// bits returns a set of permissions: a decimal string, or a number.
func (f form) bits(name string) (Permissions, bool) {
	id, ok := f.id(name)
	return Permissions(id), ok
}

// sub returns the form of an object within the body.
func (f form) sub(name string) (form, bool) {
	v := f.body[name]
	if v == nil {
		return form{}, false
	}
	return f.model(name, v)
}

// model returns the form of a value within the body, at a path.
func (f form) model(path string, v any) (form, bool) {
	o, ok := v.(object)
	if !ok {
		f.fail(path, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
		return form{}, false
	}
	return form{body: o, at: f.at + path + ".", errors: f.errors}, true
}

// setText copies a string to a document. Null empties the field if it may be
// null.
func (f form) setText(doc object, name string, lo, hi int) {
	if s, ok := f.text(name, lo, hi); ok {
		doc[name] = s
	} else if f.null(name) {
		doc[name] = nil
	}
}

// setInt copies an integer to a document.
func (f form) setInt(doc object, name string, lo, hi int) {
	if n, ok := f.int(name, lo, hi); ok {
		doc[name] = n
	} else if f.null(name) {
		doc[name] = nil
	}
}

// setBool copies a boolean to a document.
func (f form) setBool(doc object, name string) {
	if b, ok := f.bool(name); ok {
		doc[name] = b
	}
}

// setID copies a snowflake to a document.
func (f form) setID(doc object, name string) {
	if id, ok := f.id(name); ok {
		doc[name] = orNull(id)
	} else if f.null(name) {
		doc[name] = nil
	}
}
