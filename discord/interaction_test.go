package discord_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/discordtest"
)

// bubble runs a test in virtual time.
func bubble(t *testing.T, name string, f func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

// answers runs a bot with one slash command, "go", and one button, "press", both with the
// handler, and a person who uses them.
func answers(t *testing.T, rt discord.Route) (*discordtest.Server, *discordtest.User) {
	t.Helper()
	r := discord.NewRouter()
	rt.Pattern = "go"
	r.Add(rt)
	rt.Pattern, rt.Press = "", "press"
	r.Add(rt)
	r.Handle("board", func(c *discord.Context) error {
		return c.Reply("board", discord.Row{{Label: "Press", ID: discord.Cmd("press")}})
	})
	s := discordtest.Start(t, r)
	return s, s.User("Anna")
}

// TestSlashIsTyped: the same route, converters and handler answer both ways, with the same
// objects.
func TestSlashIsTyped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := discord.NewRouter("!")
		r.Converter("size", discord.OneOf("S", "M"))
		r.Converter("dice", discord.Between(1, 6))
		discord.Command(r, "order {who:user} {size:size} {n:int=2} {hot:bool?} {where:channel?} {as:role?} {kg:float?} {wait:duration?} {note...?}", func(c *discord.Context, a struct {
			Who   discord.User
			Size  string
			N     uint8
			Hot   *bool
			Where *discord.Channel
			As    *discord.Role
			Kg    float64
			Wait  time.Duration
			Note  string
		}) error {
			where, as := "-", "-"
			if a.Where != nil {
				where = a.Where.Name
			}
			if a.As != nil {
				as = a.As.Name
			}
			return c.Reply(fmt.Sprint(a.Who.Username, " ", a.Size, " ", a.N, " ", a.Hot != nil && *a.Hot, " ", where, " ", as, " ", a.Kg, " ", a.Wait, " ", a.Note, " ", c.Arg("who") == discord.Mention(a.Who.ID)))
		})
		discord.Command(r, "roll {n:dice} {who:user|role?}", func(c *discord.Context, a struct {
			N   int
			Who discord.ID
		}) error {
			return c.Reply(fmt.Sprint(a.N, a.Who))
		})
		discord.Command(r, "warn {who:member} {all:user...?}", func(c *discord.Context, a struct {
			Who discord.Member
			All []discord.ID
		}) error {
			return c.Reply(fmt.Sprint(a.Who.DisplayName(), a.Who.GuildID == c.GuildID(), len(a.All), a.Who.HasRole(0)))
		})
		s := discordtest.Start(t, r)
		anna, boris := s.User("Anna"), s.User("Boris")
		role := s.Home.Role("tea", 0)

		anna.Says("!order " + boris.Mention() + " m 3 yes #general tea 1,5 90s very  hot")
		typed := anna.SeesLike("^boris M 3 true general tea 1.5 1m30s very  hot true$").Content
		anna.Slash("order", "who", boris, "size", "M", "n", 3, "hot", true, "where", s.General, "as", role, "kg", 1.5, "wait", "90s", "note", "very  hot")
		anna.Sees(typed)
		anna.Slash("order", "who", boris, "size", "S")
		anna.Sees("boris S 2 false - - 0 0s  true")
		anna.Slash("roll", "n", 6, "who", role)
		anna.Sees("6 " + role.String())
		anna.Slash("roll", "n", 1, "who", boris)
		anna.Sees("1 " + boris.ID.String())
		if err := anna.TrySlash("roll", "n", 7); err == nil {
			t.Error("Discord offers 7 of 1 to 6")
		}
		anna.Slash("warn", "who", boris, "all", anna.Mention()+" "+boris.Mention())
		anna.SeesLike("^Boristrue 2 false$")
		if n := len(s.Calls("GET /users/*")) + len(s.Calls("GET /guilds/*/members/*")); n > 1 { // the typed one
			t.Errorf("%d calls for people whom Discord has sent", n)
		}
	})
}

