// Package tolerant decodes JSON the way VK writes it.
//
// VK sends the same field as 0, 1, true, false or even 2; numbers as strings
// and strings as numbers; [] where an object is empty; null anywhere; and
// fields and enum values nobody has documented. A strict decoder loses a whole
// event over one such field. This package fills plain Go structs instead, and
// loses at most the field.
//
// Two things can happen to a value of the wrong kind. If its meaning is plain
// it is converted, silently. If not, it is bent: the target becomes zero, the
// place is reported to [Decoder.Bent], and decoding goes on. Only malformed
// JSON is an error.
//
// # What converts to what
//
//   - bool: true and false; a number other than zero is true; a string holding
//     a number, "true", "false" or "".
//   - integers and floats: a number, a string holding one, true (1) and false
//     (0). 3.0 and 1e3 are integers. What does not fit is bent.
//   - string: a string; a number or a bool as it is written.
//   - slices and arrays: an array, or an object whose keys are all numbers, as
//     PHP writes an array with gaps: its values in the order written.
//   - maps with string or integer keys: an object; [] is an empty map, false
//     and "" are nil.
//   - structs: an object; [], false and "" mean that nothing is there and are
//     zero.
//   - pointers: nil for null, for a bent value and where nothing is there, as
//     said above.
//   - [time.Time]: seconds since 1970 as a number or a string holding one, or
//     a string in RFC 3339; always in UTC. 0, false and "" are the zero Time.
//   - [json.RawMessage]: a copy of the exact bytes, null included.
//   - map[string]json.RawMessage, in a field with the tag option unknown: what
//     its struct has no other field for.
//   - any: as encoding/json does it.
//   - types with an UnmarshalJSON or UnmarshalText method: what the method
//     makes of it; an error from it bends the value, unless UnmarshalJSON was
//     given null, [], false or "": then nothing is there. UnmarshalText is given
//     the text of a string, or a number or bool as written.
//
// Everywhere else null is zero.
//
// # Differences from encoding/json
//
// A key matches a field's tag in exact case. A field without a tag also takes a
// key that differs from its name in case and underscores, so that FirstName is
// filled from first_name; a key that another field has exactly goes there. The
// tag option string is ignored, for every number may be a string anyway. A key that is present
// decides its field: null and bent values make it zero, where encoding/json
// would leave what was there. A slice is replaced, never decoded into, and a
// []byte is a slice like any other, without base64. An interface is replaced
// too; one with methods cannot be filled and is bent. Map keys are strings and
// integers only. Nesting is limited to 1,000 levels.
//
// As in encoding/json, fields that are absent keep what they had, nested
// structs and maps are merged, the last of several equal keys wins, embedded
// structs are flattened, and a struct that embeds a type with an UnmarshalJSON
// method inherits it and loses its other fields.
package tolerant

import (
	"fmt"
	"reflect"

	"github.com/vkrouter/vk/internal/scan"
)

// Unmarshal decodes data, which must be exactly one JSON value, into the value
// v points to. It is [Decoder.Unmarshal] with nobody listening.
func Unmarshal(data []byte, v any) error {
	var d Decoder
	return d.Unmarshal(data, v)
}

// A Decoder decodes and says what it could not use. Its zero value is ready;
// it may be used by several goroutines at once if its functions may.
//
// A path is written like object.message.attachments[0].photo, and is empty for
// the outermost value. raw is part of the decoder's input: it must not be
// changed, nor kept after the call.
type Decoder struct {
	// Bent, if set, is called for each value that had no meaning as want and
	// was left zero.
	Bent func(path string, want reflect.Type, raw []byte)

	// Unknown, if set, is called for each object key that the struct being
	// filled has no field for. The path includes the key.
	Unknown func(path string, raw []byte)

	// Inside has structs for types with an UnmarshalJSON, which tells nobody
	// what it had no use for. An object that such a method has taken is decoded
	// once more into a struct that is thrown away, for Bent and Unknown to hear
	// of. Without them there is nothing to do.
	Inside map[reflect.Type]reflect.Type

	// Checked says that [scan.Check] has approved the data before, so that it is
	// not checked again. With other data, Unmarshal panics or reads nonsense.
	Checked bool
}

// Unmarshal decodes data, which must be exactly one JSON value, into the value
// v points to. It fails with a [*SyntaxError] if data is malformed or nested
// too deeply, which leaves v untouched, and if v is not a pointer or is nil.
// It does not keep data.
func (d *Decoder) Unmarshal(data []byte, v any) error {
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Pointer || rv.IsNil() {
		return fmt.Errorf("tolerant: cannot decode into %T: want a non-nil pointer", v)
	}
	// All is checked before anything is stored, so that all code after it may
	// assume good syntax and a bad document changes nothing.
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

// A SyntaxError says where and why data is not JSON.
type SyntaxError = scan.SyntaxError
