package scan

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A member of an object or, without a key, an element of an array.
type member struct {
	key   string
	value string // as written
}

// listed returns the parts of an array or object according to encoding/json,
// and nothing for another value.
func listed(t *testing.T, raw []byte) []member {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber() // any size
	open, err := d.Token()
	if err != nil {
		t.Fatalf("%q: %v", raw, err)
	}
	var ms []member
	if _, ok := open.(json.Delim); !ok {
		return nil
	}
	for d.More() {
		var m member
		if open == json.Delim('{') {
			key, err := d.Token()
			if err != nil {
				t.Fatalf("%q: %v", raw, err)
			}
			m.key = key.(string)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			t.Fatalf("%q: %v", raw, err)
		}
		m.value = string(value)
		ms = append(ms, m)
	}
	return ms
}

// walked does the same as listed with a Scanner positioned before the value,
// down to the given level. Below it, values are passed as a whole.
func walked(s *Scanner, level int, visit func(raw []byte, ms []member)) []byte {
	var ms []member
	start := s.Pos()
	next := func(key []byte) {
		m := member{key: strings.ToValidUTF8(string(key), "")} // to make keys comparable
		if level > 1 {
			m.value = string(walked(s, level-1, visit))
		} else {
			m.value = string(s.Value())
		}
		ms = append(ms, m)
	}
	c := s.peek()
	switch {
	case c == '{' && s.Object():
		for s.Member() {
			next(s.Key())
		}
	case c == '[' && s.Array():
		for s.Element() {
			next(nil)
		}
	case c != '{' && c != '[' && s.Object(): // moves past it
		panic("no object")
	}
	raw := s.Since(start)
	if s.err == nil {
		visit(raw, ms)
	}
	return raw
}

// FuzzScanner: a walk finds the same values as encoding/json, at every level.
func FuzzScanner(f *testing.F) {
	filepath.WalkDir("../../testdata/payloads", func(path string, d fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".json" {
			data, _ := os.ReadFile(path)
			f.Add(data)
		}
		return err
	})
	for _, s := range []string{
		``, `1`, ` "a" `, `[1,[2,{"a":[]}],{}]`, `{"a":{"b":1,"b":2},"A":[ ],"\u0061\ud83d":"\/"}`,
		`{"a" : 1 , "b" :[ 1 , 2 ]}`, `{"a":1,"b" :2}`, `{"a":1,"b"2}`, `{"a":1,"b";2}`, "{\"\xff\":\"\xff\"}", `[1,]`, `{"a":1,}`, `[-0.5e+10,0,-1E3]`, `[01]`, `{"":1e700}`, `[1.]`, `"\u12g4"`, "\"\x1f\"", `"12345678\"12345678"`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := string(data)
		valid := json.Valid(data)
		err := Check(data)
		var se *SyntaxError
		switch {
		case err == nil && !valid:
			t.Fatalf("accepted %q", data)
		case err != nil && !errors.As(err, &se):
			t.Fatalf("error %v is no SyntaxError", err)
		case err != nil && valid && !se.TooDeep():
			t.Fatalf("refused %q: %v", data, err)
		case err != nil && (se.Offset < 0 || se.Offset > len(data)):
			t.Fatalf("offset %d of %d", se.Offset, len(data))
		}
		for level := range 4 {
			s := New(data)
			raw := walked(&s, level, func(raw []byte, got []member) {
				if err != nil {
					return // before the syntax error
				}
				want := listed(t, raw)
				if len(got) != len(want) {
					t.Fatalf("%q: got %q, want %q", raw, got, want)
				}
				for i := range got {
					want[i].key = strings.ReplaceAll(want[i].key, "\ufffd", "")
					got[i].key = strings.ReplaceAll(got[i].key, "\ufffd", "")
					if got[i] != want[i] {
						t.Fatalf("%q: got %q, want %q", raw, got[i], want[i])
					}
				}
			})
			end := s.End()
			if (end == nil) != (err == nil) || err != nil && *end.(*SyntaxError) != *se {
				t.Fatalf("%q: level %d ends in %v, Check in %v", data, level, end, err)
			}
			if err == nil && string(raw) != string(bytes.Trim(data, " \t\r\n")) {
				t.Fatalf("%q: value %q", data, raw)
			}
		}
		if string(data) != before {
			t.Fatalf("%q: the input was changed", before)
		}
	})
}

// FuzzText: strings have the same text as in encoding/json.
func FuzzText(f *testing.F) {
	for _, s := range []string{`""`, `"a"`, `"\u041f\ud83d\ude00\ud83d \"\\\/\b\f\n\r\t"`, "\"\xff\xc3\"", `"\ude00\ud83d!"`, `"\ud83d\u0041"`, `"\ud83d\ud83d\ude00"`, `"\ud83d\tde00"`, `"\ud83dxude00"`, `"\uaf09\uAF90\u00Aa"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var want string
		if len(raw) == 0 || raw[0] != '"' || raw[len(raw)-1] != '"' || json.Unmarshal(raw, &want) != nil {
			return
		}
		if got := string(AppendText([]byte("x"), raw)); got != "x"+want {
			t.Errorf("%q: got %q, want %q", raw, got[1:], want)
		}
		if plain, ok := Plain(raw); ok && string(plain) != want {
			t.Errorf("%q: plain %q, want %q", raw, plain, want)
		}
	})
}
