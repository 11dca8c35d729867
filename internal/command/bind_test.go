package command_test

import (
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vkrouter/vk/internal/command"
)

// bind returns a struct of type A with the arguments of a line.
func bind[A any](t *testing.T, pattern, line string) (_ *testing.T, got any, err error) {
	t.Helper()
	p := parse(t, pattern)
	b, err := command.Bind(reflect.TypeFor[A](), p.Params)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Refine(p.Params); err != nil {
		t.Fatal(err)
	}
	args, err := command.Reader{}.Read(p.Params, line)
	if err != nil {
		return t, nil, err
	}
	var a A
	b.Fill(reflect.ValueOf(&a).Elem(), args)
	return t, a, nil
}

type (
	id   int64
	name string
)

func TestBinding(t *testing.T) {
	check := func(want any) func(*testing.T, any, error) {
		return func(t *testing.T, got any, err error) {
			t.Helper()
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		}
	}
	six, str, yes := 6, "x", true
	t.Run("every type", func(t *testing.T) {
		type args struct {
			S string
			I int
			L int64
			F float64
			B bool
		}
		check(args{"a b", 1, -2, 1.5, true})(bind[args](t, "{s} {i:int} {l:int} {f:float} {b:bool}", `"a b" 1 -2 1,5 on`))
	})
	t.Run("types of one's own", func(t *testing.T) {
		type args struct {
			ID   id
			IDs  []id
			Name *name
		}
		x := name("x  y")
		check(args{5, []id{6, 7}, &x})(bind[args](t, "{id:int} {ids:int...} {name...}", "5 6 7 x  y"))
	})
	t.Run("names without regard to case", func(t *testing.T) {
		type args struct {
			UserID  int
			Причина string
		}
		check(args{5, "так"})(bind[args](t, "{userid:int} {причина...}", "5 так"))
		check(args{5, "так"})(bind[args](t, "{userId:int} {ПРИЧИНА...}", "5 так"))
	})
	t.Run("names without regard to underscores", func(t *testing.T) {
		type args struct {
			UserID  int
			Max_Len int
		}
		check(args{5, 6})(bind[args](t, "{user_id:int} {maxlen:int}", "5 6"))
	})
	t.Run("fields in another order", func(t *testing.T) {
		type args struct {
			B string
			A int
		}
		check(args{"x", 5})(bind[args](t, "{a:int} {b}", "5 x"))
	})
	t.Run("pointers", func(t *testing.T) {
		type args struct {
			N *int
			S *string
			B *bool
			L *[]int
		}
		const pattern = "{n:int?} {b:bool?} {l:int...?} {s?}"
		check(args{})(bind[args](t, pattern, ""))
		check(args{N: &six, S: &str, B: &yes, L: &[]int{1, 2}})(bind[args](t, pattern, "6 on 1 2 x"))
		check(args{S: &str})(bind[args](t, pattern, "x"))
	})
	t.Run("pointer to a default", func(t *testing.T) {
		type args struct{ N *int }
		check(args{&six})(bind[args](t, "{n:int=6}", ""))
	})
	t.Run("nothing given, no pointer", func(t *testing.T) {
		type args struct {
			N int
			L []int
			R string
		}
		check(args{})(bind[args](t, "{n:int?} {l:int...?} {r...?}", ""))
	})
	t.Run("defaults", func(t *testing.T) {
		type args struct {
			N int
			L []int
			R string
		}
		check(args{3, []int{6}, "none"})(bind[args](t, "{n:int=3} {l:int...=6} {r...=none}", ""))
	})
	t.Run("lists", func(t *testing.T) {
		type args struct {
			I []int
			F []float64
			B []bool
		}
		check(args{[]int{1, 2}, []float64{.5, 3}, []bool{true, false}})(
			bind[args](t, "{i:int...} {f:float...} {b:bool...}", "1 2 0.5 3 on off"))
	})
	t.Run("any", func(t *testing.T) {
		type args struct {
			X any
			Y *any
			L []any
		}
		var sixty any = int64(60)
		const pattern = "{x:int|bool|string} {y:int?} {l:int|bool...?}"
		check(args{X: int64(5)})(bind[args](t, pattern, "5"))
		check(args{X: true, Y: &sixty, L: []any{false, int64(7)}})(bind[args](t, pattern, "on 60 off 7"))
		check(args{X: "x"})(bind[args](t, pattern, "x"))
	})
	t.Run("no arguments", func(t *testing.T) {
		check(struct{}{})(bind[struct{}](t, "", ""))
	})
	t.Run("wrong arguments", func(t *testing.T) {
		_, _, err := bind[struct{ N int }](t, "{n:int}", "x")
		if !errors.Is(err, command.ErrType) {
			t.Error(err)
		}
	})
}

