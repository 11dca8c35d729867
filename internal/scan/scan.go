// Package scan walks through JSON text once, from front to back. It checks all
// of it on the way and returns the values that its caller asks for, as parts of
// the text:
//
//	s := scan.New(data)
//	if s.Object() {
//		for s.Member() {
//			switch string(s.Key()) {
//			case "type":
//				kind = s.Value()
//			default:
//				s.Value()
//			}
//		}
//	}
//	if err := s.End(); err != nil {
//		return err // and kind means nothing
//	}
//
// It accepts the same text as [encoding/json.Valid], except for nesting over
// 1,000 levels. All equal keys are returned, in order, and in exact case: the
// caller decides how to treat a repeated key. The package uses no reflection,
// and copies and allocates nothing, except for a key with escapes.
package scan

import (
	"bytes"
	"fmt"
)

// maxDepth limits the nesting of arrays and objects. VK nests forwarded
// messages at most about 45 deep; the limit prevents hostile input from
// exhausting the stack.
const maxDepth = 1000

const tooDeep = "nesting too deep"

// A SyntaxError reports where and why data is not JSON.
type SyntaxError struct {
	Offset int // of the first invalid byte; the length of data if it ends too early
	msg    string
}

// Error describes the error without quoting the data, which may be private.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("malformed JSON: %s at offset %d", e.msg, e.Offset)
}

// TooDeep reports whether the data may be JSON, but nests too deeply.
func (e *SyntaxError) TooDeep() bool { return e.msg == tooDeep }

// A Scanner is one walk. It is positioned before a value at first, and again
// whenever Member or Element has returned true. The caller must then pass the
// value before the next Member or Element: by Value, or by Object or Array and
// all their members or elements. After a syntax error there are no more members
// and elements, values are nil, and End returns the error. A Scanner is for one
// goroutine; it does not change the data.
type Scanner struct {
	data  []byte
	i     int  // the next byte to read
	depth int  // the number of enclosing arrays and objects
	begun bool // the enclosing array or object has had an element or member
	key   []byte
	err   *SyntaxError
}

// New returns a Scanner positioned before the single value of data.
func New(data []byte) Scanner {
	s := Scanner{data: data}
	s.space()
	return s
}

// Check returns nil if data is exactly one JSON value, and otherwise a
// [*SyntaxError].
func Check(data []byte) error {
	s := New(data)
	s.Value()
	return s.End()
}

// End returns nil if the walk passed exactly one JSON value and nothing follows
// it. Otherwise it returns a [*SyntaxError].
func (s *Scanner) End() error {
	if s.err == nil {
		if s.space(); s.i < len(s.data) {
			s.fail(s.i, "data after the value")
		}
	}
	if s.err != nil {
		return s.err
	}
	return nil
}

// Value moves past a value and returns its bytes, a part of the data without
// surrounding white space.
func (s *Scanner) Value() []byte {
	start := s.i
	if s.i = s.skip(start, s.depth); s.err != nil {
		return nil
	}
	s.begun = true
	return s.data[start:s.i:s.i]
}

// Object moves into an object and returns true; Member then moves to its first
// member. If the value is of another kind, Object moves past it and returns
// false.
func (s *Scanner) Object() bool { return s.open('{') }

// Array is Object for arrays and their elements.
func (s *Scanner) Array() bool { return s.open('[') }

func (s *Scanner) open(bracket byte) bool {
	if s.err != nil {
		return false
	}
	if s.peek() != bracket {
		s.Value()
		return false
	}
	if s.depth >= maxDepth {
		s.fail(s.i, tooDeep)
		return false
	}
	s.i++
	s.depth++
	s.begun = false
	return true
}

// Member moves to the next member of an object: it reads the key, and the value
// is next. It returns false once it has moved past the end of the object.
func (s *Scanner) Member() bool {
	// Usually there is no white space, and keys have no escapes.
	data, i := s.data, s.i
	if s.begun && i+1 < len(data) && data[i] == ',' && data[i+1] == '"' {
		i += 2
		if end := plain(data, i); end+1 < len(data) && data[end] == '"' && data[end+1] == ':' {
			s.key = data[i:end]
			s.i = end + 2
			s.space()
			return true
		}
	}
	if !s.more('}', "expected a comma or }") {
		return false
	}
	if s.peek() != '"' {
		s.fail(s.i, "expected a key")
		return false
	}
	i = s.i + 1
	if s.i = s.text(s.i); s.err != nil {
		return false
	}
	s.key = data[i : s.i-1]
	if bytes.IndexByte(s.key, '\\') >= 0 {
		s.key = unescape(nil, s.key)
	}
	if s.space(); s.peek() != ':' {
		s.fail(s.i, "expected a colon")
		return false
	}
	s.i++
	s.space()
	return true
}

// Key returns the key of the member, with escapes resolved. Invalid UTF-8 in it
// is left unchanged.
func (s *Scanner) Key() []byte { return s.key }

// Element moves to the next element of an array. It returns false once it has
// moved past the end of the array.
func (s *Scanner) Element() bool { return s.more(']', "expected a comma or ]") }

// more moves to the next element or member of the array or object that ends in
// bracket.
func (s *Scanner) more(bracket byte, otherwise string) bool {
	if s.err != nil {
		return false
	}
	s.space()
	switch c := s.peek(); {
	case c == bracket:
		s.i++
		s.depth--
		s.begun = true
		return false
	case !s.begun:
		return true
	case c != ',':
		s.fail(s.i, otherwise)
		return false
	}
	s.i++
	s.space()
	return true
}

// Pos returns the current offset in the data: the beginning of the next value,
// or the end of the last one.
func (s *Scanner) Pos() int { return s.i }

// Since returns the data from pos to the current offset.
func (s *Scanner) Since(pos int) []byte {
	if s.err != nil {
		return nil
	}
	return s.data[pos:s.i:s.i]
}
