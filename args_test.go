package vk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// newMessage returns a Context for a message with the given text.
func newMessage(t testing.TB, text string) *Context {
	t.Helper()
	object, err := json.Marshal(map[string]any{"message": map[string]any{"id": 1, "peer_id": 5, "from_id": 5, "text": text}})
	if err != nil {
		t.Fatal(err)
	}
	e, err := ParseEvent(fmt.Appendf(nil, `{"type":"message_new","event_id":"e","group_id":1,"object":%s}`, object))
	if err != nil {
		t.Fatal(err)
	}
	e.head.text = text // JSON cannot hold what is not UTF-8
	return NewContext(context.Background(), nil, e)
}

// The table of vk_botting's binding of arguments, in our syntax, and what it
// leaves open.
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
		{"missing", "{a}", "", ArgError{Name: "a", Want: "string", Err: ErrMissingArg}},
		{"missing, but for space", "{a}", "  ", ArgError{Name: "a", Want: "string", Err: ErrMissingArg}},
		{"second one missing", "{a} {n:int|bool}", " x", ArgError{Name: "n", Want: "int|bool", Err: ErrMissingArg}},
		{"of another type", "{a} {n:int}", " x six y", ArgError{Name: "n", Want: "int", Value: "six", Err: ErrArgType}},
		{"empty, of another type", "{n:int}", ` ""`, ArgError{Name: "n", Want: "int", Err: ErrArgType}},
		{"left over", "{a}", " x y  z ", ArgError{Value: "y  z", Err: ErrExtraArg}},
		{"left over where nothing is taken", "", " x", ArgError{Value: "x", Err: ErrExtraArg}},
		{"space left over is nothing", "{a}", " x  ", vals{"x"}},
		{"bad quotes", "{a} {b}", ` x "y z `, ArgError{Name: "b", Want: "string", Value: `"y z`, Err: ErrBadQuote}},
		{"bad quotes left over", "{a}", ` x "y z`, ArgError{Value: `"y z`, Err: ErrExtraArg}},

		{"optional and given", "{a:int?} {b=def}", " 5 x", vals{int64(5), "x"}},
		{"optional gives the word back", "{a:int?} {b=def}", " x", vals{nil, "x"}},
		{"optional at the end of the text", "{a:int?} {b=def}", "", vals{nil, "def"}},
		{"all optional", "{a:int?} {b:bool?} {c?}", " x", vals{nil, nil, "x"}},
		{"optional gives back to a required one", "{a:int?} {b:bool}", " x", ArgError{Name: "b", Want: "bool", Value: "x", Err: ErrArgType}},
		{"optional string takes every word", "{a?} {b:int?}", " 5", vals{"5", nil}},
		{"optional gives back a quoted word", `{a:int?} {b}`, ` "x y"`, vals{nil, "x y"}},
		{"optional gives back bad quotes", "{a:int?} {b...}", ` "x y`, vals{nil, `"x y`}},
		{"what was given back and is left over", "{a:int?}", " six", ArgError{Name: "a", Want: "int", Value: "six", Err: ErrArgType}},
		{"what was given back first", "{a:int?} {b:bool?}", " six", ArgError{Name: "a", Want: "int", Value: "six", Err: ErrArgType}},
		{"what was left over behind it", "{a:int?} {b}", " six x", ArgError{Value: "x", Err: ErrExtraArg}},
		{"bad quotes given back and left over", "{a?}", ` "six`, ArgError{Name: "a", Want: "string", Value: `"six`, Err: ErrBadQuote}},

		{"default", "{a=3} {b=x y}", "", vals{"3", "x y"}},
		{"typed default", "{a:int=3} {b:bool=да}", " 4", vals{int64(4), true}},
		{"default does not give the word back", "{a:int=3} {b?}", " x", ArgError{Name: "a", Want: "int", Value: "x", Err: ErrArgType}},

		{"first type", "{a:int|bool}", " 0", vals{int64(0)}},
		{"second type", "{a:int|bool}", " да", vals{true}},
		{"neither type", "{a:int|bool}", " zzz", ArgError{Name: "a", Want: "int|bool", Value: "zzz", Err: ErrArgType}},

		{"rest keeps quotes", "{a...}", `  "a b" c `, vals{`"a b" c`}},
		{"rest keeps spaces", "{a} {b...}", " x  y \n z\n", vals{"x", "y \n z"}},
		{"rest keeps bad quotes and backslashes", "{a...}", ` it"s \" 5`, vals{`it"s \" 5`}},
		{"typed rest", "{a:string...}", " x y", vals{"x y"}},
		{"rest missing", "{a...}", " ", ArgError{Name: "a", Want: "string", Err: ErrMissingArg}},
		{"optional rest", "{a...?}", " ", vals{nil}},
		{"rest with a default", "{a...=none at all}", "", vals{"none at all"}},

		{"list, then rest", "{a:int...?} {b...=none}", " 1 2 3 hello w", vals{list(int64(1), int64(2), int64(3)), "hello w"}},
		{"empty list, then rest", "{a:int...?} {b...=none}", " hello", vals{nil, "hello"}},
		{"empty list and rest", "{a:int...?} {b...=none}", "", vals{nil, "none"}},
		{"list of one", "{a:int...}", " 1", vals{list(int64(1))}},
		{"list missing", "{a:int...}", "", ArgError{Name: "a", Want: "int", Err: ErrMissingArg}},
		{"nothing for a list", "{a:int...}", " x 1", ArgError{Name: "a", Want: "int", Value: "x", Err: ErrArgType}},
		{"list to a word that is none", "{a:int...}", " 1 2 x", ArgError{Name: "a", Want: "int", Value: "x", Err: ErrArgType}},
		{"list to a word that the next takes", "{a:int...} {b}", " 1 2 x y", ArgError{Value: "y", Err: ErrExtraArg}},
		{"list to bad quotes", "{a:int...} {b...}", ` 1 "2`, vals{list(int64(1)), `"2`}},
		{"list with a default", "{a:int...=6} {b?}", "", vals{list(int64(6)), nil}},
		{"list with a default gives the word back", "{a:int...=6} {b?}", " x", vals{list(int64(6)), "x"}},
		{"list of two types", "{a:int|bool...}", " 1 да 0", vals{list(int64(1), true, int64(0))}},
		{"list of quoted words", "{a:int|string...}", ` 1 "x y" z`, vals{list(int64(1), "x y", "z")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := parsePattern(tt.pattern)
			if err != nil {
				t.Fatal(err)
			}
			values, argErr := parseLine(p.params, tt.line)
			if argErr != nil {
				if diff := cmp.Diff(tt.want, any(*argErr), cmp.Comparer(func(a, b error) bool { return errors.Is(a, b) || errors.Is(b, a) })); diff != "" {
					t.Errorf("%s, %q (-want +got):\n%s", tt.pattern, tt.line, diff)
				}
				return
			}
			got := vals{}
			for _, v := range values {
				got = append(got, v.v)
			}
			if diff := cmp.Diff(tt.want, any(got)); diff != "" {
				t.Errorf("%s, %q (-want +got):\n%s", tt.pattern, tt.line, diff)
			}
		})
	}
}

