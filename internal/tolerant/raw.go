package tolerant

import "github.com/vkrouter/vk/internal/scan"

// Int returns the integer that Unmarshal would store in an int64 for raw, which
// must be exactly one well-formed JSON value. It returns 0 and false for null
// and for a bent value.
func Int(raw []byte) (n int64, ok bool) {
	if len(raw) == 0 || raw[0] == 'n' {
		return 0, false
	}
	if n, ok = digits(raw); ok {
		return n, true
	}
	var s state
	if n, ok = s.int(raw); !ok {
		return 0, false
	}
	return n, true
}

// digits returns the number in lit if lit has only digits, and so few that all
// such numbers fit. This is the usual case, and faster than reading any number.
func digits(lit []byte) (n int64, ok bool) {
	if len(lit) == 0 || len(lit) > 18 {
		return 0, false
	}
	for _, c := range lit {
		if !isDigit(c) {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// Bool is Int for a bool.
func Bool(raw []byte) (b, ok bool) {
	if len(raw) == 0 || raw[0] == 'n' {
		return false, false
	}
	var s state
	return s.bool(raw)
}

// Text is Int for a string. The text is part of raw, or newly allocated.
func Text(raw []byte) (text []byte, ok bool) {
	if len(raw) == 0 || raw[0] == 'n' {
		return nil, false
	}
	if raw[0] != '"' {
		var s state
		return s.plain(raw)
	}
	if text, ok = scan.Plain(raw); !ok {
		text = scan.AppendText(make([]byte, 0, len(raw)), raw)
	}
	return text, true
}
