package vk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// caller returns a Context for a text. Its client gets its responses from
// answer, and adds each call to calls.
func caller(t testing.TB, text string, answer func(method string, p Params) (string, error)) (*Context, *[]string) {
	t.Helper()
	calls := new([]string)
	client := NewClient("token")
	client.Use(func(CallFunc) CallFunc {
		return func(_ context.Context, method string, p Params) (json.RawMessage, error) {
			*calls = append(*calls, method)
			s, err := answer(method, p)
			return json.RawMessage(s), err
		}
	})
	c := newMessage(t, text)
	c.client = client
	return c, calls
}

// people answers as VK does: durov is user 1, tea is community 9, an app is an
// app, and other names do not exist.
func people(method string, p Params) (string, error) {
	switch method {
	case "utils.resolveScreenName":
		switch p["screen_name"] {
		case "durov":
			return `{"type":"user","object_id":1}`, nil
		case "tea":
			return `{"type":"group","object_id":9}`, nil
		case "app":
			return `{"type":"application","object_id":3}`, nil
		}
		return `[]`, nil
	case "users.get":
		if ids := fmt.Sprint(p["user_ids"]); strings.Contains(ids, "404") {
			return `[]`, nil
		}
		return `[{"id":1,"first_name":"Pavel","last_name":"Durov"}]`, nil
	case "groups.getById":
		return `{"groups":[{"id":9,"name":"Tea"}]}`, nil
	}
	return "", errors.New("no such method: " + method)
}

func TestPageTypes(t *testing.T) {
	const misfit = int64(0)
	tests := []struct {
		typ, text string
		want      int64 // 0 if it is not of the type
		calls     int
	}{
		{"user", "1", 1, 0},
		{"user", "id1", 1, 0},
		{"user", "ID1", 1, 0},
		{"user", "@id1", 1, 0},
		{"user", "*id1", 1, 0},
		{"user", "@id1,", 1, 0},
		{"user", "[id1|Anna]", 1, 0},
		{"user", "[id1|Anna Petrova]", 1, 0},
		{"user", "[id1|Anna Petrova],", 1, 0},
		{"user", "@id1 (Anna Petrova)", 1, 0},
		{"user", `[id1|Anna "the cat"]`, 1, 0},
		{"user", "https://vk.com/id1", 1, 0},
		{"user", "vk.com/id1", 1, 0},
		{"user", "vk.ru/id1", 1, 0},
		{"user", "@durov", 1, 1},
		{"user", "vk.com/durov", 1, 1},
		{"user", "[durov|Pavel D]", 1, 1},
		{"user", "durov", misfit, 0}, // a word: it must not cost a call, nor match a user by chance
		{"user", "spam", misfit, 0},
		{"user", "@nobody", misfit, 1},
		{"user", "@tea", misfit, 1}, // a community
		{"user", "@app", misfit, 1},
		{"user", "club1", misfit, 0},
		{"user", "[club1|Tea]", misfit, 0},
		{"user", "-1", misfit, 0},
		{"user", "0", misfit, 0},
		{"user", "2000000001", misfit, 0},
		{"user", "@all", misfit, 0},
		{"user", "vk.com/wall-1_2", misfit, 0},
		{"user", "1.5", misfit, 0},
		{"user", `""`, misfit, 0},
		{"user", "99999999999999999999", misfit, 0},

		{"group", "9", 9, 0},
		{"group", "-9", 9, 0},
		{"group", "club9", 9, 0},
		{"group", "public9", 9, 0},
		{"group", "[club9|Tea and more]", 9, 0},
		{"group", "@event9", 9, 0},
		{"group", "vk.com/tea", 9, 1},
		{"group", "@tea", 9, 1},
		{"group", "@durov", misfit, 1},
		{"group", "id1", misfit, 0},
		{"group", "2000000001", misfit, 0},

		{"page", "1", 1, 0},
		{"page", "-9", -9, 0},
		{"page", "club9", -9, 0},
		{"page", "@tea", -9, 1},
		{"page", "@durov", 1, 1},
		{"page", "2000000001", misfit, 0},
		{"page", "@app", misfit, 1},

		{"peer", "1", 1, 0},
		{"peer", "-9", -9, 0},
		{"peer", "2000000001", 2000000001, 0},
		{"peer", "2000000000", misfit, 0},
		{"peer", "@tea", -9, 1},
	}
	for _, tt := range tests {
		t.Run(tt.typ+" "+tt.text, func(t *testing.T) {
			r := NewRouter("!")
			var got int64
			Command(r, "a {x:"+tt.typ+"} {y?}", func(c *Context, a struct {
				X int64
				Y *string
			}) error {
				got = a.X
				if v, ok := Arg[int64](c, "x"); !ok || v != got {
					t.Errorf("Arg is %v, %v", v, ok)
				}
				if a.Y == nil || *a.Y != "rest" {
					t.Errorf("y is %v", a.Y)
				}
				return nil
			})
			c, calls := caller(t, "!a "+tt.text+" rest", people)
			err := r.Serve(c)
			if tt.want == misfit && !errors.Is(err, ErrArgType) || tt.want != misfit && err != nil || got != tt.want {
				t.Errorf("%d, %v, want %d", got, err, tt.want)
			}
			if len(*calls) != tt.calls {
				t.Errorf("calls %v", *calls)
			}
		})
	}
}

