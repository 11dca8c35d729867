package discord_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/discordtest"
)

// TestPressMistakes: a registration that cannot work panics, and names the place.
func TestPressMistakes(t *testing.T) {
	submit := func(_ *discord.Context, _ struct{ Title string }) error { return nil }
	for _, tt := range []struct {
		name string
		make func(*discord.Router)
		want string
	}{
		{"malformed", func(r *discord.Router) { r.Press("a {x", silent) }, `discord: press "a {x" (at HERE): the placeholder "{x" is not closed`},
		{"nil handler", func(r *discord.Router) { r.Press("a", nil) }, `discord: press "a" (at HERE): nil handler`},
		{"no word", func(r *discord.Router) { r.Press("{x}", silent) }, `discord: press "{x}" (at HERE): `},
		{"no press", func(r *discord.Router) { r.Press("", silent) }, `discord: press "" (at HERE): no word to find it by`},
		{"no form", func(r *discord.Router) { discord.Submit(r, "", submit) }, `discord: form "" (at HERE): no word to find it by`},
		{"no menu", func(r *discord.Router) {
			r.UserMenu("", func(*discord.Context, *discord.User) error { return nil })
		}, `discord: user menu "" (at HERE): the slash command / : the name " " has 1 characters, or spaces around`},
		{"no text", func(r *discord.Router) { r.Text("", silent) }, `discord: text "" (at HERE): an empty text`},
		{"same words", func(r *discord.Router) { r.Press("a b", silent); r.Press("a b|c {x}", silent) }, `discord: press "a b|c {x}" (at HERE): another route has the words of presses "a b" (at HERE)`},
		{"two things", func(r *discord.Router) { r.Add(discord.Route{Pattern: "a", Press: "a", Handler: silent}) }, `discord: pattern "a" (at HERE): it has more than one of the fields Pattern, Press, Submit, UserMenu and MessageMenu: add a Route for each`},
		{"Only", func(r *discord.Router) { r.Add(discord.Route{Press: "a", Handler: silent, Only: discord.TypedOnly}) }, `discord: press "a" (at HERE): the field Only is set: it is for commands`},
		{"SlashOnly without a pattern", func(r *discord.Router) { r.Add(discord.Route{Text: "a", Handler: silent, Only: discord.SlashOnly}) }, `discord: text "a" (at HERE): it is SlashOnly, and has no Pattern`},
		{"SlashOnly and Hidden", func(r *discord.Router) {
			r.Add(discord.Route{Pattern: "a", Hidden: true, Handler: silent, Only: discord.SlashOnly})
		}, `discord: pattern "a" (at HERE): it is SlashOnly, and has no Pattern, or is Hidden`},
		{"form without a struct", func(r *discord.Router) { discord.Submit(r, "a", func(*discord.Context, string) error { return nil }) }, `discord: form "a" (at HERE): the inputs are of type string, which is no struct`},
		{"form with a field of another type", func(r *discord.Router) {
			discord.Submit(r, "a", func(*discord.Context, struct{ X []int }) error { return nil })
		}, `discord: form "a" (at HERE): the field X is of type []int, which no input fills`},
		{"form without a field", func(r *discord.Router) { discord.Submit(r, "a {x}", submit) }, `discord: form "a {x}" (at HERE): no field for {x}`},
		{"nil form", func(r *discord.Router) {
			discord.Submit(r, "a", (func(*discord.Context, struct{ Title string }) error)(nil))
		}, `discord: form "a" (at HERE): nil handler`},
		{"same form", func(r *discord.Router) { discord.Submit(r, "a", submit); discord.Submit(r, "a", submit) }, `discord: form "a" (at HERE): another route has the words of forms "a" (at HERE)`},
		{"form as a command", func(r *discord.Router) { discord.AddCommand(r, discord.Route{Submit: "a"}, submit) }, `discord: form "a" (at HERE): it is a Submit: use the function Submit, or Router.Add`},
		{"same user menu", func(r *discord.Router) {
			for range 2 {
				r.UserMenu("A b", func(*discord.Context, *discord.User) error { return nil })
			}
		}, `discord: user menu "A b" (at HERE): another route has the user menu "A b" (at HERE)`},
		{"nil menu", func(r *discord.Router) { r.MessageMenu("A", nil) }, `discord: message menu "A" (at HERE): nil handler`},
		{"long menu", func(r *discord.Router) {
			r.MessageMenu(strings.Repeat("я", 33), func(*discord.Context, *discord.Message) error { return nil })
		}, `discord: message menu "` + strings.Repeat("я", 33) + `" (at HERE): the slash command /` + strings.Repeat("я", 33) + `: the name "` + strings.Repeat("я", 33) + `" has 33 characters, or spaces around, and Discord takes 1 to 32 without: use another name`},
		{"16 menus", func(r *discord.Router) {
			for i := range 16 {
				r.UserMenu(fmt.Sprint("U", i), func(*discord.Context, *discord.User) error { return nil })
				r.MessageMenu(fmt.Sprint("M", i), func(*discord.Context, *discord.Message) error { return nil })
			}
		}, `discord: user menu "U15" (at HERE): the slash command /U15: there are 16 commands in the menu, and Discord takes 15: have fewer`},
		{"Between far numbers", func(r *discord.Router) {
			r.Converter("far", discord.Between(0, 1<<53+1))
			r.Handle("a {n:far}", silent)
		}, `discord: pattern "a {n:far}" (at HERE): the slash command /a, option n: the numbers go from 0 to 9007199254740993, and Discord takes 53 bits: narrow the limits of Between, or set Only to TypedOnly`},
		{"Between", func(*discord.Router) { discord.Between(2, 1) }, `discord: Between(2, 1) (at HERE): there is no number between`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := panicOf(func() { tt.make(discord.NewRouter("!")) }); !strings.HasPrefix(got, tt.want) {
				t.Errorf("panic: %s\nwant   %s", got, tt.want)
			}
		})
	}
}

