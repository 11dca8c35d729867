// Package drift finds the differences between JSON and the Go type that it is
// decoded into: object keys without a field in the type, and values that do not
// fit their field. Both show that the sender's format has changed, or differs
// from its documentation.
package drift

import (
	"bytes"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/vkrouter/vk/internal/tolerant"
)

// A Difference is one place where JSON and a Go type differ.
type Difference struct {
	// Path is the place of the value, such as
	// object.message.attachments[0].photo.
	Path string

	// Want is the type of the field that the value does not fit. It is nil if
	// there is no field for the value.
	Want reflect.Type

	// Sample is the value, cut to [Comparer].MaxSample bytes.
	Sample []byte
}

// A Comparer compares JSON with Go types. Several goroutines may use it at once,
// but not while it is changed.
type Comparer struct {
	// Models maps types that have an UnmarshalJSON method to structs with the
	// fields that the method reads. Without an entry, differences inside such a
	// type are not found.
	Models map[reflect.Type]reflect.Type

	// Ignored contains object keys that are not reported if they have no field:
	// "key" for all objects, or "Type.key" for the objects of one named struct
	// type, and of those that embed it. An unnamed struct inside the type adds its
	// own key: "Type.inner.key".
	Ignored map[string]bool

	// MaxSample is the maximum length of samples in bytes.
	MaxSample int
}

// Compare decodes data into v, which must be a non-nil pointer, by the rules of
// package tolerant, and returns the differences in the order of data. If data is
// not JSON, it returns an error and leaves v untouched.
//
// The prefix begins each path. With the prefix "object.", the path of a field is
// object.field, and the path of the whole value is object.
func (c *Comparer) Compare(prefix string, data []byte, v any) ([]Difference, error) {
	var found []Difference
	add := func(path string, want reflect.Type, raw []byte) {
		found = append(found, Difference{strings.TrimSuffix(prefix+path, "."), want, c.Sample(raw)})
	}
	d := tolerant.Decoder{
		Inside: c.Models,
		Bent:   add,
		Unknown: func(path string, raw []byte) {
			if !c.Ignores(reflect.TypeOf(v), path) {
				add(path, nil, raw)
			}
		},
	}
	if err := d.Unmarshal(data, v); err != nil {
		return nil, err
	}
	return found, nil
}

// Ignores reports whether Ignored holds the key that a path ends in. The path
// begins in a value of the type, and may contain indexes.
func (c *Comparer) Ignores(typ reflect.Type, path string) bool {
	keys := strings.Split(index.ReplaceAllString(path, ""), ".")
	last := len(keys) - 1
	if c.Ignored[keys[last]] {
		return true
	}
	typ, names := c.object(typ)
	for _, key := range keys[:last] {
		var inner []string
		switch typ, inner = c.object(inside(typ, key)); {
		case typ == nil:
			return false
		case inner != nil:
			names = inner
		default:
			for i := range names {
				names[i] += "." + key
			}
		}
	}
	return slices.ContainsFunc(names, func(name string) bool { return c.Ignored[name+"."+keys[last]] })
}

// index matches an index of a path.
var index = regexp.MustCompile(`\[\d+\]`)

// object returns the type that the keys of an object in a value of the type are
// looked up in, and its name, followed by those of the structs that it embeds. An
// unnamed type has no names.
func (c *Comparer) object(typ reflect.Type) (keys reflect.Type, names []string) {
	for typ != nil {
		if model := c.Models[typ]; model != nil {
			return model, []string{typ.Name()}
		}
		if k := typ.Kind(); k != reflect.Pointer && k != reflect.Slice && k != reflect.Array {
			break
		}
		typ = typ.Elem()
	}
	if typ == nil || typ.Name() == "" {
		return typ, nil
	}
	names = []string{typ.Name()}
	if typ.Kind() == reflect.Struct {
		for _, f := range reflect.VisibleFields(typ) {
			if f.Anonymous {
				names = append(names, f.Type.Name())
			}
		}
	}
	return typ, names
}

// inside returns the type of the value with the key, or nil if there is none.
func inside(typ reflect.Type, key string) reflect.Type {
	switch typ.Kind() {
	case reflect.Map:
		return typ.Elem()
	case reflect.Struct:
		for _, f := range reflect.VisibleFields(typ) {
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name == key {
				return f.Type
			}
		}
	}
	return nil
}

// Sample returns a copy of the first MaxSample bytes of raw.
func (c *Comparer) Sample(raw []byte) []byte {
	return bytes.Clone(raw[:min(len(raw), c.MaxSample)])
}
