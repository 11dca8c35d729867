package fakesim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A located error says where in a JSON text something is wrong.
type located struct {
	line    int // from 1
	field   string
	message string
}

func (e *located) Error() string {
	if e.field == "" {
		return fmt.Sprintf("line %d: %s", e.line, e.message)
	}
	return fmt.Sprintf("line %d: %s: %s", e.line, e.field, e.message)
}

// decode decodes one JSON value, without fields that v has not, and says where
// it is wrong.
func decode(text []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if err == nil {
		if _, err = dec.Token(); err == io.EOF {
			return nil
		}
		return &located{lineAt(text, dec.InputOffset()), "", "something follows the end"}
	}
	syntax, mistyped := (*json.SyntaxError)(nil), (*json.UnmarshalTypeError)(nil)
	switch {
	case errors.As(err, &syntax):
		return &located{lineAt(text, syntax.Offset), "", syntax.Error()}
	case errors.As(err, &mistyped):
		return &located{lineAt(text, mistyped.Offset), mistyped.Field, "it is " + mistyped.Value + ", not " + inWords(mistyped)}
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		return &located{lineAt(text, int64(len(text))), "", "the text ends in the middle"}
	}
	message := strings.TrimPrefix(err.Error(), "json: ")
	if name, ok := strings.CutPrefix(message, "unknown field "); ok {
		name = strings.Trim(name, `"`)
		return &located{lineOf(text, name), clip(name), "there is no such field"}
	}
	return &located{lineAt(text, dec.InputOffset()), "", message}
}

// inWords is the type that a field has to be of.
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

// lineOf is the line on which a field stands for the first time.
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
