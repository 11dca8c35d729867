package scan

import (
	"errors"
	"strings"
	"testing"
)

func TestSyntax(t *testing.T) {
	t.Parallel()
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, tc := range []struct {
		in     string
		offset int
		msg    string // none if in is valid
	}{
		{in: nested(maxDepth)},
		{in: nested(maxDepth + 1), offset: maxDepth, msg: tooDeep},
		{in: strings.Repeat(`{"a":`, maxDepth+1), offset: 5 * maxDepth, msg: tooDeep},
		{in: "", offset: 0, msg: "unexpected end"},
		{in: " \t\r\n", offset: 4, msg: "unexpected end"},
		{in: `{"a":1} x`, offset: 8, msg: "data after the value"},
		{in: `[1 2]`, offset: 3, msg: "expected a comma or ]"},
		{in: `[1,]`, offset: 3, msg: "unexpected character"},
		{in: `{"a" 1}`, offset: 5, msg: "expected a colon"},
		{in: `{"a":1 "b":2}`, offset: 7, msg: "expected a comma or }"},
		{in: `{"a":1,}`, offset: 7, msg: "expected a key"},
		{in: `{a:1}`, offset: 1, msg: "expected a key"},
		{in: `{"skipped":{"deep":[tru]}}`, offset: 23, msg: "misspelt word"},
		{in: `-`, offset: 1, msg: "unexpected end"},
		{in: `[-]`, offset: 2, msg: "malformed number"},
		{in: `01`, offset: 1, msg: "data after the value"},
		{in: `1.x`, offset: 2, msg: "malformed number"},
		{in: `1e+`, offset: 3, msg: "unexpected end"},
		{in: `"a`, offset: 2, msg: "unexpected end"},
		{in: `"a\`, offset: 3, msg: "unexpected end"},
		{in: "\"a\nb\"", offset: 2, msg: "control character in a string"},
		{in: `"\x"`, offset: 2, msg: "unknown escape"},
		{in: `"\u12g4"`, offset: 5, msg: `malformed \u escape`},
		{in: "[\x00]", offset: 1, msg: "unexpected character"},
	} {
		t.Run(tc.msg, func(t *testing.T) {
			err := Check([]byte(tc.in))
			if tc.msg == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var se *SyntaxError
			if !errors.As(err, &se) {
				t.Fatalf("got %v, want a SyntaxError", err)
			}
			if se.Offset != tc.offset || se.msg != tc.msg {
				t.Errorf("got %v, want %s at offset %d", err, tc.msg, tc.offset)
			}
		})
	}
}

// TestNoAllocations: a walk needs no memory, whatever it goes through.
func TestNoAllocations(t *testing.T) {
	data := []byte(`{"a":[1,{"b":"c\n"},[[]]],"d":{"e":null},"f":"\u0430","g":-1.5e3}`)
	if n := testing.AllocsPerRun(100, func() {
		s := New(data)
		if s.Object() {
			for s.Member() {
				if string(s.Key()) == "d" && s.Object() {
					for s.Member() {
						s.Value()
					}
					continue
				}
				s.Value()
			}
		}
		if s.End() != nil {
			t.Fatal(s.End())
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestDepth: what is walked into counts like what is passed as a whole, and what
// was left counts no more.
func TestDepth(t *testing.T) {
	t.Parallel()
	for _, deep := range []int{maxDepth, maxDepth + 1} {
		data := []byte(strings.Repeat(`[[],`, deep-1) + "[]" + strings.Repeat("]", deep-1))
		for _, into := range []int{0, 1, maxDepth / 2, maxDepth, maxDepth + 1} {
			s := New(data)
			depth := 0
			for depth < into && s.Array() {
				depth++
				if depth == deep || !s.Element() {
					break
				}
				if s.Array() && s.Element() {
					t.Fatal("an element of nothing")
				}
				if !s.Element() {
					break
				}
			}
			if depth < deep {
				s.Value()
			}
			for range depth {
				s.Element()
			}
			if err := s.End(); (err == nil) != (deep <= maxDepth) {
				t.Errorf("%d deep, %d of them walked into: %v", deep, into, err)
			}
		}
	}
}
