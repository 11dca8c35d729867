package tolerant

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// The methods here step through data that check has approved, and so need no
// error returns and few bounds of their own. Outside strings, what is not above
// a space is white space.

// space moves to the next byte that is not white space.
func (s *state) space() {
	for s.i < len(s.data) && s.data[s.i] <= ' ' {
		s.i++
	}
}

// next moves past the value that begins here and returns its bytes.
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

// string moves past the string that begins here. It hops from quote to quote:
// one that follows an odd number of backslashes belongs to the string.
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

// container moves past the array or object that begins here.
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

// more moves to the next element of an array or member of an object, or past
// its closing bracket, which it reports with false.
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

// key moves past a member's key to its value and returns the key's text, which
// is good until the next call of key or text.
func (s *state) key() []byte {
	raw := s.next()
	s.space()
	s.i++ // the colon
	s.space()
	return s.text(raw)
}

// text returns what the string raw says. It is either part of the data or in a
// buffer that the next call writes to again.
func (s *state) text(raw []byte) []byte {
	b := raw[1 : len(raw)-1]
	if bytes.IndexByte(b, '\\') < 0 && utf8.Valid(b) {
		return b
	}
	s.buf = unescape(s.buf[:0], b)
	return s.buf
}

// unescape appends what the inside of a string says to dst. Bytes that are not
// UTF-8 and halves of surrogate pairs become U+FFFD, one each.
func unescape(dst, b []byte) []byte {
	for len(b) > 0 {
		if b[0] != '\\' {
			r, n := utf8.DecodeRune(b)
			dst = utf8.AppendRune(dst, r)
			b = b[n:]
			continue
		}
		c := b[1]
		b = b[2:]
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r := hex4(b)
			b = b[4:]
			if utf16.IsSurrogate(r) {
				r2 := rune(-1)
				if len(b) >= 6 && b[0] == '\\' && b[1] == 'u' {
					r2 = hex4(b[2:])
				}
				if r = utf16.DecodeRune(r, r2); r != utf8.RuneError {
					b = b[6:]
				}
			}
			dst = utf8.AppendRune(dst, r)
			continue
		}
		dst = append(dst, c)
	}
	return dst
}

// hex4 reads the four digits of a \u escape.
func hex4(b []byte) rune {
	var r rune
	for _, c := range b[:4] {
		d, _ := unhex(c)
		r = r<<4 | d
	}
	return r
}