func TestArgIsTheTextOfAnArgument(t *testing.T) {
	tests := []struct {
		pattern string
		text    string
		want    map[string]string
	}{
		{"a {x} {y:int}", `!a "b c" 007`, map[string]string{"x": "b c", "y": "007", "z": "", "X": ""}},
		{"a {x?} {y=d e} {z...?}", "!a", map[string]string{"x": "", "y": "d e", "z": ""}},
		{"a {x:int...} {y...}", `!a 1  02 "b"  c `, map[string]string{"x": "1  02", "y": `"b"  c`}},
		{"a {x:int...=6}", "!a", map[string]string{"x": "6"}},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			r := NewRouter("!")
			ran := false
			r.Handle(tt.pattern, func(c *Context) error {
				ran = true
				for name, want := range tt.want {
					if got := c.Arg(name); got != want {
						t.Errorf("%s is %q, want %q", name, got, want)
					}
				}
				return nil
			})
			if err := r.Serve(newMessage(t, tt.text)); err != nil || !ran {
				t.Error(err, ran)
			}
		})
	}
}

func TestArgOutsideOfRoute(t *testing.T) {
	r := NewRouter("!")
	r.NotFound(func(c *Context) error {
		if c.Arg("x") != "" || c.Route() != nil {
			t.Error(c.Arg("x"), c.Route())
		}
		return nil
	})
	c := newMessage(t, "!a b")
	if err := r.Serve(c); err != nil || c.Arg("x") != "" {
		t.Error(err)
	}
}

