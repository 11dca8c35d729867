package vk_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vkrouter/vk"
)

func isChat(c *vk.Context) bool { return c.IsChat() }

// TestRoutePrecedence checks the order of precedence among matching routes
// that Router documents.
func TestRoutePrecedence(t *testing.T) {
	message := func(text, payload string) (kind, object string) {
		if payload != "" {
			payload = fmt.Sprintf(`,"payload":%q`, payload)
		}
		return "message_new", fmt.Sprintf(`{"message":{"peer_id":5,"from_id":5,"text":%q%s}}`, text, payload)
	}
	press := func(payload string) (kind, object string) {
		return "message_event", `{"user_id":5,"peer_id":5,"payload":` + payload + `}`
	}
	type event struct{ kind, object string }
	ev := func(kind, object string) event { return event{kind, object} }
	const all = "command,words,key,text,cond,cond2,admin?,any?"
	for _, tt := range []struct {
		name  string
		event event
		with  string // the existing routes
		want  string
	}{
		{"command of a button first", ev(message("!words", `{"command":"command","key":1}`)), all, "command"},
		{"of a callback button too", ev(press(`{"command":"command","key":1}`)), all, "command"},
		{"an unknown one leaves it to the key", ev(message("!words", `{"command":"nope","key":1}`)), all, "key"},
		{"key before words", ev(message("!words", `{"key":1}`)), all, "key"},
		{"key of a callback button", ev(press(`{"other":2,"key":1}`)), all, "key"},
		{"key without a value", ev(press(`{"key":null}`)), all, "key"},
		{"no such key", ev(message("!words", `{"Key":1}`)), all, "words"},
		{"no object", ev(message("!words", `["key"]`)), all, "words"},
		{"words before text", ev(message("!words", "")), all, "words"},
		{"text before conditions", ev(message("!hello", "")), all, "text"},
		{"conditions in their order", ev(message("!nope", "")), all, "cond"},
		{"chatter reaches them", ev(message("chatter", "")), all, "cond"},
		{"so does an attachment alone", ev(message("", "")), all, "cond"},
		{"so does any other press", ev(press(`{"what":1}`)), all, "cond"},
		{"conditions in their order, reversed", ev(message("chatter", "")), "cond2,cond", "cond2"},
		{"conditions before NotFound", ev(message("!admin x", "")), all, "cond"},
		{"NotFound of the words", ev(message("!admin x", "")), "words,admin?,any?", "admin?"},
		{"NotFound of all", ev(message("!nope", "")), "words,admin?,any?", "any?"},
		{"chatter without conditions", ev(message("chatter", "")), "words,text,admin?,any?", ""},
		{"a press without conditions", ev(press(`{"what":1}`)), "command,words,key,text,admin?,any?", ""},
		{"other kinds", ev("message_edit", `{"peer_id":5,"from_id":5,"text":"hello"}`), all, ""},
		{"the bot's own messages", ev("message_new", `{"message":{"out":1,"peer_id":5,"from_id":5,"text":"!words"}}`), all, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var ran trace
			r := vk.NewRouter("!")
			for name := range strings.SplitSeq(tt.with, ",") {
				h := ran.handler(name)
				switch name {
				case "command", "words":
					r.Handle(name, h)
				case "key":
					vk.Press(r, "key", func(c *vk.Context, _ any) error { return h(c) })
				case "text":
					r.Text("bye|!Hello", h)
				case "cond", "cond2":
					r.When(vk.If(isChat).Not(), h)
				case "admin?":
					r.Route("admin", func(r *vk.Router) { r.NotFound(h) })
				case "any?":
					r.NotFound(h)
				}
			}
			c := happened(t, tt.event.kind, tt.event.object)
			found, err := r.Match(c)
			ran.is(t) // nothing
			if err != nil || (found.Route() == nil) != (tt.want == "" || strings.HasSuffix(tt.want, "?")) {
				t.Errorf("Match: %v, %v", found.Route(), err)
			}
			if err := r.Serve(c); err != nil {
				t.Error(err)
			}
			if tt.want == "" {
				ran.is(t)
			} else {
				ran.is(t, tt.want)
			}
		})
	}
}

