package tolerant

import (
	"bytes"
	"encoding"
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"time"

	"github.com/vkrouter/vk/internal/scan"
)

// scalar converts raw, a whole value of any kind, for targets that have no
// elements of their own. Like value, it reports whether a value was present.
func (s *state) scalar(p *plan, v reflect.Value, raw []byte) bool {
	switch p.op {
	case opRaw:
		v.SetBytes(bytes.Clone(raw))
		return true
	case opJSON:
		if v.Addr().Interface().(json.Unmarshaler).UnmarshalJSON(raw) != nil {
			if isNothing(raw) || isEmptyArray(raw) {
				v.SetZero()
				return false
			}
			return s.bend(p.typ, v, raw)
		}
		if t := s.inside[p.typ]; t != nil && raw[0] == '{' {
			s.inspect(t, raw)
		}
		return true
	}
	if raw[0] == 'n' {
		v.SetZero()
		return false
	}
	ok := false
	switch p.op {
	case opBool:
		var b bool
		if b, ok = s.bool(raw); ok {
			v.SetBool(b)
		}
	case opInt:
		var n int64
		if n, ok = digits(raw); !ok {
			n, ok = s.int(raw)
		}
		if ok {
			if ok = !v.OverflowInt(n); ok {
				v.SetInt(n)
			}
		}
	case opUint:
		var n uint64
		if n, ok = s.uint(raw); ok {
			if ok = !v.OverflowUint(n); ok {
				v.SetUint(n)
			}
		}
	case opFloat:
		var f float64
		if f, ok = s.float(raw, p.typ.Bits()); ok {
			v.SetFloat(f)
		}
	case opString:
		var t []byte
		if t, ok = s.plain(raw); ok {
			v.SetString(s.kept.string(t, len(s.data)-s.i))
		}
	case opTime:
		var t time.Time
		if t, ok = s.time(raw); ok {
			*v.Addr().Interface().(*time.Time) = t // Set would allocate a copy
			return !t.IsZero()
		}
	case opText:
		var t []byte
		if t, ok = s.plain(raw); ok {
			ok = v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText(t) == nil
		}
	}
	if !ok {
		return s.bend(p.typ, v, raw)
	}
	return true
}

// inspect decodes raw, which an UnmarshalJSON method has decoded, into a
// temporary t, to report bent values and unknown keys inside it.
func (s *state) inspect(t reflect.Type, raw []byte) {
	data, i := s.data, s.i
	s.data, s.i = raw, 0
	s.value(planOf(t), reflect.New(t).Elem())
	s.data, s.i = data, i
}

// plain returns the text of a string, or a number or bool as written.
func (s *state) plain(raw []byte) ([]byte, bool) {
	switch raw[0] {
	case '"':
		return s.text(raw), true
	case '{', '[':
		return nil, false
	}
	return raw, true
}

var zero, one = []byte("0"), []byte("1")

// number returns the number that raw represents: a number, a string with a
// number, or a bool.
func (s *state) number(raw []byte) (lit []byte, ok bool) {
	switch raw[0] {
	case '"':
		lit = s.text(raw)
		n, ok := scan.Number(lit)
		return lit, ok && n == len(lit)
	case 't':
		return one, true
	case 'f':
		return zero, true
	case '{', '[':
		return nil, false
	}
	return raw, true
}

func (s *state) bool(raw []byte) (b, ok bool) {
	if raw[0] == '"' {
		switch string(s.text(raw)) {
		case "true":
			return true, true
		case "false", "":
			return false, true
		}
	}
	lit, ok := s.number(raw)
	return ok && !isZero(lit), ok
}

// isZero reports whether a number has only zeros before its exponent.
func isZero(lit []byte) bool {
	for _, c := range lit {
		if c|0x20 == 'e' {
			break
		}
		if '1' <= c && c <= '9' {
			return false
		}
	}
	return true
}

