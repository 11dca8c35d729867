package tolerant

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func exportAll(reflect.Type) bool { return true }

func collect(paths *[]string) func(string, reflect.Type, []byte) {
	return func(path string, _ reflect.Type, _ []byte) { *paths = append(*paths, path) }
}

// wide has a field of every kind there is.
type wide struct {
	B    bool
	I    int
	I8   int8
	U    uint
	U16  uint16
	F    float64
	F32  float32
	S    string
	Time time.Time
	PT   *time.Time
	Raw  json.RawMessage
	Any  any
	Addr netip.Addr
	JSON refusing
	Ints []int
	Strs []string
	Arr  [2]bool
	Map  map[string]wide
	IMap map[int8]*wide
	UMap map[uint]string
	Next *wide
	List []wide
	In   struct{ *Base }
	Chan chan int
	Owner
	hidden
}

var seeds = []string{
	`{"B":2,"I":"75","S":12.50,"F":"1e3","Next":{"List":[{"I8":300},[]]},"Map":[],"Ints":{"0":1,"5":2}}`,
	`{"Time":"2025-01-07T12:00:00+03:00","PT":1736240400,"Raw":[null],"Any":{"a":[1,"b",true,null]}}`,
	`{"U":-1,"U16":"65535","F32":1e39,"IMap":{"-128":{},"128":{}},"JSON":[1],"Addr":"::1","Arr":[1,0,1]}`,
	`"\u041f\ud83d\ude00\ud83d \"\\\/\b\f\n\r\t"`, "\"\xff\xc3\"", `-0.5e+10`, `[1,]`, `{"a":}`, `nul`, `01`, ``,
	`{"id":1,"Shown":true,"owner":"3","In":{"Deep":1}}`,
}

// verdict checks that err is right about data, which encoding/json may nest
// deeper.
func verdict(t *testing.T, data []byte, err error) {
	t.Helper()
	if err == nil {
		if !json.Valid(data) {
			t.Fatalf("accepted %q", data)
		}
		return
	}
	var se *SyntaxError
	if !errors.As(err, &se) {
		t.Fatalf("error %v is no SyntaxError", err)
	}
	if se.Offset < 0 || se.Offset > len(data) {
		t.Fatalf("offset %d of %d", se.Offset, len(data))
	}
	if se.msg != tooDeep && json.Valid(data) {
		t.Fatalf("refused %q: %v", data, err)
	}
}

func FuzzAny(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var got, want any
		err := Unmarshal(data, &got)
		verdict(t, data, err)
		if json.Unmarshal(data, &want) == nil && err == nil && !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %#v, want %#v", data, got, want)
		}
	})
}

func FuzzStruct(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := string(data)
		var quiet, loud wide
		verdict(t, data, Unmarshal(data, &quiet))
		d := Decoder{
			Bent: func(_ string, _ reflect.Type, raw []byte) {
				if !json.Valid(raw) {
					t.Errorf("bent value %q is no JSON", raw)
				}
			},
			Unknown: func(_ string, raw []byte) {
				if !json.Valid(raw) {
					t.Errorf("unknown value %q is no JSON", raw)
				}
			},
		}
		verdict(t, data, d.Unmarshal(data, &loud))
		if !reflect.DeepEqual(quiet, loud) {
			t.Errorf("%q: listening changed the result", data)
		}
		if string(data) != before {
			t.Errorf("%q: the input was changed", before)
		}
	})
}

// TestPayloads decodes everything VK is known to send.
func TestPayloads(t *testing.T) {
	t.Parallel()
	n := 0
	err := filepath.WalkDir("../../testdata/payloads", func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".json" {
			return err
		}
		n++
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var got, want any
		if err := json.Unmarshal(data, &want); err != nil {
			return err
		}
		if err := Unmarshal(data, &got); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-encoding/json +tolerant):\n%s", path, diff)
		}
		return nil
	})
	if err != nil || n == 0 {
		t.Errorf("%d files, %v", n, err)
	}
}

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
			v := point{X: 1}
			err := Unmarshal([]byte(tc.in), &v)
			if tc.msg == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if v.X != 1 {
				t.Error("the target was touched")
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
