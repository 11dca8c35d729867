// Package drift finds the differences between JSON and the Go type that it is
// meant for: object keys that the type has no field for, and values that do not
// fit their field. Both show that the sender's format has changed, or is not
// documented as it is.
package drift

import (
	"bytes"
	"reflect"
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

	// Ignored holds object keys that are not reported if there is no field for
	// them. They hold for all objects.
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
			if !c.Ignored[path[strings.LastIndexByte(path, '.')+1:]] {
				add(path, nil, raw)
			}
		},
	}
	if err := d.Unmarshal(data, v); err != nil {
		return nil, err
	}
	return found, nil
}

// Sample returns a copy of the first MaxSample bytes of raw.
func (c *Comparer) Sample(raw []byte) []byte {
	return bytes.Clone(raw[:min(len(raw), c.MaxSample)])
}
