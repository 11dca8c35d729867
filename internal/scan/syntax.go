package scan

import (
	"encoding/binary"
	"math/bits"
)

// fail records the error at offset i and moves to the end of the data, where no
// step succeeds. It returns the offset of the end, as its callers do.
func (s *Scanner) fail(i int, msg string) int {
	if i >= len(s.data) {
		i, msg = len(s.data), "unexpected end"
	}
	s.err = &SyntaxError{Offset: i, msg: msg}
	s.key = nil
	s.i = len(s.data)
	return s.i
}

// peek returns the next byte, or 0 at the end, which no rule accepts.
func (s *Scanner) peek() byte {
	if s.i < len(s.data) {
		return s.data[s.i]
	}
	return 0
}

// space moves to the next byte that is not white space.
func (s *Scanner) space() {
	if s.i < len(s.data) && s.data[s.i] <= ' ' {
		s.i = skipSpace(s.data, s.i)
	}
}

func skipSpace(data []byte, i int) int {
	for i < len(data) && isSpace(data[i]) {
		i++
	}
	return i
}

// skip returns the offset behind the value that begins at i. depth is the
// number of enclosing arrays and objects. If there is no value, s.err is set.
func (s *Scanner) skip(i, depth int) int {
	data := s.data
	if i >= len(data) {
		if s.err == nil {
			s.fail(i, "")
		}
		return i
	}
	switch c := data[i]; c {
	case '"':
		if end := plain(data, i+1); end < len(data) && data[end] == '"' {
			return end + 1 // a fast path for the usual case
		}
		return s.text(i)
	case '{', '[':
		if depth >= maxDepth {
			return s.fail(i, tooDeep)
		}
		if c == '{' {
			return s.members(i+1, depth+1)
		}
		return s.elements(i+1, depth+1)
	case 't':
		return s.word(i, "true")
	case 'f':
		return s.word(i, "false")
	case 'n':
		return s.word(i, "null")
	default:
		if c != '-' && !isDigit(c) {
			return s.fail(i, "unexpected character")
		}
		n, ok := Number(data[i:])
		if !ok {
			return s.fail(i+n, "malformed number")
		}
		return i + n
	}
}

// members returns the offset behind an object. i is the offset behind its
// opening brace.
func (s *Scanner) members(i, depth int) int {
	data := s.data
	if i = skipSpace(data, i); i < len(data) && data[i] == '}' {
		return i + 1
	}
	for {
		if i >= len(data) || data[i] != '"' {
			return s.fail(i, "expected a key")
		}
		if end := plain(data, i+1); end < len(data) && data[end] == '"' {
			i = end + 1 // a fast path for the usual case
		} else if i = s.text(i); s.err != nil {
			return i
		}
		if i < len(data) && data[i] <= ' ' {
			i = skipSpace(data, i)
		}
		if i >= len(data) || data[i] != ':' {
			return s.fail(i, "expected a colon")
		}
		if i++; i < len(data) && data[i] <= ' ' {
			i = skipSpace(data, i)
		}
		if i = s.skip(i, depth); s.err != nil {
			return i
		}
		if i < len(data) && data[i] <= ' ' {
			i = skipSpace(data, i)
		}
		if i >= len(data) {
			return s.fail(i, "")
		}
		switch data[i] {
		case ',':
			if i++; i < len(data) && data[i] <= ' ' {
				i = skipSpace(data, i)
			}
		case '}':
			return i + 1
		default:
			return s.fail(i, "expected a comma or }")
		}
	}
}

// elements is members for arrays.
func (s *Scanner) elements(i, depth int) int {
	data := s.data
	if i = skipSpace(data, i); i < len(data) && data[i] == ']' {
		return i + 1
	}
	for {
		if i = s.skip(i, depth); s.err != nil {
			return i
		}
		if i < len(data) && data[i] <= ' ' {
			i = skipSpace(data, i)
		}
		if i >= len(data) {
			return s.fail(i, "")
		}
		switch data[i] {
		case ',':
			i = skipSpace(data, i+1)
		case ']':
			return i + 1
		default:
			return s.fail(i, "expected a comma or ]")
		}
	}
}