// TestSlashErrors: the errors of slash commands are those of typed ones, and middleware
// sees them.
func TestSlashErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := discord.NewRouter("!")
		r.Use(func(next discord.HandlerFunc) discord.HandlerFunc {
			return func(c *discord.Context) error {
				err := next(c)
				var wrong *discord.ArgError
				var refused *discord.CheckError
				switch {
				case errors.As(err, &wrong):
					return c.Reply(fmt.Sprintf("%s; %s %s %v", wrong.Usage, wrong.Name, wrong.Value, errors.Is(err, discord.ErrArgType)))
				case errors.As(err, &refused):
					return c.Reply(refused.Err.Error(), discord.Ephemeral)
				}
				return err
			}
		})
		r.Handle("set volume {wait:duration}", func(c *discord.Context) error {
			return c.Reply(c.Prefix() + "|" + c.Line() + "|" + c.Route().Pattern)
		})
		r.Add(discord.Route{Pattern: "ban", Need: discord.PermBanMembers, Handler: func(c *discord.Context) error { return c.Reply("banned") }})
		r.Add(discord.Route{Pattern: "never", Handler: silent, Checks: []discord.Check{func(*discord.Context) error { return errors.New("not today") }}})
		s := discordtest.Start(t, r)
		anna, boris := s.User("Anna"), s.User("Boris", discord.PermBanMembers)
		anna.Says("!set volume loud")
		anna.Sees("!set volume {wait:duration}; wait loud true")
		anna.Slash("set volume", "wait", "loud")
		anna.Sees("/set volume {wait:duration}; wait loud true")
		anna.Slash("set volume", "wait", "10 min")
		anna.Sees("/|\"10 min\"|set volume {wait:duration}")
		anna.Slash("never")
		anna.SeesEphemeral("not today")
		boris.Slash("ban")
		boris.Sees("banned")
		if n := len(s.Calls("GET /guilds/*")); n != 0 {
			t.Errorf("%d calls for permissions that Discord has sent", n)
		}
	})
}

// TestDeferral: an answer that is late is deferred, and is the same as one in time.
func TestDeferral(t *testing.T) {
	for _, tt := range []struct {
		name     string
		route    discord.Route
		deferred bool // by the handler itself
		opts     []discord.SendOption
		alone    bool // only the person sees the answer
	}{
		{name: "public"},
		{name: "ephemeral", opts: []discord.SendOption{discord.Ephemeral}, alone: true},
		{name: "a route of ephemeral answers", route: discord.Route{Ephemeral: true}, alone: true},
		{name: "deferred by the handler", deferred: true},
	} {
		for _, pause := range []time.Duration{0, 5 * time.Second} {
			bubble(t, fmt.Sprintf("%s after %v", tt.name, pause), func(t *testing.T) {
				tt.route.Handler = func(c *discord.Context) error {
					if tt.deferred {
						if err := c.Defer(); err != nil {
							return err
						}
					}
					time.Sleep(pause)
					var m discord.Message
					if err := c.Reply("first", append(tt.opts, discord.Into(&m))...); err != nil {
						return err
					}
					if m.Content != "first" || m.ID == 0 {
						t.Errorf("Into: %+v", m)
					}
					if err := c.Edit("edited"); err != nil {
						return err
					}
					return c.Send("second", discord.Silent)
				}
				s, anna := answers(t, tt.route)
				boris := s.User("Boris")
				sees := anna.Sees
				if tt.alone {
					sees = anna.SeesEphemeral
				}
				anna.Slash("go")
				if pause > 0 || tt.deferred {
					anna.SeesThinking()
				}
				sees("first")
				anna.SeesEdited("edited")
				if tt.route.Ephemeral {
					anna.SeesEphemeral("second")
				} else {
					anna.Sees("second")
				}
				anna.Slash("board")
				anna.Sees("board")
				anna.Clicks("Press")
				sees("first")
				anna.SeesEdited("edited")
				if tt.route.Ephemeral {
					anna.SeesEphemeral("second")
					boris.SeesNothing()
				} else {
					anna.Sees("second")
				}
				anna.SeesNothing()
			})
		}
	}
}

// TestDeferredBy: what the handler itself has deferred decides who sees the first answer.
func TestDeferredBy(t *testing.T) {
	bubble(t, "ephemeral", func(t *testing.T) {
		s, anna := answers(t, discord.Route{Handler: func(c *discord.Context) error {
			if err := errors.Join(c.Defer(discord.Ephemeral), c.Defer(), c.Reply("one")); err != nil {
				return err
			}
			return c.Reply("two")
		}})
		_ = s
		anna.Slash("go")
		anna.SeesEphemeral("one")
		if m := anna.Sees("two"); m.Flags.Has(discord.FlagEphemeral) {
			t.Error("the second answer is ephemeral too")
		}
	})
	bubble(t, "public, and the answer is not", func(t *testing.T) {
		s, anna := answers(t, discord.Route{Handler: func(c *discord.Context) error {
			return errors.Join(c.Defer(), c.Reply("one", discord.Ephemeral))
		}})
		anna.Slash("go")
		anna.SeesEphemeral("one")
		if n := len(s.Calls("DELETE /webhooks/*/*/messages/@original")); n != 1 {
			t.Errorf("the placeholder was deleted %d times", n)
		}
		s.User("Boris").SeesNothing()
	})
}

