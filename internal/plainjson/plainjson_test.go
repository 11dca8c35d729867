package plainjson

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
)

type (
	item struct {
		Item   string `json:"item"`
		N      int    `json:"n"`
		Paid   bool   `json:",omitempty"`
		Note   string `json:"note,omitempty"`
		Small  int8
		Large  uint64
		Hidden int `json:"-"`
		secret int
	}
	named struct {
		Name   word
		Length time.Month `json:"month"`
	}
	word    string
	upper   string
	shouted struct{ Word upper }
	held    struct{ Word string }
)

func (u upper) MarshalText() ([]byte, error) { return bytes.ToUpper([]byte(u)), nil }

func (h *held) MarshalJSON() ([]byte, error) { return []byte(`{"held":true}`), nil }

// TestAppend: a value is encoded as by encoding/json, or not at all.
func TestAppend(t *testing.T) {
	var none *item
	for _, tt := range []struct {
		name  string
		value any
		known bool
	}{
		{"map", map[string]any{"b": "<\"я>", "a": -7, "c": int64(8), "": true}, true},
		{"empty map", map[string]any{}, true},
		{"nil map", map[string]any(nil), false},
		{"map of more", map[string]any{"a": 1, "b": 1.5}, false},
		{"map of ints", map[string]int{"a": 1}, false},
		{"struct", item{"Чай <green>", -3, true, "a\n", -8, 1 << 63, 5, 6}, true},
		{"zero struct", item{}, true},
		{"pointer", &item{Item: "tea"}, true},
		{"nil pointer", none, false},
		{"pointer to a pointer", &none, false},
		{"no fields", struct{}{}, true},
		{"all empty", struct {
			A int `json:"a,omitempty"`
		}{}, true},
		{"named types", struct{ Name word }{"tea"}, true},
		{"a field with a method", named{"tea", time.May}, false},
		{"a field that encodes itself", shouted{"tea"}, false},
		{"a struct that encodes itself", held{"tea"}, false},
		{"a pointer that encodes itself", &held{"tea"}, false},
		{"number", struct{ N json.Number }{"12"}, false},
		{"embedded", struct{ item }{item{Item: "tea"}}, false},
		{"another option", struct {
			A int `json:"a,string"`
		}{1}, false},
		{"options", struct {
			A int `json:"a,omitempty,string"`
		}{1}, false},
		{"one name twice", struct {
			A int `json:"B"`
			B int
		}{1, 2}, false},
		{"a name with escapes", struct {
			A int `json:"<a>"`
		}{1}, false},
		{"a field of a slice", struct{ A []int }{[]int{1}}, false},
		{"a field of an interface", struct{ A any }{1}, false},
		{"slice", []int{1}, false},
		{"string", "tea", false},
		{"nil", nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var e Encoder
			for range 2 { // the second time with known fields
				got, ok := e.Append([]byte("x"), tt.value)
				want := "x"
				if tt.known {
					want += plain(t, tt.value)
				}
				if ok != tt.known || string(got) != want {
					t.Errorf("%s, %v, want %s, %v", got, ok, want, tt.known)
				}
			}
		})
	}
}

// TestEncoderTypes: values of several types do not disturb each other.
func TestEncoderTypes(t *testing.T) {
	var e Encoder
	for range 2 {
		for _, v := range []any{item{Item: "tea"}, struct{ A int }{1}, map[string]any{"a": "b"}, struct{ A []int }{}} {
			got, ok := e.Append(nil, v)
			if ok && string(got) != plain(t, v) {
				t.Errorf("%s, want %s", got, plain(t, v))
			}
		}
	}
}

// plain returns the JSON of encoding/json without escapes for HTML.
func plain(t *testing.T, v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSpace(b.Bytes()))
}

// FuzzAppendString: the result is JSON of the same text.
func FuzzAppendString(f *testing.F) {
	f.Add("a\x00\x1f\"\\\n\t\u2028\xff\xed\xa0\x80😀\ufffd")
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		if err := json.Unmarshal(AppendString(nil, s), &got); err != nil {
			t.Fatal(err)
		}
		if want := string([]rune(s)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

// FuzzAppendStruct: the result decodes to the same struct.
func FuzzAppendStruct(f *testing.F) {
	f.Add("a\x00\"\\\u2028", -1, uint64(1<<63), true)
	f.Fuzz(func(t *testing.T, s string, n int, large uint64, paid bool) {
		s = string([]rune(s))
		want := item{Item: s, N: n, Large: large, Paid: paid, Note: s}
		text, ok := new(Encoder).Append(nil, &want)
		var got item
		if err := json.Unmarshal(text, &got); !ok || err != nil || got != want {
			t.Errorf("%s is %+v, %v, want %+v", text, got, err, want)
		}
	})
}
