package vk_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/vkrouter/vk"
)

func TestRouterMiddlewareOrder(t *testing.T) {
	var ran trace
	r := vk.NewRouter("!")
	r.Use(ran.around("1"), ran.around("2"))
	r.Use(ran.around("3"))
	r.Handle("a", ran.handler("a"), ran.around("4"), ran.around("5"))
	r.Add(vk.Route{Pattern: "b", Handler: ran.handler("b"), Use: []vk.Middleware{ran.around("4")}})
	vk.Command(r, "c", func(*vk.Context, struct{}) error { ran.note("c"); return nil }, ran.around("4"))
	r.Group(func(r *vk.Router) {
		r.Use(ran.around("6"))
		r.Handle("d", ran.handler("d"), ran.around("7"))
		r.Route("e", func(r *vk.Router) {
			r.Use(ran.around("8"))
			r.Handle("", ran.handler("e"))
			r.Handle("f|g", ran.handler("e-f"))
		})
	})
	r.Handle("h", ran.handler("h"))
	for text, want := range map[string]string{
		"!a":   "1( 2( 3( 4( 5( a )5 )4 )3 )2 )1",
		"!b":   "1( 2( 3( 4( b )4 )3 )2 )1",
		"!c":   "1( 2( 3( 4( c )4 )3 )2 )1",
		"!d":   "1( 2( 3( 6( 7( d )7 )6 )3 )2 )1",
		"!e":   "1( 2( 3( 6( 8( e )8 )6 )3 )2 )1",
		"!e g": "1( 2( 3( 6( 8( e-f )8 )6 )3 )2 )1",
		"!h":   "1( 2( 3( h )3 )2 )1",
	} {
		t.Run(text, func(t *testing.T) {
			if err := r.Serve(said(t, text)); err != nil {
				t.Error(err)
			}
			ran.is(t, strings.Fields(want)...)
		})
	}
}

func TestRouterMiddlewareDoesNotWrapListeners(t *testing.T) {
	var ran trace
	r := vk.NewRouter("!")
	r.Use(ran.around("use"))
	vk.On(r, vk.EventMessageNew, func(*vk.Context, *vk.MessageNew) error { ran.note("listener"); return nil })
	r.Group(func(r *vk.Router) {
		r.Use(ran.around("group"))
		vk.On(r, vk.EventMessageNew, func(*vk.Context, *vk.MessageNew) error { ran.note("listener in a group"); return nil })
	})
	r.Handle("a", ran.handler("a"))
	r.Serve(said(t, "chatter"))
	ran.is(t, "listener", "listener in a group")
	r.Serve(said(t, "!a"))
	ran.is(t, "listener", "listener in a group", "use(", "a", ")use")
}

// TestRouterComposesChainsOnce checks that a middleware keeps its state for a
// route, whatever is registered later.
func TestRouterComposesChainsOnce(t *testing.T) {
	composed, runs := 0, 0
	count := func(next vk.HandlerFunc) vk.HandlerFunc {
		composed++
		runs = 0
		return func(c *vk.Context) error { runs++; return next(c) }
	}
	for name, text := range map[string]string{"route": "!a", "NotFound": "!in x", "no NotFound": "!x"} {
		t.Run(name, func(t *testing.T) {
			r := vk.NewRouter("!")
			r.Use(count)
			composed = 0
			switch name {
			case "route":
				r.Handle("a", nothing)
			case "NotFound":
				r.Route("in", func(r *vk.Router) { r.NotFound(nothing) })
			}
			for range 3 {
				r.Serve(said(t, text))
				vk.On(r, vk.EventGroupJoin, func(*vk.Context, *vk.GroupJoin) error { return nil })()
			}
			if composed != 1 || runs != 3 {
				t.Errorf("composed %d times, the last for %d runs", composed, runs)
			}
		})
	}
}