// TestFullLane: the answer is deferred when the event is taken, not when the handler begins.
func TestFullLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, anna := answers(t, discord.Route{Handler: func(c *discord.Context) error {
			time.Sleep(20 * time.Second)
			return c.Reply("done")
		}})
		for range 5 {
			anna.Slash("go")
		}
		boris := s.User("Boris") // of another lane
		boris.Slash("board")
		boris.Sees("board")
		for range 5 {
			anna.SeesThinking()
		}
		start := time.Now()
		for range 5 { // longer than a test waits for one
			time.Sleep(20 * time.Second)
			anna.Sees("done")
		}
		if took := time.Since(start); took > 101*time.Second {
			t.Errorf("took %v", took)
		}
		anna.SeesNothing()
	})
}

// TestFullLaneEphemeral: only the person sees that the bot is thinking if the route says so,
// also before its handler begins.
func TestFullLaneEphemeral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, anna := answers(t, discord.Route{Ephemeral: true, Handler: func(c *discord.Context) error {
			time.Sleep(4 * time.Second)
			return c.Reply("done")
		}})
		anna.Slash("go")
		anna.Slash("go")
		anna.SeesEphemeral("done")
		anna.SeesEphemeral("done")
		if n := len(s.Calls("DELETE /webhooks/*/*/messages/@original")); n != 0 {
			t.Errorf("%d placeholders were shown to everybody", n)
		}
	})
}

// TestSaidNothing: a handler that returns without an answer shows nothing and leaves nothing
// behind, in time or late.
func TestSaidNothing(t *testing.T) {
	for name, h := range map[string]discord.HandlerFunc{
		"nil":    silent,
		"error":  func(*discord.Context) error { return errors.New("broken") },
		"panic":  func(*discord.Context) error { panic("broken") },
		"late":   func(*discord.Context) error { time.Sleep(4 * time.Second); return nil },
		"Delete": func(c *discord.Context) error { return errors.Join(c.Reply("oops"), c.Delete()) },
	} {
		bubble(t, name, func(t *testing.T) {
			s, anna := answers(t, discord.Route{Handler: h})
			anna.Slash("go")
			if name == "Delete" {
				anna.Sees("oops")
			}
			time.Sleep(10 * time.Second)
			anna.SeesNothing()
			anna.Slash("board")
			board := anna.Sees("board")
			anna.Clicks("Press")
			if name == "Delete" {
				anna.Sees("oops")
			}
			time.Sleep(10 * time.Second)
			anna.SeesNothing()
			if left := messages(t, s); len(left) != 1 || left[0].ID != board.ID {
				t.Errorf("left in the channel: %+v", left)
			}
		})
	}
}

