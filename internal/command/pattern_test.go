package command_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vkrouter/vk/internal/command"
)

// now is the time that arguments refer to in tests.
var now = time.Date(2026, 12, 30, 22, 30, 15, 0, time.UTC)

var builtin = command.Builtin(func(context.Context) time.Time { return now })

// lookup finds the builtin types.
func lookup(typ string) (command.Converter, bool) {
	conv, ok := builtin[typ]
	return conv, ok
}

// parse returns a pattern of builtin types.
func parse(t testing.TB, pattern string) *command.Pattern {
	t.Helper()
	p, err := command.Parse(pattern, lookup)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// ignoreConverters leaves the functions that follow from a pattern's types out.
var ignoreConverters = cmpopts.IgnoreFields(command.Param{}, "Converters")

func TestPatternGrammar(t *testing.T) {
	words := func(w ...string) (alts [][]string) {
		for _, s := range w {
			alts = append(alts, strings.Split(s, "|"))
		}
		return alts
	}
	type params = []command.Param
	tests := []struct {
		name    string
		pattern string
		words   [][]string
		params  params
	}{
		{"one word", "ping", words("ping"), nil},
		{"several words", "admin ban", words("admin", "ban"), nil},
		{"alternatives", "admin ban|kick", words("admin", "ban|kick"), nil},
		{"alternatives in front", "ban|бан user|кого", words("ban|бан", "user|кого"), nil},
		{"a word is any run", `c++ что? /start "x" a=b a:b ... 日本`, words("c++", "что?", "/start", `"x"`, "a=b", "a:b", "...", "日本"), nil},
		{"any space separates", " \ta\u00a0b\n ", words("a", "b"), nil},
		{"nothing", "", nil, nil},
		{"only a placeholder", "{x}", nil, params{{Name: "x"}}},

		{"string", "a {x}", words("a"), params{{Name: "x"}}},
		{"several placeholders", "a {x} {y}", words("a"), params{{Name: "x"}, {Name: "y"}}},
		{"names", "a {имя_2} {_} {日本}", words("a"), params{{Name: "имя_2"}, {Name: "_"}, {Name: "日本"}}},
		{"typed", "a {n:int} {f:float} {b:bool} {s:string}", words("a"), params{
			{Name: "n", Types: []string{"int"}}, {Name: "f", Types: []string{"float"}},
			{Name: "b", Types: []string{"bool"}}, {Name: "s", Types: []string{"string"}},
		}},
		{"several types", "a {x:int|bool|string}", words("a"), params{{Name: "x", Types: []string{"int", "bool", "string"}}}},
		{"rest", "a {x...}", words("a"), params{{Name: "x", Rest: true}}},
		{"typed rest", "a {x:string...}", words("a"), params{{Name: "x", Types: []string{"string"}, Rest: true}}},
		{"optional rest", "a {x...?}", words("a"), params{{Name: "x", Rest: true, Optional: true}}},
		{"rest with a default", "a {x...=none at all}", words("a"), params{{Name: "x", Rest: true, HasDefault: true, Default: "none at all"}}},
		{"list", "a {x:int...}", words("a"), params{{Name: "x", Types: []string{"int"}, List: true}}},
		{"list, then rest", "a {x:int...} {y...}", words("a"), params{{Name: "x", Types: []string{"int"}, List: true}, {Name: "y", Rest: true}}},
		{"list with a default", "a {x:int...=6}", words("a"), params{{Name: "x", Types: []string{"int"}, List: true, HasDefault: true, Default: "6"}}},
		{"optional", "a {x?}", words("a"), params{{Name: "x", Optional: true}}},
		{"optional and typed", "a {x:int?}", words("a"), params{{Name: "x", Types: []string{"int"}, Optional: true}}},

		{"default", "a {x=y}", words("a"), params{{Name: "x", HasDefault: true, Default: "y"}}},
		{"default with spaces", "a {x= y z }", words("a"), params{{Name: "x", HasDefault: true, Default: " y z "}}},
		{"default with signs", "a {x=?=:|...{}", words("a"), params{{Name: "x", HasDefault: true, Default: "?=:|...{"}}},
		{"empty default", "a {x=}", words("a"), params{{Name: "x", HasDefault: true}}},
		{"typed default", "a {x:int=-6}", words("a"), params{{Name: "x", Types: []string{"int"}, HasDefault: true, Default: "-6"}}},
		{"default of the second type", "a {x:int|bool=да}", words("a"), params{{Name: "x", Types: []string{"int", "bool"}, HasDefault: true, Default: "да"}}},
		{"quoted default", `a {x="} \"\n"}`, words("a"), params{{Name: "x", HasDefault: true, Default: "} \"\n"}}},
		{"raw quoted default", "a {x=`}\\n`}", words("a"), params{{Name: "x", HasDefault: true, Default: `}\n`}}},
		{"quoted typed default", `a {x:int="6"}`, words("a"), params{{Name: "x", Types: []string{"int"}, HasDefault: true, Default: "6"}}},
		{"a single quote is no quote", `a {x='y'}`, words("a"), params{{Name: "x", HasDefault: true, Default: "'y'"}}},

		{"longest word", strings.Repeat("w", 64), words(strings.Repeat("w", 64)), nil},
		{"longest word in Russian", strings.Repeat("я", 32), words(strings.Repeat("я", 32)), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := parse(t, tt.pattern)
			for i, p := range got.Params {
				if len(p.Converters) != len(p.Types) {
					t.Errorf("%d Converters for %q", len(p.Converters), p.Types)
				}
				if tt.params[i].Types == nil {
					tt.params[i].Types = []string{"string"}
				}
			}
			want := &command.Pattern{Words: tt.words, Params: tt.params}
			if diff := cmp.Diff(want, got, ignoreConverters); diff != "" {
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
		{"word too long", strings.Repeat("w", 65), `the word "` + strings.Repeat("w", 40) + `"… is longer than 64 bytes`},
		{"word too long in Russian", strings.Repeat("я", 33), `the word "` + strings.Repeat("я", 33) + `"… is longer than 64 bytes`},
		{"word in another encoding", "\xef\xf0\xe8\xe2\xe5\xf2", `the word "\xef\xf0\xe8\xe2\xe5\xf2" is not valid UTF-8`},
		{"too many commands", strings.Repeat("a|b ", 64), "it stands for more than 1000 commands"},
		{"one command too many", alternatives(7) + " " + alternatives(11) + " " + alternatives(13), "it stands for more than 1000 commands"},

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
		{"another library's placeholder", "a <n>", `the word "<n>" is no placeholder: write {n}`},
		{"another library's rest", "a <text...>", `the word "<text...>" is no placeholder: write {text...}`},
		{"another library's type", "a <n:int>", `the word "<n:int>" is no placeholder: write {name}`},
		{"another library's optional placeholder", "a [n]", `the word "[n]" is no placeholder: write {n?}`},
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
			p, err := command.Parse(tt.pattern, lookup)
			if err == nil {
				t.Fatalf("%q is accepted: %+v", tt.pattern, p)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("%q (-want +got):\n%s", tt.pattern, diff)
			}
		})
	}
}

// alternatives returns a word with n alternatives.
func alternatives(n int) string {
	var alts []string
	for i := range n {
		alts = append(alts, strconv.Itoa(i))
	}
	return strings.Join(alts, "|")
}

func TestPatternStandsForMostCommands(t *testing.T) {
	p := parse(t, strings.TrimSpace(strings.Repeat(alternatives(10)+" ", 3)))
	if n := len(p.Expand()); n != 1000 {
		t.Errorf("%d commands, want 1000", n)
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
			var got []string
			for _, words := range parse(t, tt.pattern).Expand() {
				got = append(got, strings.Join(words, " "))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzPattern: a pattern that is accepted can be written down and found.
func FuzzPattern(f *testing.F) {
	for _, s := range []string{
		"ping", "admin ban|kick {user} {reason...}", `x {a:int|bool="}"} {b?}`, "c++ {n:int...=6} {why...?}",
		"a {x", "a|", "{}", "a {x:}", "a\u00a0b", "\xff {\xff}", "a {x=`", strings.Repeat("a|b ", 20),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := command.Parse(s, lookup)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without words")
			}
			return
		}
		commands := p.Expand()
		if len(commands) == 0 || len(commands) > 1000 {
			t.Fatalf("%d commands", len(commands))
		}
		if len(p.Words) == 0 && len(p.Params) == 0 && strings.TrimSpace(s) != "" {
			t.Error("neither words nor placeholders")
		}
		for i, param := range p.Params {
			if param.Name == "" {
				t.Error("a placeholder without a name")
			}
			if param.Rest && i < len(p.Params)-1 {
				t.Error("a rest that is not last")
			}
			if param.HasDefault && param.Optional {
				t.Error("both optional and with a default")
			}
		}
		if len(p.Words) == 0 {
			return
		}
		again, err := command.Parse(patternText(p), lookup)
		if err != nil {
			t.Fatalf("%q is not accepted: %v", patternText(p), err)
		}
		if diff := cmp.Diff(p, again, ignoreConverters); diff != "" {
			t.Errorf("%q is another pattern (-want +got):\n%s", patternText(p), diff)
		}
		var tree command.Tree[command.Pattern]
		for _, words := range commands {
			tree.Add(words, p)
		}
		for _, words := range commands {
			for _, word := range words {
				if word == "" || len(word) > 64 {
					t.Errorf("the word %q", word)
				}
			}
			if to, rest := tree.Find(strings.Join(words, " ")); to != p || rest != "" {
				t.Errorf("%q is not found", words)
			}
		}
	})
}

// patternText writes a pattern down.
func patternText(p *command.Pattern) string {
	var parts []string
	for _, alts := range p.Words {
		parts = append(parts, strings.Join(alts, "|"))
	}
	for _, param := range p.Params {
		s := "{" + param.Name + ":" + strings.Join(param.Types, "|")
		if param.List || param.Rest {
			s += "..."
		}
		if param.Optional {
			s += "?"
		}
		if param.HasDefault {
			s += "=" + strconv.Quote(param.Default)
		}
		parts = append(parts, s+"}")
	}
	return strings.Join(parts, " ")
}