func TestBindRefuses(t *testing.T) {
	tests := []struct {
		name    string
		args    reflect.Type
		pattern string
		want    string
	}{
		{"no struct", reflect.TypeFor[int](), "{n:int}", "the arguments are of type int, which is no struct"},
		{"pointer to a struct", reflect.TypeFor[*struct{ N int }](), "{n:int}", "the arguments are of type *struct { N int }, which is no struct"},
		{"no field", reflect.TypeFor[struct{}](), "{n:int}", "no field for {n}"},
		{"unexported field", reflect.TypeFor[struct{ n int }](), "{n:int}", "no field for {n}"},
		{"no placeholder", reflect.TypeFor[struct{ N int }](), "", "no placeholder for the field N"},
		{"no placeholder for an unexported field", reflect.TypeFor[struct{ n int }](), "", "no placeholder for the field n"},
		{"one field for two", reflect.TypeFor[struct{ N int }](), "{n:int} {N:int}", "two placeholders for the field N"},
		{"string for a number", reflect.TypeFor[struct{ N string }](), "{n:int}", "the field N is of type string, which cannot hold {n}"},
		{"number for a string", reflect.TypeFor[struct{ N int }](), "{n}", "the field N is of type int, which cannot hold {n}"},
		{"integer for a float", reflect.TypeFor[struct{ N int }](), "{n:float}", "the field N is of type int, which cannot hold {n}"},
		{"integer for a bool", reflect.TypeFor[struct{ N int }](), "{n:bool}", "the field N is of type int, which cannot hold {n}"},
		{"one of two types", reflect.TypeFor[struct{ N int }](), "{n:int|bool}", "the field N is of type int, which cannot hold {n}"},
		{"no slice for a list", reflect.TypeFor[struct{ N int }](), "{n:int...}", "the field N is of type int, which cannot hold {n}"},
		{"slice of another type", reflect.TypeFor[struct{ N []string }](), "{n:int...}", "the field N is of type []string, which cannot hold {n}"},
		{"slice for no list", reflect.TypeFor[struct{ N []int }](), "{n:int}", "the field N is of type []int, which cannot hold {n}"},
		{"slice for a rest", reflect.TypeFor[struct{ N []string }](), "{n...}", "the field N is of type []string, which cannot hold {n}"},
		{"any for a list", reflect.TypeFor[struct{ N any }](), "{n:int...}", "the field N is of type interface {}, which cannot hold {n}"},
		{"interface with methods", reflect.TypeFor[struct{ N fmt.Stringer }](), "{n:int}", "the field N is of type fmt.Stringer, which cannot hold {n}"},
		{"pointer to a pointer", reflect.TypeFor[struct{ N **int }](), "{n:int}", "the field N is of type **int, which cannot hold {n}"},
		{"function", reflect.TypeFor[struct{ N func() }](), "{n}", "the field N is of type func(), which cannot hold {n}"},
		{"duration for a number", reflect.TypeFor[struct{ N time.Duration }](), "{n:int}", "the field N is of type time.Duration, which cannot hold {n}"},
		{"number for a duration", reflect.TypeFor[struct{ N int }](), "{n:duration}", "the field N is of type int, which cannot hold {n}"},
		{"string for a url", reflect.TypeFor[struct{ N string }](), "{n:url}", "the field N is of type string, which cannot hold {n}"},
		{"own text for a number", reflect.TypeFor[struct{ N level }](), "{n:int}", "the field N is of type command_test.level, which cannot hold {n}"},
		{"names that differ in underscores", reflect.TypeFor[struct{ N int }](), "{n:int} {_n:int}", "two placeholders for the field N"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := command.Bind(tt.args, parse(t, tt.pattern).Params); err == nil || err.Error() != tt.want {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
}

type level string // knows how to read itself, though it is a string

func (l *level) UnmarshalText(b []byte) error {
	if len(b) != 1 {
		return errors.New("not a level")
	}
	*l = level("level " + string(b))
	return nil
}

func TestFieldTypes(t *testing.T) {
	type (
		count uint8
		args  struct {
			I8   int8
			U    uint
			C    count
			F32  float32
			L    level
			Addr netip.Addr
			Big  *big.Int
			Slog slog.Level
			URL  url.URL
			Ptr  uintptr
			Ls   []level
			Rest level
		}
	)
	const pattern = "{i8:int} {u:int} {c:int} {f32:float} {l} {addr} {big} {slog} {url:url} {ptr:int} {ls:word...} {_rest...?}"
	good := strings.Fields("-128 5 255 1.5 1 ::1 -12345678901234567890 warn example.com 7 1 2")
	_, got, err := bind[args](t, pattern, strings.Join(good, " "))
	if err != nil {
		t.Fatal(err)
	}
	n, _ := new(big.Int).SetString("-12345678901234567890", 10)
	want := args{-128, 5, 255, 1.5, "level 1", netip.IPv6Loopback(), n, slog.LevelWarn,
		url.URL{Scheme: "https", Host: "example.com"}, 7, []level{"level 1", "level 2"}, ""}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	// Numbers out of range and texts that do not unmarshal show as arguments.
	for _, tt := range []struct {
		name string
		at   int
		bad  string
	}{
		{"i8", 0, "128"}, {"i8", 0, "-129"}, {"u", 1, "-5"}, {"c", 2, "256"}, {"f32", 3, "1e39"}, {"l", 4, "10"},
		{"addr", 5, "x"}, {"big", 6, "x"}, {"slog", 7, "loud"}, {"url", 8, "x"}, {"ptr", 9, "-1"}, {"ls", 10, "10"},
	} {
		words := slices.Clone(good)
		words[tt.at] = tt.bad
		_, _, err := bind[args](t, pattern, strings.Join(words, " "))
		var wrong *command.ArgError
		if !errors.As(err, &wrong) || wrong.Name != tt.name || wrong.Value != tt.bad || !errors.Is(err, command.ErrType) {
			t.Errorf("%s %s: %v", tt.name, tt.bad, err)
		}
	}
}

func TestRefine(t *testing.T) {
	b, err := command.Bind(reflect.TypeFor[struct{ N uint8 }](), parse(t, "{n:int=300}").Params)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Refine(parse(t, "{n:int} {x}").Params); err == nil {
		t.Error("placeholders of another pattern are taken")
	}
	p := parse(t, "{n:int=300}")
	if err := (command.Binding{}).Refine(p.Params); err != nil {
		t.Error(err)
	}
	if args, err := (command.Reader{}).Read(p.Params, ""); err != nil || args[0].Value != int64(300) {
		t.Errorf("unrefined: %v, %v", args, err)
	}
	if err := b.Refine(p.Params); err != nil {
		t.Error(err)
	}
	const want = `argument n: default "300": is of another type: out of range`
	if _, err := (command.Reader{}).Read(p.Params, ""); err == nil || err.Error() != want || errors.Is(err, command.ErrType) {
		t.Errorf("%v, want %s", err, want)
	}
	var wrong *command.ArgError
	if _, err := (command.Reader{}).Read(p.Params, "x"); !errors.As(err, &wrong) {
		t.Errorf("%v, want an ArgError", err)
	}
}

// A rest that its field cannot hold is left over, and the default is used.
func TestRestThatDoesNotFit(t *testing.T) {
	p := parse(t, "{x...=1}")
	b, err := command.Bind(reflect.TypeFor[struct{ X level }](), p.Params)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Refine(p.Params); err != nil {
		t.Fatal(err)
	}
	var wrong *command.ArgError
	if _, err := (command.Reader{}).Read(p.Params, "too long"); !errors.As(err, &wrong) || wrong.Value != "too long" {
		t.Errorf("%v, want an ArgError", err)
	}
	for text, want := range map[string]level{"too long": "level 1", "2": "level 2", "": "level 1"} {
		if args, err := (command.Reader{IgnoreExtra: true}).Read(p.Params, text); err != nil || args[0].Value != want {
			t.Errorf("%q: %v, %v, want %s", text, args, err, want)
		}
	}
}