// messages returns the messages of the first channel.
func messages(t *testing.T, s *discordtest.Server) (all []discord.Message) {
	t.Helper()
	for m, err := range s.Client().Messages(t.Context(), s.General.ID, discord.Span{}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// TestAnswersUnderFaults: a limit, a lost answer, a server error do not keep the first
// answer from coming once, in time.
func TestAnswersUnderFaults(t *testing.T) {
	const callback = "POST /interactions/*/*/callback"
	for name, f := range map[string]discordtest.Fault{
		"429":        {Call: callback, Times: 1, Status: 429, RetryAfter: 600 * time.Millisecond, Scope: "user"},
		"lost":       {Call: callback, Times: 1, Lost: true},
		"502":        {Call: callback, Times: 1, Status: 502, HTML: true},
		"edit lost":  {Call: "PATCH /webhooks/*/*/messages/@original", Times: 1, Lost: true},
		"global 429": {Call: "GET /users/*", Times: 1, Status: 429, RetryAfter: 8 * time.Second, Scope: "global"},
	} {
		for _, pause := range []time.Duration{0, 4 * time.Second} {
			bubble(t, fmt.Sprint(name, " after ", pause), func(t *testing.T) {
				var s *discordtest.Server
				s, anna := answers(t, discord.Route{Handler: func(c *discord.Context) error {
					if name == "global 429" {
						go c.Client().User(c, c.UserID()) // meanwhile no other call goes out
					}
					time.Sleep(pause + 100*time.Millisecond)
					return c.Reply("done")
				}})
				s.Fail(f)
				anna.Slash("go")
				anna.Sees("done")
				anna.SeesNothing()
				if left := messages(t, s); len(left) != 1 {
					t.Errorf("%d messages", len(left))
				}
				anna.Slash("board")
				anna.Sees("board")
				if f.Call == callback {
					s.Fail(f)
				}
				anna.Clicks("Press")
				anna.Sees("done")
				anna.SeesNothing()
				if left := messages(t, s); len(left) != 3 {
					t.Errorf("%d messages after the press", len(left))
				}
			})
		}
	}
	bubble(t, "form", func(t *testing.T) {
		form := discord.Form{ID: discord.Cmd("x"), Title: "T", Inputs: []discord.Input{{Name: "a", Label: "A"}}}
		opened := make(chan error, 1)
		s, anna := answers(t, discord.Route{Handler: func(c *discord.Context) error {
			err := c.Open(form)
			opened <- err
			return err
		}})
		s.Fail(discordtest.Fault{Call: callback, Times: 1, Lost: true})
		anna.Slash("go")
		anna.SeesForm("T")
		if err := <-opened; err != nil {
			t.Error(err)
		}
	})
}

// TestExpired: 15 minutes after the interaction there is no answer any more, and no call.
func TestExpired(t *testing.T) {
	for _, first := range []bool{true, false} {
		bubble(t, fmt.Sprint("answered ", first), func(t *testing.T) {
			got := make(chan error, 4)
			r := discord.NewRouter()
			r.Handle("go", func(c *discord.Context) error {
				if first {
					if err := c.Reply("first"); err != nil {
						return err
					}
				}
				return c.Park(func() error {
					time.Sleep(15*time.Minute + time.Second)
					got <- c.Reply("late")
					got <- c.Edit("late")
					got <- c.Delete()
					got <- c.Open(discord.Form{ID: discord.Cmd("x"), Title: "T", Inputs: []discord.Input{{Name: "a", Label: "A"}}})
					return nil
				})
			})
			s := discordtest.Start(t, r)
			anna := s.User("Anna")
			anna.Slash("go")
			time.Sleep(3 * time.Second)
			before := len(s.Calls("*"))
			for range 4 {
				err := <-got
				var late *discord.AnswerError
				if !errors.Is(err, discord.ErrExpired) || !errors.As(err, &late) || late.After < 15*time.Minute || !strings.Contains(err.Error(), "with Client.Send") {
					t.Errorf("%v", err)
				}
			}
			if n := len(s.Calls("*")) - before; n != 0 {
				t.Errorf("%d calls", n)
			}
		})
	}
}

// TestTooLate: an event that comes too late to be answered is an error that says so.
func TestTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := make(chan error, 1)
		s, anna := answers(t, discord.Route{Handler: func(c *discord.Context) error {
			err := c.Reply("late")
			got <- err
			return err
		}})
		s.Gateway.Late(10 * time.Second)
		anna.Slash("go")
		err := <-got
		if !errors.Is(err, discord.ErrExpired) || !errors.Is(err, discord.CodeUnknownInteraction) || !strings.Contains(err.Error(), "the event came too late") {
			t.Error(err)
		}
		anna.SeesNoResponse()
	})
}

