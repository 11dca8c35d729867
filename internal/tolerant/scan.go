package tolerant

import (
	"bytes"

	"github.com/vkrouter/vk/internal/scan"
)

// The methods in this file step through data that scan.Check has approved. They
// therefore return no errors and need few bounds checks. Outside strings, every
// byte up to a space is white space.

// space moves to the next byte that is not white space.
func (s *state) space() {
	for s.i < len(s.data) && s.data[s.i] <= ' ' {
		s.i++
	}
}

// next moves past the value at the current position and returns its bytes.
func (s *state) next() []byte {
	start := s.i
	switch s.data[s.i] {
	case '"':
		s.string()
	case '{', '[':
		s.container()
	default:
		for s.i < len(s.data) && !endsScalar(s.data[s.i]) {
			s.i++
		}
	}
	return s.data[start:s.i:s.i]
}

func endsScalar(b byte) bool { return b <= ' ' || b == ',' || b == '}' || b == ']' }

// string moves past the string at the current position. It jumps from quote to
// quote: a quote after an odd number of backslashes belongs to the string.
func (s *state) string() {
	for open := s.i; ; {
		s.i += 1 + bytes.IndexByte(s.data[s.i+1:], '"')
		k := s.i
		for k-1 > open && s.data[k-1] == '\\' {
			k--
		}
		if (s.i-k)%2 == 0 {
			s.i++
			return
		}
	}
}

// container moves past the array or object at the current position.
func (s *state) container() {
	for depth := 0; ; {
		switch s.data[s.i] {
		case '"':
			s.string()
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		s.i++
		if depth == 0 {
			return
		}
	}
}

// more moves to the next element of an array or member of an object. At the
// closing bracket, it moves past the bracket and returns false.
func (s *state) more(closing byte) bool {
	s.space()
	if s.data[s.i] == ',' {
		s.i++
		s.space()
	}
	if s.data[s.i] == closing {
		s.i++
		return false
	}
	return true
}

// key moves past a member's key to its value. It returns the key's text, which
// is valid until the next call of key or text.
func (s *state) key() []byte {
	raw := s.next()
	s.space()
	s.i++ // the colon
	s.space()
	return s.text(raw)
}

// text returns the text of the string raw. It is either part of the data or in
// a buffer that the next call overwrites.
func (s *state) text(raw []byte) []byte {
	if b, ok := scan.Plain(raw); ok {
		return b
	}
	s.buf = scan.AppendText(s.buf[:0], raw)
	return s.buf
}

func isSpace(b byte) bool { return b <= ' ' && (b == ' ' || b == '\n' || b == '\r' || b == '\t') }

func isDigit(b byte) bool { return '0' <= b && b <= '9' }