func (s *state) int(raw []byte) (int64, bool) {
	lit, ok := s.number(raw)
	if !ok {
		return 0, false
	}
	neg, mag, ok := integer(lit)
	switch {
	case !ok:
		return 0, false
	case !neg:
		return int64(mag), mag <= math.MaxInt64
	default:
		return -int64(mag), mag <= 1<<63 // -int64(1<<63) wraps around to itself
	}
}

func (s *state) uint(raw []byte) (uint64, bool) {
	lit, ok := s.number(raw)
	if !ok {
		return 0, false
	}
	neg, mag, ok := integer(lit)
	return mag, ok && (!neg || mag == 0)
}

// integer reads a whole number in any notation: 15, 15.0 and 1.5e1. It does not
// use float64, which would round large IDs.
func integer(lit []byte) (neg bool, mag uint64, ok bool) {
	if isZero(lit) {
		return false, 0, true
	}
	if lit[0] == '-' {
		neg = true
		lit = lit[1:]
	}
	exp := 0
	if k := bytes.IndexAny(lit, "eE"); k >= 0 {
		// Atoi saturates. The bounds leave room for additions to exp, and are far
		// beyond any integer that fits.
		exp, _ = strconv.Atoi(string(lit[k+1:]))
		exp = min(max(exp, -1<<30), 1<<30)
		lit = lit[:k]
	}
	frac := 0
	if k := bytes.IndexByte(lit, '.'); k >= 0 {
		frac = len(lit) - k - 1
	}
	exp -= frac
	// Trailing zeros only move the decimal point.
	for end := lit[len(lit)-1]; end == '0' || end == '.'; end = lit[len(lit)-1] {
		if end == '0' {
			exp++
		}
		lit = lit[:len(lit)-1]
	}
	if exp < 0 {
		return false, 0, false
	}
	for _, c := range lit {
		if c == '.' {
			continue
		}
		if mag > (math.MaxUint64-uint64(c-'0'))/10 {
			return false, 0, false
		}
		mag = mag*10 + uint64(c-'0')
	}
	for ; exp > 0; exp-- {
		if mag > math.MaxUint64/10 {
			return false, 0, false
		}
		mag *= 10
	}
	return neg, mag, true
}

func (s *state) float(raw []byte, bits int) (float64, bool) {
	lit, ok := s.number(raw)
	if !ok {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(lit), bits)
	return f, err == nil
}

// The seconds of the years 1 and 9999. A Time outside of them cannot be
// formatted as RFC 3339, and VK never sends one.
const (
	minUnix = -62135596800
	maxUnix = 253402300799
)

func (s *state) time(raw []byte) (time.Time, bool) {
	switch string(raw) {
	case "false", `""`:
		return time.Time{}, true
	case "true":
		return time.Time{}, false
	}
	lit, ok := s.number(raw)
	if !ok {
		if raw[0] != '"' {
			return time.Time{}, false
		}
		t, err := time.Parse(time.RFC3339, string(lit))
		return t.UTC(), err == nil
	}
	if n, ok := digits(lit); ok && n <= maxUnix {
		if n == 0 {
			return time.Time{}, true
		}
		return time.Unix(n, 0).UTC(), true
	}
	f, err := strconv.ParseFloat(string(lit), 64)
	if err != nil || f < minUnix || f > maxUnix {
		return time.Time{}, false
	}
	if f == 0 {
		return time.Time{}, true
	}
	// In this range a float64 holds every whole second, and fractions of current
	// times to the microsecond.
	sec, part := math.Modf(f)
	return time.Unix(int64(sec), int64(math.Round(part*1e6))*1e3).UTC(), true
}

// setKey sets the key of a map from the key of an object.
func setKey(k reflect.Value, key string) bool {
	switch {
	case k.Kind() == reflect.String:
		k.SetString(key)
	case k.CanInt():
		n, err := strconv.ParseInt(key, 10, k.Type().Bits())
		if err != nil {
			return false
		}
		k.SetInt(n)
	default:
		n, err := strconv.ParseUint(key, 10, k.Type().Bits())
		if err != nil {
			return false
		}
		k.SetUint(n)
	}
	return true
}
