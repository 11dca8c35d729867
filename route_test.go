package vk_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
)

// TestGroupsAndSubcommands checks that a group has a handler of its own, that
// its checks apply to its subcommands, and that an unknown subcommand is an
// argument of the group's handler.
func TestGroupsAndSubcommands(t *testing.T) {
	var ran trace
	r := vk.NewRouter("!")
	r.Route("admin|adm", func(r *vk.Router) {
		r.Check(func(*vk.Context) error { ran.note("check"); return nil })
		r.Handle("{x...?}", ran.handler("body"))
		r.Handle("ban {x?}", ran.handler("ban"))
		r.Route("user", func(r *vk.Router) {
			r.Check(func(*vk.Context) error { ran.note("inner check"); return nil })
			r.Handle("kick", ran.handler("kick"))
		})
	})
	for text, want := range map[string]string{
		"!admin":           "check, body",
		"!adm":             "check, body",
		"!admin ban":       "check, ban",
		"!adm ban anna":    "check, ban: anna",
		"!admin kick anna": "check, body: kick anna",
		"!admin user kick": "check, inner check, kick",
		"!admin user":      "check, body: user",
		"!ban":             "",
	} {
		err := r.Serve(said(t, text))
		var unknown *vk.NotFoundError
		if errors.As(err, &unknown) != (want == "") {
			t.Error(text, err)
		}
		if got := strings.Join(ran, ", "); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
		ran = nil
	}
}

func TestRouteAliases(t *testing.T) {
	var ran trace
	r := vk.NewRouter("!")
	rt := r.Add(vk.Route{Pattern: "remove|rm {x}", Aliases: []string{"throw away", "del|delete"}, Text: "away", Handler: ran.handler("rm")})
	r.Route("in", func(r *vk.Router) {
		r.Add(vk.Route{Pattern: "a", Aliases: []string{"b c"}, Handler: ran.handler("in")})
		r.Add(vk.Route{Aliases: []string{"d"}, Handler: ran.handler("body")}) // "in" and "in d"
	})
	for _, text := range []string{"!remove 1", "!rm 1", "!throw  away 1", "!del 1", "!delete 1", "away 1"} {
		r.Serve(said(t, text))
	}
	ran.is(t, "rm: 1", "rm: 1", "rm: 1", "rm: 1", "rm: 1")
	for _, text := range []string{"!in b c", "!in", "!in d", "!b c"} {
		r.Serve(said(t, text))
	}
	ran.is(t, "in", "body", "body")
	if n := len(slices.Collect(r.Walk())); n != 3 {
		t.Errorf("Walk finds %d routes", n)
	}
	for alias, want := range map[string]string{
		"throw away": `vk: pattern "x" (at HERE): another route has the words "throw away" (at HERE)`,
		"y {z}":      `vk: pattern "x" (at HERE): the alias "y {z}": not just words`,
		"y|":         `vk: pattern "x" (at HERE): the alias "y|": the word "y|" has an empty alternative`,
		"x":          `vk: pattern "x" (at HERE): the words "x" twice`,
	} {
		if got := panics(func() { r.Add(vk.Route{Pattern: "x", Aliases: []string{alias}, Handler: nothing}); panic("") }); got != want {
			t.Errorf("panics with %s\nwant %s", got, want)
		}
	}
	for pattern, want := range map[string]string{
		"!ban {who}": `it begins with the prefix "!", which the Router reads before the command: write "ban {who}"`,
		"<n>":        `the word "<n>" is no placeholder: write {n}`,
	} {
		if got := panics(func() { r.Handle(pattern, nothing); panic("") }); !strings.Contains(got, want) {
			t.Errorf("%q panics with %s", pattern, got)
		}
	}
	r.Handle("/sign", nothing) // not a prefix of this Router
	r.Route("deep", func(r *vk.Router) { r.Handle("!x", nothing) })
	r.Remove(rt)
	r.Handle("throw away", ran.handler("free"))
	r.Serve(said(t, "!throw away"))
	ran.is(t, "free")
}