// Middleware that asks for an argument finds it, or "" if the arguments are
// wrong; the handler is not run then.
func TestArgInMiddleware(t *testing.T) {
	r := NewRouter("!")
	var seen []string
	r.Handle("a {n:int}", func(c *Context) error {
		seen = append(seen, "handler "+c.Arg("n"))
		return nil
	}, func(next HandlerFunc) HandlerFunc {
		return func(c *Context) error {
			seen = append(seen, "middleware "+c.Arg("n"))
			return next(c)
		}
	})
	if err := r.Serve(newMessage(t, "!a 5")); err != nil {
		t.Error(err)
	}
	if err := r.Serve(newMessage(t, "!a x")); !errors.Is(err, ErrArgType) {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"middleware 5", "handler 5", "middleware "}, seen); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestArgErrorFields(t *testing.T) {
	tests := []struct {
		name string
		text string
		want ArgError
		says string
	}{
		{"missing", "! roll", ArgError{}, ""}, // space behind the prefix: no command
		{"type", "!roll six", ArgError{nil, "!roll {n:int} {why...?}", "n", "int", "six", ErrArgType}, `vk: usage: !roll {n:int} {why...?}: n: "six" is of another type`},
		{"absent", "!roll", ArgError{nil, "!roll {n:int} {why...?}", "n", "int", "", ErrMissingArg}, `vk: usage: !roll {n:int} {why...?}: n: is missing`},
		{"quote", `!roll "6`, ArgError{nil, "!roll {n:int} {why...?}", "n", "int", `"6`, ErrBadQuote}, `vk: usage: !roll {n:int} {why...?}: n: "\"6" has the quotation mark ", but not the one that closes it`},
		{"extra", "!admin list a b", ArgError{nil, "!admin list", "", "", "a b", ErrExtraArg}, `vk: usage: !admin list: "a b" is left over`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := NewRouter("!")
			r.Handle("roll {n:int} {why...?}", func(*Context) error { t.Error("the handler ran"); return nil })
			r.Route("admin", func(r *Router) {
				r.Handle("list", func(*Context) error { t.Error("the handler ran"); return nil })
			})
			err := r.Serve(newMessage(t, tt.text))
			if tt.says == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var got *ArgError
			if !errors.As(err, &got) || !errors.Is(err, tt.want.Err) {
				t.Fatal(err)
			}
			tt.want.Route, tt.want.Err = got.Route, got.Err
			if *got != tt.want || got.Route == nil || got.Route.Pattern != tt.want.Usage[1:] {
				t.Errorf("%+v, want %+v", *got, tt.want)
			}
			if got.Error() != tt.says {
				t.Errorf("%s, want %s", got, tt.says)
			}
		})
	}
}

type (
	id   int64
	name string
)

