package middleware_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/discordtest"
	"github.com/vkrouter/vk/discord/middleware"
)

var errSoldOut = errors.New("sold out")

// explained returns a bot with commands that end in each error, and the errors that Explain
// lets pass.
func explained() (*discord.Router, func() []error) {
	var mu sync.Mutex
	var passed []error
	r := discord.NewRouter("!")
	r.Use(func(next discord.HandlerFunc) discord.HandlerFunc {
		return func(c *discord.Context) error {
			err := next(c)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				passed = append(passed, err)
			}
			return err
		}
	}, middleware.Explain(func(c *discord.Context, err error) string {
		if errors.Is(err, errSoldOut) {
			return "Sold out."
		}
		return ""
	}))
	fails := func(err error) discord.HandlerFunc { return func(*discord.Context) error { return err } }
	r.Handle("roll {n:int} {what?}", fails(nil))
	r.Converter("dice", discord.Between(1, 6))
	r.Handle("take {n:dice}", fails(nil))
	r.Handle("buy", fails(errSoldOut))
	r.Handle("fail", fails(errBroken))
	r.Handle("crash", func(*discord.Context) error { panic(errBroken) })
	r.Handle("refuse", fails(middleware.Refuse("Not today.")))
	r.Handle("answer", fails(&discord.InputError{Text: "x", Err: errBroken}))
	r.Handle("late", fails(middleware.ErrTimeout))
	r.Handle("forbidden", fails(fmt.Errorf("ban: %w", discord.ErrForbidden)))
	r.Add(discord.Route{Pattern: "ban", Need: discord.PermBanMembers | discord.PermViewGuildInsights, Handler: fails(nil)})
	r.Add(discord.Route{Pattern: "here", In: discord.InGuild, Handler: fails(nil)})
	r.Add(discord.Route{Pattern: "dm", In: discord.InDM, Handler: fails(nil)})
	r.Add(discord.Route{Pattern: "check", Checks: []discord.Check{func(*discord.Context) error { return errBroken }}, Handler: fails(nil)})
	r.Add(discord.Route{Pattern: "monday", Checks: []discord.Check{func(*discord.Context) error { return middleware.Refuse("Only on Mondays.") }}, Handler: fails(nil)})
	return r, func() []error {
		mu.Lock()
		defer mu.Unlock()
		defer func() { passed = nil }()
		return passed
	}
}

// TestExplain: each error in words, typed in a guild and in a DM, and by slash.
func TestExplain(t *testing.T) {
	const forbidden = "The bot lacks a permission for this, or its role is too low."
	for _, tt := range []struct {
		name, typed, slash string
		want, russian      string
		passes             bool
		dm                 bool
	}{
		{name: "missing", typed: "!roll", want: "Something is missing: n.\nUsage: `!roll {n:int} {what?}`"},
		{name: "unfit", typed: "!roll x", want: "n: \"x\" is not a whole number.\nUsage: `!roll {n:int} {what?}`"},
		{name: "unfit number", typed: "!take 7", want: "n: \"7\" is not a whole number from 1 to 6.\nUsage: `!take {n:dice}`"},
		{name: "extra", typed: "!roll 1 2 3", want: "That is too much: 3\nUsage: `!roll {n:int} {what?}`"},
		{name: "own words", typed: "!buy", slash: "buy", want: "Sold out.", russian: "Sold out."},
		{name: "Refuse", typed: "!refuse", slash: "refuse", want: "Not today.", russian: "Not today."},
		{name: "a check that refuses", typed: "!monday", slash: "monday", want: "Only on Mondays.", russian: "Only on Mondays."},
		{name: "an answer", typed: "!answer", slash: "answer", want: "I did not understand the answer. Please start again.", russian: "Ответ не распознан. Начните, пожалуйста, сначала."},
		{name: "a check that fails", typed: "!check", slash: "check", want: "You cannot do that now.", russian: "Сейчас это недоступно.", passes: true},
		{name: "late", typed: "!late", slash: "late", want: "That took too long. Try again later.", russian: "Это заняло слишком много времени. Попробуйте позже."},
		{name: "forbidden", typed: "!forbidden", slash: "forbidden", want: forbidden, russian: "Боту не хватает для этого прав, или его роль слишком низка.", passes: true},
		{name: "permissions", typed: "!ban", want: "This works only for members with the permission Ban Members and View Guild Insights."},
		{name: "a DM", typed: "!here", dm: true, want: "This works only on servers."},
		{name: "a guild", typed: "!dm", want: "This works only in direct messages."},
		{name: "unknown in a DM", typed: "!nope it", dm: true, want: "There is no such command: !nope"},
		{name: "unknown", typed: "!nope", passes: true},
		{name: "a failure", typed: "!fail", slash: "fail", passes: true},
		{name: "a panic", typed: "!crash", slash: "crash", passes: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, passed := explained()
				bot := discordtest.Start(t, r)
				anna := bot.User("Anna", discord.PermViewChannel|discord.PermSendMessages)
				at := anna
				if tt.dm {
					at = anna.In(anna.DM())
				}
				sees := func(see func(string) discord.Message, want string) {
					if want == "" {
						at.SeesNothing()
					} else {
						see(want)
					}
					synctest.Wait()
					if errs := passed(); (len(errs) > 0) != tt.passes {
						t.Errorf("these errors pass: %v", errs)
					}
				}
				at.Says(tt.typed)
				sees(at.Sees, tt.want)
				if tt.slash != "" {
					at.Slash(tt.slash)
					sees(at.SeesEphemeral, tt.want)
					at.Speaks("ru").Slash(tt.slash)
					sees(at.SeesEphemeral, tt.russian)
				}
			})
		})
	}
}

