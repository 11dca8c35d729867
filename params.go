package vk

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Params are the parameters of an API call, keyed by VK's parameter names.
// Values are encoded as VK expects:
//
//   - strings as they are, numbers in decimal, booleans as 1 and 0
//   - slices and arrays of these, joined by commas
//   - a [time.Time] as Unix seconds, a [time.Duration] as whole seconds
//   - a [json.RawMessage] or other []byte, such as one of [json.Marshal], as it
//     is; maps, structs and slices of them as JSON
//   - an [encoding.TextMarshaler] or [fmt.Stringer] as its text
//   - a pointer as the value that it points to
//
// A nil value, pointer, slice or map is left out; an empty string is sent. Any
// other value is a [*ParamError]. Call does not change the map.
type Params map[string]any

// A ParamError reports that a call was not made because one of its parameters
// cannot be sent.
type ParamError struct {
	Method string // the API method
	Name   string // the parameter, as a key of Params
	Err    error  // the reason
}

// Error names the method, the parameter and the reason.
func (e *ParamError) Error() string {
	return fmt.Sprintf("vk: %s: parameter %q: %v", e.Method, e.Name, e.Err)
}

// Unwrap returns e.Err.
func (e *ParamError) Unwrap() error { return e.Err }

// A pair is one encoded parameter.
type pair struct{ name, value string }

// text appends the encoded parameters to dst, sorted by name.
func (p Params) text(dst []pair, method string) ([]pair, error) {
	type number struct{ at, start, end int }
	var (
		room    [64]byte
		some    [8]number
		text    = room[:0] // of the numbers, which share one string
		numbers = some[:0]
	)
	for name, value := range p {
		if name == "" {
			return nil, &ParamError{method, name, errors.New("has no name")}
		}
		if name == "access_token" {
			// It would travel outside the Authorization header and be printed
			// wherever parameters are.
			return nil, &ParamError{method, name, errors.New("a token cannot be a parameter: set Client.Token")}
		}
		if more, ok := appendNumber(text, value); ok {
			numbers = append(numbers, number{len(dst), len(text), len(more)})
			dst, text = append(dst, pair{name: name}), more
			continue
		}
		s, ok, err := paramText(value)
		if err != nil {
			return nil, &ParamError{method, name, err}
		}
		if ok {
			dst = append(dst, pair{name, s})
		}
	}
	shared := string(text)
	for _, n := range numbers {
		dst[n.at].value = shared[n.start:n.end]
	}
	slices.SortFunc(dst, func(a, b pair) int { return strings.Compare(a.name, b.name) })
	return dst, nil
}

// appendNumber appends the text of a number or a list of numbers, as paramText
// returns it. It returns false for other values, and for numbers of one
// or two digits, whose text takes no memory.
func appendNumber(dst []byte, value any) ([]byte, bool) {
	switch v := value.(type) {
	case int:
		if v < 0 || v > 99 {
			return strconv.AppendInt(dst, int64(v), 10), true
		}
	case int64:
		if v < 0 || v > 99 {
			return strconv.AppendInt(dst, v, 10), true
		}
	case []int64:
		return appendIDs(dst, v), v != nil
	}
	return dst, false
}

// lookUp returns the value of a parameter.
func lookUp(params []pair, name string) (value string, ok bool) {
	for _, p := range params {
		if p.name == name {
			return p.value, true
		}
	}
	return "", false
}

// formOf renders parameters as an application/x-www-form-urlencoded body.
func formOf(params ...[]pair) []byte {
	size := 0
	for _, list := range params {
		for _, p := range list {
			size += escapedLen(p.name) + escapedLen(p.value) + len("=&")
		}
	}
	b := make([]byte, 0, size)
	for _, list := range params {
		for _, p := range list {
			if len(b) > 0 {
				b = append(b, '&')
			}
			b = appendEscaped(b, p.name)
			b = append(b, '=')
			b = appendEscaped(b, p.value)
		}
	}
	return b
}

func escapedLen(s string) int {
	n := len(s)
	for i := range len(s) {
		if !unreserved[s[i]] && s[i] != ' ' {
			n += 2
		}
	}
	return n
}