func TestCommandBindsStruct(t *testing.T) {
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
		check(args{"a b", 1, -2, 1.5, true})(bind[args](t, "a {s} {i:int} {l:int} {f:float} {b:bool}", `a "a b" 1 -2 1,5 on`))
	})
	t.Run("types of one's own", func(t *testing.T) {
		type args struct {
			ID   id
			IDs  []id
			Name *name
		}
		x := name("x  y")
		check(args{5, []id{6, 7}, &x})(bind[args](t, "a {id:int} {ids:int...} {name...}", "a 5 6 7 x  y"))
	})
	t.Run("names without regard to case", func(t *testing.T) {
		type args struct {
			UserID  int
			Причина string
		}
		check(args{5, "так"})(bind[args](t, "a {userid:int} {причина...}", "a 5 так"))
		check(args{5, "так"})(bind[args](t, "a {userId:int} {ПРИЧИНА...}", "a 5 так"))
	})
	t.Run("names without regard to underscores", func(t *testing.T) {
		type args struct {
			UserID  int
			Max_Len int
		}
		check(args{5, 6})(bind[args](t, "a {user_id:int} {maxlen:int}", "a 5 6"))
	})
	t.Run("fields in another order", func(t *testing.T) {
		type args struct {
			B string
			A int
		}
		check(args{"x", 5})(bind[args](t, "a {a:int} {b}", "a 5 x"))
	})
	t.Run("pointers", func(t *testing.T) {
		type args struct {
			N *int
			S *string
			B *bool
			L *[]int
		}
		const pattern = "a {n:int?} {b:bool?} {l:int...?} {s?}"
		check(args{})(bind[args](t, pattern, "a"))
		check(args{N: &six, S: &str, B: &yes, L: &[]int{1, 2}})(bind[args](t, pattern, "a 6 on 1 2 x"))
		check(args{S: &str})(bind[args](t, pattern, "a x"))
	})
	t.Run("pointer to a default", func(t *testing.T) {
		type args struct{ N *int }
		check(args{&six})(bind[args](t, "a {n:int=6}", "a"))
	})
	t.Run("nothing given, no pointer", func(t *testing.T) {
		type args struct {
			N int
			L []int
			R string
		}
		check(args{})(bind[args](t, "a {n:int?} {l:int...?} {r...?}", "a"))
	})
	t.Run("defaults", func(t *testing.T) {
		type args struct {
			N int
			L []int
			R string
		}
		check(args{3, []int{6}, "none"})(bind[args](t, "a {n:int=3} {l:int...=6} {r...=none}", "a"))
	})
	t.Run("lists", func(t *testing.T) {
		type args struct {
			I []int
			F []float64
			B []bool
		}
		check(args{[]int{1, 2}, []float64{.5, 3}, []bool{true, false}})(
			bind[args](t, "a {i:int...} {f:float...} {b:bool...}", "a 1 2 0.5 3 on off"))
	})
	t.Run("any", func(t *testing.T) {
		type args struct {
			X any
			Y *any
			L []any
		}
		var sixty any = int64(60)
		const pattern = "a {x:int|bool|string} {y:int?} {l:int|bool...?}"
		check(args{X: int64(5)})(bind[args](t, pattern, "a 5"))
		check(args{X: true, Y: &sixty, L: []any{false, int64(7)}})(bind[args](t, pattern, "a on 60 off 7"))
		check(args{X: "x"})(bind[args](t, pattern, "a x"))
	})
	t.Run("no arguments", func(t *testing.T) {
		check(struct{}{})(bind[struct{}](t, "a", "a"))
	})
	t.Run("wrong arguments", func(t *testing.T) {
		_, _, err := bind[struct{ N int }](t, "a {n:int}", "a x")
		if !errors.Is(err, ErrArgType) {
			t.Error(err)
		}
	})
}

// bind returns what a Command with the given pattern gets for a text.
func bind[A any](t *testing.T, pattern, text string) (_ *testing.T, got any, err error) {
	t.Helper()
	r := new(Router)
	Command(r, pattern, func(c *Context, a A) error {
		got = a
		return nil
	})
	err = r.Serve(newMessage(t, text))
	return t, got, err
}

