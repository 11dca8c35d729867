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

// TestComplete: the proposals fit the text that a user types.
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
			return []discord.ChoiceDef{{Name: typed + " of " + c.Arg("city"), Value: "1"}, {Name: strings.Repeat("x", 200), Value: "2"}, {Name: strings.Repeat("x", 201), Value: "3"}, {Value: "none"}}, nil
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