func TestRouterLookupIsStrict(t *testing.T) {
	r := vk.NewRouter("!")
	var in *vk.Router
	foo := r.Handle("foo {x...?}", nothing)
	bar := r.Add(vk.Route{Pattern: "foo bar|baz", Aliases: []string{"fb x y"}, Handler: nothing})
	r.Text("hello", nothing)
	var sub *vk.Route
	r.Route("in|at", func(r *vk.Router) {
		in = r
		r.NotFound(nothing)
		sub = r.Handle("sub", nothing)
	})
	for words, want := range map[string]*vk.Route{
		"foo": foo, " foo ": foo, "foo bar": bar, "foo  baz": bar, "fb x y": bar, "in sub": sub, "at sub": sub,
		"foo x": nil, "foo bar x": nil, "fb x": nil, "bar": nil, "in": nil, "in x": nil, "": nil, " ": nil, "hello": nil, "sub": nil, "!foo": nil,
	} {
		if got, ok := r.Lookup(words); got != want || ok != (want != nil) {
			t.Errorf("%q: %v, %t", words, got, ok)
		}
	}
	if got, _ := in.Lookup("sub"); got != sub {
		t.Error(got)
	}
	if _, ok := in.Lookup("foo"); ok {
		t.Error("found outside")
	}
}

func TestRouterWalk(t *testing.T) {
	r := vk.NewRouter("!")
	r.Defaults = vk.Route{Doc: "Does things."}
	r.Handle("b|c", nothing)
	var in *vk.Router
	r.Route("in", func(r *vk.Router) {
		in = r
		r.Defaults = vk.Route{Hidden: true}
		r.Add(vk.Route{Pattern: "x {y}", Doc: "X.", Handler: nothing})
		r.Group(func(r *vk.Router) { r.Handle("z", nothing) })
		r.NotFound(nothing)
	})
	r.Handle("a", nothing)
	when := r.When(vk.Has(), nothing)
	list := func(r *vk.Router) (all []string) {
		for rt := range r.Walk() {
			line := rt.Pattern + ", " + rt.Doc
			if rt.Hidden {
				line += ", hidden"
			}
			all = append(all, line)
		}
		return all
	}
	if diff := cmp.Diff([]string{"b|c, Does things.", "in x {y}, X., hidden", "in z, , hidden", "a, Does things.", ", Does things."}, list(r)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"in x {y}, X., hidden", "in z, , hidden"}, list(in)); diff != "" {
		t.Error(diff)
	}
	for rt := range r.Walk() { // the loop may change the routes, and break
		if rt.Pattern == "a" {
			break
		}
		r.Remove(rt)
	}
	if got := list(r); len(got) != 2 || when.Pattern != "" {
		t.Error(got)
	}
}

func TestRouterReplace(t *testing.T) {
	var ran trace
	r := vk.NewRouter("!")
	r.Use(ran.around("use"))
	old := r.Handle("a|b", ran.handler("old"))
	r.Handle("c", ran.handler("c"))
	if msg := panics(func() { r.Replace(old, vk.Route{Pattern: "c", Handler: nothing}) }); !strings.Contains(msg, `the words "c"`) {
		t.Error(msg)
	}
	if msg := panics(func() { r.Replace(old, vk.Route{Pattern: "a"}) }); !strings.Contains(msg, "nil handler") {
		t.Error(msg)
	}
	r.Serve(said(t, "!a"))
	ran.is(t, "use(", "old", ")use")
	rt, ok := r.Replace(old, vk.Route{Pattern: "b|d", Handler: ran.handler("new")})
	if !ok || rt.Pattern != "b|d" {
		t.Fatal(rt, ok)
	}
	r.Serve(said(t, "!b"))
	r.Serve(said(t, "!d"))
	ran.is(t, "use(", "new", ")use", "use(", "new", ")use")
	var unknown *vk.NotFoundError
	if err := r.Serve(said(t, "!a")); !errors.As(err, &unknown) {
		t.Error(err)
	}
	for _, gone := range []*vk.Route{old, nil, {}} {
		if rt, ok := r.Replace(gone, vk.Route{Pattern: "e", Handler: nothing}); ok || rt != nil {
			t.Error("what is not there is replaced")
		}
	}
	if _, ok := new(vk.Router).Replace(rt, vk.Route{Pattern: "e", Handler: nothing}); ok {
		t.Error("what is another's is replaced")
	}
	if _, ok := r.Lookup("e"); ok {
		t.Error("a replacement of nothing is there")
	}
}

