package command_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vkrouter/vk/internal/command"
)

// read returns the arguments of a line by a pattern of builtin types.
func read(t testing.TB, pattern, line string) ([]command.Argument, error) {
	t.Helper()
	return command.Reader{}.Read(parse(t, pattern).Params, line)
}

// Every way in which placeholders get their arguments.
func TestArguments(t *testing.T) {
	type vals []any // one for each placeholder; nil: not given
	list := func(v ...any) []any { return v }
	tests := []struct {
		name    string
		pattern string
		line    string
		want    any // vals or an ArgError
	}{
		{"none", "", "", vals{}},
		{"none, and space behind", "", " \n", vals{}},
		{"one word", "{a}", " x", vals{"x"}},
		{"quoted", "{a} {b}", ` "x y" «z»`, vals{"x y", "z"}},
		{"any space separates", "{a} {b}", "\n x\u00a0\ty\n", vals{"x", "y"}},
		{"empty, in quotes", "{a}", ` ""`, vals{""}},
		{"converted", "{n:int} {f:float} {b:bool}", " 5 1,5 да", vals{int64(5), 1.5, true}},
		{"converted from quotes", "{n:int}", ` "5"`, vals{int64(5)}},
		{"missing", "{a}", "", command.ArgError{Name: "a", Want: "string", Err: command.ErrMissing}},
		{"missing, but for space", "{a}", "  ", command.ArgError{Name: "a", Want: "string", Err: command.ErrMissing}},
		{"second one missing", "{a} {n:int|bool}", " x", command.ArgError{Name: "n", Want: "int|bool", Err: command.ErrMissing}},
		{"of another type", "{a} {n:int}", " x six y", command.ArgError{Name: "n", Want: "int", Value: "six", Err: command.ErrType}},
		{"empty, of another type", "{n:int}", ` ""`, command.ArgError{Name: "n", Want: "int", Err: command.ErrType}},
		{"left over", "{a}", " x y  z ", command.ArgError{Value: "y  z", Err: command.ErrExtra}},
		{"left over where nothing is taken", "", " x", command.ArgError{Value: "x", Err: command.ErrExtra}},
		{"space left over is nothing", "{a}", " x  ", vals{"x"}},
		{"bad quotes", "{a} {b}", ` x "y z `, command.ArgError{Name: "b", Want: "string", Value: `"y z`, Err: command.ErrBadQuote}},
		{"bad quotes left over", "{a}", ` x "y z`, command.ArgError{Value: `"y z`, Err: command.ErrExtra}},

		{"optional and given", "{a:int?} {b=def}", " 5 x", vals{int64(5), "x"}},
		{"optional gives the word back", "{a:int?} {b=def}", " x", vals{nil, "x"}},
		{"optional at the end of the text", "{a:int?} {b=def}", "", vals{nil, "def"}},
		{"all optional", "{a:int?} {b:bool?} {c?}", " x", vals{nil, nil, "x"}},
		{"optional gives back to a required one", "{a:int?} {b:bool}", " x", command.ArgError{Name: "b", Want: "bool", Value: "x", Err: command.ErrType}},
		{"optional string takes every word", "{a?} {b:int?}", " 5", vals{"5", nil}},
		{"optional gives back a quoted word", `{a:int?} {b}`, ` "x y"`, vals{nil, "x y"}},
		{"optional gives back bad quotes", "{a:int?} {b...}", ` "x y`, vals{nil, `"x y`}},
		{"what was given back and is left over", "{a:int?}", " six", command.ArgError{Name: "a", Want: "int", Value: "six", Err: command.ErrType}},
		{"what was given back first", "{a:int?} {b:bool?}", " six", command.ArgError{Name: "a", Want: "int", Value: "six", Err: command.ErrType}},
		{"what was left over behind it", "{a:int?} {b}", " six x", command.ArgError{Value: "x", Err: command.ErrExtra}},
		{"bad quotes given back and left over", "{a?}", ` "six`, command.ArgError{Name: "a", Want: "string", Value: `"six`, Err: command.ErrBadQuote}},

		{"default", "{a=3} {b=x y}", "", vals{"3", "x y"}},
		{"typed default", "{a:int=3} {b:bool=да}", " 4", vals{int64(4), true}},
		{"default does not give the word back", "{a:int=3} {b?}", " x", command.ArgError{Name: "a", Want: "int", Value: "x", Err: command.ErrType}},

		{"first type", "{a:int|bool}", " 0", vals{int64(0)}},
		{"second type", "{a:int|bool}", " да", vals{true}},
		{"neither type", "{a:int|bool}", " zzz", command.ArgError{Name: "a", Want: "int|bool", Value: "zzz", Err: command.ErrType}},

		{"rest keeps quotes", "{a...}", `  "a b" c `, vals{`"a b" c`}},
		{"rest keeps spaces", "{a} {b...}", " x  y \n z\n", vals{"x", "y \n z"}},
		{"rest keeps bad quotes and backslashes", "{a...}", ` it"s \" 5`, vals{`it"s \" 5`}},
		{"typed rest", "{a:string...}", " x y", vals{"x y"}},
		{"rest missing", "{a...}", " ", command.ArgError{Name: "a", Want: "string", Err: command.ErrMissing}},
		{"optional rest", "{a...?}", " ", vals{nil}},
		{"rest with a default", "{a...=none at all}", "", vals{"none at all"}},

		{"list, then rest", "{a:int...?} {b...=none}", " 1 2 3 hello w", vals{list(int64(1), int64(2), int64(3)), "hello w"}},
		{"empty list, then rest", "{a:int...?} {b...=none}", " hello", vals{nil, "hello"}},
		{"empty list and rest", "{a:int...?} {b...=none}", "", vals{nil, "none"}},
		{"list of one", "{a:int...}", " 1", vals{list(int64(1))}},
		{"list missing", "{a:int...}", "", command.ArgError{Name: "a", Want: "int", Err: command.ErrMissing}},
		{"nothing for a list", "{a:int...}", " x 1", command.ArgError{Name: "a", Want: "int", Value: "x", Err: command.ErrType}},
		{"list to a word that is none", "{a:int...}", " 1 2 x", command.ArgError{Name: "a", Want: "int", Value: "x", Err: command.ErrType}},
		{"list to a word that the next takes", "{a:int...} {b}", " 1 2 x y", command.ArgError{Value: "y", Err: command.ErrExtra}},
		{"list to bad quotes", "{a:int...} {b...}", ` 1 "2`, vals{list(int64(1)), `"2`}},
		{"list with a default", "{a:int...=6} {b?}", "", vals{list(int64(6)), nil}},
		{"list with a default gives the word back", "{a:int...=6} {b?}", " x", vals{list(int64(6)), "x"}},
		{"list of two types", "{a:int|bool...}", " 1 да 0", vals{list(int64(1), true, int64(0))}},
		{"list of quoted words", "{a:int|string...}", ` 1 "x y" z`, vals{list(int64(1), "x y", "z")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args, err := read(t, tt.pattern, tt.line)
			if wrong, ok := err.(*command.ArgError); ok {
				if diff := cmp.Diff(tt.want, any(*wrong), cmp.Comparer(func(a, b error) bool { return errors.Is(a, b) || errors.Is(b, a) })); diff != "" {
					t.Errorf("%s, %q (-want +got):\n%s", tt.pattern, tt.line, diff)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := vals{}
			for _, v := range args {
				got = append(got, v.Value)
			}
			if diff := cmp.Diff(tt.want, any(got)); diff != "" {
				t.Errorf("%s, %q (-want +got):\n%s", tt.pattern, tt.line, diff)
			}
		})
	}
}

// The cost of a line is that of its length, however many words it has: this
// one would take minutes if each word cost all of it.
func TestArgumentsCostIsLinear(t *testing.T) {
	for _, word := range []string{"1 ", `"1" `, `\“ `, "’ "} {
		args, err := read(t, "{a:int|bool|string...}", strings.Repeat(word, 50_000))
		if err != nil || len(args[0].Value.([]any)) != 50_000 {
			t.Error(word, err)
		}
	}
	if _, err := read(t, "{a:int|bool|string...}", strings.Repeat(`"1 `, 50_001)); err == nil {
		t.Error("bad quotes are taken")
	}
}

func TestArgumentText(t *testing.T) {
	for _, tt := range []struct {
		name, pattern, line string
		want                []string
	}{
		{"without its marks", "{x} {y:int}", ` "b c" 007`, []string{"b c", "007"}},
		{"left out, or a default", "{x?} {y=d e} {z...?}", "", []string{"", "d e", ""}},
		{"list as it was written", "{x:int...} {y...}", ` 1  02 "b"  c `, []string{"1  02", `"b"  c`}},
		{"list of a default", "{x:int...=6}", "", []string{"6"}},
		{"several words of one type", "{x:duration} {y}", "2  дня z", []string{"2  дня", "z"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args, err := read(t, tt.pattern, tt.line)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, arg := range args {
				got = append(got, arg.Text)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestReaderIgnoresExtra(t *testing.T) {
	for _, tt := range []struct {
		pattern, line string
		want          string // text of x; "!" for an ArgError
	}{
		{"{x}", "1 please", "1"},
		{"{x}", `1 "please`, "1"},
		{"{x:int?}", "please", ""},
		{"{x:int...}", "1 2 please", "1 2"},
		{"{x:int...=6}", "please", "6"},
		{"{x:int}", "please", "!"},
		{"{x}", "", "!"},
	} {
		t.Run(tt.pattern+" "+tt.line, func(t *testing.T) {
			got := "!"
			args, err := command.Reader{IgnoreExtra: true}.Read(parse(t, tt.pattern).Params, tt.line)
			if err == nil {
				got = args[0].Text
			}
			var wrong *command.ArgError
			if got != tt.want || errors.As(err, &wrong) != (tt.want == "!") {
				t.Errorf("%q, %v, want %q", got, err, tt.want)
			}
		})
	}
	if args, err := (command.Reader{IgnoreExtra: true}).Read(nil, "please"); len(args) != 0 || err != nil {
		t.Error(args, err)
	}
}

func TestArgErrorText(t *testing.T) {
	for _, tt := range []struct{ pattern, line, want string }{
		{"{n:int}", "", "n: is missing"},
		{"{n:int}", "six", `n: "six" is of another type`},
		{"{n:int}", "99999999999999999999", `n: "99999999999999999999" is of another type: out of range`},
		{"{n:int|bool}", "six", `n: "six" is of another type than int|bool`},
		{"{n}", "a b", `"b" is left over`},
		{"{n}", `"a`, `n: "\"a" has the quotation mark ", but not the one that closes it`},
		{"{n:int}", strings.Repeat("я", 50), `n: "` + strings.Repeat("я", 39) + `…`},
	} {
		t.Run(tt.pattern+" "+tt.line, func(t *testing.T) {
			_, err := read(t, tt.pattern, tt.line)
			want, cut := strings.CutSuffix(tt.want, "…")
			if err == nil || err.Error() != want && !(cut && strings.HasPrefix(err.Error(), want)) {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
}

// If a Converter could not decide, that is not the user's mistake: a list, an
// optional placeholder or the next type must not hide it.
func TestConverterThatCannotTell(t *testing.T) {
	down := errors.New("network is down")
	types := func(typ string) (command.Converter, bool) {
		if typ == "user" {
			return command.ConvertFunc(func(_ context.Context, text string) (int, error) {
				if text == "nobody" {
					return 0, fmt.Errorf("%w: nobody", command.ErrType)
				}
				return 0, down
			}), true
		}
		return lookup(typ)
	}
	for _, tt := range []struct{ pattern, line, want string }{
		{"{x:user}", "durov", "argument x: network is down"},
		{"{x:user?} {y...?}", "durov", "argument x: network is down"},
		{"{x:user...} {y...?}", "nobody durov", ""},
		{"{x:user...} {y...?}", "durov", "argument x: network is down"},
		{"{x:user...?}", "durov", "argument x: network is down"},
		{"{x:user|string}", "durov", "argument x: network is down"},
		{"{x:user|string}", "nobody", "none"},
		{"{x:user=durov}", "", `argument x: default "durov": network is down`},
		{"{x:user...=durov}", "", `argument x: default "durov": network is down`},
		{"{x:user=durov}", "nobody", ""}, // the default is not used
		{"{x:user=nobody}", "", `argument x: default "nobody": is of another type: nobody`},
	} {
		t.Run(tt.pattern+" "+tt.line, func(t *testing.T) {
			p, err := command.Parse(tt.pattern, types)
			if err != nil {
				t.Fatal(err)
			}
			_, err = command.Reader{}.Read(p.Params, tt.line)
			var wrong *command.ArgError
			switch {
			case tt.want == "none":
				if err != nil {
					t.Error(err)
				}
			case tt.want == "":
				if !errors.As(err, &wrong) || !errors.Is(err, command.ErrType) {
					t.Errorf("%v, want an ArgError", err)
				}
			case err == nil || err.Error() != tt.want || errors.As(err, &wrong) || errors.Is(err, command.ErrType):
				t.Errorf("%v, want %s", err, tt.want)
			case errors.Is(err, down) != strings.Contains(tt.want, "down"):
				t.Errorf("%v does not wrap the Converter's error", err)
			}
		})
	}
}

// Only a Converter that needs it makes the Reader get a context.
func TestReaderContext(t *testing.T) {
	type key struct{}
	var seen []any
	see := func(needs bool) command.Converter {
		conv := command.ConvertFunc(func(ctx context.Context, text string) (string, error) {
			seen = append(seen, ctx.Value(key{}))
			return text, nil
		})
		conv.Needs = needs
		return conv
	}
	p, err := command.Parse("{x:plain} {y:needs?} {z:needs?}", func(typ string) (command.Converter, bool) { return see(typ == "needs"), true })
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	r := command.Reader{Context: func() context.Context {
		asked++
		return context.WithValue(t.Context(), key{}, asked)
	}}
	if _, err := r.Read(p.Params, "a"); err != nil || asked != 0 {
		t.Errorf("asked %d times, %v", asked, err)
	}
	if _, err := r.Read(p.Params, "a b c"); err != nil || asked != 2 {
		t.Errorf("asked %d times, %v", asked, err)
	}
	if _, err := (command.Reader{}).Read(p.Params, "a b"); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]any{nil, nil, 1, 2, nil, nil}, seen); diff != "" {
		t.Errorf("contexts (-want +got):\n%s", diff)
	}
}

// Texts by name need no quotation marks, and all of a text is used.
func TestReadNamed(t *testing.T) {
	pattern := "{what} {n:int=2} {at:duration?} {tags:word...?} {why...?}"
	for _, tt := range []struct {
		name  string
		texts map[string]string
		want  any // values, or the text of an ArgError
	}{
		{"all", map[string]string{"what": "green tea", "n": "3", "at": "2 часа", "tags": `a "b c"`, "why": `it's "so"`},
			[]any{"green tea", int64(3), 2 * time.Hour, []any{"a", "b c"}, `it's "so"`}},
		{"defaults", map[string]string{"what": "tea"}, []any{"tea", int64(2), nil, nil, nil}},
		{"as it stands", map[string]string{"what": ` "tea\`}, []any{` "tea\`, int64(2), nil, nil, nil}},
		{"empty", map[string]string{"what": "", "tags": "", "why": " "}, []any{"", int64(2), nil, nil, nil}},
		{"name of none", map[string]string{"what": "tea", "who": "me"}, []any{"tea", int64(2), nil, nil, nil}},
		{"missing", nil, "what: is missing"},
		{"of another type", map[string]string{"what": "tea", "n": "six"}, `n: "six" is of another type`},
		{"optional, of another type", map[string]string{"what": "tea", "at": "2 pm"}, `at: "2 pm" is of another type`},
		{"list with bad quotes", map[string]string{"what": "tea", "tags": `a "b`}, `tags: "\"b" has the quotation mark ", but not the one that closes it`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args, err := command.Reader{IgnoreExtra: true}.ReadNamed(parse(t, pattern).Params, tt.texts)
			if err != nil {
				if err.Error() != tt.want {
					t.Errorf("%v, want %v", err, tt.want)
				}
				return
			}
			var got []any
			for _, arg := range args {
				got = append(got, arg.Value)
			}
			if diff := cmp.Diff(tt.want, any(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