// TestExplainGuildLocale: typed commands are answered in the language of the guild.
func TestExplainGuildLocale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := explained()
		bot := discordtest.Config{Setup: func(g *discord.Gateway) { g.State = new(discord.State) }}.Start(t, r)
		anna := bot.User("Anna", discord.PermViewChannel|discord.PermSendMessages)
		bot.Home.Does("PATCH", "/guilds/"+bot.Home.ID.String(), map[string]any{"preferred_locale": "ru"}, nil)
		anna.Says("!ban")
		anna.Sees("Это работает только для участников с правом банить участников и View Guild Insights.")
		anna.Says("!take x")
		anna.Sees("n: \"x\" — не целое число от 1 до 6.\nПравильно: `!take {n:dice}`")
		anna.Says("!roll x")
		anna.Sees("n: \"x\" — не целое число.\nПравильно: `!roll {n:int} {what?}`")
	})
}

// TestExplainOldButton: the library answers, once.
func TestExplainOldButton(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := discord.NewRouter("!")
		r.Use(middleware.Explain())
		r.Press("vote {n:int}", func(*discord.Context) error { return nil })
		r.Handle("poll", func(c *discord.Context) error {
			return c.Send("Vote", discord.Row{{Label: "Old", ID: discord.Cmd("gone")}, {Label: "Other", ID: discord.Cmd("vote", "x")}})
		})
		bot := discordtest.Start(t, r)
		anna := bot.User("Anna")
		anna.Says("!poll")
		anna.Sees("Vote")
		for _, button := range []string{"Old", "Other"} {
			anna.Clicks(button)
			anna.SeesEphemeral("This button is from an older version of the bot and does not work any more.")
			anna.SeesNothing()
		}
	})
}

func TestExplainNil(t *testing.T) {
	for name, f := range map[string]func(){
		"Explain": func() { middleware.Explain(nil) }, "Claim": func() { middleware.Claim(nil) },
		"Before": func() { middleware.Before(nil) }, "After": func() { middleware.After(nil) },
		"NewCooldown":       func() { middleware.NewCooldown(0, time.Second, nil) },
		"NewMaxConcurrency": func() { middleware.NewMaxConcurrency(0, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if v, _ := recover().(string); !strings.HasPrefix(v, "middleware: "+name+": ") {
					t.Errorf("panic: %v", v)
				}
			}()
			f()
		})
	}
}

func TestHelp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nothing := func(*discord.Context) error { return nil }
		r := discord.NewRouter("!")
		r.Handle("help {command...?}", middleware.Help(r)).Doc = ""
		r.Add(discord.Route{Pattern: "ban|exile {user:user}", Doc: "Ban a user.\nuser: the user", Need: discord.PermBanMembers, Handler: nothing})
		r.Add(discord.Route{Pattern: "role add {role}", Doc: "Give a role.", Handler: nothing})
		r.Add(discord.Route{Pattern: "secret", Doc: "Psst.", Hidden: true, Handler: nothing})
		r.Add(discord.Route{Pattern: "old", Only: discord.TypedOnly, Handler: nothing})
		r.Add(discord.Route{Pattern: "new", Only: discord.SlashOnly, Handler: nothing})
		r.Text("hello", nothing)
		bot := discordtest.Start(t, r)
		anna, boris := bot.User("Anna", discord.PermBanMembers), bot.User("Boris", discord.PermViewChannel|discord.PermSendMessages)
		boris.Says("!help")
		boris.Sees("Commands:\n`!help {command...?}`\n`!role add {role}` — Give a role.\n`!old`\n`/new`")
		anna.Slash("help")
		anna.SeesEphemeral("Commands:\n`/help {command...?}`\n`/ban|exile {user:user}` — Ban a user.\n`/role add {role}` — Give a role.\n`/new`")
		anna.Says("!help BAN")
		anna.Sees("`!ban|exile {user:user}`\nBan a user.\nuser: the user")
		anna.Says("!help secret")
		anna.Sees("`!secret`\nPsst.")
		boris.Says("!help ban")
		boris.Sees("There is no such command: !ban")
	})
}

// TestHelpLong: a long list becomes several messages.
func TestHelpLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := discord.NewRouter("!")
		for i := range 60 {
			r.Add(discord.Route{Pattern: fmt.Sprint("command", i), Doc: strings.Repeat("Ω", 80), Handler: func(*discord.Context) error { return nil }})
		}
		r.Handle("help", middleware.Help(r))
		bot := discordtest.Start(t, r)
		anna := bot.User("Anna")
		anna.Says("!help")
		n := 0
		for range 3 {
			n += strings.Count(anna.SeesLike("(?s)^.+$").Content, "`!command")
		}
		anna.SeesNothing()
		if n != 60 {
			t.Errorf("%d commands are listed", n)
		}
	})
}
