package discord_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vkrouter/vk/discord"
)

// said returns a MESSAGE_CREATE of a user in a guild.
func said(t testing.TB, text string) *discord.Event {
	t.Helper()
	return saidWith(t, text, "")
}

// saidWith returns said with more fields, which begin with a comma.
func saidWith(t testing.TB, text, more string) *discord.Event {
	t.Helper()
	data := fmt.Sprintf(`{"id":"5","guild_id":"1","channel_id":"2","author":{"id":"9","username":"anna"},"member":{"roles":["7"]},"content":%q%s}`, text, more)
	e, err := discord.NewEvent("MESSAGE_CREATE", []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// noted returns a handler that notes its name and the line.
func noted(d *diary, name string) discord.HandlerFunc {
	return func(c *discord.Context) error {
		d.lines = append(d.lines, strings.TrimRight(name+" "+c.Line(), " "))
		return nil
	}
}

func silent(*discord.Context) error { return nil }

// TestRouteOrder: of all routes, the one that answers a message is the first of the
// documented order.
func TestRouteOrder(t *testing.T) {
	var d diary
	r := discord.NewRouter("!", "bot, ")
	r.Fold = true
	r.Handle("ban {x...?}", noted(&d, "ban"))
	r.Route("admin|adm", func(r *discord.Router) {
		r.Handle("list", noted(&d, "admin list"))
		r.NotFound(noted(&d, "not in admin"))
	})
	r.Add(discord.Route{Pattern: "remove", Aliases: []string{"throw away"}, Handler: noted(&d, "remove")})
	r.Text("yes|of course", noted(&d, "text"))
	r.Handle("", noted(&d, "alone"))
	r.When(discord.If(func(c *discord.Context) bool { return strings.Contains(c.Text(), "tea") }), func(c *discord.Context) error {
		d.lines = append(d.lines, fmt.Sprintf("tea %q %q", c.Prefix(), c.Route().Pattern))
		return nil
	})
	for _, tt := range []struct{ text, more, want string }{
		{"!ban anna", "", "ban anna"},
		{"BOT, Ban", "", "ban"},
		{"! ban", "", ""},
		{"ban", "", ""},
		{"!adm list", "", "admin list"},
		{"!admin kick", "", "not in admin admin kick"},
		{"!throw away", "", "remove"},
		{" Of  COURSE ", "", "text"},
		{"!", "", "alone"},
		{"some tea", "", `tea "" ""`},
		{"!tea", "", `tea "!" ""`},
		{"!nope", "", `discord: NotFound: no command "!nope"`},
		{"", "", ""},
		{"!ban", `,"type":19`, "ban"},
		{"!ban", `,"type":7`, ""},
		{"!ban", `,"webhook_id":"3"`, ""},
		{"!ban", `,"author":{"id":"9","bot":true}`, ""},
		{"!ban", `,"author":{"id":"9","bot":false}`, "ban"},
	} {
		t.Run(tt.text+tt.more, func(t *testing.T) {
			d.lines = nil
			err := serveEvent(t, r, saidWith(t, tt.text, tt.more))
			got := strings.Join(d.lines, ", ")
			if err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
	if err := serveEvent(t, r, event(t, "MESSAGE_UPDATE", `{"content":"!nope"}`)); err != nil {
		t.Errorf("a message that was edited: %v", err)
	}
	bots := discord.NewRouter("!")
	bots.AnswerBots = true
	bots.Handle("ban", noted(&d, "ban"))
	d.lines = nil
	if serveEvent(t, bots, saidWith(t, "!ban", `,"author":{"id":"9","bot":true}`)); len(d.lines) != 1 {
		t.Error("AnswerBots does not answer bots")
	}
}

// TestRouteListeners: a message is passed to its listeners and to its route,
// regardless of the results of the others.
func TestRouteListeners(t *testing.T) {
	var d diary
	r := discord.NewRouter("!")
	discord.On(r, discord.EventMessageCreate, func(*discord.Context, *discord.MessageCreate) error { panic("listener") })
	r.Handle("a", func(c *discord.Context) error { d.lines = append(d.lines, "route"); return errBroken })
	err := serveEvent(t, r, said(t, "!a"))
	if !errors.Is(err, errBroken) || !strings.Contains(err.Error(), "panic: listener") || !strings.HasSuffix(err.Error(), "discord: a: broken") || len(d.lines) != 1 {
		t.Errorf("%v, %v", err, d.lines)
	}
	r = discord.NewRouter("!")
	r.When(func(*discord.Context) (bool, error) { panic("condition") }, func(*discord.Context) error { t.Error("it ran"); return nil })
	if err := serveEvent(t, r, said(t, "x")); err == nil || !strings.HasSuffix(err.Error(), "panic: condition") {
		t.Error(err)
	}
	r = new(discord.Router)
	r.Prefix = func(*discord.Context) (string, bool) { panic("prefix") }
	r.Handle("a", silent)
	if err := serveEvent(t, r, said(t, "x")); err == nil || err.Error() != "discord: Prefix: panic: prefix" {
		t.Error(err)
	}
	r = new(discord.Router)
	r.Handle("a", func(*discord.Context) error { t.Error("without a Prefix, a command ran"); return nil })
	if err := serveEvent(t, r, said(t, "a")); err != nil {
		t.Error(err)
	}
}

// TestRouteMiddleware: the middleware of Routers and routes is around checks, arguments
// and the handler.
func TestRouteMiddleware(t *testing.T) {
	var d diary
	mark := func(name string) discord.Middleware {
		return func(next discord.HandlerFunc) discord.HandlerFunc {
			return func(c *discord.Context) error {
				err := next(c)
				d.lines = append(d.lines, fmt.Sprintf("%s:%v", name, err))
				return nil
			}
		}
	}
	r := discord.NewRouter("!")
	r.Use(mark("outer"))
	r.Group(func(r *discord.Router) {
		r.Check(func(*discord.Context) error { return errBroken })
		r.Handle("checked", func(*discord.Context) error { d.lines = append(d.lines, "ran"); return nil }, mark("own"))
	})
	r.Handle("n {n:int}", silent)
	for text, want := range map[string]string{
		"!checked": "own:discord: refused: broken outer:<nil>",
		"!n x":     `outer:discord: usage: !n {n:int}: n: "x" is of another type`,
		"!nope":    `outer:discord: no command "!nope"`,
	} {
		d.lines = nil
		if err := serveEvent(t, r, said(t, text)); err != nil {
			t.Error(err)
		}
		if got := strings.Join(d.lines, " "); got != want {
			t.Errorf("%s: %s\nwant %s", text, got, want)
		}
	}
}

func TestRouteCheckRemove(t *testing.T) {
	r := discord.NewRouter("!")
	rt := r.Handle("a", silent)
	remove := r.Check(func(*discord.Context) error { return errBroken })
	var refused *discord.CheckError
	if err := serveEvent(t, r, said(t, "!a")); !errors.As(err, &refused) || !errors.Is(err, errBroken) {
		t.Error(err)
	}
	c := discord.NewContext(t.Context(), nil, said(t, "x"))
	if err := rt.Allowed(c); !errors.Is(err, errBroken) {
		t.Error(err)
	}
	remove()
	if err := rt.Allowed(c); err != nil {
		t.Error(err)
	}
}

func TestRouteLookup(t *testing.T) {
	r := discord.NewRouter("!")
	r.Route("in|inside", func(r *discord.Router) {
		r.Handle("a|b {x:int?} {why...}", silent)
		if rt, ok := r.Lookup("b"); !ok || rt.Pattern != "in|inside a|b {x:int?} {why...}" || rt.Words() != "in a" || rt.Usage() != "in a {x:int?} {why...}" {
			t.Errorf("%+v, %v", rt, ok)
		}
	})
	r.Text("hello", silent)
	alone := r.Handle("", silent)
	for words, want := range map[string]bool{"in a": true, "inside b": true, "in": false, "in a b": false, "hello": false, "": true} {
		if rt, ok := r.Lookup(words); ok != want || words == "" && rt != alone {
			t.Errorf("Lookup(%q): %v", words, ok)
		}
	}
	var patterns []string
	for rt := range r.Walk() {
		patterns = append(patterns, rt.Pattern+rt.Text)
	}
	if want := []string{"in|inside a|b {x:int?} {why...}", "hello", ""}; !slices.Equal(patterns, want) {
		t.Errorf("Walk: %q", patterns)
	}
	rt, _ := r.Lookup("in a")
	if p := rt.Params(); len(p) != 2 || p[0].Types[0] != "int" || !p[0].Optional || !p[1].Rest {
		t.Errorf("%+v", p)
	}
}

// TestRouteMistakes: a wrong registration panics with its place and the remedy.
func TestRouteMistakes(t *testing.T) {
	add := func(rt discord.Route) func(*discord.Router) {
		if rt.Handler == nil {
			rt.Handler = silent
		}
		return func(r *discord.Router) { r.Add(rt) }
	}
	for _, tt := range []struct {
		name string
		make func(r *discord.Router)
		want string
	}{
		{"malformed", add(discord.Route{Pattern: "a {x"}), `discord: pattern "a {x" (at HERE): the placeholder "{x" is not closed`},
		{"unknown type", add(discord.Route{Pattern: "a {x:page}"}), `discord: pattern "a {x:page}" (at HERE): the placeholder "{x:page}" has the unknown type "page"; the types are bool, channel, duration, file, float, int, member, role, string, time, url, user, word`},
		{"nil handler", func(r *discord.Router) { r.Handle("a", nil) }, `discord: pattern "a" (at HERE): nil handler`},
		{"nil middleware", func(r *discord.Router) { r.Handle("a", silent, nil) }, `discord: pattern "a" (at HERE): nil middleware`},
		{"nil check", add(discord.Route{Pattern: "a", Checks: []discord.Check{nil}}), `discord: pattern "a" (at HERE): nil check`},
		{"nil check of a Router", func(r *discord.Router) { r.Check(nil) }, `discord: Check: nil check (at HERE)`},
		{"nil condition", func(r *discord.Router) { r.When(nil, silent) }, `discord: When (at HERE): nil condition`},
		{"nil NotFound", func(r *discord.Router) { r.NotFound(nil) }, `discord: NotFound (at HERE): nil handler`},
		{"nil If", func(*discord.Router) { discord.If(nil) }, `discord: If (at HERE): nil function`},
		{"nil prefix", func(*discord.Router) { discord.AnyPrefix(nil) }, `discord: AnyPrefix: nil function (at HERE)`},
		{"nil prefix, spaced", func(*discord.Router) { discord.PrefixFunc(nil).Spaced() }, `discord: Spaced: nil function (at HERE)`},
		{"same words", func(r *discord.Router) { r.Handle("a|b", silent); r.Handle("c|b", silent) }, `discord: pattern "c|b" (at HERE): another route has the words "b" (at HERE)`},
		{"same words, folded", func(r *discord.Router) {
			r.Fold = true
			add(discord.Route{Pattern: "a"})(r)
			add(discord.Route{Pattern: "A", Only: discord.TypedOnly})(r)
		}, `discord: pattern "A" (at HERE): another route has the words "A" (at HERE)`},
		{"same text", func(r *discord.Router) { r.Text("a", silent); r.Text("b|A", silent) }, `discord: text "b|A" (at HERE): another route has the text "A" (at HERE)`},
		{"text twice", func(r *discord.Router) { r.Text("a|A", silent) }, `discord: text "a|A" (at HERE): the text "A" twice`},
		{"same NotFound", func(r *discord.Router) { r.NotFound(silent); r.NotFound(silent) }, `discord: NotFound (at HERE): another route has the NotFound of "" (at HERE)`},
		{"alias", add(discord.Route{Pattern: "a", Aliases: []string{"b {x}"}}), `discord: pattern "a" (at HERE): the alias "b {x}": not just words`},
		{"no word", func(r *discord.Router) { r.Prefix = nil; r.Handle("", silent) }, `discord: pattern "" (at HERE): no word to find it by`},
		{"TypedOnly without a Prefix", func(r *discord.Router) { r.Prefix = nil; add(discord.Route{Pattern: "a", Only: discord.TypedOnly})(r) }, `discord: pattern "a" (at HERE): it is TypedOnly, and the Router has no Prefix to type it with`},
		{"no surface", add(discord.Route{Pattern: "a", Only: 7}), `discord: pattern "a" (at HERE): the field Only is 7: it must be zero, TypedOnly or SlashOnly`},
		{"no place", add(discord.Route{Pattern: "a", In: 7}), `discord: pattern "a" (at HERE): the field In is 7: it must be Anywhere, InGuild or InDM`},
		{"a right in DMs", add(discord.Route{Pattern: "a", In: discord.InDM, Need: discord.PermBanMembers}), `discord: pattern "a" (at HERE): it is InDM and needs BAN_MEMBERS, which nobody has outside of guilds`},
		{"Prefix inside", func(r *discord.Router) { r.Group(func(r *discord.Router) { r.Prefix = discord.Mentioned() }) }, `discord: only the outermost Router has a Prefix (at HERE)`},
		{"Route of placeholders", func(r *discord.Router) { r.Route("a {x}", func(*discord.Router) {}) }, `discord: Route "a {x}" (at HERE): not just words`},
		{"no field", func(r *discord.Router) {
			discord.Command(r, "a {x}", func(*discord.Context, struct{ Y string }) error { return nil })
		}, `discord: pattern "a {x}" (at HERE): no field for {x}`},
		{"Handler twice", func(r *discord.Router) {
			discord.AddCommand(r, discord.Route{Pattern: "a", Handler: silent}, func(*discord.Context, struct{}) error { return nil })
		}, `discord: pattern "a" (at HERE): the Route has a Handler already`},
		{"late Fold", func(r *discord.Router) { r.Handle("a", silent); r.Fold = true; r.Handle("b", silent) }, `discord: Fold was set after a route was added`},
		{"late Use", func(r *discord.Router) {
			r.Handle("a", silent)
			r.Use(func(h discord.HandlerFunc) discord.HandlerFunc { return h })
		}, `discord: Use after a listener or a route was added (at HERE): those before would do without`},
		{"no Converter", func(r *discord.Router) { r.Converter("x", discord.Converter{}) }, `discord: Converter "x" (at HERE): the zero Converter`},
		{"Converter of text", func(r *discord.Router) { r.Converter("string", discord.OneOf("a")) }, `discord: Converter "string" (at HERE): the type of text cannot be another`},
		{"Converter without a name", func(r *discord.Router) { r.Converter("a b", discord.OneOf("a")) }, `discord: Converter "a b" (at HERE): not a name`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := panicOf(func() { tt.make(discord.NewRouter("!")) }); !strings.HasPrefix(got, tt.want) {
				t.Errorf("panic: %s\nwant   %s", got, tt.want)
			}
		})
	}
	var conflict *discord.ConflictError
	func() {
		defer func() { errors.As(recover().(error), &conflict) }()
		r := discord.NewRouter("!")
		r.Handle("a", silent)
		r.Handle("a", silent)
	}()
	if conflict == nil || conflict.What != `the words "a"` {
		t.Errorf("%+v", conflict)
	}
}

// panicOf returns the text of f's panic, with HERE in place of lines of tests.
func panicOf(f func()) (said string) {
	defer func() { said = hereIn(fmt.Sprint(recover())) }()
	f()
	return ""
}

func hereIn(s string) string { return testLine.ReplaceAllString(s, "HERE") }

// TestRouteLog: the mistakes of users are not logged as errors of the bot.
func TestRouteLog(t *testing.T) {
	r := discord.NewRouter("!")
	r.Handle("roll {n:int}", silent)
	r.Add(discord.Route{Pattern: "here", In: discord.InGuild, Handler: silent})
	r.Handle("broken", func(*discord.Context) error { return errBroken })
	for text, level := range map[string]string{"!nope": "INFO", "!roll x": "INFO", "!here": "INFO", "!broken": "ERROR"} {
		d, log := quiet(r)
		if err := d.Dispatch(t.Context(), message(t, 2, text)); err != nil {
			t.Fatal(err)
		}
		d.Stop(t.Context())
		if want := "level=" + level + ` msg="discord: handler failed"`; !strings.Contains(log.String(), want) {
			t.Errorf("%s: %s, want %s", text, log, want)
		}
	}
}
