package vk

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ignoreConvs leaves the functions that follow from a pattern's types out.
var ignoreConvs = cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".convs" }, cmp.Ignore())

func TestPatternGrammar(t *testing.T) {
	words := func(w ...string) (alts [][]string) {
		for _, s := range w {
			alts = append(alts, strings.Split(s, "|"))
		}
		return alts
	}
	tests := []struct {
		name    string
		pattern string
		want    pattern
	}{
		{"one word", "ping", pattern{words: words("ping")}},
		{"several words", "admin ban", pattern{words: words("admin", "ban")}},
		{"alternatives", "admin ban|kick", pattern{words: words("admin", "ban|kick")}},
		{"alternatives in front", "ban|бан user|кого", pattern{words: words("ban|бан", "user|кого")}},
		{"a word is any run", `c++ что? /start "x" a=b a:b ... 日本`, pattern{words: words("c++", "что?", "/start", `"x"`, "a=b", "a:b", "...", "日本")}},
		{"any space separates", " \ta\u00a0b\n ", pattern{words: words("a", "b")}},
		{"nothing", "", pattern{}},
		{"only a placeholder", "{x}", pattern{params: []param{{name: "x"}}}},

		{"string", "a {x}", pattern{words("a"), []param{{name: "x"}}}},
		{"several placeholders", "a {x} {y}", pattern{words("a"), []param{{name: "x"}, {name: "y"}}}},
		{"names", "a {имя_2} {_} {日本}", pattern{words("a"), []param{{name: "имя_2"}, {name: "_"}, {name: "日本"}}}},
		{"typed", "a {n:int} {f:float} {b:bool} {s:string}", pattern{words("a"), []param{
			{name: "n", types: []string{"int"}}, {name: "f", types: []string{"float"}},
			{name: "b", types: []string{"bool"}}, {name: "s", types: []string{"string"}},
		}}},
		{"several types", "a {x:int|bool|string}", pattern{words("a"), []param{{name: "x", types: []string{"int", "bool", "string"}}}}},
		{"rest", "a {x...}", pattern{words("a"), []param{{name: "x", list: true}}}},
		{"typed rest", "a {x:string...}", pattern{words("a"), []param{{name: "x", types: []string{"string"}, list: true}}}},
		{"optional rest", "a {x...?}", pattern{words("a"), []param{{name: "x", list: true, optional: true}}}},
		{"rest with a default", "a {x...=none at all}", pattern{words("a"), []param{{name: "x", list: true, hasDef: true, def: "none at all"}}}},
		{"list", "a {x:int...}", pattern{words("a"), []param{{name: "x", types: []string{"int"}, list: true}}}},
		{"list, then rest", "a {x:int...} {y...}", pattern{words("a"), []param{{name: "x", types: []string{"int"}, list: true}, {name: "y", list: true}}}},
		{"list with a default", "a {x:int...=6}", pattern{words("a"), []param{{name: "x", types: []string{"int"}, list: true, hasDef: true, def: "6"}}}},
		{"optional", "a {x?}", pattern{words("a"), []param{{name: "x", optional: true}}}},
		{"optional and typed", "a {x:int?}", pattern{words("a"), []param{{name: "x", types: []string{"int"}, optional: true}}}},

		{"default", "a {x=y}", pattern{words("a"), []param{{name: "x", hasDef: true, def: "y"}}}},
		{"default with spaces", "a {x= y z }", pattern{words("a"), []param{{name: "x", hasDef: true, def: " y z "}}}},
		{"default with signs", "a {x=?=:|...{}", pattern{words("a"), []param{{name: "x", hasDef: true, def: "?=:|...{"}}}},
		{"empty default", "a {x=}", pattern{words("a"), []param{{name: "x", hasDef: true}}}},
		{"typed default", "a {x:int=-6}", pattern{words("a"), []param{{name: "x", types: []string{"int"}, hasDef: true, def: "-6"}}}},
		{"default of the second type", "a {x:int|bool=да}", pattern{words("a"), []param{{name: "x", types: []string{"int", "bool"}, hasDef: true, def: "да"}}}},
		{"quoted default", `a {x="} \"\n"}`, pattern{words("a"), []param{{name: "x", hasDef: true, def: "} \"\n"}}}},
		{"raw quoted default", "a {x=`}\\n`}", pattern{words("a"), []param{{name: "x", hasDef: true, def: `}\n`}}}},
		{"quoted typed default", `a {x:int="6"}`, pattern{words("a"), []param{{name: "x", types: []string{"int"}, hasDef: true, def: "6"}}}},
		{"a single quote is no quote", `a {x='y'}`, pattern{words("a"), []param{{name: "x", hasDef: true, def: "'y'"}}}},

		{"longest word", strings.Repeat("w", 64), pattern{words: words(strings.Repeat("w", 64))}},
		{"longest word in Russian", strings.Repeat("я", 32), pattern{words: words(strings.Repeat("я", 32))}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parsePattern(tt.pattern)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&tt.want, got, cmp.AllowUnexported(pattern{}, param{}), ignoreConvs); diff != "" {
				t.Errorf("%q (-want +got):\n%s", tt.pattern, diff)
			}
		})
	}
}

