package discord_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/discordtest"
)

// TestForm: a form is opened, filled in, and answered; its texts are converted,
// and a user's mistake is an error with the input's name.
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

// TestStale: a press on a button of an older version, and a command that no
// longer exists, tell the user so, in the user's language.
func TestStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := discord.NewRouter()
		r.Handle("old", func(c *discord.Context) error {
			return c.Reply("old", discord.Row{{Label: "Gone", ID: discord.Cmd("gone")}, {Label: "Changed", ID: discord.Cmd("vote", "five")}})
		})
		r.Handle("removed", silent)
		r.UserMenu("Greet", func(*discord.Context, *discord.User) error { return nil })
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
		boris.Uses("Greet", anna)
		boris.SeesEphemeral("Этой команды больше нет. Перезапустите Discord, чтобы увидеть нынешние команды.")
		if len(seen) != 5 || !errors.As(seen[0], &unknown) || !errors.As(seen[1], &wrong) {
			t.Fatalf("%q", seen)
		}
		for i, name := range map[int]string{0: "gone", 3: "/removed", 4: "Greet"} {
			if want := fmt.Sprintf("discord: no command %q", name); !errors.As(seen[i], &unknown) || seen[i].Error() != want {
				t.Errorf("%v, want %s", seen[i], want)
			}
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
