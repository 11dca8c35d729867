// Package plainjson encodes small values as JSON, without the escapes for HTML.
//
// It knows maps with string keys and structs, of strings, integers and
// booleans. encoding/json takes about four times as long for them; the
// keyboards of internal/peerbench show the difference.
package plainjson

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// An Encoder encodes values. The zero Encoder is ready to use. It is not safe
// for concurrent use.
type Encoder struct {
	keys []string // of a map

	// The last struct's type and fields: those of a keyboard are usually of one
	// type.
	last   reflect.Type
	fields []field
}

// Append appends the JSON of v to dst. If v is not of a known shape, it returns
// false, and dst may have changed behind its length.
func (e *Encoder) Append(dst []byte, v any) (_ []byte, ok bool) {
	if m, ok := v.(map[string]any); ok {
		return e.appendMap(dst, m)
	}
	s := reflect.ValueOf(v)
	if s.Kind() == reflect.Pointer {
		s = s.Elem() // of no kind if v is nil
	}
	if s.Kind() != reflect.Struct {
		return dst, false
	}
	if t := s.Type(); t != e.last {
		e.last, e.fields = t, fieldsOf(t)
	}
	if e.fields == nil {
		return dst, false
	}
	return appendStruct(dst, s, e.fields), true
}

// appendMap appends a map, sorted by key.
func (e *Encoder) appendMap(dst []byte, m map[string]any) (_ []byte, ok bool) {
	if m == nil {
		return dst, false
	}
	e.keys = e.keys[:0]
	for key := range m {
		e.keys = append(e.keys, key)
	}
	slices.Sort(e.keys)
	text := append(dst, '{')
	for i, key := range e.keys {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(AppendString(text, key), ':')
		switch v := m[key].(type) {
		case string:
			text = AppendString(text, v)
		case int:
			text = strconv.AppendInt(text, int64(v), 10)
		case int64:
			text = strconv.AppendInt(text, v, 10)
		case bool:
			text = strconv.AppendBool(text, v)
		default:
			return dst, false
		}
	}
	return append(text, '}'), true
}

// A field is an encoded field of a struct.
type field struct {
	index     int
	kind      reflect.Kind // String, Bool, Int64 or Uint64
	key       string       // with the comma before it and the colon behind it
	omitEmpty bool
}

// plans are the fields of structs by reflect.Type.
var plans sync.Map

// fieldsOf returns the fields of a struct, or nil if encoding/json might encode
// the struct in another way.
func fieldsOf(t reflect.Type) []field {
	if p, ok := plans.Load(t); ok {
		return p.([]field)
	}
	p, _ := plans.LoadOrStore(t, newFields(t))
	return p.([]field)
}

func newFields(t reflect.Type) []field {
	if !bare(t) {
		return nil
	}
	fields := make([]field, 0, t.NumField())
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		name, option, _ := strings.Cut(tag, ",")
		switch {
		case f.Anonymous:
			return nil
		case !f.IsExported(), tag == "-":
			continue
		case name == "":
			name = f.Name
		}
		kind, ok := simple(f.Type)
		if !ok || !isName(name) || option != "" && option != "omitempty" {
			return nil
		}
		key := `,"` + name + `":`
		if slices.ContainsFunc(fields, func(f field) bool { return strings.EqualFold(f.key, key) }) {
			return nil
		}
		fields = append(fields, field{i, kind, key, option == "omitempty"})
	}
	return fields
}

// bare reports whether a type has no methods that may encode it.
func bare(t reflect.Type) bool {
	return t.NumMethod() == 0 && reflect.PointerTo(t).NumMethod() == 0 && t != reflect.TypeFor[json.Number]()
}

// simple returns the kind of the fields of a type, and reports whether they can
// be encoded.
func simple(t reflect.Type) (reflect.Kind, bool) {
	switch kind := t.Kind(); kind {
	case reflect.String, reflect.Bool:
		return kind, bare(t)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return reflect.Int64, bare(t)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return reflect.Uint64, bare(t)
	}
	return 0, false
}

// isName reports whether a key needs no escapes.
func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

func appendStruct(dst []byte, s reflect.Value, fields []field) []byte {
	start := len(dst)
	for i := range fields {
		f := &fields[i]
		v := s.Field(f.index)
		if f.omitEmpty && v.IsZero() {
			continue
		}
		dst = append(dst, f.key...)
		switch f.kind {
		case reflect.String:
			dst = AppendString(dst, v.String())
		case reflect.Bool:
			dst = strconv.AppendBool(dst, v.Bool())
		case reflect.Int64:
			dst = strconv.AppendInt(dst, v.Int(), 10)
		case reflect.Uint64:
			dst = strconv.AppendUint(dst, v.Uint(), 10)
		}
	}
	if len(dst) == start {
		return append(dst, '{', '}')
	}
	dst[start] = '{' // in place of the comma
	return append(dst, '}')
}

// AppendString appends s as a JSON string. Invalid UTF-8 becomes U+FFFD.
func AppendString(dst []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = string([]rune(s))
	}
	return AppendQuoted(dst, s)
}

// AppendQuoted is AppendString for valid UTF-8.
func AppendQuoted[T string | []byte](dst []byte, s T) []byte {
	const most = 2 // bytes for a character, except control characters
	n := len(dst)
	dst = slices.Grow(dst, 2+most*len(s))[:n+2+most*len(s)]
	dst[n] = '"'
	n++
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '\n':
			dst[n], dst[n+1] = '\\', 'n'
			n += 2
		case c < ' ':
			dst = append(dst[:n], `\u00`...)
			dst = append(dst, "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
			n = len(dst)
			rest := most*(len(s)-i-1) + 1
			dst = slices.Grow(dst, rest)[:n+rest]
		case c == '"' || c == '\\':
			dst[n] = '\\'
			n++
			fallthrough
		default:
			dst[n] = c
			n++
		}
	}
	dst[n] = '"'
	return dst[:n+1]
}