// TestPressApart: presses, forms and commands do not find each other's words, and the words
// of the routers around stand before them.
func TestPressApart(t *testing.T) {
	r := discord.NewRouter("!")
	var got string
	note := func(what string) discord.HandlerFunc {
		return func(c *discord.Context) error {
			got = what + " " + c.Route().Usage() + " " + c.Line()
			return nil
		}
	}
	r.Handle("a b", note("command"))
	r.Press("a c", note("press"))
	discord.Submit(r, "a d", func(c *discord.Context, _ struct{}) error { return note("form")(c) })
	r.Route("in", func(r *discord.Router) {
		r.Press("", note("press"))
		discord.Submit(r, "", func(c *discord.Context, _ struct{}) error { return note("form")(c) })
		r.Press("x {n}", note("press"))
		discord.Submit(r, "x {n}", func(c *discord.Context, _ struct{ N string }) error { return note("form")(c) })
	})
	gives := func(data string) string {
		got = ""
		if err := r.Serve(discord.NewContext(t.Context(), nil, event(t, "INTERACTION_CREATE", `{"id":"1","token":"t",`+data+`}`))); err != nil {
			var unknown *discord.NotFoundError
			if !errors.As(err, &unknown) {
				t.Errorf("%s: %v", data, err)
			}
			return "NotFound"
		}
		return got
	}
	for data, want := range map[string]string{
		`"type":2,"data":{"type":1,"name":"a","options":[{"name":"b","type":1}]}`: "command a b ",
		`"type":3,"data":{"custom_id":"a b"}`:                                     "NotFound",
		`"type":3,"data":{"custom_id":"a c"}`:                                     "press a c ",
		`"type":3,"data":{"custom_id":"a d"}`:                                     "NotFound",
		`"type":5,"data":{"custom_id":"a c"}`:                                     "NotFound",
		`"type":5,"data":{"custom_id":"a d"}`:                                     "form a d ",
		`"type":3,"data":{"custom_id":"in x 5"}`:                                  "press in x {n} 5",
		`"type":5,"data":{"custom_id":"in x 5"}`:                                  "form in x {n} 5",
		`"type":3,"data":{"custom_id":"in"}`:                                      "press in ",
		`"type":5,"data":{"custom_id":"in"}`:                                      "form in ",
		`"type":2,"data":{"type":1,"name":"in"}`:                                  "NotFound",
		`"type":3,"data":{"custom_id":""}`:                                        "NotFound",
		`"type":2,"data":{"type":1,"name":"a"}`:                                   "NotFound",
		`"type":2,"data":{"type":2,"name":"a"}`:                                   "NotFound",
		`"type":1`:                                                                "",
	} {
		if got := gives(data); got != want {
			t.Errorf("%s: %q, want %q", data, got, want)
		}
	}
	if err := r.Serve(discord.NewContext(t.Context(), nil, message(t, 2, "!a c"))); err == nil {
		t.Error("a typed command finds a press")
	}
	if r.Serve(discord.NewContext(t.Context(), nil, event(t, "INTERACTION_CREATE", `[]`))) == nil {
		t.Error("an interaction that is none has no error")
	}
}

// TestSlashOnly: a route that is only a slash command needs no messages, and is not typed.
func TestSlashOnly(t *testing.T) {
	r := discord.NewRouter("!")
	r.Add(discord.Route{Pattern: "a", Only: discord.SlashOnly, Handler: silent})
	r.Press("b", silent)
	if got := discord.IntentsOf(r); got != 0 {
		t.Errorf("intents %v", got)
	}
	if r.Serve(discord.NewContext(t.Context(), nil, message(t, 2, "!a"))) == nil {
		t.Error("it is typed")
	}
	if _, ok := r.Lookup("b"); ok {
		t.Error("a press is among the commands")
	}
	if defs, err := r.Commands(); err != nil || len(defs) != 1 || defs[0].Name != "a" {
		t.Errorf("%+v, %v", defs, err)
	}
}