func TestRouteDisabled(t *testing.T) {
	var ran trace
	r := vk.NewRouter("!")
	r.NotFound(ran.handler("?"))
	routes := []*vk.Route{
		r.Handle("a", ran.handler("a")),
		r.Text("text", ran.handler("text")),
		r.When(vk.If(isChat).Not(), ran.handler("cond")),
		vk.Press(r, "key", func(*vk.Context, int) error { ran.note("key"); return nil }),
	}
	press := func() error {
		return r.Serve(happened(t, "message_event", `{"user_id":5,"peer_id":2000000001,"payload":{"key":1}}`))
	}
	for _, rt := range routes {
		rt.SetEnabled(false)
	}
	if err := r.Serve(said(t, "!a")); !errors.Is(err, vk.ErrDisabled) {
		t.Error(err)
	}
	for _, err := range []error{r.Serve(said(t, "text")), press()} {
		if err != nil {
			t.Error(err)
		}
	}
	ran.is(t)
	for _, rt := range routes {
		rt.SetEnabled(true)
	}
	r.Serve(said(t, "!a"))
	r.Serve(said(t, "text"))
	r.Serve(said(t, "other"))
	press()
	ran.is(t, "a", "text", "cond", "key")
	if msg := panics(func() { new(vk.Route).SetEnabled(false) }); !strings.Contains(msg, "not returned") || !new(vk.Route).Enabled() {
		t.Error(msg)
	}
}

// TestRouterMatch checks that Match finds the route that Serve would run, and
// does not run it.
func TestRouterMatch(t *testing.T) {
	r := vk.NewRouter("!")
	r.Check(func(*vk.Context) error { t.Error("a check ran"); return nil })
	rt := r.Handle("buy|get {what} {n:int=1}", func(*vk.Context) error { t.Error("it ran"); return nil })
	cond := r.When(vk.Regexp(`(\d+)\?`), func(*vk.Context) error { t.Error("it ran"); return nil })
	vk.On(r, vk.EventMessageNew, func(*vk.Context, *vk.MessageNew) error { t.Error("a listener ran"); return nil })
	for _, tt := range []struct {
		text  string
		route *vk.Route
		want  string
	}{
		{`!GET "green tea" 2`, nil, "!,GET,GET \"green tea\" 2,,"},
		{`!get   "green tea" 2`, rt, `!,get,"green tea" 2,green tea,2`},
		{"!buy tea many", rt, "!,buy,tea many,,"},
		{"what is 5? 6?", cond, ",,,,"},
		{"chatter", nil, ",,,,"},
		{"!", nil, ",,,,"},
	} {
		c, err := r.Match(said(t, tt.text))
		if err != nil || c.Route() != tt.route {
			t.Error(tt.text, c.Route(), err)
		}
		got := strings.Join([]string{c.Prefix(), c.Invoked(), c.Line(), c.Arg("what"), c.Arg("n")}, ",")
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.text, got, tt.want)
		}
		if tt.route == cond && cond != nil && c.Arg("1") != "5" {
			t.Error(c.Arg("1"))
		}
	}
	r.Prefix = func(*vk.Context) (string, bool) { panic("boom") }
	r.Remove(rt)
	var p *vk.PanicError
	if c, err := r.Match(said(t, "!buy")); !errors.As(err, &p) || c.Route() != nil {
		t.Error(err)
	}
}

