package vkscript

import (
	"encoding/json"
	"strconv"
	"strings"
)

// text converts a value to a string, for + and for keys of objects.
func (m *machine) text(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case string:
		return v
	case json.Number:
		n, _ := numeric(v)
		if n.whole {
			return strconv.FormatInt(n.i, 10)
		}
		return string(v)
	}
	return string(m.encode(v))
}

// commas joins the elements of an array with commas. It returns false if one of
// them is an array or an object.
func (m *machine) commas(a *array) (string, bool) {
	words := make([]string, len(a.items))
	for i, item := range a.items {
		switch plain(item).(type) {
		case *array, *object:
			return "", false
		}
		words[i] = m.paramText(item)
	}
	return strings.Join(words, ","), true
}

// paramText converts a value to the parameter of a call. An array without arrays
// and objects is a list separated by commas; other arrays, and objects, are JSON.
func (m *machine) paramText(v any) string {
	switch v := plain(v).(type) {
	case nil:
		return ""
	case bool:
		if v {
			return "1"
		}
		return "0"
	case string:
		return v
	case json.Number:
		return v.String()
	case *array:
		if text, ok := m.commas(v); ok {
			return text
		}
	}
	return string(m.encode(v))
}
