// Package tolerant decodes JSON as VK writes it.
//
// VK sends the same field as 0, 1, true, false or even 2; numbers as strings
// and strings as numbers; [] instead of an empty object; null anywhere; and
// undocumented fields and enum values. A strict decoder loses a whole event
// because of one such field. This package fills plain Go structs, and loses at
// most the field.
//
// A value of the wrong kind is treated in one of two ways. If its meaning is
// clear, it is converted silently. Otherwise it is bent: the target becomes
// zero, the place is reported to [Decoder.Bent], and decoding continues. Only
// malformed JSON is an error.
//
// # Conversions
//
//   - bool: true and false; a number, where every number except zero is true;
//     a string that contains a number, "true", "false" or "".
//   - integers and floats: a number, a string that contains one, true (1) and
//     false (0). 3.0 and 1e3 are integers. A number that does not fit is bent.
//   - string: a string; a number or a bool as it is written.
//   - slices and arrays: an array, or an object with numeric keys only, which
//     is how PHP writes an array with gaps: its values in the order written.
//   - maps with string or integer keys: an object; [] is an empty map, false
//     and "" are nil.
//   - structs: an object; [], false and "" mean that the value is absent, and
//     give zero.
//   - pointers: nil for null, for a bent value and for an absent value as
//     defined above.
//   - [time.Time]: seconds since 1970 as a number or a string that contains
//     one, or a string in RFC 3339; always in UTC. 0, false and "" are the zero
//     Time.
//   - [json.RawMessage]: a copy of the exact bytes, including null.
//   - map[string]json.RawMessage, in a field with the tag option unknown: the
//     keys for which its struct has no other field.
//   - any: as in encoding/json.
//   - types with an UnmarshalJSON or UnmarshalText method: the result of the
//     method. An error of the method bends the value, unless UnmarshalJSON was
//     given null, [], false or "": then the value is absent. UnmarshalText is
//     given the text of a string, or a number or bool as written.
//
// Everywhere else null is zero.
//
// # Differences from encoding/json
//
// A key matches a field's tag in exact case. A field without a tag also takes a
// key that differs from its name in case and underscores, so FirstName is
// filled from first_name; a key that is exactly another field's key fills that
// field. The tag option string is ignored, since every number may be a string
// anyway. A key that is present determines its field: null and bent values make
// it zero, where encoding/json would keep the old value. A slice is replaced,
// never decoded into, and a []byte is a slice like any other, without base64.
// An interface is replaced, too; one with methods cannot be filled and is bent.
// Map keys are strings and integers only. Nesting is limited to 1,000 levels.
//
// An UnmarshalJSON method must not keep its receiver: an element of a list moves
// when the list is complete.
//
// As in encoding/json, absent fields keep their value, nested structs and maps
// are merged, the last of several equal keys wins, embedded structs are
// flattened, and a struct that embeds a type with an UnmarshalJSON method
// inherits it and loses its other fields.
package tolerant

import (
	"fmt"
	"reflect"

	"github.com/vkrouter/vk/internal/scan"
)

// Unmarshal decodes data, which must be exactly one JSON value, into the value
// v points to. It is [Decoder.Unmarshal] without callbacks.
func Unmarshal(data []byte, v any) error {
	var d Decoder
	return d.Unmarshal(data, v)
}

// A Decoder decodes JSON and reports the values that it could not use. The zero
// Decoder is ready to use. It is safe for concurrent use if its functions are.
//
// A path has a form such as object.message.attachments[0].photo, and is empty
// for the outermost value. raw is part of the decoder's input: it must not be
// changed, nor kept after the call.
type Decoder struct {
	// Bent, if set, is called for each value that had no meaning as want and was
	// left zero.
	Bent func(path string, want reflect.Type, raw []byte)

	// Unknown, if set, is called for each object key for which the struct being
	// filled has no field. The path includes the key.
	Unknown func(path string, raw []byte)

	// Inside has structs for types with an UnmarshalJSON method, which cannot
	// report the values that it did not use. An object decoded by such a method is
	// decoded again into a temporary struct, whose values are reported to Bent and
	// Unknown. If neither is set, Inside has no effect.
	Inside map[reflect.Type]reflect.Type

	// Checked means that [scan.Check] has approved the data already, so it is not
	// checked again. With other data, Unmarshal panics or decodes garbage.
	Checked bool
}

// Unmarshal decodes data, which must be exactly one JSON value, into the value
// v points to. It returns a [*SyntaxError] if data is malformed or nested too
// deeply, and leaves v unchanged then. It returns another error if v is not a
// pointer or is nil. It does not keep data.
func (d *Decoder) Unmarshal(data []byte, v any) error {
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Pointer || rv.IsNil() {
		return fmt.Errorf("tolerant: cannot decode into %T: want a non-nil pointer", v)
	}
	// All data are checked before anything is stored. The rest of the code may
	// therefore assume valid syntax, and a malformed document changes nothing.
	if !d.Checked {
		if err := scan.Check(data); err != nil {
			return err
		}
	}
	s := state{
		data:  data,
		bent:  d.Bent,
		miss:  d.Unknown,
		trace: d.Bent != nil || d.Unknown != nil,
	}
	if s.trace {
		s.inside = d.Inside
	}
	s.space()
	s.value(planOf(rv.Type().Elem()), rv.Elem())
	return nil
}

// A SyntaxError reports where and why data is not JSON.
type SyntaxError = scan.SyntaxError