func TestCommandRefusesWhatDoesNotBind(t *testing.T) {
	tests := []struct {
		name     string
		register func(*Router)
		want     string
	}{
		{"no struct", command[int]("a {n:int}"), "the arguments are of type int, which is no struct"},
		{"pointer to a struct", command[*struct{ N int }]("a {n:int}"), "the arguments are of type *struct { N int }, which is no struct"},
		{"no field", command[struct{}]("a {n:int}"), "no field for {n}"},
		{"unexported field", command[struct{ n int }]("a {n:int}"), "no field for {n}"},
		{"no placeholder", command[struct{ N int }]("a"), "no placeholder for the field N"},
		{"no placeholder for an unexported field", command[struct{ n int }]("a"), "no placeholder for the field n"},
		{"one field for two", command[struct{ N int }]("a {n:int} {N:int}"), "two placeholders for the field N"},
		{"string for a number", command[struct{ N string }]("a {n:int}"), "the field N is of type string, which cannot hold {n}"},
		{"number for a string", command[struct{ N int }]("a {n}"), "the field N is of type int, which cannot hold {n}"},
		{"integer for a float", command[struct{ N int }]("a {n:float}"), "the field N is of type int, which cannot hold {n}"},
		{"integer for a bool", command[struct{ N int }]("a {n:bool}"), "the field N is of type int, which cannot hold {n}"},
		{"one of two types", command[struct{ N int }]("a {n:int|bool}"), "the field N is of type int, which cannot hold {n}"},
		{"no slice for a list", command[struct{ N int }]("a {n:int...}"), "the field N is of type int, which cannot hold {n}"},
		{"slice of another type", command[struct{ N []string }]("a {n:int...}"), "the field N is of type []string, which cannot hold {n}"},
		{"slice for no list", command[struct{ N []int }]("a {n:int}"), "the field N is of type []int, which cannot hold {n}"},
		{"slice for a rest", command[struct{ N []string }]("a {n...}"), "the field N is of type []string, which cannot hold {n}"},
		{"any for a list", command[struct{ N any }]("a {n:int...}"), "the field N is of type interface {}, which cannot hold {n}"},
		{"interface with methods", command[struct{ N fmt.Stringer }]("a {n:int}"), "the field N is of type fmt.Stringer, which cannot hold {n}"},
		{"pointer to a pointer", command[struct{ N **int }]("a {n:int}"), "the field N is of type **int, which cannot hold {n}"},
		{"function", command[struct{ N func() }]("a {n}"), "the field N is of type func(), which cannot hold {n}"},
		{"duration for a number", command[struct{ N time.Duration }]("a {n:int}"), "the field N is of type time.Duration, which cannot hold {n}"},
		{"number for a duration", command[struct{ N int }]("a {n:duration}"), "the field N is of type int, which cannot hold {n}"},
		{"string for a user", command[struct{ N string }]("a {n:user}"), "the field N is of type string, which cannot hold {n}"},
		{"narrow integer for a user", command[struct{ N float64 }]("a {n:user}"), "the field N is of type float64, which cannot hold {n}"},
		{"page of another kind", command[struct{ N Group }]("a {n:user}"), "the field N is of type vk.Group, which cannot hold {n}"},
		{"person for a community", command[struct{ N User }]("a {n:group}"), "the field N is of type vk.User, which cannot hold {n}"},
		{"person for either", command[struct{ N User }]("a {n:page}"), "the field N is of type vk.User, which cannot hold {n}"},
		{"page for a chat", command[struct{ N Profile }]("a {n:peer}"), "the field N is of type vk.Profile, which cannot hold {n}"},
		{"string for a url", command[struct{ N string }]("a {n:url}"), "the field N is of type string, which cannot hold {n}"},
		{"own text for a number", command[struct{ N level }]("a {n:int}"), "the field N is of type vk.level, which cannot hold {n}"},
		{"names that differ in underscores", command[struct{ N int }]("a {n:int} {_n:int}"), "two placeholders for the field N"},
		{"malformed pattern", command[struct{}]("a {"), `the placeholder "{" is not closed`},
		{"nil handler", func(r *Router) { Command[struct{}](r, "a", nil) }, "nil handler"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			defer func() {
				msg := fmt.Sprint(recover())
				if !strings.HasSuffix(msg, "): "+tt.want) || !strings.HasPrefix(msg, `vk: pattern "a`) || !strings.Contains(msg, " (at args_test.go:") {
					t.Errorf("panic %s, want … (at args_test.go:…): %s", msg, tt.want)
				}
			}()
			tt.register(new(Router))
		})
	}
}