// TestReplaceOutside checks that a route of an inner Router keeps the words
// that the outer one has given it when something else is changed later.
func TestReplaceOutside(t *testing.T) {
	for name, change := range map[string]func(r *vk.Router, rt *vk.Route) (*vk.Route, error){
		"Update": func(r *vk.Router, rt *vk.Route) (*vk.Route, error) {
			return rt.Update(func(rt *vk.Route) { rt.Doc = "new" })
		},
		"Update of an alias": func(r *vk.Router, rt *vk.Route) (*vk.Route, error) {
			return rt.Update(func(rt *vk.Route) { rt.Aliases, rt.Doc = []string{"peak"}, "new" })
		},
		"Replace": func(r *vk.Router, rt *vk.Route) (*vk.Route, error) {
			rt, _ = r.Replace(rt, vk.Route{Doc: "new", Handler: nothing})
			return rt, nil
		},
		"Replace by a copy": func(r *vk.Router, rt *vk.Route) (*vk.Route, error) {
			replacement := *rt
			replacement.Doc = "new"
			rt, _ = r.Replace(rt, replacement)
			return rt, nil
		},
		"Remove and Add of a copy": func(r *vk.Router, rt *vk.Route) (*vk.Route, error) {
			added := *rt
			added.Doc = "new"
			r.Remove(rt)
			return r.Add(added), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			var r vk.Router
			var rt *vk.Route
			r.Route("in", func(in *vk.Router) { rt = in.Handle("old {n}", nothing) })
			rt, _ = r.Replace(rt, vk.Route{Pattern: "top {n}", Handler: nothing})
			rt, err := change(&r, rt)
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := r.Lookup("top"); !ok || rt.Pattern != "top {n}" || rt.Doc != "new" {
				t.Errorf("the pattern is %q, the Doc %q, and it is found: %v", rt.Pattern, rt.Doc, ok)
			}
			for _, alias := range rt.Aliases {
				if _, ok := r.Lookup(alias); !ok {
					t.Errorf("no alias %q", alias)
				}
			}
		})
	}
	t.Run("a condition gets words", func(t *testing.T) {
		var r vk.Router
		var rt *vk.Route
		r.Route("in", func(in *vk.Router) { rt = in.When(vk.Has(), nothing) })
		rt, err := rt.Update(func(rt *vk.Route) { rt.Pattern = "words" })
		if err != nil || rt.Pattern != "in words" {
			t.Error(rt, err)
		}
	})
}

