package discord_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/discordtest"
	"github.com/vkrouter/vk/internal/fakediscord"
)

// TestNeed: a typed command with Need runs for users with the permissions in
// the channel, in guilds only, with and without a State.
func TestNeed(t *testing.T) {
	for _, state := range []*discord.State{nil, {}} {
		t.Run(fmt.Sprint("State ", state != nil), func(t *testing.T) {
			inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
				boris := w.AddUser("Boris")
				w.Join(fakediscord.ID(w.guild), boris)
				guild := "/guilds/" + w.guild.String()
				var role struct{ ID string }
				do := func(method, path string, body any) {
					t.Helper()
					if err := w.Do(w.anna, method, path, body, &role); err != nil {
						t.Fatal(err)
					}
				}
				do("POST", guild+"/roles", map[string]any{"name": "Keeper", "permissions": discord.PermKickMembers | discord.PermManageMessages})
				keeper := role.ID
				do("PUT", guild+"/members/"+boris.String()+"/roles/"+keeper, nil)

				var d diary
				r := discord.NewRouter("!")
				r.Use(func(next discord.HandlerFunc) discord.HandlerFunc {
					return func(c *discord.Context) error {
						if err := next(c); err != nil {
							d.note(err.Error())
						}
						return nil
					}
				})
				ran := func(*discord.Context) error { d.note("ran"); return nil }
				r.Group(func(r *discord.Router) {
					r.Need(discord.PermKickMembers)
					r.Handle("kick", ran)
					r.Add(discord.Route{Pattern: "clear", Need: discord.PermManageMessages, Handler: ran})
					r.Add(discord.Route{Pattern: "ban", Need: discord.PermBanMembers | discord.PermManageMessages, Handler: ran})
				})
				r.Add(discord.Route{Pattern: "private", In: discord.InDM, Handler: ran})
				r.Add(discord.Route{Pattern: "public", In: discord.InGuild, Handler: ran})
				g := w.gateway(r)
				g.State = state
				stop := start(t, g)
				untilReady(t, g, 0)
				time.Sleep(time.Second)
				says := func(user fakediscord.ID, channel fmt.Stringer, text, want string) {
					t.Helper()
					if err := w.Do(user, "POST", "/channels/"+channel.String()+"/messages", map[string]any{"content": text}, nil); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Second)
					d.is(t, want)
				}
				const refused = "discord: refused: "
				says(w.anna, w.general, "!ban", "ran") // the owner
				says(boris, w.general, "!kick", "ran")
				says(boris, w.general, "!clear", "ran")
				says(boris, w.general, "!ban", refused+"the user lacks the permissions BAN_MEMBERS")
				says(boris, w.general, "!private", refused+"the command works in direct messages only")
				dm := w.DM(boris)
				says(boris, dm, "!kick", refused+"the command works in guilds only")
				says(boris, dm, "!public", refused+"the command works in guilds only")
				says(boris, dm, "!private", "ran")

				calls := len(w.Calls("GET /guilds/*")) + len(w.Calls("GET /channels/*"))
				if want := 2; (state == nil) != (calls == want) || state != nil && calls != 0 {
					t.Errorf("%d calls", calls)
				}
				// An overwrite of the channel takes a permission.
				do("PUT", "/channels/"+w.general.String()+"/permissions/"+boris.String(), map[string]any{"type": 1, "deny": discord.PermManageMessages})
				time.Sleep(time.Minute) // the cache has expired
				says(boris, w.general, "!clear", refused+"the user lacks the permissions MANAGE_MESSAGES")
				says(boris, w.general, "!kick", "ran")
				// A thread has those of its channel.
				var thread struct{ ID fakediscord.ID }
				if err := w.Do(w.anna, "POST", "/channels/"+w.general.String()+"/threads", map[string]any{"name": "thread", "type": 11}, &thread); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
				says(boris, thread.ID, "!clear", refused+"the user lacks the permissions MANAGE_MESSAGES")
				says(boris, thread.ID, "!kick", "ran")
				stop()
			})
		})
	}
}

