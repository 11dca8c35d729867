package vk

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/vkrouter/vk/internal/command"
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

// TestExtraOverridesTheText: a text given by Extra does not get the formats of
// another text.
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

// FuzzFormat: every UTF-16 unit has exactly the formats of its Span.
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

// texts returns the texts of parts.
func texts(parts []part) []string {
	var l []string
	for _, p := range parts {
		l = append(l, p.text)
	}
	return l
}

func TestSplitAtPauses(t *testing.T) {
	t.Parallel()
	const family = "👨‍👩‍👧‍👦" // 11 units
	for _, tt := range []struct {
		name  string
		text  string
		limit int
		want  []string
	}{
		{"short enough", "  abc \n", 7, []string{"  abc \n"}},
		{"empty", "", 5, []string{""}},
		{"as long as the limit", "abcde", 5, []string{"abcde"}},
		{"between words", "one two three", 8, []string{"one two", "three"}},
		{"white space right behind the limit", "abcde fgh", 5, []string{"abcde", "fgh"}},
		{"a lot of white space", "abcde      fgh", 6, []string{"abcde", "fgh"}},
		{"the sentence rather than the word", "It is. So it goes on", 11, []string{"It is.", "So it goes", "on"}},
		{"the word, if the sentence is short", "No. It goes on and on", 11, []string{"No. It goes", "on and on"}},
		{"a quoted sentence", "«It is.» So it goes", 14, []string{"«It is.»", "So it goes"}},
		{"the line rather than the sentence", "It is so\nyes. And so", 15, []string{"It is so", "yes. And so"}},
		{"the paragraph rather than the line", "a b c d\n\nd e\nf g h", 14, []string{"a b c d", "d e\nf g h"}},
		{"white space of all kinds", "one \t\r\n\u2003two", 5, []string{"one", "two"}},
		{"not where a space holds words together", "it is 100\u00a0₽ now", 10, []string{"it is", "100\u00a0₽ now"}},
		{"Chinese sentences", "你好。再见了吧", 5, []string{"你好。", "再见了吧"}},
		{"a long word", "abcdefgh", 3, []string{"abc", "def", "gh"}},
		{"a long word behind a short one", "a bcdefgh", 4, []string{"a", "bcde", "fgh"}},
		{"not in a surrogate pair", "a😀b", 2, []string{"a", "😀", "b"}},
		{"units, not runes", "😀😀😀", 4, []string{"😀😀", "😀"}},
		{"not in a family", "ab" + family + family, 12, []string{"ab", family, family}},
		{"not in a flag", "🇷🇺🇩🇪🇫🇮", 7, []string{"🇷🇺", "🇩🇪", "🇫🇮"}},
		{"not in a flag of a country in a country", "ab🏴󠁧󠁢󠁥󠁮󠁧󠁿", 14, []string{"ab", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"}},
		{"not before a skin tone", "a👍🏽b", 4, []string{"a", "👍🏽", "b"}},
		{"not in a keycap", "ab1️⃣", 4, []string{"ab", "1️⃣"}},
		{"not before a variation", "ab❤️c", 3, []string{"ab", "❤️c"}},
		{"not before an accent", "abe\u0301c", 3, []string{"ab", "e\u0301c"}},
		{"not in a Korean syllable", "\u1112\u1161\u11ab\u1100\u1173\u11af", 4, []string{"\u1112\u1161\u11ab", "\u1100\u1173\u11af"}},
		{"not before the end of a Korean syllable", "a\u1112\u1161\u11ab", 3, []string{"a", "\u1112\u1161\u11ab"}},
		{"not in a line break", "ab\r\ncd", 3, []string{"ab", "cd"}},
		{"one character that is too long itself", "a" + strings.Repeat("\u0301", 7), 3, []string{"a\u0301\u0301", "\u0301\u0301\u0301", "\u0301\u0301"}},
		{"not in a mention", "Hello, [id1|Anna Bell] there", 20, []string{"Hello,", "[id1|Anna Bell]", "there"}},
		{"not in a mention with brackets", "Hello, @id1 (Anna Bell) you", 18, []string{"Hello,", "@id1 (Anna Bell)", "you"}},
		{"a mention that is too long itself", "[id1|Anna Bell]", 8, []string{"[id1|Ann", "a Bell]"}},
		{"not in a character of such a mention", "[id1|abe\u0301cd]", 8, []string{"[id1|ab", "e\u0301cd]"}},
		{"only white space", strings.Repeat(" ", 20), 5, []string{""}},
		{"white space, then text", strings.Repeat(" ", 20) + "abc", 5, []string{"abc"}},
		{"bytes that are no text", "a\xff\xffb", 2, []string{"a\xff", "\xffb"}},
		{"a limit that fits nothing", "😀b", 0, []string{"😀", "b"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, texts(splitText(tt.text, nil, tt.limit))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// show writes a part with its formats as tags.
func show(p part) string {
	var b strings.Builder
	done := 0
	for _, sp := range p.spans {
		tags := ""
		if sp.format.Bold {
			tags += "b"
		}
		if sp.format.Italic {
			tags += "i"
		}
		b.WriteString(p.text[done:sp.start] + "<" + tags + sp.format.URL + ":" + p.text[sp.start:sp.end] + ">")
		done = sp.end
	}
	return b.String() + p.text[done:]
}

// compose combines spans as Send does.
func compose(spans ...Span) part {
	var o outgoing
	for _, s := range spans {
		s.apply(&o)
	}
	return part{o.text, o.spans}
}

func TestSplitKeepsFormats(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		spans []Span
		limit int
		want  []string
	}{
		{"moved with their text", []Span{Plain("one two "), Bold("three"), Plain(" four")}, 10, []string{"one two", "<b:three> four"}},
		{"whole, though a word would fit", []Span{Plain("one "), Bold("two three"), Plain(" four")}, 10, []string{"one", "<b:two three>", "four"}},
		{"white space inside of one may be cut", []Span{Bold("one "), Italic(" two"), Plain(" 3")}, 5, []string{"<b:one>", "<i:two> 3"}},
		{"white space at the end of one too", []Span{Plain("x "), Bold("yy "), Plain("zzz")}, 7, []string{"x <b:yy>", "zzz"}},
		{"cut and continued, if too long itself", []Span{Plain("a "), Bold("one two three")}, 9, []string{"a <b:one two>", "<b:three>"}},
		{"side by side", []Span{Bold("one"), Italic("two"), {Text: "three", Bold: true, Italic: true}}, 7, []string{"<b:one><i:two>", "<bi:three>"}},
		{"with a mention that goes on behind it", []Span{Bold("aaa [id1|A"), Plain("nna] b")}, 10, []string{"<b:aaa>", "<b:[id1|A>nna]", "b"}},
		{"with a mention in it", []Span{Plain("Dear "), Bold("[id1|Anna Bell] and you"), Plain(".")}, 18, []string{"Dear", "<b:[id1|Anna Bell]>", "<b:and you>."}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			whole := compose(tt.spans...)
			var got []string
			for _, p := range splitText(whole.text, whole.spans, tt.limit) {
				got = append(got, show(p))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzSplit: for any text, each part fits, only white space is lost, and every
// character keeps its format.
func FuzzSplit(f *testing.F) {
	f.Add("It is.\n\nSo it goes 😀 on", uint8(5), uint8(9), uint8(7))
	f.Add("[id1|Anna Bell] and @id1 (Anna) 👨\u200d👩\u200d👧", uint8(0), uint8(12), uint8(9))
	f.Add("\xff\xfe  🇷🇺🇩🇪\r\n\u0301e\u0301", uint8(3), uint8(4), uint8(3))
	f.Fuzz(func(t *testing.T, text string, from, length, limit uint8) {
		start := min(int(from), len(text))
		end := min(start+int(length), len(text))
		mid := (start + end) / 2
		whole := part{text: text}
		for _, sp := range []span{{start, mid, Span{Bold: true}}, {mid, end, Span{Italic: true}}} {
			if sp.start < sp.end {
				whole.spans = append(whole.spans, sp)
			}
		}
		formats := func(p part, i int) (f Span) {
			for _, sp := range p.spans {
				if sp.start <= i && i < sp.end {
					f = sp.format
				}
			}
			return f
		}
		most := max(int(limit), 2)
		parts := splitText(text, whole.spans, int(limit))
		at := 0
		for i, p := range parts {
			n := 0
			for _, r := range p.text {
				n += utf16.RuneLen(r)
			}
			if n > most {
				t.Fatalf("part %d %q has %d units, the limit is %d", i, p.text, n, most)
			}
			for !strings.HasPrefix(text[at:], p.text) || i > 0 && p.text != "" && command.StartsWithSpace(text[at:]) && !command.StartsWithSpace(p.text) {
				r, size := utf8.DecodeRuneInString(text[at:])
				if !isPause(r) || size == 0 {
					t.Fatalf("part %d %q is not next in %q", i, p.text, text[at:])
				}
				at += size
			}
			for j := range len(p.text) {
				if got, want := formats(p, j), formats(whole, at+j); got != want {
					t.Fatalf("part %d %q: byte %d is %+v, was %+v", i, p.text, j, got, want)
				}
			}
			at += len(p.text)
			if i < len(parts)-1 && utf8.ValidString(text) && !utf8.ValidString(p.text) {
				t.Fatalf("part %d %q ends in a character", i, p.text)
			}
		}
		if strings.TrimFunc(text[at:], isPause) != "" {
			t.Fatalf("%q is lost", text[at:])
		}
	})
}

// TestSplitHostileTexts: a text made to slow down the splitter takes no longer
// than its length allows. Without the limit, it would take minutes.
func TestSplitHostileTexts(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{"[", "@", "*a (", "[a|", "[id1|", " ", "\u200d", "🇷", "\u0301", ")", "a ", "https://vk.com/a?", "\n"} {
		text := strings.Repeat(unit, 1<<18/len(unit))
		n := 0
		for _, p := range splitText(text, nil, 4096) {
			n += len(p.text)
		}
		if n == 0 && strings.TrimSpace(unit) != "" {
			t.Errorf("%q: nothing is left", unit)
		}
	}
}
