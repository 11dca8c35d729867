package vk

import (
	"errors"
	"strings"
	"testing"
)

// in returns a Context for a text that somebody wrote to community 1, in private
// or in a chat.
func in(t testing.TB, peer int64, text string) *Context {
	t.Helper()
	c := newMessage(t, text)
	c.event.head.peer = peer
	return c
}

const aChat = chatPeers + 1

// The forms of a mention: vk_botting knew only the first, and that only with a
// space behind it.
func TestMentioned(t *testing.T) {
	tests := []struct {
		text string
		want string // prefix; "-" for none
	}{
		{"[club1|@name] ping", "[club1|@name] "},
		{"[club1|@name], ping", "[club1|@name], "},
		{"[club1|@name]: ping", "[club1|@name]: "},
		{"[club1|@name] , ping", "[club1|@name] , "},
		{"[club1|@name]ping", "[club1|@name]"},
		{"[club1|@name],ping", "[club1|@name],"},
		{"[club1|@name]  \n ping", "[club1|@name]  \n "},
		{"[club1|Tea and more] ping", "[club1|Tea and more] "},
		{"[public1|Tea] ping", "[public1|Tea] "},
		{"[event1|Tea] ping", "[event1|Tea] "},
		{"[https://vk.com/club1|Tea] ping", "[https://vk.com/club1|Tea] "},
		{"@club1 ping", "@club1 "},
		{"@club1, ping", "@club1, "},
		{"@public1 ping", "@public1 "},
		{"@event1 ping", "@event1 "},
		{"@club1 (Tea), ping", "@club1 (Tea), "},
		{"*club1 ping", "*club1 "},
		{"@CLUB1 ping", "@CLUB1 "},
		{" @club1 ping", " @club1 "},
		{"@tea ping", "@tea "},
		{"@Tea, ping", "@Tea, "},
		{"[tea|Tea] ping", "[tea|Tea] "},
		{"@shop ping", "@shop "},
		{"[club1|@name]", "[club1|@name]"},
		{"[club1|@name], ", "[club1|@name], "},
		{"@club1", "@club1"},
		{"@club1,, ping", "@club1,"}, // and then a word ","

		{"@club10 ping", "-"},
		{"[club2|@name] ping", "-"},
		{"[id1|@name] ping", "-"},
		{"@id1 ping", "-"},
		{"@coffee ping", "-"},
		{"@teapot ping", "-"},
		{"@all ping", "-"},
		{"club1 ping", "-"},
		{"tea ping", "-"},
		{"[club1] ping", "-"},
		{"[club1|@name ping", "-"},
		{"ping [club1|@name]", "-"},
		{"@club1ping", "-"},
		{"ping", "-"},
		{"", "-"},
	}
	find := Mentioned("tea", "@shop")
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, ok := find(newMessage(t, tt.text))
			if !ok {
				got = "-"
			}
			if got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
	if _, ok := Mentioned()(newMessage(t, "@tea ping")); ok {
		t.Error("knows an address that nobody has told it")
	}
}

// TestPrefixAlone: the route without words is that of the prefix with nothing
// behind it, and of nothing else.
func TestPrefixAlone(t *testing.T) {
	r := &Router{Prefix: AnyPrefix(Mentioned(), Literal("!"), NoPrefixInPrivate)}
	got := ""
	alone := r.Handle("", func(c *Context) error {
		got = "alone: " + c.Prefix() + "|" + c.Invoked() + "|" + c.Line()
		return nil
	})
	r.Handle("go", func(c *Context) error { got = "go"; return nil })
	r.NotFound(func(c *Context) error { got = "not found"; return nil })
	r.When(func(c *Context) (bool, error) { return c.Text() == "" || c.Text() == "! go", nil }, func(c *Context) error { got = "when"; return nil })
	for _, tt := range []struct {
		peer       int64
		text, want string
	}{
		{aChat, "@club1", "alone: @club1||"},
		{aChat, "[club1|@x], ", "alone: [club1|@x], ||"},
		{5, "@club1", "alone: @club1||"},
		{aChat, "@club1 !", "alone: @club1 !||"},
		{aChat, "!", "alone: !||"},
		{aChat, "!go", "go"},
		{aChat, "!nope", "not found"},
		{aChat, "! go", "when"},
		{5, "", "when"}, // a photo: there is no prefix to be alone
		{5, "nope", "not found"},
		{aChat, "@club2", ""},
	} {
		got = ""
		if err := r.Serve(in(t, tt.peer, tt.text)); err != nil || got != tt.want {
			t.Errorf("%q in %d: %q, %v, want %q", tt.text, tt.peer, got, err, tt.want)
		}
	}
	if found, ok := r.Lookup(" "); !ok || found != alone {
		t.Error("Lookup does not find it")
	}
	if _, ok := (&Router{}).Lookup(""); ok {
		t.Error("Lookup finds what is not there")
	}
	boom := errors.New("boom")
	r = NewRouter("!")
	r.Add(Route{Pattern: "help {x?}", Aliases: []string{""}, Handler: func(*Context) error { return boom }})
	if err := r.Serve(in(t, 5, "!")); !errors.Is(err, boom) || !strings.HasPrefix(err.Error(), "vk: help {x?}: ") {
		t.Error(err)
	}
	r = NewRouter("!")
	r.Handle("", func(*Context) error { return boom })
	if err := r.Serve(in(t, 5, "!")); !errors.Is(err, boom) || err.Error() != `vk: pattern "": boom` {
		t.Error(err)
	}
}