// TestReplaceKeeps checks that zero fields of the new Route keep their old
// values.
func TestReplaceKeeps(t *testing.T) {
	no := errors.New("no")
	refuse := func(*vk.Context) error { return no }
	var ran trace
	var r, in *vk.Router
	var m *vk.Module
	var old *vk.Route
	begin := func(rt vk.Route) {
		ran = nil
		r = vk.NewRouter("!")
		var err error
		m, err = r.Mount("m", func(r *vk.Router) error {
			r.Route("g", func(r *vk.Router) {
				in = r
				r.Use(ran.around("use"))
				rt.Handler = ran.handler("old")
				old = r.Add(rt)
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	replaced := func(by *vk.Router, rt vk.Route) *vk.Route {
		t.Helper()
		rt.Handler = ran.handler("new")
		added, ok := by.Replace(old, rt)
		if !ok {
			t.Fatal("not replaced")
		}
		return added
	}
	copied := func() vk.Route { return *old }
	none := func() vk.Route { return vk.Route{} }
	for name, rt := range map[string]func() vk.Route{"a copy": copied, "a fresh Route": none} {
		for where, by := range map[string]func() *vk.Router{"from outside": func() *vk.Router { return r }, "from inside": func() *vk.Router { return in }} {
			t.Run(name+" "+where, func(t *testing.T) {
				begin(vk.Route{Pattern: "a|b", Aliases: []string{"c d"}, Doc: "Doc.", Hidden: true, IgnoreExtra: true, Use: []vk.Middleware{ran.around("own")}})
				added := replaced(by(), rt())
				for _, text := range []string{"!g a", "!g b more", "!g c d"} {
					ran = nil
					if err := r.Serve(said(t, text)); err != nil {
						t.Error(text, err)
					}
					ran.is(t, "use(", "own(", "new", ")own", ")use")
				}
				if added.Pattern != "g a|b" || added.Doc != "Doc." || !added.Hidden || added.Module() != m || added.Words() != "g a" {
					t.Errorf("%+v", added)
				}
				if err := m.Unmount(); err != nil {
					t.Error(err)
				}
				if _, ok := r.Lookup("g a"); ok {
					t.Error("it outlasts its module")
				}
			})
		}
	}
	t.Run("checks", func(t *testing.T) {
		begin(vk.Route{Pattern: "a", Checks: []vk.Check{refuse}})
		old = replaced(r, none())
		if err := old.Allowed(said(t, "")); !errors.Is(err, no) {
			t.Error(err)
		}
		old = replaced(r, vk.Route{Checks: []vk.Check{}})
		if err := old.Allowed(said(t, "")); err != nil {
			t.Error("checks that are empty are none:", err)
		}
		remove := old.Check(refuse)
		old = replaced(r, none())
		if err := old.Allowed(said(t, "")); !errors.Is(err, no) {
			t.Error("added by Check:", err)
		}
		remove()
		if err := old.Allowed(said(t, "")); err != nil {
			t.Error(err)
		}
	})
	t.Run("enabled", func(t *testing.T) {
		begin(vk.Route{Pattern: "a"})
		first := old
		first.SetEnabled(false)
		if old = replaced(r, none()); old.Enabled() {
			t.Error("it is switched on")
		}
		if first.SetEnabled(true); !old.Enabled() {
			t.Error("the first Route does not switch it")
		}
	})
	t.Run("other words", func(t *testing.T) {
		begin(vk.Route{Pattern: "a", Aliases: []string{"b"}})
		replaced(r, vk.Route{Pattern: "x"})
		for text, want := range map[string][]string{"!x": {"use(", "new", ")use"}, "!g a": nil, "!g b": nil} {
			ran = nil
			r.Serve(said(t, text))
			ran.is(t, want...)
		}
	})
	t.Run("no Defaults anew", func(t *testing.T) {
		r := vk.NewRouter("!")
		r.Defaults = vk.Route{Hidden: true, Doc: "Doc.", Checks: []vk.Check{refuse}}
		rt := r.Handle("a", nothing)
		rt, err := rt.Update(func(rt *vk.Route) { rt.Hidden, rt.Doc, rt.Checks = false, "", nil })
		if err != nil {
			t.Fatal(err)
		}
		rt, _ = r.Replace(rt, vk.Route{Handler: nothing})
		if rt.Hidden || rt.Doc != "" || rt.Allowed(said(t, "")) != nil {
			t.Errorf("%+v", rt)
		}
	})
	t.Run("the module is gone", func(t *testing.T) {
		begin(vk.Route{Pattern: "a"})
		m.Unmount()
		if rt, ok := r.Replace(old, vk.Route{Pattern: "a", Handler: nothing}); ok || rt != nil {
			t.Error("replaced")
		}
	})
}

// TestAddCopy checks that a copy that is added again has the words of its new
// place.
func TestAddCopy(t *testing.T) {
	no := errors.New("no")
	r := vk.NewRouter("!")
	var rt *vk.Route
	r.Route("g", func(r *vk.Router) { rt = r.Add(vk.Route{Pattern: "a {x?}", Aliases: []string{"b"}, Handler: nothing}) })
	rt.Check(func(*vk.Context) error { return no })
	r.Route("h", func(r *vk.Router) {
		other := r.Add(*rt)
		if other.Pattern != "h a {x?}" || other.Words() != "h a" {
			t.Error(other.Pattern, other.Words())
		}
		if err := other.Allowed(said(t, "")); !errors.Is(err, no) {
			t.Error("a check is lost:", err)
		}
		other.SetEnabled(false)
	})
	if !rt.Enabled() {
		t.Error("the first is switched off as well")
	}
	for _, words := range []string{"g a", "g b", "h a", "h b"} {
		if _, ok := r.Lookup(words); !ok {
			t.Error("no", words)
		}
	}
}
