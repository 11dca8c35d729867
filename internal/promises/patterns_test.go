package promises_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/discord"
)

// A front is one of the module's two Routers.
type front interface {
	handle(pattern string, typedOnly bool, aliases ...string)
	says(t *testing.T, text string) string
}

// The names of the placeholders in the tests.
var names = []string{"x", "y", "z"}

// shown returns the route and arguments as one text.
func shown(pattern, prefix, line string, arg func(name string) (text string, value any)) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %q %q", pattern, prefix, line)
	for _, name := range names {
		if text, value := arg(name); text != "" || value != nil {
			fmt.Fprintf(&b, " %s=%q %v", name, text, value)
		}
	}
	return b.String()
}

type vkFront struct {
	r   *vk.Router
	got string
}

func newVKFront(fold bool) *vkFront {
	f := &vkFront{r: vk.NewRouter("!", "bot, ")}
	f.r.Fold = fold
	f.r.Converter("size", vk.OneOf("S", "M"))
	f.r.Converter("whole", vk.ConvertFunc(func(_ *vk.Context, s string) (string, error) { return "<" + s + ">", nil }))
	return f
}

func (f *vkFront) handle(pattern string, _ bool, aliases ...string) {
	f.r.Add(vk.Route{Pattern: pattern, Aliases: aliases, Handler: func(c *vk.Context) error {
		f.got = shown(c.Route().Pattern, c.Prefix(), c.Line(), func(name string) (string, any) {
			v, _ := vk.Arg[any](c, name)
			return c.Arg(name), v
		})
		return nil
	}})
}

func (f *vkFront) says(t *testing.T, text string) string {
	t.Helper()
	e, err := vk.ParseEvent(fmt.Appendf(nil, `{"type":"message_new","group_id":1,"object":{"message":{"id":1,"peer_id":5,"from_id":5,"text":%q}}}`, text))
	if err != nil {
		t.Fatal(err)
	}
	f.got = ""
	if err := f.r.Serve(vk.NewContext(t.Context(), nil, e)); err != nil {
		return strings.ReplaceAll(err.Error(), "vk: ", "")
	}
	return f.got
}

type discordFront struct {
	r   *discord.Router
	got string
}

func newDiscordFront(fold bool) *discordFront {
	f := &discordFront{r: discord.NewRouter("!", "bot, ")}
	f.r.Fold = fold
	f.r.Converter("size", discord.OneOf("S", "M"))
	f.r.Converter("whole", discord.ConvertFunc(func(_ *discord.Context, s string) (string, error) { return "<" + s + ">", nil }))
	return f
}

func (f *discordFront) handle(pattern string, typedOnly bool, aliases ...string) {
	rt := discord.Route{Pattern: pattern, Aliases: aliases, Handler: func(c *discord.Context) error {
		f.got = shown(c.Route().Pattern, c.Prefix(), c.Line(), func(name string) (string, any) {
			v, _ := discord.Arg[any](c, name)
			return c.Arg(name), v
		})
		return nil
	}}
	if typedOnly {
		rt.Only = discord.TypedOnly
	}
	f.r.Add(rt)
}

func (f *discordFront) says(t *testing.T, text string) string {
	t.Helper()
	e, err := discord.NewEvent("MESSAGE_CREATE", fmt.Appendf(nil, `{"id":"1","channel_id":"5","author":{"id":"5"},"content":%q}`, text))
	if err != nil {
		t.Fatal(err)
	}
	f.got = ""
	if err := f.r.Serve(discord.NewContext(t.Context(), nil, e)); err != nil {
		return strings.ReplaceAll(err.Error(), "discord: ", "")
	}
	return f.got
}

// slash passes the options of a slash command to the Router by name.
func (f *discordFront) slash(t *testing.T, words string, options map[string]any) string {
	t.Helper()
	defs, err := f.r.Commands()
	if err != nil {
		t.Fatal(err)
	}
	var list []map[string]any
	for name, value := range options {
		list = append(list, map[string]any{"name": name, "type": 3, "value": value})
	}
	name, sub, nested := strings.Cut(words, " ")
	if !slices.ContainsFunc(defs, func(d discord.CommandDef) bool { return d.Name == name }) {
		t.Fatalf("no slash command %q among %v", name, defs)
	}
	if nested {
		list = []map[string]any{{"name": sub, "type": 1, "options": list}}
	}
	data, err := json.Marshal(map[string]any{"id": "1", "type": 2, "token": "t", "data": map[string]any{"type": 1, "name": name, "options": list}})
	if err != nil {
		t.Fatal(err)
	}
	e, err := discord.NewEvent("INTERACTION_CREATE", data)
	if err != nil {
		t.Fatal(err)
	}
	f.got = ""
	if err := f.r.Serve(discord.NewContext(t.Context(), nil, e)); err != nil {
		return strings.ReplaceAll(err.Error(), "discord: ", "")
	}
	return f.got
}