func TestAnyPrefix(t *testing.T) {
	type find = PrefixFunc
	tests := []struct {
		name   string
		prefix []find
		peer   int64
		text   string
		want   string // prefix and argument; "" for none
	}{
		{"mention or sign: mention", []find{Mentioned(), Literal("!")}, aChat, "@club1 go 1", "@club1 |1"},
		{"mention or sign: sign", []find{Mentioned(), Literal("!")}, aChat, "!go 1", "!|1"},
		{"mention or sign: neither", []find{Mentioned(), Literal("!")}, 5, "go 1", ""},
		{"sign behind a mention", []find{Mentioned(), Literal("!")}, aChat, "[club1|@x], !go 1", "[club1|@x], !|1"},
		{"sign behind a mention, in another order", []find{Literal("!"), Mentioned()}, aChat, "[club1|@x] !go 1", "[club1|@x] !|1"},
		{"space behind a sign behind a mention", []find{Literal("!"), Mentioned()}, aChat, "[club1|@x] ! go 1", ""},
		{"mention behind a sign", []find{Mentioned(), Literal("!")}, aChat, "!@club1 go 1", "?"},
		{"sign behind a sign", []find{Literal("!"), Literal("/")}, aChat, "!/go 1", "?"},
		{"mention alone", []find{Mentioned(), Literal("!")}, aChat, "@club1", ""},
		{"longest wins", []find{Literal("!"), Literal("!!")}, aChat, "!!go 1", "!!|1"},
		{"longest wins in any order", []find{Literal("!!"), Literal("!")}, aChat, "!!go 1", "!!|1"},
		{"private: none", []find{Literal("!"), NoPrefixInPrivate}, 5, "go 1", "|1"},
		{"private: sign all the same", []find{NoPrefixInPrivate, Literal("!")}, 5, "!go 1", "!|1"},
		{"private: chatter", []find{Literal("!"), NoPrefixInPrivate}, 5, "gone", ""},
		{"chat: none", []find{Literal("!"), NoPrefixInPrivate}, aChat, "go 1", ""},
		{"chat: sign", []find{Literal("!"), NoPrefixInPrivate}, aChat, "!go 1", "!|1"},
		{"private: mention", []find{Mentioned(), NoPrefixInPrivate}, 5, "@club1 go 1", "@club1 |1"},
		{"any function", []find{func(c *Context) (string, bool) { return "hey ", c.FromID() == 5 }}, 5, "hey go 1", "hey |1"},
		{"function that finds what is not there", []find{func(c *Context) (string, bool) { return "hey ", true }}, 5, "go 1", ""},
		{"nothing", nil, 5, "go 1", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &Router{Prefix: AnyPrefix(tt.prefix...)}
			got := ""
			r.Handle("go {x}", func(c *Context) error {
				got = c.Prefix() + "|" + c.Arg("x")
				return nil
			})
			r.NotFound(func(c *Context) error {
				got = "?"
				return nil
			})
			if len(tt.prefix) > 0 && tt.text == "gone" {
				r = &Router{Prefix: r.Prefix}
				r.Handle("go {x}", func(*Context) error { got = "ran"; return nil })
			}
			if err := r.Serve(in(t, tt.peer, tt.text)); err != nil || got != tt.want {
				t.Errorf("%q, %v, want %q", got, err, tt.want)
			}
		})
	}
	t.Run("nil", func(t *testing.T) {
		defer func() {
			if msg, _ := recover().(string); !strings.Contains(msg, "AnyPrefix: nil function (at prefix_test.go:") {
				t.Error(msg)
			}
		}()
		AnyPrefix(Literal("!"), nil)
	})
}

// FuzzPrefix: what is found is the beginning of the text.
func FuzzPrefix(f *testing.F) {
	for _, s := range []string{"", "!", "бот, x", "БОТ, x", "[club1|@x], !y", "@club1 (a) b", "@tea:", "\xff!", "[club1|\xff] ёж", " *club1"} {
		f.Add(s)
	}
	find := AnyPrefix(Mentioned("tea"), Literal("!", "бот, ", "ёж\xff"), NoPrefixInPrivate)
	f.Fuzz(func(t *testing.T, s string) {
		for _, fold := range []bool{false, true} {
			c := in(t, aChat, s)
			c.fold = fold
			prefix, ok := find(c)
			if !strings.HasPrefix(s, prefix) || !ok && prefix != "" {
				t.Errorf("%q has the prefix %q, %v", s, prefix, ok)
			}
			if ok && prefix == "" {
				t.Errorf("%q, in a chat, needs no prefix", s)
			}
		}
	})
}