// command returns what registers a pattern with arguments of type A.
func command[A any](pattern string) func(*Router) {
	return func(r *Router) { Command(r, pattern, func(*Context, A) error { return nil }) }
}

func TestIgnoreExtra(t *testing.T) {
	for _, tt := range []struct {
		pattern, text string
		want          string // text of x; "!" for an ArgError
	}{
		{"a {x}", "a 1 please", "1"},
		{"a {x}", `a 1 "please`, "1"},
		{"a", "a please", ""},
		{"a {x:int?}", "a please", ""},
		{"a {x:int...}", "a 1 2 please", "1 2"},
		{"a {x:int}", "a please", "!"},
		{"a {x}", "a", "!"},
	} {
		t.Run(tt.pattern+" "+tt.text, func(t *testing.T) {
			r := new(Router)
			got := "!"
			r.Add(Route{Pattern: tt.pattern, IgnoreExtra: true, Handler: func(c *Context) error { got = c.Arg("x"); return nil }})
			err := r.Serve(newMessage(t, tt.text))
			var wrong *ArgError
			if got != tt.want || errors.As(err, &wrong) != (tt.want == "!") {
				t.Errorf("%q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

// Usage is what the person has to write, with their own words for it.
func TestUsage(t *testing.T) {
	const button = `{"message":{"peer_id":5,"text":"Ban","payload":"{\"command\":\" ban  user\"}"}}`
	for _, tt := range []struct{ text, want string }{
		{"!ban user", "!ban user {who:user} {days:int=1}"},
		{"!бан  user x y", "!бан user {who:user} {days:int=1}"},
		{"!БАН\nUSER", "!БАН USER {who:user} {days:int=1}"},
		{"[club1|@x], ban user 5 x", "[club1|@x], ban user {who:user} {days:int=1}"},
		{button, "ban user {who:user} {days:int=1}"},
	} {
		t.Run(tt.text, func(t *testing.T) {
			r := &Router{Prefix: AnyPrefix(Literal("!"), Mentioned()), Fold: true}
			var rt *Route
			r.Route("кик|ban|бан", func(r *Router) {
				rt = r.Handle("user|кого {who:user} {days:int=1}", func(*Context) error { return nil })
			})
			c := newMessage(t, tt.text)
			if tt.text == button {
				var err error
				if c.event, err = ParseEvent([]byte(`{"type":"message_new","event_id":"e","group_id":1,"object":` + button + `}`)); err != nil {
					t.Fatal(err)
				}
			}
			var wrong *ArgError
			if err := r.Serve(c); !errors.As(err, &wrong) || wrong.Usage != tt.want || wrong.Route != rt {
				t.Errorf("%v, want %s", err, tt.want)
			}
			if got := rt.Usage(); got != "кик user {who:user} {days:int=1}" {
				t.Error(got)
			}
		})
	}
}

// FuzzCommandLine: no text does harm, and every text can be quoted.
func FuzzCommandLine(f *testing.F) {
	for _, s := range []string{
		"", "!", "! ping", "!ping", "!ping x", "!roll 6", "!roll six", `!say "a b" c`, "!sum 1 2 3 x", `!sum 1 "`, "!admin ban  5 «x»",
		"!кот\u00a0да", `!say \"a\ \`, "!opt 5 on rest", strings.Repeat("!sum", 3) + strings.Repeat(" 1", 100), "!\xff\xfe x",
		"[club1|@tea], !MUTE [id1|Anna P], 2 часа за спам", "!mute 1 club1 2000000001 7d 31.12 18:00 vk.com/x s", "@tea ROLL", "!mute @durov",
	} {
		f.Add(s)
	}
	r := &Router{Prefix: AnyPrefix(Literal("!", "бот, "), Mentioned("tea")), Fold: true}
	r.Converter("size", OneOf("S", "M"))
	ran := 0
	count := func(*Context) error { ran++; return nil }
	r.Handle("ping", count)
	r.Handle("roll {n:int=6}", count)
	r.Handle("say {a} {b?}", count)
	r.Handle("кот|кошка {x:bool|float}", count)
	r.Handle("opt {n:int?} {b:bool?} {rest...?}", count)
	Command(r, "mute {who:user|group|peer...?} {for:duration=1h} {at:time?} {link:url|size?} {why...=none}", func(c *Context, a struct {
		Who  []int64
		For  time.Duration
		At   *time.Time
		Link any
		Why  string
	}) error {
		for _, id := range a.Who {
			if id == 0 {
				f.Errorf("%q: %+v", c.Text(), a)
			}
		}
		if a.For < 0 || a.Why == "" {
			f.Errorf("%q: %+v", c.Text(), a)
		}
		ran++
		return nil
	})
	Command(r, "sum {n:int...} {rest...=none}", func(c *Context, a struct {
		N    []int
		Rest string
	}) error {
		if len(a.N) == 0 || a.Rest == "" {
			f.Errorf("%q: %+v", c.Text(), a)
		}
		ran++
		return nil
	})
	r.Route("admin", func(r *Router) {
		r.Handle("ban|kick {user:int} {why...}", count)
		r.NotFound(count)
	})
	f.Fuzz(func(t *testing.T, s string) {
		ran = 0
		err := r.Serve(newMessage(t, s))
		var arg *ArgError
		var unknown *NotFoundError
		_, command := r.Prefix(foldingContext(newMessage(t, s)))
		switch {
		case errors.Is(err, errNoClient):
			return // a short address
		case err == nil && ran > 1, err != nil && ran > 0:
			t.Errorf("%d handlers ran: %v", ran, err)
		case err == nil && ran == 1 && !command, err != nil && !command:
			t.Errorf("no prefix, but %d handlers ran: %v", ran, err)
		case err != nil && !errors.As(err, &arg) && !errors.As(err, &unknown):
			t.Error(err)
		}

		quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
		if word, rest, err := nextWord(quoted + " x"); err != nil || word != s || rest != " x" {
			t.Errorf("%s is read as %q, %q, %v", quoted, word, rest, err)
		}
	})
}

// The cost of a line is that of its length, however many words it has: this
// one would take minutes if each word cost all of it.
func TestArgumentsCostIsLinear(t *testing.T) {
	p, err := parsePattern("{a:int|bool|string...}")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"1 ", `"1" `, `\“ `, "’ "} {
		values, err := parseLine(p.params, strings.Repeat(word, 50_000))
		if err != nil || len(values[0].v.([]any)) != 50_000 {
			t.Error(word, err)
		}
	}
	if _, err := parseLine(p.params, strings.Repeat(`"1 `, 50_001)); err == nil {
		t.Error("bad quotes are taken")
	}
}

// parseLine reads arguments as a route without a Context does.
func parseLine(params []param, line string) ([]value, *ArgError) {
	values, wrong, err := new(argReader).read(params, line, false)
	if err != nil {
		panic(err)
	}
	return values, wrong
}

// foldingContext has a Prefix take its text as a Router with Fold does.
func foldingContext(c *Context) *Context {
	c.fold = true
	return c
}