func (s *Scanner) word(i int, w string) int {
	if len(s.data)-i >= len(w) && string(s.data[i:i+len(w)]) == w {
		return i + len(w)
	}
	n := 0
	for n < len(w) && i+n < len(s.data) && s.data[i+n] == w[n] {
		n++
	}
	return s.fail(i+n, "misspelt word")
}

// text returns the offset behind the string that begins at i. It checks escapes
// and control characters. Invalid UTF-8 is accepted, and becomes U+FFFD when
// the string is used.
func (s *Scanner) text(i int) int {
	data := s.data
	for i++; ; {
		i = plain(data, i)
		if i >= len(data) {
			return s.fail(i, "")
		}
		switch data[i] {
		case '"':
			return i + 1
		case '\\':
			if i = s.escape(i); s.err != nil {
				return i
			}
		default:
			return s.fail(i, "control character in a string")
		}
	}
}

// plain returns the offset of the next quotation mark, backslash or control
// character from i on, or the length of data.
func plain(data []byte, i int) int {
	// It reads eight bytes at a time. A byte is zero if subtracting one from it
	// borrows; the bytes above it may then look like zero as well, so the lowest
	// counts. A byte with its highest bit set, as in all Cyrillic text, does not
	// match.
	const low, high = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(data); i += 8 {
		w := binary.LittleEndian.Uint64(data[i:])
		quote, backslash := w^low*'"', w^low*'\\'
		if found := ((quote - low) | (backslash - low) | (w - low*' ')) & ^w & high; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(data); i++ {
		if c := data[i]; c == '"' || c == '\\' || c < ' ' {
			break
		}
	}
	return i
}

// escape returns the offset behind the escape sequence that begins at i.
func (s *Scanner) escape(i int) int {
	if i++; i >= len(s.data) {
		return s.fail(i, "")
	}
	switch s.data[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		for range 4 {
			if i++; i >= len(s.data) {
				return s.fail(i, "")
			}
			if _, ok := unhex(s.data[i]); !ok {
				return s.fail(i, "malformed \\u escape")
			}
		}
		return i + 1
	}
	return s.fail(i, "unknown escape")
}

// Number returns the length of the number at the beginning of b. If there is
// none, it returns false and the length of the part that could begin a number.
func Number(b []byte) (n int, ok bool) {
	if n < len(b) && b[n] == '-' {
		n++
	}
	from := n
	if n < len(b) && b[n] == '0' {
		n++ // nothing may follow a leading zero
	} else if n = digits(b, n); n == from {
		return n, false
	}
	if n >= len(b) || b[n] != '.' && b[n]|0x20 != 'e' {
		return n, true
	}
	if b[n] == '.' {
		from = n + 1
		if n = digits(b, from); n == from {
			return n, false
		}
	}
	if n < len(b) && b[n]|0x20 == 'e' {
		if n++; n < len(b) && (b[n] == '+' || b[n] == '-') {
			n++
		}
		from = n
		if n = digits(b, from); n == from {
			return n, false
		}
	}
	return n, true
}

// digits returns the offset behind the digits that start at n.
func digits(b []byte, n int) int {
	for n < len(b) && isDigit(b[n]) {
		n++
	}
	return n
}

func isSpace(b byte) bool { return b <= ' ' && (b == ' ' || b == '\n' || b == '\r' || b == '\t') }

func isDigit(b byte) bool { return b-'0' <= 9 }

func unhex(b byte) (rune, bool) {
	switch {
	case isDigit(b):
		return rune(b - '0'), true
	case 'a' <= b && b <= 'f':
		return rune(b-'a') + 10, true
	case 'A' <= b && b <= 'F':
		return rune(b-'A') + 10, true
	}
	return 0, false
}
