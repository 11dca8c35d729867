package middleware_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/discordtest"
	"github.com/vkrouter/vk/discord/middleware"
)

// TestChecks: each check allows and refuses users in a guild and in direct messages.
func TestChecks(t *testing.T) {
	where := func(in discord.Where) error { return &discord.WhereError{In: in} }
	member := `{"guild_id":"4","channel_id":"8","author":{"id":"2"},"member":{"roles":["5"]}}`
	dm := `{"channel_id":"8","author":{"id":"2"}}`
	for _, tt := range []struct {
		name  string
		check discord.Check
		event string
		want  error
	}{
		{"users", middleware.Users(1, 2), dm, nil},
		{"other users", middleware.Users(1), dm, middleware.ErrRefused},
		{"not users", middleware.NotUsers(2), dm, middleware.ErrRefused},
		{"not other users", middleware.NotUsers(1), dm, nil},
		{"role", middleware.HasRole(4, 5), member, nil},
		{"no role", middleware.HasRole(4), member, middleware.ErrNoRole},
		{"no roles in DMs", middleware.HasRole(5), dm, middleware.ErrNoRole},
		{"guild", middleware.GuildOnly, member, nil},
		{"no guild", middleware.GuildOnly, dm, where(discord.InGuild)},
		{"DM", middleware.DMOnly, dm, nil},
		{"no DM", middleware.DMOnly, member, where(discord.InDM)},
		{"no permissions in DMs", middleware.Needs(discord.PermBanMembers), dm, &discord.PermissionError{Missing: discord.PermBanMembers}},
		{"all", middleware.All(middleware.GuildOnly, middleware.HasRole(4)), member, middleware.ErrNoRole},
		{"any", middleware.Any(middleware.HasRole(4), middleware.Users(2)), member, nil},
		{"not", middleware.Not(middleware.HasRole(4)), member, nil},
		{"not guild", middleware.Not(middleware.GuildOnly), dm, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, err := discord.NewEvent("MESSAGE_CREATE", []byte(tt.event))
			if err != nil {
				t.Fatal(err)
			}
			err = tt.check(discord.NewContext(t.Context(), nil, e))
			if tt.want == nil && err != nil || tt.want != nil && (!errors.Is(err, middleware.ErrRefused) || !errors.Is(err, tt.want) && err.Error() != tt.want.Error()) {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
}

// TestChecksExplained: refused users are told once which users are allowed.
func TestChecksExplained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := discord.NewRouter("!")
		r.Use(middleware.Locale("ru"), middleware.Explain())
		nothing := func(c *discord.Context) error { return c.Reply("done") }
		var role discord.ID
		hasRole := func(c *discord.Context) error { return middleware.HasRole(role)(c) }
		ban := middleware.Needs(discord.PermBanMembers)
		for name, check := range map[string]discord.Check{
			"any": middleware.Any(hasRole, ban), "owner": middleware.Users(1),
			"fails": middleware.Any(hasRole, func(*discord.Context) error { return errBroken }),
		} {
			r.Add(discord.Route{Pattern: name, Checks: []discord.Check{check}, Handler: nothing})
		}
		r.Handle("vote", func(c *discord.Context) error {
			return c.Send("Vote", discord.Row{{Label: "Yes", ID: discord.Cmd("yes")}})
		})
		r.Add(discord.Route{Press: "yes", Checks: []discord.Check{ban}, Handler: nothing})
		bot := discordtest.Start(t, r)
		anna, boris := bot.User("Anna", discord.PermBanMembers), bot.User("Boris", discord.PermViewChannel|discord.PermSendMessages)
		role = bot.Home.Role("Reader", 0)
		for _, tt := range []struct{ command, english, russian string }{
			{"any", "This works only for members with a certain role or for members with the permission Ban Members.", "Это работает только для участников с особой ролью или для участников с правом банить участников."},
			{"owner", "You may not do that.", "Вам это недоступно."},
			{"fails", "This works only for members with a certain role.", "Это работает только для участников с особой ролью."},
		} {
			boris.Says("!" + tt.command)
			boris.Sees(tt.russian)
			boris.Slash(tt.command)
			boris.SeesEphemeral(tt.english)
		}
		anna.Says("!any")
		anna.Sees("done")
		anna.Says("!vote")
		anna.Sees("Vote")
		boris.Clicks("Yes")
		boris.SeesEphemeral("This works only for members with the permission Ban Members.")
		anna.Clicks("Yes")
		anna.Sees("done")
	})
}

// TestExplainListener: nobody has asked a listener for anything.
func TestExplainListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := discord.NewRouter()
		r.Use(middleware.Explain())
		discord.On(r, discord.EventMessageCreate, func(c *discord.Context, m *discord.MessageCreate) error {
			return fmt.Errorf("%w, %s", middleware.ErrTimeout, m.Content)
		})
		anna := discordtest.Start(t, r).User("Anna")
		anna.Says("hello")
		anna.SeesNothing()
	})
}
