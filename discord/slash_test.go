package discord_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk/discord"
)

// slashJSON returns the definitions of a Router's commands as Discord gets them.
func slashJSON(t *testing.T, r *discord.Router) string {
	t.Helper()
	defs, err := r.Commands()
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(defs)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestCommandsOptions: each kind of placeholder has the documented type of option.
func TestCommandsOptions(t *testing.T) {
	for _, tt := range []struct{ param, want string }{
		{"{x}", `{"type":3,"name":"x","description":"string","required":true}`},
		{"{x:word}", `{"type":3,"name":"x","description":"word","required":true}`},
		{"{x...}", `{"type":3,"name":"x","description":"string","required":true}`},
		{"{x:int}", `{"type":4,"name":"x","description":"int","required":true}`},
		{"{x:bool?}", `{"type":5,"name":"x","description":"bool"}`},
		{"{x:user}", `{"type":6,"name":"x","description":"user","required":true}`},
		{"{x:member}", `{"type":6,"name":"x","description":"member","required":true}`},
		{"{x:channel}", `{"type":7,"name":"x","description":"channel","required":true}`},
		{"{x:role}", `{"type":8,"name":"x","description":"role","required":true}`},
		{"{x:user|role}", `{"type":9,"name":"x","description":"user|role","required":true}`},
		{"{x:role|member}", `{"type":9,"name":"x","description":"role|member","required":true}`},
		{"{x:float=1.5}", `{"type":10,"name":"x","description":"float (default 1.5)"}`},
		{"{x:duration}", `{"type":3,"name":"x","description":"duration","required":true}`},
		{"{x:time}", `{"type":3,"name":"x","description":"time","required":true}`},
		{"{x:url}", `{"type":3,"name":"x","description":"url","required":true}`},
		{"{x:int...}", `{"type":3,"name":"x","description":"int","required":true}`},
		{"{x:int|user}", `{"type":3,"name":"x","description":"int|user","required":true}`},
		{"{x:size}", `{"type":3,"name":"x","description":"x","required":true,"choices":[{"name":"S","value":"S"},{"name":"M","value":"M"}]}`},
		{"{x:many}", `{"type":3,"name":"x","description":"x","required":true,"autocomplete":true}`},
		{"{x:size...}", `{"type":3,"name":"x","description":"S|M","required":true}`},
		{"{x:size|int}", `{"type":3,"name":"x","description":"S|M|int","required":true}`},
		{"{x:own}", `{"type":3,"name":"x","description":"own","required":true}`},
	} {
		t.Run(tt.param, func(t *testing.T) {
			r := discord.NewRouter()
			r.Converter("size", discord.OneOf("S", "M"))
			r.Converter("many", discord.OneOf(numbered("w", 26)...))
			r.Converter("own", discord.ParseFunc(func(string) (int, error) { return 1, nil }))
			r.Handle("cmd "+tt.param, silent)
			want := `[{"name":"cmd","description":` + jsonText(clipTo(100, "cmd "+tt.param)) + `,"options":[` + tt.want + `],"contexts":[0,1]}]`
			if diff := cmp.Diff(want, slashJSON(t, r)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func jsonText(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func clipTo(n int, s string) string { return s[:min(n, len(s))] }

// numbered returns n words that begin with a word.
func numbered(word string, n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprint(word, i))
	}
	return all
}

// TestCommandsOverride: a type that has a name of this package's, but is the bot's own, is a
// text.
func TestCommandsOverride(t *testing.T) {
	r := discord.NewRouter()
	r.Converter("int", discord.ParseFunc(func(s string) (string, error) { return s, nil }))
	r.Group(func(r *discord.Router) { r.Handle("a {n:int}", silent) })
	if got := slashJSON(t, r); !strings.Contains(got, `{"type":3,"name":"n"`) {
		t.Error(got)
	}
}

// TestCommandsTree: words are commands, groups and subcommands, which merge; Doc, Need and In
// go along.
func TestCommandsTree(t *testing.T) {
	r := discord.NewRouter("!")
	r.Add(discord.Route{Pattern: "ban|kick {reason?} {who:user}", Handler: silent, Aliases: []string{"Away"}, Need: discord.PermBanMembers,
		Doc: "Remove somebody.\nIt is for good.\nwho: the user\nreason: for the audit log\nother: nothing"})
	r.Route("mod", func(r *discord.Router) {
		r.Need(discord.PermKickMembers)
		r.Handle("role add", silent)
		r.Handle("role del", silent)
		r.Add(discord.Route{Pattern: "clear", Handler: silent, Need: discord.PermManageMessages})
	})
	r.Add(discord.Route{Pattern: "dm", Handler: silent, In: discord.InDM})
	r.Add(discord.Route{Pattern: "guild {n:int=6}", Handler: silent, In: discord.InGuild})
	r.Add(discord.Route{Pattern: "secret", Handler: silent, Hidden: true})
	r.Add(discord.Route{Pattern: "OLD way of doing it", Handler: silent, Only: discord.TypedOnly})
	r.Text("hello", silent)
	r.Handle("", silent)
	r.NotFound(silent)
	removed := func(name string) string {
		return `{"name":"` + name + `","description":"Remove somebody.","options":[{"type":6,"name":"who","description":"the user","required":true},{"type":3,"name":"reason","description":"for the audit log"}],"default_member_permissions":"4","contexts":[0]}`
	}
	want := strings.Join([]string{
		"[" + removed("ban"),
		`{"name":"dm","description":"dm","contexts":[1]}`,
		`{"name":"guild","description":"guild {n:int=6}","options":[{"type":4,"name":"n","description":"int (default 6)"}],"contexts":[0]}`,
		removed("kick"),
		`{"name":"mod","description":"role, clear","options":[{"type":2,"name":"role","description":"add, del","options":[{"type":1,"name":"add","description":"mod role add"},{"type":1,"name":"del","description":"mod role del"}]},{"type":1,"name":"clear","description":"mod clear"}],"default_member_permissions":"2","contexts":[0]}]`,
	}, ",\n")
	if diff := cmp.Diff(want, strings.ReplaceAll(slashJSON(t, r), `},{"name":"`, "},\n{\"name\":\"")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestCommandsLimits: each limit of Discord's is refused when the route is added, with its
// place and the remedy, and one below it is not; TypedOnly and Hidden routes have no limits.
func TestCommandsLimits(t *testing.T) {
	handle := func(patterns ...string) []discord.Route {
		var all []discord.Route
		for _, p := range patterns {
			all = append(all, discord.Route{Pattern: p})
		}
		return all
	}
	each := func(format string, n int) []discord.Route { return handle(numbered(format, n)...) }
	params := func(n int) string { return "a {" + strings.Join(numbered("x", n), "} {") + "}" }
	doc := func(text string) []discord.Route { return []discord.Route{{Pattern: "a {x}", Doc: text}} }
	long := func(n int) string { return strings.Repeat("я", n) }
	choices := func(n int) []discord.Route { return []discord.Route{{Pattern: fmt.Sprintf("a {x:len%d}", n)}} }
	chars := func(options int) (all []discord.Route) {
		for i := range 25 {
			rt := discord.Route{Pattern: fmt.Sprintf("big sub%02d", i), Doc: long(100)}
			for j := range options {
				rt.Pattern += fmt.Sprintf(" {o%d}", j)
				rt.Doc += fmt.Sprintf("\no%d: %s", j, long(100))
			}
			all = append(all, rt)
		}
		return all
	}
	for _, tt := range []struct {
		name      string
		fits, not []discord.Route
		want      string
	}{
		{"words", handle("a b c"), handle("a b c d"), `/a b c d: there are 4 words, and Discord takes 3: set Only to TypedOnly, or have fewer`},
		{"case", handle("дом"), handle("Дом"), `/Дом: the name "Дом" is not in lower case: write "дом", or set Only to TypedOnly`},
		{"characters of a name", handle("a-b_c'd1"), handle("what?"), `/what?: the name "what?" has characters other than letters, digits, -, _ and ': set Only to TypedOnly, or use another word`},
		{"vowel signs of a name", handle("नमस्ते สวัสดี"), handle("cafe\u0301"), "/cafe\u0301: the name "},
		{"length of a name", handle(long(32)), handle(strings.Repeat("z", 33)), `/` + strings.Repeat("z", 33) + `: the name "` + strings.Repeat("z", 33) + `" has 33 characters, and Discord takes 1 to 32: set Only to TypedOnly, or use another word`},
		{"case of an option", handle("a {x_1}"), handle("a {userName}"), `/a, option userName: the name "userName" is not in lower case: write "username", or set Only to TypedOnly`},
		{"length of an option", handle("a {" + long(32) + "}"), handle("a {" + strings.Repeat("z", 33) + "}"), `, option ` + strings.Repeat("z", 33) + `: the name "`},
		{"options", handle(params(25)), handle(params(26)), `/a: there are 26 options, and Discord takes 25`},
		{"commands", each("a", 100), each("a", 101), `/a100: there are 101 commands, and Discord takes 100`},
		{"subcommands", each("a b", 25), each("a b", 26), `/a b25: there are 26 subcommands, and Discord takes 25`},
		{"subcommands of a group", each("a b c", 25), each("a b c", 26), `/a b c25: there are 26 subcommands, and Discord takes 25`},
		{"a command with subcommands", handle("a b", "a c"), handle("a b", "a"), `/a: a command that has subcommands cannot be a command itself: give it a word more, or set Only to TypedOnly`},
		{"subcommands of a command", handle("a b", "b"), handle("a", "a b"), `/a b: a command that has subcommands cannot be a command itself`},
		{"a subcommand with subcommands", handle("a b c", "a d"), handle("a b c", "a b"), `/a b: a subcommand that has subcommands cannot be a command itself`},
		{"subcommands of a subcommand", handle("a b c", "a b d"), handle("a b", "a b c"), `/a b c: a subcommand that has subcommands cannot be a command itself`},
		{"description", doc(long(100)), doc(long(101)), `/a: the description has 101 characters, and Discord takes 1 to 100: shorten its line of Doc, or set Only to TypedOnly`},
		{"description of an option", doc("a\nx: " + long(100)), doc("a\nx: " + long(101)), `/a, option x: the description has 101 characters, and Discord takes 1 to 100`},
		{"choice", choices(100), choices(101), `/a, option x: the choice "` + strings.Repeat("w", 40) + `" has 101 characters, and Discord takes 1 to 100: shorten the word`},
		{"characters", chars(2), chars(3), `/big: its names, descriptions and choices have 8323 characters together, and Discord takes 8000: shorten the Doc`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			newRouter := func() *discord.Router {
				r := discord.NewRouter("!")
				for _, n := range []int{100, 101} {
					r.Converter(fmt.Sprint("len", n), discord.OneOf(strings.Repeat("w", n)))
				}
				return r
			}
			add := func(r *discord.Router, routes []discord.Route, change func(*discord.Route)) (err error) {
				defer func() { err, _ = recover().(error) }()
				for _, rt := range routes {
					rt.Handler = silent
					change(&rt)
					r.Add(rt)
				}
				return nil
			}
			if err := add(newRouter(), tt.fits, func(*discord.Route) {}); err != nil {
				t.Errorf("below the limit: %v", err)
			}
			r := newRouter()
			err := add(r, tt.not, func(*discord.Route) {})
			var wrong *discord.SlashError
			if !errors.As(err, &wrong) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(hereIn(err.Error()), "(at HERE): the slash command /") {
				t.Errorf("above the limit: %v\nwant %s", err, tt.want)
			}
			if _, err := r.Commands(); err != nil {
				t.Errorf("the route that was refused is there: %v", err)
			}
			for name, change := range map[string]func(*discord.Route){
				"TypedOnly": func(rt *discord.Route) { rt.Only = discord.TypedOnly },
				"Hidden":    func(rt *discord.Route) { rt.Hidden = true },
			} {
				r := newRouter()
				if err := add(r, tt.not, change); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				if defs, err := r.Commands(); err != nil || len(defs) > 0 {
					t.Errorf("%s: %v, %v", name, defs, err)
				}
			}
		})
	}
}

// TestCommandsNeedLater: a right that came later than a route for DMs is an error.
func TestCommandsNeedLater(t *testing.T) {
	r := discord.NewRouter("!")
	r.Add(discord.Route{Pattern: "a", In: discord.InDM, Handler: silent})
	r.Need(discord.PermBanMembers)
	if _, err := r.Commands(); err == nil || hereIn(err.Error()) != `discord: pattern "a" (at HERE): it is InDM and needs BAN_MEMBERS, which nobody has outside of guilds` {
		t.Error(err)
	}
}

// TestCommandsLongTexts: texts that this package makes are shortened, not refused.
func TestCommandsLongTexts(t *testing.T) {
	r := discord.NewRouter()
	r.Handle("a {long:"+strings.Repeat("int|", 30)+"float="+strings.Repeat("1", 120)+"}", silent)
	for i := range 20 {
		r.Handle(fmt.Sprintf("big subcommand%d", i), silent)
	}
	defs, err := r.Commands()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{defs[0].Description, defs[0].Options[0].Description, defs[1].Description} {
		if n := len([]rune(text)); n != 100 || !strings.HasSuffix(text, "…") {
			t.Errorf("%d characters: %s", n, text)
		}
	}
}