func TestPatternErrorNamesWhatIsWrong(t *testing.T) {
	tests := []struct {
		name    string
		pattern string
		want    string
	}{
		{"word behind a placeholder", "a {x} b", `the word "b" stands behind a placeholder`},
		{"opening brace in a word", "a{x}", `the word "a{x}" has a brace in it`},
		{"closing brace in a word", "a}", `the word "a}" has a brace in it`},
		{"empty alternative", "a|", `the word "a|" has an empty alternative`},
		{"empty first alternative", "|a", `the word "|a" has an empty alternative`},
		{"nothing but a bar", "a | b", `the word "|" has an empty alternative`},
		{"alternative twice", "a|b|a", `the word "a|b|a" has the alternative "a" twice`},
		{"word too long", strings.Repeat("w", 65), `the word "` + strings.Repeat("w", 65) + `" is longer than 64 bytes`},
		{"word too long in Russian", strings.Repeat("я", 33), `the word "` + strings.Repeat("я", 33) + `" is longer than 64 bytes`},
		{"too many commands", strings.Repeat("a|b ", 64), "it stands for more than 1000 commands"},

		{"open", "a {x", `the placeholder "{x" is not closed`},
		{"open behind a type", "a {x:int", `the placeholder "{x:int" is not closed`},
		{"open behind dots", "a {x...", `the placeholder "{x..." is not closed`},
		{"open behind a default", "a {x=6", `the placeholder "{x=6" is not closed`},
		{"open behind a quoted default", `a {x="6"`, `the placeholder "{x=\"6\"" is not closed`},
		{"only a brace", "a {", `the placeholder "{" is not closed`},
		{"no name", "a {}", `the placeholder "{}" has no name: a name begins with a letter`},
		{"no name but a type", "a {:int}", `the placeholder "{:int}" has no name: a name begins with a letter`},
		{"space before the name", "a { x}", `the placeholder "{ x}" has no name: a name begins with a letter`},
		{"name begins with a digit", "a {1x}", `the placeholder "{1x}" has no name: a name begins with a letter`},
		{"name with a dash", "a {x-y}", `the placeholder "{x-y}" has "-y" where its end should be`},
		{"space behind the name", "a {x }", `the placeholder "{x }" has " " where its end should be`},
		{"unknown type", "a {x:size} {y}", `the placeholder "{x:size}" has the unknown type "size"`},
		{"no type", "a {x:}", `the placeholder "{x:}" has the unknown type ""`},
		{"no second type", "a {x:int|}", `the placeholder "{x:int|}" has the unknown type ""`},
		{"type in capitals", "a {x:Int}", `the placeholder "{x:Int}" has the unknown type "Int"`},
		{"type that is never reached", "a {x:string|int}", `the placeholder "{x:string|int}" has the type int behind string, which takes every word`},
		{"too few dots", "a {x..}", `the placeholder "{x..}" has ".." where its end should be`},
		{"optional before dots", "a {x?...}", `the placeholder "{x?...}" has "..." where its end should be`},
		{"optional with a default", "a {x?=6}", `the placeholder "{x?=6}" has "=6" where its end should be`},
		{"text behind a quoted default", `a {x="6"7}`, `the placeholder "{x=\"6\"7}" has "7" where its end should be`},
		{"default of another type", "a {x:int=six}", `the placeholder "{x:int=six}" has a default that is not int`},
		{"default of neither type", "a {x:int|bool=six}", `the placeholder "{x:int|bool=six}" has a default that is not int|bool`},
		{"empty default of another type", "a {x:int=}", `the placeholder "{x:int=}" has a default that is not int`},
		{"default of a list of two", "a {x:int...=1 2}", `the placeholder "{x:int...=1 2}" has a default that is not int`},
		{"quotes that do not match", `a {x="6}`, `the placeholder "{x=\"6}" has a default whose quotes do not match`},
		{"no space between placeholders", "a {x}{y}", "there is no space behind {x}"},
		{"no space before a word", "a {x}b", "there is no space behind {x}"},
		{"name twice", "a {x} {x:int}", `two placeholders are named "x"`},
		{"behind a rest", "a {x...} {y}", "{y} stands behind {x...}, which takes the rest"},
		{"behind a typed rest", "a {x:string...} {y}", "{y} stands behind {x...}, which takes the rest"},
		{"long placeholders are cut", "a {" + strings.Repeat("я", 50) + "-}", `the placeholder "{` + strings.Repeat("я", 39) + `" has "-" where its end should be`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := parsePattern(tt.pattern)
			if err == nil {
				t.Fatalf("%q is accepted: %+v", tt.pattern, p)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("%q (-want +got):\n%s", tt.pattern, diff)
			}
		})
	}
}