var typedLine = regexp.MustCompile(`"(?:!|/|bot, )" "(?:[^"\\]|\\.)*"`)

// sameSlash returns a result without the prefix and the line, which a slash
// command does not have.
func sameSlash(s string) string {
	return strings.ReplaceAll(typedLine.ReplaceAllString(s, "_"), "usage: !", "usage: /")
}

// slashOptions are the options of slash commands equivalent to a typed text.
// The key is the text or, for a text with several meanings, the pattern and the
// text.
var slashOptions = map[string]map[string]any{
	`!a "b c" 7`:                        {"x": "b c", "y": 7},
	"!a b":                              {"x": "b"},
	"a {x:int...=6} {y:word...?}: !a b": {"y": "b"},
	"!a":                                {},
	"!a 1":                              {"x": "1"},
	"!a 1 2 3":                          {"x": "1", "y": "2", "z": "3"},
	`!a 1  02 "b"  c `:                  {"x": "1  02", "y": `"b"  c`},
	"!a yes m":                          {"x": "yes", "y": "m"},
	"!a 5":                              {"x": "5"},
	"!a so":                             {"x": "so"},
	"!a 5 L":                            {"x": "5", "y": "L"},
	"!a 10 минут 1,5 ya.ru":             {"x": "10 минут", "y": "1,5", "z": "ya.ru"},
	"!a 1h30m":                          {"x": "1h30m"},
	"!a b  c ":                          {"x": "b  c"},
	"!in a":                             {},
	"!inside b 1":                       {"x": 1},
}

// TestPatterns checks that a pattern means the same in both fronts and as a
// slash command, including the texts that it rejects.
func TestPatterns(t *testing.T) {
	const none = "" // the text is not a command
	for _, tt := range []struct {
		pattern string
		texts   map[string]string
	}{
		{"a {x} {y:int}", map[string]string{
			`!a "b c" 007`:   `a {x} {y:int} "!" "\"b c\" 007" x="b c" b c y="007" 7`,
			`!a "b c" 7`:     `a {x} {y:int} "!" "\"b c\" 7" x="b c" b c y="7" 7`,
			"!a b":           `a {x} {y:int}: usage: !a {x} {y:int}: y: is missing`,
			"!a b c":         `a {x} {y:int}: usage: !a {x} {y:int}: y: "c" is of another type`,
			"!a b 1 more":    `a {x} {y:int}: usage: !a {x} {y:int}: "more" is left over`,
			`!a "b`:          `a {x} {y:int}: usage: !a {x} {y:int}: x: "\"b" has the quotation mark ", but not the one that closes it`,
			`!a b"c 1`:       `a {x} {y:int}: usage: !a {x} {y:int}: x: "b\"c 1" has the quotation mark " inside a word`,
			"bot, a «b c» 1": `a {x} {y:int} "bot, " "«b c» 1" x="b c" b c y="1" 1`,
			"! a b 1":        none,
			"a b 1":          none,
			"!A b 1":         `NotFound: no command "!A"`,
		}},
		{"a {x?} {y=d e} {z...?}", map[string]string{
			"!a":       `a {x?} {y=d e} {z...?} "!" "" y="d e" d e`,
			"!a 1":     `a {x?} {y=d e} {z...?} "!" "1" x="1" 1 y="d e" d e`,
			"!a 1 2 3": `a {x?} {y=d e} {z...?} "!" "1 2 3" x="1" 1 y="2" 2 z="3" 3`,
		}},
		{"a {x:int...} {y...}", map[string]string{
			`!a 1  02 "b"  c `: `a {x:int...} {y...} "!" "1  02 \"b\"  c" x="1  02" [1 2] y="\"b\"  c" "b"  c`,
			"!a b":             `a {x:int...} {y...}: usage: !a {x:int...} {y...}: x: "b" is of another type`,
		}},
		{"a {x:int...=6} {y:word...?}", map[string]string{
			"!a":   `a {x:int...=6} {y:word...?} "!" "" x="6" [6]`,
			"!a b": `a {x:int...=6} {y:word...?} "!" "b" x="6" [6] y="b" [b]`,
		}},
		{"a {x:int|bool} {y:size?}", map[string]string{
			"!a yes m": `a {x:int|bool} {y:size?} "!" "yes m" x="yes" true y="m" M`,
			"!a 5":     `a {x:int|bool} {y:size?} "!" "5" x="5" 5`,
			"!a so":    `a {x:int|bool} {y:size?}: usage: !a {x:int|bool} {y:size?}: x: "so" is of another type than int|bool`,
			"!a 5 L":   `a {x:int|bool} {y:size?}: usage: !a {x:int|bool} {y:size?}: y: "L" is of another type`,
		}},
		{"a {x:duration} {y:float?} {z:url?}", map[string]string{
			"!a 10 минут 1,5 ya.ru": `a {x:duration} {y:float?} {z:url?} "!" "10 минут 1,5 ya.ru" x="10 минут" 10m0s y="1,5" 1.5 z="ya.ru" https://ya.ru`,
			"!a 1h30m":              `a {x:duration} {y:float?} {z:url?} "!" "1h30m" x="1h30m" 1h30m0s`,
		}},
		{"a {x:whole...}", map[string]string{
			"!a b  c ": `a {x:whole...} "!" "b  c" x="b  c" <b  c>`,
		}},
		{"in|inside a|b {x?}", map[string]string{
			"!in a":       `in|inside a|b {x?} "!" ""`,
			"!inside b 1": `in|inside a|b {x?} "!" "1" x="1" 1`,
			"!also":       `in|inside a|b {x?} "!" ""`,
			"!also 1 2":   `in|inside a|b {x?}: usage: !also {x?}: "2" is left over`,
			"!in":         `NotFound: no command "!in"`,
		}},
	} {
		t.Run(tt.pattern, func(t *testing.T) {
			slashes := 0
			for _, f := range []front{newVKFront(false), newDiscordFront(false)} {
				if strings.HasPrefix(tt.pattern, "in") {
					f.handle(tt.pattern, false, "also")
				} else {
					f.handle(tt.pattern, false)
				}
				for text, want := range tt.texts {
					if got := f.says(t, text); got != want {
						t.Errorf("%T: %s: %s\nwant %s", f, text, got, want)
					}
					d, ok := f.(*discordFront)
					options, same := slashOptions[tt.pattern+": "+text]
					if options == nil {
						options, same = slashOptions[text]
					}
					if !ok || !same {
						continue
					}
					slashes++
					words := "a"
					if !strings.HasPrefix(text, "!a") {
						words = strings.TrimSuffix(text[1:], " 1")
					}
					if got, want := sameSlash(d.slash(t, words, options)), sameSlash(want); got != want {
						t.Errorf("slash %s: %s\nwant %s", text, got, want)
					}
				}
			}
			if slashes == 0 {
				t.Error("no text was tried as a slash command")
			}
		})
	}
}

