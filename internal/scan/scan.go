// Package scan walks through JSON text once, from front to back. It checks all
// of it on the way, and hands out, as parts of the text, the values that its
// user asks for:
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
// What it takes for JSON is what [encoding/json.Valid] takes, but for nesting
// over 1,000 levels. Equal keys are all handed out, in their order, and in exact
// case: what a repeated key means is up to the user. There is no reflection, and
// nothing is copied or allocated, but for a key that has escapes in it.
package scan

import (
	"bytes"
	"fmt"
)

// maxDepth is how deeply arrays and objects may nest. VK nests forwarded
// messages some 45 deep at most; the limit is there so that hostile input
// cannot exhaust the stack.
const maxDepth = 1000

const tooDeep = "nesting too deep"

// A SyntaxError says where and why data is not JSON.
type SyntaxError struct {
	Offset int // of the first byte that is wrong; the length of data if it ends too early
	msg    string
}

// Error describes the mistake without quoting the data, which may be private.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("malformed JSON: %s at offset %d", e.msg, e.Offset)
}

// TooDeep reports whether the data may be JSON, but nests too deeply.
func (e *SyntaxError) TooDeep() bool { return e.msg == tooDeep }

// A Scanner is one walk. It stands before a value at first, and again whenever
// Member or Element has returned true: then the value must be passed before the
// next Member or Element, by Value, or by Object or Array and what they lead
// to. After a mistake in the text there are no more members and elements, values
// are nil, and End tells. A Scanner is for one goroutine; it does not change the
// data.
type Scanner struct {
	data  []byte
	i     int  // the next byte to look at
	depth int  // of the arrays and objects around
	begun bool // the array or object around has had an element or member
	key   []byte
	err   *SyntaxError
}

// New returns a Scanner that stands before the value that data must be.
func New(data []byte) Scanner {
	s := Scanner{data: data}
	s.space()
	return s
}

// Check returns nil if data is exactly one JSON value, else a [*SyntaxError].
func Check(data []byte) error {
	s := New(data)
	s.Value()
	return s.End()
}

// End returns nil if the walk went through exactly one JSON value, and nothing
// follows it. Else it returns a [*SyntaxError].
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
// white space around.
func (s *Scanner) Value() []byte {
	start := s.i
	if s.i = s.skip(start, s.depth); s.err != nil {
		return nil
	}
	s.begun = true
	return s.data[start:s.i:s.i]
}

// Object moves into an object and returns true: Member then moves to its first
// member. Past a value of another kind, it moves and returns false.
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

// Member moves to the next member of an object: its key is read, its value
// comes next. It returns false once it has moved past the end of the object.
func (s *Scanner) Member() bool {
	// Text without white space and keys without escapes are the usual case.
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

// Key returns the key of the member, with escapes resolved. Bytes in it that are
// not UTF-8 are left as they are.
func (s *Scanner) Key() []byte { return s.key }

// Element moves to the next element of an array. It returns false once it has
// moved past the end of the array.
func (s *Scanner) Element() bool { return s.more(']', "expected a comma or ]") }

// more moves to the next element or member of what ends in bracket.
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

// Pos returns where in the data the walk is: where a value begins if one comes
// next, where it ends just after it.
func (s *Scanner) Pos() int { return s.i }

// Since returns the data from pos to where the walk is.
func (s *Scanner) Since(pos int) []byte {
	if s.err != nil {
		return nil
	}
	return s.data[pos:s.i:s.i]
}