// TestForm: a form is opened, filled in, and answered; its texts convert, and a person's
// mistake is an error with the input's name.
func TestForm(t *testing.T) {
	form := discord.Form{ID: discord.Cmd("book", 7), Title: "A table", Inputs: []discord.Input{
		{Name: "guest_name", Label: "Name", Min: 2}, {Name: "people", Label: "How many?", Value: "2", Optional: true}, {Name: "about", Label: "More", Long: true, Optional: true},
		{Name: "other", Label: "Other", Optional: true},
	}}
	synctest.Test(t, func(t *testing.T) {
		r := discord.NewRouter()
		r.Use(func(next discord.HandlerFunc) discord.HandlerFunc {
			return func(c *discord.Context) error {
				err := next(c)
				var wrong *discord.ArgError
				if errors.As(err, &wrong) {
					return c.Reply(wrong.Error(), discord.Ephemeral)
				}
				return err
			}
		})
		r.Handle("book", func(c *discord.Context) error { return c.Open(form) })
		r.Handle("board", func(c *discord.Context) error {
			return c.Reply("board", discord.Row{{Label: "Book", ID: discord.Cmd("open")}})
		})
		r.Press("open", func(c *discord.Context) error { return c.Open(form) })
		discord.Submit(r, "book {table:int}", func(c *discord.Context, f struct {
			Table     int
			GuestName string
			People    *uint8
			About     string
		}) error {
			n := -1
			if f.People != nil {
				n = int(*f.People)
			}
			text := fmt.Sprintf("%d %q %d %q %q", f.Table, f.GuestName, n, f.About, c.Input("Other"))
			if _, err := c.Message(); err == nil {
				return c.Edit(text)
			}
			return c.Reply(text)
		})
		s := discordtest.Start(t, r)
		anna := s.User("Anna")
		anna.Slash("book")
		anna.SeesForm("A table")
		anna.Fills("Name", "Anna B", "More", "a\nb", "Other", "x")
		anna.Sees(`7 "Anna B" 2 "a\nb" "x"`)
		anna.Slash("book")
		anna.Fills("Name", "Anna", "How many?", "")
		anna.Sees(`7 "Anna" -1 "" ""`)
		anna.Slash("book")
		anna.Fills("Name", "Anna", "How many?", "many")
		anna.SeesEphemeral(`discord: usage: book {table:int}: people: "many" is of another type`)
		anna.Slash("board")
		anna.Sees("board")
		anna.Clicks("Book")
		anna.Fills("Name", "Anna")
		anna.SeesEdited(`7 "Anna" 2 "" ""`)
	})
	synctest.Test(t, func(t *testing.T) {
		opened := make(chan error, 2)
		r := discord.NewRouter()
		r.Handle("go", func(c *discord.Context) error {
			time.Sleep(3 * time.Second)
			opened <- c.Open(form)
			return nil
		})
		r.Handle("said", func(c *discord.Context) error {
			err := errors.Join(c.Reply("said"))
			opened <- c.Open(form)
			return err
		})
		s := discordtest.Start(t, r)
		anna := s.User("Anna")
		for _, name := range []string{"go", "said"} {
			anna.Slash(name)
			err := <-opened
			var wrong *discord.AnswerError
			if !errors.Is(err, discord.ErrAnswered) || !errors.As(err, &wrong) || wrong.Op != "Open" || !strings.Contains(err.Error(), "open a form before anything else") {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// TestStale: a press on a button of an older version, and a command that is gone, tell the
// person in words, in the person's language.
func TestStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := discord.NewRouter()
		r.Handle("old", func(c *discord.Context) error {
			return c.Reply("old", discord.Row{{Label: "Gone", ID: discord.Cmd("gone")}, {Label: "Changed", ID: discord.Cmd("vote", "five")}})
		})
		r.Handle("removed", silent)
		s := discordtest.Start(t, r)
		anna, boris := s.User("Anna"), s.User("Boris").Speaks("ru")
		anna.Slash("old")
		anna.Sees("old")
		s.Stop()

		r = discord.NewRouter()
		var seen []error
		r.Use(func(next discord.HandlerFunc) discord.HandlerFunc {
			return func(c *discord.Context) error { err := next(c); seen = append(seen, err); return err }
		})
		r.Press("vote {n:int}", silent)
		s.Start(r)
		anna.Clicks("Gone")
		anna.SeesEphemeral("This button is from an older version of the bot and does not work any more.")
		anna.Clicks("Changed")
		anna.SeesEphemeral("This button is from an older version of the bot and does not work any more.")
		boris.Clicks("Gone")
		boris.SeesEphemeral("Эта кнопка осталась от старой версии бота и больше не работает.")
		boris.Slash("removed") // a Router without slash commands leaves those that there are
		boris.SeesEphemeral("Этой команды больше нет. Перезапустите Discord, чтобы увидеть нынешние команды.")
		var unknown *discord.NotFoundError
		var wrong *discord.ArgError
		if len(seen) != 4 || !errors.As(seen[0], &unknown) || !errors.As(seen[1], &wrong) || !errors.As(seen[3], &unknown) {
			t.Errorf("%q", seen)
		}
	})
}

// TestPicks: the choices of menus of all kinds are arguments.
func TestPicks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := discord.NewRouter()
		r.Handle("menus", func(c *discord.Context) error {
			return c.Reply("menus",
				discord.Menu{ID: discord.Cmd("color", 5), Placeholder: "Color", Max: 2, Options: []discord.MenuOption{{Value: "dark red"}, {Label: "Blue", Value: "blue"}}},
				discord.Menu{ID: discord.Cmd("who"), Kind: discord.MenuUsers, Max: 3},
				discord.Menu{ID: discord.Cmd("as"), Kind: discord.MenuRoles},
				discord.Menu{ID: discord.Cmd("any"), Kind: discord.MenuMentionables},
				discord.Menu{ID: discord.Cmd("where"), Kind: discord.MenuChannels, Channels: []discord.ChannelType{discord.ChannelText}, Optional: true})
		})
		r.Press("color {n:int} {colors:word...?}", func(c *discord.Context) error {
			return c.Reply(fmt.Sprintf("%s %q %q", c.Arg("n"), discord.Values[string](c, "colors"), c.Picked()))
		})
		discord.AddCommand(r, discord.Route{Press: "who {users:user...}"}, func(c *discord.Context, a struct{ Users []discord.User }) error {
			names := ""
			for _, u := range a.Users {
				names += u.Username + ";"
			}
			return c.Edit(names, discord.Components())
		})
		r.Press("as {role:role}", func(c *discord.Context) error { return c.Reply(c.Arg("role")) })
		r.Press("any {x:role|user}", func(c *discord.Context) error {
			id, ok := discord.Arg[discord.ID](c, "x")
			return c.Reply(fmt.Sprint(id, ok))
		})
		r.Press("where", func(c *discord.Context) error { return c.Reply(strings.Join(c.Picked(), ",")) })
		s := discordtest.Start(t, r)
		anna, boris := s.User("Anna"), s.User("Boris")
		role := s.Home.Role("tea", 0)
		anna.Slash("menus")
		anna.Sees("menus")
		anna.Picks("Color", "dark red", "Blue")
		anna.Sees(`5 ["dark red" "blue"] ["dark red" "blue"]`)
		anna.Picks("as", role)
		anna.Sees(role.String())
		anna.Picks("any", boris)
		anna.Sees(boris.ID.String() + " true")
		anna.Picks("where", s.General)
		anna.Sees(s.General.ID.String())
		anna.Picks("who", anna, boris)
		anna.SeesEdited("anna;boris;")
		if left := messages(t, s); len(left[len(left)-1].Components) != 0 {
			t.Errorf("the menus are still there: %s", left[len(left)-1].Components)
		}
	})
}