// TestPatternsTogether checks that in both fronts the pattern with the most
// words matches first, and that case is ignored if it is set to be.
func TestPatternsTogether(t *testing.T) {
	for _, f := range []front{newVKFront(true), newDiscordFront(true)} {
		f.handle("admin {x...?}", true)
		f.handle("admin ban", false)
		f.handle("admin ban all", true)
		f.handle("", true)
		for text, want := range map[string]string{
			"!admin":           `admin {x...?} "!" ""`,
			"!ADMIN ban":       `admin ban "!" ""`,
			"!admin ban ALL":   `admin ban all "!" ""`,
			"!admin banana":    `admin {x...?} "!" "banana" x="banana" banana`,
			"BOT, admin x":     `admin {x...?} "BOT, " "x" x="x" x`,
			"!":                ` "!" ""`,
			"!admin ban other": `admin ban: usage: !admin ban: "other" is left over`,
		} {
			if got := f.says(t, text); got != want {
				t.Errorf("%T: %s: %s\nwant %s", f, text, got, want)
			}
		}
	}
}

// TestPatternMistakes checks that both fronts reject a malformed pattern with
// the same words.
func TestPatternMistakes(t *testing.T) {
	for _, pattern := range []string{
		"a {", "a {x", "a {1}", "a {x} b", "a {x} {x}", "a {x...} {y}", "a|", "a|a", "a {x:int=y}", "a {x:string|int}", "a <x>", "a{b}", "{x}", "a {x}{y}",
	} {
		t.Run(pattern, func(t *testing.T) {
			var said []string
			for _, f := range []front{newVKFront(false), newDiscordFront(false)} {
				func() {
					defer func() {
						_, why, _ := strings.Cut(fmt.Sprint(recover()), "go:")
						_, why, _ = strings.Cut(why, "): ")
						said = append(said, why)
					}()
					f.handle(pattern, false)
				}()
			}
			if said[0] == "" || said[0] != said[1] {
				t.Errorf("vk says %q, discord %q", said[0], said[1])
			}
		})
	}
}
