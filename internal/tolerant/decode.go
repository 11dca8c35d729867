package tolerant

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"
)

// state is one pass through one document.
type state struct {
	data []byte
	i    int    // the next byte to read
	buf  []byte // text of the last string that had escapes
	kept arena  // the text of the strings decoded so far

	bent  func(path string, want reflect.Type, raw []byte)
	miss  func(path string, raw []byte)
	trace bool // a callback wants paths
	path  []step

	inside map[reflect.Type]reflect.Type // nil if no callback is set
}

// step is a key, or an index if index is not negative.
type step struct {
	key   string
	index int
}

func (s *state) push(key string, index int) {
	if s.trace {
		s.path = append(s.path, step{key, index})
	}
}

func (s *state) pop() {
	if s.trace {
		s.path = s.path[:len(s.path)-1]
	}
}

// where writes the path to the value being decoded.
func (s *state) where() string {
	var b []byte
	for _, st := range s.path {
		if st.index >= 0 {
			b = append(b, '[')
			b = strconv.AppendInt(b, int64(st.index), 10)
			b = append(b, ']')
			continue
		}
		if len(b) > 0 {
			b = append(b, '.')
		}
		b = append(b, st.key...)
	}
	return string(b)
}

// bend sets v to zero and reports that raw had no meaning as a t. It returns
// false, as its callers do.
func (s *state) bend(t reflect.Type, v reflect.Value, raw []byte) bool {
	v.SetZero()
	if s.bent != nil {
		s.bent(s.where(), t, raw)
	}
	return false
}

// value decodes the value at the current position into v, which is settable,
// and moves past it. It reports whether a value was present: a pointer to a v
// of false would say more than VK did.
func (s *state) value(p *plan, v reflect.Value) bool {
	switch p.op {
	case opStruct:
		return s.object(p, v)
	case opMap:
		return s.mapping(p, v)
	case opSlice, opArray:
		return s.list(p, v)
	case opPointer:
		return s.pointer(p, v)
	case opAny:
		x := s.any(p.typ)
		if x == nil {
			v.SetZero()
			return false
		}
		v.Set(reflect.ValueOf(x))
		return true
	}
	return s.scalar(p, v, s.next())
}

func (s *state) pointer(p *plan, v reflect.Value) bool {
	if s.data[s.i] == 'n' {
		s.next()
		v.SetZero()
		return false
	}
	if v.IsNil() {
		v.Set(reflect.New(p.elem.typ))
	}
	if !s.value(p.elem, v.Elem()) {
		v.SetZero()
		return false
	}
	return true
}

func (s *state) object(p *plan, v reflect.Value) bool {
	if s.data[s.i] != '{' {
		raw := s.next()
		if isNothing(raw) || isEmptyArray(raw) {
			v.SetZero()
			return false
		}
		return s.bend(p.typ, v, raw)
	}
	s.i++
	for s.more('}') {
		f, key := s.field(p)
		if f == nil {
			s.unknown(key, p.rest, v)
			continue
		}
		s.push(f.name, -1)
		if fv, ok := f.of(v); ok {
			s.value(f.plan, fv)
		} else if raw := s.next(); s.bent != nil {
			s.bent(s.where(), f.plan.typ, raw)
		}
		s.pop()
	}
	return true
}

// field moves past a member's key to its value. It returns the field of the
// struct for the key, or nil and the key's text.
func (s *state) field(p *plan) (f *field, key []byte) {
	raw := s.next()
	s.space()
	s.i++ // the colon
	s.space()
	// No field's name has escapes, so a usual key can be looked up as written.
	if f = p.exact(raw[1 : len(raw)-1]); f != nil {
		return f, nil
	}
	key = s.text(raw)
	return p.field(key), key
}

// unknown moves past the value of a key without a field, and stores it in the
// field rest of the struct v, unless rest is nil.
func (s *state) unknown(key []byte, rest *field, v reflect.Value) {
	if s.miss == nil && rest == nil {
		s.next()
		return
	}
	name := string(key) // valid for longer than key
	raw := s.next()
	if rest != nil {
		if fv, ok := rest.of(v); ok {
			m := fv.Interface().(map[string]json.RawMessage)
			if m == nil {
				m = make(map[string]json.RawMessage)
				fv.Set(reflect.ValueOf(m))
			}
			m[name] = bytes.Clone(raw)
		}
	}
	if s.miss != nil {
		s.push(name, -1)
		s.miss(s.where(), raw)
		s.pop()
	}
}