// TestAnswerOrder: under load, the answers of each handler come in order, each
// once, and every command is answered in time.
func TestAnswerOrder(t *testing.T) {
	const people, answers = 20, 6
	synctest.Test(t, func(t *testing.T) {
		r := discord.NewRouter()
		r.Handle("count", func(c *discord.Context) error {
			for i := range answers {
				time.Sleep(700 * time.Millisecond)
				if err := c.Reply(fmt.Sprint(c.UserID(), " ", i)); err != nil {
					return err
				}
			}
			return nil
		})
		r.Handle("crowd", func(c *discord.Context) error { // the answers of one handler at the same time
			var wg sync.WaitGroup
			errs := make([]error, answers)
			for i := range answers {
				wg.Go(func() { errs[i] = c.Reply("crowd") })
			}
			wg.Wait()
			return errors.Join(errs...)
		})
		s := discordtest.Config{Setup: func(g *discord.Gateway) { g.Dispatcher = &discord.Dispatcher{Workers: 4} }}.Start(t, r)
		s.Fail(discordtest.Fault{Call: "POST /webhooks/*/*", Skip: 5, Times: 10, Status: 429, RetryAfter: 300 * time.Millisecond, Scope: "user"})
		var all []*discordtest.User
		for i := range people {
			all = append(all, s.User(fmt.Sprint("P", i)))
		}
		for _, u := range all {
			u.Slash("count")
		}
		all[0].Slash("crowd")
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		if err := s.Wait(ctx); err != nil {
			t.Fatal(err)
		}
		next := make(map[string]int)
		for _, m := range backwards(messages(t, s)) {
			who, n, numbered := strings.Cut(m.Content, " ")
			if want := fmt.Sprint(next[who]); numbered && n != want {
				t.Errorf("%s has answer %s, want %s", who, n, want)
			}
			next[who]++
		}
		if len(next) != people+1 {
			t.Errorf("%d people have answers", len(next))
		}
		for who, n := range next {
			if n != answers {
				t.Errorf("%s has %d answers", who, n)
			}
		}
		if s := s.Transcript(); strings.Contains(s, "did not respond") {
			t.Error("somebody had no response")
		}
	})
}

func backwards[T any](list []T) []T {
	out := make([]T, 0, len(list))
	for i := len(list) - 1; i >= 0; i-- {
		out = append(out, list[i])
	}
	return out
}

// TestAbandoned: the placeholder of a handler that does not end goes away.
func TestAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := make(chan struct{})
		r := discord.NewRouter()
		r.Handle("hang", func(*discord.Context) error { <-end; return nil })
		s := discordtest.Start(t, r)
		anna := s.User("Anna")
		anna.Slash("hang")
		anna.SeesThinking()
		time.Sleep(2 * time.Minute)
		if left := messages(t, s); len(left) != 0 {
			t.Errorf("%d messages", len(left))
		}
		close(end)
	})
}

// TestAnswerAfterRestart: with a Store, the next process answers the command that the last one
// did not finish, and fills the placeholder; without one, the placeholder goes away.
func TestAnswerAfterRestart(t *testing.T) {
	for _, stored := range []bool{true, false} {
		bubble(t, fmt.Sprint("Store ", stored), func(t *testing.T) {
			store := new(discord.MemoryStore)
			s := discordtest.Config{Setup: func(g *discord.Gateway) {
				g.Dispatcher = &discord.Dispatcher{DrainTime: time.Second}
				if stored {
					g.Store = store
				}
			}}.New(t)
			first := true
			newBot := func() discord.Handler {
				r := discord.NewRouter()
				r.Handle("go", func(c *discord.Context) error {
					if first {
						<-c.Done()
						return context.Cause(c)
					}
					return c.Reply("done")
				})
				return r
			}
			s.Start(newBot())
			anna := s.User("Anna")
			for range 3 { // one runs, two wait in the lane
				anna.Slash("go")
			}
			anna.SeesThinking()
			if err := s.Stop(); err != nil {
				t.Fatal(err)
			}
			if n := len(messages(t, s)); stored && n != 3 || !stored && n != 0 {
				t.Errorf("%d placeholders are left", n)
			}
			first = false
			s.Start(newBot())
			if stored {
				for range 3 {
					anna.Sees("done")
				}
			}
			anna.SeesNothing()
			if n := len(messages(t, s)); stored && n != 3 || !stored && n != 0 {
				t.Errorf("%d messages", n)
			}
		})
	}
}