// TestPagesAreFetchedForFields checks that a page costs calls only if a field
// needs it.
func TestPagesAreFetchedForFields(t *testing.T) {
	r := NewRouter("!")
	type pages struct {
		U User
		G *Group
		P Profile
		L []User
	}
	var got pages
	Command(r, "a {u:user} {g:group} {p:page} {l:user...?}", func(c *Context, a pages) error {
		got = a
		return nil
	})
	c, calls := caller(t, "!a @durov 9 -9 1 [id1|Pavel D]", people)
	if err := r.Serve(c); err != nil {
		t.Fatal(err)
	}
	if got.U.FirstName != "Pavel" || got.G == nil || got.G.Name != "Tea" || got.P.Name != "Tea" || len(got.L) != 2 || got.L[1].LastName != "Durov" {
		t.Errorf("%+v", got)
	}
	if diff := cmp.Diff([]string{"utils.resolveScreenName", "users.get", "groups.getById", "groups.getById", "users.get", "users.get"}, *calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	c, _ = caller(t, "!a 404 9 9", people)
	if err := r.Serve(c); !errors.Is(err, ErrArgType) || !errors.Is(err, ErrNotFound) {
		t.Errorf("who does not exist: %v", err)
	}
}

// TestConverterThatCannotTell checks that a failed lookup is not reported as
// the user's mistake: the bot must not say that a user does not exist because
// the network is down, and a list, an optional placeholder or the next type
// must not hide the failure.
func TestConverterThatCannotTell(t *testing.T) {
	down := errors.New("network is down")
	for _, pattern := range []string{"{x:user}", "{x:user?} {y...?}", "{x:user...} {y...?}", "{x:user|string}", "{x:user=@durov}", "{x:user...?}"} {
		t.Run(pattern, func(t *testing.T) {
			r := NewRouter("!")
			r.Handle("a "+pattern, func(*Context) error { t.Error("the handler ran"); return nil })
			c, _ := caller(t, "!a @durov", func(string, Params) (string, error) { return "", down })
			if strings.Contains(pattern, "=") {
				c.event.head.text = "!a"
			}
			err := r.Serve(c)
			var wrong *ArgError
			if !errors.Is(err, down) || errors.As(err, &wrong) || errors.Is(err, ErrArgType) {
				t.Error(err)
			}
			if err != nil && !strings.Contains(err.Error(), ": argument x: ") {
				t.Error(err)
			}
		})
	}
	t.Run("default that nobody is", func(t *testing.T) {
		r := NewRouter("!")
		r.Handle("a {x:user=@nobody}", func(*Context) error { return nil })
		c, _ := caller(t, "!a", people)
		var wrong *ArgError
		if err := r.Serve(c); err == nil || errors.As(err, &wrong) || errors.Is(err, ErrArgType) {
			t.Error(err)
		}
	})
	t.Run("no client", func(t *testing.T) {
		r := NewRouter("!")
		r.Handle("a {x:user}", func(*Context) error { return nil })
		if err := r.Serve(newMessage(t, "!a @durov")); err == nil || errors.Is(err, ErrArgType) {
			t.Error(err)
		}
	})
}

// TestTargetByReply checks that a missing argument of a page type is the
// author of the message that is replied to, or else of the forwarded one.
func TestTargetByReply(t *testing.T) {
	const (
		durov   = `"reply_message":{"from_id":1}`
		tea     = `"reply_message":{"from_id":-9}`
		forward = `"fwd_messages":[{"from_id":2},{"from_id":3}]`
	)
	for _, tt := range []struct {
		name, pattern, line, quoted string
		want                        string // the arguments
	}{
		{"reply", "{x:user}", "", durov, "id1"},
		{"reply, then words", "{x:user} {y...}", "flood it", durov, "id1,flood it"},
		{"words come first", "{x:user}", "@id5", durov, "@id5"},
		{"forwarded", "{x:user}", "", forward, "id2"},
		{"the reply before the forwarded", "{x:user}", "", forward + "," + durov, "id1"},
		{"before leaving it out", "{x:user?}", "", durov, "id1"},
		{"before the default", "{x:user=@id7}", "", durov, "id1"},
		{"a list", "{x:user...}", "", durov, "id1"},
		{"one of two types", "{x:int|user}", "", durov, "id1"},
		{"one argument of two", "{x:user} {y:user}", "@id5", durov, "@id5,id1"},
		{"not for both", "{x:user} {y:user}", "", durov, "y is missing"},
		{"a community", "{x:group}", "", tea, "club9"},
		{"a community is no person", "{x:user}", "", tea, "x is missing"},
		{"a community for a page", "{x:page}", "", tea, "club9"},
		{"a peer", "{x:peer}", "", durov, "id1"},
		{"no message is quoted", "{x:user}", "", `"text":"!a"`, "x is missing"},
		{"an author that VK does not tell", "{x:user}", "", `"reply_message":{}`, "x is missing"},
		{"what is wrong is still told", "{x:user}", "flood", tea, "x is of another type"},
		{"another type", "{x:int}", "", durov, "x is missing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := NewRouter("!")
			var got []string
			r.Handle("a "+tt.pattern, func(c *Context) error {
				for _, p := range c.Route().Params() {
					got = append(got, c.Arg(p.Name))
				}
				return nil
			})
			c := newMessage(t, "!a "+tt.line)
			c.event.Object = fmt.Appendf(nil, `{"message":{"peer_id":5,%s}}`, tt.quoted)
			err := r.Serve(c)
			var wrong *ArgError
			if errors.As(err, &wrong) {
				got = []string{wrong.Name + " " + wrong.Err.Error()}
			} else if err != nil {
				t.Fatal(err)
			}
			if s := strings.Join(got, ","); s != tt.want {
				t.Errorf("%q, want %q", s, tt.want)
			}
		})
	}
	t.Run("fetched", func(t *testing.T) {
		r := NewRouter("!")
		name := ""
		Command(r, "a {x:user}", func(_ *Context, a struct{ X User }) error { name = a.X.FirstName; return nil })
		c, _ := caller(t, "!a", people)
		c.event.Object = []byte(`{"message":{"peer_id":5,` + durov + `}}`)
		if err := r.Serve(c); err != nil || name != "Pavel" {
			t.Errorf("%q, %v", name, err)
		}
	})
}

