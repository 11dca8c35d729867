package vk

import (
	"encoding/json"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestFormatData(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		spans []Span
		text  string
		want  string
	}{
		{"none", []Span{Plain("a"), Bold(""), Plain("b")}, "ab", ""},
		{"one", []Span{Plain("Total: "), Bold("100 ₽")}, "Total: 100 ₽", `{"version":1,"items":[{"type":"bold","offset":7,"length":5}]}`},
		{"behind and over emoji", []Span{Plain("👨‍👩‍👧 "), Italic("a😀b"), Underline("я")}, "👨‍👩‍👧 a😀bя",
			`{"version":1,"items":[{"type":"italic","offset":9,"length":4},{"type":"underline","offset":13,"length":1}]}`},
		{"a link", []Span{Link("pay", `https://vk.com/"pay"?a&b`)}, "pay", `{"version":1,"items":[{"type":"url","offset":0,"length":3,"url":"https://vk.com/\"pay\"?a&b"}]}`},
		{"a link to nowhere", []Span{Link("pay", "")}, "pay", ""},
		{"several at once", []Span{{Text: "a", Bold: true, Italic: true, Underline: true, URL: "x"}}, "a",
			`{"version":1,"items":[{"type":"bold","offset":0,"length":1},{"type":"italic","offset":0,"length":1},{"type":"underline","offset":0,"length":1},{"type":"url","offset":0,"length":1,"url":"x"}]}`},
		{"neighbours become one", []Span{Bold("a"), {Text: "b", Bold: true, Italic: true}, Italic("c"), Plain("d"), Italic("e")}, "abcde",
			`{"version":1,"items":[{"type":"bold","offset":0,"length":2},{"type":"italic","offset":1,"length":2},{"type":"italic","offset":4,"length":1}]}`},
		{"neighbours with other links do not", []Span{Link("a", "x"), Link("b", "x"), Link("c", "y")}, "abc",
			`{"version":1,"items":[{"type":"url","offset":0,"length":2,"url":"x"},{"type":"url","offset":2,"length":1,"url":"y"}]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			params := make(Params)
			compose(tt.spans...).setIn(params)
			want := Params{"message": tt.text}
			if tt.want != "" {
				want["format_data"] = tt.want
			}
			if diff := cmp.Diff(want, params); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestExtraOverridesTheText: an Extra's text is not given the formats of
// another.
func TestExtraOverridesTheText(t *testing.T) {
	t.Parallel()
	params := Params{"message": "other"}
	compose(Bold("text")).setIn(params)
	if diff := cmp.Diff(Params{"message": "other"}, params); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	params = Params{"format_data": "x"}
	compose(Bold("text")).setIn(params)
	if diff := cmp.Diff(Params{"message": "text", "format_data": "x"}, params); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// FuzzFormat: every UTF-16 unit has the formats that its Span gave it, and no
// other.
func FuzzFormat(f *testing.F) {
	f.Add("a😀b", "", "👨\u200d👩", uint16(0b1001_0110_1111))
	f.Add("\xff", "я", "\U0010ffff", uint16(0b0001_0001_0001))
	f.Fuzz(func(t *testing.T, a, b, c string, formats uint16) {
		var spans []Span
		var want [][4]bool // of each unit
		for i, text := range []string{a, b, c} {
			bits := formats >> (4 * i)
			has := [4]bool{bits&1 != 0, bits&2 != 0, bits&4 != 0, bits&8 != 0}
			s := Span{Text: text, Bold: has[0], Italic: has[1], Underline: has[2]}
			if has[3] {
				s.URL = "https://vk.com"
			}
			spans = append(spans, s)
			for range utf16.Encode([]rune(text)) {
				want = append(want, has)
			}
		}
		whole := compose(spans...)
		if !utf8.ValidString(a) || !utf8.ValidString(b) || !utf8.ValidString(c) {
			t.Skip()
		}
		var data struct {
			Version int
			Items   []struct {
				Type, URL      string
				Offset, Length int
			}
		}
		if err := json.Unmarshal(whole.formatData(), &data); err != nil || data.Version != 1 {
			t.Fatalf("%s: %v", whole.formatData(), err)
		}
		got := make([][4]bool, len(want))
		for _, it := range data.Items {
			if it.Length <= 0 || it.Offset < 0 || it.Offset+it.Length > len(got) || (it.Type == "url") != (it.URL != "") {
				t.Fatalf("%+v", it)
			}
			for i := it.Offset; i < it.Offset+it.Length; i++ {
				for kind, name := range formatNames {
					if name == it.Type {
						got[i][kind] = true
					}
				}
			}
		}
		if diff := cmp.Diff(want, got); len(want) > 0 && diff != "" {
			t.Errorf("%s (-want +got):\n%s", whole.formatData(), diff)
		}
	})
}
