package vk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vkrouter/vk"
)

// TestRouterFindsLongestWords has the table of vk_botting's lookup, with our
// rule that any run of spaces separates words.
func TestRouterFindsLongestWords(t *testing.T) {
	var ran trace
	r := vk.NewRouter("!")
	for _, pattern := range []string{
		"foo {x...?}", "foo bar {x...?}", "foo bar baz qux {x...?}", "fb x y {x...?}",
		"Привет Мир", "a|b c|d {x...?}", "word",
		strings.Repeat("w", 64), strings.Repeat("я", 32) + " {x...?}",
	} {
		r.Handle(pattern, ran.handler(strings.TrimSuffix(pattern, " {x...?}")))
	}
	tests := []struct {
		text string
		want string // the handler that ran; "" for none, "?" for a NotFoundError
	}{
		{"!foo", "foo"},
		{"!foo bar baz", "foo bar: baz"},
		{"!foo  bar", "foo bar"}, // was foo, with the argument bar
		{"!foo bar\nbaz", "foo bar: baz"},
		{"!foo\nbar baz", "foo bar: baz"}, // was foo, with two arguments
		{"!foo\u00a0\t bar", "foo bar"},
		{"!foo bar baz qux", "foo bar baz qux"},
		{"!foo bar baz quux", "foo bar: baz quux"}, // back to the last that is a command
		{"!foo bax", "foo: bax"},
		{`!foo "a b" c`, `foo: "a b" c`},
		{`!foo "bar"`, `foo: "bar"`}, // a quoted word is not a word of a command
		{"!fb x y z", "fb x y: z"},
		{"!fb x", "?"}, // the beginning of a command is not a command
		{"!fb x yy", "?"},
		{"!fo", "?"},
		{"!foobar", "?"},
		{"!foo ", "foo"},
		{"!", ""},
		{"! foo", ""},
		{"!\nfoo", ""},
		{"!nope", "?"},
		{"foo", ""},
		{" !foo", ""},
		{"", ""},
		{"!Привет Мир", "Привет Мир"},
		{"!привет Мир", "?"}, // case matters
		{"!a c", "a|b c|d"},
		{"!a d 1", "a|b c|d: 1"},
		{"!b c 2", "a|b c|d: 2"},
		{"!b d", "a|b c|d"},
		{"!a|b c", "?"},
		{"!a", "?"},
		{"!" + strings.Repeat("w", 64), strings.Repeat("w", 64)},
		{"!" + strings.Repeat("w", 65), "?"},
		{"!" + strings.Repeat("w", 9000), "?"},
		{"!" + strings.Repeat("я", 32) + " x", strings.Repeat("я", 32) + ": x"},
		{"!foo " + strings.Repeat("w", 65), "foo: " + strings.Repeat("w", 65)},
		{"!foo " + strings.Repeat("bar ", 1000), "foo bar: " + strings.TrimSpace(strings.Repeat("bar ", 999))},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			err := r.Serve(said(t, tt.text))
			var unknown *vk.NotFoundError
			switch {
			case tt.want == "?":
				if !errors.As(err, &unknown) || unknown.Prefix+unknown.Line != tt.text {
					t.Error(err)
				}
				ran.is(t)
			case err != nil:
				t.Error(err)
			case tt.want == "":
				ran.is(t)
			default:
				ran.is(t, tt.want)
			}
		})
	}
}