// TestComplete: Discord is told what fits to what a person types.
func TestComplete(t *testing.T) {
	var cities []string
	for i := range 30 {
		cities = append(cities, fmt.Sprintf("City %02d", i))
	}
	synctest.Test(t, func(t *testing.T) {
		r := discord.NewRouter()
		r.Converter("city", discord.OneOf(append(cities, "Old City 1", "Ömsk")...))
		song := discord.ParseFunc(func(s string) (string, error) { return s, nil })
		song.Complete = func(c *discord.Context, typed string) ([]discord.ChoiceDef, error) {
			if typed == "broken" {
				return nil, errors.New("broken")
			}
			return []discord.ChoiceDef{{Name: typed + " of " + c.Arg("city"), Value: "1"}, {Name: strings.Repeat("x", 200), Value: "2"}, {Value: "none"}}, nil
		}
		r.Converter("song", song)
		r.Handle("play {city:city} {song:song?}", func(c *discord.Context) error {
			time.Sleep(8 * time.Second) // of the lane of commands
			return c.Reply(c.Arg("city") + c.Arg("song"))
		})
		s := discordtest.Start(t, r)
		anna := s.User("Anna")
		anna.Slash("play", "city", "City 01", "song", "la")
		for typed, want := range map[string]string{
			"ömsk": "[Ömsk]", "old": "[Old City 1]", "city 1": "[City 10 City 11 City 12 City 13 City 14 City 15 City 16 City 17 City 18 City 19 Old City 1]", "x": "[]",
		} {
			if got := fmt.Sprint(anna.Completes("play", "city", typed)); got != want {
				t.Errorf("%q: %s", typed, got)
			}
		}
		if got := anna.Completes("play", "city", "city"); len(got) != 25 {
			t.Errorf("%d choices", len(got))
		}
		if got := anna.Completes("play", "song", "la", "city", "City 02"); len(got) != 2 || got[0] != "la of City 02" || len([]rune(got[1])) != 100 {
			t.Errorf("%q", got)
		}
		if got := anna.Completes("play", "song", "broken", "city", "City 02"); len(got) != 0 {
			t.Errorf("%q", got)
		}
		anna.Sees("City 01la")
	})
}