// appendEscaped appends s as url.QueryEscape writes it.
func appendEscaped(b []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(s) {
		switch c := s[i]; {
		case unreserved[c]:
			b = append(b, c)
		case c == ' ':
			b = append(b, '+')
		default:
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return b
}

// unreserved are the bytes that a form need not escape.
var unreserved = func() (t [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~") {
		t[c] = true
	}
	return t
}()

// paramText encodes a parameter's value; ok is false if the parameter is left
// out.
func paramText(value any) (text string, ok bool, err error) {
	switch v := value.(type) { // the usual types, without reflection
	case nil:
		return "", false, nil
	case string:
		return v, true, nil
	case int:
		return strconv.Itoa(v), true, nil
	case int64:
		return strconv.FormatInt(v, 10), true, nil
	case bool:
		return boolText(v), true, nil
	case json.RawMessage:
		return string(v), v != nil, nil
	case []int64:
		return idsText(v), v != nil, nil
	}
	v := reflect.ValueOf(value)
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Interface, reflect.Func, reflect.Chan:
		if v.IsNil() {
			return "", false, nil
		}
	}
	if s, ok, err := scalarText(v); ok || err != nil {
		return s, ok, err
	}
	switch v.Kind() {
	case reflect.Pointer:
		return paramText(v.Elem().Interface())
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.Type().Elem() == reflect.TypeFor[byte]() { // not a list of a type of its own
			return string(v.Bytes()), true, nil
		}
		if s, ok, err := listText(v); ok || err != nil {
			return s, ok, err
		}
		return jsonText(value)
	case reflect.Map, reflect.Struct:
		return jsonText(value)
	}
	return "", false, fmt.Errorf("cannot send a %T", value)
}

// idsText is listText for the most usual list.
func idsText(ids []int64) string {
	var room [32]byte
	return string(appendIDs(room[:0], ids))
}

func appendIDs(dst []byte, ids []int64) []byte {
	for i, id := range ids {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(dst, id, 10)
	}
	return dst
}

// listText joins the elements with commas; ok is false if they are not all
// scalars. A list without elements is sent as an empty string, which VK treats
// as absent.
func listText(v reflect.Value) (text string, ok bool, err error) {
	parts := make([]string, v.Len())
	for i := range parts {
		e := v.Index(i)
		for e.Kind() == reflect.Interface && !e.IsNil() {
			e = e.Elem()
		}
		s, ok, err := scalarText(e)
		if !ok || err != nil {
			return "", false, err
		}
		parts[i] = s
	}
	return strings.Join(parts, ","), true, nil
}

func scalarText(v reflect.Value) (text string, ok bool, err error) {
	if v.CanInterface() {
		switch t := v.Interface().(type) {
		case time.Time:
			return strconv.FormatInt(t.Unix(), 10), true, nil
		case time.Duration:
			return strconv.FormatInt(int64(t/time.Second), 10), true, nil
		case Secret:
			return "", false, errors.New("a Secret is not sent as a parameter")
		case encoding.TextMarshaler:
			b, err := t.MarshalText()
			return string(b), err == nil, err
		case fmt.Stringer:
			return t.String(), true, nil
		}
	}
	switch v.Kind() {
	case reflect.String:
		return v.String(), true, nil
	case reflect.Bool:
		return boolText(v.Bool()), true, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10), true, nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return strconv.FormatUint(v.Uint(), 10), true, nil
	case reflect.Float32, reflect.Float64:
		f := v.Float()
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return "", false, fmt.Errorf("cannot send %v", f)
		}
		return strconv.FormatFloat(f, 'f', -1, v.Type().Bits()), true, nil
	}
	return "", false, nil
}

func jsonText(value any) (string, bool, error) {
	b, err := json.Marshal(value)
	return string(b), err == nil, err
}

func boolText(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// A Secret holds a value that must not be shown, such as a token or a key. It
// prints, logs and marshals as "***" (as an empty string if it is empty), also
// inside the types that hold it. The zero Secret is empty.
type Secret struct {
	// A pointer, because fmt prints unexported fields without calling their
	// methods. For a pointer, it prints the address.
	p *hidden
}

type hidden string

// NewSecret returns a Secret that holds s unchanged. If s was read from a file,
// the caller must trim the line break at its end; [NewClient] trims it.
func NewSecret(s string) Secret {
	if s == "" {
		return Secret{}
	}
	h := hidden(s)
	return Secret{&h}
}

func (s Secret) reveal() string {
	if s.p == nil {
		return ""
	}
	return string(*s.p)
}

// flaw describes a defect of a secret that was not copied exactly, without
// showing the secret. It returns "" if there is none. Spaces within the secret
// may be allowed.
func (s Secret) flaw(spaces bool) string {
	text := s.reveal()
	if strings.HasPrefix(text, "\ufeff") {
		return "begins with a byte order mark"
	}
	for i, r := range text {
		switch {
		case r == '\n' || r == '\r':
			return fmt.Sprintf("contains a line break at byte %d", i)
		case r == ' ' && spaces && i > 0 && i < len(text)-1:
		case unicode.IsSpace(r):
			return fmt.Sprintf("contains white space at byte %d", i)
		case r == utf8.RuneError, !unicode.IsPrint(r):
			return fmt.Sprintf("contains a character at byte %d that cannot be printed", i)
		}
	}
	return ""
}

// String returns "***", or "" for an empty Secret.
func (s Secret) String() string {
	if s.p == nil {
		return ""
	}
	return "***"
}

// Format writes the result of String, for every verb.
func (s Secret) Format(f fmt.State, verb rune) { io.WriteString(f, s.String()) }

// MarshalText returns the result of String.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue returns the result of String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

func (h *hidden) String() string { return "***" }

func (h *hidden) GoString() string { return "***" }

// utf16Len returns the length of s in UTF-16 code units, as VK's clients count.
func utf16Len(s string) (n int) {
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}