func (s *state) mapping(p *plan, v reflect.Value) bool {
	if s.data[s.i] != '{' {
		raw := s.next()
		switch {
		case isNothing(raw):
			v.SetZero()
			return false
		case !isEmptyArray(raw):
			return s.bend(p.typ, v, raw)
		case v.IsNil():
			v.Set(reflect.MakeMap(p.typ))
		}
		return true
	}
	if v.IsNil() {
		v.Set(reflect.MakeMap(p.typ))
	}
	// SetMapIndex copies, so one key and one element are reused for all.
	k := reflect.New(p.typ.Key()).Elem()
	e := reflect.New(p.elem.typ).Elem()
	s.i++
	for s.more('}') {
		key := string(s.key())
		s.push(key, -1)
		if !setKey(k, key) {
			if raw := s.next(); s.bent != nil {
				s.bent(s.where(), p.typ.Key(), raw)
			}
		} else {
			e.SetZero()
			s.value(p.elem, e)
			v.SetMapIndex(k, e)
		}
		s.pop()
	}
	return true
}

// list fills a slice or an array from an array or from an object with numeric
// keys. A bent element stays as a zero, so that the others keep their
// positions.
func (s *state) list(p *plan, v reflect.Value) bool {
	closing := byte(']')
	switch c := s.data[s.i]; {
	case c == '[':
	case c == '{' && s.numbered():
		closing = '}'
	default:
		raw := s.next()
		if c == 'n' {
			v.SetZero()
			return false
		}
		return s.bend(p.typ, v, raw)
	}
	if p.op == opArray {
		v.SetZero()
		return s.elements(p, v, closing)
	}
	r := p.takeRows()
	s.elements(p, r.v, closing)
	v.SetZero()
	if n := r.v.Len(); n == 0 {
		v.Set(p.empty)
	} else {
		v.Grow(n)
		v.SetLen(n)
		reflect.Copy(v, r.v)
	}
	p.giveRows(r)
	return true
}

// elements decodes the elements of the array, or of the object with numeric
// keys, at the current position into an array or behind the end of a slice.
func (s *state) elements(p *plan, v reflect.Value, closing byte) bool {
	s.i++
	for n := 0; s.more(closing); n++ {
		if closing == '}' {
			s.key()
		}
		if p.op == opSlice {
			if n == v.Cap() {
				v.Grow(1) // doubles the capacity
			}
			v.SetLen(n + 1)
		} else if n >= v.Len() {
			s.next()
			continue
		}
		s.push("", n)
		s.value(p.elem, v.Index(n))
		s.pop()
	}
	return true
}

// numbered reports whether all keys of the object at the current position are
// numbers. It does not move.
func (s *state) numbered() bool {
	start := s.i
	defer func() { s.i = start }()
	s.i++
	for s.more('}') {
		key := s.key()
		for _, c := range key {
			if !isDigit(c) {
				return false
			}
		}
		if len(key) == 0 {
			return false
		}
		s.next()
	}
	return true
}

// any decodes a value into an empty interface of type t, as encoding/json does.
func (s *state) any(t reflect.Type) any {
	switch s.data[s.i] {
	case '{':
		m := map[string]any{}
		s.i++
		for s.more('}') {
			key := string(s.key())
			s.push(key, -1)
			m[key] = s.any(t)
			s.pop()
		}
		return m
	case '[':
		a := []any{}
		s.i++
		for s.more(']') {
			s.push("", len(a))
			a = append(a, s.any(t))
			s.pop()
		}
		return a
	}
	switch raw := s.next(); raw[0] {
	case '"':
		return string(s.text(raw))
	case 't', 'f':
		return raw[0] == 't'
	case 'n':
		return nil
	default:
		f, err := strconv.ParseFloat(string(raw), 64)
		if err != nil { // out of range
			if s.bent != nil {
				s.bent(s.where(), t, raw)
			}
			return nil
		}
		return f
	}
}

// isNothing reports whether raw is null, false or the empty string.
func isNothing(raw []byte) bool {
	return raw[0] == 'n' || raw[0] == 'f' || string(raw) == `""`
}

func isEmptyArray(raw []byte) bool {
	if raw[0] != '[' {
		return false
	}
	for _, b := range raw[1 : len(raw)-1] {
		if !isSpace(b) {
			return false
		}
	}
	return true
}