// TestMenuCommands: commands in the menus of users and messages get their targets.
func TestMenuCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := discord.NewRouter()
		r.UserMenu("Greet", func(c *discord.Context, u *discord.User) error {
			return c.Reply(fmt.Sprint(u.Username, u.Member != nil, c.UserID() != u.ID))
		})
		r.MessageMenu("Quote it", func(c *discord.Context, m *discord.Message) error {
			same, err := c.Message()
			return errors.Join(err, c.Reply(fmt.Sprint(m.Content, same.ID == m.ID, c.Route().Usage())))
		})
		s := discordtest.Start(t, r)
		anna, boris := s.User("Anna"), s.User("Boris")
		m := boris.Says("hello")
		anna.Uses("Greet", boris)
		anna.Sees("boristrue true")
		anna.Uses("Quote it", m)
		anna.SeesLike("^hellotrue")
	})
}

// TestSlashFiles: a file is an argument, and an answer with files is deferred first.
func TestSlashFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := discord.NewRouter("!")
		discord.Command(r, "size {f:file}", func(c *discord.Context, a struct{ F discord.Attachment }) error {
			return c.Reply(fmt.Sprint(a.F.Filename, " ", a.F.Size), discord.Bytes("back.txt", []byte("back")))
		})
		s := discordtest.Start(t, r)
		anna := s.User("Anna")
		s.Fail(discordtest.Fault{Call: "PATCH /webhooks/*/*/messages/@original", Times: 1, Delay: 20 * time.Second})
		anna.Slash("size", "f", discordtest.File{Name: "a.txt", Data: []byte("12345")})
		anna.SeesThinking()
		time.Sleep(20 * time.Second)
		if m := anna.Sees("a.txt 5"); len(m.Attachments) != 1 || m.Attachments[0].Filename != "back.txt" {
			t.Errorf("%+v", m.Attachments)
		}
	})
	r, got := discord.NewRouter("!"), discord.Attachment{}
	discord.Command(r, "size {f:file}", func(_ *discord.Context, a struct{ F discord.Attachment }) error { got = a.F; return nil })
	says := func(text, files string) error {
		data := fmt.Sprintf(`{"id":"1","channel_id":"2","author":{"id":"3"},"content":%q,"attachments":[%s]}`, text, files)
		return r.Serve(discord.NewContext(t.Context(), nil, event(t, "MESSAGE_CREATE", data)))
	}
	if err := says("!size", `{"id":"7","filename":"typed.txt"}`); err != nil || got.Filename != "typed.txt" {
		t.Errorf("%+v, %v", got, err)
	}
	if err := says("!size", ""); !errors.Is(err, discord.ErrMissingArg) {
		t.Error(err)
	}
	if err := says("!size 8", `{"id":"7"}`); !errors.Is(err, discord.ErrExtraArg) && !errors.Is(err, discord.ErrArgType) {
		t.Error(err)
	}
}

// TestShow: pages that people leaf through are one message.
func TestShow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := discord.NewRouter("!")
		r.Handle("book", func(c *discord.Context) error {
			return errors.Join(c.Show("page 1", discord.Row{{Label: "Next", ID: discord.Cmd("page", 2)}}), c.Show("page one"))
		})
		r.Press("page {n:int}", func(c *discord.Context) error { return c.Show("page " + c.Arg("n")) })
		s := discordtest.Start(t, r)
		anna := s.User("Anna")
		for _, begin := range []func(){func() { anna.Says("!book") }, func() { anna.Slash("book") }} {
			begin()
			anna.Sees("page 1")
			anna.SeesEdited("page one")
			anna.Clicks("Next")
			anna.SeesEdited("page 2")
		}
		anna.SeesNothing()
	})
}

