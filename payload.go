package vk

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/vkrouter/vk/internal/command"
	"github.com/vkrouter/vk/internal/plainjson"
	"github.com/vkrouter/vk/internal/scan"
)

// A CommandLine is a command as a button's payload; see [Cmd]. Sending the zero
// value is an error.
type CommandLine struct {
	line string
	err  error
}

// Cmd returns the payload of a button for a command: a press runs the command's
// route, as if the user had typed the command. Its JSON is
//
//	{"command":"buy \"green tea\" 2"}
//
// for Cmd("buy", "green tea", 2). The command is written unchanged, and may be
// several words. Each argument after it becomes one word, quoted if necessary,
// and a placeholder such as {name} or {n:int} receives exactly that argument.
// An argument is a string, a number, a boolean, or a value with a MarshalText
// or String method; any other is an error when the button is sent.
//
// For a placeholder that takes the rest of the text unchanged, {why...}, put
// the text into the command: Cmd("warn 5 " + reason).
//
// Any user can type the text that a button sends, so arguments from buttons are
// not trustworthy either.
func Cmd(command string, args ...any) CommandLine {
	command = strings.TrimSpace(command)
	if command == "" {
		return CommandLine{err: errors.New("vk: Cmd: the command is empty")}
	}
	line := []byte(command)
	for i, arg := range args {
		var err error
		if line, err = appendArg(line, arg); err != nil {
			return CommandLine{err: fmt.Errorf("vk: Cmd: argument %d: %w", i+1, err)}
		}
	}
	return CommandLine{line: string(line)}
}

// appendArg appends an argument to a command line. It refuses a Secret, which
// has a String method.
func appendArg(line []byte, arg any) ([]byte, error) {
	switch arg.(type) {
	case Secret, *Secret:
		return line, errors.New("a Secret is not sent")
	}
	return command.AppendArg(line, arg)
}

// MarshalJSON returns the payload, or the error of its arguments.
func (l CommandLine) MarshalJSON() ([]byte, error) {
	return l.appendJSON(make([]byte, 0, len(l.line)+len(`{"command":""}`)+8))
}

func (l CommandLine) appendJSON(dst []byte) ([]byte, error) {
	switch {
	case l.err != nil:
		return nil, l.err
	case l.line == "":
		return nil, errors.New("vk: the CommandLine was not made by Cmd")
	}
	dst = plainjson.AppendString(append(dst, `{"command":`...), l.line)
	return append(dst, '}'), nil
}

// A Choice is the payload of a button that answers a question: its text is the
// answer, and never a command. Its JSON is {"choice":"Paris"}.
type Choice string

// MarshalJSON returns the payload.
func (c Choice) MarshalJSON() ([]byte, error) {
	return c.appendJSON(make([]byte, 0, len(c)+24)), nil
}

func (c Choice) appendJSON(dst []byte) []byte {
	dst = plainjson.AppendString(append(dst, `{"choice":`...), string(c))
	return append(dst, '}')
}

// UnmarshalJSON decodes the payload. A payload of another kind is an error.
func (c *Choice) UnmarshalJSON(b []byte) error {
	var p struct {
		Choice *string `json:"choice"`
	}
	if err := json.Unmarshal(b, &p); err != nil {
		return err
	}
	if p.Choice == nil {
		return errors.New("not a choice")
	}
	*c = Choice(*p.Choice)
	return nil
}

// decodeButton decodes the JSON of a button's payload. A null is an error
// where T has no value for it, such as nil, on any level.
func decodeButton[T any](raw json.RawMessage) (v T, err error) {
	if err := checkNulls(raw, reflect.TypeFor[T]()); err != nil {
		return v, err
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		var none T
		return none, err
	}
	return v, nil
}

// checkNulls returns an error if JSON has a null for a value of a type that cannot
// distinguish it from zero: encoding/json leaves such a value zero. Other
// mistakes are left to encoding/json.
func checkNulls(raw json.RawMessage, t reflect.Type) error {
	if !bytes.Contains(raw, []byte("null")) {
		return nil
	}
	opaque := reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]())
	if string(bytes.TrimSpace(raw)) == "null" {
		switch t.Kind() {
		case reflect.Pointer, reflect.Interface, reflect.Map, reflect.Slice:
			return nil
		}
		if opaque {
			return nil
		}
		return fmt.Errorf("null is not a %s", t)
	}
	if opaque {
		return nil
	}
	var list []json.RawMessage
	var members map[string]json.RawMessage
	switch t.Kind() {
	case reflect.Pointer:
		return checkNulls(raw, t.Elem())
	case reflect.Slice, reflect.Array:
		json.Unmarshal(raw, &list) // a mistake leaves it empty
		for i, of := range list {
			if err := checkNulls(of, t.Elem()); err != nil {
				return fmt.Errorf("[%d]: %w", i, err)
			}
		}
	case reflect.Map, reflect.Struct:
		json.Unmarshal(raw, &members)
		for key, of := range members {
			in, ok := memberType(t, key)
			if !ok {
				continue
			}
			if err := checkNulls(of, in); err != nil {
				return fmt.Errorf("%q: %w", key, err)
			}
		}
	}
	return nil
}

// memberType returns the type of the value of a key in a map or a struct. It
// reports whether encoding/json decodes that value.
func memberType(t reflect.Type, key string) (in reflect.Type, ok bool) {
	if t.Kind() == reflect.Map {
		return t.Elem(), true
	}
	for _, f := range reflect.VisibleFields(t) {
		tag := f.Tag.Get("json")
		name, _, _ := strings.Cut(tag, ",")
		if f.IsExported() && tag != "-" && strings.EqualFold(cmp.Or(name, f.Name), key) {
			return f.Type, true
		}
	}
	return nil, false
}

// unwrapPayload returns the payload inside VK's wrapper for older apps. If a
// user of such an app presses a callback button, the app sends a message with
// {"command":"not_supported_button","payload":"…"}, in which the payload is
// JSON text. A repeated press wraps it again.
func unwrapPayload(raw json.RawMessage) json.RawMessage {
	const sign = "not_supported_button"
	for bytes.Contains(raw, []byte(sign)) {
		var p struct {
			Command string          `json:"command"`
			Payload json.RawMessage `json:"payload"`
		}
		if json.Unmarshal(raw, &p) != nil || p.Command != sign || len(p.Payload) == 0 || string(p.Payload) == "null" {
			break
		}
		var text string
		if json.Unmarshal(p.Payload, &text) == nil {
			if !json.Valid([]byte(text)) {
				break
			}
			p.Payload = json.RawMessage(text)
		}
		raw = p.Payload
	}
	return raw
}

// payloadJSON returns a button's payload as JSON. A message contains it as a
// string of JSON, a press of a callback button as a value.
func payloadJSON(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	if raw[0] == '"' {
		text := scan.AppendText(make([]byte, 0, len(raw)-2), raw)
		if scan.Check(text) == nil {
			return unwrapPayload(text)
		}
	}
	return raw
}
