package discord_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/discordtest"
)

// fullRouter returns a Router with commands of all kinds, in two languages.
func fullRouter(change func(*discord.Router)) *discord.Router {
	r := discord.NewRouter("!")
	r.Converter("size", discord.OneOf("S", "M"))
	r.Converter("dice", discord.Between(-1, 6))
	song := discord.ParseFunc(func(s string) (string, error) { return s, nil })
	song.Complete = func(*discord.Context, string) ([]discord.ChoiceDef, error) { return discord.Choices("a"), nil }
	r.Converter("song", song)
	r.Add(discord.Route{Pattern: "ban {user:user} {reason...?}", Need: discord.PermBanMembers, Handler: silent, Doc: "Ban somebody.\nuser: the user"})
	r.Add(discord.Route{Pattern: "mod role add {role:role} {size:size=S}", Handler: silent})
	r.Add(discord.Route{Pattern: "mod role del", Handler: silent, In: discord.InGuild})
	r.Add(discord.Route{Pattern: "roll {n:dice=3} {song:song?} {f:file?} {x:float?}", Handler: silent})
	r.Add(discord.Route{Pattern: "typed", Handler: silent, Only: discord.TypedOnly})
	r.Add(discord.Route{Pattern: "slash", Handler: silent, Only: discord.SlashOnly, In: discord.InDM})
	r.UserMenu("Greet them", func(*discord.Context, *discord.User) error { return nil })
	r.MessageMenu("Quote", func(*discord.Context, *discord.Message) error { return nil })
	r.Local("ru", map[string]string{"ban": "бан", "Ban somebody.": "Забанить участника.", "user": "участник", "S": "малый", "Greet them": "Поздороваться", "unknown": "лишнее"})
	if change != nil {
		change(r)
	}
	return r
}

// TestSync: Run registers the commands if they are others than Discord has, and only then.
func TestSync(t *testing.T) {
	const put = "PUT /applications/*/commands"
	synctest.Test(t, func(t *testing.T) {
		s := discordtest.New(t)
		run := func(change func(*discord.Router)) int {
			t.Helper()
			before := len(s.Calls(put))
			s.Start(fullRouter(change))
			if err := s.Stop(); err != nil {
				t.Error(err)
			}
			return len(s.Calls(put)) - before
		}
		for _, tt := range []struct {
			name   string
			change func(*discord.Router)
			want   int
		}{
			{"the first time", nil, 1},
			{"again", nil, 0},
			{"a route more", func(r *discord.Router) { r.Handle("more", silent) }, 1},
			{"a route less", nil, 1},
			{"a translation", func(r *discord.Router) { r.Local("de", map[string]string{"ban": "bannen"}) }, 1},
			{"again with it", func(r *discord.Router) { r.Local("de", map[string]string{"ban": "bannen"}) }, 0},
			{"a translation of an option", func(r *discord.Router) { r.Local("de", map[string]string{"ban": "bannen", "user": "nutzer"}) }, 1},
			{"back", nil, 1},
			{"and again", nil, 0},
		} {
			if got := run(tt.change); got != tt.want {
				t.Errorf("%s: %d calls", tt.name, got)
			}
		}
		defs, err := s.Client().Commands(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		want, err := fullRouter(nil).Commands()
		if err != nil {
			t.Fatal(err)
		}
		byName := func(a, b discord.CommandDef) int { return strings.Compare(a.Name, b.Name) }
		for i := range defs {
			defs[i].ID = 0
		}
		for i := range want {
			want[i].Type = max(want[i].Type, discord.CommandSlash)
		}
		slices.SortFunc(defs, byName)
		slices.SortFunc(want, byName)
		if diff := cmp.Diff(want, defs, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("Discord has others (-want +got):\n%s", diff)
		}
		anna := s.User("Anna", discord.PermBanMembers).Speaks("ru")
		if got := fmt.Sprint(anna.Offers()); !strings.Contains(got, "/бан") || !strings.Contains(got, "Поздороваться") || strings.Contains(got, "typed") {
			t.Error(got)
		}
	})
}

// TestSyncWhere: the commands of a guild are its own, SyncNone registers nothing, and neither
// does a Router without commands.
func TestSyncWhere(t *testing.T) {
	for _, tt := range []struct {
		name     string
		how      func(guild discord.ID) discord.CommandSync
		r        *discord.Router
		anywhere int // commands that Discord has afterwards
		inGuild  int
	}{
		{"everywhere", func(discord.ID) discord.CommandSync { return discord.SyncChanged }, fullRouter(nil), 6, 0},
		{"guild", discord.SyncGuild, fullRouter(nil), 0, 6},
		{"nowhere", func(discord.ID) discord.CommandSync { return discord.SyncNone }, fullRouter(nil), 0, 0},
		{"without commands", func(discord.ID) discord.CommandSync { return discord.SyncChanged }, discord.NewRouter(), 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var guild discord.ID
				s := discordtest.Config{Setup: func(g *discord.Gateway) { g.Commands = tt.how(guild) }}.New(t)
				guild = s.Home.ID
				s.Start(tt.r)
				for where, want := range map[discord.ID]int{0: tt.anywhere, guild: tt.inGuild} {
					if defs, err := s.Client().Commands(t.Context(), where); err != nil || len(defs) != want {
						t.Errorf("%v: %d, %v", where, len(defs), err)
					}
				}
				if tt.anywhere+tt.inGuild == 0 && len(s.Calls("GET /applications/*/commands")) > 1 {
					t.Error("the commands were asked for")
				}
			})
		})
	}
	for how, want := range map[discord.CommandSync]string{discord.SyncChanged: "everywhere", discord.SyncNone: "nowhere", discord.SyncGuild(7 << 22): "guild 29360128"} {
		if got := how.String(); got != want {
			t.Error(got)
		}
	}
}

