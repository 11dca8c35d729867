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
	e.head.text = text // JSON cannot hold invalid UTF-8
	return NewContext(context.Background(), nil, e)
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

// TestArgInMiddleware checks that middleware can read an argument, or gets ""
// if the arguments are invalid; the handler does not run then.
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
		{"missing", "! roll", ArgError{}, ""}, // space after the prefix: not a command
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

// TestArgErrorHasQuoteError checks the three mistakes with quotation marks for
// which vk_botting has an exception each.
func TestArgErrorHasQuoteError(t *testing.T) {
	tests := []struct {
		name, text string
		value      string // ArgError.Value
		want       QuoteError
	}{
		{"UnexpectedQuoteError", `a"b`, `a"b`, QuoteError{QuoteInside, '"', 1}},
		{"behind an escape", `x я\"«b y`, `я\"«b y`, QuoteError{QuoteInside, '«', 4}},
		{"InvalidEndOfQuotedStringError", `"a"b`, `"a"b`, QuoteError{QuoteNoSpace, 'b', 3}},
		{"of more bytes", `x «я»ж`, `«я»ж`, QuoteError{QuoteNoSpace, 'ж', 6}},
		{"ExpectedClosingQuoteError", `"abc`, `"abc`, QuoteError{QuoteUnclosed, '"', 0}},
		{"of another pair", `x „a "b`, `„a "b`, QuoteError{QuoteUnclosed, '„', 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := new(Router)
			r.Handle("a {x} {y?}", func(*Context) error { return nil })
			err := r.Serve(newMessage(t, "a "+tt.text))
			var wrong *ArgError
			var quote *QuoteError
			if !errors.As(err, &wrong) || !errors.As(err, &quote) || !errors.Is(err, ErrBadQuote) {
				t.Fatal(err)
			}
			if *quote != tt.want || wrong.Value != tt.value || !strings.HasSuffix(wrong.Error(), quote.Error()) {
				t.Errorf("%q: %+v, want %q: %+v", wrong.Value, *quote, tt.value, tt.want)
			}
		})
	}
}

func TestCommandBindsStruct(t *testing.T) {
	type args struct {
		Who   int64
		Size  *string
		Times []uint8
		Why   string
	}
	r := NewRouter("!")
	r.Converter("size", OneOf("S", "M"))
	var got args
	r.Route("in|inside", func(r *Router) {
		Command(r, "a {who:user} {size:size?} {times:int...=7} {why...?}", func(_ *Context, a args) error { got = a; return nil })
	})
	size := "M"
	for text, want := range map[string]args{
		"!in a 5":                            {Who: 5, Times: []uint8{7}},
		"!in a 5 1 256":                      {Who: 5, Times: []uint8{1}, Why: "256"}, // no uint8
		"!inside a [id5|Anna P], m 1 255 so": {5, &size, []uint8{1, 255}, "so"},
	} {
		if err := r.Serve(newMessage(t, text)); err != nil || !cmp.Equal(got, want) {
			t.Errorf("%s: %+v, %v, want %+v", text, got, err, want)
		}
	}
	var wrong *ArgError
	if err := r.Serve(newMessage(t, "!in a x")); !errors.As(err, &wrong) || wrong.Name != "who" || wrong.Value != "x" || !errors.Is(err, ErrArgType) {
		t.Error(err)
	}
}

// TestCommandKeepsItsPattern checks that a Route of Command cannot be added
// again with another pattern.
func TestCommandKeepsItsPattern(t *testing.T) {
	r := new(Router)
	rt := *Command(r, "a {n:int}", func(*Context, struct{ N int }) error { return nil })
	rt.Pattern = "b {n:int} {x}"
	defer func() {
		if msg := fmt.Sprint(recover()); !strings.HasSuffix(msg, "its arguments are not those of the Command") {
			t.Error(msg)
		}
	}()
	r.Add(rt)
}