func TestRouterText(t *testing.T) {
	var ran trace
	r := vk.NewRouter("!")
	r.Text("Да|of course|ещё раз", ran.handler("yes"))
	r.Route("in", func(r *vk.Router) { r.Text("no", ran.handler("no")) }) // the words are ignored
	for text, want := range map[string]string{
		"да": "yes", "ДА": "yes", " Of \n COURSE ": "yes", "ещё раз": "yes", "No": "no",
		"[club1|@tea] ДА": "yes", " @club1, of course": "yes", "[club2|@other] да": "", "[club1|@tea]": "", "[club1|@tea] [club1|@tea] да": "",
		"да!": "", "of": "", "дада": "", "in no": "", "да|of course|ещё раз": "",
	} {
		if err := r.Serve(said(t, text)); err != nil {
			t.Error(err)
		}
		if got := strings.Join(ran, " "); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		ran = nil
	}
	for _, bad := range []struct{ text, want string }{
		{"maybe| ДА", `vk: text "maybe| ДА" (at HERE): another route has the text "ДА" (at HERE)`},
		{"x||y", `vk: text "x||y" (at HERE): an empty text`},
		{"", `vk: text "" (at HERE): an empty text`},
		{"x|X", `vk: text "x|X" (at HERE): the text "X" twice`},
	} {
		if got := panics(func() { r.Text(bad.text, nothing) }); got != bad.want {
			t.Errorf("panics with %s\nwant %s", got, bad.want)
		}
	}
}

func TestPressDecodes(t *testing.T) {
	type item struct {
		ID   int
		Size string
	}
	var got item
	var before int
	r := vk.NewRouter("!")
	vk.Press(r, "item", func(c *vk.Context, i item) error { got = i; return nil }, func(next vk.HandlerFunc) vk.HandlerFunc {
		return func(c *vk.Context) error {
			c.Before(func(*vk.Context) error { before++; return nil })
			return next(c)
		}
	})
	press := func(payload string) error {
		return r.Serve(happened(t, "message_event", `{"user_id":5,"peer_id":5,"payload":`+payload+`}`))
	}
	if err := press(`{"item":{"id":5,"size":"L","new":1}}`); err != nil || got != (item{5, "L"}) || before != 1 {
		t.Error(got, err, before)
	}
	err := press(`{"item":"5"}`)
	var wrong *vk.PayloadError
	if !errors.As(err, &wrong) || wrong.Key != "item" || string(wrong.Value) != `"5"` || before != 1 {
		t.Errorf("%v, Before ran %d times", err, before)
	}
	if err := press(`{"item":null}`); !errors.As(err, &wrong) || before != 1 || wrong.Err.Error() != "null is not a vk_test.item" {
		t.Errorf("null: %v, Before ran %d times", err, before)
	}
	for want, bad := range map[string]func(){
		`vk: payload "item" (at HERE): another route has the payload key "item" (at HERE)`: func() { vk.Press(r, "item", func(*vk.Context, int) error { return nil }) },
		`vk: payload "" (at HERE): no key`:                                                 func() { vk.Press(r, "", func(*vk.Context, int) error { return nil }) },
		`vk: payload "x" (at HERE): nil handler`:                                           func() { vk.Press[int](r, "x", nil) },
		`vk: And (at HERE): nil condition`:                                                 func() { vk.Has().And(nil) },
		`vk: Or (at HERE): nil condition`:                                                  func() { vk.Cond(nil).Or(vk.Has()) },
		`vk: Not (at HERE): nil condition`:                                                 func() { vk.Cond(nil).Not() },
		`vk: Route or Group (at HERE): nil function`:                                       func() { r.Route("x", nil) },
		`vk: Wrap (at HERE): nil function`:                                                 func() { vk.Wrap(r, nil) },
		`vk: Client.Use: nil function`:                                                     func() { vk.NewClient("t").Use(nil) },
		`vk: On "" (at HERE): no kind: see Listen for all kinds`:                           func() { vk.On(r, "", func(*vk.Context, *vk.GroupJoin) error { return nil }) },
		`vk: When (at HERE): nil condition`:                                                func() { r.When(nil, nothing) },
		`vk: When (at HERE): nil handler`:                                                  func() { r.When(vk.If(isChat), nil) },
		`vk: pattern "" (at HERE): no word to find it by`:                                  func() { new(vk.Router).Add(vk.Route{Handler: nothing}) },
	} {
		if got := panics(bad); got != want {
			t.Errorf("panics with %s\nwant %s", got, want)
		}
	}
}