// TestTimeIsOfTheMessage checks that "tomorrow" is relative to the message's
// time, in the zone of the Router's type.
func TestTimeIsOfTheMessage(t *testing.T) {
	moscow := time.FixedZone("MSK", 3*60*60)
	written := time.Date(2026, 12, 30, 22, 30, 15, 0, time.UTC) // already the 31st in Moscow, 01:30
	for name, tt := range map[string]struct {
		register func(r *Router)
		want     time.Time
	}{
		"UTC unless told": {func(*Router) {}, time.Date(2026, 12, 31, 10, 0, 0, 0, time.UTC)},
		"nil is UTC":      {func(r *Router) { r.Converter("time", TimeIn(nil)) }, time.Date(2026, 12, 31, 10, 0, 0, 0, time.UTC)},
		"Moscow":          {func(r *Router) { r.Converter("time", TimeIn(moscow)) }, time.Date(2027, 1, 1, 10, 0, 0, 0, moscow)},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewRouter("!")
			tt.register(r)
			var got time.Time
			Command(r, "a {t:time}", func(_ *Context, a struct{ T time.Time }) error { got = a.T; return nil })
			c := newMessage(t, "!a завтра 10:00")
			c.event.Object = fmt.Appendf(nil, `{"message":{"date":%d,"peer_id":5}}`, written.Unix())
			if err := r.Serve(c); err != nil || !got.Equal(tt.want) || got.Location().String() != tt.want.Location().String() {
				t.Errorf("%v, %v, want %v", got, err, tt.want)
			}
		})
	}
}

