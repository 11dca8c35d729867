package command_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vkrouter/vk/internal/command"
)

// convert returns the value that a Converter has for a text.
func convert(t *testing.T, conv command.Converter, text string) (any, error) {
	t.Helper()
	return conv.Convert(context.Background(), text)
}

func TestOneOf(t *testing.T) {
	sizes, err := command.OneOf("S", "M", "Ещё")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]any{"S": "S", "m": "M", "еще": "Ещё", "ЕЩЁ": "Ещё", "XL": nil, "": nil} {
		v, err := convert(t, sizes, text)
		if v != want || errors.Is(err, command.ErrType) != (want == nil) {
			t.Errorf("%q: %v, %v, want %v", text, v, err, want)
		}
	}
	if diff := cmp.Diff([]string{"S", "M", "Ещё"}, sizes.Choices); diff != "" {
		t.Errorf("choices (-want +got):\n%s", diff)
	}
	if _, err := command.OneOf(); err == nil || err.Error() != "no words" {
		t.Error(err)
	}
	if _, err := command.OneOf("a", "b", "A"); err == nil || err.Error() != `"A" twice` {
		t.Error(err)
	}
}

func TestWantAndChoices(t *testing.T) {
	sizes, err := command.OneOf("S", "M")
	if err != nil {
		t.Fatal(err)
	}
	colours, err := command.OneOf("red")
	if err != nil {
		t.Fatal(err)
	}
	types := func(typ string) (command.Converter, bool) {
		switch typ {
		case "size":
			return sizes, true
		case "colour":
			return colours, true
		}
		return lookup(typ)
	}
	for _, tt := range []struct {
		pattern, want string
		choices       []string
	}{
		{"{x}", "string", nil},
		{"{x:int|word}", "int|word", nil},
		{"{x:size}", "S|M", []string{"S", "M"}},
		{"{x:size|colour}", "S|M|red", []string{"S", "M", "red"}},
		{"{x:size|int}", "S|M|int", nil},
		{"{x:int|size}", "int|S|M", nil},
	} {
		p, err := command.Parse(tt.pattern, types)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Params[0].Want(); got != tt.want {
			t.Errorf("%s wants %s, not %s", tt.pattern, got, tt.want)
		}
		if diff := cmp.Diff(tt.choices, p.Params[0].Choices()); diff != "" {
			t.Errorf("%s: choices (-want +got):\n%s", tt.pattern, diff)
		}
	}
}

func TestParseFuncAndConvertFunc(t *testing.T) {
	bad := errors.New("bad")
	parsed := command.ParseFunc(func(text string) (int, error) {
		if text == "" {
			return 1, bad
		}
		return len(text), nil
	})
	if v, err := convert(t, parsed, "ab"); v != 2 || err != nil {
		t.Error(v, err)
	}
	if v, err := convert(t, parsed, ""); v != nil || !errors.Is(err, command.ErrType) || !errors.Is(err, bad) {
		t.Error(v, err)
	}
	if parsed.Type != reflect.TypeFor[int]() || parsed.Needs {
		t.Errorf("%+v", parsed)
	}
	asked := command.ConvertFunc(func(context.Context, string) (int, error) { return 1, bad })
	if v, err := convert(t, asked, ""); v != nil || err != bad {
		t.Error(v, err)
	}
	if asked.Type != reflect.TypeFor[int]() || !asked.Needs {
		t.Errorf("%+v", asked)
	}
	precise := fmt.Errorf("%w: too short", command.ErrType)
	if _, err := convert(t, command.ParseFunc(func(string) (int, error) { return 0, precise }), ""); err != precise {
		t.Errorf("%v is made another error", err)
	}
}

type impliedKey struct{}