// TestNilHooks: a nil hook is an error of the middleware that adds it, with its
// place, before anything runs.
func TestNilHooks(t *testing.T) {
	for name, add := range map[string]func(c *vk.Context){
		"Before": func(c *vk.Context) { c.Before(nil) },
		"After":  func(c *vk.Context) { c.After(nil) },
		"Claim":  func(c *vk.Context) { c.Claim(nil) },
	} {
		r := vk.NewRouter("!")
		r.Handle("x", func(*vk.Context) error { t.Error(name + ": the handler runs"); return nil }, func(next vk.HandlerFunc) vk.HandlerFunc {
			return func(c *vk.Context) error {
				add(c)
				return next(c)
			}
		})
		if err := r.Serve(said(t, "!x")); err == nil || !strings.Contains(err.Error(), "vk: "+name+" (at route_check_test.go:") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCondLogic(t *testing.T) {
	boom := errors.New("boom")
	asked := 0
	is := func(v bool, err error) vk.Cond {
		return func(*vk.Context) (bool, error) { asked++; return v, err }
	}
	yes, no, fails, lies := is(true, nil), is(false, nil), is(false, boom), is(true, boom)
	for name, tt := range map[string]struct {
		cond  vk.Cond
		want  bool
		err   error
		asked int
	}{
		"yes and yes":   {yes.And(yes), true, nil, 2},
		"yes and no":    {yes.And(no), false, nil, 2},
		"no and fails":  {no.And(fails), false, nil, 1},
		"fails and yes": {fails.And(yes), false, boom, 1},
		"lies and yes":  {lies.And(yes), true, boom, 1},
		"yes and fails": {yes.And(fails), false, boom, 2},
		"yes or fails":  {yes.Or(fails), true, nil, 1},
		"no or yes":     {no.Or(yes), true, nil, 2},
		"no or no":      {no.Or(no), false, nil, 2},
		"fails or yes":  {fails.Or(yes), false, boom, 1},
		"not yes":       {yes.Not(), false, nil, 1},
		"not no":        {no.Not(), true, nil, 1},
		"not fails":     {fails.Not(), false, boom, 1},
		"not lies":      {lies.Not(), false, boom, 1},
	} {
		t.Run(name, func(t *testing.T) {
			asked = 0
			got, err := tt.cond(said(t, "x"))
			if got != tt.want || err != tt.err || asked != tt.asked {
				t.Errorf("%t, %v, asked %d times", got, err, asked)
			}
		})
	}
}

// TestCondFailure checks that a condition that fails leads to its route's
// middleware, and to no other route.
func TestCondFailure(t *testing.T) {
	boom := errors.New("boom")
	for name, cond := range map[string]vk.Cond{
		"error": func(*vk.Context) (bool, error) { return true, boom },
		"panic": func(*vk.Context) (bool, error) { panic(boom) },
	} {
		t.Run(name, func(t *testing.T) {
			var ran trace
			r := vk.NewRouter("!")
			r.Use(ran.around("use"))
			r.When(vk.If(isChat), ran.handler("first"))
			r.When(cond, ran.handler("failing"))
			r.When(vk.If(isChat).Not(), ran.handler("last"))
			if err := r.Serve(said(t, "x")); !errors.Is(err, boom) || !strings.Contains(err.Error(), "When at route_check_test.go:") {
				t.Error(err)
			}
			ran.is(t, "use(", ")use")
			if _, err := r.Match(said(t, "x")); !errors.Is(err, boom) {
				t.Error(err)
			}
		})
	}
}

// TestCondSeesPrefix checks that a condition can distinguish unknown commands
// from other texts, so that it may leave them to a NotFound, or accept them.
func TestCondSeesPrefix(t *testing.T) {
	var ran trace
	r := vk.NewRouter("!")
	r.Handle("a", ran.handler("a"))
	r.Route("in", func(r *vk.Router) { r.NotFound(ran.handler("in?")) })
	r.NotFound(ran.handler("not found"))
	r.When(vk.Regexp(`^!\d+$`), func(c *vk.Context) error {
		ran.note("number " + c.Prefix() + "|" + c.Invoked() + "|" + c.Line())
		return nil
	})
	r.When(vk.If(func(c *vk.Context) bool {
		ran.note(c.Prefix() + "|" + c.Invoked() + "|" + c.Line())
		return c.Prefix() == ""
	}), ran.handler("talk"))
	for _, tt := range []struct {
		text string
		want []string
	}{
		{"!a", []string{"a"}},
		{"hello you", []string{"||", "talk"}},
		{"!nope x ", []string{"!|nope|nope x", "not found"}},
		{"!in x", []string{"!|in|in x", "in?"}},
		{"!5", []string{"number !||"}},
		{"!", []string{"||", "talk"}},
		{"! a", []string{"||", "talk"}},
	} {
		if err := r.Serve(said(t, tt.text)); err != nil {
			t.Error(err)
		}
		ran.is(t, tt.want...)
	}
}

func TestRegexpGroups(t *testing.T) {
	r := vk.NewRouter("!")
	var got []string
	note := func(c *vk.Context) error {
		got = []string{c.Arg("0"), c.Arg("1"), c.Arg("n"), c.Arg("2"), c.Arg("nope"), c.Arg("-1")}
		return nil
	}
	r.When(vk.Regexp(`^buy (\d+)$`).And(vk.Regexp(`sell`)), note)
	r.When(vk.Regexp(`sell`).Not().And(vk.Regexp(`(?i)^купи (\d+) (?P<n>\S+)`).Or(vk.Regexp(`^get`))), note)
	for text, want := range map[string]string{
		"КУПИ 5 чая!": "КУПИ 5 чая!|5|чая!|чая!||",
		"get it":      "get|||||",
		"buy 7":       "",
		"sell":        "",
	} {
		got = nil
		if err := r.Serve(said(t, text)); err != nil || strings.Join(got, "|") != want {
			t.Errorf("%q: %q, %v, want %q", text, strings.Join(got, "|"), err, want)
		}
	}
	if msg := panics(func() { vk.Regexp("(") }); !strings.HasPrefix(msg, "vk: Regexp (at HERE): ") {
		t.Error(msg)
	}
}

// TestRegexpGroupsInListener checks that the groups of an expression that a
// listener matches are those of that listener alone.
func TestRegexpGroupsInListener(t *testing.T) {
	number := vk.Regexp(`(?P<number>\d+)$`)
	r := vk.NewRouter("!")
	var got []string
	for _, matches := range []bool{false, true, false} {
		r.Listen(func(c *vk.Context) error {
			if matches {
				number(c)
			}
			got = append(got, c.Arg("number"))
			return nil
		})
	}
	r.Serve(said(t, "buy 5"))
	if want := []string{"", "5", ""}; !slices.Equal(got, want) {
		t.Errorf("the groups are %q, want %q", got, want)
	}
}

// TestRegexpGroupsOfFailed checks that the groups of an expression do not
// reach the handler if the surrounding condition does not hold.
func TestRegexpGroupsOfFailed(t *testing.T) {
	word, number := vk.Regexp(`^buy (?P<word>[a-z]+)`), vk.Regexp(`(?P<number>\d+)$`)
	no := vk.If(func(*vk.Context) bool { return false })
	asks := vk.Cond(func(c *vk.Context) (bool, error) {
		word(c)
		return false, nil
	})
	asksAnd := vk.Cond(func(c *vk.Context) (bool, error) {
		word.And(no)(c)
		return number(c)
	})
	for name, tt := range map[string]struct {
		cond vk.Cond
		want string
	}{
		"and":                   {word.And(number), "tea 5"},
		"or asks the first":     {word.Or(number), "tea "},
		"or asks the second":    {no.Or(number), " 5"},
		"failed and, or":        {word.And(no).Or(number), " 5"},
		"and with failed and":   {number.And(word.And(no).Or(number)), " 5"},
		"failed and inside and": {number.And(word.And(no).Not()), " 5"},
		"not":                   {word.Not().Or(number), " 5"},
		"not not":               {word.Not().Not().And(number), " 5"},
		"function, or":          {asks.Or(number), " 5"},
		"function asks and":     {asksAnd, " 5"},
		"or of failed, or":      {asks.Or(no).Or(number), " 5"},
	} {
		t.Run(name, func(t *testing.T) {
			r := vk.NewRouter("!")
			var got []string
			r.When(asks, func(c *vk.Context) error { t.Error("ran"); return nil })
			r.When(tt.cond, func(c *vk.Context) error {
				got = append(got, c.Arg("word")+" "+c.Arg("number"))
				return nil
			})
			if err := r.Serve(said(t, "buy tea 5")); err != nil || !slices.Equal(got, []string{tt.want}) {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestHas(t *testing.T) {
	for _, tt := range []struct {
		attachments, want string
	}{
		{`"attachments":[]`, ""},
		{`"text":"\"attachments\""`, ""},
		{`"attachments":[{"type":"photo","photo":{"type":"x"}},{"type":"doc"}]`, "photo any"},
		{`"attachments":[{"type":"doc"},{"type":"sticker"}]`, "sticker any"},
		{`"attachments":[{"type":"doc"}]`, "any"},
		{`"attachments":"no list"`, ""},
	} {
		var ran trace
		r := new(vk.Router)
		r.When(vk.Has("photo", "video"), ran.handler("photo any"))
		r.When(vk.Has("sticker").And(vk.Has("doc")), ran.handler("sticker any"))
		r.When(vk.Has(), ran.handler("any"))
		if err := r.Serve(happened(t, "message_new", `{"message":{"peer_id":5,"from_id":5,`+tt.attachments+`}}`)); err != nil {
			t.Error(err)
		}
		if got := strings.Join(ran, ","); got != tt.want {
			t.Errorf("%s: %q", tt.attachments, got)
		}
	}
}

// TestConditionsOfAllEvents checks that conditions are asked only for presses
// and messages.
func TestConditionsOfAllEvents(t *testing.T) {
	files, _ := filepath.Glob("testdata/events/*.json")
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		e, err := vk.ParseEvent(raw)
		if err != nil {
			continue
		}
		var ran trace
		r := new(vk.Router)
		r.When(vk.If(func(*vk.Context) bool { return true }), ran.handler("any"))
		if err := r.Serve(vk.NewContext(t.Context(), nil, e)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if len(ran) > 0 && e.Kind != "message_new" && e.Kind != "message_event" {
			t.Errorf("%s reaches a condition", file)
		}
	}
}

func TestRouteAllowed(t *testing.T) {
	var ran trace
	no := errors.New("no")
	var route *vk.Route
	r := vk.NewRouter("!")
	remove := r.Check(func(c *vk.Context) error { ran.note("router"); route = c.Route(); return nil })
	var rt *vk.Route
	r.Group(func(r *vk.Router) {
		r.Use(ran.around("use"))
		rt = r.Add(vk.Route{Pattern: "a {x}", Handler: ran.handler("a"), Checks: []vk.Check{
			func(*vk.Context) error { ran.note("first"); return nil },
			func(*vk.Context) error { ran.note("second"); return no },
			func(*vk.Context) error { ran.note("third"); return nil },
		}})
	})
	var refused *vk.CheckError
	if err := rt.Allowed(said(t, "!help")); !errors.As(err, &refused) || !errors.Is(err, no) {
		t.Error(err)
	}
	ran.is(t, "router", "first", "second")
	if route != rt {
		t.Error("the check sees another route:", route)
	}
	remove()
	remove()
	rt.SetEnabled(false)
	if err := rt.Allowed(said(t, "!help")); !errors.Is(err, vk.ErrDisabled) || rt.Enabled() {
		t.Error(err)
	}
	ran.is(t)
	rt.SetEnabled(true)
	rt.Allowed(said(t, "!help"))
	ran.is(t, "first", "second")
}
