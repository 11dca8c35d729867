package tolerant

import (
	"encoding"
	"encoding/json"
	"reflect"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// op is the operation for a type.
type op uint8

const (
	opNone op = iota // cannot be filled: everything except null is bent
	opBool
	opInt
	opUint
	opFloat
	opString
	opTime
	opRaw
	opAny
	opJSON // has UnmarshalJSON
	opText // has UnmarshalText
	opPointer
	opSlice
	opArray
	opMap
	opStruct
)

// plan is everything that decoding needs to know about a type, computed once.
type plan struct {
	op     op
	typ    reflect.Type
	elem   *plan             // of a pointer, slice, array or map
	fields [][]*field        // of a struct, by the length of the key
	loose  map[string]*field // of a struct: those without a tag, by looseName of the key; nil if there are none
	rest   *field            // of a struct: takes the keys without a field; or nil
	empty  reflect.Value     // of a slice: not nil, of length and capacity 0
	rows   sync.Pool         // of a slice: *rows
}

var (
	timeType = reflect.TypeFor[time.Time]()
	rawType  = reflect.TypeFor[json.RawMessage]()
	restType = reflect.TypeFor[map[string]json.RawMessage]()
	jsonType = reflect.TypeFor[json.Unmarshaler]()
	textType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// plans holds a finished *plan for each reflect.Type seen so far.
var plans sync.Map

func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	b := builder{}
	p := b.plan(t)
	for t, p := range b {
		plans.Store(t, p)
	}
	return p
}

// builder holds the plans created by one call of planOf. Types may refer to
// themselves, so a plan is entered before it is finished. Other goroutines see
// the plans only after all of them are finished.
type builder map[reflect.Type]*plan

func (b builder) plan(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	if p := b[t]; p != nil {
		return p
	}
	p := &plan{typ: t}
	b[t] = p
	switch {
	case t == timeType:
		p.op = opTime
		return p
	case t == rawType:
		p.op = opRaw
		return p
	case reflect.PointerTo(t).Implements(jsonType):
		p.op = opJSON
		return p
	case reflect.PointerTo(t).Implements(textType):
		p.op = opText
		return p
	}
	switch t.Kind() {
	case reflect.Bool:
		p.op = opBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		p.op = opInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		p.op = opUint
	case reflect.Float32, reflect.Float64:
		p.op = opFloat
	case reflect.String:
		p.op = opString
	case reflect.Interface:
		if t.NumMethod() == 0 {
			p.op = opAny
		}
	case reflect.Pointer:
		p.op = opPointer
		p.elem = b.plan(t.Elem())
	case reflect.Slice:
		p.op = opSlice
		p.elem = b.plan(t.Elem())
		p.empty = reflect.MakeSlice(t, 0, 0)
	case reflect.Array:
		p.op = opArray
		p.elem = b.plan(t.Elem())
	case reflect.Map:
		switch t.Key().Kind() {
		case reflect.String,
			reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
			reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
			p.op = opMap
			p.elem = b.plan(t.Elem())
		}
	case reflect.Struct:
		p.op = opStruct
		for _, f := range fieldsOf(t) {
			f.plan = b.plan(f.typ)
			if f.rest {
				p.rest = f
				continue
			}
			for len(p.fields) <= len(f.name) {
				p.fields = append(p.fields, nil)
			}
			p.fields[len(f.name)] = append(p.fields[len(f.name)], f)
			if f.tagged {
				continue
			}
			if p.loose == nil {
				p.loose = map[string]*field{}
			}
			if name := string(looseName(nil, []byte(f.name))); p.loose[name] == nil {
				p.loose[name] = f
			}
		}
	}
	return p
}

// field returns the field of a struct for a key, or nil. It prefers the field
// with exactly this name to the first field without a tag whose name differs
// only in case and underscores.
func (p *plan) field(key []byte) *field {
	if f := p.exact(key); f != nil || p.loose == nil {
		return f
	}
	var buf [64]byte
	return p.loose[string(looseName(buf[:0], key))]
}

// exact returns the field of a struct with exactly this name, or nil. Few names have
// the same length, so this is faster than a map: see BenchmarkUnmarshal.
func (p *plan) exact(key []byte) *field {
	if len(key) >= len(p.fields) {
		return nil
	}
	for _, f := range p.fields[len(key)] {
		if f.name == string(key) {
			return f
		}
	}
	return nil
}

// looseName appends a name to b without its underscores, and with all cases of
// a letter mapped to the same letter.
func looseName(b, name []byte) []byte {
	for len(name) > 0 {
		r, n := utf8.DecodeRune(name)
		name = name[n:]
		switch {
		case r == '_':
		case r < utf8.RuneSelf:
			b = append(b, asciiLower(byte(r)))
		default:
			b = utf8.AppendRune(b, leastFold(r))
		}
	}
	return b
}

func asciiLower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c |= 0x20
	}
	return c
}

// leastFold returns the smallest of the letters that r folds to, in lower case
// if it is an ASCII letter.
func leastFold(r rune) rune {
	for {
		next := unicode.SimpleFold(r)
		if next <= r {
			r = next
			break
		}
		r = next
	}
	if r < utf8.RuneSelf {
		r = rune(asciiLower(byte(r)))
	}
	return r
}

// rows is a slice that the elements of a list are decoded into before their
// number is known. They are then copied into a slice of the right size, and the
// rows are used again. To count the elements first would take another pass
// through the document for each level of lists.
type rows struct{ v reflect.Value }

// The capacity of new rows, and the most bytes of rows that are kept.
const (
	newRows = 4
	maxRows = 32 << 10
)

// takeRows returns empty rows for the slice p.
func (p *plan) takeRows() *rows {
	if r, ok := p.rows.Get().(*rows); ok {
		return r
	}
	r := &rows{reflect.New(p.typ).Elem()}
	r.v.Grow(newRows)
	return r
}

// giveRows keeps rows for the next list.
func (p *plan) giveRows(r *rows) {
	if r.v.Cap()*int(p.typ.Elem().Size()) > maxRows {
		return
	}
	r.v.Clear()
	r.v.SetLen(0)
	p.rows.Put(r)
}