func TestOneOf(t *testing.T) {
	r := NewRouter("!")
	r.Converter("size", OneOf("S", "M", "Ещё"))
	var got []string
	Command(r, "a {x:size...}", func(_ *Context, a struct{ X []string }) error {
		got = a.X
		return nil
	})
	if err := r.Serve(newMessage(t, "!a m S еще ЕЩЁ")); err != nil || !cmp.Equal(got, []string{"M", "S", "Ещё", "Ещё"}) {
		t.Errorf("%q, %v", got, err)
	}
	var wrong *ArgError
	if err := r.Serve(newMessage(t, "!a XL")); !errors.As(err, &wrong) || !errors.Is(err, ErrArgType) || wrong.Want != "S|M|Ещё" {
		t.Errorf("%+v, %v", wrong, err)
	}
	r.Handle("b {x:int|size}", func(*Context) error { return nil })
	if err := r.Serve(newMessage(t, "!b XL")); !errors.As(err, &wrong) || wrong.Want != "int|S|M|Ещё" {
		t.Errorf("%+v, %v", wrong, err)
	}
}

func TestConverterNamesAreInherited(t *testing.T) {
	type args struct{ X string }
	constant := func(v string) Converter { return ParseFunc(func(string) (string, error) { return v, nil }) }
	r := NewRouter("!")
	got := ""
	h := func(_ *Context, a args) error { got = a.X; return nil }
	r.Converter("x", constant("outer"))
	Command(r, "before {x:x}", h)
	r.Route("in", func(r *Router) {
		Command(r, "before {x:x}", h)
		r.Converter("x", constant("inner"))
		Command(r, "after {x:x}", h)
		r.Group(func(r *Router) { Command(r, "group {x:x}", h) })
	})
	r.Converter("x", constant("later"))
	Command(r, "after {x:x}", h)
	r.Converter("int", constant("mine"))
	Command(r, "int {x:int}", h)
	for text, want := range map[string]string{
		"!before 1": "outer", "!after 1": "later", "!in before 1": "outer", "!in after 1": "inner", "!in group 1": "inner", "!int x": "mine",
	} {
		if err := r.Serve(newMessage(t, text)); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", text, got, err, want)
		}
	}
}

func TestConverterRefusesAtRegistration(t *testing.T) {
	ok := OneOf("a")
	tests := []struct {
		name string
		f    func(r *Router)
		want string
	}{
		{"no name", func(r *Router) { r.Converter("", ok) }, `Converter "" (at args_convert_test.go:HERE): not a name`},
		{"no name of a placeholder", func(r *Router) { r.Converter("a|b", ok) }, `not a name`},
		{"digit", func(r *Router) { r.Converter("1a", ok) }, `not a name`},
		{"string", func(r *Router) { r.Converter("string", ok) }, "the type of text cannot be another"},
		{"word", func(r *Router) { r.Converter("word", ok) }, "the type of text cannot be another"},
		{"zero", func(r *Router) { r.Converter("a", Converter{}) }, "the zero Converter"},
		{"ParseFunc of nil", func(*Router) { ParseFunc[int](nil) }, "ParseFunc: nil function (at args_convert_test.go:"},
		{"ConvertFunc of nil", func(*Router) { ConvertFunc[int](nil) }, "ConvertFunc: nil function (at args_convert_test.go:"},
		{"OneOf nothing", func(*Router) { OneOf() }, "OneOf: no words (at args_convert_test.go:"},
		{"OneOf the same", func(*Router) { OneOf("a", "A") }, `OneOf: "A" twice (at args_convert_test.go:`},
		{"type of an inner Router", func(r *Router) {
			r.Route("x", func(r *Router) { r.Converter("mine", ok) })
			r.Handle("a {x:mine}", func(*Context) error { return nil })
		}, `the placeholder "{x:mine}" has the unknown type "mine"; the types are bool, `},
		{"unknown type beside one of its own", func(r *Router) {
			r.Converter("mine", ok)
			r.Handle("a {x:size}", func(*Context) error { return nil })
		}, `, mine, `},
		{"default of none", func(r *Router) {
			r.Converter("mine", ok)
			r.Handle("a {x:mine=b}", func(*Context) error { return nil })
		}, `has a default that is not a`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			defer func() {
				want, _, _ := strings.Cut(tt.want, "HERE")
				if msg := fmt.Sprint(recover()); !strings.Contains(msg, want) {
					t.Errorf("panic %s, want %s", msg, tt.want)
				}
			}()
			tt.f(new(Router))
		})
	}
}

