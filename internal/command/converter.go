package command

import (
	"context"
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// A Converter makes the value of an argument from its text: it is a type that
// placeholders can name. The zero Converter is none.
type Converter struct {
	// Type is the type of the values.
	Type reflect.Type

	// Convert returns the value of a text. An [ErrType] error means that the text
	// has no value; any other error means that Convert could not determine it.
	Convert func(ctx context.Context, text string) (any, error)

	// Needs says that Convert needs the context of the [Reader]. Convert gets
	// context.Background otherwise.
	Needs bool

	// Choices are all texts that have values. Nil means that there are others, too.
	Choices []string

	// Span returns how many bytes at the beginning of s are one argument
	// though they may have spaces in them: 0 if that is a word, as always. If
	// Span is nil, every argument is a word.
	Span func(s string) int

	// Whole means that a placeholder with dots is one argument of all the remaining
	// text, as for the type string. Otherwise it is a list of words.
	Whole bool

	// Implied returns the text of an argument that follows from the message that
	// the line answers. It is used for the first placeholder without a written
	// argument; ok is false if there is none. It gets the context of the [Reader].
	// If Implied is nil, arguments are always written.
	Implied func(ctx context.Context) (text string, ok bool)

	// Fetch returns the Converter for fields of a type that cannot hold a value but
	// can be fetched by one, such as a page by its ID. If Fetch is nil, there is no
	// such type.
	Fetch func(field reflect.Type) (conv Converter, ok bool)
}

// ErrType is the error of a text that is not of a type.
var ErrType = errors.New("is of another type")

// errRange is the error of a number that its field cannot hold.
var errRange = fmt.Errorf("%w: out of range", ErrType)

// asErrType returns err as an error that is ErrType.
func asErrType(err error) error {
	if errors.Is(err, ErrType) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrType, err)
}

// ConvertFunc returns a Converter that needs a context.
func ConvertFunc[T any](convert func(ctx context.Context, text string) (T, error)) Converter {
	return Converter{Type: reflect.TypeFor[T](), Needs: true, Convert: func(ctx context.Context, text string) (any, error) {
		v, err := convert(ctx, text)
		if err != nil {
			return nil, err
		}
		return v, nil
	}}
}

// ParseFunc returns a Converter that reads a text by itself. Each error of
// parse is made [ErrType].
func ParseFunc[T any](parse func(text string) (T, error)) Converter {
	return Converter{Type: reflect.TypeFor[T](), Convert: func(_ context.Context, text string) (any, error) {
		v, err := parse(text)
		if err != nil {
			return nil, asErrType(err)
		}
		return v, nil
	}}
}

// OneOf returns a Converter that takes one of the given words, in any case. The
// value is the word as it is given here. It is an error if there is no word, or
// one twice.
func OneOf(words ...string) (Converter, error) {
	if len(words) == 0 {
		return Converter{}, errors.New("no words")
	}
	byFold := make(map[string]string, len(words))
	for _, word := range words {
		key := Fold(word)
		if _, twice := byFold[key]; twice {
			return Converter{}, fmt.Errorf("%q twice", word)
		}
		byFold[key] = word
	}
	conv := ParseFunc(func(text string) (string, error) {
		if word, ok := byFold[Fold(text)]; ok {
			return word, nil
		}
		return "", ErrType
	})
	conv.Choices = slices.Clone(words)
	return conv, nil
}

// For returns the Converter for a field of type t; ok is false if such a field
// cannot hold the values. A single value that it cannot hold, such as a number
// that is too large, is then an error of Convert, not of setting the field: an
// error in an argument must be found before anything is done.
func (v Converter) For(t reflect.Type) (conv Converter, ok bool) {
	if v.Type.Kind() == reflect.String && reflect.PointerTo(t).Implements(textUnmarshaler) {
		return v.unmarshaled(t), true
	}
	switch how := fitOf(v.Type, t); {
	case how == fits:
		return v, true
	case how == pointsTo:
		return v.pointee(t), true
	case how == converts && isPlain(v.Type):
		return v.inRangeOf(t), true
	case v.Fetch != nil:
		return v.Fetch(t)
	}
	return Converter{}, false
}

// isPlain reports whether t is a type of the values of this package's own
// Converters. The values of other types go into fields of these types alone,
// even if the kinds agree: a Celsius is no Fahrenheit.
func isPlain(t reflect.Type) bool {
	return t == int64Type || t == reflect.TypeFor[float64]() || t == reflect.TypeFor[string]() || t == reflect.TypeFor[bool]()
}

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

// unmarshaled returns the Converter of v's texts to values of type t, which has
// an UnmarshalText method.
func (v Converter) unmarshaled(t reflect.Type) Converter {
	return v.then(t, func(x any) (any, error) {
		into := reflect.New(t)
		if err := into.Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(reflect.ValueOf(x).String())); err != nil {
			return nil, asErrType(err)
		}
		return into.Elem().Interface(), nil
	})
}

// pointee returns the Converter of the values that v's point to.
func (v Converter) pointee(t reflect.Type) Converter {
	return v.then(t, func(x any) (any, error) { return reflect.ValueOf(x).Elem().Interface(), nil })
}

// inRangeOf returns the Converter of those of v's values that a field of type t
// can hold.
func (v Converter) inRangeOf(t reflect.Type) Converter {
	field := reflect.Zero(t)
	if !isNarrow(field) {
		return v
	}
	return v.then(v.Type, func(x any) (any, error) {
		if !inRange(field, reflect.ValueOf(x)) {
			return nil, errRange
		}
		return x, nil
	})
}

// then returns the Converter that makes its values, of type t, of v's by f.
func (v Converter) then(t reflect.Type, f func(x any) (any, error)) Converter {
	convert := v.Convert
	v.Type = t
	v.Convert = func(ctx context.Context, text string) (any, error) {
		x, err := convert(ctx, text)
		if err != nil {
			return nil, err
		}
		return f(x)
	}
	return v
}
