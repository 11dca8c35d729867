package fakesim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
		return &located{lineOf(text, name), clip(name), "there is no such field"}
	}
	return &located{lineAt(text, dec.InputOffset()), "", message}
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
