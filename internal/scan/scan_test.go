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
		msg    string // empty if in is valid
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
		{in: "true"}, {in: "false"}, {in: "null"}, {in: `"a b"`}, {in: "1e-5"}, {in: "1.5"}, {in: `"\uaf09\uAF90"`},
		{in: `{"a":1,"b": 2}`}, {in: `{"a":1,":b":2}`},
		{in: "tru", offset: 3, msg: "unexpected end"},
		{in: `"\u12G4"`, offset: 5, msg: `malformed \u escape`},
		{in: `"\u12:4"`, offset: 5, msg: `malformed \u escape`},
		{in: `"\u12@4"`, offset: 5, msg: `malformed \u escape`},
		{in: "\"\\u12`4\"", offset: 5, msg: `malformed \u escape`},
		{in: `{,"a":1}`, offset: 1, msg: "expected a key"},
		{in: `{"a":1,xb":2}`, offset: 7, msg: "expected a key"},
		{in: `{"a":1x"b":2}`, offset: 6, msg: "expected a comma or }"},
		{in: `{"a":1,"b\:2}`, offset: 10, msg: "unknown escape"},
		{in: "{\"a\":1,\"b\n:2}", offset: 9, msg: "control character in a string"},
	} {
		t.Run(tc.msg, func(t *testing.T) {
			// Pass the value in one step, and walk into it, which takes another path
			// through the code.
			for level := -1; level < 4; level++ {
				err := Check([]byte(tc.in))
				if level >= 0 {
					s := New([]byte(tc.in))
					walked(&s, level, func([]byte, []member) {})
					err = s.End()
				}
				if tc.msg == "" {
					if err != nil {
						t.Fatalf("%.40s, level %d: %v", tc.in, level, err)
					}
					continue
				}
				var se *SyntaxError
				if !errors.As(err, &se) {
					t.Fatalf("%.40s, level %d: got %v, want a SyntaxError", tc.in, level, err)
				}
				if se.Offset != tc.offset || se.msg != tc.msg {
					t.Errorf("%.40s, level %d: got %v, want %s at offset %d", tc.in, level, err, tc.msg, tc.offset)
				}
			}
		})
	}
}

// TestCut: data that is cut off anywhere ends too early, and the Scanner does
// not read beyond its end.
func TestCut(t *testing.T) {
	t.Parallel()
	whole := `{"a":[1,-2.5,3e-4,true,null ,{"b":"c\u00e9\n" }, []] , "d\t":{"e":{"f" : [ ] }},"g":false,"h":{}}`
	if err := Check([]byte(whole)); err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		data := []byte(whole)[:n:n]
		for level := -1; level < 4; level++ {
			err := Check(data)
			if level >= 0 {
				s := New(data)
				walked(&s, level, func([]byte, []member) {})
				err = s.End()
			}
			var se *SyntaxError
			if !errors.As(err, &se) || se.Offset != n || se.msg != "unexpected end" {
				t.Errorf("%s, level %d: %v", data, level, err)
			}
		}
	}
	for _, number := range []string{"", "-", "1.", "1e", "1e+", "-1.5e-"} {
		if n, ok := Number([]byte(number)[:len(number):len(number)]); ok || n != len(number) {
			t.Errorf("%q is a number, or only %d of it could be", number, n)
		}
	}
}

// TestTooDeep: walking into a value that nests too deeply is an error, and the
// walk stops.
func TestTooDeep(t *testing.T) {
	t.Parallel()
	s := New([]byte(strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1)))
	for s.Array() && s.Element() {
	}
	if err, _ := s.End().(*SyntaxError); err == nil || !err.TooDeep() || err.Offset != maxDepth {
		t.Errorf("got %v", s.End())
	}
}

// TestNoAllocations: a walk allocates no memory, for any data.
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

// TestDepth: the depth is the same for values walked into and for values passed
// as a whole, and values that were left no longer count.
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
