package command

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
)

// AppendArg appends a space and an argument to a command line, as one word that
// a placeholder of the argument's type reads back. The argument is a string, a
// number, a boolean, or a value with a MarshalText or String method; anything
// else is an error, and the line stays as it is.
func AppendArg(line []byte, arg any) ([]byte, error) {
	word, err := argText(arg)
	if err != nil {
		return line, err
	}
	return AppendWord(append(line, ' '), word), nil
}

// argText returns the text of an argument.
func argText(arg any) (string, error) {
	switch v := arg.(type) {
	case string:
		return v, nil
	case int:
		return strconv.Itoa(v), nil
	case encoding.TextMarshaler:
		if isNil(arg) {
			return "", errors.New("it is nil")
		}
		b, err := v.MarshalText()
		return string(b), err
	case fmt.Stringer:
		if isNil(arg) {
			return "", errors.New("it is nil")
		}
		return v.String(), nil
	}
	v := reflect.ValueOf(arg)
	switch v.Kind() {
	case reflect.String:
		return v.String(), nil
	case reflect.Bool:
		return strconv.FormatBool(v.Bool()), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return strconv.FormatUint(v.Uint(), 10), nil
	case reflect.Float32, reflect.Float64:
		return floatText(v.Float(), v.Type().Bits())
	}
	return "", fmt.Errorf("a %T is not one word", arg)
}

// floatText returns the text of a number in the fewest digits that read back.
func floatText(f float64, bits int) (string, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return "", fmt.Errorf("%v is no number that can be written", f)
	}
	format := byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e' // hundreds of digits would be too long for a line
	}
	return strconv.FormatFloat(f, format, -1, bits), nil
}

func isNil(v any) bool {
	rv := reflect.ValueOf(v)
	return rv.Kind() == reflect.Pointer && rv.IsNil()
}
