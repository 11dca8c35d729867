package vkscript

import (
	"bytes"
	"encoding/json"
)

// encode returns a value as JSON. The run fails if a value contains itself, and
// if a value that shares its parts is huge as JSON.
func (m *machine) encode(v any) []byte {
	var b bytes.Buffer
	m.encodeTo(&b, v, 0)
	m.allocate(b.Len())
	return b.Bytes()
}

func (m *machine) encodeTo(b *bytes.Buffer, v any, depth int) {
	switch {
	case b.Len() > m.limits.Response:
		m.fail("response size is too big")
	case depth > m.limits.Depth:
		m.fail("value is nested too deeply")
	}
	switch v := v.(type) {
	case *answered:
		if v.raw != nil {
			b.Write(v.raw)
			return
		}
		m.encodeTo(b, v.value, depth)
	case *array:
		b.WriteByte('[')
		for i, item := range v.items {
			if i > 0 {
				b.WriteByte(',')
			}
			m.encodeTo(b, item, depth+1)
		}
		b.WriteByte(']')
	case *object:
		b.WriteByte('{')
		for i, name := range v.names {
			if i > 0 {
				b.WriteByte(',')
			}
			b.Write(scalar(name))
			b.WriteByte(':')
			m.encodeTo(b, v.values[i], depth+1)
		}
		b.WriteByte('}')
	case json.Number:
		b.WriteString(string(v))
	default:
		b.Write(scalar(v))
	}
}

// scalar returns a bool, a string, a finite float64 or nil as JSON. Unlike
// json.Marshal it does not escape <, > and &.
func scalar(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("vkscript: " + err.Error()) // v has another type: a mistake in this package
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// decode returns the value of a response. It keeps the digits of numbers and the
// order of keys.
func decode(body []byte) any {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	return decodeValue(dec)
}

// decodeValue reads one value. Responses are valid JSON; if one is not, its
// remainder is null.
func decodeValue(dec *json.Decoder) any {
	t, err := dec.Token()
	if err != nil {
		return nil
	}
	switch t {
	case json.Delim('['):
		a := &array{items: []any{}}
		for dec.More() {
			a.items = append(a.items, decodeValue(dec))
		}
		dec.Token()
		return a
	case json.Delim('{'):
		o := new(object)
		for dec.More() {
			name, _ := dec.Token()
			text, _ := name.(string)
			o.set(text, decodeValue(dec))
		}
		dec.Token()
		return o
	}
	return t
}
