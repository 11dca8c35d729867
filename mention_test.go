package vk

import (
	"errors"
	"html"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseMention(t *testing.T) {
	t.Parallel()
	type page struct {
		id   int64
		name string
		rest string
	}
	for text, want := range map[string]page{
		"[id1|Anna]":                           {id: 1},
		"[club1|@tea], hi":                     {id: -1, rest: ", hi"},
		"[public1|Tea] ":                       {id: -1, rest: " "},
		"[event12|Party]":                      {id: -12},
		"[id1|a|b]":                            {id: 1},
		"[ID1|Anna]":                           {id: 1},
		"[durov|Pavel]":                        {name: "durov"},
		"[https://vk.com/id1|Anna]":            {id: 1},
		"[vk.ru/durov?z=1|Pavel]":              {name: "durov"},
		"@id1":                                 {id: 1},
		"@id1 hello":                           {id: 1, rest: " hello"},
		"@id1 (Anna) hello":                    {id: 1, rest: " hello"},
		"@id1(Anna)":                           {id: 1},
		"@id1 (":                               {id: 1, rest: " ("},
		"@id1 ()":                              {id: 1, rest: " ()"},
		"*id1 (Anna)":                          {id: 1},
		"*club7":                               {id: -7},
		"@durov, hello":                        {name: "durov", rest: ", hello"},
		"@durov.":                              {name: "durov", rest: "."},
		"@pavel.durov_1":                       {name: "pavel.durov_1"},
		"@https://vk.com/id1 (Anna)":           {id: 1},
		"1":                                    {id: 1},
		"-1":                                   {id: -1},
		"2000000001":                           {id: 2000000001},
		"1, 2":                                 {id: 1, rest: ", 2"},
		"id1":                                  {id: 1},
		"club1 now":                            {id: -1, rest: " now"},
		"durov":                                {name: "durov"},
		"id":                                   {name: "id"},
		"id01":                                 {name: "id01"},
		"id99999999999999999999":               {name: "id99999999999999999999"},
		"idea":                                 {name: "idea"},
		"club":                                 {name: "club"},
		"https://vk.com/id1":                   {id: 1},
		"http://vk.com/public1/":               {id: -1},
		"HTTPS://VK.COM/Durov":                 {name: "Durov"},
		"https://vk.ru/durov":                  {name: "durov"},
		"m.vk.com/durov?from=menu#top and":     {name: "durov", rest: " and"},
		"vk.com/durov?w=wall1_2.":              {name: "durov", rest: "."},
		"vk.com/durov.":                        {name: "durov", rest: "."},
		"vk.me/club1":                          {id: -1},
		"https://vk.com/wallpapers":            {name: "wallpapers"},
		"https://vk.com/photo_studio":          {name: "photo_studio"},
		"[club1|Tea] [id1|Anna]":               {id: -1, rest: " [id1|Anna]"},
		"https://vk.com/id1)":                  {id: 1, rest: ")"},
		"https://vk.com/id1?reply=5&thread=6)": {id: 1, rest: ")"},
	} {
		id, name, n, ok := parseMention(text)
		if got := (page{id, name, text[min(n, len(text)):]}); got != want || !ok {
			t.Errorf("%q is %+v, %t, want %+v", text, got, ok, want)
		}
	}
	for _, text := range []string{
		"", " ", "@", "*", "[", "[]", "[|]", "[id1]", "[id1|]", "[id1|Anna", "[id1 |Anna]", "[ id1|Anna]", "[[id1|x]", "[1|x]", "[https://evil.com/id1|x]",
		"@all", "@All", "*all", "@online", "@everyone", "@here", "@все", "@123", "* id1", "@ id1", "@idЖ", "@vk.com/wall-1_2",
		"0", "-", "--1", "-0", "1abc", "1.5", "1_2", "99999999999999999999", "+1", "+79990000000",
		"привет", "idЖ", "user@example.com", "e-mail", "https://example.com", "https://vk.com", "https://vk.com/", "https://vk.com.evil.com/id1",
		"https://vk.com@evil.com/id1", "evilvk.com/id1", "vk.com/wall-1_2", "vk.com/photo1_2", "vk.com/video-1_2", "vk.com/feed", "vk.com/im?sel=1",
		"vk.com/app123", "vk.com/away.php?to=x", "vk.com/durov/friends", "vk.com/join/AbC", "vk.com/topic-1_2", "vk.com/@durov-text", "ftp://vk.com/id1",
	} {
		if id, name, n, ok := parseMention(text); ok || id != 0 || name != "" || n != 0 {
			t.Errorf("%q is %d, %q, %d, %t, want no mention", text, id, name, n, ok)
		}
	}
}

func TestMention(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ got, want string }{
		{Mention(1, "Anna"), "[id1|Anna]"},
		{Mention(-1, "Tea"), "[club1|Tea]"},
		{Mention(1, ""), "[id1|@id1]"},
		{Mention(-1, " "), "[club1|@club1]"},
		{Mention(1, "a]b[c\nd"), "[id1|a)b(c d]"},
		{Mention(1, "a|b"), "[id1|a|b]"},
		{Mention(1, "@all"), "[id1|@\u200ball]"},
		{Mention(2000000001, "the @all chat"), "the @\u200ball chat"},
		{Mention(0, "nobody"), "nobody"},
		{Mention(-2000000001, "mail"), "mail"},
		{User{ID: 1, FirstName: "Anna", LastName: "Bell"}.Mention(), "[id1|Anna]"},
		{User{ID: 1}.Mention(), "[id1|@id1]"},
		{(&Group{ID: 1, Name: "Tea [London]"}).Mention(), "[club1|Tea (London)]"},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}

func TestEscape(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                   "",
		"hello, Anna":        "hello, Anna",
		"[id1|x]":            "[·id1|x]",
		"[https://vk.ru|x]":  "[·https://vk.ru|x]",
		"[[id1|x]]":          "[[·id1|x]]",
		"@all":               "@·all",
		"@durov, *id1 (x)":   "@·durov, *·id1 (x)",
		"@все":               "@·все",
		"a@b.ru":             "a@·b.ru",
		"&#64;all":           "&·#64;all",
		"&commat;all":        "&·commat;all",
		"a[i] = b[j]":        "a[i] = b[j]",
		"2 * 2 @ 4, a && b":  "2 * 2 @ 4, a && b",
		"R&D | Q&A":          "R&D | Q&·A", // an entity may continue in the following text
		"https://vk.com/id1": "https://vk.com/id1",
		"#tag":               "#tag",
		"so @":               "so @·",
		"so [id1":            "so [·id1",
	} {
		got := strings.ReplaceAll(Escape(text), invisible, "·")
		if got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// mentioned returns a place that contains a mention.
func mentioned(text string) (string, bool) {
	for i := range len(text) {
		if _, _, n, ok := parseMarkup(text[i:]); ok {
			return text[i : i+n], true
		}
		for _, all := range []string{"@all", "*all", "@все", "*все", "@online"} {
			if strings.HasPrefix(text[i:], all) {
				return all, true
			}
		}
	}
	return "", false
}

// FuzzEscape: escaped texts mention nobody, also next to each other, and look
// the same as before.
func FuzzEscape(f *testing.F) {
	f.Add("[id1|x] @all &#64;all *id1 (x)", "")
	f.Add("[id1", "|x]")
	f.Add("[https://vk.com/id1|", "x]")
	f.Add("@", "all")
	f.Add("&", "#64;all")
	f.Add("&#6", "4;все")
	f.Add("&amp", ";#64;online")
	f.Fuzz(func(t *testing.T, a, b string) {
		if !utf8.ValidString(a) || !utf8.ValidString(b) {
			t.Skip()
		}
		got := Escape(a) + Escape(b)
		if m, ok := mentioned(got); ok {
			t.Errorf("%q and %q become %q, which mentions %q", a, b, got, m)
		}
		if m, ok := mentioned(html.UnescapeString(got)); ok {
			t.Errorf("%q and %q become %q, which VK reads as a mention of %q", a, b, got, m)
		}
		strip := func(s string) string { return strings.ReplaceAll(s, invisible, "") }
		if strip(got) != strip(a+b) {
			t.Errorf("%q and %q become %q", a, b, got)
		}
		if once := Escape(a); Escape(once) != once {
			t.Errorf("%q becomes %q, then %q", a, once, Escape(once))
		}
	})
}

// FuzzParseMention: a mention has an id or a name, and the result of Mention is
// read back.
func FuzzParseMention(f *testing.F) {
	for _, s := range []string{"[id1|Anna] hi", "@id1 (Anna)", "*club1", "https://vk.com/id1?x=1#y", "vk.me/durov", "-1", "@все", "[https://m.vk.ru/durov|\xff]"} {
		f.Add(s, int64(1))
	}
	f.Fuzz(func(t *testing.T, s string, id int64) {
		gotID, name, n, ok := parseMention(s)
		if ok != (n > 0) || n > len(s) || ok != (gotID != 0 || name != "") || gotID != 0 && name != "" {
			t.Fatalf("%q is %d, %q, %d, %t", s, gotID, name, n, ok)
		}
		if id != 0 && -chatPeers < id && id < chatPeers {
			m := Mention(id, s)
			if got, _, n, _ := parseMention(m + " (x)"); got != id || n != len(m) {
				if len(m) < maxText {
					t.Errorf("%q is %d in %d bytes, want %d in %d", m, got, n, id, len(m))
				}
			}
			if rest, ok := mentioned(m[1:]); ok && strings.TrimSpace(s) != "" {
				t.Errorf("%q also mentions %q", m, rest)
			}
		}
	})
}

// in returns a Context for a text sent to community 1, in private or in a chat.
func in(t testing.TB, peer int64, text string) *Context {
	t.Helper()
	c := newMessage(t, text)
	c.event.head.peer = peer
	return c
}

const aChat = chatPeers + 1

// TestMentioned covers the forms of a mention: vk_botting knew only the first,
// and only with a space after it.
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

// TestPrefixAlone: the route without words matches the prefix with nothing
// after it, and nothing else.
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
		{5, "", "when"}, // a photo: there is no prefix
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
			if msg, _ := recover().(string); !strings.Contains(msg, "AnyPrefix: nil function (at mention_test.go:") {
				t.Error(msg)
			}
		}()
		AnyPrefix(Literal("!"), nil)
	})
}

// FuzzPrefix: a found prefix is the beginning of the text.
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