// TestNeedNewRole: a role that the cached guild lacks makes it be fetched again, and a role that
// is gone only once.
func TestNeedNewRole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := discord.NewRouter("!")
		r.Add(discord.Route{Pattern: "ban", Need: discord.PermBanMembers, Handler: func(c *discord.Context) error { return c.Reply("banned") }})
		s := discordtest.Start(t, r)
		anna := s.User("Anna")
		gets := func() int { return len(s.Calls("GET /guilds/*")) }
		anna.Says("!ban")
		anna.SeesNothing()
		s.Home.Role("Guard", discord.PermBanMembers, anna)
		anna.Says("!ban")
		anna.Sees("banned")
		if n := gets(); n != 2 {
			t.Errorf("%d calls", n)
		}
		r.Add(discord.Route{Pattern: "gone", Handler: func(c *discord.Context) error {
			ghost, err := discord.NewEvent("MESSAGE_CREATE", fmt.Appendf(nil, `{"guild_id":"%d","channel_id":"%d","author":{"id":"5"},"member":{"roles":["77"]}}`, c.GuildID(), c.ChannelID()))
			if err != nil {
				return err
			}
			for range 3 {
				if _, err := discord.NewContext(c, c.Client(), ghost).Permissions(); err != nil {
					return err
				}
			}
			return c.Reply("done")
		}})
		anna.Says("!gone")
		anna.Sees("done")
		if n := gets(); n != 3 {
			t.Errorf("%d calls after a role that is gone", n)
		}
	})
}

// TestSpaced: with Spaced, white space around a prefix belongs to it.
func TestSpaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &discord.Router{Prefix: discord.AnyPrefix(discord.Mentioned(), discord.Literal("!", "бот,").Spaced()), Fold: true}
		r.Handle("ban {x?}", func(c *discord.Context) error { return c.Reply(fmt.Sprintf("%q %q", c.Prefix(), c.Arg("x"))) })
		s := discordtest.Start(t, r)
		anna := s.User("Anna")
		me := "<@" + s.Bot().String() + ">"
		for text, want := range map[string]string{
			"!ban": `"!" ""`, "! ban 1": `"! " "1"`, "!\nBAN 1": `"!\n" "1"`, "Бот,  ban 1": `"Бот,  " "1"`, me + " ! ban": `"` + me + ` ! " ""`, "ban": "", ".ban": "",
		} {
			anna.Says(text)
			if want == "" {
				anna.SeesNothing()
			} else {
				anna.Sees(want)
			}
		}
	})
}

