package vk

import (
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
		"R&D | Q&A":          "R&D | Q&·A", // an entity may go on in the text behind
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

// mentioned returns a place at which something is a mention.
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

// FuzzEscape: escaped texts mention nobody, side by side too, and look as they
// did.
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

// FuzzParseMention: a mention has an id or a name, and what Mention makes is
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
