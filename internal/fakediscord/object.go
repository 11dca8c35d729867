package fakediscord

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
)

// An object is a JSON object, decoded or to be encoded. Decoded numbers are
// json.Number: a float64 would round snowflakes.
type object = map[string]any

// decode reads one JSON value.
func decode(b []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("data after the JSON value")
	}
	return v, nil
}

// encode writes a value of this package, which always can be written.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("fakediscord: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// with returns o with the members of more.
func with(o object, more object) object {
	o = maps.Clone(o)
	maps.Copy(o, more)
	return o
}

// text returns a string of an object, or "".
func text(o object, name string) string {
	s, _ := o[name].(string)
	return s
}

// number returns an integer of an object, or 0.
func number(o object, name string) int {
	return intOf(o[name])
}

func intOf(v any) int {
	switch v := v.(type) {
	case int:
		return v
	case json.Number:
		n, _ := v.Int64()
		return int(n)
	}
	return 0
}

// truth returns a boolean of an object, or false.
func truth(o object, name string) bool {
	b, _ := o[name].(bool)
	return b
}

// list returns a slice that JSON writes as [] if it is empty.
func list[T any](from []T, f func(T) any) []any {
	out := make([]any, 0, len(from))
	for _, v := range from {
		out = append(out, f(v))
	}
	return out
}
