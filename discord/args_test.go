package discord_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/fakediscord"
)

// TestArgErrors: the error of a wrong argument names the usage, with the words
// that the user wrote.
func TestArgErrors(t *testing.T) {
	r := discord.NewRouter("!")
	r.Add(discord.Route{Pattern: "roll {n:int} {why...?}", Aliases: []string{"dice"}, Handler: func(*discord.Context) error { t.Error("the handler ran"); return nil }})
	r.Handle("list", silent)
	r.Add(discord.Route{Pattern: "lax {x:int|bool}", IgnoreExtra: true, Handler: silent})
	for _, tt := range []struct {
		text string
		is   error
		says string
	}{
		{"!roll six", discord.ErrArgType, `discord: usage: !roll {n:int} {why...?}: n: "six" is of another type`},
		{"!dice", discord.ErrMissingArg, `discord: usage: !dice {n:int} {why...?}: n: is missing`},
		{`!roll "6`, discord.ErrBadQuote, `discord: usage: !roll {n:int} {why...?}: n: "\"6" has the quotation mark ", but not the one that closes it`},
		{"!list a b", discord.ErrExtraArg, `discord: usage: !list: "a b" is left over`},
		{"!lax x", discord.ErrArgType, `discord: usage: !lax {x:int|bool}: x: "x" is of another type than int|bool`},
		{"!lax 1 more", nil, ""},
	} {
		t.Run(tt.text, func(t *testing.T) {
			err := serveEvent(t, r, said(t, tt.text))
			if tt.is == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var wrong *discord.ArgError
			if !errors.As(err, &wrong) || !errors.Is(err, tt.is) || wrong.Error() != tt.says || wrong.Route == nil {
				t.Errorf("%v\nwant %s", err, tt.says)
			}
		})
	}
	var quote *discord.QuoteError
	if err := serveEvent(t, r, said(t, `!roll a"b`)); !errors.As(err, &quote) || *quote != (discord.QuoteError{Kind: discord.QuoteInside, Rune: '"', Offset: 1}) {
		t.Errorf("%+v", quote)
	}
	var union *discord.UnionError
	if err := serveEvent(t, r, said(t, "!lax x")); !errors.As(err, &union) || len(union.Errs) != 2 {
		t.Errorf("%+v", union)
	}
}