func TestRouterTakesMiddlewareUntilFirstRoute(t *testing.T) {
	var ran trace
	r := vk.NewRouter("!")
	r.Use(ran.around("1"))
	r.Serve(said(t, "!x"))
	ran.is(t, "1(", ")1")
	r.Use(ran.around("2"))
	r.Serve(said(t, "!x"))
	ran.is(t, "1(", "2(", ")2", ")1")
}

// TestRouterMiddlewareMayRegister checks that a middleware may use the Router
// while it is being composed: no lock is held.
func TestRouterMiddlewareMayRegister(t *testing.T) {
	for _, text := range []string{"!a", "!in x", "!x"} {
		r := vk.NewRouter("!")
		r.Use(func(next vk.HandlerFunc) vk.HandlerFunc {
			vk.On(r, vk.EventGroupJoin, func(*vk.Context, *vk.GroupJoin) error { return nil })
			return next
		})
		switch text {
		case "!a":
			r.Handle("a", nothing)
		case "!in x":
			r.Route("in", func(r *vk.Router) { r.NotFound(nothing) })
		}
		r.Serve(said(t, text))
	}
}

func TestRouterRefusesAtRegistration(t *testing.T) {
	var nilMiddleware vk.Middleware
	in := func(f func(r *vk.Router)) func(*vk.Router) {
		return func(r *vk.Router) { r.Route("in", f) }
	}
	tests := []struct {
		name string
		bad  func(r *vk.Router)
		want string
	}{
		{"nil handler", func(r *vk.Router) { r.Handle("a", nil) }, `vk: pattern "a" (at HERE): nil handler`},
		{"nil handler in Add", func(r *vk.Router) { r.Add(vk.Route{Pattern: "a"}) }, `vk: pattern "a" (at HERE): nil handler`},
		{"nil middleware of a route", func(r *vk.Router) { r.Handle("a", nothing, nilMiddleware) }, `vk: pattern "a" (at HERE): nil middleware`},
		{"nil middleware", func(r *vk.Router) { r.Use(nilMiddleware) }, `vk: Use: nil middleware (at HERE)`},
		{"nil NotFound", func(r *vk.Router) { r.NotFound(nil) }, `vk: NotFound (at HERE): nil handler`},
		{"nil listener", func(r *vk.Router) { vk.On(r, vk.EventGroupJoin, nil) }, `vk: On "group_join" (at HERE): nil handler`},
		{"malformed pattern", func(r *vk.Router) { r.Handle("a {", nothing) }, `vk: pattern "a {" (at HERE): the placeholder "{" is not closed`},
		{"no word, and no prefix", func(*vk.Router) { new(vk.Router).Handle("", nothing) }, `vk: pattern "" (at HERE): no word to find it by`},
		{"no word, and words", func(r *vk.Router) { r.Handle("", nothing) }, ""},
		{"no word twice", func(r *vk.Router) {
			r.Handle("", nothing)
			r.Add(vk.Route{Pattern: "a", Aliases: []string{""}, Handler: nothing})
		}, `vk: pattern "a" (at HERE): another route has the words "" (at HERE)`},
		{"only placeholders", func(r *vk.Router) { r.Handle("{x}", nothing) }, `vk: pattern "{x}" (at HERE): no word to find it by`},
		{"malformed words of Route", func(r *vk.Router) { r.Route("a|", func(*vk.Router) {}) }, `vk: Route "a|" (at HERE): the word "a|" has an empty alternative`},
		{"placeholder in Route", func(r *vk.Router) { r.Route("a {x}", func(*vk.Router) {}) }, `vk: Route "a {x}" (at HERE): not just words`},
		{"no words for Route", func(r *vk.Router) { r.Route(" ", func(*vk.Router) {}) }, `vk: Route " " (at HERE): not just words`},
		{"Prefix of an inner Router", in(func(r *vk.Router) { r.Prefix = vk.Literal("!") }), `vk: only the outermost Router has a Prefix (at HERE)`},
		{"AnswerBots of an inner Router", in(func(r *vk.Router) { r.AnswerBots = true }), `vk: only the outermost Router has AnswerBots (at HERE)`},
		{"AnswerBots of a module", func(r *vk.Router) {
			if _, err := r.Mount("m", func(r *vk.Router) error { r.AnswerBots = true; return nil }); err != nil {
				panic(err.Error())
			}
		}, `vk: mount module "m": only the outermost Router has AnswerBots`},
		{"Prefix of a Group", func(r *vk.Router) { r.Group(func(r *vk.Router) { r.Prefix = vk.Literal("!") }) }, `vk: only the outermost Router has a Prefix (at HERE)`},

		{"Use after Handle", func(r *vk.Router) { r.Handle("a", nothing); r.Use() }, `vk: Use after a route was added (at HERE): the earlier routes would not have this middleware: call Use first`},
		{"Use after NotFound", func(r *vk.Router) { r.NotFound(nothing); r.Use() }, `vk: Use after a route was added (at HERE): the earlier routes would not have this middleware: call Use first`},
		{"Use after a route inside", func(r *vk.Router) {
			r.Route("a", func(r *vk.Router) { r.Group(func(r *vk.Router) { r.Handle("b", nothing) }) })
			r.Use()
		}, `vk: Use after a route was added (at HERE): the earlier routes would not have this middleware: call Use first`},
		{"Use after the route was removed", func(r *vk.Router) { r.Remove(r.Handle("a", nothing)); r.Use() }, `vk: Use after a route was added (at HERE): the earlier routes would not have this middleware: call Use first`},
		{"Use after a route outside", func(r *vk.Router) {
			r.Handle("a", nothing)
			r.Group(func(r *vk.Router) { r.Use(); r.Handle("b", nothing) })
		}, ""},
		{"Use after a listener", func(r *vk.Router) {
			vk.On(r, vk.EventGroupJoin, func(*vk.Context, *vk.GroupJoin) error { return nil })
			r.Use()
		}, ""},

		{"same words", func(r *vk.Router) { r.Handle("a b", nothing); r.Handle(" a  b {x}", nothing) },
			`vk: pattern " a  b {x}" (at HERE): another route has the words "a b" (at HERE)`},
		{"same words, one alternative", func(r *vk.Router) { r.Handle("a b|c", nothing); r.Handle("d|a c", nothing) },
			`vk: pattern "d|a c" (at HERE): another route has the words "a c" (at HERE)`},
		{"same words in a Route", func(r *vk.Router) {
			r.Handle("in b", nothing)
			r.Route("in", func(r *vk.Router) { vk.Command(r, "b", func(*vk.Context, struct{}) error { return nil }) })
		}, `vk: pattern "b" (at HERE): another route has the words "in b" (at HERE)`},
		{"same words in a Group", func(r *vk.Router) {
			r.Group(func(r *vk.Router) { r.Handle("a", nothing) })
			r.Add(vk.Route{Pattern: "a", Handler: nothing})
		}, `vk: pattern "a" (at HERE): another route has the words "a" (at HERE)`},
		{"a longer command is another", func(r *vk.Router) { r.Handle("a", nothing); r.Handle("a b", nothing); r.Handle("A", nothing) }, ""},
		{"two NotFounds", func(r *vk.Router) { r.NotFound(nothing); r.NotFound(nothing) }, `vk: NotFound (at HERE): another route has the NotFound of "" (at HERE)`},
		{"two NotFounds of the same words", func(r *vk.Router) {
			r.Route("a|b", func(r *vk.Router) { r.NotFound(nothing) })
			r.Route("b", func(r *vk.Router) { r.Group(func(r *vk.Router) { r.NotFound(nothing) }) })
		}, `vk: NotFound (at HERE): another route has the NotFound of "b" (at HERE)`},
		{"a NotFound beside the route of its words", in(func(r *vk.Router) { r.NotFound(nothing); r.Handle("", nothing) }), ""},

		{"type of another kind", func(r *vk.Router) { vk.On(r, "group_join", func(*vk.Context, *vk.GroupLeave) error { return nil }) },
			`vk: On "group_join" (at HERE): its object is a vk.GroupJoin, not a vk.GroupLeave`},
		{"type of one's own for a known kind", func(r *vk.Router) { vk.On(r, "message_new", func(*vk.Context, *struct{ X int }) error { return nil }) },
			`vk: On "message_new" (at HERE): its object is a vk.MessageNew, not a struct { X int }`},
		{"JSON for a known kind", func(r *vk.Router) { vk.On(r, "message_new", func(*vk.Context, *json.RawMessage) error { return nil }) }, ""},
		{"type of one's own for an unknown kind", func(r *vk.Router) { vk.On(r, "like_add", func(*vk.Context, *json.RawMessage) error { return nil }) }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := panics(func() {
				tt.bad(vk.NewRouter("!"))
				panic("")
			})
			if got != tt.want {
				t.Errorf("panics with %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestRouterIsAsBeforeAfterRefusal(t *testing.T) {
	var ran trace
	r := vk.NewRouter("!")
	r.Handle("a", ran.handler("first"))
	if panics(func() { r.Handle("b|a", ran.handler("second")) }) == "" {
		t.Fatal("a conflict is accepted")
	}
	r.Serve(said(t, "!a"))
	ran.is(t, "first")
	r.Handle("b", ran.handler("b")) // the words are free
	r.Serve(said(t, "!b"))
	ran.is(t, "b")
}

func TestRouterRemove(t *testing.T) {
	var ran trace
	r := vk.NewRouter("!")
	a := r.Handle("a|b {x?}", ran.handler("a"), ran.around("use"))
	var inner *vk.Router
	var c *vk.Route
	r.Route("in", func(r *vk.Router) {
		inner = r
		c = vk.Command(r, "c {x}", func(*vk.Context, struct{ X string }) error { ran.note("c"); return nil })
	})
	r.Route("x", func(r *vk.Router) { r.NotFound(nothing) }) // not a route to remove
	if a.Pattern != "a|b {x?}" || c.Pattern != "in c {x}" {
		t.Error(a.Pattern, c.Pattern)
	}
	r.Serve(said(t, "!b 1"))
	r.Serve(said(t, "!in c 1"))
	ran.is(t, "use(", "a: 1", ")use", "c")

	if !r.Remove(c) || r.Remove(c) || r.Remove(nil) || r.Remove(&vk.Route{Pattern: "a"}) {
		t.Error("Remove")
	}
	var unknown *vk.NotFoundError
	if err := r.Serve(said(t, "!in c 1")); !errors.As(err, &unknown) {
		t.Error(err)
	}
	if !inner.Remove(a) { // any Router of the tree can remove it
		t.Error("Remove")
	}
	for _, text := range []string{"!a", "!b"} {
		if err := r.Serve(said(t, text)); !errors.As(err, &unknown) {
			t.Error(err)
		}
	}
	r.Add(*a) // all words are free again
	inner.Handle("c", ran.handler("another"))
	r.Serve(said(t, "!a 2"))
	r.Serve(said(t, "!in c"))
	ran.is(t, "use(", "a: 2", ")use", "another")
}

func TestRouteUpdate(t *testing.T) {
	no := errors.New("no")
	r := vk.NewRouter("!")
	var rt *vk.Route
	r.Defaults = vk.Route{Hidden: true}
	r.Route("g", func(r *vk.Router) { rt = r.Handle("a {n:int}", nothing) })
	r.Handle("taken", nothing)
	update := func(f func(rt *vk.Route)) *vk.Route {
		t.Helper()
		updated, err := rt.Update(f)
		if err != nil {
			t.Fatal(err)
		}
		return updated
	}
	update(func(rt *vk.Route) { rt.Doc = "Doc." })
	update(func(rt *vk.Route) { rt.Hidden = false }) // through the first Route again
	now := update(func(rt *vk.Route) {
		rt.Checks = append(rt.Checks, func(*vk.Context) error { return no })
		rt.Aliases = append(rt.Aliases, "b")
	})
	if now.Doc != "Doc." || now.Hidden || now.Pattern != "g a {n:int}" || rt.Doc != "" || rt.Checks != nil {
		t.Errorf("%+v of %+v", now, rt)
	}
	if err := r.Serve(said(t, "!g b 1")); !errors.Is(err, no) {
		t.Error(err)
	}
	if found, _ := r.Lookup("g a"); found != now {
		t.Error("the route that answers is another")
	}
	var taken *vk.ConflictError
	if _, err := now.Update(func(rt *vk.Route) { rt.Aliases = []string{"c", "a"} }); err == nil || errors.As(err, &taken) {
		t.Error("twice the same words:", err)
	}
	top := r.Handle("x", nothing)
	if _, err := top.Update(func(rt *vk.Route) { rt.Pattern = "taken" }); !errors.As(err, &taken) || taken.What != `the words "taken"` {
		t.Error(err)
	}
	if _, ok := r.Lookup("x"); !ok {
		t.Error("a failed Update removes the route")
	}
	r.Remove(now)
	if _, err := rt.Update(func(*vk.Route) { t.Error("called") }); !errors.Is(err, vk.ErrRemoved) {
		t.Error(err)
	}
	if msg := panics(func() { new(vk.Route).Update(nil) }); !strings.Contains(msg, "not returned by a Router") {
		t.Error(msg)
	}
}

// TestRouteChangesWhileServing checks, with the race detector, that no update
// is lost.
func TestRouteChangesWhileServing(t *testing.T) {
	r := vk.NewRouter("!")
	rt := r.Handle("a", nothing)
	var wg sync.WaitGroup
	const n = 50
	for range 4 {
		wg.Go(func() {
			for range n {
				if _, err := rt.Update(func(rt *vk.Route) { rt.Doc += "x" }); err != nil {
					t.Error(err)
				}
				rt.Check(func(*vk.Context) error { return nil })()
			}
		})
		wg.Go(func() {
			for range n {
				c := said(t, "!a")
				for rt := range r.Walk() {
					_ = rt.Doc + fmt.Sprint(rt.Hidden, rt.Allowed(c))
				}
				if err := r.Serve(c); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if now, _ := r.Lookup("a"); len(now.Doc) != 4*n {
		t.Errorf("%d of %d updates are there", len(now.Doc), 4*n)
	}
}

func TestRouterTryAdd(t *testing.T) {
	var ran trace
	r := vk.NewRouter("!")
	r.Handle("taken", nothing)
	for _, tt := range []struct {
		words string
		rt    vk.Route
		want  string // a part of the error
	}{
		{"cats  and dogs", vk.Route{Handler: ran.handler("ok")}, ""},
		{"say", vk.Route{Pattern: "{x...}", Handler: ran.handler("say")}, ""},
		{"taken", vk.Route{Handler: nothing}, `another route has the words "taken" (at `},
		{"", vk.Route{Handler: nothing}, `vk: words "": the text is empty`},
		{" \n", vk.Route{Handler: nothing}, "the text is empty"},
		{"{x}", vk.Route{Handler: nothing}, `vk: words "{x}": '{' cannot be in a word`},
		{"a|b", vk.Route{Handler: nothing}, "'|' cannot be in a word"},
		{"caf\xe9", vk.Route{Handler: nothing}, "is not valid UTF-8"},
		{strings.Repeat("я", 40), vk.Route{Handler: nothing}, "longer than 64 bytes"},
		{strings.Repeat("word ", 300), vk.Route{}, "nil handler"},
		{strings.Repeat("w", 3000), vk.Route{Handler: nothing}, "longer than 64 bytes"},
		{"mine", vk.Route{}, "nil handler"},
		{"mine", vk.Route{Pattern: "too", Handler: nothing}, "words besides those given"},
		{"mine", vk.Route{Pattern: "{x", Handler: nothing}, "is not closed"},
	} {
		rt, err := r.TryAdd(tt.words, tt.rt)
		if (err == nil) != (tt.want == "") || (rt != nil) != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, %v", tt.words, rt, err)
		}
		var words *vk.WordsError
		var taken *vk.ConflictError
		if err != nil && len(err.Error()) > 600 {
			t.Errorf("%.40q: an error of %d bytes", tt.words, len(err.Error()))
		}
		if err != nil && errors.As(err, &words) == (tt.words == "taken" || tt.words == "mine" || len(tt.words) == 1500) || errors.As(err, &taken) != (tt.words == "taken") {
			t.Errorf("%q: a %T", tt.words, err)
		}
	}
	r.Serve(said(t, "!cats and dogs"))
	r.Serve(said(t, "!say hello you"))
	ran.is(t, "ok", "say: hello you")

	m, err := r.Mount("m", func(r *vk.Router) error {
		r.TryAdd("mine", vk.Route{Handler: nothing})
		if _, err := r.TryAdd("mine", vk.Route{Handler: nothing}); err == nil {
			t.Error("twice the same words in a module")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	m.Unmount()
	if _, ok := r.Lookup("mine"); ok {
		t.Error("it outlasts its module")
	}
}

// TestDefaults checks that the Defaults of the innermost Router that has any
// apply.
func TestDefaults(t *testing.T) {
	no := errors.New("no")
	refuse := []vk.Check{func(*vk.Context) error { return no }}
	everything := vk.Route{Doc: "Doc.", Hidden: true, IgnoreExtra: true, Checks: refuse}
	for _, tt := range []struct {
		name         string
		outer, inner vk.Route
		rt           vk.Route
		want         string
	}{
		{"all that are zero", everything, vk.Route{}, vk.Route{}, "Doc. hidden extra refused"},
		{"none that is not", everything, vk.Route{}, vk.Route{Doc: "Own.", Shown: true, Checks: []vk.Check{}}, "Own. extra"},
		{"of the inner Router alone", everything, vk.Route{Doc: "Inner."}, vk.Route{}, "Inner."},
		{"an inner Hidden that is false", vk.Route{Hidden: true}, vk.Route{Shown: true}, vk.Route{}, ""},
		{"an own Hidden in that", vk.Route{Hidden: true}, vk.Route{Shown: true}, vk.Route{Hidden: true}, "hidden"},
		{"other fields", vk.Route{Text: "x", Use: []vk.Middleware{nil}, Handler: nothing}, vk.Route{}, vk.Route{}, ""},
		{"other fields inside", everything, vk.Route{Text: "x"}, vk.Route{}, "Doc. hidden extra refused"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := vk.NewRouter("!")
			r.Defaults = tt.outer
			r.Group(func(r *vk.Router) {
				r.Defaults = tt.inner
				tt.rt.Pattern, tt.rt.Handler = "a", nothing
				rt := r.Add(tt.rt)
				got := rt.Doc
				if rt.Hidden {
					got += " hidden"
				}
				if rt.IgnoreExtra {
					got += " extra"
				}
				if rt.Allowed(said(t, "")) != nil {
					got += " refused"
				}
				if got = strings.TrimSpace(got); got != tt.want {
					t.Errorf("%q, want %q", got, tt.want)
				}
			})
		})
	}
	if msg := panics(func() { vk.NewRouter("!").Add(vk.Route{Pattern: "a", Hidden: true, Shown: true, Handler: nothing}) }); !strings.Contains(msg, "both Hidden and Shown") {
		t.Error(msg)
	}
}

func TestRouteWords(t *testing.T) {
	r := vk.NewRouter("!")
	r.Route("one|uno", func(r *vk.Router) {
		rt := r.Handle("two|zwei {a} {b?}", nothing)
		if found, ok := r.Lookup("two"); !ok || found != rt || rt.Words() != "one two" {
			t.Error(rt.Words())
		}
		if found, _ := vk.NewRouter().Lookup(rt.Words()); found != nil {
			t.Error("found in another Router")
		}
	})
	if rt, ok := r.Lookup("one two"); !ok || rt.Words() != "one two" {
		t.Error("not found by its words")
	}
	if got := (&vk.Route{Pattern: "a|b {x}"}).Words() + r.Text("hi", nothing).Words(); got != "a" {
		t.Error(got)
	}
}