// TestSyncFails: a transient failure is retried; a refusal ends Run with the
// remedy.
func TestSyncFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := discordtest.New(t)
		s.Fail(discordtest.Fault{Call: "PUT /applications/*/commands", Times: 7, Status: 503})
		s.Start(fullRouter(nil))
		if defs, err := s.Client().Commands(t.Context(), 0); err != nil || len(defs) != 6 {
			t.Errorf("%d, %v", len(defs), err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := discordtest.New(t)
		s.Fail(discordtest.Fault{Call: "PUT /applications/*/commands", Status: 400})
		err := (&discord.Gateway{Client: s.Client(), Handler: fullRouter(nil)}).Run(t.Context())
		var wrong *discord.ConfigError
		var refused *discord.Error
		if !errors.As(err, &wrong) || wrong.Field != "Gateway.Commands" || !errors.As(err, &refused) || !strings.Contains(err.Error(), "set Gateway.Commands to SyncNone") {
			t.Error(err)
		}
	})
}

// TestSyncNothing: without commands on both sides, nothing is registered.
func TestSyncNothing(t *testing.T) {
	for _, defs := range [][]discord.CommandDef{nil, {}} {
		api := newAPI(t, inTurn(ok(`{"id":"5"}`), ok(`[]`)))
		if changed, err := api.client.SyncCommands(t.Context(), defs, discord.SyncChanged); err != nil || changed || len(api.calls()) != 2 {
			t.Error(changed, err, api.calls())
		}
	}
}

// TestSyncEntry: the command that Discord makes for activities stays.
func TestSyncEntry(t *testing.T) {
	api := newAPI(t, inTurn(ok(`{"id":"5"}`), ok(`[{"id":"7","type":4,"name":"launch","description":"","handler":2}]`), ok(`[]`)))
	changed, err := api.client.SyncCommands(context.Background(), []discord.CommandDef{{Name: "a", Description: "d"}}, discord.SyncChanged)
	if err != nil || !changed {
		t.Fatal(changed, err)
	}
	calls := api.calls()
	if want := `[{"name":"a","description":"d"},{"id":"7","type":4,"name":"launch","description":"","handler":2}]`; calls[2].Body != want || calls[1].Line != "GET /api/applications/5/commands?with_localizations=true" {
		t.Errorf("%s %s", calls[1].Line, calls[2].Body)
	}
}

// TestLocal: translations that Discord would refuse are errors that name the place.
func TestLocal(t *testing.T) {
	for _, tt := range []struct{ text, is, want string }{
		{"ban", "Бан!", `discord: the slash command /ban: in ru, the name "Бан!" has characters other than letters, digits, -, _ and ': change the translation in Local`},
		{"user", "Имя", `discord: the slash command /ban, option user: in ru, the name "Имя" is not in lower case: change the translation in Local`},
		{"Ban somebody.", strings.Repeat("я", 101), `discord: the slash command /ban: in ru, the description has 101 characters, and Discord takes 1 to 100: change the translation in Local`},
		{"reason", "участник", `its name in ru is "участник", as that of user: translate them apart in Local`},
		{"del", "добавить", `its name in ru is "добавить", as that of add: translate them apart in Local`},
		{"S", "", `the choice "" has 0 characters`},
		{"M", "малый", `, choice M: its name in ru is "малый", as that of S: translate them apart in Local`},
		{"Quote", strings.Repeat("я", 33), `in ru, the name "` + strings.Repeat("я", 33) + `" has 33 characters, and Discord takes 1 to 32`},
		{"slash", "бан", `discord: the slash command /slash: its name in ru is "бан", as that of ban: translate them apart in Local`},
	} {
		r := fullRouter(func(r *discord.Router) { r.Local("ru", map[string]string{"add": "добавить", tt.text: tt.is}) })
		_, err := r.Commands()
		var wrong *discord.SlashError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.text, err)
		}
	}
	large := discord.NewRouter() // fits in English
	words := make(map[string]string)
	for i := range 25 {
		for j := range 4 {
			about := fmt.Sprint("about ", i, " ", j)
			words[about] = strings.Repeat("я", 90)
			large.Add(discord.Route{Pattern: fmt.Sprintf("large g%d s%d", i, j), Doc: about, Handler: silent})
		}
	}
	if _, err := large.Commands(); err != nil {
		t.Error(err)
	}
	large.Local("ru", words)
	if _, err := large.Commands(); err == nil || !strings.Contains(err.Error(), " characters together, and Discord takes 8000: shorten the translations in Local") {
		t.Error(err)
	}
	defer func() {
		if v := fmt.Sprint(recover()); !strings.Contains(v, `Discord has no locale "en": take one of`) {
			t.Error(v)
		}
	}()
	discord.NewRouter().Local("en", nil)
}