// TestArgValues: handlers get the values of arguments by name, in structs and as text.
func TestArgValues(t *testing.T) {
	r := discord.NewRouter("!")
	r.Converter("size", discord.OneOf("S", "M"))
	r.Converter("place", discord.ConvertFunc(func(c *discord.Context, s string) (string, error) {
		if s == "down" {
			return "", errBroken
		}
		return fmt.Sprint(s, " of ", c.UserID(), " ", c.Line(), c.Arg("x"), c.Text()), nil
	}))
	r.Converter("time", discord.TimeIn(time.FixedZone("", 3600)))
	type args struct {
		X     int8
		Size  *string
		Times []uint8
		Why   string
	}
	var got args
	discord.Command(r, "a {x:int} {size:size?} {times:int...=7} {why...?}", func(c *discord.Context, a args) error {
		got = a
		x, ok := discord.Arg[int](c, "x")
		_, none := discord.Arg[bool](c, "x")
		if ok != (c.Arg("x") == fmt.Sprint(x)) || none || len(discord.Values[int](c, "times")) != len(a.Times) || discord.Values[int](c, "why") != nil || c.Arg("nobody") != "" {
			t.Errorf("%v %v %v", x, ok, none)
		}
		return nil
	})
	m := "M"
	for text, want := range map[string]args{
		"!a 5":           {X: 5, Times: []uint8{7}},
		"!a 5 m 1 2 so ": {5, &m, []uint8{1, 2}, "so"},
	} {
		if err := serveEvent(t, r, said(t, text)); err != nil || !cmp.Equal(got, want) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	if err := serveEvent(t, r, said(t, "!a 500")); !errors.Is(err, discord.ErrArgType) {
		t.Error(err)
	}
	r.Handle("own {x:place...}", func(c *discord.Context) error {
		if s := c.Arg("x"); s != "here and there" {
			t.Error(s)
		}
		if s, _ := discord.Arg[string](c, "x"); s != "here and there of 9 !own here and there" {
			t.Error(s)
		}
		return nil
	})
	if err := serveEvent(t, r, said(t, "!own here and there")); err != nil {
		t.Error(err)
	}
	if err := serveEvent(t, r, said(t, "!own down")); !errors.Is(err, errBroken) || err.Error() != "discord: own {x:place...}: argument x: broken" {
		t.Error(err)
	}
	r.Handle("at {t:time}", func(c *discord.Context) error {
		if at, _ := discord.Arg[time.Time](c, "t"); at.UTC().Format(time.DateTime) != "2026-03-02 11:00:00" {
			t.Error(at)
		}
		return nil
	})
	if err := serveEvent(t, r, saidWith(t, "!at 12:00", `,"timestamp":"2026-03-02T10:00:00Z"`)); err != nil {
		t.Error(err)
	}
}

// TestArgLookups: users, members, channels and roles are found by mention, ID and name, with
// and without a State.
func TestArgLookups(t *testing.T) {
	for _, state := range []*discord.State{nil, {}, {Members: true}} {
		t.Run(fmt.Sprintf("State %v", state != nil), func(t *testing.T) {
			inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
				boris := w.AddUser("Boris")
				stranger := w.AddUser("Stranger")
				w.Join(fakediscord.ID(w.guild), boris)
				away := w.AddGuild("Away", w.anna)
				if err := w.AddBot(away); err != nil {
					t.Fatal(err)
				}
				abroad := w.Channels(away)[0].ID
				w.AddChannel(fakediscord.ID(w.guild), 0, "tea room")
				var role, reader struct{ ID discord.ID }
				for _, name := range []string{"Reader", "twin", "Twin"} {
					if err := w.Do(w.anna, "POST", "/guilds/"+w.guild.String()+"/roles", map[string]any{"name": name}, &role); err != nil {
						t.Fatal(err)
					}
					if name == "Reader" {
						reader = role
					}
				}
				var d diary
				r := discord.NewRouter("!")
				r.Use(func(next discord.HandlerFunc) discord.HandlerFunc {
					return func(c *discord.Context) error {
						if err := next(c); err != nil {
							var wrong *discord.ArgError
							errors.As(err, &wrong)
							if wrong == nil || !errors.Is(err, discord.ErrArgType) && !errors.Is(err, discord.ErrMissingArg) {
								t.Error(err)
							}
							d.note("wrong")
						}
						return nil
					}
				})
				discord.Command(r, "user {x:user}", func(c *discord.Context, a struct{ X discord.ID }) error { d.note(nameOf(w, a.X)); return nil })
				discord.Command(r, "whole {x:user}", func(c *discord.Context, a struct{ X discord.User }) error { d.note(a.X.Username); return nil })
				discord.Command(r, "member {x:member}", func(c *discord.Context, a struct{ X discord.Member }) error { d.note(a.X.User.Username); return nil })
				discord.Command(r, "mid {x:member}", func(c *discord.Context, a struct{ X discord.ID }) error { d.note(nameOf(w, a.X)); return nil })
				discord.Command(r, "channel {x:channel}", func(c *discord.Context, a struct{ X discord.Channel }) error { d.note(a.X.Name); return nil })
				discord.Command(r, "role {x:role}", func(c *discord.Context, a struct{ X discord.Role }) error { d.note(a.X.Name); return nil })
				discord.Command(r, "rid {x:role}", func(c *discord.Context, a struct{ X discord.ID }) error {
					d.note(fmt.Sprint(a.X == w.guild))
					return nil
				})
				g := w.gateway(r)
				g.State = state
				stop := start(t, g)
				untilReady(t, g, 0)
				time.Sleep(time.Second)
				for _, tt := range []struct{ text, want string }{
					{"user <@{boris}>", "boris"}, {"user <@!{boris}>,", "boris"}, {"user {boris}", "boris"}, {"user boris", "boris"}, {"user @BORIS", "boris"},
					{"user {stranger}", "stranger"}, {"user nobody", "wrong"}, {"user <#{general}>", "wrong"}, {"user Bor", "wrong"},
					{"whole <@{boris}>", "boris"}, {"whole {stranger}", "stranger"}, {"whole boris", "boris"}, {"whole 99999999999999999", "wrong"},
					{"member <@{boris}>", "boris"}, {"member boris", "boris"}, {"member {stranger}", "wrong"}, {"mid <@{boris}>", "boris"}, {"mid {stranger}", "wrong"},
					{"channel <#{general}>", "general"}, {"channel {general}", "general"}, {"channel #General", "general"}, {"channel \"tea room\"", "tea room"},
					{"channel {abroad}", "wrong"}, {"channel nowhere", "wrong"}, {"channel 99999999999999999", "wrong"},
					{"role <@&{reader}>", "Reader"}, {"role <@&12345>", "wrong"}, {"role reader", "Reader"}, {"role @Reader", "Reader"}, {"role everyone", "@everyone"}, {"rid @everyone", "true"}, {"rid {guild}", "true"},
					{"role twin", "wrong"}, {"role nobody", "wrong"}, {"role <@{boris}>", "wrong"},
				} {
					text := strings.NewReplacer("{boris}", boris.String(), "{stranger}", stranger.String(), "{general}", w.general.String(),
						"{abroad}", abroad.String(), "{reader}", reader.ID.String(), "{guild}", w.guild.String()).Replace(tt.text)
					w.says("!" + text)
					time.Sleep(2 * time.Second)
					if got := d.take(); fmt.Sprint(got) != "["+tt.want+"]" {
						t.Errorf("%s: %q, want %q", tt.text, got, tt.want)
					}
				}
				stop()
			})
		})
	}
}

