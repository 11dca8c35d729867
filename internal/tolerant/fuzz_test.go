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

// wide has a field of every kind.
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

// verdict checks that err is correct for data, which may nest deeper for
// encoding/json.
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
	if !se.TooDeep() && json.Valid(data) {
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

// TestPayloads decodes all known payloads of VK.
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

// TestSyntax: a malformed document changes nothing and is reported. The tests
// of package scan define the malformed documents.
func TestSyntax(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"", `{"x":2}}`, `{"x":2,"z":[tru]}`, `{"x":2,"z":"` + "\n" + `"}`, strings.Repeat(`{"x":2,"z":`, 1001)} {
		v := point{X: 1}
		err := Unmarshal([]byte(in), &v)
		var se *SyntaxError
		if !errors.As(err, &se) {
			t.Errorf("%.20q: got %v, want a SyntaxError", in, err)
		}
		if v.X != 1 {
			t.Errorf("%.20q: the target was touched", in)
		}
	}
}
