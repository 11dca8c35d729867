package vk

import (
	"errors"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// builtinType returns the type that has a name in every Router.
func builtinType(name string) (Converter, bool) {
	conv, ok := builtinTypes[name]
	return conv, ok
}

var builtinTypes = map[string]Converter{
	"string":   textType,
	"word":     textType,
	"int":      typeOf[int64](parseInt),
	"float":    typeOf[float64](parseFloat),
	"bool":     typeOf[bool](parseBool),
	"url":      typeOf[*url.URL](parseURL),
	"duration": durationType,
	"time":     TimeIn(time.UTC),
	"user":     userType,
	"group":    groupType,
	"page":     pageType,
	"peer":     peerType,
}

// textType takes every word.
var textType = Converter{typ: reflect.TypeFor[string](), convert: func(_ *Context, s string) (any, error) { return s, nil }}

// typeOf is ParseFunc for functions whose errors already are ErrArgType.
func typeOf[T any](parse func(string) (T, error)) Converter {
	return Converter{typ: reflect.TypeFor[T](), convert: func(_ *Context, s string) (any, error) {
		v, err := parse(s)
		if err != nil {
			return nil, err
		}
		return v, nil
	}}
}

func parseInt(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, numberError(err)
}

// numberError makes ours of a strconv error, which repeats the text.
func numberError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, strconv.ErrRange):
		return errRange
	}
	return ErrArgType
}

// parseFloat takes a decimal number, with a point or, as Russian writes it, a
// comma.
func parseFloat(s string) (float64, error) {
	if strings.ContainsAny(s, "xXpPnN_") { // no hexadecimal, NaN, Inf
		return 0, ErrArgType
	}
	f, err := strconv.ParseFloat(strings.Replace(s, ",", ".", 1), 64)
	return f, numberError(err)
}

func parseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "yes", "y", "true", "t", "1", "enable", "on", "да", "включить", "правда":
		return true, nil
	case "no", "n", "false", "f", "0", "disable", "off", "нет", "выключить", "ложь":
		return false, nil
	}
	return false, ErrArgType
}

// parseURL takes an address of the web. Many people leave the scheme out.
func parseURL(s string) (*url.URL, error) {
	scheme, _, ok := strings.Cut(s, "://")
	if !ok {
		host, _, _ := strings.Cut(s, "/")
		if i := strings.LastIndexByte(host, '.'); i <= 0 || !isLetters(host[i+1:]) || strings.ContainsAny(host, "@:") {
			return nil, ErrArgType
		}
		s = "https://" + s
	} else if !strings.EqualFold(scheme, "https") && !strings.EqualFold(scheme, "http") {
		return nil, ErrArgType
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || strings.ContainsFunc(s, unicode.IsSpace) {
		return nil, ErrArgType
	}
	return u, nil
}

// isLetters reports whether s is letters, two at least.
func isLetters(s string) bool {
	return len(s) >= 2 && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) })
}