// TestAnswerAgain: an event that comes again after a crash is not answered twice.
func TestAnswerAgain(t *testing.T) {
	const id = `"id":"11","application_id":"12","token":"tok","channel_id":"5","user":{"id":"6"},"version":1`
	const original = "/api/webhooks/12/tok/messages/@original"
	for _, tt := range []struct {
		name, data string
		want       []string
	}{
		{"command", `{` + id + `,"type":2,"data":{"type":1,"name":"go"}}`, []string{"PATCH " + original}},
		{"press that was answered", `{` + id + `,"type":3,"message":{"id":"7"},"data":{"custom_id":"press"}}`, []string{"GET " + original, "PATCH " + original}},
		{"press that was deferred", `{` + id + `,"type":3,"message":{"id":"20"},"data":{"custom_id":"press"}}`, []string{"GET " + original, "POST /api/webhooks/12/tok"}},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/callback") {
					writeJSON(w, 400, `{"code":40060,"message":"Interaction has already been acknowledged."}`)
					return
				}
				writeJSON(w, 200, `{"id":"20"}`)
			})
			r := discord.NewRouter()
			h := func(c *discord.Context) error { return c.Reply("again") }
			r.Handle("go", h)
			r.Press("press", h)
			d := &discord.Dispatcher{Client: api.client, Handler: r}
			if err := d.Dispatch(t.Context(), event(t, "INTERACTION_CREATE", tt.data)); err != nil {
				t.Fatal(err)
			}
			d.Stop(t.Context())
			want := append([]string{"POST /api/interactions/11/tok/callback"}, tt.want...)
			if got := api.lines(); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%q", got)
			}
			for _, c := range api.calls() {
				if c.Header.Get("Authorization") != "" {
					t.Error("the bot's token was sent")
				}
			}
		})
	}
}

// TestAnswerMistakes: answers that cannot be are errors that name the place.
func TestAnswerMistakes(t *testing.T) {
	i := event(t, "INTERACTION_CREATE", `{"id":"11","application_id":"12","token":"tok","type":5,"channel_id":"5","data":{"custom_id":"x"}}`)
	m := event(t, "MESSAGE_CREATE", `{"id":"1","channel_id":"5","author":{"id":"6"}}`)
	form := discord.Form{ID: discord.Cmd("x"), Title: "T", Inputs: []discord.Input{{Name: "a", Label: "A"}}}
	client := discord.NewClient("t")
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"Reply", discord.NewContext(t.Context(), client, i).Reply(""), "discord: Context.Send: the message is empty: give it a text, an embed, a file or a sticker"},
		{"Edit", discord.NewContext(t.Context(), client, i).Edit(strings.Repeat("x", 2001)), "discord: Context.Edit: content has 2001 characters: Discord takes at most 2000"},
		{"ReplyTo", discord.NewContext(t.Context(), client, i).Edit("x", discord.ReplyTo(1)), "discord: Context.Edit: ReplyTo is for a message that is sent: leave it out of an edit"},
		{"Open in answer to a form", discord.NewContext(t.Context(), client, i).Open(form), "discord: Open after 0s: no form opens in answer to a form: answer with a button that opens it"},
		{"Open of a bad form", discord.NewContext(t.Context(), client, i).Open(discord.Form{}), "discord: Context.Open: custom_id is empty: make it with Cmd"},
		{"Open in answer to a message", discord.NewContext(t.Context(), client, m).Open(form), "discord: Open: a MESSAGE_CREATE event cannot open a form: answer with a button that opens it"},
		{"Delete", discord.NewContext(t.Context(), client, i).Delete(), "discord: Delete after 0s: there is no answer to delete: answer first"},
		{"no client", discord.NewContext(t.Context(), nil, i).Reply("x"), "discord: the Context has no Client to ask Discord with"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.err == nil || tt.err.Error() != tt.want {
				t.Errorf("%v", tt.err)
			}
		})
	}
	if c := discord.NewContext(t.Context(), client, m); c.Interaction() != nil || c.Locale() != "" || c.Picked() != nil || c.Input("x") != "" {
		t.Error("a message is an interaction")
	}
	var raw struct{ Token string }
	c := discord.NewContext(t.Context(), client, i)
	if json.Unmarshal(c.Event().Data, &raw); strings.Contains(fmt.Sprintf("%+v %v", c.Interaction(), c.Reply("")), raw.Token) {
		t.Error("the token shows")
	}
}