func TestCommandRefusesWhatDoesNotBind(t *testing.T) {
	tests := []struct {
		name     string
		register func(*Router)
		want     string
	}{
		{"no struct", registering[int]("a {n:int}"), "the arguments are of type int, which is no struct"},
		{"no field", registering[struct{}]("a {n:int}"), "no field for {n}"},
		{"no placeholder", registering[struct{ N int }]("a"), "no placeholder for the field N"},
		{"string for a number", registering[struct{ N string }]("a {n:int}"), "the field N is of type string, which cannot hold {n}"},
		{"string for a user", registering[struct{ N string }]("a {n:user}"), "the field N is of type string, which cannot hold {n}"},
		{"page of another kind", registering[struct{ N Group }]("a {n:user}"), "the field N is of type vk.Group, which cannot hold {n}"},
		{"person for a community", registering[struct{ N User }]("a {n:group}"), "the field N is of type vk.User, which cannot hold {n}"},
		{"person for either", registering[struct{ N User }]("a {n:page}"), "the field N is of type vk.User, which cannot hold {n}"},
		{"page for a chat", registering[struct{ N Profile }]("a {n:peer}"), "the field N is of type vk.Profile, which cannot hold {n}"},
		{"malformed pattern", registering[struct{}]("a {"), `the placeholder "{" is not closed`},
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

// registering returns a function that registers a pattern with arguments of
// type A.
func registering[A any](pattern string) func(*Router) {
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

// TestUsage checks that the usage has the words that the user wrote.
func TestUsage(t *testing.T) {
	const button = `{"message":{"peer_id":5,"text":"Ban","payload":"{\"command\":\" ban  user\"}"}}`
	for _, tt := range []struct{ text, want string }{
		{"!ban user", "!ban user {who:user} {days:int=1}"},
		{"!бан  user x y", "!бан user {who:user} {days:int=1}"},
		{"!БАН\nUSER", "!БАН USER {who:user} {days:int=1}"},
		{"[club1|@x], ban user 5 x", "[club1|@x], ban user {who:user} {days:int=1}"},
		{"!бан за дверь x y", "!бан за дверь {who:user} {days:int=1}"},
		{"!ban Out x y", "!ban Out {who:user} {days:int=1}"},
		{"!бан вон x y", "!бан вон {who:user} {days:int=1}"},
		{button, "ban user {who:user} {days:int=1}"},
	} {
		t.Run(tt.text, func(t *testing.T) {
			r := &Router{Prefix: AnyPrefix(Literal("!"), Mentioned()), Fold: true}
			var rt *Route
			r.Route("кик|ban|бан", func(r *Router) {
				rt = r.Add(Route{Pattern: "user|кого {who:user} {days:int=1}", Aliases: []string{"за дверь", "out|вон"}, Handler: func(*Context) error { return nil }})
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

// TestConverterOfTheRest checks that a type of ConvertFunc, as {x...}, is one
// argument.
func TestConverterOfTheRest(t *testing.T) {
	upper := ConvertFunc(func(c *Context, text string) (string, error) {
		if text == "none" {
			return "", fmt.Errorf("%w: no role", ErrArgType)
		}
		return fmt.Sprint(strings.ToUpper(text), c.PeerID()), nil
	})
	r := NewRouter("!")
	r.Converter("role", upper)
	got := ""
	Command(r, "a {n:int} {x:role...=user}", func(_ *Context, a struct {
		N int
		X string
	}) error {
		got = a.X
		return nil
	})
	for text, want := range map[string]string{"!a 1 chat  moderator": "CHAT  MODERATOR5", "!a 1 x": "X5", "!a 1": "USER5"} {
		if err := r.Serve(newMessage(t, text)); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", text, got, err, want)
		}
	}
	if err := r.Serve(newMessage(t, "!a 1 none")); !errors.Is(err, ErrArgType) {
		t.Error(err)
	}
}

// FuzzCommandLine checks that no text breaks the parser.
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
	})
}

// foldingContext makes a Prefix match like that of a Router with Fold.
func foldingContext(c *Context) *Context {
	c.fold = true
	return c
}

// BenchmarkArguments measures the parsing of arguments alone.
func BenchmarkArguments(b *testing.B) {
	for _, bb := range []struct{ name, pattern, line string }{
		{"three typed", "{i:int} {f:float} {b:bool}", "5 1.5 yes"},
		{"user, duration, rest", "{u:user} {d:duration} {why...}", "[id5|Anna Petrova], 2 часа за спам"},
		{"time", "{t:time}", "31.12.2026 18:00"},
		{"union", "{x:int|bool|word}", "neither"},
		{"words of 90 bytes", "{x:word...}", strings.Repeat("слово ", 8)},
		{"words of 9000 bytes", "{x:word...}", strings.Repeat("слово ", 818)},
		{"users of 90 bytes", "{x:user...}", strings.Repeat("@id123456 ", 9)},
		{"users of 9000 bytes", "{x:user...}", strings.Repeat("@id123456 ", 900)},
		{"durations of 90 bytes", "{x:duration...}", strings.Repeat("30 мин ", 8)},
		{"durations of 9000 bytes", "{x:duration...}", strings.Repeat("30 мин ", 818)},
		{"brackets of 90 bytes", "{x:user...?} {y...}", strings.Repeat("[id1|", 18)},
		{"brackets of 9000 bytes", "{x:user...?} {y...}", strings.Repeat("[id1|", 1800)},
		{"numbers of 90 bytes", "{x:duration...?} {y...}", strings.Repeat("1 ", 45)},
		{"numbers of 9000 bytes", "{x:duration...?} {y...}", strings.Repeat("1 ", 4500)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			p, err := new(Router).parsePattern(bb.pattern)
			if err != nil {
				b.Fatal(err)
			}
			c := newMessage(b, "").newMatched()
			c.inv.route, c.inv.line = &Route{params: p.Params}, bb.line
			for b.Loop() {
				if _, err := c.readArgs(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
