package vkscript

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"unicode/utf8"
)

// The values of a script are nil, bool, string, json.Number, *array and *object.
// Arrays and objects are shared by all variables that hold them, as in
// JavaScript. A number keeps its digits until something is computed with it. The
// response of a call is an *answered until the script looks into it.

type array struct{ items []any }

// An answered is the response of a call. It is decoded only when needed, because
// most scripts just return it.
type answered struct {
	raw   json.RawMessage // nil once it is decoded
	value any
}

// plain returns v, or the decoded value of a response.
func plain(v any) any {
	a, ok := v.(*answered)
	if !ok {
		return v
	}
	if a.raw != nil {
		a.value, a.raw = decode(a.raw), nil
	}
	return a.value
}

// An object keeps the order of its keys.
type object struct {
	names  []string
	values []any
	index  map[string]int
}

func (o *object) get(name string) any {
	if i, ok := o.index[name]; ok {
		return o.values[i]
	}
	return nil
}

// set sets the value of a key, and adds the key if it is new.
func (o *object) set(name string, v any) {
	if i, ok := o.index[name]; ok {
		o.values[i] = v
		return
	}
	if o.index == nil {
		o.index = make(map[string]int)
	}
	o.index[name] = len(o.names)
	o.names = append(o.names, name)
	o.values = append(o.values, v)
}

func (o *object) delete(name string) {
	i, ok := o.index[name]
	if !ok {
		return
	}
	o.names, o.values = slices.Delete(o.names, i, i+1), slices.Delete(o.values, i, i+1)
	delete(o.index, name)
	for ; i < len(o.names); i++ {
		o.index[o.names[i]] = i
	}
}

// sort sorts the keys.
func (o *object) sort() {
	was := o.index
	values := slices.Clone(o.values)
	slices.SortFunc(o.names, cmp.Compare)
	o.index = make(map[string]int, len(was))
	for i, name := range o.names {
		o.values[i] = values[was[name]]
		o.index[name] = i
	}
}

// field returns v.key, or v[key]. It is null if v has no such field, and if v is
// null or the false of a failed call.
func (m *machine) field(v, key any) any {
	switch v := plain(v).(type) {
	case *object:
		return v.get(m.text(key))
	case *array:
		if key == "length" {
			return number(len(v.items))
		}
		if i, ok := index(key); ok && i < len(v.items) {
			return v.items[i]
		}
	case string:
		if key == "length" {
			m.allocate(len(v) / 16)
			return number(utf8.RuneCountInString(v))
		}
	}
	return nil
}

// setField performs v.key = to. An array grows up to the index.
func (m *machine) setField(v, key, to any) {
	switch v := v.(type) {
	case *object:
		m.allocate(elementSize)
		v.set(m.text(key), to)
		return
	case *array:
		if i, ok := index(key); ok {
			more := i + 1 - len(v.items)
			if more > m.limits.Memory/elementSize {
				m.fail("memory limit is exceeded")
			}
			if more > 0 {
				m.allocate(elementSize * more)
				v.items = append(v.items, make([]any, more)...)
			}
			v.items[i] = to
			return
		}
	}
	m.fail("a field of %s cannot be set", kindOf(v))
}

// index returns a key as the index of an array, and whether it is one.
func index(key any) (int, bool) {
	n, ok := numeric(key)
	if !ok || !n.whole || n.i < 0 || n.i > math.MaxInt32 {
		return 0, false
	}
	return int(n.i), true
}

// kindOf returns the type of a value as error texts name it.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case json.Number:
		return "a number"
	case *array:
		return "an array"
	}
	return "an object"
}

// truth reports whether a condition with the value v holds. As in JavaScript,
// empty arrays and objects are true.
func truth(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case json.Number:
		n, _ := numeric(v)
		return n.f != 0
	}
	return true
}