func TestPatternExpand(t *testing.T) {
	tests := []struct {
		pattern string
		want    []string
	}{
		{"", []string{""}},
		{"a", []string{"a"}},
		{"a b", []string{"a b"}},
		{"a|b", []string{"a", "b"}},
		{"a b|c {x}", []string{"a b", "a c"}},
		{"a|b c|d|e", []string{"a c", "a d", "a e", "b c", "b d", "b e"}},
		{"a b c|d e f|g", []string{"a b c e f", "a b c e g", "a b d e f", "a b d e g"}},
		{"a b c d e|f", []string{"a b c d e", "a b c d f"}},
		{"a b c d|e", []string{"a b c d", "a b c e"}},
		{"a|b c d|e", []string{"a c d", "a c e", "b c d", "b c e"}},
	}
	for _, tt := range tests {
		t.Run(tt.pattern, func(t *testing.T) {
			p, err := parsePattern(tt.pattern)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, words := range p.expand() {
				got = append(got, strings.Join(words, " "))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestConvert(t *testing.T) {
	tests := []struct {
		types string
		text  string
		want  any // nil: ErrArgType
	}{
		{"", "x", "x"},
		{"", "", ""},
		{"string", "5", "5"},

		{"int", "5", int64(5)},
		{"int", "-5", int64(-5)},
		{"int", "+5", int64(5)},
		{"int", "007", int64(7)},
		{"int", "", nil},
		{"int", "5.0", nil},
		{"int", "0x5", nil},
		{"int", "1_000", nil},
		{"int", "99999999999999999999", nil},
		{"int", "٥", nil},

		{"float", "1.5", 1.5},
		{"float", "1,5", 1.5},
		{"float", "-.5", -.5},
		{"float", "2e3", 2000.0},
		{"float", "5", 5.0},
		{"float", "1,000.5", nil},
		{"float", "1,2,3", nil},
		{"float", "NaN", nil},
		{"float", "inf", nil},
		{"float", "Infinity", nil},
		{"float", "0x1p4", nil},
		{"float", "1_0", nil},
		{"float", "1e999", nil},
		{"float", "", nil},

		{"bool", "maybe", nil},
		{"bool", "", nil},
		{"bool", "2", nil},

		{"int|bool", "0", int64(0)}, // the first that takes it
		{"bool|int", "0", false},
		{"int|bool", "да", true},
		{"int|bool", "zzz", nil},
		{"int|float", "1,5", 1.5},
		{"int|string", "5", int64(5)},
		{"int|string", "five", "five"},
	}
	for _, s := range strings.Fields("yes y true t 1 enable on да включить правда YES Да ПРАВДА") {
		tests = append(tests, struct {
			types, text string
			want        any
		}{"bool", s, true})
	}
	for _, s := range strings.Fields("no n false f 0 disable off нет выключить ложь No НЕТ") {
		tests = append(tests, struct {
			types, text string
			want        any
		}{"bool", s, false})
	}
	for _, tt := range tests {
		t.Run(tt.types+" "+strconv.Quote(tt.text), func(t *testing.T) {
			pattern := "{x}"
			if tt.types != "" {
				pattern = "{x:" + tt.types + "}"
			}
			parsed, err := parsePattern(pattern)
			if err != nil {
				t.Fatal(err)
			}
			got, err := parsed.params[0].convert(nil, tt.text)
			if err != nil && !errors.Is(err, ErrArgType) {
				t.Error(err)
			}
			if (err != nil) != (tt.want == nil) || got != tt.want {
				t.Errorf("%#v, %v, want %#v", got, err, tt.want)
			}
		})
	}
}

// FuzzPattern: what is accepted can be registered and found.
func FuzzPattern(f *testing.F) {
	for _, s := range []string{
		"ping", "admin ban|kick {user} {reason...}", `x {a:int|bool="}"} {b?}`, "c++ {n:int...=6} {why...?}",
		"a {x", "a|", "{}", "a {x:}", "a\u00a0b", "\xff {\xff}", "a {x=`", strings.Repeat("a|b ", 20),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePattern(s)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without words")
			}
			return
		}
		commands := p.expand()
		if len(commands) == 0 || len(commands) > maxCommands {
			t.Fatalf("%d commands", len(commands))
		}
		if len(p.words) == 0 && len(p.params) == 0 && trimLeft(s) != "" {
			t.Error("neither words nor placeholders")
		}
		for i, param := range p.params {
			if param.name == "" {
				t.Error("a placeholder without a name")
			}
			if param.rest() && i < len(p.params)-1 {
				t.Error("a rest that is not last")
			}
			if param.hasDef && param.optional {
				t.Error("both optional and with a default")
			}
		}
		if len(p.words) == 0 {
			return
		}
		again, err := parsePattern(patternText(p))
		if err != nil {
			t.Fatalf("%q is not accepted: %v", patternText(p), err)
		}
		if diff := cmp.Diff(p, again, cmp.AllowUnexported(pattern{}, param{}), ignoreConvs); diff != "" {
			t.Errorf("%q is another pattern (-want +got):\n%s", patternText(p), diff)
		}
		r := new(Router)
		r.Handle(s, func(*Context) error { return nil })
		table := r.compile()
		for _, words := range commands {
			for _, word := range words {
				if word == "" || len(word) > maxWord {
					t.Errorf("the word %q", word)
				}
			}
			if to, rest := table.find(strings.Join(words, " ")); to == nil || rest != "" {
				t.Errorf("%q is not found", words)
			}
		}
	})
}

// patternText writes a pattern down.
func patternText(p *pattern) string {
	var parts []string
	for _, alts := range p.words {
		parts = append(parts, strings.Join(alts, "|"))
	}
	for _, param := range p.params {
		s := "{" + param.name
		if param.types != nil {
			s += ":" + strings.Join(param.types, "|")
		}
		if param.list {
			s += "..."
		}
		if param.optional {
			s += "?"
		}
		if param.hasDef {
			s += "=" + strconv.Quote(param.def)
		}
		parts = append(parts, s+"}")
	}
	return strings.Join(parts, " ")
}
