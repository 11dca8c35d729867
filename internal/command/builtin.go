package command

import (
	"context"
	"errors"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Builtin returns the types that need no chat service, by name:
//
//	string    any word; as {x...}, the rest of the text
//	word      any word; as {x...}, a list of words
//	int       a whole number: int64
//	float     a number, with a point or a comma: float64
//	bool      yes y true t on enable 1 да включить правда, no n false f off disable 0 нет выключить ложь: bool
//	duration  90s, 1h30m, 7d, 2w, 1,5ч, 10 минут, 1 день 2 часа: time.Duration, never negative
//	time      [TimeIn] of UTC and now: time.Time
//	url       an address of the web, with or without its scheme: *url.URL
func Builtin(now func(ctx context.Context) time.Time) map[string]Converter {
	return map[string]Converter{
		textName:   textConverter,
		wordName:   textConverter,
		"int":      ParseFunc(parseInt),
		"float":    ParseFunc(parseFloat),
		"bool":     ParseFunc(parseBool),
		"duration": durationConverter(),
		"time":     TimeIn(time.UTC, now),
		"url":      ParseFunc(parseURL),
	}
}

// textConverter takes every word.
var textConverter = Converter{
	Type:    reflect.TypeFor[string](),
	Convert: func(_ context.Context, s string) (any, error) { return s, nil },
}

func parseInt(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, numberError(err)
}

// numberError returns the error for one of strconv, which repeats the text.
func numberError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, strconv.ErrRange):
		return errRange
	}
	return ErrType
}

// parseFloat takes a decimal number, with a point or, as Russian writes it, a
// comma.
func parseFloat(s string) (float64, error) {
	if strings.ContainsAny(s, "xXpPnN_") { // no hexadecimal, NaN, Inf
		return 0, ErrType
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
	return false, ErrType
}

// parseURL takes an address of the web. Many people leave the scheme out.
func parseURL(s string) (*url.URL, error) {
	scheme, _, ok := strings.Cut(s, "://")
	if !ok {
		host, _, _ := strings.Cut(s, "/")
		if i := strings.LastIndexByte(host, '.'); i <= 0 || !isLetters(host[i+1:]) || strings.ContainsAny(host, "@:") {
			return nil, ErrType
		}
		s = "https://" + s
	} else if !strings.EqualFold(scheme, "https") && !strings.EqualFold(scheme, "http") {
		return nil, ErrType
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || strings.ContainsFunc(s, unicode.IsSpace) {
		return nil, ErrType
	}
	return u, nil
}

// isLetters reports whether s is letters, two at least.
func isLetters(s string) bool {
	return len(s) >= 2 && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) })
}