// TestNeedUnknown: if permissions cannot be determined, no user is admitted.
func TestNeedUnknown(t *testing.T) {
	r := discord.NewRouter("!")
	rt := r.Add(discord.Route{Pattern: "a", Need: discord.PermBanMembers, Handler: func(*discord.Context) error { t.Error("it ran"); return nil }})
	api := newAPI(t, func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, 403, `{"code":50001,"message":"Missing Access"}`)
	})
	for _, tt := range []struct {
		name string
		c    *discord.Context
		want string
	}{
		{"no client", discord.NewContext(t.Context(), nil, said(t, "!a")), "discord: refused: the Context has no Client to ask Discord with"},
		{"refused call", discord.NewContext(t.Context(), api.client, said(t, "!a")), "discord: refused: GET /guilds/{}: 403 Forbidden"},
		{"no channel", discord.NewContext(t.Context(), nil, event(t, "GUILD_MEMBER_ADD", `{"guild_id":"1","user":{"id":"9"}}`)), "discord: refused: the GUILD_MEMBER_ADD event is not from a channel"},
		{"no member", discord.NewContext(t.Context(), nil, event(t, "MESSAGE_DELETE", `{"guild_id":"1","channel_id":"2"}`)), "discord: refused: a MESSAGE_DELETE event has no member"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := rt.Allowed(tt.c)
			var refused *discord.CheckError
			var lacks *discord.PermissionError
			if !errors.As(err, &refused) || errors.As(err, &lacks) || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
	boom := r.Add(discord.Route{Pattern: "b", Checks: []discord.Check{func(*discord.Context) error { panic("check") }}, Handler: silent})
	var p *discord.PanicError
	if err := boom.Allowed(discord.NewContext(t.Context(), nil, said(t, "!b"))); !errors.As(err, &p) {
		t.Error(err)
	}
}

// TestPrefixIntents: commands ask for the texts of messages only if their Prefix needs them.
func TestPrefixIntents(t *testing.T) {
	const messages = discord.IntentGuildMessages | discord.IntentDirectMessages
	const content = messages | discord.IntentMessageContent
	handle := func(r *discord.Router) { r.Handle("a", silent) }
	for _, tt := range []struct {
		name   string
		prefix discord.PrefixFunc
		add    func(*discord.Router)
		want   discord.Intents
	}{
		{"no route", discord.Literal("!"), func(*discord.Router) {}, 0},
		{"no prefix", nil, handle, 0},
		{"literal", discord.Literal("!"), handle, content},
		{"mention", discord.Mentioned(), handle, messages},
		{"both", discord.AnyPrefix(discord.Mentioned(), discord.Literal("!")), handle, content},
		{"literal, spaced", discord.Literal("!").Spaced(), handle, content},
		{"mention, spaced", discord.Mentioned().Spaced(), handle, messages},
		{"mentions twice", discord.AnyPrefix(discord.Mentioned(), discord.Mentioned()), handle, messages},
		{"the bot's own", func(*discord.Context) (string, bool) { return "!", true }, handle, content},
		{"mentions, and the text", func(c *discord.Context) (string, bool) {
			if p, ok := discord.Mentioned()(c); ok {
				return p, true
			}
			return "", c.Text() == "help"
		}, handle, content},
		{"one that panics", func(c *discord.Context) (string, bool) { discord.Mentioned()(c); panic("x") }, handle, content},
		{"text", discord.Mentioned(), func(r *discord.Router) { r.Text("hi", silent) }, content},
		{"condition", nil, func(r *discord.Router) { r.When(discord.If(func(*discord.Context) bool { return true }), silent) }, content},
		{"NotFound", discord.Mentioned(), func(r *discord.Router) { r.NotFound(silent) }, messages},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &discord.Router{Prefix: tt.prefix}
			tt.add(r)
			if got := discord.IntentsOf(discord.Wrap(r)); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
	inBubble(t, fakediscord.Config{Disabled: fakediscord.IntentContent}, func(t *testing.T, w *world) {
		r := discord.NewRouter("!")
		r.Handle("ban {x}", silent)
		r.Text("hi", silent)
		err := w.gateway(r).Run(t.Context())
		if want := `needed by the Prefix of the Router, for pattern "ban {x}" at HERE (MESSAGE_CONTENT), the route of text "hi" at HERE (MESSAGE_CONTENT)`; err == nil || !strings.Contains(hereIn(err.Error()), want) {
			t.Errorf("Run: %v\nwant %s", err, want)
		}
	})
}

// TestMentioned: commands behind a mention of the bot work without the privileged intent.
func TestMentioned(t *testing.T) {
	inBubble(t, fakediscord.Config{Disabled: fakediscord.IntentContent}, func(t *testing.T, w *world) {
		var d diary
		r := &discord.Router{Prefix: discord.Mentioned()}
		r.Handle("ban {x...?}", func(c *discord.Context) error { d.note("ban " + c.Arg("x")); return nil })
		r.Handle("", func(c *discord.Context) error { d.note("alone"); return nil })
		g := w.gateway(r)
		stop := start(t, g)
		untilReady(t, g, 0)
		me := w.Me().String()
		for _, tt := range []struct{ text, want string }{
			{"<@" + me + "> ban anna", "[ban anna]"}, {" <@!" + me + ">, ban", "[ban ]"}, {"<@" + me + ">:ban x", "[ban x]"}, {"<@" + me + ">", "[alone]"},
			{"<@" + w.anna.String() + "> ban", "[]"}, {"ban", "[]"}, {"hi <@" + me + "> ban", "[]"}, {"<@" + me + " ban", "[]"}, {"<@&" + me + "> ban", "[]"},
		} {
			w.says(tt.text)
			time.Sleep(time.Second)
			if got := fmt.Sprint(d.take()); got != tt.want {
				t.Errorf("%s: %s, want %s", tt.text, got, tt.want)
			}
		}
		stop()
		if p, ok := discord.Mentioned()(discord.NewContext(t.Context(), nil, said(t, "<@0> ban"))); ok {
			t.Errorf("outside of a Gateway: %q", p)
		}
	})
	inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
		var d diary
		r := &discord.Router{Prefix: discord.AnyPrefix(discord.Mentioned(), discord.Literal("!", "!!")), Fold: true}
		r.Handle("ban", func(c *discord.Context) error { d.note(c.Prefix()); return nil })
		g := w.gateway(r)
		stop := start(t, g)
		untilReady(t, g, 0)
		me := "<@" + w.Me().String() + ">"
		for _, prefix := range []string{"!", "!!", me + " ", me + ", !!"} {
			w.says(prefix + "BAN")
			time.Sleep(time.Second)
			d.is(t, prefix)
		}
		stop()
	})
}
