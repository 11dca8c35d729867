package tolerant

import (
	"reflect"
	"slices"
	"strings"
)

// field is a field of a struct, or of one embedded in it.
type field struct {
	name   string
	tagged bool // the name comes from a tag
	rest   bool // takes the keys without a field of their own
	typ    reflect.Type
	index  []int // the path to it: one step per struct
	plan   *plan
}

// of returns the field f of v and allocates embedded pointers on the path. It
// returns false if it would have to set a pointer embedded under an unexported
// name, which reflection does not allow.
func (f *field) of(v reflect.Value) (reflect.Value, bool) {
	for k, i := range f.index {
		if k > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				if !v.CanSet() {
					return v, false
				}
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v, true
}

// fieldsOf lists the fields of t that keys can reach, by encoding/json's rules.
// The least nested field of a name wins, then the only one with the name from a
// tag. If neither decides, all fields of that name are ignored.
func fieldsOf(t reflect.Type) []*field {
	type embedded struct {
		typ   reflect.Type
		index []int
	}
	var fields []*field
	taken := map[string]bool{}      // names found at a smaller depth
	seen := map[reflect.Type]bool{} // structs found at a smaller depth
	for level := []embedded{{typ: t}}; len(level) > 0; {
		var deeper []embedded
		found := map[string][]*field{}
		var names []string // the keys of found, in the order of the fields
		for _, e := range level {
			for i := range e.typ.NumField() {
				sf := e.typ.Field(i)
				name, tagged, ok := nameOf(sf)
				if !ok {
					continue
				}
				// The full slice expression keeps siblings from sharing memory.
				index := append(e.index[:len(e.index):len(e.index)], i)
				if st := structIn(sf.Type); sf.Anonymous && !tagged && st != nil {
					deeper = append(deeper, embedded{st, index})
					continue
				}
				if found[name] == nil {
					names = append(names, name)
				}
				found[name] = append(found[name], &field{name: name, tagged: tagged, rest: isRest(sf), typ: sf.Type, index: index})
			}
		}
		for _, name := range names {
			if !taken[name] {
				taken[name] = true
				if f := dominant(found[name]); f != nil {
					fields = append(fields, f)
				}
			}
		}
		// A type embedded twice at one depth stays in the list twice: its fields cancel
		// each other out. A type found before adds nothing.
		for _, e := range level {
			seen[e.typ] = true
		}
		level = level[:0]
		for _, e := range deeper {
			if !seen[e.typ] {
				level = append(level, e)
			}
		}
	}
	return fields
}

// dominant returns the field that wins among those of equal name and depth, or
// nil.
func dominant(fs []*field) *field {
	if len(fs) == 1 {
		return fs[0]
	}
	var one *field
	for _, f := range fs {
		if f.tagged {
			if one != nil {
				return nil
			}
			one = f
		}
	}
	return one
}

// nameOf returns the key of a field and whether it has one.
func nameOf(sf reflect.StructField) (name string, tagged, ok bool) {
	tag := sf.Tag.Get("json")
	if tag == "-" {
		return "", false, false
	}
	name, _, _ = strings.Cut(tag, ",")
	// The fields of an unexported embedded struct can be set, but the struct itself
	// cannot, as a key of its own would require.
	if !sf.IsExported() && (name != "" || !sf.Anonymous || structIn(sf.Type) == nil) {
		return "", false, false
	}
	if name == "" {
		return sf.Name, false, true
	}
	return name, true, true
}

// isRest reports whether a field takes the keys without a field. As in
// encoding/json/v2, the tag option "unknown" marks such a field.
func isRest(sf reflect.StructField) bool {
	_, options, _ := strings.Cut(sf.Tag.Get("json"), ",")
	return sf.Type == restType && slices.Contains(strings.Split(options, ","), "unknown")
}

// structIn returns the struct type that t is or points to, or nil.
func structIn(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer && t.Name() == "" {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	return t
}