// nameOf returns the name of a user of the world.
func nameOf(w *world, user discord.ID) string {
	u, err := w.client.User(w.t.Context(), user)
	if err != nil {
		return err.Error()
	}
	return u.Username
}

// TestArgImplied: in an answer to a message, a user that is not written is its author.
func TestArgImplied(t *testing.T) {
	r := discord.NewRouter("!")
	var got []discord.ID
	discord.Command(r, "warn {who:user} {n:int?}", func(c *discord.Context, a struct {
		Who discord.ID
		N   int
	}) error {
		got = append(got, a.Who)
		return nil
	})
	const reply = `,"type":19,"referenced_message":{"author":{"id":"77"}}`
	api := newAPI(t, ok("[]"))
	for _, text := range []string{"!warn", "!warn 3", "!warn <@5>"} {
		if err := r.Serve(discord.NewContext(t.Context(), api.client, saidWith(t, text, reply))); err != nil {
			t.Error(text, err)
		}
	}
	if want := "[GET /api/guilds/1/members/search?query=3&limit=1000]"; fmt.Sprint(api.lines()) != want { // no name: that costs a call
		t.Error(api.lines())
	}
	if fmt.Sprint(got) != "[77 77 5]" {
		t.Error(got)
	}
	if err := serveEvent(t, r, said(t, "!warn")); !errors.Is(err, discord.ErrMissingArg) {
		t.Error(err)
	}
	if err := serveEvent(t, r, saidWith(t, "!warn", `,"type":19,"referenced_message":{"webhook_id":"3","author":{"id":"77"}}`)); !errors.Is(err, discord.ErrMissingArg) {
		t.Errorf("a webhook's message: %v", err)
	}
}