// TestFieldsAreCheckedBeforeHooks checks that an argument that its field
// cannot hold is reported before any hook runs.
func TestFieldsAreCheckedBeforeHooks(t *testing.T) {
	r := NewRouter("!")
	r.Use(func(next HandlerFunc) HandlerFunc {
		return func(c *Context) error {
			c.Before(func(*Context) error { t.Error("a hook ran"); return nil })
			return next(c)
		}
	})
	Command(r, "a {n:int}", func(*Context, struct{ N uint8 }) error { t.Error("the handler ran"); return nil })
	if err := r.Serve(newMessage(t, "!a 256")); !errors.Is(err, ErrArgType) {
		t.Error(err)
	}
}

// TestConverterMayUseItsContext checks that a Converter may block, get the
// message, and even ask for arguments, which it does not have.
func TestConverterMayUseItsContext(t *testing.T) {
	r := NewRouter("!")
	var seen []*Context
	r.Converter("odd", ConvertFunc(func(c *Context, text string) (int64, error) {
		seen = append(seen, c)
		if m, err := c.Message(); err != nil || m.PeerID != 5 || c.FromID() != 5 || c.Arg("x") != "" || c.Route() != nil || c.Prefix() != "!" {
			t.Error(m, err, c.Arg("x"), c.Route(), c.Prefix())
		}
		return 5, c.Err()
	}))
	r.Handle("a {x:odd} {y:odd=1}", func(c *Context) error {
		x, ok := Arg[int](c, "x")
		y, ok2 := Arg[int](c, "y")
		if x+y != 10 || !ok || !ok2 {
			t.Error(x, y)
		}
		return nil
	})
	if err := r.Serve(newMessage(t, "!a 1")); err != nil {
		t.Error(err)
	}
	if len(seen) != 2 || seen[0] != seen[1] {
		t.Errorf("a line makes the Contexts %v, want one for all", seen)
	}
}

func TestArgHasAnyTypeThatFits(t *testing.T) {
	r := NewRouter("!")
	ran := false
	r.Handle("a {n:int} {x:int|bool} {d:duration} {l:float...?} {o?}", func(c *Context) error {
		ran = true
		check := func(name string, got any, ok, want bool) {
			if ok != want {
				t.Errorf("%s as %T: %v, %v", name, got, got, ok)
			}
		}
		n, ok := Arg[int64](c, "n")
		check("n", n, ok && n == 300, true)
		u, ok := Arg[uint16](c, "n")
		check("n", u, ok && u == 300, true)
		p, ok := Arg[*int](c, "n")
		check("n", p, ok && *p == 300, true)
		a, ok := Arg[any](c, "n")
		check("n", a, ok && a == int64(300), true)
		i8, ok := Arg[int8](c, "n")
		check("n", i8, ok || i8 != 0, false)
		s, ok := Arg[string](c, "n")
		check("n", s, ok, false)
		nd, ok := Arg[time.Duration](c, "n")
		check("n", nd, ok, false)
		b, ok := Arg[bool](c, "x")
		check("x", b, ok && b, true)
		xi, ok := Arg[int](c, "x")
		check("x", xi, ok, false)
		d, ok := Arg[time.Duration](c, "d")
		check("d", d, ok && d == time.Hour, true)
		di, ok := Arg[int](c, "d")
		check("d", di, ok, false)
		l, ok := Arg[[]float32](c, "l")
		check("l", l, ok && cmp.Equal(l, []float32{1, 2.5}), true)
		li, ok := Arg[[]int](c, "l")
		check("l", li, ok, false)
		o, ok := Arg[string](c, "o")
		check("o", o, ok, false)
		none, ok := Arg[string](c, "none")
		check("none", none, ok, false)
		return nil
	})
	if err := r.Serve(newMessage(t, "!a 300 да 1h 1 2,5")); err != nil || !ran {
		t.Error(err)
	}
}
