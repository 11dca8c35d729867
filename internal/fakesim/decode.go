package fakesim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// A located error includes the place of the error in a JSON text.
type located struct {
	line    int // counted from 1
	field   string
	message string
}

func (e *located) Error() string {
	if e.field == "" {
		return fmt.Sprintf("line %d: %s", e.line, e.message)
	}
	return fmt.Sprintf("line %d: %s: %s", e.line, e.field, e.message)
}

// decode decodes one JSON value. It refuses fields that v does not have. Errors
// include the line.
func decode(text []byte, v any) error {
	text = withoutMark(text)
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if err == nil {
		if _, err = dec.Token(); err == io.EOF {
			return nil
		}
		return &located{lineAt(text, dec.InputOffset()), "", "there is text after the end"}
	}
	syntax, mistyped := (*json.SyntaxError)(nil), (*json.UnmarshalTypeError)(nil)
	switch {
	case errors.As(err, &syntax):
		return &located{lineAt(text, syntax.Offset), "", syntax.Error()}
	case errors.As(err, &mistyped):
		return &located{lineAt(text, mistyped.Offset), mistyped.Field, "it is " + mistyped.Value + ", not " + inWords(mistyped)}
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		return &located{lineAt(text, int64(len(text))), "", "the text ends too early"}
	}
	message := strings.TrimPrefix(err.Error(), "json: ")
	if name, ok := strings.CutPrefix(message, "unknown field "); ok {
		name = strings.Trim(name, `"`)
		return &located{lineOf(text, name), clip(name), "there is no such field" + theFields(v)}
	}
	return &located{lineAt(text, dec.InputOffset()), "", message}
}

// withoutMark returns a text without the byte order mark that some editors on
// Windows write.
func withoutMark(text []byte) []byte { return bytes.TrimPrefix(text, []byte("\ufeff")) }

// theFields returns the names of the fields of the struct that v points to, as
// the rest of an error. It returns "" if a field has fields of its own: the
// unknown one may be inside it.
func theFields(v any) string {
	t := reflect.TypeOf(v)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return ""
	}
	var names []string
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || f.Anonymous || name == "" || name == "-" {
			continue
		}
		of := f.Type
		for of.Kind() == reflect.Slice || of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		if of.Kind() == reflect.Struct {
			return ""
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return ""
	}
	return "; the fields are " + strings.Join(names, ", ")
}

// inWords returns the type that a field must have, in words.
func inWords(e *json.UnmarshalTypeError) string {
	switch e.Type.Kind().String() {
	case "string":
		return "a string"
	case "bool":
		return "true or false"
	case "slice":
		return "an array"
	case "struct", "map":
		return "an object"
	case "ptr":
		return "a value of another type"
	}
	return "a number that fits"
}

func lineAt(text []byte, offset int64) int {
	return 1 + bytes.Count(text[:min(int(offset), len(text))], []byte("\n"))
}

// lineOf returns the line on which a field first appears.
func lineOf(text []byte, name string) int {
	key, err := json.Marshal(name)
	if err != nil {
		return 1
	}
	for at := 0; ; {
		i := bytes.Index(text[at:], key)
		if i < 0 {
			return 1
		}
		at += i + len(key)
		if rest := bytes.TrimLeft(text[at:], " \t\r\n"); len(rest) > 0 && rest[0] == ':' {
			return lineAt(text, int64(at))
		}
	}
}