func TestRouterPrefixes(t *testing.T) {
	ask := func(want string) func(*vk.Context) (string, bool) {
		return func(c *vk.Context) (string, bool) { return want, true }
	}
	tests := []struct {
		name   string
		router *vk.Router
		text   string
		want   string // prefix and argument; "" for nothing
	}{
		{"one", vk.NewRouter("!"), "!go 1", "!|1"},
		{"another", vk.NewRouter("!", "/"), "/go 1", "/|1"},
		{"none of them", vk.NewRouter("!", "/"), "go 1", ""},
		{"longest wins", vk.NewRouter("!", "!!", "!!!"), "!!go 1", "!!|1"},
		{"longest wins in any order", vk.NewRouter("!!", "!"), "!!go 1", "!!|1"},
		{"of several bytes", vk.NewRouter("бот, "), "бот, go 1", "бот, |1"},
		{"case counts", vk.NewRouter("бот, "), "Бот, go 1", ""},
		{"space behind it", vk.NewRouter("!"), "! go 1", ""},
		{"spaced", &vk.Router{Prefix: vk.Literal("!").Spaced()}, "!go 1", "!|1"},
		{"spaced, behind", &vk.Router{Prefix: vk.Literal("!").Spaced()}, "! go 1", "! |1"},
		{"spaced, before", &vk.Router{Prefix: vk.Literal("!").Spaced()}, "\n !go 1", "\n !|1"},
		{"spaced, neither", &vk.Router{Prefix: vk.Literal("!").Spaced()}, " go 1", ""},
		{"spaced and folded", &vk.Router{Prefix: vk.Literal("бот,").Spaced(), Fold: true}, " Бот,  go 1", " Бот,  |1"},
		{"spaced, and nothing is a prefix", &vk.Router{Prefix: vk.Literal("").Spaced()}, " go 1", "|1"},
		{"spaced function that finds what is not there", &vk.Router{Prefix: vk.PrefixFunc(ask("hey ")).Spaced()}, "go 1", ""},
		{"any, one of them spaced", &vk.Router{Prefix: vk.AnyPrefix(vk.Literal("/"), vk.Literal("!").Spaced())}, " ! go 1", " ! |1"},
		{"prefix only", vk.NewRouter("!"), "!", ""},
		{"prefix with its own space", vk.NewRouter("! "), "! go 1", "! |1"},
		{"empty", vk.NewRouter(""), "go 1", "|1"},
		{"empty, with space in front", vk.NewRouter(""), "  go 1", "|1"},
		{"empty is the shortest", vk.NewRouter("", "!"), "!go 1", "!|1"},
		{"empty, where another might be", vk.NewRouter("", "!"), "go 1", "|1"},
		{"no prefixes", vk.NewRouter(), "go 1", "|1"},
		{"zero Router", new(vk.Router), "go 1", "|1"},
		{"zero Router, with space in front", new(vk.Router), "\n go 1", "|1"},
		{"zero Router, chatter", new(vk.Router), "gone", ""},
		{"a Literal without prefixes fits nothing", &vk.Router{Prefix: vk.Literal()}, "go 1", ""},
		{"function", &vk.Router{Prefix: ask("hey ")}, "hey go 1", "hey |1"},
		{"function that finds what is not there", &vk.Router{Prefix: ask("hey ")}, "go 1", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			tt.router.Handle("go {x}", func(c *vk.Context) error {
				got = c.Prefix() + "|" + c.Arg("x")
				return nil
			})
			if err := tt.router.Serve(said(t, tt.text)); err != nil || got != tt.want {
				t.Errorf("%q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestRouterAsksForPrefixOnce(t *testing.T) {
	asked := 0
	r := &vk.Router{Prefix: func(c *vk.Context) (string, bool) { asked++; return "!", true }}
	r.Handle("a", nothing)
	r.Route("b", func(r *vk.Router) { r.Handle("c", nothing) })
	r.Serve(said(t, "!b c"))
	r.Serve(happened(t, "message_reply", `{"peer_id":5,"from_id":-1,"text":"!a"}`))
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

// TestRouterAnswerBots checks that a community's message leads to a route only
// with AnswerBots, and always to listeners.
func TestRouterAnswerBots(t *testing.T) {
	for _, answer := range []bool{false, true} {
		r := &vk.Router{Prefix: vk.Literal("!"), AnswerBots: answer}
		var ran []string
		h := func(name string) vk.HandlerFunc {
			return func(*vk.Context) error { ran = append(ran, name); return nil }
		}
		r.Handle("a", h("command"))
		r.Text("hello", h("text"))
		r.NotFound(h("unknown"))
		r.When(vk.Regexp("^x"), h("condition"))
		vk.Press(r, "k", func(*vk.Context, int) error { return h("press")(nil) })
		vk.On(r, vk.EventMessageNew, func(*vk.Context, *vk.MessageNew) error { ran = append(ran, "heard"); return nil })
		for _, tt := range []struct{ name, message, route string }{
			{"a command", `"text":"!a"`, "command"},
			{"a text", `"text":"hello"`, "text"},
			{"no command", `"text":"!b"`, "unknown"},
			{"a condition", `"text":"xyz"`, "condition"},
			{"a button", `"text":"b","payload":"{\"k\":1}"`, "press"},
			{"a button with a command", `"text":"b","payload":"{\"command\":\"a\"}"`, "command"},
		} {
			for _, from := range []int{-777, 777} {
				t.Run(fmt.Sprintf("%s from %d, AnswerBots %t", tt.name, from, answer), func(t *testing.T) {
					ran = nil
					want := []string{"heard"}
					if from > 0 || answer {
						want = append(want, tt.route)
					}
					c := happened(t, "message_new", fmt.Sprintf(`{"message":{"peer_id":2000000001,"from_id":%d,%s}}`, from, tt.message))
					if m, err := r.Match(c); err != nil || (m.Route() != nil) != (len(want) > 1 && tt.route != "unknown") {
						t.Errorf("Match: %v", err)
					}
					if err := r.Serve(c); err != nil || !slices.Equal(ran, want) {
						t.Errorf("%q, %v, want %q", ran, err, want)
					}
				})
			}
		}
	}
}

func TestRouterNotFound(t *testing.T) {
	var ran trace
	build := func(r *vk.Router) *vk.Router {
		r.Use(ran.around("top"))
		r.Handle("a {x...?}", ran.handler("a"))
		r.Handle("a b c d", ran.handler("a b c d"))
		r.NotFound(ran.handler("top?"))
		r.Route("a b", func(r *vk.Router) {
			r.Use(ran.around("in"))
			r.NotFound(func(c *vk.Context) error {
				ran.note("a b?")
				return nil
			})
			r.Handle("c {x...?}", ran.handler("a b c"))
			r.Route("e|f", func(r *vk.Router) { r.NotFound(ran.handler("e|f?")) })
		})
		r.Route("g", func(r *vk.Router) {
			r.NotFound(ran.handler("g?"))
			r.Handle("{x?}", ran.handler("g"))
		})
		r.Group(func(r *vk.Router) { r.Use(ran.around("group")); r.Handle("h", ran.handler("h")) })
		return r
	}
	r := build(vk.NewRouter("!"))
	for _, tt := range []struct {
		text string
		want []string
	}{
		{"!nope", []string{"top(", "top?", ")top"}},
		{"!a x y", []string{"top(", "a: x y", ")top"}},
		{"!a b", []string{"top(", "in(", "a b?", ")in", ")top"}}, // deeper than the route a
		{"!a b x", []string{"top(", "in(", "a b?", ")in", ")top"}},
		{"!a b c x", []string{"top(", "in(", "a b c: x", ")in", ")top"}},
		{"!a b c d", []string{"top(", "a b c d", ")top"}},
		{"!a b e x", []string{"top(", "in(", "e|f?", ")in", ")top"}},
		{"!a b f", []string{"top(", "in(", "e|f?", ")in", ")top"}},
		{"!g x", []string{"top(", "g: x", ")top"}}, // the route has as many words
		{"!h", []string{"top(", "group(", "h", ")group", ")top"}},
		{"chatter", nil},
	} {
		t.Run(tt.text, func(t *testing.T) {
			if err := r.Serve(said(t, tt.text)); err != nil {
				t.Error(err)
			}
			ran.is(t, tt.want...)
		})
	}
	t.Run("without a prefix it gets every text", func(t *testing.T) {
		if err := build(new(vk.Router)).Serve(said(t, "chatter")); err != nil {
			t.Error(err)
		}
		ran.is(t, "top(", "top?", ")top")
	})
}

func TestRouterWithoutNotFound(t *testing.T) {
	var ran trace
	var seen error
	see := func(next vk.HandlerFunc) vk.HandlerFunc {
		return func(c *vk.Context) error { seen = next(c); return seen }
	}
	t.Run("a line with a prefix is an error, which middleware sees", func(t *testing.T) {
		r := vk.NewRouter("!")
		r.Use(ran.around("use"), see)
		var unknown *vk.NotFoundError
		if err := r.Serve(said(t, "!no  such")); !errors.As(err, &unknown) || !errors.As(seen, &unknown) {
			t.Fatal(err, seen)
		}
		if *unknown != (vk.NotFoundError{Prefix: "!", Line: "no  such"}) || unknown.Error() != `vk: no command "!no"` {
			t.Errorf("%#v, %v", unknown, unknown)
		}
		ran.is(t, "use(", ")use")
		if err := r.Serve(said(t, "chatter")); err != nil {
			t.Error(err)
		}
		ran.is(t)
	})
	t.Run("a text without one is left alone, by middleware too", func(t *testing.T) {
		r := new(vk.Router)
		r.Use(ran.around("use"))
		r.Handle("a", ran.handler("a"))
		if err := r.Serve(said(t, "chatter")); err != nil {
			t.Error(err)
		}
		ran.is(t)
		if err := r.Serve(said(t, "a")); err != nil {
			t.Error(err)
		}
		ran.is(t, "use(", "a", ")use")
	})
}

func TestRouterRoutesMessagesToTheBotOnly(t *testing.T) {
	message := `"peer_id":5,"from_id":5,"text":"a"`
	for name, tt := range map[string]struct {
		kind, object string
		want         bool
	}{
		"message":                {"message_new", `{"message":{` + message + `}}`, true},
		"own message":            {"message_new", `{"message":{"out":1,` + message + `}}`, false},
		"message of the bot":     {"message_reply", `{` + message + `}`, false},
		"edited message":         {"message_edit", `{` + message + `}`, false},
		"press of a button":      {"message_event", `{"user_id":5,"peer_id":5,"payload":{"command":"a"}}`, true},
		"press of another":       {"message_event", `{"user_id":5,"peer_id":5,"payload":{"command":"b"},"text":"a"}`, false},
		"comment":                {"wall_reply_new", `{"from_id":5,"text":"a"}`, false},
		"message without a text": {"message_new", `{"message":{"peer_id":5,"from_id":5}}`, false},
		"message of nobody":      {"message_new", `{}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			var ran trace
			r := new(vk.Router)
			r.Handle("a", ran.handler("a"))
			r.NotFound(ran.handler("not found"))
			if err := r.Serve(happened(t, tt.kind, tt.object)); err != nil {
				t.Error(err)
			}
			if tt.want {
				ran.is(t, "a")
			} else {
				ran.is(t)
			}
		})
	}
}

func TestRouterFold(t *testing.T) {
	tests := []struct {
		name    string
		pattern string
		text    string
		want    string // prefix and argument, or "" for none
	}{
		{"vk_botting's", "ПриВет Мир {x?}", "!ПРИВЕТ мир", "!|"},
		{"argument keeps its case", "say {x?}", "!SAY Loud", "!|Loud"},
		{"prefix", "say {x?}", "БОТ, say it", "БОТ, |it"},
		{"prefix with ё", "say {x?}", "Ежик say it", "Ежик |it"},
		{"prefix cut short", "say {x?}", "бо", ""},
		{"longest prefix", "say {x?}", "БОТ, Бот, say", "БОТ, Бот, |"},
		{"alternatives", "А|б {x?}", "!Б 1", "!|1"},
		{"longest word", strings.Repeat("я", 32) + " {x?}", "!" + strings.Repeat("Я", 32), "!|"},
		{"word of more bytes than are looked up", strings.Repeat("k", 64) + " {x?}", "!" + strings.Repeat("\u212a", 64), "?"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &vk.Router{Prefix: vk.Literal("!", "бот, ", "бот, бот, ", "ёжик "), Fold: true}
			got := ""
			r.Handle(tt.pattern, func(c *vk.Context) error {
				got = c.Prefix() + "|" + c.Arg("x")
				return nil
			})
			err := r.Serve(said(t, tt.text))
			if tt.want == "?" {
				var unknown *vk.NotFoundError
				if !errors.As(err, &unknown) {
					t.Errorf("%q, %v, want a NotFoundError", got, err)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Errorf("%q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

// TestFoldedWordsConflict checks that words that differ only in case are a
// conflict, and not two routes of which one is never found.
func TestFoldedWordsConflict(t *testing.T) {
	h := func(*vk.Context) error { return nil }
	register := func(fold bool, patterns ...string) (msg any) {
		defer func() { msg = recover() }()
		r := &vk.Router{Fold: fold}
		for _, p := range patterns {
			r.Handle(p, h)
		}
		return nil
	}
	if msg := register(true, "всё", "ВСЕ {x}"); msg == nil {
		t.Error("no conflict")
	}
	if msg := register(false, "всё", "ВСЕ {x}"); msg != nil {
		t.Error(msg)
	}
	r := &vk.Router{Fold: true}
	rt := r.Handle("Ping", h)
	r.Remove(rt)
	r.Handle("PING", h) // the words are free again
}

// TestFoldSetLate checks that setting Fold too late is reported.
func TestFoldSetLate(t *testing.T) {
	h := func(*vk.Context) error { return nil }
	for name, late := range map[string]func(r *vk.Router){
		"at the next route":    func(r *vk.Router) { r.Handle("b", h) },
		"at the first event":   func(r *vk.Router) { r.Serve(said(t, "!a")) },
		"at a NotFound inside": func(r *vk.Router) { r.Route("in", func(r *vk.Router) { r.NotFound(h) }) },
	} {
		for _, fold := range []bool{true, false} {
			r := &vk.Router{Prefix: vk.Literal("!"), Fold: !fold}
			r.Handle("a", h)
			r.Fold = fold
			msg := func() (msg string) {
				defer func() { msg, _ = recover().(string) }()
				late(r)
				return ""
			}()
			if !strings.Contains(msg, "Fold was") {
				t.Errorf("%s: %q", name, msg)
			}
			r.Fold = !fold
			if err := r.Serve(said(t, "!a")); err != nil { // and no lock is held
				t.Error(err)
			}
		}
	}
}

// FuzzMatch checks that, for any event, no route panics, at most one runs, and
// it is the one that Match returns.
func FuzzMatch(f *testing.F) {
	for _, seed := range [][2]string{
		{"!a b", ""}, {"!a b c", `{"key":1}`}, {"hello", `{"command":"a b"}`}, {"!in x", `{"key":"x"}`}, {"5?", `["key"]`},
		{"HELLO  there", `{"command":{"a":1},"key":null}`}, {"", "{"}, {"!", `"key"`}, {"!a 1", `{"key":[1,{"x":"\ud800"}]}`},
	} {
		f.Add(seed[0], seed[1], false)
		f.Add(seed[0], seed[1], true)
	}
	f.Fuzz(func(t *testing.T, text, payload string, press bool) {
		var ran []*vk.Route
		note := func(c *vk.Context) error { ran = append(ran, c.Route()); c.Invoked(); c.Line(); c.Arg("1"); return nil }
		r := vk.NewRouter("!")
		r.Handle("a {n:int?} {x...?}", note)
		r.Handle("a b", note)
		r.Text("hello there|hi", note)
		vk.Press(r, "key", func(c *vk.Context, _ []json.RawMessage) error { return note(c) })
		r.When(vk.Regexp(`^(\d+)\?`), note)
		r.When(vk.Has("photo"), note)
		r.Route("in", func(r *vk.Router) { r.NotFound(note) })

		kind, object := "message_new", map[string]any{"message": map[string]any{"peer_id": 5, "from_id": 5, "text": text, "payload": payload}}
		if press {
			kind, object = "message_event", map[string]any{"peer_id": 5, "user_id": 5, "payload": payload}
			if json.Valid([]byte(payload)) {
				object["payload"] = json.RawMessage(payload)
			}
		}
		raw, err := json.Marshal(map[string]any{"type": kind, "object": object})
		if err != nil {
			t.Skip(err)
		}
		e, err := vk.ParseEvent(raw)
		if err != nil {
			t.Fatal(err)
		}
		c := vk.NewContext(context.Background(), nil, e)
		found, err := r.Match(c)
		if err != nil {
			t.Fatal(err)
		}
		err = r.Serve(c)
		var panicky *vk.PanicError
		if errors.As(err, &panicky) {
			t.Fatalf("%v\n%s", err, panicky.Stack)
		}
		if len(ran) > 1 || len(ran) == 1 && ran[0] != found.Route() || len(ran) == 0 && err == nil && found.Route() != nil {
			t.Errorf("ran %v, Match found %v, %v", ran, found.Route(), err)
		}
	})
}