// The types of a placeholder are asked for an argument that is not written, once
// for each line, and what they cannot convert is not one.
func TestImplied(t *testing.T) {
	down := errors.New("down")
	who := builtin["int"]
	who.Implied = func(ctx context.Context) (string, bool) {
		text, ok := ctx.Value(impliedKey{}).(string)
		return text, ok
	}
	failing := who
	failing.Convert = func(context.Context, string) (any, error) { return nil, down }
	types := func(name string) (command.Converter, bool) {
		switch name {
		case "who":
			return who, true
		case "failing":
			return failing, true
		}
		return lookup(name)
	}
	for _, tt := range []struct {
		name, pattern, line, implied, want string
	}{
		{"implied", "{a:who}", "", "5", "[{5 5}]"},
		{"written", "{a:who}", "6", "5", "[{6 6}]"},
		{"once", "{a:who} {b:who?}", "", "5", "[{5 5} { <nil>}]"},
		{"a list", "{a:who...}", "", "5", "[{5 [5]}]"},
		{"one that does not convert", "{a:who?}", "", "x", "[{ <nil>}]"},
		{"the next type", "{a:bool|who} {b...}", "x", "5", "[{5 5} {x x}]"},
		{"none", "{a:who}", "", "", "a: is missing"},
		{"that cannot be found out", "{a:failing}", "", "5", "argument a: down"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := command.Parse("x "+tt.pattern, types)
			if err != nil {
				t.Fatal(err)
			}
			ctx := context.Background()
			if tt.implied != "" {
				ctx = context.WithValue(ctx, impliedKey{}, tt.implied)
			}
			args, err := command.Reader{Context: func() context.Context { return ctx }}.Read(p.Params, tt.line)
			got := fmt.Sprint(args)
			if err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
	p, err := command.Parse("x {a:who}", types)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (command.Reader{}).Read(p.Params, ""); !errors.Is(err, command.ErrMissing) {
		t.Errorf("without a context: %v", err)
	}
}

// With dots, a placeholder whose first type is Whole is the rest of the text.
func TestWhole(t *testing.T) {
	whole := builtin["word"]
	whole.Whole = true
	types := func(name string) (command.Converter, bool) {
		if name == "whole" {
			return whole, true
		}
		return lookup(name)
	}
	for pattern, rest := range map[string]bool{"{a:whole...}": true, "{a:whole|int...}": true, "{a:int|whole...}": false, "{a:word...}": false, "{a:whole}": false} {
		p, err := command.Parse(pattern, types)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Params[0]; got.Rest != rest || got.List != (strings.Contains(pattern, "...") && !rest) {
			t.Errorf("%s: Rest %t, List %t", pattern, got.Rest, got.List)
		}
	}
}

type (
	celsius    float64
	fahrenheit float64
	account    struct{ name string }
)

// A Converter makes the values that a field can hold.
func TestConverterFor(t *testing.T) {
	pointer := command.ParseFunc(func(text string) (*account, error) { return &account{text}, nil })
	warm := command.ParseFunc(func(string) (celsius, error) { return 20, nil })
	fetched := builtin["int"]
	fetched.Fetch = func(field reflect.Type) (command.Converter, bool) {
		conv := command.ConvertFunc(func(_ context.Context, text string) (account, error) { return account{"no. " + text}, nil })
		return conv, field == reflect.TypeFor[account]()
	}
	for _, tt := range []struct {
		name  string
		conv  command.Converter
		field reflect.Type
		text  string
		want  any // nil: no Converter
	}{
		{"itself", builtin["int"], reflect.TypeFor[int64](), "5", int64(5)},
		{"an interface", builtin["int"], reflect.TypeFor[any](), "5", int64(5)},
		{"an interface that it has", builtin["duration"], reflect.TypeFor[fmt.Stringer](), "5s", 5 * time.Second},
		{"its pointee", pointer, reflect.TypeFor[account](), "a", account{"a"}},
		{"a pointer", pointer, reflect.TypeFor[*account](), "a", &account{"a"}},
		{"another pointee", pointer, reflect.TypeFor[url.URL](), "", nil},
		{"a type that is asked for", fetched, reflect.TypeFor[account](), "5", account{"no. 5"}},
		{"a number, though there is Fetch", fetched, reflect.TypeFor[int](), "5", int64(5)},
		{"a type that is not asked for", fetched, reflect.TypeFor[url.URL](), "", nil},
		{"a type of its own", warm, reflect.TypeFor[celsius](), "", celsius(20)},
		{"another type of the same kind", warm, reflect.TypeFor[fahrenheit](), "", nil},
		{"the plain type", warm, reflect.TypeFor[float64](), "", nil},
		{"a plain value", builtin["float"], reflect.TypeFor[celsius](), "1,5", 1.5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conv, ok := tt.conv.For(tt.field)
			if ok != (tt.want != nil) {
				t.Fatal(ok)
			}
			if !ok {
				return
			}
			got, err := convert(t, conv, tt.text)
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%#v, %v, want %#v", got, err, tt.want)
			}
			if conv.Type != reflect.TypeOf(got) {
				t.Errorf("Type is %v, the value a %T", conv.Type, got)
			}
		})
	}
}

// Assign takes all values that a field can hold, and no others. Those of the
// Converters of For are among them.
func TestAssign(t *testing.T) {
	for _, tt := range []struct {
		name string
		v    any
		into any // a pointer to the field
		want any // the field after that; nil: cannot hold it
	}{
		{"itself", int64(300), new(int64), int64(300)},
		{"any", int64(300), new(any), int64(300)},
		{"any other integer", int64(300), new(uint16), uint16(300)},
		{"pointer", int64(300), new(*int), pointer(300)},
		{"too large", int64(300), new(int8), nil},
		{"pointer to too small a type", int64(300), new(*int8), nil},
		{"negative", int64(-1), new(uint64), nil},
		{"integer into a string", int64(300), new(string), nil},
		{"integer into a duration", int64(300), new(time.Duration), nil},
		{"integer into a float", int64(300), new(float64), nil},
		{"duration", time.Hour, new(time.Duration), time.Hour},
		{"duration into an integer", time.Hour, new(int), nil},
		{"float", 1.5, new(float32), float32(1.5)},
		{"float of another type", celsius(1.5), new(fahrenheit), fahrenheit(1.5)},
		{"float too large", 1e39, new(float32), nil},
		{"string", "a", new(level), level("a")},
		{"string into a bool", "true", new(bool), nil},
		{"bool", true, new(bool), true},
		{"pointee", &account{"a"}, new(account), account{"a"}},
		{"list", []any{1.0, 2.5}, new([]float32), []float32{1, 2.5}},
		{"pointer to a list", []any{"a"}, new(*[]string), &[]string{"a"}},
		{"list of another type", []any{1.0, 2.5}, new([]int), nil},
		{"list into no slice", []any{1.0}, new(float64), nil},
		{"empty list", []any{}, new([]int), []int{}},
		{"slice of no list", int64(1), new([]int64), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			field := reflect.ValueOf(tt.into).Elem()
			ok := command.Assign(field, tt.v)
			if ok != (tt.want != nil) {
				t.Fatal(ok)
			}
			if ok && !reflect.DeepEqual(field.Interface(), tt.want) {
				t.Errorf("%#v, want %#v", field.Interface(), tt.want)
			}
		})
	}
}

func pointer[T any](v T) *T { return &v }
